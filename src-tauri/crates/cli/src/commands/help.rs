//! `slipway help` and `slipway version`.

use clap::CommandFactory as _;
use serde::Serialize;
use slipway_engine::failure::{Code, Failure};

use crate::args::Cli;
use crate::context::{Context, Outcome};
use crate::exit::{Exit, TABLE};

const JSON: &str = include_str!("../json.txt");

/// Prints help on a command or a topic.
pub(crate) fn help(context: &Context, topic: &[String]) -> Outcome {
    let words: Vec<&str> = topic.iter().map(String::as_str).collect();
    let text = match words.as_slice() {
        ["exit-codes"] => exit_codes(),
        ["json"] => JSON.to_owned(),
        path => of_command(path)?,
    };
    context.screen.raw(&text);
    Ok(Exit::Done)
}

/// The table of exit statuses.
pub(crate) fn exit_codes() -> String {
    let mut text = String::from("Exit statuses; they do not change between versions.\n\n");
    for (exit, meaning) in TABLE {
        text.push_str(&format!("{:>5}  {meaning}\n", exit.number()));
    }
    text.push_str("\n2 to 13, 30 and 31: nothing was changed on the host by this command.\n");
    text
}

fn of_command(path: &[&str]) -> Result<String, Failure> {
    let mut command = Cli::command();
    command.build();
    let mut found = &mut command;
    for word in path {
        found = found.find_subcommand_mut(word).ok_or_else(|| {
            Failure::new(Code::Usage, format!("there is no command {}", path.join(" ")))
                .hint("slipway help lists them; topics are exit-codes and json")
        })?;
    }
    Ok(found.render_long_help().to_string())
}

/// Prints the version.
pub(crate) fn version(context: &Context) -> Outcome {
    #[derive(Serialize)]
    struct Version {
        version: &'static str,
    }
    let version = env!("CARGO_PKG_VERSION");
    context.answer(Version { version }, format!("slipway {version}"));
    Ok(Exit::Done)
}
