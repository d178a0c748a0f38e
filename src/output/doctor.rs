//! What a check of the machine found, in every format.

use serde_json::json;

use super::sheet::{Cell, Heading, Sheet};
use super::{TableFormat, printable};

/// Version of the JSON document, in its `schema` field.
const SCHEMA: &str = "cotag/doctor/1";

/// How a thing was found. Ordered from good to bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Health {
    /// As it should be.
    Ok,
    /// Something will not work, or not well, but the rest does.
    Warn,
    /// cotag cannot do its work.
    Fail,
}

impl Health {
    /// `ok`, `warn` or `fail`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What was looked at; stable, for programs.
    pub name: &'static str,
    /// How it was found.
    pub health: Health,
    /// What was found.
    pub what: String,
    /// What to do; empty where nothing is to be done.
    pub advice: String,
}

impl Check {
    /// A thing that is as it should be.
    pub fn ok(name: &'static str, what: impl Into<String>) -> Self {
        Self {
            name,
            health: Health::Ok,
            what: what.into(),
            advice: String::new(),
        }
    }

    /// A thing that does not work or not well.
    pub fn warn(name: &'static str, what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            health: Health::Warn,
            advice: advice.into(),
            ..Self::ok(name, what)
        }
    }

    /// A thing without which nothing works.
    pub fn fail(name: &'static str, what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            health: Health::Fail,
            ..Self::warn(name, what, advice)
        }
    }
}

/// Writes what was found.
pub fn doctor(checks: &[Check], format: TableFormat) -> Vec<u8> {
    match format {
        TableFormat::Table => table(checks).into_bytes(),
        TableFormat::Csv { excel } => sheet(checks).separated(b',', excel),
        TableFormat::Tsv { excel } => sheet(checks).separated(b'\t', excel),
        TableFormat::Ndjson => sheet(checks).lines().into_bytes(),
        TableFormat::Markdown => sheet(checks).markdown().into_bytes(),
        TableFormat::Json => {
            let document = json!({
                "schema": SCHEMA,
                "version": env!("CARGO_PKG_VERSION"),
                "healthy": checks.iter().all(|check| check.health != Health::Fail),
                "checks": sheet(checks).objects().collect::<Vec<_>>(),
            });
            format!("{document:#}\n").into_bytes()
        }
    }
}

fn sheet(checks: &[Check]) -> Sheet {
    let heading = |key, title| Heading { key, title };
    Sheet::new(
        vec![
            heading("check", "Check"),
            heading("state", "State"),
            heading("what", "What was found"),
            heading("try", "What to do"),
        ],
        checks
            .iter()
            .map(|check| {
                vec![
                    Cell::Text(check.name.to_owned()),
                    Cell::Text(check.health.name().to_owned()),
                    Cell::Text(check.what.clone()),
                    Cell::text(Some(check.advice.as_str()).filter(|text| !text.is_empty())),
                ]
            })
            .collect(),
    )
}

/// A line for each check, and below it what to do.
fn table(checks: &[Check]) -> String {
    let width = checks.iter().map(|check| check.name.len()).max();
    let width = width.unwrap_or_default();
    let mut text = String::new();
    for check in checks {
        let (name, state) = (check.name, check.health.name());
        text += &format!("{state:<4}  {name:<width$}  {}\n", printable(&check.what));
        if !check.advice.is_empty() {
            text += &format!(
                "{:>indent$}  → {}\n",
                "",
                printable(&check.advice),
                indent = 6 + width
            );
        }
    }
    text
}
