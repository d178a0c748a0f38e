//! What the API answers, read tolerantly: pages of rows cut out as text, and what its errors mean.

mod lists;
mod token;

use std::borrow::Cow;
use std::time::Duration;

use jiff::Timestamp;

pub(super) use self::lists::{TaskState, list_page, task_id, task_result, task_state};
pub(super) use self::token::token;
use crate::http::{Failure, FailureKind, Reply, status_is_transient};
use crate::json::{Fields, lone_surrogates, one_line, redact};

/// One page of a search.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Videos, in the order of the answer.
    pub rows: Vec<Row>,
    /// Whether the search goes on.
    pub has_more: bool,
    /// To be sent back unchanged.
    pub cursor: Option<String>,
    /// To be sent back unchanged.
    pub search_id: Option<String>,
    /// TikTok's support asks for it.
    pub log_id: Option<String>,
    /// When it was asked for, by the server's clock.
    pub fetched: Timestamp,
    /// It comes from a practice server.
    pub synthetic: bool,
}

/// One video of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The raw record: one line of JSON, without NUL characters and secrets.
    pub raw: String,
    /// Its id, if it is one.
    pub id: Option<u64>,
}

/// Why a request brought no page.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Problem {
    /// What it means for us.
    pub fault: Fault,
    /// The server's words, without secrets.
    pub message: String,
    /// TikTok's support asks for it.
    pub log_id: Option<String>,
    /// How long the server asks us to wait.
    pub retry_after: Option<Duration>,
    /// The request took the servers too long: waiting helps less than asking for less.
    pub too_much: bool,
}

/// What a failed request means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The search is not ready yet, or no longer known: the same request again, then a new search.
    Search,
    /// The servers failed: again, later, or with a smaller window.
    Server,
    /// Nothing or half an answer arrived.
    Network,
    /// Too many requests in a short time.
    Rate,
    /// The day's quota is used up.
    Quota,
    /// The token is no longer taken.
    Token,
    /// Key, secret or approval are not accepted.
    Credentials,
    /// What was asked for is private, or not disclosed.
    Withheld,
    /// There is no such video, comment or account.
    Missing,
    /// The request itself is refused.
    Rejected,
}

impl Problem {
    /// A problem without details.
    pub(super) fn new(fault: Fault, message: impl Into<String>) -> Self {
        Self {
            fault,
            message: message.into(),
            log_id: None,
            retry_after: None,
            too_much: false,
        }
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        let fault = match failure.kind {
            // A search that takes minutes is one that the servers cannot bear.
            FailureKind::Timeout => Fault::Server,
            FailureKind::Connect | FailureKind::Cut => Fault::Network,
            FailureKind::Request => Fault::Rejected,
        };
        Self {
            too_much: failure.kind == FailureKind::Timeout,
            ..Self::new(fault, failure.message)
        }
    }
}

/// Whether an answer says that it comes from a practice server.
pub(super) fn is_synthetic(reply: &Reply) -> bool {
    reply.header("x-cotag-sandbox").is_some()
}

/// Reads the answer to a video query.
///
/// # Errors
/// It is an error, or no whole page.
pub(super) fn page(reply: &Reply, fetched: Timestamp) -> Result<Page, Problem> {
    let text = text(&reply.body);
    let envelope = Envelope::read(reply, &text, |_| false)?;
    let data = &envelope.data;
    let cursor = data.literal("cursor").map(Cow::into_owned);
    let rows = data.array("videos");
    let has_more = match data.get("has_more").map(crate::json::Value::as_json) {
        Some("true" | "1" | "\"true\"") => true,
        Some("false" | "0" | "\"false\"") => false,
        // Some servers leave out what is false. A page of rows is not taken for the last one on
        // that ground: the next request tells. An answer without anything is none.
        _ if !rows.is_empty() && cursor.is_some() => true,
        _ if rows.is_empty() && data.get("videos").is_some() => false,
        _ => return Err(envelope.lacks("`has_more`")),
    };
    if has_more && cursor.is_none() {
        return Err(envelope.lacks("`cursor` although there is more"));
    }
    Ok(Page {
        rows: rows.iter().map(|row| Row::new(row.as_json())).collect(),
        has_more,
        cursor,
        search_id: data.literal("search_id").map(Cow::into_owned),
        log_id: envelope.log_id,
        fetched,
        synthetic: is_synthetic(reply),
    })
}

/// An answer's data, all being well.
struct Envelope<'t> {
    data: Fields<'t>,
    log_id: Option<String>,
}

