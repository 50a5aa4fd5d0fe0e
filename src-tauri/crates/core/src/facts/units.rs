//! State of systemd units (systemctl(1), org.freedesktop.systemd1(5)).

use serde::{Deserialize, Serialize};

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
