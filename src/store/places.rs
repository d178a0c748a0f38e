//! The folders of a data directory that hold records: posts and comments of hashtags, lists of users.
//!
//! ```text
//! data/london/posts         posts of #london
//! data/london/comments      comments under them
//! data/comments             comments under posts that no hashtag holds
//! data/users/anna/liked     a list of the user @anna
//! ```
//!
//! `comments` and `users` are hashtags too: their folders are `%63omments` and `%75sers`, except where
//! an older version or another tool made `comments/posts` or `users/posts`, which then stay theirs.

use std::path::{Path, PathBuf};

use fs_err as fs;
use hashbrown::{HashMap, HashSet};

use super::runs::Ledger;
use super::vouch::{Care, stored_ids};
use super::{Kind, Records, Store, StoreError, names};
use crate::model::Hashtag;

/// A folder with a `data.json` and the ledgers about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordFolder {
    /// What it holds, for people: `#london`, `comments of #london`, `@anna liked`.
    pub name: String,
    /// The hashtag, or the user's name.
    pub tag: Hashtag,
    /// What its records are.
    pub kind: Kind,
    /// Where it lies.
    pub folder: PathBuf,
    /// Whether `post_ids.json` lists its ids.
    pub(super) listed: bool,
    /// Comments under posts that no hashtag holds.
    pub(super) is_loose: bool,
}

/// What is kept of a user: each a folder of its own.
pub const USER_LISTS: [(&str, Kind); 6] = [
    ("info", Kind::Profiles),
    ("followers", Kind::Accounts),
    ("following", Kind::Accounts),
    ("liked", Kind::Posts),
    ("pinned", Kind::Posts),
    ("reposted", Kind::Posts),
];

impl RecordFolder {
    /// A hashtag's posts.
    pub(super) fn posts(tag: &Hashtag, folder: PathBuf) -> Self {
        Self {
            name: Records::Posts(tag.clone()).name(),
            tag: tag.clone(),
            kind: Kind::Posts,
            folder,
            listed: true,
            is_loose: false,
        }
    }

    fn comments(tag: &Hashtag, folder: PathBuf) -> Self {
        Self {
            name: Records::Comments(Some(tag.clone())).name(),
            tag: tag.clone(),
            kind: Kind::Comments,
            folder,
            listed: false,
            is_loose: false,
        }
    }

    /// Whether anything was stored there.
    pub fn exists(&self) -> bool {
        self.data().is_file()
    }

    /// The file with its records.
    pub fn data(&self) -> PathBuf {
        self.folder.join("data.json")
    }
}

impl Store {
    /// Every folder that holds records: hashtags by code point, each followed by its comments, then
    /// the comments of no hashtag, then users.
    ///
    /// # Errors
    /// The disk's own.
    pub fn places(&self) -> Result<Vec<RecordFolder>, StoreError> {
        let mut places = self.places_that_may_be()?;
        places.retain(RecordFolder::exists);
        Ok(places)
    }

    /// In the same order, also those without a `data.json`.
    pub(super) fn places_that_may_be(&self) -> Result<Vec<RecordFolder>, StoreError> {
        let mut places = Vec::new();
        for stored in self.tags_told_of()? {
            for posts in &stored.posts {
                places.push(RecordFolder::posts(&stored.tag, posts.clone()));
                places.push(RecordFolder::comments(
                    &stored.tag,
                    beside(posts, "comments"),
                ));
            }
        }
        places.extend(self.loose_comments());
        for user in self.users()? {
            for (list, _) in USER_LISTS {
                places.extend(self.user(&user, list));
            }
        }
        Ok(places)
    }

    /// Where the comments under a hashtag's posts are.
    ///
    /// # Errors
    /// [`StoreError::NotStored`] where the hashtag's posts are not stored.
    pub fn comments_of(&self, tag: &Hashtag) -> Result<RecordFolder, StoreError> {
        let stored = self.find(tag)?;
        // Where another tool kept spellings apart, the first has been written to.
        let posts = stored.posts.first().cloned().unwrap_or_default();
        Ok(RecordFolder::comments(tag, beside(&posts, "comments")))
    }

    /// Where the comments under posts are that no hashtag holds.
    pub fn loose_comments(&self) -> Option<RecordFolder> {
        let tag = names::folder_tag(names::COMMENTS)?;
        Some(RecordFolder {
            name: Records::Comments(None).name(),
            is_loose: true,
            ..RecordFolder::comments(&tag, self.root().join(names::COMMENTS))
        })
    }

    /// A list of a user, one of [`USER_LISTS`]; `None` for a list that there is none of.
    pub fn user(&self, user: &Hashtag, list: &str) -> Option<RecordFolder> {
        let records = Records::list(user, list)?;
        Some(RecordFolder {
            name: records.name(),
            tag: user.clone(),
            kind: records.kind(),
            folder: self.user_folder(user).join(list),
            listed: false,
            is_loose: false,
        })
    }

    /// A user's folder.
    pub fn user_folder(&self, user: &Hashtag) -> PathBuf {
        let users = self.root().join(names::USERS);
        users.join(names::user_folder(user))
    }

    /// The users of whom something is stored, by name.
    ///
    /// # Errors
    /// The disk's own.
    pub fn users(&self) -> Result<Vec<Hashtag>, StoreError> {
        let folder = self.root().join(names::USERS);
        if !folder.is_dir() {
            return Ok(Vec::new());
        }
        let mut users = Vec::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if let Ok(name) = entry.file_name().into_string()
                && entry.file_type()?.is_dir()
                && !names::BESIDE_USERS.contains(&name.as_str())
            {
                users.extend(user_of(&entry.path(), &name)?);
            }
        }
        users.sort();
        users.dedup();
        Ok(users)
    }
}

impl Store {
    /// Which hashtag holds each of these posts, the first by code point; those of none are left out.
    ///
    /// # Errors
    /// The disk's own; a `data.json` that cannot be read.
    pub fn holders(&self, wanted: &HashSet<u64>) -> Result<HashMap<u64, Hashtag>, StoreError> {
        let mut holders = HashMap::new();
        for stored in self.tags()? {
            for data in stored.data_files() {
                for id in stored_ids(&data, Kind::Posts, Care::Ids)? {
                    if wanted.contains(&id.get()) {
                        holders
                            .entry(id.get())
                            .or_insert_with(|| stored.tag.clone());
                    }
                }
            }
        }
        Ok(holders)
    }
}

/// The folder beside a hashtag's `posts`.
fn beside(posts: &Path, name: &str) -> PathBuf {
    posts.with_file_name(name)
}

/// Whose folder it is: where the name had to be cut, a ledger tells.
fn user_of(folder: &Path, name: &str) -> Result<Option<Hashtag>, StoreError> {
    if name.contains('~') {
        for (list, _) in USER_LISTS {
            let ledger = Ledger::read(&folder.join(list))?;
            if let Some(run) = ledger.runs.first() {
                return Ok(Hashtag::new(&run.hashtag));
            }
        }
    }
    Ok(names::folder_tag(name))
}
