//! Passwords and passphrases of hosts, for connections that are made while nobody is there to be asked.
//!
//! They are kept in memory for as long as the process runs, and in the keyring when the person wants that. An answer
//! belongs to one login (`user@address:port`): a host that was given another address does not get it. What a host
//! refused is not sent again until a person gives it anew, so that no account is locked.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::future::BoxFuture;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use slipway_core::secret::Secret;
use slipway_host::{Credentials, Target};

use crate::failure::{Code, Failure, Outcome};
use crate::inventory::HostName;
use crate::need::Need;
use crate::secrets::{Scope, SecretKey, SecretStore, SecretsError, Version, off_thread};

/// What a value is given for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum CredentialKind {
    /// The login's password.
    Password,
    /// The password for `sudo`. Without one, the login's is tried.
    SudoPassword,
    /// The passphrase of a private key.
    Passphrase {
        /// The key.
        file: PathBuf,
    },
}

impl CredentialKind {
    /// The name that it is kept under in the keyring.
    fn name(&self) -> &'static str {
        match self {
            Self::Password => "LOGIN_PASSWORD",
            Self::SudoPassword => "SUDO_PASSWORD",
            Self::Passphrase { .. } => "KEY_PASSPHRASE",
        }
    }

    /// To what an answer belongs.
    fn belongs_to(&self, target: &Target) -> String {
        match self {
            Self::Password | Self::SudoPassword => format!("{}@{}:{}", target.user, target.address, target.port),
            Self::Passphrase { file } => file.display().to_string(),
        }
    }
}

/// Answers for hosts.
pub struct Answers {
    store: Arc<dyn SecretStore>,
    known: Mutex<Known>,
}

type Place = (String, CredentialKind);

#[derive(Default)]
struct Known {
    held: HashMap<Place, Held>,
    /// The keyring was asked and had none.
    lacking: HashSet<Place>,
    /// A host said no.
    refused: HashSet<Place>,
}

struct Held {
    value: Secret,
    /// To what it belongs; unknown until it is used for the first time.
    belongs_to: Option<String>,
}

impl std::fmt::Debug for Answers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answers").finish_non_exhaustive()
    }
}

