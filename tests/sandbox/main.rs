//! The sandbox as a client meets it: over HTTP, with a client of our own that knows nothing of its inside.

#![expect(
    clippy::unwrap_used,
    reason = "an answer that is not as expected should fail where it is read"
)]

mod client;
mod command;
mod faults;
mod lists;
mod paging;
mod queries;
mod rules;
