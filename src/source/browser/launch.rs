//! Starting a browser, or reaching one that is open, and leaving it as it should be left.
//!
//! One that we start gets its questions through a pipe: no port is open, and it ends itself when our end
//! of the pipe closes, even if this program is killed.

use std::io::{self, Read as _};
#[cfg(not(unix))]
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use fs_err as fs;
use serde_json::json;

use super::find::{Installed, version_in};
use super::protocol::{Connection, Unanswered};
use super::wire::Wire;
use crate::json::Fields;

/// How long a browser may take to start.
const START: Duration = Duration::from_mins(1);
/// How long it may take to end before it is killed.
const END: Duration = Duration::from_secs(5);
/// How long a question about tabs may take.
const ANSWER: Duration = Duration::from_secs(20);
/// How much of its complaints is kept.
const COMPLAINTS: usize = 4096;

/// Gives the browser its pipes as descriptors 3 and 4, where it wants them.
#[cfg(unix)]
const PIPES: &str = r#"exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null"#;

/// What is switched off: everything that a browser does by itself besides showing the page.
/// `--enable-automation` says openly, to the person and to the site, that a program drives it.
const FLAGS: [&str; 13] = [
    "--enable-automation",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-backgrounding-occluded-windows",
    "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--no-pings",
    "--disable-features=Translate,OptimizationHints,MediaRouter,DialMediaRouteProvider",
    "--window-size=1280,900",
];

/// Which browser to use.
#[derive(Clone, Debug)]
pub enum Use {
    /// One of our own.
    Start {
        /// The program.
        program: Installed,
        /// Its folder of cookies and settings; made where there is none.
        profile: PathBuf,
        /// Without a window.
        headless: bool,
    },
    /// One that is open, at an address such as `http://127.0.0.1:9222`.
    Connect(String),
}

