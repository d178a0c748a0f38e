//! What can stand between a reader and the posts: a captcha, a login, another site, refusals.

use std::fmt;
use std::time::Duration;

use serde_json::json;

use super::launch::Browser;
use super::page::Site;
use super::visit::text_of;

/// Looks for what covers the page, in a world of its own, where the page's scripts change nothing.
const LOOK: &str = "(() => {
    const shown = what => [...document.querySelectorAll(what)].some(e => e.getClientRects().length > 0);
    if (shown('#captcha-verify-container-main-page, .captcha_verify_container, .captcha-verify-container, \
#captcha_container, [id^=\"captcha-verify\"], .secsdk-captcha-drag-wrapper')) return 'captcha';
    if (shown('#login-modal, #loginContainer, [data-e2e=\"login-modal\"], [data-e2e=\"login-page\"]')) return 'login';
    return '';
})()";

/// What stands there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wall {
    /// A riddle that tells people from programs.
    Captcha,
    /// The site wants a login.
    Login,
    /// The page went to another site.
    Elsewhere(String),
    /// The site answers, but not with posts.
    Refusals(String),
}

impl fmt::Display for Wall {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Captcha => formatter.write_str("the site shows a captcha"),
            Self::Login => formatter.write_str("the site wants a login"),
            Self::Elsewhere(host) => write!(formatter, "the page went to another site ({host})"),
            Self::Refusals(what) => write!(formatter, "the site holds its posts back ({what})"),
        }
    }
}

/// What the address of a page says.
pub(super) fn of_address(site: &Site, address: &str) -> Option<Wall> {
    if address.is_empty() || address == "about:blank" {
        return None;
    }
    match site.path(address) {
        Some(path) => path.starts_with("/login").then_some(Wall::Login),
        None => {
            let host = url::Url::parse(address)
                .ok()
                .and_then(|url| url.host_str().map(str::to_owned))
                .unwrap_or_else(|| "unknown".into());
            Some(Wall::Elsewhere(host.chars().take(80).collect()))
        }
    }
}

/// What the page shows on top of itself.
pub(super) fn shown(browser: &mut Browser, within: Duration) -> Option<Wall> {
    let world = json!({"frameId": browser.target, "worldName": "cotag"});
    let line = &mut browser.connection;
    let reply = line.ask("Page.createIsolatedWorld", &world, within).ok()?;
    let context = reply.result().count("executionContextId")?;
    let look = json!({"expression": LOOK, "contextId": context, "returnByValue": true});
    let reply = line.ask("Runtime.evaluate", &look, within).ok()?;
    match text_of(&reply.result(), "result", "value")?.as_str() {
        "captcha" => Some(Wall::Captcha),
        "login" => Some(Wall::Login),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_tell_a_login_and_another_site() {
        let site = Site::new(super::super::SITE).unwrap();
        for (address, wall) in [
            ("https://www.tiktok.com/tag/london", None),
            ("about:blank", None),
            (
                "https://www.tiktok.com/login?redirect=/tag/london",
                Some(Wall::Login),
            ),
            (
                "https://example.org/tag/london",
                Some(Wall::Elsewhere("example.org".into())),
            ),
            (
                "chrome-error://chromewebdata/",
                Some(Wall::Elsewhere("chromewebdata".into())),
            ),
        ] {
            assert_eq!(of_address(&site, address), wall, "{address}");
        }
    }
}
