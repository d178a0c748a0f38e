//! How long a store's index takes to be built, read and counted from: `cargo bench --bench index`.

use std::hint::black_box;
use std::time::Duration;

use cotag::analysis::{Asked, Extras, Filter, TableOptions, TagsFrom};
use cotag::model::{Builder, Hashtag, Origin};
use cotag::record::Stored;
use cotag::store::{Index, Run, Writer};
use divan::counter::ItemsCount;
use divan::{AllocProfiler, Bencher};

#[global_allocator]
static ALLOC: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

const POSTS: u64 = 20_000;

/// Stored lines of posts whose hashtags are as unevenly common as real ones.
fn lines() -> Vec<String> {
    let mut state = 1_u64;
    let mut below = |limit: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % limit
    };
    let mut line = |number: u64| {
        let tags: Vec<String> = (0..below(16))
            .map(|_| {
                let digits = below(16);
                format!("\"tag{}\"", below(2 << digits))
            })
            .collect();
        format!(
            r#"{{"id":{},"create_time":{},"username":"user{}","region_code":"GB","view_count":{},"hashtag_names":[{}],"_cotag":{{"origin":"import","format":"research","run":"r"}}}}"#,
            7_000_000_000_000_000_000 + number,
            1_600_000_000 + number * 37,
            below(5000),
            below(1_000_000),
            tags.join(",")
        )
    };
    (0..POSTS).map(&mut line).collect()
}

/// A store of these posts, and its index.
fn stored() -> (tempfile::TempDir, Index) {
    let fault = "a store in a temporary directory";
    let folder = tempfile::tempdir().expect(fault);
    let tag = Hashtag::new("london").expect(fault);
    let timeout = Duration::from_secs(1);
    let mut writer = Writer::open(folder.path(), "bench", timeout, &mut |_| ()).expect(fault);
    let mut posts = writer.tag(&tag, Origin::Import).expect(fault);
    for line in lines() {
        posts.add_line(&line).expect(fault);
    }
    let place = posts.folder().to_owned();
    writer.finish(vec![(posts, Run::default())]).expect(fault);
    let index = Index::open(&place).expect(fault);
    (folder, index)
}

#[divan::bench]
fn build(bencher: Bencher<'_, '_>) {
    let lines = lines();
    let posts: Vec<Stored<'_>> = lines
        .iter()
        .filter_map(|line| Stored::read(line).ok())
        .collect();
    bencher.counter(ItemsCount::new(POSTS)).bench_local(|| {
        let mut builder = Builder::default();
        for stored in &posts {
            builder.push(&stored.post, stored.origin);
        }
        black_box(builder.finish())
    });
}

/// From the files to the ranking, as `cotag frequencies` asks.
fn count(bencher: Bencher<'_, '_>, filter: &Filter, extras: Extras) {
    let (_folder, index) = stored();
    let asked = Asked {
        filter,
        from: TagsFrom::Auto,
        extras,
        options: &TableOptions {
            limit: Some(20),
            ..TableOptions::default()
        },
    };
    bencher
        .counter(ItemsCount::new(POSTS))
        .bench_local(|| asked.answer(&index.tables()?));
}

#[divan::bench]
fn all_posts(bencher: Bencher<'_, '_>) {
    count(bencher, &Filter::default(), Extras::default());
}

#[divan::bench]
fn posts_with_a_hashtag(bencher: Bencher<'_, '_>) {
    let filter = Filter {
        required: Hashtag::new("tag1").into_iter().collect(),
        ..Filter::default()
    };
    count(bencher, &filter, Extras::default());
}

#[divan::bench]
fn authors_and_views(bencher: Bencher<'_, '_>) {
    let extras = Extras {
        authors: true,
        views: true,
    };
    count(bencher, &Filter::default(), extras);
}