/// Why there is no browser to use.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another browser or cotag uses the profile.
    #[error("the profile `{}` is in use by another browser", profile.display())]
    ProfileInUse {
        /// The profile's folder.
        profile: PathBuf,
    },
    /// There is no screen to show a window on.
    #[error("there is no display here to show a browser window on")]
    NoDisplay,
    /// The program could not be started.
    #[error("`{}` cannot be started: {error}", path.display())]
    NotStarted {
        /// The program.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It ended at once.
    #[error("the browser `{}` ended at once{said}", path.display())]
    Ended {
        /// The program.
        path: PathBuf,
        /// What it said, with a colon before it; or nothing.
        said: String,
    },
    /// It does not answer.
    #[error("the browser does not answer DevTools questions{said}")]
    Silent {
        /// What it said, with a colon before it; or nothing.
        said: String,
    },
    /// No browser listens at the address.
    #[error("no browser can be reached at `{address}`: {why}")]
    NotReached {
        /// As given.
        address: String,
        /// Why.
        why: String,
    },
    /// The person ended it.
    #[error("interrupted")]
    Interrupted,
    /// The profile's folder cannot be made or read.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// A browser with a tab of ours.
#[derive(Debug)]
pub struct Browser {
    pub(super) connection: Connection,
    /// The tab.
    pub(super) target: String,
    child: Option<Child>,
    complaints: Arc<Mutex<Vec<u8>>>,
    /// Name and version, such as `Chrome/156.0.8078.79`.
    pub product: String,
    /// A person can see it.
    pub visible: bool,
    /// Why it runs without its own sandbox, if it does.
    pub unprotected: Option<&'static str>,
    /// Held as long as the browser runs.
    _profile: Option<std::fs::File>,
}

impl Browser {
    /// Starts or reaches a browser and opens a tab. `asked` tells whether the person wants to end.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(wanted: &Use, asked: fn() -> bool) -> Result<Self, OpenError> {
        let mut browser = match wanted {
            Use::Start {
                program,
                profile,
                headless,
            } => start(program, profile, *headless, asked)?,
            Use::Connect(address) => connect(address, asked)?,
        };
        match browser.prepare() {
            Ok(()) => Ok(browser),
            Err(Unanswered::Asked) => Err(OpenError::Interrupted),
            Err(error) => Err(browser.failed(wanted, &error)),
        }
    }

    fn prepare(&mut self) -> Result<(), Unanswered> {
        let line = &mut self.connection;
        let reply = line.ask_browser("Browser.getVersion", &json!({}), START)?;
        let version = reply.result();
        let product = version.text("product").unwrap_or_default();
        let agent = version.text("userAgent").unwrap_or_default();
        self.visible = !agent.contains("Headless");
        let name = product.split('/').next().unwrap_or_default();
        self.product = format!("{name} {}", version_in(&product).unwrap_or_default());
        // Not every browser knows it, and its answer changes nothing.
        let deny = json!({"behavior": "deny"});
        let _ = line.ask_browser("Browser.setDownloadBehavior", &deny, ANSWER);
        let _ = line.ask_browser(
            "Target.setDiscoverTargets",
            &json!({"discover": true}),
            ANSWER,
        );
        let about = json!({"url": "about:blank"});
        let target = if self.child.is_some() {
            first_page(line)?
        } else {
            None
        };
        let target = match target {
            Some(target) => target,
            None => {
                let reply = line.ask_browser("Target.createTarget", &about, ANSWER)?;
                text(&reply.result(), "targetId")
            }
        };
        let attach = json!({"targetId": target, "flatten": true});
        let reply = line.ask_browser("Target.attachToTarget", &attach, ANSWER)?;
        let session = text(&reply.result(), "sessionId");
        line.listen_to(session, target.clone());
        self.target = target;
        line.ask("Page.enable", &json!({}), ANSWER)?;
        line.ask("Inspector.enable", &json!({}), ANSWER)?;
        let buffers = json!({
            // Counted in the browser's own way, which takes a text for several times its bytes.
            "maxResourceBufferSize": super::BODY_LIMIT * 4,
            "maxTotalBufferSize": super::BODY_LIMIT * 8,
            "maxPostDataSize": 0,
        });
        line.ask("Network.enable", &buffers, ANSWER)?;
        Ok(())
    }

    fn failed(&mut self, wanted: &Use, error: &Unanswered) -> OpenError {
        let (program, profile) = match wanted {
            Use::Connect(address) => {
                return OpenError::NotReached {
                    address: address.clone(),
                    why: "it does not answer DevTools questions".into(),
                };
            }
            Use::Start {
                program, profile, ..
            } => (program, profile),
        };
        if *error == Unanswered::Gone {
            // Its last words come with its end.
            self.wait_for_end(Duration::from_secs(1));
        }
        let said = self.complaints();
        if said.contains("existing browser session") || said.contains("ProcessSingleton") {
            return OpenError::ProfileInUse {
                profile: profile.clone(),
            };
        }
        let said = last_line(&said);
        match error {
            Unanswered::Gone => OpenError::Ended {
                path: program.path.clone(),
                said,
            },
            _ => OpenError::Silent { said },
        }
    }

    fn complaints(&self) -> String {
        let bytes = self
            .complaints
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Whether the browser's process has ended; false where it is not ours.
    fn wait_for_end(&mut self, within: Duration) -> bool {
        let Some(child) = &mut self.child else {
            return false;
        };
        let late = Instant::now() + within;
        while Instant::now() < late {
            if !matches!(child.try_wait(), Ok(None)) {
                return true;
            }
            // What it still says is read, so that it need not wait for us; a last dialog is closed.
            let until = Instant::now() + Duration::from_millis(20);
            if self.connection.event(until).is_err() {
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        false
    }
}

/// Closes what is ours: the whole browser if we started it, else the tab.
impl Drop for Browser {
    fn drop(&mut self) {
        if self.child.is_none() {
            let close = json!({"targetId": self.target});
            if !self.target.is_empty() {
                let _ = self.connection.tell_browser("Target.closeTarget", &close);
                // The socket's thread sends it.
                std::thread::sleep(Duration::from_millis(100));
            }
            return;
        }
        // In order, so that a login is kept.
        let _ = self.connection.tell_browser("Browser.close", &json!({}));
        if !self.wait_for_end(END)
            && let Some(child) = &mut self.child
        {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn text(fields: &Fields<'_>, key: &str) -> String {
    fields.text(key).unwrap_or_default().into_owned()
}

/// The tab that a browser opens by itself when it starts.
fn first_page(line: &mut Connection) -> Result<Option<String>, Unanswered> {
    let reply = line.ask_browser("Target.getTargets", &json!({}), ANSWER)?;
    let targets = reply.result();
    Ok(targets
        .array("targetInfos")
        .into_iter()
        .filter_map(crate::json::Value::object)
        .find(|target| target.text("type").as_deref() == Some("page"))
        .map(|target| text(&target, "targetId")))
}

fn start(
    program: &Installed,
    profile: &Path,
    headless: bool,
    asked: fn() -> bool,
) -> Result<Browser, OpenError> {
    if !headless && !has_display() {
        return Err(OpenError::NoDisplay);
    }
    let lock = take_profile(profile)?;
    let mut flags: Vec<String> = FLAGS.map(str::to_owned).to_vec();
    flags.push(format!("--user-data-dir={}", profile.display()));
    if headless {
        flags.push("--headless=new".into());
    }
    let unprotected = unprotected();
    if unprotected.is_some() {
        flags.push("--no-sandbox".into());
        flags.push("--disable-dev-shm-usage".into());
    }
    let not_started = |error| OpenError::NotStarted {
        path: program.path.clone(),
        error,
    };
    let (mut child, wire) = spawn(&program.path, flags, profile).map_err(not_started)?;
    let complaints = Arc::new(Mutex::new(Vec::new()));
    if let Some(mut stderr) = child.stderr.take() {
        let kept = Arc::clone(&complaints);
        std::thread::spawn(move || {
            let mut part = [0; 1024];
            while let Ok(count @ 1..) = stderr.read(&mut part) {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.extend_from_slice(&part[..count]);
                let much = kept.len().saturating_sub(COMPLAINTS);
                kept.drain(..much);
            }
        });
    }
    Ok(Browser {
        connection: Connection::new(wire, asked),
        target: String::new(),
        child: Some(child),
        complaints,
        product: String::new(),
        visible: !headless,
        unprotected,
        _profile: Some(lock),
    })
}

/// Runs the program with its pipes, in a process group of its own: Ctrl-C is ours to handle.
#[cfg(unix)]
fn spawn(program: &Path, flags: Vec<String>, _: &Path) -> io::Result<(Child, Wire)> {
    use std::os::unix::process::CommandExt as _;
    let mut child = Command::new("/bin/sh")
        .args(["-c", PIPES])
        .arg(program)
        .args(flags)
        .args(["--remote-debugging-pipe", "about:blank"])
        .env_remove("TIKTOK_CLIENT_KEY")
        .env_remove("TIKTOK_CLIENT_SECRET")
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    match (child.stdin.take(), child.stdout.take()) {
        (Some(to), Some(from)) => Ok((child, Wire::pipe(to, from))),
        _ => Err(io::Error::other("it has no pipes")),
    }
}

/// Without descriptors to hand on, it opens a port on this machine and writes which one.
#[cfg(not(unix))]
fn spawn(program: &Path, flags: Vec<String>, profile: &Path) -> io::Result<(Child, Wire)> {
    let told = profile.join("DevToolsActivePort");
    let _ = fs::remove_file(&told);
    let mut child = Command::new(program)
        .args(flags)
        .args(["--remote-debugging-port=0", "about:blank"])
        .env_remove("TIKTOK_CLIENT_KEY")
        .env_remove("TIKTOK_CLIENT_SECRET")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let late = Instant::now() + START;
    loop {
        let text = fs::read_to_string(&told).unwrap_or_default();
        if let Some((port, path)) = text.trim().split_once('\n') {
            let (port, path) = (port.trim(), path.trim());
            let url = format!("ws://127.0.0.1:{port}{path}");
            let stream = TcpStream::connect(format!("127.0.0.1:{port}"))?;
            let wire = Wire::socket(&url, stream).map_err(io::Error::other)?;
            return Ok((child, wire));
        }
        if child.try_wait()?.is_some() || Instant::now() > late {
            let _ = child.kill();
            return Err(io::Error::other("it did not open its DevTools port"));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Makes the profile's folder and locks it against other cotags; a browser's own lock is looked at too.
fn take_profile(profile: &Path) -> Result<std::fs::File, OpenError> {
    let in_use = || OpenError::ProfileInUse {
        profile: profile.to_owned(),
    };
    let mut folder = std::fs::DirBuilder::new();
    folder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        // Cookies of a login will lie in it.
        folder.mode(0o700);
    }
    folder.create(profile).map_err(|error| {
        let path = profile.display();
        io::Error::new(error.kind(), format!("cannot make `{path}`: {error}"))
    })?;
    let lock = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(profile.join("cotag.lock"))?
        .into_file();
    if lock.try_lock().is_err() {
        return Err(in_use());
    }
    // A link named so points to `host-process` as long as a browser runs, and after it was killed.
    let holder = std::fs::read_link(profile.join("SingletonLock")).unwrap_or_default();
    let process = holder
        .to_string_lossy()
        .rsplit('-')
        .next()
        .and_then(|id| id.parse::<u32>().ok());
    if process.is_some_and(|id| Path::new(&format!("/proc/{id}")).exists()) {
        return Err(in_use());
    }
    Ok(lock)
}

/// Whether there is a screen: asked only where its absence can be known.
fn has_display() -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !cfg!(target_os = "linux") || is_set("DISPLAY") || is_set("WAYLAND_DISPLAY")
}

/// Why the browser's sandbox cannot work here, if so.
#[cfg(target_os = "linux")]
fn unprotected() -> Option<&'static str> {
    use std::os::unix::fs::MetadataExt as _;
    if fs::metadata("/proc/self").is_ok_and(|meta| meta.uid() == 0) {
        return Some("cotag runs as root");
    }
    let in_container = ["/.dockerenv", "/run/.containerenv"]
        .iter()
        .any(|mark| Path::new(mark).exists());
    in_container.then_some("cotag runs in a container")
}

#[cfg(not(target_os = "linux"))]
fn unprotected() -> Option<&'static str> {
    None
}

fn connect(address: &str, asked: fn() -> bool) -> Result<Browser, OpenError> {
    let failed = |why: String| OpenError::NotReached {
        address: address.to_owned(),
        why,
    };
    let wire = super::connect::reach(address).map_err(failed)?;
    Ok(Browser {
        connection: Connection::new(wire, asked),
        target: String::new(),
        child: None,
        complaints: Arc::default(),
        product: String::new(),
        visible: true,
        unprotected: None,
        _profile: None,
    })
}

/// The last complaint, behind a colon; nothing where there is none.
fn last_line(said: &str) -> String {
    said.lines()
        .rev()
        .find(|line| !line.trim().is_empty())
        .map(|line| {
            let shown: String = line.chars().take(200).collect();
            format!(": {shown}")
        })
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_one_browsers_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let profile = folder.path().join("deep/profile");
        let lock = take_profile(&profile).unwrap();
        assert!(matches!(
            take_profile(&profile),
            Err(OpenError::ProfileInUse { .. })
        ));
        drop(lock);
        take_profile(&profile).unwrap();
        #[cfg(target_os = "linux")]
        {
            let link = profile.join("SingletonLock");
            let ours = format!("host-{}", std::process::id());
            std::os::unix::fs::symlink(ours, &link).unwrap();
            assert!(take_profile(&profile).is_err(), "a browser that runs");
            fs::remove_file(&link).unwrap();
            std::os::unix::fs::symlink("host-4294967295", &link).unwrap();
            take_profile(&profile).expect("one that was killed");
        }
    }
}
