//! Hosts as a person describes them, and putting them into the inventory.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use slipway_core::facts::Facts;
pub use slipway_host::{AgentKey, OwnKeyFile};

use super::Desk;
use crate::failure::{Code, Failure, Outcome};
use crate::inventory::{Host, HostName, Login, SudoMode, Tag};
use crate::surroundings::Surroundings;

/// Where a host is, as typed: `[USER@]ADDRESS[:PORT]`, an IPv6 address with a port in brackets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// Login name, when one was typed.
    pub user: Option<String>,
    /// Name or address, without brackets.
    pub address: String,
    /// Port, when one was typed.
    pub port: Option<u16>,
}

impl FromStr for Destination {
    type Err = Failure;

    fn from_str(text: &str) -> Outcome<Self> {
        let wrong = || {
            Failure::new(Code::Usage, format!("{text} is not [USER@]ADDRESS[:PORT]"))
                .hint("for example root@203.0.113.7, deploy@web-1.example.com:2222 or root@[2001:db8::1]:22")
        };
        let (user, rest) = match text.rsplit_once('@') {
            Some((user, rest)) => (Some(user.to_owned()).filter(|user| !user.is_empty()), rest),
            None => (None, text),
        };
        let (address, port) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((address, "")) => (address, None),
            Some((address, port)) => (address, Some(port.strip_prefix(':').ok_or_else(wrong)?)),
            // More than one colon without brackets is an IPv6 address.
            None => match rest.split_once(':') {
                Some((_, more)) if more.contains(':') => (rest, None),
                Some((address, port)) => (address, Some(port)),
                None => (rest, None),
            },
        };
        let port = port.map(|port| port.parse::<u16>().ok().filter(|port| *port != 0).ok_or_else(wrong)).transpose()?;
        if address.is_empty() || (text.contains('@') && user.is_none()) {
            return Err(wrong());
        }
        Ok(Self { user, address: address.to_owned(), port })
    }
}

/// With what one logs in, as a person chooses it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Auth {
    /// A key that the agent holds.
    Agent {
        /// `SHA256:…` of the only one to offer; any when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fingerprint: Option<String>,
    },
    /// A private key file.
    KeyFile {
        /// Where it is; `~/` is the person's home.
        path: String,
    },
    /// The login's password.
    Password,
    /// Whatever `ssh` would try.
    #[default]
    Config,
}

/// A host as a person describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostForm {
    /// What to call it.
    pub name: HostName,
    /// `[USER@]ADDRESS[:PORT]`, or an alias of `~/.ssh/config`.
    pub address: String,
    /// Port, before one in the address.
    #[serde(default)]
    pub port: Option<u16>,
    /// Login name, before one in the address.
    #[serde(default)]
    pub user: Option<String>,
    /// With what to log in.
    #[serde(default)]
    pub auth: Auth,
    /// Hosts to go through, first hop first: names of the inventory, or what `ssh -J` takes.
    #[serde(default)]
    pub jump: Option<String>,
    /// How commands become root's.
    #[serde(default)]
    pub sudo: SudoMode,
    /// Labels.
    #[serde(default)]
    pub tags: BTreeSet<Tag>,
}

impl HostForm {
    /// Nothing but a name and where it is.
    pub fn new(name: HostName, address: impl Into<String>) -> Self {
        Self {
            name,
            address: address.into(),
            port: None,
            user: None,
            auth: Auth::default(),
            jump: None,
            sudo: SudoMode::default(),
            tags: BTreeSet::new(),
        }
    }

    /// The form that describes a host of the inventory.
    pub fn of(host: &Host) -> Self {
        let auth = match (&host.login, &host.identity_file) {
            (Login::Agent { fingerprint }, _) => Auth::Agent { fingerprint: fingerprint.clone() },
            (Login::Password, _) => Auth::Password,
            (Login::Usual, Some(path)) => Auth::KeyFile { path: path.clone() },
            (Login::Usual, None) => Auth::Config,
        };
        // Brackets keep an IPv6 address from being taken for one with a port.
        let address = if host.address.contains(':') { format!("[{}]", host.address) } else { host.address.clone() };
        Self {
            name: host.name.clone(),
            address,
            port: Some(host.port),
            user: host.user.clone(),
            auth,
            jump: host.jump.clone(),
            sudo: host.sudo,
            tags: host.tags.clone(),
        }
    }

