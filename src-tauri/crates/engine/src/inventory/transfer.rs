//! The inventory as a file to pass on: hosts and sites, without history, facts or anything secret.
//!
//! Accepted host keys are left out on purpose: whoever imports decides about trust anew.

use std::collections::{BTreeSet, HashSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::host::Stored;
use super::{Host, HostName, Inventory, InventoryError, KnownSite, Login, SudoMode, Tag};

/// Version of the exported form.
pub const EXPORT_FORMAT: u32 = 1;

/// An exported inventory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Export {
    /// Version of this form: [`EXPORT_FORMAT`].
    pub format: u32,
    /// When it was made.
    pub exported_at: Timestamp,
    /// Hosts by name.
    pub hosts: Vec<ExportedHost>,
    /// Sites by name.
    pub sites: Vec<KnownSite>,
}

/// What is passed on of a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the fields are those of `Host`")]
pub struct ExportedHost {
    pub name: HostName,
    pub address: String,
    #[serde(default = "ssh_port")]
    pub port: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity_file: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jump: Option<String>,
    #[serde(default, skip_serializing_if = "Login::is_usual")]
    pub login: Login,
    #[serde(default)]
    pub sudo: SudoMode,
    #[serde(default)]
    pub tags: BTreeSet<Tag>,
}

fn ssh_port() -> u16 {
    22
}

/// What an import does with names that are known already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnConflict {
    /// Keeps what is here.
    Keep,
    /// Takes what is imported; what was seen of a host stays as long as its address is the same.
    Replace,
}

/// What an import did, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportReport {
    /// Hosts and sites that are new.
    pub added: Vec<String>,
    /// Those that took the place of known ones.
    pub replaced: Vec<String>,
    /// Those left as they were.
    pub kept: Vec<String>,
}

impl Inventory {
    /// The hosts and sites, to be written as JSON.
    ///
    /// # Errors
    /// A failing database.
    pub fn export(&self, now: Timestamp) -> Result<Export, InventoryError> {
        let hosts = self.hosts()?.into_iter().map(|host| ExportedHost {
            name: host.name,
            address: host.address,
            port: host.port,
            user: host.user,
            identity_file: host.identity_file,
            jump: host.jump,
            login: host.login,
            sudo: host.sudo,
            tags: host.tags,
        });
        Ok(Export { format: EXPORT_FORMAT, exported_at: now, hosts: hosts.collect(), sites: self.sites()? })
    }

    /// Takes over an export: all of it or, on an error, nothing.
    ///
    /// # Errors
    /// [`InventoryError::ImportFormat`], or a failing database.
    pub fn import(
        &self,
        export: &Export,
        on_conflict: OnConflict,
        now: Timestamp,
    ) -> Result<ImportReport, InventoryError> {
        if export.format != EXPORT_FORMAT {
            return Err(InventoryError::ImportFormat { found: export.format, known: EXPORT_FORMAT });
        }
        let known_hosts = self.hosts()?;
        let known_sites: HashSet<_> = self.sites()?.into_iter().map(|site| site.name).collect();
        let mut report = ImportReport::default();
        let mut hosts = Vec::new();
        for imported in &export.hosts {
            let known = known_hosts.iter().find(|host| host.name == imported.name);
            if report.takes(imported.name.as_str(), known.is_some(), on_conflict) {
                hosts.push(Stored::of(&merge(imported, known, now))?);
            }
        }
        let mut sites = Vec::new();
        for site in &export.sites {
            if report.takes(site.name.as_str(), known_sites.contains(&site.name), on_conflict) {
                sites.push(site);
            }
        }
        self.database.write(|transaction| {
            for host in &hosts {
                host.insert(transaction, "INSERT OR REPLACE")?;
            }
            for site in &sites {
                super::site::put(transaction, site)?;
            }
            Ok(Ok::<_, InventoryError>(()))
        })?;
        Ok(report)
    }
}

impl ImportReport {
    /// Notes what happens to `name`; whether it is to be written.
    fn takes(&mut self, name: &str, is_known: bool, on_conflict: OnConflict) -> bool {
        let (list, taken) = match (is_known, on_conflict) {
            (false, _) => (&mut self.added, true),
            (true, OnConflict::Replace) => (&mut self.replaced, true),
            (true, OnConflict::Keep) => (&mut self.kept, false),
        };
        list.push(name.to_owned());
        taken
    }
}

fn merge(imported: &ExportedHost, known: Option<&Host>, now: Timestamp) -> Host {
    let mut host = Host::new(imported.name.clone(), imported.address.clone(), now);
    host.port = imported.port;
    host.user.clone_from(&imported.user);
    host.identity_file.clone_from(&imported.identity_file);
    host.jump.clone_from(&imported.jump);
    host.login.clone_from(&imported.login);
    host.sudo = imported.sudo;
    host.tags.clone_from(&imported.tags);
    if let Some(known) = known {
        host.created_at = known.created_at;
        let same_machine = known.address == host.address && known.port == host.port && known.jump == host.jump;
        if same_machine {
            host.last_seen = known.last_seen;
            host.facts.clone_from(&known.facts);
            host.host_key.clone_from(&known.host_key);
        }
    }
    host
}
