//! Files read on all cores against the sequential walk. Blocks are of 64 bytes in tests.

use proptest::prelude::*;

use super::*;

/// Records with their places, in the order of the file, and how the scan ended.
type Found = (Vec<(u64, String)>, Option<u64>, usize);

fn at_once(path: &Path, with_quick: bool) -> Found {
    let verdict = |text: &str| {
        if serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text).is_ok() {
            Verdict::Read
        } else {
            Verdict::NotJson
        }
    };
    let quick: Quick<'_, Vec<(u64, String)>> = &|found, record| {
        let end = Vectors::default().value(record.text, record.at).ok()?;
        let text = String::from_utf8_lossy(&record.text[record.at..end]).into_owned();
        // A quick reading takes some records and leaves others.
        let whole = record.may_end(end);
        let takes = whole && !text.len().is_multiple_of(3) && verdict(&text) == Verdict::Read;
        if takes {
            found.push((record.offset, text));
        }
        takes.then_some(end)
    };
    let (states, end) = scan_quickly(
        path,
        &Readers {
            new: &Vec::new,
            quick: with_quick.then_some(quick),
            each: &|found, line| {
                let verdict = verdict(line.text);
                if verdict == Verdict::Read {
                    found.push((line.offset, line.text.to_owned()));
                }
                verdict
            },
        },
    )
    .unwrap();
    let mut found: Vec<_> = states.into_iter().flatten().collect();
    found.sort();
    (found, end.torn, end.damaged.len())
}

fn in_order(path: &Path) -> Found {
    let mut found = Vec::new();
    let (torn, damaged) = walk_records(path, &mut |line| {
        let parsed: Result<serde_json::Map<String, serde_json::Value>, _> =
            serde_json::from_str(line.text);
        if parsed.is_err() {
            return Verdict::NotJson;
        }
        found.push((line.offset, line.text.to_owned()));
        Verdict::Read
    })
    .unwrap();
    (found, torn, damaged.len())
}

/// Objects that begin alike on every level, with text that looks like the space between two.
fn record() -> impl Strategy<Value = serde_json::Value> {
    let text = prop_oneof![
        "[a-zé\\\\\"{}\\[\\], ]{0,12}",
        Just("}, {\"id\": 1, \"x\": ".to_owned())
    ];
    let leaf =
        (0_u64..1 << 40, text).prop_map(|(id, text)| serde_json::json!({"id": id, "x": text}));
    leaf.prop_recursive(2, 12, 4, |inner| {
        (0_u64..9, prop::collection::vec(inner, 0..4))
            .prop_map(|(id, list)| serde_json::json!({"id": id, "x": "", "list": list}))
    })
}

/// As Python writes it.
fn spaced(json: &str) -> String {
    let (mut spaced, mut inside, mut escaped) = (String::new(), false, false);
    for c in json.chars() {
        spaced.push(c);
        match c {
            '"' if !escaped => inside = !inside,
            ',' | ':' if !inside => spaced.push(' '),
            _ => {}
        }
        escaped = c == '\\' && !escaped;
    }
    spaced
}

proptest! {
    #[test]
    fn all_cores_read_what_one_reads_in_order(
        records in prop::collection::vec(record(), 0..40),
        layout in 0..3,
        damage in prop::option::of((any::<prop::sample::Index>(), "[ -~\n]?")),
    ) {
        let records: Vec<String> = records.iter().map(ToString::to_string).collect();
        let mut text = match layout {
            0 => format!("[\n{}\n]\n", records.join(",\n")),
            1 => format!("[{}]", records.join(",")),
            _ => spaced(&format!("[{}]", records.join(","))),
        }.into_bytes();
        let whole = damage.is_none();
        if let Some((at, instead)) = damage {
            let at = at.index(text.len());
            if instead.is_empty() {
                text.truncate(at);
            } else {
                text[at] = instead.as_bytes()[0];
            }
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), &text).unwrap();
        let (plain, quick) = (at_once(file.path(), false), at_once(file.path(), true));
        prop_assert_eq!(&plain.0, &quick.0);
        if whole {
            prop_assert_eq!(quick.0.len(), records.len());
            prop_assert_eq!((quick.1, quick.2), (None, 0));
        }
        if layout > 0 && !text.is_empty() {
            prop_assert_eq!(quick, in_order(file.path()));
        }
    }
}
