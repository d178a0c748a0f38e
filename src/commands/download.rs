//! `cotag download`: hashtags → Research API or browser → store, and the media of stored posts.

use super::browse::{browse, installed, subjects};
use super::collect::{Request, Subject, collect};
use super::{hashtags, media, needs_directory};
use crate::cli::{BROWSER_ONLY, DownloadArgs, Global, RESEARCH_ONLY, SourceArg, flag};
use crate::error::{Error, Exit};
use crate::model::Hashtag;
use crate::output::printable;
use crate::settings::ApiSettings;
use crate::source::research::{Query, QueryError};
use crate::ui::Ui;

/// Where the posts will come from.
enum Source {
    /// The Research API, or its sandbox.
    Research(ApiSettings),
    Browser,
}

pub(super) fn run(args: &DownloadArgs, global: &Global, ui: &Ui) -> Result<Exit, Error> {
    let tags = hashtags(&args.tags, args.file.as_deref())?;
    if let Some(odd) = tags.iter().find(|tag| !can_be_a_hashtag(tag)) {
        return Err(Error::Usage(format!(
            "`{}` can be no hashtag: those have no blanks and no slashes; several are separated by blanks \
             outside of quotes",
            printable(odd.as_str())
        )));
    }
    let pages = subjects(&tags, &args.browser)?;
    if pages.is_empty() {
        return Err(Error::Usage(match &args.file {
            Some(file) => format!(
                "`{}` names no hashtag: one a line, or separated by commas",
                file.display()
            ),
            None => "for which hashtags? Name them with -t, or a file of them with -f".into(),
        }));
    }
    if args.videos {
        // Before anything is collected.
        needs_directory(global, ui, "download -v")?;
    }
    let names: Vec<Hashtag> = pages.iter().map(|page| page.name.clone()).collect();
    if !args.posts {
        return media::run(&names, args, global, ui);
    }
    let collected = match source(args, global, ui)? {
        Source::Browser => browse(&pages, &args.browser, args.span.limit, global, ui),
        Source::Research(settings) => {
            let queries = tags
                .into_iter()
                .map(|tag| subject(tag, args))
                .collect::<Result<Vec<_>, _>>()
                .map_err(|error| Error::Usage(error.to_string()))?;
            let request = Request {
                command: "download",
                subjects: &queries,
                span: &args.span,
                since: args.span.since,
                until: args.span.until,
            };
            collect(&request, &settings, global, ui)
        }
    };
    if !args.videos || interrupted(&collected) {
        return collected;
    }
    // Posts that are stored have media, also where no more could be collected today.
    let fetched = media::run(&names, args, global, ui);
    match (collected, fetched) {
        (Ok(collected), fetched) => Ok(collected.and(fetched?)),
        (Err(first), Err(second)) => {
            ui.warn(&second.to_string());
            Err(first)
        }
        (Err(first), Ok(_)) => Err(first),
    }
}

/// Asking for anything else costs requests and finds nothing.
fn can_be_a_hashtag(tag: &Hashtag) -> bool {
    let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '/' | '\\');
    !tag.as_str().contains(odd)
}

fn interrupted(outcome: &Result<Exit, Error>) -> bool {
    match outcome {
        Ok(exit) => *exit == Exit::Interrupted,
        Err(error) => error.exit() == Exit::Interrupted,
    }
}

/// The source that was named, else credentials before a browser.
fn source(args: &DownloadArgs, global: &Global, ui: &Ui) -> Result<Source, Error> {
    let research = || ApiSettings::resolve(&args.api, &global.data_dir).map(Source::Research);
    match args.api.source {
        Some(SourceArg::Browser) => {
            refuse(
                args,
                &RESEARCH_ONLY,
                "is for the Research API, not for --source browser",
            )?;
            Ok(Source::Browser)
        }
        Some(_) => {
            refuse(args, &BROWSER_ONLY, "is for --source browser")?;
            research()
        }
        None => {
            let settings = ApiSettings::resolve(&args.api, &global.data_dir)?;
            let Err(missing) = settings.credentials() else {
                let why = "is for --source browser; with credentials, the Research API is asked unless \
                           --source says otherwise";
                refuse(args, &BROWSER_ONLY, why)?;
                return Ok(Source::Research(settings));
            };
            if typed(args, &RESEARCH_ONLY).is_some() {
                refuse(
                    args,
                    &BROWSER_ONLY,
                    "is for --source browser, others for the Research API",
                )?;
                return Ok(Source::Research(settings));
            }
            if args.browser.connect.is_none() && installed(&args.browser).is_none() {
                let hint = missing.hint().unwrap_or_default();
                return Err(Error::ended(
                    missing.exit(),
                    "no source of posts: no credentials for the Research API, and no Chrome, Chromium or \
                     Edge on this machine",
                    hint + " (--chrome PATH names a browser)",
                ));
            }
            ui.note("no credentials for the Research API, so a browser shows the posts (--source decides)");
            Ok(Source::Browser)
        }
    }
}

/// The first of these options that was typed.
fn typed(args: &DownloadArgs, options: &[&str]) -> Option<String> {
    let id = args
        .typed
        .iter()
        .find(|id| options.contains(&id.as_str()))?;
    Some(flag(id))
}

fn refuse(args: &DownloadArgs, options: &[&str], why: &str) -> Result<(), Error> {
    match typed(args, options) {
        Some(flag) => Err(Error::Usage(format!("{flag} {why}"))),
        None => Ok(()),
    }
}

fn subject(tag: Hashtag, args: &DownloadArgs) -> Result<Subject, QueryError> {
    let mut query = Query::hashtag(&tag)?;
    query.and_any_of("region_code", &args.region)?;
    query.and_any_of("keyword", &args.keyword)?;
    query.and_any_of("username", &args.username)?;
    Ok(Subject {
        name: tag,
        query: query.within_limits()?,
    })
}
