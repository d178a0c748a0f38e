//! Lists beside the video query: comments, and what a user likes, pins, reposts, follows. Page by page.

use std::cell::Cell;
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use serde_json::{Value, json};

use super::api::{Api, Body, Bucket, Call, Failed, Stop};
use super::patience::{Next, Tries};
use super::wire::{Fault, Page, Problem, list_page};
use crate::model::PostId;

/// The most that the API gives per request.
const MAX_COUNT: u64 = 100;
/// Pages in a row that bring nothing new.
const IDLE_PAGES: u32 = 5;

const COMMENT_FIELDS: &str =
    "id,video_id,text,like_count,reply_count,parent_comment_id,create_time";
const VIDEO_FIELDS: &str = "id,create_time,username,region_code,video_description,music_id,like_count,comment_count,\
share_count,view_count,favorites_count,hashtag_names,hashtag_info_list,sticker_info_list,effect_info_list,\
video_mention_list,video_label,video_tag,is_stem_verified,video_duration";
const USER_FIELDS: &str = "display_name,bio_description,avatar_url,is_verified,follower_count,following_count,\
likes_count,video_count,bio_url";

/// A list that can be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum List {
    /// Comments under a post.
    Comments(PostId),
    /// Answers to a comment.
    Replies(PostId),
    /// What an account says of itself: a list of one.
    Info(String),
    /// Accounts that follow an account.
    Followers(String),
    /// Accounts that an account follows.
    Following(String),
    /// Videos that an account liked.
    Liked(String),
    /// Videos that an account pinned to its page.
    Pinned(String),
    /// Videos that an account reposted.
    Reposted(String),
}

/// What a step brought.
#[derive(Debug)]
pub enum ListStep {
    /// A page; to be stored before the next step.
    Page(Page),
    /// The list has ended.
    End(ListEnd),
}

/// How a list ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListEnd {
    /// The API says that there is no more.
    Done,
    /// The API goes on and on without anything new.
    Idle,
    /// The API does not give it away: private, or not disclosed.
    Withheld(Problem),
    /// There is no such video, comment or account.
    Missing(Problem),
    /// The servers could not do it, or refuse the question.
    Failed(Problem),
}

/// A list being read.
#[derive(Debug)]
pub struct Listing {
    list: List,
    cursor: Option<String>,
    finished: bool,
    idle: u32,
    seen: HashSet<u64>,
    spent: Cell<u64>,
}

impl List {
    fn path(&self) -> &'static str {
        match self {
            Self::Comments(_) | Self::Replies(_) => "/v2/research/video/comment/list/",
            Self::Info(_) => "/v2/research/user/info/",
            Self::Followers(_) => "/v2/research/user/followers/",
            Self::Following(_) => "/v2/research/user/following/",
            Self::Liked(_) => "/v2/research/user/liked_videos/",
            Self::Pinned(_) => "/v2/research/user/pinned_videos/",
            Self::Reposted(_) => "/v2/research/user/reposted_videos/",
        }
    }

    fn fields(&self) -> &'static str {
        match self {
            Self::Comments(_) | Self::Replies(_) => COMMENT_FIELDS,
            Self::Info(_) => USER_FIELDS,
            Self::Followers(_) | Self::Following(_) => "",
            Self::Liked(_) | Self::Pinned(_) | Self::Reposted(_) => VIDEO_FIELDS,
        }
    }

    /// Names under which the rows have been seen; none where the answer itself is the one row.
    fn keys(&self) -> &'static [&'static str] {
        match self {
            Self::Comments(_) | Self::Replies(_) => &["comments"],
            Self::Info(_) => &[],
            Self::Followers(_) => &["user_followers"],
            Self::Following(_) => &["user_following"],
            Self::Liked(_) => &["user_liked_videos", "liked_videos"],
            Self::Pinned(_) => &["pinned_videos_list", "user_pinned_videos"],
            Self::Reposted(_) => &["reposted_videos", "user_reposted_videos"],
        }
    }

    /// Whether it comes in pages.
    fn is_paged(&self) -> bool {
        !matches!(self, Self::Info(_) | Self::Pinned(_))
    }

    /// What its requests are counted with.
    pub fn bucket(&self) -> Bucket {
        match self {
            Self::Followers(_) | Self::Following(_) => Bucket::Relations,
            _ => Bucket::All,
        }
    }

    fn body(&self, cursor: Option<&str>) -> String {
        let mut body = match self {
            Self::Comments(video) => json!({"video_id": video.get()}),
            Self::Replies(comment) => json!({"comment_id": comment.get()}),
            Self::Info(user)
            | Self::Followers(user)
            | Self::Following(user)
            | Self::Liked(user)
            | Self::Pinned(user)
            | Self::Reposted(user) => json!({"username": user}),
        };
        if self.is_paged() {
            body["max_count"] = MAX_COUNT.into();
            if let Some(cursor) = cursor {
                // A number in the documentation; unchanged whatever it is.
                body["cursor"] = serde_json::from_str(cursor).unwrap_or(Value::from(cursor));
            }
        }
        body.to_string()
    }
}

