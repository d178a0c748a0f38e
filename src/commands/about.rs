//! What comments and users are asked about: a hashtag's stored posts by their comments, their
//! authors by their posts.

use hashbrown::HashMap;

use super::input::{Folded, Subject};
use crate::analysis::Sample;
use crate::error::Error;
use crate::model::PostId;
use crate::ui::Ui;

/// A post, and how many comments it had when it was fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PostComments {
    pub(super) id: PostId,
    /// Unknown is `None`.
    pub(super) comments: Option<u64>,
}

impl Subject {
    /// Every post with the number of its comments, in no order.
    ///
    /// # Errors
    /// The store's own.
    pub(super) fn comment_counts(&self, ui: &Ui) -> Result<Folded<Vec<PostComments>>, Error> {
        if let Self::Database(stored) = self {
            let posts = stored.comment_counts()?;
            let rows = posts.len() as u64;
            return Ok(Folded {
                states: vec![posts],
                left_out: Sample {
                    rows,
                    ..Sample::default()
                },
                damage: Vec::new(),
                notes: Vec::new(),
            });
        }
        self.fold(
            &Vec::new,
            &|posts: &mut Vec<PostComments>, post, _| {
                posts.push(PostComments {
                    id: post.id,
                    comments: post.counts.comments,
                });
            },
            ui,
        )
    }

    /// The authors: those with the most posts first, of equally busy ones the first by code point.
    ///
    /// # Errors
    /// The store's own.
    pub(super) fn authors(&self, top: Option<usize>, ui: &Ui) -> Result<Vec<String>, Error> {
        if let Self::Database(stored) = self {
            return stored.authors(top);
        }
        let folded = self.fold(
            &HashMap::<String, u64>::new,
            &|authors, post, _| {
                if let Some(author) = &post.author {
                    *authors.entry_ref(&**author).or_default() += 1;
                }
            },
            ui,
        )?;
        let mut authors = HashMap::<String, u64>::new();
        for (author, posts) in folded.states.into_iter().flatten() {
            *authors.entry(author).or_default() += posts;
        }
        let mut authors: Vec<(String, u64)> = authors.into_iter().collect();
        authors.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        authors.truncate(top.unwrap_or(usize::MAX));
        Ok(authors.into_iter().map(|(author, _)| author).collect())
    }
}
