//! The machine-wide list of hosts, so that other processes can find them and clean up after dead ones.
//!
//! One file per host under `/run/slipway-tests/hosts`; a lock file makes changes to the list exclusive.

use std::fs::{self, File};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::cache::{Cache, lock_file};
use super::command::run;
use super::error::{FileContext, HostError};
use super::{container, network, packages};

const HOSTS: &str = "/run/slipway-tests/hosts";
const LOCK: &str = "/run/slipway-tests/lock";

/// A process that cannot be mistaken for a later one with the same id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProcessId {
    pub(crate) pid: i32,
    /// Clock ticks since boot, field 22 of `/proc/PID/stat` (proc(5)).
    start: u64,
}

impl ProcessId {
    /// The process with this id, if it lives and is not a zombie.
    pub(crate) fn of(pid: i32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The second field is the command in parentheses and may hold spaces and parentheses.
        let (_, fields) = stat.rsplit_once(") ")?;
        let fields: Vec<&str> = fields.split(' ').collect();
        let state = *fields.first()?;
        let start = fields.get(19)?.parse().ok()?;
        (state != "Z" && state != "X").then_some(Self { pid, start })
    }

    /// Whether the process is stopped by a signal.
    pub(crate) fn is_stopped(self) -> bool {
        fs::read_to_string(format!("/proc/{}/stat", self.pid))
            .is_ok_and(|stat| stat.rsplit_once(") ").is_some_and(|(_, fields)| fields.starts_with('T')))
    }

    /// This process.
    pub(crate) fn own() -> Option<Self> {
        i32::try_from(std::process::id()).ok().and_then(Self::of)
    }

    /// Whether the very same process still lives.
    pub(crate) fn is_alive(self) -> bool {
        Self::of(self.pid) == Some(self)
    }
}

/// What is known of a host outside the process that made it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct HostRecord {
    /// The host's name, unique on this machine.
    pub name: String,
    /// The name of its distribution.
    pub distribution: String,
    /// Its address.
    pub address: Ipv4Addr,
    /// The port its sshd listens on.
    pub ssh_port: u16,
    /// The folder with its overlay, keys and console log.
    pub directory: PathBuf,
    /// Whether it stays when the process that made it ends.
    pub detached: bool,
    pub(crate) index: u16,
    /// `None` while the owner is still setting it up or when it is detached.
    pub(crate) owner: Option<ProcessId>,
    pub(crate) supervisor: Option<ProcessId>,
    /// What its disk lies on; empty in what an older test kit wrote, whose hosts are only ever removed.
    #[serde(default)]
    pub(crate) base: PathBuf,
    /// The wheels that it sees.
    #[serde(default)]
    pub(crate) wheelhouse: PathBuf,
}

impl HostRecord {
    /// The host's root file system as seen from outside.
    pub fn root(&self) -> PathBuf {
        self.directory.join("root")
    }

    fn path(name: &str) -> PathBuf {
        Path::new(HOSTS).join(format!("{name}.json"))
    }

    /// Writes the record; readers see the old or the new one, never half of one.
    pub(crate) fn save(&self) -> Result<(), HostError> {
        let path = Self::path(&self.name);
        let new = path.with_extension("new");
        let text = serde_json::to_string_pretty(self).map_err(|error| HostError::Other(error.to_string()))?;
        fs::write(&new, text).context("write", &new)?;
        fs::rename(&new, &path).context("write", &path)
    }

    /// Finds a host by name.
    pub(crate) fn find(name: &str) -> Result<Self, HostError> {
        list()?
            .into_iter()
            .find(|record| record.name == name)
            .ok_or_else(|| HostError::Other(format!("there is no host named {name}; `host list` shows them")))
    }

    fn is_abandoned(&self) -> bool {
        if self.detached {
            return self.supervisor.is_none_or(|process| !process.is_alive());
        }
        self.owner.is_none_or(|process| !process.is_alive())
    }

