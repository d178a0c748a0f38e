//! The table against a naive count, in any split of the posts.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::model::{Format, Post};

fn post(
    id: u64,
    tags: &[&'static str],
    author: Option<&'static str>,
    views: Option<u64>,
) -> Post<'static> {
    let mut post = Post::new((id + 1).to_string().parse().unwrap(), Format::Web);
    post.listed_tags = tags.iter().map(|&tag| tag.into()).collect();
    post.author = author.map(Into::into);
    post.counts.views = views;
    post
}

const ALL: Extras = Extras {
    authors: true,
    views: true,
};

fn count(posts: &[Post<'_>]) -> Counter {
    let mut counter = Counter::new(TagsFrom::Auto, ALL);
    for post in posts {
        counter.add(post, None);
    }
    counter
}

fn lines(table: &FrequencyTable) -> Vec<(String, u64)> {
    table
        .rows
        .iter()
        .map(|row| (row.spelling.clone(), row.occurrences))
        .collect()
}

#[test]
fn a_post_counts_a_hashtag_once_whatever_its_spellings() {
    let posts = [
        post(0, &["London", "london", "LONDON"], Some("ann"), Some(10)),
        post(1, &["london", "fyp"], Some("ann"), None),
        post(2, &["London", "fyp"], Some("bob"), Some(30)),
        post(3, &[], None, Some(5)),
    ];
    let table = FrequencyTable::new(count(&posts), &TableOptions::default());
    assert_eq!(
        lines(&table),
        [("London".to_owned(), 3), ("fyp".to_owned(), 2)]
    );
    assert_eq!(table.total, 4);
    let london = &table.rows[0];
    assert_eq!(
        (london.authors, london.views_sum, london.views_median),
        (Some(2), Some(40), Some(20.0))
    );
    assert!((london.frequency - 0.75).abs() < 1e-12);
    assert!((london.top_author_share.unwrap() - 2.0 / 3.0).abs() < 1e-12);
    assert_eq!(table.sample.tag_sources.none, 1);
}

#[test]
fn one_vote_per_author() {
    let posts = [
        post(0, &["a"], Some("ann"), None),
        post(1, &["a", "b"], Some("ann"), None),
        post(2, &["b"], Some("bob"), None),
        post(3, &["a"], None, None),
    ];
    let options = TableOptions {
        weight: Weight::Authors,
        ..TableOptions::default()
    };
    let table = FrequencyTable::new(count(&posts), &options);
    assert_eq!(lines(&table), [("b".to_owned(), 2), ("a".to_owned(), 1)]);
    assert_eq!((table.total, table.sample.without_author), (2, 1));
}

#[test]
fn ties_are_broken_by_code_point_and_a_cut_keeps_the_first() {
    let posts = [post(0, &["z", "ä", "b", "a"], None, None)];
    let options = TableOptions {
        limit: Some(3),
        ..TableOptions::default()
    };
    let table = FrequencyTable::new(count(&posts), &options);
    assert_eq!(
        lines(&table)
            .into_iter()
            .map(|(tag, _)| tag)
            .collect::<Vec<_>>(),
        ["a", "b", "z"]
    );
    assert_eq!(table.distinct, 4);
}

#[test]
fn excluded_rows_are_hidden_and_their_posts_still_counted() {
    let posts = [
        post(0, &["a", "b"], None, None),
        post(1, &["b"], None, None),
    ];
    let options = TableOptions {
        excluded: BTreeSet::from([Hashtag::new("B").unwrap()]),
        ..TableOptions::default()
    };
    let table = FrequencyTable::new(count(&posts), &options);
    assert_eq!((lines(&table), table.total), (vec![("a".to_owned(), 1)], 2));
}

#[test]
fn no_posts_give_an_empty_table() {
    let table = FrequencyTable::new(count(&[]), &TableOptions::default());
    assert!(table.rows.is_empty());
    assert_eq!(table.total, 0);
}

const SPELLINGS: [&str; 10] = ["a", "A", "ａ", "b", "B", "fypシ", "i", "İ", "#a", ""];

fn any_posts() -> impl Strategy<Value = Vec<(Vec<usize>, Option<usize>, Option<u64>)>> {
    let one = (
        prop::collection::vec(0..SPELLINGS.len(), 0..6),
        prop::option::of(0_usize..3),
        prop::option::of(0_u64..50),
    );
    prop::collection::vec(one, 0..40)
}

proptest! {
    #[test]
    fn counting_merged_in_any_split_is_the_naive_count(drawn in any_posts(), cuts in prop::collection::vec(0_usize..40, 0..4)) {
        let posts: Vec<Post<'_>> = (0..).zip(&drawn).map(|(id, (tags, author, views))| {
            let tags: Vec<&str> = tags.iter().map(|&tag| SPELLINGS[tag]).collect();
            post(id, &tags, author.map(|author| ["x", "y", "z"][author]), *views)
        }).collect();

        let mut naive: BTreeMap<Hashtag, u64> = BTreeMap::new();
        for post in &posts {
            let tags: BTreeSet<Hashtag> = post.listed_tags.iter().filter_map(|tag| Hashtag::new(tag)).collect();
            for tag in tags {
                *naive.entry(tag).or_default() += 1;
            }
        }
        let mut expected: Vec<(Hashtag, u64)> = naive.into_iter().collect();
        expected.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));

        let mut ends: Vec<usize> = cuts.into_iter().map(|cut| cut.min(posts.len())).chain([posts.len()]).collect();
        ends.sort_unstable();
        let mut split = Counter::new(TagsFrom::Auto, ALL);
        let mut start = 0;
        for end in ends {
            split.merge(count(&posts[start..end]));
            start = end;
        }
        let split = FrequencyTable::new(split, &TableOptions::default());
        prop_assert_eq!(&split, &FrequencyTable::new(count(&posts), &TableOptions::default()));
        let counted: Vec<(Hashtag, u64)> = split.rows.iter().map(|row| (row.hashtag.clone(), row.occurrences)).collect();
        prop_assert_eq!(counted, expected);
    }
}
