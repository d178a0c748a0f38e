//! A file's bytes on their way in: counted, hashed, unpacked.

use std::cell::{Cell, RefCell};
use std::fmt::Write as _;
use std::io::{self, Read};
use std::rc::Rc;
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;

use flate2::read::MultiGzDecoder;
use ring::digest::{Context, SHA256};
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

use crate::json::Window;

/// What is known of the bytes read so far.
#[derive(Default)]
pub(super) struct Counted {
    /// Bytes as stored, compressed if the file is.
    pub(super) bytes: Cell<u64>,
    failed: Cell<bool>,
    /// Why unpacking stopped before the end.
    pub(super) damage: RefCell<Option<String>>,
}

/// A reader that counts and hashes what passes, and tells how far it is.
pub(super) struct Tap<'a> {
    input: Box<dyn Read + 'a>,
    counted: Rc<Counted>,
    progress: &'a dyn Fn(u64),
    hash: Hash,
}

impl<'a> Tap<'a> {
    pub(super) fn new(
        input: Box<dyn Read + 'a>,
        counted: &Rc<Counted>,
        progress: &'a dyn Fn(u64),
    ) -> Self {
        Self {
            input,
            counted: Rc::clone(counted),
            progress,
            hash: Hash::new(),
        }
    }

    /// SHA-256 of the bytes read, in hexadecimal.
    pub(super) fn sha256(self) -> String {
        self.hash.finish()
    }
}

impl Read for Tap<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(into).inspect_err(|error| {
            if error.kind() != io::ErrorKind::Interrupted {
                self.counted.failed.set(true);
            }
        })?;
        self.hash.update(&into[..count]);
        self.counted
            .bytes
            .set(self.counted.bytes.get() + count as u64);
        (self.progress)(self.counted.bytes.get());
        Ok(count)
    }
}

/// SHA-256 on a thread of its own: on machines without instructions for it, it takes as long as
/// everything else together.
struct Hash {
    chunks: SyncSender<Vec<u8>>,
    /// Chunks that were hashed, to be filled again.
    spare: Receiver<Vec<u8>>,
    worker: JoinHandle<Context>,
}

impl Hash {
    fn new() -> Self {
        let (chunks, received) = sync_channel::<Vec<u8>>(8);
        let (hashed, spare) = channel();
        let worker = std::thread::spawn(move || {
            let mut hash = Context::new(&SHA256);
            for mut chunk in received {
                hash.update(&chunk);
                chunk.clear();
                // Nobody fills it again at the end.
                let _ = hashed.send(chunk);
            }
            hash
        });
        Self {
            chunks,
            spare,
            worker,
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            let mut chunk = self.spare.try_recv().unwrap_or_default();
            chunk.extend_from_slice(bytes);
            // The worker hears as long as this sender lives.
            let _ = self.chunks.send(chunk);
        }
    }

    fn finish(self) -> String {
        drop(self.chunks);
        let Ok(hash) = self.worker.join() else {
            return String::new();
        };
        hash.finish()
            .as_ref()
            .iter()
            .fold(String::with_capacity(64), |mut text, byte| {
                // Writing to a string does not fail.
                let _ = write!(text, "{byte:02x}");
                text
            })
    }
}

/// The text of a file, unpacked if it is gzip or zstd, told by its first bytes.
///
/// Damage inside compressed data ends the text early and is kept in [`Counted::damage`], so that
/// what was unpacked before it is not lost.
pub(super) fn unpacked<'a>(
    mut input: impl Read + 'a,
    counted: &Rc<Counted>,
) -> io::Result<Box<dyn Read + 'a>> {
    let mut start = Vec::new();
    input.by_ref().take(4).read_to_end(&mut start)?;
    let packing = packing(&start);
    let input = io::Cursor::new(start).chain(input);
    let packed: Box<dyn Read + 'a> = match packing {
        // Not buffered here, so that a plain file is not copied once more.
        None => return Ok(Box::new(input)),
        Some(Packing::Gzip) => Box::new(MultiGzDecoder::new(Window::new(input))),
        Some(Packing::Zstd) => Box::new(Zstd::Between(Window::new(input))),
    };
    Ok(Box::new(Unpacking {
        packed,
        counted: Rc::clone(counted),
    }))
}

/// How bytes are compressed.
#[derive(Clone, Copy)]
enum Packing {
    Gzip,
    Zstd,
}

/// The first bytes of a zstd frame.
const ZSTD: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];

fn packing(start: &[u8]) -> Option<Packing> {
    if start.starts_with(&[0x1F, 0x8B]) {
        Some(Packing::Gzip)
    } else if start.starts_with(&ZSTD) || skippable(start) {
        Some(Packing::Zstd)
    } else {
        None
    }
}

/// Whether a zstd frame starts here that holds no data.
fn skippable(start: &[u8]) -> bool {
    matches!(start, [0x50..=0x5F, 0x2A, 0x4D, 0x18, ..])
}

struct Unpacking<'a> {
    packed: Box<dyn Read + 'a>,
    counted: Rc<Counted>,
}

impl Read for Unpacking<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.counted.damage.borrow().is_some() {
            return Ok(0);
        }
        match self.packed.read(into) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) if !self.counted.failed.get() => {
                *self.counted.damage.borrow_mut() = Some(error.to_string());
                Ok(0)
            }
            result => result,
        }
    }
}

/// Several zstd frames after each other, as `zstd --append` and parallel writers make them.
enum Zstd<R: Read> {
    Between(Window<R>),
    Inside(Box<StreamingDecoder<Window<R>, FrameDecoder>>),
    Ended,
}

impl<R: Read> Read for Zstd<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            *self = match std::mem::replace(self, Self::Ended) {
                Self::Ended => return Ok(0),
                Self::Between(window) => match next_frame(window)? {
                    Some(frame) => Self::Inside(Box::new(frame)),
                    None => return Ok(0),
                },
                Self::Inside(mut frame) => {
                    let count = frame.read(into)?;
                    if count > 0 || into.is_empty() {
                        *self = Self::Inside(frame);
                        return Ok(count);
                    }
                    Self::Between(frame.into_inner())
                }
            };
        }
    }
}

fn next_frame<R: Read>(
    mut window: Window<R>,
) -> io::Result<Option<StreamingDecoder<Window<R>, FrameDecoder>>> {
    loop {
        window.fill_to(8)?;
        match window.unread() {
            [] => return Ok(None),
            start if skippable(start) => {
                let Some(length) = start.get(4..8).and_then(|size| size.try_into().ok()) else {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                };
                window.consume(8);
                let length = u64::from(u32::from_le_bytes(length));
                io::copy(&mut window.by_ref().take(length), &mut io::sink())?;
            }
            _ => {
                return StreamingDecoder::new(window)
                    .map(Some)
                    .map_err(io::Error::other);
            }
        }
    }
}
