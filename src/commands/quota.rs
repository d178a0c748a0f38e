//! `cotag quota`: how many requests were sent today.

use jiff::{Timestamp, tz::TimeZone};

use crate::cli::{Global, QuotaArgs};
use crate::error::{Error, Exit};
use crate::settings::ApiSettings;
use crate::store::Quota;
use crate::ui::Ui;

pub(super) fn run(args: &QuotaArgs, global: &Global, ui: &Ui) -> Result<Exit, Error> {
    let settings = ApiSettings::resolve(&args.api, &global.data_dir)?;
    for warning in &settings.warnings {
        ui.warn(warning);
    }
    if settings.sandbox {
        return Err(Error::Usage(
            "the sandbox of a command begins with a fresh quota every time".into(),
        ));
    }
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    let used = Quota::of(&settings.state_dir, &settings.client()?).used(today)?;
    let limit = settings.daily_quota;
    let mut text = format!(
        "{today} (UTC): {} of {limit} requests used, {} left; {} of them failed, which count too\n",
        used.requests,
        limit.saturating_sub(used.requests),
        used.failed
    );
    if used.exhausted {
        text += "the API has said today that its quota is used up\n";
    }
    text += "counted on this machine; others with the same approval share the quota\n";
    ui.data(text.as_bytes())?;
    Ok(Exit::Done)
}
