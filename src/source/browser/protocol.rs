//! Questions to a browser and what it says by itself, over a [`Wire`].
//!
//! One question at a time; what the browser tells meanwhile waits, cut down to what is used here.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use serde_json::Value as Json;

use super::wire::{Gone, Wire};
use crate::json::Fields;

/// How often the wish to end is looked at.
const POLL: Duration = Duration::from_millis(50);
/// How many events may wait; a page that makes more of them loses some.
const WAITING: usize = 20_000;
/// Addresses longer than this are nobody's list of posts.
const LONGEST_ADDRESS: usize = 64 << 10;

/// Why a question has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unanswered {
    /// The browser has gone.
    Gone,
    /// The person wants to end.
    Asked,
    /// No answer in time.
    Late,
    /// The browser refuses, in its words.
    Refused(String),
}

impl From<Gone> for Unanswered {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

/// An answer to a question.
#[derive(Debug)]
pub(super) struct Reply(String);

impl Reply {
    /// What it says.
    pub(super) fn result(&self) -> Fields<'_> {
        Fields::parse(&self.0)
            .map(|fields| fields.object("result"))
            .unwrap_or_default()
    }
}

/// What a browser tells by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// A request leaves.
    Sent {
        /// Its id.
        request: String,
        /// Where to.
        address: String,
        /// A question whether the request may be sent.
        preflight: bool,
    },
    /// The head of an answer.
    Answered {
        /// The request's id.
        request: String,
        /// Where it went.
        address: String,
        /// HTTP status.
        status: u16,
        /// Its kind, such as `application/json`.
        mime: String,
        /// It is the page itself, or a frame's.
        document: bool,
        /// The frame that it is for.
        frame: String,
    },
    /// A part of an answer's body.
    Data {
        /// The request's id.
        request: String,
        /// Its length, unpacked.
        bytes: u64,
    },
    /// An answer is there as a whole.
    Loaded {
        /// The request's id.
        request: String,
    },
    /// A request failed or was given up.
    Failed {
        /// The request's id.
        request: String,
    },
    /// The page is another one now.
    Navigated {
        /// Its address.
        address: String,
    },
    /// The page's process has died.
    Crashed,
    /// The tab was closed.
    Closed,
    /// A page opened another one.
    Popup {
        /// Its id.
        target: String,
    },
}

/// A line to a browser.
#[derive(Debug)]
pub(super) struct Connection {
    wire: Wire,
    last: u64,
    events: VecDeque<Event>,
    /// Whose events are of interest: the tab's session.
    session: Option<String>,
    /// The tab itself.
    target: Option<String>,
    asked: fn() -> bool,
}

impl Connection {
    /// Over this line; `asked` tells whether the person wants to end.
    pub(super) fn new(wire: Wire, asked: fn() -> bool) -> Self {
        Self {
            wire,
            last: 0,
            events: VecDeque::new(),
            session: None,
            target: None,
            asked,
        }
    }

    /// Whose events to listen to from now on.
    pub(super) fn listen_to(&mut self, session: String, target: String) {
        self.session = Some(session);
        self.target = Some(target);
        self.events.clear();
    }

    /// Asks the tab that is listened to.
    pub(super) fn ask(
        &mut self,
        method: &str,
        params: &Json,
        within: Duration,
    ) -> Result<Reply, Unanswered> {
        let session = self.session.clone();
        self.question(method, params, session.as_deref(), within)
    }

    /// Asks the browser itself.
    pub(super) fn ask_browser(
        &mut self,
        method: &str,
        params: &Json,
        within: Duration,
    ) -> Result<Reply, Unanswered> {
        self.question(method, params, None, within)
    }

    /// Tells the browser something without waiting for what it says to it.
    pub(super) fn tell_browser(&mut self, method: &str, params: &Json) -> Result<(), Gone> {
        self.send(method, params, None).map(|_| ())
    }

