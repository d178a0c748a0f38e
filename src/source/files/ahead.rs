//! Records read on other threads while the file is read on, and handed over in their order.
//!
//! A thread reads records as a [`Session`] does, with a session of its own. It keeps those that turn
//! out to be exactly one post with nothing to be said about it; all others are read again by the
//! file's own session when their turn comes, which alone knows what came before them. So whatever
//! stands in a file is handed out as if it had been read by one thread.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::mem::take;
use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::available_parallelism;

use jiff::Timestamp;

use super::found::{Found, Place};
use super::make::{Made, Make};
use super::session::{At, Session};
use crate::model::{Format, Origin, Post};

/// Bytes of records given to a thread at a time. In tests so few that all of it is tried.
const BATCH: usize = if cfg!(test) { 400 } else { 1 << 18 };
/// Reading a file line by line and storing its posts keeps up with no more threads.
const MOST_THREADS: usize = 8;
/// A batch that begins with so many records that have to be read again is not read on.
const VAIN: usize = 8;

/// A post as it will be handed out.
pub(super) struct Ready {
    pub(super) what: What,
    pub(super) place: Place,
    pub(super) format: Option<Format>,
    /// What the record says that the file is.
    pub(super) kind: Option<&'static str>,
}

/// A post, or what was made of it.
pub(super) enum What {
    Post(Box<Whole>),
    /// Its number among those that were made of the batch.
    Made(usize),
}

/// A post with its record.
pub(super) struct Whole {
    pub(super) post: Post<'static>,
    pub(super) raw: String,
    pub(super) fetched: Option<Timestamp>,
    pub(super) origin: Option<Origin>,
}

/// Records behind each other.
#[derive(Default)]
pub(super) struct Batch {
    text: Vec<u8>,
    /// Where each ends.
    records: Vec<(usize, At)>,
}

impl Batch {
    /// The records, and what was made of each.
    pub(super) fn records(&self) -> impl Iterator<Item = (&[u8], At)> {
        let mut from = 0;
        self.records
            .iter()
            .map(move |&(to, at)| (&self.text[std::mem::replace(&mut from, to)..to], at))
    }
}

/// A batch that was read.
#[derive(Default)]
pub(super) struct Done {
    pub(super) batch: Batch,
    /// Of each record the post, or nothing where it is to be read again.
    pub(super) ready: Vec<Option<Ready>>,
    /// What was made of the posts.
    pub(super) made: Option<Box<dyn Made>>,
}

/// Records that wait for their turn.
#[derive(Default)]
pub(super) struct Ahead {
    filling: Batch,
    running: VecDeque<Receiver<Done>>,
    workers: Option<Workers>,
}

impl Ahead {
    /// Takes a record; says whether it is time to take [`Ahead::oldest`].
    pub(super) fn push(
        &mut self,
        record: &[u8],
        at: At,
        given: Option<Format>,
        make: Option<&Arc<dyn Make>>,
    ) -> bool {
        if self.filling.text.capacity() == 0 {
            self.filling.text.reserve(BATCH + record.len() * 2);
        }
        self.filling.text.extend_from_slice(record);
        let end = self.filling.text.len();
        self.filling.records.push((end, at));
        if end < BATCH {
            return false;
        }
        let workers = self
            .workers
            .get_or_insert_with(|| Workers::new(given, make));
        let (done, receiver) = sync_channel(1);
        workers.give(take(&mut self.filling), done);
        self.running.push_back(receiver);
        self.running.len() > workers.threads * 2
    }

    /// The batch whose turn it is, once it is read; `None` where none is left but the one that is
    /// being filled.
    ///
    /// # Errors
    /// A thread failed.
    pub(super) fn oldest(&mut self) -> Option<io::Result<Done>> {
        let done = self.running.pop_front()?.recv();
        Some(done.map_err(|_| io::Error::other("a reading thread failed")))
    }

