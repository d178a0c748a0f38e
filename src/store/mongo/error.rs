//! What the driver's errors mean to a person. No text of ours quotes the password.

use std::time::Duration;

use mongodb::error::{Error, ErrorKind, WriteFailure};

use super::runtime::NoAnswer;
use crate::store::place::DatabasePlace;
use crate::store::{StoreError, Trouble};

/// Codes of commands that were refused for want of rights: not authorised, wrong password.
const REFUSED: [i32; 4] = [13, 18, 8000, 31];

/// An error of the driver, told.
pub(super) fn told(place: &DatabasePlace, error: &Error) -> StoreError {
    let text = place.blank(&error.kind.to_string());
    let (trouble, what) = match &*error.kind {
        ErrorKind::Authentication { .. } => (Trouble::Refused, refusal(place)),
        ErrorKind::Command(command) if REFUSED.contains(&command.code) => (
            Trouble::Refused,
            format!("{}: {}", refusal(place), command.message),
        ),
        ErrorKind::Command(command) => (
            Trouble::Other,
            format!(
                "the server says: {} (code {})",
                command.message, command.code
            ),
        ),
        ErrorKind::Write(WriteFailure::WriteConcernError(error)) => (
            Trouble::Lost,
            format!(
                "the server could not make the write durable: {}",
                error.message
            ),
        ),
        ErrorKind::ServerSelection { message, .. } => (
            // Connections are made before anybody logs in, so the reason stands inside.
            if message.contains("SCRAM") || message.contains("Authentication") {
                Trouble::Refused
            } else {
                Trouble::Unreachable
            },
            format!(
                "no MongoDB server answers ({})",
                reason(&place.blank(message))
            ),
        ),
        ErrorKind::DnsResolve { .. } => (
            Trouble::Unreachable,
            format!("its name cannot be resolved: {text}"),
        ),
        ErrorKind::InvalidTlsConfig { .. } => (Trouble::Unreachable, format!("TLS: {text}")),
        ErrorKind::InvalidArgument { .. } => (Trouble::Address, text),
        ErrorKind::Io(_) | ErrorKind::ConnectionPoolCleared { .. } => {
            (Trouble::Lost, format!("the connection was lost: {text}"))
        }
        ErrorKind::IncompatibleServer { .. } | ErrorKind::InvalidResponse { .. } => {
            (Trouble::Foreign, text)
        }
        _ => (Trouble::Other, text),
    };
    made(place, trouble, what)
}

/// No answer at all.
pub(super) fn no_answer(
    place: &DatabasePlace,
    why: NoAnswer,
    limit: Option<Duration>,
) -> StoreError {
    let what = match why {
        NoAnswer::TooLate => format!(
            "the server did not answer within {} s",
            limit.unwrap_or_default().as_secs()
        ),
        NoAnswer::Gone => "the connection's thread has ended".into(),
    };
    made(place, Trouble::Lost, what)
}

/// An error with words of our own.
pub(super) fn made(place: &DatabasePlace, trouble: Trouble, what: impl Into<String>) -> StoreError {
    StoreError::Database {
        place: place.to_string(),
        trouble,
        what: what.into(),
    }
}

fn refusal(place: &DatabasePlace) -> String {
    if place.has_user() {
        "the server does not accept the user name and password of the address".into()
    } else {
        "the server asks for a user name and password, and the address has none".into()
    }
}

/// The heart of a server selection's long message: the first server's own error.
fn reason(message: &str) -> String {
    let inner = message.split("Error: ").nth(1).unwrap_or(message);
    let inner = inner.split([',', '}']).next().unwrap_or(inner).trim();
    inner.chars().take(200).collect()
}
