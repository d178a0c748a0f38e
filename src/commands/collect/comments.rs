//! `cotag comments`: stored posts, or ids → Research API → comments beside the posts.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use super::list_shelf::{ListShelf, asked_of};
use super::lists::{ListReader, ListTally, Passes, Turn, Turns};
use super::server::{Server, left_today};
use super::session::Session;
use super::whose::{Group, Whose, whose};
use crate::cli::{CommentsArgs, Global};
use crate::commands::database::Shelf;
use crate::commands::{place, side_store};
use crate::error::{Error, Exit};
use crate::model::PostId;
use crate::output::counted;
use crate::settings::ApiSettings;
use crate::source::research::{List, Stop};
use crate::store::place::Place;
use crate::store::{AskedLine, AskedLists, AskedState, Side, SideStore};
use crate::ui::Ui;

/// How often it is looked whether posts are collected.
const LOOK: Duration = Duration::from_millis(500);
/// How many more times it is looked at first.
const DOUBT: u32 = 3;
/// Commands whose work comes before comments.
const POSTS_FIRST: [&str; 2] = ["download", "crawl"];

pub(in crate::commands) fn run(
    args: &CommentsArgs,
    global: &Global,
    ui: &Ui,
) -> Result<Exit, Error> {
    let place = place(global, ui)?;
    let settings = ApiSettings::resolve(&args.api, &global.data_dir)?;
    for warning in &settings.warnings {
        ui.warn(warning);
    }
    let share = args
        .share
        .as_deref()
        .map(|text| share(text, settings.daily_quota))
        .transpose()?;
    let whose = whose(args, global, ui)?;
    if args.extent.dry_run {
        return dry_run(args, &whose, &settings, global, ui);
    }
    Server::session(&settings, ui, args.extent.max_requests, share, async |on| {
        let collection = Collection {
            args,
            on,
            passes: Passes::begin(on),
            looked: Cell::new(None),
            place: &place,
            global,
            ui,
            whose: &whose,
        };
        collection.all().await
    })
}

/// `20%` of the day's requests, or a number of them.
fn share(text: &str, daily: u64) -> Result<u64, Error> {
    let wrong = || {
        Error::Usage(format!(
            "--share `{text}` is neither a part such as 20% nor a number of requests"
        ))
    };
    let requests = match text.trim().strip_suffix('%') {
        Some(part) => {
            let part: u64 = part.trim().parse().map_err(|_| wrong())?;
            if part > 100 {
                return Err(wrong());
            }
            daily * part / 100
        }
        None => text.trim().parse().map_err(|_| wrong())?,
    };
    if requests == 0 {
        return Err(wrong());
    }
    Ok(requests)
}

struct Collection<'c> {
    args: &'c CommentsArgs,
    on: Session<'c>,
    passes: Passes,
    /// When it was last looked whether posts are collected.
    looked: Cell<Option<Instant>>,
    place: &'c Place,
    global: &'c Global,
    ui: &'c Ui,
    whose: &'c Whose,
}

