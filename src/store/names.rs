//! Hashtags as folder names that every file system takes, and back.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use sha2::{Digest, Sha256};
use unicode_normalization::UnicodeNormalization;

use crate::model::Hashtag;

/// Names in the data directory that are no hashtag's folder.
pub(super) const RESERVED: [&str; 5] = ["ids", "img", "cotag.json", COMMENTS, USERS];

/// Comments under posts that no hashtag holds.
pub(super) const COMMENTS: &str = "comments";
/// What is known of users.
pub(super) const USERS: &str = "users";

/// Reserved since hashtags of that name may have been stored: a folder that holds posts is theirs.
pub(super) const LATER: [&str; 2] = [COMMENTS, USERS];

/// What a hashtag's own folder holds, and so no user's folder is called, since the hashtag `users`
/// of an older tree lies in the same place.
pub(super) const BESIDE_USERS: [&str; 3] = ["posts", "videos", "comments"];

/// Longest folder name in bytes; file systems take 255, and files beside it may add to it.
const LONGEST: usize = 200;

/// The folder for a new hashtag, given the folders that exist (`recorded`: folder → hashtag as kept in `cotag.json`).
///
/// The hashtag itself where that is safe; else percent-encoded; cut and told apart by a hash where
/// that is too long, or where another hashtag's folder differs in letter case or normalisation only.
pub(super) fn folder_for(
    tag: &Hashtag,
    existing: &BTreeSet<String>,
    recorded: &BTreeMap<String, String>,
) -> String {
    let name = encode(tag.as_str());
    let key = collision_key(&name);
    let collides = existing
        .iter()
        .any(|other| collision_key(other) == key && tag_of(other, recorded).as_ref() != Some(tag));
    if name.len() <= LONGEST && !collides {
        return name;
    }
    let hash = Sha256::digest(tag.as_str());
    let mut short: String = name[..name.floor_char_boundary(LONGEST - 20)].to_owned();
    // Do not cut a percent code in two.
    if let Some(at) = short.rfind('%')
        && at + 3 > short.len()
    {
        short.truncate(at);
    }
    short.push('~');
    for byte in &hash[..8] {
        // Writing to a String cannot fail.
        let _ = write!(short, "{byte:02x}");
    }
    short
}

/// A hashtag as a file or folder name, where nothing else stands that it could collide with.
pub fn folder_name(tag: &Hashtag) -> String {
    folder_for(tag, &BTreeSet::new(), &BTreeMap::new())
}

/// The hashtag that a folder of posts stands for where no record of renamed folders is at hand.
pub fn folder_tag(folder: &str) -> Option<Hashtag> {
    if LATER.contains(&folder) {
        return Hashtag::new(folder);
    }
    tag_of(folder, &BTreeMap::new())
}

/// The folder of a user in [`USERS`]; names differ in more than letter case, as TikTok's do.
pub(super) fn user_folder(user: &Hashtag) -> String {
    let name = folder_name(user);
    if BESIDE_USERS.contains(&name.as_str()) {
        // They begin with a letter, which is one byte.
        return format!("%{:02X}{}", name.as_bytes()[0], &name[1..]);
    }
    name
}

/// The hashtag whose folder this is; `None` for reserved and hidden names.
pub(super) fn tag_of(folder: &str, recorded: &BTreeMap<String, String>) -> Option<Hashtag> {
    if RESERVED.contains(&folder) || folder.starts_with('.') {
        return None;
    }
    if let Some(tag) = recorded.get(folder) {
        return Hashtag::new(tag);
    }
    Hashtag::new(&decode(folder).unwrap_or_else(|| folder.to_owned()))
}

fn encode(tag: &str) -> String {
    let mut name = String::with_capacity(tag.len());
    let last = tag.char_indices().next_back().map_or(0, |(at, _)| at);
    let suspicious = is_device(tag) || RESERVED.contains(&tag);
    for (at, c) in tag.char_indices() {
        let edge = (at == 0 && (c == '.' || c == ' ' || suspicious))
            || (at == last && (c == '.' || c == ' '));
        if edge || is_unsafe(c) {
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                // Writing to a String cannot fail.
                let _ = write!(name, "%{byte:02X}");
            }
        } else {
            name.push(c);
        }
    }
    name
}

