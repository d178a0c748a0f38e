//! The endpoints beside the video query: comments, users and their lists.

use jiff::Timestamp;
use jiff::civil::date;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use super::{Incoming, Service, fields_of, has_type};
use crate::source::sandbox::answer::{Answer, row};
use crate::source::sandbox::corpus::Entry;
use crate::source::sandbox::faults::Fault;
use crate::source::sandbox::people::{self, Found, User};
use crate::source::sandbox::rules::{self, Refusal};
use crate::source::sandbox::search::lay_out;
use crate::source::sandbox::talk::{SPAN, Talk, is_undisclosed};

/// An endpoint of the Research API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    Videos,
    Comments,
    Info,
    Liked,
    Pinned,
    Reposted,
    Followers,
    Following,
    CreateTask,
    TaskStatus,
    TaskResult,
}

/// Fields of a comment.
const COMMENT_FIELDS: [&str; 7] = [
    "id",
    "video_id",
    "text",
    "like_count",
    "reply_count",
    "parent_comment_id",
    "create_time",
];

/// Fields of a video that the lists of users lack.
const NOT_LISTED: [&str; 3] = ["effect_ids", "playlist_id", "voice_to_text"];

impl Endpoint {
    pub(super) const ALL: [(&'static str, Self); 11] = [
        ("/v2/research/video/query/", Self::Videos),
        ("/v2/research/video/comment/list/", Self::Comments),
        ("/v2/research/user/info/", Self::Info),
        ("/v2/research/user/liked_videos/", Self::Liked),
        ("/v2/research/user/pinned_videos/", Self::Pinned),
        ("/v2/research/user/reposted_videos/", Self::Reposted),
        ("/v2/research/user/followers/", Self::Followers),
        ("/v2/research/user/following/", Self::Following),
        ("/v2/research/validation_task/create/", Self::CreateTask),
        ("/v2/research/validation_task_status/get/", Self::TaskStatus),
        ("/v2/research/validation_task/download/", Self::TaskResult),
    ];

    pub(super) fn of(path: &str) -> Option<Self> {
        let found = Self::ALL.iter().find(|(known, _)| *known == path);
        found.map(|(_, endpoint)| *endpoint)
    }

    /// Whether it has the larger quota.
    pub(super) fn is_relations(self) -> bool {
        matches!(self, Self::Followers | Self::Following)
    }
}

/// What a body says, its keys known.
struct Body {
    keys: Map<String, Value>,
}

impl Body {
    fn parse(body: &[u8], known: &[&str]) -> Result<Self, Refusal> {
        let value: Value = serde_json::from_slice(body)
            .map_err(|error| Refusal::params(format!("the body is no JSON: {error}")))?;
        let Value::Object(keys) = value else {
            return Err(Refusal::params("the body must be a JSON object"));
        };
        match keys.keys().find(|key| !known.contains(&key.as_str())) {
            Some(key) => Err(Refusal::params(format!(
                "unknown key `{key}` in the body, known are {}",
                known.join(", ")
            ))),
            None => Ok(Self { keys }),
        }
    }

    fn given(&self, key: &str) -> Option<&Value> {
        self.keys.get(key).filter(|value| !value.is_null())
    }

    fn whole(&self, key: &str) -> Result<Option<u64>, Refusal> {
        let wrong = || Refusal::params(format!("{key} must be a whole number"));
        self.given(key)
            .map(|value| value.as_u64().ok_or_else(wrong))
            .transpose()
    }

    fn max_count(&self, usual: u64) -> Result<u64, Refusal> {
        let count = self.whole("max_count")?.unwrap_or(usual);
        if (1..=100).contains(&count) {
            return Ok(count);
        }
        Err(Refusal::params(format!(
            "max_count is {count}, it must be 1 to 100"
        )))
    }

    fn user(&self) -> Result<User, Refusal> {
        let name = self
            .given("username")
            .and_then(Value::as_str)
            .ok_or_else(|| Refusal::params("username is missing"))?;
        match User::find(name) {
            Found::User(user) => Ok(user),
            Found::Nobody => Err(Refusal::params(format!(
                "Username {name} is invalid: cannot find the user"
            ))),
            Found::Private => Err(Refusal::params(
                "API cannot return this user's information: the account is private",
            )),
        }
    }
}

/// A page of positions: which, where the next begins, and whether there is one.
struct Positions {
    places: Vec<usize>,
    next: u64,
    has_more: bool,
}

impl Service {
    /// Answers an endpoint other than the video query.
    pub(super) fn list(
        &mut self,
        endpoint: Endpoint,
        incoming: &Incoming,
        now: Timestamp,
        log_id: &str,
    ) -> Result<Answer, Refusal> {
        if endpoint == Endpoint::CreateTask {
            return self.create_task(incoming, log_id);
        }
        if !has_type(incoming, &["application/json", "text/plain"]) {
            return Err(Refusal::params("Content-Type must be application/json"));
        }
        let data = match endpoint {
            Endpoint::Comments => self.comments(incoming)?,
            Endpoint::Info => {
                let fields = rules::requested(fields_of(incoming).as_deref(), &people::FIELDS)?;
                Body::parse(&incoming.body, &["username"])?
                    .user()?
                    .info(&fields)
            }
            Endpoint::Followers | Endpoint::Following => self.relations(endpoint, incoming, now)?,
            Endpoint::Liked => self.liked(incoming, now)?,
            Endpoint::Pinned => self.pinned(incoming, now)?,
            Endpoint::Reposted => self.reposted(incoming, now)?,
            Endpoint::TaskStatus => self.task_status(&incoming.body)?,
            Endpoint::TaskResult => return self.task_result(&incoming.body),
            Endpoint::Videos | Endpoint::CreateTask => Value::Null,
        };
        let error = json!({"code": "ok", "message": "", "log_id": log_id});
        Ok(Answer::json(
            200,
            "ok",
            &json!({"data": data, "error": error}),
        ))
    }

