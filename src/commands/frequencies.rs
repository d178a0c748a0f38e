//! `cotag frequencies`: posts → counts → ranking → table.

use std::collections::BTreeSet;
use std::path::Path;

use super::chart::{Plotting, Target};
use super::input::{Fold, Subject, subject};
use super::{deliver, filter, hashtags, table_format, tag_file, tags_from};
use crate::analysis::{
    Counter, Extras, Filter, FrequencyTable, GENERIC_TAGS, Measure, Sample, TableOptions, TagsFrom,
    Weight,
};
use crate::cli::{ColumnArg, FrequenciesArgs, Global, PlotArg};
use crate::error::{Error, Exit};
use crate::model::Hashtag;
use crate::output::{Column, Ranking, footnote, frequencies};
use crate::record::name_text;
use crate::ui::Ui;

/// Rows unless told otherwise, as in the seed tool.
const ROWS: usize = 20;

pub(super) fn run(args: &FrequenciesArgs, global: &Global, ui: &Ui) -> Result<Exit, Error> {
    let (words, rows) = words_and_rows(args)?;
    let plotting = plotting(args, global, rows)?;
    let print = args.print || plotting.is_none();
    let mut plan = Plan::new(args)?;
    match &plotting {
        // A chart ranks by its own measure, so it needs all rows.
        Some(plotting) => plan.measure(plotting.measure),
        None => plan.options.limit = Some(rows),
    }

    let mut rankings = Vec::new();
    let mut exit = Exit::Done;
    let single = words.len() == 1;
    for word in &words {
        let counted = subject(word, &global.data_dir).and_then(|subject| {
            let own = subject.hashtag().cloned();
            plan.rank(&subject, ui)
                .map(|(ranking, damaged)| ((ranking, own), damaged))
        });
        match counted {
            Ok((ranking, damaged)) => {
                exit = exit.and(damaged);
                rankings.push(ranking);
            }
            Err(error) if single => return Err(error),
            Err(error) => {
                ui.error(&error);
                exit = exit.and(Exit::Partly);
            }
        }
    }
    if rankings.is_empty() {
        return Ok(Exit::Failed);
    }
    if print {
        let to = args.output.output.as_deref().filter(|_| plotting.is_none());
        let shown: Vec<Ranking> = rankings
            .iter()
            .map(|(ranking, _)| ranking.cut(rows))
            .collect();
        deliver(
            &frequencies(&shown, &plan.columns, table_format(&args.output)?),
            to,
            ui,
        )?;
    }
    if let Some(plotting) = plotting {
        plotting.draw(&rankings, &plan.columns, ui)?;
    }
    for (ranking, _) in &rankings {
        tell(ranking, rows, ui);
    }
    Ok(exit)
}

/// Whether and how to draw.
fn plotting(
    args: &FrequenciesArgs,
    global: &Global,
    rows: usize,
) -> Result<Option<Plotting>, Error> {
    table_format(&args.output)?;
    let target = match (&args.plot, &args.output.output) {
        (None, _) if args.chart.compare => {
            return Err(Error::Usage("--compare goes with --plot".into()));
        }
        (None, _) => return Ok(None),
        (Some(PlotArg::Terminal), _) => Target::Terminal,
        (Some(PlotArg::Picture), Some(path)) if path == Path::new("-") => Target::Stdout,
        (Some(PlotArg::Picture), Some(path)) => Target::File(path.clone()),
        (Some(PlotArg::Picture), None) => Target::DataDir(global.data_dir.clone()),
    };
    Plotting::new(&args.chart, target, rows).map(Some)
}

/// Everything that is the same for all hashtags of the command.
struct Plan {
    columns: Vec<Column>,
    extras: Extras,
    filter: Filter,
    from: TagsFrom,
    options: TableOptions,
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
        })
    }

    /// Keeps what a chart's bars measure.
    fn measure(&mut self, measure: Measure) {
        self.extras.authors |= measure == Measure::Authors;
        self.extras.views |= measure == Measure::Views;
    }

    /// Counts and ranks the posts of a subject that meet the filters.
    fn rank(&self, subject: &Subject, ui: &Ui) -> Result<(Ranking, Exit), Error> {
        let name = subject.name();
        let new = || Counter::new(self.from, self.extras);
        let brief = self.filter.is_empty() && new().takes_briefs();
        let folded = subject.fold_briefly(
            &Fold {
                new: &new,
                add: &|counter, post, origin| {
                    if self.filter.is_empty() || self.filter.passes(post, self.from) {
                        counter.add(post, origin);
                    } else {
                        counter.sample_mut().filtered += 1;
                    }
                },
                add_brief: brief
                    .then_some(&|counter, post, origin| counter.add_brief(post, origin, name_text)),
            },
            ui,
        )?;
        let mut counter = new();
        for part in folded.states {
            counter.merge(part);
        }
        counter.sample_mut().merge(&folded.left_out);
        for note in &folded.notes {
            ui.warn(note);
        }
        let exit = super::damage(&folded.damage, ui);
        nothing_left(&name, counter.sample())?;
        let table = FrequencyTable::new(counter, &self.options);
        Ok((
            Ranking {
                subject: name,
                table,
            },
            exit,
        ))
    }
}

/// An empty result is a message, not an empty table.
pub(super) fn nothing_left(name: &str, sample: &Sample) -> Result<(), Error> {
    match sample {
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
    let mut seen = BTreeSet::new();
    words.retain(|word| {
        seen.insert(Hashtag::new(word).map_or_else(|| word.clone(), |tag| tag.to_string()))
    });
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

/// Says on stderr what the table is of.
fn tell(ranking: &Ranking, rows: usize, ui: &Ui) {
    let table = &ranking.table;
    for line in footnote(&ranking.subject, &table.sample) {
        ui.note(&line);
    }
    if table.distinct < rows && table.rows.len() == table.distinct {
        ui.note(&format!(
            "These are all {} hashtags; {rows} were asked for.",
            table.distinct
        ));
    }
    if table.weight == Weight::Authors && table.sample.without_author > 0 {
        ui.note(&format!(
            "{} posts name no author and have no vote.",
            table.sample.without_author
        ));
    }
}
