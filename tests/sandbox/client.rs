//! Requests by hand, and a patient client that does what the API's misbehaviour demands.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::ops::RangeInclusive;

use cotag::source::sandbox::{Options, Running, Sandbox};
use jiff::ToSpan as _;
use jiff::civil::{Date, date};
use serde_json::{Value, json};

/// Fields that the tests ask for unless they say otherwise.
pub(crate) const FIELDS: &str = "id,create_time,username,video_description,hashtag_names";
pub(crate) const VIDEOS: &str = "/v2/research/video/query/";
pub(crate) const TOKEN: &str = "/v2/oauth/token/";

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// Header lines in lower case.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
    /// Whether as many bytes came as were promised.
    pub(crate) whole: bool,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// `error.code`.
    pub(crate) fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap().to_owned()
    }

    pub(crate) fn message(&self) -> String {
        self.json()["error"]["message"].as_str().unwrap().to_owned()
    }

    pub(crate) fn ids(&self) -> Vec<u64> {
        let json = self.json();
        let videos = json["data"]["videos"].as_array();
        videos
            .into_iter()
            .flatten()
            .map(|video| video["id"].as_u64().unwrap())
            .collect()
    }
}

/// Sends a request with these header lines.
pub(crate) fn send(url: &str, method: &str, path: &str, headers: &[String], body: &str) -> Reply {
    let mut stream = TcpStream::connect(url.strip_prefix("http://").unwrap()).unwrap();
    let headers = [headers, &[format!("Content-Length: {}", body.len())]].concat();
    let headers = headers.join("\r\n");
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: sandbox\r\nConnection: close\r\n{headers}\r\n\r\n{body}"
    )
    .unwrap();
    let mut bytes = Vec::new();
    // A connection broken off may end in an error; what came before it counts.
    let _ = stream.read_to_end(&mut bytes);
    let end = bytes.windows(4).position(|at| at == b"\r\n\r\n").unwrap();
    let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
    let body = bytes[end + 4..].to_vec();
    let promised: usize = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .unwrap()
        .parse()
        .unwrap();
    Reply {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        whole: body.len() == promised,
        head,
        body,
    }
}

/// Asks for a token with a form.
pub(crate) fn ask_for_token(url: &str, form: &str) -> Reply {
    let form_type = "Content-Type: application/x-www-form-urlencoded".to_owned();
    send(url, "POST", TOKEN, &[form_type], form)
}

/// A sandbox and a token for it.
pub(crate) struct Practice {
    pub(crate) running: Running,
    pub(crate) token: String,
}

/// Options with a clock that stands in 2026, so that the tests do not depend on ours, and posts enough
/// for several pages of 40.
pub(crate) fn options() -> Options {
    Options {
        posts: 400,
        now: Some("2026-11-22T12:00:00Z".parse().unwrap()),
        ..Options::default()
    }
}

/// `#london` from 2024-04-01 to 2024-04-30, 40 rows a page.
pub(crate) fn london() -> Value {
    json!({
        "query": tagged("london"),
        "start_date": "20240401", "end_date": "20240430", "max_count": 40,
    })
}

pub(crate) fn tagged(tag: &str) -> Value {
    json!({"and": [{"field_name": "hashtag_name", "operation": "EQ", "field_values": [tag]}]})
}

pub(crate) fn april() -> RangeInclusive<Date> {
    date(2024, 4, 1)..=date(2024, 4, 30)
}

impl Practice {
    pub(crate) fn start(options: &Options) -> Self {
        let running = Sandbox::start(options).unwrap();
        let mut practice = Self {
            running,
            token: String::new(),
        };
        practice.renew();
        practice
    }

    pub(crate) fn renew(&mut self) {
        let form = "client_key=sandbox&client_secret=sandbox&grant_type=client_credentials";
        let reply = ask_for_token(&self.running.url, form).json();
        reply["access_token"]
            .as_str()
            .unwrap()
            .clone_into(&mut self.token);
    }

    pub(crate) fn ask(&self, body: &Value) -> Reply {
        self.ask_fields(FIELDS, body)
    }

    pub(crate) fn ask_fields(&self, fields: &str, body: &Value) -> Reply {
        self.ask_raw(&format!("{VIDEOS}?fields={fields}"), &body.to_string())
    }

