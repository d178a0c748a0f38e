//! A page's rows: which of them are what was asked for, and into the store with these.

use jiff::Timestamp;
use jiff::civil::Date;

use super::gate::day_of;
use super::tag::Tag;
use crate::analysis::{TagsFrom, tags_of};
use crate::json::Fields;
use crate::model::{Created, Format, Hashtag, Origin, PostId};
use crate::record::{self, Envelope, Unreadable};
use crate::source::research::{Page, Row, Stop};
use crate::store::{RejectedRecord, WindowLine};

/// A row that can be read.
struct Read {
    id: PostId,
    /// It is what was asked for.
    wanted: bool,
    /// When it was posted, as it says itself.
    created: Option<Timestamp>,
}

/// Positions of a full page.
const PAGE: u64 = 100;

impl Tag<'_> {
    /// Stores a page's posts: synced to disk before the ledger hears of the page.
    ///
    /// Tells the youngest day of the posts that were asked for.
    pub(super) fn store(&self, page: &Page, line: &mut WindowLine) -> Result<Option<Date>, Stop> {
        if page.synthetic != (self.origin == Origin::Synthetic) {
            return Err(self.gate.fail(crate::error::Error::failed(
                "the server gives made-up posts now and then, and real ones else",
                "made-up and real posts are never mixed: check --api-url and the proxy",
            )));
        }
        let envelope = Envelope {
            origin: self.origin,
            format: Format::Research,
            fetched: Some(page.fetched),
            run: self.run.to_owned(),
        };
        let (mut posts, mut rejected) = (Vec::new(), Vec::new());
        let before = line.clone();
        let mut youngest = None;
        for row in &page.rows {
            match self.read(row) {
                Ok(read) if read.wanted => {
                    posts.push((read.id, envelope.seal(&row.raw)));
                    youngest = youngest.max(read.created.map(day_of));
                }
                Ok(_) => line.off_query += 1,
                Err(reason) => {
                    line.rejected += 1;
                    rejected.push(RejectedRecord {
                        run: self.run.to_owned(),
                        file: "Research API".into(),
                        place: format!(
                            "{} {}, log_id {}",
                            line.from,
                            line.to,
                            page.log_id.as_deref().unwrap_or("unknown")
                        ),
                        reason: reason.to_string(),
                        excerpt: row.raw.chars().take(200).collect(),
                    });
                }
            }
        }
        let stored = self
            .shelf
            .add(&posts, &rejected)
            .map_err(|error| self.gate.fail(error))?;
        line.new += stored.new;
        // They were stored before, too.
        line.known += stored.known + stored.tombstoned;
        line.pages += 1;
        line.asked += PAGE;
        line.returned += page.rows.len() as u64;
        let mut tally = self.tally.borrow_mut();
        tally.pages += 1;
        tally.returned += page.rows.len() as u64;
        tally.new += line.new - before.new;
        tally.known += line.known - before.known;
        tally.tombstoned += stored.tombstoned;
        tally.off_query += line.off_query - before.off_query;
        tally.rejected += line.rejected - before.rejected;
        Ok(youngest)
    }

    /// The youngest day of a page's posts that were asked for.
    pub(super) fn youngest(&self, page: &Page) -> Option<Date> {
        let rows = page.rows.iter().filter_map(|row| self.read(row).ok());
        let wanted = rows.filter(|read| read.wanted);
        wanted.filter_map(|read| read.created.map(day_of)).max()
    }

    fn read(&self, row: &Row) -> Result<Read, Unreadable> {
        let fields =
            Fields::parse(&row.raw).map_err(|error| Unreadable::Json(error.to_string()))?;
        let post = record::read(Format::Research, &fields)?;
        let tags: Vec<Hashtag> = tags_of(&post, TagsFrom::Auto)
            .iter()
            .filter_map(|tag| Hashtag::new(tag))
            .collect();
        let wanted = self.subject.query.holds(post.author.as_deref(), &tags);
        Ok(Read {
            id: post.id,
            wanted,
            created: post.created.map(Created::at),
        })
    }
}
