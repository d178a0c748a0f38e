//! Makes the practice corpus that lies in `data/`.
//!
//! `cargo run --example synthetic -- DIRECTORY`: the same bytes on every machine. Every record says
//! `"origin":"synthetic"`, and real posts are refused for its hashtags.

use std::path::PathBuf;
use std::time::Duration;

use cotag::model::{Format, Hashtag, Origin};
use cotag::record::{Envelope, Stored};
use cotag::source::synthetic;
use cotag::store::{Run, Writer, new_id};

/// Posts per hashtag: a few hundred, enough for a table and a chart to mean something.
const POSTS: [usize; 3] = [360, 300, 330];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = PathBuf::from(std::env::args_os().nth(1).ok_or("which directory?")?);
    // Pretend to have asked on a fixed day, so that the files do not differ from run to run.
    let asked = "2024-06-03T06:00:00Z".parse()?;
    let mut writer = Writer::open(
        &directory,
        "example synthetic",
        Duration::from_secs(30),
        &mut |_| (),
    )?;
    let mut done = Vec::new();
    for (hashtag, count) in synthetic::hashtags().zip(POSTS) {
        let tag = Hashtag::new(hashtag).ok_or("a hashtag")?;
        let mut posts = writer.tag(&tag, Origin::Synthetic)?;
        let envelope = Envelope {
            origin: Origin::Synthetic,
            format: Format::Research,
            fetched: Some(asked),
            run: new_id(asked),
        };
        for record in synthetic::records(hashtag, count) {
            posts.add(Stored::read(&record)?.post.id, &envelope.seal(&record));
        }
        let run = Run {
            run: envelope.run,
            command: "synthetic".into(),
            version: "corpus 1".into(),
            origin: Origin::Synthetic.name().into(),
            hashtag: hashtag.into(),
            started: asked,
            finished: asked,
            read: count as u64,
            new: count as u64,
            stopped: "made up for practice; these posts never were".into(),
            ..Run::default()
        };
        done.push((posts, run));
    }
    writer.finish(done)?;
    Ok(())
}
