//! Where posts are stored: a data directory, or a database whose password no text of ours shows.

use std::fmt;
use std::path::PathBuf;

/// A store, wherever it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A data directory.
    Directory(PathBuf),
    /// A MongoDB database.
    Database(DatabasePlace),
}

impl Place {
    /// Reads what stands after `--store`: `mongodb://…/database`, else a directory.
    ///
    /// # Errors
    /// The address lacks its database or is malformed.
    pub fn parse(text: &str) -> Result<Self, InvalidPlace> {
        let text = text.trim();
        if is_address(text) {
            return DatabasePlace::new(text, None).map(Self::Database);
        }
        match text.split_once("://") {
            None if text.is_empty() => Err(InvalidPlace::Empty),
            None => Ok(Self::Directory(PathBuf::from(text))),
            Some((scheme, _)) => Err(InvalidPlace::Scheme(scheme.to_owned())),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(path) => path.display().fmt(formatter),
            Self::Database(place) => place.fmt(formatter),
        }
    }
}

/// Names of the collections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collections {
    /// Posts.
    pub posts: String,
    /// Comments.
    pub comments: String,
    /// Users.
    pub users: String,
    /// Runs, as in `runs.jsonl`.
    pub runs: String,
    /// Windows, as in `windows.jsonl`, and their leases.
    pub windows: String,
    /// Lists that were asked for, as in `asked.jsonl`, and their leases.
    pub asked: String,
    /// Records that could not be stored.
    pub rejected: String,
    /// Figures that a refresh replaced.
    pub history: String,
    /// Posts that a refresh did not find.
    pub missing: String,
    /// Posts that were removed since they are gone.
    pub tombstones: String,
    /// The schema's version.
    pub meta: String,
}

impl Default for Collections {
    fn default() -> Self {
        Self {
            posts: "posts".into(),
            comments: "comments".into(),
            users: "users".into(),
            runs: "runs".into(),
            windows: "windows".into(),
            asked: "asked".into(),
            rejected: "rejected".into(),
            history: "history".into(),
            missing: "missing".into(),
            tombstones: "tombstones".into(),
            meta: "meta".into(),
        }
    }
}

/// A MongoDB database. Neither `Debug` nor `Display` shows the password.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabasePlace {
    address: String,
    /// The database's name.
    pub database: String,
    /// Names of its collections.
    pub collections: Box<Collections>,
}

/// Why a text names no store. Never quotes the address, which may hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPlace {
    /// Nothing.
    #[error("the store's name is empty")]
    Empty,
    /// Neither a directory nor MongoDB.
    #[error("`{0}://` is no store that cotag knows: a directory, or mongodb://HOST/DATABASE")]
    Scheme(String),
    /// No host.
    #[error("the database's address names no host: mongodb://HOST/DATABASE")]
    NoHost,
    /// No database.
    #[error("the database's address names no database: mongodb://HOST/DATABASE")]
    NoDatabase,
    /// A name that MongoDB does not take.
    #[error(
        "`{0}` cannot be a database's name: at most 63 bytes, none of them / \\ . \" $ * < > : | ? or white space"
    )]
    Name(String),
    /// A slash or an at sign in the password.
    #[error(
        "user name and password must be percent-encoded in the database's address: `/` is %2F, `@` is %40, `:` is %3A"
    )]
    Unencoded,
}

/// Whether a text is a database's address.
pub fn is_address(text: &str) -> bool {
    text.starts_with("mongodb://") || text.starts_with("mongodb+srv://")
}

impl DatabasePlace {
    /// A database by its address; `database` where the address does not name it.
    ///
    /// # Errors
    /// No host, no database, a malformed name.
    pub fn new(address: &str, database: Option<&str>) -> Result<Self, InvalidPlace> {
        let rest = address.split_once("://").map_or("", |(_, rest)| rest);
        let (server, options) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = server.split_once('/').unwrap_or((server, ""));
        // A slash in a password cuts it in two, and the rest would be taken for the database.
        if path.contains('@') || options.contains('@') || authority.matches('@').count() > 1 {
            return Err(InvalidPlace::Unencoded);
        }
        let hosts = authority
            .rsplit_once('@')
            .map_or(authority, |(_, hosts)| hosts);
        if hosts
            .split(',')
            .any(|host| host.trim().is_empty() || host.starts_with(':'))
        {
            return Err(InvalidPlace::NoHost);
        }
        let named = percent_decoded(path);
        let database = database.map(str::to_owned).filter(|name| !name.is_empty());
        let database = database.unwrap_or(named);
        if database.is_empty() {
            return Err(InvalidPlace::NoDatabase);
        }
        let forbidden = |c: char| c.is_whitespace() || "/\\.\"$*<>:|?\0".contains(c);
        if database.len() > 63 || database.contains(forbidden) {
            return Err(InvalidPlace::Name(database));
        }
        Ok(Self {
            address: address.to_owned(),
            database,
            collections: Box::default(),
        })
    }

