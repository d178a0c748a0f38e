//! `--plot`: rankings → figure → PNG or SVG with its rows beside it, or bars on the terminal.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use fs_err as fs;
use jiff::Zoned;

use super::write_file;
use crate::analysis::{FrequencyTable, Measure, Row, chart_rows, pairs};
use crate::cli::{ChartArgs, MeasureArg, ThemeArg};
use crate::error::Error;
use crate::model::Hashtag;
use crate::output::plot::{Drawing, Figure, Fonts, PlotError, Style, Theme, terminal};
use crate::output::{Column, Ranking, TableFormat, figure, frequencies, paired_figure};
use crate::store::folder_name;
use crate::ui::Ui;

/// Where a picture goes.
#[derive(Debug)]
pub(super) enum Target {
    /// Bars on the terminal.
    Terminal,
    /// A picture on standard output.
    Stdout,
    /// A file; for several hashtags the name of each is added.
    File(PathBuf),
    /// A name made of hashtag and time below the data directory.
    DataDir(PathBuf),
}

/// How to draw, as asked for.
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent wishes of the command line"
)]
#[derive(Debug)]
pub(super) struct Plotting {
    pub(super) measure: Measure,
    pub(super) compare: bool,
    intervals: bool,
    strict: bool,
    style: Style,
    target: Target,
    rows: usize,
    min_count: u64,
    /// More than one hashtag was asked for.
    several: bool,
}

impl Plotting {
    /// `rows` and `min_count` limit the bars; `subjects` is how many hashtags or files are asked for.
    pub(super) fn new(
        args: &ChartArgs,
        target: Target,
        (rows, min_count): (usize, u64),
        subjects: usize,
    ) -> Result<Self, Error> {
        if args.compare && subjects != 2 {
            return Err(Error::Usage(format!(
                "--compare takes two hashtags, not {subjects}"
            )));
        }
        if matches!(target, Target::Stdout) && subjects > 1 && !args.compare {
            return Err(Error::Usage(
                "standard output takes one picture: name one hashtag, or use --compare".into(),
            ));
        }
        if args.ci && matches!(args.measure, MeasureArg::Authors | MeasureArg::Views) {
            return Err(Error::Usage(
                "--ci goes with --measure share or count: only those have an interval".into(),
            ));
        }
        let (width, height) = match &args.size {
            Some(size) => parse_size(size)?,
            None => (Style::default().width_inches, None),
        };
        if let Target::File(path) = &target {
            picture_kind(path)?;
        }
        Ok(Self {
            measure: match args.measure {
                MeasureArg::Share => Measure::Share,
                MeasureArg::Count => Measure::Count,
                MeasureArg::Authors => Measure::Authors,
                MeasureArg::Views => Measure::Views,
            },
            compare: args.compare,
            intervals: args.ci,
            strict: args.strict,
            style: Style {
                width_inches: width,
                height_inches: height,
                dpi: args.dpi.unwrap_or(Style::default().dpi),
                theme: match args.theme {
                    ThemeArg::Light => Theme::Light,
                    ThemeArg::Dark => Theme::Dark,
                    ThemeArg::Print => Theme::Print,
                },
            },
            target,
            rows,
            min_count,
            several: subjects > 1 && !args.compare,
        })
    }

    /// Whether the bars, and the footnote with them, go to the terminal.
    pub(super) fn is_terminal(&self) -> bool {
        matches!(self.target, Target::Terminal)
    }

