//! From the words typed to the command line as declared.

use std::ffi::OsString;

use clap::{CommandFactory as _, FromArgMatches as _};

use super::{Cli, Command, browser};

/// Reads the arguments, the program's name first.
///
/// # Errors
/// They do not fit, or ask for help.
pub(crate) fn parse(args: impl Iterator<Item = OsString>) -> Result<Cli, clap::Error> {
    let matches = Cli::command().try_get_matches_from(seed_spellings(args))?;
    let mut cli =
        Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut Cli::command()))?;
    if let (Command::Download(args), Some((_, matches))) = (&mut cli.command, matches.subcommand())
    {
        args.typed = browser::typed(matches);
    }
    Ok(cli)
}

/// The arguments with spellings that a parser of short flags would take apart made its own:
/// the seed tool's `-ht` and `-plt`, and `--plot -`.
fn seed_spellings(args: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut ours: Vec<OsString> = Vec::new();
    let mut literal = false;
    for arg in args {
        literal |= arg == "--";
        let plot_before = ours
            .last()
            .is_some_and(|last| last == "--plot" || last == "-p");
        let plotting = ours.iter().any(|arg| arg == "frequencies" || arg == "freq");
        match arg.to_str() {
            _ if literal => ours.push(arg),
            Some("-ht") => ours.push("--hashtag".into()),
            Some("-plt") => ours.push("--plot".into()),
            Some("-") if plot_before && plotting => {
                ours.pop();
                ours.push("--plot=-".into());
            }
            _ => ours.push(arg),
        }
    }
    ours
}