impl Listing {
    /// A list from its beginning, or from where an earlier reading came to.
    pub fn new(list: List, cursor: Option<String>) -> Self {
        Self {
            list,
            cursor,
            finished: false,
            idle: 0,
            seen: HashSet::new(),
            spent: Cell::new(0),
        }
    }

    /// Where to go on, to be kept unchanged; `None` at the beginning and at the end.
    pub fn cursor(&self) -> Option<&str> {
        self.cursor.as_deref()
    }

    /// Requests sent, failed ones included.
    pub fn spent(&self) -> u64 {
        self.spent.get()
    }

    /// The next page, or the end.
    ///
    /// # Errors
    /// What ends the whole run; the list can be gone on with later.
    pub async fn next(&mut self, api: &Api<'_>) -> Result<ListStep, Stop> {
        if self.finished {
            return Ok(ListStep::End(ListEnd::Done));
        }
        if self.idle >= IDLE_PAGES {
            return Ok(ListStep::End(ListEnd::Idle));
        }
        let mut tries = Tries::default();
        let body = self.list.body(self.cursor());
        let call = Call {
            path: self.list.path(),
            fields: self.list.fields(),
            body: Body::Json(&body),
            bucket: self.list.bucket(),
        };
        loop {
            let keys = self.list.keys();
            let read = |reply: &_, at| list_page(reply, at, keys);
            let problem = match api.call(&call, &self.spent, &read).await {
                Ok(page) => {
                    self.turn(&page);
                    return Ok(ListStep::Page(page));
                }
                Err(Failed::Stop(stop)) => return Err(stop),
                Err(Failed::Problem(problem)) => problem,
            };
            match tries.after(&problem, api.backoff) {
                Next::Again(wait) => api.pause(wait).await?,
                Next::Stop(stop) => return Err(stop),
                Next::GiveUp => {
                    return Ok(ListStep::End(match problem.fault {
                        Fault::Withheld => ListEnd::Withheld(problem),
                        Fault::Missing => ListEnd::Missing(problem),
                        _ => ListEnd::Failed(problem),
                    }));
                }
            }
        }
    }

    /// Takes in what a page says about the list.
    fn turn(&mut self, page: &Page) {
        let mut new = false;
        for row in &page.rows {
            let mut hash = DefaultHasher::new();
            row.raw.hash(&mut hash);
            new |= self.seen.insert(hash.finish());
        }
        self.idle = if new { 0 } else { self.idle + 1 };
        // A cursor that stands still would ask for the same page for ever.
        let stuck = !new && page.cursor == self.cursor;
        self.finished = !page.has_more || page.cursor.is_none() || stuck;
        self.cursor = page.cursor.clone().filter(|_| !self.finished);
    }
}

#[cfg(test)]
mod tests {
    use super::super::Row;
    use super::*;

    fn page(rows: &[&str], cursor: Option<&str>, has_more: bool) -> Page {
        let row = |raw: &&str| Row {
            raw: (*raw).to_owned(),
            id: None,
        };
        Page {
            rows: rows.iter().map(row).collect(),
            cursor: cursor.map(str::to_owned),
            has_more,
            ..Page::default()
        }
    }

    #[test]
    fn ids_and_cursors_are_sent_as_numbers_of_64_bits() {
        let video = PostId::new(7_516_160_338_215_837_051).unwrap();
        assert_eq!(
            List::Comments(video).body(Some("18446744073709551615")),
            r#"{"video_id":7516160338215837051,"max_count":100,"cursor":18446744073709551615}"#
        );
        assert_eq!(
            List::Pinned("hive_anna".into()).body(Some("3")),
            r#"{"username":"hive_anna"}"#
        );
    }

    #[test]
    fn a_null_cursor_and_one_that_stands_still_are_ends() {
        let video = PostId::new(7).unwrap();
        let listing = || Listing::new(List::Comments(video), None);
        let mut null = listing();
        null.turn(&page(&["a"], None, true));
        assert!(null.finished);
        let mut still = listing();
        still.turn(&page(&["a"], Some("100"), true));
        assert!(!still.finished && still.cursor() == Some("100"));
        still.turn(&page(&["a"], Some("100"), true));
        assert!(still.finished && still.cursor().is_none());
        let mut empty = listing();
        empty.turn(&page(&[], Some("100"), true));
        assert!(!empty.finished, "an empty page is no end");
    }
}
