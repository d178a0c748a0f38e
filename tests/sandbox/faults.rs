//! Every fault as the documentation describes it, and that a patient client gets through.

use std::collections::BTreeSet;

use cotag::source::sandbox::{Fault, Options};
use jiff::civil::date;
use serde_json::json;

use crate::client::{Harvest, Practice, Reply, april, london, options};

fn with(fault: Fault) -> Practice {
    Practice::start(&Options {
        faults: vec![fault],
        ..options()
    })
}

/// [`london`], of four days only.
fn few_days() -> serde_json::Value {
    let mut body = london();
    body["end_date"] = "20240404".into();
    body["max_count"] = 20.into();
    body
}

/// Status of so many requests one after another.
fn statuses(practice: &Practice, count: usize) -> Vec<u16> {
    (0..count)
        .map(|_| practice.ask(&few_days()).status)
        .collect()
}

/// A month downloaded with these faults: the requests used, and what came.
fn downloaded(faults: &[Fault], seed: u64) -> (Practice, Harvest) {
    let mut practice = Practice::start(&Options {
        faults: faults.to_vec(),
        seed,
        ..options()
    });
    let harvest = practice.harvest("london", &april());
    let truth = practice.running.truth_of_tag("london", april());
    assert_eq!(harvest.ids, truth, "{faults:?}, seed {seed}");
    (practice, harvest)
}

#[test]
fn a_patient_client_gets_everything_whatever_goes_wrong() {
    let (practice, plain) = downloaded(&[], 0);
    assert!(plain.ids.len() > 150 && plain.repeated == 0 && plain.off_query == 0);
    let least = practice.running.used();

    for fault in Fault::ALL {
        let (practice, harvest) = downloaded(&[fault], 0);
        let used = practice.running.used();
        assert!(
            used >= least && used <= least * 4,
            "{fault}: {used} requests"
        );
        let log = practice.running.requests();
        let told = log.iter().any(|request| request.fault == Some(fault));
        match fault {
            Fault::Duplicates => assert!(harvest.repeated >= 5),
            Fault::OffQuery => assert!(harvest.off_query >= 5),
            Fault::FreshSearch | Fault::LostSearch | Fault::EmptyPage => assert!(used > least),
            Fault::Storm500 | Fault::Html504 | Fault::RateLimit => assert!(told, "{fault}"),
            _ => {}
        }
    }
}

#[test]
fn a_patient_client_gets_everything_though_all_goes_wrong_at_once() {
    for seed in [0, 3, 7, 9, 16] {
        let (practice, _) = downloaded(&Fault::ALL, seed);
        let log = practice.running.requests();
        let seen: BTreeSet<Fault> = log.iter().filter_map(|request| request.fault).collect();
        let single = [
            Fault::Storm500,
            Fault::Html504,
            Fault::RateLimit,
            Fault::Drop,
            Fault::Truncate,
        ];
        let all = single.iter().all(|fault| seen.contains(fault));
        assert!(all, "every fault of single requests: {seen:?}");
    }
}

#[test]
fn fresh_search_refuses_the_second_page_twice() {
    let practice = with(Fault::FreshSearch);
    let mut messages = BTreeSet::new();
    for _ in 0..2 {
        let first = practice.ask(&london());
        let next = Practice::next(&london(), &first);
        for _ in 0..2 {
            let reply = practice.ask(&next);
            assert_eq!(
                (reply.status, reply.code().as_str()),
                (400, "invalid_params")
            );
            messages.insert(reply.message().replace(char::is_numeric, ""));
        }
        let second = practice.ask(&next);
        assert_eq!(second.ids().len(), 40);
        assert_eq!(
            practice.ask(&Practice::next(&london(), &second)).status,
            200
        );
    }
    let known = [
        "Invalid count or cursor",
        "Search Id  is invalid or expired",
    ];
    assert_eq!(
        messages.iter().map(String::as_str).collect::<Vec<_>>(),
        known
    );
}

#[test]
fn storm_500_fails_three_times_in_a_row_in_three_ways() {
    let practice = with(Fault::Storm500);
    assert_eq!(statuses(&practice, 3), [200; 3]);
    let replies: Vec<Reply> = (0..3).map(|_| practice.ask(&few_days())).collect();
    assert!(replies.iter().all(|reply| reply.status == 500));
    assert_eq!(
        replies.iter().filter(|reply| reply.body.is_empty()).count(),
        1
    );
    let bare = |reply: &&Reply| reply.body == br#"{"data":{}}"#;
    assert_eq!(replies.iter().filter(bare).count(), 1);
    let coded = |reply: &&Reply| String::from_utf8_lossy(&reply.body).contains("internal_error");
    assert_eq!(replies.iter().filter(coded).count(), 1);
    assert_eq!(statuses(&practice, 17), [200; 17]);
    assert_eq!(statuses(&practice, 4), [500, 500, 500, 200]);
    assert_eq!(practice.running.used(), 27, "failures cost");
}

