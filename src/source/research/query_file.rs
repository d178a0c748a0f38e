//! Queries in files: the seed crawler's INI, TOML, and the JSON body of the API's documentation.

use jiff::civil::Date;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::ini::{IniError, Section, parse_ini};
use super::{Condition, Operation, Query, QueryError};

/// A query with its dates, as a file gives them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryFile {
    /// What is asked.
    pub query: Query,
    /// First day.
    pub start: Option<Date>,
    /// Last day.
    pub end: Option<Date>,
}

/// How a query file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueryFormat {
    /// Sections `and_1`, `or_1`, `not_1`, …, `date`.
    Ini,
    /// `[[and]]` tables.
    Toml,
    /// The request's body.
    Json,
}

impl QueryFormat {
    /// By the file's ending.
    pub fn of_ending(ending: &str) -> Option<Self> {
        match ending.to_ascii_lowercase().as_str() {
            "ini" | "cfg" | "conf" => Some(Self::Ini),
            "toml" => Some(Self::Toml),
            "json" => Some(Self::Json),
            _ => None,
        }
    }
}

/// TOML and JSON: the request's body, or its query alone.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    #[serde(default)]
    and: Vec<Condition>,
    #[serde(default)]
    or: Vec<Condition>,
    #[serde(default)]
    not: Vec<Condition>,
    query: Option<Lists>,
    start_date: Option<Day>,
    end_date: Option<Day>,
    // Of the documented body; paging is our business.
    #[serde(rename = "max_count")]
    _max_count: Option<IgnoredAny>,
    #[serde(rename = "cursor")]
    _cursor: Option<IgnoredAny>,
    #[serde(rename = "search_id")]
    _search_id: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Lists {
    #[serde(default)]
    and: Vec<Condition>,
    #[serde(default)]
    or: Vec<Condition>,
    #[serde(default)]
    not: Vec<Condition>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Day {
    Number(u32),
    Text(String),
}

impl QueryFile {
    /// Reads a file's text.
    ///
    /// # Errors
    /// What is wrong and, where the format tells, in which line and key.
    pub fn parse(text: &str, format: QueryFormat) -> Result<Self, QueryError> {
        match format {
            QueryFormat::Ini => ini(text).map_err(|error| QueryError(error.to_string())),
            QueryFormat::Toml => {
                let body: Body = toml::from_str(text)
                    .map_err(|error| QueryError(error.to_string().trim_end().to_owned()))?;
                body.into_file()
            }
            QueryFormat::Json => {
                let body: Body = serde_json::from_str(text.trim_start_matches('\u{feff}'))
                    .map_err(|error| QueryError(error.to_string()))?;
                body.into_file()
            }
        }
    }
}

impl Body {
    fn into_file(self) -> Result<QueryFile, QueryError> {
        let mut query = Query {
            and: self.and,
            or: self.or,
            not: self.not,
        };
        if let Some(lists) = self.query {
            query.and.extend(lists.and);
            query.or.extend(lists.or);
            query.not.extend(lists.not);
        }
        let day = |day: Option<Day>, key: &str| {
            day.map(|day| {
                let text = match day {
                    Day::Number(number) => number.to_string(),
                    Day::Text(text) => text,
                };
                parse_date(&text)
                    .ok_or_else(|| QueryError(format!("`{key}`: `{text}` is no date (YYYYMMDD)")))
            })
            .transpose()
        };
        Ok(QueryFile {
            query: query.checked()?,
            start: day(self.start_date, "start_date")?,
            end: day(self.end_date, "end_date")?,
        })
    }
}

/// `20240131` or `2024-01-31`.
pub fn parse_date(text: &str) -> Option<Date> {
    let text = text.trim().trim_matches(['"', '\'']);
    if text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Date::strptime("%Y%m%d", text).ok();
    }
    text.parse().ok()
}

fn ini(text: &str) -> Result<QueryFile, IniError> {
    let mut file = QueryFile {
        query: Query::default(),
        start: None,
        end: None,
    };
    for section in parse_ini(text)? {
        let kind = section.name.split('_').next().unwrap_or_default();
        match kind.to_ascii_lowercase().as_str() {
            "date" => dates(&section, &mut file)?,
            "and" => file.query.and.push(condition(&section)?),
            "or" => file.query.or.push(condition(&section)?),
            "not" => file.query.not.push(condition(&section)?),
            _ => {
                return Err(IniError::new(
                    section.line,
                    format!(
                        "[{}] is no section of a query: and_1, or_1, not_1, …, date",
                        section.name
                    ),
                ));
            }
        }
    }
    file.query = file
        .query
        .checked()
        .map_err(|error| IniError::new(1, error.to_string()))?;
    Ok(file)
}

