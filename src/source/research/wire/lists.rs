//! Answers beside those to video queries: lists, and tasks of batch compliance.

use std::borrow::Cow;
use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{Envelope, Fault, Page, Problem, Row, is_synthetic, rows, text};
use crate::http::Reply;
use crate::json::Fields;

/// Reads the answer to the question for a list; without `keys` the answer itself is the only row.
///
/// # Errors
/// It is an error.
pub(in crate::source::research) fn list_page(
    reply: &Reply,
    fetched: Timestamp,
    keys: &[&str],
) -> Result<Page, Problem> {
    let text = text(&reply.body);
    // These endpoints answer 500 now and then although all is there.
    let is_whole = |data: &Fields<'_>| {
        if keys.is_empty() {
            !data.is_empty()
        } else {
            keys.iter().any(|key| data.has(key))
        }
    };
    let envelope = Envelope::read(reply, &text, is_whole).map_err(|problem| {
        // What 403 means for a whole client, it cannot mean for one list after others.
        if problem.fault == Fault::Credentials && reply.status == 403 {
            Problem {
                fault: Fault::Withheld,
                ..problem
            }
        } else {
            problem
        }
    })?;
    let data = &envelope.data;
    let rows = if keys.is_empty() {
        let body = Fields::parse(&text).ok();
        let whole = body.as_ref().and_then(|body| body.get("data"));
        whole
            .map(|data| Row::new(data.as_json()))
            .into_iter()
            .collect()
    } else {
        rows(data, keys)
    };
    let cursor = data.literal("cursor").map(Cow::into_owned);
    Ok(Page {
        rows,
        // A list without a cursor has no next page.
        has_more: data.flag("has_more").unwrap_or(false) && cursor.is_some(),
        cursor,
        search_id: None,
        log_id: envelope.log_id,
        fetched,
        synthetic: is_synthetic(reply),
    })
}

/// How a task of batch compliance stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::source::research) enum TaskState {
    Completed,
    /// With what to say if it never ends.
    Processing(Problem),
    Failed(Problem),
}

/// Reads the id of a new task: a number that may be beyond 2^63.
///
/// # Errors
/// It is an error, or there is none.
pub(in crate::source::research) fn task_id(reply: &Reply) -> Result<String, Problem> {
    let text = text(&reply.body);
    let envelope = Envelope::read(reply, &text, |data| data.has("task_id"))?;
    let id = envelope.data.literal("task_id");
    let id = id.filter(|id| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()));
    id.map(Cow::into_owned)
        .ok_or_else(|| envelope.lacks("a `task_id` that is a number"))
}

/// Reads how a task stands.
///
/// # Errors
/// It is an error, or does not say.
pub(in crate::source::research) fn task_state(reply: &Reply) -> Result<TaskState, Problem> {
    let text = text(&reply.body);
    let envelope = Envelope::read(reply, &text, |_| false)?;
    let problem = |what: &str| Problem {
        log_id: envelope.log_id.clone(),
        ..Problem::new(Fault::Rejected, what)
    };
    match envelope.data.filled("task_status").as_deref() {
        Some(state) if state.eq_ignore_ascii_case("completed") => Ok(TaskState::Completed),
        Some(state) if state.eq_ignore_ascii_case("processing") => Ok(TaskState::Processing(
            problem("the compliance task is not finished after a long wait"),
        )),
        Some(state) if state.eq_ignore_ascii_case("failed") => {
            Ok(TaskState::Failed(problem("the compliance task failed")))
        }
        _ => Err(envelope.lacks("a known `task_status`")),
    }
}

/// Reads the ids that are still valid, one a line; anything that was not asked for spoils the answer.
///
/// # Errors
/// It is an error, or no such list.
pub(in crate::source::research) fn task_result(
    reply: &Reply,
    asked: &BTreeSet<u64>,
) -> Result<BTreeSet<u64>, Problem> {
    let text = text(&reply.body);
    if reply.status != 200 || text.trim_start().starts_with('{') {
        Envelope::read(reply, &text, |_| false)?;
        return Err(Problem::new(
            Fault::Rejected,
            "the list of valid ids came in a form that is not known",
        ));
    }
    let mut valid = BTreeSet::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        match line.trim_matches([',', '"']).parse() {
            Ok(id) if asked.contains(&id) => {
                valid.insert(id);
            }
            _ => {
                return Err(Problem::new(
                    Fault::Rejected,
                    "the list of valid ids holds what was not asked for",
                ));
            }
        }
    }
    Ok(valid)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(status: u16, body: &str) -> Reply {
        Reply::for_test(status, body)
    }

    #[test]
    fn a_list_is_read_whatever_its_name_its_status_and_its_end() {
        let list = |status, body: &str, keys: &[&str]| {
            list_page(&reply(status, body), Timestamp::UNIX_EPOCH, keys)
        };
        let keys = ["reposted_videos", "user_reposted_videos"];
        let other = r#"{"data":{"user_reposted_videos":[{"id":1}],"cursor":null,"has_more":true}}"#;
        let page = list(200, other, &keys).unwrap();
        assert_eq!(
            (page.rows.len(), page.has_more),
            (1, false),
            "a null cursor is an end"
        );
        let fine = r#"{"data":{"reposted_videos":[{"id":1}],"cursor":9,"has_more":true},"error":{"code":"ok"}}"#;
        assert!(
            list(500, fine, &keys).unwrap().has_more,
            "500 and all is there"
        );
        assert_eq!(list(500, "{}", &keys).unwrap_err().fault, Fault::Server);
        let none = list(200, r#"{"data":{"has_more":false}}"#, &keys).unwrap();
        assert!(none.rows.is_empty());
        assert_eq!(list(403, "{}", &keys).unwrap_err().fault, Fault::Withheld);
        let info = list(
            200,
            r#"{"data":{"display_name":"A"},"error":{"code":"ok"}}"#,
            &[],
        )
        .unwrap();
        assert_eq!(info.rows[0].raw, r#"{"display_name":"A"}"#);
    }

    #[test]
    fn a_list_of_valid_ids_is_believed_whole_or_not_at_all() {
        let asked = BTreeSet::from([7, 8, 9]);
        let read = |status, body: &str| task_result(&reply(status, body), &asked);
        assert_eq!(read(200, "7\r\n9\n\n").unwrap(), BTreeSet::from([7, 9]));
        assert_eq!(read(200, "").unwrap(), BTreeSet::new());
        for (status, body) in [
            (200, "<html>"),
            (200, "7\n10\n"),
            (200, r#"{"data":{}}"#),
            (500, ""),
        ] {
            assert!(read(status, body).is_err(), "{body}");
        }
        let id = r#"{"data":{"task_id":12345678910987654321},"error":{"code":"ok"}}"#;
        assert_eq!(task_id(&reply(200, id)).unwrap(), "12345678910987654321");
    }
}
