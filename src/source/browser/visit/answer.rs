//! Reading one answer: its body fetched, its posts handed on, and what it says besides.

use std::ops::ControlFlow;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::json;
use sha2::Digest as _;

use super::super::BODIES_LIMIT;
use super::super::judge::{self, Trouble, Verdict};
use super::super::page::Place;
use super::super::protocol::Unanswered;
use super::super::watch::Answer;
use super::{Reading, Step, Stop, shown, stop_of};
use crate::source::files::{
    FileError, Found, Input, Place as FilePlace, ReadOptions, Rejected, read,
};

/// How long an answer's body may take from the browser to us.
const BODY: Duration = Duration::from_secs(20);

impl Reading<'_> {
    /// Fetches an answer's body and reads it.
    pub(super) fn answer(&mut self, answer: &Answer) -> Step {
        let request = json!({"requestId": answer.request});
        let line = &mut self.browser.connection;
        let reply = match line.ask("Network.getResponseBody", &request, BODY) {
            Ok(reply) => reply,
            Err(Unanswered::Late) => {
                self.skip(answer, "the browser did not hand it out");
                return Step::Continue(());
            }
            Err(Unanswered::Refused(why)) => {
                // An answer without a body has none to hand out.
                if answer.bytes > 0 {
                    self.skip(
                        answer,
                        &format!("the browser no longer has it ({})", shown(&why)),
                    );
                } else {
                    self.judge(answer, b"", 0);
                }
                return self.give_up_if_none();
            }
            Err(other) => return Step::Break(stop_of(&other)),
        };
        let result = reply.result();
        let text = result.text("body").unwrap_or_default();
        let body = if result.flag("base64Encoded") == Some(true) {
            STANDARD.decode(text.as_bytes()).unwrap_or_default()
        } else {
            text.into_owned().into_bytes()
        };
        drop(reply);
        if !answer.document && answer.place == Place::Other && !holds_list(&body) {
            return Step::Continue(());
        }
        let posts = self.read(answer, &body)?;
        self.judge(answer, &body, posts);
        self.new = match self.keeper.settle() {
            ControlFlow::Continue(new) => new,
            ControlFlow::Break(()) => return Step::Break(Stop::Keeper),
        };
        if self.manner.limit.is_some_and(|limit| self.new >= limit) {
            return Step::Break(Stop::Limit);
        }
        if self.bytes > BODIES_LIMIT {
            return Step::Break(Stop::TooMuch);
        }
        self.give_up_if_none()
    }

    /// Hands the posts of an answer to the keeper; how many there were.
    fn read(&mut self, answer: &Answer, body: &[u8]) -> Step<u64> {
        let fetched = Timestamp::now();
        let (ids, keeper) = (&mut self.ids, &mut *self.keeper);
        let (mut posts, mut broken) = (0, false);
        let mut each = |found: Found<'_>| {
            let id = match &found {
                Found::Post { post, .. } => Some(post.id.get()),
                Found::Made { .. } | Found::Rejected(_) => None,
            };
            match keeper.found(found, fetched) {
                ControlFlow::Continue(belongs) => {
                    if let Some(id) = id {
                        posts += 1;
                        if belongs {
                            ids.insert(id);
                        }
                    }
                    ControlFlow::Continue(())
                }
                ControlFlow::Break(()) => {
                    broken = true;
                    ControlFlow::Break(())
                }
            }
        };
        let mut bytes = body;
        let input = Input::Reader(&mut bytes);
        let outcome = read(input, &ReadOptions::default(), &|_| {}, &mut each);
        if broken {
            return Step::Break(Stop::Keeper);
        }
        let is_list = answer.place == Place::List;
        let unread = match &outcome {
            // Answers without posts are judged by what they say.
            Err(
                FileError::Empty
                | FileError::NoPosts { .. }
                | FileError::NoPageState
                | FileError::Blocked { .. }
                | FileError::Comments,
            ) => None,
            Err(error) if is_list && holds_list(body) => Some(error.to_string()),
            _ => None,
        };
        if let Some(reason) = unread {
            let rejected = Rejected {
                place: FilePlace::byte(0),
                reason,
                excerpt: String::new(),
            };
            if self
                .keeper
                .found(Found::Rejected(rejected), fetched)
                .is_break()
            {
                return Step::Break(Stop::Keeper);
            }
        }
        if posts > 0 || is_list {
            self.answers += 1;
            self.bytes += body.len() as u64;
            self.hash.update(body);
        }
        Step::Continue(posts)
    }

    /// Takes note of what an answer says besides its posts.
    fn judge(&mut self, answer: &Answer, body: &[u8], posts: u64) {
        let verdict = if answer.document {
            judge::document(self.page, answer.status, body)
        } else {
            judge::answer(self.page, answer.place, answer.status, body)
        };
        let Verdict {
            more,
            trouble,
            total,
        } = verdict;
        self.total = total.or(self.total);
        match trouble {
            Some(Trouble::NoSuch(what)) if self.ids.is_empty() => {
                self.ended = true;
                self.refusal = Some(what);
                self.in_a_row = 0;
                self.refused = 0;
            }
            Some(Trouble::Blocked(what)) => self.refuse(what),
            _ if posts > 0 => {
                self.refusal = None;
                self.in_a_row = 0;
            }
            _ => {}
        }
        if more == Some(false) && answer.place == Place::List {
            self.ended = true;
        }
    }

    pub(super) fn refuse(&mut self, what: String) {
        self.refusal = Some(what);
        self.in_a_row += 1;
        self.refused += 1;
    }

    pub(super) fn skip(&mut self, answer: &Answer, why: &str) {
        // A page can make any number of them.
        if self.skipped.len() < 100 {
            self.skipped.push(format!("{}: {why}", shown(&answer.path)));
        }
    }

    /// Ends a visit of a page that says that there is none.
    fn give_up_if_none(&mut self) -> Step {
        match &self.refusal {
            Some(what) if self.ended && self.refused == 0 && self.ids.is_empty() => {
                Step::Break(Stop::NoSuch(what.clone()))
            }
            _ => Step::Continue(()),
        }
    }
}

/// Whether a body may hold posts at all: most answers of a page are about something else.
fn holds_list(body: &[u8]) -> bool {
    [
        &b"\"itemList\""[..],
        b"\"item_list\"",
        b"\"ItemModule\"",
        b"\"aweme_list\"",
    ]
    .iter()
    .any(|key| memchr::memmem::find(body, key).is_some())
}
