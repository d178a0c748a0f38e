//! Threads that fetch at the same time; one place takes what they bring.

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, PoisonError};

use crate::commands::interrupt;
use crate::error::Error;
use crate::http::Downloads;
use crate::model::PostId;
use crate::source::media::{Fetching, Medium, Part, Photo, Progress, YtDlp, fetch_photo};

/// A piece of work.
pub(super) enum Task {
    /// Posts and their pages, for one yt-dlp.
    Videos(Vec<(PostId, String)>),
    /// A photo post.
    Photo(PostId),
}

/// What a thread brings.
pub(super) enum Event {
    /// So much of a file is there.
    Bytes(PostId, u64),
    /// All files of a post.
    Whole(PostId, Vec<Part>),
    /// Why there is nothing of a post.
    Failed(PostId, String),
}

/// What all threads need.
pub(super) struct Crew {
    pub(super) program: Option<YtDlp>,
    pub(super) downloads: Downloads,
    pub(super) how: Fetching,
    /// Every post as a photo post: what it is may only show when it is fetched.
    pub(super) photos: HashMap<u64, Photo>,
}

impl Crew {
    /// Works through the tasks with so many threads, until done, interrupted, or `take` fails.
    ///
    /// # Errors
    /// Those of `take`; the first that keeps a thread from working.
    pub(super) fn work(
        &self,
        tasks: Vec<Task>,
        jobs: usize,
        take: &mut dyn FnMut(Event) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let queue = Mutex::new(VecDeque::from(tasks));
        let halt = AtomicBool::new(false);
        let (sender, events) = channel();
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..jobs)
                .map(|_| {
                    let sender = sender.clone();
                    scope.spawn(|| {
                        let sender = sender;
                        self.thread(&queue, &halt, &sender)
                    })
                })
                .collect();
            drop(sender);
            let mut outcome = Ok(());
            for event in events {
                if outcome.is_ok() {
                    outcome = take(event);
                    if outcome.is_err() {
                        halt.store(true, Ordering::SeqCst);
                    }
                }
            }
            for thread in threads {
                match thread.join() {
                    Ok(result) => outcome = outcome.and(result),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            outcome
        })
    }

    fn thread(
        &self,
        queue: &Mutex<VecDeque<Task>>,
        halt: &AtomicBool,
        sender: &Sender<Event>,
    ) -> Result<(), Error> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let stop = || interrupt::asked() || halt.load(Ordering::SeqCst);
        // Nobody listens any more only where the run has ended.
        let tell = |event| drop(sender.send(event));
        let photo = |id: PostId| {
            let Some(photo) = self.photos.get(&id.get()) else {
                return;
            };
            let (work, most) = (&self.how.work, self.how.most);
            match runtime.block_on(fetch_photo(&self.downloads, photo, work, most, &stop)) {
                Ok(parts) => tell(Event::Whole(id, parts)),
                Err(_) if stop() => {}
                Err(reason) => tell(Event::Failed(id, reason)),
            }
        };
        while !stop() {
            let next = queue
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .pop_front();
            match (next, &self.program) {
                (None, _) => break,
                (Some(Task::Photo(id)), _) => photo(id),
                (Some(Task::Videos(batch)), Some(program)) => {
                    // A photo post of which that was not known: yt-dlp brings its sound alone.
                    let mut photos = Vec::new();
                    program
                        .fetch(&batch, &self.how, &stop, &mut |progress| match progress {
                            Progress::Bytes(id, bytes) => tell(Event::Bytes(id, bytes)),
                            Progress::Failed(id, reason) => tell(Event::Failed(id, reason)),
                            Progress::Whole(id, path) => match video(path) {
                                Ok(Some(part)) => tell(Event::Whole(id, vec![part])),
                                Ok(None) => photos.push(id),
                                Err(reason) => tell(Event::Failed(id, reason)),
                            },
                        })
                        .map_err(|error| {
                            Error::failed(
                                format!(
                                    "`{}` cannot be started: {error}",
                                    program.path().display()
                                ),
                                "`cotag doctor` looks at it",
                            )
                        })?;
                    photos.into_iter().for_each(&photo);
                }
                (Some(Task::Videos(batch)), None) => {
                    for (id, _) in batch {
                        tell(Event::Failed(id, "yt-dlp is missing".into()));
                    }
                }
            }
        }
        Ok(())
    }
}

/// The file as a video; `None` for a sound. Anything else is thrown away: a page that says no, mostly.
fn video(path: PathBuf) -> Result<Option<Part>, String> {
    let medium = Medium::of_file(&path).map_err(|error| error.to_string())?;
    match medium {
        Some(medium @ Medium::Video(_)) => return Ok(Some((path, medium))),
        Some(Medium::Sound(_)) => {}
        _ => {
            // It would be taken for the post's file later on.
            fs_err::remove_file(&path).map_err(|error| error.to_string())?;
            return Err("what the server sent is no video".into());
        }
    }
    fs_err::remove_file(&path).map_err(|error| error.to_string())?;
    Ok(None)
}
