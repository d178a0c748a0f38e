//! `cotag download`: hashtags → Research API → store, and the media of stored posts.

use super::collect::{Request, Subject, collect};
use super::{hashtags, media, needs_directory};
use crate::cli::{DownloadArgs, Global};
use crate::error::{Error, Exit};
use crate::model::Hashtag;
use crate::settings::ApiSettings;
use crate::source::research::{Query, QueryError};
use crate::ui::Ui;

pub(super) fn run(args: &DownloadArgs, global: &Global, ui: &Ui) -> Result<Exit, Error> {
    needs_directory(global, ui, "download")?;
    let tags = hashtags(&args.tags, args.file.as_deref())?;
    if tags.is_empty() {
        return Err(Error::Usage(
            "for which hashtags? Name them with -t, or a file of them with -f".into(),
        ));
    }
    if !args.posts {
        return media::run(&tags, args, global, ui);
    }
    let subjects = tags
        .iter()
        .cloned()
        .map(|tag| subject(tag, args))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| Error::Usage(error.to_string()))?;
    let settings = ApiSettings::resolve(&args.api, &global.data_dir)?;
    let request = Request {
        command: "download",
        subjects: &subjects,
        span: &args.span,
        since: args.span.since,
        until: args.span.until,
    };
    let collected = collect(&request, &settings, global, ui);
    if !args.videos || interrupted(&collected) {
        return collected;
    }
    // Posts that are stored have media, also where no more could be collected today.
    let fetched = media::run(&tags, args, global, ui);
    match (collected, fetched) {
        (Ok(collected), fetched) => Ok(collected.and(fetched?)),
        (Err(first), Err(second)) => {
            ui.warn(&second.to_string());
            Err(first)
        }
        (Err(first), Ok(_)) => Err(first),
    }
}

fn interrupted(outcome: &Result<Exit, Error>) -> bool {
    match outcome {
        Ok(exit) => *exit == Exit::Interrupted,
        Err(error) => error.exit() == Exit::Interrupted,
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
