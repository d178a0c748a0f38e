//! The quick reading of records must say what the full one says, on any bytes.
//!
//! `cargo +nightly fuzz run quick`; each line of the input is a record, and the lines are read by
//! one reader, which remembers what it met.

#![no_main]

use cotag::json::{Marked, Marks};
use cotag::model::spelling;
use cotag::record::{Reader, Stored, Unreadable, name_text};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|block: &[u8]| {
    let mut marks = Marks::default();
    marks.mark(block);
    let mut reader = Reader::default();
    let mut start = 0;
    for line in block.split(|&byte| byte == b'\n') {
        let (at, end) = (start, start + line.len());
        start = end + 1;
        // As the store does: a line with other control characters is never read quickly.
        if !line.starts_with(b"{") || line.iter().any(|&byte| byte < b' ') {
            continue;
        }
        let record = Marked {
            text: &block[..end],
            marks: &marks,
        };
        let Some((brief, origin)) = reader.read(record, at) else {
            continue;
        };
        let text = String::from_utf8_lossy(line);
        let full = match Stored::read(&text) {
            // Damage inside a value that nobody asked for.
            Err(Unreadable::Json(_)) => continue,
            full => full.expect("what the full reading refuses is not read quickly"),
        };
        let post = full.post;
        assert_eq!((brief.id, brief.created), (post.id, post.created));
        assert_eq!(brief.has_author, post.author.is_some());
        assert_eq!((brief.format, origin), (post.format, full.origin));
        let names: Vec<_> = brief.names().map(name_text).collect();
        let names: Vec<&str> = names.iter().map(|name| spelling(name)).collect();
        assert_eq!(names, post.listed_tags);
        if names.is_empty() {
            assert_eq!(brief.caption, post.caption);
        }
    }
});
