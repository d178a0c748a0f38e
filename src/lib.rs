//! cotag collects TikTok posts per hashtag and shows which hashtags appear together.
//!
//! Data flows one way, and a room never calls the one after it:
//!
//! ```text
//!   source  ──►  store  ──►  analysis  ──►  output
//!      └── record ──┘           │              │
//!             └── json        model  ◄─────────┘
//! ```
//!
//! `commands` wires the rooms together, one short recipe per subcommand.
//! `ARCHITECTURE.md` says what each room may touch, and a test holds it to that.

pub mod model;

pub mod json;

pub mod record;

pub mod http;

pub mod source;

pub mod store;

pub mod analysis;

pub mod output;

mod cli;
mod commands;
mod error;
mod settings;
mod ui;

use std::ffi::OsString;
use std::process::ExitCode;

pub use error::{Error, Exit};

/// Runs the program with these arguments, the program's name first, and returns its exit code.
///
/// Writes data to stdout and everything else to stderr.
pub fn run(args: impl Iterator<Item = OsString>) -> ExitCode {
    let cli = match cli::parse(args) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are data, and no failure.
            let code = if error.use_stderr() {
                Exit::Usage
            } else {
                Exit::Done
            };
            // Nobody is there to be told if printing fails.
            let _ = error.print();
            return code.into();
        }
    };
    let ui = ui::Ui::new(cli.global.quiet);
    let result = commands::run(&cli, &ui);
    ui.finish();
    match result {
        Ok(exit) => exit.into(),
        // Whoever read our output has seen enough.
        Err(error) if error.is_broken_pipe() => Exit::Done.into(),
        Err(error) => {
            ui.error(&error);
            error.exit().into()
        }
    }
}
