//! The test kit by hand: boots hosts for developers and prepares base trees for CI.
#![forbid(unsafe_code)]

mod bench;
mod demo;
mod desk;
mod load;

use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use slipway_tests::hosts::{
    Distribution, Host, HostError, HostOptions, Prerequisites, bake, collect_garbage, fill_wheelhouse, list,
};

/// Disposable test hosts.
#[derive(Parser)]
#[command(name = "slipway-testkit", version)]
struct Arguments {
    #[command(subcommand)]
    area: Area,
}

#[derive(Subcommand)]
enum Area {
    /// Boots a disposable host, deploys the sample application to it with `slipway`, and keeps it until Ctrl-C.
    Demo {
        /// debian11, debian12, debian13 or el9-like.
        #[arg(default_value = "debian12")]
        distribution: Distribution,
        /// Ends after the tour instead of waiting for Ctrl-C.
        #[arg(long)]
        once: bool,
        /// Opens the window on the host once the first release runs, and ends with it.
        #[arg(long, conflicts_with = "once")]
        window: bool,
    },
    /// Deploys and rolls back under load, with Slipway and in the usual ways, and prints how many requests failed.
    Load {
        /// Deployments, and as many rollbacks, with Slipway.
        #[arg(long, default_value_t = 20)]
        turns: usize,
        /// The same in each of the usual ways.
        #[arg(long, default_value_t = 20)]
        usual_turns: usize,
        /// Visitors that ask without pause.
        #[arg(long, default_value_t = 40)]
        visitors: usize,
        /// WebSockets that are kept open.
        #[arg(long, default_value_t = 50)]
        sockets: usize,
        /// The program to try, instead of the release build of this source.
        #[arg(long)]
        slipway: Option<std::path::PathBuf>,
    },
    /// Measures runs, deployments, uploads and the program itself, next to other tools.
    Bench {
        /// look, first, many, deploy, send or size; all of them when none is given.
        only: Vec<String>,
        /// Turns of each contender.
        #[arg(long, default_value_t = 5)]
        rounds: usize,
        /// Milliseconds that the way there and back takes longer, once for each; by default 0, 20 and 80, or only 0 for
        /// `many` and `send`.
        #[arg(long = "round-trip", value_name = "MS")]
        round_trips: Vec<u64>,
        /// Hosts of `many`.
        #[arg(long, default_value_t = 20)]
        hosts: usize,
        /// Files of the release that is sent, 25 kB each.
        #[arg(long, default_value_t = 8000)]
        files: u64,
        /// Ends an upload of `send` that needs longer; its cell says so.
        #[arg(long = "limit", value_name = "SECONDS", default_value_t = 600)]
        limit_s: u64,
        /// The program to try, instead of the release build of this source.
        #[arg(long)]
        slipway: Option<std::path::PathBuf>,
        /// Where ansible-core, mitogen and pyinfra are installed (tests/bench does that).
        #[arg(long)]
        peers: std::path::PathBuf,
    },
    /// Boots, lists and removes test hosts.
    #[command(subcommand)]
    Host(HostCommand),
}

