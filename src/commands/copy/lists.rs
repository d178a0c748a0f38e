//! Comments, users, and the ledgers of what was asked for: copied as posts are, after them.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{COMMIT, Copied, Origins, compare, hash, lines};
use crate::cli::Global;
use crate::commands::{interrupt, side_store};
use crate::error::{Error, Exit};
use crate::model::{Hashtag, Origin};
use crate::output::counted;
use crate::record::Envelope;
use crate::store::place::Place;
use crate::store::{
    AskedLine, AskedLists, JournalLine as _, RecordFolder, Records, RecordsWriter, RejectedRecord,
    Side, SideStore, StoreError, Taken, new_id,
};
use crate::ui::Ui;

/// A record's identity → the beginning of its record's hash.
type Hashes = BTreeMap<String, u64>;

impl Origins {
    /// The sets of comments and users' lists; of some hashtags, their comments only.
    pub(super) fn lists(&self, wished: &[Hashtag]) -> Result<Vec<Records>, Error> {
        let all: Vec<Records> = match self {
            Self::Directory(store) => {
                let places = store.places()?;
                places.iter().filter_map(RecordFolder::records).collect()
            }
            Self::Database(database) => database.lists()?,
        };
        Ok(chosen(all, wished))
    }

    /// One set of records for each ledger of lists that there may be.
    pub(super) fn ledgers(&self, wished: &[Hashtag]) -> Result<Vec<Records>, Error> {
        let all = match self {
            Self::Directory(store) => {
                let tags = store.tags()?.into_iter();
                let users = store.users()?.into_iter();
                let comments = tags.map(|stored| Records::Comments(Some(stored.tag)));
                comments
                    .chain([Records::Comments(None)])
                    .chain(users.filter_map(|user| Records::list(&user, "info")))
                    .filter(|records| {
                        let folder = records.ledger_folder(store);
                        folder.is_ok_and(|folder| folder.join(AskedLine::FILE).is_file())
                    })
                    .collect()
            }
            Self::Database(database) => database.asked_about()?,
        };
        Ok(chosen(all, wished))
    }

    fn asked(&self, records: &Records) -> Result<AskedLists, StoreError> {
        match self {
            Self::Directory(store) => AskedLists::of_directory(store, records),
            Self::Database(database) => AskedLists::of_database(database, records, None),
        }
    }

    /// Hands over the lines of records.
    fn each_of(
        &self,
        records: &Records,
        each: &mut dyn FnMut(&str) -> Result<(), Error>,
    ) -> Result<(), Error> {
        match self {
            Self::Directory(store) => {
                let data = records.folder(store)?.data();
                if data.is_file() {
                    lines(&data, each)?;
                }
            }
            Self::Database(database) => {
                let mut lines = database.lines_of(records)?;
                while let Some(line) = lines.next()? {
                    each(&line)?;
                }
            }
        }
        Ok(())
    }
}

fn chosen(mut all: Vec<Records>, wished: &[Hashtag]) -> Vec<Records> {
    all.retain(|records| match records {
        Records::Posts(_) => false,
        Records::Comments(Some(tag)) if !wished.is_empty() => wished.contains(tag),
        Records::Comments(_) | Records::List(..) => wished.is_empty(),
    });
    all
}

/// The copying of comments and users.
pub(super) struct Lists<'c> {
    pub(super) source: &'c Origins,
    pub(super) from: String,
    pub(super) to: Place,
    pub(super) global: &'c Global,
    pub(super) ui: &'c Ui,
    /// Opened for writing as soon as there is something to write.
    pub(super) sides: Vec<(Side, SideStore)>,
}

