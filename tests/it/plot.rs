//! `frequencies --plot`: which pictures are drawn, where they go, and what lies beside them.

use fs_err as fs;
use pretty_assertions::assert_eq;
use serde_json::json;

use crate::harness::Desk;
use crate::make::{Web, lines, web};

/// A store with eight posts of #own: fyp on six, rain on three, own on all.
fn desk() -> Desk {
    let desk = Desk::new();
    let posts: Vec<Web> = (0..8)
        .map(|number| {
            let tags = match number {
                0..3 => "own fyp rain",
                3..6 => "own fyp",
                _ => "own",
            };
            web(number, tags).views(if number < 3 { 1_000_000_000 } else { 1 })
        })
        .collect();
    desk.write("own.ndjson", lines(&posts));
    desk.cotag("import own.ndjson -t own").fine();
    desk
}

/// Width and height of a PNG, which must not be blank.
fn size(desk: &Desk, name: &str) -> (u32, u32) {
    let file = std::io::BufReader::new(fs::File::open(desk.path(name)).unwrap());
    let mut reader = png::Decoder::new(file).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    assert!(
        pixels.iter().any(|&byte| byte != pixels[0]),
        "{name} is blank"
    );
    (info.width, info.height)
}

#[test]
fn a_picture_goes_where_the_seed_tool_puts_it_with_its_rows_beside_it() {
    for words in [
        "frequencies own 20 --plot",
        "frequencies own 20 -p",
        "frequencies -ht own -n 20 -plt",
    ] {
        let desk = desk();
        let outcome = desk.cotag(words).fine().stdout("");
        outcome.says(&[
            "wrote `./data/img/own_",
            "A sample of #own, not all of TikTok.",
        ]);
        let names = desk.names("data/img", "own_");
        assert_eq!(names.len(), 2, "{names:?}");
        let stem = names[1].strip_suffix(".png").unwrap();
        assert_eq!(names[0], format!("{stem}.csv"));
        let digits: String = stem
            .chars()
            .map(|c| if c.is_ascii_digit() { '9' } else { c })
            .collect();
        assert_eq!(digits, "own_9999_99_99_99_99_99");
        assert_eq!(size(&desk, &format!("data/img/{}", names[1])).0, 1500);
        assert_eq!(
            desk.read(&format!("data/img/{}", names[0])),
            "of,rank,hashtag,spelling,occurrences,frequency,total,sources\n\
             #own,1,fyp,fyp,6,0.750000,8,tiktok.com items (imported)\n\
             #own,2,rain,rain,3,0.375000,8,tiktok.com items (imported)\n"
        );
    }
}

#[test]
fn print_and_plot_together_do_both_and_the_table_keeps_the_tag_itself() {
    let desk = desk();
    let outcome = desk
        .cotag("frequencies own 2 -d --plot -o chart.png --dpi 50")
        .fine();
    assert_eq!(outcome.counts(), ["own 8", "fyp 6"]);
    assert_eq!(size(&desk, "chart.png").0, 250);
    assert_eq!(
        desk.read("chart.csv").lines().count(),
        3,
        "two bars beside the tag itself"
    );
}

#[test]
fn an_svg_has_real_text_a_title_and_a_description() {
    let desk = desk();
    desk.cotag("frequencies own 5 --plot -o chart.svg").fine();
    let svg = desk.read("chart.svg");
    assert!(svg.contains("<title"), "{svg}");
    for text in [
        "Co-occurring hashtags for",
        "6 · 75.0 %",
        "fyp 6 · 75.0 %",
        "n = 8 posts of",
    ] {
        assert!(svg.contains(text), "{text} is missing in {svg}");
    }
}

#[test]
fn the_same_posts_give_the_same_bytes_and_an_old_picture_is_replaced() {
    let desk = desk();
    desk.write("chart.png", "not a picture");
    desk.cotag("frequencies own 5 --plot -o chart.png --dpi 40")
        .fine();
    desk.cotag("frequencies own 5 --plot -o again.png --dpi 40")
        .fine();
    assert_eq!(desk.bytes("chart.png"), desk.bytes("again.png"));
    assert_eq!(desk.names(".", ".cotag-"), Vec::<String>::new());
}

