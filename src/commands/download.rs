//! `cotag download`: hashtags → Research API → store.

use super::collect::{Request, Subject, collect};
use super::{hashtags, needs_directory};
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
    let subjects = tags
        .into_iter()
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
    let exit = if args.posts {
        collect(&request, &settings, global, ui)?
    } else {
        Exit::Done
    };
    if args.videos && exit != Exit::Interrupted {
        return Err(Error::failed(
            "downloading videos (-v) is not possible yet; posts (-p) are",
            "the links to the posts: `cotag posts TAG`",
        ));
    }
    Ok(exit)
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
