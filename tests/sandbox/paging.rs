//! Searches without faults: page after page until all is there.

use std::collections::BTreeSet;

use cotag::source::sandbox::Options;
use serde_json::{Value, json};

use crate::client::{Practice, Reply, april, london, options, tagged};

#[test]
fn paging_to_the_end_gives_exactly_the_truth_newest_first() {
    let practice = Practice::start(&options());
    let replies = practice.pages(&london());
    let ids: Vec<u64> = replies.iter().flat_map(Reply::ids).collect();
    assert!(ids.is_sorted_by(|a, b| a > b), "each once, ids descending");
    let truth = practice.running.truth_of_tag("london", april());
    assert!((150..250).contains(&truth.len()), "{}", truth.len());
    assert_eq!(ids.iter().copied().collect::<BTreeSet<u64>>(), truth);

    let (last, before) = replies.split_last().unwrap();
    for (page, reply) in before.iter().enumerate() {
        let data = &reply.json()["data"];
        assert_eq!(data["cursor"], (page + 1) * 40);
        assert_eq!(
            (data["has_more"].clone(), reply.ids().len()),
            (json!(true), 40)
        );
        assert_eq!(data["search_id"], replies[0].json()["data"]["search_id"]);
    }
    assert_eq!(last.json()["data"]["cursor"], ids.len());
    assert_eq!(replies.len(), ids.len().div_ceil(40));
    assert_eq!(practice.running.used(), replies.len() as u64);
}

#[test]
fn windows_of_a_week_hold_what_the_month_holds() {
    let practice = Practice::start(&options());
    let mut ids = BTreeSet::new();
    for (first, last) in [
        ("20240401", "20240407"),
        ("20240408", "20240420"),
        ("20240421", "20240430"),
    ] {
        let mut body = london();
        body["start_date"] = first.into();
        body["end_date"] = last.into();
        for id in practice.pages(&body).iter().flat_map(Reply::ids) {
            assert!(ids.insert(id), "windows do not overlap");
        }
    }
    assert_eq!(ids, practice.running.truth_of_tag("london", april()));
}

#[test]
fn rows_hold_the_fields_asked_for_with_whole_numbers_and_keys_in_any_order() {
    let practice = Practice::start(&options());
    let all = "id,create_time,username,region_code,video_description,music_id,like_count,comment_count,share_count,\
        view_count,favorites_count,effect_ids,hashtag_names,hashtag_info_list,sticker_info_list,effect_info_list,\
        video_mention_list,video_label,video_tag,playlist_id,voice_to_text,is_stem_verified,video_duration";
    let reply = practice.ask_fields(all, &london());
    let json = reply.json();
    let rows = json["data"]["videos"].as_array().unwrap();
    let missing = |key: &str| rows.iter().filter(|row| row.get(key).is_none()).count();
    assert!(
        ["view_count", "like_count", "effect_ids", "voice_to_text"]
            .iter()
            .all(|key| missing(key) > 0)
    );
    assert!(
        ["id", "username", "favorites_count", "is_stem_verified"]
            .iter()
            .all(|key| missing(key) == 0)
    );
    for row in rows {
        let id = row["id"].as_u64().unwrap();
        assert_eq!(id.to_string().len(), 19);
        assert_eq!(row["create_time"].as_u64().unwrap(), id >> 32);
        let username = row["username"].as_str().unwrap();
        assert!(
            username.len() <= 24
                && username
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "._".contains(c))
        );
    }
    let orders: BTreeSet<Vec<&String>> = rows
        .iter()
        .map(|row| row.as_object().unwrap().keys().collect())
        .collect();
    assert!(orders.len() > 10);

    let two = practice.ask_fields("username,id", &london()).json();
    for row in two["data"]["videos"].as_array().unwrap() {
        let keys: BTreeSet<&String> = row.as_object().unwrap().keys().collect();
        assert_eq!(keys.into_iter().collect::<Vec<_>>(), ["id", "username"]);
    }
}

#[test]
fn lists_of_hashtags_are_as_untidy_as_real_ones() {
    let practice = Practice::start(&options());
    let rows: Vec<Value> = practice
        .pages(&london())
        .iter()
        .flat_map(|reply| reply.json()["data"]["videos"].as_array().unwrap().clone())
        .collect();
    let tags = |row: &Value| -> Vec<String> {
        serde_json::from_value(row["hashtag_names"].clone()).unwrap_or_default()
    };
    let some = |is: &dyn Fn(&Value) -> bool| assert!(rows.iter().any(is));
    some(&|row| row.get("hashtag_names").is_none());
    some(&|row| row["hashtag_names"] == json!([]));
    some(&|row| tags(row).iter().collect::<BTreeSet<_>>().len() < tags(row).len());
    some(&|row| tags(row).iter().any(|tag| *tag != tag.to_lowercase()));
}

