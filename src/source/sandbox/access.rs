//! Who may ask, and how much: the client's key, its tokens, its requests per UTC day.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::faults::{Fault, Plan};
use super::noise::noise;
use super::rules::Refusal;

/// Requests after which [`Fault::ExpiredToken`] ends a token.
const TOKEN_USES: u64 = 8;

/// The one client that the sandbox knows.
#[derive(Clone, PartialEq, Eq)]
pub struct Client {
    /// The key.
    pub key: String,
    /// The secret.
    pub secret: String,
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Client").finish_non_exhaustive()
    }
}

/// What a request is counted with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Bucket {
    /// Followers and following.
    Relations,
    /// Everything else.
    All,
}

/// Tokens given out and requests counted.
#[derive(Debug)]
pub(super) struct Access {
    client: Client,
    token_life: Duration,
    quota: u64,
    relations_quota: u64,
    tokens: HashMap<String, Token>,
    issued: u64,
    used: HashMap<(Date, Bucket), u64>,
}

#[derive(Debug)]
struct Token {
    ends: Timestamp,
    uses: u64,
}

/// A new token and how long it lives, or why there is none: `error` and `error_description`.
pub(super) type Granted = Result<(String, u64), (&'static str, &'static str)>;

impl Access {
    pub(super) fn new(
        client: Client,
        token_life: Duration,
        quota: u64,
        relations_quota: u64,
    ) -> Self {
        Self {
            client,
            token_life,
            quota,
            relations_quota,
            tokens: HashMap::new(),
            issued: 0,
            used: HashMap::new(),
        }
    }

    /// Answers a request for a token.
    pub(super) fn grant(&mut self, form: &[u8], now: Timestamp, plan: &Plan) -> Granted {
        let given: HashMap<_, _> = form_urlencoded::parse(form).into_owned().collect();
        let given = |key: &str| given.get(key).filter(|value| !value.is_empty());
        let (Some(key), Some(secret), Some(grant)) = (
            given("client_key"),
            given("client_secret"),
            given("grant_type"),
        ) else {
            return Err((
                "invalid_request",
                "The request parameters are malformed: client_key, client_secret and grant_type are needed.",
            ));
        };
        if grant != "client_credentials" {
            return Err((
                "unsupported_grant_type",
                "The grant type is not supported: it must be client_credentials.",
            ));
        }
        if *key != self.client.key || *secret != self.client.secret {
            return Err(("invalid_client", "Client info is illegal or malformed."));
        }
        self.tokens.retain(|_, token| token.ends > now);
        self.issued += 1;
        let token = format!(
            "clt.2.{:016x}{:016x}",
            noise(self.issued, plan.seed() + 4),
            noise(self.issued, plan.seed() + 5)
        );
        let ends = now
            .saturating_add(self.token_life)
            .unwrap_or(Timestamp::MAX);
        self.tokens.insert(token.clone(), Token { ends, uses: 0 });
        Ok((token, self.token_life.as_secs()))
    }

    /// Lets a request with this `Authorization` in.
    ///
    /// # Errors
    /// `access_token_invalid`.
    pub(super) fn admit(
        &mut self,
        authorization: Option<&str>,
        now: Timestamp,
        plan: &Plan,
    ) -> Result<(), Refusal> {
        let token = authorization
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .and_then(|(_, token)| self.tokens.get_mut(token.trim()))
            .filter(|token| token.ends > now);
        let refusal = Refusal::new(
            401,
            "access_token_invalid",
            "The access token is invalid or not found in the request.",
        );
        let Some(token) = token else {
            return Err(refusal);
        };
        token.uses += 1;
        if token.uses > TOKEN_USES && plan.has(Fault::ExpiredToken) {
            return Err(refusal.by(Fault::ExpiredToken));
        }
        Ok(())
    }

    /// Counts a request, whatever becomes of it.
    ///
    /// # Errors
    /// `daily_quota_limit_exceeded`; such a request is not counted.
    pub(super) fn count(&mut self, bucket: Bucket, now: Timestamp) -> Result<(), Refusal> {
        let quota = match bucket {
            Bucket::Relations => self.relations_quota,
            Bucket::All => self.quota,
        };
        let used = self.used.entry((day_of(now), bucket)).or_default();
        if *used >= quota {
            return Err(Refusal::new(
                429,
                "daily_quota_limit_exceeded",
                "The API daily quota limit exceeded. Please try again later",
            ));
        }
        *used += 1;
        Ok(())
    }

    /// Requests counted on the day (UTC) of a time.
    pub(super) fn used(&self, bucket: Bucket, now: Timestamp) -> u64 {
        let used = self.used.get(&(day_of(now), bucket));
        used.copied().unwrap_or(0)
    }
}

fn day_of(time: Timestamp) -> Date {
    time.to_zoned(TimeZone::UTC).date()
}
