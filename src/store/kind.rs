//! What the records of a folder are: each kind is stored alike, and told apart by what identifies a record.

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::json::Fields;
use crate::model::{Origin, PostId};
use crate::record::{Stored, StoredComment, Unreadable};

/// What a `data.json` holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Posts, by their ids.
    Posts,
    /// Comments, by their ids.
    Comments,
    /// Accounts that follow or are followed, by their user names.
    Accounts,
    /// What an account says of itself: one record for each time it was asked.
    Profiles,
}

/// What the store has to know of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// No two records of a file have the same one.
    pub(super) id: PostId,
    pub(super) origin: Option<Origin>,
    pub(super) fetched: Option<Timestamp>,
}

impl Kind {
    /// A word for one record.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Posts => "post",
            Self::Comments => "comment",
            Self::Accounts => "account",
            Self::Profiles => "profile",
        }
    }

    /// Reads what identifies a record.
    pub(super) fn entry(self, line: &str) -> Result<Entry, Unreadable> {
        match self {
            Self::Posts => Stored::read(line).map(|stored| Entry {
                id: stored.post.id,
                origin: stored.origin,
                fetched: stored.fetched,
            }),
            Self::Comments => StoredComment::read(line).map(|stored| Entry {
                id: stored.id,
                origin: stored.origin,
                fetched: stored.fetched,
            }),
            Self::Accounts | Self::Profiles => self.named(line),
        }
    }

    /// What no two records have, as text that a person can read: an id, a name, a name and a time.
    ///
    /// # Errors
    /// It is no such record.
    pub fn identity(self, line: &str) -> Result<String, Unreadable> {
        match self {
            Self::Posts | Self::Comments => Ok(self.entry(line)?.id.to_string()),
            Self::Accounts | Self::Profiles => {
                let fields = fields(line)?;
                let name = fields.filled("username").ok_or(Unreadable::NoId)?;
                let fetched = fields.object("_cotag").text("fetched");
                Ok(match fetched {
                    Some(at) if self == Self::Profiles => format!("{name} {at}"),
                    _ => name.into_owned(),
                })
            }
        }
    }

    fn named(self, line: &str) -> Result<Entry, Unreadable> {
        let fields = fields(line)?;
        let name = fields.filled("username").ok_or(Unreadable::NoId)?;
        let envelope = fields.object("_cotag");
        let fetched = envelope.text("fetched");
        let mut hash = Sha256::new_with_prefix(name.as_bytes());
        if self == Self::Profiles {
            hash.update(b"\n");
            hash.update(fetched.as_deref().unwrap_or_default());
        }
        Ok(Entry {
            id: hash_id(&hash.finalize()).ok_or(Unreadable::NoId)?,
            origin: envelope.text("origin").and_then(|name| name.parse().ok()),
            fetched: fetched.and_then(|text| text.parse().ok()),
        })
    }
}

fn fields(line: &str) -> Result<Fields<'_>, Unreadable> {
    Fields::parse(line).map_err(|error| Unreadable::Json(error.to_string()))
}

/// 63 bits of a hash, not zero: enough that two of a few million names are never taken for one.
fn hash_id(hash: &[u8]) -> Option<PostId> {
    let number = hash
        .iter()
        .take(8)
        .fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
    PostId::new((number >> 1).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_told_apart_by_name_and_profiles_by_time_too() {
        let line = |name: &str, at: &str| {
            format!(
                r#"{{"username":"{name}","_cotag":{{"origin":"research","format":"research","fetched":"{at}","run":"r"}}}}"#
            )
        };
        let id = |kind: Kind, line: &str| kind.entry(line).unwrap().id;
        let (one, later, other) = (
            line("anna", "2026-11-22T00:00:00Z"),
            line("anna", "2026-11-23T00:00:00Z"),
            line("bee", "2026-11-22T00:00:00Z"),
        );
        assert_eq!(id(Kind::Accounts, &one), id(Kind::Accounts, &later));
        assert_ne!(id(Kind::Accounts, &one), id(Kind::Accounts, &other));
        assert_ne!(id(Kind::Profiles, &one), id(Kind::Profiles, &later));
        assert_eq!(Kind::Accounts.identity(&one).unwrap(), "anna");
        assert_eq!(
            Kind::Profiles.identity(&one).unwrap(),
            "anna 2026-11-22T00:00:00Z"
        );
        assert!(Kind::Accounts.entry(&one).unwrap().fetched.is_some());
        assert_eq!(Kind::Accounts.entry("{}"), Err(Unreadable::NoId));
    }
}