impl Answers {
    /// No answers yet but those that `store` remembers.
    pub fn new(store: Arc<dyn SecretStore>) -> Arc<Self> {
        Arc::new(Self { store, known: Mutex::default() })
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an answer for the host of this name, for as long as the process runs.
    pub fn give(&self, host: &str, asked: CredentialKind, value: Secret) {
        let place = (host.to_owned(), asked);
        let mut known = self.known();
        known.refused.remove(&place);
        known.held.insert(place, Held { value, belongs_to: None });
    }

    /// Takes an answer that worked for `target`, and is its from now on.
    pub(crate) fn give_for(&self, target: &Target, asked: CredentialKind, value: Secret) {
        let belongs_to = Some(asked.belongs_to(target));
        let place = (target.name.clone(), asked);
        let mut known = self.known();
        known.refused.remove(&place);
        known.held.insert(place, Held { value, belongs_to });
    }

    /// Notes what a failed connection says about answers: one that was refused is not sent again.
    pub fn heard(&self, need: &Need) {
        let place = match need {
            Need::Password { host, wrong: true } => (host.clone(), CredentialKind::Password),
            Need::SudoPassword { host, wrong: true } => (host.clone(), CredentialKind::SudoPassword),
            Need::Passphrase { host, file, wrong: true } => {
                (host.clone(), CredentialKind::Passphrase { file: file.clone() })
            }
            Need::Password { .. } | Need::SudoPassword { .. } | Need::Passphrase { .. } | Need::HostKey { .. } => {
                return;
            }
        };
        let mut known = self.known();
        known.held.remove(&place);
        known.refused.insert(place);
    }

    /// Puts the answers that were used for this host into the keyring. Returns how many there were.
    ///
    /// # Errors
    /// When the keyring cannot be used.
    pub async fn remember(&self, host: &HostName, now: Timestamp) -> Outcome<usize> {
        let entries: Vec<(SecretKey, Secret)> = self
            .known()
            .held
            .iter()
            .filter(|((name, _), _)| name == host.as_str())
            .filter_map(|((_, asked), held)| Some((key(host, asked)?, bound(held.belongs_to.as_ref()?, &held.value))))
            .collect();
        let count = entries.len();
        let write = move |store: &dyn SecretStore| -> Result<(), SecretsError> {
            entries.iter().try_for_each(|(key, value)| store.set(key, value, now))
        };
        off_thread(Arc::clone(&self.store), write).await?;
        Ok(count)
    }

    /// Forgets the answers for a host in memory; those in the keyring are used again when they are needed.
    pub fn forget(&self, host: &str) {
        let mut known = self.known();
        known.held.retain(|(name, _), _| name != host);
        known.lacking.retain(|(name, _)| name != host);
        known.refused.retain(|(name, _)| name != host);
    }

    /// Forgets the answers for a host in memory and in the keyring.
    ///
    /// # Errors
    /// When the keyring cannot be used; those in memory are forgotten all the same.
    pub async fn forget_remembered(&self, host: &HostName) -> Outcome<()> {
        self.forget(host.as_str());
        let all = [
            CredentialKind::Password,
            CredentialKind::SudoPassword,
            CredentialKind::Passphrase { file: PathBuf::new() },
        ];
        let keys: Vec<SecretKey> = all.iter().filter_map(|asked| key(host, asked)).collect();
        let clear = move |store: &dyn SecretStore| keys.iter().try_for_each(|key| store.remove(key).map(drop));
        off_thread(Arc::clone(&self.store), clear).await.map_err(Failure::from)
    }

    /// The kinds of answers that the keyring remembers for a host.
    ///
    /// # Errors
    /// When the keyring cannot be used.
    pub async fn remembered(&self, host: &HostName) -> Outcome<Vec<String>> {
        let scope = Scope::Host(host.clone());
        let list = off_thread(Arc::clone(&self.store), move |store| store.list(&scope)).await;
        let list = list?;
        Ok(list.into_iter().map(|stored| stored.name.to_string()).collect())
    }

    /// The answer for `target`, from memory or the keyring.
    async fn find(&self, target: &Target, asked: CredentialKind) -> Option<Secret> {
        let wanted = asked.belongs_to(target);
        let place = (target.name.clone(), asked);
        {
            let mut known = self.known();
            if let Some(held) = known.held.get_mut(&place) {
                let right = *held.belongs_to.get_or_insert_with(|| wanted.clone()) == wanted;
                return right.then(|| held.value.clone());
            }
            if known.refused.contains(&place) || known.lacking.contains(&place) {
                return None;
            }
        }
        let stored = self.stored(&place).await.filter(|(belongs_to, _)| *belongs_to == wanted);
        let mut known = self.known();
        match stored {
            Some((belongs_to, value)) => {
                known.held.insert(place, Held { value: value.clone(), belongs_to: Some(belongs_to) });
                Some(value)
            }
            None => {
                known.lacking.insert(place);
                None
            }
        }
    }

    /// What the keyring has. A keyring that cannot be used has nothing: the person is asked instead.
    async fn stored(&self, (name, asked): &Place) -> Option<(String, Secret)> {
        let key = key(&name.parse().ok()?, asked)?;
        let stored = off_thread(Arc::clone(&self.store), move |store| store.get(&key)).await.ok()??;
        let bytes = stored.expose();
        let end = bytes.iter().position(|byte| *byte == b'\n')?;
        let belongs_to = std::str::from_utf8(bytes.get(..end)?).ok()?.to_owned();
        Some((belongs_to, Secret::new(bytes.get(end + 1..)?)))
    }

    fn is_refused(&self, target: &Target, asked: CredentialKind) -> bool {
        self.known().refused.contains(&(target.name.clone(), asked))
    }
}

/// The first line says to what the rest belongs.
fn bound(belongs_to: &str, value: &Secret) -> Secret {
    Secret::new([belongs_to.as_bytes(), b"\n", value.expose()].concat())
}

fn key(host: &HostName, asked: &CredentialKind) -> Option<SecretKey> {
    let name = asked.name().parse().ok()?;
    Some(SecretKey { scope: Scope::Host(host.clone()), name, version: Version::Current })
}

impl Credentials for Answers {
    fn password<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, Option<Secret>> {
        Box::pin(self.find(target, CredentialKind::Password))
    }

    fn passphrase<'a>(&'a self, target: &'a Target, file: &'a Path, attempt: u8) -> BoxFuture<'a, Option<Secret>> {
        Box::pin(async move {
            // The same one would be as wrong the second time.
            if attempt > 1 {
                None
            } else {
                self.find(target, CredentialKind::Passphrase { file: file.to_owned() }).await
            }
        })
    }

    fn sudo_password<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, Option<Secret>> {
        Box::pin(async move {
            if let Some(password) = self.find(target, CredentialKind::SudoPassword).await {
                return Some(password);
            }
            // sudo asks for the login's own password (sudoers(5), without `rootpw` or `targetpw`).
            if self.is_refused(target, CredentialKind::SudoPassword) {
                None
            } else {
                self.find(target, CredentialKind::Password).await
            }
        })
    }
}