    fn question(
        &mut self,
        method: &str,
        params: &Json,
        session: Option<&str>,
        within: Duration,
    ) -> Result<Reply, Unanswered> {
        let id = self.send(method, params, session)?;
        let late = Instant::now() + within;
        loop {
            if let Some((answered, message)) = self.receive()?
                && answered == id
            {
                return refusal(&message)
                    .map_or(Ok(Reply(message)), |why| Err(Unanswered::Refused(why)));
            }
            if (self.asked)() {
                return Err(Unanswered::Asked);
            }
            if Instant::now() >= late {
                return Err(Unanswered::Late);
            }
        }
    }

    /// The next event; `None` if there is none until then.
    pub(super) fn event(&mut self, until: Instant) -> Result<Option<Event>, Gone> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(Some(event));
            }
            if Instant::now() >= until || (self.asked)() {
                return Ok(None);
            }
            self.receive()?;
        }
    }

    fn send(&mut self, method: &str, params: &Json, session: Option<&str>) -> Result<u64, Gone> {
        self.last += 1;
        let mut message = serde_json::json!({"id": self.last, "method": method, "params": params});
        if let Some(session) = session {
            message["sessionId"] = session.into();
        }
        self.wire.send(message.to_string())?;
        Ok(self.last)
    }

    /// Waits a moment for a message: an answer is returned with its number, an event put aside.
    fn receive(&mut self) -> Result<Option<(u64, String)>, Gone> {
        let Some(message) = self.wire.receive(POLL)? else {
            return Ok(None);
        };
        let Ok(fields) = Fields::parse(&message) else {
            return Ok(None);
        };
        if let Some(id) = fields.count("id") {
            return Ok(Some((id, message)));
        }
        let method = fields.text("method").unwrap_or_default();
        let params = fields.object("params");
        let session = fields.text("sessionId");
        let ours = session.as_deref() == self.session.as_deref();
        if method == "Page.javascriptDialogOpening" && session.is_some() {
            // Nothing else is answered while one is open. A page may always be left.
            let accept = params.text("type").as_deref() == Some("beforeunload");
            let session = session.map(String::from);
            let answer = serde_json::json!({"accept": accept});
            self.send("Page.handleJavaScriptDialog", &answer, session.as_deref())?;
            return Ok(None);
        }
        let event = if session.is_none() {
            of_browser(
                &method,
                &params,
                self.session.as_deref(),
                self.target.as_deref(),
            )
        } else if ours {
            of_tab(&method, &params, self.target.as_deref())
        } else {
            None
        };
        if let Some(event) = event
            && self.events.len() < WAITING
        {
            self.events.push_back(event);
        }
        Ok(None)
    }
}

/// Why the browser refuses, if it does.
fn refusal(message: &str) -> Option<String> {
    let fields = Fields::parse(message).ok()?;
    let error = fields.get("error")?.object()?;
    Some(error.text("message").unwrap_or_default().into_owned())
}

/// What the browser tells about its tabs.
fn of_browser(
    method: &str,
    params: &Fields<'_>,
    session: Option<&str>,
    target: Option<&str>,
) -> Option<Event> {
    match method {
        "Target.detachedFromTarget" if params.text("sessionId").as_deref() == session => {
            Some(Event::Closed)
        }
        "Target.targetDestroyed" if params.text("targetId").as_deref() == target => {
            Some(Event::Closed)
        }
        "Target.targetCreated" => {
            let info = params.object("targetInfo");
            let opener = info.text("openerId")?;
            (info.text("type").as_deref() == Some("page") && Some(opener.as_ref()) == target)
                .then(|| info.text("targetId"))
                .flatten()
                .map(|target| Event::Popup {
                    target: target.into_owned(),
                })
        }
        _ => None,
    }
}

