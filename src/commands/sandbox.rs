//! `cotag sandbox`: a Research API for practice.

use std::ops::RangeInclusive;
use std::time::Duration;

use jiff::civil::Date;

use super::interrupt;
use crate::cli::{SandboxArgs, SandboxCommand, ServeArgs};
use crate::error::{Error, Exit};
use crate::output::counted;
use crate::source::sandbox::{Fault, Options, Sandbox};
use crate::ui::Ui;

/// How often is looked whether the person wants to end.
const LOOK: Duration = Duration::from_millis(50);

pub(super) fn run(args: &SandboxArgs, ui: &Ui) -> Result<Exit, Error> {
    match &args.command {
        SandboxCommand::Serve(args) => serve(args, ui),
    }
}

fn serve(args: &ServeArgs, ui: &Ui) -> Result<Exit, Error> {
    let options = options(args)?;
    interrupt::listen();
    let running = Sandbox::start(&options).map_err(|error| {
        Error::failed(
            error.to_string(),
            "choose another port, or leave --port out and take the one that is told",
        )
    })?;
    ui.data(format!("listening on {}\n", running.url).as_bytes())?;
    let (url, client) = (&running.url, &options.client);
    ui.note(&format!(
        "a sandbox with made-up posts; for a client to use it, set\n  \
           TIKTOK_API_URL={url}\n  TIKTOK_CLIENT_KEY={}\n  TIKTOK_CLIENT_SECRET={}\n\
         Ctrl-C ends it",
        client.key, client.secret
    ));
    while !interrupt::asked() {
        std::thread::sleep(LOOK);
    }
    let requests = running.requests().len() as u64;
    ui.note(&format!("{} answered", counted(requests, "request")));
    for (fault, cost) in running.cost_of_faults() {
        ui.note(&format!("  of these, because of {fault}: {cost}"));
    }
    Ok(Exit::Done)
}

fn options(args: &ServeArgs) -> Result<Options, Error> {
    let faults =
        if args.fault.iter().any(|name| name == "all") {
            Fault::ALL.to_vec()
        } else {
            let named = args.fault.iter().map(|name| name.parse());
            named.collect::<Result<_, _>>().map_err(
                |error: crate::source::sandbox::UnknownFault| Error::Usage(error.to_string()),
            )?
        };
    Ok(Options {
        port: args.port,
        posts: usize::try_from(args.posts).unwrap_or(usize::MAX),
        quota: args.quota,
        relations_quota: args.relations_quota,
        gone_in: args.gone,
        token_life: Duration::from_secs(args.token_life),
        faults,
        storm_length: args.storm,
        unavailable: args.unavailable.as_deref().map(days).transpose()?,
        heavy: args.heavy,
        exclusive_end: args.exclusive_end,
        delay: Duration::from_millis(args.delay),
        seed: args.seed.into(),
        ..Options::default()
    })
}

/// Days written `DATE..DATE` or `DATE`, both inclusive.
fn days(text: &str) -> Result<RangeInclusive<Date>, Error> {
    let (first, last) = text.split_once("..").unwrap_or((text, text));
    let day = |text: &str| {
        text.trim().parse::<Date>().map_err(|_| {
            Error::Usage(format!(
                "--unavailable: `{text}` is no date; write YYYY-MM-DD..YYYY-MM-DD"
            ))
        })
    };
    let days = day(first)?..=day(last)?;
    if days.is_empty() {
        return Err(Error::Usage(format!(
            "--unavailable: {first} is after {last}"
        )));
    }
    Ok(days)
}
