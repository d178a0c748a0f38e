//! Rankings as figures for the plotting room: titles, labels, footnotes.

use super::footnote::ranking_footnote;
use super::plot::{Axis, Bar, Figure, Quantity, Unit, isolated};
use super::{Ranking, printable};
use crate::analysis::{Measure, Pair, Row, Weight};

/// The chart of one ranking; `intervals` draws 95 % whiskers where the measure has them.
pub fn figure(ranking: &Ranking, rows: &[Row], measure: Measure, intervals: bool) -> Figure {
    let sample = &ranking.table.sample;
    let subject = isolated(&ranking.subject);
    Figure {
        title: format!("Co-occurring hashtags for {subject} posts"),
        subtitle: None,
        bars: rows
            .iter()
            .map(|row| Bar {
                label: row.spelling.clone(),
                first: quantity(row, measure, ranking.table.total, intervals),
                second: None,
            })
            .collect(),
        axis: axis(measure, ranking.table.weight, intervals),
        legend: None,
        footnote: ranking_footnote(&subject, ranking),
        description: format!(
            "Bar chart of the {} hashtags that appear most often in {} posts of {}, the largest on top: {}.",
            rows.len(),
            sample.posts,
            printable(&ranking.subject),
            described(rows.iter().map(|row| (row, measure_text(row, measure))))
        ),
    }
}

/// The chart of two rankings side by side.
pub fn paired_figure(
    first: &Ranking,
    second: &Ranking,
    pairs: &[Pair],
    measure: Measure,
    intervals: bool,
) -> Figure {
    let subjects = [isolated(&first.subject), isolated(&second.subject)];
    let mut notes = Vec::new();
    let mut standings = Vec::new();
    for (ranking, subject) in [first, second].iter().zip(&subjects) {
        let mut lines = ranking_footnote(subject, ranking);
        standings.extend(lines.pop().filter(|line| !standings.contains(line)));
        lines.retain(|line| !notes.contains(line));
        notes.extend(lines);
    }
    notes.extend(standings);
    Figure {
        title: format!(
            "Co-occurring hashtags for {} and {} posts",
            subjects[0], subjects[1]
        ),
        subtitle: None,
        bars: pairs
            .iter()
            .map(|pair| Bar {
                label: pair.first.spelling.clone(),
                first: quantity(&pair.first, measure, first.table.total, intervals),
                second: Some(quantity(
                    &pair.second,
                    measure,
                    second.table.total,
                    intervals,
                )),
            })
            .collect(),
        axis: axis(measure, first.table.weight, intervals),
        legend: Some((first.subject.clone(), second.subject.clone())),
        footnote: notes,
        description: format!(
            "Paired bar chart comparing the hashtags that appear most often in posts of {} and of {}: {}.",
            printable(&first.subject),
            printable(&second.subject),
            described(pairs.iter().map(|pair| {
                let texts = [&pair.first, &pair.second].map(|row| measure_text(row, measure));
                (&pair.first, texts.join(" and "))
            }))
        ),
    }
}

fn described<'r>(rows: impl Iterator<Item = (&'r Row, String)>) -> String {
    let parts: Vec<String> = rows
        .map(|(row, text)| format!("{} {text}", printable(&row.spelling)))
        .collect();
    parts.join("; ")
}

fn axis(measure: Measure, weight: Weight, intervals: bool) -> Axis {
    let whose = match weight {
        Weight::Posts => "posts",
        Weight::Authors => "authors",
    };
    let whiskers = |scaled: &str| {
        intervals.then(|| {
            format!("Whiskers: Wilson 95 % interval of the frequency{scaled}; sampling noise only")
        })
    };
    match measure {
        Measure::Share => Axis {
            unit: Unit::Percent,
            label: format!("Percent of {whose} with co-occurring hashtag"),
            whiskers: whiskers(""),
        },
        Measure::Count => Axis {
            unit: Unit::Count,
            label: format!("Number of {whose} with co-occurring hashtag"),
            whiskers: whiskers(&format!(", in {whose}")),
        },
        Measure::Authors => Axis {
            unit: Unit::Count,
            label: "Distinct authors who used the hashtag".into(),
            whiskers: None,
        },
        Measure::Views => Axis {
            unit: Unit::Count,
            label: "Views of the posts with co-occurring hashtag".into(),
            whiskers: None,
        },
    }
}

fn quantity(row: &Row, measure: Measure, total: u64, intervals: bool) -> Quantity {
    #[expect(
        clippy::cast_precision_loss,
        reason = "a whisker's length needs no more than 53 bits"
    )]
    let scale = match measure {
        Measure::Share => Some(100.0),
        Measure::Count => Some(total as f64),
        Measure::Authors | Measure::Views => None,
    };
    Quantity {
        value: measure.of(row).unwrap_or(0.0),
        text: measure_text(row, measure),
        whisker: scale
            .filter(|_| intervals)
            .map(|scale| (row.interval.0 * scale, row.interval.1 * scale)),
    }
}

/// What is written beside a bar: `494 · 51.5 %`.
fn measure_text(row: &Row, measure: Measure) -> String {
    match measure {
        Measure::Share => format!(
            "{} · {:.1} %",
            grouped(row.occurrences),
            row.frequency * 100.0
        ),
        Measure::Count => grouped(row.occurrences),
        Measure::Authors => row.authors.map_or_else(|| "unknown".into(), grouped),
        Measure::Views if row.occurrences == 0 => "0".into(),
        Measure::Views => row.views_sum.map_or_else(|| "unknown".into(), grouped),
    }
}

/// Digits in groups of three.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_grouped() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (1_234_567_890, "1,234,567,890"),
        ] {
            assert_eq!(grouped(number), text);
        }
    }
}
