//! What this desktop knows: hosts, sites and where their files are. The history of runs is in the same database.
//!
//! The host itself is the source of truth; losing this database loses addresses, tags and history, no deployment.
//! No secret can get in: what is stored is either plain text fields or serialised, and `Secret` does not serialise.
//!
//! Calls block on the disk for short times (and up to [`database::PATIENCE`] while another process writes): from
//! asynchronous code use `tokio::task::spawn_blocking`. Handles are cheap clones of one connection.

mod allowed;
pub(crate) mod database;
mod error;
mod host;
mod run_id;
mod schema;
mod site;
mod transfer;
mod word;

use crate::home::Home;

pub use allowed::Recipient;
pub use database::PATIENCE;
pub use error::InventoryError;
pub use host::{Host, Login, SudoMode};
pub use run_id::RunId;
pub use site::KnownSite;
pub use transfer::{EXPORT_FORMAT, Export, ExportedHost, ImportReport, OnConflict};
pub use word::{BadHostName, BadTag, HostName, Tag};

/// The inventory of hosts and sites.
#[derive(Debug, Clone)]
pub struct Inventory {
    pub(crate) database: database::Database,
}

impl Inventory {
    /// Opens the inventory in `home`, creating it (mode 0600) or bringing an older one up to date.
    ///
    /// # Errors
    /// When the file is damaged, written by a newer Slipway, not an inventory, or busy for too long. It is never
    /// deleted or replaced.
    pub fn open(home: &Home) -> Result<Self, InventoryError> {
        Ok(Self { database: database::Database::open(home)? })
    }

    /// Reads the whole file and checks every page and index, which takes a while with a long history.
    ///
    /// # Errors
    /// [`InventoryError::Damaged`] with what SQLite found.
    pub fn check(&self) -> Result<(), InventoryError> {
        self.database.check("integrity_check")
    }

    /// Writes a consistent copy to `target`, which must not exist.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub fn back_up(&self, target: &std::path::Path) -> Result<(), InventoryError> {
        self.database.back_up(target)
    }
}

#[cfg(test)]
mod tests;
