//! What is told of a subject once its windows were asked: the seed tool's lines, then ours.

use super::Subject;
use super::tag::{Tally, why};
use crate::model::Hashtag;
use crate::output::counted;
use crate::source::research::Stop;
use crate::store::WindowLine;
use crate::ui::Ui;

/// How many windows are named before the rest is a number.
const NAMED: usize = 5;

/// What was given up in earlier runs and is not asked for in this one.
pub(super) fn tell_left_alone(name: &Hashtag, lines: &[&WindowLine], ui: &Ui) {
    if lines.is_empty() {
        return;
    }
    ui.warn(&format!(
        "#{name}: could not be had before and is left alone: {}; --retry-failed asks again",
        days(lines)
    ));
}

/// Windows and their states, the first few of them.
pub(in crate::commands) fn days(lines: &[&WindowLine]) -> String {
    let mut named: Vec<String> = lines
        .iter()
        .map(|line| {
            let part = line.part.as_ref();
            let part = part.map_or(String::new(), |part| format!(", {part}"));
            let days = if line.from == line.to {
                line.from.to_string()
            } else {
                format!("{} to {}", line.from, line.to)
            };
            format!("{days} ({}{part})", line.state.name())
        })
        .collect();
    let more = named.len().saturating_sub(NAMED);
    named.truncate(NAMED);
    if more > 0 {
        named.push(format!("and {more} more"));
    }
    named.join(", ")
}

/// The seed tool's lines, then ours.
pub(super) fn tell(subject: &Subject, stored: u64, tally: &Tally, stop: Option<&Stop>, ui: &Ui) {
    let name = &subject.name;
    // That nothing was answered says nothing about what there is.
    if let Some(stop) = stop.filter(|_| tally.pages == 0) {
        ui.note(&format!("#{name}: no answer in this run ({})", why(stop)));
    } else if stored == 0 {
        ui.note(&format!("No posts were found for the hashtag: {name}"));
        ui.note("that the API has none is no proof that there are none: it lacks about one public post in eight");
    } else {
        if tally.new == 0 {
            ui.note(&format!("No new posts were found for the hashtag: {name}"));
        }
        ui.note(&format!(
            "Scraped {stored} posts containing the hashtag '{name}'"
        ));
    }
    ui.note(&format!(
        "#{name}: {}, {}, {} returned: {} new, {} already stored, {} off-query, {} unreadable",
        counted(tally.requests, "request"),
        counted(tally.pages, "page"),
        counted(tally.returned, "post"),
        tally.new,
        tally.known,
        tally.off_query,
        tally.rejected
    ));
    if tally.tombstoned > 0 {
        ui.note(&crate::commands::tombstoned(name, tally.tombstoned));
    }
    for failed in tally.failed.iter().take(5) {
        ui.warn(&format!("#{name}: {failed}"));
    }
    if !tally.failed.is_empty() {
        ui.warn(&format!(
            "#{name}: {} missing; `cotag coverage {name}` lists them, --retry-failed asks again",
            counted(tally.failed.len() as u64, "window")
        ));
    }
}
