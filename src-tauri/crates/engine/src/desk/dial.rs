//! Connecting to a host of the inventory.

use std::path::PathBuf;
use std::sync::Arc;

use slipway_host::{Credentials, HostKeyDecision, Observer, Sudo, Target, connect};

use super::{Desk, inventory_failure};
use crate::failure::Outcome;
use crate::inventory::{Host, HostName, SudoMode};
use crate::link::{Dial, Link};

/// Who answers questions while a connection is made.
#[derive(Clone)]
pub struct Parties {
    /// Supplies passwords and passphrases.
    pub credentials: Arc<dyn Credentials>,
    /// Decides about hosts that are not known.
    pub decision: Arc<dyn HostKeyDecision>,
    /// Is told of each step.
    pub observer: Arc<dyn Observer>,
}

impl Desk {
    /// How to reach a host of the inventory.
    pub fn target(&self, host: &Host) -> Target {
        let login = host.user.clone().or_else(|| self.surroundings.operator.split('@').next().map(str::to_owned));
        let mut target = Target::new(host.address.clone(), login.unwrap_or_default());
        target.name = host.name.as_str().to_owned();
        target.port = host.port;
        target.sudo = match host.sudo {
            SudoMode::Root => Sudo::Login,
            SudoMode::Auto if target.user == "root" => Sudo::Login,
            SudoMode::Passwordless => Sudo::NoPassword,
            SudoMode::Auto | SudoMode::Password => Sudo::Password,
        };
        let ssh = self.surroundings.person_home().map(|home| home.join(".ssh"));
        match &host.identity_file {
            Some(file) => {
                target.identities = vec![expand(file, self.surroundings.person_home())];
                target.identities_only = true;
            }
            None => {
                let names = ["id_ed25519", "id_ecdsa", "id_rsa"];
                target.identities = ssh.iter().flat_map(|ssh| names.map(|name| ssh.join(name))).collect();
            }
        }
        target.agent = self.surroundings.variable("SSH_AUTH_SOCK").map(PathBuf::from);
        target.known_hosts = vec![self.home.known_hosts()];
        if let Some(ssh) = &ssh {
            target.known_hosts.extend([ssh.join("known_hosts"), ssh.join("known_hosts2")]);
        }
        target.known_hosts.push(PathBuf::from("/etc/ssh/ssh_known_hosts"));
        target.remember_in = Some(self.home.known_hosts());
        if let Some(jump) = &host.jump {
            target.jumps = jump.split(',').map(|hop| self.hop(hop.trim(), &target)).collect();
        }
        target
    }

    /// One jump host, as `ssh -J` takes it, or a host of the inventory.
    fn hop(&self, text: &str, towards: &Target) -> Target {
        if let Ok(name) = text.parse::<HostName>()
            && let Ok(host) = self.inventory.host(&name)
            && host.jump.is_none()
        {
            return self.target(&host);
        }
        let (user, place) = text.split_once('@').map_or((towards.user.as_str(), text), |(user, place)| (user, place));
        let (address, port) = match place.rsplit_once(':') {
            Some((address, port)) if !address.contains(':') || address.ends_with(']') => {
                (address, port.parse().unwrap_or(22))
            }
            _ => (place, 22),
        };
        let address = address.trim_start_matches('[').trim_end_matches(']');
        Target {
            name: address.to_owned(),
            address: address.to_owned(),
            port,
            user: user.to_owned(),
            jumps: Vec::new(),
            fingerprint: None,
            ..towards.clone()
        }
    }

    /// How to make connections to `target`, again and again.
    pub fn dial(target: Target, parties: Parties) -> Dial {
        Arc::new(move || {
            let (target, parties) = (target.clone(), parties.clone());
            Box::pin(async move { connect(&target, parties.credentials, parties.decision, parties.observer).await })
        })
    }

    /// Connects to a host of the inventory.
    ///
    /// # Errors
    /// When it is not known, or no connection comes about.
    pub async fn link(&self, name: &HostName, parties: Parties) -> Outcome<Arc<Link>> {
        let host = self.inventory.host(name).map_err(|error| inventory_failure(&error))?;
        let target = self.target(&host);
        Ok(Arc::new(Link::open(name.as_str(), Self::dial(target, parties)).await?))
    }
}

fn expand(file: &str, home: Option<PathBuf>) -> PathBuf {
    match (file.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(file),
    }
}
