//! Photo posts: pictures and sound by the links in their record, or by those of their page.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::Value;

use super::events::disk_is_full;
use super::sniff::Medium;
use crate::http::{DownloadError, Downloads};
use crate::json::Fields;
use crate::model::{Format, PostId};
use crate::record::{MediaLinks, media_links};

/// The scripts that hold a page's state.
const SCRIPTS: [&str; 2] = ["__UNIVERSAL_DATA_FOR_REHYDRATION__", "SIGI_STATE"];
/// More pictures than TikTok allows in a post.
const MOST_IMAGES: usize = 99;

/// A photo post to fetch.
#[derive(Clone, Debug)]
pub struct Photo {
    /// Its id.
    pub id: PostId,
    /// Its page.
    pub page: String,
    /// Links in its record.
    pub links: MediaLinks,
}

/// A file of a post, whole, and what it is.
pub type Part = (PathBuf, Medium);

/// Fetches a photo post: its pictures in their order, then its sound.
///
/// # Errors
/// Why, in a person's words; nothing of the post counts as fetched then.
pub async fn fetch_photo(
    downloads: &Downloads,
    photo: &Photo,
    work: &Path,
    most: u64,
    stop: &dyn Fn() -> bool,
) -> Result<Vec<Part>, String> {
    let now = Timestamp::now();
    let links = &photo.links;
    let all = links.images.iter().chain(&links.sound);
    let mut why = "its record holds no links to pictures".to_owned();
    if !links.images.is_empty() {
        if all.into_iter().all(|link| is_good(link, now)) {
            match fetch_links(downloads, photo.id, links, work, most, stop).await {
                Ok(parts) => return Ok(parts),
                Err(error) if stop() || disk_is_full(&error) => return Err(error),
                Err(error) => why = error,
            }
        } else {
            why = "the links in its record have expired or lost their signatures".into();
        }
    }
    let fresh = match downloads.page(&photo.page, stop).await {
        Ok(page) => links_of_page(&page, photo.id),
        Err(error) => return Err(format!("{why}; its page: {error}")),
    };
    match fresh {
        Some(fresh) => fetch_links(downloads, photo.id, &fresh, work, most, stop).await,
        None => Err(format!(
            "{why}; its page shows no pictures (deleted, private, or a check for robots: `cotag urls` gives the link to other tools)"
        )),
    }
}

async fn fetch_links(
    downloads: &Downloads,
    id: PostId,
    links: &MediaLinks,
    work: &Path,
    most: u64,
    stop: &dyn Fn() -> bool,
) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let images = links.images.iter().take(MOST_IMAGES);
    let wanted = images
        .map(|link| (link, true))
        .chain(links.sound.iter().map(|link| (link, false)));
    for (number, (link, is_image)) in wanted.enumerate() {
        let what = if is_image {
            format!("picture {}", number + 1)
        } else {
            "the sound".to_owned()
        };
        let path = work.join(format!("{id}_{:02}", number + 1));
        downloads
            .file(link, &path, most, stop)
            .await
            .map_err(|error| format!("{what}: {}", full(&error)))?;
        let medium = Medium::of_file(&path).map_err(|error| format!("{what}: {error}"))?;
        match medium {
            Some(Medium::Image(_)) if is_image => {}
            // A sound may come as a film without pictures.
            Some(Medium::Video(_) | Medium::Sound(_)) if !is_image => {}
            _ => return Err(format!("{what}: what the server sent is none")),
        }
        let medium = match medium {
            Some(Medium::Video("mp4")) => Medium::Sound("m4a"),
            Some(medium) => medium,
            None => continue,
        };
        parts.push((path, medium));
    }
    Ok(parts)
}

/// The error's words, a full disk by its name.
fn full(error: &DownloadError) -> String {
    match error {
        DownloadError::Disk(error) if error.kind() == std::io::ErrorKind::StorageFull => {
            "No space left on device".to_owned()
        }
        error => error.to_string(),
    }
}