impl Lists<'_> {
    pub(super) fn all(&mut self, lists: &[Records], ledgers: &[Records]) -> Result<Exit, Error> {
        let mut exit = Exit::Done;
        // Read before the records: what is collected meanwhile would be told to be there, and is not.
        let asked = ledgers
            .iter()
            .map(|records| Ok((records, self.source.asked(records)?)))
            .collect::<Result<Vec<_>, Error>>()?;
        for records in lists {
            exit = exit.and(self.tolerant(records, |copy| copy.records(records))?);
            if interrupt::asked() {
                return Ok(Exit::Interrupted);
            }
        }
        // Once all records are there: a ledger tells what need not be asked again.
        for (records, asked) in asked {
            exit = exit.and(self.tolerant(records, |copy| copy.ledger(records, &asked))?);
        }
        Ok(exit)
    }

    /// Comments under posts that are gone have no folder to go to.
    fn tolerant(
        &mut self,
        records: &Records,
        copy: impl FnOnce(&mut Self) -> Result<Exit, Error>,
    ) -> Result<Exit, Error> {
        match copy(self) {
            Err(Error::Store(StoreError::NotStored { .. })) => {
                self.ui.warn(&format!(
                    "{}: left behind, since the posts are not stored in `{}`",
                    records.name(),
                    self.to
                ));
                Ok(Exit::Partly)
            }
            outcome => outcome,
        }
    }

    fn side(&mut self, records: &Records) -> Result<usize, Error> {
        let side = match records {
            Records::List(..) => Side::Users,
            Records::Posts(_) | Records::Comments(_) => Side::Comments,
        };
        if let Some(at) = self.sides.iter().position(|(open, _)| *open == side) {
            return Ok(at);
        }
        let store = side_store(self.global, &self.to, side, "copy", self.ui)?;
        self.sides.push((side, store));
        Ok(self.sides.len() - 1)
    }

    /// Takes records over; those of an interrupted copy stay.
    fn records(&mut self, records: &Records) -> Result<Exit, Error> {
        let started = Timestamp::now();
        let at = self.side(records)?;
        let (_, side) = &self.sides[at];
        let mut taking = Taking {
            writer: side.records(records)?,
            copied: Copied {
                run: new_id(started),
                ..Copied::default()
            },
            taken: Taken::default(),
            from: &self.from,
            waiting: Vec::new(),
            bytes: 0,
        };
        let mut hashes = Hashes::new();
        let outcome = self.source.each_of(records, &mut |line| {
            taking.copied.read += 1;
            if let Ok(identity) = records.kind().identity(line) {
                hashes.entry(identity).or_insert_with(|| hash(line));
                taking.take(line)?;
            }
            if interrupt::asked() {
                return Err(Error::failed("interrupted", "run the same command again"));
            }
            Ok(())
        });
        let interrupted = interrupt::asked();
        if !interrupted {
            outcome?;
        }
        let name = records.name();
        let (copied, taken) = taking.finish(records, started, interrupted)?;
        if interrupted {
            return Ok(Exit::Interrupted);
        }
        self.ui.note(&format!(
            "{name}: {} read, {} new, {} already there, {} refused",
            counted(copied.read, "record"),
            taken.new,
            taken.known,
            copied.rejected.len()
        ));
        let exit = if copied.rejected.is_empty() {
            Exit::Done
        } else {
            Exit::Partly
        };
        let mut there = Hashes::new();
        Origins::open(self.to.clone())?.each_of(records, &mut |line| {
            if let Ok(identity) = records.kind().identity(line) {
                there.entry(identity).or_insert_with(|| hash(line));
            }
            Ok(())
        })?;
        let what = (name.as_str(), records.kind().noun());
        Ok(exit.and(compare(what, &hashes, &there, &self.to, self.ui)?))
    }

    /// What the other store does not know to have been asked for: a collection goes on there.
    fn ledger(&mut self, records: &Records, here: &AskedLists) -> Result<Exit, Error> {
        if here.lines().is_empty() {
            return Ok(Exit::Done);
        }
        let at = self.side(records)?;
        let mut there = self.sides[at].1.asked(records)?;
        let new: Vec<AskedLine> = here
            .lines()
            .into_iter()
            .filter(|line| there.get(&line.of, line.comment.as_deref()).is_none())
            .cloned()
            .collect();
        there.begin(new)?;
        Ok(Exit::Done)
    }
}

/// The taking over of one set of records.
struct Taking<'s> {
    writer: RecordsWriter<'s>,
    copied: Copied,
    taken: Taken,
    from: &'s str,
    waiting: Vec<String>,
    bytes: usize,
}

impl Taking<'_> {
    fn take(&mut self, line: &str) -> Result<(), StoreError> {
        if self.copied.origin.is_none() {
            let origin = Envelope::open(line).1.map(|envelope| envelope.origin);
            self.copied.origin = Some(origin.unwrap_or(Origin::Import));
        }
        self.bytes += line.len();
        self.waiting.push(line.to_owned());
        if self.bytes >= COMMIT {
            self.commit()?;
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        let waiting = std::mem::take(&mut self.waiting);
        self.bytes = 0;
        let Some(origin) = self.copied.origin.filter(|_| !waiting.is_empty()) else {
            return Ok(());
        };
        let added = self.writer.add(origin, &waiting)?;
        self.taken.new += added.new;
        self.taken.known += added.known;
        let rejected: Vec<RejectedRecord> = added
            .rejected
            .into_iter()
            .map(|(_, reason)| RejectedRecord {
                run: self.copied.run.clone(),
                file: self.from.to_owned(),
                place: "record".into(),
                reason,
                excerpt: String::new(),
            })
            .collect();
        self.writer.reject(&rejected)?;
        self.copied.rejected.extend(rejected);
        Ok(())
    }

    /// Enters the run; copying nothing leaves no trace.
    fn finish(
        mut self,
        records: &Records,
        started: Timestamp,
        interrupted: bool,
    ) -> Result<(Copied, Taken), StoreError> {
        self.commit()?;
        if self.taken.new > 0 {
            let subject = records.subject();
            let run = self
                .copied
                .run(subject, self.from, started, self.taken, interrupted);
            self.writer.finish(run)?;
        }
        Ok((self.copied, self.taken))
    }
}
