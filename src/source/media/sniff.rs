//! What a file is, told from its first bytes. Names and content types are what a server says.

/// How many bytes are needed.
pub(super) const NEEDED: usize = 16;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Medium {
    /// Pictures that move, with the usual extension.
    Video(&'static str),
    /// A picture.
    Image(&'static str),
    /// A sound.
    Sound(&'static str),
}

impl Medium {
    /// Tells what begins with these bytes; `None` for anything else, such as a page of text.
    pub fn of(start: &[u8]) -> Option<Self> {
        Some(match start {
            [0xff, 0xd8, 0xff, ..] => Self::Image("jpg"),
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Self::Image("png"),
            [b'G', b'I', b'F', b'8', ..] => Self::Image("gif"),
            [
                b'R',
                b'I',
                b'F',
                b'F',
                _,
                _,
                _,
                _,
                b'W',
                b'E',
                b'B',
                b'P',
                ..,
            ] => Self::Image("webp"),
            [_, _, _, _, b'f', b't', b'y', b'p', brand @ ..] => match brand {
                [b'h', b'e', b'i', b'c' | b'x' | b'm', ..] | [b'm', b'i', b'f', b'1', ..] => {
                    Self::Image("heic")
                }
                [b'a', b'v', b'i', b'f', ..] => Self::Image("avif"),
                [b'M', b'4', b'A' | b'B', ..] => Self::Sound("m4a"),
                _ => Self::Video("mp4"),
            },
            [0x1a, 0x45, 0xdf, 0xa3, ..] => Self::Video("webm"),
            [b'F', b'L', b'V', 1, ..] => Self::Video("flv"),
            [b'I', b'D', b'3', ..] | [0xff, 0xfb | 0xfa | 0xf3 | 0xf2, ..] => Self::Sound("mp3"),
            [0xff, 0xf1 | 0xf9, ..] => Self::Sound("aac"),
            [b'O', b'g', b'g', b'S', ..] => Self::Sound("ogg"),
            [
                b'R',
                b'I',
                b'F',
                b'F',
                _,
                _,
                _,
                _,
                b'W',
                b'A',
                b'V',
                b'E',
                ..,
            ] => Self::Sound("wav"),
            _ => return None,
        })
    }

    /// Tells what a file is.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn of_file(path: &std::path::Path) -> std::io::Result<Option<Self>> {
        use std::io::Read as _;
        let mut start = Vec::with_capacity(NEEDED);
        fs_err::File::open(path)?
            .take(NEEDED as u64)
            .read_to_end(&mut start)?;
        Ok(Self::of(&start))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_from_their_bytes() {
        for (start, medium) in [
            (&b"\0\0\0\x18ftypisom\0\0"[..], Some(Medium::Video("mp4"))),
            (b"\0\0\0\x18ftypM4A \0\0", Some(Medium::Sound("m4a"))),
            (b"\0\0\0\x18ftypheic\0\0", Some(Medium::Image("heic"))),
            (b"\xff\xd8\xff\xe0\0\x10JFIF", Some(Medium::Image("jpg"))),
            (b"RIFF\0\0\0\0WEBPVP8 ", Some(Medium::Image("webp"))),
            (b"ID3\x04", Some(Medium::Sound("mp3"))),
            (b"<!DOCTYPE html>", None),
            (b"{\"error\":1}", None),
            (b"MZ\x90", None),
            (b"", None),
        ] {
            assert_eq!(Medium::of(start), medium, "{start:?}");
        }
    }
}
