//! The words everything else is said in: post, hashtag, format. No I/O, no dependencies on other rooms.

mod brief;
mod caption;
mod columns;
mod format;
mod hashtag;
mod link;
mod post;

pub use brief::{Brief, Name};
pub use caption::caption_tags;
pub use columns::{
    Builder, Class, Column, Columns, Dated, EachTexts, Lead, Leading, Names, Packed, Rows, Sketch,
    Tables, TagSource, Window, merge as merge_columns,
};
pub use format::{Format, Origin};
pub use hashtag::{Hashtag, spelling};
pub use link::{SITE, page_link};
pub use post::{Counts, Created, InvalidPostId, Kind, Music, Post, PostId, page_address};
