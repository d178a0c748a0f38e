//! The one place that builds an HTTP client and sends requests.

use std::error::Error as _;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, DATE, HeaderMap, RETRY_AFTER};

use super::Secret;
use super::retry::{parse_http_date, parse_retry_after};

/// How long a connection may take.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a whole answer may take: big searches have been seen to run for over four minutes.
pub const TIMEOUT: Duration = Duration::from_mins(5);
/// No answer of an API is larger; one that is would only fill the memory.
const LARGEST: usize = 64 << 20;

/// How to reach servers.
#[derive(Clone, Debug)]
pub struct Config {
    /// Proxy for everything, maybe with a password in its URL; `None` takes the system's.
    pub proxy: Option<Secret>,
    /// See [`TIMEOUT`].
    pub timeout: Duration,
}

/// Sends requests.
#[derive(Clone, Debug)]
pub struct Client(reqwest::Client);

/// A whole answer, whatever its status.
#[derive(Clone, Debug)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// How long the server asks us to wait.
    pub retry_after: Option<Duration>,
    /// The server's clock.
    pub date: Option<Timestamp>,
    headers: HeaderMap,
    /// The body, unpacked.
    pub body: Vec<u8>,
}

/// Why there is no answer. The message names the host, never a key or a query.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// What kind of failure.
    pub kind: FailureKind,
    /// What happened.
    pub message: String,
}

/// Kinds of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// No connection: no network, wrong name, closed port.
    Connect,
    /// The server took too long.
    Timeout,
    /// The answer broke off.
    Cut,
    /// The request itself cannot be sent (a malformed URL or proxy).
    Request,
}

impl Reply {
    /// A header's text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// An answer without headers.
    #[cfg(test)]
    pub(crate) fn for_test(status: u16, body: &str) -> Self {
        Self {
            status,
            retry_after: None,
            date: None,
            headers: HeaderMap::new(),
            body: body.as_bytes().to_vec(),
        }
    }
}

impl Client {
    /// Builds the client.
    ///
    /// # Errors
    /// The proxy's URL is malformed, or the system's certificates cannot be read.
    pub fn new(config: &Config) -> Result<Self, Failure> {
        // Another part of the process may have chosen a provider before us, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("cotag/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(config.timeout)
            // An API does not move; a redirect would carry the token elsewhere.
            .redirect(reqwest::redirect::Policy::none());
        if let Some(proxy) = &config.proxy {
            let proxy = reqwest::Proxy::all(proxy.expose()).map_err(|_| Failure {
                kind: FailureKind::Request,
                message: "the proxy is no URL such as http://host:port".into(),
            })?;
            builder = builder.proxy(proxy);
        }
        builder.build().map(Self).map_err(|error| told(&error))
    }

    /// Asks for a page.
    ///
    /// # Errors
    /// There was no whole answer.
    pub async fn get(&self, url: &str) -> Result<Reply, Failure> {
        self.send(self.0.get(url)).await
    }

    /// Sends a form.
    ///
    /// # Errors
    /// There was no whole answer.
    pub async fn post_form(&self, url: &str, form: &[(&str, &str)]) -> Result<Reply, Failure> {
        self.send(self.0.post(url).form(form)).await
    }

    /// Sends JSON with a bearer token.
    ///
    /// # Errors
    /// There was no whole answer.
    pub async fn post_json(
        &self,
        url: &str,
        token: &Secret,
        body: String,
    ) -> Result<Reply, Failure> {
        let request = self
            .0
            .post(url)
            .header(AUTHORIZATION, format!("Bearer {}", token.expose()))
            .header(CONTENT_TYPE, "application/json")
            .body(body);
        self.send(request).await
    }

    /// Sends a form of several parts, already put together, with a bearer token.
    ///
    /// # Errors
    /// There was no whole answer.
    pub async fn post_parts(
        &self,
        url: &str,
        token: &Secret,
        boundary: &str,
        text: &str,
    ) -> Result<Reply, Failure> {
        let kind = format!("multipart/form-data; boundary={boundary}");
        let request = self
            .0
            .post(url)
            .header(AUTHORIZATION, format!("Bearer {}", token.expose()))
            .header(CONTENT_TYPE, kind)
            .body(text.to_owned());
        self.send(request).await
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Reply, Failure> {
        let answer = request
            .header(ACCEPT, "application/json")
            .send()
            .await
            .map_err(|error| told(&error))?;
        let status = answer.status().as_u16();
        let headers = answer.headers().clone();
        if status == 407 {
            return Err(Failure {
                kind: FailureKind::Connect,
                message: "the proxy wants a name and password (http://name:password@host:port)"
                    .into(),
            });
        }
        let body = read(answer).await?;
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let date = text(DATE).and_then(parse_http_date);
        Ok(Reply {
            status,
            retry_after: text(RETRY_AFTER)
                .and_then(|value| parse_retry_after(value, date.unwrap_or_else(Timestamp::now))),
            date,
            body,
            headers,
        })
    }
}

async fn read(mut answer: reqwest::Response) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| told(&error))? {
        if body.len() + chunk.len() > LARGEST {
            return Err(Failure {
                kind: FailureKind::Cut,
                message: format!("the answer is larger than {} MiB", LARGEST >> 20),
            });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// An error without the URL (whose query is ours) and without what the request carried.
fn told(error: &reqwest::Error) -> Failure {
    let host = error
        .url()
        .and_then(reqwest::Url::host_str)
        .unwrap_or("the server")
        .to_owned();
    let kind = if error.is_timeout() && !error.is_connect() {
        FailureKind::Timeout
    } else if error.is_connect() {
        FailureKind::Connect
    } else if error.is_builder() {
        FailureKind::Request
    } else {
        FailureKind::Cut
    };
    let mut innermost = String::new();
    let mut source = error.source();
    while let Some(error) = source {
        innermost = error.to_string();
        source = error.source();
    }
    let what = match kind {
        FailureKind::Connect => format!("no connection to {host}"),
        FailureKind::Timeout => format!("{host} did not answer in time"),
        FailureKind::Cut => format!("the connection to {host} broke off"),
        FailureKind::Request => "the request cannot be sent".to_owned(),
    };
    Failure {
        kind,
        message: if innermost.is_empty() {
            what
        } else {
            format!("{what}: {innermost}")
        },
    }
}
