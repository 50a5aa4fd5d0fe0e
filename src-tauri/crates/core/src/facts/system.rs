//! The machine itself: distribution, kernel, processors, memory, boot, time.

use serde::{Deserialize, Serialize};

use super::Version;

/// What `os-release` says (os-release(5)).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OsRelease {
    /// `ID`: lower-case word, for example `debian`, `almalinux`.
    pub id: String,
    /// `ID_LIKE`: related distributions, nearest first.
    pub id_like: Vec<String>,
    /// `VERSION_ID`, for example `12` or `9.4`; rolling releases have none.
    pub version_id: Option<Version>,
    /// `PRETTY_NAME`, for people.
    pub pretty_name: String,
    /// Which family's tools and paths it has, from `ID` and `ID_LIKE`.
    pub family: Family,
}

/// A family of distributions that share package manager and conventions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// Debian, Ubuntu and what is made from them.
    Debian,
    /// Red Hat Enterprise Linux and what is made from it.
    Rhel,
    /// Anything else.
    Other,
}

/// The running kernel (uname(1)).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kernel {
    /// `uname -r`.
    pub release: String,
    /// `uname -m`, for example `x86_64` or `aarch64`.
    pub architecture: String,
}

/// systemd as the running service manager.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Systemd {
    /// Major version, for example 252.
    pub version: u32,
    /// Whether it is process 1 (sd_booted(3)); a container may have the tools only.
    pub booted: bool,
}

/// This boot of the machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Boot {
    /// `/proc/sys/kernel/random/boot_id`: another one means that the machine was restarted.
    pub id: String,
    /// Whether an update waits for a restart (`/run/reboot-required`, or a newer kernel is installed than runs).
    pub reboot_required: bool,
}

/// Memory in bytes (proc_meminfo(5)).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// All of it.
    pub total: u64,
    /// What programs could still use.
    pub available: u64,
    /// Swap space.
    pub swap_total: u64,
    /// Unused swap space.
    pub swap_free: u64,
}

/// Processors and their load (proc_loadavg(5)).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cpu {
    /// Processors online.
    pub count: u32,
    /// Load averages over 1, 5 and 15 minutes, in hundredths: 150 is a load of 1.5.
    pub load_hundredths: [u32; 3],
}

/// The host's clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// Seconds since 1970-01-01 UTC when it was asked.
    pub epoch_seconds: u64,
    /// Whether it is kept right by NTP; `None` when systemd-timedated could not say.
    pub synchronized: Option<bool>,
    /// Time zone, for example `Europe/Berlin`, when known.
    pub timezone: Option<String>,
}
