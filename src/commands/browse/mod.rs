//! `cotag download --source browser`: pages of the site → browser → store.

mod ending;
mod keeper;

use std::path::PathBuf;

use jiff::Timestamp;

use self::ending::{Ended, open_failed, reason};
use self::keeper::Taking;
use super::{interrupt, needs_directory, writer};
use crate::cli::{BrowserArgs, Global};
use crate::error::{Error, Exit};
use crate::model::{Hashtag, Origin};
use crate::output::counted;
use crate::settings::state_dir;
use crate::source::browser::{
    Browser, Installed, Manner, Page, Site, Stop, Use, Visit, at, find, user_name,
};
use crate::store::{Run, RunInput, Writer, new_id};
use crate::ui::Ui;

/// A page and the name that its posts are stored under.
#[derive(Debug)]
pub(super) struct Subject {
    pub(super) name: Hashtag,
    page: Page,
}

/// The pages that the words of the command name.
///
/// # Errors
/// A name that cannot be one.
pub(super) fn subjects(tags: &[Hashtag], args: &BrowserArgs) -> Result<Vec<Subject>, Error> {
    let mut subjects: Vec<Subject> = tags
        .iter()
        .map(|tag| Subject {
            name: tag.clone(),
            page: Page::Tag(tag.clone()),
        })
        .collect();
    for words in &args.search {
        let words: Vec<&str> = words.split_whitespace().collect();
        let name = Hashtag::new(&format!("search-{}", words.join("-")))
            .filter(|_| !words.is_empty())
            .ok_or_else(|| Error::Usage("--search has no words".into()))?;
        let page = Page::Search(words.join(" "));
        subjects.push(Subject { name, page });
    }
    for text in &args.user {
        let account = user_name(text);
        let named = account.and_then(|account| {
            let name = Hashtag::new(&format!("user-{account}"))?;
            let page = Page::User(account);
            Some(Subject { name, page })
        });
        subjects
            .push(named.ok_or_else(|| Error::Usage(format!("`{text}` is no name of an account")))?);
    }
    Ok(subjects)
}

/// The browser that would be started, if there is one.
pub(super) fn installed(args: &BrowserArgs) -> Option<Installed> {
    match &args.chrome {
        Some(path) => at(path),
        None => find(),
    }
}

/// Collects everything.
///
/// # Errors
/// Wrong usage; no browser; the disk's own. What a page ended with is told and in the exit code.
pub(super) fn browse(
    subjects: &[Subject],
    args: &BrowserArgs,
    limit: Option<u64>,
    global: &Global,
    ui: &Ui,
) -> Result<Exit, Error> {
    // Before a window opens.
    needs_directory(global, ui, "download --source browser")?;
    let manner = Manner {
        site: Site::new(&args.site_url).map_err(Error::Usage)?,
        scroll_wait: args.scroll_wait,
        idle_scrolls: args.idle_scrolls,
        timeout: args.timeout,
        limit,
    };
    let wanted = wanted(args, global)?;
    interrupt::listen();
    let browser =
        Browser::open(&wanted, interrupt::asked).map_err(|error| open_failed(error, &wanted))?;
    introduce(subjects, &browser, &wanted, &manner, ui);
    let started = Timestamp::now();
    Browsing {
        browser,
        manner,
        writer: writer(global, "download", ui)?,
        run: new_id(started),
        started,
        ui,
    }
    .all(subjects)
}

/// Which browser, by the flags.
fn wanted(args: &BrowserArgs, global: &Global) -> Result<Use, Error> {
    if let Some(address) = &args.connect {
        return Ok(Use::Connect(address.clone()));
    }
    let program = installed(args).ok_or_else(|| {
        let what = match &args.chrome {
            Some(path) => format!("`{}` is no program", path.display()),
            None => "no Chrome, Chromium or Edge was found".to_owned(),
        };
        Error::failed(
            what,
            "install one of them, name it with --chrome PATH, or use one that is open with --connect URL",
        )
    })?;
    let usual = || -> PathBuf { state_dir(&global.data_dir).join("browser") };
    let profile = args.profile.clone().unwrap_or_else(usual);
    // The browser has another working directory than we may have.
    let profile = std::path::absolute(profile)?;
    Ok(Use::Start {
        program,
        profile,
        headless: args.headless,
    })
}

/// What a person should know before the first page, once.
fn introduce(subjects: &[Subject], browser: &Browser, wanted: &Use, manner: &Manner, ui: &Ui) {
    let names: Vec<String> = subjects
        .iter()
        .map(|subject| format!("'{}'", subject.name))
        .collect();
    ui.note(&format!("Hashtags to scrape: [{}]", names.join(", ")));
    let how = match wanted {
        Use::Start { profile, .. } => format!("profile `{}`", profile.display()),
        Use::Connect(address) => format!("connected at {address}"),
    };
    let window = if browser.visible {
        ""
    } else {
        " without a window"
    };
    ui.note(&format!(
        "reading {} with {}{window}, {how}",
        manner.site, browser.product
    ));
    ui.note(
        "such a page is a sample that TikTok ranks for whoever looks, never all posts; whoever has \
         access to the Research API may not scrape beside it",
    );
    if let Some(why) = browser.unprotected {
        ui.warn(&format!(
            "{why}, so the browser runs without its own sandbox (--no-sandbox)"
        ));
    }
    if browser.visible {
        ui.note(
            "the window is yours too: accept cookies, log in, or solve what the site asks; do not close it",
        );
    }
}

