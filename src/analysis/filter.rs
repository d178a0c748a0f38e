//! Which posts are counted.

mod brief;

use jiff::civil::Date;
use jiff::tz::TimeZone;

pub use self::brief::BriefFilter;
use super::{TagsFrom, for_each_tag};
use crate::model::{Hashtag, Post};

/// Tags that are put on anything to please the recommender (`--exclude-tags generic`).
///
/// Short and visible on purpose: it hides rows, it never removes posts.
pub const GENERIC_TAGS: &[&str] = &[
    "4u",
    "4you",
    "capcut",
    "explore",
    "explorepage",
    "foru",
    "foryou",
    "foryoupage",
    "foryoupageofficiall",
    "foryourpage",
    "fy",
    "fyp",
    "fypage",
    "fypdong",
    "fypシ",
    "fypシ\u{309a}viral",
    "fypシviral",
    "fypシ゚",
    "fyppppppppppppppppppppppp",
    "goviral",
    "parati",
    "pourtoi",
    "tiktok",
    "trend",
    "trending",
    "viral",
    "viralpost",
    "viraltiktok",
    "viralvideo",
    "xyzbca",
    "xyzcba",
];

/// Conditions that a post must meet, all of them; an empty condition is met by every post.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// First day (UTC), inclusive.
    pub since: Option<Date>,
    /// Last day (UTC), inclusive.
    pub until: Option<Date>,
    /// Two-letter codes, upper case.
    pub regions: Vec<String>,
    /// Language codes, lower case.
    pub languages: Vec<String>,
    /// Handles without `@`, lower case.
    pub authors: Vec<String>,
    /// Hashtags that the post must have.
    pub required: Vec<Hashtag>,
    /// One of the required hashtags is enough.
    pub any_required: bool,
    /// Hashtags that the post must not have.
    pub forbidden: Vec<Hashtag>,
}

impl Filter {
    /// Whether every post passes.
    pub fn is_empty(&self) -> bool {
        *self
            == Self {
                any_required: self.any_required,
                ..Self::default()
            }
    }

    /// Whether the post is to be counted. A post that lacks what is asked about does not pass.
    pub fn passes(&self, post: &Post<'_>, from: TagsFrom) -> bool {
        self.passes_dates(post)
            && among(&self.regions, post.region.as_deref())
            && among(&self.languages, post.language.as_deref())
            && among(&self.authors, post.author.as_deref())
            && self.passes_tags(post, from)
    }

    fn passes_dates(&self, post: &Post<'_>) -> bool {
        if self.since.is_none() && self.until.is_none() {
            return true;
        }
        let Some(created) = post.created else {
            return false;
        };
        let day = created.at().to_zoned(TimeZone::UTC).date();
        self.since.is_none_or(|since| day >= since) && self.until.is_none_or(|until| day <= until)
    }

    fn passes_tags(&self, post: &Post<'_>, from: TagsFrom) -> bool {
        if self.required.is_empty() && self.forbidden.is_empty() {
            return true;
        }
        let mut carried = Vec::new();
        for_each_tag(post, from, |tag| {
            carried.extend(Hashtag::new(tag));
        });
        let has = |tag: &Hashtag| carried.contains(tag);
        let required = if self.any_required && !self.required.is_empty() {
            self.required.iter().any(has)
        } else {
            self.required.iter().all(has)
        };
        required && !self.forbidden.iter().any(has)
    }
}

/// Whether the value is one of those asked for, letter case aside.
fn among(wanted: &[String], value: Option<&str>) -> bool {
    wanted.is_empty()
        || value.is_some_and(|value| {
            wanted
                .iter()
                .any(|wanted| wanted.eq_ignore_ascii_case(value))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Created, Format};

    fn post(tags: &[&'static str]) -> Post<'static> {
        let mut post = Post::new("7189254512345678901".parse().unwrap(), Format::Web);
        post.listed_tags = tags.iter().map(|&tag| tag.into()).collect();
        post.created = Some(Created::Stated("2024-02-29T23:59:59Z".parse().unwrap()));
        post.region = Some("GB".into());
        post.author = Some("Ann".into());
        post
    }

    fn tags(names: &[&str]) -> Vec<Hashtag> {
        names.iter().filter_map(|name| Hashtag::new(name)).collect()
    }

    #[test]
    fn days_are_inclusive_and_utc() {
        for (since, until, passes) in [
            ("2024-02-29", "2024-02-29", true),
            ("2024-03-01", "2024-03-02", false),
            ("2024-02-01", "2024-02-28", false),
        ] {
            let filter = Filter {
                since: Some(since.parse().unwrap()),
                until: Some(until.parse().unwrap()),
                ..Filter::default()
            };
            assert_eq!(
                filter.passes(&post(&[]), TagsFrom::Auto),
                passes,
                "{since} {until}"
            );
        }
    }

    #[test]
    fn a_post_that_lacks_what_is_asked_about_does_not_pass() {
        let dated = Filter {
            since: Some("2020-01-01".parse().unwrap()),
            ..Filter::default()
        };
        let french = Filter {
            languages: vec!["fr".into()],
            ..Filter::default()
        };
        let mut bare = post(&[]);
        bare.created = None;
        assert!(!dated.passes(&bare, TagsFrom::Auto));
        assert!(!french.passes(&bare, TagsFrom::Auto));
    }

    #[test]
    fn required_and_forbidden_tags() {
        let all = Filter {
            required: tags(&["a", "B"]),
            ..Filter::default()
        };
        let any = Filter {
            any_required: true,
            ..all.clone()
        };
        let without = Filter {
            forbidden: tags(&["c"]),
            ..any.clone()
        };
        assert!(!all.passes(&post(&["A", "c"]), TagsFrom::Auto));
        assert!(any.passes(&post(&["A", "c"]), TagsFrom::Auto));
        assert!(!without.passes(&post(&["A", "C"]), TagsFrom::Auto));
        assert!(!any.passes(&post(&[]), TagsFrom::Auto));
    }

    #[test]
    fn the_generic_list_is_folded_and_sorted() {
        let folded: Vec<String> = GENERIC_TAGS
            .iter()
            .map(|tag| Hashtag::new(tag).unwrap().to_string())
            .collect();
        let mut sorted = folded.clone();
        sorted.sort();
        sorted.dedup();
        assert_eq!(folded.len(), sorted.len(), "a tag stands twice");
    }
}
