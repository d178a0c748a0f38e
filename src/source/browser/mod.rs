//! Posts that a browser shows: a person's own Chrome, Chromium or Edge opens a page of the site and is
//! scrolled, and the answers that the page itself receives are read as an import reads them.
//!
//! Nothing is asked of the site but what its own page asks, and nothing is hidden from it. Speaks the few
//! questions of the DevTools protocol that this needs; see `ARCHITECTURE.md` for why not with a crate.

mod connect;
mod find;
mod judge;
mod launch;
mod page;
mod pause;
mod protocol;
mod visit;
mod wall;
mod watch;
mod wire;

pub use find::{Installed, at, find};
pub use launch::{Browser, OpenError, Use};
pub use page::{Page, SITE, Site, user_name};
pub use visit::{Keeper, Manner, Stop, Visit};

/// Answers larger than this are not read: 64 MiB.
pub const BODY_LIMIT: usize = 64 << 20;
/// Nor more than this of one page: 4 GiB.
pub const BODIES_LIMIT: u64 = 4 << 30;
