//! The quick reading of records must say what the full one says, on any bytes.
//!
//! `RUSTC_BOOTSTRAP=1 cargo fuzz run quick` (or a nightly compiler); each line of the input is a record, and the lines are read by
//! one reader, which remembers what it met.

#![no_main]

use std::borrow::Cow;

use cotag::model::spelling;
use cotag::record::{Read, Reader, Stored, Unreadable, name_text};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|block: &[u8]| {
    let mut reader = Reader::default();
    let mut start = 0;
    for line in block.split(|&byte| byte == b'\n') {
        // As the store does: what stands behind the line is there, and not looked at.
        let text = &block[start..];
        start += line.len() + 1;
        if !line.starts_with(b"{") {
            continue;
        }
        let Some(Read { brief, origin, end }) = reader.read(text, 0) else {
            continue;
        };
        if end != line.len() {
            continue;
        }
        let line = String::from_utf8_lossy(line);
        let full = match Stored::read(&line) {
            // Damage inside a value that nobody asked for.
            Err(Unreadable::Json(_)) => continue,
            full => full.expect("what the full reading refuses is not read quickly"),
        };
        let post = full.post;
        assert_eq!((brief.id, brief.created), (post.id, post.created));
        let lossy = |text: Option<&[u8]>| text.map(|text| String::from_utf8_lossy(text).into_owned());
        assert_eq!(lossy(brief.author).as_deref(), post.author.as_deref());
        assert_eq!(lossy(brief.language).as_deref(), post.language.as_deref());
        let region = brief.region.map(|code| code.map(|letter| letter.to_ascii_uppercase()));
        let full_region = post.region.as_deref().map(str::as_bytes);
        assert_eq!(region.as_ref().map(<[u8; 2]>::as_slice), full_region);
        assert_eq!((brief.format, origin), (post.format, full.origin));
        let names: Vec<Cow<'_, str>> = brief.names().map(name_text).collect();
        let names: Vec<&str> = names.iter().map(|name| spelling(name)).collect();
        assert_eq!(names, post.listed_tags);
        if names.is_empty() {
            assert_eq!(brief.caption, post.caption);
        }
    }
});
