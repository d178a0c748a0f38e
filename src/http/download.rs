//! Files behind links out of foreign data: guarded, bounded, in pieces that can be continued.

use std::error::Error as _;
use std::io::{self, Seek as _, Write as _};
use std::path::Path;
use std::time::Duration;

use fs_err as fs;
use reqwest::header::{ACCEPT_ENCODING, CONTENT_RANGE, RANGE};
use reqwest::{Response, StatusCode, Url};

use super::CONNECT_TIMEOUT;
use super::guard::Guard;

/// How long a server may keep silent.
const SILENCE: Duration = Duration::from_secs(20);
/// How long an interrupt may wait.
const POLL: Duration = Duration::from_millis(100);
/// Attempts at one file.
const ATTEMPTS: u32 = 3;
const PAUSE: Duration = Duration::from_millis(500);
/// No page is larger.
const LARGEST_PAGE: u64 = 16 << 20;

/// Fetches files.
#[derive(Clone, Debug)]
pub struct Downloads {
    client: reqwest::Client,
    guard: Guard,
}

/// Why a file was not fetched. Messages name hosts, never the rest of a link: it may hold tokens.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// The link leads to where foreign links may not lead, or is none.
    #[error("the link is refused: {0}")]
    Refused(String),
    /// The server said no.
    #[error("HTTP status {0}")]
    Status(u16),
    /// More bytes than allowed.
    #[error("larger than --max-filesize")]
    TooLarge,
    /// The connection could not be made, or broke off in every attempt.
    #[error("{0}")]
    Connection(String),
    /// The file cannot be written.
    #[error(transparent)]
    Disk(#[from] io::Error),
    /// The person does not want it any more.
    #[error("interrupted")]
    Stopped,
}

impl DownloadError {
    fn is_passing(&self) -> bool {
        match self {
            Self::Connection(_) => true,
            Self::Status(status) => *status == 429 || *status >= 500,
            _ => false,
        }
    }
}

impl Downloads {
    /// A client that follows links to public servers, and to `site` if the user named one.
    ///
    /// # Errors
    /// The proxy or the site is no URL.
    pub fn new(proxy: Option<&str>, site: Option<&str>) -> Result<Self, String> {
        // Another part of the process may have chosen a provider before us, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut guard = match site {
            None => Guard::default(),
            Some(site) => Guard::with_site(&Url::parse(site).map_err(|_| "the site is no URL")?),
        };
        guard.proxies = proxy_hosts(proxy);
        let follows = guard.clone();
        let redirects = reqwest::redirect::Policy::custom(move |attempt| {
            if attempt.previous().len() > 5 {
                return attempt.error("too many redirects");
            }
            match follows.refuses(attempt.url()) {
                Some(why) => attempt.error(why),
                None => attempt.follow(),
            }
        });
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("cotag/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(redirects)
            .dns_resolver(guard.clone());
        builder = match (proxy, site) {
            (Some(proxy), _) => builder.proxy(
                reqwest::Proxy::all(proxy)
                    .map_err(|_| "the proxy is no URL such as http://host:port")?,
            ),
            (None, Some(_)) => builder.no_proxy(),
            (None, None) => builder,
        };
        let client = builder.build().map_err(|error| error.to_string())?;
        Ok(Self { client, guard })
    }

