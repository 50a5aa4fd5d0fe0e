//! State of systemd units (systemctl(1), org.freedesktop.systemd1(5)).

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::reply::{Reply, excerpt, fact, number, plain, script};
use crate::command::{Command, Output};
use crate::fact::Fact;

/// One unit as systemd sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitState {
    /// The name that was asked for.
    pub name: String,
    /// `Id`: the primary name.
    pub id: String,
    /// `LoadState`: loaded, not-found, bad-setting, error, masked.
    pub load: String,
    /// `ActiveState`: active, reloading, inactive, failed, activating, deactivating.
    pub active: String,
    /// `SubState`, for example running, dead, listening.
    pub sub: String,
    /// `UnitFileState`: enabled, disabled, static, masked, …; empty when there is no file.
    pub file: String,
    /// `Result` of the last run, for example success, exit-code, oom-kill; `None` for kinds without one.
    pub result: Option<String>,
    /// `MainPID`; `None` when no process runs or the kind has none.
    pub main_pid: Option<u32>,
    /// `NRestarts`: automatic restarts since it was started by hand.
    pub restarts: Option<u32>,
    /// `ExecMainStatus`: exit status or signal of the main process.
    pub exit_status: Option<i32>,
    /// `NeedDaemonReload`: its file is newer than what systemd has loaded.
    pub needs_daemon_reload: bool,
    /// `ExecMainStartTimestamp` as systemd prints it, in the host's time zone; `None` when never started.
    pub started: Option<String>,
    /// `ExecMainStartTimestampMonotonic`: microseconds since boot; `None` when never started.
    pub started_monotonic: Option<u64>,
    /// `MemoryCurrent`, bytes; `None` when not accounted.
    pub memory: Option<u64>,
}

impl UnitState {
    /// Whether systemd found a unit of that name.
    pub fn exists(&self) -> bool {
        self.load != "not-found"
    }
}

/// Asks for the state of units; names that systemd would not accept are not asked for.
pub fn command(units: &[String]) -> Command {
    let names = units.iter().filter(|name| well_formed(name)).cloned();
    Command::script(script!("units.sh"), names).timeout(Duration::from_secs(20)).output_limit(4 << 20)
}

/// Whether `name` is a full unit name (systemd.unit(5)) and no pattern.
fn well_formed(name: &str) -> bool {
    let characters = name.bytes().all(|b| b.is_ascii_alphanumeric() || b":-_.\\@".contains(&b));
    (3..=255).contains(&name.len()) && characters && name.contains('.') && !name.starts_with(['-', '.'])
}

/// Reads the answer to [`command`]: one state per unit, in the order asked.
pub fn parse(output: &Output) -> Fact<Vec<UnitState>> {
    fact(read(output).map(Some))
}

fn read(output: &Output) -> Result<Vec<UnitState>, String> {
    let reply = Reply::read(output)?;
    let asked: Vec<&str> = reply.need("asked")?.good()?.lines().collect();
    let Some(part) = reply.find("units") else {
        return if asked.is_empty() { Ok(Vec::new()) } else { Err("the answer has no part units".into()) };
    };
    let blocks = properties(part.good()?)?;
    if blocks.len() != asked.len() {
        return Err(format!("systemctl answered for {} units instead of {}", blocks.len(), asked.len()));
    }
    asked.iter().zip(&blocks).map(|(name, block)| unit(name, block)).collect()
}

/// The blocks of `systemctl show`: `Name=value` lines, blocks apart by an empty line.
pub(super) fn properties(text: &str) -> Result<Vec<BTreeMap<&str, &str>>, String> {
    let block = |block| {
        let mut found = BTreeMap::new();
        for line in str::lines(block).filter(|line| !line.is_empty()) {
            let (key, value) = line.split_once('=').ok_or_else(|| format!("systemctl: {}", excerpt(line)))?;
            let value = plain(value, 4096).ok_or_else(|| format!("systemctl: {}", excerpt(line)))?;
            if found.insert(key, value).is_some() {
                return Err(format!("systemctl: {key} is there twice"));
            }
        }
        Ok(found)
    };
    text.split("\n\n").map(block).collect()
}

fn unit(name: &str, block: &BTreeMap<&str, &str>) -> Result<UnitState, String> {
    let text = |key: &str| block.get(key).copied().filter(|value| !value.is_empty());
    let need = |key: &str| text(key).map(str::to_owned).ok_or_else(|| format!("systemctl: {name} has no {key}"));
    let count = |key: &str| match text(key) {
        None | Some("[not set]") => Ok(None),
        Some(value) => number::<u64>(value).map(Some).ok_or_else(|| format!("systemctl: {key}={}", excerpt(value))),
    };
    let small = |key: &str| Ok::<_, String>(count(key)?.and_then(|value| u32::try_from(value).ok()));
    let status = small("ExecMainStatus")?.and_then(|value| i32::try_from(value).ok());
    Ok(UnitState {
        name: name.to_owned(),
        id: need("Id")?,
        load: need("LoadState")?,
        active: need("ActiveState")?,
        sub: need("SubState")?,
        file: text("UnitFileState").unwrap_or_default().to_owned(),
        result: text("Result").map(str::to_owned),
        main_pid: small("MainPID")?.filter(|&pid| pid != 0),
        restarts: small("NRestarts")?,
        exit_status: status,
        needs_daemon_reload: text("NeedDaemonReload") == Some("yes"),
        started: text("ExecMainStartTimestamp").filter(|when| *when != "n/a").map(str::to_owned),
        started_monotonic: count("ExecMainStartTimestampMonotonic")?.filter(|&when| when != 0),
        memory: count("MemoryCurrent")?.filter(|&bytes| bytes != u64::MAX),
    })
}
