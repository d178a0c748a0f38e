//! `cotag copy`: store → store, either way, and a comparison of the two in the end.

mod lists;

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use self::lists::Lists;
use super::{hashtags, interrupt};
use crate::cli::{CopyArgs, Global};
use crate::error::{Error, Exit};
use crate::model::{Hashtag, Origin, PostId};
use crate::output::counted;
use crate::record::Stored;
use crate::store::mongo::Database;
use crate::store::place::Place;
use crate::store::{
    Coverage, Holder, PostsWriter, RejectedRecord, Run, RunInput, Stock, Store, StoreWriter,
    StoredTag, Taken, Verdict, WindowLine, Windows, new_id, scan, scan_in_order,
};
use crate::ui::Ui;

/// Bytes of posts kept in memory before they are stored.
const COMMIT: usize = 4 << 20;

/// A post's id → the beginning of its record's hash.
type Records = BTreeMap<PostId, u64>;

pub(super) fn run(args: &CopyArgs, global: &Global, ui: &Ui) -> Result<Exit, Error> {
    let place = |flag: &str, text: &str| {
        Place::parse(text).map_err(|error| Error::Usage(format!("{flag}: {error}")))
    };
    let (from, to) = (place("--from", &args.from)?, place("--to", &args.to)?);
    if from == to {
        return Err(Error::Usage("--from and --to are the same store".into()));
    }
    let from_name = from.to_string();
    let source = Origins::open(from)?;
    let wished = hashtags(&args.tags, None)?;
    let tags = if wished.is_empty() {
        source.tags()?
    } else {
        wished.clone()
    };
    let lists = source.lists(&wished)?;
    let ledgers = source.ledgers(&wished)?;
    if tags.is_empty() && lists.is_empty() && ledgers.is_empty() {
        return Err(Error::failed(
            format!("nothing is stored in `{from_name}`"),
            "check --from",
        ));
    }
    interrupt::listen();
    let timeout = Duration::from_secs(global.lock_timeout);
    let mut waiting = |holder: &Holder| ui.note(&format!("waiting for {holder} to finish"));
    let mut copy = Copy {
        source,
        from: from_name,
        writer: StoreWriter::open(&to, "copy", timeout, &mut waiting)?,
        to,
        ui,
    };
    let mut exit = Exit::Done;
    for tag in &tags {
        exit = exit.and(copy.tag(tag)?);
        if interrupt::asked() {
            ui.warn("interrupted; what was copied before is stored, the same command goes on from there");
            return Ok(Exit::Interrupted);
        }
    }
    let Copy {
        source, from, to, ..
    } = copy;
    let mut copy = Lists {
        source: &source,
        from,
        to,
        global,
        ui,
        sides: Vec::new(),
    };
    exit = exit.and(copy.all(&lists, &ledgers)?);
    if interrupt::asked() {
        ui.warn(
            "interrupted; what was copied before is stored, the same command goes on from there",
        );
        return Ok(Exit::Interrupted);
    }
    Ok(exit)
}

/// A store to read from.
enum Origins {
    Directory(Store),
    Database(Database),
}

impl Origins {
    fn open(place: Place) -> Result<Self, Error> {
        Ok(match place {
            Place::Directory(root) => Self::Directory(Store::open(&root)?),
            Place::Database(place) => Self::Database(Database::open(&place)?),
        })
    }

    fn tags(&self) -> Result<Vec<Hashtag>, Error> {
        Ok(match self {
            Self::Directory(store) => store.tags()?.into_iter().map(|stored| stored.tag).collect(),
            Self::Database(database) => database.tags_ever()?,
        })
    }

    /// The same, for looking at what was removed.
    fn stock(&self) -> Stock {
        match self {
            Self::Directory(store) => Stock::Directory(store.clone()),
            Self::Database(database) => Stock::Database(database.clone()),
        }
    }

    /// Hands over the lines of a hashtag's posts.
    fn each(
        &self,
        tag: &Hashtag,
        each: &mut dyn FnMut(&str) -> Result<(), Error>,
    ) -> Result<(), Error> {
        match self {
            Self::Directory(store) => {
                let stored: StoredTag = store.find(tag)?;
                stored.data_files().try_for_each(|path| lines(&path, each))
            }
            Self::Database(database) => {
                let mut lines = database.lines(tag)?;
                while let Some(line) = lines.next()? {
                    each(&line)?;
                }
                Ok(())
            }
        }
    }

    fn windows(&self, tag: &Hashtag) -> Result<Vec<Windows>, Error> {
        Ok(match self {
            Self::Directory(store) => {
                let read = |folder: &PathBuf| Coverage::read(folder).map(Windows::Directory);
                let folders = store.find(tag)?.posts;
                folders.iter().map(read).collect::<Result<_, _>>()?
            }
            Self::Database(database) => vec![Windows::of(database, tag, None)?],
        })
    }
}

