//! Batch compliance: which of many ids may still be kept.

use serde_json::{Value, json};

use super::{Incoming, Service};
use crate::source::sandbox::answer::Answer;
use crate::source::sandbox::noise::noise;
use crate::source::sandbox::rules::Refusal;

/// Most ids of a task.
const MOST: usize = 10_000;

/// Questions for a task's state before it is done.
const POLLS: u32 = 1;

/// One comment in so many is gone.
const GONE_COMMENTS: u64 = 40;

/// A task under way.
#[derive(Debug)]
pub(super) struct Task {
    id: u64,
    ids: Vec<u64>,
    comments: bool,
    polled: u32,
}

impl Service {
    pub(super) fn create_task(
        &mut self,
        incoming: &Incoming,
        log_id: &str,
    ) -> Result<Answer, Refusal> {
        let file = |why: &str| Refusal::new(400, "invalid_file_upload", why);
        let parts = parts(incoming).ok_or_else(|| file("the body must be multipart/form-data"))?;
        let part = |name: &str| {
            let found = parts.iter().find(|(known, _)| known == name);
            found.map(|(_, text)| text.as_str())
        };
        let comments = match part("category") {
            Some("video") => false,
            Some("comment") => true,
            _ => return Err(Refusal::params("category must be video or comment")),
        };
        let text = part("file_data").ok_or_else(|| file("file_data is missing"))?;
        let ids: Option<Vec<u64>> = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .map(|line| line.parse().ok())
            .collect();
        let ids = ids.ok_or_else(|| file("file_data must be one id a line"))?;
        if ids.is_empty() || ids.len() > MOST {
            return Err(file("file_data must hold 1 to 10000 ids"));
        }
        // Beyond 2^63, as in the documentation.
        let id = 12_000_000_000_000_000_000 + (noise(self.all, self.plan.seed() + 9) >> 8);
        self.tasks.push(Task {
            id,
            ids,
            comments,
            polled: 0,
        });
        let error =
            json!({"code": "ok", "http_status_code": 200, "log_id": log_id, "message": "ok."});
        Ok(Answer::json(
            200,
            "ok",
            &json!({"data": {"task_id": id}, "error": error}),
        ))
    }

    pub(super) fn task_status(&mut self, body: &[u8]) -> Result<Value, Refusal> {
        let task = self.task(body)?;
        task.polled += 1;
        let status = if task.polled > POLLS {
            "Completed"
        } else {
            "Processing"
        };
        Ok(json!({"task_status": status}))
    }

    /// The ids that are still valid, one a line.
    pub(super) fn task_result(&mut self, body: &[u8]) -> Result<Answer, Refusal> {
        let task = self.task(body)?;
        if task.polled <= POLLS {
            return Err(Refusal::params("the task is not completed"));
        }
        let (ids, comments) = (task.ids.clone(), task.comments);
        let mut text = String::new();
        for id in ids {
            let valid = if comments {
                !noise(id, 80).is_multiple_of(GONE_COMMENTS)
            } else {
                self.corpus.entry(id).is_some()
            };
            if valid {
                text += &format!("{id}\n");
            }
        }
        Ok(Answer::text(text))
    }

    fn task(&mut self, body: &[u8]) -> Result<&mut Task, Refusal> {
        let body: Value = serde_json::from_slice(body)
            .map_err(|error| Refusal::params(format!("the body is no JSON: {error}")))?;
        let id = match body.get("task_id") {
            Some(Value::String(id)) => id.parse().ok(),
            Some(id) => id.as_u64(),
            None => None,
        };
        let found = self.tasks.iter_mut().find(|task| Some(task.id) == id);
        found.ok_or_else(|| Refusal::params("task_id is unknown"))
    }
}

/// The parts of a form: names and texts.
fn parts(incoming: &Incoming) -> Option<Vec<(String, String)>> {
    let kind = incoming.content_type.as_deref()?;
    let (essence, parameters) = kind.split_once(';')?;
    if !essence.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let boundary = parameters
        .trim()
        .strip_prefix("boundary=")?
        .trim_matches('"');
    let text = String::from_utf8_lossy(&incoming.body);
    let marker = format!("--{boundary}");
    let mut parts = Vec::new();
    for part in text.split(marker.as_str()).skip(1) {
        if part.starts_with("--") {
            break;
        }
        let (head, body) = part.split_once("\r\n\r\n")?;
        let name = head.split("name=\"").nth(1)?.split('"').next()?;
        let body = body.strip_suffix("\r\n").unwrap_or(body);
        parts.push((name.to_owned(), body.to_owned()));
    }
    Some(parts)
}
