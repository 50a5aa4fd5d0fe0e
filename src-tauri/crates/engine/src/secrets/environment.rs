//! Secrets of a pipeline: a snapshot of environment variables that share a prefix. Read-only.

use std::collections::BTreeMap;
use std::ffi::OsString;

use jiff::Timestamp;
use slipway_core::secret::Secret;
use slipway_core::site::EnvName;

use super::{Custody, Removal, Scope, SecretKey, SecretName, SecretStore, SecretsError, StoredSecret, Version};

/// Secrets given as `PREFIX_NAME` variables (`--secrets-from-env PREFIX`).
///
/// The same variables serve every site of the run. A secret file's path becomes a variable's name in capitals with
/// `_` for everything else: `certs/key.pem` is `PREFIX_CERTS_KEY_PEM`. An empty variable counts as unset, because
/// pipelines expand unknown secrets to nothing.
#[derive(Debug)]
pub struct Environment {
    prefix: EnvName,
    values: BTreeMap<String, Secret>,
}

impl Environment {
    /// Takes the variables that start with `prefix` and an underscore out of a snapshot such as `std::env::vars_os`.
    pub fn new(prefix: &EnvName, snapshot: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let start = format!("{}_", prefix.trim_end_matches('_'));
        let values = snapshot.into_iter().filter_map(|(name, value)| {
            let name = name.into_string().ok()?.strip_prefix(&start)?.to_owned();
            let value = value.into_encoded_bytes();
            (!name.is_empty() && !value.is_empty()).then(|| (name, Secret::new(value)))
        });
        Self { prefix: prefix.clone(), values: values.collect() }
    }

    /// The whole name of the variable that `name` is read from.
    pub fn variable(&self, name: &SecretName) -> String {
        format!("{}_{}", self.prefix.trim_end_matches('_'), suffix(name))
    }

    fn refuse(&self, key: &SecretKey) -> SecretsError {
        SecretsError::ReadOnly { key: key.clone(), supply: self.how_to_supply(key) }
    }
}

fn suffix(name: &SecretName) -> String {
    match name {
        SecretName::Variable(name) => name.to_string(),
        SecretName::File(path) => {
            path.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect()
        }
    }
}

impl SecretStore for Environment {
    fn label(&self) -> String {
        format!("environment variables {}_…", self.prefix.trim_end_matches('_'))
    }

    fn custody(&self) -> Custody {
        Custody::Supplied
    }

    fn how_to_supply(&self, key: &SecretKey) -> String {
        format!("{}=…", self.variable(&key.name))
    }

    fn get(&self, key: &SecretKey) -> Result<Option<Secret>, SecretsError> {
        Ok(match (&key.scope, key.version) {
            (Scope::Site(_), Version::Current) => self.values.get(&suffix(&key.name)).cloned(),
            (Scope::Slipway | Scope::Host(_), _) | (Scope::Site(_), Version::Previous) => None,
        })
    }

    fn set(&self, key: &SecretKey, _: &Secret, _: Timestamp) -> Result<(), SecretsError> {
        Err(self.refuse(key))
    }

    fn remove(&self, key: &SecretKey) -> Result<Removal, SecretsError> {
        Err(self.refuse(key))
    }

    /// Names of variables; a secret file shows under its variable's name.
    fn list(&self, scope: &Scope) -> Result<Vec<StoredSecret>, SecretsError> {
        let names = self.values.keys().filter_map(|name| name.parse::<EnvName>().ok());
        Ok(match scope {
            Scope::Slipway | Scope::Host(_) => Vec::new(),
            Scope::Site(_) => {
                names.map(|name| StoredSecret { name: name.into(), version: Version::Current, set_at: None }).collect()
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_become_secrets_by_prefix() {
        let snapshot =
            [("CI_KEY", "one"), ("CI_EMPTY", ""), ("CI_", "x"), ("CIX_KEY", "no"), ("CI_CERTS_KEY_PEM", "pem")];
        let snapshot = snapshot.map(|(name, value)| (OsString::from(name), OsString::from(value)));
        let store = Environment::new(&"CI_".parse().unwrap(), snapshot);
        let site = "shop".parse().unwrap();
        let key = |name: &str| SecretKey::new(&site, name.parse::<SecretName>().unwrap());
        let get = |name: &str| store.get(&key(name)).unwrap().map(|value| value.expose().to_vec());
        assert_eq!(get("KEY").as_deref(), Some(b"one".as_slice()));
        assert_eq!(get("certs/key.pem").as_deref(), Some(b"pem".as_slice()));
        assert_eq!(get("EMPTY"), None);
        assert!(store.get(&key("KEY").previous()).unwrap().is_none());
        let error = store.set(&key("NEW"), &Secret::new("x"), Timestamp::UNIX_EPOCH).unwrap_err();
        assert!(error.advice().contains("CI_NEW=…"), "{}", error.advice());
        let listed = store.list(&Scope::Site(site.clone())).unwrap();
        assert_eq!(listed.iter().map(|s| s.name.to_string()).collect::<Vec<_>>(), ["CERTS_KEY_PEM", "KEY"]);
        assert!(!format!("{store:?}").contains("one"));
    }
}
