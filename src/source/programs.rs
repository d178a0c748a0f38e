//! Programs of others that cotag starts: where they lie, which version they say they are.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

/// How much of a version's text is read: a program that prints more has something else to say.
const MOST: u64 = 4096;
const POLL: Duration = Duration::from_millis(20);

/// Why a program could not tell its version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProbeError {
    /// It cannot be started.
    #[error("cannot be started: {0}")]
    Start(String),
    /// It said nothing in time and was ended.
    #[error("did not answer within {} seconds and was ended", .0.as_secs())]
    Hung(Duration),
    /// It ended with an error.
    #[error("ended with {0}")]
    Failed(String),
    /// What it printed is no version.
    #[error("printed `{0}` in place of a version")]
    Garbage(String),
}

/// The first program of one of these names in the directories of `PATH`.
///
/// Relative directories are left out: what runs must not depend on where one stands.
pub fn find_on_path(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path)
        .filter(|folder| folder.is_absolute())
        .collect();
    names
        .iter()
        .flat_map(|name| {
            let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
            folders.iter().map(move |folder| folder.join(&file))
        })
        .find(|path| is_program(path))
}

/// The first line that `program --version` prints, if it prints one in time.
///
/// # Errors
/// See [`ProbeError`]; the program is ended in every case.
pub fn version(program: &Path, patience: Duration) -> Result<String, ProbeError> {
    let mut command = Command::new(program);
    command
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = start(&mut command).map_err(|error| ProbeError::Start(error.to_string()))?;
    let stdout = child.stdout.take();
    let (sender, text) = channel();
    // A read cannot be given up, so a thread of its own does it; it ends with the program.
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(stdout) = stdout {
            // What was read before an error is all there is.
            let _ = stdout.take(MOST).read_to_end(&mut bytes);
        }
        let _ = sender.send(bytes);
    });
    let begun = Instant::now();
    let bytes = text.recv_timeout(patience).ok();
    let mut status = None;
    while bytes.is_some() && status.is_none() && begun.elapsed() < patience {
        status = child.try_wait().ok().flatten();
        if status.is_none() {
            std::thread::sleep(POLL);
        }
    }
    if status.is_none() {
        end(&mut child);
    }
    let (Some(bytes), Some(status)) = (bytes, status) else {
        return Err(ProbeError::Hung(patience));
    };
    if !status.success() {
        return Err(ProbeError::Failed(status.to_string()));
    }
    let line = String::from_utf8_lossy(&bytes);
    let line = line.lines().next().unwrap_or_default().trim();
    let shown: String = line.chars().take(80).collect();
    if line.len() > 80 || !line.bytes().any(|byte| byte.is_ascii_digit()) {
        return Err(ProbeError::Garbage(shown));
    }
    Ok(shown)
}

/// Starts a program as the head of a group of its own, so that what it starts can be ended with it.
///
/// # Errors
/// The system's.
pub(super) fn start(command: &mut Command) -> std::io::Result<Child> {
    #[cfg(unix)]
    {
        use std::os::unix::process::CommandExt as _;
        command.process_group(0);
    }
    command.spawn()
}

/// Ends a program of [`start`] and all that it started.
pub(super) fn end(child: &mut Child) {
    #[cfg(unix)]
    if let Some(group) = i32::try_from(child.id())
        .ok()
        .and_then(rustix::process::Pid::from_raw)
    {
        // It may have ended by itself.
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    let _ = child.kill();
    let _ = child.wait();
}

#[cfg(unix)]
fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    fs_err::metadata(path)
        .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(path: &Path) -> bool {
    path.is_file()
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn script(text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("program");
        fs_err::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs_err::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        (folder, path)
    }

    #[test]
    fn a_program_that_hangs_is_ended_with_what_it_started() {
        let (_folder, path) = script("sleep 300 & sleep 300");
        let begun = Instant::now();
        let patience = Duration::from_millis(300);
        assert_eq!(version(&path, patience), Err(ProbeError::Hung(patience)));
        assert!(begun.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn versions_are_believed_only_in_their_shape() {
        let patience = Duration::from_mins(1);
        let (_folder, path) = script("echo 2026.10.26; echo more");
        assert_eq!(version(&path, patience), Ok("2026.10.26".to_owned()));
        let (_folder, path) = script("echo no version");
        assert_eq!(
            version(&path, patience),
            Err(ProbeError::Garbage("no version".into()))
        );
        // It is cut off amid what it prints, which may show as its own failure.
        let (_folder, path) = script("yes 1234567890 | tr -d '\\n' | head -c 100000");
        assert!(version(&path, patience).is_err());
        let (_folder, path) = script("exit 7");
        assert!(matches!(
            version(&path, patience),
            Err(ProbeError::Failed(_))
        ));
        assert!(matches!(
            version(Path::new("/nowhere/program"), patience),
            Err(ProbeError::Start(_))
        ));
    }
}
