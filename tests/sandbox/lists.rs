//! The endpoints beside the video query: their rules, broken once, and their pages.

use cotag::source::sandbox::Options;
use serde_json::{Value, json};

use crate::client::{Practice, options};

const COMMENTS: &str = "/v2/research/video/comment/list/?fields=id,text,parent_comment_id";
const INFO: &str = "/v2/research/user/info/?fields=display_name";
const FOLLOWERS: &str = "/v2/research/user/followers/";
const LIKED: &str = "/v2/research/user/liked_videos/?fields=id";

fn code(practice: &Practice, path: &str, body: &Value) -> String {
    practice.ask_raw(path, &body.to_string()).code()
}

/// A post of #london with some comments that are given out.
fn talked_about(practice: &Practice) -> u64 {
    let days = jiff::civil::date(2024, 4, 1)..=jiff::civil::date(2024, 5, 31);
    let posts = practice.running.truth_of_tag("london", days);
    let count = |id: &u64| {
        practice
            .running
            .comments_of(*id, true)
            .map_or(0, |all| all.len())
    };
    posts
        .into_iter()
        .find(|id| (20..90).contains(&count(id)))
        .unwrap()
}

#[test]
fn requests_for_lists_that_break_a_rule_are_refused() {
    let practice = Practice::start(&options());
    let video = talked_about(&practice);
    for (path, body) in [
        (COMMENTS, json!({})),
        (COMMENTS, json!({"video_id": video, "comment_id": 1})),
        (COMMENTS, json!({"video_id": video, "max_count": 101})),
        (COMMENTS, json!({"video_id": video, "max_count": 0})),
        (COMMENTS, json!({"video_id": video, "cursor": 5000})),
        (COMMENTS, json!({"video_id": video.to_string()})),
        (COMMENTS, json!({"video_id": video, "search_id": "1"})),
        (
            "/v2/research/video/comment/list/",
            json!({"video_id": video}),
        ),
        (
            "/v2/research/video/comment/list/?fields=username",
            json!({"video_id": video}),
        ),
        (INFO, json!({})),
        (
            "/v2/research/user/info/?fields=id",
            json!({"username": "synthetic.fan.1"}),
        ),
        (
            "/v2/research/user/liked_videos/?fields=voice_to_text",
            json!({"username": "synthetic.fan.1"}),
        ),
        (
            FOLLOWERS,
            json!({"username": "synthetic.fan.1", "max_count": 1000}),
        ),
        (INFO, json!({"username": "nobody.at.all"})),
    ] {
        assert_eq!(
            code(&practice, path, &body),
            "invalid_params",
            "{path} {body}"
        );
    }
    assert_eq!(
        code(
            &practice,
            COMMENTS,
            &json!({"video_id": video, "cursor": null})
        ),
        "ok"
    );
}

#[test]
fn comments_and_answers_come_in_pages_and_add_up() {
    let practice = Practice::start(&options());
    let video = talked_about(&practice);
    let mut ids = Vec::new();
    let mut cursor = json!(0);
    loop {
        let body = json!({"video_id": video, "max_count": 7, "cursor": cursor});
        let data = practice.ask_raw(COMMENTS, &body.to_string()).json()["data"].clone();
        for comment in data["comments"].as_array().unwrap() {
            assert_eq!(comment["parent_comment_id"], video);
            ids.push(comment["id"].as_u64().unwrap());
        }
        cursor = data["cursor"].clone();
        if data["has_more"] == false {
            break;
        }
    }
    let direct = practice.running.comments_of(video, false).unwrap();
    assert_eq!(ids.len(), direct.len());
    let mut all = ids.len();
    for id in &ids {
        let body = json!({"comment_id": id, "max_count": 100});
        let data = practice.ask_raw(COMMENTS, &body.to_string()).json()["data"].clone();
        let answers = data["comments"].as_array().unwrap();
        assert!(
            answers
                .iter()
                .all(|answer| answer["parent_comment_id"] == *id)
        );
        all += answers.len();
    }
    assert_eq!(
        all,
        practice.running.comments_of(video, true).unwrap().len()
    );
}

#[test]
fn posts_that_are_gone_are_gone_everywhere() {
    let practice = Practice::start(&options());
    let video = talked_about(&practice);
    practice.running.remove(&[video]);
    let reply = practice.ask_raw(COMMENTS, &json!({"video_id": video}).to_string());
    assert!(
        reply.message().contains("cannot find the video"),
        "{}",
        reply.message()
    );
    let days = jiff::civil::date(2024, 4, 1)..=jiff::civil::date(2024, 5, 31);
    assert!(
        !practice
            .running
            .truth_of_tag("london", days)
            .contains(&video)
    );
}

#[test]
fn followers_are_counted_apart_and_likes_are_hidden_by_most() {
    let practice = Practice::start(&Options {
        relations_quota: 1,
        ..options()
    });
    let user = (0..145)
        .map(|number| format!("synthetic.london.{number}"))
        .find(|name| practice.running.relations_of(name, false).is_some())
        .unwrap();
    let body = json!({"username": user});
    assert_eq!(code(&practice, FOLLOWERS, &body), "ok");
    assert_eq!(
        code(&practice, FOLLOWERS, &body),
        "daily_quota_limit_exceeded"
    );
    assert_eq!(code(&practice, INFO, &body), "ok");
    assert_eq!(
        (
            practice.running.used(),
            practice.running.used_for_relations()
        ),
        (1, 1)
    );
    let hidden = (0..60)
        .map(|number| json!({"username": format!("synthetic.fan.{number}")}).to_string())
        .filter(|body| practice.ask_raw(LIKED, body).status == 403)
        .count();
    assert!((20..60).contains(&hidden), "{hidden}");
}
