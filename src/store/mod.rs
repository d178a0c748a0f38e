//! Posts on disk: a folder per hashtag that outlives crashes and that other programs can read.
//!
//! ```text
//! data/cotag.json                   format version; folder names that differ from their hashtag
//! data/ids/post_ids.json            {"london": ["7189…", …], …}
//! data/ids/video_ids.json
//! data/london/posts/data.json       JSON array, one post per line
//! data/london/posts/runs.jsonl      one line per collection or import
//! data/london/posts/rejected.jsonl  records that could not be read
//! data/london/posts/windows.jsonl   days asked for, how far each search came
//! data/london/posts/index/          what is asked of the posts again, to be fast: a cache
//! data/london/posts/.rewriting      data.json is being replaced, or was, and runs.jsonl does not tell
//! ```
//!
//! `data.json` is the truth. It only ever grows at its end, between its last post and its closing
//! bracket; everything else is written after it and can be made again from it. Knows records and
//! the disk, not where posts come from or what is asked of them.

mod append;
mod asked;
mod atomic;
mod blocks;
mod claim;
mod coverage;
mod error;
mod fold;
mod gone;
mod health;
mod ids;
mod index;
mod intent;
mod journal;
mod kind;
mod known;
mod lists;
mod lock;
mod look;
mod media;
#[cfg(feature = "mongodb")]
pub mod mongo;
#[cfg(not(feature = "mongodb"))]
#[path = "without_mongo.rs"]
pub mod mongo;
mod names;
pub mod place;
mod places;
mod quota;
mod records;
mod rejected;
mod rewrite;
mod runs;
mod samples;
mod scan;
mod seam;
mod side;
mod stock;
mod tags;
mod verify;
mod vouch;
mod walk;
mod writer;

pub use asked::{Asked, AskedLine, AskedState};
pub use atomic::replace;
pub use claim::{Claim, Leaseholder};
pub use coverage::{Coverage, EndDate, WindowLine, WindowState};
pub use error::{StoreError, Trouble};
pub use fold::{AddBrief, Fold, Folded, fold_files, fold_posts};
pub use gone::{Gone, HistoryLine, Missing, MissingLine, Tombstone, Tombstones};
pub use health::{QuickLook, existing_above, quick_look, try_writing, writing};
pub use index::{Index, IndexTables};
pub use journal::{Journal, JournalLine};
pub use kind::Kind;
pub use lists::{AddedRecords, AskedLists, RecordsWriter, SideStore};
pub use lock::Holder;
pub use media::{MediaFile, MediaFolder};
pub use names::{folder_name, folder_tag};
pub use places::{RecordFolder, USER_LISTS};
pub use quota::{DayUse, Quota};
pub use records::Records;
pub use rejected::RejectedRecord;
pub use runs::{Run, RunInput, Segment, new_id};
pub use samples::Samples;
pub use scan::{
    Damage, Layout, Line, Quick, Readers, Record, ScanEnd, Verdict, scan, scan_in_order,
    scan_quickly,
};
pub use seam::{PostsWriter, StoreWriter, Taken, Windows};
pub use side::{Side, SideWriter};
pub use stock::{Due, DuePost, Stock};
pub use tags::{Store, StoredTag};
pub use verify::{Finding, Repaired, TagReport, repair, verify, verify_at_rest};
pub use writer::{Added, Opened, TagWriter, Writer};
