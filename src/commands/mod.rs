//! One short recipe per command: settings, then source, store, analysis, output in that order.
//!
//! The only room that knows all others.

mod about;
mod auth;
mod browse;
mod chart;
mod collect;
mod copy;
mod coverage;
mod crawl;
mod database;
mod doctor;
mod download;
mod frequencies;
mod import;
mod input;
mod interrupt;
mod listed;
mod media;
mod posts;
mod quota;
mod repair;
mod sandbox;
mod urls;
mod verify;

use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::Duration;

use fs_err as fs;
use jiff::civil::Date;

use crate::analysis::{Filter, TagsFrom};
use crate::cli::{
    AuthCommand, Cli, Command, FilterArgs, Global, OutputArgs, OutputFormat, TagsFromArg,
};
use crate::error::{Error, Exit};
use crate::model::Hashtag;
use crate::output::{TableFormat, counted};
use crate::store::place::Place;
use crate::store::{Side, SideStore, StoreWriter, Writer};
use crate::ui::Ui;

/// Does what the command line asks for.
///
/// # Errors
/// Whatever ends the command early; see [`Error::exit`].
pub(crate) fn run(cli: &Cli, ui: &Ui) -> Result<Exit, Error> {
    let global = &resolved(cli)?;
    match &cli.command {
        Command::Import(args) => import::run(args, global, ui),
        Command::Frequencies(args) => frequencies::run(args, global, ui),
        Command::Posts(args) => posts::run(args, global, ui),
        Command::Urls(args) => urls::run(args, global, ui),
        Command::Download(args) => download::run(args, global, ui),
        Command::Crawl(args) => crawl::run(args, global, ui),
        Command::Comments(args) => collect::comments::run(args, global, ui),
        Command::Users(args) => collect::users::run(args, global, ui),
        Command::Refresh(args) => collect::refresh::run(args, global, ui),
        Command::Auth(AuthCommand::Check(args)) => auth::run(args, global, ui),
        Command::Coverage(args) => coverage::run(args, global, ui),
        Command::Quota(args) => quota::run(args, global, ui),
        Command::Copy(args) => copy::run(args, global, ui),
        Command::Doctor(args) => doctor::run(args, global, ui),
        Command::Verify => verify::run(global, ui),
        Command::Repair => repair::run(global, ui),
        Command::Sandbox(args) => sandbox::run(args, ui),
    }
}

/// The options with the directory that `--store` names in place of the data directory.
fn resolved(cli: &Cli) -> Result<Global, Error> {
    let mut global = cli.global.clone();
    if let Some(text) = &global.store
        && let Place::Directory(path) =
            Place::parse(text).map_err(|error| Error::Usage(format!("--store: {error}")))?
    {
        global.data_dir = path;
    }
    Ok(global)
}

/// The data directory, open for writing.
fn writer(global: &Global, command: &str, ui: &Ui) -> Result<Writer, Error> {
    needs_directory(global, ui, command)?;
    let timeout = Duration::from_secs(global.lock_timeout);
    let mut waiting =
        |holder: &crate::store::Holder| ui.note(&format!("waiting for {holder} to finish"));
    Ok(Writer::open(
        &global.data_dir,
        command,
        timeout,
        &mut waiting,
    )?)
}

/// A store, wherever it is, open for writing beside its posts.
fn side_store(
    global: &Global,
    place: &Place,
    side: Side,
    command: &str,
    ui: &Ui,
) -> Result<SideStore, Error> {
    let timeout = Duration::from_secs(global.lock_timeout);
    let mut waiting =
        |holder: &crate::store::Holder| ui.note(&format!("waiting for {holder} to finish"));
    Ok(SideStore::open(
        place,
        side,
        command,
        timeout,
        &mut waiting,
    )?)
}

/// The store, wherever it is, open for writing.
fn store_writer(global: &Global, command: &str, ui: &Ui) -> Result<StoreWriter, Error> {
    let timeout = Duration::from_secs(global.lock_timeout);
    let mut waiting =
        |holder: &crate::store::Holder| ui.note(&format!("waiting for {holder} to finish"));
    let place = place(global, ui)?;
    Ok(StoreWriter::open(&place, command, timeout, &mut waiting)?)
}

/// Where the posts are.
fn place(global: &Global, ui: &Ui) -> Result<Place, Error> {
    let (place, notes) = crate::settings::store(global)?;
    for note in notes {
        ui.note(&note);
    }
    Ok(place)
}

/// A command that needs files of its own in a data directory.
fn needs_directory(global: &Global, ui: &Ui, command: &str) -> Result<(), Error> {
    match place(global, ui)? {
        Place::Directory(_) => Ok(()),
        Place::Database(place) => Err(Error::ended(
            Exit::Usage,
            format!("`cotag {command}` works on a data directory, not on `{place}`"),
            "`cotag copy --from DATABASE --to DIRECTORY` makes one; --store DIRECTORY names it",
        )),
    }
}

