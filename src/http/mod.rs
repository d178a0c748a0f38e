//! Asking servers over HTTP: one client, polite and patient. Knows bytes, hosts and time, no posts.
//!
//! What may be asked again, when and how often is decided by pure functions over plain values;
//! only [`Client`] touches the network.

mod breaker;
mod client;
mod clock;
mod download;
mod guard;
mod pace;
mod retry;
mod secret;

pub use breaker::{Breaker, Trip};
pub use client::{CONNECT_TIMEOUT, Client, Config, Failure, FailureKind, Reply, TIMEOUT};
pub use clock::Clock;
pub use download::{DownloadError, Downloads};
pub use pace::Pace;
pub use retry::{Backoff, parse_retry_after, status_is_transient};
pub use secret::Secret;
