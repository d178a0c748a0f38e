//! What an index tells whoever counts, read as far as is asked for.

use std::ops::Range;

use super::segment::Opened;
use super::{Index, Segment};
use crate::model::{Column, Columns, EachTexts, Tables, Window};

/// The segments of an index.
#[derive(Debug)]
pub struct IndexTables {
    segments: Vec<Opened>,
    /// Hashtags of all of them.
    distinct: Option<u64>,
}

impl Index {
    /// The segments, the largest first; `None` where a file is missing or damaged.
    pub fn tables(&self) -> Option<IndexTables> {
        let open = |segment: &Segment| {
            let opened = Opened::new(&self.folder.join(&segment.file))?;
            (opened.posts() as u64 == segment.posts).then_some(opened)
        };
        let segments: Option<Vec<Opened>> = self.segments.iter().map(open).collect();
        let mut segments = segments?;
        segments.sort_by_key(|segment| std::cmp::Reverse(segment.posts()));
        let fresh = self.segments.iter().map(|segment| segment.fresh);
        let distinct = fresh.sum();
        Some(IndexTables { segments, distinct })
    }
}

impl Tables for IndexTables {
    fn count(&self) -> usize {
        self.segments.len()
    }

    fn distinct(&self) -> Option<u64> {
        self.distinct
    }

    fn read(&self, table: usize, wanted: &[Column]) -> Option<Columns> {
        self.segments.get(table)?.read(wanted)
    }

    fn tags(&self, table: usize, numbers: Range<usize>, window: &mut Window) -> Option<()> {
        self.segments.get(table)?.window("tag", numbers, window)
    }

    fn scan(
        &self,
        table: usize,
        list: Column,
        numbers: Range<u32>,
        each: &mut EachTexts<'_>,
    ) -> Option<()> {
        self.segments.get(table)?.scan(list, numbers, each)
    }

    fn texts(&self, table: usize, list: Column, numbers: &[u32]) -> Option<Vec<String>> {
        self.segments.get(table)?.texts(list, numbers)
    }
}