impl<'t> Envelope<'t> {
    /// Takes an answer apart; `is_whole` tells data that are there whatever the status says.
    ///
    /// # Errors
    /// It is an error.
    fn read(
        reply: &Reply,
        text: &'t str,
        is_whole: impl Fn(&Fields<'t>) -> bool,
    ) -> Result<Self, Problem> {
        let Ok(body) = Fields::parse(text) else {
            return Err(no_json(reply, text));
        };
        let error = body.object("error");
        // Flat where it is no object, as in the answers to token requests.
        let code = error.literal("code").or_else(|| body.filled("error"));
        let log_id = error
            .filled("log_id")
            .or_else(|| body.filled("log_id"))
            .map(Cow::into_owned);
        let data = body.object("data");
        let is_fine = |code: &str| code.eq_ignore_ascii_case("ok") || code == "0";
        let refused = code.as_deref().is_some_and(|code| !is_fine(code));
        if refused || (reply.status != 200 && !is_whole(&data)) {
            let message = error
                .filled("message")
                .or_else(|| error.filled("msg"))
                .or_else(|| body.filled("message"))
                .or_else(|| body.filled("error_description"))
                .unwrap_or_default();
            return Err(Problem {
                log_id,
                retry_after: reply.retry_after,
                ..problem(reply.status, code.as_deref().unwrap_or_default(), &message)
            });
        }
        Ok(Self { data, log_id })
    }

    fn lacks(&self, what: &str) -> Problem {
        Problem {
            log_id: self.log_id.clone(),
            ..Problem::new(Fault::Server, format!("the answer lacks {what}"))
        }
    }
}

/// The rows of the first of these lists that there is.
fn rows(data: &Fields<'_>, keys: &[&str]) -> Vec<Row> {
    let key = keys.iter().find(|key| data.has(key));
    let rows = key.map(|key| data.array(key)).unwrap_or_default();
    rows.iter().map(|row| Row::new(row.as_json())).collect()
}

/// What an error of the envelope means.
fn problem(status: u16, code: &str, message: &str) -> Problem {
    let lower = message.to_lowercase();
    let lower_code = code.to_lowercase();
    let fault = match &*lower_code {
        code if code.contains("quota") => Fault::Quota,
        code if code.contains("rate_limit") => Fault::Rate,
        "access_token_invalid" | "invalid_token" => Fault::Token,
        "scope_not_authorized" | "scope_permission_missed" => Fault::Credentials,
        _ if [
            "search id",
            "search_id",
            "count or cursor",
            "invalid cursor",
        ]
        .iter()
        .any(|words| lower.contains(words)) =>
        {
            Fault::Search
        }
        _ if is_missing(&lower) => Fault::Missing,
        _ if is_withheld(&lower) => Fault::Withheld,
        "timeout" | "internal_error" => Fault::Server,
        _ if lower.contains("something is wrong")
            || lower.contains("something went wrong")
            || lower.contains("server internal error") =>
        {
            Fault::Server
        }
        _ => match status {
            401 => Fault::Token,
            403 => Fault::Credentials,
            429 if lower.contains("quota") => Fault::Quota,
            429 => Fault::Rate,
            _ if status_is_transient(status) || status >= 500 => Fault::Server,
            // An error in an answer that calls itself fine, or a place that is no API.
            _ => Fault::Rejected,
        },
    };
    Problem {
        too_much: status == 504 || code == "timeout",
        ..Problem::new(fault, told(status, code, message))
    }
}

/// Words for what is not there.
fn is_missing(lower: &str) -> bool {
    lower.contains("cannot find the")
}

/// Words for what is there and not given away.
fn is_withheld(lower: &str) -> bool {
    [
        "not allowed to be disclosed",
        "is private",
        "information cannot be returned",
        "cannot return this user",
    ]
    .iter()
    .any(|words| lower.contains(words))
}

fn no_json(reply: &Reply, text: &str) -> Problem {
    let fault = match reply.status {
        401 => Fault::Token,
        429 => Fault::Rate,
        // Any answer can arrive in half, also one that says no.
        _ if reply.status == 200 || text.trim_start().starts_with('{') => Fault::Network,
        status if status_is_transient(status) || status >= 500 => Fault::Server,
        _ => Fault::Rejected,
    };
    let start: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let start: String = start.chars().take(60).collect();
    let what = if start.is_empty() {
        "without an answer".to_owned()
    } else if start.starts_with('<') {
        "with a web page in place of an answer".to_owned()
    } else {
        format!("with an answer that is cut off or no JSON: {start}")
    };
    Problem {
        retry_after: reply.retry_after,
        too_much: reply.status == 504,
        ..Problem::new(fault, format!("HTTP {} {what}", reply.status))
    }
}

fn told(status: u16, code: &str, message: &str) -> String {
    let mut told = format!("HTTP {status}");
    if !code.is_empty() {
        told = format!("{told} {code}");
    }
    // One line, and not a novel.
    let message: String = message.split_whitespace().collect::<Vec<_>>().join(" ");
    let message: String = message.chars().take(300).collect();
    if message.is_empty() {
        told
    } else {
        format!("{told}: {message}")
    }
}

/// A body as text that a JSON parser takes: raw NUL bytes and broken UTF-8 have been seen.
fn text(body: &[u8]) -> Cow<'_, str> {
    let text = String::from_utf8_lossy(body);
    if text.contains('\0') {
        Cow::Owned(text.replace('\0', ""))
    } else {
        text
    }
}

