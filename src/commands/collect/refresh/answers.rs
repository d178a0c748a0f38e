//! What was answered in a pass: a post stored for several hashtags is asked for once.

use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};

use hashbrown::HashMap;
use jiff::Timestamp;

use crate::model::PostId;

/// The answers of a pass.
#[derive(Debug, Default)]
pub(super) struct Answers {
    known: HashMap<PostId, Place>,
    /// Lines of posts that were found, on disk; none where the store has each post once, and thus
    /// has the new figures for all hashtags by now.
    spool: Option<std::fs::File>,
    length: u64,
}

#[derive(Clone, Copy, Debug)]
enum Place {
    Found {
        at: u64,
        length: usize,
        fetched: Timestamp,
    },
    Absent,
}

/// What was answered about a post.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Its line as it is stored, and when it was fetched.
    Found(String, Timestamp),
    /// It was not found.
    Absent,
}

impl Answers {
    /// None so far; `spool` keeps the lines of posts that are found.
    pub(super) fn new(spool: Option<std::fs::File>) -> Self {
        Self {
            spool,
            ..Self::default()
        }
    }

    /// Keeps a post that was found.
    pub(super) fn found(&mut self, id: PostId, line: &str, fetched: Timestamp) -> io::Result<()> {
        let Some(spool) = &mut self.spool else {
            return Ok(());
        };
        spool.seek(SeekFrom::Start(self.length))?;
        spool.write_all(line.as_bytes())?;
        let place = Place::Found {
            at: self.length,
            length: line.len(),
            fetched,
        };
        self.length += line.len() as u64;
        self.known.insert(id, place);
        Ok(())
    }

    /// Notes that a post was not found.
    pub(super) fn absent(&mut self, id: PostId) {
        self.known.insert(id, Place::Absent);
    }

    /// What was answered about a post.
    pub(super) fn of(&mut self, id: PostId) -> io::Result<Option<Answer>> {
        let (at, length, fetched) = match self.known.get(&id) {
            None => return Ok(None),
            Some(Place::Absent) => return Ok(Some(Answer::Absent)),
            Some(&Place::Found {
                at,
                length,
                fetched,
            }) => (at, length, fetched),
        };
        let Some(spool) = &mut self.spool else {
            return Ok(None);
        };
        let mut line = vec![0; length];
        spool.seek(SeekFrom::Start(at))?;
        spool.read_exact(&mut line)?;
        let line = String::from_utf8(line).map_err(|error| io::Error::other(error.to_string()))?;
        Ok(Some(Answer::Found(line, fetched)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_come_back_as_they_were_given() {
        let id = |id| PostId::new(id).unwrap();
        let at = Timestamp::UNIX_EPOCH;
        let mut answers = Answers::new(Some(tempfile::tempfile().unwrap()));
        answers.found(id(1), "{\"é\":1}", at).unwrap();
        answers.absent(id(2));
        answers.found(id(3), "{}", at).unwrap();
        assert_eq!(
            answers.of(id(1)).unwrap(),
            Some(Answer::Found("{\"é\":1}".into(), at))
        );
        answers.found(id(4), "[]", at).unwrap();
        assert_eq!(answers.of(id(2)).unwrap(), Some(Answer::Absent));
        assert_eq!(
            answers.of(id(3)).unwrap(),
            Some(Answer::Found("{}".into(), at))
        );
        assert_eq!(
            answers.of(id(4)).unwrap(),
            Some(Answer::Found("[]".into(), at))
        );
        assert_eq!(answers.of(id(5)).unwrap(), None);
    }
}
