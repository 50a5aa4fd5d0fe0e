//! Sites that this desktop knows: where their files are and which hosts run them.

use jiff::Timestamp;
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};
use slipway_core::site::Name;

use super::{HostName, Inventory, InventoryError};

/// A site and where its file is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownSite {
    /// The site's name.
    pub name: Name,
    /// Absolute path of its site file.
    pub file: String,
    /// Hosts that run it, in the site file's order.
    pub hosts: Vec<HostName>,
    /// When it was first seen.
    pub added_at: Timestamp,
}

impl Inventory {
    /// Adds the site or replaces what is known of it; the time it was first seen stays.
    ///
    /// # Errors
    /// A failing database.
    pub fn put_site(&self, site: &KnownSite) -> Result<(), InventoryError> {
        self.database.write(|transaction| {
            put(transaction, site)?;
            Ok(Ok(()))
        })
    }

    /// Forgets the site here; nothing on its hosts changes, and its runs stay in the history.
    ///
    /// # Errors
    /// [`InventoryError::NoSuchSite`], or a failing database.
    pub fn remove_site(&self, name: &Name) -> Result<(), InventoryError> {
        let removed =
            self.database.read(|connection| connection.execute("DELETE FROM site WHERE name = ?1", [name.as_str()]))?;
        if removed == 0 { Err(InventoryError::NoSuchSite(name.clone())) } else { Ok(()) }
    }

    /// The site of that name.
    ///
    /// # Errors
    /// [`InventoryError::NoSuchSite`], or a failing database.
    pub fn site(&self, name: &Name) -> Result<KnownSite, InventoryError> {
        let mut found = self.select_sites(Some(name))?;
        found.pop().ok_or_else(|| InventoryError::NoSuchSite(name.clone()))
    }

    /// All sites by name.
    ///
    /// # Errors
    /// A failing database.
    pub fn sites(&self) -> Result<Vec<KnownSite>, InventoryError> {
        self.select_sites(None)
    }

    fn select_sites(&self, only: Option<&Name>) -> Result<Vec<KnownSite>, InventoryError> {
        type SiteRow = (String, String, i64, Option<String>);
        let rows: Vec<SiteRow> = self.database.read(|connection| {
            let mut statement = connection.prepare(
                "SELECT name, file, added_at, host FROM site LEFT JOIN site_host ON site = name
                 WHERE ?1 IS NULL OR name = ?1 ORDER BY name, position",
            )?;
            let rows = statement
                .query_map([only.map(Name::as_str)], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
            rows.collect()
        })?;
        let mut sites: Vec<KnownSite> = Vec::new();
        for (name, file, added_at, host) in rows {
            let unreadable = |detail: String| self.database.unreadable(format!("site {name}"), detail);
            let host: Option<HostName> = host
                .map(|host| host.parse())
                .transpose()
                .map_err(|error: super::BadHostName| unreadable(error.to_string()))?;
            match sites.last_mut().filter(|site| site.name.as_str() == name) {
                Some(site) => site.hosts.extend(host),
                None => sites.push(KnownSite {
                    name: name.parse().map_err(unreadable)?,
                    file,
                    hosts: host.into_iter().collect(),
                    added_at: self.database.time(added_at)?,
                }),
            }
        }
        Ok(sites)
    }
}

pub(super) fn put(connection: &Connection, site: &KnownSite) -> rusqlite::Result<()> {
    let name = site.name.as_str();
    connection.execute(
        "INSERT INTO site (name, file, added_at) VALUES (?1, ?2, ?3)
         ON CONFLICT (name) DO UPDATE SET file = excluded.file",
        params![name, site.file, site.added_at.as_millisecond()],
    )?;
    connection.execute("DELETE FROM site_host WHERE site = ?1", [name])?;
    let mut insert = connection.prepare("INSERT INTO site_host (site, position, host) VALUES (?1, ?2, ?3)")?;
    for (position, host) in (0_i64..).zip(&site.hosts) {
        insert.execute(params![name, position, host.as_str()])?;
    }
    Ok(())
}
