//! How long a post takes to be read, quickly and in full, and to be counted, and what hostile files cost: `cargo bench`.

use std::hint::black_box;
use std::ops::ControlFlow;

use cotag::analysis::{Counter, Extras, TagsFrom};
use cotag::json::Vectors;
use cotag::record::{Read, Reader, Stored, name_text};
use cotag::source::files::{Input, ReadOptions, read};
use divan::counter::{BytesCount, ItemsCount};
use divan::{AllocProfiler, Bencher};

#[global_allocator]
static ALLOC: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

const RESEARCH: &str = r#"{"id":7455843246682524961,"create_time":1735948798,"username":"somebody","region_code":"GB","video_description":"a walk in the city at night, and what we found there #london #walk #сегодня #ロンドン","music_id":7136300575794331446,"like_count":4,"comment_count":0,"share_count":0,"view_count":112,"favorites_count":0,"video_duration":53,"effect_ids":["7102570","1884614"],"hashtag_names":["london","walk","сегодня","ロンドン"],"playlist_id":0,"video_label":{"content":"","sink":0,"type":0,"vote":false},"is_stem_verified":false}"#;

/// A thousand posts, one per line.
fn lines() -> String {
    let mut lines = String::new();
    for number in 0..1000 {
        let id = (7_455_843_246_682_524_961_u64 + number * 7919).to_string();
        lines += &RESEARCH
            .replace("7455843246682524961", &id)
            .replace("walk\"", &format!("walk{number}\""));
        lines.push('\n');
    }
    lines
}

#[divan::bench]
fn leaps(bencher: Bencher<'_, '_>) {
    let lines = lines();
    let vectors = Vectors::default();
    bencher.counter(BytesCount::of_str(&lines)).bench_local(|| {
        for line in lines.lines() {
            black_box(vectors.value(line.as_bytes(), 0).is_ok());
        }
    });
}

#[divan::bench]
fn quick(bencher: Bencher<'_, '_>) {
    let lines = lines();
    let mut reader = Reader::default();
    bencher.counter(BytesCount::of_str(&lines)).bench_local(|| {
        each_quickly(&lines, &mut reader, |read| {
            black_box(read.brief.id);
        });
    });
}

#[divan::bench]
fn quick_and_counted(bencher: Bencher<'_, '_>) {
    let lines = lines();
    let mut reader = Reader::default();
    let mut counter = Counter::new(TagsFrom::Auto, Extras::default());
    bencher.counter(BytesCount::of_str(&lines)).bench_local(|| {
        each_quickly(&lines, &mut reader, |read| {
            counter.add_brief(&read.brief, read.origin, name_text);
        });
    });
}

#[divan::bench]
fn in_full(bencher: Bencher<'_, '_>) {
    let lines = lines();
    bencher.counter(BytesCount::of_str(&lines)).bench_local(|| {
        for line in lines.lines() {
            black_box(Stored::read(line).is_ok());
        }
    });
}

/// Lines whose records have no end: what one costs must not grow with their number.
#[divan::bench(args = [1_000, 16_000])]
fn lines_without_an_end(bencher: Bencher<'_, '_>, lines: usize) {
    let text = "{\"id\":1,\"a\":{\"b\":[\n".repeat(lines);
    let mut reader = Reader::default();
    bencher.counter(ItemsCount::new(lines)).bench_local(|| {
        each_quickly(&text, &mut reader, |read| {
            black_box(read.end);
        });
    });
}

/// The same of records in an array of a foreign file, each of which is rejected with an excerpt.
#[divan::bench(args = [1_000, 16_000])]
fn records_without_an_end(bencher: Bencher<'_, '_>, records: usize) {
    let text = format!("[{}", "{\"id\":1,\n".repeat(records));
    bencher.counter(ItemsCount::new(records)).bench_local(|| {
        let mut text = text.as_bytes();
        let input = Input::Reader(&mut text);
        let found = read(input, &ReadOptions::default(), &|_| {}, &mut |found| {
            black_box(&found);
            ControlFlow::Continue(())
        });
        black_box(found.is_ok());
    });
}

fn each_quickly(lines: &str, reader: &mut Reader, mut each: impl FnMut(&Read<'_>)) {
    let mut rest = lines.as_bytes();
    while let Some(end) = memchr::memchr(b'\n', rest) {
        if let Some(read) = reader.read(rest, 0) {
            each(&read);
        }
        rest = &rest[end + 1..];
    }
}
