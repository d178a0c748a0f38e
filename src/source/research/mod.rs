//! TikTok's Research API: queries, windows of time, searches that survive what the API does.
//!
//! One request at a time is `Api::call`; one window's search, page by page, is [`Search`]; comments
//! and what belongs to users are a [`Listing`]; which ids may be kept tells [`compliance`]. What is
//! stored, counted or shown is the caller's business.

mod api;
mod compliance;
mod ini;
mod list;
mod part;
mod patience;
mod query;
mod query_file;
mod regions;
mod search;
mod window;
mod wire;

pub use api::{Api, BASE_URL, Bucket, Credentials, Gate, Stop};
pub use compliance::{Compliance, TASK_IDS, compliance};
pub use ini::{Entry, IniError, Section, parse_ini};
pub use list::{List, ListEnd, ListStep, Listing};
pub use part::Part;
pub use query::{Condition, Operation, Query, QueryError};
pub use query_file::{QueryFile, QueryFormat, parse_date};
pub use regions::is_region;
pub use search::{Ask, End, Progress, Search, Step};
pub use window::{LONGEST, Window, remaining, tile};
pub use wire::{Fault, Page, Problem, Row};
