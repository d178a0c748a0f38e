//! How the posts of a file are laid out, told from one look at its beginning.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;

use fs_err as fs;

use super::StoreError;
use super::blocks::Cut;
use super::scan::{BEGINNING, Layout, layout_of, record};
use crate::record::Stored;

/// How posts are laid out that all cores can read.
#[derive(Debug)]
pub(super) enum Laid {
    /// As a store's: a post per line between two brackets.
    Store,
    /// A post per line and nothing around them.
    Lines,
    /// An array on a single line, of records that are cut so.
    Array(Cut),
}

/// Looks at a file; `None` where its beginning is that of anything else.
///
/// # Errors
/// The disk's own.
pub(super) fn look(path: &Path) -> Result<Option<Laid>, StoreError> {
    /// Longer than nearly all posts.
    const HEAD: u64 = 1 << 18;

    let mut file = BufReader::new(fs::File::open(path)?);
    let mut head = Vec::new();
    file.by_ref().take(HEAD).read_to_end(&mut head)?;
    let beginning = &head[..head.len().min(BEGINNING)];
    if layout_of(beginning) == Layout::Lines {
        let first = (&head[..]).chain(file).split(b'\n').nth(1).transpose()?;
        return Ok(first
            .is_some_and(|line| is_post(&line))
            .then_some(Laid::Store));
    }
    let first = memchr::memchr(b'\n', &head).map(|end| &head[..end]);
    // What is no UTF-8 is mended, and that is told, by who reads in order.
    if first.is_some_and(|line| std::str::from_utf8(line).is_ok() && is_post(line)) {
        return Ok(Some(Laid::Lines));
    }
    Ok(Cut::after(beginning).map(Laid::Array))
}

/// Whether the record of a line is a post.
fn is_post(line: &[u8]) -> bool {
    let record = record(line);
    record.starts_with(b"{") && Stored::read(&String::from_utf8_lossy(record)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looks(text: impl AsRef<[u8]>) -> &'static str {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        match look(file.path()).unwrap() {
            Some(Laid::Store) => "store",
            Some(Laid::Lines) => "lines",
            Some(Laid::Array(_)) => "array",
            None => "other",
        }
    }

    fn post(caption: &str) -> String {
        format!(r#"{{"id":"7189254512345678901","desc":"{caption}","createTime":1714557600}}"#)
    }

    #[test]
    fn one_look_tells_how_posts_are_laid_out() {
        let one = post("");
        for (text, laid) in [
            (format!("[\n{one},\n{one}\n]\n"), "store"),
            (format!("\u{feff}[\r\n{one}\r\n]\r\n"), "store"),
            (format!("[\n{one}"), "store"),
            (format!("{one}\n{one}\n"), "lines"),
            (format!(" {one} ,\r\n"), "lines"),
            (format!("[{one},{one}]"), "array"),
            (format!("[{one}]\n"), "array"),
            (String::new(), "other"),
            ("[\n]\n".into(), "other"),
            ("[\n{\"a\":1}\n]\n".into(), "other"),
            ("{\"a\":1}\n".into(), "other"),
            // It may be an envelope around posts.
            (one.clone(), "other"),
            (format!("\n{one}\n"), "other"),
            (format!("\u{feff}{one}\n"), "other"),
            (format!("[\n  {one}\n]"), "other"),
        ] {
            assert_eq!(looks(&text), laid, "{text:?}");
        }
    }

    #[test]
    fn a_first_post_longer_than_the_look_is_a_post_of_a_store() {
        let long = post(&"x".repeat(1 << 18));
        assert_eq!(looks(format!("[\n{long},\n{long}\n]\n")), "store");
        assert_eq!(looks(format!("{long}\n{long}\n")), "other");
    }

    #[test]
    fn bytes_that_are_no_utf_8_are_left_to_who_tells_of_them() {
        let text = post("?").replace('?', "\u{1}").into_bytes();
        let broken: Vec<u8> = text
            .iter()
            .map(|&b| if b == 1 { 0xff } else { b })
            .collect();
        assert_eq!(looks([&broken[..], b"\n"].concat()), "other");
        assert_eq!(looks([b"[\n", &broken[..], b"\n]\n"].concat()), "store");
    }
}
