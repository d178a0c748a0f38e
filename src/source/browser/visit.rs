//! One page, opened and scrolled as a reader would, until there is a reason to stop.

mod answer;

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use hashbrown::HashSet;
use jiff::Timestamp;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::BODY_LIMIT;
use super::launch::Browser;
use super::page::{Page, Site};
use super::pause::Pause;
use super::protocol::{Event, Unanswered};
use super::wall::{self, Wall};
use super::watch::{Outcome, Watch};
use crate::json::Fields;
use crate::source::files::Found;

/// How long the site may take to answer with the page.
const OPEN: Duration = Duration::from_mins(1);
/// How long the page may take to scroll or to be looked at; one that is busy takes longer.
const TOUCH: Duration = Duration::from_secs(3);
/// How long nothing may have come, at the least, for the page to count as idle.
const QUIET: Duration = Duration::from_millis(1500);
/// After so long without a new post a page that is never quiet counts as idle too.
const PATIENCE: Duration = Duration::from_secs(45);
/// Refused parts of the list in a row that are enough to know.
const REFUSALS: u32 = 3;
/// Scrolls without a new post after which a wall is looked for.
const LOOK: u32 = 3;

/// How to record pages.
#[derive(Clone, Debug)]
pub struct Manner {
    /// The site.
    pub site: Site,
    /// Mean pause between two scrolls.
    pub scroll_wait: Duration,
    /// Scrolls without a new post after which the page counts as read.
    pub idle_scrolls: u32,
    /// How long a page is read at the most.
    pub timeout: Duration,
    /// How many new posts are enough.
    pub limit: Option<u64>,
}

/// What takes the posts. Its errors are its own to keep: `Break` ends the visit.
pub trait Keeper {
    /// A post, or a record that could not be read; whether the post belongs to the page.
    fn found(&mut self, found: Found<'_>, fetched: Timestamp) -> ControlFlow<(), bool>;
    /// An answer was read to its end: how many posts are new by now.
    fn settle(&mut self) -> ControlFlow<(), u64>;
    /// Something that a person should know at once.
    fn tell(&self, text: &str);
    /// Something that a person must do, or will miss.
    fn warn(&self, text: &str);
    /// Whether the person wants to end.
    fn is_ending(&self) -> bool;
}

/// Why a visit ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The page says that its list has ended.
    End,
    /// As many new posts as were asked for.
    Limit,
    /// Nothing new in so many scrolls.
    Idle(u32),
    /// The time was up.
    Timeout,
    /// More than [`super::BODIES_LIMIT`] bytes.
    TooMuch,
    /// The site holds its posts back: refusals, a captcha, a login wall.
    Blocked(String),
    /// The site says that there is no such page.
    NoSuch(String),
    /// The page could not be opened.
    Unreachable(String),
    /// The browser or the tab has gone.
    Gone(&'static str),
    /// The person's wish.
    Interrupted,
    /// The keeper had to give up.
    Keeper,
}

/// What a visit saw.
#[derive(Clone, Debug)]
pub struct Visit {
    /// The page's address.
    pub address: String,
    /// Why it ended.
    pub stop: Stop,
    /// Different posts that belong to the page.
    pub posts: u64,
    /// Answers and page states with posts.
    pub answers: u64,
    /// Bytes of these.
    pub bytes: u64,
    /// SHA-256 of these after each other, in hexadecimal.
    pub sha256: String,
    /// How many posts the site says there are.
    pub total: Option<u64>,
    /// Answers whose posts are missing, by reason.
    pub skipped: Vec<String>,
    /// Parts of the list that the site refused or that broke off on the way.
    pub refused: u64,
    /// Answers loaded in advance, left out.
    pub preloaded: u64,
}

impl Browser {
    /// Records a page.
    pub fn visit(&mut self, page: &Page, manner: &Manner, keeper: &mut dyn Keeper) -> Visit {
        let watch = Watch::new(page.clone(), manner.site.clone(), self.target.clone());
        let mut reading = Reading {
            address: manner.site.address(page),
            here: String::new(),
            page,
            manner,
            keeper,
            watch,
            pause: Pause::new(manner.scroll_wait),
            started: Instant::now(),
            ids: HashSet::new(),
            fresh: Instant::now(),
            new: 0,
            answers: 0,
            bytes: 0,
            hash: Sha256::new(),
            total: None,
            skipped: Vec::new(),
            ended: false,
            refusal: None,
            refused: 0,
            in_a_row: 0,
            center: (600.0, 400.0),
            height: 800.0,
            browser: self,
        };
        let stop = match reading.run() {
            ControlFlow::Break(stop) => stop,
            ControlFlow::Continue(never) => match never {},
        };
        let stop = reading.explain(stop);
        Visit {
            address: reading.address,
            stop,
            posts: reading.ids.len() as u64,
            answers: reading.answers,
            bytes: reading.bytes,
            sha256: hex(&reading.hash.finalize()),
            total: reading.total,
            skipped: reading.skipped,
            refused: reading.refused,
            preloaded: reading.watch.preloaded,
        }
    }
}

/// Either a reason to stop or a value to go on with.
type Step<T = ()> = ControlFlow<Stop, T>;

/// A visit under way.
struct Reading<'v> {
    browser: &'v mut Browser,
    page: &'v Page,
    manner: &'v Manner,
    keeper: &'v mut dyn Keeper,
    watch: Watch,
    pause: Pause,
    started: Instant,
    /// The address wished for, and the one that the tab shows.
    address: String,
    here: String,
    ids: HashSet<u64>,
    /// When the last new post came.
    fresh: Instant,
    new: u64,
    answers: u64,
    bytes: u64,
    hash: Sha256,
    total: Option<u64>,
    skipped: Vec<String>,
    /// The page said that its list has ended.
    ended: bool,
    /// The last refusal, if no posts came since; and how many came in a row, and in all.
    refusal: Option<String>,
    in_a_row: u32,
    refused: u64,
    /// Where the mouse stands, and how far a screen is.
    center: (f64, f64),
    height: f64,
}