/// Whether a link can still be good: its signature was not blanked, and it has not expired.
fn is_good(link: &str, now: Timestamp) -> bool {
    let query = link.split_once('?').map_or("", |(_, query)| query);
    form_urlencoded::parse(query.as_bytes()).all(|(name, value)| {
        let name = name.to_ascii_lowercase();
        let blanked = value.is_empty() && (name.ends_with("signature") || name.ends_with("token"));
        let expired =
            name.ends_with("expires") && value.parse::<i64>().is_ok_and(|at| at < now.as_second());
        !blanked && !expired
    })
}

/// The links of a post as its page has them, signatures included: they are used and forgotten.
fn links_of_page(page: &[u8], id: PostId) -> Option<MediaLinks> {
    let id = id.to_string();
    for script in SCRIPTS {
        for at in memchr::memmem::find_iter(page, script) {
            let behind = &page[at + script.len()..];
            let Some(start) = memchr::memchr(b'{', &behind[..behind.len().min(300)]) else {
                continue;
            };
            let mut values =
                serde_json::Deserializer::from_slice(&behind[start..]).into_iter::<Value>();
            let Some(Ok(state)) = values.next() else {
                continue;
            };
            let Some(item) = item(&state, &id) else {
                continue;
            };
            let text = item.to_string();
            let links = media_links(Format::Web, &Fields::parse(&text).ok()?);
            if !links.images.is_empty() {
                return Some(links);
            }
        }
    }
    None
}

/// The item of this id that has pictures, however deep (the parser has bounded the depth).
fn item<'v>(value: &'v Value, id: &str) -> Option<&'v Value> {
    match value {
        Value::Object(fields) => {
            if fields.get("id").and_then(Value::as_str) == Some(id)
                && fields.contains_key("imagePost")
            {
                return Some(value);
            }
            fields.values().find_map(|value| item(value, id))
        }
        Value::Array(values) => values.iter().find_map(|value| item(value, id)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_without_their_signature_or_past_their_time_are_not_asked_for() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        for (link, good) in [
            ("https://p16/x.jpeg", true),
            (
                "https://p16/x.jpeg?x-expires=1900000000&x-signature=abc",
                true,
            ),
            (
                "https://p16/x.jpeg?x-expires=1900000000&x-signature=",
                false,
            ),
            (
                "https://p16/x.jpeg?x-expires=1700000000&x-signature=abc",
                false,
            ),
            ("https://p16/x.jpeg?lang=", true),
        ] {
            assert_eq!(is_good(link, now), good, "{link}");
        }
    }

    #[test]
    fn a_page_gives_the_links_of_its_own_post() {
        let id: PostId = "7189254512345678901".parse().unwrap();
        let item = |id: &str, name: &str| {
            format!(
                r#"{{"id":"{id}","imagePost":{{"images":[{{"imageURL":{{"urlList":["https://p16/{name}?x-signature=abc"]}}}}]}}}}"#
            )
        };
        let page = format!(
            r#"<html><script id="__UNIVERSAL_DATA_FOR_REHYDRATION__" type="application/json">{{"a":[{},{{"itemStruct":{}}}]}}</script>"#,
            item("7", "other"),
            item("7189254512345678901", "right")
        );
        let links = links_of_page(page.as_bytes(), id).unwrap();
        assert_eq!(links.images, ["https://p16/right?x-signature=abc"]);
        for page in [
            "",
            "SIGI_STATE",
            "SIGI_STATE {",
            "SIGI_STATE>{\"id\":\"7189254512345678901\"}</script>",
        ] {
            assert_eq!(links_of_page(page.as_bytes(), id), None, "{page}");
        }
        let deep = format!("SIGI_STATE>{}", "{\"a\":".repeat(100_000));
        assert_eq!(links_of_page(deep.as_bytes(), id), None);
    }
}
