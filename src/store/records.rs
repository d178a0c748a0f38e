//! What a set of records is about, wherever it is stored: posts of a hashtag, comments under them,
//! a list of a user.

use std::path::PathBuf;

use super::{Kind, RecordFolder, Store, StoreError, USER_LISTS, names};
use crate::model::Hashtag;

/// Records that are stored together: a folder of a data directory, or documents of a collection
/// that name the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Records {
    /// Posts of a hashtag.
    Posts(Hashtag),
    /// Comments under the posts of a hashtag; under those that no hashtag holds where there is none.
    Comments(Option<Hashtag>),
    /// A list of a user, one of [`USER_LISTS`].
    List(Hashtag, &'static str),
}

impl Records {
    /// A list of a user by its name; `None` for one that there is none of.
    pub fn list(user: &Hashtag, name: &str) -> Option<Self> {
        let (name, _) = USER_LISTS.iter().find(|(list, _)| *list == name)?;
        Some(Self::List(user.clone(), name))
    }

    /// As people call them: `#london`, `comments of #london`, `@anna liked`.
    pub fn name(&self) -> String {
        match self {
            Self::Posts(tag) => format!("#{tag}"),
            Self::Comments(Some(tag)) => format!("comments of #{tag}"),
            Self::Comments(None) => "comments of other posts".into(),
            Self::List(user, list) => format!("@{user} {list}"),
        }
    }

    /// What its records are.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Posts(_) => Kind::Posts,
            Self::Comments(_) => Kind::Comments,
            Self::List(_, list) => USER_LISTS
                .iter()
                .find(|(name, _)| name == list)
                .map_or(Kind::Posts, |(_, kind)| *kind),
        }
    }

    /// What its runs are entered under: the hashtag, or the user's name.
    pub fn subject(&self) -> &str {
        match self {
            Self::Posts(tag) | Self::Comments(Some(tag)) | Self::List(tag, _) => tag.as_str(),
            Self::Comments(None) => names::COMMENTS,
        }
    }

    /// Where they lie in a data directory.
    ///
    /// # Errors
    /// [`StoreError::NotStored`] where the hashtag's posts are not stored.
    pub fn folder(&self, store: &Store) -> Result<RecordFolder, StoreError> {
        let none = || StoreError::Missing(store.root().into());
        match self {
            Self::Posts(tag) => {
                let posts = store.find(tag)?.posts.into_iter().next();
                posts
                    .map(|folder| RecordFolder::posts(tag, folder))
                    .ok_or_else(none)
            }
            Self::Comments(Some(tag)) => store.comments_of(tag),
            Self::Comments(None) => store.loose_comments().ok_or_else(none),
            Self::List(user, list) => store.user(user, list).ok_or_else(none),
        }
    }
}

impl Records {
    /// Where a data directory tells what was asked for: beside comments, above a user's lists.
    ///
    /// # Errors
    /// As [`Records::folder`].
    pub fn ledger_folder(&self, store: &Store) -> Result<PathBuf, StoreError> {
        match self {
            Self::List(user, _) => Ok(store.user_folder(user)),
            Self::Posts(_) | Self::Comments(_) => Ok(self.folder(store)?.folder),
        }
    }
}

impl RecordFolder {
    /// What it holds; `None` for a folder of no known kind.
    pub fn records(&self) -> Option<Records> {
        let list = || {
            let name = self.folder.file_name()?.to_str()?;
            Records::list(&self.tag, name)
        };
        match self.kind {
            Kind::Comments if self.is_loose => Some(Records::Comments(None)),
            Kind::Comments => Some(Records::Comments(Some(self.tag.clone()))),
            Kind::Posts if self.listed => Some(Records::Posts(self.tag.clone())),
            _ => list(),
        }
    }
}
