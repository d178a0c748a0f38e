//! The sandbox's users: the made-up authors, and those who follow them. What is said of a user
//! follows from the name alone.

use serde_json::{Value, json};

use super::noise::noise;
use crate::source::synthetic;

/// Every field that can be asked for.
pub(super) const FIELDS: [&str; 9] = [
    "display_name",
    "bio_description",
    "avatar_url",
    "is_verified",
    "follower_count",
    "following_count",
    "likes_count",
    "video_count",
    "bio_url",
];

/// Accounts beside the authors.
const FANS: u64 = 4_000;
/// Authors of each hashtag, as the generator numbers them.
const AUTHORS: u64 = 145;
/// A list of followers ends here, whatever the account says it has: seen of the real API.
const LONGEST: u64 = 4_000;
/// The youngest relation, in Unix seconds.
const YOUNGEST: u64 = 1_711_000_000;

/// A user that there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct User {
    /// The name as the API writes it.
    pub(super) name: String,
    hash: u64,
}

/// What there is under a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    User(User),
    /// Its owner shows it to friends only.
    Private,
    /// No such name, or banned.
    Nobody,
}

/// Somebody who follows or is followed.
pub(super) struct Relation {
    /// When it began, in Unix seconds; no two of a list in the same one.
    pub(super) at: u64,
    number: u64,
}

impl User {
    /// Looks a name up, in any case.
    pub(super) fn find(name: &str) -> Found {
        let name = name.to_lowercase();
        let number = |prefix: &str, most: u64| {
            let number = name.strip_prefix(prefix)?.strip_prefix('.')?;
            let number: u64 = number.parse().ok()?;
            (number < most).then_some(())
        };
        let exists = number("synthetic.fan", FANS).is_some()
            || synthetic::hashtags()
                .any(|tag| number(&format!("synthetic.{tag}"), AUTHORS).is_some());
        let hash = hash(&name);
        match hash % 16 {
            _ if !exists => Found::Nobody,
            3 => Found::Nobody,
            7 => Found::Private,
            _ => Found::User(Self { name, hash }),
        }
    }

    fn noise(&self, salt: u64) -> u64 {
        noise(self.hash, salt)
    }

    /// Whether the likes can be seen: off unless the user says otherwise.
    pub(super) fn shows_likes(&self) -> bool {
        self.noise(60).is_multiple_of(3)
    }

    /// Whether a post is among those that are picked from all, one in `parts`.
    pub(super) fn picks(&self, post: u64, parts: u64) -> bool {
        noise(self.hash ^ post, 61).is_multiple_of(parts)
    }

    /// Whether lists come under the other one of two names that have been seen.
    pub(super) fn has_other_key(&self) -> bool {
        self.noise(62).is_multiple_of(2)
    }

    fn count(&self, salt: u64) -> u64 {
        // Mostly a few dozen, now and then thousands.
        self.noise(salt) % (6_000 >> (self.noise(salt + 1) % 9))
    }

    /// What the account says of itself, with the fields asked for.
    pub(super) fn info(&self, fields: &[String]) -> Value {
        let mut info = serde_json::Map::new();
        for field in fields {
            let value = match field.as_str() {
                "display_name" => json!(format!("Made-up {}", self.name)),
                "bio_description" => json!("nobody, nowhere ☕ #synthetic"),
                "avatar_url" => json!(format!(
                    "https://avatars.invalid/{:016x}.jpeg?x-expires=1&x-signature=abc",
                    self.hash
                )),
                "is_verified" => json!(self.noise(63).is_multiple_of(50)),
                "follower_count" => json!(self.count(64)),
                "following_count" => json!(self.count(66)),
                // Beyond 32 bits for some.
                "likes_count" => json!(self.noise(68) >> (20 + self.noise(69) % 40)),
                "video_count" => json!(self.noise(70) % 300),
                "bio_url" if self.noise(71).is_multiple_of(4) => json!("https://example.invalid/"),
                _ => continue,
            };
            info.insert(field.clone(), value);
        }
        Value::Object(info)
    }

    /// Followers, or those whom the user follows, latest first.
    pub(super) fn relations(&self, following: bool) -> Vec<Relation> {
        let salt = if following { 66 } else { 64 };
        let count = self.count(salt).min(LONGEST).min(FANS);
        let start = self.noise(salt + 10);
        (0..count)
            .map(|place| Relation {
                at: YOUNGEST - place * 997 - start % 900,
                // 1777 is prime, so that nobody comes twice.
                number: (start + place * 1_777) % FANS,
            })
            .collect()
    }
}

impl Relation {
    /// As the API lists it: names keep the case in which they were once registered.
    pub(super) fn row(&self) -> Value {
        let name = format!("synthetic.fan.{}", self.number);
        let shown = if noise(self.number, 72).is_multiple_of(7) {
            name.replace("fan", "Fan")
        } else {
            name
        };
        json!({"username": shown, "display_name": format!("Fan no. {}", self.number)})
    }
}

fn hash(name: &str) -> u64 {
    name.bytes()
        .fold(11, |sum, byte| noise(sum, u64::from(byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_users_are_private_some_banned_and_nobody_follows_twice() {
        let found: Vec<Found> = (0..AUTHORS)
            .map(|number| User::find(&format!("Synthetic.london.{number}")))
            .collect();
        let count =
            |wanted: &dyn Fn(&Found) -> bool| found.iter().filter(|one| wanted(one)).count();
        assert!(count(&|one| *one == Found::Private) > 2);
        assert!(count(&|one| *one == Found::Nobody) > 2);
        let mut longest = 0;
        for user in &found {
            let Found::User(user) = user else { continue };
            assert!(user.name.starts_with("synthetic."));
            let relations = user.relations(false);
            longest = longest.max(relations.len());
            assert!(relations.is_sorted_by(|a, b| a.at > b.at));
            let mut numbers: Vec<u64> = relations.iter().map(|one| one.number).collect();
            numbers.sort_unstable();
            numbers.dedup();
            assert_eq!(numbers.len(), relations.len());
        }
        assert!(longest > 300, "{longest}");
        for nobody in [
            "",
            "anna",
            "synthetic.london.145",
            "synthetic.fan.x",
            "synthetic.fan.",
        ] {
            assert_eq!(User::find(nobody), Found::Nobody, "{nobody}");
        }
    }
}
