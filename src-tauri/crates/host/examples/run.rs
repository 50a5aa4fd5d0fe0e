//! Runs one command as root on a host: `cargo run -p slipway-host --example run -- [user@]host[:port] COMMAND…`.
//!
//! Reads `~/.ssh/config` like `ssh`, uses the agent and unencrypted keys, connects only to hosts that are known.
//! `SUDO=1` uses `sudo` without a password. Shows the steps, the output and what it cost.

#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::sync::Arc;

use slipway_core::command::Command;
use slipway_host::ssh_config::files::SshFiles;
use slipway_host::{Decision, NoCredentials, Step, Sudo, connect};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let typed = arguments.next().ok_or("usage: run [user@]host[:port] COMMAND…")?;
    let agent = std::env::var_os("SSH_AUTH_SOCK").map(Into::into);
    let files = SshFiles::usual(std::env::var("HOME")?, std::env::var("USER").unwrap_or_else(|_| "root".into()), agent);
    let (mut target, problems) = files.target(&typed)?;
    if std::env::var_os("SUDO").is_some() {
        target.sudo = Sudo::NoPassword;
    }
    for problem in problems {
        eprintln!("{problem}");
    }
    let host = connect(
        &target,
        Arc::new(NoCredentials),
        Arc::new(Decision::Reject),
        Arc::new(|step: Step| eprintln!("{step:?}")),
    )
    .await?;
    let output = host.run(Command::new(arguments)).await?;
    print!("{}", output.text());
    eprint!("{}", String::from_utf8_lossy(&output.stderr));
    eprintln!("{:?} {:?}", output.exit, host.counters());
    host.close().await;
    Ok(())
}
