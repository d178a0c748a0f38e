//! `cotag frequencies`: posts → counts → ranking → table.

mod comments;
mod queries;

use std::collections::BTreeSet;
use std::path::Path;

use self::queries::asked_of_the_api;
use super::chart::{Plotting, Target};
use super::database::{DatabaseTag, Shelf, explained};
use super::input::{Folded, Subject, subject};
use super::{deliver, filter, hashtags, table_format, tag_file, tags_from};
use crate::analysis::{
    Asked, BriefFilter, Counter, Extras, Filter, FrequencyTable, GENERIC_TAGS, Measure, Provenance,
    Question, Sample, TableOptions, TagsFrom, Unit, Weight,
};
use crate::cli::{
    ChartArgs, ColumnArg, FrequenciesArgs, Global, InArg, MeasureArg, OutputFormat, PlotArg,
    TagsFromArg, ThemeArg,
};
use crate::error::{Error, Exit};
use crate::model::{Format, Hashtag};
use crate::output::{Column, Ranking, counted, frequencies, ranking_footnote};
use crate::record::name_text;
use crate::store::place::Place;
use crate::store::{Fold, Index, Records};
use crate::ui::Ui;

/// Rows unless told otherwise, as in the seed tool.
const ROWS: usize = 20;

pub(super) fn run(args: &FrequenciesArgs, global: &Global, ui: &Ui) -> Result<Exit, Error> {
    let (words, rows) = words_and_rows(args)?;
    if args.within == InArg::Comments {
        comments::check(args)?;
    }
    let format = table_format(&args.output)?;
    let plotting = plotting(args, global, rows, words.len())?;
    let print = args.print || plotting.is_none();
    let mut plan = Plan::new(args)?;
    match &plotting {
        // A chart ranks by its own measure, so it needs all rows.
        Some(plotting) => plan.for_chart(plotting),
        None => plan.options.limit = Some(rows),
    }
    if args.explain_query {
        return plan.explain(&words, global, ui);
    }
    let (rankings, exit) = plan.rank_all(&words, global, ui)?;
    if rankings.is_empty() {
        return Ok(exit.and(Exit::Failed));
    }
    if print {
        let to = args.output.output.as_deref().filter(|_| plotting.is_none());
        let shown: Vec<Ranking> = rankings
            .iter()
            .map(|(ranking, _)| ranking.cut(rows))
            .collect();
        deliver(&frequencies(&shown, &plan.columns, format), to, ui)?;
    }
    if let Some(plotting) = &plotting {
        plotting.draw(&rankings, &plan.columns, ui)?;
    }
    for (ranking, _) in &rankings {
        // Bars on the terminal have their footnote below them.
        let told = plotting.as_ref().is_some_and(Plotting::is_terminal) && !print;
        tell(ranking, rows, told, ui);
    }
    Ok(exit)
}

/// Whether and how to draw.
fn plotting(
    args: &FrequenciesArgs,
    global: &Global,
    rows: usize,
    subjects: usize,
) -> Result<Option<Plotting>, Error> {
    let target = match (&args.plot, &args.output.output) {
        (None, _) => return without_plot(&args.chart).map(|()| None),
        (Some(_), _)
            if args
                .output
                .format
                .is_some_and(|format| format != OutputFormat::Table)
                && !args.print =>
        {
            return Err(Error::Usage(
                "--format is the table's: add -d to print it beside the chart".into(),
            ));
        }
        (Some(PlotArg::Terminal), _) => Target::Terminal,
        (Some(PlotArg::Picture), Some(path)) if path == Path::new("-") => Target::Stdout,
        (Some(PlotArg::Picture), Some(path)) => Target::File(path.clone()),
        (Some(PlotArg::Picture), None) => Target::DataDir(global.data_dir.clone()),
    };
    Plotting::new(&args.chart, target, (rows, args.min_count), subjects).map(Some)
}