#[derive(Subcommand)]
enum HostCommand {
    /// Boots a host and keeps it until Ctrl-C.
    Up {
        /// debian11, debian12, debian13 or el9-like.
        distribution: Distribution,
        /// The host's name.
        #[arg(long)]
        name: Option<String>,
        /// The password that the user `operator` gives to sudo.
        #[arg(long, value_name = "PASSWORD")]
        sudo: Option<String>,
        /// Leaves the host running; `host down` removes it.
        #[arg(long)]
        detach: bool,
        /// Says on standard output only how to log in, as one JSON object; what is being done goes to standard error.
        #[arg(long)]
        json: bool,
    },
    /// Says whether hosts can run on this machine; ends with status 1 when they cannot. Changes nothing.
    Check {
        /// Answers as a JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Removes a host.
    Down {
        /// The host's name.
        name: String,
    },
    /// Lists the hosts of this machine.
    List,
    /// Opens a root shell inside a host, without SSH.
    Shell {
        /// The host's name.
        name: String,
    },
    /// Makes what hosts share, which otherwise the first host that needs it waits for.
    Bake {
        /// Distributions, `wheels` (Python packages for hosts), or `all`.
        #[arg(default_value = "all")]
        distributions: Vec<String>,
    },
    /// Removes what processes that are gone left behind.
    Gc,
}

fn main() -> ExitCode {
    let result = match Arguments::parse().area {
        Area::Demo { distribution, once, window } => {
            let face = if window { demo::Face::Window } else { demo::Face::Command };
            demo::run(&demo::Options { distribution, once, face })
        }
        Area::Load { turns, usual_turns, visitors, sockets, slipway } => {
            load::run(&load::Options { turns, usual_turns, visitors, sockets, slipway: slipway.as_deref() })
        }
        Area::Bench { only, rounds, round_trips, hosts, files, limit_s, slipway, peers } => {
            bench::run(&bench::Options {
                only: &only,
                rounds,
                round_trips: &round_trips,
                hosts,
                files,
                limit_s,
                slipway: slipway.as_deref(),
                peers,
            })
        }
        Area::Host(command) => run(command),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: HostCommand) -> Result<(), HostError> {
    match command {
        HostCommand::Up { distribution, name, sudo, detach, json } => {
            up(distribution, name, sudo, detach, if json { Shown::Json } else { Shown::Text })
        }
        HostCommand::Check { json } => check(json),
        HostCommand::Down { name } => {
            Host::attach(&name)?.remove();
            println!("{name} is gone");
            Ok(())
        }
        HostCommand::List => {
            for host in list()? {
                let stays = if host.detached { "detached" } else { "" };
                println!("{:<16} {:<10} {:<15} {stays}", host.name, host.distribution, host.address.to_string());
            }
            Ok(())
        }
        HostCommand::Shell { name } => shell(&name),
        HostCommand::Bake { distributions } => bake_all(&distributions),
        HostCommand::Gc => {
            for name in collect_garbage()? {
                println!("removed {name}");
            }
            Ok(())
        }
    }
}

/// How a host is described.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    Text,
    Json,
}

fn check(json: bool) -> Result<(), HostError> {
    let found = Prerequisites::check();
    if json {
        let reason = if found.is_met() { String::new() } else { found.reason() };
        println!("{}", serde_json::json!({ "ready": found.is_met(), "reason": reason }));
    }
    Prerequisites::require()?;
    if !json {
        println!("test hosts can run here");
    }
    Ok(())
}

fn up(
    distribution: Distribution,
    name: Option<String>,
    sudo: Option<String>,
    detached: bool,
    shown: Shown,
) -> Result<(), HostError> {
    let mut options = HostOptions { name, detached, ..HostOptions::default() };
    if let Some(password) = sudo {
        options.sudo_password = password;
    }
    let password = options.sudo_password.clone();
    // Caught from the start, so that an impatient Ctrl-C during the boot cleans up as well.
    let runtime = tokio::runtime::Runtime::new().map_err(|error| HostError::Other(error.to_string()))?;
    let interrupted = runtime.spawn(async {
        let mut terminated = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            result = tokio::signal::ctrl_c() => result,
            _ = terminated.recv() => Ok(()),
        }
    });
    if shown == Shown::Json {
        Prerequisites::require()?;
        eprintln!("preparing {distribution}; the first time that takes a minute");
        bake(distribution)?;
        fill_wheelhouse()?;
        eprintln!("booting it");
    }
    let host = Host::boot(distribution, options)?;
    if shown == Shown::Json {
        let login = serde_json::json!({
            "name": host.name(),
            "address": host.address().to_string(),
            "port": host.ssh_port(),
            "user": "deploy",
            "key_file": host.client_key().display().to_string(),
            "fingerprint": host.fingerprint(),
        });
        println!("{login}");
        if !detached {
            runtime.block_on(interrupted).ok();
        }
        return Ok(());
    }
    println!("{} runs {distribution} at {} port {}", host.name(), host.address(), host.ssh_port());
    println!("users        root; deploy (sudo without a password); operator (sudo password: {password})");
    println!("key          {}", host.client_key().display());
    println!("known_hosts  {}", host.known_hosts_line());
    println!("fingerprint  {}", host.fingerprint());
    let ssh = host.ssh("deploy");
    let words: Vec<_> = ssh.get_args().filter(|word| *word != "BatchMode=yes").map(|w| w.to_string_lossy()).collect();
    println!("try          ssh {}", words.join(" ").replace("-o -o", "-o"));
    if detached {
        println!("remove with  slipway-testkit host down {}", host.name());
        return Ok(());
    }
    println!("Ctrl-C removes it");
    runtime.block_on(interrupted).ok();
    drop(host);
    Ok(())
}

fn shell(name: &str) -> Result<(), HostError> {
    let host = Host::attach(name)?;
    let ended = host.enter(&["sh", "-c", "cd; exec bash -l"]).status();
    ended.map(drop).map_err(|error| HostError::Other(format!("could not run nsenter: {error}")))
}

fn bake_all(names: &[String]) -> Result<(), HostError> {
    let all = names.iter().any(|name| name == "all");
    let distributions = if all {
        Distribution::ALL.to_vec()
    } else {
        names.iter().filter(|name| *name != "wheels").map(|name| name.parse()).collect::<Result<_, _>>()?
    };
    let wheels = all || names.iter().any(|name| name == "wheels");
    // Making any of it is waiting most of the time: for archives and for the disk.
    std::thread::scope(|scope| {
        let mut threads: Vec<_> = distributions
            .into_iter()
            .map(|distribution| {
                scope.spawn(move || bake(distribution).map(|baked| report(distribution.name(), baked.took)))
            })
            .collect();
        if wheels {
            threads.push(scope.spawn(|| fill_wheelhouse().map(|kept| report("wheels", kept.took))));
        }
        let failed: Vec<String> = threads
            .into_iter()
            .filter_map(|thread| match thread.join() {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(error.to_string()),
                Err(_) => Some("a thread panicked".to_owned()),
            })
            .collect();
        if failed.is_empty() { Ok(()) } else { Err(HostError::Other(failed.join("\n"))) }
    })
}

fn report(what: &str, took: Option<Duration>) {
    match took {
        Some(took) => println!("{what:<10} made in {:.1} s", took.as_secs_f64()),
        None => println!("{what:<10} ready"),
    }
}
