//! What a command may fail with, the exit code of each, and what to try.

use std::io;
use std::process::ExitCode;

use crate::source::files::FileError;
use crate::store::{StoreError, Trouble};

/// How a command ended. The numbers are part of the interface; `README.md` has the same table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done, also when nothing was new.
    Done = 0,
    /// Failed.
    Failed = 1,
    /// Wrong usage.
    Usage = 2,
    /// Done, but partly: some records could not be read, or are gone or unfinished.
    Partly = 3,
    /// Quota used up or blocked: try later.
    Later = 4,
    /// Credentials are missing or wrong.
    Credentials = 5,
    /// Stored data is damaged, or verification failed.
    Damaged = 6,
    /// Interrupted; everything fetched so far is saved.
    Interrupted = 130,
}

impl Exit {
    /// Every code with its meaning, as documented.
    pub const TABLE: [(Self, &'static str); 8] = [
        (Self::Done, "done, also when nothing was new"),
        (Self::Failed, "failed"),
        (Self::Usage, "wrong usage"),
        (
            Self::Partly,
            "done, but partly: some records could not be read, or are gone or unfinished",
        ),
        (Self::Later, "quota used up or blocked: try later"),
        (Self::Credentials, "credentials missing or wrong"),
        (Self::Damaged, "stored data damaged, or verification failed"),
        (
            Self::Interrupted,
            "interrupted (Ctrl-C, SIGTERM); everything fetched so far is saved",
        ),
    ];

    /// The outcome of two parts of one command that says more: damage before failure before a part.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let weight = |exit| match exit {
            Self::Done => 0,
            Self::Partly => 1,
            Self::Usage | Self::Failed => 2,
            Self::Later | Self::Credentials => 3,
            Self::Damaged => 4,
            Self::Interrupted => 5,
        };
        if weight(other) > weight(self) {
            other
        } else {
            self
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// An error that ends a command.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Reading or writing failed; the message names the path.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file to import or count, and what is wrong with it.
    #[error("`{file}`: {error}")]
    File {
        /// The path as given.
        file: String,
        /// What is wrong.
        error: FileError,
    },
    /// The words of the command do not fit.
    #[error("{0}")]
    Usage(String),
    /// A run that ended for a reason with an exit code of its own.
    #[error("{what}")]
    Ended {
        /// The exit code.
        exit: Exit,
        /// What happened.
        what: String,
        /// What to try.
        hint: String,
    },
    /// Anything else: what happened, and what to try.
    #[error("{what}")]
    Failed {
        /// What happened.
        what: String,
        /// What to try.
        hint: Option<String>,
    },
}

impl Error {
    /// A failure with advice.
    pub fn failed(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Failed {
            what: what.into(),
            hint: Some(hint.into()),
        }
    }

    /// A run that ended with an exit code of its own, and advice.
    pub fn ended(exit: Exit, what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Ended {
            exit,
            what: what.into(),
            hint: hint.into(),
        }
    }

    /// The exit code for it.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) => Exit::Usage,
            Self::Ended { exit, .. } => *exit,
            Self::Store(
                StoreError::Damaged { .. }
                | StoreError::Database {
                    trouble: Trouble::Damaged,
                    ..
                },
            ) => Exit::Damaged,
            Self::Store(StoreError::Database {
                trouble: Trouble::Refused,
                ..
            }) => Exit::Credentials,
            _ => Exit::Failed,
        }
    }

    /// Whether the reader of our output has gone away, which is its right.
    pub fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Io(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// What to try.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Failed { hint, .. } => hint.clone(),
            Self::Ended { hint, .. } => Some(hint.clone()),
            Self::Store(error) => store_hint(error),
            Self::Io(error)
            | Self::File {
                error: FileError::Io(error),
                ..
            } => io_hint(error),
            Self::File { .. } => None,
            Self::Usage(_) => Some(
                "`cotag --help` shows the commands, `cotag COMMAND --help` their options".into(),
            ),
        }
    }
}

fn io_hint(error: &io::Error) -> Option<String> {
    match error.kind() {
        // The last one is what a limit on the size of files says.
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            Some(
                "make room on the disk and run the same command again: what is stored is kept"
                    .into(),
            )
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Some(
            "check the rights on that path, or name another data directory with --data-dir".into(),
        ),
        _ => None,
    }
}

fn store_hint(error: &StoreError) -> Option<String> {
    Some(match error {
        StoreError::Io(error) => return io_hint(error),
        StoreError::Missing(_) => {
            "name the data directory with --data-dir or COTAG_DATA_DIR, or fill one with `cotag import FILE -t TAG`"
                .into()
        }
        StoreError::NotAStore { .. } => "name an empty or new directory with --data-dir".into(),
        StoreError::OtherTool(root) => format!(
            "take it over with `cotag import {}`, which leaves it as it is",
            root.display()
        ),
        StoreError::NewerFormat { .. } => "use the later version".into(),
        StoreError::Damaged { .. } => {
            "`cotag verify` lists what is wrong, `cotag repair` mends it and keeps a backup".into()
        }
        StoreError::Locked { .. } => "wait until it is done, or wait longer with --lock-timeout SECONDS".into(),
        StoreError::NotStored { stored, .. } if stored.is_empty() => {
            "nothing is stored there yet: fill it with `cotag import FILE -t TAG`".into()
        }
        StoreError::NotStored { stored, .. } => {
            let shown: Vec<String> = stored.iter().take(12).map(|tag| format!("#{}", crate::output::printable(tag))).collect();
            let more = stored.len() - shown.len();
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("stored there: {}{more}", shown.join(", "))
        }
        StoreError::Database { trouble, .. } => database_hint(*trouble).into(),
        StoreError::NoDriver(_) => "use a release, or build with `cargo build --release` (the feature is on by default)".into(),
        StoreError::Mixed { .. } => "use a data directory of your own: --data-dir DIR or COTAG_DATA_DIR".into(),
    })
}

fn database_hint(trouble: Trouble) -> &'static str {
    match trouble {
        Trouble::Address => {
            "check the address: mongodb://USER:PASSWORD@HOST:27017/DATABASE?authSource=admin"
        }
        Trouble::Unreachable => {
            "check host, port and TLS in the address, and that the server runs; serverSelectionTimeoutMS in the \
             address says how long to look for it"
        }
        Trouble::Refused => {
            "check user, password (percent-encoded) and ?authSource=… in the address, and the user's rights there"
        }
        Trouble::Lost => {
            "run the same command again when the server answers: what was stored before is kept"
        }
        Trouble::Foreign => {
            "name another database or another collection for posts; `mongoexport` and `cotag import` take other \
             tools' posts over"
        }
        Trouble::Schema => {
            "use the version of cotag that wrote it; its `cotag copy --from DATABASE --to DIRECTORY` takes the posts out"
        }
        Trouble::Damaged => "`cotag verify` lists what is wrong",
        Trouble::Other => "the server's log says more",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::place::Place;

    #[test]
    fn a_database_without_the_driver_is_told_with_what_to_try() {
        let place = Place::parse("mongodb://ann:s3cr3t@db.example/posts").unwrap();
        let error = Error::from(StoreError::NoDriver(place.to_string()));
        assert_eq!(
            error.to_string(),
            "`mongodb://ann@db.example/posts`: this cotag was built without its feature `mongodb`"
        );
        assert!(error.hint().unwrap().contains("use a release"));
        assert_eq!(error.exit(), Exit::Failed);
    }
}
