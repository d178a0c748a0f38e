//! `cotag auth check`: do the credentials work, and if not, why.

use super::collect::check;
use crate::cli::{AuthArgs, Global};
use crate::error::{Error, Exit};
use crate::settings::ApiSettings;
use crate::ui::Ui;

pub(super) fn run(args: &AuthArgs, global: &Global, ui: &Ui) -> Result<Exit, Error> {
    let settings = ApiSettings::resolve(&args.api, &global.data_dir)?;
    for warning in &settings.warnings {
        ui.warn(warning);
    }
    if settings.sandbox {
        ui.note("credentials: none needed for the sandbox");
    } else {
        settings.credentials()?;
        ui.note(&format!(
            "credentials: found in {}",
            settings.credentials_from()
        ));
    }
    check(&settings, ui)?;
    ui.data(b"the Research API can be used\n")?;
    Ok(Exit::Done)
}
