//! `cotag urls`: links to posts' pages, for other tools.

use std::cmp::Reverse;

use jiff::Timestamp;

use super::database::Shelf;
use super::frequencies::nothing_left;
use super::input::subject;
use super::{damage, filter, hashtags, tags_from};
use crate::analysis::{Counter, Extras, Filter};
use crate::cli::{Global, UrlsArgs};
use crate::error::{Error, Exit};
use crate::model::{Created, PostId};
use crate::output::{counted, footnote};
use crate::ui::Ui;

/// A link and what it is sorted by.
struct Row {
    created: Option<Timestamp>,
    id: PostId,
    link: String,
}

pub(super) fn run(args: &UrlsArgs, global: &Global, ui: &Ui) -> Result<Exit, Error> {
    let from = tags_from(args.filter.tags_from);
    let mut filter = filter(&args.filter)?;
    filter.forbidden = hashtags(&args.without, None)?;
    // With --any-tags one required hashtag is enough, but all of --with are.
    let with = Filter {
        required: hashtags(&args.with, None)?,
        ..Filter::default()
    };
    let subject = subject(&args.subject, &Shelf::new(global))?;
    let folded = subject.fold(
        &|| (Counter::new(from, Extras::default()), Vec::new()),
        &|(counter, rows), post, origin| {
            let seen_enough = |least| post.counts.views.is_some_and(|views| views >= least);
            if args.min_views.is_none_or(seen_enough)
                && filter.passes(post, from)
                && with.passes(post, from)
            {
                counter.add(post, origin);
                rows.push(Row {
                    created: post.created.map(Created::at),
                    id: post.id,
                    link: post.page(),
                });
            } else {
                counter.sample_mut().filtered += 1;
            }
        },
        ui,
    )?;
    let mut sample = folded.left_out;
    let mut rows = Vec::new();
    for (counter, part) in folded.states {
        sample.merge(counter.sample());
        rows.extend(part);
    }
    for note in &folded.notes {
        ui.warn(note);
    }
    let exit = damage(&folded.damage, sample.unreadable, ui);
    let name = subject.name();
    nothing_left(&name, &sample)?;
    rows.sort_unstable_by_key(|row: &Row| Reverse((row.created, row.id)));
    let all = rows.len();
    rows.truncate(args.limit.unwrap_or(usize::MAX));
    let text: String = rows.iter().map(|row| row.link.clone() + "\n").collect();
    ui.data(text.as_bytes())?;
    if rows.len() < all {
        ui.note(&format!(
            "the newest {} of {} that meet the filters (--limit)",
            rows.len(),
            counted(all as u64, "post")
        ));
    }
    for line in footnote(&name, &sample) {
        ui.note(&line);
    }
    Ok(exit)
}
