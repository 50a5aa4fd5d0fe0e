//! Secrets of sites: where they are kept, how they are made, renewed and compared without being seen.
//!
//! Values live in the OS keyring ([`Keyring`]) or, in pipelines, come from variables that the caller hands over
//! ([`Environment`]). There is no third place: no file, no database, never plain text.
//!
//! Everything here blocks: reading from a keyring can wait for a person to unlock it. From asynchronous code go
//! through [`off_thread`].

mod environment;
mod error;
mod fingerprint;
mod generate;
mod key;
mod keyring;
#[cfg(test)]
mod memory;
mod on_demand;
mod resolve;
mod rows;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod session;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod session_tests;
mod strength;

use std::sync::Arc;

use jiff::Timestamp;
use slipway_core::secret::Secret;

pub use environment::Environment;
pub use error::SecretsError;
pub use fingerprint::{FINGERPRINT_KEY_LENGTH, Fingerprinter};
pub use generate::{DEFAULT_LENGTH, generate};
pub use key::{BadSecretName, Scope, SecretKey, SecretName, Version};
pub use keyring::{Keyring, PATIENCE};
#[cfg(test)]
pub(crate) use memory::Memory;
pub use on_demand::OnDemand;
pub(crate) use resolve::needed;
pub use resolve::{
    MissingSecret, Previous, ResolvedSecrets, Rotation, Survey, ensure, replace, restore_previous, rotate,
    rotation_warning, survey,
};
pub use rows::{SecretRow, SecretState, SecretUse, rows, uses};
pub use strength::{Strength, strength, strength_of};

/// Largest value, in bytes: what every Secret Service is known to take.
pub const LARGEST: usize = 64 * 1024;

/// A place that keeps secrets.
pub trait SecretStore: Send + Sync {
    /// What it is called in messages, for example "the keyring".
    fn label(&self) -> String;

    /// Who keeps the values.
    fn custody(&self) -> Custody;

    /// What the operator does to put `key` there, as a command or an assignment.
    fn how_to_supply(&self, key: &SecretKey) -> String;

    /// The value of `key`, if there is one.
    ///
    /// # Errors
    /// When the place cannot be reached or read; absence is not an error.
    fn get(&self, key: &SecretKey) -> Result<Option<Secret>, SecretsError>;

    /// Stores `value` under `key`, over any value that is there; `at` is remembered as the time it was set.
    ///
    /// # Errors
    /// When the place cannot be reached, is read-only, or the value is larger than [`LARGEST`].
    fn set(&self, key: &SecretKey, value: &Secret, at: Timestamp) -> Result<(), SecretsError>;

    /// Removes `key`.
    ///
    /// # Errors
    /// When the place cannot be reached or is read-only; a key that is not there is not an error.
    fn remove(&self, key: &SecretKey) -> Result<Removal, SecretsError>;

    /// Names, never values, kept for `scope`, in order.
    ///
    /// # Errors
    /// When the place cannot be reached or read.
    fn list(&self, scope: &Scope) -> Result<Vec<StoredSecret>, SecretsError>;
}

/// Who keeps the values of a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Custody {
    /// This computer, from one use to the next: they go only to those that they were made for.
    Kept,
    /// The caller, who hands them over for this one use and so decides who receives them.
    Supplied,
}

/// One line of a list: a name and when it was set.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct StoredSecret {
    /// Which secret.
    pub name: SecretName,
    /// The value in use or the one before it.
    pub version: Version,
    /// When it was stored, if the place remembers.
    pub set_at: Option<Timestamp>,
}

/// What [`SecretStore::remove`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// It was there and is gone.
    Removed,
    /// It was not there.
    WasAbsent,
}

/// The value of `key`, where its absence is an error.
///
/// # Errors
/// [`SecretsError::NotFound`], or whatever reading the store fails with.
pub fn require(store: &dyn SecretStore, key: &SecretKey) -> Result<Secret, SecretsError> {
    store.get(key)?.ok_or_else(|| SecretsError::NotFound { key: key.clone(), supply: store.how_to_supply(key) })
}

/// Runs `work` with the store where it may block, so that the tokio runtime's own threads do not.
///
/// Dropping the future does not stop `work`: a value that is being written is written.
///
/// # Errors
/// Those of `work`, and [`SecretsError::Failed`] when the runtime shuts down.
pub async fn off_thread<T: Send + 'static>(
    store: Arc<dyn SecretStore>,
    work: impl FnOnce(&dyn SecretStore) -> Result<T, SecretsError> + Send + 'static,
) -> Result<T, SecretsError> {
    match tokio::task::spawn_blocking(move || work(store.as_ref())).await {
        Ok(result) => result,
        Err(error) => Err(SecretsError::Failed { detail: error.to_string() }),
    }
}

/// Refuses values that a store might cut short.
fn check_size(key: &SecretKey, value: &Secret) -> Result<(), SecretsError> {
    let bytes = value.expose().len();
    if bytes > LARGEST { Err(SecretsError::TooLarge { key: key.clone(), bytes }) } else { Ok(()) }
}
