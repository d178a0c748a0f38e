//! INI files as Python's configparser writes them, with the line of every key kept for messages.

/// `[name]` and what stands under it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Section {
    /// Between the brackets.
    pub name: String,
    /// Line of the heading, from 1.
    pub line: usize,
    /// In the order of the file.
    pub entries: Vec<Entry>,
}

/// `key = value`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// In lower case, as configparser compares keys.
    pub key: String,
    /// Without the white space around it.
    pub value: String,
    /// From 1.
    pub line: usize,
}

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct IniError {
    /// From 1.
    pub line: usize,
    /// What is wrong there.
    pub what: String,
}

impl IniError {
    pub(super) fn new(line: usize, what: impl Into<String>) -> Self {
        Self {
            line,
            what: what.into(),
        }
    }
}

impl Section {
    /// A key's entry.
    pub fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }
}

/// Reads a text.
///
/// # Errors
/// A line that is neither heading, entry, continuation nor comment; a key or section given twice.
pub fn parse_ini(text: &str) -> Result<Vec<Section>, IniError> {
    let mut sections: Vec<Section> = Vec::new();
    for (index, raw) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let line = index + 1;
        let content = raw.trim();
        if content.is_empty() || content.starts_with(['#', ';']) {
            continue;
        }
        let continues = raw.starts_with([' ', '\t']);
        if let Some(rest) = content.strip_prefix('[') {
            let name = rest
                .strip_suffix(']')
                .ok_or_else(|| {
                    IniError::new(line, format!("`{content}` lacks its closing bracket"))
                })?
                .trim();
            if sections.iter().any(|section| section.name == name) {
                return Err(IniError::new(
                    line,
                    format!("there is a second section [{name}]"),
                ));
            }
            sections.push(Section {
                name: name.to_owned(),
                line,
                entries: Vec::new(),
            });
            continue;
        }
        let Some(section) = sections.last_mut() else {
            return Err(IniError::new(
                line,
                format!("`{content}` stands before the first [section]"),
            ));
        };
        match (content.split_once(['=', ':']), section.entries.last_mut()) {
            // An indented line without a sign goes on with the value above.
            (None, Some(last)) if continues => {
                last.value.push(' ');
                last.value.push_str(content);
            }
            (Some((key, value)), _) if !key.trim().is_empty() => {
                let key = key.trim().to_lowercase();
                if section.get(&key).is_some() {
                    return Err(IniError::new(
                        line,
                        format!("`{key}` is given twice in [{}]", section.name),
                    ));
                }
                section.entries.push(Entry {
                    key,
                    value: value.trim().to_owned(),
                    line,
                });
            }
            _ => {
                return Err(IniError::new(
                    line,
                    format!("`{content}` is no `key = value`"),
                ));
            }
        }
    }
    Ok(sections)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configparser_files_are_read() {
        let text = "# comment\n[a]\nKey = x, y\n ; another\nother: 1=2\n    3\n\n[ b ]\nempty=\n";
        let sections = parse_ini(text).unwrap();
        assert_eq!(sections[0].get("key").unwrap().value, "x, y");
        assert_eq!(sections[0].get("other").unwrap().value, "1=2 3");
        assert_eq!((sections[1].name.as_str(), sections[1].line), ("b", 8));
        assert_eq!(sections[1].get("empty").unwrap().value, "");
    }

    #[test]
    fn mistakes_are_told_with_their_line() {
        for (text, told) in [
            (
                "key = 1",
                "line 1: `key = 1` stands before the first [section]",
            ),
            ("[a]\nkey", "line 2: `key` is no `key = value`"),
            ("[a]\nk=1\nK=2", "line 3: `k` is given twice in [a]"),
            ("[a\n", "line 1: `[a` lacks its closing bracket"),
            ("[a]\n\n[a]", "line 3: there is a second section [a]"),
        ] {
            assert_eq!(parse_ini(text).unwrap_err().to_string(), told);
        }
    }
}
