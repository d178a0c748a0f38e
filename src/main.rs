//! The `cotag` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    cotag::run(std::env::args_os())
}
