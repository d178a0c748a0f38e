//! Columns against the posts: one answer to every question.

use std::collections::BTreeSet;
use std::ops::Range;

use proptest::prelude::*;

use super::*;
use crate::analysis::Counter;
use crate::model::{
    Builder, Created, EachTexts, Format, Names, Origin, Packed, Post, Window, merge_columns,
};

const TAGS: [&str; 12] = [
    "london",
    "London",
    "LONDON",
    "fyp",
    "FYP",
    "#fyp",
    "東京",
    "ｆｙｐ",
    "İstanbul",
    " ",
    "#",
    "a_much_longer_hashtag_than_others",
];
const CAPTIONS: [&str; 5] = [
    "",
    "#fyp #Rome",
    "no hashtag",
    "#London#fyp",
    "#rome and # more",
];
const AUTHORS: [&str; 4] = ["ann", "Ann", "bob", "c.d"];
const REGIONS: [&str; 3] = ["GB", "gb", "FR"];

/// A post and how it came.
type Made = (Post<'static>, Option<Origin>);

type About = (Option<usize>, Option<usize>, Option<usize>, Vec<usize>);
type Told = (
    Option<(i64, i32, bool)>,
    Option<u64>,
    Option<&'static str>,
    usize,
);

fn post(number: u64, (author, region, caption, tags): About, told: Told) -> Made {
    let (created, views, language, kind) = told;
    let id: u64 = 7_000_000_000_000_000_000 + number;
    let formats = [Format::Web, Format::Research, Format::YtDlp];
    let mut post = Post::new(id.to_string().parse().unwrap(), formats[kind]);
    post.author = author.map(|author| AUTHORS[author].into());
    post.region = region.map(|region| REGIONS[region].into());
    post.caption = caption.map(|caption| CAPTIONS[caption].into());
    post.language = language.map(Into::into);
    post.listed_tags = tags.into_iter().map(|tag| TAGS[tag].into()).collect();
    post.counts.views = views;
    post.created = created.map(|(second, half, stated)| {
        let at = Timestamp::new(second, half * 250_000_000).unwrap();
        if stated {
            Created::Stated(at)
        } else {
            Created::FromId(at)
        }
    });
    let origins = [None, Some(Origin::Import), Some(Origin::Research)];
    (post, origins[kind])
}

fn made() -> impl Strategy<Value = Vec<Made>> {
    let about = (
        prop::option::of(0..AUTHORS.len()),
        prop::option::of(0..REGIONS.len()),
        prop::option::of(0..CAPTIONS.len()),
        prop::collection::vec(0..TAGS.len(), 0..5),
    );
    let views = prop_oneof![0..5_u64, any::<u64>().prop_map(|views| views >> 8)];
    let told = (
        prop::option::of((-100_000_i64..200_000, 0..3_i32, any::<bool>())),
        prop::option::of(views),
        prop::option::of(prop_oneof![Just("en"), Just("fr")]),
        0..3_usize,
    );
    prop::collection::vec((about, told), 0..40).prop_map(|posts| {
        let numbered = (0..).zip(posts);
        numbered
            .map(|(number, (about, told))| post(number, about, told))
            .collect()
    })
}

fn filters() -> impl Strategy<Value = Filter> {
    let day = || prop::option::weighted(0.2, -2..3_i64);
    let some = |names: &'static [&'static str]| {
        let one = prop::sample::select(names).prop_map(str::to_owned);
        prop_oneof![3 => Just(Vec::new()), 1 => prop::collection::vec(one, 1..3)]
    };
    (
        (day(), day(), any::<bool>()),
        some(&["GB", "xx"]),
        some(&["EN", "de"]),
        some(&["ANN", "nobody"]),
        some(&["fyp", "rome", "london", "nowhere"]),
    )
        .prop_map(
            |((since, until, any_required), regions, languages, authors, required)| {
                let date = |day: i64| {
                    let epoch = jiff::civil::date(1970, 1, 1);
                    epoch.checked_add(jiff::Span::new().days(day)).unwrap()
                };
                Filter {
                    since: since.map(date),
                    until: until.map(date),
                    regions,
                    languages,
                    authors,
                    required: required
                        .iter()
                        .filter_map(|tag| Hashtag::new(tag))
                        .collect(),
                    any_required,
                    forbidden: Vec::new(),
                }
            },
        )
}

