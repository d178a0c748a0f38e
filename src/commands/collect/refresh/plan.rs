//! How old posts are to be, and what a refresh would ask, without asking.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::AT_ONCE;
use super::batches::{DAYS, IDS, batches};
use crate::commands::collect::gate::day_of;
use crate::error::{Error, Exit};
use crate::model::{Hashtag, Origin};
use crate::output::counted;
use crate::store::{DuePost, Stock};
use crate::ui::Ui;

/// `15d`, `12h`, or a number of days.
pub(super) fn age(text: &str) -> Result<SignedDuration, Error> {
    let text = text.trim();
    let wrong = || {
        Error::Usage(format!(
            "--older-than `{text}` is no time such as 15d or 12h"
        ))
    };
    let (number, hours) = match text.strip_suffix('h') {
        Some(hours) => (hours, 1),
        None => (text.strip_suffix('d').unwrap_or(text), 24),
    };
    let number: i64 = number.trim().parse().map_err(|_| wrong())?;
    if !(0..=100_000).contains(&number) {
        return Err(wrong());
    }
    Ok(SignedDuration::from_hours(number * hours))
}

/// What would be asked, without asking.
pub(super) fn dry_run(
    stock: &Stock,
    tags: &[Hashtag],
    age: SignedDuration,
    ui: &Ui,
) -> Result<Exit, Error> {
    let now = Timestamp::now();
    let mut text = String::new();
    // A post of several hashtags is asked for once.
    let mut asked = BTreeSet::new();
    for tag in tags {
        let waiting = stock.waiting(tag)?.into_iter().map(|line| line.id);
        let waiting: BTreeSet<String> = waiting.collect();
        for origin in [Origin::Research, Origin::Synthetic] {
            let mut due = stock.due(tag, origin, now - age)?;
            let (mut posts, mut again, mut requests) = (0, 0, 0);
            loop {
                let mut portion = due.next(AT_ONCE * IDS)?;
                if portion.is_empty() {
                    break;
                }
                let all = portion.len() as u64;
                if tags.len() > 1 {
                    portion.retain(|post| asked.insert(post.id));
                }
                posts += portion.len() as u64;
                again += all - portion.len() as u64;
                let suspect = |post: &DuePost| waiting.contains(&post.id.to_string());
                requests += batches(portion, suspect, day_of(now), DAYS).len() as u64;
            }
            if posts + again == 0 {
                continue;
            }
            text += &format!(
                "#{tag}: {} ({}) to ask for in {}",
                counted(posts, "post"),
                origin.name(),
                counted(requests, "request")
            );
            if again > 0 {
                text += &format!("; {again} more with a hashtag above");
            }
            text += "\n";
        }
        for line in stock.waiting(tag)? {
            text += &format!(
                "#{tag}: {} was not found on {}; removed if it is not found on another day\n",
                line.id,
                day_of(line.first)
            );
        }
    }
    if text.is_empty() {
        text = "no post is due\n".into();
    }
    ui.data(text.as_bytes())?;
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_days_or_hours() {
        assert_eq!(age("15d").unwrap(), SignedDuration::from_hours(360));
        assert_eq!(age(" 12h ").unwrap(), SignedDuration::from_hours(12));
        assert_eq!(age("0").unwrap(), SignedDuration::ZERO);
        for wrong in ["", "d", "-1d", "two weeks", "1.5d"] {
            assert!(age(wrong).is_err(), "{wrong}");
        }
    }
}