    /// A page's bytes.
    ///
    /// # Errors
    /// See [`DownloadError`].
    pub async fn page(
        &self,
        link: &str,
        stop: &dyn Fn() -> bool,
    ) -> Result<Vec<u8>, DownloadError> {
        let mut page = Vec::new();
        for attempt in 1.. {
            page.clear();
            let tried = async {
                let answer = self.ask(link, 0, stop).await?;
                body(answer, LARGEST_PAGE, stop, &mut |piece| {
                    page.extend_from_slice(piece);
                    Ok(())
                })
                .await
            };
            match tried.await {
                Ok(()) => break,
                Err(error) if error.is_passing() && attempt < ATTEMPTS => {
                    tokio::time::sleep(PAUSE * attempt).await;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(page)
    }

    /// A file, written to `path` as it comes and synced; continued where an attempt broke off.
    ///
    /// # Errors
    /// See [`DownloadError`]; what came is left at `path`.
    pub async fn file(
        &self,
        link: &str,
        path: &Path,
        most: u64,
        stop: &dyn Fn() -> bool,
    ) -> Result<u64, DownloadError> {
        let mut file = fs::File::create(path)?;
        for attempt in 1.. {
            match self.attempt(link, &mut file, most, stop).await {
                Ok(()) => break,
                Err(error) if error.is_passing() && attempt < ATTEMPTS => {
                    tokio::time::sleep(PAUSE * attempt).await;
                }
                Err(error) => return Err(error),
            }
        }
        file.sync_all()?;
        Ok(file.metadata()?.len())
    }

    async fn attempt(
        &self,
        link: &str,
        file: &mut fs::File,
        most: u64,
        stop: &dyn Fn() -> bool,
    ) -> Result<(), DownloadError> {
        let there = file.seek(io::SeekFrom::End(0))?;
        let answer = self.ask(link, there, stop).await?;
        let mut have = there;
        if there > 0 && !continues(&answer, there) {
            file.set_len(0)?;
            file.rewind()?;
            have = 0;
        }
        let most = most.saturating_sub(have);
        if answer.content_length().is_some_and(|length| length > most) {
            return Err(DownloadError::TooLarge);
        }
        body(answer, most, stop, &mut |piece| file.write_all(piece)).await
    }

    async fn ask(
        &self,
        link: &str,
        from: u64,
        stop: &dyn Fn() -> bool,
    ) -> Result<Response, DownloadError> {
        let link = Url::parse(link).map_err(|_| DownloadError::Refused("it is no URL".into()))?;
        if let Some(why) = self.guard.refuses(&link) {
            return Err(DownloadError::Refused(why));
        }
        // Lengths and ranges are about bytes as they lie on the server.
        let mut request = self.client.get(link).header(ACCEPT_ENCODING, "identity");
        if from > 0 {
            request = request.header(RANGE, format!("bytes={from}-"));
        }
        let answer = patient(request.send(), stop).await?;
        let status = answer.status();
        if status == StatusCode::OK || status == StatusCode::PARTIAL_CONTENT {
            return Ok(answer);
        }
        Err(DownloadError::Status(status.as_u16()))
    }
}

/// Whether an answer goes on at this byte.
fn continues(answer: &Response, from: u64) -> bool {
    let range = answer.headers().get(CONTENT_RANGE);
    answer.status() == StatusCode::PARTIAL_CONTENT
        && range
            .and_then(|range| range.to_str().ok())
            .is_some_and(|range| range.starts_with(&format!("bytes {from}-")))
}

/// Hands on a body piece by piece, at most so many bytes.
async fn body(
    mut answer: Response,
    most: u64,
    stop: &dyn Fn() -> bool,
    each: &mut dyn FnMut(&[u8]) -> io::Result<()>,
) -> Result<(), DownloadError> {
    let mut left = most;
    while let Some(piece) = patient(answer.chunk(), stop).await? {
        left = left
            .checked_sub(piece.len() as u64)
            .ok_or(DownloadError::TooLarge)?;
        each(&piece)?;
    }
    Ok(())
}

/// Waits for the server, but not for ever, and not longer than the person does.
async fn patient<T>(
    work: impl Future<Output = Result<T, reqwest::Error>>,
    stop: &dyn Fn() -> bool,
) -> Result<T, DownloadError> {
    let mut work = std::pin::pin!(work);
    let begun = tokio::time::Instant::now();
    loop {
        match tokio::time::timeout(POLL, &mut work).await {
            Ok(result) => return result.map_err(|error| told(&error)),
            Err(_) if stop() => return Err(DownloadError::Stopped),
            Err(_) if begun.elapsed() > SILENCE => {
                return Err(DownloadError::Connection("the server keeps silent".into()));
            }
            Err(_) => {}
        }
    }
}

/// An error without its link.
fn told(error: &reqwest::Error) -> DownloadError {
    let host = error.url().and_then(Url::host_str).unwrap_or("the server");
    let mut innermost = String::new();
    let mut source = error.source();
    while let Some(error) = source {
        innermost = error.to_string();
        source = error.source();
    }
    if error.is_redirect() {
        return DownloadError::Refused(innermost);
    }
    DownloadError::Connection(format!("no whole answer of {host}: {innermost}"))
}

/// Hosts of the proxy named or of those that the system's settings name.
fn proxy_hosts(named: Option<&str>) -> Vec<String> {
    let from_system = ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"]
        .iter()
        .flat_map(|name| [(*name).to_owned(), name.to_ascii_lowercase()])
        .filter_map(|name| std::env::var(name).ok());
    named
        .map(str::to_owned)
        .into_iter()
        .chain(from_system)
        .filter_map(|proxy| {
            let proxy = if proxy.contains("://") {
                proxy
            } else {
                format!("http://{proxy}")
            };
            Some(Url::parse(&proxy).ok()?.host_str()?.to_owned())
        })
        .collect()
}