impl Collection<'_> {
    /// Passes until nothing is left, or nothing more may be asked today.
    async fn all(&self) -> Result<Exit, Error> {
        self.on.login().await?;
        let mut total = ListTally::default();
        let pass = async || self.pass(&mut total).await;
        let stop = self.on.passes(self.args.extent.wait, pass).await?;
        self.ui.note(&format!(
            "{} new; the comments of {} are not disclosed, {} {} gone",
            counted(total.new, "comment"),
            counted(total.withheld, "post"),
            total.missing,
            if total.missing == 1 { "is" } else { "are" }
        ));
        let partly = !total.failed.is_empty() || self.whose.unreadable > 0;
        self.on.end(stop.as_ref(), partly)
    }

    /// All groups once, the store given back afterwards.
    async fn pass(&self, total: &mut ListTally) -> Result<Option<Stop>, Error> {
        let side = side_store(self.global, self.place, Side::Comments, "comments", self.ui)?;
        let reader = ListReader::new(self.on, &self.passes, self.args.max_per_post);
        total.failed.clear();
        for group in &self.whose.groups {
            let (tally, stop) = self.group(group, &side, &reader).await?;
            total.add(&tally);
            if stop.is_some() {
                return Ok(stop);
            }
        }
        Ok(None)
    }

    /// The comments of one place's posts.
    async fn group(
        &self,
        group: &Group,
        side: &SideStore,
        reader: &ListReader<'_>,
    ) -> Result<(ListTally, Option<Stop>), Error> {
        let records = group.records();
        let mut shelf = ListShelf::new(side, &records)?;
        if shelf.asked.unreadable() > 0 {
            self.ui.warn(&format!(
                "{}: {} lines of what was asked for cannot be read; what they are about is asked again",
                shelf.name(),
                shelf.asked.unreadable()
            ));
        }
        if group.is_stored() {
            // Before anything is asked: made-up and real comments never meet.
            let name = shelf.name().to_owned();
            let opened = shelf.open(reader.origin)?;
            super::super::import::tell_opened(&name, "comment", &opened, self.ui);
        } else {
            shelf.settle(reader.origin)?;
        }
        let mut tally = ListTally::default();
        let left = |new, asked: &AskedLists| left(new, asked, self.args, Some(&self.passes));
        let wishes = wishes(group, |new| left(new, &shelf.asked));
        let mut stop = self
            .posts(wishes, side, reader, &mut shelf, &mut tally)
            .await;
        if stop.is_none() && self.args.replies {
            let answered = answered(group, side, |new| left(new, &shelf.asked))?;
            stop = self
                .posts(answered, side, reader, &mut shelf, &mut tally)
                .await;
        }
        self.ui.finish();
        let name = shelf.name().to_owned();
        let stored = shelf.len();
        let asked = format!("comments of {}", counted(group.posts.len() as u64, "post"));
        let line = reader.run_line("comments", records.subject(), &asked, &tally, stop.as_ref());
        let closed = shelf.close((tally.requests > 0).then_some(line));
        if let Err(error) = closed {
            return Err(self.on.gate.trouble().unwrap_or_else(|| error.into()));
        }
        reader.tell(&name, "comment", stored, &tally);
        Ok((tally, stop))
    }

    async fn posts(
        &self,
        wishes: Vec<(List, AskedLine)>,
        side: &SideStore,
        reader: &ListReader<'_>,
        shelf: &mut ListShelf<'_>,
        tally: &mut ListTally,
    ) -> Option<Stop> {
        self.ui.start_steps(shelf.name(), wishes.len() as u64);
        let mut turns = Turns::new(wishes);
        let mut done = 0;
        while let Some((list, line)) = turns.next() {
            if let Err(stop) = self.after_posts(side).await {
                return Some(stop);
            }
            let left = |now: &AskedLine| left_of(now, line.expected, self.args, Some(&self.passes));
            let turn = reader.turn(list.clone(), line.clone(), left, shelf, tally);
            match turn.await {
                Ok(Turn::Theirs(other)) => {
                    if let Err(stop) = turns.later((list, line), &other, self.on).await {
                        return Some(stop);
                    }
                    continue;
                }
                Ok(Turn::Read(_) | Turn::Nothing) => turns.done(),
                Err(stop) => return Some(stop),
            }
            done += 1;
            self.ui.step(done, || {
                format!("{} comments, {} new", tally.returned, tally.new)
            });
        }
        None
    }

    /// Posts come first: waits for a download into the same store, unless requests are set aside.
    async fn after_posts(&self, side: &SideStore) -> Result<(), Stop> {
        let soon = |at: Instant| at.elapsed() < LOOK;
        if self.on.gate.share().is_some() || self.looked.get().is_some_and(soon) {
            return Ok(());
        }
        // Between two windows a download into a database looks like none.
        let looks = if side.is_shared() { DOUBT } else { 0 };
        let first = self.looked.get().is_none();
        let mut doubt = if first { looks } else { 0 };
        self.looked.set(Some(Instant::now()));
        let mut told = false;
        loop {
            let holder = side.posts_collected_by(&POSTS_FIRST);
            match holder.map_err(|error| self.on.gate.fail(error))? {
                None if doubt == 0 => return Ok(()),
                None => {
                    doubt -= 1;
                    self.on.api.pause(LOOK / 5).await?;
                    continue;
                }
                Some(holder) if !told => {
                    (told, doubt) = (true, looks);
                    self.ui.note(&format!(
                        "posts come first: waiting for {holder} to finish; --share sets requests aside to run beside it"
                    ));
                }
                Some(_) => doubt = looks,
            }
            self.on.api.pause(LOOK).await?;
        }
    }
}

