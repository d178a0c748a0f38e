//! JSON as bytes: cutting a stream into values, looking into a value field by field, mending text.
//!
//! Knows nothing of posts. serde_json decides what is JSON; what is here decides how much of a file is in
//! memory at once and how much of a record is looked at, and checks objects as programs write them.

mod depth;
mod fields;
mod leap;
mod line;
mod lines;
mod mend;
mod redact;
mod scan;
mod split;
mod walk;
mod window;

pub use depth::{depth, is_deeper};
pub use fields::{Fields, Value, Wanted};
pub use leap::{Odd, Vectors};
pub(crate) use leap::{byte, container, scalar, string, strings};
pub use line::{one_line, without_key};
pub use lines::{Line, Lines};
pub use mend::lone_surrogates;
pub use redact::{redact, redact_shown};
pub use walk::{Kind, VALUE_LIMIT, Walk, WalkError};
pub use window::Window;
