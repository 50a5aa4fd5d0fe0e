//! The OS keyring: the Secret Service of the desktop session (gnome-keyring, KWallet, KeePassXC).
//!
//! An entry has the attributes `service` = `slipway`, `username` = `SITE/NAME` (the key; the store crate insists on
//! that attribute's name), `site`, `name` and `set-at`, so that `secret-tool lookup service slipway site SITE name
//! NAME` finds it without Slipway. Names and times are attributes, hence readable by anything that may talk to the
//! session's keyring, also while it is locked; values are not.
//!
//! All D-Bus calls run on one thread of their own. The store's blocking calls start an executor and may wait for a
//! person; on a tokio worker the first can panic (depending on zbus's features) and the second stalls the runtime.
//! Calls from any thread are therefore safe, but still block their caller: see [`super::off_thread`].
//!
//! The library finds the bus by `DBUS_SESSION_BUS_ADDRESS`, else by `XDG_RUNTIME_DIR`; that is the only reading of
//! the environment here.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use keyring_core::Entry;
use keyring_core::api::CredentialStoreApi as _;
use slipway_core::secret::Secret;
use zbus_secret_service_keyring_store::Store;
use zeroize::Zeroizing;

use super::{Custody, Removal, Scope, SecretKey, SecretStore, SecretsError, StoredSecret, check_size};

/// How long the keyring may take to answer: time for a person to notice its question and type a password.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// Value of the attribute `service`.
const SERVICE: &str = "slipway";
/// In front of values that are not plain text: KWallet holds nothing but text.
const BINARY: &[u8] = b"slipway-base64:";

/// The keyring of this session.
#[derive(Debug, Clone)]
pub struct Keyring {
    jobs: Sender<Job>,
    patience: Duration,
}

type Job = Box<dyn FnOnce(&mut Connection) + Send>;
type Outcome<T> = Result<T, keyring_core::Error>;

impl Keyring {
    /// Connects to the session's keyring, waiting at most [`PATIENCE`] now and at each later call.
    ///
    /// # Errors
    /// When there is no session bus or no keyring on it. Unlocking happens at the first use, not here.
    pub fn open() -> Result<Self, SecretsError> {
        Self::open_with_patience(PATIENCE)
    }

    /// Like [`Keyring::open`], with another limit for every answer.
    ///
    /// # Errors
    /// As [`Keyring::open`].
    pub fn open_with_patience(patience: Duration) -> Result<Self, SecretsError> {
        let (jobs, queue) = channel();
        std::thread::Builder::new()
            .name("slipway-keyring".into())
            .spawn(move || serve(&queue))
            .map_err(|error| SecretsError::Failed { detail: format!("no thread for the keyring: {error}") })?;
        let keyring = Self { jobs, patience };
        keyring.call(None, |_| Ok(()))?;
        Ok(keyring)
    }

    /// Runs `work` on the keyring's thread; once more on a fresh connection when the old one turns out to be dead
    /// (the keyring was restarted).
    fn call<T: Send + 'static>(
        &self,
        key: Option<&SecretKey>,
        work: impl Fn(&Store) -> Outcome<T> + Send + 'static,
    ) -> Result<T, SecretsError> {
        let (reply, answer) = channel();
        let job: Job = Box::new(move |connection| {
            let _ = reply.send(connection.run(&work));
        });
        let gone = || SecretsError::Failed { detail: "the thread that talks to the keyring has ended".into() };
        self.jobs.send(job).map_err(|_| gone())?;
        match answer.recv_timeout(self.patience) {
            Ok(outcome) => outcome.map_err(|error| translate(key, error)),
            Err(RecvTimeoutError::Timeout) => Err(SecretsError::NoAnswer { seconds: self.patience.as_secs() }),
            Err(RecvTimeoutError::Disconnected) => Err(gone()),
        }
    }
}

/// The keyring thread: ends when the last [`Keyring`] is dropped.
fn serve(queue: &Receiver<Job>) {
    let mut connection = Connection { store: None };
    for job in queue {
        job(&mut connection);
    }
}

struct Connection {
    store: Option<Arc<Store>>,
}

