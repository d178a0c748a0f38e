//! The same conditions asked of posts that were read in brief.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::{Filter, among};
use crate::analysis::{Decode, TagsFrom};
use crate::model::{Brief, Hashtag, caption_tags, spelling};

/// A [`Filter`] that is asked about many posts, with tags taken from where briefs have them
/// ([`Counter::takes_briefs`](crate::analysis::Counter::takes_briefs)).
#[derive(Clone, Debug)]
pub struct BriefFilter<'f> {
    filter: &'f Filter,
    /// When the first day begins, and the day behind the last; `None` where any time will do.
    since: Option<Timestamp>,
    before: Option<Timestamp>,
    from: TagsFrom,
    decode: Decode,
}

impl<'f> BriefFilter<'f> {
    /// Asks what the filter asks; `decode` turns a listed name into its text.
    pub fn new(filter: &'f Filter, from: TagsFrom, decode: Decode) -> Self {
        Self {
            filter,
            since: filter.since.map(start),
            // The calendar's last day has no next one.
            before: filter
                .until
                .and_then(|day| Some(start(day.tomorrow().ok()?))),
            from,
            decode,
        }
    }

    /// As [`Filter::passes`].
    pub fn passes(&self, post: &Brief<'_>) -> bool {
        let region = post.region.as_ref().map(<[u8; 2]>::as_slice);
        self.passes_dates(post)
            && among_bytes(&self.filter.regions, region)
            && among_bytes(&self.filter.languages, post.language)
            && among_bytes(&self.filter.authors, post.author)
            && self.passes_tags(post)
    }

    fn passes_dates(&self, post: &Brief<'_>) -> bool {
        if self.filter.since.is_none() && self.filter.until.is_none() {
            return true;
        }
        post.created.is_some_and(|created| {
            let at = created.at();
            self.since.is_none_or(|since| at >= since)
                && self.before.is_none_or(|before| at < before)
        })
    }

    fn passes_tags(&self, post: &Brief<'_>) -> bool {
        let Filter {
            required,
            forbidden,
            any_required,
            ..
        } = self.filter;
        if required.is_empty() && forbidden.is_empty() {
            return true;
        }
        let has = |tag: &Hashtag| self.has(post, tag);
        let passes = if *any_required && !required.is_empty() {
            required.iter().any(has)
        } else {
            required.iter().all(has)
        };
        passes && !forbidden.iter().any(has)
    }

    fn has(&self, post: &Brief<'_>, tag: &Hashtag) -> bool {
        if self.from.asks_caption(!post.listed.is_empty()) {
            let caption = post.caption.as_deref().unwrap_or_default();
            return caption_tags(caption).any(|text| Hashtag::new(text).as_ref() == Some(tag));
        }
        post.names().any(|name| self.is(name, tag))
    }

    /// Whether a listed name is of the hashtag.
    fn is(&self, name: &[u8], tag: &Hashtag) -> bool {
        if !name.is_ascii() || name.contains(&b'\\') {
            return Hashtag::new(&(self.decode)(name)).as_ref() == Some(tag);
        }
        // Folding ASCII is nothing else than this.
        std::str::from_utf8(name)
            .is_ok_and(|text| spelling(text).eq_ignore_ascii_case(tag.as_str()))
    }
}

/// When a day begins. The calendar's first and last days do so where no timestamp reaches.
fn start(day: Date) -> Timestamp {
    match day.to_zoned(TimeZone::UTC) {
        Ok(start) => start.timestamp(),
        Err(_) if day.year() > 0 => Timestamp::MAX,
        Err(_) => Timestamp::MIN,
    }
}

fn among_bytes(wanted: &[String], value: Option<&[u8]>) -> bool {
    wanted.is_empty() || among(wanted, value.map(String::from_utf8_lossy).as_deref())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{Created, Format, Post};

    fn decode(name: &[u8]) -> std::borrow::Cow<'_, str> {
        let json = format!("\"{}\"", String::from_utf8_lossy(name));
        serde_json::from_str::<String>(&json).unwrap().into()
    }

    proptest! {
        #[test]
        fn a_brief_passes_where_its_post_does(
            (since, until) in prop::sample::select(vec![
                (None, None), (Some(0), None), (None, Some(1)), (Some(1), Some(1)), (Some(2), Some(0)),
                (Some(3), None), (None, Some(3)), (Some(4), None), (None, Some(4)),
            ]),
            seconds in prop::option::of(prop::sample::select(vec![
                1_709_164_799_i64, 1_709_164_800, 1_709_251_199, 1_709_251_200, 1_709_337_599, 1_709_337_600,
            ])),
            regions in prop::collection::vec("GB|FR", 0..2),
            region in prop::option::of("GB|gb|FR"),
            authors in prop::collection::vec("ann|é", 0..2),
            author in prop::option::of("ann|ANN|é|bob"),
            languages in prop::collection::vec("en", 0..2),
            language in prop::option::of("en|EN|fr"),
            required in prop::collection::vec("a|b|é|fyp", 0..3),
            forbidden in prop::collection::vec("c|ｃ", 0..2),
            any_required in any::<bool>(),
            names in prop::collection::vec("a|A |B|É|é|e\u{301}|c|C|ｃ|ｆyp|\\\\u0061|İ", 0..4),
            caption in prop::option::of("(#[abcéC] ?){0,3}"),
            from in prop::sample::select(vec![TagsFrom::Auto, TagsFrom::Structured]),
        ) {
            let date = jiff::civil::date;
            let days = [date(2024, 2, 28), date(2024, 2, 29), date(2024, 3, 1), Date::MIN, Date::MAX];
            let tags = |names: &[String]| names.iter().filter_map(|name| Hashtag::new(name)).collect();
            let filter = Filter {
                since: since.map(|day: usize| days[day]),
                until: until.map(|day: usize| days[day]),
                regions,
                languages,
                authors,
                required: tags(&required),
                any_required,
                forbidden: tags(&forbidden),
            };
            let created = seconds
                .map(|at| Created::Stated(jiff::Timestamp::from_second(at).unwrap()));
            let mut post = Post::new("7189254512345678901".parse().unwrap(), Format::Web);
            post.created = created;
            post.region = region.as_ref().map(|code| code.to_ascii_uppercase().into());
            post.author = author.as_deref().map(Into::into);
            post.language = language.as_deref().map(Into::into);
            post.listed_tags = names.iter().map(|name| decode(name.as_bytes()).into_owned().into()).collect();
            post.caption = caption.as_deref().map(Into::into);
            let text = names.join("\"");
            let mut start = 0;
            let listed: Vec<_> = names.iter().map(|name| {
                let place = (start, start + u32::try_from(name.len()).unwrap());
                start = place.1 + 1;
                place
            }).collect();
            let brief = Brief {
                id: post.id,
                created,
                author: author.as_deref().map(str::as_bytes),
                region: region.as_deref().map(|code| code.as_bytes().try_into().unwrap()),
                language: language.as_deref().map(str::as_bytes),
                format: Format::Web,
                text: text.as_bytes(),
                listed: &listed,
                escaped: true,
                caption: caption.as_deref().filter(|_| listed.is_empty()).map(Into::into),
            };
            prop_assert_eq!(
                BriefFilter::new(&filter, from, decode).passes(&brief),
                filter.passes(&post, from)
            );
        }
    }
}
