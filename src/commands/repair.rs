//! `cotag repair`: mends damaged data; no post is deleted.

use crate::cli::Global;
use crate::error::{Error, Exit};
use crate::store::{Store, repair};
use crate::ui::Ui;

pub(super) fn run(global: &Global, ui: &Ui) -> Result<Exit, Error> {
    // Nothing to mend where nothing is: do not make a directory.
    Store::open(&global.data_dir)?;
    let mut writer = super::writer(global, "repair", ui)?;
    let mut text = String::new();
    let mut mended = false;
    for report in repair(&mut writer)? {
        let name = report
            .tag
            .map_or_else(|| "store".to_owned(), |tag| format!("#{tag}"));
        let name = crate::output::printable(&name).into_owned();
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
