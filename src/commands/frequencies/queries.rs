//! What the API was asked for to get a hashtag's posts: a ranking of posts that were chosen by more
//! than their hashtag must say so.

use serde_json::Value;

use crate::commands::input::Subject;
use crate::model::Hashtag;
use crate::source::research::Query;
use crate::store::{RunInput, StoreError};

/// The kind of input that a search of the API is.
const KIND: &str = "research-api query";
/// The longest list of values that is written out.
const VALUES: usize = 5;

/// The queries that collected a subject's posts, in words, each once; none where all of them asked
/// for its hashtag alone. What cannot be read is no query: the count stands without it.
pub(super) fn asked_of_the_api(subject: &Subject) -> Vec<String> {
    let inputs = inputs(subject).unwrap_or_default();
    let Some(tag) = subject.hashtag() else {
        return Vec::new();
    };
    in_words(&inputs, tag)
}

fn inputs(subject: &Subject) -> Result<Vec<RunInput>, StoreError> {
    match subject {
        Subject::Stored(stored) => stored.inputs(),
        Subject::Database(stored) => stored.database.inputs(&stored.tag),
        Subject::File(_) => Ok(Vec::new()),
    }
}

fn in_words(inputs: &[RunInput], tag: &Hashtag) -> Vec<String> {
    let plain = Query::hashtag(tag).map(|query| query.to_json()).ok();
    let mut queries: Vec<Value> = Vec::new();
    for input in inputs.iter().filter(|input| input.kind == KIND) {
        // The days stand behind the query.
        let mut values = serde_json::Deserializer::from_str(&input.path).into_iter::<Value>();
        if let Some(Ok(query)) = values.next()
            && !queries.contains(&query)
        {
            queries.push(query);
        }
    }
    if queries.iter().all(|query| Some(query) == plain.as_ref()) {
        return Vec::new();
    }
    let words = |query: &Value| {
        if Some(query) == plain.as_ref() {
            "the hashtag alone".to_owned()
        } else {
            words(query)
        }
    };
    queries.iter().map(words).collect()
}

/// `hashtag_name EQ london and region_code IN GB, FR`.
fn words(query: &Value) -> String {
    let list = |name: &str, joint: &str| {
        let conditions: Vec<String> = query[name]
            .as_array()
            .into_iter()
            .flatten()
            .map(condition)
            .collect();
        (!conditions.is_empty()).then(|| conditions.join(joint))
    };
    let parts = [
        list("and", " and "),
        list("or", " or ").map(|any| format!("({any})")),
        list("not", " or ").map(|none| format!("not ({none})")),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    parts.join(" and ")
}

fn condition(condition: &Value) -> String {
    let text = |key: &str| condition[key].as_str().unwrap_or("?").to_owned();
    let values = condition["field_values"].as_array();
    let values = values.map_or(&[][..], Vec::as_slice);
    let mut named: Vec<String> = values
        .iter()
        .take(VALUES)
        .map(|value| {
            value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned)
        })
        .collect();
    if values.len() > VALUES {
        named.push(format!("and {} more", values.len() - VALUES));
    }
    format!(
        "{} {} {}",
        text("field_name"),
        text("operation"),
        named.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(query: &Query) -> RunInput {
        RunInput {
            path: format!("{} 2024-05-01 to 2024-05-07", query.to_json()),
            kind: KIND.into(),
            bytes: 0,
            sha256: String::new(),
            stopped: None,
        }
    }

    #[test]
    fn posts_chosen_by_a_keyword_were_presented_as_those_of_the_hashtag() {
        let london = Hashtag::new("london").unwrap();
        let plain = Query::hashtag(&london).unwrap();
        let mut food = plain.clone();
        food.and_any_of("keyword", &["food".to_owned()]).unwrap();
        assert!(in_words(&[input(&plain), input(&plain)], &london).is_empty());
        let words = in_words(&[input(&food), input(&food)], &london);
        assert_eq!(words.len(), 1);
        assert!(
            words[0].starts_with("hashtag_name EQ london and keyword "),
            "{words:?}"
        );
        assert!(words[0].ends_with(" food"), "{words:?}");
        let both = in_words(&[input(&plain), input(&food)], &london);
        assert_eq!(both[0], "the hashtag alone");
        assert_eq!(both[1], words[0]);
        // A crawl under the name of a hashtag.
        let crawl = Query::hashtag(&Hashtag::new("paris").unwrap()).unwrap();
        assert_eq!(
            in_words(&[input(&crawl)], &london),
            ["hashtag_name EQ paris"]
        );
    }
}
