//! The driver is asynchronous, the store is not: one thread of our own runs the driver's work.
//!
//! A command may be inside a runtime itself (a download is), where waiting for another one is
//! forbidden; handing the work to a thread and waiting for its answer is not.

use std::future::Future;
use std::io;
use std::sync::mpsc;
use std::time::Duration;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// The thread. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Runtime {
    handle: Handle,
    _stop: oneshot::Sender<()>,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoAnswer {
    /// It took longer than it may.
    TooLate,
    /// The work itself failed in a way that it must not.
    Gone,
}

impl Runtime {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(super) fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        std::thread::Builder::new()
            .name("database".into())
            .spawn(move || {
                // Ends with an error as soon as the sender is gone, which is what is waited for.
                let _ = runtime.block_on(stopped);
            })?;
        Ok(Self {
            handle,
            _stop: stop,
        })
    }

    /// Does work on the thread without waiting for it.
    pub(super) fn spawn<F>(&self, work: F) -> tokio::task::JoinHandle<()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.handle.spawn(work)
    }

    /// Does work on the thread and waits for it, at most so long.
    pub(super) fn block<F>(&self, limit: Option<Duration>, work: F) -> Result<F::Output, NoAnswer>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let (answer, answered) = mpsc::sync_channel(1);
        self.handle.spawn(async move {
            let done = match limit {
                Some(limit) => tokio::time::timeout(limit, work)
                    .await
                    .map_err(|_| NoAnswer::TooLate),
                None => Ok(work.await),
            };
            // Nobody waits any more only if the process ends.
            let _ = answer.send(done);
        });
        answered.recv().unwrap_or(Err(NoAnswer::Gone))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_inside_another_runtime_was_a_panic() {
        let ours = Runtime::start().unwrap();
        let other = Builder::new_current_thread().build().unwrap();
        let answer = other.block_on(async { ours.block(None, async { 7 }) });
        assert_eq!(answer, Ok(7));
    }

    #[test]
    fn work_that_takes_too_long_is_given_up() {
        let runtime = Runtime::start().unwrap();
        let forever = std::future::pending::<()>();
        let answer = runtime.block(Some(Duration::from_millis(5)), forever);
        assert_eq!(answer, Err(NoAnswer::TooLate));
    }
}
