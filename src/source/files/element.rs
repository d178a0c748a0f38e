//! One whole value of a file: a post, a post in a tool's envelope, or an answer that holds posts.

use jiff::Timestamp;

use super::answer::{self, Base};
use super::error::FileError;
use super::found::Rejected;
use super::session::{At, SIDECAR, Session, Stop};
use crate::json::{Fields, Value, Walk, Wanted, without_key};
use crate::model::Format;

/// Answers inside answers deeper than this are nobody's format.
const DEPTH: u8 = 3;

/// What kind of object stands here, by its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// Zeeschuimer: `data` is the item.
    Zeeschuimer,
    /// 4CAT: an item with `__import_meta`.
    FourCat,
    /// cotag's own: a record with `_cotag`.
    Own,
    /// A list of posts inside, or a page's state.
    Answer,
    /// An item of a search answer or of a listing.
    Result,
    Other,
}

impl Shape {
    fn of(fields: &Fields<'_>) -> Self {
        static KEYS: Wanted<11> = Wanted::new([
            "source_platform",
            "__import_meta",
            "_cotag",
            "data",
            "item",
            "type",
            "id",
            "aweme_id",
            "video_id",
            "ItemModule",
            "__DEFAULT_SCOPE__",
        ]);
        let [
            platform,
            four_cat,
            own,
            data,
            item,
            kind,
            id,
            aweme_id,
            video_id,
            module,
            scope,
        ] = fields.pick(&KEYS);
        match (four_cat, own) {
            (None, None) => {}
            (Some(_), None) => return Self::FourCat,
            (None, Some(_)) => return Self::Own,
            // The first of them counts.
            (Some(_), Some(_)) => {
                let mut keys = fields.iter().map(|(key, _)| key);
                return match keys.find(|key| matches!(*key, "__import_meta" | "_cotag")) {
                    Some("_cotag") => Self::Own,
                    _ => Self::FourCat,
                };
            }
        }
        let starts = |value: Option<Value<'_>>, with: &[u8]| {
            value
                .and_then(Value::first_byte)
                .is_some_and(|byte| with.contains(&byte))
        };
        let (data, item) = (starts(data, b"{["), starts(item, b"{"));
        let (platform, kind) = (platform.is_some(), kind.is_some());
        let id = [id, aweme_id, video_id].iter().any(Option::is_some);
        // Fewer values are lists than keys have the length of one of these.
        let is_answer = module.is_some()
            || scope.is_some()
            || fields
                .iter()
                .any(|(key, value)| value.first_byte() == Some(b'[') && answer::is_list(key));
        let shape = if is_answer { Self::Answer } else { Self::Other };
        match shape {
            _ if platform && data => Self::Zeeschuimer,
            Self::Other if item && kind => Self::Result,
            Self::Other if data && !id => Self::Answer,
            shape => shape,
        }
    }
}