#[test]
fn a_longer_storm_is_one() {
    let practice = Practice::start(&Options {
        faults: vec![Fault::Storm500],
        storm_length: 30,
        ..options()
    });
    assert_eq!(statuses(&practice, 3), [200; 3]);
    assert_eq!(statuses(&practice, 30), [500; 30]);
    assert_eq!(statuses(&practice, 60), [200; 60]);
}

#[test]
fn html_504_answers_no_long_window_and_now_and_then_none() {
    let practice = with(Fault::Html504);
    for days in ["20240408", "20240405"] {
        let mut body = london();
        body["end_date"] = days.into();
        let reply = practice.ask(&body);
        assert_eq!(reply.status, 504);
        assert!(reply.head.contains("content-type: text/html"));
        assert!(reply.body.starts_with(b"<html>"));
    }
    assert_eq!(statuses(&practice, 6), [200; 6]);
    assert_eq!(statuses(&practice, 2), [504, 200]);
}

#[test]
fn rate_limit_says_when_to_come_back_once() {
    let practice = with(Fault::RateLimit);
    assert_eq!(practice.ask(&few_days()).status, 200);
    let reply = practice.ask(&few_days());
    assert_eq!(
        (reply.status, reply.code().as_str()),
        (429, "rate_limit_exceeded")
    );
    assert!(reply.head.contains("retry-after: 1"));
    assert_eq!(statuses(&practice, 19), [200; 19]);
    let reply = practice.ask(&few_days());
    assert_eq!(reply.code(), "rate_limit_exceeded");
    assert!(!reply.head.contains("retry-after"));
}

#[test]
fn short_pages_are_short_though_more_is_to_come() {
    let practice = with(Fault::ShortPages);
    let replies = practice.pages(&london());
    let ids: BTreeSet<u64> = replies.iter().flat_map(Reply::ids).collect();
    assert_eq!(ids, practice.running.truth_of_tag("london", april()));
    for (page, reply) in replies[..replies.len() - 1].iter().enumerate() {
        assert!((20..40).contains(&reply.ids().len()));
        assert_eq!(
            reply.json()["data"]["cursor"],
            (page + 1) * 40,
            "positions, not rows"
        );
    }
}

#[test]
fn empty_pages_are_amid_and_at_the_end() {
    let practice = with(Fault::EmptyPage);
    let replies = practice.pages(&london());
    let rows: Vec<usize> = replies.iter().map(|reply| reply.ids().len()).collect();
    assert_eq!((rows[0], rows[1], rows[2]), (40, 0, 40));
    assert_eq!(replies[1].json()["data"]["has_more"], true);
    assert_eq!(replies[1].json()["data"]["videos"], json!([]));
    let last = replies.last().unwrap().json();
    assert!(
        last["data"].get("videos").is_none(),
        "a missing list is an empty one"
    );
    assert_eq!(last["error"]["code"], "ok");
    let ids: BTreeSet<u64> = replies.iter().flat_map(Reply::ids).collect();
    assert_eq!(ids, practice.running.truth_of_tag("london", april()));
}

#[test]
fn expired_token_ends_after_eight_requests() {
    let mut practice = with(Fault::ExpiredToken);
    assert_eq!(statuses(&practice, 8), [200; 8]);
    assert_eq!(statuses(&practice, 2), [401; 2]);
    assert_eq!(practice.ask(&few_days()).code(), "access_token_invalid");
    assert_eq!(practice.running.used(), 8);
    practice.renew();
    assert_eq!(practice.ask(&few_days()).status, 200);
}

#[test]
fn lost_search_never_comes_back_and_the_next_two_stay() {
    let practice = with(Fault::LostSearch);
    for round in 0..6 {
        let first = practice.ask(&london());
        let next = Practice::next(&london(), &first);
        for _ in 0..10 {
            let reply = practice.ask(&next);
            if round % 3 == 0 {
                assert_eq!(reply.status, 400);
                assert!(reply.message().ends_with("is invalid or expired"));
            } else {
                assert_eq!(reply.status, 200);
            }
        }
    }
}

