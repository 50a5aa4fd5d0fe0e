//! What can be typed. Parsing only: nothing here looks at files, hosts or the environment.

mod host;
mod site;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueHint};
use slipway_core::release::ReleaseId;
use slipway_core::site::{EnvName, Name};
use slipway_engine::history::RunId;
use slipway_engine::inventory::HostName;
use slipway_engine::secrets::SecretName;

pub(crate) use host::{Add, Edit, HostCommand, Import};
pub(crate) use site::{New, SiteCommand};

/// Deploys web applications to bare Linux servers over SSH.
#[derive(Debug, Parser)]
#[command(
    name = "slipway",
    version,
    disable_help_subcommand = true,
    subcommand_required = true,
    arg_required_else_help = true,
    max_term_width = 110,
    after_help = "To begin: slipway host add web-1 root@203.0.113.7; slipway site new --blueprint static; slipway plan\n\
                  Exit statuses: slipway help exit-codes. Output for programs: slipway help json."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Everywhere")]
pub(crate) struct Global {
    /// Print JSON for programs (slipway help json)
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Site file
    #[arg(long, global = true, value_name = "FILE", default_value = "slipway.toml", value_hint = ValueHint::FilePath)]
    pub(crate) site: PathBuf,
    /// Host of the inventory; not needed when there is only one
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) host: Option<HostName>,
    /// Take secrets from environment variables PREFIX_NAME instead of the keyring
    #[arg(long, global = true, value_name = "PREFIX")]
    pub(crate) secrets_from_env: Option<EnvName>,
    /// Accept this key of a host that is not known yet, without asking
    #[arg(long, global = true, value_name = "SHA256:…", value_parser = fingerprint)]
    pub(crate) accept_host_key: Option<String>,
    /// No colour (also: the variable NO_COLOR)
    #[arg(long, global = true)]
    pub(crate) no_color: bool,
    /// Show more: each step of connecting, whole plans, what commands print
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
    /// Answer yes to the question whether to go on
    #[arg(short, long, global = true)]
    pub(crate) yes: bool,
}

