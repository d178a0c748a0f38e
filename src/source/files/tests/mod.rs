//! Small made-up files of every kind, and what must never happen whatever the bytes.

mod arbitrary;
mod containers;
mod damage;
mod refusals;

use std::ops::ControlFlow;

use super::*;

/// A tiktok.com item.
fn web(id: u64) -> String {
    format!(
        r##"{{"id":"{id}","desc":"#cat & co","createTime":1700000000,"author":{{"uniqueId":"ann"}},"video":{{"playAddr":"https://v/a?signature=s3cret&x=1"}},"textExtra":[{{"hashtagName":"cat","type":1}}],"stats":{{"playCount":5}}}}"##
    )
}

const A: u64 = 7_189_254_512_345_678_901;
const B: u64 = 7_189_254_512_345_678_902;

/// What was read: per finding `<id> <place> <fetched>` or `! <place>: <reason>`.
#[derive(Debug)]
struct Outcome {
    summary: Summary,
    found: Vec<String>,
    raw: Vec<String>,
    excerpts: Vec<String>,
}

fn read_as(file: &[u8], format: Option<Format>) -> Result<Outcome, FileError> {
    let (mut found, mut raw, mut excerpts) = (Vec::new(), Vec::new(), Vec::new());
    let mut input = file;
    let summary = read(
        Input::Reader(&mut input),
        &ReadOptions {
            format,
            live: false,
        },
        &|_| {},
        &mut |finding| {
            match finding {
                Found::Post {
                    post,
                    raw: text,
                    fetched,
                    place,
                    origin: _,
                } => {
                    let fetched = fetched.map(|time| format!(" {time}")).unwrap_or_default();
                    found.push(format!("{} {place}{fetched}", post.id));
                    raw.push(text.to_owned());
                }
                Found::Made { .. } => panic!("nobody asked to make anything"),
                Found::Rejected(rejected) => {
                    found.push(format!("! {}: {}", rejected.place, rejected.reason));
                    excerpts.push(rejected.excerpt);
                }
            }
            ControlFlow::Continue(())
        },
    )?;
    assert_eq!(summary.posts, raw.len() as u64);
    assert_eq!(summary.rejected, excerpts.len() as u64);
    Ok(Outcome {
        summary,
        found,
        raw,
        excerpts,
    })
}

fn read_all(file: impl AsRef<[u8]>) -> Outcome {
    read_as(file.as_ref(), None).unwrap()
}

fn refused(file: impl AsRef<[u8]>) -> FileError {
    read_as(file.as_ref(), None).unwrap_err()
}

/// The kind, and the ids found.
fn kind_and_ids(file: impl AsRef<[u8]>) -> (String, Vec<u64>) {
    let read = read_all(file);
    let ids = read
        .found
        .iter()
        .map(|found| found.split(' ').next().unwrap().parse().unwrap_or(0))
        .collect();
    (read.summary.kind, ids)
}
