//! Which font has which character: the bundled ones first, the system's only for what they lack.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use harfrust::{Direction, ShapeOptions, ShaperData, UnicodeBuffer};
use resvg::usvg::fontdb::{Database, FaceInfo, ID, Source, Stretch, Style};
use skrifa::charmap::MappingIndex;
use skrifa::raw::TableProvider;
use skrifa::{FontRef, Tag};
use unicode_script::{Script, UnicodeScript};

use super::clean::is_ignorable;

macro_rules! bundled {
    ($($file:literal),* $(,)?) => {
        [$(include_bytes!(concat!("../../../assets/fonts/", $file)).as_slice()),*]
    };
}

/// In the order in which they are asked for a character; the emoji font's place is [`EMOJI`].
const BUNDLED: [&[u8]; 9] = bundled![
    "NotoSans-Regular.ttf",
    "NotoSans-Bold.ttf",
    "NotoSansHebrew-Regular.ttf",
    "NotoSansArabic-Regular.ttf",
    "NotoSansDevanagari-Regular.ttf",
    "NotoSansThai-Regular.ttf",
    "NotoSansJP-Kana-Regular.ttf",
    "NotoSansMath-Regular.ttf",
    "NotoEmoji-Regular.ttf",
];
const BOLD: usize = 1;
const EMOJI: usize = 8;

/// Families that have letters nobody wants to see.
const UNWANTED: [&str; 4] = ["lastresort", "adobe blank", "adobenotdef", "unifont"];
/// Well-drawn sans serif faces for what is not bundled; the first that is installed and has the character wins.
const PREFERRED: [&str; 17] = [
    "noto sans cjk",
    "source han sans",
    "hiragino sans",
    "hiragino kaku",
    "yu gothic",
    "meiryo",
    "pingfang",
    "microsoft yahei",
    "microsoft jhenghei",
    "apple sd gothic",
    "malgun gothic",
    "noto sans",
    "segoe ui",
    "nirmala",
    "leelawadee",
    "arial unicode",
    "dejavu sans",
];

/// The fonts that a picture may use.
///
/// The bundled ones cover Latin, Greek, Cyrillic, Hebrew, Arabic, Devanagari, Thai, kana, symbols and emoji.
/// The system's are looked up once, and only when a character asks for them.
pub struct Fonts {
    bundled: Vec<BundledFace>,
    database: Arc<Database>,
    with_system: bool,
    system: OnceLock<System>,
}

/// A font face, and the family names that find it: unique in a picture, and known to other programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Face {
    pub(super) id: ID,
    pub(super) family: String,
    pub(super) bold: bool,
}

/// What a text becomes in one face.
pub(super) struct Shaped {
    /// In ems.
    pub(super) advance: f64,
    /// Byte offsets of the characters that have no glyph.
    pub(super) missing: Vec<usize>,
}

struct BundledFace {
    face: Face,
    font: FontRef<'static>,
    characters: MappingIndex,
    shaper: OnceLock<ShaperData>,
}

struct System {
    database: Arc<Database>,
    /// Best first, by rules that do not depend on the order in which the system lists its files.
    ranked: Vec<ID>,
    chosen: Mutex<HashMap<(char, bool), Option<Face>>>,
}

impl Fonts {
    /// The bundled fonts, and with `system` also the installed ones, which make a picture depend on the machine
    /// where the bundled ones lack a character.
    pub fn new(system: bool) -> Self {
        let mut database = Database::new();
        let mut bundled = Vec::with_capacity(BUNDLED.len());
        for (place, data) in BUNDLED.into_iter().enumerate() {
            let ids = database.load_font_source(Source::Binary(Arc::new(data)));
            let (Some(&id), Ok(font)) = (ids.first(), FontRef::new(data)) else {
                continue;
            };
            let family = database.face(id).map(family_of).unwrap_or_default();
            bundled.push(BundledFace {
                face: Face {
                    id,
                    family,
                    bold: place == BOLD,
                },
                characters: MappingIndex::new(&font),
                font,
                shaper: OnceLock::new(),
            });
        }
        Self {
            bundled,
            database: Arc::new(database),
            with_system: system,
            system: OnceLock::new(),
        }
    }