/// A wish about a chart that nobody asked for is a mistake worth telling.
fn without_plot(chart: &ChartArgs) -> Result<(), Error> {
    let wishes = [
        (chart.compare, "--compare"),
        (chart.ci, "--ci"),
        (chart.size.is_some(), "--size"),
        (chart.dpi.is_some(), "--dpi"),
        (chart.strict, "--strict"),
        (chart.theme != ThemeArg::default(), "--theme"),
        (chart.measure != MeasureArg::default(), "--measure"),
    ];
    match wishes.iter().find(|(wished, _)| *wished) {
        Some((_, flag)) => Err(Error::Usage(format!("{flag} goes with --plot"))),
        None => Ok(()),
    }
}

/// A ranking, and the hashtag that it is of.
type Ranked = (Ranking, Option<Hashtag>);

/// Everything that is the same for all hashtags of the command.
struct Plan {
    columns: Vec<Column>,
    extras: Extras,
    filter: Filter,
    from: TagsFrom,
    options: TableOptions,
    conditions: Vec<String>,
    /// Comments are counted, not posts.
    comments: bool,
    no_index: bool,
}

impl Plan {
    fn new(args: &FrequenciesArgs) -> Result<Self, Error> {
        let columns = columns(&args.columns);
        let weight = if args.one_per_author {
            Weight::Authors
        } else {
            Weight::Posts
        };
        Ok(Self {
            extras: Extras {
                authors: weight == Weight::Authors
                    || columns.contains(&Column::Authors)
                    || columns.contains(&Column::TopAuthor),
                views: columns.contains(&Column::Views),
            },
            columns,
            filter: filter(&args.filter)?,
            from: tags_from(args.filter.tags_from),
            options: TableOptions {
                limit: None,
                min_count: args.min_count,
                excluded: excluded(args.exclude_tags.as_deref())?,
                weight,
            },
            conditions: conditions(args),
            comments: args.within == InArg::Comments,
            no_index: args.no_index,
        })
    }

    /// Keeps what a chart's bars measure, and all rows that it may need.
    fn for_chart(&mut self, plotting: &Plotting) {
        self.extras.authors |= plotting.measure == Measure::Authors;
        self.extras.views |= plotting.measure == Measure::Views;
        if plotting.compare {
            // A row that one side lacks must be one that it does not have.
            self.options.min_count = 1;
        }
    }

    /// Ranks all subjects; one that cannot be read does not keep the others.
    fn rank_all(
        &self,
        words: &[String],
        global: &Global,
        ui: &Ui,
    ) -> Result<(Vec<Ranked>, Exit), Error> {
        let mut rankings: Vec<Ranked> = Vec::new();
        let mut exit = Exit::Done;
        for (subject, name) in named(words, &Shelf::new(global)) {
            let ranked = subject.and_then(|subject| {
                let own = subject.hashtag().cloned();
                let (ranking, found) = self.rank(&subject, name, &global.data_dir, ui)?;
                let asked = asked_of_the_api(&subject);
                Ok(((Ranking { asked, ..ranking }, own), found))
            });
            match ranked {
                Ok((ranking, found)) => {
                    exit = exit.and(found);
                    rankings.push(ranking);
                }
                Err(error) if words.len() == 1 => return Err(error),
                Err(error) => {
                    ui.error(&error);
                    // The others are done: only damage is worse than that.
                    exit = exit.and(match error.exit() {
                        Exit::Damaged => Exit::Damaged,
                        _ => Exit::Partly,
                    });
                }
            }
        }
        Ok((rankings, exit))
    }

    /// What the index beside the posts tells, where there is one that fits them and tells enough.
    fn indexed(&self, subject: &Subject) -> Option<FrequencyTable> {
        // Folders that share a hashtag may share posts, too.
        let posts = match subject {
            Subject::Stored(stored) if !self.no_index && stored.posts.len() == 1 => {
                stored.posts.first()?
            }
            _ => return None,
        };
        let asked = Asked {
            filter: &self.filter,
            from: self.from,
            extras: self.extras,
            options: &self.options,
        };
        asked.answer(&Index::open(posts)?.tables()?)
    }

