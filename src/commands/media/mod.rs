//! `cotag download -v`: videos, pictures and sounds of stored posts.

mod crew;
mod wanted;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;

use self::crew::{Crew, Event, Task};
use self::wanted::{Wanted, wanted};
use super::{in_order, interrupt, needs_directory, writer};
use crate::analysis::Filter;
use crate::cli::{DownloadArgs, Global};
use crate::error::{Error, Exit};
use crate::http::Downloads;
use crate::model::{Hashtag, Kind, Origin, PostId, SITE, page_link};
use crate::output::counted;
use crate::source::media::{Fetching, HOW_TO_GET_YT_DLP, Medium, Photo, YtDlp, disk_is_full};
use crate::store::{MediaFolder, Run, Store, StoreError, Writer, new_id};
use crate::ui::Ui;

/// Failures in a row after which nothing more is asked: a block, a lost network, an old yt-dlp.
const ROW: u32 = 20;
/// Failures that are told one by one.
const TOLD: usize = 50;
const PATIENCE: Duration = Duration::from_secs(30);

/// Fetches the media of all hashtags.
///
/// # Errors
/// Whatever ends the run early; what was fetched by then is stored and recorded.
pub(super) fn run(
    tags: &[Hashtag],
    args: &DownloadArgs,
    global: &Global,
    ui: &Ui,
) -> Result<Exit, Error> {
    needs_directory(global, ui, "download -v")?;
    let how = How::of(args)?;
    interrupt::listen();
    let store = Store::open(&global.data_dir)?;
    let mut exit = Exit::Done;
    for tag in tags {
        let posts = wanted(&store.find(tag)?, &how.filter, how.least_views)?;
        if posts.iter().any(|post| post.synthetic) && how.site == SITE {
            ui.warn(&format!(
                "#{tag}: the posts are made up, so there is nothing to fetch"
            ));
            continue;
        }
        if args.span.dry_run {
            ui.note(&format!(
                "#{tag}: {} meet the filters",
                counted(posts.len() as u64, "post")
            ));
            continue;
        }
        let mut writer = writer(global, "download", ui)?;
        exit = exit.and(how.fetch(tag, posts, &mut writer, ui)?);
        if exit == Exit::Interrupted {
            break;
        }
    }
    Ok(exit)
}

/// What was asked for, checked.
struct How {
    filter: Filter,
    least_views: Option<u64>,
    limit: usize,
    most: u64,
    jobs: usize,
    named: Option<PathBuf>,
    cookies: Option<PathBuf>,
    proxy: Option<String>,
    site: String,
}

impl How {
    fn of(args: &DownloadArgs) -> Result<Self, Error> {
        let media = &args.media;
        let site = media.media_site.as_deref().unwrap_or(SITE);
        if !site.starts_with("http://") && !site.starts_with("https://")
            || site.contains(char::is_whitespace)
        {
            return Err(Error::Usage(format!(
                "--media-site `{site}` is no URL such as {SITE}"
            )));
        }
        if let Some(cookies) = &media.cookies
            && !cookies.is_file()
        {
            return Err(Error::Usage(format!(
                "--cookies: there is no file `{}`",
                cookies.display()
            )));
        }
        in_order(args.span.since, args.span.until)?;
        let limit = args
            .span
            .limit
            .map_or(usize::MAX, |limit| limit.try_into().unwrap_or(usize::MAX));
        Ok(Self {
            filter: Filter {
                since: args.span.since,
                until: args.span.until,
                regions: args.region.clone(),
                authors: args
                    .username
                    .iter()
                    .map(|name| name.trim_start_matches('@').to_owned())
                    .collect(),
                ..Filter::default()
            },
            least_views: media.min_views,
            limit,
            most: media.max_filesize,
            // Two processes would write one cookie file over each other.
            jobs: if media.cookies.is_some() {
                1
            } else {
                usize::from(media.jobs)
            },
            named: media.yt_dlp.clone(),
            cookies: media.cookies.clone(),
            proxy: args.api.proxy.clone(),
            site: site.trim_end_matches('/').to_owned(),
        })
    }

    /// yt-dlp, if it works.
    fn yt_dlp(&self) -> Result<YtDlp, Error> {
        let Some(program) = YtDlp::find(self.named.as_deref()) else {
            let place = match &self.named {
                Some(path) => format!("`{}` is no program", path.display()),
                None => "which was not found".to_owned(),
            };
            return Err(Error::failed(
                format!("videos need yt-dlp, {place}"),
                HOW_TO_GET_YT_DLP,
            ));
        };
        program.version(PATIENCE).map_err(|error| {
            Error::failed(
                format!("`{}` {error}", program.path().display()),
                HOW_TO_GET_YT_DLP,
            )
        })?;
        Ok(program)
    }

