//! What an answer of the site says besides its posts: whether more follow, whether it is a refusal,
//! whether the page exists at all.

use crate::json::{Fields, Walk};

use super::page::{Page, Place};

/// What was learnt from an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    /// Whether the list goes on, where the answer is a part of it and says so.
    pub(super) more: Option<bool>,
    /// What is wrong.
    pub(super) trouble: Option<Trouble>,
    /// How many posts the site says that the page has.
    pub(super) total: Option<u64>,
}

/// What can be wrong with an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It is a refusal.
    Blocked(String),
    /// There is no such hashtag or account, or none that is shown.
    NoSuch(String),
}

/// Judges an answer with a JSON body.
pub(super) fn answer(page: &Page, place: Place, status: u16, body: &[u8]) -> Verdict {
    let told = place == Place::List || place == Place::Detail;
    if !told {
        return Verdict::default();
    }
    let text = String::from_utf8_lossy(body);
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return blocked(format!("an empty answer with status {status}"));
    }
    if status >= 400 {
        return blocked(format!("an answer with status {status}"));
    }
    let Ok(fields) = Fields::parse(trimmed) else {
        let what = if trimmed.starts_with('<') {
            "a page in place of data"
        } else {
            "an answer that is cut off or no JSON"
        };
        return blocked(what.to_owned());
    };
    let mut verdict = Verdict {
        trouble: code(&fields).map(|code| refusal(page, &code)),
        ..Verdict::default()
    };
    if place == Place::Detail {
        return Verdict {
            total: total(&fields),
            ..verdict
        };
    }
    if verdict.trouble.is_none() {
        verdict.more = fields
            .get("hasMore")
            .or_else(|| fields.get("has_more"))
            .and_then(|more| more.flag().or_else(|| more.count().map(|count| count != 0)));
        let lists = ["itemList", "item_list", "data", "aweme_list"];
        if verdict.more.is_none() && !lists.iter().any(|key| fields.has(key)) {
            return blocked("an answer without a list".to_owned());
        }
    }
    verdict
}

/// Judges the page itself, by its status and the state embedded in it.
pub(super) fn document(page: &Page, status: u16, body: &[u8]) -> Verdict {
    let mut verdict = Verdict::default();
    for state in crate::source::files::page_states(body) {
        let Ok(state) = Walk::new(state).capture().map(<[u8]>::to_vec) else {
            continue;
        };
        let text = String::from_utf8_lossy(&state);
        let Ok(fields) = Fields::parse(&text) else {
            continue;
        };
        let scope = fields.object("__DEFAULT_SCOPE__");
        let (current, old) = match page {
            Page::Tag(_) => ("webapp.challenge-detail", "ChallengePage"),
            Page::User(_) => ("webapp.user-detail", "UserPage"),
            Page::Search(_) => continue,
        };
        for detail in [scope.object(current), fields.object(old)] {
            let trouble = code(&detail).map(|code| refusal(page, &code));
            verdict.trouble = verdict.trouble.or(trouble);
            verdict.total = verdict.total.or_else(|| total(&detail));
        }
    }
    if verdict.trouble.is_none() {
        verdict.trouble = match status {
            404 | 410 => Some(Trouble::NoSuch(format!("its page has status {status}"))),
            400.. => Some(Trouble::Blocked(format!("the page has status {status}"))),
            _ => None,
        };
    }
    verdict
}

fn blocked(what: String) -> Verdict {
    Verdict {
        trouble: Some(Trouble::Blocked(what)),
        ..Verdict::default()
    }
}

/// A status code that is not the one for success.
fn code(fields: &Fields<'_>) -> Option<String> {
    ["statusCode", "status_code"]
        .iter()
        .find_map(|key| fields.literal(key))
        .filter(|code| code != "0")
        .map(|code| code.chars().take(20).collect())
}