    fn comments(&mut self, incoming: &Incoming) -> Result<Value, Refusal> {
        let fields = rules::requested(fields_of(incoming).as_deref(), &COMMENT_FIELDS)?;
        let known = ["video_id", "comment_id", "max_count", "cursor"];
        let body = Body::parse(&incoming.body, &known)?;
        let max_count = body.max_count(10)?;
        let cursor = body.whole("cursor")?.unwrap_or(0);
        let (video, comment) = match (body.whole("video_id")?, body.whole("comment_id")?) {
            (Some(video), None) => (video, None),
            (None, Some(comment)) => {
                let video = self.video_of(comment);
                let gone = || {
                    Refusal::params(format!(
                        "Comment id {comment} is invalid: cannot find the comment"
                    ))
                };
                (video.ok_or_else(gone)?, Some(comment))
            }
            _ => {
                return Err(Refusal::params(
                    "exactly one of video_id and comment_id is needed",
                ));
            }
        };
        if self.talk.as_ref().is_none_or(|talk| talk.video != video) || self.corpus.is_gone(video) {
            let talk = self.corpus.entry(video).map(Talk::of);
            self.talk = talk;
        }
        let Some(talk) = &self.talk else {
            return Err(Refusal::params(format!(
                "Video id {video} is invalid: cannot find the video"
            )));
        };
        if is_undisclosed(video) {
            return Err(Refusal::params(
                "The comments of this video are not allowed to be disclosed",
            ));
        }
        let places = talk.places(comment);
        let page = self.positions(places.len(), cursor, max_count)?;
        let rows: Vec<Value> = page
            .places
            .iter()
            .filter_map(|&place| talk.row(*places.get(place)?, &fields))
            .collect();
        // An answer can only be asked for by who has seen what it answers.
        for id in talk.ids() {
            self.video_of.insert(id, video);
        }
        let mut data = Map::new();
        if !rows.is_empty() || !self.plan.has(Fault::EmptyPage) {
            data.insert("comments".into(), rows.into());
        }
        data.insert("has_more".into(), page.has_more.into());
        // At the end of some lists the cursor is null.
        let cursor = if page.has_more || video.is_multiple_of(2) {
            json!(page.next)
        } else {
            Value::Null
        };
        data.insert("cursor".into(), cursor);
        Ok(Value::Object(data))
    }

    /// The post that a comment stands under.
    fn video_of(&mut self, comment: u64) -> Option<u64> {
        if let Some(video) = self.video_of.get(&comment) {
            return Some(*video);
        }
        // Given out before this sandbox was started: it stands under a post of the hours before.
        let second = i64::try_from(comment >> 32).ok()?;
        let day = |second| {
            let at = Timestamp::from_second(second).ok()?;
            Some(at.to_zoned(TimeZone::UTC).date())
        };
        let span = i64::try_from(SPAN).unwrap_or(0);
        let days = day(second - span - 60)?..=day(second)?;
        let posts = self.corpus.select(&days, Timestamp::MAX, |_| true);
        posts.into_iter().find(|&post| {
            let talk = self.corpus.entry(post).map(Talk::of);
            talk.is_some_and(|talk| talk.ids().any(|id| id == comment))
        })
    }

    /// A page of a list by position, with the faults of rows.
    fn positions(&self, length: usize, cursor: u64, max_count: u64) -> Result<Positions, Refusal> {
        // Laid out as posts are, newest first: the first place has the highest number.
        let numbers: Vec<u64> = (0..length as u64).rev().collect();
        let slots = lay_out(&numbers, &[], max_count, &self.plan);
        let total = slots.len() as u64;
        if cursor > total {
            return Err(Refusal::cursor());
        }
        let next = (cursor + max_count).min(total);
        let index = |position: u64| usize::try_from(position).unwrap_or(usize::MAX);
        let of_page = slots.get(index(cursor)..index(next)).unwrap_or_default();
        let places = of_page
            .iter()
            .flatten()
            .map(|&number| length - 1 - index(number))
            .collect();
        Ok(Positions {
            places,
            next,
            has_more: next < total,
        })
    }