    /// The address with its password, for the driver alone.
    pub fn expose(&self) -> &str {
        &self.address
    }

    /// The servers, without user and password.
    pub fn hosts(&self) -> &str {
        let rest = self.address.split_once("://").map_or("", |(_, rest)| rest);
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        authority
            .rsplit_once('@')
            .map_or(authority, |(_, hosts)| hosts)
    }

    /// Whether the address names a user.
    pub fn has_user(&self) -> bool {
        self.user().is_some()
    }

    /// A text without the password, wherever it stands in it.
    pub fn blank(&self, text: &str) -> String {
        let Some(password) = self.password().filter(|password| !password.is_empty()) else {
            return text.to_owned();
        };
        let blanked = text.replace(password, "…");
        blanked.replace(&percent_decoded(password), "…")
    }

    fn user_info(&self) -> Option<&str> {
        let rest = self.address.split_once("://").map_or("", |(_, rest)| rest);
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        authority.rsplit_once('@').map(|(info, _)| info)
    }

    fn user(&self) -> Option<&str> {
        self.user_info()
            .map(|info| info.split_once(':').map_or(info, |(user, _)| user))
    }

    fn password(&self) -> Option<&str> {
        self.user_info()?
            .split_once(':')
            .map(|(_, password)| password)
    }
}

impl fmt::Display for DatabasePlace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.address.split("://").next().unwrap_or("mongodb");
        let user = self.user().map_or(String::new(), |user| format!("{user}@"));
        write!(
            formatter,
            "{scheme}://{user}{}/{}",
            self.hosts(),
            self.database
        )
    }
}

impl fmt::Debug for DatabasePlace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "DatabasePlace({self})")
    }
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let code = after.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        match code.and_then(|two| u8::from_str_radix(two, 16).ok()) {
            Some(byte) if first == b'%' => {
                bytes.push(byte);
                rest = &after[2..];
            }
            _ => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_shows_the_password() {
        let text = "mongodb://ann:s3cr%40t@db.example:27018,other/posts?authSource=admin";
        let Ok(Place::Database(place)) = Place::parse(text) else {
            panic!("no database");
        };
        assert_eq!(
            place.to_string(),
            "mongodb://ann@db.example:27018,other/posts"
        );
        assert!(!format!("{place:?} {:?}", Place::Database(place.clone())).contains("s3cr"));
        assert_eq!(place.blank("wrong: s3cr@t, s3cr%40t"), "wrong: …, …");
        assert_eq!(place.hosts(), "db.example:27018,other");
        assert_eq!(place.expose(), text);
    }

    #[test]
    fn mistakes_in_an_address_are_told_without_it() {
        for (text, why) in [
            ("", InvalidPlace::Empty),
            ("mongodb://localhost", InvalidPlace::NoDatabase),
            ("mongodb://localhost/?tls=true", InvalidPlace::NoDatabase),
            ("mongodb:///posts", InvalidPlace::NoHost),
            ("mongodb://ann:pw@/posts", InvalidPlace::NoHost),
            ("mongodb://ann:p@w@localhost/posts", InvalidPlace::Unencoded),
            ("mongodb://ann:p/w@localhost/posts", InvalidPlace::Unencoded),
            ("mongodb://localhost/a.b", InvalidPlace::Name("a.b".into())),
            (
                "postgres://localhost/a",
                InvalidPlace::Scheme("postgres".into()),
            ),
        ] {
            assert_eq!(Place::parse(text), Err(why), "{text}");
        }
        assert_eq!(
            Place::parse("./data"),
            Ok(Place::Directory("./data".into()))
        );
    }
}
