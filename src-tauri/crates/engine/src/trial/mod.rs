//! Trying a connection, step by step, with a host that need not be in the inventory. Nothing is changed on the host.
//!
//! Nobody is asked in between: the trial ends by saying what it needs, and is made again with the answer. An unknown
//! host key is recorded only when the person gave its full fingerprint; a changed or revoked one has no way on.

mod steps;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use serde::Serialize;
use slipway_core::facts::Facts;
use slipway_core::secret::Secret;
use slipway_host::{ConnectError, Connection, Credentials, Decision, HostKeyDecision, PresentedKey, Target, connect};

pub use steps::{StepKind, StepState, TrialStep};

use crate::answers::{Answers, CredentialKind};
use crate::desk::Desk;
use crate::desk::hosts::{Auth, HostForm};
use crate::failure::{Code, Failure, Outcome};
use crate::inventory::SudoMode;
use crate::need::{Need, ShownKey, need};
use crate::observe;
use crate::remote::connect_failure;
use steps::StepLog;

/// How long looking at the host may take: its probes have limits of their own.
const LOOK_LIMIT: Duration = Duration::from_secs(120);
/// How long saying goodbye may take.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);

/// What the person has answered so far.
#[derive(Debug, Clone, Default)]
pub struct TrialAnswers {
    /// `SHA256:…` of the host key that was compared and found right.
    pub accepted_fingerprint: Option<String>,
    /// The login's password.
    pub password: Option<Secret>,
    /// The passphrase of the key file.
    pub passphrase: Option<Secret>,
    /// The password for `sudo`; the login's is tried when there is none.
    pub sudo_password: Option<Secret>,
}

impl TrialAnswers {
    /// Whether it holds an answer to what `host` is said to need.
    fn answers(&self, need: &Need, own: &str) -> bool {
        match need {
            Need::Password { host, .. } => host == own && self.password.is_some(),
            Need::Passphrase { host, .. } => host == own && self.passphrase.is_some(),
            Need::SudoPassword { .. } => self.sudo_password.is_some() || self.password.is_some(),
            Need::HostKey { .. } => self.accepted_fingerprint.is_some(),
        }
    }
}

/// How a trial went.
#[derive(Debug, Clone, Serialize)]
pub struct Trial {
    /// Every step, in order.
    pub steps: Vec<TrialStep>,
    /// How it ended.
    pub outcome: TrialOutcome,
    /// The step that failed.
    pub failed_step: Option<StepKind>,
    /// What else is worth knowing: lines of `~/.ssh/config` that are not followed, a key that could not be recorded,
    /// and what the host says before login (remote text).
    pub notes: Vec<String>,
}

/// How a trial ended.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum TrialOutcome {
    /// Commands can be run as root.
    Ready {
        /// What was seen.
        facts: Box<Facts>,
        /// The host's key.
        host_key: Option<ShownKey>,
    },
    /// The person must compare a key.
    NeedsHostKey {
        /// The key.
        presented: ShownKey,
        /// The fingerprint that was accepted before, when this is another one.
        accepted: Option<String>,
    },
    /// Another key is recorded. There is no way on.
    HostKeyChanged {
        /// What was presented.
        presented: ShownKey,
        /// What is recorded.
        recorded: Vec<RecordedKey>,
        /// What it means.
        failure: Failure,
    },
    /// The login's password is needed.
    NeedsPassword {
        /// Which host wants it: this one, or a jump host, whose answers go to [`Answers::give`].
        host: String,
        /// Whether one was given and refused.
        wrong: bool,
    },
    /// A passphrase is needed.
    NeedsPassphrase {
        /// The host that the key is for.
        host: String,
        /// The key.
        file: PathBuf,
        /// Whether one was given and does not open it.
        wrong: bool,
    },
    /// `sudo` asks for a password.
    NeedsSudoPassword {
        /// Whether one was given and refused.
        wrong: bool,
    },
    /// It does not work.
    Failed {
        /// Why.
        failure: Failure,
    },
}