    /// Counts and ranks the posts of a subject that meet the filters.
    fn rank(
        &self,
        subject: &Subject,
        name: String,
        data_dir: &Path,
        ui: &Ui,
    ) -> Result<(Ranking, Exit), Error> {
        if self.comments {
            return self.rank_comments(subject, name, data_dir, ui);
        }
        if let Subject::Database(stored) = subject {
            let records = Records::Posts(stored.tag.clone());
            return self.rank_there(stored, &records, name, ui);
        }
        if let Some(table) = self.indexed(subject) {
            nothing_left(&name, &table.sample)?;
            let conditions = self.conditions.clone();
            let ranking = Ranking {
                subject: name,
                table,
                conditions,
                asked: Vec::new(),
            };
            return Ok((ranking, Exit::Done));
        }
        let new = || Counter::new(self.from, self.extras);
        let sieve = BriefFilter::new(&self.filter, self.from, name_text);
        let unfiltered = self.filter.is_empty();
        let folded = subject.fold_briefly(
            &Fold {
                new: &new,
                add: &|counter, post, origin| {
                    if unfiltered || self.filter.passes(post, self.from) {
                        counter.add(post, origin);
                    } else {
                        counter.sample_mut().filtered += 1;
                    }
                },
                add_brief: new().takes_briefs().then_some(&|counter, post, origin| {
                    if unfiltered || sieve.passes(post) {
                        counter.add_brief(post, origin, name_text);
                    } else {
                        counter.sample_mut().filtered += 1;
                    }
                }),
            },
            ui,
        )?;
        self.table(folded, name, ui)
    }

    /// Merges what the threads counted, and ranks it.
    fn table(
        &self,
        folded: Folded<Counter>,
        name: String,
        ui: &Ui,
    ) -> Result<(Ranking, Exit), Error> {
        let mut counter = Counter::new(self.from, self.extras);
        for part in folded.states {
            counter.merge(part);
        }
        counter.sample_mut().merge(&folded.left_out);
        for note in &folded.notes {
            ui.warn(note);
        }
        let exit = super::damage(&folded.damage, folded.left_out.unreadable, ui);
        nothing_left(&name, counter.sample())?;
        let table = FrequencyTable::new(counter, &self.options);
        Ok((
            Ranking {
                subject: name,
                table,
                conditions: self.conditions.clone(),
                asked: Vec::new(),
            },
            exit,
        ))
    }
}

impl Plan {
    /// What is asked of a database.
    fn question(&self, tag: &Hashtag) -> Question {
        Question::new(tag, &self.filter, self.from, self.extras, &self.options)
    }

    /// As [`Plan::rank`], counted by the database.
    fn rank_there(
        &self,
        stored: &DatabaseTag,
        records: &Records,
        name: String,
        ui: &Ui,
    ) -> Result<(Ranking, Exit), Error> {
        let (mut table, note) = stored.rank(&self.question(&stored.tag), records)?;
        if self.comments {
            table.sample.unit = Unit::Comments;
        }
        if let Some(note) = note {
            ui.warn(&note);
        }
        nothing_left(&name, &table.sample)?;
        let ranking = Ranking {
            subject: name,
            table,
            conditions: self.conditions.clone(),
            asked: Vec::new(),
        };
        Ok((ranking, Exit::Done))
    }

