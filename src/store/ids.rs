//! `ids/post_ids.json`: hashtag → ids of its stored posts, for people and other tools.
//!
//! Made from `data.json`, and nothing is concluded from it. Behind each list's last id stand blanks,
//! into which the ids of later runs are written: rewriting all lists whenever a few posts are added
//! would cost more than adding them. Where the lists end is kept beside them in [`ends`].

mod ends;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write};
use std::path::{Path, PathBuf};

use fs_err as fs;
use serde_json::value::RawValue;

use super::{StoreError, atomic};
use crate::model::{Hashtag, PostId};
pub(super) use ends::Ends;
use ends::ListEnd;

/// An id never crosses a boundary of so many bytes, the smallest piece that a disk writes: whatever
/// part of an addition is on disk after a crash, each id there is whole and the file is JSON.
const PIECE: u64 = 512;

/// `data/ids/post_ids.json`
pub(super) fn post_ids_path(root: &Path) -> PathBuf {
    root.join("ids").join("post_ids.json")
}

/// `data/ids/video_ids.json`
pub(super) fn video_ids_path(root: &Path) -> PathBuf {
    root.join("ids").join("video_ids.json")
}

/// The name under which a folder's ids are listed: its own name where that is a spelling of the
/// hashtag (v1 trees have `London`), the hashtag where the name had to be made safe.
pub(super) fn key(posts: &Path, tag: &Hashtag) -> String {
    let folder = posts
        .parent()
        .and_then(Path::file_name)
        .and_then(|name| name.to_str());
    match folder {
        Some(folder) if Hashtag::new(folder).as_ref() == Some(tag) => folder.to_owned(),
        _ => tag.to_string(),
    }
}

/// The ids listed for one key, in order; `None` where the file or the key is missing.
pub(super) fn listed(root: &Path, key: &str) -> Result<Option<Vec<PostId>>, StoreError> {
    let path = post_ids_path(root);
    let Some(text) = atomic::text(&path)?.filter(|text| !text.trim().is_empty()) else {
        return Ok(None);
    };
    let lists = parse(&path, &text)?;
    let Some(list) = lists.get(key) else {
        return Ok(None);
    };
    let damaged = |why: String| StoreError::Damaged {
        path: path.clone(),
        why,
    };
    let ids: Vec<&str> = serde_json::from_str(list.get()).map_err(|error| {
        damaged(format!(
            "the list of `{key}` is no list of strings: {error}"
        ))
    })?;
    ids.iter()
        .map(|id| {
            id.parse()
                .map_err(|error| damaged(format!("`{id}` in the list of `{key}`: {error}")))
        })
        .collect::<Result<_, _>>()
        .map(Some)
}

/// Keys of the file, sorted.
pub(super) fn keys(root: &Path) -> Result<Vec<String>, StoreError> {
    let path = post_ids_path(root);
    match atomic::text(&path)?.filter(|text| !text.trim().is_empty()) {
        Some(text) => Ok(parse(&path, &text)?.into_keys().collect()),
        None => Ok(Vec::new()),
    }
}

/// What becomes of lists that are not given anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Others {
    /// They stay as they are.
    Keep,
    /// They go: no posts are stored for them.
    Drop,
}

/// The file, to be added to in place.
pub(super) fn open(root: &Path) -> io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.read(true).write(true).open(post_ids_path(root))
}

/// Adds ids behind a list in place; `false`, and nothing done, where there is no room.
///
/// # Errors
/// The disk's own.
pub(super) fn extend(
    file: &mut fs::File,
    end: &mut ListEnd,
    ids: &[PostId],
) -> Result<bool, StoreError> {
    let (text, last) = placed(end.place, ids);
    let tail = format!("\"{}\"", end.last);
    let Some(before) = end.place.checked_sub(tail.len() as u64) else {
        return Ok(false);
    };
    file.seek(SeekFrom::Start(before))?;
    let mut there = Vec::new();
    let wanted = (tail.len() + text.len()) as u64;
    io::Read::by_ref(file)
        .take(wanted)
        .read_to_end(&mut there)?;
    let room = there.strip_prefix(tail.as_bytes()).unwrap_or_default();
    if room.len() < text.len() || room.iter().any(|&byte| byte != b' ') {
        return Ok(false);
    }
    // One call for each page of memory: a process that is killed has written a page whole or not.
    let mut from = 0;
    while from < text.len() {
        let place = end.place + from as u64;
        let to = text.len().min(from + usize_of(4096 - place % 4096));
        file.seek(SeekFrom::Start(place))?;
        file.write_all(&text[from..to])?;
        from = to;
    }
    *end = ListEnd {
        place: end.place + last,
        last: ids.last().map_or(end.last, |id| id.get()),
        posts: end.posts + ids.len() as u64,
    };
    Ok(true)
}

