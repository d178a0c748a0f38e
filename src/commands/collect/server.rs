//! The server that is asked: TikTok's, another one, or the practice server of this process.

use jiff::ToSpan as _;

use super::end::ended;
use super::gate::{RunGate, day_of};
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
    pub(super) quota: Option<Quota>,
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
    pub(super) fn api<'g>(
        &self,
        settings: &ApiSettings,
        gate: &'g RunGate<'_>,
    ) -> Result<Api<'g>, Error> {
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

/// Asks for a token and one post; says which step failed.
///
/// # Errors
/// What is wrong, with its exit code and what to try.
pub(in crate::commands) fn check(settings: &ApiSettings, ui: &Ui) -> Result<(), Error> {
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
