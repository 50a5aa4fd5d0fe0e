//! The operator's desk: local state, secrets, hosts and their connections. Both faces of Slipway, the window and
//! the command line, begin here.

pub mod aliases;
pub mod allowances;
pub mod dial;
pub mod files;
pub mod hosts;
pub mod runs;
pub mod saved;
pub mod secrets;

use std::sync::Arc;

use slipway_core::site::{Name, Site};

use crate::clock::Clock;
use crate::failure::{Code, Failure, Outcome};
use crate::history::History;
use crate::home::Home;
use crate::inventory::{HostName, Inventory, KnownSite};
use crate::secrets::SecretStore;
use crate::site::Request;
use crate::site_file::SiteFile;
use crate::supplies::Supplies;
use crate::surroundings::Surroundings;

/// The desk.
pub struct Desk {
    /// Local folder.
    pub home: Home,
    /// Hosts and sites.
    pub inventory: Inventory,
    /// Runs.
    pub history: History,
    /// Secrets.
    pub secrets: Arc<dyn SecretStore>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What the process was started with.
    pub surroundings: Surroundings,
}

impl Desk {
    /// Opens the desk; `secrets` decides where secrets come from.
    ///
    /// # Errors
    /// When the local folder or the database cannot be used.
    pub fn open(surroundings: Surroundings, secrets: Arc<dyn SecretStore>, clock: Arc<dyn Clock>) -> Outcome<Self> {
        let directory = Home::locate(|name| surroundings.variable(name))?;
        let (home, _) = Home::open(directory)?;
        let inventory = Inventory::open(&home)?;
        let history = History::of(&inventory);
        Ok(Self { home, inventory, history, secrets, clock, surroundings })
    }

    /// The host that a command means: the one named, or the only one of the site, or the only one there is.
    ///
    /// # Errors
    /// When that is not one host, saying which there are.
    pub fn choose_host(&self, named: Option<&HostName>, site: Option<&Site>) -> Outcome<HostName> {
        if let Some(name) = named {
            return self.inventory.host(name).map(|host| host.name).map_err(Failure::from);
        }
        let known: Vec<HostName> = self.inventory.hosts()?.into_iter().map(|host| host.name).collect();
        let listed: Vec<&str> = site.map(|site| site.hosts.iter().map(String::as_str).collect()).unwrap_or_default();
        let candidates: Vec<HostName> = if listed.is_empty() {
            known.clone()
        } else {
            known.iter().filter(|name| listed.contains(&name.as_str())).cloned().collect()
        };
        match candidates.as_slice() {
            [only] => Ok(only.clone()),
            [] if !listed.is_empty() => Err(Failure::new(
                Code::Usage,
                format!("the site runs on {}, which is not in the inventory", listed.join(", ")),
            )
            .hint("add it with slipway host add")),
            [] => Err(Failure::new(Code::Usage, "there is no host yet")
                .hint("add one with slipway host add NAME USER@ADDRESS")),
            many => {
                let names: Vec<&str> = many.iter().map(HostName::as_str).collect();
                Err(Failure::new(Code::Usage, format!("which host? There are {}", names.join(", ")))
                    .hint("name one with --host, or list one under hosts in the site file"))
            }
        }
    }

    /// What rendering the site of `file` takes from this computer. Secrets that have a generator and no value yet are made.
    ///
    /// # Errors
    /// When the secrets were made for another site file or source, are missing or the keyring cannot be used, or a template
    /// override cannot be read.
    pub async fn supplies(&self, file: &SiteFile) -> Outcome<Supplies> {
        let (inventory, secrets, home) = (self.inventory.clone(), self.secrets.clone(), self.home.clone());
        let (file, now) = (file.clone(), self.clock.now());
        // The keyring may ask a person to unlock it.
        let gathered = tokio::task::spawn_blocking(move || {
            allowances::admit(&inventory, secrets.as_ref(), &file, None, now)?;
            Supplies::gather(&file.site, secrets.as_ref(), &home, now)
        });
        gathered.await.map_err(|error| Failure::new(Code::Local, format!("the secrets could not be read: {error}")))?
    }

    /// What planning `request` takes from this computer. What goes away needs no secrets, which may be lost by then.
    ///
    /// # Errors
    /// Those of [`Desk::supplies`].
    pub(crate) async fn supplies_for(&self, request: &Request, file: &SiteFile) -> Outcome<Supplies> {
        match request {
            Request::Uninstall { .. } => Ok(Supplies::none()),
            Request::Apply | Request::Deploy { .. } | Request::Rollback { .. } => self.supplies(file).await,
        }
    }

    /// Remembers that a site lives in this file on this host.
    ///
    /// # Errors
    /// When the database fails.
    pub fn remember_site(&self, file: &SiteFile, host: &HostName) -> Outcome<()> {
        let known = self.inventory.sites()?;
        let mut hosts =
            known.into_iter().find(|site| site.name == file.site.name).map(|site| site.hosts).unwrap_or_default();
        if !hosts.contains(host) {
            hosts.push(host.clone());
        }
        let site = KnownSite {
            name: file.site.name.clone(),
            file: file.path.display().to_string(),
            hosts,
            added_at: self.clock.now(),
        };
        self.inventory.put_site(&site).map_err(Failure::from)
    }

    /// Forgets that a site lives on this host; without any host left, the site. Its file, its secrets and its history stay.
    ///
    /// # Errors
    /// When the database fails.
    pub fn forget_site(&self, name: &Name, host: &HostName) -> Outcome<()> {
        let known = self.inventory.sites()?;
        let Some(mut site) = known.into_iter().find(|site| &site.name == name) else { return Ok(()) };
        site.hosts.retain(|other| other != host);
        if site.hosts.is_empty() { self.inventory.remove_site(name) } else { self.inventory.put_site(&site) }
            .map_err(Failure::from)
    }

    /// A site by name, from where it was last seen.
    ///
    /// # Errors
    /// When it is not known.
    pub fn known_site(&self, name: &Name) -> Outcome<KnownSite> {
        self.inventory.site(name).map_err(Failure::from)
    }
}