    /// A page of a list by time: the places of what is not younger than the cursor, and the next cursor.
    fn since(&self, times: &[u64], cursor: u64, max_count: u64) -> (Vec<usize>, Option<u64>) {
        let start = times.partition_point(|&at| at > cursor);
        let count = usize::try_from(max_count).unwrap_or(usize::MAX);
        let count = if self.plan.has(Fault::ShortPages) {
            (count * 3 / 4).max(1)
        } else {
            count
        };
        let end = start.saturating_add(count).min(times.len());
        let mut places: Vec<usize> = (start..end).collect();
        if self.plan.has(Fault::Duplicates) && start > 0 {
            places.insert(0, start - 1);
        }
        (places, times.get(end).copied())
    }

    fn relations(
        &self,
        endpoint: Endpoint,
        incoming: &Incoming,
        now: Timestamp,
    ) -> Result<Value, Refusal> {
        let body = Body::parse(&incoming.body, &["username", "max_count", "cursor"])?;
        let user = body.user()?;
        let now = u64::try_from(now.as_second()).unwrap_or(0);
        let cursor = body.whole("cursor")?.unwrap_or(now);
        let following = endpoint == Endpoint::Following;
        let relations = user.relations(following);
        let times: Vec<u64> = relations.iter().map(|relation| relation.at).collect();
        let (places, next) = self.since(&times, cursor, body.max_count(20)?);
        let rows: Vec<Value> = places.iter().map(|&place| relations[place].row()).collect();
        let key = if following {
            "user_following"
        } else {
            "user_followers"
        };
        let last = times.last().copied().unwrap_or(now);
        Ok(json!({key: rows, "cursor": next.unwrap_or(last), "has_more": next.is_some()}))
    }

    fn liked(&mut self, incoming: &Incoming, now: Timestamp) -> Result<Value, Refusal> {
        let fields = video_fields(incoming)?;
        let body = Body::parse(&incoming.body, &["username", "max_count", "cursor"])?;
        let user = body.user()?;
        if !user.shows_likes() {
            return Err(Refusal::new(
                403,
                "invalid_params",
                "This user's liked videos: information cannot be returned",
            ));
        }
        let posts = self.posts_where(now, |entry| user.picks(entry.id, 40));
        // Milliseconds, as in the documentation's samples.
        let times: Vec<u64> = posts
            .iter()
            .map(|id| (id >> 32) * 1000 + id % 1000)
            .collect();
        let cursor = body.whole("cursor")?.unwrap_or(u64::MAX);
        let (places, next) = self.since(&times, cursor, body.max_count(20)?);
        let ids: Vec<u64> = places.iter().map(|&place| posts[place]).collect();
        let last = times.last().copied().unwrap_or(0);
        Ok(json!({
            "user_liked_videos": self.rows(&ids, &fields),
            "cursor": next.unwrap_or(last),
            "has_more": next.is_some(),
        }))
    }

    fn pinned(&mut self, incoming: &Incoming, now: Timestamp) -> Result<Value, Refusal> {
        let fields = video_fields(incoming)?;
        let user = Body::parse(&incoming.body, &["username"])?.user()?;
        let by = |entry: &Entry| {
            let author = entry.record.get("username").and_then(Value::as_str);
            author == Some(&user.name)
        };
        let mut posts = self.posts_where(now, by);
        posts.truncate(3);
        Ok(json!({"pinned_videos_list": self.rows(&posts, &fields)}))
    }

    fn reposted(&mut self, incoming: &Incoming, now: Timestamp) -> Result<Value, Refusal> {
        let fields = video_fields(incoming)?;
        let body = Body::parse(&incoming.body, &["username", "max_count", "cursor"])?;
        let user = body.user()?;
        let posts = self.posts_where(now, |entry| user.picks(entry.id, 60));
        let cursor = body.whole("cursor")?.unwrap_or(0);
        let page = self.positions(posts.len(), cursor, body.max_count(20)?)?;
        let ids: Vec<u64> = page.places.iter().map(|&place| posts[place]).collect();
        let key = if user.has_other_key() {
            "user_reposted_videos"
        } else {
            "reposted_videos"
        };
        Ok(json!({
            key: self.rows(&ids, &fields),
            "cursor": page.next,
            "has_more": page.has_more,
        }))
    }

    /// Posts of the two months that the practice posts tell of, newest first.
    fn posts_where(&mut self, now: Timestamp, wanted: impl Fn(&Entry) -> bool) -> Vec<u64> {
        let days = date(2024, 4, 1)..=date(2024, 5, 31);
        self.corpus.select(&days, now, wanted)
    }

    fn rows(&mut self, ids: &[u64], fields: &[String]) -> Vec<Value> {
        let mut rows = Vec::new();
        for &id in ids {
            if let Some(entry) = self.corpus.entry(id) {
                rows.push(row(entry, fields, &self.plan));
            }
        }
        rows
    }
}

fn video_fields(incoming: &Incoming) -> Result<Vec<String>, Refusal> {
    let known: Vec<&str> = rules::FIELDS
        .into_iter()
        .filter(|field| !NOT_LISTED.contains(field))
        .collect();
    rules::requested(fields_of(incoming).as_deref(), &known)
}
