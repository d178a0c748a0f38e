//! The posts that a list is made of: those of a hashtag or file that meet what was asked for.

use super::database::Shelf;
use super::frequencies::nothing_left;
use super::input::subject;
use super::{damage, filter, hashtags, tags_from};
use crate::analysis::{Counter, Extras, Filter, Sample};
use crate::cli::{Global, ListArgs};
use crate::error::{Error, Exit};
use crate::model::{Origin, Post};
use crate::ui::Ui;

/// What was listed.
pub(super) struct Listed<R> {
    /// What the rows are of, as shown to people.
    pub(super) name: String,
    /// A row for each post, in no order.
    pub(super) rows: Vec<R>,
    /// What they are a sample of.
    pub(super) sample: Sample,
    /// How the command ends once they are written.
    pub(super) exit: Exit,
}

/// Reads the posts that meet the filters and `keep`, and makes a row of each.
///
/// # Errors
/// Wrong words; nothing is left; the disk's own.
pub(super) fn listed<R: Send>(
    args: &ListArgs,
    keep: &(dyn Fn(&Post<'_>) -> bool + Sync),
    row: &(dyn Fn(&Post<'_>, Option<Origin>) -> R + Sync),
    global: &Global,
    ui: &Ui,
) -> Result<Listed<R>, Error> {
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
            if keep(post) && filter.passes(post, from) && with.passes(post, from) {
                counter.add(post, origin);
                rows.push(row(post, origin));
            } else {
                counter.sample_mut().filtered += 1;
            }
        },
        ui,
    )?;
    let mut sample = folded.left_out;
    let mut rows = Vec::with_capacity(folded.states.iter().map(|(_, part)| part.len()).sum());
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
    Ok(Listed {
        name,
        rows,
        sample,
        exit,
    })
}
