//! One request at a time: token, pace, circuit breaker, and what stops a whole run.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::civil::Date;

use super::patience::{Next, Tries};
use super::wire::{Fault, Page, Problem, is_synthetic, page, token};
use crate::http::{Backoff, Breaker, Client, Clock, Pace, Reply, Secret, Trip};

/// Where TikTok's API is.
pub const BASE_URL: &str = "https://open.tiktokapis.com";

/// Everything the API has of a video; it sends what it knows.
const FIELDS: &str = "id,create_time,username,region_code,video_description,music_id,like_count,comment_count,\
share_count,view_count,favorites_count,effect_ids,hashtag_names,hashtag_info_list,sticker_info_list,\
effect_info_list,video_mention_list,video_label,video_tag,playlist_id,voice_to_text,is_stem_verified,\
video_duration";

/// A token is renewed so long before its end.
const RENEW_BEFORE: Duration = Duration::from_mins(5);
/// How long the page in flight is waited for once the run is to end, and how often that is looked at.
const GRACE: Duration = Duration::from_secs(8);
const LOOK: Duration = Duration::from_millis(100);
/// How often a token is asked for while the servers fail.
const TOKEN_TRIES: u32 = 5;

/// What names a client to the API.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// Client key.
    pub key: Secret,
    /// Client secret.
    pub secret: Secret,
}

/// What ends a run before its windows are done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The person wants to end.
    Interrupted,
    /// As many requests as were allowed for this run.
    MaxRequests,
    /// The day's requests are used up, as the server says (with its words) or as we counted.
    Quota(Option<Problem>),
    /// The server keeps saying that it is asked too often.
    Rate(Problem),
    /// Key, secret or approval are not accepted.
    Credentials(Problem),
    /// The server cannot be reached.
    Network(Problem),
    /// The servers fail every request.
    Storm(Problem),
    /// The gate's own trouble (a full disk), kept by the gate.
    Gate,
}

/// What a request is counted with: followers and following have a quota of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bucket {
    /// Everything but the relations between accounts.
    All,
    /// Followers and following.
    Relations,
}

/// A request of the Research API.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call<'c> {
    /// With a slash at both ends.
    pub(super) path: &'static str,
    /// Names separated by commas; empty where the endpoint takes none.
    pub(super) fields: &'static str,
    pub(super) body: Body<'c>,
    pub(super) bucket: Bucket,
}

/// What is sent.
#[derive(Clone, Copy, Debug)]
pub(super) enum Body<'c> {
    Json(&'c str),
    /// A form with a file in it, whole.
    Form {
        boundary: &'static str,
        text: &'c str,
    },
}

/// The caller's side of every request.
pub trait Gate {
    /// Whether the person wants the run to end.
    fn ending(&self) -> bool;
    /// Whether the person waits for that: an answer that takes long is then not waited for.
    fn is_awaited(&self) -> bool {
        false
    }
    /// Counts a request that is about to be sent, or refuses it.
    ///
    /// # Errors
    /// Why it may not be sent.
    fn before(&self, now: Timestamp, bucket: Bucket) -> Result<(), Stop>;
    /// Is told what came of a request.
    fn after(&self, now: Timestamp, bucket: Bucket, problem: Option<&Problem>);
    /// Is told what a person should know while waiting.
    fn tell(&self, text: &str);
}

/// A request that brought no page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failed {
    /// The run ends.
    Stop(Stop),
    /// This request failed.
    Problem(Problem),
}

impl From<Stop> for Failed {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

/// The API as one client sees it.
pub struct Api<'g> {
    http: Client,
    base: String,
    credentials: Credentials,
    gate: &'g dyn Gate,
    clock: Clock,
    pub(super) backoff: Backoff,
    token: RefCell<Option<Token>>,
    pace: RefCell<Pace>,
    breaker: RefCell<Breaker>,
    synthetic: Cell<bool>,
}

#[derive(Clone)]
struct Token {
    secret: Secret,
    renew_at: Instant,
}

impl<'g> Api<'g> {
    /// The API at a base URL. `retry_wait` is the base of all waits: pauses and pace follow from it.
    pub fn new(
        http: Client,
        base: &str,
        credentials: Credentials,
        retry_wait: Duration,
        gate: &'g dyn Gate,
    ) -> Self {
        Self {
            http,
            base: base.trim_end_matches('/').to_owned(),
            credentials,
            gate,
            clock: Clock::default(),
            backoff: Backoff { base: retry_wait },
            token: RefCell::new(None),
            // Five a second at the usual wait: what TikTok's own wrapper suggests.
            pace: RefCell::new(Pace::new(retry_wait / 25)),
            breaker: RefCell::new(Breaker::new(retry_wait * 24)),
            synthetic: Cell::new(false),
        }
    }

