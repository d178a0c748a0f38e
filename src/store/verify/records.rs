//! What stands in a folder's `data.json`, read to the last byte, and whether the index tells the same.

use std::path::PathBuf;

use fs_err as fs;
use hashbrown::HashSet;

use super::super::append::{Tail, tail};
use super::super::scan::{Layout, ScanEnd, Verdict, layout, scan};
use super::super::{Kind, RecordFolder, StoreError, index};
use crate::model::PostId;
use crate::record::Unreadable;

/// What stands in a `data.json`.
pub(super) struct Records {
    /// How many records.
    pub(super) rows: usize,
    /// Ids in the order of the file, each once.
    pub(super) order: Vec<PostId>,
    /// A record with our envelope was met.
    pub(super) ours: bool,
    pub(super) end: ScanEnd,
    /// Where records stand that are none of their kind, and why.
    pub(super) unreadable: Vec<(u64, String)>,
    /// The file of the index that tells of other posts.
    pub(super) index_fault: Option<(PathBuf, String)>,
}

#[derive(Default)]
struct Found {
    ids: Vec<(u64, PostId)>,
    ours: bool,
    unreadable: Vec<(u64, String)>,
}

impl Records {
    /// Those of a file that is missing.
    pub(super) fn none() -> Self {
        Self {
            rows: 0,
            order: Vec::new(),
            ours: false,
            end: ScanEnd {
                layout: Layout::Empty,
                torn: None,
                damaged: Vec::new(),
            },
            unreadable: Vec::new(),
            index_fault: None,
        }
    }

    pub(super) fn of(place: &RecordFolder) -> Result<Self, StoreError> {
        let path = place.folder.join("data.json");
        // Where all is well the posts are read once for themselves and for the index.
        if place.kind == Kind::Posts
            && layout(&path)? == Layout::Lines
            && tail(&mut fs::File::open(&path)?)? != Tail::Torn
            && let Some(compared) = index::compared(&place.folder)
        {
            return Ok(Self {
                rows: compared.ids.len(),
                order: compared.ids,
                ours: compared.ours,
                end: ScanEnd {
                    layout: Layout::Lines,
                    torn: None,
                    damaged: Vec::new(),
                },
                unreadable: Vec::new(),
                index_fault: compared.fault,
            });
        }
        let (states, end) = scan(
            &path,
            &Found::default,
            &|found: &mut Found, line| match place.kind.entry(line.text) {
                Ok(stored) => {
                    found.ours |= stored.origin.is_some();
                    found.ids.push((line.offset, stored.id));
                    Verdict::Read
                }
                Err(Unreadable::Json(_)) => Verdict::NotJson,
                Err(error) => {
                    found.unreadable.push((line.offset, error.to_string()));
                    Verdict::Read
                }
            },
        )?;
        let mut all = Found::default();
        for state in states {
            all.ours |= state.ours;
            all.ids.extend(state.ids);
            all.unreadable.extend(state.unreadable);
        }
        all.ids.sort_unstable();
        all.unreadable.sort_unstable();
        let rows = all.ids.len();
        let mut seen = HashSet::new();
        let ids = all.ids.into_iter().map(|(_, id)| id);
        Ok(Self {
            rows,
            order: ids.filter(|id| seen.insert(id.get())).collect(),
            ours: all.ours,
            end,
            unreadable: all.unreadable,
            index_fault: index::fault(&place.folder),
        })
    }
}
