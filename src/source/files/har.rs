//! HAR recordings: every answer of TikTok's in them, one entry in memory at a time.
//!
//! Cookies and tokens stand in every entry: only the address, the time and the body are looked at.

use std::io::Read;
use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::answer::{self, Base};
use super::bytes::{Counted, unpacked};
use super::error::FileError;
use super::found::{Place, Rejected};
use super::page;
use super::session::{At, Failure, Session, Stop};
use crate::json::{Fields, Kind, VALUE_LIMIT, Walk, WalkError};

/// The paths of TikTok's lists of posts.
const PATHS: [&str; 3] = ["/item_list", "/search/general/full", "/search/item/full"];

/// Reads the `log` object that stands next; false where the walk cannot go on behind it.
pub(super) fn log<R: Read>(
    session: &mut Session<'_>,
    walk: &mut Walk<R>,
    items: &mut u64,
) -> Result<bool, Stop> {
    session.name_kind("HAR");
    let mut number = 0;
    match entries(session, walk, &mut number, items) {
        Ok(()) => Ok(true),
        Err(Failure::Stop(stop)) => Err(stop),
        Err(Failure::Walk(error)) => {
            *items += 1;
            let at = At::new(Place::entry(number.max(1)));
            session.reject_walk(error, at, b"", true)?;
            Ok(false)
        }
    }
}

fn entries<R: Read>(
    session: &mut Session<'_>,
    walk: &mut Walk<R>,
    number: &mut u64,
    items: &mut u64,
) -> Result<(), Failure> {
    walk.enter()?;
    while let Some(key) = walk.next_key()? {
        if key != "entries" || walk.peek()? != Some(Kind::Array) {
            walk.skip()?;
            continue;
        }
        walk.enter()?;
        loop {
            *number += 1;
            if !walk.next_item()? {
                break;
            }
            match walk.capture() {
                Ok(text) => *items += entry(session, text, *number)?,
                Err(WalkError::TooLarge { .. }) => {
                    session.notes.entries_too_large += 1;
                    if !walk.resume()? {
                        return Ok(());
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(())
}

/// Reads one entry; how many items it held.
fn entry(session: &mut Session<'_>, text: &[u8], number: u64) -> Result<u64, Stop> {
    let at = At::new(Place::entry(number));
    let text = String::from_utf8_lossy(text);
    let fields = match Fields::parse(&text) {
        Ok(fields) => fields,
        Err(error) => {
            let reason = format!("not JSON: {error}");
            session.reject(Rejected::new(at.place, reason, b""))?;
            return Ok(1);
        }
    };
    let request = fields.object("request");
    let response = fields.object("response");
    let content = response.object("content");
    let address = request.text("url").unwrap_or_default();
    let is_page = content
        .text("mimeType")
        .is_some_and(|kind| kind.contains("html"));
    let Some(path) = tiktok_path(&address) else {
        return Ok(0);
    };
    let is_list = path.starts_with("/api/") && PATHS.iter().any(|known| path.contains(known));
    if !(is_list || is_page)
        || request
            .text("method")
            .is_some_and(|method| method == "OPTIONS")
    {
        return Ok(0);
    }
    if path.starts_with("/api/preload/") {
        session.notes.preloaded += 1;
        return Ok(0);
    }
    let status = response.literal("status").unwrap_or_default();
    let at = At {
        fetched: fields
            .text("startedDateTime")
            .and_then(|time| time.parse().ok()),
        ..at
    };
    match content.text("text").as_deref().map(str::trim) {
        None if is_list => session.notes.without_body += 1,
        Some("") if is_list => {
            session.notes.blocked_answers += 1;
            let status = format!("{status}, empty body");
            session.doubt = Some(FileError::Blocked { status });
        }
        None | Some("") => {}
        Some(body) => {
            let encoded = content
                .text("encoding")
                .is_some_and(|name| name == "base64");
            return match decode(body, encoded) {
                Ok(bytes) => self::body(session, &bytes, at, is_list),
                Err(reason) => {
                    session.reject(Rejected::new(at.place, reason, b""))?;
                    Ok(1)
                }
            };
        }
    }
    Ok(0)
}

/// The path of an address of tiktok.com.
fn tiktok_path(address: &str) -> Option<&str> {
    let rest = address
        .strip_prefix("https://")
        .or_else(|| address.strip_prefix("http://"))?;
    let (host, path) = rest.split_at(rest.find('/')?);
    let host = host.split(':').next().unwrap_or_default();
    let path = path.split(['?', '#']).next().unwrap_or_default();
    (host == "tiktok.com" || host.ends_with(".tiktok.com")).then_some(path)
}

/// A body's bytes as TikTok meant them.
fn decode(body: &str, encoded: bool) -> Result<Vec<u8>, String> {
    let bytes = if encoded {
        // A body cut at a size limit ends in the middle of a group of four.
        let mut letters: Vec<u8> = body
            .bytes()
            .filter(|byte| !byte.is_ascii_whitespace())
            .collect();
        letters.truncate(letters.len() / 4 * 4);
        STANDARD
            .decode(letters)
            .map_err(|error| format!("the body is not base64: {error}"))?
    } else {
        body.as_bytes().to_vec()
    };
    let counted = Rc::new(Counted::default());
    let mut plain = Vec::new();
    unpacked(bytes.as_slice(), &counted)
        .and_then(|reader| reader.take(VALUE_LIMIT as u64).read_to_end(&mut plain))
        .map_err(|error| format!("the body could not be unpacked: {error}"))?;
    Ok(plain)
}

fn body(session: &mut Session<'_>, body: &[u8], at: At, is_list: bool) -> Result<u64, Stop> {
    let before = session.posts + session.rejected;
    match body.trim_ascii_start().first() {
        Some(b'{') => {
            let answer = answer::read(session, &mut Walk::new(body), Base::inside(at))?;
            answer::settle(session, answer, at, &body[..body.len().min(1000)])?;
        }
        Some(b'<') => {
            if !page::read(session, body, at)? && is_list {
                session.notes.blocked_answers += 1;
                let status = "an HTML page in place of data".to_owned();
                session.doubt = Some(FileError::Blocked { status });
            }
        }
        None => session.notes.blocked_answers += 1,
        Some(_) if !is_list => {}
        Some(_) => {
            let reason = "the body is neither JSON nor HTML; it may be compressed in a way that \
                          is not known here";
            session.reject(Rejected::new(at.place, reason, b""))?;
        }
    }
    Ok(session.posts + session.rejected - before)
}
