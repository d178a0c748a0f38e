//! The server that is asked: TikTok's, another one, or the practice server of this process.

use jiff::{Timestamp, ToSpan as _};

use super::end::ended;
use super::gate::{RunGate, day_of};
use super::session::Session;
use crate::commands::interrupt;
use crate::error::Error;
use crate::http::{Client, Config, Secret, TIMEOUT};
use crate::settings::ApiSettings;
use crate::source::research::{Api, Credentials, Stop};
use crate::source::sandbox::{Options, Running, Sandbox};
use crate::store::Quota;
use crate::ui::Ui;

/// The server asked, and how its requests are counted.
pub(super) struct Server {
    url: String,
    credentials: Credentials,
    /// The counter of its requests; `None` where a practice server of our own counts.
    quota: Option<Quota>,
    /// Lives as long as it is asked.
    _sandbox: Option<Running>,
}

impl Server {
    /// Asks the server that the settings name, with at most so many requests, `share` of them set
    /// aside; ends in an orderly way on Ctrl-C.
    ///
    /// # Errors
    /// No credentials; no port for the practice server; what the work ends with.
    pub(super) fn session<T>(
        settings: &ApiSettings,
        ui: &Ui,
        max_requests: Option<u64>,
        share: Option<u64>,
        work: impl AsyncFnOnce(Session<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let server = Self::of(settings)?;
        interrupt::listen();
        let quota = server.quota.clone();
        let gate = RunGate::new(ui, quota, settings.daily_quota, max_requests).with_share(share);
        let api = server.api(settings, &gate)?;
        runtime()?.block_on(work(Session {
            api: &api,
            gate: &gate,
            ui,
            retry_wait: settings.retry_wait,
        }))
    }

    /// # Errors
    /// No credentials; no port for the practice server.
    fn of(settings: &ApiSettings) -> Result<Self, Error> {
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

/// All asking is done on one thread.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
}

/// How many of the day's requests are left, in a sentence's words, as far as this machine has counted.
///
/// # Errors
/// The disk's own.
pub(super) fn left_today(settings: &ApiSettings) -> Result<String, Error> {
    let used = match settings.client() {
        Ok(client) => {
            let quota = Quota::of(&settings.state_dir, &client);
            quota.used(day_of(Timestamp::now()))?.requests
        }
        // Nobody has asked anything without credentials.
        Err(_) => 0,
    };
    let daily = settings.daily_quota;
    Ok(format!(
        "{} of {daily} requests are left today",
        daily.saturating_sub(used)
    ))
}

/// Asks for a token and one post; says which step failed.
///
/// # Errors
/// What is wrong, with its exit code and what to try.
pub(in crate::commands) fn check(settings: &ApiSettings, ui: &Ui) -> Result<(), Error> {
    let server = Server::of(settings)?;
    let gate = RunGate::new(ui, server.quota.clone(), settings.daily_quota, None);
    let api = server.api(settings, &gate)?;
    let of = |stop: Stop| ended(&stop, &gate, api.clock().now());
    runtime()?.block_on(async {
        api.login().await.map_err(of)?;
        ui.note("token: granted");
        let day = day_of(api.clock().now()).saturating_sub(7.days());
        api.probe(day).await.map_err(of)?;
        ui.note("query: answered");
        Ok(())
    })
}