/// Adds a column of a table, or a piece of one, to that of another.
fn put(all: &mut Columns, column: Column, table: &Columns) {
    let pieces = match column {
        Column::Leading => return all.leading = table.leading.clone(),
        Column::Uses => return all.uses.clone_from(&table.uses),
        Column::Variants => return all.variants.clone_from(&table.variants),
        Column::Authors => return all.authors = table.authors.clone(),
        Column::Spellings => return all.spellings = table.spellings.clone(),
        Column::Class => (&mut all.class, &table.class),
        Column::Created => (&mut all.created, &table.created),
        Column::Nanosecond => (&mut all.nanosecond, &table.nanosecond),
        Column::Region => (&mut all.region, &table.region),
        Column::Language => (&mut all.language, &table.language),
        Column::Author => (&mut all.author, &table.author),
        Column::Views => (&mut all.views, &table.views),
        Column::TagCounts => (&mut all.tag_counts, &table.tag_counts),
        Column::Tags => (&mut all.tags, &table.tags),
    };
    let numbers = |packed: &Packed| packed.range(0..packed.len()).collect::<Vec<_>>();
    let (all, piece) = pieces;
    *all = Packed::new(&[numbers(all), numbers(piece)].concat());
}

/// Tables in memory that give no more than they are asked for.
struct Memory {
    tables: Vec<Columns>,
    distinct: Option<u64>,
}

impl Memory {
    fn list(&self, table: usize, list: Column) -> &Names {
        match list {
            Column::Authors => &self.tables[table].authors,
            _ => &self.tables[table].spellings,
        }
    }
}

impl Tables for Memory {
    fn count(&self) -> usize {
        self.tables.len()
    }

    fn distinct(&self) -> Option<u64> {
        self.distinct
    }

    fn read(&self, table: usize, wanted: &[Column]) -> Option<Columns> {
        let mut some = with_head(Columns::default(), self.tables.get(table)?);
        for column in wanted {
            put(&mut some, *column, self.tables.get(table)?);
        }
        Some(some)
    }

    fn tags(&self, table: usize, numbers: Range<usize>, window: &mut Window) -> Option<()> {
        let tags = &self.tables.get(table)?.tags;
        // A little more than asked for, and from where a byte begins.
        let first = numbers.start / 8 * 8;
        let last = tags.len().min(numbers.end + 5);
        if numbers.end > tags.len() {
            return None;
        }
        let some = Packed::new(&tags.range(first..last).collect::<Vec<_>>());
        window.refill(first, (some.bits(), some.len()), |bytes| {
            *bytes = [b"before", some.bytes()].concat();
            Some(6..bytes.len() - Packed::SPARE)
        })
    }

    fn scan(
        &self,
        table: usize,
        list: Column,
        numbers: Range<u32>,
        each: &mut EachTexts<'_>,
    ) -> Option<()> {
        let names = self.list(table, list);
        for number in numbers {
            let name = names.bytes(number);
            if !each(number, &[u32::try_from(name.len()).ok()?], name) {
                break;
            }
        }
        Some(())
    }

    fn texts(&self, table: usize, list: Column, numbers: &[u32]) -> Option<Vec<String>> {
        assert!(numbers.is_sorted());
        let names = self.list(table, list);
        Some(
            numbers
                .iter()
                .map(|&number| names.get(number).to_owned())
                .collect(),
        )
    }
}

fn with_head(all: Columns, head: &Columns) -> Columns {
    Columns {
        posts: head.posts,
        classes: head.classes.clone(),
        span: head.span,
        epoch: head.epoch,
        spelling_count: head.spelling_count,
        author_count: head.author_count,
        regions: head.regions.clone(),
        languages: head.languages.clone(),
        ..all
    }
}

fn rows(table: &Columns) -> Vec<String> {
    let mut tag = 0;
    let row = |post| format!("{:?}", table.row(post, &mut tag));
    (0..table.posts).map(row).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn columns_answer_as_the_posts_do(
        posts in made(),
        filter in filters(),
        (structured, authors, views, weighted) in any::<(bool, bool, bool, bool)>(),
        limit in prop::option::of(0..6_usize),
        min_count in 0..3_u64,
        excluded in any::<bool>(),
        cuts in prop::collection::vec(0..40_usize, 0..3),
        (joined, knows_distinct) in any::<(bool, bool)>(),
    ) {
        let from = if structured { TagsFrom::Structured } else { TagsFrom::Auto };
        let extras = Extras { authors: authors || weighted, views };
        let options = TableOptions {
            limit,
            min_count,
            excluded: Hashtag::new("fyp").into_iter().filter(|_| excluded).collect(),
            weight: if weighted { Weight::Authors } else { Weight::Posts },
        };
        let mut counter = Counter::new(from, extras);
        for (post, origin) in &posts {
            if filter.is_empty() || filter.passes(post, from) {
                counter.add(post, *origin);
            } else {
                counter.sample_mut().filtered += 1;
            }
        }
        counter.sample_mut().rows = posts.len() as u64;
        let expected = FrequencyTable::new(counter, &options);

        let mut builders = vec![Builder::default()];
        for (number, (post, origin)) in posts.iter().enumerate() {
            if cuts.contains(&number) {
                builders.push(Builder::default());
            }
            builders.last_mut().unwrap().push(post, *origin);
        }
        let mut tables: Vec<Columns> =
            builders.into_iter().map(|builder| builder.finish().unwrap()).collect();
        if joined {
            let mut all = Columns::default();
            let mut columns = |column, table: &Columns| {
                put(&mut all, column, table);
                Some(())
            };
            let mut read = |table: usize, _: &[Column]| tables.get(table).cloned();
            let head = merge_columns(tables.len(), &mut read, &mut columns).unwrap();
            let rows: Vec<String> = tables.iter().flat_map(rows).collect();
            tables = vec![with_head(all, &head)];
            prop_assert_eq!(tables.iter().flat_map(self::rows).collect::<Vec<_>>(), rows);
        }
        prop_assert!(tables.iter().all(Columns::adds_up));
        let question = Asked { filter: &filter, from, extras, options: &options };
        let hashtags = tables.iter().flat_map(|table| {
            table.hashtags().into_iter().map(|tag| table.spellings.get(tag))
        });
        let distinct = hashtags.collect::<BTreeSet<_>>().len() as u64;
        let distinct = knows_distinct.then_some(distinct);
        let memory = Memory { tables, distinct };
        prop_assert_eq!(question.answer(&memory), Some(expected));
    }
}