/// Stored comments that have answers which were not read to their end.
fn answered(
    group: &Group,
    side: &SideStore,
    left: impl Fn(AskedLine) -> Option<AskedLine>,
) -> Result<Vec<(List, AskedLine)>, Error> {
    let wanted: BTreeSet<PostId> = group.posts.iter().map(|post| post.id).collect();
    let answered = side.answered(&group.records())?.into_iter();
    Ok(answered
        .filter(|(_, post, _)| wanted.contains(post))
        .filter_map(|(replies, post, comment)| {
            let line = AskedLine {
                of: post.to_string(),
                comment: Some(comment.to_string()),
                expected: Some(replies),
                ..AskedLine::default()
            };
            Some((List::Replies(comment), left(line)?))
        })
        .collect())
}

/// What is left to ask of a group's posts, most commented first.
fn wishes(group: &Group, left: impl Fn(AskedLine) -> Option<AskedLine>) -> Vec<(List, AskedLine)> {
    group
        .posts
        .iter()
        .filter_map(|post| {
            let line = AskedLine {
                of: post.id.to_string(),
                expected: post.comments,
                ..AskedLine::default()
            };
            Some((List::Comments(post.id), left(line)?))
        })
        .collect()
}

/// The line to go on from; `None` where nothing is left to ask.
fn left(
    new: AskedLine,
    asked: &AskedLists,
    args: &CommentsArgs,
    passes: Option<&Passes>,
) -> Option<AskedLine> {
    match asked.get(&new.of, new.comment.as_deref()) {
        Some(known) => left_of(known, new.expected, args, passes),
        None => Some(new),
    }
}

/// The line to go on from, of a list of which something is known.
fn left_of(
    known: &AskedLine,
    expected: Option<u64>,
    args: &CommentsArgs,
    passes: Option<&Passes>,
) -> Option<AskedLine> {
    let known = AskedLine {
        expected: expected.or(known.expected),
        ..known.clone()
    };
    let again = args.again && !passes.is_some_and(|passes| passes.wrote(&known));
    match known.state {
        AskedState::Open | AskedState::Failed => Some(known),
        AskedState::Enough => {
            let more = args
                .max_per_post
                .is_none_or(|most| known.new + known.known < most);
            more.then_some(known)
        }
        AskedState::Done if again => Some(AskedLine {
            new: 0,
            known: 0,
            cursor: None,
            ..known
        }),
        // Facts about a post: asked again they would only cost requests.
        AskedState::Done | AskedState::Withheld | AskedState::Missing => None,
    }
}

/// What would be asked, without asking.
fn dry_run(
    args: &CommentsArgs,
    whose: &Whose,
    settings: &ApiSettings,
    global: &Global,
    ui: &Ui,
) -> Result<Exit, Error> {
    let mut text = String::new();
    let shelf = Shelf::new(global);
    for group in &whose.groups {
        let asked = asked_of(&shelf, &group.records())?;
        let wishes = wishes(group, |new| match &asked {
            Some(asked) => left(new, asked, args, None),
            None => Some(new),
        });
        let pages = |line: &AskedLine| {
            let left = line.expected.unwrap_or(1).saturating_sub(line.returned);
            let left = args.max_per_post.map_or(left, |most| left.min(most));
            left.div_ceil(100).max(1)
        };
        let requests: u64 = wishes.iter().map(|(_, line)| pages(line)).sum();
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{}: {} of {} to ask, about {}",
            group.records().name(),
            wishes.len(),
            counted(group.posts.len() as u64, "post"),
            counted(requests, "request")
        );
        for (_, line) in wishes.iter().take(10) {
            let expected = line
                .expected
                .map_or("unknown".to_owned(), |count| count.to_string());
            let _ = writeln!(text, "  {}  {expected} comments", line.of);
        }
    }
    let _ = writeln!(text, "{}", left_today(settings)?);
    ui.data(text.as_bytes())?;
    Ok(Exit::Done)
}

/// Posts by the place where their comments go.
pub(super) type Groups<T> = BTreeMap<Option<crate::model::Hashtag>, Vec<T>>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_a_part_of_the_day_or_a_number() {
        assert_eq!(share("20%", 1000).unwrap(), 200);
        assert_eq!(share(" 7 ", 1000).unwrap(), 7);
        for wrong in ["", "0", "0%", "101%", "-5", "half", "20 percent"] {
            assert!(share(wrong, 1000).is_err(), "{wrong}");
        }
    }
}
