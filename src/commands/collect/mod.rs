//! From queries to stored posts: settings, plan, searches, store; shared by `download` and `crawl`.

pub(super) mod comments;
mod dry_run;
mod end;
mod gate;
mod list_shelf;
mod lists;
mod plan;
pub(super) mod refresh;
mod tag;
pub(super) mod users;
mod whose;

use std::cell::{Cell, RefCell};
use std::time::Duration;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};

use self::dry_run::dry_run;
use self::end::{ended, wake};
use self::gate::{RunGate, day_of};
use self::plan::{Wish, plan};
use self::tag::{Tag, Tally, why};
use super::{interrupt, writer};
use crate::cli::{Global, SpanArgs};
use crate::error::{Error, Exit};
use crate::http::{Client, Config, Secret, TIMEOUT};
use crate::model::{Hashtag, Origin};
use crate::settings::ApiSettings;
use crate::source::research::{Api, Credentials, Query, Stop, Window};
use crate::source::sandbox::{Options, Running, Sandbox};
use crate::store::{Coverage, Quota, Run, RunInput, TagWriter, Writer, new_id};
use crate::ui::Ui;

/// Days of a first run.
const FIRST_RUN: i64 = 30;
/// TikTok's posts begin here.
const BEGINNING: Date = jiff::civil::date(2018, 1, 1);

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
    check_dates(request, day_of(Timestamp::now()), settings)?;
    if request.span.dry_run {
        return dry_run(request, settings, global, ui);
    }
    let server = Server::of(settings)?;
    interrupt::listen();
    let gate = RunGate::new(
        ui,
        server.quota.clone(),
        settings.daily_quota,
        request.span.max_requests,
    );
    let wait = settings.retry_wait;
    let api = server.api(settings, &gate)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let run = Collection {
        request,
        api: &api,
        gate: &gate,
        global,
        ui,
    };
    runtime.block_on(run.all(wait))
}

/// The server asked, and how its requests are counted.
pub(super) struct Server {
    pub(super) url: String,
    pub(super) credentials: Credentials,
    quota: Option<Quota>,
    /// Lives as long as it is asked.
    _sandbox: Option<Running>,
}

impl Server {
    /// # Errors
    /// No credentials; no port for the practice server.
    pub(super) fn of(settings: &ApiSettings) -> Result<Self, Error> {
        if settings.sandbox {
            let options = Options::default();
            let running = Sandbox::start(&options)?;
            return Ok(Self {
                url: running.url.clone(),
                credentials: Credentials {
                    key: Secret::new(&options.client.key),
                    secret: Secret::new(&options.client.secret),
                },
                quota: None,
                _sandbox: Some(running),
            });
        }
        Ok(Self {
            _sandbox: None,
            url: settings.base_url.clone(),
            credentials: settings.credentials()?.clone(),
            quota: Some(Quota::of(&settings.state_dir, &settings.client()?)),
        })
    }

    /// The API there.
    ///
    /// # Errors
    /// The proxy's URL is malformed.
    fn api<'g>(&self, settings: &ApiSettings, gate: &'g RunGate<'_>) -> Result<Api<'g>, Error> {
        let http = Client::new(&Config {
            proxy: settings.proxy.clone().filter(|_| !settings.sandbox),
            timeout: TIMEOUT,
        })
        .map_err(|failure| Error::failed(failure.to_string(), "check --proxy"))?;
        Ok(Api::new(
            http,
            &self.url,
            self.credentials.clone(),
            settings.retry_wait,
            gate,
        ))
    }
}

struct Collection<'c> {
    request: &'c Request<'c>,
    api: &'c Api<'c>,
    gate: &'c RunGate<'c>,
    global: &'c Global,
    ui: &'c Ui,
}

/// How one pass over all subjects ended.
#[derive(Default)]
struct Pass {
    stop: Option<Stop>,
    failed: usize,
    new: u64,
}

