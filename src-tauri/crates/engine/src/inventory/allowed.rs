//! What the person at this computer has allowed: who receives a site's secrets, and which paths outside its folder a site
//! file reads. It is kept apart from the sites: secrets outlive a site that is forgotten, and an import allows nothing.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};
use slipway_core::site::Name;

use super::{Inventory, InventoryError};

/// Who receives the secrets of a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// Canonical path of the site file.
    pub file: String,
    /// What the site file names as its source; none where an earlier version remembered only the file.
    pub source: Option<String>,
}

impl Inventory {
    /// Who receives the secrets of `site`; where nobody does yet, `first` does from now on.
    ///
    /// # Errors
    /// A failing database.
    pub fn first_recipient(&self, site: &Name, first: &Recipient, now: Timestamp) -> Result<Recipient, InventoryError> {
        self.database.write(|transaction| {
            let known = recipient(transaction, site)?;
            if known.is_none() {
                put(transaction, site, first, now)?;
            }
            Ok(Ok(known.unwrap_or_else(|| first.clone())))
        })
    }

    /// Who receives the secrets of `site`, if it was ever said.
    ///
    /// # Errors
    /// A failing database.
    pub fn recipient(&self, site: &Name) -> Result<Option<Recipient>, InventoryError> {
        self.database.read(|connection| recipient(connection, site))
    }

    /// Lets `recipient`, and nobody else, receive the secrets of `site`.
    ///
    /// # Errors
    /// A failing database.
    pub fn set_recipient(&self, site: &Name, recipient: &Recipient, now: Timestamp) -> Result<(), InventoryError> {
        self.database.read(|connection| put(connection, site, recipient, now))
    }

    /// Paths outside its folder that the site file `file` may read.
    ///
    /// # Errors
    /// A failing database.
    pub fn outside_paths(&self, file: &str) -> Result<Vec<String>, InventoryError> {
        self.database.read(|connection| {
            let mut statement = connection.prepare("SELECT path FROM outside_path WHERE file = ?1 ORDER BY path")?;
            let paths = statement.query_map([file], |row| row.get(0))?;
            paths.collect()
        })
    }

    /// Lets the site file `file` read `path`; both canonical.
    ///
    /// # Errors
    /// A failing database.
    pub fn allow_path(&self, file: &str, path: &str, now: Timestamp) -> Result<(), InventoryError> {
        self.database.read(|connection| {
            connection
                .execute(
                    "INSERT INTO outside_path (file, path, allowed_at) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
                    params![file, path, now.as_millisecond()],
                )
                .map(drop)
        })
    }
}

fn recipient(connection: &Connection, site: &Name) -> rusqlite::Result<Option<Recipient>> {
    let row = |row: &rusqlite::Row<'_>| Ok(Recipient { file: row.get(0)?, source: row.get(1)? });
    connection.query_row("SELECT file, source FROM recipient WHERE site = ?1", [site.as_str()], row).optional()
}

fn put(connection: &Connection, site: &Name, recipient: &Recipient, now: Timestamp) -> rusqlite::Result<()> {
    connection
        .execute(
            "INSERT INTO recipient (site, file, source, since) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (site) DO UPDATE SET file = excluded.file, source = excluded.source, since = excluded.since",
            params![site.as_str(), recipient.file, recipient.source, now.as_millisecond()],
        )
        .map(drop)
}