impl Session<'_> {
    /// Reads one value; false if it is not JSON.
    pub(super) fn element(&mut self, record: &[u8], at: At) -> Result<bool, Stop> {
        // Most records are fit for storing as they are.
        if let Ok(text) = simdutf8::basic::from_utf8(record)
            && text.starts_with('{')
            && let Some(fields) = Fields::parse_clean(text)
        {
            return self.object(&fields, text, at).map(|()| true);
        }
        let text = self.prepare(record);
        match text.as_bytes().first() {
            Some(b'{') => {}
            Some(b'[') => return self.listing(&text, at),
            _ => {
                let reason = "not a JSON object";
                self.reject_unknown(Rejected::new(at.place, reason, text.as_bytes()))?;
                return Ok(serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok());
            }
        }
        match Fields::parse(&text) {
            Ok(fields) => self.object(&fields, &text, at).map(|()| true),
            Err(error) if error.is_eof() && at.is_last => {
                let reason = "the file ends inside this record";
                self.reject(Rejected::new(at.place, reason, text.as_bytes()))
                    .map(|()| true)
            }
            Err(error) => {
                let rejected =
                    Rejected::new(at.place, format!("not JSON: {error}"), text.as_bytes());
                self.reject_unknown(rejected).map(|()| false)
            }
        }
    }

    fn object(&mut self, fields: &Fields<'_>, text: &str, at: At) -> Result<(), Stop> {
        match Shape::of(fields) {
            Shape::Zeeschuimer => self.zeeschuimer(fields, text, at),
            Shape::FourCat => self.four_cat(fields, text, at),
            Shape::Own => self.own(fields, text, at),
            Shape::Answer => self.answer(text, at),
            Shape::Result => self.result(fields, text, at),
            Shape::Other => match self.recognise(fields) {
                Ok(Some(format)) => {
                    self.name_sidecar(format, fields);
                    let fetched = at.fetched.or_else(|| own_time(format, fields));
                    self.post(format, fields, text, At { fetched, ..at })
                }
                Ok(None) if at.depth == 0 => self.answer(text, at),
                Ok(None) => self.unknown(fields, text, at),
                Err(why) => self.refuse(why, at, text.as_bytes()),
            },
        }
    }

    fn recognise(&mut self, fields: &Fields<'_>) -> Result<Option<Format>, FileError> {
        let told = self.recogniser.recognise(fields);
        self.format(told)
    }

    /// A record whose format is known only from its own fields.
    fn bare(&mut self, text: &str, at: At) -> Result<(), Stop> {
        match Fields::parse(text) {
            Ok(fields) => match self.recognise(&fields) {
                Ok(Some(format)) => self.post(format, &fields, text, at),
                Ok(None) => self.unknown(&fields, text, at),
                Err(why) => self.refuse(why, at, text.as_bytes()),
            },
            Err(error) => {
                let reason = format!("not a JSON object: {error}");
                self.reject(Rejected::new(at.place, reason, text.as_bytes()))
            }
        }
    }

    fn zeeschuimer(&mut self, fields: &Fields<'_>, text: &str, at: At) -> Result<(), Stop> {
        if let Some(why) = foreign(fields) {
            return self.refuse(why, at, text.as_bytes());
        }
        self.name_kind("Zeeschuimer NDJSON");
        let fetched = collected(fields);
        match fields.get("data") {
            Some(data) => self.bare(data.as_json(), At { fetched, ..at }),
            None => self.reject(Rejected::new(at.place, "no item inside", text.as_bytes())),
        }
    }

    fn four_cat(&mut self, fields: &Fields<'_>, text: &str, at: At) -> Result<(), Stop> {
        let envelope = fields.object("__import_meta");
        if let Some(why) = foreign(&envelope) {
            return self.refuse(why, at, text.as_bytes());
        }
        self.name_kind("4CAT NDJSON");
        let fetched = collected(&envelope);
        self.bare(&without_key(text, "__import_meta"), At { fetched, ..at })
    }

    fn own(&mut self, fields: &Fields<'_>, text: &str, at: At) -> Result<(), Stop> {
        self.name_kind("cotag posts");
        let envelope = fields.object("_cotag");
        let fetched = envelope.text("fetched").and_then(|text| text.parse().ok());
        let named: Option<Format> = envelope.text("format").and_then(|name| name.parse().ok());
        let raw = without_key(text, "_cotag");
        // Made-up posts must stay marked as such, whatever program laid them out anew.
        let origin = envelope.text("origin").and_then(|name| name.parse().ok());
        let at = At {
            fetched,
            origin,
            ..at
        };
        match (
            named.map(|named| self.format(Some(named))),
            Fields::parse(&raw),
        ) {
            (Some(Ok(Some(format))), Ok(fields)) => self.post(format, &fields, &raw, at),
            (Some(Err(why)), _) => self.refuse(why, at, raw.as_bytes()),
            _ => self.bare(&raw, at),
        }
    }

    /// An object that holds posts somewhere inside, or none that is known.
    fn answer(&mut self, text: &str, at: At) -> Result<(), Stop> {
        if at.depth >= DEPTH {
            let reason = "answers nested too deep";
            return self.reject_unknown(Rejected::new(at.place, reason, text.as_bytes()));
        }
        let mut walk = Walk::new(text.as_bytes());
        let answer = answer::read(self, &mut walk, Base::inside(at))?;
        answer::settle(self, answer, at, text.as_bytes())
    }

    /// `{"type": 1, "item": {…}}`
    fn result(&mut self, fields: &Fields<'_>, text: &str, at: At) -> Result<(), Stop> {
        match (fields.literal("type").as_deref(), fields.get("item")) {
            (Some("1"), Some(item)) => self.bare(item.as_json(), at),
            (Some(_), _) => {
                self.notes.other_results += 1;
                Ok(())
            }
            _ => self.unknown(fields, text, at),
        }
    }

    pub(super) fn unknown(&mut self, fields: &Fields<'_>, text: &str, at: At) -> Result<(), Stop> {
        if is_error(fields) {
            self.notes.error_rows += 1;
            return Ok(());
        }
        if fields.has("type") && !fields.has("id") && !fields.has("desc") && at.depth > 0 {
            self.notes.other_results += 1;
            return Ok(());
        }
        let keys: Vec<&str> = fields.iter().map(|(key, _)| key).take(8).collect();
        let reason = format!("no post of a known format; its keys are {keys:?}");
        self.reject_unknown(Rejected::new(at.place, reason, text.as_bytes()))
    }

    /// An array where a record should stand: a gallery-dl triple `[3, url, item]`, or a list of posts.
    fn listing(&mut self, text: &str, at: At) -> Result<bool, Stop> {
        if serde_json::from_str::<serde::de::IgnoredAny>(text).is_err() {
            let rejected = Rejected::new(at.place, "not JSON", text.as_bytes());
            return self.reject_unknown(rejected).map(|()| false);
        }
        let number = text[1..]
            .trim_start()
            .starts_with(|c: char| c == '-' || c.is_ascii_digit());
        if number {
            self.triple(text, at)?;
        } else if at.depth < DEPTH {
            answer::list(self, &mut Walk::new(text.as_bytes()), Base::inside(at))?;
        } else {
            let rejected = Rejected::new(at.place, "lists nested too deep", text.as_bytes());
            self.reject_unknown(rejected)?;
        }
        Ok(true)
    }

    fn triple(&mut self, text: &str, at: At) -> Result<(), Stop> {
        let members: Vec<&serde_json::value::RawValue> =
            serde_json::from_str(text).unwrap_or_default();
        let parts: Vec<&str> = members.iter().map(|member| member.get()).collect();
        match parts.as_slice() {
            ["3", _, item] => {
                self.name_kind("gallery-dl listing");
                self.bare(item, at)
            }
            // Directories and queued links.
            ["2" | "6", ..] => {
                self.notes.listing_entries += 1;
                Ok(())
            }
            ["-1", ..] => {
                self.notes.error_rows += 1;
                Ok(())
            }
            _ => {
                let reason = "not a record but a list";
                self.reject_unknown(Rejected::new(at.place, reason, text.as_bytes()))
            }
        }
    }

    fn name_sidecar(&mut self, format: Format, fields: &Fields<'_>) {
        if self.posts == 0
            && format == Format::Web
            && fields.text("category").as_deref() == Some("tiktok")
        {
            self.name_kind(SIDECAR);
        }
    }
}

