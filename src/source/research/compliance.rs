//! Batch compliance: which of many videos may still be kept.

use std::cell::Cell;
use std::collections::BTreeSet;

use super::api::{Api, Body, Bucket, Call, Failed, Stop};
use super::patience::{Next, Tries};
use super::wire::{Problem, TaskState, task_id, task_result, task_state};
use crate::http::Reply;
use crate::model::PostId;

/// Most ids of a task.
pub const TASK_IDS: usize = 10_000;
/// Questions for a task's state before it is given up; the waits between them grow.
const POLLS: u32 = 20;
/// Between the parts of the form; no id holds it.
const BOUNDARY: &str = "cotag-7d1f0c3a9b";

/// What came of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Compliance {
    /// The ids that are still valid.
    Valid(BTreeSet<u64>),
    /// There is no answer that can be relied upon.
    Failed(Problem),
}

/// Asks which of these videos are still valid; at most [`TASK_IDS`]. `spent` counts the requests.
///
/// # Errors
/// What ends the whole run.
pub async fn compliance(
    api: &Api<'_>,
    ids: &BTreeSet<PostId>,
    spent: &Cell<u64>,
) -> Result<Compliance, Stop> {
    let form = form(ids);
    let create = Call {
        path: "/v2/research/validation_task/create/",
        fields: "",
        body: Body::Form {
            boundary: BOUNDARY,
            text: &form,
        },
        bucket: Bucket::All,
    };
    let task = match patiently(api, &create, spent, &|reply, _| task_id(reply)).await? {
        Ok(task) => task,
        Err(problem) => return Ok(Compliance::Failed(problem)),
    };
    let body = format!("{{\"task_id\":{task}}}");
    let ask = |path| Call {
        path,
        fields: "",
        body: Body::Json(&body),
        bucket: Bucket::All,
    };
    let status = ask("/v2/research/validation_task_status/get/");
    for poll in 0..POLLS {
        match patiently(api, &status, spent, &|reply, _| task_state(reply)).await? {
            Err(problem) | Ok(TaskState::Failed(problem)) => {
                return Ok(Compliance::Failed(problem));
            }
            Ok(TaskState::Processing(problem)) if poll + 1 == POLLS => {
                return Ok(Compliance::Failed(problem));
            }
            Ok(TaskState::Processing(_)) => api.pause(api.backoff.doubling(poll)).await?,
            Ok(TaskState::Completed) => break,
        }
    }
    let download = ask("/v2/research/validation_task/download/");
    let asked: BTreeSet<u64> = ids.iter().map(|id| id.get()).collect();
    let read = |reply: &Reply, _| task_result(reply, &asked);
    Ok(match patiently(api, &download, spent, &read).await? {
        Ok(valid) => Compliance::Valid(valid),
        Err(problem) => Compliance::Failed(problem),
    })
}

/// Sends a request until it is answered, or is not going to be.
async fn patiently<T>(
    api: &Api<'_>,
    call: &Call<'_>,
    spent: &Cell<u64>,
    read: &dyn Fn(&Reply, jiff::Timestamp) -> Result<T, Problem>,
) -> Result<Result<T, Problem>, Stop> {
    let mut tries = Tries::default();
    loop {
        let problem = match api.call(call, spent, read).await {
            Ok(answer) => return Ok(Ok(answer)),
            Err(Failed::Stop(stop)) => return Err(stop),
            Err(Failed::Problem(problem)) => problem,
        };
        match tries.after(&problem, api.backoff) {
            Next::Again(wait) => api.pause(wait).await?,
            Next::Stop(stop) => return Err(stop),
            Next::GiveUp => return Ok(Err(problem)),
        }
    }
}

fn form(ids: &BTreeSet<PostId>) -> String {
    let mut form = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"category\"\r\n\r\nvideo\r\n\
         --{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file_data\"; filename=\"ids.txt\"\r\n\
         Content-Type: text/plain\r\n\r\n"
    );
    for id in ids {
        form += &format!("{id}\n");
    }
    form + &format!("\r\n--{BOUNDARY}--\r\n")
}
