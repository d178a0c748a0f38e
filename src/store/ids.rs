//! `ids/post_ids.json`: hashtag → ids of its stored posts, for people and other tools.
//!
//! Made from `data.json` and never trusted further than the run ledger vouches for it. Behind each
//! list stand blanks, so that a run's ids can be written in place: rewriting all lists whenever a
//! few posts are added would cost more than adding them.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use fs_err as fs;
use serde_json::value::RawValue;

use super::{StoreError, atomic};
use crate::model::{Hashtag, PostId};

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
    let text = match fs::read_to_string(&path) {
        Ok(text) if text.trim().is_empty() => return Ok(None),
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
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
    match fs::read_to_string(&path) {
        Ok(text) if text.trim().is_empty() => Ok(Vec::new()),
        Ok(text) => Ok(parse(&path, &text)?.into_keys().collect()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error.into()),
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

/// Where a list ends, to find it again without reading the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ListEnd {
    /// Bytes of the file up to behind the list's last id.
    pub(super) place: u64,
    /// That id.
    pub(super) last: u64,
}

/// Where a list of so many ids ends, found by reading the file.
pub(super) fn located(root: &Path, key: &str, count: usize) -> Option<ListEnd> {
    let path = post_ids_path(root);
    let text = fs::read_to_string(&path).ok()?;
    let list = parse(&path, &text).ok()?.get(key)?.get();
    let quotes = memchr::memchr_iter(b'"', list.as_bytes()).count();
    let inside = list.strip_suffix(']')?;
    let last = inside.strip_suffix('"')?.rsplit('"').next()?;
    if quotes != 2 * count {
        return None;
    }
    Some(ListEnd {
        place: (list.as_ptr().addr() - text.as_ptr().addr() + inside.len()) as u64,
        last: last.parse().ok()?,
    })
}

/// Adds ids to a list in place; `None` if the list does not end there or has no room behind it.
///
/// A crash can leave the file torn; the ledger does not vouch for it then, and the next writer
/// makes it again.
///
/// # Errors
/// The disk's own.
pub(super) fn extend(
    root: &Path,
    end: ListEnd,
    ids: &[PostId],
) -> Result<Option<ListEnd>, StoreError> {
    let mut file = match fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(post_ids_path(root))
    {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let mut text = Vec::new();
    for id in ids {
        write!(text, ", \"{id}\"")?;
    }
    text.push(b']');
    let before = format!("\"{}\"", end.last);
    let Some(start) = end.place.checked_sub(before.len() as u64) else {
        return Ok(None);
    };
    file.seek(SeekFrom::Start(start))?;
    let mut there = Vec::new();
    let wanted = before.len() + text.len();
    io::Read::by_ref(&mut file)
        .take(wanted as u64)
        .read_to_end(&mut there)?;
    let room = there
        .strip_prefix(before.as_bytes())
        .and_then(|rest| rest.strip_prefix(b"]"));
    if there.len() < wanted || !room.is_some_and(|room| room.iter().all(|&byte| byte == b' ')) {
        return Ok(None);
    }
    let Some(last) = ids.last() else {
        return Ok(Some(end));
    };
    file.seek(SeekFrom::Start(end.place))?;
    file.write_all(&text)?;
    file.sync_data()?;
    Ok(Some(ListEnd {
        place: end.place + text.len() as u64 - 1,
        last: last.get(),
    }))
}

/// Rewrites the file with new lists for some keys, the others kept as they are; returns where the
/// new lists end.
///
/// A file that is no JSON is kept beside it as `post_ids.json.damaged`; of its lists those stay that
/// stand whole on a line of their own, as we write them.
pub(super) fn update(
    root: &Path,
    changed: &BTreeMap<String, Vec<PostId>>,
    others: Others,
) -> Result<BTreeMap<String, ListEnd>, StoreError> {
    let path = post_ids_path(root);
    fs::create_dir_all(root.join("ids"))?;
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error.into()),
    };
    let old = match parse(&path, if text.trim().is_empty() { "{}" } else { &text }) {
        _ if others == Others::Drop => BTreeMap::new(),
        Ok(old) => old
            .into_iter()
            .map(|(key, list)| (key, list.get().to_owned()))
            .collect(),
        Err(_) => {
            fs::rename(&path, path.with_extension("json.damaged"))?;
            whole_lines(&text)
        }
    };
    let all: BTreeSet<&str> = old
        .keys()
        .map(String::as_str)
        .chain(changed.keys().map(String::as_str))
        .collect();
    let mut ends = BTreeMap::new();
    atomic::replace(&path, |out| {
        let mut separator = "{\n";
        let mut place = 0;
        for key in all {
            let name = format!("{separator}{}: ", serde_json::to_string(key)?);
            out.write_all(name.as_bytes())?;
            place += name.len();
            separator = ",\n";
            let list = match changed.get(key) {
                Some(ids) => Cow::Owned(list_of(ids)),
                None => Cow::Borrowed(old[key].as_str()),
            };
            out.write_all(list.as_bytes())?;
            if let Some(last) = changed.get(key).and_then(|ids| ids.last()) {
                let end = ListEnd {
                    place: (place + list.len() - 1) as u64,
                    last: last.get(),
                };
                ends.insert(key.to_owned(), end);
            }
            place += list.len();
            // An eighth of its length again, so that a growing list is rarely rewritten.
            let room = (list.len() / 8).max(4096);
            out.write_all(&vec![b' '; room])?;
            place += room;
        }
        out.write_all(if separator == "{\n" {
            b"{}\n"
        } else {
            b"\n}\n"
        })
    })?;
    let videos = video_ids_path(root);
    if !videos.exists() {
        atomic::replace(&videos, |out| out.write_all(b"{}\n"))?;
    }
    Ok(ends)
}

