//! Progress is shown on a terminal, fits into it, and never goes into a pipe.

use std::process::Command;
use std::time::Duration;

use cotag::source::sandbox::Options;

use crate::bench::{Bench, SINCE, UNTIL, options};

/// Runs a command on a terminal of so many columns and passes on all that it writes there.
const ON_A_TERMINAL: &str = "
import fcntl, os, pty, struct, sys, termios
pid, terminal = pty.fork()
if pid == 0:
    size = struct.pack('HHHH', 24, int(sys.argv[1]), 0, 0)
    fcntl.ioctl(2, termios.TIOCSWINSZ, size)
    os.execvp(sys.argv[2], sys.argv[2:])
while True:
    try:
        data = os.read(terminal, 65536)
    except OSError:
        break
    if not data:
        break
    sys.stdout.buffer.write(data)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
";

fn on_a_terminal(bench: &Bench, columns: usize) -> String {
    let plain = bench.command(&format!(
        "download -t london -p --since {SINCE} --until {UNTIL} --window 2 --retry-wait 1ms"
    ));
    let output = Command::new("python3")
        .arg("-c")
        .arg(ON_A_TERMINAL)
        .arg(columns.to_string())
        .arg(plain.get_program())
        .args(plain.get_args())
        .current_dir(plain.get_current_dir().unwrap())
        .envs(
            plain
                .get_envs()
                .filter_map(|(key, value)| Some((key, value?))),
        )
        .env("NO_COLOR", "1")
        .env("TERM", "xterm")
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// What stands between the terminal's own sequences.
fn lines(text: &str) -> Vec<String> {
    let mut plain = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' {
            let end = chars.find(char::is_ascii_alphabetic);
            assert_ne!(end, Some('m'), "colour in spite of NO_COLOR");
            continue;
        }
        plain.push(c);
    }
    plain.split(['\r', '\n']).map(str::to_owned).collect()
}

#[test]
fn progress_fits_into_the_terminal_and_stays_out_of_pipes() {
    let slow = Options {
        delay: Duration::from_millis(30),
        ..options()
    };
    for columns in [80, 40] {
        let bench = Bench::new(&slow);
        let text = on_a_terminal(&bench, columns);
        let all = lines(&text);
        let bars: Vec<&String> = all
            .iter()
            .filter(|line| line.contains("/30 days"))
            .collect();
        assert!(bars.len() > 3, "{text}");
        for bar in bars {
            assert!(bar.starts_with("#london "), "{bar}");
            assert!(bar.chars().count() <= columns, "{columns}: {bar}");
        }
        assert!(text.contains("Successfully scraped"), "{text}");
        bench.assert_complete();
    }
    let bench = Bench::new(&slow);
    let piped = bench.download("").expect(0);
    assert!(
        !piped.err.contains("/30 days") && !piped.err.contains('\u{1b}'),
        "{}",
        piped.err
    );
}
