//! The commonest hashtags of a table, so that a ranking of all posts need not look at the others.

use std::cmp::Reverse;

use hashbrown::HashMap;

use super::Names;

/// About so many are kept. In tests so few that there are others.
const KEPT: usize = if cfg!(test) { 3 } else { 1000 };

/// So many spellings of a hashtag are kept.
const SPELLINGS: usize = if cfg!(test) { 2 } else { 4 };

/// The commonest hashtags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leading {
    /// How many hashtags the table has.
    pub distinct: u64,
    /// All hashtags with at least so many posts are here.
    pub least: u32,
    /// The commonest first.
    pub tags: Vec<Lead>,
}

/// A hashtag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lead {
    /// Its identity.
    pub tag: String,
    /// Its commonest spelling, of equally common ones the first by code point.
    pub spelling: String,
    /// How many posts have it.
    pub posts: u32,
    /// Where there are several, its commonest spellings and how many posts have each.
    pub spellings: Vec<(String, u32)>,
}

impl Leading {
    /// Those of a table: posts per spelling, variants and their identities, all spellings.
    pub fn of(uses: &[u32], variants: &[(u32, u32)], spellings: &Names) -> Self {
        let posts = identities(uses, variants);
        let mut counts: Vec<u32> = posts.iter().copied().filter(|&posts| posts > 0).collect();
        let distinct = counts.len() as u64;
        let least = least(&mut counts);
        let mut leading: Vec<u32> = (0..)
            .zip(&posts)
            .filter(|(_, posts)| **posts >= least)
            .map(|(tag, _)| tag)
            .collect();
        leading.sort_by_key(|&tag| Reverse(posts[tag as usize]));
        let mut spelled: HashMap<u32, Vec<u32>> =
            leading.iter().map(|&tag| (tag, vec![tag])).collect();
        for &(variant, identity) in variants {
            if let Some(list) = spelled.get_mut(&identity) {
                list.push(variant);
            }
        }
        let tags = leading.into_iter().map(|tag| {
            let uses_of = |spelling: u32| uses.get(spelling as usize).copied().unwrap_or(0);
            let mut used: Vec<u32> = spelled[&tag].clone();
            used.retain(|&spelling| uses_of(spelling) > 0);
            used.sort_by_key(|&one| (Reverse(uses_of(one)), spellings.get(one)));
            let commonest = used.first().copied().unwrap_or(tag);
            if used.len() == 1 {
                used.clear();
            }
            used.truncate(SPELLINGS);
            let told = |one| (spellings.get(one).to_owned(), uses_of(one));
            Lead {
                tag: spellings.get(tag).to_owned(),
                spelling: spellings.get(commonest).to_owned(),
                posts: posts[tag as usize],
                spellings: used.into_iter().map(told).collect(),
            }
        });
        Self {
            distinct,
            least,
            tags: tags.collect(),
        }
    }
}

/// How many posts a hashtag must have to be among the leading ones.
fn least(counts: &mut [u32]) -> u32 {
    if counts.len() <= KEPT {
        return 1;
    }
    let (_, &mut last, others) =
        counts.select_nth_unstable_by_key(KEPT - 1, |&count| Reverse(count));
    // Of those with equally many posts all or none are kept.
    let equal = others.iter().filter(|&&count| count == last).count();
    if equal <= KEPT { last } else { last + 1 }
}

/// Posts per hashtag at its identity's number, 0 at its variants'.
pub(super) fn identities(uses: &[u32], variants: &[(u32, u32)]) -> Vec<u32> {
    let mut posts = uses.to_vec();
    for &(variant, identity) in variants {
        let count = posts.get_mut(variant as usize).map_or(0, std::mem::take);
        if let Some(posts) = posts.get_mut(identity as usize) {
            *posts = posts.saturating_add(count);
        }
    }
    posts
}
