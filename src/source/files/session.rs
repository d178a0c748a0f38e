//! One file being read: raw records in, posts and rejected records out.

use std::borrow::Cow;
use std::io;
use std::ops::ControlFlow;
use std::sync::{Arc, LazyLock};

use jiff::Timestamp;
use memchr::memmem;

use super::ahead::{Ahead, Done, Ready, What};
use super::error::FileError;
use super::found::{Found, Place, Rejected, excerpt};
use super::make::{Made, Make};
use super::notes::Notes;
use crate::json::{Fields, WalkError, is_deeper, lone_surrogates, one_line, redact};
use crate::model::{Format, Origin};
use crate::record::{self, Recogniser, Unreadable};

/// A NUL character as JSON escapes it.
static NUL: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new(b"\\u0000"));

/// How many records nobody knows may come before the first post until the file is given up.
const UNKNOWN_LIMIT: usize = 20;

/// How deep a record may be nested: one that is deeper would make a whole `data.json` unreadable
/// for other programs. Posts have some ten levels.
const DEEPEST: usize = 100;

/// What a file is whose first post is such a file; its later posts do not say so.
pub(super) const SIDECAR: &str = "gallery-dl metadata";

/// Why reading stops before the end.
pub(super) enum Stop {
    /// The caller has enough.
    Asked,
    /// The file is refused or cannot be read.
    Refused(FileError),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Refused(FileError::Io(error))
    }
}

/// Why a walk through a container ends early: the text, or the reading as a whole.
pub(super) enum Failure {
    Walk(WalkError),
    Stop(Stop),
}

impl From<WalkError> for Failure {
    fn from(error: WalkError) -> Self {
        Self::Walk(error)
    }
}

impl From<Stop> for Failure {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

/// Where a record stands and what is known of it from around it.
#[derive(Clone, Copy)]
pub(super) struct At {
    pub(super) place: Place,
    pub(super) fetched: Option<Timestamp>,
    /// How the post first came, if it is taken from a store of ours.
    pub(super) origin: Option<Origin>,
    /// Containers around it; answers inside answers inside answers are nobody's format.
    pub(super) depth: u8,
    /// The text may end inside this record.
    pub(super) is_last: bool,
}

impl At {
    pub(super) fn new(place: Place) -> Self {
        Self {
            place,
            fetched: None,
            origin: None,
            depth: 0,
            is_last: false,
        }
    }
}

/// The reading of one file.
pub(super) struct Session<'s> {
    pub(super) given: Option<Format>,
    each: &'s mut dyn FnMut(Found<'_>) -> ControlFlow<()>,
    kind: Option<&'static str>,
    /// How the records stand in the file, for kinds that have no name of their own.
    pub(super) layout: &'static str,
    first_format: Option<Format>,
    pub(super) posts: u64,
    pub(super) rejected: u64,
    pub(super) notes: Notes,
    /// Records that are no posts of a known format, kept back until the first post shows that this
    /// is a file of posts.
    unknown: Vec<Rejected>,
    /// Why there may be no posts.
    pub(super) doubt: Option<FileError>,
    pub(super) recogniser: Recogniser,
    /// See [`super::ReadOptions::live`].
    pub(super) live: bool,
    /// What is made of posts that other threads read.
    pub(super) make: Option<Arc<dyn Make>>,
    /// Posts are read as far as those ask who make something of them.
    pub(super) outline: bool,
    /// Records of the file that other threads read.
    ahead: Ahead,
}

