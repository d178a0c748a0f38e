//! A MongoDB-protocol server for the tests: the one of `MONGODB_URI`, else SecantusDB on a port of
//! its own, shared by the tests that run at the same time and killed with the last of them.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use fs_err as fs;

/// How long a test waits for a server to start on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(90);

/// A server of ours.
pub(crate) struct Server {
    port: u16,
    storage: tempfile::TempDir,
    child: Mutex<Child>,
    options: Vec<String>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Server {
    /// Starts one.
    pub(crate) fn start(options: &[&str]) -> Self {
        let storage = tempfile::tempdir().unwrap();
        let port = free_port();
        let options: Vec<String> = options.iter().map(|&option| option.to_owned()).collect();
        let child = Mutex::new(launch(port, storage.path(), &options));
        Self {
            port,
            storage,
            child,
            options,
        }
    }

    pub(crate) fn address(&self, database: &str) -> String {
        format!("mongodb://127.0.0.1:{}/{database}", self.port)
    }

    /// Ends it as a power failure would.
    pub(crate) fn kill(&self) {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = child.kill();
        let _ = child.wait();
    }

    /// Starts it again on what it has stored.
    pub(crate) fn restart(&self, more: &[&str]) {
        self.kill();
        let mut options = self.options.clone();
        options.extend(more.iter().map(|&option| option.to_owned()));
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        *child = launch(self.port, self.storage.path(), &options);
    }
}

/// A database of a test's own.
pub(crate) struct Database {
    pub(crate) address: String,
    _server: Option<Arc<Server>>,
}

/// A new database on the shared server.
pub(crate) fn database() -> Database {
    static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("cotag-test-{}-{number}", std::process::id());
    if let Ok(server) = std::env::var("MONGODB_URI") {
        let (server, options) = server.split_once('?').unwrap_or((&server, ""));
        return Database {
            address: format!("{}/{name}?{options}", server.trim_end_matches('/')),
            _server: None,
        };
    }
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    let server = shared.upgrade().unwrap_or_else(|| {
        let server = Arc::new(Server::start(&[]));
        *shared = Arc::downgrade(&server);
        server
    });
    Database {
        address: server.address(&name),
        _server: Some(server),
    }
}

fn launch(port: u16, storage: &Path, options: &[String]) -> Child {
    let program = tools().join("secantusd-py");
    assert!(
        program.is_file(),
        "`{}` is missing: run tests/tools first (or name a server in MONGODB_URI)",
        program.display()
    );
    let log = fs::File::create(storage.with_extension("log")).unwrap();
    let mut child = Command::new(program)
        .args([
            "--port",
            &port.to_string(),
            "--log-level",
            "ERROR",
            "--storage-path",
        ])
        .arg(storage)
        .args(options)
        .current_dir(storage)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::from(log.into_parts().0))
        .spawn()
        .unwrap();
    let start = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(start.elapsed() < PATIENCE, "the test server does not start");
        assert!(
            child.try_wait().unwrap().is_none(),
            "the test server has ended"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
    child
}

/// Where `tests/tools` puts the programs.
pub(crate) fn tools() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/venv/bin")
}

/// A port on which nobody listens. Not one of those that the system gives to connections by itself:
/// it might give this one away while no server has it.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let first = std::process::id() % 20_000;
    loop {
        let number = first + NEXT.fetch_add(1, Ordering::Relaxed);
        let port = 10_000 + u16::try_from(number % 20_000).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