/// What the tab tells.
fn of_tab(method: &str, params: &Fields<'_>, target: Option<&str>) -> Option<Event> {
    let request = || {
        params
            .text("requestId")
            .filter(|id| id.len() < 200)
            .map(String::from)
    };
    let address = |of: &Fields<'_>| {
        of.get("url")
            .filter(|url| url.as_json().len() < LONGEST_ADDRESS)
            .and_then(crate::json::Value::text)
            .map(String::from)
    };
    match method {
        "Network.requestWillBeSent" => Some(Event::Sent {
            request: request()?,
            address: address(&params.object("request"))?,
            preflight: params.text("type").as_deref() == Some("Preflight"),
        }),
        "Network.responseReceived" => {
            let response = params.object("response");
            let kind = params.text("type");
            if kind.as_deref() == Some("Preflight") {
                return None;
            }
            Some(Event::Answered {
                request: request()?,
                address: address(&response)?,
                status: response
                    .count("status")
                    .and_then(|status| u16::try_from(status).ok())
                    .unwrap_or(0),
                mime: response
                    .text("mimeType")
                    .unwrap_or_default()
                    .to_ascii_lowercase(),
                document: kind.as_deref() == Some("Document"),
                frame: params.text("frameId").unwrap_or_default().into_owned(),
            })
        }
        "Network.dataReceived" => Some(Event::Data {
            request: request()?,
            bytes: params.count("dataLength").unwrap_or(0),
        }),
        "Network.loadingFinished" => Some(Event::Loaded {
            request: request()?,
        }),
        "Network.loadingFailed" => Some(Event::Failed {
            request: request()?,
        }),
        "Page.frameNavigated" => {
            let frame = params.object("frame");
            if frame.has("parentId") {
                return None;
            }
            Some(Event::Navigated {
                address: address(&frame)?,
            })
        }
        // A page that writes its own history is another one for its reader.
        "Page.navigatedWithinDocument" if params.text("frameId").as_deref() == target => {
            Some(Event::Navigated {
                address: address(params)?,
            })
        }
        "Inspector.targetCrashed" => Some(Event::Crashed),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tab(method: &str, params: &str) -> Option<Event> {
        of_tab(method, &Fields::parse(params).unwrap(), Some("T"))
    }

    #[test]
    fn events_are_read_and_what_is_odd_in_them_does_no_harm() {
        assert_eq!(
            tab(
                "Network.responseReceived",
                r#"{"requestId":"7.1","type":"Fetch","frameId":"F","response":{"url":"https://a/b","status":200,"mimeType":"application/JSON"}}"#
            ),
            Some(Event::Answered {
                request: "7.1".into(),
                address: "https://a/b".into(),
                status: 200,
                mime: "application/json".into(),
                document: false,
                frame: "F".into(),
            })
        );
        let long = format!(
            r#"{{"requestId":"7","request":{{"url":"data:{}"}}}}"#,
            "x".repeat(LONGEST_ADDRESS)
        );
        assert_eq!(tab("Network.requestWillBeSent", &long), None);
        for odd in [
            "{}",
            r#"{"requestId":7}"#,
            r#"{"requestId":"1","response":[]}"#,
        ] {
            assert_eq!(tab("Network.responseReceived", odd), None, "{odd}");
        }
        assert_eq!(
            tab(
                "Page.frameNavigated",
                r#"{"frame":{"parentId":"a","url":"https://a"}}"#
            ),
            None,
            "a frame inside is not the page"
        );
    }

    #[test]
    fn only_windows_that_our_tab_opened_are_popups() {
        let created = |text: &str| {
            of_browser(
                "Target.targetCreated",
                &Fields::parse(text).unwrap(),
                None,
                Some("T"),
            )
        };
        let popup = r#"{"targetInfo":{"targetId":"P","type":"page","openerId":"T"}}"#;
        assert_eq!(created(popup), Some(Event::Popup { target: "P".into() }));
        let of_others = r#"{"targetInfo":{"targetId":"P","type":"page","openerId":"X"}}"#;
        assert_eq!(created(of_others), None);
        let of_person = r#"{"targetInfo":{"targetId":"P","type":"page"}}"#;
        assert_eq!(created(of_person), None);
    }
}
