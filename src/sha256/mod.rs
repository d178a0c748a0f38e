//! SHA-256 of long streams, two of them at once where that is faster.
//!
//! An import hashes what it reads and what it stores. A processor without instructions for SHA-256
//! hashes two streams at a time in hardly more time than one (`pairs`), so one of them waits a
//! little in a [`Queue`] until the other one is hashed.

mod pairs;
mod queue;

use std::fmt;

use ring::digest::{Context, SHA256};

use self::pairs::{Block, Pairs};
pub(crate) use self::queue::Queue;

/// A stream that is hashed as it is given, together with any that wait in a [`Queue`].
#[derive(Clone)]
pub(crate) struct Sha256(Kind);

#[derive(Clone)]
enum Kind {
    /// By instructions of the processor, or with nothing better known.
    Alone(Context),
    Paired(Blocks),
}

/// A stream that may be hashed together with another.
#[derive(Clone)]
struct Blocks {
    pairs: Pairs,
    state: [u32; 8],
    /// The block that is not full yet.
    rest: [u8; 64],
    /// Bytes of the stream.
    length: u64,
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Sha256")
    }
}

impl Sha256 {
    /// The hash of nothing.
    pub(crate) fn new() -> Self {
        Self(match Pairs::if_faster() {
            Some(pairs) => Kind::Paired(Blocks::new(pairs)),
            None => Kind::Alone(Context::new(&SHA256)),
        })
    }

    /// As [`Sha256::new`], with two at once if that can be done at all.
    #[cfg(test)]
    fn paired() -> Self {
        Pairs::if_possible().map_or_else(Self::new, |pairs| Self(Kind::Paired(Blocks::new(pairs))))
    }

    /// Hashes on.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            Kind::Alone(context) => context.update(bytes),
            Kind::Paired(own) => {
                let mut blocks = own.begin(bytes);
                while !blocks.is_empty() {
                    blocks = queue::with_waiting(own, blocks);
                }
            }
        }
    }

    /// As [`Sha256::update`], without any other stream.
    fn update_alone(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            Kind::Alone(context) => context.update(bytes),
            Kind::Paired(own) => {
                let blocks = own.begin(bytes);
                own.add(blocks);
            }
        }
    }

    /// The hash, in hexadecimal.
    pub(crate) fn finish(self) -> String {
        match self.0 {
            Kind::Alone(context) => hex(context.finish().as_ref()),
            Kind::Paired(own) => hex(&own.finish()),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

impl Blocks {
    fn new(pairs: Pairs) -> Self {
        Self {
            pairs,
            state: pairs::FIRST,
            rest: [0; 64],
            length: 0,
        }
    }

    /// Takes bytes in but for the whole blocks among them, which are to be added next.
    fn begin<'b>(&mut self, mut bytes: &'b [u8]) -> &'b [Block] {
        let filled = (self.length % 64) as usize;
        self.length += bytes.len() as u64;
        if filled > 0 {
            let (first, others) = bytes.split_at(bytes.len().min(64 - filled));
            self.rest[filled..filled + first.len()].copy_from_slice(first);
            if filled + first.len() < 64 {
                return &[];
            }
            let full = self.rest;
            self.add(&[full]);
            bytes = others;
        }
        let (blocks, tail) = bytes.as_chunks();
        self.rest[..tail.len()].copy_from_slice(tail);
        blocks
    }

    /// Adds blocks.
    fn add(&mut self, blocks: &[Block]) {
        // The other half of the work is for nothing.
        let mut other = pairs::FIRST;
        self.pairs
            .compress(&mut self.state, &mut other, blocks, blocks);
    }

    /// Adds blocks, and to another stream as many of its own, as far as there are of both; gives how many.
    fn add_with(&mut self, blocks: &[Block], other: &mut Self, others: &[Block]) -> usize {
        let count = blocks.len().min(others.len());
        let (pairs, state) = (self.pairs, &mut self.state);
        pairs.compress(state, &mut other.state, &blocks[..count], &others[..count]);
        count
    }

    fn finish(mut self) -> [u8; 32] {
        let filled = (self.length % 64) as usize;
        let bits = self.length.wrapping_mul(8);
        let mut last = [0; 128];
        last[..filled].copy_from_slice(&self.rest[..filled]);
        last[filled] = 0x80;
        let end = if filled < 56 { 64 } else { 128 };
        last[end - 8..end].copy_from_slice(&bits.to_be_bytes());
        self.add(last[..end].as_chunks().0);
        let mut hash = [0; 32];
        for (bytes, word) in hash.as_chunks_mut().0.iter_mut().zip(self.state) {
            *bytes = word.to_be_bytes();
        }
        hash
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn expected(bytes: &[u8]) -> String {
        hex(ring::digest::digest(&SHA256, bytes).as_ref())
    }

    #[test]
    fn hashes_are_those_of_the_standard() {
        // FIPS 180-2, appendix B.
        for (text, hash) in [
            (
                "",
                "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            ),
            (
                "abc",
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            ),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
            ),
        ] {
            for mut sha in [Sha256::new(), Sha256::paired()] {
                sha.update(text.as_bytes());
                assert_eq!(sha.finish(), hash, "{text}");
            }
        }
    }

    proptest! {
        #[test]
        fn streams_in_any_pieces_have_the_hashes_of_their_bytes(
            given in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..20),
            queued in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..700), 0..20),
            first: prop::sample::Index,
        ) {
            let mut waiting = Queue::of(Sha256::paired(), 192);
            let mut sha = Sha256::paired();
            let turn = first.index(queued.len() + 1);
            for bytes in &queued[..turn] {
                waiting.update(bytes);
            }
            for (number, bytes) in given.iter().enumerate() {
                sha.update(bytes);
                if let Some(bytes) = queued[turn..].get(number) {
                    waiting.update(bytes);
                }
            }
            for bytes in queued[turn..].iter().skip(given.len()) {
                waiting.update(bytes);
            }
            prop_assert_eq!(sha.clone().finish(), expected(&given.concat()));
            prop_assert_eq!(waiting.finish(), expected(&queued.concat()));
        }
    }
}
