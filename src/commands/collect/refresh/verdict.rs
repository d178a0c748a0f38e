//! When a post that was not found is gone. Pure.

use jiff::Timestamp;

use crate::commands::collect::gate::day_of;
use crate::store::MissingLine;

/// An answer that finds none of so many posts, with no other sent along, says nothing about them.
pub(super) const TOO_MANY: usize = 20;

/// Whether posts that an answer lacks were not found: it has some of the posts asked for, or at least
/// half of the canaries.
pub(super) fn believes(found: usize, canaries_found: usize, canaries: usize) -> bool {
    found > 0 || (canaries > 0 && canaries_found * 2 >= canaries)
}

/// Why a post that was not found is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    /// It is to be looked for on another day; when it was first not found.
    Again(Timestamp),
    /// Batch compliance lists it.
    Valid,
}

/// Judges a post that was not found now: what was known of it before, and whether batch compliance
/// lists it, if it was asked.
///
/// # Errors
/// It is not confirmed to be gone.
pub(super) fn judge(
    known: Option<&MissingLine>,
    listed: Option<bool>,
    now: Timestamp,
) -> Result<String, Doubt> {
    match (listed, known) {
        (Some(true), _) => Err(Doubt::Valid),
        (Some(false), _) => Ok(format!(
            "not found on {}, and not listed by batch compliance",
            day_of(now)
        )),
        (None, Some(known)) if day_of(known.first) != day_of(now) => Ok(format!(
            "not found on {} and on {}",
            day_of(known.first),
            day_of(now)
        )),
        (None, Some(known)) => Err(Doubt::Again(known.first)),
        (None, None) => Err(Doubt::Again(now)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_judged_by_what_it_has() {
        assert!(believes(1, 0, 0) && believes(1, 0, 10));
        assert!(believes(0, 5, 10) && believes(0, 1, 1));
        assert!(!believes(0, 4, 10) && !believes(0, 0, 1) && !believes(0, 0, 0));
    }

    #[test]
    fn one_answer_is_no_evidence_and_two_on_one_day_are_one() {
        let at = |text: &str| -> Timestamp { text.parse().unwrap() };
        let morning = at("2024-06-03T06:00:00Z");
        let known = MissingLine {
            id: "7".into(),
            first: morning,
            last: morning,
            found: false,
        };
        assert_eq!(judge(None, None, morning), Err(Doubt::Again(morning)));
        let evening = at("2024-06-03T23:59:59Z");
        assert_eq!(
            judge(Some(&known), None, evening),
            Err(Doubt::Again(morning))
        );
        let next = at("2024-06-04T00:00:00Z");
        assert_eq!(
            judge(Some(&known), None, next).unwrap(),
            "not found on 2024-06-03 and on 2024-06-04"
        );
        assert_eq!(judge(Some(&known), Some(true), next), Err(Doubt::Valid));
        assert!(
            judge(None, Some(false), morning)
                .unwrap()
                .contains("batch compliance")
        );
    }
}