    /// The server's time.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Whether it is a practice server, whose posts never were; known after [`Api::login`].
    pub fn is_synthetic(&self) -> bool {
        self.synthetic.get()
    }

    /// Asks for a token unless there is one that will last.
    ///
    /// # Errors
    /// Credentials, network or servers that fail for good; the person's wish to end.
    pub async fn login(&self) -> Result<(), Stop> {
        self.token().await.map(drop)
    }

    /// Asks for one page of a video query; `spent` counts the requests.
    pub(super) async fn ask(&self, body: &str, spent: &Cell<u64>) -> Result<Page, Failed> {
        let call = Call {
            path: "/v2/research/video/query/",
            fields: FIELDS,
            body: Body::Json(body),
            bucket: Bucket::All,
        };
        self.call(&call, spent, &page).await
    }

    /// Sends a request and reads its answer. The token is renewed once if it is refused; `spent`
    /// counts the requests.
    pub(super) async fn call<T>(
        &self,
        call: &Call<'_>,
        spent: &Cell<u64>,
        read: &dyn Fn(&Reply, Timestamp) -> Result<T, Problem>,
    ) -> Result<T, Failed> {
        let mut url = format!("{}{}", self.base, call.path);
        if !call.fields.is_empty() {
            url = format!("{url}?fields={}", call.fields);
        }
        let mut renewed = false;
        loop {
            let token = self.token().await?;
            self.wait_for_turn().await?;
            let asked = self.clock.now();
            self.gate.before(asked, call.bucket)?;
            spent.set(spent.get() + 1);
            let answer = async {
                match call.body {
                    Body::Json(body) => {
                        let body = body.to_owned();
                        self.http.post_json(&url, &token, body).await
                    }
                    Body::Form { boundary, text } => {
                        self.http.post_parts(&url, &token, boundary, text).await
                    }
                }
            };
            let outcome = match self.in_time(answer).await? {
                Ok(reply) => {
                    self.set_clock(reply.date);
                    read(&reply, self.clock.now())
                }
                Err(failure) => Err(failure.into()),
            };
            let outcome = outcome.map_err(|problem| self.blank(problem));
            self.gate.after(asked, call.bucket, outcome.as_ref().err());
            let problem = match outcome {
                Ok(answer) => {
                    self.breaker.borrow_mut().success();
                    return Ok(answer);
                }
                Err(problem) => problem,
            };
            match problem.fault {
                Fault::Token if !renewed => {
                    renewed = true;
                    // Another search may have renewed it by now.
                    self.token.borrow_mut().take_if(|held| held.secret == token);
                }
                Fault::Token | Fault::Credentials => return Err(Stop::Credentials(problem).into()),
                Fault::Quota => return Err(Stop::Quota(Some(problem)).into()),
                Fault::Server => {
                    self.breathe(&problem).await?;
                    return Err(Failed::Problem(problem));
                }
                Fault::Rate => {
                    self.pace.borrow_mut().slow_down();
                    return Err(Failed::Problem(problem));
                }
                _ => return Err(Failed::Problem(problem)),
            }
        }
    }

    /// Asks for one post of a day: whether queries are answered at all.
    ///
    /// # Errors
    /// Why they are not.
    pub async fn probe(&self, day: Date) -> Result<(), Stop> {
        let day = day.strftime("%Y%m%d").to_string();
        let body = serde_json::json!({
            "query": {"and": [{"operation": "EQ", "field_name": "hashtag_name", "field_values": ["fyp"]}]},
            "start_date": day,
            "end_date": day,
            "max_count": 1,
        });
        let mut tries = Tries::default();
        loop {
            let problem = match self.ask(&body.to_string(), &Cell::new(0)).await {
                Ok(_) => return Ok(()),
                Err(Failed::Stop(stop)) => return Err(stop),
                Err(Failed::Problem(problem)) => problem,
            };
            match tries.after(&problem, self.backoff) {
                Next::Again(wait) => self.pause(wait).await?,
                Next::Stop(stop) => return Err(stop),
                Next::GiveUp if problem.fault == Fault::Rejected => {
                    return Err(Stop::Credentials(problem));
                }
                Next::GiveUp => return Err(Stop::Storm(problem)),
            }
        }
    }

