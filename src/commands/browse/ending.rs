//! How a page ended: for the ledger, for the exit code, and what a person can do.

use super::keeper::Tally;
use crate::error::{Error, Exit};
use crate::source::browser::{BODIES_LIMIT, OpenError, Page, Stop, Use, Visit};

/// What the end of one page means for the run.
pub(super) struct Ended {
    pub(super) exit: Exit,
    /// What to tell a person, where it is not all well.
    pub(super) error: Option<Error>,
    /// No other page can be read after it.
    pub(super) is_last: bool,
    pub(super) new: u64,
}

impl Ended {
    pub(super) fn of(page: &Page, visit: &Visit, tally: &Tally) -> Self {
        let error = error(page, visit);
        let complete = visit.skipped.is_empty() && tally.rejected == 0;
        let exit = match &error {
            Some(error) => error.exit(),
            None if complete => Exit::Done,
            None => Exit::Partly,
        };
        Self {
            exit,
            error,
            is_last: matches!(
                visit.stop,
                Stop::Blocked(_) | Stop::Gone(_) | Stop::Interrupted | Stop::Keeper
            ),
            new: tally.new,
        }
    }
}

/// Why a page's reading stopped, in few words.
pub(super) fn reason(page: &Page, stop: &Stop) -> String {
    match stop {
        Stop::End => "end of list".into(),
        Stop::Limit => "limit".into(),
        Stop::Idle(scrolls) => format!("no new post in {scrolls} scrolls"),
        Stop::Timeout => "timeout".into(),
        Stop::TooMuch => format!("more than {} GiB of answers", BODIES_LIMIT >> 30),
        Stop::Blocked(what) => format!("blocked or captcha: {what}"),
        Stop::NoSuch(what) => match page {
            Page::Tag(_) => format!("no such tag: {what}"),
            _ => format!("no such page: {what}"),
        },
        Stop::Unreachable(what) => format!("the page could not be opened: {what}"),
        Stop::Gone(what) => (*what).into(),
        Stop::Interrupted => "interrupted".into(),
        Stop::Keeper => "an error of the disk".into(),
    }
}

fn error(page: &Page, visit: &Visit) -> Option<Error> {
    let what = format!("{}: {}", visit.address, reason(page, &visit.stop));
    let stored = if visit.posts > 0 {
        "all posts that came before are stored; "
    } else {
        ""
    };
    Some(match &visit.stop {
        Stop::End | Stop::Limit | Stop::TooMuch | Stop::Keeper => return None,
        Stop::Idle(_) | Stop::Timeout if visit.posts > 0 => return None,
        Stop::Idle(_) | Stop::Timeout => Error::failed(
            format!("{what}, and no post at all; the site gave no reason"),
            "look at the page without --headless; if it shows posts there, save it or record a HAR file \
             and `cotag import` that",
        ),
        Stop::Blocked(_) => Error::ended(
            Exit::Later,
            what,
            format!(
                "{stored}run it without --headless and log in or solve the captcha in the window (the login is \
                 kept for the next time), wait some hours, or use one of the other ways: `cotag import`, \
                 the Research API"
            ),
        ),
        Stop::NoSuch(_) => Error::failed(
            what,
            "check the spelling; the site shows some pages only to people who are logged in",
        ),
        Stop::Unreachable(_) => Error::failed(what, "check the network and --site-url"),
        Stop::Gone(_) => {
            let hint = format!("{stored}the same command goes on, and adds nothing twice");
            if visit.posts > 0 {
                Error::ended(Exit::Partly, what, hint)
            } else {
                Error::failed(what, hint)
            }
        }
        Stop::Interrupted => Error::ended(
            Exit::Interrupted,
            "interrupted; all that was fetched is stored",
            "the same command adds what is new",
        ),
    })
}

/// Why there is no browser, and what to try.
pub(super) fn open_failed(error: OpenError, wanted: &Use) -> Error {
    if let OpenError::Io(error) = error {
        return Error::Io(error);
    }
    let hint = match &error {
        OpenError::Interrupted => {
            return Error::ended(Exit::Interrupted, "interrupted", "nothing was fetched yet");
        }
        OpenError::ProfileInUse { .. } => {
            "close the browser that uses it, wait for the other cotag, or name another folder with --profile DIR"
        }
        OpenError::NoDisplay => {
            "--headless runs it without a window; --connect URL uses a browser on another machine's screen"
        }
        OpenError::Ended { .. } | OpenError::Silent { .. } => match wanted {
            Use::Start { .. } => {
                "is it Chrome, Chromium or Edge? --chrome PATH names another one, --profile DIR another folder \
                 (a browser's own default profile cannot be used; one installed as a snap cannot use hidden folders)"
            }
            Use::Connect(_) => "start it with --remote-debugging-port=9222",
        },
        OpenError::NotReached { .. } => {
            "start the browser with --remote-debugging-port=9222 and a --user-data-dir of its own"
        }
        _ => "--chrome PATH names another browser",
    };
    Error::failed(error.to_string(), hint)
}
