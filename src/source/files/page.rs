//! HTML pages of tiktok.com: the posts stand in a script's JSON.

use memchr::memmem;

use super::answer::{self, Base};
use super::session::{At, Session, Stop};
use crate::json::Walk;

/// The scripts that hold a page's state, over the years.
const SCRIPTS: [&str; 3] = [
    "SIGI_STATE",
    "__UNIVERSAL_DATA_FOR_REHYDRATION__",
    "__NEXT_DATA__",
];

/// Reads the posts of a page; false if it has no state in it.
pub(super) fn read(session: &mut Session<'_>, page: &[u8], at: At) -> Result<bool, Stop> {
    let mut found = false;
    for state in page_states(page) {
        found = true;
        let base = Base::inside(at);
        let answer = answer::read(session, &mut Walk::new(state), base)?;
        answer::settle(session, answer, at, &state[..state.len().min(1000)])?;
    }
    Ok(found)
}

/// The texts that begin with a page's states; each is a JSON object and whatever follows it.
pub fn page_states(page: &[u8]) -> impl Iterator<Item = &[u8]> {
    SCRIPTS.into_iter().flat_map(move |script| {
        memmem::find_iter(page, script)
            .filter_map(move |start| state(&page[start + script.len()..]))
    })
}

/// The JSON behind a script's id: `" type="application/json">{…` or `'] = {…`.
fn state(behind: &[u8]) -> Option<&[u8]> {
    let start = memchr::memchr(b'{', &behind[..behind.len().min(300)])?;
    let between = &behind[..start];
    let opens = between.ends_with(b">") || between.trim_ascii_end().ends_with(b"=");
    let is_other = between
        .iter()
        .any(|byte| matches!(byte, b'<' | b'(' | b';' | b','));
    (opens && !is_other).then_some(&behind[start..])
}
