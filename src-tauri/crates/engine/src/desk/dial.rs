//! Connecting to a host of the inventory.

use std::path::PathBuf;
use std::sync::Arc;

use slipway_host::ssh_config::Problem;
use slipway_host::ssh_config::files::SshFiles;
use slipway_host::{Credentials, HostKeyDecision, Observer, Sudo, Target, connect};

use super::Desk;
use crate::failure::{Code, Failure, Outcome};
use crate::inventory::{Host, HostName, Login, SudoMode};
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

/// How to reach a host, and what of `~/.ssh/config` was not followed on the way.
#[derive(Debug, Clone)]
pub struct ResolvedTarget {
    /// How to reach it.
    pub target: Target,
    /// Lines of the configuration that would change how OpenSSH connects and were not followed.
    pub problems: Vec<Problem>,
}

impl Desk {
    /// How to reach a host of the inventory. Its address may be an alias of `~/.ssh/config`: what the inventory does
    /// not say comes from there (port 22 in the inventory counts as not said).
    ///
    /// # Errors
    /// When a configuration file exists and cannot be used, or a jump host makes no sense.
    pub fn target(&self, host: &Host) -> Outcome<ResolvedTarget> {
        let person = self.surroundings.person_home();
        let files = self.ssh_files();
        // An IPv6 address needs its brackets to be told from a port.
        let bare = if host.address.contains(':') { format!("[{}]", host.address) } else { host.address.clone() };
        let (mut target, mut problems) = files.target(&bare).map_err(|why| wrong_configuration(&host.name, why))?;
        target.name = host.name.as_str().to_owned();
        if host.port != 22 {
            target.port = host.port;
        }
        if let Some(user) = &host.user {
            target.user.clone_from(user);
        }
        target.sudo = match host.sudo {
            SudoMode::Root => Sudo::Login,
            SudoMode::Auto if target.user == "root" => Sudo::Login,
            SudoMode::Passwordless => Sudo::NoPassword,
            SudoMode::Auto | SudoMode::Password => Sudo::Password,
        };
        match &host.login {
            Login::Usual => {}
            Login::Agent { fingerprint } => {
                target.identities.clear();
                target.identities_only = false;
                target.agent_key.clone_from(fingerprint);
            }
            Login::Password => {
                target.identities.clear();
                target.identities_only = true;
                target.agent = None;
            }
        }
        if let (Login::Usual, Some(file)) = (&host.login, &host.identity_file) {
            target.identities = vec![expand(file, person)];
            target.identities_only = true;
        }
        if let Some(jump) = &host.jump {
            target.jumps.clear();
            for hop in jump.split(',') {
                let ResolvedTarget { target: hop, problems: more } = self.hop(&host.name, hop.trim(), &files)?;
                target.jumps.push(hop);
                problems.extend(more);
            }
        }
        self.keep_keys_here(&mut target);
        problems.sort();
        problems.dedup();
        Ok(ResolvedTarget { target, problems })
    }

    /// `~/.ssh/config` and the machine's.
    fn ssh_files(&self) -> SshFiles {
        let user = self.surroundings.operator.split('@').next().unwrap_or_default();
        let agent = self.surroundings.variable("SSH_AUTH_SOCK").map(PathBuf::from);
        // Without a home there is no ~/.ssh; an empty path would mean the working directory.
        let home = self.surroundings.person_home().unwrap_or_else(|| PathBuf::from("/nonexistent"));
        SshFiles::usual(home, user, agent)
    }

    /// The hosts that `~/.ssh/config` names: its `Host` entries without wildcards, in order.
    ///
    /// # Errors
    /// When a configuration file exists and cannot be used.
    pub fn ssh_aliases(&self) -> Outcome<Vec<String>> {
        let failed = |why: String| Failure::new(Code::Local, why).hint("mend the file, or its permissions");
        self.ssh_files().aliases().map_err(failed)
    }

    /// Host keys that are accepted here go into Slipway's own file; OpenSSH's are read too and never written.
    fn keep_keys_here(&self, target: &mut Target) {
        target.known_hosts.insert(0, self.home.known_hosts());
        target.remember_in = Some(self.home.known_hosts());
        target.jumps.iter_mut().for_each(|hop| self.keep_keys_here(hop));
    }

    /// One jump host: a host of the inventory, or what `ssh -J` takes.
    fn hop(&self, towards: &HostName, text: &str, files: &SshFiles) -> Outcome<ResolvedTarget> {
        if let Ok(name) = text.parse::<HostName>()
            && &name != towards
            && let Ok(host) = self.inventory.host(&name)
            && host.jump.is_none()
        {
            return self.target(&host);
        }
        let (target, problems) = files.target(text).map_err(|why| wrong_configuration(towards, why))?;
        Ok(ResolvedTarget { target, problems })
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
        let host = self.inventory.host(name)?;
        let target = self.target(&host)?.target;
        Ok(Arc::new(Link::open(name.as_str(), Self::dial(target, parties)).await?))
    }
}

fn wrong_configuration(host: &HostName, why: String) -> Failure {
    Failure::new(Code::Usage, format!("{host}: {why}")).hint("correct the address, --jump or ~/.ssh/config")
}

fn expand(file: &str, home: Option<PathBuf>) -> PathBuf {
    match (file.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(file),
    }
}
