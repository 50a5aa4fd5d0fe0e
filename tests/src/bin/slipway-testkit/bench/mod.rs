//! Benchmarks: what a user waits for, next to the tools that they would use instead, measured in one run.
//!
//! Contenders take turns, so that a busy machine is busy for all of them; what counts is their ratio. Every one of them
//! goes through the same relay, which adds the latency and counts the bytes.

mod first;
mod look;
mod many;
mod peers;
mod phases;
mod send;
mod table;
mod watch;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use slipway_tests::hosts::{Distribution, Host, HostError, HostOptions, Prerequisites};
use slipway_tests::relay::{Conditions, Relay};

use crate::desk::{Desk, other};

/// What is measured, and how often.
pub(crate) struct Options<'a> {
    /// `look`, `first`, `many`, `deploy`, `send`, `size`; all when empty.
    pub(crate) only: &'a [String],
    /// Turns of each contender.
    pub(crate) rounds: usize,
    /// Milliseconds that the relay adds to a question and its answer; the usual ones of each table when empty.
    pub(crate) round_trips: &'a [u64],
    /// Hosts of `many`.
    pub(crate) hosts: usize,
    /// Files of the release that is sent, 25 kB each.
    pub(crate) files: u64,
    /// Seconds after which an upload is ended.
    pub(crate) limit_s: u64,
    /// The program to use instead of building it.
    pub(crate) slipway: Option<&'a Path>,
    /// Where ansible, mitogen and pyinfra are installed.
    pub(crate) peers: PathBuf,
}

/// A host behind a relay.
struct Far {
    /// What the desk and the peers call it.
    name: String,
    host: Host,
    relay: Relay,
}

/// A desk, and the hosts that it knows: `far`, and `far-2` and so on when there are several.
struct Place {
    folder: PathBuf,
    desk: Desk,
    far: Far,
    others: Vec<Far>,
}

impl Place {
    fn new(folder: &Path, slipway: Option<&Path>, hosts: usize) -> Result<Self, HostError> {
        let desk = Desk::new(slipway, folder)?;
        let far = Far::new("far".to_owned(), folder, &desk)?;
        let others = (2..=hosts).map(|number| Far::new(format!("far-{number}"), folder, &desk));
        let others = others.collect::<Result<_, _>>()?;
        Ok(Self { folder: folder.to_owned(), desk, far, others })
    }

    /// All hosts.
    fn all(&self) -> Vec<&Far> {
        std::iter::once(&self.far).chain(&self.others).collect()
    }

    /// OpenSSH's options for the way through the relay, with the given letter for the port.
    fn ssh_options(&self, far: &Far, port: &str) -> Vec<String> {
        let known = self.folder.join("known_hosts").display().to_string();
        let key = far.host.client_key().display().to_string();
        let mut options: Vec<String> = ["-F", "none", "-o", "BatchMode=yes", "-o"].map(str::to_owned).into();
        options.push(format!("UserKnownHostsFile={known}"));
        options.extend(["-i".to_owned(), key, port.to_owned(), far.relay.address().port().to_string()]);
        options
    }

    /// One `ssh` that runs a script on a host, with standard input from a file if one is given.
    fn ssh(&self, far: &Far, script: &str, input: Option<&Path>) -> Command {
        let mut command = Command::new("sh");
        let input = input.map_or_else(|| "/dev/null".to_owned(), |path| path.display().to_string());
        command.args(["-c", r#"input=$1; shift; exec ssh "$@" <"$input""#, "sh", &input]);
        command.args(self.ssh_options(far, "-p")).args(["root@127.0.0.1", script]);
        command
    }
}

impl Far {
    fn new(name: String, folder: &Path, desk: &Desk) -> Result<Self, HostError> {
        let host = Host::boot(Distribution::Debian12, HostOptions::default())?;
        let server = SocketAddr::from((host.address(), host.ssh_port()));
        let relay = Relay::start(server, Conditions::default()).map_err(other)?;
        let port = relay.address().port();
        let known = host.known_hosts_line().replace(&host.address().to_string(), &format!("[127.0.0.1]:{port}"));
        let file = folder.join("known_hosts");
        let before = std::fs::read_to_string(&file).unwrap_or_default();
        std::fs::write(file, format!("{before}{known}\n")).map_err(other)?;
        let (login, key) = (format!("root@127.0.0.1:{port}"), host.client_key().display().to_string());
        desk.run(0, &["host", "add", &name, &login, "--identity", &key, "--accept-host-key", host.fingerprint()])?;
        Ok(Self { name, host, relay })
    }

    /// Runs a script inside the host, not through the relay; it must succeed.
    fn prepare(&self, script: &str) -> Result<(), HostError> {
        let output = self.host.shell(script);
        if output.is_success() { Ok(()) } else { Err(HostError::Other(format!("{}: {output}", self.name))) }
    }

    fn slow_down(&self, milliseconds: u64) {
        let round_trip = Duration::from_millis(milliseconds);
        self.relay.set_conditions(Conditions { round_trip, bytes_per_second: None });
    }
}

/// Runs what is asked for and prints the tables.
pub(crate) fn run(options: &Options<'_>) -> Result<(), HostError> {
    Prerequisites::require()?;
    let asked = |what: &str| options.only.is_empty() || options.only.iter().any(|only| only == what);
    let place = |folder: &tempfile::TempDir, hosts| Place::new(folder.path(), options.slipway, hosts);
    if asked("look") || asked("size") {
        let folder = tempfile::tempdir().map_err(other)?;
        let place = place(&folder, 1)?;
        look::set_up(&place)?;
        if asked("look") {
            look::run(&place, options)?;
        }
        if asked("size") {
            look::size(&place)?;
        }
    }
    if asked("first") {
        let folder = tempfile::tempdir().map_err(other)?;
        first::run(&place(&folder, 1)?, options)?;
    }
    if asked("many") {
        let folder = tempfile::tempdir().map_err(other)?;
        let _room = many::Room::make(options.hosts)?;
        many::run(&place(&folder, options.hosts)?, options)?;
    }
    if asked("deploy") {
        let folder = tempfile::tempdir().map_err(other)?;
        phases::run(&place(&folder, 1)?, options)?;
    }
    if asked("send") {
        let folder = tempfile::tempdir().map_err(other)?;
        send::run(&place(&folder, 1)?, options)?;
    }
    Ok(())
}

/// The latencies to measure at.
fn round_trips(options: &Options<'_>, usual: &[u64]) -> Vec<u64> {
    if options.round_trips.is_empty() { usual.to_vec() } else { options.round_trips.to_vec() }
}

/// What the machine is doing besides: the load average of the last minute, proc_loadavg(5).
fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or_default().to_owned()
}

/// The middle one.
fn median<T: Copy + PartialOrd>(values: &[T]) -> Option<T> {
    let mut sorted = values.to_vec();
    sorted.sort_by(|one, two| one.partial_cmp(two).unwrap_or(std::cmp::Ordering::Equal));
    sorted.get(sorted.len() / 2).copied()
}
