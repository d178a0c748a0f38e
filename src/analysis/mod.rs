//! Counting: pure functions from posts to small result structs. No I/O, no clock, no async.

mod chart;
mod columns;
mod count;
mod filter;
mod interval;
mod pipeline;
mod rank;
mod sample;
mod spellings;
mod tags;

pub use chart::{Measure, Pair, chart_rows, pairs};
pub use columns::Asked;
pub use count::{Counter, Extras, Weight};
pub use filter::{BriefFilter, Filter, GENERIC_TAGS};
pub use interval::wilson;
pub use pipeline::{Answered, Pipeline, Question};
pub use rank::{FrequencyTable, Row, TableOptions};
pub use sample::{Provenance, Sample, Unit};
pub use spellings::Decode;
pub use tags::{TagSources, TagsFrom, for_each_tag, tags_of};
