//! Hosts of the inventory.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Row, params};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use slipway_core::site::Name;

use super::database::Database;
use super::{HostName, Inventory, InventoryError, Tag};

/// A machine reached over SSH, as the operator described it and as it was last seen.
#[derive(Debug, Clone, PartialEq)]
pub struct Host {
    /// What it is called here.
    pub name: HostName,
    /// DNS name, address, or alias of `~/.ssh/config`.
    pub address: String,
    /// Port of its SSH server.
    pub port: u16,
    /// Login; the SSH configuration's or the local user's when absent.
    pub user: Option<String>,
    /// With what one logs in, when it is not a private key file.
    pub login: Login,
    /// Private key file.
    pub identity_file: Option<String>,
    /// Jump host, as ssh's `-J` takes it.
    pub jump: Option<String>,
    /// How commands become root's.
    pub sudo: SudoMode,
    /// Labels to select it by.
    pub tags: BTreeSet<Tag>,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it last answered.
    pub last_seen: Option<Timestamp>,
    /// Facts observed then, as JSON.
    pub facts: Option<Value>,
    /// Fingerprint (`SHA256:…`) of the host key that the operator accepted; for show. What counts is `known_hosts`.
    pub host_key: Option<String>,
}

/// With what one logs in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Login {
    /// The host's private key file, or whatever `ssh` would try.
    #[default]
    Usual,
    /// A key that the agent holds.
    Agent {
        /// `SHA256:…` of the only one to offer; any when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fingerprint: Option<String>,
    },
    /// The login's password, and no key.
    Password,
}

impl Login {
    /// Whether it is the usual way.
    pub fn is_usual(&self) -> bool {
        *self == Self::Usual
    }
}

/// How commands become root's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SudoMode {
    /// Whatever works: root login, else sudo, asking for a password only when sudo wants one.
    #[default]
    Auto,
    /// The login is root.
    Root,
    /// sudo asks for nothing.
    Passwordless,
    /// sudo asks for the login's password.
    Password,
}

impl Host {
    /// A host with port 22 and nothing else known about it.
    pub fn new(name: HostName, address: impl Into<String>, now: Timestamp) -> Self {
        Self {
            name,
            address: address.into(),
            port: 22,
            user: None,
            login: Login::default(),
            identity_file: None,
            jump: None,
            sudo: SudoMode::default(),
            tags: BTreeSet::new(),
            created_at: now,
            last_seen: None,
            facts: None,
            host_key: None,
        }
    }
}

/// Stops values that could not be meant: empty, with spaces or control characters (a pasted line), or like an option.
fn check(host: &Host) -> Result<(), InventoryError> {
    let fields = [("address", Some(&host.address)), ("user", host.user.as_ref()), ("jump host", host.jump.as_ref())];
    let wrong = |text: &str| match text {
        "" => Some("it is empty"),
        _ if text.starts_with('-') => Some("it starts with a hyphen"),
        _ if text.contains(|c: char| c.is_whitespace() || c.is_control()) => {
            Some("it holds a space or control character")
        }
        _ => None,
    };
    let bad = |field, detail| Err(InventoryError::BadHost { host: host.name.clone(), field, detail });
    for (field, text) in fields {
        if let Some(detail) = text.and_then(|text| wrong(text)) {
            return bad(field, detail);
        }
    }
    if host.port == 0 { bad("port", "it is 0") } else { Ok(()) }
}

const COLUMNS: &str =
    "name, address, port, user, identity_file, jump, sudo, tags, created_at, last_seen, facts, host_key, login";

impl Inventory {
    /// Adds a host.
    ///
    /// # Errors
    /// [`InventoryError::HostExists`], [`InventoryError::BadHost`], or a failing database.
    pub fn add_host(&self, host: &Host) -> Result<(), InventoryError> {
        let row = Stored::of(host)?;
        self.database.write(|transaction| {
            if row.insert(transaction, "INSERT OR IGNORE")? == 0 {
                return Ok(Err(InventoryError::HostExists(host.name.clone())));
            }
            Ok(Ok(()))
        })
    }