fn fingerprint(text: &str) -> Result<String, String> {
    let digest = text.strip_prefix("SHA256:").unwrap_or_default();
    let base64 = |c: char| c.is_ascii_alphanumeric() || c == '+' || c == '/';
    if digest.len() == 43 && digest.chars().all(base64) {
        Ok(text.to_owned())
    } else {
        Err("a fingerprint is SHA256: and 43 characters, as ssh-keygen -lf prints it".to_owned())
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Hosts: add, list, show, edit, test, remove, import
    #[command(subcommand)]
    Host(HostCommand),
    /// Show what a host is: system, memory, disks, programs, what listens
    Facts {
        /// Host
        name: Option<HostName>,
    },
    /// Site files: new, check, show, schema, blueprints
    #[command(subcommand)]
    Site(SiteCommand),
    /// Show everything that would be done, and change nothing
    Plan(PlanArguments),
    /// Bring a host's set-up and configuration to what the site file says
    Apply(ApplyArguments),
    /// Make a new release live
    Deploy(DeployArguments),
    /// Make an earlier release live again
    Rollback(RollbackArguments),
    /// Take the site off a host; its data stays unless --data is given
    Uninstall(UninstallArguments),
    /// Show what runs: release, instances, how the site answers
    Status {
        /// Look again every two seconds until interrupted
        #[arg(short, long)]
        watch: bool,
    },
    /// Releases on the host: list, remove
    Releases {
        #[command(subcommand)]
        command: Option<ReleasesCommand>,
    },
    /// Runs that this computer made: list, show
    History {
        #[command(subcommand)]
        command: Option<HistoryCommand>,
        /// How many, newest first
        #[arg(default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=500))]
        count: u32,
    },
    /// Start, stop, restart … what the site runs; several instances restart one at a time
    Service {
        /// What to do
        action: ServiceAction,
        /// One unit of the site, or nginx (test, reload, status); everything by default
        unit: Option<String>,
    },
    /// Log lines of the site's processes
    Logs(LogsArguments),
    /// The site's audit log, from the host
    Audit {
        /// How many, newest last
        #[arg(short = 'n', long, default_value_t = 50)]
        lines: usize,
    },
    /// Secrets of the site: set, list, remove, rotate
    #[command(subcommand)]
    Secret(SecretCommand),
    /// Take the host lock away from a desktop that is gone
    Unlock,
    /// Print a completion script for a shell
    Completions {
        /// Shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page, or write one for each command
    Man {
        /// Folder to write them to
        #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
        out: Option<PathBuf>,
    },
    /// Print the version
    Version,
    /// Print help on a command, on exit-codes or on json
    Help {
        /// Command or topic
        topic: Vec<String>,
    },
}

/// `slipway plan`.
#[derive(Debug, Args)]
pub(crate) struct PlanArguments {
    /// Write the plan to this file; apply --plan FILE applies it
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) out: Option<PathBuf>,
    /// Plan a deployment instead
    #[arg(long, conflicts_with = "rollback")]
    pub(crate) deploy: bool,
    /// Branch, tag or commit to deploy
    #[arg(long = "ref", value_name = "REF", requires = "deploy")]
    pub(crate) reference: Option<String>,
    /// Plan a rollback instead
    #[arg(long)]
    pub(crate) rollback: bool,
    /// Release to go back to
    #[arg(long, value_name = "RELEASE", requires = "rollback")]
    pub(crate) to: Option<ReleaseId>,
    /// Plan to take the site off the host instead
    #[arg(long, conflicts_with_all = ["deploy", "rollback"])]
    pub(crate) uninstall: bool,
    /// Also its data, its log files and its user
    #[arg(long, requires = "uninstall")]
    pub(crate) data: bool,
    #[command(flatten)]
    pub(crate) allow: AllowArguments,
}

/// What plan, apply, deploy, rollback and uninstall may be allowed; each is remembered.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct AllowArguments {
    /// Give the site's secrets to this site file and its source from now on, and to no other
    #[arg(long)]
    pub(crate) trust_source: bool,
    /// Read the folder, archive and certificate that the site file names outside its own folder
    #[arg(long)]
    pub(crate) allow_outside: bool,
}

/// What apply, deploy, rollback and uninstall share.
#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    /// Replace files that were changed by hand on the host (they are kept aside there)
    #[arg(long)]
    pub(crate) replace_drift: bool,
    /// Exit with 1 when there was nothing to change
    #[arg(long)]
    pub(crate) detailed_exitcode: bool,
    #[command(flatten)]
    pub(crate) allow: AllowArguments,
}

/// `slipway apply`.
#[derive(Debug, Args)]
pub(crate) struct ApplyArguments {
    /// Apply this plan and no other: its id (or the beginning of it), or the file that plan --out wrote
    #[arg(long, value_name = "ID|FILE")]
    pub(crate) plan: Option<String>,
    #[command(flatten)]
    pub(crate) run: RunArguments,
}

/// `slipway deploy`.
#[derive(Debug, Args)]
pub(crate) struct DeployArguments {
    /// Branch, tag or commit; the site file's by default
    #[arg(long = "ref", value_name = "REF")]
    pub(crate) reference: Option<String>,
    #[command(flatten)]
    pub(crate) run: RunArguments,
}

/// `slipway rollback`.
#[derive(Debug, Args)]
pub(crate) struct RollbackArguments {
    /// Release to go back to; by default the last one before the active one that worked
    #[arg(long, value_name = "RELEASE")]
    pub(crate) to: Option<ReleaseId>,
    #[command(flatten)]
    pub(crate) run: RunArguments,
}

