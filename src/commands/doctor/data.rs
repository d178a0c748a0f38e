//! The data directory: is it there, ours, writable, free, whole.

use std::path::Path;

use jiff::Timestamp;

use crate::error::Error;
use crate::output::{Check, counted};
use crate::store::{
    QuickLook, Store, StoreError, existing_above, quick_look, try_writing, writing,
};

/// Adds what was found; returns when the youngest run ended.
pub(super) fn check(root: &Path, checks: &mut Vec<Check>) -> Option<Timestamp> {
    checks.push(directory(root));
    let store = match Store::open(root) {
        Ok(store) => store,
        // There is nothing to look at, and `directory` has said why.
        Err(StoreError::Missing(_)) => return None,
        Err(error) => {
            checks.push(failed("store", error));
            return None;
        }
    };
    checks.push(match writing(root) {
        Ok(None) => Check::ok("lock", "nobody is writing"),
        Ok(Some(holder)) => Check::warn(
            "lock",
            format!("{holder} is writing"),
            "commands that write wait for it; --lock-timeout says how long",
        ),
        Err(error) => failed("lock", error),
    });
    match quick_look(&store) {
        Ok(look) => {
            checks.push(whole(&look));
            checks.push(duplicates(&look));
            look.youngest
        }
        Err(error) => {
            checks.push(failed("store", error));
            None
        }
    }
}

fn directory(root: &Path) -> Check {
    let name = "data-directory";
    let shown = root.display();
    let rights = "change the rights, or name another directory with --data-dir or COTAG_DATA_DIR";
    if root.is_dir() {
        return match try_writing(root) {
            Ok(()) => Check::ok(name, format!("`{shown}` can be read and written")),
            Err(error) => Check::fail(
                name,
                format!("`{shown}` cannot be written to: {error}"),
                rights,
            ),
        };
    }
    if root.exists() {
        return Check::fail(name, format!("`{shown}` is no directory"), rights);
    }
    let above = existing_above(root);
    match above.as_deref().map(|above| (above, try_writing(above))) {
        Some((_, Ok(()))) => Check::ok(
            name,
            format!("`{shown}` is not there yet; the first import or download makes it"),
        ),
        Some((above, Err(error))) => Check::fail(
            name,
            format!(
                "`{shown}` is not there and cannot be made in `{}`: {error}",
                above.display()
            ),
            rights,
        ),
        None => Check::fail(
            name,
            format!("`{shown}` is not there and cannot be made"),
            rights,
        ),
    }
}

fn whole(look: &QuickLook) -> Check {
    // Damage before what the next run completes.
    let wrong = look.findings.iter().find(|finding| !finding.unfinished);
    let Some(first) = wrong.or(look.findings.first()) else {
        return Check::ok(
            "store",
            format!(
                "{}, {}; files end where their ledgers say (`cotag verify` checks every byte)",
                counted(look.tags, "hashtag"),
                counted(look.posts, "post")
            ),
        );
    };
    let more = match look.findings.len() - 1 {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    Check::warn(
        "store",
        format!("`{}`: {}{more}", first.file.display(), first.what),
        if first.unfinished {
            "an interrupted run's: the next download or import completes it; `cotag verify` tells more"
        } else {
            "`cotag verify` lists what is wrong, `cotag repair` mends it and keeps a backup"
        },
    )
}

fn duplicates(look: &QuickLook) -> Check {
    if look.duplicates.is_empty() {
        return Check::ok("duplicates", "every post is stored once");
    }
    let shown = look
        .duplicates
        .iter()
        .take(5)
        .map(|(tag, many, rows)| format!("#{tag}: {many} of {rows} rows repeat a post"));
    let mut what = shown.collect::<Vec<_>>().join("; ");
    if look.duplicates.len() > 5 {
        what += &format!("; and {} hashtags more", look.duplicates.len() - 5);
    }
    Check::warn(
        "duplicates",
        what,
        "they are left out of every count; `cotag repair` takes them out and keeps a backup",
    )
}

fn failed(name: &'static str, error: StoreError) -> Check {
    let error = Error::from(error);
    let advice = error.hint().unwrap_or_default();
    Check::fail(name, error.to_string(), advice)
}
