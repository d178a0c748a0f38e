//! Ctrl-C, and SIGTERM where there is one: the work at hand is brought to an end and saved; a second one ends the program at once.

use std::io::{self, Read};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use crate::error::Exit;

static ASKED: AtomicBool = AtomicBool::new(false);

/// How long an interrupt may wait for input that does not come.
const POLL: Duration = Duration::from_millis(50);
/// Bytes read from standard input at once, and how many such pieces may wait to be used.
const PIECE: usize = 64 * 1024;
const PIECES: usize = 8;

/// From now on an interrupt is a wish that [`asked`] tells.
pub(super) fn listen() {
    // Fails only where a handler is set already, which then is this one.
    let _ = ctrlc::try_set_handler(|| {
        if ASKED.swap(true, Ordering::SeqCst) {
            #[expect(clippy::exit, reason = "the person insists")]
            std::process::exit(Exit::Interrupted as i32);
        }
    });
    #[cfg(unix)]
    terminate();
}

/// What a system that shuts down, or a scheduler, sends.
#[cfg(unix)]
fn terminate() {
    static LISTENING: std::sync::Once = std::sync::Once::new();
    LISTENING.call_once(|| {
        let Ok(mut signals) = signal_hook::iterator::Signals::new([signal_hook::consts::SIGTERM])
        else {
            // The signal then ends the program at once, as a kill would, which loses nothing stored.
            return;
        };
        std::thread::spawn(move || {
            for _ in signals.forever() {
                if ASKED.swap(true, Ordering::SeqCst) {
                    #[expect(clippy::exit, reason = "whoever sends it insists")]
                    std::process::exit(Exit::Interrupted as i32);
                }
            }
        });
    });
}

/// Whether the person wants the command to end.
pub(super) fn asked() -> bool {
    ASKED.load(Ordering::SeqCst)
}

/// A reader that fails once an interrupt is asked for.
///
/// It must fail, not end: a table that seems to end gives half a row for a whole one.
pub(super) struct Interruptible<R>(pub(super) R);

impl<R: Read> Read for Interruptible<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if asked() {
            return Err(io::Error::other("interrupted"));
        }
        self.0.read(into)
    }
}

/// Standard input, read by a thread of its own: a read that waits for a slow source cannot be interrupted.
pub(super) struct Stdin {
    pieces: Receiver<io::Result<Vec<u8>>>,
    piece: io::Cursor<Vec<u8>>,
}

impl Stdin {
    pub(super) fn new() -> Self {
        let (sender, pieces) = sync_channel(PIECES);
        std::thread::spawn(move || {
            loop {
                let mut piece = vec![0; PIECE];
                let read = io::stdin().lock().read(&mut piece).map(|count| {
                    piece.truncate(count);
                    piece
                });
                let last = read.as_ref().map_or(true, Vec::is_empty);
                // Nobody listens any more once the import has ended.
                if sender.send(read).is_err() || last {
                    return;
                }
            }
        });
        Self {
            pieces,
            piece: io::Cursor::default(),
        }
    }
}

impl Read for Stdin {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.piece.read(into)?;
            if count > 0 {
                return Ok(count);
            }
            match self.pieces.recv_timeout(POLL) {
                Ok(piece) => {
                    let piece = piece?;
                    if piece.is_empty() {
                        return end();
                    }
                    self.piece = io::Cursor::new(piece);
                }
                Err(RecvTimeoutError::Disconnected) => return end(),
                Err(RecvTimeoutError::Timeout) if asked() => return end(),
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }
}

/// The end of the input, which is none where the interrupt has ended the program that wrote it.
fn end() -> io::Result<usize> {
    if asked() {
        return Err(io::Error::other("interrupted"));
    }
    Ok(0)
}
