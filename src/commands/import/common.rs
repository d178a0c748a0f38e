//! The commonest hashtags of what an import reads, told where none has a hashtag asked for.

use hashbrown::HashMap;

use crate::model::Hashtag;
use crate::output::counted;

/// From how many posts they are told.
const SAMPLE: u64 = 10_000;

/// The hashtags of the first posts, as long as none has a hashtag asked for.
#[derive(Default)]
pub(super) struct Common {
    posts: u64,
    counts: HashMap<Hashtag, u64>,
    found: bool,
}

impl Common {
    /// Whether the next post's hashtags are to be added, of which one asked for was `found` or not.
    pub(super) fn is_asked(&mut self, found: bool) -> bool {
        if found && !self.found {
            self.found = true;
            self.counts = HashMap::new();
        }
        !self.found && self.posts < SAMPLE
    }

    pub(super) fn add(&mut self, carried: &[Hashtag]) {
        self.posts += 1;
        for tag in carried {
            *self.counts.entry_ref(tag).or_default() += 1;
        }
    }

    /// The commonest, as the beginning of an advice; empty where a hashtag asked for was found.
    pub(super) fn sentence(&self) -> String {
        let mut counts: Vec<(&Hashtag, &u64)> = self.counts.iter().collect();
        counts.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
        if counts.is_empty() {
            return String::new();
        }
        let shown: Vec<String> = counts
            .iter()
            .take(5)
            .map(|(tag, posts)| format!("#{tag} ({})", counted(**posts, "post")))
            .collect();
        let all = if self.posts == SAMPLE {
            format!(" of the first {SAMPLE} posts")
        } else {
            String::new()
        };
        format!("the commonest hashtags{all} are {}; ", shown.join(", "))
    }
}
