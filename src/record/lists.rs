//! Lists inside one cell of a table: JSON, Python and R literals, or words between commas.

use std::borrow::Cow;

use super::values::tag;

/// The hashtags that a cell lists.
///
/// A literal list holds names, or objects with a `name`; anything else is read as words between
/// commas. A list that breaks off gives what came whole.
pub(super) fn tags_in_cell(cell: Cow<'_, str>) -> Vec<Cow<'_, str>> {
    let text = cell.trim_start();
    if text.starts_with('[') || text.starts_with("c(") {
        return names(text)
            .into_iter()
            .map(Cow::Owned)
            .filter_map(tag)
            .collect();
    }
    match cell {
        Cow::Borrowed(cell) => cell.split(',').map(Cow::Borrowed).filter_map(tag).collect(),
        Cow::Owned(cell) => cell
            .split(',')
            .filter_map(|name| Some(Cow::Owned(tag(Cow::Borrowed(name))?.into_owned())))
            .collect(),
    }
}

/// The strings that are members of the outermost list, or `name` in an object that is one.
fn names(literal: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut depth = 0_usize;
    let mut key: Option<String> = None;
    let mut last: Option<String> = None;
    let mut rest = literal.chars();
    while let Some(c) = rest.next() {
        match c {
            '\'' | '"' => match string(&mut rest, c) {
                Some(text) => last = Some(text),
                None => break,
            },
            ':' => key = last.take(),
            ',' | ']' | '}' | ')' | '[' | '{' | '(' => {
                let is_name = depth == 1 || depth == 2 && key.as_deref() == Some("name");
                names.extend(last.take().filter(|_| is_name));
                key = None;
                match c {
                    ',' => {}
                    '[' | '{' | '(' => depth += 1,
                    _ => depth = depth.saturating_sub(1),
                }
            }
            _ => {}
        }
    }
    names
}

/// The rest of a string up to its closing quote; `None` where that is missing.
fn string(rest: &mut std::str::Chars<'_>, quote: char) -> Option<String> {
    let mut text = String::new();
    loop {
        match rest.next()? {
            c if c == quote => return Some(text),
            '\\' => match rest.next()? {
                'n' => text.push('\n'),
                't' => text.push('\t'),
                'r' => text.push('\r'),
                'b' => text.push('\u{8}'),
                'f' => text.push('\u{c}'),
                'x' => text.push(character(code(rest, 2)?)),
                'U' => text.push(character(code(rest, 8)?)),
                'u' => text.push(match code(rest, 4)? {
                    high @ 0xD800..=0xDBFF => low_half(rest)
                        .map_or(char::REPLACEMENT_CHARACTER, |low| {
                            character(0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00))
                        }),
                    unit => character(unit),
                }),
                '\n' => {}
                other => text.push(other),
            },
            c => text.push(c),
        }
    }
}

fn character(code: u32) -> char {
    char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// So many hexadecimal digits; none are taken where they are not all there.
fn code(rest: &mut std::str::Chars<'_>, digits: usize) -> Option<u32> {
    let hex = rest.as_str().get(..digits)?;
    let code = u32::from_str_radix(hex, 16).ok()?;
    *rest = rest.as_str()[digits..].chars();
    Some(code)
}

/// The second half of a surrogate pair, if it follows.
fn low_half(rest: &mut std::str::Chars<'_>) -> Option<u32> {
    let mut ahead = rest.as_str().strip_prefix("\\u")?.chars();
    let low = code(&mut ahead, 4).filter(|unit| (0xDC00..=0xDFFF).contains(unit))?;
    *rest = ahead;
    Some(low)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn cells_are_lists_in_many_dialects() {
        let cases: &[(&str, &[&str])] = &[
            ("", &[]),
            ("[]", &[]),
            ("fosfor,bomba,,fosfor", &["fosfor", "bomba", "fosfor"]),
            ("a, #b , @c", &["a", "b"]),
            ("['a', 'b']", &["a", "b"]),
            (
                r#"["it's", 'b"c', None, False, 12, ['deep']]"#,
                &["it's", "b\"c"],
            ),
            (
                r"['it\'s', 'fyp\u30b7', '\U0001f600', '\xe9']",
                &["it's", "fypシ", "😀", "é"],
            ),
            (
                r#"["\ud83d\ude00","\ud83dx","\/"]"#,
                &["😀", "\u{fffd}x", "/"],
            ),
            (r#"c("a", "b")"#, &["a", "b"]),
            (
                r#"[{"id":"1","name":"anime","title":"x: {","cover":["name"]},{"name":""}]"#,
                &["anime"],
            ),
            ("[{'name': 'a', 'id': 5}, {'id': 6}]", &["a"]),
            ("['whole', 'cut sho", &["whole"]),
        ];
        for (cell, tags) in cases {
            assert_eq!(&tags_in_cell(Cow::Borrowed(cell)), tags, "{cell}");
            assert_eq!(
                &tags_in_cell(Cow::Owned((*cell).to_owned())),
                tags,
                "{cell}"
            );
        }
    }

    proptest! {
        #[test]
        fn every_list_of_names_survives_being_written_as_json(
            names in prop::collection::vec("[^#＃@\\s\0]\\PC{0,8}[^\\s\0]", 0..5)
        ) {
            let cell = serde_json::to_string(&names).unwrap();
            prop_assert_eq!(tags_in_cell(Cow::Owned(cell)), names);
        }

        #[test]
        fn no_cell_panics(cell in "[\\[c({'\"\\\\uUx0-9dDname:,} é😀]{0,60}|\\PC*") {
            tags_in_cell(Cow::Owned(cell));
        }
    }
}
