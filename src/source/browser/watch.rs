//! Keeping track of the site's answers while they come, so that each body is fetched once it is whole.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::BODY_LIMIT;
use super::page::{Page, Place, Site};
use super::protocol::Event;

/// How many answers may be under way; a page that has more of them loses some.
const UNDER_WAY: usize = 10_000;
/// After so long an answer is no longer waited for.
const PATIENCE: Duration = Duration::from_mins(1);

/// An answer of the site, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// The request's id, to ask for the body with.
    pub(super) request: String,
    /// Its path on the site.
    pub(super) path: String,
    /// What it is to the page.
    pub(super) place: Place,
    /// It is the page itself.
    pub(super) document: bool,
    /// HTTP status.
    pub(super) status: u16,
    /// Length, unpacked.
    pub(super) bytes: u64,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Nothing yet, or nothing of interest.
    None,
    /// Its answer is whole.
    Whole(Answer),
    /// Its answer is larger than is read.
    TooLarge(Answer),
    /// A part of the list failed on the way.
    Failed,
}

/// The answers under way.
#[derive(Debug)]
pub(super) struct Watch {
    page: Page,
    site: Site,
    frame: String,
    answers: HashMap<String, Answer>,
    /// Requests for parts of the list that are not answered yet.
    lists: HashMap<String, Instant>,
    /// Answers loaded in advance that were left out.
    pub(super) preloaded: u64,
    /// When something of the page last happened.
    pub(super) last: Instant,
}

impl Watch {
    pub(super) fn new(page: Page, site: Site, frame: String) -> Self {
        Self {
            page,
            site,
            frame,
            answers: HashMap::new(),
            lists: HashMap::new(),
            preloaded: 0,
            last: Instant::now(),
        }
    }

    /// Whether a part of the list is under way.
    pub(super) fn is_waiting(&self) -> bool {
        self.lists.values().any(|since| since.elapsed() < PATIENCE)
    }

    /// Enters an event.
    pub(super) fn note(&mut self, event: &Event) -> Outcome {
        match event {
            Event::Sent {
                request,
                address,
                preflight: false,
            } => {
                if let Some(path) = self.site.path(address)
                    && self.page.place(&path) == Place::List
                    && self.lists.len() < UNDER_WAY
                {
                    self.last = Instant::now();
                    self.lists.insert(request.clone(), self.last);
                }
                Outcome::None
            }
            Event::Answered {
                request,
                address,
                status,
                mime,
                document,
                frame,
            } => {
                let of_page = *document && *frame == self.frame;
                self.head(request, address, *status, mime, *document, of_page);
                Outcome::None
            }
            Event::Data { request, bytes } => {
                if let Some(answer) = self.answers.get_mut(request) {
                    self.last = Instant::now();
                    answer.bytes += bytes;
                    if answer.bytes > BODY_LIMIT as u64 {
                        self.lists.remove(request);
                        return self
                            .answers
                            .remove(request)
                            .map_or(Outcome::None, Outcome::TooLarge);
                    }
                }
                Outcome::None
            }
            Event::Loaded { request } => {
                self.lists.remove(request);
                match self.answers.remove(request) {
                    Some(answer) => {
                        self.last = Instant::now();
                        Outcome::Whole(answer)
                    }
                    None => Outcome::None,
                }
            }
            Event::Failed { request } => {
                self.answers.remove(request);
                if self.lists.remove(request).is_some() {
                    self.last = Instant::now();
                    Outcome::Failed
                } else {
                    Outcome::None
                }
            }
            _ => Outcome::None,
        }
    }

    fn head(
        &mut self,
        request: &str,
        address: &str,
        status: u16,
        mime: &str,
        document: bool,
        of_page: bool,
    ) {
        let Some(path) = self.site.path(address) else {
            return;
        };
        let place = self.page.place(&path);
        if place == Place::Preloaded {
            self.preloaded += 1;
            return;
        }
        let is_list = place == Place::List || place == Place::Detail;
        let may_hold_posts = mime.contains("json") && self.page.takes_others();
        let wanted = if document {
            of_page
        } else {
            is_list || may_hold_posts
        };
        if wanted && self.answers.len() < UNDER_WAY {
            self.last = Instant::now();
            let answer = Answer {
                request: request.to_owned(),
                path,
                place,
                document,
                status,
                bytes: 0,
            };
            self.answers.insert(request.to_owned(), answer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Hashtag;

    fn watch() -> Watch {
        let page = Page::Tag(Hashtag::new("london").unwrap());
        Watch::new(page, Site::new(super::super::SITE).unwrap(), "F".into())
    }

    fn answered(request: &str, path: &str, mime: &str) -> Event {
        Event::Answered {
            request: request.into(),
            address: format!("https://www.tiktok.com{path}"),
            status: 200,
            mime: mime.into(),
            document: mime == "text/html",
            frame: "F".into(),
        }
    }

    fn sent(request: &str, path: &str) -> Event {
        Event::Sent {
            request: request.into(),
            address: format!("https://www.tiktok.com{path}"),
            preflight: false,
        }
    }

    #[test]
    fn an_answer_is_handed_out_once_it_is_whole_whatever_its_kind_says() {
        let mut watch = watch();
        watch.note(&sent("1", "/api/challenge/item_list/?a=1"));
        assert!(watch.is_waiting());
        watch.note(&answered(
            "1",
            "/api/challenge/item_list/?a=1",
            "text/plain",
        ));
        watch.note(&Event::Data {
            request: "1".into(),
            bytes: 5,
        });
        let Outcome::Whole(answer) = watch.note(&Event::Loaded {
            request: "1".into(),
        }) else {
            panic!("it is whole");
        };
        assert_eq!((answer.place, answer.bytes), (Place::List, 5));
        assert!(!watch.is_waiting());
        assert_eq!(
            watch.note(&Event::Loaded {
                request: "1".into()
            }),
            Outcome::None
        );
    }

    #[test]
    fn pictures_other_sites_and_what_is_preloaded_are_left_alone() {
        let mut watch = watch();
        for event in [
            answered("1", "/a.jpg", "image/jpeg"),
            answered("2", "/api/preload/item_list/", "application/json"),
            Event::Answered {
                request: "3".into(),
                address: "https://evil.org/api/challenge/item_list/".into(),
                status: 200,
                mime: "application/json".into(),
                document: false,
                frame: "F".into(),
            },
        ] {
            watch.note(&event);
        }
        for request in ["1", "2", "3"] {
            let loaded = Event::Loaded {
                request: request.into(),
            };
            assert_eq!(watch.note(&loaded), Outcome::None);
        }
        assert_eq!(watch.preloaded, 1);
    }

    #[test]
    fn an_answer_without_end_is_given_up_at_the_limit() {
        let mut watch = watch();
        watch.note(&answered(
            "1",
            "/api/challenge/item_list/",
            "application/json",
        ));
        let part = Event::Data {
            request: "1".into(),
            bytes: BODY_LIMIT as u64,
        };
        assert_eq!(watch.note(&part), Outcome::None);
        assert!(matches!(watch.note(&part), Outcome::TooLarge(_)));
        assert_eq!(watch.note(&part), Outcome::None);
        watch.note(&sent("2", "/api/challenge/item_list/"));
        assert_eq!(
            watch.note(&Event::Failed {
                request: "2".into()
            }),
            Outcome::Failed
        );
    }
}