/// The lines of a directory's file, in their order. Of a damaged file none: half a copy that looks
/// whole helps nobody.
fn lines(path: &Path, each: &mut dyn FnMut(&str) -> Result<(), Error>) -> Result<(), Error> {
    let (_, end) = scan(
        path,
        &|| (),
        &|(), line| match serde_json::from_str::<serde::de::IgnoredAny>(line.text) {
            Ok(_) => Verdict::Read,
            Err(_) => Verdict::NotJson,
        },
    )?;
    if let Some(damage) = end.damaged.first() {
        return Err(Error::Store(crate::store::StoreError::Damaged {
            path: path.to_owned(),
            why: format!("byte {}: {}", damage.offset, damage.why),
        }));
    }
    let mut outcome = Ok(());
    scan_in_order(path, &mut |line| {
        if outcome.is_ok() {
            outcome = each(line.text);
        }
        Verdict::Read
    })?;
    outcome
}

struct Copy<'c> {
    source: Origins,
    from: String,
    writer: StoreWriter,
    to: Place,
    ui: &'c Ui,
}

impl Copy<'_> {
    fn tag(&mut self, tag: &Hashtag) -> Result<Exit, Error> {
        let started = Timestamp::now();
        let mut taken = self.take(tag, &new_id(started))?;
        let mut posts = match taken.posts.take() {
            Some(posts) => posts,
            // What was removed is still to be taken over.
            None => match self.source.stock().origin(tag)? {
                Some(origin) => {
                    taken.origin = Some(origin);
                    self.writer.posts(tag, origin)?
                }
                None => {
                    self.source.stock().find(tag)?;
                    self.ui.warn(&format!("#{tag}: no readable post to copy"));
                    return Ok(Exit::Partly);
                }
            },
        };
        let interrupted = interrupt::asked();
        posts.commit()?;
        taken.refuse(&mut posts, &self.from);
        posts.reject(&taken.rejected)?;
        self.windows(tag, &posts)?;
        let removed = self.gone(tag, &taken.records, &mut posts)?;
        let counts = posts.taken();
        // Copying nothing leaves no trace.
        if counts.new + removed > 0 {
            let run = taken.run(tag.as_str(), &self.from, started, counts, interrupted);
            self.writer.finish(vec![(posts, run)])?;
        }
        if interrupted {
            return Ok(Exit::Interrupted);
        }
        self.ui.note(&format!(
            "#{tag}: {} read, {} new, {} already there, {} refused",
            counted(taken.read, "record"),
            counts.new,
            counts.known,
            taken.rejected.len()
        ));
        let exit = if taken.rejected.is_empty() {
            Exit::Done
        } else {
            Exit::Partly
        };
        Ok(exit.and(self.compare(tag, &taken.records)?))
    }

    /// Takes all posts of a hashtag over; those of an interrupted copy stay.
    fn take(&mut self, tag: &Hashtag, run: &str) -> Result<Copied, Error> {
        let mut copied = Copied {
            run: run.to_owned(),
            ..Copied::default()
        };
        let Self {
            source,
            writer,
            from,
            ..
        } = self;
        let outcome = source.each(tag, &mut |line| {
            copied.read += 1;
            let Ok(stored) = Stored::read(line) else {
                return Ok(());
            };
            let mut posts = match copied.posts.take() {
                Some(posts) => posts,
                None => {
                    copied.origin = stored.origin;
                    writer.posts(tag, stored.origin.unwrap_or(Origin::Import))?
                }
            };
            let id = stored.post.id;
            copied.records.entry(id).or_insert_with(|| hash(line));
            posts.take(id, line, None)?;
            if posts.pending() >= COMMIT {
                posts.commit()?;
                copied.refuse(&mut posts, from);
            }
            copied.posts = Some(posts);
            if interrupt::asked() {
                return Err(Error::failed("interrupted", "run the same command again"));
            }
            Ok(())
        });
        match outcome {
            Err(_) if interrupt::asked() => Ok(copied),
            outcome => outcome.map(|()| copied),
        }
    }

    /// Windows that the other store does not have: a download goes on there.
    fn windows(&self, tag: &Hashtag, posts: &PostsWriter) -> Result<(), Error> {
        let mut there = posts.windows()?;
        let known = there.all();
        let is_known = |line: &WindowLine| {
            known.iter().any(|other| {
                (&other.query, other.from, other.to, &other.part)
                    == (&line.query, line.from, line.to, &line.part)
            })
        };
        let mut new = Vec::new();
        for windows in self.source.windows(tag)? {
            new.extend(windows.all().into_iter().filter(|line| !is_known(line)));
        }
        if !new.is_empty() {
            there.begin(new)?;
        }
        Ok(())
    }

    /// What refreshes left behind: a post that was removed must not come back where it is collected next.
    fn gone(
        &self,
        tag: &Hashtag,
        records: &Records,
        posts: &mut PostsWriter,
    ) -> Result<u64, Error> {
        let ids: Vec<PostId> = records.keys().copied().collect();
        let gone = self.source.stock().gone(tag, &ids)?;
        if gone.is_empty() {
            return Ok(0);
        }
        let removed = posts.take_gone(gone)?;
        posts.apply_updates()?;
        if removed > 0 {
            self.ui.note(&format!(
                "#{tag}: {} taken over: removed as gone at TikTok, not stored again",
                counted(removed, "tombstone")
            ));
        }
        Ok(removed)
    }

    /// Whether every post is there, and its record the same.
    fn compare(&self, tag: &Hashtag, source: &Records) -> Result<Exit, Error> {
        let target = Origins::open(self.to.clone())?;
        let mut there = Records::new();
        target.each(tag, &mut |line| {
            if let Ok(stored) = Stored::read(line) {
                there.entry(stored.post.id).or_insert_with(|| hash(line));
            }
            Ok(())
        })?;
        let absent = source.keys().filter(|id| !there.contains_key(id));
        let absent: Vec<PostId> = absent.copied().collect();
        let removed = target.stock().removed(tag, &absent)?;
        let name = format!("#{tag}");
        if !removed.is_empty() {
            let posts = counted(removed.len() as u64, "post");
            self.ui.note(&format!(
                "{name}: {posts} removed there as gone, and not stored again"
            ));
        }
        let mut source = source.clone();
        source.retain(|id, _| !removed.contains(id));
        compare((&name, "post"), &source, &there, &self.to, self.ui)
    }
}

