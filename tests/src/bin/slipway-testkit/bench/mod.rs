//! Benchmarks: what a user waits for, next to the tools that they would use instead, measured in one run.
//!
//! Contenders take turns, so that a busy machine is busy for all of them; what counts is their ratio. Every one of them
//! goes through the same relay, which adds the latency and counts the bytes.

mod look;
mod send;
mod watch;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use slipway_tests::hosts::{Distribution, Host, HostError, HostOptions, Prerequisites, fill_wheelhouse};
use slipway_tests::relay::{Conditions, Relay};

use crate::desk::{Desk, other};

/// What is measured, and how often.
pub(crate) struct Options<'a> {
    /// `look`, `send`, `size`; all when empty.
    pub(crate) only: &'a [String],
    /// Turns of each contender.
    pub(crate) rounds: usize,
    /// Files of the release that is sent, 25 kB each.
    pub(crate) files: u64,
    /// The program to use instead of building it.
    pub(crate) slipway: Option<&'a Path>,
    /// Where ansible, mitogen and pyinfra are installed.
    pub(crate) peers: PathBuf,
}

/// A host behind a relay, and a desk that knows it as `far`.
struct Place {
    folder: PathBuf,
    desk: Desk,
    host: Host,
    relay: Relay,
}

impl Place {
    fn new(folder: &Path, slipway: Option<&Path>) -> Result<Self, HostError> {
        let desk = Desk::new(slipway, folder)?;
        let host = Host::boot(Distribution::Debian12, HostOptions::default())?;
        let server = SocketAddr::from((host.address(), host.ssh_port()));
        let relay = Relay::start(server, Conditions::default()).map_err(other)?;
        let port = relay.address().port();
        let known = host.known_hosts_line().replace(&host.address().to_string(), &format!("[127.0.0.1]:{port}"));
        std::fs::write(folder.join("known_hosts"), known + "\n").map_err(other)?;
        let (login, key) = (format!("root@127.0.0.1:{port}"), host.client_key().display().to_string());
        desk.run(0, &["host", "add", "far", &login, "--identity", &key, "--accept-host-key", host.fingerprint()])?;
        Ok(Self { folder: folder.to_owned(), desk, host, relay })
    }

    /// OpenSSH's options for the way through the relay, with the given letter for the port.
    fn ssh_options(&self, port: &str) -> Vec<String> {
        let known = self.folder.join("known_hosts").display().to_string();
        let key = self.host.client_key().display().to_string();
        let mut options: Vec<String> = ["-F", "none", "-o", "BatchMode=yes", "-o"].map(str::to_owned).into();
        options.push(format!("UserKnownHostsFile={known}"));
        options.extend(["-i".to_owned(), key, port.to_owned(), self.relay.address().port().to_string()]);
        options
    }
}

/// Runs what is asked for and prints the tables.
pub(crate) fn run(options: &Options<'_>) -> Result<(), HostError> {
    Prerequisites::require()?;
    fill_wheelhouse()?;
    let asked = |what: &str| options.only.is_empty() || options.only.iter().any(|only| only == what);
    if asked("look") || asked("size") {
        let folder = tempfile::tempdir().map_err(other)?;
        let place = Place::new(folder.path(), options.slipway)?;
        look::set_up(&place)?;
        if asked("look") {
            look::run(&place, options)?;
        }
        if asked("size") {
            look::size(&place)?;
        }
    }
    if asked("send") {
        let folder = tempfile::tempdir().map_err(other)?;
        let place = Place::new(folder.path(), options.slipway)?;
        send::run(&place, options)?;
    }
    Ok(())
}

/// The middle one.
fn median<T: Copy + PartialOrd>(values: &[T]) -> Option<T> {
    let mut sorted = values.to_vec();
    sorted.sort_by(|one, two| one.partial_cmp(two).unwrap_or(std::cmp::Ordering::Equal));
    sorted.get(sorted.len() / 2).copied()
}