/// A key that is recorded for the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RecordedKey {
    /// Key type.
    pub algorithm: String,
    /// `SHA256:…`.
    pub fingerprint: String,
    /// The file.
    pub file: PathBuf,
    /// Line, from 1.
    pub line: usize,
}

/// Tries the connection that `form` describes. `store` answers for jump hosts, and takes the answers that worked.
///
/// `on_step` is told of each step as it begins and ends; it must not block. Dropping the future ends the trial.
pub async fn trial(
    desk: &Desk,
    store: &Arc<Answers>,
    form: &HostForm,
    given: &TrialAnswers,
    on_step: impl Fn(TrialStep) + Send + Sync + 'static,
) -> Trial {
    let recorder = Arc::new(StepLog::new(form.name.as_str(), Box::new(on_step)));
    let resolved = form.host(desk.clock.now()).and_then(|host| desk.target(&host));
    let resolved = match resolved {
        Ok(resolved) => resolved,
        Err(failure) => {
            recorder.fail(form.name.as_str(), StepKind::Resolve, &failure.message);
            return recorder.end(TrialOutcome::Failed { failure });
        }
    };
    resolved.problems.iter().for_each(|problem| recorder.note(problem.to_string()));
    let target = resolved.target;
    let supplied = Arc::new(Supplied::new(&target.name, given, store));
    let accepting = Arc::new(Accepting(given.accepted_fingerprint.clone()));
    let connection = match connect(&target, supplied.clone(), accepting, recorder.clone()).await {
        Ok(connection) => connection,
        Err(error) => {
            let (host, kind) = failed_at(&error, recorder.current());
            let failure = connect_failure(&error);
            // What was typed for the trial was never the store's.
            if let Some(need) = need(&error).filter(|need| !given.answers(need, &target.name)) {
                store.heard(&need);
            }
            recorder.fail(&host, kind, &failure.message);
            return recorder.end(outcome(&error, failure, form, given));
        }
    };
    recorder.begin(&target.name, StepKind::Facts, "looking at what it is".to_owned());
    match look(&target, connection).await {
        Ok(facts) => {
            recorder.finish(&words_of(&facts));
            supplied.keep(&target);
            let host_key = recorder.key_of(&target.name);
            recorder.end(TrialOutcome::Ready { facts: Box::new(facts), host_key })
        }
        Err(failure) => {
            recorder.fail(&target.name, StepKind::Facts, &failure.message);
            recorder.end(TrialOutcome::Failed { failure })
        }
    }
}

/// What the host is, looked at once.
async fn look(target: &Target, connection: Connection) -> Outcome<Facts> {
    let looked = tokio::time::timeout(LOOK_LIMIT, observe::facts(&connection)).await;
    // The answer is there already; a goodbye that is not heard changes nothing.
    let _ = tokio::time::timeout(CLOSE_LIMIT, connection.close()).await;
    looked.unwrap_or_else(|_| {
        let message = format!("{}: looking at it took longer than {} s", target.name, LOOK_LIMIT.as_secs());
        Err(Failure::new(Code::Unreachable, message).hint("nothing was changed; try again when it is less busy"))
    })
}

fn words_of(facts: &Facts) -> String {
    facts.os.known().map_or_else(|| "its distribution is not known".to_owned(), |os| os.pretty_name.clone())
}