#[test]
fn a_chart_ranks_by_what_it_measures_and_its_rows_hold_it() {
    let desk = desk();
    desk.write(
        "rare.ndjson",
        web(50, "own rare").views(9_000_000_000).json() + "\n",
    );
    desk.cotag("import rare.ndjson -t own").fine();
    desk.cotag("frequencies own 2 --plot -o v.png --dpi 40 --measure views")
        .fine();
    let rows = desk.read("v.csv");
    let first = rows.lines().nth(1).unwrap();
    assert!(
        first.starts_with("#own,") && first.contains(",rare,rare,1,"),
        "{rows}"
    );
    assert!(rows.starts_with(
        "of,rank,hashtag,spelling,occurrences,frequency,total,views_sum,views_median,sources\n"
    ));
    desk.cotag("frequencies own 2 --plot -o a.png --dpi 40 --measure authors")
        .fine();
    assert!(desk.read("a.csv").contains("total,authors,sources\n"));
    desk.cotag("frequencies own 2 --plot -o c.png --dpi 40 --measure count --ci --theme print")
        .fine();
    assert!(
        desk.read("c.csv")
            .contains("total,frequency_low,frequency_high,sources\n")
    );
}

#[test]
fn whiskers_did_not_say_what_they_are() {
    let desk = desk();
    desk.cotag("import own.ndjson -t rain").fine();
    // The lines of the narrowest picture hold all of it.
    let words = |wishes: &str| {
        desk.cotag(&format!("frequencies {wishes} --plot -o c.svg --size 3"))
            .fine();
        let svg = desk.read("c.svg");
        let document = resvg::usvg::roxmltree::Document::parse(&svg).unwrap();
        let lines: Vec<&str> = document
            .descendants()
            .filter(|node| node.has_tag_name(("http://www.w3.org/2000/svg", "text")))
            .filter_map(|node| node.text())
            .collect();
        lines.join(" ")
    };
    for (wishes, text) in [
        (
            "own",
            " with co-occurring hashtag Whiskers: Wilson 95 % interval of the frequency; sampling noise only n = 8 ",
        ),
        (
            "own rain --compare --measure count",
            " Whiskers: Wilson 95 % interval of the frequency, in posts; sampling noise only n = 8 ",
        ),
        (
            "own --measure count --one-per-author",
            " Whiskers: Wilson 95 % interval of the frequency, in authors; sampling noise only n = 8 ",
        ),
    ] {
        let drawn = words(&format!("{wishes} --ci"));
        assert!(drawn.contains(text), "{drawn}");
        let drawn = words(wishes);
        assert!(!drawn.contains("Whiskers"), "{drawn}");
    }
    let bars = desk.cotag("frequencies own --plot - --ci").code(0);
    let bars = bars.says(&["have no whiskers", "-o chart.png"]).stdout;
    assert!(!bars.contains("Whiskers"), "{bars}");
    desk.cotag("frequencies own --plot -")
        .fine()
        .keeps_quiet_about(&["whiskers"]);
}

#[test]
fn several_hashtags_give_one_picture_each_or_bars_in_pairs() {
    let desk = desk();
    desk.cotag("import own.ndjson -t rain").fine();
    desk.cotag("frequencies own rain 5 --plot -o both.png --dpi 40")
        .fine();
    assert_eq!(
        desk.names(".", "both"),
        [
            "both-own.csv",
            "both-own.png",
            "both-rain.csv",
            "both-rain.png"
        ]
    );
    desk.cotag("frequencies own rain 5 --plot --compare -o pair.svg")
        .fine();
    assert!(desk.read("pair.svg").contains("6 · 75.0 %"));
    assert_eq!(
        desk.read("pair.csv"),
        "of,rank,hashtag,spelling,occurrences,frequency,total,sources\n\
         #own,1,fyp,fyp,6,0.750000,8,tiktok.com items (imported)\n\
         #rain,0,fyp,fyp,3,1.000000,3,tiktok.com items (imported)\n"
    );
    desk.cotag("frequencies own --plot --compare -o x.png")
        .fails(2, &["--compare takes two hashtags"]);
    desk.cotag("frequencies own rain --compare")
        .fails(2, &["--compare goes with --plot"]);
}

#[test]
fn bars_on_the_terminal() {
    let desk = desk();
    for words in [
        "frequencies own 5 --plot -",
        "frequencies own 5 -p -",
        "frequencies own 5 --plot=-",
    ] {
        let outcome = desk.cotag(words).fine();
        let text = outcome
            .shows(&["fyp ████", "6 · 75.0 %", "not all of TikTok"])
            .stdout;
        assert!(!text.contains('\u{1b}'), "no colour in a pipe");
        assert!(
            text.lines().all(|line| line.chars().count() <= 80),
            "{text}"
        );
    }
}

#[test]
fn a_picture_on_standard_output() {
    let desk = desk();
    desk.shell("\"$COTAG\" frequencies own 5 --plot -o - --dpi 40 > out.png")
        .fine();
    assert_eq!(size(&desk, "out.png").0, 200);
}