    /// Prints what would be asked of a database.
    fn explain(&self, words: &[String], global: &Global, ui: &Ui) -> Result<Exit, Error> {
        let names = match crate::settings::store(global)?.0 {
            Place::Database(place) => place.collections,
            Place::Directory(_) => Box::default(),
        };
        let collection = if self.comments {
            names.comments
        } else {
            names.posts
        };
        for word in words {
            let tag = Hashtag::new(word)
                .ok_or_else(|| Error::Usage(format!("`{word}` is no hashtag")))?;
            ui.data(explained(&self.question(&tag), &collection).as_bytes())?;
        }
        Ok(Exit::Done)
    }
}

/// An empty result is a message, not an empty table.
pub(super) fn nothing_left(name: &str, sample: &Sample) -> Result<(), Error> {
    match sample {
        Sample {
            posts: 0,
            filtered: 0,
            unreadable: unreadable @ 1..,
            ..
        } => Err(Error::failed(
            format!(
                "{name} has no posts, only {} that cannot be read",
                counted(*unreadable, "record")
            ),
            "`cotag import FILE -t TAG` tells the reason for each in rejected.jsonl; `cotag verify` looks at stored posts",
        )),
        Sample {
            posts: 0,
            filtered: 0,
            ..
        } => Err(Error::failed(
            format!("there are no posts of {name}"),
            "fill it with `cotag import FILE -t TAG`",
        )),
        Sample {
            posts: 0, filtered, ..
        } => Err(Error::failed(
            format!("none of the {filtered} posts of {name} meets the filters"),
            "widen --since, --until, --region, --lang, --author, --require-tags; a post that lacks what \
             a filter asks about does not meet it",
        )),
        _ => Ok(()),
    }
}

/// What each word names, each hashtag and file once, with the name to show: files that share a
/// name are told apart by their paths.
fn named(words: &[String], shelf: &Shelf<'_>) -> Vec<(Result<Subject, Error>, String)> {
    let mut subjects: Vec<Result<Subject, Error>> = Vec::new();
    for word in words {
        let found = subject(word, shelf);
        let known =
            |other: &Result<Subject, Error>| matches!((other, &found), (Ok(a), Ok(b)) if a == b);
        if !subjects.iter().any(known) {
            subjects.push(found);
        }
    }
    let names: Vec<String> = subjects
        .iter()
        .map(|subject| subject.as_ref().map(Subject::name).unwrap_or_default())
        .collect();
    let shared = |name: &String| names.iter().filter(|other| *other == name).count() > 1;
    let full = |subject: &Result<Subject, Error>, name: &String| match subject {
        Ok(Subject::File(path)) if shared(name) => path.display().to_string(),
        _ => name.clone(),
    };
    let shown: Vec<String> = subjects
        .iter()
        .zip(&names)
        .map(|(subject, name)| full(subject, name))
        .collect();
    subjects.into_iter().zip(shown).collect()
}

/// What was asked of posts and rows, in words for the footnote.
fn conditions(args: &FrequenciesArgs) -> Vec<String> {
    let filter = &args.filter;
    let mut conditions = Vec::new();
    let mut add = |wished: bool, text: String| {
        if wished {
            conditions.push(text);
        }
    };
    match (filter.since, filter.until) {
        (Some(since), Some(until)) => add(true, format!("posts from {since} to {until} (UTC)")),
        (Some(since), None) => add(true, format!("posts since {since} (UTC)")),
        (None, Some(until)) => add(true, format!("posts until {until} (UTC)")),
        (None, None) => {}
    }
    add(
        !filter.region.is_empty(),
        format!("of region {}", filter.region.join(", ")),
    );
    add(
        !filter.lang.is_empty(),
        format!("in language {}", filter.lang.join(", ")),
    );
    add(
        !filter.author.is_empty(),
        format!("by {}", filter.author.join(", ")),
    );
    let joint = if filter.any_tags { " or " } else { " and " };
    add(
        !filter.require_tags.is_empty(),
        format!("with {}", filter.require_tags.join(joint)),
    );
    add(
        filter.tags_from != TagsFromArg::Auto,
        match filter.tags_from {
            TagsFromArg::Caption => "hashtags that stand in captions".into(),
            TagsFromArg::Structured => "hashtags of the sources' own lists".into(),
            TagsFromArg::Auto | TagsFromArg::Both => {
                "hashtags of captions and of the sources' own lists".into()
            }
        },
    );
    if let Some(excluded) = &args.exclude_tags {
        add(true, format!("rows not excluded by `{excluded}`"));
    }
    add(
        args.min_count > 1,
        format!("rows with at least {} occurrences", args.min_count),
    );
    conditions
}