fn condition(section: &Section) -> Result<Condition, IniError> {
    const KEYS: [&str; 3] = ["operation", "field_name", "field_values"];
    known(section, &KEYS)?;
    let entry = |key: &str| {
        section
            .get(key)
            .ok_or_else(|| IniError::new(section.line, format!("[{}] lacks `{key}`", section.name)))
    };
    let [operation, field, values] = [entry(KEYS[0])?, entry(KEYS[1])?, entry(KEYS[2])?];
    let parsed: Operation = operation
        .value
        .parse()
        .map_err(|error| IniError::new(operation.line, format!("`operation`: {error}")))?;
    Condition::new(parsed, &field.value, values.value.split(',')).map_err(|error| {
        // The field's own mistakes stand in its line, all others are about the values.
        let at = if error.to_string().contains("is no field") {
            field
        } else {
            values
        };
        IniError::new(at.line, format!("`{}`: {error}", at.key))
    })
}

fn dates(section: &Section, file: &mut QueryFile) -> Result<(), IniError> {
    known(section, &["start_date", "end_date"])?;
    for entry in &section.entries {
        let day = parse_date(&entry.value).ok_or_else(|| {
            IniError::new(
                entry.line,
                format!("`{}`: `{}` is no date (YYYYMMDD)", entry.key, entry.value),
            )
        })?;
        if entry.key == "start_date" {
            file.start = Some(day);
        } else {
            file.end = Some(day);
        }
    }
    Ok(())
}

fn known(section: &Section, keys: &[&str]) -> Result<(), IniError> {
    match section
        .entries
        .iter()
        .find(|entry| !keys.contains(&entry.key.as_str()))
    {
        Some(entry) => Err(IniError::new(
            entry.line,
            format!(
                "`{}` is no key of [{}]: {}",
                entry.key,
                section.name,
                keys.join(", ")
            ),
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    const INI: &str = "# bees\n[and_1]\noperation = IN\nfield_name = region_code\nfield_values = us, DE\n\n[or_1]\noperation = EQ\nfield_name=keyword\nfield_values = honey bee\n[not_1]\noperation = IN \nfield_name = username \nfield_values = @Anna, ben\n[date]\nstart_date = 20230101 \nend_date = 20230131\n";

    #[test]
    fn the_three_forms_say_the_same() {
        let from_ini = QueryFile::parse(INI, QueryFormat::Ini).unwrap();
        assert_eq!(from_ini.start, Some(date(2023, 1, 1)));
        assert_eq!(from_ini.query.not[0].field_values, ["anna", "ben"]);
        let json = r#"{"query":{"and":[{"operation":"IN","field_name":"region_code","field_values":["US","DE"]}],
            "or":[{"operation":"EQ","field_name":"keyword","field_values":["honey bee"]}],
            "not":[{"operation":"IN","field_name":"username","field_values":["anna","ben"]}]},
            "start_date":"20230101","end_date":"20230131","max_count":100}"#;
        assert_eq!(QueryFile::parse(json, QueryFormat::Json).unwrap(), from_ini);
        let toml = "start_date = \"2023-01-01\"\nend_date = 20230131\n[[and]]\noperation = \"in\"\nfield_name = \"region_code\"\nfield_values = [\"US\", \"DE\"]\n[[or]]\noperation = \"EQ\"\nfield_name = \"keyword\"\nfield_values = [\"honey bee\"]\n[[not]]\noperation = \"IN\"\nfield_name = \"username\"\nfield_values = [\"anna\", \"ben\"]\n";
        assert_eq!(QueryFile::parse(toml, QueryFormat::Toml).unwrap(), from_ini);
    }

    #[test]
    fn mistakes_name_line_and_key() {
        for (old, new, told) in [
            (
                "= IN\nfield_name = region",
                "= MAYBE\nfield_name = region",
                "line 3: `operation`: `MAYBE` is no operation",
            ),
            (
                "region_code",
                "region",
                "line 4: `field_name`: `region` is no field",
            ),
            (
                "us, DE",
                "us, UK",
                "line 5: `field_values`: `UK` is no region",
            ),
            (
                "= us, DE",
                "=",
                "line 5: `field_values`: `region_code` is compared with nothing",
            ),
            (
                "20230131",
                "20230231",
                "line 17: `end_date`: `20230231` is no date",
            ),
            ("[or_1]", "[perhaps_1]", "line 7: [perhaps_1] is no section"),
            (
                "field_values = us",
                "field_value = us",
                "line 5: `field_value` is no key of [and_1]",
            ),
            (
                "field_name = region_code\n",
                "",
                "line 2: [and_1] lacks `field_name`",
            ),
        ] {
            let text = INI.replacen(old, new, 1);
            let error = QueryFile::parse(&text, QueryFormat::Ini)
                .unwrap_err()
                .to_string();
            assert!(error.starts_with(told), "{error}");
        }
        for (text, format) in [
            ("[[and]]\noperation = 3\n", QueryFormat::Toml),
            ("{\"and\":\n[{\"operation\":\"EQ\"}]}", QueryFormat::Json),
        ] {
            let error = QueryFile::parse(text, format).unwrap_err().to_string();
            assert!(error.contains("line 2"), "{error}");
        }
    }
}
