//! Posts taken into columns one after the other.

use jiff::Timestamp;

use super::dictionary::Dictionary;
use super::{Class, Columns, Dated, Leading, Names, Packed, TagSource};
use crate::model::{Created, Hashtag, Origin, Post, caption_tags, spelling};

/// Columns under construction.
#[derive(Debug, Default)]
pub struct Builder {
    classes: Vec<(Class, u64)>,
    span: Option<((i64, u32), (i64, u32))>,
    class: Vec<u32>,
    /// Second and nanosecond.
    created: Vec<Option<(i64, u32)>>,
    regions: Dictionary,
    region: Vec<u32>,
    languages: Dictionary,
    language: Vec<u32>,
    authors: Dictionary,
    /// From 1; 0 where it is not known.
    author: Vec<u32>,
    views: Vec<Option<u64>>,
    tag_counts: Vec<u32>,
    tags: Vec<u32>,
    spellings: Dictionary,
    /// The number of each spelling's identity; of one that folds to nothing [`NOTHING`].
    identities: Vec<u32>,
    /// Of each identity the last post that had it, from 1.
    last: Vec<u32>,
}

/// In place of an identity.
const NOTHING: u32 = u32::MAX;

/// Second and nanosecond of a time, the nanosecond never negative.
fn parts(at: Timestamp) -> (i64, u32) {
    let (second, nanosecond) = (at.as_second(), at.subsec_nanosecond());
    match u32::try_from(nanosecond) {
        Ok(nanosecond) => (second, nanosecond),
        Err(_) => (second - 1, (nanosecond + 1_000_000_000).unsigned_abs()),
    }
}

impl Builder {
    /// How many posts were taken.
    pub fn len(&self) -> usize {
        self.class.len()
    }

    /// Whether none was taken.
    pub fn is_empty(&self) -> bool {
        self.class.is_empty()
    }

    /// Takes a post. It is the caller's duty not to give a post twice.
    pub fn push(&mut self, post: &Post<'_>, origin: Option<Origin>) {
        let start = self.tags.len();
        let mut source = TagSource::None;
        for tag in &post.listed_tags {
            source = TagSource::Listed;
            self.push_tag(tag);
        }
        if source == TagSource::None
            && let Some(caption) = &post.caption
        {
            for tag in caption_tags(caption) {
                source = TagSource::Caption;
                self.push_tag(tag);
            }
        }
        self.tag_counts.push(number(self.tags.len() - start));
        let class = Class {
            origin,
            format: post.format,
            dated: match post.created {
                None => Dated::No,
                Some(Created::Stated(_)) => Dated::Stated,
                Some(Created::FromId(_)) => Dated::ById,
            },
            has_author: post.author.is_some(),
            tags: source,
        };
        self.push_class(class);
        self.push_created(post.created.map(|created| parts(created.at())));
        let region = self.regions.optional(post.region.as_deref());
        self.region.push(region);
        let language = self.languages.optional(post.language.as_deref());
        self.language.push(language);
        let author = self.authors.optional(post.author.as_deref());
        self.author.push(author);
        self.views.push(post.counts.views);
    }

    fn push_class(&mut self, class: Class) {
        let at = self.classes.iter().position(|(other, _)| *other == class);
        let at = at.unwrap_or_else(|| {
            self.classes.push((class, 0));
            self.classes.len() - 1
        });
        self.classes[at].1 += 1;
        self.class.push(number(at));
    }

    fn push_created(&mut self, created: Option<(i64, u32)>) {
        if let Some(at) = created {
            self.span = Some(match self.span {
                Some((first, last)) => (first.min(at), last.max(at)),
                None => (at, at),
            });
        }
        self.created.push(created);
    }

    /// Takes a hashtag of the next post, unless the post has it already.
    fn push_tag(&mut self, text: &str) {
        let Some(tag) = self.spelled(spelling(text)) else {
            return;
        };
        let post = number(self.class.len() + 1);
        self.last.resize(self.identities.len(), 0);
        let identity = self.identities[tag as usize];
        if let Some(last) = self.last.get_mut(identity as usize)
            && *last != post
        {
            *last = post;
            self.tags.push(tag);
        }
    }