    /// The records that no thread was given, all of which are to be read.
    pub(super) fn rest(&mut self) -> Done {
        let batch = take(&mut self.filling);
        let mut ready = Vec::new();
        ready.resize_with(batch.records.len(), || None);
        Done {
            batch,
            ready,
            made: None,
        }
    }
}

type Job = (Batch, SyncSender<Done>);

/// Threads that read batches until nobody can give them any more.
struct Workers {
    jobs: Sender<Job>,
    threads: usize,
}

impl Workers {
    fn new(given: Option<Format>, make: Option<&Arc<dyn Make>>) -> Self {
        let threads = available_parallelism().map_or(1, usize::from);
        let threads = threads.min(MOST_THREADS);
        let (jobs, queue) = channel::<Job>();
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..threads {
            let queue = Arc::clone(&queue);
            let make = make.cloned();
            std::thread::spawn(move || {
                loop {
                    let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok((batch, done)) = next else { return };
                    let read = read(batch, given, make.as_ref());
                    // Nobody waits where the reading was given up.
                    let _ = done.send(read);
                }
            });
        }
        Self { jobs, threads }
    }

    fn give(&self, batch: Batch, done: SyncSender<Done>) {
        // Without a thread nobody answers, which is noticed when the answer is waited for.
        let _ = self.jobs.send((batch, done));
    }
}

fn read(batch: Batch, given: Option<Format>, make: Option<&Arc<dyn Make>>) -> Done {
    let found: RefCell<Vec<(What, Place)>> = RefCell::default();
    let mut made = make.map(|make| Arc::clone(make).batch());
    let mut count = 0;
    let mut each = |each: Found<'_>| {
        let Found::Post {
            post,
            raw,
            fetched,
            origin,
            place,
        } = each
        else {
            return ControlFlow::Break(());
        };
        let what = match &mut made {
            Some(made) => {
                made.take(&post, raw, fetched, origin);
                count += 1;
                What::Made(count - 1)
            }
            None => What::Post(Box::new(Whole {
                post: post.into_owned(),
                raw: raw.to_owned(),
                fetched,
                origin,
            })),
        };
        found.borrow_mut().push((what, place));
        ControlFlow::Continue(())
    };
    let mut session = Session::new(given, &mut each);
    session.outline = make.is_some();
    let mut ready = Vec::with_capacity(batch.records.len());
    let mut useful = 0;
    for (record, at) in batch.records() {
        if useful == 0 && ready.len() >= VAIN {
            break;
        }
        let whole = matches!(session.element(record, at), Ok(true));
        let told = session.forget();
        let mut posts = found.borrow_mut();
        let one = match (told, posts.pop()) {
            (Some((format, kind)), Some((what, place))) if whole && posts.is_empty() => {
                Some(Ready {
                    what,
                    place,
                    format,
                    kind,
                })
            }
            _ => None,
        };
        posts.clear();
        useful += usize::from(one.is_some());
        ready.push(one);
    }
    ready.resize_with(batch.records.len(), || None);
    Done { batch, ready, made }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_in_their_order() {
        let mut ahead = Ahead::default();
        let mut expected = Vec::new();
        for number in 1..=100_u64 {
            let record = format!(r#"{{"id":{number},"username":"ann","create_time":1700000000}}"#);
            ahead.push(record.as_bytes(), At::new(Place::line(number)), None, None);
            expected.push(record);
        }
        let mut read = Vec::new();
        while let Some(done) = ahead.oldest() {
            let done = done.unwrap();
            for ((record, at), ready) in done.batch.records().zip(done.ready) {
                let ready = ready.unwrap();
                let What::Post(whole) = ready.what else {
                    panic!("nobody asked to make anything");
                };
                assert_eq!((whole.raw.as_bytes(), ready.place), (record, at.place));
                read.push(whole.raw);
            }
        }
        let rest = ahead.rest();
        read.extend(
            rest.batch
                .records()
                .map(|(record, _)| String::from_utf8_lossy(record).into_owned()),
        );
        assert!(read.len() > rest.ready.len() && read == expected);
    }
}