/// The lists that are whole in a file that is not.
fn whole_lines(text: &str) -> BTreeMap<String, String> {
    let line = |line: &str| {
        let member = line.trim().trim_start_matches('{').trim_end_matches(',');
        let list: BTreeMap<String, Vec<String>> =
            serde_json::from_str(&format!("{{{member}}}")).ok()?;
        let (key, ids) = list.into_iter().next()?;
        Some((key, serde_json::to_string(&ids).ok()?))
    };
    text.lines().filter_map(line).collect()
}

fn list_of(ids: &[PostId]) -> String {
    let mut list = String::with_capacity(ids.len() * 24 + 2);
    let mut separator = "[";
    for id in ids {
        list.push_str(separator);
        list.push('"');
        list.push_str(&id.to_string());
        list.push('"');
        separator = ", ";
    }
    list.push_str(if ids.is_empty() { "[]" } else { "]" });
    list
}

fn parse<'t>(path: &Path, text: &'t str) -> Result<BTreeMap<String, &'t RawValue>, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Damaged {
        path: path.to_owned(),
        why: format!("not a JSON object of lists: {error}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(numbers: std::ops::Range<u64>) -> Vec<PostId> {
        numbers.filter_map(PostId::new).collect()
    }

    #[test]
    fn ids_are_added_in_place_until_there_is_no_room() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let lists = BTreeMap::from([("a".to_owned(), ids(1..4)), ("b".to_owned(), ids(1..2))]);
        let ends = update(root, &lists, Others::Keep).unwrap();
        assert_eq!(located(root, "a", 3), Some(ends["a"]));
        assert_eq!(located(root, "a", 2), None);

        let end = extend(root, ends["a"], &ids(4..9)).unwrap().unwrap();
        assert_eq!(listed(root, "a").unwrap().unwrap(), ids(1..9));
        assert_eq!(located(root, "a", 8), Some(end));
        assert_eq!(extend(root, end, &[]).unwrap(), Some(end));
        assert_eq!(extend(root, ends["a"], &ids(9..10)).unwrap(), None, "stale");
        assert_eq!(extend(root, end, &ids(9..5000)).unwrap(), None, "no room");
        assert_eq!(listed(root, "a").unwrap().unwrap(), ids(1..9));
        assert_eq!(listed(root, "b").unwrap().unwrap(), ids(1..2));
    }

    #[test]
    fn a_write_that_broke_off_costs_no_other_list() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let lists = BTreeMap::from([("a [\"".to_owned(), ids(1..4)), ("b".to_owned(), ids(1..9))]);
        let ends = update(root, &lists, Others::Keep).unwrap();
        let before = fs::read(post_ids_path(root)).unwrap();
        extend(root, ends["b"], &ids(9..12)).unwrap().unwrap();
        let after = fs::read(post_ids_path(root)).unwrap();
        let changed = BTreeMap::from([("b".to_owned(), ids(1..12))]);
        for cut in 0..40 {
            let cut = usize::try_from(ends["b"].place).unwrap() + cut;
            let torn = [&after[..cut], &before[cut..]].concat();
            fs::write(post_ids_path(root), torn).unwrap();
            update(root, &changed, Others::Keep).unwrap();
            assert_eq!(listed(root, "a [\"").unwrap().unwrap(), ids(1..4));
            assert_eq!(listed(root, "b").unwrap().unwrap(), ids(1..12));
        }
    }
}