    fn spelled(&mut self, text: &str) -> Option<u32> {
        if text.is_empty() {
            return None;
        }
        let (number, is_new) = self.spellings.number(text)?;
        if is_new {
            self.identities.push(number);
            match Hashtag::new(text) {
                None => self.identities[number as usize] = NOTHING,
                Some(tag) if tag.as_str() == text => {}
                Some(tag) => {
                    let (identity, is_new) = self.spellings.number(tag.as_str())?;
                    if is_new {
                        self.identities.push(identity);
                    }
                    self.identities[number as usize] = identity;
                }
            }
        }
        Some(number)
    }

    /// The table; `None` where a number is so large, or texts so long, that they do not fit.
    pub fn finish(self) -> Option<Columns> {
        let mut uses = vec![0_u32; self.spellings.len()];
        for &tag in &self.tags {
            uses[tag as usize] += 1;
        }
        let mut by_use: Vec<u32> = (0..number(uses.len())).collect();
        by_use.sort_by_key(|&tag| std::cmp::Reverse(uses[tag as usize]));
        let mut here = vec![0; uses.len()];
        for (place, &tag) in (0..).zip(&by_use) {
            here[tag as usize] = place;
        }
        let mut variants: Vec<(u32, u32)> = (0..)
            .zip(&self.identities)
            .filter(|(tag, identity)| tag != *identity && **identity != NOTHING)
            .map(|(tag, &identity)| (here[tag as usize], here[identity as usize]))
            .collect();
        variants.sort_unstable();
        let texts = self.spellings.names()?;
        let epoch = self.span.map_or(0, |((first, _), _)| first);
        let since = |created: &Option<(i64, u32)>| match created {
            None => Some(0),
            Some((second, _)) => u64::try_from(second.checked_sub(epoch)?)
                .ok()?
                .checked_add(1),
        };
        let from_one = |views: &Option<u64>| views.map_or(Some(0), |views| views.checked_add(1));
        let pack = |numbers: &[u32]| packed(numbers.iter().map(|&number| u64::from(number)));
        let author = |(post, &author): (u64, &u32)| post - u64::from(author);
        let spellings = Names::new(by_use.iter().map(|&tag| texts.get(tag)))?;
        let uses: Vec<u32> = by_use.iter().map(|&tag| uses[tag as usize]).collect();
        let authors = self.authors.names()?;
        Some(Columns {
            posts: self.class.len(),
            spelling_count: spellings.len(),
            author_count: authors.len(),
            leading: Leading::of(&uses, &variants, &spellings),
            classes: self.classes,
            span: self.span,
            variants,
            regions: self.regions.names()?.iter().map(str::to_owned).collect(),
            languages: self.languages.names()?.iter().map(str::to_owned).collect(),
            epoch,
            class: pack(&self.class),
            created: Packed::new(&self.created.iter().map(since).collect::<Option<Vec<_>>>()?),
            nanosecond: packed(
                self.created
                    .iter()
                    .map(|created| created.map_or(0, |(_, nanosecond)| u64::from(nanosecond))),
            ),
            region: pack(&self.region),
            language: pack(&self.language),
            author: packed((1..).zip(&self.author).map(author)),
            authors,
            views: Packed::new(
                &self
                    .views
                    .iter()
                    .map(from_one)
                    .collect::<Option<Vec<_>>>()?,
            ),
            tag_counts: pack(&self.tag_counts),
            tags: packed(self.tags.iter().map(|&tag| u64::from(here[tag as usize]))),
            spellings,
            uses,
        })
    }
}

fn packed(numbers: impl Iterator<Item = u64>) -> Packed {
    Packed::new(&numbers.collect::<Vec<_>>())
}

/// Numbers of posts and hashtags, of which a table has fewer than four billion.
fn number(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(NOTHING)
}
