//! From queries to stored posts: settings, plan, searches, store; shared by `download` and `crawl`.

pub(super) mod comments;
mod cut;
mod dry_run;
mod end;
mod gate;
mod last_day;
mod list_shelf;
mod lists;
mod page;
mod pass;
mod plan;
pub(super) mod refresh;
pub(super) mod report;
mod server;
mod session;
mod shelf;
mod span;
mod tag;
pub(super) mod users;
mod whose;

use std::cell::Cell;

use jiff::Timestamp;
use jiff::civil::Date;

pub(super) use self::server::check;

use self::dry_run::dry_run;
use self::gate::{RunGate, day_of};
use self::pass::Pass;
use self::server::Server;
use self::session::Session;
use crate::cli::{Global, SpanArgs};
use crate::error::{Error, Exit};
use crate::model::Hashtag;
use crate::settings::ApiSettings;
use crate::source::research::{Api, Query};
use crate::store::EndDate;
use crate::ui::Ui;

/// A query and the name that its posts are stored under.
#[derive(Debug)]
pub(super) struct Subject {
    pub(super) name: Hashtag,
    pub(super) query: Query,
}

/// What was asked for, all of it checked.
pub(super) struct Request<'r> {
    /// `download` or `crawl`.
    pub(super) command: &'static str,
    pub(super) subjects: &'r [Subject],
    pub(super) span: &'r SpanArgs,
    pub(super) since: Option<Date>,
    pub(super) until: Option<Date>,
}

/// Collects everything.
///
/// # Errors
/// Whatever ends the run early; all that was fetched is stored by then.
pub(super) fn collect(
    request: &Request<'_>,
    settings: &ApiSettings,
    global: &Global,
    ui: &Ui,
) -> Result<Exit, Error> {
    for warning in &settings.warnings {
        ui.warn(warning);
    }
    request.check_dates(day_of(Timestamp::now()), settings)?;
    if request.span.dry_run {
        return dry_run(request, settings, global, ui);
    }
    let max_requests = request.span.max_requests;
    Server::session(settings, ui, max_requests, None, async |on| {
        let run = Collection {
            request,
            api: on.api,
            gate: on.gate,
            end_date: Cell::new(None),
            settings,
            global,
            ui,
        };
        run.all(on).await
    })
}

struct Collection<'c> {
    request: &'c Request<'c>,
    api: &'c Api<'c>,
    gate: &'c RunGate<'c>,
    /// How the API reads the last day of a question, as far as it has shown.
    end_date: Cell<Option<EndDate>>,
    settings: &'c ApiSettings,
    global: &'c Global,
    ui: &'c Ui,
}

impl Collection<'_> {
    /// Passes until nothing is left, or nothing more may be asked today.
    async fn all(&self, on: Session<'_>) -> Result<Exit, Error> {
        let names: Vec<String> = self
            .request
            .subjects
            .iter()
            .map(|subject| format!("'{}'", subject.name))
            .collect();
        self.ui
            .note(&format!("Hashtags to scrape: [{}]", names.join(", ")));
        on.login().await?;
        if let Some(skew) = self.api.clock().skew() {
            let tell = if self.api.is_synthetic() {
                Ui::note
            } else {
                Ui::warn
            };
            tell(
                self.ui,
                &format!(
                    "this machine's clock differs from the server's by {} hours; the server's counts",
                    skew.abs().as_hours()
                ),
            );
        }
        // Which day it is, is the server's to say.
        let today = day_of(self.api.clock().now());
        self.request.check_dates(today, self.settings)?;
        let (mut new, mut failed) = (0, 0);
        let pass = async || {
            let outcome = Pass::open(self)?.run().await?;
            new += outcome.new;
            failed = failed.max(outcome.failed);
            Ok(outcome.stop)
        };
        let stop = on.passes(self.request.span.wait, pass).await?;
        self.ui
            .note(&format!("Successfully scraped {new} total entries"));
        on.end(stop.as_ref(), failed > 0)
    }
}
