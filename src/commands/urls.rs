//! `cotag urls`: links to posts' pages, for other tools.

use std::cmp::Reverse;

use jiff::Timestamp;

use super::deliver_with;
use super::listed::listed;
use crate::cli::{Global, UrlsArgs};
use crate::error::{Error, Exit};
use crate::model::{Created, Post, PostId};
use crate::output::{counted, footnote};
use crate::ui::Ui;

/// A link and what it is sorted by.
struct Row {
    created: Option<Timestamp>,
    id: PostId,
    link: Box<str>,
}

pub(super) fn run(args: &UrlsArgs, global: &Global, ui: &Ui) -> Result<Exit, Error> {
    let seen_enough = |post: &Post<'_>| {
        let reaches = |least| post.counts.views.is_some_and(|views| views >= least);
        args.min_views.is_none_or(reaches)
    };
    let row = |post: &Post<'_>, _| Row {
        created: post.created.map(Created::at),
        id: post.id,
        link: post.page().into(),
    };
    let mut list = listed(&args.list, &seen_enough, &row, global, ui)?;
    list.rows
        .sort_unstable_by_key(|row| Reverse((row.created, row.id)));
    let all = list.rows.len();
    list.rows.truncate(args.limit.unwrap_or(usize::MAX));
    deliver_with(None, ui, |out| {
        let mut rows = list.rows.iter();
        rows.try_for_each(|row| writeln!(out, "{}", row.link))
    })?;
    if list.rows.len() < all {
        ui.note(&format!(
            "the newest {} of {} that meet the filters (--limit)",
            list.rows.len(),
            counted(all as u64, "post")
        ));
    }
    for line in footnote(&list.name, &list.sample) {
        ui.note(&line);
    }
    Ok(list.exit)
}
