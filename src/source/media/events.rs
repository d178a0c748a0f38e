//! What yt-dlp says while it works through a batch, line by line. Pure.

use crate::json::redact_shown;

/// How much of a reason is kept.
const LONGEST: usize = 300;
/// Lines that we ask yt-dlp to print begin so.
pub(super) const DONE: &str = "cotag-done ";
pub(super) const BYTES: &str = "cotag-bytes ";

/// Something that a line tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// It begins with this link.
    Begins(String),
    /// So many bytes of the file at hand are there.
    Bytes(u64),
    /// The file of this link is whole.
    Done(String),
    /// The link at hand failed.
    Failed(String),
    /// The file at hand is larger than allowed.
    TooLarge,
}

/// Reads a line; `None` for chatter.
pub(super) fn read(line: &str) -> Option<Said> {
    let line = line.trim();
    if let Some(link) = line.strip_prefix(DONE) {
        return Some(Said::Done(link.to_owned()));
    }
    if let Some(bytes) = line.strip_prefix(BYTES) {
        return bytes.parse().ok().map(Said::Bytes);
    }
    if let Some(reason) = line.strip_prefix("ERROR:") {
        return Some(Said::Failed(reason_of(reason)));
    }
    if line.starts_with("[download] File is larger than max-filesize") {
        return Some(Said::TooLarge);
    }
    let (_, link) = line.split_once("] Extracting URL: ")?;
    line.starts_with('[').then(|| Said::Begins(link.to_owned()))
}

/// yt-dlp's reason without what is meant for its own developers, and without secrets of links.
fn reason_of(text: &str) -> String {
    let text = text.trim();
    let end = [
        "; please report this issue",
        " (caused by ",
        ". Use --cookies",
    ]
    .iter()
    .filter_map(|mark| text.find(mark))
    .min()
    .unwrap_or(text.len());
    let advice = if text.contains("--cookies") {
        "; --cookies FILE may help"
    } else {
        ""
    };
    let mut reason: String = redact_shown(&text[..end]).chars().take(LONGEST).collect();
    reason += advice;
    reason
}

/// Whether a reason is that the disk has no room.
pub fn disk_is_full(reason: &str) -> bool {
    [
        "No space left on device",
        "Errno 28",
        "Disk quota exceeded",
        "not enough space",
    ]
    .iter()
    .any(|words| reason.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_told_apart() {
        for (line, said) in [
            (
                "[TikTok] Extracting URL: https://www.tiktok.com/@/video/7",
                Some(Said::Begins("https://www.tiktok.com/@/video/7".into())),
            ),
            ("cotag-bytes 5024\r", Some(Said::Bytes(5024))),
            ("cotag-bytes NA", None),
            (
                "cotag-done https://www.tiktok.com/@/video/7",
                Some(Said::Done("https://www.tiktok.com/@/video/7".into())),
            ),
            (
                "[download] File is larger than max-filesize (5 bytes > 3 bytes). Aborting.",
                Some(Said::TooLarge),
            ),
            (
                "ERROR: [generic] 7: Unable to download webpage: HTTP Error 404: Not Found (caused by <HTTPError 404: Not Found>)",
                Some(Said::Failed(
                    "[generic] 7: Unable to download webpage: HTTP Error 404: Not Found".into(),
                )),
            ),
            ("[info] 7: Downloading 1 format(s): 0", None),
            ("", None),
        ] {
            assert_eq!(read(line), said, "{line}");
        }
    }

    #[test]
    fn reasons_hold_no_secrets_and_are_short() {
        let line = format!(
            "ERROR: [TikTok] 7: Log in; https://x/?msToken=s3cr3t-value&a=1 {}",
            "x".repeat(9000)
        );
        let Some(Said::Failed(reason)) = read(&line) else {
            panic!("no failure")
        };
        assert!(!reason.contains("s3cr3t"), "{reason}");
        assert!(reason.chars().count() <= LONGEST);
        let Some(Said::Failed(reason)) = read(
            "ERROR: [TikTok] 7: This post may not be comfortable for some. Log in for access. Use --cookies-from-browser or --cookies for the authentication",
        ) else {
            panic!("no failure")
        };
        assert!(
            reason.ends_with("Log in for access; --cookies FILE may help"),
            "{reason}"
        );
        assert!(disk_is_full(
            "unable to write data: [Errno 28] No space left on device"
        ));
        assert!(!disk_is_full("HTTP Error 404"));
    }
}
