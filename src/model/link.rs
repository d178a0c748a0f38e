//! Pages of posts on TikTok's site, and how other tools know them.

use super::{Post, PostId};

/// Where posts have their pages.
pub const SITE: &str = "https://www.tiktok.com";

/// The longest handle that is believed; TikTok's own limit is 24 characters.
const LONGEST_HANDLE: usize = 32;

/// The page of a post below `site`, in the form that yt-dlp, gallery-dl and browsers all take.
///
/// Photo posts answer under `/video/` too, and yt-dlp knows no other form. What is no handle that
/// TikTok gives (missing, or of other characters) is left out: pages are found by the id alone.
pub fn page_link(site: &str, author: Option<&str>, id: PostId) -> String {
    let handle = author.filter(|name| is_handle(name)).unwrap_or_default();
    format!("{site}/@{handle}/video/{id}")
}

impl Post<'_> {
    /// The post's page for other tools; unlike [`Post::link`] made of nothing foreign but a safe handle.
    pub fn page(&self) -> String {
        page_link(SITE, self.author.as_deref(), self.id)
    }
}

pub(super) fn is_handle(name: &str) -> bool {
    (1..=LONGEST_HANDLE).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn link(author: Option<&str>) -> String {
        page_link(
            SITE,
            author,
            PostId::new(7_189_254_512_345_678_901).unwrap(),
        )
    }

    #[test]
    fn a_name_that_is_no_handle_is_left_out_of_the_link() {
        assert_eq!(
            link(Some("a.b_C-1")),
            "https://www.tiktok.com/@a.b_C-1/video/7189254512345678901"
        );
        for hostile in [
            "",
            "a/b",
            "..\\..",
            "é",
            "a b",
            "a\nhttp://x",
            "%2e%2e",
            "--exec",
        ] {
            let found = link(Some(hostile));
            let safe = if hostile == "--exec" { hostile } else { "" };
            assert_eq!(
                found,
                format!("https://www.tiktok.com/@{safe}/video/7189254512345678901")
            );
        }
        assert_eq!(link(None), link(Some("a b")));
    }

    proptest! {
        #[test]
        fn links_have_no_character_that_means_something_elsewhere(name in any::<String>()) {
            let link = link(Some(&name));
            prop_assert!(link.bytes().all(|byte| byte.is_ascii_alphanumeric() || b":/@._-".contains(&byte)));
            prop_assert_eq!(link.matches('/').count(), 5);
        }
    }
}
