//! The keyring, opened when the first secret is needed: most commands need none and must work without a keyring.

use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use slipway_core::secret::Secret;

use super::{Custody, Keyring, Removal, Scope, SecretKey, SecretStore, SecretsError, StoredSecret};

/// A keyring that is not opened before its first use.
#[derive(Debug, Default)]
pub struct OnDemand(Mutex<Option<Keyring>>);

impl OnDemand {
    /// The keyring; when it could not be opened, the next call tries again.
    fn keyring(&self) -> Result<Keyring, SecretsError> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*open {
            Some(keyring) => Ok(keyring.clone()),
            None => Ok(open.insert(Keyring::open()?).clone()),
        }
    }
}

impl SecretStore for OnDemand {
    fn label(&self) -> String {
        "the keyring".to_owned()
    }

    fn custody(&self) -> Custody {
        Custody::Kept
    }

    fn how_to_supply(&self, key: &SecretKey) -> String {
        key.command()
    }

    fn get(&self, key: &SecretKey) -> Result<Option<Secret>, SecretsError> {
        self.keyring()?.get(key)
    }

    fn set(&self, key: &SecretKey, value: &Secret, at: Timestamp) -> Result<(), SecretsError> {
        self.keyring()?.set(key, value, at)
    }

    fn remove(&self, key: &SecretKey) -> Result<Removal, SecretsError> {
        self.keyring()?.remove(key)
    }

    fn list(&self, scope: &Scope) -> Result<Vec<StoredSecret>, SecretsError> {
        self.keyring()?.list(scope)
    }
}
