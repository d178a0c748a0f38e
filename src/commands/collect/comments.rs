//! `cotag comments`: stored posts, or ids → Research API → comments beside the posts.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use super::list_shelf::ListShelf;
use super::lists::{ListReader, ListTally};
use super::server::{Server, left_today};
use super::session::Session;
use super::whose::{Group, Whose, whose};
use crate::cli::{CommentsArgs, Global};
use crate::commands::{needs_directory, side_writer};
use crate::error::{Error, Exit};
use crate::model::PostId;
use crate::output::counted;
use crate::record::{StoredComment, Unreadable};
use crate::settings::ApiSettings;
use crate::source::research::{List, Stop};
use crate::store::{Asked, AskedLine, AskedState, Side, SideWriter, Store, Verdict, scan};
use crate::ui::Ui;

/// Commands whose work comes before comments.
const POSTS_FIRST: [&str; 2] = ["download", "crawl"];

pub(in crate::commands) fn run(
    args: &CommentsArgs,
    global: &Global,
    ui: &Ui,
) -> Result<Exit, Error> {
    needs_directory(global, ui, "comments")?;
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
        let side = side_writer(self.global, Side::Comments, "comments", self.ui)?;
        let reader = ListReader::new(self.on, self.args.max_per_post);
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
        side: &SideWriter,
        reader: &ListReader<'_>,
    ) -> Result<(ListTally, Option<Stop>), Error> {
        let place = group.place(side.store())?;
        let of = place.tag.clone();
        let folder = place.folder.clone();
        let mut shelf = ListShelf::new(side, place, &folder)?;
        if shelf.asked.unreadable > 0 {
            self.ui.warn(&format!(
                "{}: {} lines of asked.jsonl cannot be read; what they are about is asked again",
                shelf.name(),
                shelf.asked.unreadable
            ));
        }
        if group.is_stored() {
            // Before anything is asked: made-up and real comments never meet.
            let name = shelf.name().to_owned();
            let opened = &shelf.open(reader.origin)?.opened;
            super::super::import::tell_opened(&name, "comment", opened, self.ui);
        }
        let mut tally = ListTally::default();
        let wishes = wishes(group, &shelf.asked, self.args);
        let mut stop = self
            .posts(&wishes, side, reader, &mut shelf, &mut tally)
            .await;
        if stop.is_none() && self.args.replies {
            let answered = self.answered(group, &shelf)?;
            stop = self
                .posts(&answered, side, reader, &mut shelf, &mut tally)
                .await;
        }
        self.ui.finish();
        let name = shelf.name().to_owned();
        let stored = shelf.len();
        let asked = format!("comments of {}", counted(group.posts.len() as u64, "post"));
        let line = reader.run_line("comments", of.as_str(), &asked, &tally, stop.as_ref());
        let closed = shelf.close((tally.requests > 0).then_some(line));
        if let Err(error) = closed {
            return Err(self.on.gate.trouble().unwrap_or(error));
        }
        reader.tell(&name, "comment", stored, &tally);
        Ok((tally, stop))
    }

    async fn posts(
        &self,
        wishes: &[(List, AskedLine)],
        side: &SideWriter,
        reader: &ListReader<'_>,
        shelf: &mut ListShelf<'_>,
        tally: &mut ListTally,
    ) -> Option<Stop> {
        self.ui.start_steps(shelf.name(), wishes.len() as u64);
        for (done, (list, line)) in wishes.iter().enumerate() {
            if let Err(stop) = self.after_posts(side).await {
                return Some(stop);
            }
            let read = reader.read(list.clone(), line.clone(), shelf, tally).await;
            if let Err(stop) = read {
                return Some(stop);
            }
            self.ui.step(done as u64 + 1, || {
                format!("{} comments, {} new", tally.returned, tally.new)
            });
        }
        None
    }

    /// Posts come first: waits for a download in the same directory, unless requests are set aside.
    async fn after_posts(&self, side: &SideWriter) -> Result<(), Stop> {
        if self.on.gate.share().is_some() {
            return Ok(());
        }
        let mut told = false;
        loop {
            let holder = side.posts_written_by();
            let holder = holder.map_err(|error| self.on.gate.fail(error))?;
            match holder.filter(|holder| POSTS_FIRST.contains(&holder.command())) {
                None => return Ok(()),
                Some(holder) if !told => {
                    told = true;
                    self.ui.note(&format!(
                        "posts come first: waiting for {holder} to finish; --share sets requests aside to run beside it"
                    ));
                }
                Some(_) => {}
            }
            self.on.api.pause(Duration::from_millis(500)).await?;
        }
    }

    /// Stored comments that have answers which were not read to their end.
    fn answered(
        &self,
        group: &Group,
        shelf: &ListShelf<'_>,
    ) -> Result<Vec<(List, AskedLine)>, Error> {
        let wanted: std::collections::BTreeSet<PostId> =
            group.posts.iter().map(|post| post.id).collect();
        let path = shelf.data();
        if !path.is_file() {
            return Ok(Vec::new());
        }
        let (found, _) = scan(
            &path,
            &Vec::new,
            &|found: &mut Vec<(u64, PostId, PostId)>, line| match StoredComment::read(line.text) {
                Ok(comment) => {
                    if let (None, Some(video), Some(replies)) =
                        (comment.parent, comment.video, comment.replies)
                        && replies > 0
                        && wanted.contains(&video)
                    {
                        found.push((replies, video, comment.id));
                    }
                    Verdict::Read
                }
                Err(Unreadable::Json(_)) => Verdict::NotJson,
                Err(_) => Verdict::Read,
            },
        )?;
        let mut all: Vec<(u64, PostId, PostId)> = found.into_iter().flatten().collect();
        all.sort_unstable_by(|a, b| b.cmp(a));
        Ok(all
            .into_iter()
            .filter_map(|(replies, video, comment)| {
                let line = AskedLine {
                    of: video.to_string(),
                    comment: Some(comment.to_string()),
                    expected: Some(replies),
                    ..AskedLine::default()
                };
                let line = left(line, &shelf.asked, self.args)?;
                Some((List::Replies(comment), line))
            })
            .collect())
    }
}

/// What is left to ask of a group's posts, most commented first.
fn wishes(group: &Group, asked: &Asked, args: &CommentsArgs) -> Vec<(List, AskedLine)> {
    group
        .posts
        .iter()
        .filter_map(|post| {
            let line = AskedLine {
                of: post.id.to_string(),
                expected: post.comments,
                ..AskedLine::default()
            };
            Some((List::Comments(post.id), left(line, asked, args)?))
        })
        .collect()
}

/// The line to go on from; `None` where nothing is left to ask.
fn left(new: AskedLine, asked: &Asked, args: &CommentsArgs) -> Option<AskedLine> {
    use crate::store::JournalLine as _;
    let Some(known) = asked.get(&new.key()) else {
        return Some(new);
    };
    let known = AskedLine {
        expected: new.expected.or(known.expected),
        ..known.clone()
    };
    match known.state {
        AskedState::Open | AskedState::Failed => Some(known),
        AskedState::Enough => {
            let more = args
                .max_per_post
                .is_none_or(|most| known.new + known.known < most);
            more.then_some(known)
        }
        AskedState::Done if args.again => Some(AskedLine {
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
    let store = Store::open(&global.data_dir)?;
    for group in &whose.groups {
        let place = group.place(&store)?;
        let asked = Asked::read(&place.folder)?;
        let wishes = wishes(group, &asked, args);
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
            place.name,
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
