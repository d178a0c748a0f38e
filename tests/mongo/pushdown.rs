//! What the database counts is what cotag counts: random posts under random filters.

use cotag::analysis::{
    Counter, Extras, Filter, FrequencyTable, Question, TableOptions, TagsFrom, Weight,
};
use cotag::model::{Hashtag, Origin};
use cotag::record::Stored;
use cotag::store::mongo::Database;
use cotag::store::place::Place;
use cotag::store::{Records, StoreWriter};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use serde_json::json;

use crate::server::database;

/// Few words, so that posts share them, in spellings that fold to the same and that trip databases.
const WORDS: [&str; 12] = [
    "london",
    "London",
    "LONDON",
    "ＬＯＮＤＯＮ",
    "fyp",
    "Fyp",
    "$a.b",
    "ünï",
    "ÜNÏ",
    "東京",
    "#",
    "x",
];

#[derive(Clone, Debug)]
struct Made {
    listed: Vec<usize>,
    captioned: Vec<usize>,
    author: Option<u8>,
    created: Option<i64>,
    views: Option<u64>,
    region: Option<bool>,
    origin: Option<Origin>,
}

fn made() -> impl Strategy<Value = Made> {
    let views = prop_oneof![
        4 => (0_u64..9).prop_map(Some),
        3 => (12_340_u64..12_360).prop_map(Some),
        1 => Just(Some(u64::MAX - 1)),
        1 => Just(Some(i64::MAX as u64)),
        2 => Just(None),
    ];
    (
        prop::collection::vec(0..WORDS.len(), 0..5),
        prop::collection::vec(0..WORDS.len(), 0..4),
        prop::option::weighted(0.9, 0_u8..4),
        prop::option::weighted(0.9, 0_i64..400_000),
        views,
        prop::option::of(any::<bool>()),
        prop_oneof![
            Just(None),
            Just(Some(Origin::Import)),
            Just(Some(Origin::Research))
        ],
    )
        .prop_map(
            |(listed, captioned, author, created, views, region, origin)| Made {
                listed,
                captioned,
                author,
                created,
                views,
                region,
                origin,
            },
        )
}

impl Made {
    fn line(&self, id: u64) -> String {
        let word = |at: &usize| WORDS[*at];
        let caption: Vec<String> = self
            .captioned
            .iter()
            .map(|at| format!("#{} ", word(at)))
            .collect();
        let listed: Vec<_> = self
            .listed
            .iter()
            .map(|at| json!({ "hashtagName": word(at) }))
            .collect();
        let mut post = json!({
            "id": id.to_string(), "desc": caption.concat(), "textExtra": listed, "author": {}, "stats": {},
        });
        if let Some(author) = self.author {
            post["author"]["uniqueId"] = json!(["ann", "Ann", "böb", "BÖB"][usize::from(author)]);
        }
        if let Some(seconds) = self.created {
            post["createTime"] = json!(1_673_884_800 + seconds);
        }
        if let Some(views) = self.views {
            post["stats"]["playCount"] = json!(views);
        }
        if let Some(region) = self.region {
            post["locationCreated"] = json!(if region { "GB" } else { "fr" });
        }
        let raw = post.to_string();
        match self.origin {
            None => raw,
            Some(origin) => cotag::record::Envelope {
                origin,
                format: cotag::model::Format::Web,
                fetched: None,
                run: "r".into(),
            }
            .seal(&raw),
        }
    }
}

fn filter() -> impl Strategy<Value = Filter> {
    let tag = || prop::collection::vec(0..WORDS.len(), 0..2);
    let day = || prop::option::weighted(0.3, 16_i8..21);
    let tags = |of: Vec<usize>| {
        of.into_iter()
            .filter_map(|at| Hashtag::new(WORDS[at]))
            .collect()
    };
    let date = |day: i8| jiff::civil::date(2023, 1, day);
    (
        day(),
        day(),
        any::<bool>(),
        any::<bool>(),
        tag(),
        any::<bool>(),
        tag(),
    )
        .prop_map(
            move |(since, until, region, author, required, any_required, forbidden)| Filter {
                since: since.map(date),
                until: until.map(date),
                regions: if region {
                    vec!["gb".into()]
                } else {
                    Vec::new()
                },
                authors: if author {
                    vec!["ANN".into(), "BÖB".into()]
                } else {
                    Vec::new()
                },
                required: tags(required),
                any_required,
                forbidden: tags(forbidden),
                ..Filter::default()
            },
        )
}