    /// The host it describes, of which nothing has been seen yet. An empty text of the form counts as not filled in.
    ///
    /// # Errors
    /// When the address makes no sense.
    pub fn host(&self, now: Timestamp) -> Outcome<Host> {
        let filled =
            |text: &Option<String>| text.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
        let place: Destination = self.address.trim().parse()?;
        let mut host = Host::new(self.name.clone(), place.address, now);
        host.user = filled(&self.user).or(place.user);
        host.port = self.port.or(place.port).unwrap_or(host.port);
        host.jump = filled(&self.jump);
        host.sudo = self.sudo;
        host.tags.clone_from(&self.tags);
        match &self.auth {
            Auth::Agent { fingerprint } => host.login = Login::Agent { fingerprint: filled(fingerprint) },
            Auth::KeyFile { path } => host.identity_file = filled(&Some(path.clone())),
            Auth::Password => host.login = Login::Password,
            Auth::Config => {}
        }
        Ok(host)
    }
}

impl Desk {
    /// Puts a host into the inventory, with the host key that was accepted and what was seen.
    ///
    /// # Errors
    /// When there is a host of that name, it cannot be meant, or the database fails.
    pub fn add_host(&self, form: &HostForm, host_key: Option<&str>, facts: Option<&Facts>) -> Outcome<Host> {
        let now = self.clock.now();
        let mut host = form.host(now)?;
        // It must make sense before it is stored: a jump host that is not there, a broken configuration.
        self.target(&host)?;
        host.host_key = host_key.map(str::to_owned);
        self.inventory.add_host(&host)?;
        if let Some(facts) = facts {
            self.inventory.saw_host(&host.name, facts, now)?;
        }
        self.inventory.host(&host.name).map_err(Failure::from)
    }

    /// Changes how the host of that name is reached. What was seen of it stays as long as it is the same machine.
    ///
    /// # Errors
    /// When there is no such host, it cannot be meant, or the database fails.
    pub fn change_host(&self, form: &HostForm) -> Outcome<Host> {
        let before = self.inventory.host(&form.name)?;
        let mut host = form.host(before.created_at)?;
        self.target(&host)?;
        if (&before.address, before.port, &before.jump) == (&host.address, host.port, &host.jump) {
            host = Host { last_seen: before.last_seen, facts: before.facts, host_key: before.host_key, ..host };
        }
        self.inventory.update_host(&host)?;
        Ok(host)
    }
}

/// The keys that the session's agent holds.
///
/// # Errors
/// Why there are none to choose from, in words: no agent, or one that does not answer.
pub async fn agent_keys(surroundings: &Surroundings) -> Result<Vec<AgentKey>, String> {
    match surroundings.variable("SSH_AUTH_SOCK") {
        Some(socket) => slipway_host::agent_keys(&PathBuf::from(socket)).await,
        None => Err("no agent runs in this session (SSH_AUTH_SOCK is not set)".to_owned()),
    }
}

/// The private keys in the person's `~/.ssh`. Reads files: from asynchronous code use `spawn_blocking`.
pub fn key_files(surroundings: &Surroundings) -> Vec<OwnKeyFile> {
    surroundings.person_home().map(|home| slipway_host::key_files(&home.join(".ssh"))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_as_ssh_would() {
        let read = |text: &str| text.parse::<Destination>().map(|p| (p.user, p.address, p.port)).ok();
        let some = |user: Option<&str>, address: &str, port| Some((user.map(str::to_owned), address.to_owned(), port));
        assert_eq!(read("root@203.0.113.7"), some(Some("root"), "203.0.113.7", None));
        assert_eq!(read("web-1:2222"), some(None, "web-1", Some(2222)));
        assert_eq!(read("u@[2001:db8::1]:22"), some(Some("u"), "2001:db8::1", Some(22)));
        assert_eq!(read("2001:db8::1"), some(None, "2001:db8::1", None));
        for bad in ["", "@h", "u@", "h:0", "h:x", "[::1]22"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_form_describes_the_host_that_it_was_made_of() {
        let auths = [
            Auth::Config,
            Auth::Password,
            Auth::KeyFile { path: "~/.ssh/id_work".into() },
            Auth::Agent { fingerprint: None },
            Auth::Agent { fingerprint: Some("SHA256:abc".into()) },
        ];
        for auth in auths {
            for address in ["ann@web.example:2222", "2001:db8::1", "root@[2001:db8::1]:22"] {
                let form = HostForm {
                    auth: auth.clone(),
                    jump: Some("gate".into()),
                    ..HostForm::new("web-1".parse().unwrap(), address)
                };
                let host = form.host(Timestamp::UNIX_EPOCH).unwrap();
                assert_eq!(HostForm::of(&host).host(Timestamp::UNIX_EPOCH).unwrap(), host);
                assert_eq!(HostForm::of(&host).auth, auth);
            }
        }
        let typed: HostForm =
            serde_json::from_str(r#"{"name":"web-1","address":" u@h:22 ","user":" ","port":2200,"jump":""}"#).unwrap();
        let host = typed.host(Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!((host.user.as_deref(), host.port, host.jump), (Some("u"), 2200, None));
    }
}