    /// Everything that was needed so far.
    pub(super) fn database(&self) -> Arc<Database> {
        let loaded = self.system.get().map(|system| &system.database);
        Arc::clone(loaded.unwrap_or(&self.database))
    }

    /// The face that has all of a grapheme. `japanese` settles whose form of an ideograph is meant.
    pub(super) fn face(&self, grapheme: &str, bold: bool, japanese: bool) -> Option<Face> {
        let emoji = self.bundled.get(EMOJI).filter(|_| wants_emoji(grapheme));
        let heavy = self.bundled.get(BOLD).filter(|_| bold);
        let rest = self.bundled.iter().filter(|face| !face.face.bold);
        if let Some(found) = emoji
            .into_iter()
            .chain(heavy)
            .chain(rest)
            .find(|face| face.has(grapheme))
        {
            return Some(found.face.clone());
        }
        if !self.with_system {
            return None;
        }
        let system = self.system.get_or_init(|| System::load(&self.database));
        let first = grapheme.chars().find(|&c| !is_ignorable(c))?;
        let face = system.choose(first, japanese)?;
        let all = grapheme
            .chars()
            .all(|c| is_ignorable(c) || system.has(face.id, c));
        let clashes = self
            .bundled
            .iter()
            .any(|bundled| bundled.face.family == face.family);
        all.then(|| system.named(face, clashes))
    }

    /// Whether a face has all of a grapheme.
    pub(super) fn covers(&self, face: &Face, grapheme: &str) -> bool {
        if let Some(bundled) = self.bundled.iter().find(|other| other.face.id == face.id) {
            return bundled.has(grapheme);
        }
        self.system.get().is_some_and(|system| {
            grapheme
                .chars()
                .all(|c| is_ignorable(c) || system.has(face.id, c))
        })
    }

    /// Shapes a text of one script and direction.
    pub(super) fn shape(&self, face: &Face, text: &str, right_to_left: bool) -> Shaped {
        if let Some(bundled) = self.bundled.iter().find(|other| other.face.id == face.id) {
            let data = bundled
                .shaper
                .get_or_init(|| ShaperData::new(&bundled.font));
            return shape(&bundled.font, data, text, right_to_left);
        }
        self.database()
            .with_face_data(face.id, |data, index| {
                let font = FontRef::from_index(data, index).ok()?;
                Some(shape(&font, &ShaperData::new(&font), text, right_to_left))
            })
            .flatten()
            .unwrap_or(Shaped {
                advance: 0.0,
                missing: vec![0],
            })
    }
}

impl BundledFace {
    fn has(&self, grapheme: &str) -> bool {
        let map = self.characters.charmap(&self.font);
        grapheme
            .chars()
            .all(|c| is_ignorable(c) || map.map(c).is_some())
    }
}

impl System {
    fn load(bundled: &Database) -> Self {
        let mut database = bundled.clone();
        database.load_system_fonts();
        let mut faces: Vec<&FaceInfo> = database
            .faces()
            .filter(|face| bundled.face(face.id).is_none())
            .filter(|face| {
                let family = family_of(face).to_lowercase();
                !family.is_empty() && !UNWANTED.iter().any(|name| family.contains(name))
            })
            .collect();
        faces.sort_by_cached_key(|face| rank(face));
        let ranked = faces.into_iter().map(|face| face.id).collect();
        Self {
            database: Arc::new(database),
            ranked,
            chosen: Mutex::default(),
        }
    }

    /// The best face with a character, the same one whatever was asked before.
    fn choose(&self, c: char, japanese: bool) -> Option<Face> {
        let mut chosen = self.chosen.lock().unwrap_or_else(PoisonError::into_inner);
        chosen
            .entry((c, japanese))
            .or_insert_with(|| {
                let having = || {
                    self.ranked
                        .iter()
                        .filter(|&&id| self.has(id, c))
                        .filter_map(|&id| self.database.face(id))
                };
                let best = having().next()?;
                let fitting = having()
                    .take(12)
                    .find(|face| is_japanese(&family_of(face)) == japanese)
                    .filter(|_| c.script() == Script::Han)
                    .unwrap_or(best);
                Some(Face {
                    id: fitting.id,
                    family: family_of(fitting),
                    bold: false,
                })
            })
            .clone()
    }

