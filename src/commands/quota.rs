//! `cotag quota`: how many requests were sent today.

use std::fmt::Write as _;

use jiff::{Timestamp, tz::TimeZone};

use crate::cli::{Global, QuotaArgs};
use crate::error::{Error, Exit};
use crate::output::counted;
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
    let quota = Quota::of(&settings.state_dir, &settings.client()?);
    let used = quota.used(today)?;
    let relations = quota.beside("relations").used(today)?;
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
    if relations.requests > 0 {
        let _ = writeln!(
            text,
            "followers and following, which have a quota of their own: {} used, {} of them failed",
            counted(relations.requests, "request"),
            relations.failed
        );
    }
    text += "counted on this machine; others with the same approval share the quota\n";
    ui.data(text.as_bytes())?;
    Ok(Exit::Done)
}