/// A run over all pages.
struct Browsing<'b> {
    browser: Browser,
    manner: Manner,
    writer: Writer,
    run: String,
    started: Timestamp,
    ui: &'b Ui,
}

impl Browsing<'_> {
    fn all(mut self, subjects: &[Subject]) -> Result<Exit, Error> {
        let (mut exit, mut new) = (Exit::Done, 0);
        let mut errors = Vec::new();
        for subject in subjects {
            let ended = self.subject(subject)?;
            new += ended.new;
            exit = exit.and(ended.exit);
            errors.extend(ended.error);
            if ended.is_last {
                break;
            }
        }
        self.ui
            .note(&format!("Successfully scraped {new} total entries"));
        for error in &errors {
            self.ui.error(error);
        }
        Ok(exit)
    }

    fn subject(&mut self, subject: &Subject) -> Result<Ended, Error> {
        let tag_writer = self.writer.tag(&subject.name, Origin::Browser)?;
        super::import::tell_opened(&tag_writer.name, "post", &tag_writer.opened, self.ui);
        self.ui.start(&format!("#{}", subject.name), 0);
        let mut taking = Taking::new(&subject.page, tag_writer, &self.run, self.ui);
        let visit = self.browser.visit(&subject.page, &self.manner, &mut taking);
        self.ui.finish();
        let (tag_writer, mut tally, error) = taking.finish();
        let stored = tag_writer.len();
        tally.new = tag_writer.added();
        let run = self.entry(subject, &visit, &tally);
        let finished = self.writer.finish(vec![(tag_writer, run)]);
        // If the disk is full, that came first and is what a person must hear.
        if let Some(error) = error {
            return Err(error);
        }
        finished?;
        tell(subject, stored, &tally, &visit, self.ui);
        Ok(Ended::of(&subject.page, &visit, &tally))
    }

    /// The run's line in the ledger.
    fn entry(&self, subject: &Subject, visit: &Visit, tally: &keeper::Tally) -> Run {
        Run {
            run: self.run.clone(),
            command: "download".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            origin: Origin::Browser.name().into(),
            hashtag: subject.name.to_string(),
            started: self.started,
            finished: Timestamp::now(),
            inputs: vec![RunInput {
                path: visit.address.clone(),
                kind: format!("{} in {}", subject.page.kind(), self.browser.product),
                bytes: visit.bytes,
                sha256: visit.sha256.clone(),
                stopped: None,
            }],
            read: tally.read,
            new: tally.new,
            known: tally.known,
            tombstoned: tally.tombstoned,
            without_tag: tally.elsewhere,
            rejected: tally.rejected,
            stopped: reason(&subject.page, &visit.stop),
            ..Run::default()
        }
    }
}

/// The seed tool's lines, then ours.
fn tell(subject: &Subject, stored: u64, tally: &keeper::Tally, visit: &Visit, ui: &Ui) {
    let name = &subject.name;
    if stored == 0 {
        ui.note(&format!("No posts were found for the hashtag: {name}"));
    } else {
        if tally.new == 0 {
            ui.note(&format!("No new posts were found for the hashtag: {name}"));
        }
        ui.note(&format!(
            "Scraped {stored} posts containing the hashtag '{name}'"
        ));
    }
    if tally.tombstoned > 0 {
        ui.note(&super::tombstoned(name, tally.tombstoned));
    }
    let others = match subject.page {
        Page::Tag(_) => "without the hashtag",
        Page::User(_) => "of other accounts",
        Page::Search(_) => "of other lists",
    };
    ui.note(&format!(
        "#{name}: {} with posts, {} shown: {} new, {} already stored; {} {others}, {} unreadable",
        counted(visit.answers, "answer"),
        counted(visit.posts, "post"),
        tally.new,
        visit.posts.saturating_sub(tally.new),
        tally.elsewhere,
        tally.rejected
    ));
    if let Some(total) = visit.total {
        ui.note(&format!(
            "#{name}: the site speaks of {total} posts; what it shows is its choice"
        ));
    }
    ui.note(&format!(
        "#{name}: stopped: {}",
        reason(&subject.page, &visit.stop)
    ));
    for skipped in visit.skipped.iter().take(5) {
        ui.warn(&format!(
            "#{name}: an answer was not read, its posts are missing: {skipped}"
        ));
    }
    if visit.skipped.len() > 5 {
        ui.warn(&format!(
            "#{name}: {} more answers were not read",
            visit.skipped.len() - 5
        ));
    }
    if visit.refused > 0 && !matches!(visit.stop, Stop::Blocked(_)) {
        ui.warn(&format!(
            "#{name}: {} of the list were refused or broke off; the page went on",
            counted(visit.refused, "part")
        ));
    }
    if tally.rejected > 0 {
        ui.warn(&format!(
            "#{name}: {} could not be read; see rejected.jsonl",
            counted(tally.rejected, "record")
        ));
    }
}