    /// Fetches what is missing of one hashtag.
    fn fetch(
        &self,
        tag: &Hashtag,
        posts: Vec<Wanted>,
        writer: &mut Writer,
        ui: &Ui,
    ) -> Result<Exit, Error> {
        let started = Timestamp::now();
        let run = new_id(started);
        let origin = if posts.iter().any(|post| post.synthetic) {
            Origin::Synthetic
        } else {
            Origin::Import
        };
        let tag_writer = writer.tag(tag, origin)?;
        let mut folder = writer.media(&tag_writer)?;
        let all = posts.len();
        let mut missing: Vec<Wanted> = posts
            .into_iter()
            .filter(|post| !folder.has(post.id))
            .collect();
        let have = all - missing.len();
        missing.truncate(self.limit);
        ui.note(&format!(
            "#{tag}: {} meet the filters, {have} fetched before, {} to fetch",
            counted(all as u64, "post"),
            missing.len()
        ));
        let mut tally = Tally::default();
        let mut outcome = Ok(());
        if !missing.is_empty() {
            let work = folder.work(&run)?;
            outcome = self.work(tag, &missing, &work, &mut folder, &mut tally, ui);
            let parts = folder.leave(&work)?;
            if parts > 0 {
                ui.note(&format!(
                    "{} kept; the next run goes on with it",
                    counted(parts, "unfinished file")
                ));
            }
        }
        let whole = tally.whole;
        if !folder.entered.is_empty() {
            let run = Run {
                run,
                command: "download-media".into(),
                version: env!("CARGO_PKG_VERSION").into(),
                origin: origin.name().into(),
                hashtag: tag.to_string(),
                started,
                finished: Timestamp::now(),
                stopped: tally.why(missing.len(), outcome.as_ref().err()),
                media: std::mem::take(&mut folder.entered),
                ..Run::default()
            };
            writer.finish(vec![(tag_writer, run)])?;
        }
        outcome?;
        ui.note(&format!(
            "#{tag}: media of {} fetched, {} failed",
            counted(whole, "post"),
            tally.failed.len()
        ));
        if folder.moved > 0 {
            ui.note(&format!(
                "#{tag}: media of {} were fetched before, but are no longer in videos/; they are not fetched again",
                counted(folder.moved, "post")
            ));
        }
        Ok(tally.exit())
    }

    /// Sets the crew to work and stores what it brings.
    fn work(
        &self,
        tag: &Hashtag,
        missing: &[Wanted],
        work: &std::path::Path,
        folder: &mut MediaFolder,
        tally: &mut Tally,
        ui: &Ui,
    ) -> Result<(), Error> {
        let tasks = self.tasks(missing);
        let needs_program = tasks.iter().any(|task| matches!(task, Task::Videos(_)));
        let own_site = self.site != SITE;
        let downloads = Downloads::new(
            self.proxy.as_deref(),
            own_site.then_some(self.site.as_str()),
        );
        let crew = Crew {
            program: if needs_program {
                Some(self.yt_dlp()?)
            } else {
                None
            },
            downloads: downloads
                .map_err(|why| Error::failed(why, "check --proxy and --media-site"))?,
            how: Fetching {
                work: work.to_owned(),
                most: self.most,
                cookies: self.cookies.clone(),
                proxy: self.proxy.clone(),
                own_site,
            },
            photos: missing
                .iter()
                .map(|post| (post.id.get(), self.photo(post)))
                .collect(),
        };
        ui.start(&format!("#{tag}"), 0);
        let mut sizes: BTreeMap<u64, u64> = BTreeMap::new();
        let result = crew.work(tasks, self.jobs, &mut |event| {
            match event {
                Event::Bytes(id, bytes) => {
                    sizes.insert(id.get(), bytes);
                }
                Event::Whole(id, parts) => match folder.take(id, &named(&parts)) {
                    Ok(()) => tally.done(),
                    Err(error) => return Err(error.into()),
                },
                Event::Failed(id, reason) => {
                    ui.warn(&format!("#{tag}: {id}: {reason}"));
                    tally.fail(id, &reason);
                    if disk_is_full(&reason) {
                        return Err(Error::failed(
                            format!("the disk is full; media of {} are saved", counted(tally.whole, "post")),
                            "make room and run the same command again: parts are continued",
                        ));
                    }
                    if tally.row >= ROW {
                        return Err(Error::failed(
                            format!("{ROW} posts in a row failed, the last: {reason}"),
                            "`cotag doctor` looks at yt-dlp; a newer yt-dlp, --cookies FILE or a later hour may help",
                        ));
                    }
                }
            }
            ui.progress(sizes.values().sum(), tally.whole);
            Ok(())
        });
        ui.finish();
        if tally.failed.len() > TOLD {
            ui.warn(&format!(
                "#{tag}: {} failed in all",
                counted(tally.failed.len() as u64, "post")
            ));
        }
        result
    }