/// Why an envelope of Zeeschuimer's is refused; `None` for TikTok's posts.
fn foreign(envelope: &Fields<'_>) -> Option<FileError> {
    match envelope.text("source_platform")?.as_ref() {
        "tiktok.com" => None,
        "tiktok-comments" => Some(FileError::Comments),
        platform => Some(FileError::OtherPlatform {
            platform: super::found::excerpt(platform.as_bytes()),
        }),
    }
}

/// When Zeeschuimer saw the item.
fn collected(envelope: &Fields<'_>) -> Option<Timestamp> {
    let milliseconds = envelope.count("timestamp_collected")?;
    Timestamp::from_millisecond(i64::try_from(milliseconds).ok()?).ok()
}

/// When the tool wrote the record, by the record itself: yt-dlp's `epoch`.
fn own_time(format: Format, fields: &Fields<'_>) -> Option<Timestamp> {
    if format != Format::YtDlp {
        return None;
    }
    let seconds = fields.count("epoch")?;
    Timestamp::from_second(i64::try_from(seconds).ok()?).ok()
}

fn is_error(fields: &Fields<'_>) -> bool {
    let filled = |value: Value<'_>| value.as_json() != "\"\"";
    fields.get("error").is_some_and(filled) || fields.get("errorCode").is_some_and(filled)
}