#[test]
fn hostile_hashtags_are_drawn_harmlessly() {
    let desk = Desk::new();
    let tags: Vec<String> = vec![
        "own".into(),
        "😀".repeat(300),
        "a".repeat(60),
        "evil\u{202e}gnp".into(),
        "ctl\u{1b}[2J".into(),
        "<b>&\"x\"]]>".into(),
        "=cmd|' /C calc'!A0".into(),
    ];
    let extra: Vec<_> = tags
        .iter()
        .map(|tag| json!({"hashtagName": tag, "type": 1}))
        .collect();
    desk.write(
        "own.json",
        web(1, "own").with("textExtra", json!(extra)).json(),
    );
    desk.cotag("import own.json -t own").fine();
    let outcome = desk.cotag("frequencies own 20 --plot -o chart.svg").code(0);
    assert!(!outcome.stderr.contains('\u{1b}'));
    let svg = desk.read("chart.svg");
    assert!(
        !svg.contains('\u{1b}') && !svg.contains('\u{202e}') && !svg.contains("<b>"),
        "{svg}"
    );
    assert!(svg.contains("⟨U+202E⟩"), "{svg}");
    desk.cotag("frequencies own 20 --plot -o chart.png --dpi 40")
        .code(0);
    size(&desk, "chart.png");
}

#[test]
fn a_character_without_a_glyph_is_named_and_strict_fails() {
    let desk = Desk::new();
    // Unassigned in Unicode, so no font has it.
    desk.write(
        "own.json",
        web(1, "own")
            .with(
                "textExtra",
                json!([
                    {"hashtagName": "own", "type": 1}, {"hashtagName": "x\u{2fe0}", "type": 1},
                ]),
            )
            .json(),
    );
    desk.cotag("import own.json -t own").fine();
    let drawn = desk
        .cotag("frequencies own 5 --plot -o chart.png --dpi 40")
        .code(0);
    drawn.says(&["warning: no font here has a glyph for U+2FE0; drawn as ⟨U+2FE0⟩"]);
    desk.cotag("frequencies own 5 --plot -o strict.png --strict")
        .fails(1, &["U+2FE0", "hint: install a font"]);
    assert!(!desk.path("strict.png").exists());
}

#[test]
fn one_bar_and_two_hundred() {
    let desk = Desk::new();
    let tags: Vec<String> = (0..250).map(|number| format!("t{number}")).collect();
    desk.write(
        "own.json",
        web(1, &format!("own {}", tags.join(" "))).json(),
    );
    desk.cotag("import own.json -t own").fine();
    desk.cotag("frequencies own 1 --plot -o one.png --dpi 40")
        .fine();
    desk.cotag("frequencies own 200 --plot -o many.png --dpi 40")
        .fine();
    assert!(size(&desk, "many.png").1 > 10 * size(&desk, "one.png").1);
    desk.cotag("frequencies own 201 --plot -o more.png")
        .fails(2, &["at most 200"]);
}

#[test]
fn bad_wishes_are_refused_before_anything_is_drawn() {
    let desk = desk();
    desk.write("alone.json", web(90, "alone").json());
    desk.cotag("import alone.json -t alone").fine();
    for (words, code, says) in [
        (
            "frequencies own --plot -o chart.jpg",
            2,
            "ends in .png or .svg, not `chart.jpg`",
        ),
        ("frequencies own --plot -o chart", 2, "ends in .png or .svg"),
        (
            "frequencies own --plot -o no/such/folder/chart.png",
            1,
            "cannot write `no/such/folder/chart.png`",
        ),
        (
            "frequencies own --plot -o x.png --size big",
            2,
            "such as 5x6.66, not `big`",
        ),
        ("frequencies own --plot -o x.png --size 0x0", 2, "in"),
        ("frequencies own --plot -o x.png --dpi 0", 2, "dpi"),
        (
            "frequencies own --plot -o x.png --theme pink",
            2,
            "invalid value 'pink'",
        ),
        (
            "frequencies alone --plot -o x.png",
            1,
            "there is nothing to plot: no hashtag appears together with #alone",
        ),
        (
            "frequencies nosuch --plot -o x.png",
            1,
            "no posts stored for #nosuch",
        ),
        ("frequencies own 0 --plot", 2, "above 0, not `0`"),
    ] {
        desk.cotag(words).fails(code, &[says]);
    }
    assert_eq!(desk.names(".", "x."), Vec::<String>::new());
}