impl Connection {
    fn run<T>(&mut self, work: &impl Fn(&Store) -> Outcome<T>) -> Outcome<T> {
        let (store, fresh) = match &self.store {
            Some(store) => (store.clone(), false),
            None => (self.connect()?, true),
        };
        match work(&store) {
            Err(keyring_core::Error::PlatformFailure(_)) if !fresh => {
                self.store = None;
                work(self.connect()?.as_ref())
            }
            outcome => outcome,
        }
    }

    /// The store is used directly, never through keyring-core's process-wide default: that one would turn every
    /// later error into "no default store" and hide the first, telling one.
    fn connect(&mut self) -> Outcome<Arc<Store>> {
        let store = Store::new()?;
        self.store = Some(store.clone());
        Ok(store)
    }
}

impl SecretStore for Keyring {
    fn label(&self) -> String {
        "the keyring".into()
    }

    fn custody(&self) -> Custody {
        Custody::Kept
    }

    fn how_to_supply(&self, key: &SecretKey) -> String {
        key.command()
    }

    fn get(&self, key: &SecretKey) -> Result<Option<Secret>, SecretsError> {
        let path = key.path();
        let found = self.call(Some(key), move |store| match entry(store, &path)?.get_secret() {
            Ok(stored) => Ok(Some(Secret::new(stored))),
            Err(keyring_core::Error::NoEntry) => Ok(None),
            Err(error) => Err(error),
        })?;
        found.map(|stored| decode(stored).ok_or_else(|| SecretsError::Damaged { key: key.clone() })).transpose()
    }

    fn set(&self, key: &SecretKey, value: &Secret, at: Timestamp) -> Result<(), SecretsError> {
        check_size(key, value)?;
        let (path, stored, time) = (key.path(), encode(value), at.to_string());
        let (site, name) = (key.scope.word().into_owned(), key.title());
        self.call(Some(key), move |store| {
            let entry = entry(store, &path)?;
            entry.set_secret(stored.expose())?;
            // A crash between the two leaves the value in place under its key, only without these three.
            entry.update_attributes(&HashMap::from([
                ("site", site.as_str()),
                ("name", name.as_str()),
                ("set-at", time.as_str()),
            ]))
        })
    }

    fn remove(&self, key: &SecretKey) -> Result<Removal, SecretsError> {
        let path = key.path();
        self.call(Some(key), move |store| match entry(store, &path)?.delete_credential() {
            Ok(()) => Ok(Removal::Removed),
            Err(keyring_core::Error::NoEntry) => Ok(Removal::WasAbsent),
            Err(error) => Err(error),
        })
    }

    fn list(&self, scope: &Scope) -> Result<Vec<StoredSecret>, SecretsError> {
        let wanted = scope.clone();
        let mut found = self.call(None, move |store| {
            let mut found = Vec::new();
            for entry in store.search(&HashMap::from([("service", SERVICE)]))? {
                let attributes = match entry.get_attributes() {
                    Ok(attributes) => attributes,
                    // Removed by someone else since the search.
                    Err(keyring_core::Error::NoEntry) => continue,
                    Err(error) => return Err(error),
                };
                let Some(key) = attributes.get("username").and_then(|path| SecretKey::from_path(path)) else {
                    continue;
                };
                if key.scope == wanted {
                    let set_at = attributes.get("set-at").and_then(|time| time.parse().ok());
                    found.push(StoredSecret { name: key.name, version: key.version, set_at });
                }
            }
            Ok(found)
        })?;
        found.sort();
        Ok(found)
    }
}

fn entry(store: &Store, path: &str) -> Outcome<Entry> {
    let label = format!("Slipway: {path}");
    store.build(SERVICE, path, Some(&HashMap::from([("label", label.as_str())])))
}

/// What is stored for `value`: text as it is, so that other tools show it; the rest marked and in base64.
fn encode(value: &Secret) -> Secret {
    let bytes = value.expose();
    let plain = value.expose_str().is_ok() && !bytes.contains(&0) && !bytes.starts_with(BINARY);
    if plain {
        return value.clone();
    }
    let text = Zeroizing::new(STANDARD.encode(bytes));
    let mut stored = Vec::with_capacity(BINARY.len() + text.len());
    stored.extend_from_slice(BINARY);
    stored.extend_from_slice(text.as_bytes());
    Secret::new(stored)
}