/// The text that adds ids at a place behind others, and where in it the last id ends.
fn placed(place: u64, ids: &[PostId]) -> (Vec<u8>, u64) {
    let mut text = Vec::with_capacity(ids.len() * 24);
    for id in ids {
        let id = format!(", \"{id}\"");
        let within = (place + text.len() as u64) % PIECE;
        if within + id.len() as u64 > PIECE {
            text.resize(text.len() + usize_of(PIECE - within), b' ');
        }
        text.extend_from_slice(id.as_bytes());
    }
    let last = text.len() as u64;
    (text, last)
}

fn usize_of(small: u64) -> usize {
    usize::try_from(small).unwrap_or(0)
}

/// Rewrites the file with new lists for some keys, the others kept as they are, and notes where the
/// lists end.
///
/// A file that is no JSON is kept beside it as `post_ids.json.damaged`: its lists can be made again.
pub(super) fn update(
    root: &Path,
    changed: &BTreeMap<String, Vec<PostId>>,
    others: Others,
) -> Result<(), StoreError> {
    let path = post_ids_path(root);
    fs::create_dir_all(root.join("ids"))?;
    // A text that is none is no JSON either.
    let text = match atomic::text(&path) {
        Ok(text) => text.unwrap_or_default(),
        Err(StoreError::Damaged { why, .. }) => why,
        Err(error) => return Err(error),
    };
    let old = match parse(&path, if text.trim().is_empty() { "{}" } else { &text }) {
        Ok(old) => old,
        Err(_) => {
            fs::rename(&path, path.with_extension("json.damaged"))?;
            BTreeMap::new()
        }
    };
    let old = if others == Others::Keep {
        old
    } else {
        BTreeMap::new()
    };
    let all: BTreeSet<&str> = old
        .keys()
        .map(String::as_str)
        .chain(changed.keys().map(String::as_str))
        .collect();
    let mut ends = Ends::default();
    atomic::replace(&path, |out| {
        let mut place = 0;
        let mut put = |part: &[u8]| {
            place += part.len() as u64;
            out.write_all(part).map(|()| place)
        };
        let mut separator = "{\n";
        for key in all {
            put(separator.as_bytes())?;
            put(format!("{}: ", serde_json::to_string(key)?).as_bytes())?;
            separator = ",\n";
            let start = put(b"")?;
            let (last, posts) = if let Some(ids) = changed.get(key) {
                put(b"[")?;
                let mut separator = "";
                // Piece by piece: a long list need not be in memory as text.
                for some in ids.chunks(1 << 12) {
                    put(separator.as_bytes())?;
                    put(written(some).as_bytes())?;
                    separator = ", ";
                }
                (ids.last().copied(), ids.len())
            } else if let Some((ids, list)) = own_list(old[key].get()) {
                put(list.as_bytes())?;
                (ids.last().copied(), ids.len())
            } else {
                // Whatever it is, it is not ours to add to.
                put(old[key].get().as_bytes())?;
                continue;
            };
            let end = put(b"")?;
            if let Some(last) = last {
                let list = ListEnd {
                    place: end,
                    last: last.get(),
                    posts: posts as u64,
                };
                ends.set(key, list);
                // An eighth of its length again, so that a growing list is rarely rewritten.
                put(&vec![b' '; usize_of((end - start) / 8).max(4096)])?;
            }
            put(b"]")?;
        }
        put(if separator == "{\n" {
            b"{}\n"
        } else {
            b"\n}\n"
        })?;
        Ok(())
    })?;
    ends.save(root);
    let videos = video_ids_path(root);
    if !videos.exists() {
        atomic::replace(&videos, |out| out.write_all(b"{}\n"))?;
    }
    Ok(())
}

/// Ids as they stand in a list.
fn written(ids: &[PostId]) -> String {
    let mut list = String::with_capacity(ids.len() * 24);
    for (number, id) in ids.iter().enumerate() {
        list.push_str(if number == 0 { "\"" } else { ", \"" });
        list.push_str(&id.to_string());
        list.push('"');
    }
    list
}

/// A kept list's ids, and the list up to its last id; `None` where it is no list of ids.
fn own_list(list: &str) -> Option<(Vec<PostId>, String)> {
    let ids: Vec<&str> = serde_json::from_str(list).ok()?;
    let ids: Vec<PostId> = ids
        .iter()
        .map(|id| id.parse().ok())
        .collect::<Option<_>>()?;
    let text = list.strip_suffix(']')?.trim_ascii_end();
    Some((ids, text.to_owned()))
}

fn parse<'t>(path: &Path, text: &'t str) -> Result<BTreeMap<String, &'t RawValue>, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Damaged {
        path: path.to_owned(),
        why: format!("not a JSON object of lists: {error}"),
    })
}

#[cfg(test)]
mod tests;
