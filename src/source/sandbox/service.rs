//! Requests to answers: which endpoint, who asks, what goes wrong. No network here.

mod lists;
mod tasks;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::ops::RangeInclusive;
use std::time::Duration;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::Options;
use super::access::{Access, Bucket};
use super::answer::{Answer, row};
use super::corpus::Corpus;
use super::faults::{Fault, Plan};
use super::noise::noise;
use super::query::Query;
use super::rules::{Asked, Refusal};
use super::search::{Page, Searches, Slots, lay_out};
use super::talk::{Talk, is_undisclosed};

use self::lists::Endpoint;
use self::tasks::Task;

/// Requests remembered in the log.
const REMEMBERED: usize = 20_000;

/// A request that the sandbox answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// When, by the sandbox's clock.
    pub at: Timestamp,
    /// HTTP method.
    pub method: String,
    /// Path and query string.
    pub path: String,
    /// The body; of a request for a token only the names of its fields.
    pub body: String,
    /// HTTP status of the answer.
    pub status: u16,
    /// `error.code` of the answer, or `error` for a token; `ok` if all is well, empty without one.
    pub code: String,
    /// What went wrong on purpose.
    pub fault: Option<Fault>,
    /// Whether it was taken off the day's quota.
    pub counted: bool,
}

/// A request as HTTP brings it.
#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) content_type: Option<String>,
    pub(super) authorization: Option<String>,
    pub(super) body: Vec<u8>,
}

/// All that the sandbox knows.
#[derive(Debug)]
pub(super) struct Service {
    plan: Plan,
    corpus: Corpus,
    searches: Searches,
    access: Access,
    unavailable: Option<RangeInclusive<Date>>,
    heavy: Option<usize>,
    exclusive_end: bool,
    /// What each fault has cost.
    cost: BTreeMap<Fault, u64>,
    /// How far our clock is ahead of the machine's.
    ahead: SignedDuration,
    /// The comments last asked for, which are asked for page by page.
    talk: Option<Talk>,
    /// Comments given out, and the posts that they stand under.
    video_of: HashMap<u64, u64>,
    tasks: Vec<Task>,
    /// Requests let in so far.
    videos: u64,
    /// Requests so far.
    all: u64,
    /// `Retry-After` was sent once.
    told_when: bool,
    log: VecDeque<Request>,
}