/// What a status code means: those of tiktok.com's own pages, of which some are no refusal.
fn refusal(page: &Page, code: &str) -> Trouble {
    let no_such = match (page, code) {
        (Page::Tag(_), "10205") => "there is no such hashtag",
        (Page::Tag(_), "10209" | "10211" | "10212") => "the site does not show this hashtag",
        (Page::User(_), "10202") => "there is no such account",
        (Page::User(_), "10221") => "the account was banned",
        (Page::User(_), "10222") => "the account is private",
        (Page::User(_), "10223" | "10225") => "the site does not show this account",
        _ => return Trouble::Blocked(format!("an answer with status code {code}")),
    };
    Trouble::NoSuch(format!("{no_such} (status code {code})"))
}

/// How many posts a hashtag or an account has, as its details say.
fn total(fields: &Fields<'_>) -> Option<u64> {
    let info = |outer: &str| {
        let outer = fields.object(outer);
        let new = outer.object("statsV2").count("videoCount");
        new.or_else(|| outer.object("stats").count("videoCount"))
    };
    info("challengeInfo").or_else(|| info("userInfo"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Hashtag;

    fn tag() -> Page {
        Page::Tag(Hashtag::new("london").unwrap())
    }

    fn list(body: &str) -> Verdict {
        answer(&tag(), Place::List, 200, body.as_bytes())
    }

    #[test]
    fn the_end_of_a_list_is_what_it_says_in_any_spelling() {
        for (body, more) in [
            (
                r#"{"statusCode":0,"hasMore":true,"itemList":[]}"#,
                Some(true),
            ),
            (r#"{"hasMore":false}"#, Some(false)),
            (r#"{"status_code":0,"has_more":0}"#, Some(false)),
            (r#"{"has_more":1}"#, Some(true)),
            (r#"{"itemList":[]}"#, None),
        ] {
            assert_eq!(
                list(body),
                Verdict {
                    more,
                    ..Verdict::default()
                },
                "{body}"
            );
        }
    }

    #[test]
    fn refusals_are_told_from_hashtags_that_do_not_exist() {
        for body in [
            "",
            "  \n",
            r#"{"statusCode":10101,"itemList":[]}"#,
            r#"{"status_code":"8"}"#,
            r#"{"itemList":[{"id":"7"#,
            "{}",
            "<!doctype html>",
        ] {
            let trouble = list(body).trouble;
            assert!(matches!(trouble, Some(Trouble::Blocked(_))), "{body:?}");
        }
        let refused = answer(&tag(), Place::List, 429, b"{}").trouble;
        assert!(matches!(refused, Some(Trouble::Blocked(_))));
        let none = answer(&tag(), Place::Detail, 200, br#"{"statusCode":10205}"#).trouble;
        assert!(matches!(none, Some(Trouble::NoSuch(_))));
        assert_eq!(
            answer(&tag(), Place::Other, 500, b""),
            Verdict::default(),
            "other answers say nothing about the list"
        );
    }

    #[test]
    fn the_state_in_a_page_tells_totals_and_what_does_not_exist() {
        let state = |detail: &str| {
            format!(
                "<html><script id=\"__UNIVERSAL_DATA_FOR_REHYDRATION__\" type=\"application/json\">\
                 {{\"__DEFAULT_SCOPE__\":{{\"webapp.challenge-detail\":{detail}}}}}</script></html>"
            )
        };
        let page = state(r#"{"statusCode":0,"challengeInfo":{"stats":{"videoCount":737}}}"#);
        let verdict = document(&tag(), 200, page.as_bytes());
        assert_eq!((verdict.total, verdict.trouble), (Some(737), None));
        let page = state(r#"{"statusCode":10205}"#);
        let verdict = document(&tag(), 200, page.as_bytes());
        assert!(matches!(verdict.trouble, Some(Trouble::NoSuch(_))));
        let gone = document(&tag(), 404, b"<html></html>");
        assert!(matches!(gone.trouble, Some(Trouble::NoSuch(_))));
        let refused = document(&tag(), 403, b"<html></html>");
        assert!(matches!(refused.trouble, Some(Trouble::Blocked(_))));
    }
}
