//! `cotag posts`: the posts behind a number.

use super::database::Shelf;
use super::frequencies::nothing_left;
use super::input::subject;
use super::{damage, deliver, filter, hashtags, table_format, tags_from};
use crate::analysis::{Counter, Extras};
use crate::cli::{Global, PostsArgs};
use crate::error::{Error, Exit};
use crate::output::{PostRow, footnote, posts};
use crate::ui::Ui;

pub(super) fn run(args: &PostsArgs, global: &Global, ui: &Ui) -> Result<Exit, Error> {
    let format = table_format(&args.output)?;
    let from = tags_from(args.filter.tags_from);
    let mut filter = filter(&args.filter)?;
    let with = hashtags(&args.with, None)?;
    filter.forbidden = hashtags(&args.without, None)?;

    let subject = subject(&args.subject, &Shelf::new(global))?;
    // With --any-tags one required hashtag is enough, but all of --with are.
    let with = crate::analysis::Filter {
        required: with,
        ..Default::default()
    };
    let folded = subject.fold(
        &|| (Counter::new(from, Extras::default()), Vec::new()),
        &|(counter, rows), post, origin| {
            if filter.passes(post, from) && with.passes(post, from) {
                counter.add(post, origin);
                rows.push(PostRow::new(post, origin));
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
    rows.sort_unstable_by_key(|row: &PostRow| (row.created.map(crate::model::Created::at), row.id));
    deliver(
        &posts(&name, &rows, &sample, format),
        args.output.output.as_deref(),
        ui,
    )?;
    for line in footnote(&name, &sample) {
        ui.note(&line);
    }
    Ok(exit)
}