fn decode(name: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        if first == b'%' {
            let code = std::str::from_utf8(tail.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(code, 16).ok()?);
            rest = &tail[2..];
        } else {
            bytes.push(first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).ok()
}

/// Separators, what Windows forbids, our own marks, and characters that cannot be seen or reorder text.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || "<>:\"/\\|?*%~".contains(c)
        || matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Names that Windows keeps for devices, whatever extension follows.
fn is_device(tag: &str) -> bool {
    let stem = tag.split('.').next().unwrap_or(tag).trim_end();
    if ["con", "prn", "aux", "nul", "conin$", "conout$"].contains(&stem) {
        return true;
    }
    ["com", "lpt"].iter().any(|port| {
        stem.strip_prefix(port).is_some_and(|number| {
            number.chars().count() == 1 && number.chars().all(char::is_numeric)
        })
    })
}

/// Two names with one key may be the same folder on a file system that folds case or normalises.
fn collision_key(name: &str) -> String {
    name.to_uppercase().to_lowercase().nfkd().collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn folder(tag: &str) -> String {
        folder_for(
            &Hashtag::new(tag).unwrap(),
            &BTreeSet::new(),
            &BTreeMap::new(),
        )
    }

    #[test]
    fn hostile_names_are_encoded() {
        for (tag, name) in [
            ("london", "london"),
            ("東京", "東京"),
            ("../etc", "%2E.%2Fetc"),
            ("a/b\\c", "a%2Fb%5Cc"),
            ("..", "%2E%2E"),
            (".hidden", "%2Ehidden"),
            ("con", "%63on"),
            ("con.txt", "%63on.txt"),
            ("com1", "%63om1"),
            ("com10", "com10"),
            ("ids", "%69ds"),
            ("img", "%69mg"),
            ("users", "%75sers"),
            ("comments", "%63omments"),
            ("dot.", "dot%2E"),
            ("a\u{202e}b", "a%E2%80%AEb"),
            ("100%", "100%25"),
        ] {
            assert_eq!(folder(tag), name, "{tag}");
        }
    }

    #[test]
    fn colliding_and_long_names_are_told_apart_by_a_hash() {
        let tag = Hashtag::new("straße").unwrap();
        let existing = BTreeSet::from(["strasse".to_owned()]);
        let name = folder_for(&tag, &existing, &BTreeMap::new());
        assert!(name.starts_with("straße~"), "{name}");
        assert!(folder(&"東".repeat(300)).len() <= LONGEST);
        assert_ne!(folder(&"東".repeat(300)), folder(&"東".repeat(301)));
        // Another spelling of the same hashtag is no collision.
        let existing = BTreeSet::from(["London".to_owned()]);
        assert_eq!(
            folder_for(
                &Hashtag::new("london").unwrap(),
                &existing,
                &BTreeMap::new()
            ),
            "london"
        );
    }

    #[test]
    fn users_lie_beside_the_hashtag_of_that_name() {
        for (user, name) in [
            ("anna", "anna"),
            ("posts", "%70osts"),
            ("videos", "%76ideos"),
            ("..", "%2E%2E"),
        ] {
            assert_eq!(user_folder(&Hashtag::new(user).unwrap()), name);
            assert_eq!(folder_tag(name), Hashtag::new(user));
        }
    }

    proptest! {
        #[test]
        fn names_are_safe_and_reversible(text in any::<String>()) {
            let Some(tag) = Hashtag::new(&text) else { return Ok(()) };
            let name = folder_for(&tag, &BTreeSet::new(), &BTreeMap::new());
            prop_assert!(name.len() <= LONGEST && !name.is_empty());
            prop_assert!(!name.starts_with('.') && !name.ends_with(['.', ' ']));
            prop_assert!(!name.chars().any(|c| c.is_control() || "<>:\"/\\|?*".contains(c)));
            prop_assert!(!RESERVED.contains(&name.as_str()));
            let recorded = if name.contains('~') { BTreeMap::from([(name.clone(), tag.to_string())]) } else { BTreeMap::new() };
            prop_assert_eq!(tag_of(&name, &recorded), Some(tag));
        }
    }
}