#[test]
fn renamed_search_gives_another_id_with_every_page() {
    let practice = with(Fault::RenamedSearch);
    let first = practice.ask(&london());
    let second = practice.ask(&Practice::next(&london(), &first));
    let third = Practice::next(&london(), &second);
    let mut stale = third.clone();
    stale["search_id"] = first.json()["data"]["search_id"].clone();
    assert_ne!(stale, third);
    assert!(
        practice
            .ask(&stale)
            .message()
            .ends_with("is invalid or expired")
    );
    assert_eq!(practice.ask(&third).status, 200);
    let again = practice.ask(&Practice::next(&london(), &first));
    assert_eq!(
        again.json()["data"],
        second.json()["data"],
        "its answer may have been lost"
    );
}

#[test]
fn duplicates_stand_in_one_page_and_in_two() {
    let practice = with(Fault::Duplicates);
    let replies = practice.pages(&london());
    let truth = practice.running.truth_of_tag("london", april());
    let ids: Vec<u64> = replies.iter().flat_map(Reply::ids).collect();
    assert!(ids.len() > truth.len());
    assert_eq!(ids.into_iter().collect::<BTreeSet<u64>>(), truth);
    let first: Vec<u64> = replies[0].ids();
    assert!(first.iter().collect::<BTreeSet<_>>().len() < first.len());
    assert_eq!(first.last(), replies[1].ids().first());
}

#[test]
fn off_query_rows_are_of_the_days_but_not_of_the_query() {
    let practice = with(Fault::OffQuery);
    let ids: Vec<u64> = practice
        .pages(&london())
        .iter()
        .flat_map(Reply::ids)
        .collect();
    let truth = practice.running.truth_of_tag("london", april());
    let everything = practice
        .running
        .truth(
            &json!({"not": [{"field_name": "username", "operation": "EQ", "field_values": ["x"]}]}),
            april(),
        )
        .unwrap();
    assert!(ids.is_sorted_by(|a, b| a > b));
    let ids: BTreeSet<u64> = ids.into_iter().collect();
    assert!(truth.is_subset(&ids) && ids.is_subset(&everything));
    assert_eq!(ids.len() - truth.len(), truth.len() / 12);
}

#[test]
fn nul_characters_are_in_names_and_captions() {
    let practice = with(Fault::Nul);
    let reply = practice.ask(&london());
    let json = reply.json();
    let has = |key: &str| {
        let rows = json["data"]["videos"].as_array().unwrap().iter();
        rows.filter(|row| row[key].as_str().unwrap().contains("\0\0"))
            .count()
    };
    assert!((2..20).contains(&has("username")));
    assert_eq!(has("username"), has("video_description"));
    assert!(String::from_utf8_lossy(&reply.body).contains("syn\\u0000\\u0000thetic.london"));
}

#[test]
fn drop_and_truncate_cut_answers_off() {
    let practice = with(Fault::Drop);
    assert_eq!(statuses(&practice, 11), [200; 11]);
    let reply = practice.ask(&few_days());
    assert_eq!((reply.status, reply.whole), (200, false));
    assert!(!reply.body.is_empty(), "some of it arrives");
    assert!(practice.ask(&few_days()).whole);
    assert_eq!(practice.running.requests()[12].fault, Some(Fault::Drop));

    let practice = with(Fault::Truncate);
    assert_eq!(statuses(&practice, 14), [200; 14]);
    let reply = practice.ask(&few_days());
    assert_eq!((reply.status, reply.whole), (200, true));
    assert!(serde_json::from_slice::<serde_json::Value>(&reply.body).is_err());
    assert_eq!(practice.ask(&few_days()).code(), "ok");
}

#[test]
fn unavailable_days_always_fail() {
    let practice = Practice::start(&Options {
        unavailable: Some(date(2024, 4, 3)..=date(2024, 4, 3)),
        ..options()
    });
    assert_eq!(statuses(&practice, 5), [500; 5]);
    let mut body = few_days();
    body["end_date"] = "20240402".into();
    assert_eq!(practice.ask(&body).status, 200);
    body["start_date"] = "20240404".into();
    body["end_date"] = "20240430".into();
    assert_eq!(practice.ask(&body).status, 200);
}

#[test]
fn names_of_faults_are_read_back() {
    for fault in Fault::ALL {
        assert_eq!(fault.to_string().parse(), Ok(fault));
    }
    assert_eq!(Fault::named(["drop", "all", " nul"]).unwrap(), Fault::ALL);
    assert_eq!(Fault::named([]).unwrap(), []);
    let error = Fault::named(["drop", "storm"]).unwrap_err().to_string();
    assert!(error.starts_with("`storm` is no fault; there are fresh-search, storm-500, "));
}