impl Collection<'_> {
    /// Passes until nothing is left, or nothing more may be asked today.
    async fn all(&self, retry_wait: Duration) -> Result<Exit, Error> {
        let names: Vec<String> = self
            .request
            .subjects
            .iter()
            .map(|subject| format!("'{}'", subject.name))
            .collect();
        self.ui
            .note(&format!("Hashtags to scrape: [{}]", names.join(", ")));
        if let Err(stop) = self.api.login().await {
            return Err(ended(&stop, self.gate, self.api.clock().now()));
        }
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
        let (mut new, mut failed) = (0, 0);
        let mut waited_for = None;
        let stop = loop {
            let pass = self.pass()?;
            let pass = pass.run(self).await?;
            new += pass.new;
            failed = failed.max(pass.failed);
            match pass.stop {
                Some(Stop::Quota(_)) if self.request.span.wait => {
                    let now = self.api.clock().now();
                    let at = wake(now, waited_for, retry_wait);
                    waited_for = Some(day_of(at));
                    if let Err(stop) = self.sleep(at).await {
                        break Some(stop);
                    }
                }
                stop => break stop,
            }
        };
        self.ui
            .note(&format!("Successfully scraped {new} total entries"));
        if let Some(stop) = stop {
            return Err(ended(&stop, self.gate, self.api.clock().now()));
        }
        Ok(if failed > 0 { Exit::Partly } else { Exit::Done })
    }

    /// Sleeps by the wall clock: a laptop's sleep stretches every other timer.
    async fn sleep(&self, until: Timestamp) -> Result<(), Stop> {
        self.gate.reopen();
        self.ui.note(&format!(
            "the day's requests are used up; waiting until {}",
            until.strftime("%Y-%m-%d %H:%M UTC")
        ));
        while self.api.clock().now() < until {
            self.api.pause(Duration::from_millis(200)).await?;
        }
        Ok(())
    }

    fn pass(&self) -> Result<Opened, Error> {
        let started = self.api.clock().now();
        Ok(Opened {
            writer: writer(self.global, self.request.command, self.ui)?,
            run: new_id(started),
            started,
        })
    }
}

/// A store opened for one pass; given back while waiting for the next day.
struct Opened {
    writer: Writer,
    run: String,
    started: Timestamp,
}

impl Opened {
    async fn run(mut self, of: &Collection<'_>) -> Result<Pass, Error> {
        let mut pass = Pass::default();
        for subject in of.request.subjects {
            let (tally, stop) = self.subject(subject, of).await?;
            pass.new += tally.new;
            pass.failed += tally.failed.len();
            if stop.is_some() {
                pass.stop = stop;
                break;
            }
        }
        Ok(pass)
    }

    async fn subject(
        &mut self,
        subject: &Subject,
        of: &Collection<'_>,
    ) -> Result<(Tally, Option<Stop>), Error> {
        let origin = if of.api.is_synthetic() {
            Origin::Synthetic
        } else {
            Origin::Research
        };
        let tag_writer = self.writer.tag(&subject.name, origin)?;
        super::import::tell_opened(&tag_writer.name, "post", &tag_writer.opened, of.ui);
        let coverage = Coverage::read(tag_writer.folder())?;
        if coverage.unreadable > 0 {
            of.ui.warn(&format!(
                "#{}: {} lines of windows.jsonl cannot be read; their days are asked for again",
                subject.name, coverage.unreadable
            ));
        }
        let wish = of
            .request
            .wish(&subject.query, &coverage, Tag::today(of.api));
        let key = subject.query.key();
        let tasks = plan(coverage.of_query(&key), &subject.query, &wish);
        let last_day = of.request.last_day(wish.today);
        if wish.span.to > last_day {
            of.ui.warn(&format!(
                "the API may not have all posts after {last_day} yet: these days are asked for again later"
            ));
        }
        let days: u64 = tasks
            .iter()
            .filter(|task| task.part.is_none())
            .map(|task| u64::from(task.window.days()))
            .sum();
        of.ui.start_steps(&format!("#{}", subject.name), days);
        let tag = Tag {
            subject,
            api: of.api,
            gate: of.gate,
            ui: of.ui,
            run: &self.run,
            origin,
            query_key: key,
            complete: wish.complete,
            limit: of.request.span.limit,
            writer: RefCell::new(tag_writer),
            coverage: RefCell::new(coverage),
            tally: RefCell::default(),
            answered: Cell::new(false),
            doubt: Cell::new(false),
            bearable: Cell::new(u32::from(of.request.span.window)),
            days_done: Cell::new(0),
        };
        let stop = tag
            .run(tasks, usize::from(of.request.span.concurrency))
            .await;
        of.ui.finish();
        let (tally, tag_writer) = (tag.tally.into_inner(), tag.writer.into_inner());
        self.finish(
            subject,
            of,
            &wish,
            origin,
            &tally,
            stop.as_ref(),
            tag_writer,
        )?;
        Ok((tally, stop))
    }