/// The host and the step that an error is about; `current` where it does not say.
fn failed_at(error: &ConnectError, current: Option<(String, StepKind)>) -> (String, StepKind) {
    let named = |host: &String, kind| (host.clone(), kind);
    match error {
        ConnectError::JumpFailed { source, .. } => failed_at(source, current),
        ConnectError::NoAddress { host, .. } => named(host, StepKind::Resolve),
        ConnectError::Unreachable { host, .. } => named(host, StepKind::Connect),
        ConnectError::HostKeyUnknown { host, .. }
        | ConnectError::HostKeyChanged { host, .. }
        | ConnectError::HostKeyRevoked { host, .. }
        | ConnectError::KnownHostsUnreadable { host, .. } => named(host, StepKind::HostKey),
        ConnectError::AuthenticationFailed { host, .. } | ConnectError::KeyUnreadable { host, .. } => {
            named(host, StepKind::Authenticate)
        }
        ConnectError::SudoPasswordWrong { host }
        | ConnectError::SudoNotAllowed { host, .. }
        | ConnectError::SudoNeedsPassword { host }
        | ConnectError::SudoNeedsTty { host }
        | ConnectError::NoPrivilegedShell { host, .. } => named(host, StepKind::Sudo),
        ConnectError::NotSsh { host, .. } | ConnectError::Timeout { host, .. } => {
            current.unwrap_or_else(|| named(host, StepKind::Connect))
        }
        // The enum of the host crate is open.
        _ => current.unwrap_or_default(),
    }
}

fn outcome(error: &ConnectError, failure: Failure, form: &HostForm, given: &TrialAnswers) -> TrialOutcome {
    if let Some((presented, recorded)) = changed(error) {
        return TrialOutcome::HostKeyChanged { presented, recorded, failure };
    }
    let own = |host: &str| host == form.name.as_str();
    match need(error).filter(|need| helps(need, form)) {
        Some(Need::HostKey { key }) => {
            TrialOutcome::NeedsHostKey { presented: key, accepted: given.accepted_fingerprint.clone() }
        }
        // Asking for what was given already would go on for ever.
        Some(Need::Password { host, wrong: false }) if own(&host) && given.password.is_some() => {
            TrialOutcome::Failed { failure }
        }
        Some(Need::Password { host, wrong }) => TrialOutcome::NeedsPassword { host, wrong },
        Some(Need::Passphrase { host, file, wrong }) => TrialOutcome::NeedsPassphrase { host, file, wrong },
        // What the person had not typed for sudo cannot have been typed wrong.
        Some(Need::SudoPassword { wrong, .. }) => {
            TrialOutcome::NeedsSudoPassword { wrong: wrong && given.sudo_password.is_some() }
        }
        None => TrialOutcome::Failed { failure },
    }
}

/// Whether an answer would help with the host as it is described: one who chose a key is not asked for a password.
pub(crate) fn helps(need: &Need, form: &HostForm) -> bool {
    match need {
        Need::Password { host, .. } if host == form.name.as_str() => match form.auth {
            Auth::Password | Auth::Config => true,
            Auth::Agent { .. } | Auth::KeyFile { .. } => false,
        },
        Need::SudoPassword { .. } => form.sudo != SudoMode::Passwordless,
        Need::Password { .. } | Need::Passphrase { .. } | Need::HostKey { .. } => true,
    }
}

fn changed(error: &ConnectError) -> Option<(ShownKey, Vec<RecordedKey>)> {
    match error {
        ConnectError::JumpFailed { source, .. } => changed(source),
        ConnectError::HostKeyChanged { key, expected, .. } => {
            let recorded = expected.iter().map(|one| RecordedKey {
                algorithm: one.algorithm.clone(),
                fingerprint: one.fingerprint.clone(),
                file: one.place.file.clone(),
                line: one.place.line,
            });
            Some((key.as_ref().into(), recorded.collect()))
        }
        _ => None,
    }
}

/// Accepts the one key that a person compared.
struct Accepting(Option<String>);

impl HostKeyDecision for Accepting {
    fn unknown<'a>(&'a self, key: &'a PresentedKey) -> BoxFuture<'a, Decision> {
        let accepted = self.0.as_deref() == Some(key.fingerprint.as_str());
        Box::pin(std::future::ready(if accepted { Decision::Remember } else { Decision::Reject }))
    }
}

