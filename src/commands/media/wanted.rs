//! Which stored posts' media are wanted, newest first, each once.

use std::cmp::Reverse;

use hashbrown::HashSet;
use jiff::Timestamp;

use crate::analysis::{Filter, TagsFrom};
use crate::error::Error;
use crate::json::Fields;
use crate::model::{Created, Kind, Origin, PostId};
use crate::record::{MediaLinks, Stored, media_links};
use crate::store::{StoredTag, Verdict, scan};

/// A post whose media are wanted.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) id: PostId,
    pub(super) created: Option<Timestamp>,
    pub(super) author: Option<String>,
    pub(super) kind: Option<Kind>,
    pub(super) links: MediaLinks,
    pub(super) synthetic: bool,
}

/// The posts of a hashtag that meet the conditions.
///
/// # Errors
/// The disk's own. Damaged records are left out: `verify` tells them.
pub(super) fn wanted(
    stored: &StoredTag,
    filter: &Filter,
    least_views: Option<u64>,
) -> Result<Vec<Wanted>, Error> {
    let mut posts = Vec::new();
    for file in stored.data_files() {
        let (parts, _) = scan(&file, &Vec::new, &|found: &mut Vec<Wanted>, line| {
            if let Some(post) = read(line.text, filter, least_views) {
                found.push(post);
            }
            Verdict::Read
        })?;
        posts.extend(parts.into_iter().flatten());
    }
    posts.sort_by_key(|post| Reverse((post.created, post.id)));
    let mut seen = HashSet::new();
    posts.retain(|post| seen.insert(post.id.get()));
    Ok(posts)
}

fn read(line: &str, filter: &Filter, least_views: Option<u64>) -> Option<Wanted> {
    let stored = Stored::read(line).ok()?;
    let post = &stored.post;
    let seen_enough = |least| post.counts.views.is_some_and(|views| views >= least);
    if !least_views.is_none_or(seen_enough) || !filter.passes(post, TagsFrom::Auto) {
        return None;
    }
    let links = match post.kind {
        Some(Kind::Video) => MediaLinks::default(),
        _ => media_links(post.format, &Fields::parse(line).ok()?),
    };
    Some(Wanted {
        id: post.id,
        created: post.created.map(Created::at),
        author: post.author.as_deref().map(str::to_owned),
        kind: post.kind,
        links,
        synthetic: stored.origin == Some(Origin::Synthetic),
    })
}
