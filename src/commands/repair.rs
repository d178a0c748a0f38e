//! `cotag repair`: mends damaged data; no post is deleted, and lost ones are asked for again.

use std::time::Duration;

use crate::cli::Global;
use crate::error::{Error, Exit};
use crate::output::counted;
use crate::store::{Holder, Writer, repair};
use crate::ui::Ui;

pub(super) fn run(global: &Global, ui: &Ui) -> Result<Exit, Error> {
    super::needs_directory(global, ui, "repair")?;
    let timeout = Duration::from_secs(global.lock_timeout);
    let mut waiting = |holder: &Holder| ui.note(&format!("waiting for {holder} to finish"));
    let mut writer = Writer::open_to_repair(&global.data_dir, timeout, &mut waiting)?;
    let mut text = String::new();
    let mut mended = false;
    let mut lost = 0;
    for report in repair(&mut writer, timeout, &mut waiting)? {
        let name = crate::output::printable(&report.name);
        for done in report.done {
            mended = true;
            text += &format!("{name}: {}\n", crate::output::printable(&done));
        }
        lost += report.lost;
        for backup in report.backups {
            text += &format!("{name}: kept as it was before: {}\n", backup.display());
        }
    }
    ui.data(text.as_bytes())?;
    if !mended {
        ui.note("Nothing to mend.");
    }
    if lost > 0 {
        let are = if lost == 1 { "is" } else { "are" };
        ui.warn(&format!(
            "{} that had been stored {are} gone: above is told which, what is kept, and what asks for them again",
            counted(lost, "record")
        ));
        return Ok(Exit::Partly);
    }
    Ok(Exit::Done)
}