    /// Draws one picture per ranking, or one of two rankings side by side.
    pub(super) fn draw(
        &self,
        rankings: &[(Ranking, Option<Hashtag>)],
        columns: &[Column],
        ui: &Ui,
    ) -> Result<(), Error> {
        if self.intervals && self.is_terminal() {
            ui.warn("bars on the terminal have no whiskers; `-o chart.png` draws them");
        }
        let columns = self.columns_with_measure(columns);
        let mut canvas = Canvas {
            plotting: self,
            // Fonts are the dear part: find them once.
            fonts: (!matches!(self.target, Target::Terminal)).then(|| Fonts::new(true)),
            columns: &columns,
            drawn: Vec::new(),
            ui,
        };
        if self.compare {
            let [(first, own), (second, other)] = rankings else {
                return Err(Error::failed(
                    "--compare needs both hashtags, and one could not be counted",
                    "the error above says why",
                ));
            };
            let own: Vec<Hashtag> = own.iter().chain(other).cloned().collect();
            let limits = (self.rows, self.min_count);
            let pairs = pairs(&first.table, &second.table, &own, self.measure, limits);
            let figure = paired_figure(first, second, &pairs, self.measure, self.intervals);
            let (left, right) = pairs
                .into_iter()
                .map(|pair| (pair.first, pair.second))
                .unzip();
            let shown = [only(first, left), only(second, right)];
            let name = format!("{}-{}", file_stem(first), file_stem(second));
            return canvas.deliver(&figure, &shown, &name);
        }
        for (ranking, own) in rankings {
            let own: Vec<Hashtag> = own.iter().cloned().collect();
            let rows = chart_rows(&ranking.table, &own, self.measure, self.rows);
            if rows.is_empty() {
                return Err(Error::failed(
                    format!(
                        "there is nothing to plot: no hashtag appears together with {}",
                        ranking.subject
                    ),
                    "loosen the filters, --exclude-tags or --min-count",
                ));
            }
            let figure = figure(ranking, &rows, self.measure, self.intervals);
            canvas.deliver(&figure, &[only(ranking, rows)], &file_stem(ranking))?;
        }
        Ok(())
    }

    /// The rows beside a picture have what its bars and whiskers show.
    fn columns_with_measure(&self, columns: &[Column]) -> Vec<Column> {
        let mut columns = columns.to_vec();
        match self.measure {
            Measure::Authors => columns.push(Column::Authors),
            Measure::Views => columns.push(Column::Views),
            Measure::Share | Measure::Count if self.intervals => columns.push(Column::Interval),
            Measure::Share | Measure::Count => {}
        }
        columns.sort_unstable();
        columns.dedup();
        columns
    }
}

/// Pictures of one command.
struct Canvas<'c> {
    plotting: &'c Plotting,
    fonts: Option<Fonts>,
    columns: &'c [Column],
    /// Files written so far, so that two subjects of one name do not overwrite each other.
    drawn: Vec<PathBuf>,
    ui: &'c Ui,
}

impl Canvas<'_> {
    /// Draws a figure and writes it, with its rows beside it, to where the command says.
    fn deliver(&mut self, figure: &Figure, shown: &[Ranking], name: &str) -> Result<(), Error> {
        let Some(fonts) = &self.fonts else {
            let colour = std::io::stdout().is_terminal()
                && std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty());
            let text = terminal(figure, self.ui.columns(), colour).map_err(plot_error)?;
            return self.ui.data(text.as_bytes());
        };
        let drawing = Drawing::new(figure, &self.plotting.style, fonts).map_err(plot_error)?;
        self.tell_missing(drawing.missing_glyphs())?;
        let Some(path) = self.path(name)? else {
            return self.ui.data(&drawing.png().map_err(plot_error)?);
        };
        let bytes = match picture_kind(&path)? {
            Picture::Svg => drawing.svg().as_bytes().to_vec(),
            Picture::Png => drawing.png().map_err(plot_error)?,
        };
        let rows = rows_path(&path);
        write_file(&path, &bytes)?;
        let csv = TableFormat::Csv { excel: false };
        write_file(&rows, &frequencies(shown, self.columns, csv))?;
        self.ui.note(&format!(
            "wrote `{}` and its rows as `{}`",
            path.display(),
            rows.display()
        ));
        self.drawn.push(path);
        Ok(())
    }

    /// The file for the next picture; `None` for standard output.
    fn path(&self, name: &str) -> Result<Option<PathBuf>, Error> {
        let (folder, stem, extension) = match &self.plotting.target {
            Target::Stdout if std::io::stdout().is_terminal() => {
                return Err(Error::Usage(
                    "a picture is nothing for a terminal: use `--plot -` for bars, or -o FILE.png"
                        .into(),
                ));
            }
            Target::Stdout | Target::Terminal => return Ok(None),
            Target::File(path) if !self.plotting.several => return Ok(Some(path.clone())),
            Target::File(path) => {
                let part = |part: Option<&std::ffi::OsStr>| {
                    part.unwrap_or_default().to_string_lossy().into_owned()
                };
                let folder = path.parent().map(Path::to_owned).unwrap_or_default();
                (
                    folder,
                    format!("{}-{name}", part(path.file_stem())),
                    part(path.extension()),
                )
            }
            Target::DataDir(data_dir) => {
                let folder = data_dir.join("img");
                fs::create_dir_all(&folder)?;
                let now = Zoned::now().strftime("%Y_%m_%d_%H_%M_%S");
                (folder, format!("{name}_{now}"), "png".to_owned())
            }
        };
        let dated = matches!(self.plotting.target, Target::DataDir(_));
        let mut path = folder.join(format!("{stem}.{extension}"));
        let mut number = 2;
        while self.drawn.contains(&path) || (dated && path.exists()) {
            path = folder.join(format!("{stem}-{number}.{extension}"));
            number += 1;
        }
        Ok(Some(path))
    }

    fn tell_missing(&self, missing: &[char]) -> Result<(), Error> {
        if missing.is_empty() {
            return Ok(());
        }
        let shown: Vec<String> = missing
            .iter()
            .take(20)
            .map(|&c| format!("U+{:04X}", u32::from(c)))
            .collect();
        let what = format!("no font here has a glyph for {}", shown.join(", "));
        if self.plotting.strict {
            return Err(Error::failed(
                what,
                "install a font for that script, or draw without --strict",
            ));
        }
        self.ui.warn(&format!("{what}; drawn as ⟨{}⟩", shown[0]));
        Ok(())
    }
}

