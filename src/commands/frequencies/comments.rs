//! `cotag frequencies --in comments`: the hashtags of comments, each comment once.

use std::path::Path;

use hashbrown::HashSet;

use super::{Plan, Ranking};
use crate::analysis::{Counter, Sample, Unit};
use crate::cli::{ColumnArg, FrequenciesArgs};
use crate::commands::input::{Folded, Subject};
use crate::error::{Error, Exit};
use crate::output::counted;
use crate::record::{StoredComment, Unreadable};
use crate::store::{Records, Store, Verdict, scan};
use crate::ui::Ui;

/// What comments do not say cannot be asked of them.
pub(super) fn check(args: &FrequenciesArgs) -> Result<(), Error> {
    let filter = &args.filter;
    let columns = args
        .columns
        .iter()
        .any(|&column| column != ColumnArg::Interval);
    let wishes = [
        (!filter.region.is_empty(), "--region"),
        (!filter.lang.is_empty(), "--lang"),
        (!filter.author.is_empty(), "--author"),
        (args.one_per_author, "--one-per-author"),
        (columns, "--columns other than interval"),
        (args.plot.is_some(), "--plot"),
    ];
    match wishes.iter().find(|(wished, _)| *wished) {
        Some((_, flag)) => Err(Error::Usage(format!(
            "{flag} goes with posts only: comments have neither author, region nor views"
        ))),
        None => Ok(()),
    }
}

/// What one thread counted.
struct Counted {
    counter: Counter,
    ids: Vec<u64>,
    unreadable: u64,
}

impl Plan {
    /// Counts and ranks the comments under a hashtag's posts.
    pub(super) fn rank_comments(
        &self,
        subject: &Subject,
        name: String,
        data_dir: &Path,
        ui: &Ui,
    ) -> Result<(Ranking, Exit), Error> {
        let tag = subject.hashtag().ok_or_else(|| {
            Error::Usage("--in comments counts what is stored: name a hashtag".into())
        })?;
        let records = Records::Comments(Some(tag.clone()));
        let none = || {
            Error::failed(
                format!("there are no {}", records.name()),
                format!("collect them with `cotag comments --for {tag}`"),
            )
        };
        if let Subject::Database(stored) = subject {
            if stored.database.count_of(&records)? == 0 {
                return Err(none());
            }
            return self.rank_there(stored, &records, name, ui);
        }
        let place = Store::open(data_dir)?.comments_of(tag)?;
        if !place.exists() {
            return Err(none());
        }
        self.table(self.count_file(&place.data())?, name, ui)
    }

    /// Counts the comments of a file.
    fn count_file(&self, data: &Path) -> Result<Folded<Counter>, Error> {
        let new = || Counted {
            counter: Counter::new(self.from, self.extras),
            ids: Vec::new(),
            unreadable: 0,
        };
        let (states, end) = scan(data, &new, &|state: &mut Counted, line| {
            match StoredComment::read(line.text) {
                Ok(comment) => {
                    let post = comment.as_post();
                    state.ids.push(comment.id.get());
                    if self.filter.is_empty() || self.filter.passes(&post, self.from) {
                        state.counter.add(&post, comment.origin);
                    } else {
                        state.counter.sample_mut().filtered += 1;
                    }
                }
                Err(Unreadable::Json(_)) => return Verdict::NotJson,
                Err(_) => state.unreadable += 1,
            }
            Verdict::Read
        })?;
        let mut ids = HashSet::new();
        let rows: usize = states.iter().map(|state| state.ids.len()).sum();
        ids.extend(states.iter().flat_map(|state| state.ids.iter().copied()));
        let mut damage: Vec<String> = end
            .damaged
            .iter()
            .map(|damage| {
                format!(
                    "`{}` at byte {}: {}",
                    data.display(),
                    damage.offset,
                    damage.why
                )
            })
            .collect();
        if ids.len() < rows {
            damage.push(format!(
                "`{}`: {} stand in it again and are counted twice",
                data.display(),
                counted((rows - ids.len()) as u64, "comment")
            ));
        }
        let unreadable = states.iter().map(|state| state.unreadable).sum();
        let notes = end.torn.map(|_| {
            format!(
                "`{}` ends inside a comment: a write was interrupted or is under way; that comment is left out",
                data.display()
            )
        });
        Ok(Folded {
            states: states.into_iter().map(|state| state.counter).collect(),
            left_out: Sample {
                unit: Unit::Comments,
                rows: rows as u64,
                unreadable,
                ..Sample::default()
            },
            damage,
            notes: notes.into_iter().collect(),
        })
    }
}
