//! The store in a database: the real binary and the library against a real server over a real
//! connection.

#![cfg(feature = "mongodb")]
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod access;
mod collect;
mod comments;
mod desk;
mod pushdown;
mod refresh;
mod server;
mod stores;
mod tls;
mod users;