/// Hashtags or files from all the places where they may be named, and how many rows.
fn words_and_rows(args: &FrequenciesArgs) -> Result<(Vec<String>, usize), Error> {
    let mut words = args.words.clone();
    let mut number = args.number.clone();
    let named_elsewhere = !args.hashtags.is_empty() || args.file.is_some();
    if number.is_none()
        && let Some(last) = words.last()
        && is_number(last)
        && (words.len() > 1 || named_elsewhere)
    {
        number = words.pop();
    }
    words.extend(args.hashtags.iter().cloned());
    if let Some(file) = &args.file {
        words.extend(tag_file(&fs_err::read_to_string(file)?));
    }
    if words.is_empty() {
        return Err(Error::Usage(
            "which hashtag? for example `cotag frequencies london 20` (a shell takes an unquoted `#` for a comment)"
                .into(),
        ));
    }
    let rows = match number.as_deref() {
        None => ROWS,
        Some(text) => match text.parse() {
            Ok(rows) if rows > 0 => rows,
            _ => {
                return Err(Error::Usage(format!(
                    "the number of rows must be a whole number above 0, not `{text}`"
                )));
            }
        },
    };
    Ok((words, rows))
}

fn is_number(word: &str) -> bool {
    let digits = word.strip_prefix('-').unwrap_or(word);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn columns(args: &[ColumnArg]) -> Vec<Column> {
    let mut columns = BTreeSet::new();
    for arg in args {
        match arg {
            ColumnArg::Authors => columns.extend([Column::Authors]),
            ColumnArg::TopAuthor => columns.extend([Column::TopAuthor]),
            ColumnArg::Interval => columns.extend([Column::Interval]),
            ColumnArg::Views => columns.extend([Column::Views]),
            ColumnArg::All => {
                columns.extend([
                    Column::Authors,
                    Column::TopAuthor,
                    Column::Interval,
                    Column::Views,
                ]);
            }
        }
    }
    columns.into_iter().collect()
}

fn excluded(arg: Option<&str>) -> Result<BTreeSet<Hashtag>, Error> {
    Ok(match arg {
        None => BTreeSet::new(),
        Some("generic") => GENERIC_TAGS
            .iter()
            .filter_map(|tag| Hashtag::new(tag))
            .collect(),
        Some(file) => hashtags(&[], Some(Path::new(file)))?.into_iter().collect(),
    })
}

/// Says on stderr what the table is of; `told` leaves out what stands below bars on the terminal.
fn tell(ranking: &Ranking, rows: usize, told: bool, ui: &Ui) {
    let table = &ranking.table;
    if !told {
        for line in ranking_footnote(&ranking.subject, ranking) {
            ui.note(&line);
        }
    }
    if table.rows.is_empty() {
        ui.warn("no hashtag is left; lower --min-count or loosen --exclude-tags");
    } else if table.distinct < rows && table.rows.len() == table.distinct {
        let all = counted(table.distinct as u64, "hashtag");
        ui.note(&format!("{all} in all; {rows} were asked for."));
    }
    // Two of its columns at most hold hashtags, whatever the post has.
    let cut = |provenance: &Provenance| provenance.format == Format::ApifyCsv;
    if table.tags_from == TagsFrom::Auto && table.sample.provenance.keys().any(cut) {
        ui.note(
            "Apify tables may list only a post's first hashtags; compare with --tags-from both.",
        );
    }
}