/// Hashtags as typed, also several separated by commas, and from a file, each once, in their order.
fn hashtags(typed: &[String], file: Option<&Path>) -> Result<Vec<Hashtag>, Error> {
    let mut words = Vec::new();
    for word in typed {
        let mut parts: Vec<String> = word
            .split(',')
            .map(|part| part.trim().to_owned())
            .filter(|part| !part.is_empty())
            .collect();
        if parts.is_empty() {
            return Err(no_hashtag(word));
        }
        words.append(&mut parts);
    }
    if let Some(file) = file {
        words.extend(tag_file(&fs::read_to_string(file)?));
    }
    let mut tags = Vec::new();
    for word in words {
        let tag = Hashtag::new(&word).ok_or_else(|| no_hashtag(&word))?;
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    Ok(tags)
}

/// Says that posts were not stored since they had been removed.
fn tombstoned(tag: &Hashtag, posts: u64) -> String {
    format!(
        "#{tag}: {} not stored again: removed before as gone at TikTok, see posts/tombstones.jsonl (in a database the collection `tombstones`)",
        counted(posts, "post")
    )
}

fn no_hashtag(word: &str) -> Error {
    Error::Usage(format!(
        "`{word}` is no hashtag: nothing is left of it without `#`"
    ))
}

/// Hashtags of a file: one a line or separated by commas; `# text` is a comment, `#tag` a hashtag.
fn tag_file(text: &str) -> Vec<String> {
    text.trim_start_matches('\u{feff}')
        .lines()
        .map(str::trim)
        .filter(|line| *line != "#" && !line.starts_with("# ") && !line.starts_with("#\t"))
        .flat_map(|line| line.split(','))
        .map(str::trim)
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

fn tags_from(arg: TagsFromArg) -> TagsFrom {
    match arg {
        TagsFromArg::Auto => TagsFrom::Auto,
        TagsFromArg::Structured => TagsFrom::Structured,
        TagsFromArg::Caption => TagsFrom::Caption,
        TagsFromArg::Both => TagsFrom::Both,
    }
}

fn in_order(since: Option<Date>, until: Option<Date>) -> Result<(), Error> {
    match (since, until) {
        (Some(since), Some(until)) if since > until => Err(Error::Usage(format!(
            "--since {since} is after --until {until}"
        ))),
        _ => Ok(()),
    }
}

fn filter(args: &FilterArgs) -> Result<Filter, Error> {
    in_order(args.since, args.until)?;
    let words = |words: &[String]| {
        words
            .iter()
            .map(|word| word.trim().to_owned())
            .collect::<Vec<_>>()
    };
    for (flag, words) in [
        ("--region", &args.region),
        ("--lang", &args.lang),
        ("--author", &args.author),
    ] {
        if words
            .iter()
            .any(|word| word.trim().trim_start_matches('@').is_empty())
        {
            return Err(Error::Usage(format!("{flag} has an empty value")));
        }
    }
    Ok(Filter {
        since: args.since,
        until: args.until,
        regions: words(&args.region),
        languages: words(&args.lang),
        authors: args
            .author
            .iter()
            .map(|name| name.trim().trim_start_matches('@').to_owned())
            .collect(),
        required: hashtags(&args.require_tags, None)?,
        any_required: args.any_tags,
        forbidden: Vec::new(),
    })
}

fn table_format(args: &OutputArgs) -> Result<TableFormat, Error> {
    let excel = args.excel;
    match args.format() {
        OutputFormat::Csv => Ok(TableFormat::Csv { excel }),
        OutputFormat::Tsv => Ok(TableFormat::Tsv { excel }),
        _ if excel => Err(Error::Usage("--excel goes with --format csv or tsv".into())),
        OutputFormat::Table => Ok(TableFormat::Table),
        OutputFormat::Json => Ok(TableFormat::Json),
        OutputFormat::Ndjson => Ok(TableFormat::Ndjson),
        OutputFormat::Md => Ok(TableFormat::Markdown),
    }
}

/// Writes a result to standard output, or whole to a file.
fn deliver(bytes: &[u8], to: Option<&Path>, ui: &Ui) -> Result<(), Error> {
    deliver_with(to, ui, |out| out.write_all(bytes))
}

/// Delivers a result while it is made, without holding all of it.
fn deliver_with(
    to: Option<&Path>,
    ui: &Ui,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Error> {
    match to {
        Some(path) if path != Path::new("-") => {
            write_file_with(path, write)?;
            ui.note(&format!("wrote `{}`", path.display()));
            Ok(())
        }
        _ => ui.data_with(write),
    }
}

/// Writes a file so that it is the old one or the new one, never a part.
fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    write_file_with(path, |out| out.write_all(bytes))
}

fn write_file_with(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Error> {
    // Devices and pipes cannot be replaced, only written to.
    if fs::metadata(path).is_ok_and(|meta| !meta.is_file()) {
        let mut out = BufWriter::new(fs::OpenOptions::new().write(true).open(path)?);
        write(&mut out)?;
        return Ok(out.flush()?);
    }
    Ok(crate::store::replace(path, |out| write(out))?)
}

/// Tells what could not be read; what is whole was read all the same.
fn damage(found: &[String], unreadable: u64, ui: &Ui) -> Exit {
    for damage in found.iter().take(5) {
        ui.warn(damage);
    }
    if !found.is_empty() {
        ui.warn(&format!(
            "stored data is damaged in {}, what is whole was counted; `cotag repair` mends it",
            counted(found.len() as u64, "place")
        ));
        return Exit::Damaged;
    }
    if unreadable > 0 {
        return Exit::Partly;
    }
    Exit::Done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_typed_with_commas_were_taken_for_one() {
        let typed = ["fyp,viral".to_owned(), " #London, ,fyp".to_owned()];
        let tags = hashtags(&typed, None).unwrap();
        let tags: Vec<&str> = tags.iter().map(Hashtag::as_str).collect();
        assert_eq!(tags, ["fyp", "viral", "london"]);
        assert!(hashtags(&[",".to_owned()], None).is_err());
    }

    #[test]
    fn tag_files_have_comments_and_hashtags() {
        let text = "\u{feff}london, #paris\n# a comment\n#newyork\n\n#\n  東京 ,\r\n";
        assert_eq!(tag_file(text), ["london", "#paris", "#newyork", "東京"]);
    }
}
