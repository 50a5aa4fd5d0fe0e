//! `slipway`: the command line over `slipway-engine`. Parses, asks, prints; every decision is the engine's.

#![forbid(unsafe_code)]

mod args;
mod commands;
mod context;
mod exit;
mod interrupt;
mod print;
mod prompt;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser as _;
use clap::error::ErrorKind;
use serde::Serialize;
use slipway_core::site::{Diagnostic, render_all};
use slipway_engine::failure::{Code, Failure};

use args::Cli;
use context::{Context, Stop};
use exit::Exit;
use interrupt::Interrupt;
use print::screen::{Colour, Reader, Screen};

fn main() -> ExitCode {
    slipway_engine::core_dumps::forbid();
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => return unparsed(&error, &arguments).into(),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("✕ this computer cannot run it: {error}");
            return Exit::Local.into();
        }
    };
    let exit = runtime.block_on(run(cli));
    // A question that nobody answered must not keep the program alive.
    runtime.shutdown_background();
    exit.into()
}

async fn run(cli: Cli) -> Exit {
    let surroundings = slipway_engine::surroundings::surroundings();
    let reader = if cli.global.json { Reader::Program } else { Reader::Person };
    let dumb = surroundings.variable("TERM").is_some_and(|term| term == "dumb");
    let colour = if cli.global.no_color || surroundings.variable("NO_COLOR").is_some() || dumb {
        Colour::Never
    } else {
        Colour::OnTerminals
    };
    let screen = Screen::new(reader, colour, cli.global.verbose);
    let interrupt = Interrupt::default();
    interrupt.listen(screen.clone());
    let command = commands::name(&cli.command);
    let context = Context { global: cli.global, screen: screen.clone(), interrupt, surroundings, command };
    let result = commands::run(&context, cli.command).await;
    screen.calm();
    match result {
        Ok(exit) => exit,
        Err(stop) => stopped(&screen, command, &stop),
    }
}

#[derive(Serialize)]
struct ErrorDocument<'a> {
    schema: u32,
    command: &'a str,
    ok: bool,
    error: &'a Failure,
    #[serde(skip_serializing_if = "Option::is_none")]
    diagnostics: Option<&'a [Diagnostic]>,
    exit: u8,
}

fn stopped(screen: &Screen, command: &str, stop: &Stop) -> Exit {
    let (failure, diagnostics, text) = match stop {
        Stop::Declined => {
            let exit = Exit::Interrupted;
            match screen.reader {
                Reader::Person => screen.note("Nothing was changed."),
                Reader::Program => {
                    let error = serde_json::json!({"code": "declined", "message": "nothing was changed"});
                    let exit = exit.number();
                    screen.json(&serde_json::json!(
                        {"schema": 1, "command": command, "ok": false, "error": error, "exit": exit}
                    ));
                }
            }
            return exit;
        }
        Stop::Failed(failure) => (failure.clone(), None, print::failure::failure(failure, screen.err)),
        Stop::WrongSite { path, text, diagnostics } => {
            let errors = diagnostics.iter().filter(|diagnostic| diagnostic.is_error()).count();
            let message = format!("{path} has {}", print::words::count(errors, "mistake"));
            (
                Failure::new(Code::BadSiteFile, message),
                Some(diagnostics.as_slice()),
                render_all(diagnostics, path, text),
            )
        }
    };
    let exit = Exit::from(failure.code);
    match screen.reader {
        Reader::Person => screen.note(text),
        Reader::Program => {
            let exit = exit.number();
            screen.json(&ErrorDocument { schema: 1, command, ok: false, error: &failure, diagnostics, exit });
        }
    }
    exit
}

/// Help, version, and what could not be parsed.
fn unparsed(error: &clap::Error, arguments: &[OsString]) -> Exit {
    let wrong = !matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    if wrong && arguments.iter().any(|argument| argument == "--json") {
        let text = error.render().to_string();
        // Up to the empty line before the usage.
        let message: Vec<&str> = text.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
        let message = message.join(" ").trim_start_matches("error: ").to_owned();
        let screen = Screen::new(Reader::Program, Colour::Never, false);
        return stopped(&screen, "", &Stop::Failed(Failure::new(Code::Usage, message).hint("slipway help")));
    }
    let _ = error.print();
    if wrong { Exit::Usage } else { Exit::Done }
}
