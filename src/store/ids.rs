//! `ids/post_ids.json`: hashtag → ids of its stored posts, for people and other tools.
//!
//! Made from `data.json` and never trusted further than the run ledger vouches for it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use fs_err as fs;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::runs::hex;
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

/// Rewrites the file with new lists for some keys, the others kept as they are.
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
    atomic::replace(&path, |out| {
        let mut separator = "{\n";
        for key in all {
            write!(out, "{separator}{}: ", serde_json::to_string(key)?)?;
            separator = ",\n";
            match changed.get(key) {
                Some(ids) => write_ids(out, ids)?,
                None => out.write_all(old[key].get().as_bytes())?,
            }
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
    Ok(())
}

/// Hash of a list, so that an edited one is not trusted.
pub(super) fn hash(ids: &[PostId]) -> String {
    let mut hash = Sha256::new();
    for id in ids {
        hash.update(id.get().to_le_bytes());
    }
    hex(&hash.finalize())
}

fn write_ids(out: &mut impl Write, ids: &[PostId]) -> io::Result<()> {
    out.write_all(b"[")?;
    for (number, id) in ids.iter().enumerate() {
        out.write_all(if number == 0 { b"\"" } else { b", \"" })?;
        write!(out, "{id}\"")?;
    }
    out.write_all(b"]")
}

fn parse<'t>(path: &Path, text: &'t str) -> Result<BTreeMap<String, &'t RawValue>, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Damaged {
        path: path.to_owned(),
        why: format!("not a JSON object of lists: {error}"),
    })
}