impl Reading<'_> {
    fn run(&mut self) -> Step<std::convert::Infallible> {
        self.open()?;
        self.measure();
        let (mut idle, mut bare) = (0, 0);
        loop {
            let (before, answers) = (self.ids.len(), self.answers);
            let pause = self.pause.next();
            self.listen(pause)?;
            self.check()?;
            bare += 1;
            if self.ids.len() > before {
                (idle, bare) = (0, 0);
                self.fresh = Instant::now();
            } else if bare >= self.manner.idle_scrolls && self.fresh.elapsed() > PATIENCE {
                // A page that is never quiet, and never shows a new post.
                idle = idle.max(bare);
            } else if self.answers > answers
                || !self.watch.is_waiting() && self.watch.last.elapsed() >= self.quiet()
            {
                // Posts that were there before, or nothing at all.
                idle += 1;
            }
            let doubt = idle >= LOOK.min(self.manner.idle_scrolls) || self.in_a_row >= REFUSALS;
            if doubt && let Some(wall) = self.wall(idle) {
                self.meet(&wall)?;
                (idle, bare) = (0, 0);
                continue;
            }
            let quiet = self.fresh.elapsed() >= QUIET;
            if idle >= self.manner.idle_scrolls && quiet {
                return Step::Break(Stop::Idle(idle));
            }
            self.scroll()?;
        }
    }

    /// How long nothing may have come before a scroll counts as one without effect.
    fn quiet(&self) -> Duration {
        self.manner.scroll_wait.min(QUIET)
    }

    /// Goes to the page's address.
    fn open(&mut self) -> Step {
        self.here.clear();
        self.watch.last = Instant::now();
        let address = json!({"url": self.address});
        let line = &mut self.browser.connection;
        match line.ask("Page.navigate", &address, OPEN) {
            Ok(reply) => match reply.result().filled("errorText") {
                Some(error) => Step::Break(Stop::Unreachable(shown(&error))),
                None => Step::Continue(()),
            },
            Err(Unanswered::Late) => Step::Break(Stop::Unreachable(format!(
                "no answer within {} s",
                OPEN.as_secs()
            ))),
            Err(Unanswered::Refused(why)) => Step::Break(Stop::Unreachable(shown(&why))),
            Err(other) => Step::Break(stop_of(&other)),
        }
    }

    /// Where the middle of the window is.
    fn measure(&mut self) {
        let line = &mut self.browser.connection;
        if let Ok(reply) = line.ask("Page.getLayoutMetrics", &json!({}), TOUCH) {
            let result = reply.result();
            let view = result.object("cssVisualViewport");
            let size = |key| view.literal(key).and_then(|text| text.parse::<f64>().ok());
            if let (Some(width), Some(height)) = (size("clientWidth"), size("clientHeight"))
                && (1.0..100_000.0).contains(&width)
                && (1.0..100_000.0).contains(&height)
            {
                self.center = (width / 2.0, height / 2.0);
                self.height = height;
            }
        }
    }

    /// Turns the mouse wheel by about a screen.
    fn scroll(&mut self) -> Step {
        let wheel = json!({
            "type": "mouseWheel",
            "x": self.center.0,
            "y": self.center.1,
            "deltaX": 0,
            "deltaY": self.height * self.pause.share(),
        });
        let line = &mut self.browser.connection;
        match line.ask("Input.dispatchMouseEvent", &wheel, TOUCH) {
            // A page that is too busy to scroll is waited for like one that has nothing new.
            Ok(_) | Err(Unanswered::Late | Unanswered::Refused(_)) => Step::Continue(()),
            Err(other) => Step::Break(stop_of(&other)),
        }
    }

    /// Takes in what comes, for so long.
    fn listen(&mut self, pause: Duration) -> Step {
        let until = Instant::now() + pause;
        loop {
            if self.keeper.is_ending() {
                return Step::Break(Stop::Interrupted);
            }
            if self.started.elapsed() > self.manner.timeout {
                return Step::Break(Stop::Timeout);
            }
            match self.browser.connection.event(until) {
                Ok(Some(event)) => self.take(&event)?,
                Ok(None) if Instant::now() < until && !self.keeper.is_ending() => {}
                Ok(None) => return Step::Continue(()),
                Err(_) => return Step::Break(Stop::Gone("the browser was closed or has crashed")),
            }
            // What is whole already is read before the list's end ends the visit.
            if self.ended && !self.watch.is_waiting() {
                return Step::Continue(());
            }
        }
    }

    fn take(&mut self, event: &Event) -> Step {
        match event {
            Event::Crashed => return Step::Break(Stop::Gone("the page has crashed")),
            Event::Closed => return Step::Break(Stop::Gone("the tab was closed")),
            Event::Navigated { address } => self.here.clone_from(address),
            // Where a person looks on, a window may be the login that they want.
            Event::Popup { target } if !self.browser.visible => {
                let close = json!({"targetId": target});
                let _ = self
                    .browser
                    .connection
                    .tell_browser("Target.closeTarget", &close);
            }
            _ => {}
        }
        match self.watch.note(event) {
            Outcome::None => Step::Continue(()),
            Outcome::Failed => {
                self.refuse("a part of the list broke off on the way".to_owned());
                Step::Continue(())
            }
            Outcome::TooLarge(answer) => {
                self.skip(&answer, &format!("larger than {} MiB", BODY_LIMIT >> 20));
                Step::Continue(())
            }
            Outcome::Whole(answer) => self.answer(&answer),
        }
    }

    /// Whether the list has ended.
    fn check(&mut self) -> Step {
        if !self.ended || self.watch.is_waiting() {
            return Step::Continue(());
        }
        Step::Break(Stop::End)
    }

    /// What stands between the person and the posts, if it can be told.
    fn wall(&mut self, idle: u32) -> Option<Wall> {
        if let Some(wall) = wall::of_address(&self.manner.site, &self.here) {
            return Some(wall);
        }
        if let Some(wall) = wall::shown(self.browser, TOUCH) {
            return Some(wall);
        }
        let what = self.refusal.as_ref()?;
        (self.in_a_row >= REFUSALS || idle >= self.manner.idle_scrolls)
            .then(|| Wall::Refusals(what.clone()))
    }

    /// Ends the visit where nobody can do anything about it, else waits until somebody has.
    fn meet(&mut self, wall: &Wall) -> Step {
        if !self.browser.visible {
            return Step::Break(Stop::Blocked(wall.to_string()));
        }
        self.keeper.warn(&format!(
            "{wall}: solve the captcha or log in in the browser window; cotag goes on by itself, or \
             ends after {} min (--timeout)",
            self.manner.timeout.as_secs().div_ceil(60)
        ));
        let before = self.ids.len();
        let mut last = wall.clone();
        loop {
            match self.listen(self.pause.of_a_wait()) {
                Step::Break(Stop::Timeout) => return Step::Break(Stop::Blocked(last.to_string())),
                step => step?,
            }
            self.check()?;
            if self.ids.len() > before {
                break;
            }
            let now = wall::of_address(&self.manner.site, &self.here)
                .or_else(|| wall::shown(self.browser, TOUCH));
            match (now, &last) {
                (Some(now), _) => last = now,
                // Nothing to be seen, and refused as before: the page asks again when it is scrolled.
                (None, Wall::Refusals(_)) => self.scroll()?,
                (None, _) => break,
            }
        }
        self.refusal = None;
        self.in_a_row = 0;
        self.keeper.tell("the posts come again");
        // After a login the site shows its own start page.
        let path = |address: &str| self.manner.site.path(address);
        if path(&self.here) != path(&self.address) {
            self.open()?;
        }
        Step::Continue(())
    }

    /// The reason that a person should hear: an end before the first post is none.
    fn explain(&self, stop: Stop) -> Stop {
        let nothing = self.ids.is_empty();
        match stop {
            Stop::End if nothing && self.total.is_some_and(|total| total > 0) => {
                Stop::Blocked(format!(
                    "the list ended before its first post, though the site speaks of {} posts",
                    self.total.unwrap_or(0)
                ))
            }
            Stop::End | Stop::Idle(_) | Stop::Timeout if self.refusal.is_some() && nothing => {
                Stop::Blocked(self.refusal.clone().unwrap_or_default())
            }
            Stop::Idle(_) if self.refusal.is_some() => {
                Stop::Blocked(self.refusal.clone().unwrap_or_default())
            }
            stop => stop,
        }
    }
}

/// Why a question that has no answer ends the visit.
fn stop_of(unanswered: &Unanswered) -> Stop {
    match unanswered {
        Unanswered::Asked => Stop::Interrupted,
        Unanswered::Gone => Stop::Gone("the browser was closed or has crashed"),
        Unanswered::Late | Unanswered::Refused(_) => Stop::Gone("the browser does not answer"),
    }
}

/// Foreign text, short and without control characters.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(100).collect()
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The number of a field, for the wall's script.
pub(super) fn text_of(fields: &Fields<'_>, outer: &str, key: &str) -> Option<String> {
    fields
        .object(outer)
        .text(key)
        .map(std::borrow::Cow::into_owned)
}
