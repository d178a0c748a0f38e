//! What becomes of answers that find none of the posts asked for: asked again together with posts that
//! were found, then put to batch compliance if wanted; believed on evidence only.

use std::cell::Cell;
use std::collections::{BTreeSet, VecDeque};

use super::batches::{Batch, batches};
use super::canaries::Home;
use super::verdict::TOO_MANY;
use super::work::{Asked, CANARIES, Pending, Work};
use crate::model::PostId;
use crate::output::counted;
use crate::source::research::{Compliance, Stop, TASK_IDS, compliance};
use crate::store::{Due, DuePost};

impl Work<'_> {
    /// Asks once more for batches of which nothing was found, with posts that the answer can be checked by.
    pub(super) async fn settle(&mut self, due: &Due, pending: &mut Pending) -> Result<(), Stop> {
        let unproven = std::mem::take(&mut pending.unproven);
        if unproven.is_empty() {
            return Ok(());
        }
        if !self.canaries.any_seen() {
            let witnesses = self.witnesses(due).await?;
            if !self.canaries.any_seen() {
                let why = match witnesses {
                    0 => "no other post is stored that it could be checked by".to_owned(),
                    other => format!("nor was any of {} stored else", counted(other, "post")),
                };
                self.tally.without_witness |= witnesses == 0;
                for batch in unproven {
                    let why = says_nothing(&batch, &why);
                    pending.unsaid.push((batch, why));
                }
                return Ok(());
            }
        }
        for batch in unproven {
            self.once_more(batch, due, pending).await?;
        }
        Ok(())
    }

    /// Asks for other posts, to see whether the servers find any; tells how many.
    async fn witnesses(&mut self, due: &Due) -> Result<u64, Stop> {
        let gate = self.refresh.gate;
        loop {
            let home = Home {
                tag: self.tag,
                origin: self.origin,
                due,
                posts: self.posts,
            };
            let (today, days) = (self.today(), self.days());
            let batch = self.canaries.witnesses(today, days, self.stock, home);
            let Some(batch) = batch.map_err(|error| gate.fail(error))? else {
                return Ok(0);
            };
            // What came of it is noted with the canaries; it has no posts that it could tell of.
            match self.batch(&batch, &mut Pending::default()).await? {
                Asked::TooMuch => {}
                Asked::Answered | Asked::Unproven => return Ok(batch.canaries.len() as u64),
            }
        }
    }

    /// A batch of which nothing was found although the servers find others.
    async fn once_more(
        &mut self,
        batch: Batch,
        due: &Due,
        pending: &mut Pending,
    ) -> Result<(), Stop> {
        let in_vain = !batch.canaries.is_empty();
        let mut queue = VecDeque::from([batch]);
        while let Some(batch) = queue.pop_front() {
            for mut piece in batches(batch.posts, |_| true, self.today(), self.days()) {
                let along = self.along(&piece, due, true)?;
                if along.is_empty() {
                    self.without_canaries(piece, in_vain, pending);
                    continue;
                }
                piece.take_along(along, self.today());
                match self.batch(&piece, pending).await? {
                    Asked::Answered => {}
                    Asked::TooMuch => queue.push_back(piece),
                    Asked::Unproven => {
                        let why = says_nothing(&piece, "nor enough of those sent along");
                        pending.unsaid.push((piece, why));
                    }
                }
            }
        }
        Ok(())
    }

    /// A batch of days that no other stored post is of: a few posts are believed to be missing.
    fn without_canaries(&mut self, batch: Batch, in_vain: bool, pending: &mut Pending) {
        if batch.posts.len() < TOO_MANY && !in_vain {
            let posts: Vec<&DuePost> = batch.posts.iter().collect();
            self.absent(&posts, pending);
        } else {
            let why = "no other stored post of those days can check it, but --compliance does";
            let why = says_nothing(&batch, why);
            pending.unsaid.push((batch, why));
        }
    }

    /// Asks batch compliance about posts that were not found: those that it does not list are gone.
    /// `None` where it was not asked, or is not believed.
    pub(super) async fn confirm(
        &mut self,
        pending: &Pending,
    ) -> Result<Option<BTreeSet<PostId>>, Stop> {
        let ui = self.refresh.ui;
        let unsaid = pending.unsaid.iter().flat_map(|(batch, _)| &batch.posts);
        let doubted: Vec<PostId> = pending
            .missing
            .iter()
            .chain(unsaid)
            .map(|post| post.id)
            .collect();
        if !self.refresh.args.compliance || doubted.is_empty() {
            return Ok(None);
        }
        let canaries = self.canaries.some_seen(CANARIES);
        if canaries.is_empty() {
            ui.warn(
                "no post was found, so that batch compliance cannot be checked and was not asked",
            );
            return Ok(None);
        }
        let mut gone = BTreeSet::new();
        for chunk in doubted.chunks(TASK_IDS - CANARIES) {
            let mut ids: BTreeSet<PostId> = chunk.iter().copied().collect();
            ids.extend(&canaries);
            let spent = Cell::new(0);
            let answer = compliance(self.refresh.api, &ids, &spent).await;
            self.tally.requests += spent.get();
            match answer? {
                Compliance::Failed(problem) => {
                    ui.warn(&format!("batch compliance gave no answer: {problem}"));
                    return Ok(None);
                }
                Compliance::Valid(valid) => {
                    if canaries.iter().any(|id| !valid.contains(&id.get())) {
                        ui.warn(
                            "batch compliance does not list posts that were found a moment ago: its answer is not believed",
                        );
                        return Ok(None);
                    }
                    gone.extend(ids.into_iter().filter(|id| !valid.contains(&id.get())));
                }
            }
        }
        Ok(Some(gone))
    }
}

fn says_nothing(batch: &Batch, why: &str) -> String {
    format!(
        "none of {} was found, which says more about the answer than about the posts: {why}",
        counted(batch.posts.len() as u64, "post")
    )
}
