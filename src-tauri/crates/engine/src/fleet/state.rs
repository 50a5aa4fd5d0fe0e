//! How a host stands, as a window shows it.

use jiff::Timestamp;
use serde::Serialize;

use crate::failure::Failure;
use crate::inventory::HostName;
use crate::need::Need;

/// One host.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HostState {
    /// Which.
    pub name: HostName,
    /// Whether it can be reached.
    pub reach: Reach,
    /// How busy it is; none while it cannot be reached, and for the first second.
    pub load: Option<Load>,
    /// Updates that wait; none when that is not known.
    pub updates: Option<Waiting>,
}

impl HostState {
    /// A host of which nothing is known.
    pub(super) fn unknown(name: HostName) -> Self {
        Self { name, reach: Reach::Unknown, load: None, updates: None }
    }
}

/// Whether a host can be reached.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Reach {
    /// Nobody has tried.
    Unknown,
    /// It is being tried for the first time, or because somebody asked for it.
    Connecting,
    /// It answers.
    Up {
        /// Since when.
        since: Timestamp,
    },
    /// It does not answer.
    Down {
        /// Since when.
        since: Timestamp,
        /// When it last answered, as far as this computer knows.
        last_seen: Option<Timestamp>,
        /// Why.
        failure: Failure,
        /// When it is tried next; not before somebody asks for it when absent.
        next_try: Option<Timestamp>,
    },
    /// A person has to say something first.
    Needs {
        /// What.
        need: Need,
        /// The same in words.
        failure: Failure,
    },
}

/// How busy a host is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Load {
    /// All processors together, since the sample before.
    pub cpu_percent: u8,
    /// Memory that programs could not use.
    pub memory_percent: u8,
    /// The fuller of the file systems of `/` and `/var`.
    pub disk_percent: u8,
    /// Load average over a minute.
    pub load1: f64,
    /// When it was sampled.
    pub at: Timestamp,
}

/// Updates that wait to be installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Waiting {
    /// Packages that an update would replace.
    pub pending: u32,
    /// Those of them that mend a security hole; none where the distribution does not say.
    pub security: Option<u32>,
    /// When the host last refreshed its lists, where it says.
    pub as_of: Option<Timestamp>,
    /// When it was asked.
    pub at: Timestamp,
}