/// Answers of the form for its host, and of the store for everything else.
struct Supplied {
    own: String,
    given: TrialAnswers,
    store: Arc<Answers>,
    /// The key that the given passphrase was last wanted for.
    opened: Mutex<Option<PathBuf>>,
}

impl Supplied {
    fn new(own: &str, given: &TrialAnswers, store: &Arc<Answers>) -> Self {
        let (given, store) = (given.clone(), Arc::clone(store));
        Self { own: own.to_owned(), given, store, opened: Mutex::default() }
    }

    /// What worked here works for the connections that come. A passphrase is that of the one key that let us in, which
    /// is the last that was opened: the keyring has one place for it, whatever other keys there are.
    fn keep(&self, target: &Target) {
        let give = |asked: CredentialKind, value: &Option<Secret>| {
            if let Some(value) = value {
                self.store.give_for(target, asked, value.clone());
            }
        };
        give(CredentialKind::Password, &self.given.password);
        give(CredentialKind::SudoPassword, &self.given.sudo_password);
        if let Some(file) = self.opened.lock().unwrap_or_else(PoisonError::into_inner).clone() {
            give(CredentialKind::Passphrase { file }, &self.given.passphrase);
        }
    }

    fn given<'a>(&self, target: &Target, value: &'a Option<Secret>) -> Option<&'a Secret> {
        value.as_ref().filter(|_| target.name == self.own)
    }
}

impl Credentials for Supplied {
    fn password<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, Option<Secret>> {
        match self.given(target, &self.given.password) {
            Some(password) => Box::pin(std::future::ready(Some(password.clone()))),
            None => self.store.password(target),
        }
    }

    fn passphrase<'a>(
        &'a self,
        target: &'a Target,
        file: &'a std::path::Path,
        attempt: u8,
    ) -> BoxFuture<'a, Option<Secret>> {
        match self.given(target, &self.given.passphrase) {
            Some(phrase) => {
                *self.opened.lock().unwrap_or_else(PoisonError::into_inner) = Some(file.to_owned());
                Box::pin(std::future::ready(Some(phrase.clone()).filter(|_| attempt == 1)))
            }
            None => self.store.passphrase(target, file, attempt),
        }
    }

    fn sudo_password<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, Option<Secret>> {
        let given = self.given(target, &self.given.sudo_password).or(self.given(target, &self.given.password));
        match given {
            Some(password) => Box::pin(std::future::ready(Some(password.clone()))),
            None => self.store.sudo_password(target),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use jiff::Timestamp;

    use super::*;
    use crate::secrets::{Memory, SecretStore};

    #[tokio::test]
    async fn a_passphrase_is_remembered_for_the_key_that_it_opened() {
        let keyring: Arc<dyn SecretStore> = Arc::new(Memory::default());
        let mut target = Target::new("192.0.2.1", "ann");
        target.name = "web1".into();
        // As ssh would look for keys.
        let keys = ["id_rsa", "id_ecdsa", "id_ecdsa_sk", "id_ed25519", "id_ed25519_sk"];
        target.identities = keys.map(|key| Path::new("/home/ann/.ssh").join(key)).to_vec();
        let used = Path::new("/home/ann/.ssh/id_ed25519");
        let given = TrialAnswers { passphrase: Some(Secret::new("phrase")), ..TrialAnswers::default() };
        let store = Answers::new(keyring.clone());
        let supplied = Supplied::new("web1", &given, &store);
        assert!(supplied.passphrase(&target, used, 1).await.is_some());
        supplied.keep(&target);
        assert_eq!(store.remember(&"web1".parse().unwrap(), Timestamp::UNIX_EPOCH).await.unwrap(), 1);
        for file in &target.identities {
            let again = Answers::new(keyring.clone());
            assert_eq!(again.passphrase(&target, file, 1).await.is_some(), file == used, "{}", file.display());
        }
    }
}
