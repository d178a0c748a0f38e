//! Posts taken into columns one after the other.

use std::ops::Range;

use super::dictionary::Dictionary;
use super::rows::Text;
use super::{Class, Columns, Leading, Packed, Rows};
use crate::model::{Hashtag, Origin, Post};

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
    /// The number of each spelling's identity, of one that folds to nothing [`NOTHING`]; and the last post,
    /// from 1, that had the identity that the spelling is.
    identities: Vec<(u32, u32)>,
    /// The row of a post that comes by itself.
    single: Rows,
    seen: Seen,
}

/// What was looked up for some rows at once, so that memory is waited for together.
#[derive(Debug, Default)]
struct Seen {
    /// Of the rows.
    stamp: u64,
    posts: Range<usize>,
    tags: Range<usize>,
    /// The number of each tag, and of each author; `None` where it had none then.
    spellings: Vec<Option<u32>>,
    authors: Vec<Option<u32>>,
}

/// Posts that are looked up at once.
const AT_ONCE: usize = 16;

/// In place of an identity.
const NOTHING: u32 = u32::MAX;

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
        let mut rows = std::mem::take(&mut self.single);
        rows.clear();
        rows.push(post, origin);
        self.take(&rows, 0);
        self.single = rows;
    }

    /// Takes the post of a row, if there is one; otherwise as [`Builder::push`].
    pub fn take(&mut self, rows: &Rows, number: usize) {
        let Some((row, tags)) = rows.get(number) else {
            return;
        };
        if self.seen.stamp != rows.stamp() || !self.seen.posts.contains(&number) {
            self.look(rows, number);
        }
        let start = self.tags.len();
        for at in tags {
            let seen = self.seen.spellings.get(at - self.seen.tags.start);
            let tag = match (seen, rows.tag(at)) {
                (Some(&Some(known)), _) => Some(known),
                (_, Some(tag)) => self.spelled(rows.str(tag), tag.hash),
                (_, None) => None,
            };
            if let Some(tag) = tag {
                self.push_tag(tag);
            }
        }
        self.tag_counts.push(self::number(self.tags.len() - start));
        self.push_class(row.class);
        self.push_created(row.created);
        let text = |text: Option<Text>| text.map(|text| (rows.str(text).as_bytes(), text.hash));
        let region = self.regions.optional(text(row.region));
        self.region.push(region);
        let language = self.languages.optional(text(row.language));
        self.language.push(language);
        let seen = self.seen.authors.get(number - self.seen.posts.start);
        let author = match seen {
            Some(&Some(known)) => known.saturating_add(1),
            _ => self.authors.optional(text(row.author)),
        };
        self.author.push(author);
        self.views.push(row.views);
    }

    /// Looks up what the next rows name.
    fn look(&mut self, rows: &Rows, number: usize) {
        let seen = &mut self.seen;
        seen.stamp = rows.stamp();
        seen.posts = number..rows.len().min(number + AT_ONCE);
        let of = |number: usize| rows.get(number);
        let first = of(number).map_or(0, |(_, tags)| tags.start);
        let last = of(seen.posts.end - 1).map_or(first, |(_, tags)| tags.end);
        seen.tags = first..last;
        let text = |text: Text| (rows.str(text).as_bytes(), text.hash);
        let tags = seen.tags.clone().map(|at| rows.tag(at).map(text));
        self.spellings.look_up(tags, &mut seen.spellings);
        let authors = seen.posts.clone().map(|at| of(at)?.0.author.map(text));
        self.authors.look_up(authors, &mut seen.authors);
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
    fn push_tag(&mut self, tag: u32) {
        let post = number(self.class.len() + 1);
        let (identity, _) = self.identities[tag as usize];
        if let Some((_, last)) = self.identities.get_mut(identity as usize)
            && *last != post
        {
            *last = post;
            self.tags.push(tag);
        }
    }

    fn spelled(&mut self, text: &str, hash: u32) -> Option<u32> {
        let (number, is_new) = self.spellings.hashed(text.as_bytes(), hash)?;
        if is_new {
            self.identities.push((number, 0));
            if !Hashtag::is_identity(text) {
                let identity = self.identity(text, number)?;
                self.identities[number as usize].0 = identity;
            }
        }
        Some(number)
    }

    /// The number of a spelling's identity; its own is given.
    fn identity(&mut self, text: &str, number: u32) -> Option<u32> {
        match Hashtag::new(text) {
            None => Some(NOTHING),
            Some(tag) if tag.as_str() == text => Some(number),
            Some(tag) => {
                let (identity, is_new) = self.spellings.number(tag.as_str())?;
                if is_new {
                    self.identities.push((identity, 0));
                }
                Some(identity)
            }
        }
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
            .zip(self.identities.iter().map(|(identity, _)| *identity))
            .filter(|(tag, identity)| tag != identity && *identity != NOTHING)
            .map(|(tag, identity)| (here[tag as usize], here[identity as usize]))
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
        let spellings = texts.chosen(&by_use)?;
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

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use crate::model::{Format, PostId};

    fn posts() -> Vec<Post<'static>> {
        let post = |number: u64| {
            let mut post = Post::new(PostId::new(number + 1).unwrap(), Format::Research);
            post.author =
                (!number.is_multiple_of(5)).then(|| Cow::Owned(format!("author{}", number % 7)));
            post.listed_tags = ["t", "T", "t"]
                .into_iter()
                .zip(number..number + number % 4)
                .map(|(first, tag)| Cow::Owned(format!("{first}ag{}", tag % 11)))
                .collect();
            post
        };
        (0..200).map(post).collect()
    }

    #[test]
    fn rows_that_were_looked_up_together_are_taken_as_those_that_come_alone() {
        let posts = posts();
        for size in [1, 3, AT_ONCE, AT_ONCE + 1, 60] {
            let (mut alone, mut together) = (Builder::default(), Builder::default());
            let mut rows = Rows::default();
            for some in posts.chunks(size) {
                rows.clear();
                for post in some {
                    rows.push(post, None);
                }
                // Some are stored already.
                for (number, post) in some
                    .iter()
                    .enumerate()
                    .filter(|(_, post)| post.id.get() % 6 > 0)
                {
                    together.take(&rows, number);
                    alone.push(post, None);
                }
            }
            assert_eq!(
                together.finish().unwrap(),
                alone.finish().unwrap(),
                "{size}"
            );
        }
    }
}