    /// Photo posts one by one, all others in batches for yt-dlp.
    fn tasks(&self, missing: &[Wanted]) -> Vec<Task> {
        let (photos, videos): (Vec<&Wanted>, Vec<&Wanted>) = missing
            .iter()
            .partition(|post| post.kind == Some(Kind::Photo));
        let size = videos.len().div_ceil(self.jobs).clamp(1, 50);
        let batches = videos.chunks(size).map(|batch| {
            Task::Videos(
                batch
                    .iter()
                    .map(|post| (post.id, self.page(post)))
                    .collect(),
            )
        });
        let photos = photos.into_iter().map(|post| Task::Photo(post.id));
        batches.chain(photos).collect()
    }

    fn page(&self, post: &Wanted) -> String {
        page_link(&self.site, post.author.as_deref(), post.id)
    }

    fn photo(&self, post: &Wanted) -> Photo {
        Photo {
            id: post.id,
            page: self.page(post),
            links: post.links.clone(),
        }
    }
}

/// Parts with the ends of their names: `.mp4`, `_01.jpg`, and the sound's `.mp3`.
fn named(parts: &[(PathBuf, Medium)]) -> Vec<(PathBuf, String)> {
    let mut images = 0;
    parts
        .iter()
        .map(|(path, medium)| {
            let end = match medium {
                Medium::Image(extension) => {
                    images += 1;
                    format!("_{images:02}.{extension}")
                }
                Medium::Video(extension) | Medium::Sound(extension) => format!(".{extension}"),
            };
            (path.clone(), end)
        })
        .collect()
}

/// What came of it.
#[derive(Default)]
struct Tally {
    whole: u64,
    failed: Vec<PostId>,
    row: u32,
}

impl Tally {
    fn done(&mut self) {
        self.whole += 1;
        self.row = 0;
    }

    fn fail(&mut self, id: PostId, reason: &str) {
        self.failed.push(id);
        // A post that is gone or too large says nothing of the others.
        if !reason.contains("--max-filesize") {
            self.row += 1;
        }
    }

    fn why(&self, wanted: usize, error: Option<&Error>) -> String {
        let so_far = format!(
            "{} of {wanted} fetched, {} failed",
            self.whole,
            self.failed.len()
        );
        match error {
            // Without the path, which would tell of this computer to whoever is given the folder.
            Some(Error::Io(error) | Error::Store(StoreError::Io(error))) => {
                format!("{}: {so_far}", error.kind())
            }
            Some(error) => format!("{error}: {so_far}"),
            None if interrupt::asked() => format!("interrupted: {so_far}"),
            None => so_far,
        }
    }

    fn exit(&self) -> Exit {
        if interrupt::asked() {
            Exit::Interrupted
        } else if self.failed.is_empty() {
            Exit::Done
        } else {
            Exit::Partly
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn pictures_are_numbered_and_the_sound_is_not() {
        let part = |medium| (PathBuf::from("x"), medium);
        let parts = [
            part(Medium::Image("jpg")),
            part(Medium::Image("webp")),
            part(Medium::Sound("mp3")),
        ];
        let ends: Vec<String> = named(&parts).into_iter().map(|(_, end)| end).collect();
        assert_eq!(ends, ["_01.jpg", "_02.webp", ".mp3"]);
    }

    #[test]
    fn a_full_disk_is_named_in_the_ledger_without_a_path() {
        let full = io::Error::from(io::ErrorKind::StorageFull);
        let full = io::Error::new(full.kind(), "writing `/home/ann/x`: no room");
        let tally = Tally {
            whole: 2,
            ..Tally::default()
        };
        assert_eq!(
            tally.why(5, Some(&Error::Io(full))),
            "no storage space: 2 of 5 fetched, 0 failed"
        );
        assert_eq!(tally.why(5, None), "2 of 5 fetched, 0 failed");
    }
}