    /// Ids and ledger, and the seed tool's lines. On every end, also an early one.
    #[expect(clippy::too_many_arguments, reason = "the parts of one run's line")]
    fn finish(
        &mut self,
        subject: &Subject,
        of: &Collection<'_>,
        wish: &Wish,
        origin: Origin,
        tally: &Tally,
        stop: Option<&Stop>,
        tag_writer: TagWriter,
    ) -> Result<(), Error> {
        let stored = tag_writer.len();
        // A run that had nothing to ask leaves no trace, however often cron starts it.
        if tally.requests > 0 || tag_writer.opened.recovered > 0 {
            let query = subject.query.to_json().to_string();
            let run = Run {
                run: self.run.clone(),
                command: of.request.command.into(),
                version: env!("CARGO_PKG_VERSION").into(),
                origin: origin.name().into(),
                hashtag: subject.name.to_string(),
                started: self.started,
                finished: of.api.clock().now(),
                inputs: vec![RunInput {
                    path: format!("{query} {}", wish.span),
                    kind: "research-api query".into(),
                    bytes: query.len() as u64,
                    sha256: subject.query.key(),
                    stopped: None,
                }],
                read: tally.returned,
                new: tally.new,
                known: tally.known,
                tombstoned: tally.tombstoned,
                without_tag: tally.off_query,
                rejected: tally.rejected,
                stopped: stop.map_or_else(|| "all windows asked".into(), why),
                ..Run::default()
            };
            let finished = self.writer.finish(vec![(tag_writer, run)]);
            // If the disk is full, that came first and is what a person must hear.
            if let Err(error) = finished {
                return Err(of.gate.trouble().unwrap_or_else(|| error.into()));
            }
        }
        tell(subject, stored, tally, of.ui);
        Ok(())
    }
}

/// The seed tool's lines, then ours.
fn tell(subject: &Subject, stored: u64, tally: &Tally, ui: &Ui) {
    let name = &subject.name;
    if stored == 0 {
        ui.note(&format!("No posts were found for the hashtag: {name}"));
    } else {
        if tally.new == 0 {
            ui.note(&format!("No new posts were found for the hashtag: {name}"));
        }
        ui.note(&format!(
            "Scraped {stored} posts containing the hashtag '{name}'"
        ));
    }
    ui.note(&format!(
        "#{name}: {} requests, {} pages, {} posts returned: {} new, {} already stored, {} off-query, {} unreadable",
        tally.requests,
        tally.pages,
        tally.returned,
        tally.new,
        tally.known,
        tally.off_query,
        tally.rejected
    ));
    if tally.tombstoned > 0 {
        ui.note(&super::tombstoned(name, tally.tombstoned));
    }
    for failed in tally.failed.iter().take(5) {
        ui.warn(&format!("#{name}: {failed}"));
    }
    if !tally.failed.is_empty() {
        ui.warn(&format!(
            "#{name}: {} windows are missing; `cotag coverage {name}` lists them, --retry-failed asks again",
            tally.failed.len()
        ));
    }
}

impl Request<'_> {
    /// The youngest day that is asked for unless told otherwise.
    fn last_day(&self, today: Date) -> Date {
        today.saturating_sub(i64::from(self.span.lag).days())
    }

    fn wish(&self, query: &Query, coverage: &Coverage, today: Date) -> Wish {
        let to = self.until.unwrap_or_else(|| self.last_day(today));
        // What was posted on the evening of that day may still be missing: it is asked again
        // tomorrow.
        let complete = self.last_day(today).saturating_sub(1.day());
        let first = to.saturating_sub((FIRST_RUN - 1).days());
        let key = query.key();
        // What was ever asked for is kept complete: the gaps are found by the plan.
        let before = coverage.of_query(&key).map(|line| line.from).min();
        let from = self.since.or(before).unwrap_or(first);
        Wish {
            span: Window { from, to },
            complete,
            today,
            days: self.span.window,
            retry_failed: self.span.retry_failed,
        }
    }
}

fn check_dates(request: &Request<'_>, today: Date, settings: &ApiSettings) -> Result<(), Error> {
    let wrong = |what: String| Err(Error::Usage(what));
    if let (Some(since), Some(until)) = (request.since, request.until)
        && since > until
    {
        return wrong(format!("--since {since} is after --until {until}"));
    }
    for (name, day) in [("--since", request.since), ("--until", request.until)] {
        let Some(day) = day else { continue };
        if day < BEGINNING {
            return wrong(format!(
                "{name} {day} is before 2018, when there was no TikTok"
            ));
        }
        // A practice server may have another day than we.
        if day > today && !settings.sandbox {
            return wrong(format!(
                "{name} {day} is in the future: today is {today} (UTC)"
            ));
        }
    }
    let complete = request.last_day(today);
    if let (Some(since), None) = (request.since, request.until)
        && since > complete
    {
        return wrong(format!(
            "--since {since} is after {complete}, the last day that the API should have; \
             name --until to ask for younger days"
        ));
    }
    Ok(())
}

/// Asks for a token and one post; says which step failed.
///
/// # Errors
/// What is wrong, with its exit code and what to try.
pub(super) fn check(settings: &ApiSettings, ui: &Ui) -> Result<(), Error> {
    let server = Server::of(settings)?;
    let gate = RunGate::new(ui, server.quota.clone(), settings.daily_quota, None);
    let api = server.api(settings, &gate)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let of = |stop: Stop| ended(&stop, &gate, api.clock().now());
    runtime.block_on(async {
        api.login().await.map_err(of)?;
        ui.note("token: granted");
        let day = day_of(api.clock().now()).saturating_sub(7.days());
        api.probe(day).await.map_err(of)?;
        ui.note("query: answered");
        Ok(())
    })
}
