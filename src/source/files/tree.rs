//! Folders: the two data directories of bellingcat's tool, or any folder of files.

use std::path::{Path, PathBuf};

use walkdir::WalkDir;

/// A data directory of tiktok-hashtag-analysis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    /// Which version wrote it.
    pub layout: Layout,
    /// Per folder the hashtag that was searched (the folder's name as written) and its posts,
    /// sorted by hashtag. Such a file may be empty.
    pub posts: Vec<(String, PathBuf)>,
}

/// How a data directory is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Version 1 (and cotag's own): `<tag>/posts/data.json`.
    Data,
    /// Version 2: `<tag>/posts.json`.
    Posts,
}

/// Recognises a data directory, or the folder that holds one named `data`.
pub fn tree(directory: &Path) -> Option<Tree> {
    let places = [directory.to_path_buf(), directory.join("data")];
    let layouts = [
        (Layout::Data, Path::new("posts").join("data.json")),
        (Layout::Posts, PathBuf::from("posts.json")),
    ];
    places.iter().find_map(|place| {
        layouts.iter().find_map(|(layout, file)| {
            let posts = posts_files(place, file);
            (!posts.is_empty()).then_some(Tree {
                layout: *layout,
                posts,
            })
        })
    })
}

fn posts_files(directory: &Path, file: &Path) -> Vec<(String, PathBuf)> {
    let Ok(entries) = fs_err::read_dir(directory) else {
        return Vec::new();
    };
    let mut posts: Vec<(String, PathBuf)> = entries
        .flatten()
        .map(|entry| {
            (
                entry.file_name().to_string_lossy().into_owned(),
                entry.path().join(file),
            )
        })
        .filter(|(_, path)| path.is_file())
        .collect();
    posts.sort();
    posts
}

/// Every file below a folder that may hold posts, sorted by path.
///
/// Told by the name's ending, with or without `.gz` or `.zst`; hidden files are left out, links are
/// followed but never in circles, and what cannot be listed is passed over.
pub fn files(directory: &Path) -> Vec<PathBuf> {
    WalkDir::new(directory)
        .follow_links(true)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(|entry| {
            entry.depth() == 0 || !entry.file_name().to_string_lossy().starts_with('.')
        })
        .flatten()
        .filter(|entry| entry.file_type().is_file() && may_hold_posts(entry.path()))
        .map(walkdir::DirEntry::into_path)
        .collect()
}

fn may_hold_posts(path: &Path) -> bool {
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .to_lowercase();
    let unpacked = name
        .strip_suffix(".gz")
        .or(name.strip_suffix(".zst"))
        .unwrap_or(&name);
    let ending = unpacked.rsplit_once('.').map_or("", |(_, ending)| ending);
    matches!(
        ending,
        "json" | "jsonl" | "ndjson" | "csv" | "tsv" | "har" | "html" | "htm" | "txt"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(paths: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for path in paths {
            let path = folder.path().join(path);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, "").unwrap();
        }
        folder
    }

    fn tags(folder: &Path) -> Option<(Layout, Vec<String>)> {
        tree(folder).map(|tree| {
            (
                tree.layout,
                tree.posts.into_iter().map(|(tag, _)| tag).collect(),
            )
        })
    }

    #[test]
    fn both_bellingcat_layouts_are_known() {
        let first = folder(&[
            "data/ids/post_ids.json",
            "data/f1/posts/data.json",
            "data/Anime/posts/data.json",
        ]);
        let expected = Some((Layout::Data, vec!["Anime".to_owned(), "f1".to_owned()]));
        assert_eq!(tags(&first.path().join("data")), expected);
        assert_eq!(tags(first.path()), expected);
        let second = folder(&["fyp/posts.json", "fyp/media/7.mp4", "fosfor/posts.json"]);
        assert_eq!(
            tags(second.path()),
            Some((Layout::Posts, vec!["fosfor".to_owned(), "fyp".to_owned()]))
        );
        assert_eq!(tags(folder(&["a/b.json", "posts.json"]).path()), None);
        assert_eq!(tags(Path::new("no such folder")), None);
    }

    #[test]
    fn candidate_files_are_told_by_their_ending() {
        let folder = folder(&[
            "b.JSON",
            "a.ndjson.gz",
            "c/d.csv.zst",
            "c/e.mp4",
            ".hidden/f.json",
            "._g.json",
            "h.gz",
        ]);
        #[cfg(unix)]
        std::os::unix::fs::symlink(folder.path(), folder.path().join("c/loop")).unwrap();
        let found: Vec<String> = files(folder.path())
            .iter()
            .map(|path| {
                path.strip_prefix(folder.path())
                    .unwrap()
                    .display()
                    .to_string()
            })
            .collect();
        assert_eq!(found, ["a.ndjson.gz", "b.JSON", "c/d.csv.zst"]);
    }
}
