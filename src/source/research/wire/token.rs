//! The answer to the question for a token.

use std::borrow::Cow;
use std::time::Duration;

use super::{Fault, Problem, no_json, text, told};
use crate::http::{Reply, status_is_transient};
use crate::json::Fields;

/// Reads the answer to the question for a token: the token and its life.
///
/// # Errors
/// There is none in it.
pub(in crate::source::research) fn token(reply: &Reply) -> Result<(String, Duration), Problem> {
    let text = text(&reply.body);
    let Ok(body) = Fields::parse(&text) else {
        return Err(no_json(reply, &text));
    };
    let data = body.object("data");
    if let Some(token) = body
        .filled("access_token")
        .or_else(|| data.filled("access_token"))
    {
        let seconds = body
            .count("expires_in")
            .or_else(|| data.count("expires_in"));
        return Ok((
            token.into_owned(),
            Duration::from_secs(seconds.unwrap_or(7200)),
        ));
    }
    // Flat in the documentation, an envelope in practice now and then.
    let nested = body.object("error");
    let code = body
        .filled("error")
        .or_else(|| nested.filled("code"))
        .unwrap_or_default();
    let message = body
        .filled("error_description")
        .or_else(|| nested.filled("message"))
        .unwrap_or_default();
    let log_id = body
        .filled("log_id")
        .or_else(|| nested.filled("log_id"))
        .map(Cow::into_owned);
    let fault = match &*code {
        "invalid_client"
        | "invalid_request"
        | "unsupported_grant_type"
        | "invalid_grant"
        | "invalid_scope"
        | "unauthorized_client"
        | "access_denied"
        | "invalid_client_key"
        | "unsupported_response_type"
        | "scope_not_authorized" => Fault::Credentials,
        "rate_limit_exceeded" => Fault::Rate,
        "daily_quota_limit_exceeded" => Fault::Quota,
        _ if status_is_transient(reply.status) => Fault::Server,
        _ if reply.status == 429 => Fault::Rate,
        _ if (400..500).contains(&reply.status) => Fault::Credentials,
        _ => Fault::Server,
    };
    Err(Problem {
        log_id,
        retry_after: reply.retry_after,
        ..Problem::new(fault, told(reply.status, &code, &message))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(status: u16, body: &str) -> Reply {
        Reply::for_test(status, body)
    }

    #[test]
    fn a_token_is_what_has_one_whatever_the_status() {
        let ok = r#"{"access_token":"clt.2.x","expires_in":7200,"token_type":"Bearer"}"#;
        assert_eq!(token(&reply(200, ok)).unwrap().1.as_secs(), 7200);
        for (status, body, fault) in [
            (
                200,
                r#"{"error":"invalid_client","error_description":"Client info is illegal"}"#,
                Fault::Credentials,
            ),
            (400, r#"{"error":"invalid_request"}"#, Fault::Credentials),
            (500, r#"{"error":"server_error"}"#, Fault::Server),
            (502, "<html>", Fault::Server),
            (
                429,
                r#"{"error":{"code":"rate_limit_exceeded"}}"#,
                Fault::Rate,
            ),
        ] {
            assert_eq!(
                token(&reply(status, body)).unwrap_err().fault,
                fault,
                "{body}"
            );
        }
    }
}
