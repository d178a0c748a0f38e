//! Spellings fold and count as the plain way would have them.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn names_come_back_as_they_went_in(name in prop::collection::vec(any::<u8>(), 1..=INLINE)) {
        let (bytes, length) = unpack(&pack(&name));
        prop_assert_eq!(&bytes[..length], &*name);
    }

    #[test]
    fn counts_are_those_of_maps(
        posts in prop::collection::vec(
            prop::collection::vec("[#＃]?(fyp|FYP|ｆｙｐ|İ|[a-cA-C\\\\\"é]{1,40}|\u{fe5f})[ ]?", 0..6),
            0..200,
        ),
        split in 0_usize..200,
    ) {
        let mut parts = [Spellings::default(), Spellings::default()];
        let mut tags: BTreeMap<Hashtag, u64> = BTreeMap::new();
        let mut spelled: BTreeMap<(Hashtag, String), u64> = BTreeMap::new();
        for (number, post) in posts.iter().enumerate() {
            let part = &mut parts[usize::from(number >= split)];
            part.begin_post();
            let mut seen = Vec::new();
            for text in post {
                part.count(text);
                let Some(tag) = Hashtag::new(text) else { continue };
                if !seen.contains(&tag) {
                    *tags.entry(tag.clone()).or_default() += 1;
                    *spelled.entry((tag.clone(), spelling(text).to_owned())).or_default() += 1;
                    seen.push(tag);
                }
            }
        }
        let [mut all, mut rest] = parts;
        all.merge(&mut rest);
        let mut found = BTreeMap::new();
        let totals = all.totals(None).1;
        for total in totals {
            let (tag, name) = all.names(&total).unwrap();
            let best = spelled.iter().filter(|((of, _), _)| *of == tag);
            let best = best.max_by(|a, b| a.1.cmp(b.1).then_with(|| b.0.1.cmp(&a.0.1))).unwrap();
            prop_assert_eq!(&best.0.1, &name);
            prop_assert!(found.insert(tag, total.posts).is_none());
        }
        prop_assert_eq!(found, tags);
    }
}

#[test]
fn raw_names_and_texts_meet_in_one_hashtag() {
    fn decode(name: &[u8]) -> Cow<'_, str> {
        let json = format!("\"{}\"", String::from_utf8_lossy(name));
        Cow::Owned(serde_json::from_str(&json).unwrap())
    }
    let mut table = Spellings::default();
    for name in [
        "fyp",
        r"\u0066yp",
        "FYP",
        "#fyp",
        r"f\u0079p ",
        r"\\u0066yp",
    ] {
        table.begin_post();
        let text = format!("{name}FYP");
        let middle = u32::try_from(name.len()).unwrap();
        let end = middle + 3;
        table.count_raw(text.as_bytes(), &[(0, middle), (middle, end)], true, decode);
    }
    table.begin_post();
    table.count("\\u0066yp");
    let totals = table.totals(None).1;
    let mut found: Vec<_> = totals
        .iter()
        .map(|total| (table.names(total).unwrap().1, total.posts))
        .collect();
    found.sort();
    assert_eq!(found, [("\\u0066yp".to_owned(), 2), ("fyp".to_owned(), 6)]);
}

proptest! {
    #[test]
    fn plain_names_stand_for_themselves(name in "([a-z0-9]{0,3}|[ -~é\u{1}\u{7f}]){1,26}") {
        let mut packed = [0, 0, LONG << 56];
        if name.len() <= INLINE {
            packed = pack(name.as_bytes());
        }
        if is_plain(&packed) {
            prop_assert!(Hashtag::is_identity(&name) && !name.contains(['\\', '"']), "{}", name);
        }
        if (1..=INLINE).contains(&name.len()) && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_')) {
            prop_assert!(is_plain(&packed), "{}", name);
        }
    }
}

#[test]
fn names_of_every_script_are_known_without_folding() {
    for name in ["fyp", "москва", "हिन्दी", "việtnam"] {
        assert!(
            is_own_key(&packed_name(&seeds(), name.as_bytes()), name.as_bytes()),
            "{name}"
        );
    }
    for name in ["Fyp", "Москва", "हिन्दी\\u0061", "fyp ", "#fyp"] {
        assert!(
            !is_own_key(&packed_name(&seeds(), name.as_bytes()), name.as_bytes()),
            "{name}"
        );
    }
    // Else the last question would be asked for nothing.
    for name in ["हिन्दी", "việtnam"] {
        assert!(!Hashtag::is_identity_in_json(name.as_bytes()), "{name}");
    }
}

#[test]
fn nobody_can_choose_names_that_collide() {
    let seeded = |seeds| Spellings {
        seeds,
        ..Spellings::default()
    };
    let [one, other] = [new_seeds(), new_seeds()].map(seeded);
    let names = (0..1000).map(|number| format!("name{number}"));
    let slots = |table: &Spellings, name: &str| table.hash(&pack(name.as_bytes())) & 0xff;
    // By chance one name in 256 has the same place in both.
    let same = names.filter(|name| slots(&one, name) == slots(&other, name));
    assert!(same.count() < 100);
}

#[test]
fn a_hundred_thousand_names_are_all_counted() {
    // Enough for huge pages, some of them long, some escaped, every third with a capital.
    let name = |number: usize| match number % 3 {
        0 => format!("Tag{number}"),
        1 => format!(r"\u0444\u044b{number}"),
        _ => format!("{number}{}", "x".repeat(30)),
    };
    let decode: Decode = |name| {
        let json = format!("\"{}\"", String::from_utf8_lossy(name));
        Cow::Owned(serde_json::from_str(&json).unwrap())
    };
    let mut parts = [Spellings::default(), Spellings::default()];
    for number in 0..100_000 {
        let name = name(number);
        let length = u32::try_from(name.len()).unwrap();
        for (part, table) in parts.iter_mut().enumerate() {
            // The first half is in one part alone.
            if part == 0 || number >= 50_000 {
                table.begin_post();
                table.count_raw(name.as_bytes(), &[(0, length), (0, length)], true, decode);
            }
        }
    }
    let [mut all, mut other] = parts;
    all.merge(&mut other);
    let (distinct, totals) = all.totals(None);
    assert_eq!((distinct, totals.len()), (100_000, 100_000));
    assert_eq!(totals.iter().map(|total| total.posts).sum::<u64>(), 150_000);
    let (distinct, leaders) = all.totals(Some(10));
    assert_eq!(distinct, 100_000);
    assert!(leaders.len() >= 10 && leaders.iter().all(|total| total.posts == 2));
    let mut names: Vec<_> = totals
        .iter()
        .map(|total| all.names(total).unwrap())
        .collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 100_000);
    assert!(
        names
            .iter()
            .any(|(tag, spelled)| tag.as_str() == "tag99999" && spelled == "Tag99999")
    );
    assert!(names.iter().any(|(tag, _)| tag.as_str() == "фы99997"));
}