    pub(crate) fn ask_raw(&self, path: &str, body: &str) -> Reply {
        let headers = [
            format!("Authorization: Bearer {}", self.token),
            "Content-Type: application/json".to_owned(),
        ];
        send(&self.running.url, "POST", path, &headers, body)
    }

    /// The request for the page after a reply.
    pub(crate) fn next(body: &Value, reply: &Reply) -> Value {
        let (mut body, data) = (body.clone(), reply.json()["data"].clone());
        body["cursor"] = data["cursor"].clone();
        body["search_id"] = data["search_id"].clone();
        body
    }

    /// All pages of a search that meets no fault: replies in their order.
    pub(crate) fn pages(&self, body: &Value) -> Vec<Reply> {
        let mut replies = vec![self.ask(body)];
        loop {
            let last = replies.last().unwrap();
            assert_eq!(last.status, 200, "{}", String::from_utf8_lossy(&last.body));
            if last.json()["data"]["has_more"] == false {
                return replies;
            }
            let next = Self::next(body, last);
            replies.push(self.ask(&next));
        }
    }
}

/// What the patient client brought home.
#[derive(Debug, Default)]
pub(crate) struct Harvest {
    pub(crate) ids: BTreeSet<u64>,
    /// Rows that came again.
    pub(crate) repeated: usize,
    /// Rows without the tag.
    pub(crate) off_query: usize,
}

impl Practice {
    /// Downloads a tag in windows of 7 days and reacts to everything as the reference demands.
    pub(crate) fn harvest(&mut self, tag: &str, days: &RangeInclusive<Date>) -> Harvest {
        let mut harvest = Harvest::default();
        let mut windows = Vec::new();
        let mut first = *days.start();
        while first <= *days.end() {
            let last = (first + 6.days()).min(*days.end());
            windows.push((first, last));
            first = last + 1.day();
        }
        while let Some((first, last)) = windows.pop() {
            match self.window(tag, first, last, &mut harvest) {
                Outcome::Done => {}
                Outcome::TooLarge => {
                    assert!(first < last, "a single day is too large");
                    let middle = first + ((last - first).get_days() / 2).days();
                    windows.push((first, middle));
                    windows.push((middle + 1.day(), last));
                }
                Outcome::Restart(smallest) => {
                    let second = i64::try_from(smallest >> 32).unwrap();
                    let at = jiff::Timestamp::from_second(second).unwrap();
                    windows.push((first, at.to_zoned(jiff::tz::TimeZone::UTC).date()));
                }
            }
        }
        harvest
    }

    fn window(&mut self, tag: &str, first: Date, last: Date, harvest: &mut Harvest) -> Outcome {
        let day = |date: Date| date.strftime("%Y%m%d").to_string();
        let mut body = json!({
            "query": tagged(tag), "max_count": 30,
            "start_date": day(first), "end_date": day(last),
        });
        let mut smallest = None;
        let mut tries = 0;
        loop {
            let reply = self.ask(&body);
            let json: Option<Value> = serde_json::from_slice(&reply.body).ok();
            let fine = json.filter(|json| reply.whole && json["error"]["code"] == "ok");
            let Some(json) = fine else {
                // A token's end says nothing about the request.
                tries += u32::from(reply.status != 401);
                assert!(tries <= 6 || body.get("search_id").is_some(), "{reply:?}");
                match reply.status {
                    401 => self.renew(),
                    504 if tries > 2 && first < last => return Outcome::TooLarge,
                    400 if tries > 6 => return Outcome::Restart(smallest.unwrap()),
                    _ => {}
                }
                continue;
            };
            tries = 0;
            let rows = json["data"]["videos"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            for row in rows {
                let id = row["id"].as_u64().unwrap();
                smallest = Some(smallest.unwrap_or(id).min(id));
                let text = row["video_description"].as_str().unwrap().replace('\0', "");
                let words: Vec<String> = text.split(' ').map(str::to_lowercase).collect();
                if !words.contains(&format!("#{tag}")) {
                    harvest.off_query += 1;
                } else if !harvest.ids.insert(id) {
                    harvest.repeated += 1;
                }
            }
            if json["data"]["has_more"] == false {
                return Outcome::Done;
            }
            body = Self::next(&body, &reply);
        }
    }
}

enum Outcome {
    Done,
    TooLarge,
    Restart(u64),
}
