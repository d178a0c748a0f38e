//! cotag collects TikTok posts per hashtag and shows which hashtags appear together.
//!
//! Data flows one way, and a room never calls the one after it:
//!
//! ```text
//!   source  ──►  store  ──►  analysis  ──►  output
//!      └── record ──┘           │              │
//!             └── json        model  ◄─────────┘
//! ```
//!
//! `commands` wires the rooms together, one short recipe per subcommand.
//! `ARCHITECTURE.md` says what each room may touch, and a test holds it to that.

pub mod model;

pub mod json;

pub mod record;

pub mod output;