#[test]
fn a_page_can_be_asked_for_again() {
    let practice = Practice::start(&options());
    let first = practice.ask(&london());
    let next = Practice::next(&london(), &first);
    let (once, twice) = (practice.ask(&next), practice.ask(&next));
    assert_eq!(once.ids(), twice.ids());
    assert_eq!(
        once.json()["data"]["cursor"],
        twice.json()["data"]["cursor"]
    );
    assert_ne!(
        once.json()["error"]["log_id"],
        twice.json()["error"]["log_id"]
    );
}

#[test]
fn a_search_is_good_for_its_query_days_and_cursors_only() {
    let practice = Practice::start(&options());
    let first = practice.ask(&london());
    let next = Practice::next(&london(), &first);
    let with = |key: &str, value: Value| {
        let mut body = next.clone();
        body[key] = value;
        practice.ask(&body).message()
    };
    let id = next["search_id"].as_str().unwrap();
    let invalid = format!("Search Id {id} is invalid or expired");
    assert_eq!(with("query", tagged("paris")), invalid);
    assert_eq!(with("start_date", "20240402".into()), invalid);
    assert_eq!(with("end_date", "20240429".into()), invalid);
    assert_eq!(with("max_count", 41.into()), "Invalid count or cursor");
    assert_eq!(with("cursor", 80.into()), "Invalid count or cursor");
    assert_eq!(with("cursor", 39.into()), "Invalid count or cursor");
    assert_eq!(with("search_id", Value::Null), "Invalid count or cursor");
    assert_eq!(practice.ask(&next).status, 200, "none of that spoils it");
}

#[test]
fn a_query_that_finds_nothing_has_an_empty_page() {
    let practice = Practice::start(&options());
    let mut body = london();
    for tag in ["atlantis", "#london"] {
        body["query"] = tagged(tag);
        let data = practice.ask(&body).json()["data"].clone();
        assert_eq!(
            (&data["videos"], &data["has_more"]),
            (&json!([]), &json!(false)),
            "{tag}"
        );
        assert_eq!(data["cursor"], 0);
    }
}

#[test]
fn a_random_sample_is_another_every_time_and_has_no_next_page() {
    let practice = Practice::start(&options());
    let mut body = london();
    body["is_random"] = true.into();
    let truth = practice.running.truth_of_tag("london", april());
    let (one, other) = (practice.ask(&body), practice.ask(&body));
    assert_ne!(one.ids(), other.ids());
    for reply in [one, other] {
        let ids = reply.ids();
        assert!(!ids.is_sorted_by(|a, b| a > b) && ids.len() == 40);
        assert!(ids.iter().all(|id| truth.contains(id)));
        assert_eq!(reply.json()["data"]["has_more"], false);
    }
}

#[test]
fn the_same_options_give_the_same_answers() {
    let bodies = |seed: u64, posts: usize| -> Vec<Value> {
        let practice = Practice::start(&Options {
            seed,
            posts,
            ..options()
        });
        let replies = practice.pages(&london());
        replies
            .iter()
            .map(|reply| reply.json()["data"].clone())
            .collect()
    };
    assert_eq!(bodies(0, 300), bodies(0, 300));
    assert_ne!(
        bodies(0, 300)[0]["search_id"],
        bodies(1, 300)[0]["search_id"]
    );
    assert_eq!(bodies(0, 300)[0]["videos"], bodies(1, 300)[0]["videos"]);
    assert!(bodies(0, 600).len() > bodies(0, 300).len());
}

#[test]
fn the_last_two_days_are_empty() {
    let practice = Practice::start(&options());
    let mut body = london();
    body["start_date"] = "20261101".into();
    body["end_date"] = "20261122".into();
    let youngest = practice.ask(&body).ids()[0] >> 32;
    let now = u64::try_from(practice.running.now().as_second()).unwrap();
    assert!((48..72).contains(&((now - youngest) / 3600)));
    body["start_date"] = "20261121".into();
    assert!(practice.ask(&body).ids().is_empty());
}
