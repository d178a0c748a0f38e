//! Layout: results as tables, CSV, JSON. Computes nothing but layout, writes bytes, knows no files.

mod asked;
mod chart;
mod coverage;
mod doctor;
mod footnote;
mod frequencies;
mod import;
pub mod plot;
mod posts;
mod sheet;
mod text;

pub use asked::{AskedRow, asked};
pub use chart::{figure, paired_figure};
pub use coverage::{CoverageRow, coverage};
pub use doctor::{Check, Health, doctor};
pub use footnote::{footnote, ranking_footnote};
pub use frequencies::{Column, Ranking, TableFormat, frequencies};
pub use import::{ImportRow, import_summary};
pub use posts::{PostRow, posts};
pub use text::{counted, printable, printable_lines};
