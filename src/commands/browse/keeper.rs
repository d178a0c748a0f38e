//! Storing what a page shows while it is being scrolled.

use std::ops::ControlFlow;

use jiff::Timestamp;

use super::interrupt;
use crate::analysis::{TagsFrom, tags_of};
use crate::error::Error;
use crate::model::{Hashtag, Origin, Post};
use crate::record::Envelope;
use crate::source::browser::{Keeper, Page};
use crate::source::files::Found;
use crate::store::{Added, RejectedRecord, TagWriter};
use crate::ui::Ui;

/// Bytes of posts kept in memory before they are stored, within one answer.
const COMMIT: usize = 4 << 20;
/// How many records that cannot be read are listed of one page.
const REJECTED: u64 = 10_000;

/// What happened to the posts of one page.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    /// Records met, each as often as it came.
    pub(super) read: u64,
    pub(super) new: u64,
    /// Met again, or stored before.
    pub(super) known: u64,
    pub(super) tombstoned: u64,
    /// Not the page's own: without the hashtag, or of another account.
    pub(super) elsewhere: u64,
    pub(super) rejected: u64,
}

/// A page's posts on their way into the store.
pub(super) struct Taking<'t> {
    page: &'t Page,
    writer: TagWriter,
    run: &'t str,
    ui: &'t Ui,
    tally: Tally,
    waiting: Vec<RejectedRecord>,
    error: Option<Error>,
    bytes: u64,
}

impl<'t> Taking<'t> {
    pub(super) fn new(page: &'t Page, writer: TagWriter, run: &'t str, ui: &'t Ui) -> Self {
        Self {
            page,
            writer,
            run,
            ui,
            tally: Tally::default(),
            waiting: Vec::new(),
            error: None,
            bytes: 0,
        }
    }

    /// The writer back, what happened, and the error that ended it.
    pub(super) fn finish(mut self) -> (TagWriter, Tally, Option<Error>) {
        // What a page brought before it broke off amid an answer is kept.
        if self.error.is_none() {
            self.error = self.store().err();
        }
        (self.writer, self.tally, self.error)
    }

    fn store(&mut self) -> Result<(), Error> {
        self.writer.commit()?;
        self.writer.reject(&std::mem::take(&mut self.waiting))?;
        Ok(())
    }

    fn post(&mut self, post: &Post<'_>, raw: &str, fetched: Timestamp) -> Result<bool, Error> {
        self.tally.read += 1;
        self.bytes += raw.len() as u64;
        if !belongs(self.page, post) {
            self.tally.elsewhere += 1;
            return Ok(false);
        }
        let envelope = Envelope {
            origin: Origin::Browser,
            format: post.format,
            fetched: Some(fetched),
            run: self.run.to_owned(),
        };
        let line = envelope.seal(raw);
        match self.writer.add_post(post, Origin::Browser, &line) {
            Added::New => self.tally.new += 1,
            Added::Known => self.tally.known += 1,
            Added::Tombstoned => self.tally.tombstoned += 1,
        }
        if self.writer.pending() >= COMMIT {
            self.store()?;
        }
        Ok(true)
    }

    fn keep(&mut self, outcome: Result<bool, Error>) -> ControlFlow<(), bool> {
        match outcome {
            Ok(belongs) => ControlFlow::Continue(belongs),
            Err(error) => {
                self.error = Some(error);
                ControlFlow::Break(())
            }
        }
    }
}

impl Keeper for Taking<'_> {
    fn found(&mut self, found: Found<'_>, fetched: Timestamp) -> ControlFlow<(), bool> {
        match found {
            Found::Post { post, raw, .. } => {
                let outcome = self.post(&post, raw, fetched);
                self.keep(outcome)
            }
            // Only where that is asked for.
            Found::Made { .. } => ControlFlow::Continue(false),
            Found::Rejected(record) => {
                self.tally.read += 1;
                self.tally.rejected += 1;
                if self.tally.rejected <= REJECTED {
                    self.waiting.push(RejectedRecord {
                        run: self.run.to_owned(),
                        file: format!("browser, {}", self.page.kind()),
                        place: record.place.to_string(),
                        reason: record.reason,
                        excerpt: record.excerpt,
                    });
                }
                ControlFlow::Continue(false)
            }
        }
    }

    fn settle(&mut self) -> ControlFlow<(), u64> {
        let outcome = self.store().map(|()| true);
        self.ui.progress(self.bytes, self.tally.new);
        match self.keep(outcome) {
            ControlFlow::Continue(_) => ControlFlow::Continue(self.tally.new),
            ControlFlow::Break(()) => ControlFlow::Break(()),
        }
    }

    fn tell(&self, text: &str) {
        self.ui.note(text);
    }

    fn warn(&self, text: &str) {
        self.ui.warn(text);
    }

    fn is_ending(&self) -> bool {
        interrupt::asked()
    }
}

/// Whether a post is one of the page's own.
fn belongs(page: &Page, post: &Post<'_>) -> bool {
    match page {
        Page::Tag(wanted) => tags_of(post, TagsFrom::Auto)
            .iter()
            .any(|tag| Hashtag::new(tag).as_ref() == Some(wanted)),
        Page::User(name) => post
            .author
            .as_deref()
            .is_some_and(|author| author.to_lowercase() == *name),
        Page::Search(_) => true,
    }
}