impl Service {
    pub(super) fn new(options: &Options) -> Self {
        let ahead = options.now.map_or(SignedDuration::ZERO, |now| {
            now.duration_since(Timestamp::now())
        });
        Self {
            plan: Plan::new(&options.faults, options.seed, options.storm_length),
            corpus: Corpus::new(options.posts, options.gone_in),
            searches: Searches::default(),
            access: Access::new(
                options.client.clone(),
                options.token_life,
                options.quota,
                options.relations_quota,
            ),
            unavailable: options.unavailable.clone(),
            heavy: options.heavy,
            exclusive_end: options.exclusive_end,
            cost: BTreeMap::new(),
            ahead,
            talk: None,
            video_of: HashMap::new(),
            tasks: Vec::new(),
            videos: 0,
            all: 0,
            told_when: false,
            log: VecDeque::new(),
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        let now = Timestamp::now();
        now.saturating_add(self.ahead).unwrap_or(now)
    }

    pub(super) fn advance(&mut self, time: Duration) {
        self.ahead += SignedDuration::try_from(time).unwrap_or(SignedDuration::ZERO);
    }

    pub(super) fn log(&self) -> Vec<Request> {
        self.log.iter().cloned().collect()
    }

    pub(super) fn cost_of_faults(&self) -> BTreeMap<Fault, u64> {
        let mut cost = self.cost.clone();
        if self.searches.wasted > 0 {
            *cost.entry(Fault::LostSearch).or_default() += self.searches.wasted;
        }
        cost
    }

    pub(super) fn used(&self) -> u64 {
        self.access.used(Bucket::All, self.now())
    }

    pub(super) fn used_for_relations(&self) -> u64 {
        self.access.used(Bucket::Relations, self.now())
    }

    pub(super) fn remove(&mut self, ids: &[u64]) {
        self.corpus.remove(ids);
    }

    /// Ids of all comments under a post; `None` where they are not given out.
    pub(super) fn comments_of(&mut self, post: u64, answers: bool) -> Option<BTreeSet<u64>> {
        if is_undisclosed(post) {
            return None;
        }
        let talk = self.corpus.entry(post).map(Talk::of)?;
        Some(if answers {
            talk.ids().collect()
        } else {
            talk.direct().collect()
        })
    }

    /// Ids of all posts that a query finds at this moment.
    pub(super) fn truth(
        &mut self,
        query: &Value,
        days: &RangeInclusive<Date>,
    ) -> Result<Vec<u64>, Refusal> {
        let query = Query::parse(query)?;
        let now = self.now();
        Ok(self.corpus.matching(&query, days, now))
    }

    /// Answers a request.
    pub(super) fn answer(&mut self, incoming: &Incoming) -> Answer {
        self.all += 1;
        let now = self.now();
        let log_id = log_id(now, self.all, &self.plan);
        let is_token = incoming.path == "/v2/oauth/token/";
        let endpoint = Endpoint::of(&incoming.path);
        let used =
            |access: &Access| access.used(Bucket::All, now) + access.used(Bucket::Relations, now);
        let before = used(&self.access);
        let (answer, fault) = match endpoint {
            _ if !is_token && endpoint.is_none() => (
                Answer::refusal(&unknown_path(&incoming.path), &log_id),
                None,
            ),
            _ if incoming.method != "POST" => {
                let refusal = Refusal::new(405, "invalid_request", "the method must be POST");
                (Answer::refusal(&refusal, &log_id), None)
            }
            Some(endpoint) => self.research(endpoint, incoming, now, &log_id),
            None => (self.token(incoming, now, &log_id), None),
        };
        if let Some(fault) = fault {
            *self.cost.entry(fault).or_default() += 1;
        }
        let query = if incoming.query.is_empty() { "" } else { "?" };
        if self.log.len() >= REMEMBERED {
            self.log.pop_front();
        }
        self.log.push_back(Request {
            at: now,
            method: incoming.method.clone(),
            path: format!("{}{query}{}", incoming.path, incoming.query),
            body: if is_token {
                form_names(&incoming.body)
            } else {
                String::from_utf8_lossy(&incoming.body).into_owned()
            },
            status: answer.status,
            code: answer.code.to_owned(),
            fault,
            counted: used(&self.access) > before,
        });
        answer
    }

    fn token(&mut self, incoming: &Incoming, now: Timestamp, log_id: &str) -> Answer {
        let granted = if has_type(incoming, &["application/x-www-form-urlencoded"]) {
            self.access.grant(&incoming.body, now, &self.plan)
        } else {
            Err((
                "invalid_request",
                "Only `application/x-www-form-urlencoded` is accepted as Content-Type.",
            ))
        };
        // No status is documented for errors here, and clients look for them in a 200.
        match granted {
            Ok((token, life)) => Answer::json(
                200,
                "ok",
                &json!({"access_token": token, "expires_in": life, "token_type": "Bearer"}),
            ),
            Err((error, description)) => Answer::json(
                200,
                error,
                &json!({"error": error, "error_description": description, "log_id": log_id}),
            ),
        }
    }

    fn research(
        &mut self,
        endpoint: Endpoint,
        incoming: &Incoming,
        now: Timestamp,
        log_id: &str,
    ) -> (Answer, Option<Fault>) {
        let authorization = incoming.authorization.as_deref();
        if let Err(refusal) = self.access.admit(authorization, now, &self.plan) {
            return (Answer::refusal(&refusal, log_id), refusal.fault);
        }
        let bucket = if endpoint.is_relations() {
            Bucket::Relations
        } else {
            Bucket::All
        };
        if let Err(refusal) = self.access.count(bucket, now) {
            return (Answer::refusal(&refusal, log_id), None);
        }
        self.videos += 1;
        let fault = self.plan.of_request(self.videos);
        let (mut answer, other) = match fault {
            Some(Fault::RateLimit) => (self.rate_limit(log_id), None),
            Some(Fault::Storm500) => (Answer::storm(self.videos, log_id), None),
            Some(Fault::Html504) => (Answer::gateway_timeout(), None),
            _ if endpoint != Endpoint::Videos => {
                let answer = self.list(endpoint, incoming, now, log_id);
                (
                    answer.unwrap_or_else(|refusal| Answer::refusal(&refusal, log_id)),
                    None,
                )
            }
            _ => match self.search(incoming, now) {
                Ok(Found::Page(page, fields)) => (
                    self.page(&page, &fields, log_id),
                    page.is_extra.then(|| self.plan.of_rows()).flatten(),
                ),
                Ok(Found::Overload) => (Answer::gateway_timeout(), Some(Fault::Html504)),
                Ok(Found::Unavailable) => (Answer::storm(self.videos, log_id), None),
                Err(refusal) => (Answer::refusal(&refusal, log_id), refusal.fault),
            },
        };
        answer.spoil(fault);
        (answer, fault.or(other))
    }

    fn rate_limit(&mut self, log_id: &str) -> Answer {
        let refusal = Refusal::new(
            429,
            "rate_limit_exceeded",
            "The API rate limit was exceeded. Please try again later.",
        );
        let mut answer = Answer::refusal(&refusal, log_id);
        answer.retry_after = (!self.told_when).then_some(1);
        self.told_when = true;
        answer
    }

    fn search(&mut self, incoming: &Incoming, now: Timestamp) -> Result<Found, Refusal> {
        if !has_type(incoming, &["application/json", "text/plain"]) {
            return Err(Refusal::params("Content-Type must be application/json"));
        }
        let fields = fields_of(incoming);
        let mut asked = Asked::parse(fields.as_deref(), &incoming.body)?;
        let difference = asked.difference();
        if self.unavailable.as_ref().is_some_and(|dead| {
            dead.start() <= asked.days.end() && asked.days.start() <= dead.end()
        }) {
            return Ok(Found::Unavailable);
        }
        if self.exclusive_end {
            let last = asked.days.end().yesterday().unwrap_or(*asked.days.end());
            asked.days = *asked.days.start()..=last;
        }
        if asked.is_random {
            return Ok(Found::Page(self.sample(&asked, now), asked.fields));
        }
        let page = match &asked.search_id {
            Some(id) => self.searches.go_on(&asked, id, &self.plan)?,
            None if asked.cursor > 0 => return Err(Refusal::cursor()),
            None if self.plan.is_overloaded(difference) => return Ok(Found::Overload),
            None => {
                let matches = self.corpus.matching(&asked.query, &asked.days, now);
                if self.heavy.is_some_and(|most| matches.len() > most) {
                    return Ok(Found::Overload);
                }
                let slots = self.slots(&asked, &matches, now);
                self.searches
                    .begin(&asked, slots, matches.len(), &self.plan)
            }
        };
        Ok(Found::Page(page, asked.fields))
    }

    fn slots(&mut self, asked: &Asked, matches: &[u64], now: Timestamp) -> Slots {
        let strangers = if self.plan.has(Fault::OffQuery) {
            let other = |entry: &super::corpus::Entry| !asked.query.finds(entry);
            self.corpus.select(&asked.days, now, other)
        } else {
            Vec::new()
        };
        lay_out(matches, &strangers, asked.max_count, &self.plan)
    }

    /// A random sample: other posts at every request, in no order, without a next page.
    fn sample(&mut self, asked: &Asked, now: Timestamp) -> Page {
        let mut rows = self.corpus.matching(&asked.query, &asked.days, now);
        let salt = self.plan.seed() + 6 + self.videos;
        rows.sort_by_key(|&id| noise(id, salt));
        rows.truncate(usize::try_from(asked.max_count).unwrap_or(usize::MAX));
        Page {
            cursor: rows.len() as u64,
            rows,
            search_id: self.searches.loose_id(&self.plan),
            has_more: false,
            is_extra: false,
        }
    }

    fn page(&mut self, page: &Page, fields: &[String], log_id: &str) -> Answer {
        let mut rows = Vec::new();
        for &id in &page.rows {
            if let Some(entry) = self.corpus.entry(id) {
                rows.push(row(entry, fields, &self.plan));
            }
        }
        Answer::page(page, rows, self.videos, log_id, &self.plan)
    }
}

enum Found {
    Page(Page, Vec<String>),
    /// Too many days at once.
    Overload,
    /// Days that the API never answers.
    Unavailable,
}

fn unknown_path(path: &str) -> Refusal {
    let why = if path.ends_with('/') {
        let known = Endpoint::ALL.map(|(path, _)| path).join(", ");
        format!("the sandbox has /v2/oauth/token/, {known}")
    } else {
        "paths end with a slash".to_owned()
    };
    Refusal::new(404, "invalid_request", format!("no such path: {why}"))
}

/// The `fields` of the query string.
fn fields_of(incoming: &Incoming) -> Option<String> {
    form_urlencoded::parse(incoming.query.as_bytes())
        .find_map(|(key, value)| (key == "fields").then(|| value.into_owned()))
}

fn has_type(incoming: &Incoming, types: &[&str]) -> bool {
    let given = incoming.content_type.as_deref().unwrap_or_default();
    let essence = given.split(';').next().unwrap_or_default().trim();
    types
        .iter()
        .any(|known| known.eq_ignore_ascii_case(essence))
}

/// Secrets stay out of the log.
fn form_names(body: &[u8]) -> String {
    let names: Vec<String> = form_urlencoded::parse(body)
        .map(|(name, _)| format!("{name}=…"))
        .collect();
    names.join("&")
}

/// 14 digits of time and 20 of anything, as the API's.
fn log_id(now: Timestamp, number: u64, plan: &Plan) -> String {
    let time = now.strftime("%Y%m%d%H%M%S");
    let high = noise(number, plan.seed() + 7) >> 48;
    format!("{time}{high:04X}{:016X}", noise(number, plan.seed() + 8))
}
