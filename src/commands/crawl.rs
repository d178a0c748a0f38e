//! `cotag crawl`: a query file → Research API → store, under a name.

use fs_err as fs;

use super::collect::{Request, Subject, collect};
use crate::cli::{CrawlArgs, Global};
use crate::error::{Error, Exit};
use crate::model::Hashtag;
use crate::settings::ApiSettings;
use crate::source::research::{QueryFile, QueryFormat};
use crate::ui::Ui;

pub(super) fn run(args: &CrawlArgs, global: &Global, ui: &Ui) -> Result<Exit, Error> {
    let file = read(args)?;
    let since = args.span.since.or(file.start);
    let until = args.span.until.or(file.end);
    if args.print_query {
        let mut body = serde_json::json!({ "query": file.query.to_json() });
        for (key, day) in [("start_date", since), ("end_date", until)] {
            if let Some(day) = day {
                body[key] = day.strftime("%Y%m%d").to_string().into();
            }
        }
        let text = serde_json::to_string_pretty(&body).map_err(std::io::Error::from)?;
        ui.data(format!("{text}\n").as_bytes())?;
        return Ok(Exit::Done);
    }
    let stem = args.query.file_stem().and_then(|stem| stem.to_str());
    let name = args
        .name
        .as_deref()
        .or(stem)
        .and_then(Hashtag::new)
        .ok_or_else(|| Error::Usage("name the posts with --name".into()))?;
    let subjects = [Subject {
        name,
        query: file.query,
    }];
    let request = Request {
        command: "crawl",
        subjects: &subjects,
        span: &args.span,
        since,
        until,
    };
    let settings = ApiSettings::resolve(&args.api, &global.data_dir)?;
    collect(&request, &settings, global, ui)
}

fn read(args: &CrawlArgs) -> Result<QueryFile, Error> {
    let path = &args.query;
    let format = path
        .extension()
        .and_then(|ending| ending.to_str())
        .and_then(QueryFormat::of_ending)
        .ok_or_else(|| {
            Error::Usage(format!(
                "`{}` is no query file: .ini, .toml or .json",
                path.display()
            ))
        })?;
    let text = fs::read_to_string(path)?;
    let wrong = |what: String| {
        Error::failed(
            format!("`{}`: {what}", path.display()),
            "examples/ has a query of each kind; --print-query shows what a file says",
        )
    };
    let file = QueryFile::parse(&text, format).map_err(|error| wrong(error.to_string()))?;
    match (file.start, file.end) {
        (Some(start), Some(end)) if start > end => Err(wrong(format!(
            "`start_date` {start} is after `end_date` {end}"
        ))),
        _ => Ok(file),
    }
}
