//! An object that holds posts somewhere inside, walked key by key, of any size: TikTok's answers,
//! page states, Research API bodies, and the wrappers that tools and people put around lists.

use std::io::Read;

use jiff::Timestamp;
use memchr::memchr;

use super::error::FileError;
use super::found::{LOOKED_AT, Place, Rejected, excerpt};
use super::har;
use super::session::{At, Failure, Session, Stop};
use crate::json::{Fields, Kind, Walk, WalkError};

/// Whether posts may be listed under the key.
pub(super) fn is_list(key: &str) -> bool {
    // Asked for every key of every record: a match compares lengths first.
    matches!(
        key,
        "itemList" | "item_list" | "aweme_list" | "collector" | "videos" | "entries"
    )
}

/// What surrounds the items of a container.
#[derive(Clone, Copy)]
pub(super) struct Base {
    /// Where the container stands; `None` for the file itself.
    pub(super) place: Option<Place>,
    pub(super) fetched: Option<Timestamp>,
    pub(super) depth: u8,
}

impl Base {
    /// The surroundings of what a record holds inside.
    pub(super) fn inside(at: At) -> Self {
        Self {
            place: Some(at.place),
            fetched: at.fetched,
            depth: at.depth + 1,
        }
    }

    /// Where the numbered item of the container stands.
    pub(super) fn at(&self, number: u64, byte: u64) -> At {
        At {
            fetched: self.fetched,
            depth: self.depth,
            ..At::new(match self.place {
                Some(place) => place.item(number),
                None => Place::record(number, byte),
            })
        }
    }
}

/// What an answer turned out to hold.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// TikTok's status, if it is not the one for success.
    status: Option<String>,
    /// Items met, readable or not.
    items: u64,
    /// What its keys say that it is.
    meaning: Meaning,
    keys: Vec<String>,
    /// The walk came to the end of the object.
    pub(super) complete: bool,
    /// It is larger than a record may be.
    pub(super) large: bool,
}

/// What an answer's keys say that it is, the surer the later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Meaning {
    #[default]
    Unknown,
    /// A list of posts was there, be it empty.
    Listed,
    PageState,
    /// A hashtag's details.
    Challenge,
    /// The seed tool's list of ids.
    Ids,
    Comments,
}

impl Answer {
    fn means(&mut self, meaning: Meaning) {
        self.meaning = self.meaning.max(meaning);
    }
}

/// Reads the object that stands next.
pub(super) fn read<R: Read>(
    session: &mut Session<'_>,
    walk: &mut Walk<R>,
    base: Base,
) -> Result<Answer, Stop> {
    let mut answer = Answer::default();
    let start = walk.offset();
    answer.complete = match members(session, walk, base, &mut answer, 0) {
        Ok(complete) => complete,
        Err(Failure::Stop(stop)) => return Err(stop),
        Err(Failure::Walk(error)) => {
            answer.items += 1;
            let record = walk
                .look_ahead(1000)
                .map(<[u8]>::to_vec)
                .unwrap_or_default();
            session.reject_walk(error, base.at(answer.items, start), &record, true)?;
            false
        }
    };
    Ok(answer)
}