    /// A face whose family is also bundled is named by its PostScript name, so that the two are not confused.
    fn named(&self, mut face: Face, clashes: bool) -> Face {
        if clashes && let Some(info) = self.database.face(face.id) {
            face.family.clone_from(&info.post_script_name);
        }
        face
    }

    /// Whether a face has an outline for a character; pictures of characters would be left out.
    fn has(&self, id: ID, c: char) -> bool {
        self.database
            .with_face_data(id, |data, index| {
                let font = FontRef::from_index(data, index).ok()?;
                let outlined = [b"glyf", b"CFF ", b"CFF2"]
                    .into_iter()
                    .any(|tag| font.table_data(Tag::new(tag)).is_some());
                let painted = [b"CBDT", b"sbix", b"COLR", b"SVG "]
                    .into_iter()
                    .any(|tag| font.table_data(Tag::new(tag)).is_some());
                let glyph = skrifa::charmap::Charmap::new(&font).map(c)?;
                Some(outlined && !painted && glyph.to_u32() != 0)
            })
            .flatten()
            .unwrap_or(false)
    }
}

fn shape(font: &FontRef<'_>, data: &ShaperData, text: &str, right_to_left: bool) -> Shaped {
    let mut buffer = UnicodeBuffer::new();
    buffer.push_str(text);
    buffer.set_direction(if right_to_left {
        Direction::RightToLeft
    } else {
        Direction::LeftToRight
    });
    buffer.guess_segment_properties();
    let shaper = data.shaper(font).build();
    let glyphs = shaper.shape(buffer, ShapeOptions::new());
    let em = font.head().map_or(1000, |head| head.units_per_em());
    let units: f64 = glyphs
        .glyph_positions()
        .iter()
        .map(|position| f64::from(position.x_advance))
        .sum();
    Shaped {
        advance: units / f64::from(em),
        missing: glyphs
            .glyph_infos()
            .iter()
            .filter(|glyph| glyph.glyph_id == 0)
            .filter_map(|glyph| usize::try_from(glyph.cluster).ok())
            .collect(),
    }
}

/// Whether people expect a picture for this grapheme: flags, keycaps, emoji, unless it asks for text.
fn wants_emoji(grapheme: &str) -> bool {
    use unicode_properties::UnicodeEmoji;
    use unicode_properties::emoji::EmojiStatus;

    if grapheme.contains('\u{fe0e}') {
        return false;
    }
    grapheme.contains(['\u{fe0f}', '\u{20e3}'])
        || grapheme.chars().next().is_some_and(|first| {
            unicode_properties::emoji::is_regional_indicator(first)
                || matches!(
                    first.emoji_status(),
                    EmojiStatus::EmojiPresentation
                        | EmojiStatus::EmojiPresentationAndModifierBase
                        | EmojiStatus::EmojiPresentationAndModifierAndEmojiComponent
                )
        })
}

/// A sort key: upright, regular, of a preferred family, plain sans serif, then by name.
fn rank(face: &FaceInfo) -> (bool, bool, u16, usize, bool, String, Reverse<String>, u32) {
    let family = family_of(face);
    let lower = family.to_lowercase();
    let preference = PREFERRED
        .iter()
        .position(|name| lower.starts_with(name))
        .unwrap_or(PREFERRED.len());
    let unlikely = ["serif", "mono", "condensed", "light", "ui"]
        .iter()
        .any(|word| lower.contains(word));
    (
        face.style != Style::Normal,
        face.stretch != Stretch::Normal,
        face.weight.0.abs_diff(400),
        preference,
        unlikely,
        lower,
        Reverse(face.post_script_name.clone()),
        face.index,
    )
}

fn is_japanese(family: &str) -> bool {
    [
        "CJK JP",
        "Hiragino",
        "Yu Gothic",
        "Meiryo",
        "Sans JP",
        "IPA",
        "MS Gothic",
    ]
    .iter()
    .any(|name| family.contains(name))
}

/// The English family name, which fontdb lists first.
fn family_of(face: &FaceInfo) -> String {
    face.families
        .first()
        .map(|(name, _)| name.clone())
        .unwrap_or_default()
}