fn options() -> impl Strategy<Value = TableOptions> {
    (
        prop::option::of(1_usize..6),
        0_u64..3,
        prop::collection::vec(0..WORDS.len(), 0..2),
        any::<bool>(),
    )
        .prop_map(|(limit, min_count, excluded, authors)| TableOptions {
            limit,
            min_count,
            excluded: excluded
                .into_iter()
                .filter_map(|at| Hashtag::new(WORDS[at]))
                .collect(),
            weight: if authors {
                Weight::Authors
            } else {
                Weight::Posts
            },
        })
}

/// A filter, which rows, where hashtags come from, and whether with authors and views.
type Asked = (Filter, TableOptions, TagsFrom, bool, bool);

/// The whole table of the database against the one that cotag makes of the same lines.
fn agrees(
    database: &Database,
    tag: &Hashtag,
    lines: &[String],
    (filter, options, from, authors, views): &Asked,
) -> Result<(), TestCaseError> {
    let extras = Extras {
        authors: *authors || options.weight == Weight::Authors,
        views: *views,
    };
    let mut counter = Counter::new(*from, extras);
    for line in lines {
        let stored = Stored::read(line).unwrap();
        counter.sample_mut().rows += 1;
        if filter.passes(&stored.post, *from) {
            counter.add(&stored.post, stored.origin);
        } else {
            counter.sample_mut().filtered += 1;
        }
    }
    let expected = FrequencyTable::new(counter, options);
    let question = Question::new(tag, filter, *from, extras, options);
    let mut asked = Vec::new();
    let answered = question.answer(&mut |pipeline| {
        asked.push(pipeline.clone());
        database.aggregate("posts", &pipeline.stages)
    });
    let found = answered.unwrap().unwrap();
    prop_assert!(found.agrees, "{asked:#?}");
    prop_assert_eq!(&found.table, &expected, "{:#?}", asked);
    Ok(())
}

#[test]
fn the_database_counts_as_we_do() {
    let server = database();
    let Ok(Place::Database(place)) = Place::parse(&server.address) else {
        panic!("no database");
    };
    let mut next_id = 7_189_254_512_345_678_000_u64;
    let mut case = 0;
    let from = prop_oneof![
        Just(TagsFrom::Auto),
        Just(TagsFrom::Structured),
        Just(TagsFrom::Caption),
        Just(TagsFrom::Both)
    ];
    let asked = prop::collection::vec((filter(), options(), from, any::<bool>(), any::<bool>()), 6);
    let strategy = (prop::collection::vec(made(), 0..30), asked);
    let mut runner = TestRunner::new(Config {
        cases: 24,
        failure_persistence: None,
        ..Config::default()
    });
    let ids = std::cell::RefCell::new((&mut next_id, &mut case));
    runner
        .run(&strategy, |(posts, asked)| {
            let (tag, lines) = {
                let mut ids = ids.borrow_mut();
                *ids.1 += 1;
                let tag = Hashtag::new(&format!("case{}", ids.1)).unwrap();
                let lines: Vec<String> = posts
                    .iter()
                    .map(|post| {
                        *ids.0 += 1;
                        post.line(*ids.0)
                    })
                    .collect();
                (tag, lines)
            };
            let place = Place::Database(place.clone());
            let mut writer =
                StoreWriter::open(&place, "test", std::time::Duration::ZERO, &mut |_| ()).unwrap();
            let mut stored = writer.posts(&tag, Origin::Import).unwrap();
            for line in &lines {
                stored
                    .take(Stored::read(line).unwrap().post.id, line, None)
                    .unwrap();
            }
            stored.commit().unwrap();
            prop_assert_eq!(stored.taken().new, lines.len() as u64);
            let Place::Database(place) = &place else {
                unreachable!()
            };
            let database = Database::open(place).unwrap();
            prop_assert_eq!(
                database
                    .verify(&Records::Posts(tag.clone()))
                    .unwrap()
                    .findings,
                Vec::<String>::new()
            );
            for asked in &asked {
                agrees(&database, &tag, &lines, asked)?;
            }
            Ok(())
        })
        .unwrap();
}