/// Reads an object's members; false where the walk cannot go on behind them.
fn members<R: Read>(
    session: &mut Session<'_>,
    walk: &mut Walk<R>,
    mut base: Base,
    answer: &mut Answer,
    level: u8,
) -> Result<bool, Failure> {
    walk.enter()?;
    while let Some(key) = walk.next_key()? {
        let kind = walk.peek()?;
        if level == 0 && answer.keys.len() < 12 {
            answer.keys.push(key.clone());
        }
        let goes_on = match (key.as_str(), kind) {
            ("log", Some(Kind::Object)) if level == 0 && base.place.is_none() => {
                answer.means(Meaning::Listed);
                har::log(session, walk, &mut answer.items)?
            }
            ("data", Some(Kind::Object)) if level == 0 => members(session, walk, base, answer, 1)?,
            ("data", Some(Kind::Array)) => {
                session.name_kind("tiktok.com search answer");
                posts(session, walk, base, answer)?
            }
            ("ItemModule", Some(Kind::Object)) => modules(session, walk, base, answer)?,
            (list, Some(Kind::Array)) if is_list(list) => {
                name(session, list, level);
                posts(session, walk, base, answer)?
            }
            ("__DEFAULT_SCOPE__" | "props", Some(Kind::Object)) => {
                let byte = walk.offset();
                let state = walk.capture()?.to_vec();
                page_state(session, &state, base, byte, answer)?
            }
            (_, Some(Kind::Object)) if key == "error" && level == 0 => {
                research_error(answer, walk.capture()?);
                true
            }
            ("collected_at", Some(Kind::String)) => {
                base.fetched = time(walk.capture()?).or(base.fetched);
                true
            }
            ("statusCode" | "status_code", _) => {
                let status = literal(walk.capture()?);
                if status != "0" && status != "null" && !status.is_empty() {
                    answer.status = Some(status);
                }
                true
            }
            _ => {
                remark(walk, &key, kind, answer)?;
                walk.skip()?;
                true
            }
        };
        if !goes_on {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Notes what tells one kind of file without posts from another.
fn remark<R: Read>(
    walk: &mut Walk<R>,
    key: &str,
    kind: Option<Kind>,
    answer: &mut Answer,
) -> Result<(), WalkError> {
    match key {
        _ if is_list(key) => answer.means(Meaning::Listed),
        "comments" if kind == Some(Kind::Array) => answer.means(Meaning::Comments),
        "challengeInfo" => answer.means(Meaning::Challenge),
        "AppContext" | "SEOState" => answer.means(Meaning::PageState),
        _ if answer.keys.len() == 1 && kind == Some(Kind::Array) => {
            let start = walk.look_ahead(64)?;
            let first = start[1..].trim_ascii_start();
            if first.len() > 16 && first[0] == b'"' && first[1..16].iter().all(u8::is_ascii_digit) {
                answer.means(Meaning::Ids);
            }
        }
        _ => {}
    }
    Ok(())
}

fn name(session: &mut Session<'_>, list: &str, level: u8) {
    match list {
        "itemList" => session.name_kind("tiktok.com answer"),
        "item_list" => session.name_kind("tiktok.com search answer"),
        "aweme_list" => session.name_kind("TikTok app API answer"),
        "collector" => session.name_kind("tiktok-scraper result"),
        "videos" if level > 0 => session.name_kind("Research API answer"),
        "videos" => session.name_kind("yt-dlp fields in a wrapper"),
        "entries" => session.name_kind("yt-dlp playlist"),
        _ => {}
    }
}

fn posts<R: Read>(
    session: &mut Session<'_>,
    walk: &mut Walk<R>,
    base: Base,
    answer: &mut Answer,
) -> Result<bool, Stop> {
    answer.means(Meaning::Listed);
    let count = list(session, walk, base)?;
    answer.items += count.items;
    Ok(count.complete)
}

/// What came of a list.
pub(super) struct Listed {
    pub(super) items: u64,
    /// The walk stands behind the list.
    pub(super) complete: bool,
}

/// Reads the items of the array that stands next.
pub(super) fn list<R: Read>(
    session: &mut Session<'_>,
    walk: &mut Walk<R>,
    base: Base,
) -> Result<Listed, Stop> {
    let listed = each_item(session, walk, base);
    // A list inside a record is read in that record's turn.
    if base.place.is_none() {
        session.catch_up()?;
    }
    listed
}

fn each_item<R: Read>(
    session: &mut Session<'_>,
    walk: &mut Walk<R>,
    base: Base,
) -> Result<Listed, Stop> {
    let mut items = 0;
    if let Err(error) = walk.enter() {
        session.reject_walk(error, base.at(1, walk.offset()), b"", true)?;
        return Ok(Listed {
            items,
            complete: false,
        });
    }
    loop {
        let next = walk.next_item();
        if matches!(next, Ok(false)) {
            return Ok(Listed {
                items,
                complete: true,
            });
        }
        items += 1;
        let at = base.at(items, walk.offset());
        let record = next.and_then(|_| {
            walk.peek()?;
            Ok(walk.offset())
        });
        let failed = match record {
            Ok(byte) => {
                let at = base.at(items, byte);
                match walk.capture() {
                    // Where to go on behind a record on one line does not depend on its being JSON.
                    Ok(record) if base.place.is_none() && memchr(b'\n', record).is_none() => {
                        session.read_ahead(record, at)?;
                        continue;
                    }
                    Ok(record) => {
                        if base.place.is_none() {
                            session.catch_up()?;
                        }
                        if session.element(record, at)? {
                            continue;
                        }
                        None
                    }
                    Err(error) => Some((error, at)),
                }
            }
            Err(error) => Some((error, at)),
        };
        if base.place.is_none() {
            session.catch_up()?;
        }
        let shown = match &failed {
            // All that is in memory may be the rest of the file.
            Some(_) => walk
                .look_ahead(LOOKED_AT)
                .map(|ahead| ahead[..ahead.len().min(LOOKED_AT)].to_vec())
                .unwrap_or_default(),
            None => Vec::new(),
        };
        let resumed = match walk.resume() {
            Ok(resumed) => resumed,
            Err(WalkError::Io(error)) => return Err(error.into()),
            Err(_) => false,
        };
        if let Some((error, at)) = failed {
            session.reject_walk(error, at, &shown, !resumed)?;
        }
        if !resumed {
            return Ok(Listed {
                items,
                complete: false,
            });
        }
    }
}

/// `ItemModule` of `SIGI_STATE`: an object of items by id.
fn modules<R: Read>(
    session: &mut Session<'_>,
    walk: &mut Walk<R>,
    base: Base,
    answer: &mut Answer,
) -> Result<bool, Failure> {
    session.name_kind("TikTok page state");
    answer.means(Meaning::Listed);
    walk.enter()?;
    while walk.next_key()?.is_some() {
        walk.peek()?;
        answer.items += 1;
        let at = base.at(answer.items, walk.offset());
        session.element(walk.capture()?, at)?;
    }
    Ok(true)
}

/// `__DEFAULT_SCOPE__` and `__NEXT_DATA__`'s `props`: one post, or a few updated ones.
fn page_state(
    session: &mut Session<'_>,
    state: &[u8],
    base: Base,
    byte: u64,
    answer: &mut Answer,
) -> Result<bool, Stop> {
    session.name_kind("TikTok page state");
    answer.means(Meaning::PageState);
    let text = session.prepare(state);
    let fields = match Fields::parse(&text) {
        Ok(fields) => fields,
        Err(error) => {
            answer.items += 1;
            let place = base.at(answer.items, byte).place;
            let reason = format!("not JSON: {error}");
            session.reject(Rejected::new(place, reason, text.as_bytes()))?;
            return Ok(true);
        }
    };
    let mut items = Vec::new();
    for detail in [
        fields.object("webapp.video-detail"),
        fields.object("pageProps"),
    ] {
        items.extend(detail.object("itemInfo").get("itemStruct"));
        if let Some(status) = detail.literal("statusCode").filter(|status| status != "0") {
            answer.status = Some(status.into_owned());
        }
    }
    items.extend(fields.array("webapp.updated-items"));
    for item in items {
        answer.items += 1;
        session.element(item.as_json().as_bytes(), base.at(answer.items, byte))?;
    }
    Ok(true)
}

/// `"error": {"code": "ok"}` of a Research API body.
fn research_error(answer: &mut Answer, error: &[u8]) {
    let text = String::from_utf8_lossy(error);
    if let Ok(fields) = Fields::parse(&text)
        && let Some(code) = fields.literal("code")
        && code != "ok"
    {
        answer.status = Some(excerpt(code.as_bytes()));
    }
}

fn time(value: &[u8]) -> Option<Timestamp> {
    literal(value).parse().ok()
}

/// A string's inside or a number's digits, shortened: for statuses and times only.
fn literal(value: &[u8]) -> String {
    excerpt(value).trim_matches('"').to_owned()
}

/// Judges an answer that held no items.
pub(super) fn settle(
    session: &mut Session<'_>,
    answer: Answer,
    at: At,
    record: &[u8],
) -> Result<(), Stop> {
    let has = |key: &str| answer.keys.iter().any(|found| found == key);
    if answer.items > 0 || !answer.complete {
        return Ok(());
    }
    if let Some(status) = answer.status {
        session.notes.blocked_answers += 1;
        session.doubt = Some(FileError::Blocked { status });
        return Ok(());
    }
    let is_personal = has("Activity") || has("Ads and data") || (has("Profile") && has("Video"));
    let seen = match answer.meaning {
        Meaning::Comments => return session.refuse(FileError::Comments, at, record),
        Meaning::Ids => return session.refuse(FileError::IdList, at, record),
        _ if is_personal => return session.refuse(FileError::PersonalExport, at, record),
        Meaning::Challenge => "the details of a hashtag".to_owned(),
        Meaning::PageState => "a page without posts in its data".to_owned(),
        Meaning::Unknown if !has("statusCode") && !has("status_code") => {
            let text = String::from_utf8_lossy(record);
            if let Ok(fields) = Fields::parse(&text) {
                return session.unknown(&fields, &text, at);
            }
            let what = if answer.large {
                "larger than 64 MiB, which no post is, and no list of posts"
            } else {
                "no post of a known format"
            };
            let reason = format!("{what}; its keys are {:?}", answer.keys);
            return session.reject_unknown(Rejected::new(at.place, reason, record));
        }
        Meaning::Unknown | Meaning::Listed => {
            let keys = answer.keys.join(", ");
            format!(
                "an answer without posts (its keys: {})",
                excerpt(keys.as_bytes())
            )
        }
    };
    session.notes.empty_answers += 1;
    session.doubt.get_or_insert(FileError::NoPosts { seen });
    Ok(())
}