impl Row {
    fn new(json: &str) -> Self {
        let line = one_line(json);
        let mended = lone_surrogates(&line);
        let clean = without_nul(&mended);
        let raw = redact(&clean).into_owned();
        let id = Fields::parse(&raw).ok().and_then(|fields| {
            fields
                .literal("id")
                .or_else(|| fields.literal("video_id"))?
                .parse()
                .ok()
        });
        Self { raw, id }
    }
}

/// A JSON text without the NUL characters that its strings escape.
fn without_nul(json: &str) -> Cow<'_, str> {
    if !json.contains("\\u0000") {
        return Cow::Borrowed(json);
    }
    let mut clean = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(at) = rest.find('\\') {
        clean.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix("\\u0000") {
            rest = after;
        } else {
            // A backslash and what it escapes, which may be a backslash.
            let end = rest
                .char_indices()
                .nth(2)
                .map_or(rest.len(), |(index, _)| index);
            clean.push_str(&rest[..end]);
            rest = &rest[end..];
        }
    }
    clean.push_str(rest);
    Cow::Owned(clean)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(status: u16, body: &str) -> Reply {
        Reply::for_test(status, body)
    }

    fn read(status: u16, body: &str) -> Result<Page, Problem> {
        page(&reply(status, body), Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn a_page_keeps_its_records_as_they_came() {
        let body = "{\"data\":{\"videos\":[{\"id\":7516160338215837051, \"like_count\": 4294967296000},\n {\"video_id\":\"7516145129736641915\",\"username\":\"a\\u0000b\\\\u0000c\u{0}\"}],\"cursor\":100,\"search_id\":\"7516999000111222333\",\"has_more\":true},\"error\":{\"code\":\"ok\",\"message\":\"\",\"log_id\":\"L\"}}";
        let page = read(200, body).unwrap();
        assert_eq!(
            page.rows[0].raw,
            r#"{"id":7516160338215837051, "like_count": 4294967296000}"#
        );
        assert_eq!(page.rows[0].id, Some(7_516_160_338_215_837_051));
        assert_eq!(
            page.rows[1].raw, r#"{"video_id":"7516145129736641915","username":"ab\\u0000c"}"#,
            "NUL goes, an escaped backslash before u0000 is no NUL"
        );
        assert_eq!(page.rows[1].id, Some(7_516_145_129_736_641_915));
        assert_eq!(page.cursor.as_deref(), Some("100"));
        assert_eq!(page.search_id.as_deref(), Some("7516999000111222333"));
        assert!(page.has_more && !page.synthetic);
    }

    #[test]
    fn a_page_without_videos_is_empty_and_one_without_an_end_is_none() {
        let empty = read(200, r#"{"data":{"has_more":false},"error":{"code":"ok"}}"#).unwrap();
        assert!(empty.rows.is_empty() && !empty.has_more);
        assert!(read(200, r#"{"data":{"videos":[],"has_more":false}}"#).is_ok());
        for body in [
            r#"{"data":{},"error":{"code":"ok"}}"#,
            r#"{"data":{"videos":[],"has_more":true},"error":{"code":"ok"}}"#,
            r#"{"data":{"videos":[],"has_more":true,"cursor":null},"error":{"code":"ok"}}"#,
        ] {
            assert_eq!(read(200, body).unwrap_err().fault, Fault::Server, "{body}");
        }
    }

    #[test]
    fn answers_in_another_style_are_read_too() {
        let row = r#"{"id":"7516160338215837051"}"#;
        for (body, has_more, cursor, rows) in [
            (
                format!(
                    r#"{{"error":{{"code":"OK"}},"x":1,"data":{{"has_more":true,"cursor":"100","search_id":751,"videos":[{row}],"y":[]}}}}"#
                ),
                true,
                Some("100"),
                1,
            ),
            (
                format!(r#"{{"data":{{"videos":[{row}],"has_more":"false"}},"error":null}}"#),
                false,
                None,
                1,
            ),
            (
                format!(r#"{{"data":{{"videos":[{row}],"has_more":0}},"error":{{"code":0}}}}"#),
                false,
                None,
                1,
            ),
            (
                format!(r#"{{"data":{{"videos":[{row}],"cursor":7}}}}"#),
                true,
                Some("7"),
                1,
            ),
            (
                r#"{"data":{"videos":[]},"error":{"code":"ok"}}"#.to_owned(),
                false,
                None,
                0,
            ),
            (
                r#"{"data":{"videos":null,"has_more":false},"error":{"code":""}}"#.to_owned(),
                false,
                None,
                0,
            ),
        ] {
            let page = read(200, &body).unwrap();
            assert_eq!(
                (page.has_more, page.cursor.as_deref(), page.rows.len()),
                (has_more, cursor, rows),
                "{body}"
            );
            assert!(page.search_id.is_none_or(|id| id == "751"));
        }
        let flat = r#"{"error":"access_token_invalid","error_description":"expired","log_id":"L"}"#;
        let problem = read(401, flat).unwrap_err();
        assert_eq!(
            (problem.fault, problem.log_id.as_deref()),
            (Fault::Token, Some("L"))
        );
        assert_eq!(problem.message, "HTTP 401 access_token_invalid: expired");
        assert_eq!(read(200, flat).unwrap_err().fault, Fault::Token);
    }

    #[test]
    fn what_is_private_and_what_is_not_there_are_told_by_their_words() {
        for (status, message, fault) in [
            (
                400,
                "Username x is invalid: cannot find the user",
                Fault::Missing,
            ),
            (
                400,
                "The comments of this video are not allowed to be disclosed",
                Fault::Withheld,
            ),
            (403, "This account is private", Fault::Withheld),
        ] {
            assert_eq!(problem(status, "invalid_params", message).fault, fault);
        }
    }

    #[test]
    fn every_error_has_its_meaning() {
        let envelope = |code: &str, message: &str| {
            format!(
                r#"{{"data":{{}},"error":{{"code":"{code}","message":"{message}","log_id":"L"}}}}"#
            )
        };
        for (status, code, message, fault) in [
            (401, "access_token_invalid", "", Fault::Token),
            (401, "scope_not_authorized", "", Fault::Credentials),
            (400, "scope_permission_missed", "", Fault::Credentials),
            (
                400,
                "invalid_params",
                "Search Id 751 is invalid or expired",
                Fault::Search,
            ),
            (
                400,
                "invalid_params",
                "Invalid count or cursor",
                Fault::Search,
            ),
            (
                400,
                "invalid_params",
                "Something is wrong. Please try again later.",
                Fault::Server,
            ),
            (400, "invalid_params", "unknown field", Fault::Rejected),
            (429, "rate_limit_exceeded", "", Fault::Rate),
            (429, "daily_quota_limit_exceeded", "", Fault::Quota),
            (500, "internal_error", "", Fault::Server),
            (200, "internal_error", "", Fault::Server),
            (503, "", "", Fault::Server),
            (404, "not_found", "", Fault::Rejected),
            (400, "daily_quota_limit_exceeded", "", Fault::Quota),
            (429, "Daily_Quota_Exceeded", "", Fault::Quota),
            (429, "", "The API daily quota limit exceeded", Fault::Quota),
            (403, "rate_limit_exceeded", "", Fault::Rate),
            (400, "invalid_params", "invalid cursor", Fault::Search),
            (
                500,
                "invalid_params",
                "search_id is invalid or expired",
                Fault::Search,
            ),
            (401, "", "", Fault::Token),
            (401, "invalid_token", "", Fault::Token),
        ] {
            let problem = read(status, &envelope(code, message)).unwrap_err();
            assert_eq!(problem.fault, fault, "{status} {code} {message}");
            assert_eq!(problem.log_id.as_deref(), Some("L"));
        }
        let gateway = read(504, "<html>").unwrap_err();
        assert_eq!((gateway.fault, gateway.too_much), (Fault::Server, true));
        let storm = read(500, "{}").unwrap_err();
        assert!(!storm.too_much);
        assert_eq!(read(500, "{}").unwrap_err().fault, Fault::Server);
        assert_eq!(
            read(200, r#"{"data":{"videos":[{"id":1},{"#)
                .unwrap_err()
                .fault,
            Fault::Network,
            "an answer cut off is asked for again"
        );
        assert_eq!(
            read(
                400,
                r#"{"data":{},"error":{"code":"invalid_params","message":"Searc"#
            )
            .unwrap_err()
            .fault,
            Fault::Network,
            "a refusal cut off is asked for again too"
        );
    }
}