fn decode(stored: Secret) -> Option<Secret> {
    match stored.expose().strip_prefix(BINARY) {
        None => Some(stored),
        Some(text) => STANDARD.decode(text).ok().map(Secret::new),
    }
}

/// Sorts the libraries' errors into ours. Two of keyring-core's variants carry the value itself: their content is
/// never looked at.
fn translate(key: Option<&SecretKey>, error: keyring_core::Error) -> SecretsError {
    use keyring_core::Error;
    let other = |detail: String| SecretsError::Failed { detail };
    match error {
        Error::PlatformFailure(source) | Error::NoStorageAccess(source) => translate_platform(source.as_ref()),
        Error::Ambiguous(entries) => match key {
            Some(key) => SecretsError::Ambiguous { key: key.clone(), count: entries.len() },
            None => other("several entries have the same name".into()),
        },
        Error::BadEncoding(_) | Error::BadDataFormat(..) => match key {
            Some(key) => SecretsError::Damaged { key: key.clone() },
            None => other("an entry is damaged".into()),
        },
        // The enum is open; the variants left hold names and reasons.
        error => other(error.to_string()),
    }
}

fn translate_platform(source: &(dyn std::error::Error + Send + Sync + 'static)) -> SecretsError {
    use secret_service::Error;
    let detail = source.to_string();
    match source.downcast_ref::<Error>() {
        Some(Error::Locked) => SecretsError::Locked,
        Some(Error::Prompt | Error::PromptDisconnected) => SecretsError::PromptDismissed,
        Some(Error::NoResult) => SecretsError::NoCollection,
        Some(Error::Unavailable) => SecretsError::NoBus { detail },
        _ => by_text(detail),
    }
}

/// What D-Bus reports only by name or in words: the D-Bus specification's error names and zbus's messages.
fn by_text(detail: String) -> SecretsError {
    let says = |words: &[&str]| words.iter().any(|word| detail.contains(word));
    if says(&["DBus.Error.ServiceUnknown", "was not provided", "DBus.Error.Spawn", "NameHasNoOwner"]) {
        SecretsError::NoService { detail }
    } else if says(&[
        "Failed to connect",
        "failed to connect",
        "DBus.Error.NoServer",
        "I/O error",
        "Connection refused",
    ]) {
        SecretsError::NoBus { detail }
    } else if says(&["Secret.Error.IsLocked", "IsLocked"]) {
        SecretsError::Locked
    } else {
        SecretsError::Failed { detail }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_survive_encoding_and_text_stays_text() {
        for value in [b"plain".to_vec(), Vec::new(), b"a\0b".to_vec(), vec![0xff, 0xfe], [BINARY, b"eA=="].concat()] {
            let secret = Secret::new(value.clone());
            let stored = encode(&secret);
            assert!(stored.expose_str().is_ok());
            assert_eq!(decode(stored).unwrap().expose(), value);
        }
        assert_eq!(encode(&Secret::new("plain")).expose(), b"plain");
        assert!(decode(Secret::new([BINARY, b"%"].concat())).is_none());
    }

    #[test]
    fn errors_that_carry_the_value_do_not_pass_it_on() {
        let key = SecretKey::new(&"shop".parse().unwrap(), "KEY".parse::<super::super::SecretName>().unwrap());
        let error = translate(Some(&key), keyring_core::Error::BadEncoding(b"hunter2".to_vec()));
        assert_eq!(error, SecretsError::Damaged { key });
        assert_eq!(by_text("x IsLocked".into()), SecretsError::Locked);
    }

    #[test]
    fn a_keyring_that_never_answers_is_given_up_on() {
        let (jobs, _never_served) = channel();
        let keyring = Keyring { jobs, patience: Duration::from_millis(20) };
        let error = keyring.list(&Scope::Slipway).unwrap_err();
        assert!(matches!(error, SecretsError::NoAnswer { .. }), "{error}");
    }
}
