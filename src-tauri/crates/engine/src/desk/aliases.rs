//! Hosts of `~/.ssh/config` as hosts of the inventory. They come in as aliases: what they mean stays in that file.

use serde::Serialize;

use super::Desk;
use crate::failure::Outcome;
use crate::inventory::{Host, HostName};

/// A host of `~/.ssh/config`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Alias {
    /// Its alias.
    pub alias: String,
    /// Where it leads: `user@address:port`.
    pub address: Option<String>,
    /// How it stands.
    #[serde(rename = "result")]
    pub standing: AliasState,
    /// Why it is refused, or what of the file is not followed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// How an alias stands to the inventory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AliasState {
    /// It could be added.
    New,
    /// It was added now.
    Added,
    /// There is a host of its name.
    Known,
    /// It cannot be one.
    Refused,
}

impl Desk {
    /// The hosts that `~/.ssh/config` offers.
    ///
    /// # Errors
    /// When a configuration file exists and cannot be used.
    pub fn offered_aliases(&self) -> Outcome<Vec<Alias>> {
        Ok(self.ssh_aliases()?.iter().map(|alias| self.look_at_alias(alias).0).collect())
    }

    /// Adds an alias as a host, unless it is known already or cannot be one. Nothing is connected to.
    pub fn take_alias(&self, alias: &str) -> Alias {
        let (seen, host) = self.look_at_alias(alias);
        let Some(host) = host.filter(|_| seen.standing == AliasState::New) else { return seen };
        match self.inventory.add_host(&host) {
            Ok(()) => Alias { standing: AliasState::Added, ..seen },
            Err(error) => Alias { standing: AliasState::Refused, why: Some(error.to_string()), ..seen },
        }
    }

    fn look_at_alias(&self, alias: &str) -> (Alias, Option<Host>) {
        let seen = |standing, address, why| Alias { alias: alias.to_owned(), address, standing, why };
        let known = self.ssh_aliases().is_ok_and(|all| all.iter().any(|one| one == alias));
        if !known {
            return (seen(AliasState::Refused, None, Some("it is no Host of ~/.ssh/config".to_owned())), None);
        }
        // Names are lower case here; the address keeps the alias as ssh knows it.
        let name = match alias.to_lowercase().parse::<HostName>() {
            Ok(name) => name,
            Err(error) => return (seen(AliasState::Refused, None, Some(error.to_string())), None),
        };
        let host = Host::new(name, alias, self.clock.now());
        let resolved = match self.target(&host) {
            Ok(resolved) => resolved,
            Err(failure) => return (seen(AliasState::Refused, None, Some(failure.message)), None),
        };
        let target = &resolved.target;
        let address = Some(format!("{}@{}:{}", target.user, target.address, target.port));
        let problems: Vec<String> = resolved.problems.iter().map(ToString::to_string).collect();
        let why = Some(problems.join("; ")).filter(|text| !text.is_empty());
        let standing = if self.inventory.host(&host.name).is_ok() { AliasState::Known } else { AliasState::New };
        (seen(standing, address, why), Some(host))
    }
}
