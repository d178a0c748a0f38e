//! `cotag doctor`: what a first-time user trips over, looked at before it happens.

mod data;
mod machine;
mod programs;

use jiff::Timestamp;

use super::table_format;
use crate::cli::{DoctorArgs, Global};
use crate::error::{Error, Exit};
use crate::output::{Check, Health, counted, doctor};
use crate::settings::ApiSettings;
use crate::store::place::Place;
use crate::ui::Ui;

pub(super) fn run(args: &DoctorArgs, global: &Global, ui: &Ui) -> Result<Exit, Error> {
    let format = table_format(&args.output)?;
    let mut checks = vec![Check::ok("version", machine::version())];
    let youngest = match crate::settings::store(global) {
        Ok((Place::Directory(_), _)) => data::check(&global.data_dir, &mut checks),
        Ok((Place::Database(place), _)) => {
            let what = format!(
                "posts are in `{place}`, which is not asked here; `cotag verify` asks it and checks them"
            );
            checks.push(Check::ok("store", what));
            None
        }
        Err(error) => {
            checks.push(Check::fail(
                "store",
                error.to_string(),
                error.hint().unwrap_or_default(),
            ));
            None
        }
    };
    checks.push(machine::disk_space(&global.data_dir));
    let settings = ApiSettings::resolve(&args.api, &global.data_dir);
    checks.extend(credentials(&settings));
    checks.push(programs::browser(args.chrome.as_deref()));
    checks.push(programs::yt_dlp(args.yt_dlp.as_deref(), Timestamp::now()));
    checks.push(machine::fonts());
    let answer = match &settings {
        Ok(settings) if args.online => Some(machine::ask(settings)?),
        _ => None,
    };
    let server = answer.as_ref().and_then(|answer| answer.date);
    checks.push(machine::clock(Timestamp::now(), server, youngest));
    checks.extend(answer.map(|answer| answer.check));

    super::deliver(&doctor(&checks, format), args.output.output.as_deref(), ui)?;
    let count = |health| checks.iter().filter(|check| check.health == health).count() as u64;
    let (warned, failed) = (count(Health::Warn), count(Health::Fail));
    ui.note(&match (failed, warned) {
        (0, 0) => "all is well".to_owned(),
        (0, _) => format!("{}, nothing that stops cotag", counted(warned, "warning")),
        _ => format!("{} must be put right first", counted(failed, "thing")),
    });
    Ok(if failed > 0 { Exit::Failed } else { Exit::Done })
}

/// Whether there are credentials and from where, and whether others can read the files with secrets.
/// Never what they are.
fn credentials(settings: &Result<ApiSettings, Error>) -> Vec<Check> {
    let settings = match settings {
        Ok(settings) => settings,
        Err(error) => {
            let name = match error.exit() {
                Exit::Credentials => "credentials",
                _ => "settings",
            };
            let advice = error.hint().unwrap_or_default();
            return vec![Check::fail(name, error.to_string(), advice)];
        }
    };
    let found = match settings.credentials() {
        _ if settings.sandbox => Check::ok("credentials", "none needed for the sandbox"),
        Ok(_) => Check::ok(
            "credentials",
            format!(
                "for the Research API, from {}; `cotag auth check` tries them",
                settings.credentials_from()
            ),
        ),
        Err(error) => Check::warn(
            "credentials",
            error.to_string(),
            error.hint().unwrap_or_default(),
        ),
    };
    let files = if settings.warnings.is_empty() {
        Check::ok(
            "settings",
            "settings can be read, no secret lies open to others",
        )
    } else {
        Check::warn("settings", settings.warnings.join("; "), "do as it says")
    };
    vec![found, files]
}
