//! `cotag posts`: the posts behind every number of a table.

use pretty_assertions::assert_eq;
use serde_json::json;

use crate::harness::Desk;
use crate::make::{array, id, ids, web};

fn stocked() -> Desk {
    let desk = Desk::new();
    let posts = [
        web(30, "london fyp").by("ben").views(7),
        web(2, "london FYP uk").by("ann"),
        web(1, "london")
            .with("author", json!(null))
            .with("stats", json!(null)),
        web(3, "london fyp").with("imagePost", json!({"images": []})),
    ];
    desk.write("posts.json", array(&posts));
    desk.cotag("import posts.json -t london").fine();
    desk
}

#[test]
fn a_hostile_name_reached_the_terminal_and_the_link() {
    let desk = Desk::new();
    let hostile = json!({"uniqueId": "../../x\u{1b}[31m"});
    desk.write(
        "posts.json",
        array(&[web(1, "london").with("author", hostile)]),
    );
    desk.cotag("import posts.json -t london").fine();
    for format in ["table", "csv", "tsv", "md", "ndjson", "json"] {
        let shown = desk
            .cotag(&format!("posts london --format {format}"))
            .fine()
            .stdout;
        assert!(!shown.contains('\u{1b}'), "{format}: {shown}");
        assert!(
            shown.contains("https://www.tiktok.com/@/video/"),
            "{format}: {shown}"
        );
    }
}

#[test]
fn the_posts_are_listed_by_date_with_their_links() {
    stocked()
        .cotag("posts london --with fyp")
        .fine()
        .stdout(
            "Post                 Date        Author  Views  Kind   Link\n\
             7189254512345678002  2024-05-01  ann       102  video  https://www.tiktok.com/@ann/video/7189254512345678002\n\
             7189254512345678003  2024-05-01  user3     103  photo  https://www.tiktok.com/@user3/photo/7189254512345678003\n\
             7189254512345678030  2024-05-02  ben         7  video  https://www.tiktok.com/@ben/video/7189254512345678030\n\
             Total posts: 3\n",
        )
        .says(&[
            "n = 3 posts of #london, 2024-05-01 to 2024-05-02 (UTC), from tiktok.com items (imported).",
            "Left out: 1 post that the filters exclude.",
        ]);
}

#[test]
fn with_without_and_the_filters_choose_the_posts() {
    let desk = stocked();
    for (filter, numbers) in [
        ("", vec![1, 2, 3, 30]),
        ("--with fyp", vec![2, 3, 30]),
        ("--with #Fyp --without uk", vec![3, 30]),
        ("--with fyp,uk", vec![2]),
        ("--with fyp --with uk", vec![2]),
        ("--without fyp,uk", vec![1]),
        ("--author ben", vec![30]),
        ("--since 2024-05-02", vec![30]),
        (
            "--require-tags uk,fyp --any-tags --with london",
            vec![2, 3, 30],
        ),
    ] {
        let listed = desk
            .cotag(&format!("posts london {filter} --format ndjson"))
            .fine();
        let found: Vec<String> = listed
            .stdout
            .lines()
            .map(|line| {
                serde_json::from_str::<serde_json::Value>(line).unwrap()["id"]
                    .as_str()
                    .unwrap()
                    .to_owned()
            })
            .collect();
        assert_eq!(found, ids(numbers), "{filter}");
    }
    desk.cotag("posts london --with nothing")
        .fails(1, &["none of the 4 posts of #london meets the filters"]);
}

#[test]
fn every_number_of_a_table_is_as_many_posts() {
    let desk = stocked();
    for row in desk.cotag("frequencies london").fine().counts() {
        let (tag, count) = row.split_once(' ').unwrap();
        desk.args(&["posts", "london", "--with", tag])
            .fine()
            .shows(&[&format!("Total posts: {count}\n")]);
    }
}

#[test]
fn ids_are_text_in_every_format_and_missing_is_empty() {
    let desk = stocked();
    desk.cotag("posts london --without fyp --format csv").fine().stdout(&format!(
        "id,created,author,views,kind,link,origin,format\n{0},2024-05-01T01:00:00Z,,,video,https://www.tiktok.com/@/video/{0},import,web\n",
        id(1)
    ));
    desk.cotag("posts london --without fyp --format csv --excel").fine().stdout(&format!(
        "\u{feff}id,created,author,views,kind,link,origin,format\n\"=\"\"{0}\"\"\",2024-05-01T01:00:00Z,,,video,https://www.tiktok.com/@/video/{0},import,web\n",
        id(1)
    ));
    let document = desk
        .cotag("posts london --without fyp --format json")
        .fine()
        .json();
    assert_eq!(document["schema"], "cotag/posts/1");
    assert_eq!(
        document["rows"],
        json!([{"id": id(1).to_string(), "created": "2024-05-01T01:00:00Z", "author": null, "views": null, "kind": "video",
                "link": format!("https://www.tiktok.com/@/video/{}", id(1)), "origin": "import", "format": "web"}])
    );
    assert_eq!(document["sample"]["posts"], 1);
    desk.cotag("posts london --without fyp --format md")
        .fine()
        .shows(&["| Post | Date |", "| --- |"]);
    desk.cotag("posts london --format tsv -o list.tsv")
        .fine()
        .stdout("");
    assert_eq!(desk.read("list.tsv").lines().count(), 5);
}

#[test]
fn a_file_is_listed_like_a_stored_hashtag() {
    let desk = stocked();
    let stored = desk.cotag("posts london").fine();
    desk.cotag("posts posts.json").fine().stdout(&stored.stdout);
}
