//! `cotag repair`: mends damaged data; no post is deleted.

use std::time::Duration;

use crate::cli::Global;
use crate::error::{Error, Exit};
use crate::store::{Holder, Writer, repair};
use crate::ui::Ui;

pub(super) fn run(global: &Global, ui: &Ui) -> Result<Exit, Error> {
    super::needs_directory(global, ui, "repair")?;
    let timeout = Duration::from_secs(global.lock_timeout);
    let mut waiting = |holder: &Holder| ui.note(&format!("waiting for {holder} to finish"));
    let mut writer = Writer::open_to_repair(&global.data_dir, timeout, &mut waiting)?;
    let mut text = String::new();
    let mut mended = false;
    for report in repair(&mut writer, timeout, &mut waiting)? {
        let name = crate::output::printable(&report.name);
        for done in report.done {
            mended = true;
            text += &format!("{name}: {}\n", crate::output::printable(&done));
        }
        for backup in report.backups {
            text += &format!("{name}: kept as it was before: {}\n", backup.display());
        }
    }
    ui.data(text.as_bytes())?;
    if !mended {
        ui.note("Nothing to mend.");
    }
    Ok(Exit::Done)
}