/// Tells whether everything is there, and its record the same.
fn compare<K: Ord + Display>(
    (name, noun): (&str, &str),
    source: &BTreeMap<K, u64>,
    there: &BTreeMap<K, u64>,
    to: &Place,
    ui: &Ui,
) -> Result<Exit, Error> {
    let missing = source.keys().filter(|id| !there.contains_key(id));
    let missing: Vec<String> = missing.map(ToString::to_string).collect();
    let other = |(id, hash): &(&K, &u64)| there.get(id).is_some_and(|there| there != *hash);
    let different = source.iter().filter(other).count();
    let more = there.len() + missing.len() - source.len();
    let mut text = format!(
        "{name}: {} compared with `{to}`: {} missing there, {different} with another record there",
        counted(source.len() as u64, noun),
        missing.len()
    );
    if more > 0 {
        text += &format!(", {} there only", counted(more as u64, noun));
    }
    ui.data(format!("{text}\n").as_bytes())?;
    if missing.is_empty() && different == 0 {
        return Ok(Exit::Done);
    }
    for id in missing.iter().take(5) {
        ui.warn(&format!("{name}: {noun} {id} is missing in `{to}`"));
    }
    Ok(Exit::Damaged)
}

/// What was taken over of one hashtag.
#[derive(Default)]
struct Copied {
    run: String,
    posts: Option<PostsWriter>,
    origin: Option<Origin>,
    read: u64,
    records: Records,
    rejected: Vec<RejectedRecord>,
}

impl Copied {
    /// Notes the posts that the store cannot take.
    fn refuse(&mut self, posts: &mut PostsWriter, from: &str) {
        let refused = posts.refused().into_iter();
        self.rejected
            .extend(refused.map(|(place, reason)| RejectedRecord {
                run: self.run.clone(),
                file: from.to_owned(),
                place,
                reason,
                excerpt: String::new(),
            }));
    }

    fn run(
        &self,
        subject: &str,
        from: &str,
        started: Timestamp,
        taken: Taken,
        interrupted: bool,
    ) -> Run {
        let stopped = if interrupted {
            "interrupted"
        } else {
            "all copied"
        };
        Run {
            run: self.run.clone(),
            command: "copy".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            origin: self.origin.unwrap_or(Origin::Import).name().into(),
            hashtag: subject.to_owned(),
            started,
            finished: Timestamp::now(),
            inputs: vec![RunInput {
                path: from.to_owned(),
                kind: "cotag store".into(),
                bytes: 0,
                sha256: String::new(),
                stopped: interrupted.then(|| stopped.to_owned()),
            }],
            read: self.read,
            new: taken.new,
            known: taken.known,
            rejected: self.rejected.len() as u64,
            stopped: stopped.into(),
            ..Run::default()
        }
    }
}

/// The beginning of a record's hash: enough to tell whether two are the same.
fn hash(line: &str) -> u64 {
    let digest = Sha256::digest(line);
    digest
        .first_chunk::<8>()
        .map_or(0, |first| u64::from_be_bytes(*first))
}