impl<'s> Session<'s> {
    pub(super) fn new(
        given: Option<Format>,
        each: &'s mut dyn FnMut(Found<'_>) -> ControlFlow<()>,
    ) -> Self {
        Self {
            given,
            each,
            kind: None,
            layout: "JSON",
            first_format: None,
            posts: 0,
            rejected: 0,
            notes: Notes::default(),
            unknown: Vec::new(),
            doubt: None,
            recogniser: Recogniser::default(),
            live: false,
            make: None,
            outline: false,
            ahead: Ahead::default(),
        }
    }

    /// Reads one value on another thread, to be handed out in its turn; whatever is done meanwhile
    /// with this session has to wait for [`Session::catch_up`].
    pub(super) fn read_ahead(&mut self, record: &[u8], at: At) -> Result<(), Stop> {
        if self.live {
            return self.element(record, at).map(drop);
        }
        if !self.ahead.push(record, at, self.given, self.make.as_ref()) {
            return Ok(());
        }
        match self.ahead.oldest() {
            Some(done) => self.take(done?),
            None => Ok(()),
        }
    }

    /// Hands out all records that other threads were given.
    pub(super) fn catch_up(&mut self) -> Result<(), Stop> {
        while let Some(done) = self.ahead.oldest() {
            self.take(done?)?;
        }
        let rest = self.ahead.rest();
        self.take(rest)
    }

    /// Hands out records; those of which nothing was made are read here. Once the reading is given
    /// up, nothing of what was read ahead is left.
    fn take(&mut self, done: Done) -> Result<(), Stop> {
        let Done {
            batch,
            ready,
            mut made,
        } = done;
        for ((record, at), ready) in batch.records().zip(ready) {
            let taken = match ready {
                Some(ready) if ready.kind != Some(SIDECAR) => {
                    self.hand_out_ready(ready, made.as_deref_mut())
                }
                _ => self.element(record, at).map(drop),
            };
            if taken.is_err() {
                self.ahead = Ahead::default();
                return taken;
            }
        }
        Ok(())
    }

    fn hand_out_ready(&mut self, ready: Ready, made: Option<&mut dyn Made>) -> Result<(), Stop> {
        if let Some(kind) = ready.kind {
            self.name_kind(kind);
        }
        self.flush()?;
        if self.first_format.is_none() {
            self.first_format = ready.format;
        }
        self.posts += 1;
        let place = ready.place;
        match (ready.what, made) {
            (What::Post(whole), _) => self.hand_out(Found::Post {
                post: whole.post,
                raw: &whole.raw,
                fetched: whole.fetched,
                origin: whole.origin,
                place,
            }),
            (What::Made(number), Some(made)) => self.hand_out(Found::Made { made, number }),
            // What was made comes with its batch.
            (What::Made(_), None) => Ok(()),
        }
    }

    /// Makes it a session that has read nothing; gives back the format and kind of what it had read,
    /// if that was one post and nothing is to be said about it.
    pub(super) fn forget(&mut self) -> Option<(Option<Format>, Option<&'static str>)> {
        let plain = self.posts == 1
            && self.rejected == 0
            && self.notes == Notes::default()
            && self.unknown.is_empty()
            && self.doubt.is_none();
        let told = (self.first_format.take(), self.kind.take());
        (self.posts, self.rejected) = (0, 0);
        self.notes = Notes::default();
        self.unknown.clear();
        self.doubt = None;
        plain.then_some(told)
    }

    /// Says what the file is; the first name counts.
    pub(super) fn name_kind(&mut self, kind: &'static str) {
        self.kind.get_or_insert(kind);
    }

    /// The format of a record or table that shows this one: what was given decides only where the
    /// fields do not.
    pub(super) fn format(&self, told: Option<Format>) -> Result<Option<Format>, FileError> {
        match (self.given, told) {
            (Some(given), Some(told)) if !given.may_look_like(told) => {
                Err(FileError::OtherFormat { given, told })
            }
            (given, told) => Ok(given.or(told)),
        }
    }

    /// What a person would call the file.
    pub(super) fn kind(&self) -> String {
        match (self.kind, self.first_format) {
            (Some(kind), _) => kind.to_owned(),
            (None, Some(format)) => format!("{} ({})", format.title(), self.layout),
            (None, None) => self.layout.to_owned(),
        }
    }

    /// Settles what was kept back, at the end of the file.
    pub(super) fn finish(&mut self) -> Result<(), Stop> {
        if self.posts == 0 && self.rejected == 0 {
            if let Some(doubt) = self.doubt.take() {
                return Err(Stop::Refused(doubt));
            }
            if let Some(first) = self.unknown.first() {
                return Err(Stop::Refused(unrecognised(first)));
            }
            let seen = match self.notes.sentences() {
                notes if notes.is_empty() => "an empty list or table".to_owned(),
                notes => notes.join("; "),
            };
            return Err(Stop::Refused(FileError::NoPosts { seen }));
        }
        self.flush()
    }

    /// Hands out a rejected record.
    pub(super) fn reject(&mut self, rejected: Rejected) -> Result<(), Stop> {
        self.flush()?;
        self.rejected += 1;
        self.hand_out(Found::Rejected(rejected))
    }

    /// A record of no known format, or no JSON at all: enough of them make the file a foreign one.
    pub(super) fn reject_unknown(&mut self, rejected: Rejected) -> Result<(), Stop> {
        if self.posts + self.rejected > 0 {
            return self.reject(rejected);
        }
        self.unknown.push(rejected);
        if self.unknown.len() < UNKNOWN_LIMIT {
            return Ok(());
        }
        Err(Stop::Refused(unrecognised(&self.unknown[0])))
    }

    /// A whole file of the wrong kind, or, once posts were found in it, one such record.
    pub(super) fn refuse(&mut self, why: FileError, at: At, record: &[u8]) -> Result<(), Stop> {
        if self.posts == 0 && self.rejected == 0 {
            return Err(Stop::Refused(why));
        }
        self.reject(Rejected::new(at.place, why.to_string(), record))
    }

    /// A walk that could not go on. `lost` tells whether the rest is lost with it.
    pub(super) fn reject_walk(
        &mut self,
        error: WalkError,
        at: At,
        record: &[u8],
        lost: bool,
    ) -> Result<(), Stop> {
        let rest = if lost {
            "; what follows it cannot be read"
        } else {
            ""
        };
        let reason = match error {
            WalkError::Io(error) => return Err(error.into()),
            WalkError::Cut { .. } if lost => "the file ends inside this record".to_owned(),
            WalkError::TooLarge { limit, .. } => {
                format!("larger than {} MiB{rest}", limit >> 20)
            }
            error => format!("{error}{rest}"),
        };
        self.reject(Rejected::new(at.place, reason, record))
    }

    /// A record's text, fit for parsing and storing: valid UTF-8, one line, no lone surrogates,
    /// no secrets.
    pub(super) fn prepare<'b>(&mut self, record: &'b [u8]) -> Cow<'b, str> {
        let text = self.utf8(record);
        let (mended, changed) = then(text, lone_surrogates);
        self.notes.lone_surrogates += u64::from(changed);
        let (line, _) = then(mended, one_line);
        then(line, redact).0
    }

    /// Text without NUL bytes, what is not valid replaced.
    pub(super) fn utf8<'b>(&mut self, bytes: &'b [u8]) -> Cow<'b, str> {
        let text = if let Ok(text) = simdutf8::basic::from_utf8(bytes) {
            Cow::Borrowed(text)
        } else {
            self.notes.invalid_utf8 += 1;
            String::from_utf8_lossy(bytes)
        };
        if memchr::memchr(0, text.as_bytes()).is_none() {
            return text;
        }
        self.notes.nul_bytes += 1;
        Cow::Owned(text.replace('\0', ""))
    }

    /// A row of a table, as an object of its columns.
    pub(super) fn row(&mut self, object: &str, format: Format, at: At) -> Result<(), Stop> {
        let text = redact(object);
        match Fields::parse(&text) {
            Ok(fields) => self.post(format, &fields, &text, at),
            Err(error) => {
                let reason = format!("not readable as a record: {error}");
                self.reject(Rejected::new(at.place, reason, text.as_bytes()))
            }
        }
    }

    /// A record of a known format.
    pub(super) fn post(
        &mut self,
        format: Format,
        fields: &Fields<'_>,
        raw: &str,
        at: At,
    ) -> Result<(), Stop> {
        if !fields.are_shallow() && is_deeper(raw, DEEPEST) {
            let reason =
                format!("nested deeper than {DEEPEST} levels, which other programs cannot read");
            return self.reject(Rejected::new(at.place, reason, raw.as_bytes()));
        }
        let read = if self.outline {
            record::read_outline
        } else {
            record::read
        };
        let post = match read(format, fields) {
            Ok(post) => post,
            Err(_) if is_error_row(fields) => {
                self.notes.error_rows += 1;
                return Ok(());
            }
            Err(Unreadable::Comment) => {
                return self.refuse(FileError::Comments, at, raw.as_bytes());
            }
            Err(error) => {
                return self.reject(Rejected::new(at.place, error.to_string(), raw.as_bytes()));
            }
        };
        self.flush()?;
        self.first_format.get_or_insert(format);
        self.posts += 1;
        if !fields.are_clean() && NUL.find(raw.as_bytes()).is_some() {
            self.notes.nul_escapes += 1;
        }
        self.hand_out(Found::Post {
            post,
            raw,
            fetched: at.fetched,
            origin: at.origin,
            place: at.place,
        })
    }

    fn flush(&mut self) -> Result<(), Stop> {
        for rejected in std::mem::take(&mut self.unknown) {
            self.rejected += 1;
            self.hand_out(Found::Rejected(rejected))?;
        }
        Ok(())
    }

    fn hand_out(&mut self, found: Found<'_>) -> Result<(), Stop> {
        match (self.each)(found) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Stop::Asked),
        }
    }
}

