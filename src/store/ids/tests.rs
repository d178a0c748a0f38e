//! Adding to lists in place, and what crashes leave of it.

use super::*;

fn ids(numbers: std::ops::Range<u64>) -> Vec<PostId> {
    // Of different lengths, so that they fall on all sides of a boundary.
    let id = |number: u64| 10_u64.pow(15 + u32::try_from(number % 4).unwrap_or(0)) + number;
    numbers
        .filter_map(|number| PostId::new(id(number)))
        .collect()
}

/// A file with lists of 300 and 2 ids.
fn listing() -> (tempfile::TempDir, BTreeMap<String, Vec<PostId>>) {
    let root = tempfile::tempdir().unwrap();
    let lists = BTreeMap::from([
        ("london".to_owned(), ids(0..300)),
        ("paris".to_owned(), ids(0..2)),
    ]);
    update(root.path(), &lists, Others::Keep).unwrap();
    (root, lists)
}

#[test]
fn ids_are_added_in_place_until_there_is_no_room() {
    let (root, lists) = listing();
    let root = root.path();
    let mut ends = Ends::read(root).unwrap();
    let mut stored = lists["london"].clone();
    let mut end = ends.get("london").unwrap();
    let mut from = 300;
    loop {
        let added = ids(from..from + 7);
        if !extend(&mut open(root).unwrap(), &mut end, &added).unwrap() {
            break;
        }
        stored.extend(added);
        from += 7;
        assert_eq!(listed(root, "london").unwrap().unwrap(), stored);
        assert_eq!(listed(root, "paris").unwrap().unwrap(), lists["paris"]);
    }
    assert!(stored.len() > 450, "{}", stored.len());
    assert_eq!(end.posts, stored.len() as u64);
    // A list that another program changed is none that we know the end of.
    assert_eq!(Ends::read(root), None);
    ends.set("london", end);
    ends.save(root);
    assert_eq!(Ends::read(root).unwrap().get("london"), Some(end));
}

#[test]
fn kept_lists_can_be_added_to_after_others_were_rewritten() {
    let (root, _) = listing();
    let root = root.path();
    let changed = BTreeMap::from([("rome".to_owned(), Vec::new())]);
    update(root, &changed, Others::Keep).unwrap();
    let ends = Ends::read(root).unwrap();
    assert!(!ends.has("rome"), "an empty list has no last id");
    let mut end = ends.get("paris").unwrap();
    assert!(extend(&mut open(root).unwrap(), &mut end, &ids(2..50)).unwrap());
    assert_eq!(listed(root, "paris").unwrap().unwrap(), ids(0..50));
    assert_eq!(listed(root, "london").unwrap().unwrap(), ids(0..300));
    assert_eq!(listed(root, "rome").unwrap().unwrap(), Vec::new());
}

#[test]
fn whatever_part_of_an_addition_a_crash_leaves_is_json() {
    let (root, lists) = listing();
    let root = root.path();
    let path = post_ids_path(root);
    let before = fs::read(&path).unwrap();
    let mut end = Ends::read(root).unwrap().get("london").unwrap();
    let added = ids(300..450);
    assert!(extend(&mut open(root).unwrap(), &mut end, &added).unwrap());
    let after = fs::read(&path).unwrap();
    assert_eq!(after.len(), before.len());
    let pieces = before.len().div_ceil(512);
    let changed: Vec<usize> = (0..pieces)
        .filter(|piece| {
            let range = piece * 512..before.len().min((piece + 1) * 512);
            before[range.clone()] != after[range]
        })
        .collect();
    assert!(changed.len() > 4 && changed.len() < 20);
    // Pieces reach the disk in any order: take the first ones, the last ones, and every other.
    let wholes = |text: &[u8]| {
        fs::write(&path, text).unwrap();
        let found = listed(root, "london").unwrap().unwrap();
        assert!(found.starts_with(&lists["london"]));
        assert!(
            found
                .iter()
                .all(|id| lists["london"].contains(id) || added.contains(id))
        );
    };
    for round in 0..3 * changed.len() {
        let mut text = before.clone();
        for (number, piece) in changed.iter().enumerate() {
            let written = match round % 3 {
                0 => number < round / 3,
                1 => number >= round / 3,
                _ => (number + round / 3) % 2 == 0,
            };
            if written {
                let range = piece * 512..text.len().min((piece + 1) * 512);
                text[range.clone()].copy_from_slice(&after[range]);
            }
        }
        wholes(&text);
    }
}
