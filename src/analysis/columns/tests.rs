//! Columns against the posts: one answer to every question.

use proptest::prelude::*;

use super::*;
use crate::analysis::Counter;
use crate::model::{Builder, Created, Format, Origin, Post};

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
        joined in any::<bool>(),
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
            let mut all = Builder::default();
            for table in &tables {
                all.append(table);
            }
            tables = vec![all.finish().unwrap()];
        }
        prop_assert!(tables.iter().all(Columns::adds_up));
        let question = Asked { filter: &filter, from, extras, options: &options };
        prop_assert!(question.columns(tables.len()).is_some());
        prop_assert_eq!(question.answer(&tables), Some(expected));
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
        assert_eq!(question.columns(1).is_some(), told, "{from:?}");
    }
}
