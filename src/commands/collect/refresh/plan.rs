//! How old posts are to be, and what a refresh would ask, without asking.

use jiff::{SignedDuration, Timestamp};

use super::stale::{DAYS, batches, stale};
use crate::commands::collect::gate::day_of;
use crate::error::{Error, Exit};
use crate::model::{Hashtag, Origin};
use crate::output::counted;
use crate::store::{Missing, Store};
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
    store: &Store,
    tags: &[Hashtag],
    age: SignedDuration,
    ui: &Ui,
) -> Result<Exit, Error> {
    let now = Timestamp::now();
    let mut text = String::new();
    for tag in tags {
        let stored = store.find(tag)?;
        for origin in [Origin::Research, Origin::Synthetic] {
            let found = stale(&stored, origin, now - age)?;
            if found.due.is_empty() {
                continue;
            }
            let due = found.due.len() as u64;
            let requests = batches(found.due, day_of(now), DAYS).len() as u64;
            text += &format!(
                "#{tag}: {} ({}) to ask for in {}\n",
                counted(due, "post"),
                origin.name(),
                counted(requests, "request")
            );
        }
        for folder in &stored.posts {
            for line in Missing::read(folder)?.lines().filter(|line| !line.found) {
                text += &format!(
                    "#{tag}: {} was not found on {}; removed if it is not found on another day\n",
                    line.id,
                    day_of(line.first)
                );
            }
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
