//! JSON as bytes: cutting a stream into values, looking into a value field by field, mending text.
//!
//! Knows nothing of posts. serde_json parses every value; what is here decides how much of a file
//! is in memory at once and how much of a record is looked at.

mod fields;
mod mend;

pub use fields::{Fields, Value};
pub use mend::lone_surrogates;
