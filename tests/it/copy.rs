//! `cotag copy` between directories.

use pretty_assertions::assert_eq;
use serde_json::json;

use crate::harness::Desk;
use crate::make::{ids, lines, london};

#[test]
fn a_copy_of_a_hashtag_whose_posts_were_all_removed_forgot_that_they_were() {
    let desk = Desk::new();
    desk.write("posts.ndjson", lines(&london(0..2)));
    desk.cotag("import posts.ndjson -t london").fine();
    for target in ["other", "killed"] {
        desk.cotag(&format!("copy --from data --to {target}"))
            .fine();
        assert_eq!(
            desk.ids(&format!("{target}/london/posts/data.json")),
            ids(0..2)
        );
    }
    // What a refresh leaves of posts that are gone.
    desk.write("data/london/posts/data.json", "[\n]\n");
    let stones = ids(0..2).into_iter().map(|id| {
        json!({"id": id, "removed": "2026-11-20T10:00:00Z", "why": "not found", "run": "r"})
            .to_string()
            + "\n"
    });
    desk.write(
        "data/london/posts/tombstones.jsonl",
        stones.collect::<String>(),
    );
    // A copy that was killed between the tombstones and the posts.
    fs_err::copy(
        desk.path("data/london/posts/tombstones.jsonl"),
        desk.path("killed/london/posts/tombstones.jsonl"),
    )
    .unwrap();
    for target in ["fresh", "other", "killed"] {
        let copied = desk
            .cotag(&format!("copy --from data --to {target}"))
            .code(0);
        if target != "killed" {
            copied.says(&["#london: 2 tombstones taken over"]);
        }
        desk.cotag(&format!(
            "import posts.ndjson -t london --data-dir {target}"
        ))
        .code(0);
        assert!(
            desk.ids(&format!("{target}/london/posts/data.json"))
                .is_empty()
        );
        desk.cotag(&format!("verify --data-dir {target}")).code(0);
    }
}
