//! The sandbox: a server that speaks the Research API's protocol over made-up posts.
//!
//! For practice while the credentials are on their way, and for tests. It keeps the documented rules
//! strictly, misbehaves as told ([`Fault`]) in ways seen of the real API, and knows what a complete
//! download must hold ([`Running::truth`]). It listens on the loopback interface only.
//!
//! - `corpus`: the posts; `talk`: comments under them; `people`: users
//! - `query`: which posts a query finds; `rules`: what a request may say
//! - `search`: searches and their pages; `access`: tokens and quota; `faults`: what goes wrong when
//! - `service`: from request to answer; `answer`: its bytes; `http`: the network

mod access;
mod answer;
mod corpus;
mod faults;
mod http;
mod noise;
mod people;
mod query;
mod regions;
mod rules;
mod search;
mod service;
mod talk;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::Value;

pub use access::Client;
pub use faults::{Fault, UnknownFault};
pub use service::Request;

use self::http::Server;
use self::service::Service;

/// Most posts per hashtag in 61 days; more would not fit into memory comfortably.
pub const MOST_POSTS: usize = 20_000;

/// How the sandbox is set up.
#[derive(Clone, Debug)]
pub struct Options {
    /// TCP port on 127.0.0.1; 0 takes any that is free.
    pub port: u16,
    /// Posts per hashtag in every 61 days, at most [`MOST_POSTS`].
    pub posts: usize,
    /// Requests per client and UTC day.
    pub quota: u64,
    /// Requests for followers and following, which have a quota of their own.
    pub relations_quota: u64,
    /// One post in so many is gone, whatever asks for it; 0 keeps all.
    pub gone_in: u64,
    /// How long a token is good.
    pub token_life: Duration,
    /// Key and secret that are accepted.
    pub client: Client,
    /// The sandbox's time when it starts, instead of the machine's.
    pub now: Option<Timestamp>,
    /// What goes wrong.
    pub faults: Vec<Fault>,
    /// Consecutive failures of [`Fault::Storm500`]; more than 3 make one storm, from the fourth
    /// request on, instead of one in twenty requests.
    pub storm_length: u64,
    /// Days that always fail with status 500, whatever touches them.
    pub unavailable: Option<RangeInclusive<Date>>,
    /// Most posts that a search may find: those that find more fail with status 504.
    pub heavy: Option<usize>,
    /// The day of `end_date` is left out, as some clients believe of the real API.
    pub exclusive_end: bool,
    /// How long every answer takes.
    pub delay: Duration,
    /// Moves the pattern of the faults, and changes all ids but those of posts.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            port: 0,
            posts: 1_000,
            quota: 1_000,
            relations_quota: 20_000,
            gone_in: 0,
            token_life: Duration::from_hours(2),
            client: Client {
                key: "sandbox".into(),
                secret: "sandbox".into(),
            },
            now: None,
            faults: Vec::new(),
            storm_length: 3,
            unavailable: None,
            heavy: None,
            exclusive_end: false,
            delay: Duration::ZERO,
            seed: 0,
        }
    }
}

/// Starts sandboxes.
#[derive(Debug)]
pub struct Sandbox;

impl Sandbox {
    /// Starts a server on a thread of its own; needs no async runtime.
    ///
    /// # Errors
    /// The port is taken; too many posts were asked for; no thread is to be had.
    pub fn start(options: &Options) -> io::Result<Running> {
        if options.posts > MOST_POSTS {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("the sandbox has no more than {MOST_POSTS} posts per hashtag"),
            ));
        }
        let service = Arc::new(Mutex::new(Service::new(options)));
        let server = Server::start(options.port, options.delay, Arc::clone(&service))?;
        Ok(Running {
            url: format!("http://{}", server.address),
            service,
            _server: server,
        })
    }
}

/// A running sandbox; dropping it stops the server.
#[derive(Debug)]
pub struct Running {
    /// Base URL, `http://127.0.0.1:PORT` without a slash at the end.
    pub url: String,
    service: Arc<Mutex<Service>>,
    _server: Server,
}

impl Running {
    /// All requests so far, oldest first (the last 20,000).
    pub fn requests(&self) -> Vec<Request> {
        self.service().log()
    }

    /// How many requests each fault has cost so far: those that it answered, pages that are only
    /// needed since it takes up room on others, and pages of searches that it made lost.
    pub fn cost_of_faults(&self) -> BTreeMap<Fault, u64> {
        self.service().cost_of_faults()
    }

    /// Requests of the present UTC day that count against the quota.
    pub fn used(&self) -> u64 {
        self.service().used()
    }

    /// Requests of the present UTC day for followers and following.
    pub fn used_for_relations(&self) -> u64 {
        self.service().used_for_relations()
    }

    /// Takes posts away, as their authors do: nothing finds them any more.
    pub fn remove(&self, ids: &[u64]) {
        self.service().remove(ids);
    }

    /// Ids of the comments under a post, with their answers or without; `None` where they are not
    /// given out.
    pub fn comments_of(&self, post: u64, answers: bool) -> Option<BTreeSet<u64>> {
        self.service().comments_of(post, answers)
    }

    /// How many followers (or followed accounts) are listed of a user; `None` where nobody is told.
    pub fn relations_of(&self, user: &str, following: bool) -> Option<usize> {
        match people::User::find(user) {
            people::Found::User(user) => Some(user.relations(following).len()),
            _ => None,
        }
    }

    /// Whether a user is there and shows nothing.
    pub fn is_private(&self, user: &str) -> bool {
        people::User::find(user) == people::Found::Private
    }

    /// Moves the sandbox's clock forward: tokens expire, days end.
    pub fn advance(&self, time: Duration) {
        self.service().advance(time);
    }

    /// The sandbox's time.
    pub fn now(&self) -> Timestamp {
        self.service().now()
    }

    /// Ids of all posts of these days (UTC, inclusive, any number) that a query (the `query` object
    /// of a request) finds at this moment: what a complete download must hold.
    ///
    /// # Errors
    /// The message with which the API would refuse the query.
    pub fn truth(
        &self,
        query: &Value,
        days: RangeInclusive<Date>,
    ) -> Result<BTreeSet<u64>, String> {
        let found = self.service().truth(query, &days);
        found
            .map(|ids| ids.into_iter().collect())
            .map_err(|refusal| refusal.message)
    }

    /// [`Running::truth`] for a hashtag.
    pub fn truth_of_tag(&self, tag: &str, days: RangeInclusive<Date>) -> BTreeSet<u64> {
        let condition = serde_json::json!({"field_name": "hashtag_name", "operation": "EQ", "field_values": [tag]});
        self.truth(&serde_json::json!({"and": [condition]}), days)
            .unwrap_or_default()
    }

    fn service(&self) -> MutexGuard<'_, Service> {
        // A request that panicked leaves nothing half done that matters to the next.
        self.service.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
