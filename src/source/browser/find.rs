//! Which browser that speaks the DevTools protocol is on this machine, and which version it is.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use fs_err as fs;

/// How long a browser may take to say its version.
const VERSION_WAIT: Duration = Duration::from_secs(10);

/// Programs as they are called on a path, the likeliest first.
const PROGRAMS: [(&str, &str); 8] = [
    ("google-chrome-stable", "Chrome"),
    ("google-chrome", "Chrome"),
    ("chrome", "Chrome"),
    ("chromium", "Chromium"),
    ("chromium-browser", "Chromium"),
    ("microsoft-edge-stable", "Edge"),
    ("microsoft-edge", "Edge"),
    ("msedge", "Edge"),
];

/// A browser on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// Chrome, Chromium or Edge.
    pub name: &'static str,
    /// The program.
    pub path: PathBuf,
}

/// The browser to use unless told otherwise: Chrome before Chromium before Edge, on the path before
/// the places where installers put them. `None` if there is none.
#[must_use]
pub fn find() -> Option<Installed> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    on_path(&path).or_else(|| {
        usual_places()
            .into_iter()
            .map(|(name, path)| Installed { name, path })
            .find(|found| is_program(&found.path))
    })
}

/// The browser at a path that the person named; `None` if no program is there.
#[must_use]
pub fn at(path: &Path) -> Option<Installed> {
    let file = path.file_stem()?.to_string_lossy().to_lowercase();
    let name = if file.contains("edge") {
        "Edge"
    } else if file.contains("chromium") {
        "Chromium"
    } else if file.contains("chrome") {
        "Chrome"
    } else {
        "browser"
    };
    let alone = path
        .parent()
        .is_none_or(|folder| folder.as_os_str().is_empty());
    let path = if alone && !path.exists() {
        // A bare name is looked for as a shell does.
        std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
            .map(|folder| folder.join(path))
            .find(|path| is_program(path))?
    } else {
        path.to_owned()
    };
    is_program(&path).then_some(Installed { name, path })
}

impl Installed {
    /// Its version, such as `156.0.8078.79`; `None` if it does not say.
    #[must_use]
    pub fn version(&self) -> Option<String> {
        if cfg!(windows) {
            // Asked there, the program opens a window; its installer leaves a folder per version.
            return fs::read_dir(self.path.parent()?)
                .ok()?
                .flatten()
                .filter_map(|entry| version_in(&entry.file_name().to_string_lossy()))
                .max_by_key(|version| numbers(version));
        }
        version_in(&said(Command::new(&self.path).arg("--version"))?)
    }
}

fn on_path(path: &OsString) -> Option<Installed> {
    for (program, name) in PROGRAMS {
        for folder in std::env::split_paths(path) {
            // An empty part means the current folder, where nobody's browser is.
            if folder.as_os_str().is_empty() {
                continue;
            }
            let path = folder.join(format!("{program}{}", std::env::consts::EXE_SUFFIX));
            if is_program(&path) {
                return Some(Installed { name, path });
            }
        }
    }
    None
}

/// Where installers put browsers that are on nobody's path.
fn usual_places() -> Vec<(&'static str, PathBuf)> {
    if cfg!(target_os = "macos") {
        let mut places = Vec::new();
        let home = std::env::var_os("HOME").map(PathBuf::from);
        for (name, app) in [
            ("Chrome", "Google Chrome"),
            ("Chromium", "Chromium"),
            ("Edge", "Microsoft Edge"),
        ] {
            let program = format!("Applications/{app}.app/Contents/MacOS/{app}");
            places.push((name, Path::new("/").join(&program)));
            places.extend(home.as_ref().map(|home| (name, home.join(&program))));
        }
        return places;
    }
    if cfg!(windows) {
        let mut places = Vec::new();
        for (name, program) in [
            ("Chrome", "Google/Chrome/Application/chrome.exe"),
            ("Chromium", "Chromium/Application/chrome.exe"),
            ("Edge", "Microsoft/Edge/Application/msedge.exe"),
        ] {
            for folder in ["ProgramFiles", "ProgramFiles(x86)", "LocalAppData"] {
                let folder = std::env::var_os(folder).map(PathBuf::from);
                places.extend(folder.map(|folder| (name, folder.join(program))));
            }
        }
        return places;
    }
    vec![
        ("Chrome", "/opt/google/chrome/chrome".into()),
        ("Chromium", "/snap/bin/chromium".into()),
        ("Edge", "/opt/microsoft/msedge/msedge".into()),
    ]
}

#[cfg(unix)]
fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(path: &Path) -> bool {
    path.is_file()
}

/// What a program prints, if it ends in time.
fn said(command: &mut Command) -> Option<String> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let started = Instant::now();
    // A line fits into the pipe, so waiting before reading does not block it.
    while child.try_wait().ok()?.is_none() {
        if started.elapsed() > VERSION_WAIT {
            let _ = child.kill();
            let _ = child.wait();
            return None;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let output = child.wait_with_output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The first word that looks like `156.0.8078.79`.
pub(super) fn version_in(text: &str) -> Option<String> {
    text.split(|c: char| c.is_whitespace() || c == '/')
        .find(|word| {
            word.contains('.')
                && word.len() < 40
                && word
                    .split('.')
                    .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
        })
        .map(str::to_owned)
}

fn numbers(version: &str) -> Vec<u64> {
    version
        .split('.')
        .map(|part| part.parse().unwrap_or(0))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_what_browsers_say() {
        for (said, version) in [
            (
                "Chromium 156.0.8078.79 built on Debian GNU/Linux 13 (trixie)\n",
                "156.0.8078.79",
            ),
            ("Google Chrome 141.0.7390.54 \n", "141.0.7390.54"),
            ("Chrome/156.0.8078.79", "156.0.8078.79"),
            ("Microsoft Edge 140.0.3485.54", "140.0.3485.54"),
        ] {
            assert_eq!(version_in(said).as_deref(), Some(version));
        }
        for nothing in ["", "Chromium", "1..2", "a.b", "."] {
            assert_eq!(version_in(nothing), None);
        }
        assert!(numbers("99.0.1") < numbers("156.0.0"));
    }

    #[cfg(unix)]
    #[test]
    fn programs_are_found_on_the_path_in_the_order_of_preference() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (folder.path().join("a"), folder.path().join("b"));
        for path in [&first, &second] {
            fs::create_dir(path).unwrap();
        }
        let program = |path: PathBuf, mode| {
            fs::write(&path, "#!/bin/sh\necho Chromium 1.2.3\n").unwrap();
            fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        let path = std::env::join_paths([&first, &second]).unwrap();
        assert_eq!(on_path(&path), None);
        program(first.join("microsoft-edge"), 0o755);
        program(first.join("google-chrome"), 0o644);
        program(second.join("chromium"), 0o755);
        let found = on_path(&path).unwrap();
        assert_eq!(found.name, "Chromium");
        assert_eq!(found.path, second.join("chromium"));
        assert_eq!(found.version().as_deref(), Some("1.2.3"));
        assert_eq!(at(&first.join("google-chrome")), None, "it cannot be run");
        assert_eq!(at(&first.join("nothing")), None);
        assert_eq!(at(&first.join("microsoft-edge")).unwrap().name, "Edge");
    }
}
