//! `slipway completions` and `slipway man`.

use std::path::Path;

use clap::CommandFactory as _;
use slipway_engine::failure::{Code, Failure};

use crate::args::Cli;
use crate::context::{Context, Outcome};
use crate::exit::Exit;

/// Prints a completion script.
pub(crate) fn completions(context: &Context, shell: clap_complete::Shell) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "slipway", &mut script);
    context.screen.raw(&String::from_utf8_lossy(&script));
    Ok(Exit::Done)
}

/// Prints the manual page, or writes one for each command.
pub(crate) fn man(context: &Context, out: Option<&Path>) -> Outcome {
    let failed = |error: std::io::Error| Failure::new(Code::Local, format!("the manual cannot be written: {error}"));
    match out {
        Some(folder) => {
            std::fs::create_dir_all(folder).map_err(failed)?;
            clap_mangen::generate_to(Cli::command(), folder).map_err(failed)?;
            context.answer(folder.display().to_string(), format!("The manual pages are in {}.", folder.display()));
        }
        None => {
            let mut page = Vec::new();
            clap_mangen::Man::new(Cli::command()).render(&mut page).map_err(failed)?;
            context.screen.raw(&String::from_utf8_lossy(&page));
        }
    }
    Ok(Exit::Done)
}
