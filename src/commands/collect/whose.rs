//! Whose comments are asked for: stored posts of a name, or ids and links of a file.

use std::io::Read as _;
use std::path::Path;

use fs_err as fs;
use hashbrown::{HashMap, HashSet};

use super::comments::Groups;
use crate::cli::{CommentsArgs, Global};
use crate::commands::about::PostComments;
use crate::commands::database::Shelf;
use crate::commands::input::stored_tag;
use crate::error::Error;
use crate::model::{Hashtag, PostId};
use crate::output::counted;
use crate::store::{Records, Store, StoreError};
use crate::ui::Ui;

/// Posts whose comments go to one place.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Group {
    /// `None` for posts that are not stored.
    tag: Option<Hashtag>,
    /// Most commented first; unknown ones last.
    pub(super) posts: Vec<PostComments>,
}

/// Everything that was asked for.
pub(super) struct Whose {
    pub(super) groups: Vec<Group>,
    /// Lines of a file that are neither an id nor a link.
    pub(super) unreadable: u64,
}

impl Group {
    fn new(tag: Option<Hashtag>, mut posts: Vec<PostComments>) -> Self {
        posts.sort_by(|a, b| b.comments.cmp(&a.comments).then(a.id.cmp(&b.id)));
        Self { tag, posts }
    }

    /// Whether the posts are stored.
    pub(super) fn is_stored(&self) -> bool {
        self.tag.is_some()
    }

    /// What their comments are stored as.
    pub(super) fn records(&self) -> Records {
        Records::Comments(self.tag.clone())
    }
}

/// Finds the posts that the command line names.
pub(super) fn whose(args: &CommentsArgs, global: &Global, ui: &Ui) -> Result<Whose, Error> {
    if let Some(name) = args.tag.as_ref().or(args.query.as_ref()) {
        let tag = Hashtag::new(name).ok_or_else(|| {
            Error::Usage(format!("`{name}` is no hashtag, and no name of a crawl"))
        })?;
        let group = stored(tag, args.min_comments, global, ui)?;
        return Ok(Whose {
            groups: vec![group],
            unreadable: 0,
        });
    }
    let path = args.ids.as_deref().unwrap_or(Path::new("-"));
    let mut text = String::new();
    if path == Path::new("-") {
        std::io::stdin().read_to_string(&mut text)?;
    } else {
        text = fs::read_to_string(path)?;
    }
    let (ids, unreadable) = ids(&text);
    for line in unreadable.iter().take(5) {
        ui.warn(&format!(
            "`{}` is neither an id nor a link to a post",
            crate::output::printable(line)
        ));
    }
    if ids.is_empty() {
        return Err(Error::failed(
            format!("there is no id in `{}`", path.display()),
            "one a line: 7189… or https://www.tiktok.com/@name/video/7189…",
        ));
    }
    let groups = by_place(&ids, global)?;
    Ok(Whose {
        groups,
        unreadable: unreadable.len() as u64,
    })
}

/// The stored posts of a name.
fn stored(tag: Hashtag, least: u64, global: &Global, ui: &Ui) -> Result<Group, Error> {
    let subject = stored_tag(&tag, &Shelf::new(global))?;
    let mut posts = subject.comment_counts(ui)?.states.concat();
    let all = posts.len();
    // An unknown count may be any.
    posts.retain(|post| post.comments.is_none_or(|count| count >= least));
    let few = (all - posts.len()) as u64;
    if few > 0 {
        ui.note(&format!(
            "#{tag}: {} had fewer than {} when they were fetched and are not asked for; --min-comments 0 asks for all",
            counted(few, "post"),
            counted(least, "comment")
        ));
    }
    Ok(Group::new(Some(tag), posts))
}

/// The ids of a text, each once, in its order; and the lines that are none.
fn ids(text: &str) -> (Vec<PostId>, Vec<String>) {
    let mut ids = Vec::new();
    let mut unreadable = Vec::new();
    let mut seen = HashSet::new();
    for line in text.trim_start_matches('\u{feff}').lines().map(str::trim) {
        if line.is_empty() || line.starts_with("# ") || line == "#" {
            continue;
        }
        match id(line) {
            Some(id) if seen.insert(id.get()) => ids.push(id),
            Some(_) => {}
            None => unreadable.push(line.to_owned()),
        }
    }
    (ids, unreadable)
}

/// An id, or the id in a link to a post's page.
fn id(line: &str) -> Option<PostId> {
    if let Ok(id) = line.trim_matches('"').parse() {
        return Some(id);
    }
    ["/video/", "/photo/", "/v/"].iter().find_map(|before| {
        let rest = line.split_once(before)?.1;
        let end = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        rest[..end].parse().ok()
    })
}

/// Puts ids to the hashtags that hold their posts, the first by code point; the others stand alone.
fn by_place(ids: &[PostId], global: &Global) -> Result<Vec<Group>, Error> {
    let wanted: HashSet<u64> = ids.iter().map(|id| id.get()).collect();
    let shelf = Shelf::new(global);
    let holders: HashMap<u64, Hashtag> = match shelf.directory()? {
        None => shelf.database()?.holders(&wanted)?,
        Some(root) => match Store::open(root) {
            Ok(store) => store.holders(&wanted)?,
            Err(StoreError::Missing(_)) => HashMap::new(),
            Err(error) => return Err(error.into()),
        },
    };
    let mut groups: Groups<PostComments> = Groups::new();
    for &id in ids {
        let post = PostComments { id, comments: None };
        groups
            .entry(holders.get(&id.get()).cloned())
            .or_default()
            .push(post);
    }
    Ok(groups
        .into_iter()
        .map(|(tag, posts)| Group::new(tag, posts))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_links_are_read_and_others_told() {
        let text = "\u{feff}7516160338215837051\r\nhttps://www.tiktok.com/@a.b/video/7516145129736641915?is_copy=1\n\
                    # a comment\n\n7516160338215837051\nhttps://m.tiktok.com/v/7516145129736641999.html\n7.5e18\nhttps://vm.tiktok.com/ZM1/\n";
        let (found, wrong) = ids(text);
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            [
                "7516160338215837051",
                "7516145129736641915",
                "7516145129736641999"
            ]
        );
        assert_eq!(wrong, ["7.5e18", "https://vm.tiktok.com/ZM1/"]);
    }

    #[test]
    fn the_most_commented_come_first_and_unknown_ones_last() {
        let post = |id: u64, comments| PostComments {
            id: PostId::new(id).unwrap(),
            comments,
        };
        let group = Group::new(
            None,
            vec![post(1, None), post(2, Some(3)), post(3, Some(9))],
        );
        let ids: Vec<u64> = group.posts.iter().map(|post| post.id.get()).collect();
        assert_eq!(ids, [3, 2, 1]);
    }
}