/// An answer from a window: text of a field.
///
/// # Errors
/// When nothing was typed.
pub fn typed(text: String) -> Outcome<Secret> {
    if text.is_empty() {
        Err(Failure::new(Code::Usage, "nothing was typed"))
    } else {
        Ok(Secret::new(text.into_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::Memory;

    fn target(address: &str) -> Target {
        let mut target = Target::new(address, "ann");
        target.name = "web-1".into();
        target
    }

    async fn text(answer: BoxFuture<'_, Option<Secret>>) -> Option<String> {
        answer.await.map(|secret| secret.expose_str().unwrap().to_owned())
    }

    #[tokio::test]
    async fn an_answer_belongs_to_one_login() {
        let answers = Answers::new(Arc::new(Memory::default()));
        let (here, moved) = (target("192.0.2.1"), target("192.0.2.2"));
        assert_eq!(text(answers.password(&here)).await, None);
        answers.give("web-1", CredentialKind::Password, Secret::new("one"));
        assert_eq!(text(answers.password(&here)).await.as_deref(), Some("one"));
        assert_eq!(text(answers.password(&moved)).await, None, "another address");
        assert_eq!(text(answers.sudo_password(&here)).await.as_deref(), Some("one"), "sudo asks for the login's");
        answers.give("web-1", CredentialKind::SudoPassword, Secret::new("two"));
        assert_eq!(text(answers.sudo_password(&here)).await.as_deref(), Some("two"));
        answers.heard(&Need::SudoPassword { host: "web-1".into(), wrong: true });
        assert_eq!(text(answers.sudo_password(&here)).await, None, "no second attempt");
        assert_eq!(text(answers.password(&here)).await.as_deref(), Some("one"));
        answers.give("web-1", CredentialKind::SudoPassword, Secret::new("three"));
        assert_eq!(text(answers.sudo_password(&here)).await.as_deref(), Some("three"));
        assert!(!format!("{answers:?}").contains("three"));
    }

    #[tokio::test]
    async fn what_is_remembered_is_there_after_a_restart_and_goes_when_told() {
        let store: Arc<dyn SecretStore> = Arc::new(Memory::default());
        let host: HostName = "web-1".parse().unwrap();
        let file = PathBuf::from("/home/ann/.ssh/id_work");
        let first = Answers::new(store.clone());
        first.give("web-1", CredentialKind::Password, Secret::new("pass\nword"));
        first.give("web-1", CredentialKind::Passphrase { file: file.clone() }, Secret::new("phrase"));
        first.give("web-1", CredentialKind::SudoPassword, Secret::new("never used"));
        text(first.password(&target("192.0.2.1"))).await.unwrap();
        text(first.passphrase(&target("192.0.2.1"), &file, 1)).await.unwrap();
        assert_eq!(first.remember(&host, Timestamp::UNIX_EPOCH).await.unwrap(), 2);
        let again = Answers::new(store.clone());
        assert_eq!(again.remembered(&host).await.unwrap(), ["KEY_PASSPHRASE", "LOGIN_PASSWORD"]);
        assert_eq!(text(again.password(&target("192.0.2.1"))).await.as_deref(), Some("pass\nword"));
        assert_eq!(text(again.passphrase(&target("192.0.2.1"), &file, 1)).await.as_deref(), Some("phrase"));
        assert_eq!(text(again.passphrase(&target("192.0.2.1"), &file, 2)).await, None);
        let moved = Answers::new(store.clone());
        assert_eq!(text(moved.password(&target("192.0.2.9"))).await, None);
        again.heard(&Need::Password { host: "web-1".into(), wrong: true });
        assert_eq!(text(again.password(&target("192.0.2.1"))).await, None, "a remembered one that is wrong");
        again.forget_remembered(&host).await.unwrap();
        assert!(again.remembered(&host).await.unwrap().is_empty());
        assert_eq!(text(Answers::new(store).password(&target("192.0.2.1"))).await, None);
    }

    #[tokio::test]
    async fn what_worked_in_a_trial_can_be_remembered_before_it_is_used_again() {
        let store: Arc<dyn SecretStore> = Arc::new(Memory::default());
        let host: HostName = "web-1".parse().unwrap();
        let first = Answers::new(store.clone());
        first.give_for(&target("192.0.2.1"), CredentialKind::Password, Secret::new("one"));
        assert_eq!(first.remember(&host, Timestamp::UNIX_EPOCH).await.unwrap(), 1);
        let again = Answers::new(store);
        assert_eq!(text(again.password(&target("192.0.2.1"))).await.as_deref(), Some("one"));
        assert_eq!(text(first.password(&target("192.0.2.2"))).await, None, "another address");
    }
}
