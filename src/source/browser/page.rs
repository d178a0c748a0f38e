//! The pages that can be recorded: where they are, and which answers of the site belong to them.

use std::fmt;

use url::{Host, Url};

use crate::model::Hashtag;

/// TikTok's own site.
pub const SITE: &str = "https://www.tiktok.com";

/// Paths below which posts are listed that the page fetches in case somebody clicks, but does not show.
const PRELOADED: &str = "/api/preload/";

/// A site that looks like TikTok's.
#[derive(Clone, Debug)]
pub struct Site(Url);

/// A page to record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Page {
    /// A hashtag's.
    Tag(Hashtag),
    /// What a search for these words shows.
    Search(String),
    /// An account's, by its name without `@`.
    User(String),
}

/// What an address is to a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The list of posts that the page shows.
    List,
    /// What the page says about its hashtag or account.
    Detail,
    /// Anything else of the site.
    Other,
    /// Loaded in advance, not shown.
    Preloaded,
}

impl Site {
    /// Reads an address such as `https://www.tiktok.com`.
    ///
    /// # Errors
    /// It is none of `http` or `https`; the text says so.
    pub fn new(address: &str) -> Result<Self, String> {
        let wrong = || format!("`{address}` is no address such as {SITE}");
        let url = Url::parse(address).map_err(|_| wrong())?;
        let is_web = matches!(url.scheme(), "http" | "https");
        if !is_web || url.host().is_none() || !url.username().is_empty() || url.password().is_some()
        {
            return Err(wrong());
        }
        Ok(Self(url))
    }

    /// The page's address.
    pub(super) fn address(&self, page: &Page) -> String {
        let mut url = self.0.clone();
        url.set_query(None);
        url.set_fragment(None);
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty();
            match page {
                Page::Tag(tag) => path.push("tag").push(tag.as_str()),
                Page::Search(_) => path.push("search"),
                Page::User(name) => path.push(&format!("@{name}")),
            };
        }
        if let Page::Search(words) = page {
            url.query_pairs_mut().append_pair("q", words);
        }
        url.into()
    }

    /// The path of an address, if it is one of the site's.
    pub(super) fn path(&self, address: &str) -> Option<String> {
        let url = Url::parse(address).ok()?;
        let is_web = matches!(url.scheme(), "http" | "https");
        let same_port = self.0.port().is_none() || self.0.port() == url.port();
        let same_host = match (self.0.host()?, url.host()?) {
            (Host::Domain(ours), Host::Domain(theirs)) => {
                let ours = ours.strip_prefix("www.").unwrap_or(ours);
                theirs
                    .strip_suffix(ours)
                    .is_some_and(|before| before.is_empty() || before.ends_with('.'))
            }
            (ours, theirs) => ours == theirs,
        };
        (is_web && same_port && same_host).then(|| url.path().to_owned())
    }
}

impl fmt::Display for Site {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

impl Page {
    /// What the site's path is to this page.
    pub(super) fn place(&self, path: &str) -> Place {
        let path = path.trim_end_matches('/');
        let (lists, detail): (&[&str], &str) = match self {
            Self::Tag(_) => (&["/api/challenge/item_list"], "/api/challenge/detail"),
            Self::Search(_) => (&["/api/search/general/full", "/api/search/item/full"], ""),
            Self::User(_) => (&["/api/post/item_list"], "/api/user/detail"),
        };
        if path.starts_with(PRELOADED) {
            Place::Preloaded
        } else if lists.iter().any(|list| path.ends_with(list)) {
            Place::List
        } else if !detail.is_empty() && path.ends_with(detail) {
            Place::Detail
        } else {
            Place::Other
        }
    }

    /// Whether posts of other lists belong to the page as well: what a hashtag's page shows beside its
    /// own list is told by the hashtags, what an account's shows by the author; what a search page
    /// shows beside its results cannot be told from them.
    pub(super) fn takes_others(&self) -> bool {
        !matches!(self, Self::Search(_))
    }

    /// What kind of page it is.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Tag(_) => "tag page",
            Self::Search(_) => "search page",
            Self::User(_) => "user page",
        }
    }
}

/// An account's name as the site writes it, without `@`; `None` if it cannot be one.
#[must_use]
pub fn user_name(text: &str) -> Option<String> {
    let name = text.trim().trim_start_matches('@');
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.');
    let is_name = (1..=64).contains(&name.chars().count())
        && name.chars().all(fits)
        && name.chars().any(|c| c != '.');
    is_name.then(|| name.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(text: &str) -> Page {
        Page::Tag(Hashtag::new(text).unwrap())
    }

    #[test]
    fn addresses_hold_any_name_as_one_part() {
        let site = Site::new("https://www.tiktok.com/").unwrap();
        for (page, address) in [
            (tag("london"), "https://www.tiktok.com/tag/london"),
            (
                tag("a/../b?c#d"),
                "https://www.tiktok.com/tag/a%2F..%2Fb%3Fc%23d",
            ),
            (tag("東京"), "https://www.tiktok.com/tag/%E6%9D%B1%E4%BA%AC"),
            (
                Page::Search("big ben & co".into()),
                "https://www.tiktok.com/search?q=big+ben+%26+co",
            ),
            (Page::User("a.b_c".into()), "https://www.tiktok.com/@a.b_c"),
        ] {
            assert_eq!(site.address(&page), address);
        }
        for wrong in [
            "file:///etc",
            "tiktok.com",
            "javascript:1",
            "ftp://a",
            "https://a:b@c",
        ] {
            assert!(Site::new(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn other_sites_are_not_the_site() {
        let site = Site::new(SITE).unwrap();
        for (address, path) in [
            ("https://www.tiktok.com/api/a?b=c", Some("/api/a")),
            ("https://us.tiktok.com/api/a", Some("/api/a")),
            ("https://tiktok.com/", Some("/")),
            ("https://nottiktok.com/api/a", None),
            ("https://tiktok.com.evil.org/api/a", None),
            ("file:///etc/passwd", None),
            ("data:text/html,a", None),
            ("", None),
        ] {
            assert_eq!(site.path(address).as_deref(), path, "{address}");
        }
        let loopback = Site::new("http://127.0.0.1:81").unwrap();
        assert_eq!(
            loopback.path("http://127.0.0.1:81/a").as_deref(),
            Some("/a")
        );
        assert_eq!(loopback.path("http://127.0.0.1:82/a"), None);
    }

    #[test]
    fn lists_are_told_from_what_stands_beside_them() {
        for (page, path, place) in [
            (tag("a"), "/api/challenge/item_list/", Place::List),
            (tag("a"), "/api/challenge/detail/", Place::Detail),
            (tag("a"), "/api/recommend/item_list/", Place::Other),
            (tag("a"), "/api/preload/item_list/", Place::Preloaded),
            (Page::User("a".into()), "/api/post/item_list/", Place::List),
            (
                Page::Search("a".into()),
                "/api/search/general/full/",
                Place::List,
            ),
        ] {
            assert_eq!(page.place(path), place, "{path}");
        }
    }

    #[test]
    fn names_of_accounts_are_names() {
        assert_eq!(user_name(" @BBC.News_1 ").as_deref(), Some("bbc.news_1"));
        for wrong in ["", "@", "a/b", "..", "a b", "a\u{7}"] {
            assert_eq!(user_name(wrong), None, "{wrong:?}");
        }
    }
}
