//! The bytes of answers: envelopes, rows, and what the faults make of them.

use serde_json::{Map, Value, json};

use super::corpus::Entry;
use super::faults::{Fault, Plan};
use super::noise::noise;
use super::rules::Refusal;
use super::search::Page;

const JSON: &str = "application/json; charset=utf-8";
const HTML: &str = "text/html";
const TEXT: &str = "text/plain";

/// What a gateway says when the backend takes too long.
pub(super) const GATEWAY_PAGE: &str = "<html>\r\n<head><title>504 Gateway Time-out</title></head>\r\n\
    <body>\r\n<center><h1>504 Gateway Time-out</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n";

/// An answer as HTTP carries it.
#[derive(Debug)]
pub(super) struct Answer {
    /// HTTP status.
    pub(super) status: u16,
    /// What the body is.
    pub(super) kind: &'static str,
    /// Seconds of `Retry-After`.
    pub(super) retry_after: Option<u64>,
    /// The body.
    pub(super) body: Vec<u8>,
    /// The connection ends after half of the body.
    pub(super) broken: bool,
    /// `error.code`, or `error` of a token request; for the log.
    pub(super) code: &'static str,
}

impl Answer {
    pub(super) fn json(status: u16, code: &'static str, body: &Value) -> Self {
        Self {
            status,
            kind: JSON,
            retry_after: None,
            body: body.to_string().into_bytes(),
            broken: false,
            code,
        }
    }

    /// A file.
    pub(super) fn text(body: String) -> Self {
        Self {
            kind: TEXT,
            body: body.into_bytes(),
            ..Self::json(200, "ok", &Value::Null)
        }
    }

    /// The API's no.
    pub(super) fn refusal(refusal: &Refusal, log_id: &str) -> Self {
        let body = json!({"data": {}, "error": {
            "code": refusal.code, "message": refusal.message, "log_id": log_id,
        }});
        Self::json(refusal.status, refusal.code, &body)
    }

    /// A gateway's no.
    pub(super) fn gateway_timeout() -> Self {
        Self {
            status: 504,
            kind: HTML,
            retry_after: None,
            body: GATEWAY_PAGE.into(),
            broken: false,
            code: "",
        }
    }

    /// One of the ways in which the API says that it failed itself.
    pub(super) fn storm(number: u64, log_id: &str) -> Self {
        let bare = |body: Value| Self::json(500, "internal_error", &body);
        match number % 3 {
            0 => Self::refusal(
                &Refusal::new(
                    500,
                    "internal_error",
                    "Something is wrong. Please try again later.",
                ),
                log_id,
            ),
            // As seen: no error object at all, and nothing at all.
            1 => bare(json!({"data": {}})),
            _ => Self {
                body: Vec::new(),
                kind: HTML,
                ..bare(Value::Null)
            },
        }
    }

    /// A page of rows.
    pub(super) fn page(
        page: &Page,
        rows: Vec<Value>,
        number: u64,
        log_id: &str,
        plan: &Plan,
    ) -> Self {
        let mut data = Map::new();
        let is_left_out = rows.is_empty() && !page.has_more && plan.has(Fault::EmptyPage);
        if !is_left_out {
            data.insert("videos".into(), rows.into());
        }
        data.insert("cursor".into(), page.cursor.into());
        data.insert("search_id".into(), page.search_id.clone().into());
        data.insert("has_more".into(), page.has_more.into());
        let error = json!({"code": "ok", "message": "", "log_id": log_id});
        // The order of keys says nothing, and so it changes.
        let body = if number.is_multiple_of(2) {
            json!({"error": error, "data": data})
        } else {
            json!({"data": data, "error": error})
        };
        Self::json(200, "ok", &body)
    }

    /// Cuts the JSON off, or has the connection end while it is sent.
    pub(super) fn spoil(&mut self, fault: Option<Fault>) {
        match fault {
            Some(Fault::Truncate) => self.body.truncate(self.body.len() * 2 / 3),
            Some(Fault::Drop) => self.broken = true,
            _ => {}
        }
    }
}

/// A post with the fields asked for, as far as it has them.
pub(super) fn row(entry: &Entry, fields: &[String], plan: &Plan) -> Value {
    let has_nul = plan.has(Fault::Nul) && noise(entry.id, plan.seed() + 3).is_multiple_of(6);
    let turned = usize::try_from(entry.id % 23).unwrap_or(0) % fields.len().max(1);
    let (tail, head) = fields.split_at(turned);
    let mut row = Map::new();
    for field in head.iter().chain(tail) {
        let Some(value) = entry.record.get(field) else {
            continue;
        };
        let value = match value.as_str() {
            Some(text) if has_nul && matches!(field.as_str(), "username" | "video_description") => {
                Value::String(with_nul(text))
            }
            _ => value.clone(),
        };
        row.insert(field.clone(), value);
    }
    Value::Object(row)
}

/// Two NUL characters after the third character, as recorded from the API.
fn with_nul(text: &str) -> String {
    let at = text.char_indices().nth(3).map_or(text.len(), |(at, _)| at);
    let (before, after) = text.split_at(at);
    format!("{before}\0\0{after}")
}
