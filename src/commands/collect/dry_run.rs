//! What a run would ask, without asking.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::Request;
use super::gate::day_of;
use super::plan::{Task, plan};
use super::server::left_today;
use super::shelf::windows_of;
use crate::cli::Global;
use crate::error::{Error, Exit};
use crate::settings::ApiSettings;
use crate::ui::Ui;

/// What would be asked, without asking.
pub(super) fn dry_run(
    request: &Request<'_>,
    settings: &ApiSettings,
    global: &Global,
    ui: &Ui,
) -> Result<Exit, Error> {
    let today = day_of(Timestamp::now());
    let mut text = String::new();
    for subject in request.subjects {
        let known = windows_of(global, &subject.name, &subject.query.key())?;
        let wish = request.wish(&known, today);
        let tasks = plan(&known, &subject.query, &wish);
        let _ = writeln!(
            text,
            "#{}: {}, {} searches",
            subject.name,
            wish.span,
            tasks.len()
        );
        for task in &tasks {
            let _ = writeln!(text, "  {}{}", task.window, note(task));
        }
    }
    // Writing to a String cannot fail.
    let _ = writeln!(
        text,
        "each search needs a request per 100 posts, at least one; {}",
        left_today(settings)?
    );
    ui.data(text.as_bytes())?;
    Ok(Exit::Done)
}

fn note(task: &Task) -> String {
    let part = task.part.map_or(String::new(), |part| format!(" ({part})"));
    let state = task.line.as_ref().map_or(String::new(), |line| {
        format!(", {}: {}", line.state.name(), line.why)
    });
    part + &state
}