/// The rows of `chart.png` are `chart.csv`, unless that was there before the picture: then it is
/// somebody's own, and they are `chart.png.csv`.
fn rows_path(picture: &Path) -> PathBuf {
    let beside = picture.with_extension("csv");
    if beside.exists() && !picture.exists() {
        let mut name = picture.as_os_str().to_owned();
        name.push(".csv");
        return name.into();
    }
    beside
}

/// A ranking with just the rows that a picture shows.
fn only(ranking: &Ranking, rows: Vec<Row>) -> Ranking {
    Ranking {
        subject: ranking.subject.clone(),
        table: FrequencyTable {
            rows,
            ..ranking.table.clone()
        },
        conditions: ranking.conditions.clone(),
        asked: ranking.asked.clone(),
    }
}

enum Picture {
    Png,
    Svg,
}

fn picture_kind(path: &Path) -> Result<Picture, Error> {
    let extension = path
        .extension()
        .map(|extension| extension.to_string_lossy().to_lowercase());
    match extension.as_deref() {
        Some("png") => Ok(Picture::Png),
        Some("svg") => Ok(Picture::Svg),
        _ => Err(Error::Usage(format!(
            "a picture's name ends in .png or .svg, not `{}`",
            path.display()
        ))),
    }
}

/// A safe file name for what a ranking is of.
fn file_stem(ranking: &Ranking) -> String {
    let name = ranking.subject.trim_start_matches('#');
    Hashtag::new(name).map_or_else(|| "posts".to_owned(), |tag| folder_name(&tag))
}

/// `5x6.66` or `5`: inches.
fn parse_size(text: &str) -> Result<(f64, Option<f64>), Error> {
    let bad = || {
        Error::Usage(format!(
            "a size is WIDTHxHEIGHT or WIDTH in inches, such as 5x6.66, not `{text}`"
        ))
    };
    let number = |text: &str| {
        text.trim()
            .parse::<f64>()
            .ok()
            .filter(|number| number.is_finite())
            .ok_or_else(bad)
    };
    match text.split_once(['x', 'X', '×']) {
        Some((width, height)) => Ok((number(width)?, Some(number(height)?))),
        None => Ok((number(text)?, None)),
    }
}

fn plot_error(error: PlotError) -> Error {
    match error {
        PlotError::BadStyle(_) | PlotError::TooLow { .. } | PlotError::TooManyBars(_) => {
            Error::Usage(error.to_string())
        }
        other => Error::Failed {
            what: other.to_string(),
            hint: None,
        },
    }
}