    /// Tells the person something.
    pub(super) fn tell(&self, text: &str) {
        self.gate.tell(text);
    }

    /// Waits, unless the person wants to end.
    ///
    /// # Errors
    /// [`Stop::Interrupted`].
    pub async fn pause(&self, wait: Duration) -> Result<(), Stop> {
        const SLICE: Duration = Duration::from_millis(50);
        let end = Instant::now() + wait;
        loop {
            if self.gate.ending() {
                return Err(Stop::Interrupted);
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            tokio::time::sleep(left.min(SLICE)).await;
        }
    }

    /// What a request brings, unless somebody has waited for the end of the run for some seconds.
    async fn in_time<T>(&self, answer: impl Future<Output = T>) -> Result<T, Stop> {
        let mut answer = std::pin::pin!(answer);
        let mut left = GRACE;
        loop {
            tokio::select! {
                answer = &mut answer => return Ok(answer),
                () = tokio::time::sleep(LOOK) => {}
            }
            if self.gate.is_awaited() {
                left = left.saturating_sub(LOOK);
                if left.is_zero() {
                    return Err(Stop::Interrupted);
                }
            }
        }
    }

    async fn wait_for_turn(&self) -> Result<(), Stop> {
        let wait = self.pace.borrow_mut().book(Instant::now());
        self.pause(wait).await
    }

    /// Leaves servers that only fail alone for a while.
    async fn breathe(&self, problem: &Problem) -> Result<(), Stop> {
        let trip = self.breaker.borrow_mut().failure();
        match trip {
            Trip::No => Ok(()),
            Trip::GiveUp => Err(Stop::Storm(problem.clone())),
            Trip::Pause(wait) => {
                self.gate.tell(&format!(
                    "the API fails request after request ({problem}); leaving it alone for {} s",
                    wait.as_secs()
                ));
                self.pause(wait).await
            }
        }
    }

    async fn token(&self) -> Result<Secret, Stop> {
        if let Some(token) = &*self.token.borrow()
            && Instant::now() < token.renew_at
        {
            return Ok(token.secret.clone());
        }
        let mut tries = 0;
        loop {
            if self.gate.ending() {
                return Err(Stop::Interrupted);
            }
            let problem = match self.in_time(self.ask_token()).await? {
                Ok(token) => {
                    let secret = token.secret.clone();
                    *self.token.borrow_mut() = Some(token);
                    return Ok(secret);
                }
                Err(problem) => self.blank(problem),
            };
            tries += 1;
            let stop = match problem.fault {
                Fault::Network => Stop::Network(problem.clone()),
                Fault::Server => Stop::Storm(problem.clone()),
                Fault::Rate => Stop::Rate(problem.clone()),
                Fault::Quota => return Err(Stop::Quota(Some(problem))),
                // No words of the API's: something else is at that address.
                Fault::Rejected => return Err(Stop::Network(problem)),
                _ => return Err(Stop::Credentials(problem)),
            };
            if tries == TOKEN_TRIES {
                return Err(stop);
            }
            self.gate
                .tell(&format!("no token yet ({problem}); trying again"));
            let wait = self.backoff.doubling(tries - 1);
            self.pause(problem.retry_after.unwrap_or(wait)).await?;
        }
    }

    async fn ask_token(&self) -> Result<Token, Problem> {
        let url = format!("{}/v2/oauth/token/", self.base);
        let form = [
            ("client_key", self.credentials.key.expose()),
            ("client_secret", self.credentials.secret.expose()),
            ("grant_type", "client_credentials"),
        ];
        let asked = Instant::now();
        let reply = self.http.post_form(&url, &form).await?;
        self.set_clock(reply.date);
        let (text, life) = token(&reply)?;
        self.synthetic.set(is_synthetic(&reply));
        // A short-lived token is renewed in the middle of its life.
        let margin = RENEW_BEFORE.min(life / 2);
        Ok(Token {
            secret: Secret::new(&text),
            renew_at: asked + life.saturating_sub(margin),
        })
    }

    fn set_clock(&self, date: Option<Timestamp>) {
        if let Some(date) = date {
            self.clock.set_by(date);
        }
    }

    /// A server may quote what it was sent.
    fn blank(&self, mut problem: Problem) -> Problem {
        let token = self
            .token
            .borrow()
            .as_ref()
            .map(|token| token.secret.clone());
        let secrets = [&self.credentials.key, &self.credentials.secret];
        for secret in secrets.into_iter().chain(&token) {
            problem.message = secret.blank(&problem.message);
        }
        problem
    }
}
