//! What is told of a subject once its windows were asked: the seed tool's lines, then ours.

use super::Subject;
use super::tag::Tally;
use crate::output::counted;
use crate::ui::Ui;

/// The seed tool's lines, then ours.
pub(super) fn tell(subject: &Subject, stored: u64, tally: &Tally, ui: &Ui) {
    let name = &subject.name;
    if stored == 0 {
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
