//! `cotag urls`: links for other tools, one a line.

use serde_json::json;

use crate::harness::Desk;
use crate::make::{array, web};

fn stocked() -> Desk {
    let desk = Desk::new();
    let posts = [
        web(1, "london fyp").by("ann").views(5),
        web(30, "london").by("ben").views(700),
        web(2, "london fyp").with("author", json!(null)),
        web(3, "london").by("e\u{1b}[2J/../\"vil\n--exec"),
        web(4, "london fyp")
            .by("cat")
            .with("stats", json!(null))
            .with("imagePost", json!({"images": []})),
    ];
    desk.write("posts.json", array(&posts));
    desk.cotag("import posts.json -t london").fine();
    desk
}

fn page(author: &str, number: u64) -> String {
    format!("https://www.tiktok.com/@{author}/video/71892545123456780{number:02}\n")
}

#[test]
fn each_post_is_a_line_newest_first_and_no_name_breaks_out_of_it() {
    stocked().cotag("urls london").fine().stdout(
        &[
            page("ben", 30),
            page("cat", 4),
            page("", 3),
            page("", 2),
            page("ann", 1),
        ]
        .concat(),
    );
}

#[test]
fn filters_choose_the_posts_and_a_missing_count_is_not_zero() {
    let desk = stocked();
    for (words, expected) in [
        ("--limit 1", vec![page("ben", 30)]),
        (
            "--min-views 100",
            vec![page("ben", 30), page("", 3), page("", 2)],
        ),
        (
            "--min-views 0 --with fyp",
            vec![page("", 2), page("ann", 1)],
        ),
        ("--since 2024-05-02", vec![page("ben", 30)]),
        ("--until 2024-05-01 --without fyp", vec![page("", 3)]),
        ("--author ann", vec![page("ann", 1)]),
    ] {
        desk.cotag(&format!("urls london {words}"))
            .fine()
            .stdout(&expected.concat());
    }
    desk.cotag("urls london --limit 2")
        .says(&["the newest 2 of 5 posts that meet the filters (--limit)"]);
    desk.cotag("urls london --min-views 9999")
        .fails(1, &["none of the 5 posts of #london meets the filters"]);
    desk.cotag("urls paris").fails(1, &["#london"]);
    desk.cotag("urls posts.json --limit 1")
        .fine()
        .stdout(&page("ben", 30));
}