    /// Stops the host and removes everything it had. Errors are not fatal: the rest is still removed.
    pub(crate) fn dismantle(&self) {
        container::kill(self);
        if let Some(cache) = Cache::of_host(&self.directory) {
            packages::harvest(&cache, &self.distribution, &self.directory.join("upper"));
        }
        run("umount", ["--lazy".as_ref(), self.root().as_os_str()]).ok();
        network::disconnect(self.index);
        fs::remove_dir_all(&self.directory).ok();
        let Ok(_lock) = lock() else { return };
        fs::remove_file(Self::path(&self.name)).ok();
        if list().is_ok_and(|hosts| hosts.is_empty()) {
            network::remove();
        }
    }
}

/// Takes the registry's lock.
pub(crate) fn lock() -> Result<File, HostError> {
    fs::create_dir_all(HOSTS).context("create", Path::new(HOSTS))?;
    lock_file(Path::new(LOCK))
}

/// The hosts of this machine, also those of other processes.
pub fn list() -> Result<Vec<HostRecord>, HostError> {
    let folder = Path::new(HOSTS);
    fs::create_dir_all(folder).context("create", folder)?;
    let mut hosts: Vec<HostRecord> = fs::read_dir(folder)
        .context("list", folder)?
        .flatten()
        .filter(|entry| entry.path().extension().is_some_and(|extension| extension == "json"))
        .filter_map(|entry| fs::read_to_string(entry.path()).ok())
        .filter_map(|text| serde_json::from_str(&text).ok())
        .collect();
    hosts.sort_by_key(|record| record.index);
    Ok(hosts)
}

/// Reserves a name and an address. `fill` completes the record from the free number it is given.
pub(crate) fn reserve(fill: impl FnOnce(u16) -> HostRecord) -> Result<HostRecord, HostError> {
    let _lock = lock()?;
    let hosts = list()?;
    let index = (2..u16::MAX)
        .find(|index| network::is_usable(*index) && hosts.iter().all(|host| host.index != *index))
        .ok_or_else(|| HostError::Other("all addresses for test hosts are taken".to_owned()))?;
    let record = fill(index);
    if hosts.iter().any(|host| host.name == record.name) {
        return Err(HostError::Other(format!("a host named {} exists already", record.name)));
    }
    network::ensure()?;
    record.save()?;
    Ok(record)
}

/// Removes what processes left behind that ended without cleaning up, and returns the hosts' names.
pub fn collect_garbage() -> Result<Vec<String>, HostError> {
    let mut removed = Vec::new();
    for record in list()?.into_iter().filter(HostRecord::is_abandoned) {
        // Two collectors must not dismantle the same host: the address may be in use again by then.
        let _claim = lock_file(&record.directory.with_extension("claim"))?;
        let still_there = list()?.iter().any(|host| host.name == record.name && host.is_abandoned());
        if still_there {
            record.dismantle();
            removed.push(record.name.clone());
        }
        fs::remove_file(record.directory.with_extension("claim")).ok();
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_told_apart_from_a_later_one_with_its_id() {
        let own = ProcessId::own().unwrap();
        assert!(own.is_alive());
        assert!(!ProcessId { start: own.start + 1, ..own }.is_alive());
    }

    #[test]
    fn hosts_of_an_older_test_kit_are_still_seen() {
        let older = r#"{"name":"debian12-2","distribution":"debian12","address":"10.213.0.2","ssh_port":22,
            "directory":"/var/cache/slipway-tests/hosts/debian12-2","detached":false,"index":2,"owner":null,"supervisor":null}"#;
        assert_eq!(serde_json::from_str::<HostRecord>(older).unwrap().index, 2);
    }

    #[test]
    fn a_zombie_is_not_alive() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        let gone = super::super::command::poll(std::time::Duration::from_secs(5), || {
            ProcessId::of(pid).is_none().then_some(())
        });
        assert!(gone.is_some());
        child.wait().unwrap();
    }
}
