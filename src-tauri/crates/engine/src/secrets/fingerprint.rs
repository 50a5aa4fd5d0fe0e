//! Keyed fingerprints: they show that a secret changed without giving anything away about it.
//!
//! A plain hash would let anyone who reads a plan test guesses; with a random key that never leaves this computer
//! only its owner can. Fingerprints made with different keys cannot be compared: see [`Fingerprinter::key_id`].

use hmac::{Hmac, Mac as _};
use jiff::Timestamp;
use sha2::Sha256;
use slipway_core::digest::hex;
use slipway_core::secret::Secret;

use super::generate::random;
use super::{Scope, SecretKey, SecretName, SecretStore, SecretsError, Version};
use crate::home::{Home, HomeError};

/// Bytes of the key: as many as SHA-256 gives (RFC 2104, section 3).
pub const FINGERPRINT_KEY_LENGTH: usize = 32;

/// Makes fingerprints with this computer's key.
#[derive(Debug, Clone)]
pub struct Fingerprinter {
    key: Secret,
}

impl Fingerprinter {
    /// Reads the key, making it the first time.
    ///
    /// It lives in the keyring as `fingerprint-key`; where that cannot be written (a pipeline, a server without a
    /// keyring), in [`Home::fingerprint_key`] with mode 0600. A key that is already in the folder stays in use when
    /// a keyring appears later.
    ///
    /// # Errors
    /// When the folder fails too, or the kept key has the wrong length.
    pub fn open(store: Option<&dyn SecretStore>, home: &Home, now: Timestamp) -> Result<Self, SecretsError> {
        let entry = own_key()?;
        // An unreachable keyring is no reason to fail: a fingerprint is worth less than the run.
        if let Some(key) = store.and_then(|store| store.get(&entry).ok().flatten()) {
            return Self::checked(key, &entry);
        }
        if let Some(key) = read(home)? {
            return Ok(Self { key });
        }
        let fresh = Secret::new(std::mem::take(&mut *random(FINGERPRINT_KEY_LENGTH)?));
        if let Some(store) = store
            && store.set(&entry, &fresh, now).is_ok()
        {
            // Another process may have been first; what is kept counts.
            return match store.get(&entry)? {
                Some(key) => Self::checked(key, &entry),
                None => Ok(Self { key: fresh }),
            };
        }
        home.create_private(&home.fingerprint_key(), fresh.expose()).map_err(from_home)?;
        Ok(Self { key: read(home)?.unwrap_or(fresh) })
    }

    /// Eight hex digits that change when the secret does.
    pub fn fingerprint(&self, secret: &Secret) -> String {
        self.digits(b"secret", secret.expose())
    }

    /// The key, for rendering, which makes fingerprints of its own.
    pub fn key(&self) -> &Secret {
        &self.key
    }

    fn digits(&self, purpose: &[u8], value: &[u8]) -> String {
        // HMAC takes a key of any length; `new_from_slice` cannot fail.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.key.expose()) else { return String::new() };
        mac.update(purpose);
        mac.update(&[0]);
        mac.update(value);
        let mut digits = hex(&mac.finalize().into_bytes());
        digits.truncate(8);
        digits
    }

    fn checked(key: Secret, entry: &SecretKey) -> Result<Self, SecretsError> {
        if key.expose().len() == FINGERPRINT_KEY_LENGTH {
            Ok(Self { key })
        } else {
            Err(SecretsError::Damaged { key: entry.clone() })
        }
    }
}

/// The keyring entry of the key.
fn own_key() -> Result<SecretKey, SecretsError> {
    // The name has a hyphen, so it is no variable's name: it is kept in the shape of a path.
    let name: SecretName =
        "fingerprint-key".parse().map_err(|error| SecretsError::Failed { detail: format!("{error}") })?;
    Ok(SecretKey { scope: Scope::Slipway, name, version: Version::Current })
}

fn read(home: &Home) -> Result<Option<Secret>, SecretsError> {
    let path = home.fingerprint_key();
    match std::fs::read(&path) {
        Ok(bytes) if bytes.len() == FINGERPRINT_KEY_LENGTH => Ok(Some(Secret::new(bytes))),
        Ok(_) => Err(SecretsError::Home {
            detail: format!("{} is damaged: it does not hold {FINGERPRINT_KEY_LENGTH} bytes", path.display()),
            advice: "delete it; secrets then show as changed once",
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(from_home(HomeError::Io { doing: "read", path, source })),
    }
}

fn from_home(error: HomeError) -> SecretsError {
    SecretsError::Home { detail: error.to_string(), advice: error.advice() }
}

#[cfg(test)]
mod tests {
    use super::super::{Environment, Memory};
    use super::*;

    #[test]
    fn the_keyring_keeps_the_key() {
        let folder = tempfile::tempdir().unwrap();
        let (home, _) = Home::open(folder.path()).unwrap();
        let store = Memory::default();
        let first = Fingerprinter::open(Some(&store), &home, Timestamp::UNIX_EPOCH).unwrap();
        let again = Fingerprinter::open(Some(&store), &home, Timestamp::UNIX_EPOCH).unwrap();
        let (one, two) = (Secret::new("one"), Secret::new("two"));
        assert_eq!(first.fingerprint(&one), again.fingerprint(&one));
        assert_ne!(first.fingerprint(&one), first.fingerprint(&two));
        assert_eq!(first.fingerprint(&one).len(), 8);
        assert!(!home.fingerprint_key().exists());
        let other = Fingerprinter::open(Some(&Memory::default()), &home, Timestamp::UNIX_EPOCH).unwrap();
        assert_ne!(other.key().expose(), first.key().expose());
    }

    #[test]
    fn without_a_writable_keyring_the_folder_keeps_it() {
        let folder = tempfile::tempdir().unwrap();
        let (home, _) = Home::open(folder.path()).unwrap();
        let pipeline = Environment::new(&"CI".parse().unwrap(), []);
        let first = Fingerprinter::open(Some(&pipeline), &home, Timestamp::UNIX_EPOCH).unwrap();
        assert!(home.fingerprint_key().exists());
        let without = Fingerprinter::open(None, &home, Timestamp::UNIX_EPOCH).unwrap();
        let later = Fingerprinter::open(Some(&Memory::default()), &home, Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(first.key().expose(), without.key().expose());
        assert_eq!(
            first.key().expose(),
            later.key().expose(),
            "a keyring that appears later does not change fingerprints"
        );
        std::fs::write(home.fingerprint_key(), b"short").unwrap();
        let error = Fingerprinter::open(None, &home, Timestamp::UNIX_EPOCH).unwrap_err();
        assert!(matches!(&error, SecretsError::Home { detail, .. } if detail.contains("fingerprint.key")), "{error}");
    }
}