    /// Replaces everything about the host of that name.
    ///
    /// # Errors
    /// [`InventoryError::NoSuchHost`], [`InventoryError::BadHost`], or a failing database.
    pub fn update_host(&self, host: &Host) -> Result<(), InventoryError> {
        let row = Stored::of(host)?;
        self.database.write(|transaction| {
            let known = transaction.execute("DELETE FROM host WHERE name = ?1", [host.name.as_str()])?;
            if known == 0 {
                return Ok(Err(InventoryError::NoSuchHost(host.name.clone())));
            }
            row.insert(transaction, "INSERT")?;
            Ok(Ok(()))
        })
    }

    /// Gives a host another name, here and in the sites that list it. Site files are the operator's to change.
    ///
    /// # Errors
    /// [`InventoryError::NoSuchHost`], [`InventoryError::HostExists`], or a failing database.
    pub fn rename_host(&self, from: &HostName, to: &HostName) -> Result<(), InventoryError> {
        self.database.write(|transaction| {
            let both = params![from.as_str(), to.as_str()];
            if transaction.execute("UPDATE OR IGNORE host SET name = ?2 WHERE name = ?1", both)? == 0 {
                let known =
                    transaction.query_row("SELECT count(*) FROM host WHERE name = ?1", [from.as_str()], |row| {
                        row.get::<_, i64>(0)
                    })?;
                return Ok(Err(match known {
                    0 => InventoryError::NoSuchHost(from.clone()),
                    _ => InventoryError::HostExists(to.clone()),
                }));
            }
            transaction.execute("UPDATE site_host SET host = ?2 WHERE host = ?1", both)?;
            Ok(Ok(()))
        })
    }

    /// Forgets a host that no known site runs on. Its runs stay in the history.
    ///
    /// # Errors
    /// [`InventoryError::NoSuchHost`], [`InventoryError::HostInUse`], or a failing database.
    pub fn remove_host(&self, name: &HostName) -> Result<(), InventoryError> {
        self.database.write(|transaction| {
            let mut users = transaction.prepare("SELECT DISTINCT site FROM site_host WHERE host = ?1 ORDER BY site")?;
            let sites = users.query_map([name.as_str()], |row| row.get::<_, String>(0))?;
            let sites: Vec<Name> = sites.filter_map(|site| site.ok()?.parse().ok()).collect();
            if !sites.is_empty() {
                return Ok(Err(InventoryError::HostInUse { host: name.clone(), sites }));
            }
            match transaction.execute("DELETE FROM host WHERE name = ?1", [name.as_str()])? {
                0 => Ok(Err(InventoryError::NoSuchHost(name.clone()))),
                _ => Ok(Ok(())),
            }
        })
    }

    /// The host of that name.
    ///
    /// # Errors
    /// [`InventoryError::NoSuchHost`], or a failing database.
    pub fn host(&self, name: &HostName) -> Result<Host, InventoryError> {
        let sql = format!("SELECT {COLUMNS} FROM host WHERE name = ?1");
        let found =
            self.database.read(|connection| connection.query_row(&sql, [name.as_str()], Stored::read).optional())?;
        found.ok_or_else(|| InventoryError::NoSuchHost(name.clone()))?.host(&self.database)
    }

    /// All hosts by name.
    ///
    /// # Errors
    /// A failing database.
    pub fn hosts(&self) -> Result<Vec<Host>, InventoryError> {
        let rows = self.database.read(|connection| {
            let mut statement = connection.prepare(&format!("SELECT {COLUMNS} FROM host ORDER BY name"))?;
            statement.query_map([], Stored::read)?.collect::<rusqlite::Result<Vec<_>>>()
        })?;
        rows.into_iter().map(|row| row.host(&self.database)).collect()
    }

    /// Notes that the host answered, and what was seen.
    ///
    /// # Errors
    /// [`InventoryError::NoSuchHost`], or a failing database.
    pub fn saw_host(&self, name: &HostName, facts: &impl Serialize, at: Timestamp) -> Result<(), InventoryError> {
        let facts = Database::json("facts", facts)?;
        self.change_host(name, "last_seen = ?2, facts = ?3", &[&at.as_millisecond(), &facts])
    }

    /// Notes that the host answered.
    ///
    /// # Errors
    /// [`InventoryError::NoSuchHost`], or a failing database.
    pub fn host_answered(&self, name: &HostName, at: Timestamp) -> Result<(), InventoryError> {
        self.change_host(name, "last_seen = ?2", &[&at.as_millisecond()])
    }

