//! What was mended or left out while reading a file, with counts.

/// Counts of what a person should know besides posts and rejected records.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Notes {
    pub(super) lone_surrogates: u64,
    pub(super) invalid_utf8: u64,
    pub(super) nul_bytes: u64,
    pub(super) nul_escapes: u64,
    pub(super) error_rows: u64,
    pub(super) other_results: u64,
    pub(super) empty_answers: u64,
    pub(super) blocked_answers: u64,
    pub(super) without_body: u64,
    pub(super) preloaded: u64,
    pub(super) listing_entries: u64,
    pub(super) entries_too_large: u64,
}

impl Notes {
    /// One sentence per count that is not zero.
    pub(super) fn sentences(&self) -> Vec<String> {
        [
            (
                self.lone_surrogates,
                "records held half a surrogate pair, replaced by U+FFFD",
            ),
            (
                self.invalid_utf8,
                "texts were not valid UTF-8, the invalid bytes replaced by U+FFFD",
            ),
            (self.nul_bytes, "texts held NUL bytes, which were removed"),
            (
                self.nul_escapes,
                "posts hold escaped NUL characters, which are left out when read",
            ),
            (self.error_rows, "error rows of the tool were skipped"),
            (
                self.other_results,
                "search results that are no posts (accounts, live rooms) were skipped",
            ),
            (self.empty_answers, "answers of TikTok held no posts"),
            (
                self.blocked_answers,
                "answers of TikTok were blocked or empty: their posts are missing here",
            ),
            (
                self.without_body,
                "answers of TikTok were saved without their body: their posts are missing here",
            ),
            (
                self.preloaded,
                "answers that the page had loaded in advance were left out",
            ),
            (
                self.listing_entries,
                "listing entries that are no posts were skipped",
            ),
            (
                self.entries_too_large,
                "HAR entries above 64 MiB were skipped",
            ),
        ]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect()
    }
}