#[test]
fn what_columns_do_not_tell_is_not_answered() {
    let (filter, options) = (Filter::default(), TableOptions::default());
    for (from, told) in [
        (TagsFrom::Auto, true),
        (TagsFrom::Structured, true),
        (TagsFrom::Caption, false),
        (TagsFrom::Both, false),
    ] {
        let question = Asked {
            filter: &filter,
            from,
            extras: Extras::default(),
            options: &options,
        };
        let tables = Memory {
            tables: vec![Columns::default()],
            distinct: Some(0),
        };
        assert_eq!(question.answer(&tables).is_some(), told, "{from:?}");
    }
}

/// Hashtags of a post of a number.
type TagsOf<'f> = &'f dyn Fn(u64) -> Vec<&'static str>;

/// Whether the commonest hashtags tell a ranking of all posts of tables with so many posts each. The
/// ranking is held to that of the posts.
fn ranking_of_all(tables: &[(u64, TagsOf<'_>)], limit: usize) -> bool {
    let (filter, mut counter) = (
        Filter::default(),
        Counter::new(TagsFrom::Auto, Extras::default()),
    );
    let options = TableOptions {
        limit: Some(limit),
        ..TableOptions::default()
    };
    let mut built = Vec::new();
    for (number, (posts, tags_of)) in (0..).zip(tables) {
        let mut builder = Builder::default();
        for post in 0..*posts {
            let id = 7_000_000_000_000_000_000 + number * 1000 + post;
            let mut made = Post::new(id.to_string().parse().unwrap(), Format::Web);
            made.listed_tags = tags_of(post).into_iter().map(Into::into).collect();
            builder.push(&made, None);
            counter.add(&made, None);
        }
        built.push(builder.finish().unwrap());
    }
    counter.sample_mut().rows = counter.sample().posts;
    let expected = FrequencyTable::new(counter, &options);
    let question = Asked {
        filter: &filter,
        from: TagsFrom::Auto,
        extras: Extras::default(),
        options: &options,
    };
    let memory = Memory {
        distinct: Some(expected.distinct as u64),
        tables: built,
    };
    assert_eq!(question.answer(&memory), Some(expected.clone()));
    let told = question.leading(&memory);
    assert!(told.is_none() || told == Some(expected));
    told.is_some()
}

#[test]
fn several_tables_are_ranked_by_their_commonest_hashtags() {
    let many = |post| match post % 8 {
        2 => vec!["London", "rome"],
        3 => vec!["london", "a", "b"],
        4 => vec!["london", "c", "d"],
        _ => vec!["london", "fyp"],
    };
    // A hashtag that the small table does not name is looked for there.
    let few = |post| match post {
        0 => vec!["paris", "london"],
        1 => vec!["paris", "Fyp"],
        2 => vec!["oslo", "London"],
        _ => vec!["oslo", "x", "y", "z"],
    };
    assert!(ranking_of_all(&[(80, &many), (4, &few)], 2));
    assert!(ranking_of_all(&[(80, &many)], 2));
    // Not all of many spellings are kept, but which is the commonest is mostly clear.
    let spelled = |post| match post % 3 {
        0 => vec!["fyp", "london"],
        1 => vec!["fyp", "London"],
        _ => vec!["fyp", "LONDON"],
    };
    assert!(ranking_of_all(&[(80, &many), (3, &spelled)], 2));
    assert!(ranking_of_all(&[(6, &spelled)], 2));
    assert!(!ranking_of_all(&[(6, &spelled), (6, &spelled)], 2));
    // One that no table names may be among so many rows.
    assert!(!ranking_of_all(&[(80, &many), (4, &few)], 10));
}
