//! What can go wrong with the inventory, and what to do about it.

use std::path::PathBuf;

use slipway_core::site::Name;

use super::{HostName, RunId};
use crate::failure::{Code, Failure};

/// Why the inventory or the history could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum InventoryError {
    /// The file is damaged.
    #[error("the inventory {} is damaged: {detail}", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite found.
        detail: String,
    },
    /// The file belongs to a newer Slipway.
    #[error("the inventory {} was written by a newer Slipway (format {found}; this one knows up to {known})", .path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// The newest format known here.
        known: i64,
    },
    /// The file is a database of another program.
    #[error("{} is not an inventory of Slipway", .path.display())]
    NotOurs {
        /// The file.
        path: PathBuf,
    },
    /// Another process kept it locked.
    #[error("the inventory {} is in use by another process", .path.display())]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// The disk is full.
    #[error("there is no space left for the inventory {}", .path.display())]
    Full {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be opened or written.
    #[error("the inventory {} cannot be {what}: {detail}", .path.display())]
    Access {
        /// The file.
        path: PathBuf,
        /// "opened" or "written".
        what: &'static str,
        /// Why.
        detail: String,
    },
    /// A host of that name is there already.
    #[error("there already is a host named {0}")]
    HostExists(HostName),
    /// A field of a host cannot be right.
    #[error("the {field} of host {host} cannot be used: {detail}")]
    BadHost {
        /// The host.
        host: HostName,
        /// Which field.
        field: &'static str,
        /// Why.
        detail: &'static str,
    },
    /// No such host.
    #[error("there is no host named {0}")]
    NoSuchHost(HostName),
    /// The host is still used by sites.
    #[error("host {host} still runs {}", names(.sites))]
    HostInUse {
        /// The host.
        host: HostName,
        /// The sites.
        sites: Vec<Name>,
    },
    /// No such site.
    #[error("there is no site named {0} in the inventory")]
    NoSuchSite(Name),
    /// No such run.
    #[error("there is no run {0}")]
    NoSuchRun(RunId),
    /// The run has ended; nothing can be added.
    #[error("run {0} has already finished")]
    RunFinished(RunId),
    /// A value cannot be written or read back.
    #[error("{what} in the inventory {} cannot be read: {detail}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Which value.
        what: String,
        /// Why.
        detail: String,
    },
    /// A value given by the caller cannot be stored.
    #[error("{what} cannot be stored: {detail}")]
    Unstorable {
        /// Which value.
        what: &'static str,
        /// Why.
        detail: String,
    },
    /// The import is of a format not known here.
    #[error("the import has format {found}; this Slipway knows {known}")]
    ImportFormat {
        /// Its format.
        found: u32,
        /// Ours.
        known: u32,
    },
    /// Anything else that SQLite reports.
    #[error("the inventory {} failed: {detail}", .path.display())]
    Failed {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        detail: String,
    },
}

fn names(sites: &[Name]) -> String {
    sites.iter().map(Name::as_str).collect::<Vec<_>>().join(", ")
}

impl InventoryError {
    /// A stable word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Damaged { .. } => "inventory-damaged",
            Self::Newer { .. } => "inventory-newer",
            Self::NotOurs { .. } => "inventory-not-ours",
            Self::Busy { .. } => "inventory-busy",
            Self::Full { .. } => "inventory-full",
            Self::Access { .. } => "inventory-access",
            Self::HostExists(_) => "host-exists",
            Self::BadHost { .. } => "host-bad",
            Self::NoSuchHost(_) => "host-unknown",
            Self::HostInUse { .. } => "host-in-use",
            Self::NoSuchSite(_) => "site-unknown",
            Self::NoSuchRun(_) => "run-unknown",
            Self::RunFinished(_) => "run-finished",
            Self::Unreadable { .. } => "inventory-unreadable",
            Self::Unstorable { .. } => "inventory-unstorable",
            Self::ImportFormat { .. } => "import-format",
            Self::Failed { .. } => "inventory-failed",
        }
    }

    /// What the operator can do about it.
    pub fn advice(&self) -> String {
        match self {
            Self::Damaged { path, .. } => {
                let path = path.display();
                format!(
                    "nothing was changed or deleted, and no host is affected. Try `sqlite3 {path} .recover`; or move \
                     {path} and its -wal and -shm files away and add the hosts again (or `slipway host import` an \
                     export): sites are read back from the hosts, only the run history is lost"
                )
            }
            Self::Newer { .. } => "install the newer Slipway, or set SLIPWAY_HOME to another folder".into(),
            Self::NotOurs { .. } => "move that file away, or set SLIPWAY_HOME to another folder".into(),
            Self::Busy { .. } => "wait for the other Slipway to finish, then try again".into(),
            Self::Full { .. } => "free some space, then try again; nothing was changed".into(),
            Self::Access { .. } => "check the owner and mode of the file and its folder".into(),
            Self::HostExists(_) => "choose another name, or change that host with `slipway host edit`".into(),
            Self::BadHost { .. } => "correct it; nothing was changed".into(),
            Self::NoSuchHost(_) => "see `slipway host list`, or add it with `slipway host add`".into(),
            Self::HostInUse { .. } => "remove those sites first, or take the host out of their site files".into(),
            Self::NoSuchSite(_) => "check the spelling, or name its site file".into(),
            Self::NoSuchRun(_) => "see `slipway history`".into(),
            Self::RunFinished(_) => "this is a mistake in Slipway; please report it".into(),
            Self::Unreadable { .. } => "it was perhaps written by another version of Slipway; use that one".into(),
            Self::Unstorable { .. } => "this is a mistake in Slipway; please report it".into(),
            Self::ImportFormat { .. } => "export again with the same version of Slipway".into(),
            Self::Failed { .. } => "check the disk and the file; the change was not made".into(),
        }
    }
}

impl From<InventoryError> for Failure {
    fn from(error: InventoryError) -> Self {
        let code = match &error {
            InventoryError::HostExists(_)
            | InventoryError::BadHost { .. }
            | InventoryError::NoSuchHost(_)
            | InventoryError::HostInUse { .. }
            | InventoryError::NoSuchSite(_)
            | InventoryError::NoSuchRun(_)
            | InventoryError::ImportFormat { .. } => Code::Usage,
            InventoryError::Damaged { .. }
            | InventoryError::Newer { .. }
            | InventoryError::NotOurs { .. }
            | InventoryError::Busy { .. }
            | InventoryError::Full { .. }
            | InventoryError::Access { .. }
            | InventoryError::RunFinished(_)
            | InventoryError::Unreadable { .. }
            | InventoryError::Unstorable { .. }
            | InventoryError::Failed { .. } => Code::Local,
        };
        Self::new(code, error.to_string()).hint(error.advice())
    }
}