/// What tools write where a post could not be had: `{"error": …}` without a post around it.
fn is_error_row(fields: &Fields<'_>) -> bool {
    (fields.has("error") || fields.has("errorCode") || fields.has("errorMessage"))
        && fields.filled("text").is_none()
}

fn unrecognised(first: &Rejected) -> FileError {
    FileError::Unrecognised {
        seen: format!("{}: {} ({})", first.place, first.excerpt, first.reason),
    }
}

/// Applies a repair without copying text that needs none; whether it changed anything.
fn then(text: Cow<'_, str>, repair: impl Fn(&str) -> Cow<'_, str>) -> (Cow<'_, str>, bool) {
    match text {
        Cow::Borrowed(text) => {
            let repaired = repair(text);
            let changed = matches!(repaired, Cow::Owned(_));
            (repaired, changed)
        }
        Cow::Owned(text) => match repair(&text) {
            Cow::Borrowed(_) => (Cow::Owned(text), false),
            Cow::Owned(repaired) => (Cow::Owned(repaired), true),
        },
    }
}

/// The first bytes of a file that nobody knows, fit to be shown.
pub(super) fn first_bytes(start: &[u8]) -> String {
    format!(
        "it starts with \"{}\"",
        start[..start.len().min(60)].escape_ascii()
    ) + if excerpt(start).is_empty() {
        ""
    } else {
        " …"
    }
}