/// `slipway uninstall`.
#[derive(Debug, Args)]
pub(crate) struct UninstallArguments {
    /// Also remove its data (shared directories), its log files and its user
    #[arg(long)]
    pub(crate) data: bool,
    #[command(flatten)]
    pub(crate) run: RunArguments,
}

/// `slipway releases …`.
#[derive(Debug, Subcommand)]
pub(crate) enum ReleasesCommand {
    /// List them, newest first
    List,
    /// Remove the files of a release
    Remove {
        /// Release
        id: ReleaseId,
    },
}

/// `slipway history …`.
#[derive(Debug, Subcommand)]
pub(crate) enum HistoryCommand {
    /// Show one run
    Show {
        /// Its number
        run: RunId,
    },
}

/// What `slipway service` does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ServiceAction {
    /// Start what does not run
    Start,
    /// Stop it
    Stop,
    /// Stop and start it, one instance after the other
    Restart,
    /// Let it read its configuration again
    Reload,
    /// Start it at boot
    Enable,
    /// Do not start it at boot
    Disable,
    /// Look, and change nothing
    Status,
    /// Try nginx's configuration, and change nothing
    Test,
}

/// `slipway logs`.
#[derive(Debug, Args)]
pub(crate) struct LogsArguments {
    /// Only of this process of the site
    pub(crate) process: Option<Name>,
    /// Go on with new lines until interrupted
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// At most this many of the newest lines
    #[arg(short = 'n', long, default_value_t = 100)]
    pub(crate) lines: u32,
    /// Not older than this, as journalctl takes it: -1h, today, "2026-11-21 10:00"
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) since: Option<String>,
}

/// `slipway secret …`.
#[derive(Debug, Subcommand)]
pub(crate) enum SecretCommand {
    /// Store a value: asked for without echo, or read from standard input
    Set {
        /// Name as in the site file: SECRET_KEY, or the path of a secret file
        name: SecretName,
        /// Read the value from this file
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: Option<PathBuf>,
        /// Give the site's secrets to this site file and its source from now on, and to no other
        #[arg(long)]
        trust_source: bool,
    },
    /// List names, ages and uses; never values
    List,
    /// Remove a value
    Remove {
        /// Name
        name: SecretName,
    },
    /// Make a new value; the one before is kept for a rollback
    Rotate {
        /// Name
        name: SecretName,
        /// Give the site's secrets to this site file and its source from now on, and to no other
        #[arg(long)]
        trust_source: bool,
    },
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split(' '))
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn what_goes_everywhere_goes_before_and_after_the_command() {
        for line in ["slipway --json --host web-1 plan", "slipway plan --json --host web-1"] {
            let cli = parse(line).unwrap();
            assert!(cli.global.json && cli.global.host.is_some_and(|host| host.as_str() == "web-1"), "{line}");
        }
        let cli = parse("slipway host add web-1 root@192.0.2.1 --tag a --tag b --sudo passwordless").unwrap();
        let Command::Host(HostCommand::Add(add)) = cli.command else { panic!("another command") };
        assert_eq!((add.tags.len(), add.address.as_deref()), (2, Some("root@192.0.2.1")));
    }

    #[test]
    fn a_number_and_a_word_after_history_are_told_apart() {
        let Command::History { command: None, count } = parse("slipway history 5").unwrap().command else {
            panic!("another command")
        };
        assert_eq!(count, 5);
        let Command::History { command: Some(HistoryCommand::Show { run }), .. } =
            parse("slipway history show 12").unwrap().command
        else {
            panic!("another command")
        };
        assert_eq!(run.number(), 12);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for line in [
            "slipway",
            "slipway plan --ref main",
            "slipway plan --deploy --rollback",
            "slipway plan --accept-host-key SHA256:short",
            "slipway plan --host Web",
            "slipway rollback --to yesterday",
            "slipway secret set ../x",
            "slipway site new",
            "slipway history 0",
            "slipway service",
            "slipway service kill",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
        assert!(parse("slipway logs web -f -n 5 --since -1h").is_ok());
    }
}
