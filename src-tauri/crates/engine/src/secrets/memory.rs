//! A store for tests of everything that only needs some store.

use std::collections::BTreeMap;
use std::sync::Mutex;

use jiff::Timestamp;
use slipway_core::secret::Secret;

use super::{Custody, Removal, Scope, SecretKey, SecretStore, SecretsError, StoredSecret, check_size};

/// Secrets in memory.
#[derive(Debug, Default)]
pub(crate) struct Memory(Mutex<BTreeMap<SecretKey, (Secret, Timestamp)>>);

impl SecretStore for Memory {
    fn label(&self) -> String {
        "memory".into()
    }

    fn custody(&self) -> Custody {
        Custody::Kept
    }

    fn how_to_supply(&self, key: &SecretKey) -> String {
        key.command()
    }

    fn get(&self, key: &SecretKey) -> Result<Option<Secret>, SecretsError> {
        Ok(self.0.lock().unwrap().get(key).map(|(value, _)| value.clone()))
    }

    fn set(&self, key: &SecretKey, value: &Secret, at: Timestamp) -> Result<(), SecretsError> {
        check_size(key, value)?;
        self.0.lock().unwrap().insert(key.clone(), (value.clone(), at));
        Ok(())
    }

    fn remove(&self, key: &SecretKey) -> Result<Removal, SecretsError> {
        let before = self.0.lock().unwrap().remove(key);
        Ok(if before.is_some() { Removal::Removed } else { Removal::WasAbsent })
    }

    fn list(&self, scope: &Scope) -> Result<Vec<StoredSecret>, SecretsError> {
        let held = self.0.lock().unwrap();
        let of_scope = held.iter().filter(|(key, _)| key.scope == *scope);
        Ok(of_scope
            .map(|(key, (_, at))| StoredSecret { name: key.name.clone(), version: key.version, set_at: Some(*at) })
            .collect())
    }
}