    /// Notes which host key the operator accepted.
    ///
    /// # Errors
    /// [`InventoryError::NoSuchHost`], or a failing database.
    pub fn accept_host_key(&self, name: &HostName, fingerprint: &str) -> Result<(), InventoryError> {
        self.change_host(name, "host_key = ?2", &[&fingerprint])
    }

    fn change_host(
        &self,
        name: &HostName,
        assignments: &str,
        values: &[&dyn rusqlite::ToSql],
    ) -> Result<(), InventoryError> {
        let key = name.as_str();
        let mut all: Vec<&dyn rusqlite::ToSql> = vec![&key];
        all.extend(values);
        let sql = format!("UPDATE host SET {assignments} WHERE name = ?1");
        match self.database.read(|connection| connection.execute(&sql, all.as_slice()))? {
            0 => Err(InventoryError::NoSuchHost(name.clone())),
            _ => Ok(()),
        }
    }
}

/// A row of the table.
pub(super) struct Stored {
    name: String,
    address: String,
    port: u16,
    user: Option<String>,
    identity_file: Option<String>,
    jump: Option<String>,
    sudo: String,
    tags: String,
    created_at: i64,
    last_seen: Option<i64>,
    facts: Option<String>,
    host_key: Option<String>,
    login: Option<String>,
}

impl Stored {
    pub(super) fn of(host: &Host) -> Result<Self, InventoryError> {
        check(host)?;
        Ok(Self {
            name: host.name.as_str().to_owned(),
            address: host.address.clone(),
            port: host.port,
            user: host.user.clone(),
            identity_file: host.identity_file.clone(),
            jump: host.jump.clone(),
            sudo: Database::json("sudo mode", &host.sudo)?,
            tags: Database::json("tags", &host.tags)?,
            created_at: host.created_at.as_millisecond(),
            last_seen: host.last_seen.map(Timestamp::as_millisecond),
            facts: host.facts.as_ref().map(|facts| Database::json("facts", facts)).transpose()?,
            host_key: host.host_key.clone(),
            login: Some(&host.login)
                .filter(|login| !login.is_usual())
                .map(|login| Database::json("login", login))
                .transpose()?,
        })
    }

    /// Executes `verb` (`INSERT`, perhaps with a conflict clause); the count of rows written.
    pub(super) fn insert(&self, connection: &rusqlite::Connection, verb: &str) -> rusqlite::Result<usize> {
        let sql =
            format!("{verb} INTO host ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)");
        let row = params![
            self.name,
            self.address,
            self.port,
            self.user,
            self.identity_file,
            self.jump,
            self.sudo,
            self.tags,
            self.created_at,
            self.last_seen,
            self.facts,
            self.host_key,
            self.login
        ];
        connection.execute(&sql, row)
    }

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            name: row.get(0)?,
            address: row.get(1)?,
            port: row.get(2)?,
            user: row.get(3)?,
            identity_file: row.get(4)?,
            jump: row.get(5)?,
            sudo: row.get(6)?,
            tags: row.get(7)?,
            created_at: row.get(8)?,
            last_seen: row.get(9)?,
            facts: row.get(10)?,
            host_key: row.get(11)?,
            login: row.get(12)?,
        })
    }

    fn host(self, database: &Database) -> Result<Host, InventoryError> {
        let of = |column: &str| format!("the {column} of host {}", self.name);
        let bad = |column: &'static str| move |error: serde_json::Error| (column, error.to_string());
        let parse = || -> Result<_, (&'static str, String)> {
            Ok((
                serde_json::from_str(&self.sudo).map_err(bad("sudo mode"))?,
                serde_json::from_str(&self.tags).map_err(bad("tags"))?,
                self.facts.as_deref().map(serde_json::from_str).transpose().map_err(bad("facts"))?,
                self.name.parse().map_err(|error: super::BadHostName| ("name", error.to_string()))?,
                self.login.as_deref().map(serde_json::from_str).transpose().map_err(bad("login"))?.unwrap_or_default(),
            ))
        };
        let (sudo, tags, facts, name, login) =
            parse().map_err(|(column, detail)| database.unreadable(of(column), detail))?;
        Ok(Host {
            name,
            address: self.address,
            port: self.port,
            user: self.user,
            login,
            identity_file: self.identity_file,
            jump: self.jump,
            sudo,
            tags,
            created_at: database.time(self.created_at)?,
            last_seen: self.last_seen.map(|at| database.time(at)).transpose()?,
            facts,
            host_key: self.host_key,
        })
    }
}
