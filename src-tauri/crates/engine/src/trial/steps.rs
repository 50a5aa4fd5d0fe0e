//! The steps of a trial, as they are told.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde::Serialize;
use slipway_host::{Observer, Step};

use super::{Trial, TrialOutcome};
use crate::need::ShownKey;

/// Kinds of steps, in order. A jump host has its own, up to the login.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepKind {
    /// The name is looked up.
    #[default]
    Resolve,
    /// A TCP connection is made.
    Connect,
    /// The host's key is checked.
    HostKey,
    /// Logging in.
    Authenticate,
    /// Becoming root.
    Sudo,
    /// Looking at what the host is.
    Facts,
}

impl StepKind {
    const ALL: [Self; 6] = [Self::Resolve, Self::Connect, Self::HostKey, Self::Authenticate, Self::Sudo, Self::Facts];
}

/// What became of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepState {
    /// It goes on.
    Started,
    /// It worked.
    Ok,
    /// It failed.
    Failed,
    /// It was not tried, or is not needed.
    Skipped,
}

/// One step of one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TrialStep {
    /// The host: the one that is tried, or a jump host.
    pub host: String,
    /// Which step.
    pub kind: StepKind,
    /// What became of it.
    pub state: StepState,
    /// How long it has taken so far.
    pub elapsed_ms: u64,
    /// What is being done, or what came of it. May hold remote text.
    pub words: String,
}

type Told = Box<dyn Fn(TrialStep) + Send + Sync>;

/// Keeps the steps and tells about them.
pub(super) struct StepLog {
    own: String,
    told: Told,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    steps: Vec<TrialStep>,
    /// When the last of the steps began, while it goes on.
    since: Option<Instant>,
    notes: Vec<String>,
    keys: Vec<ShownKey>,
}

impl StepLog {
    pub(super) fn new(own: &str, told: Told) -> Self {
        Self { own: own.to_owned(), told, kept: Mutex::default() }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The step that goes on.
    pub(super) fn current(&self) -> Option<(String, StepKind)> {
        let kept = self.kept();
        kept.since.and(kept.steps.last()).map(|step| (step.host.clone(), step.kind))
    }

    /// A step begins, and with that the one before has worked. Told again, it has other words.
    pub(super) fn begin(&self, host: &str, kind: StepKind, words: String) {
        if self.current().is_some_and(|current| current == (host.to_owned(), kind)) {
            return self.change(StepState::Started, Some(&words));
        }
        self.change(StepState::Ok, None);
        let has = |kind| self.kept().steps.iter().any(|step| step.host == host && step.kind == kind);
        if kind == StepKind::Connect && !has(StepKind::Resolve) {
            self.push(host, StepKind::Resolve, StepState::Skipped, "the jump host looks it up".to_owned());
        }
        self.push(host, kind, StepState::Started, words);
        self.kept().since = Some(Instant::now());
    }

    /// The step that goes on has worked.
    pub(super) fn finish(&self, words: &str) {
        self.change(StepState::Ok, Some(words));
    }

    /// A step has failed; what would have come after it is skipped.
    pub(super) fn fail(&self, host: &str, kind: StepKind, words: &str) {
        if self.current().is_none_or(|current| current != (host.to_owned(), kind)) {
            self.begin(host, kind, String::new());
        }
        self.change(StepState::Failed, Some(words));
        let own = self.own.clone();
        let done: Vec<StepKind> =
            self.kept().steps.iter().filter(|step| step.host == own).map(|step| step.kind).collect();
        for kind in StepKind::ALL.into_iter().filter(|kind| !done.contains(kind)) {
            self.push(&own, kind, StepState::Skipped, String::new());
        }
    }

    pub(super) fn note(&self, text: String) {
        self.kept().notes.push(text);
    }

    /// The key that a host presented.
    pub(super) fn key_of(&self, host: &str) -> Option<ShownKey> {
        self.kept().keys.iter().rfind(|key| key.host == host).cloned()
    }

    pub(super) fn end(&self, outcome: TrialOutcome) -> Trial {
        let kept = self.kept();
        let failed_step = kept.steps.iter().find(|step| step.state == StepState::Failed).map(|step| step.kind);
        Trial { steps: kept.steps.clone(), outcome, failed_step, notes: kept.notes.clone() }
    }

    fn push(&self, host: &str, kind: StepKind, state: StepState, words: String) {
        let step = TrialStep { host: host.to_owned(), kind, state, elapsed_ms: 0, words };
        self.kept().steps.push(step.clone());
        (self.told)(step);
    }

    /// Changes the step that goes on, if one does.
    fn change(&self, state: StepState, words: Option<&str>) {
        let step = {
            let mut kept = self.kept();
            let Some(since) = kept.since else { return };
            if state != StepState::Started {
                kept.since = None;
            }
            let Some(step) = kept.steps.last_mut() else { return };
            step.state = state;
            step.elapsed_ms = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
            if let Some(words) = words {
                words.clone_into(&mut step.words);
            }
            step.clone()
        };
        (self.told)(step);
    }
}

impl Observer for StepLog {
    fn step(&self, step: Step) {
        match step {
            Step::Resolving { host } => self.begin(&host, StepKind::Resolve, "looking its address up".to_owned()),
            Step::Connecting { host, address } => {
                self.begin(&host, StepKind::Connect, format!("connecting to {address}"))
            }
            Step::HostKey { host, key } => {
                self.begin(&host, StepKind::HostKey, format!("{} {}", key.algorithm, key.fingerprint));
                self.kept().keys.push(key.as_ref().into());
            }
            Step::NotRemembered { host, why } => self.note(format!("{host}: its key could not be recorded: {why}")),
            Step::Authenticating { host, method } => self.begin(&host, StepKind::Authenticate, method),
            Step::Banner { host, text } => self.note(format!("{host} says: {}", text.trim_end())),
            Step::OpeningPrivilegedChannel { host } => self.begin(&host, StepKind::Sudo, "becoming root".to_owned()),
            Step::Ready { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::failure::{Code, Failure};

    #[test]
    fn every_step_begins_once_and_ends_once_also_through_a_jump_host() {
        let told: Arc<Mutex<Vec<(String, StepKind, StepState)>>> = Arc::default();
        let sink = told.clone();
        let recorder =
            StepLog::new("inner", Box::new(move |step| sink.lock().unwrap().push((step.host, step.kind, step.state))));
        let name = |host: &str| host.to_owned();
        recorder.step(Step::Resolving { host: name("gate") });
        recorder.step(Step::Connecting { host: name("gate"), address: "192.0.2.1:22".into() });
        recorder.step(Step::Connecting { host: name("gate"), address: "192.0.2.2:22".into() });
        recorder.step(Step::Authenticating { host: name("gate"), method: "publickey".into() });
        recorder.step(Step::Connecting { host: name("inner"), address: "inner:22".into() });
        recorder.fail("inner", StepKind::Connect, "refused");
        let failure = Failure::new(Code::Unreachable, "refused");
        let trial = recorder.end(TrialOutcome::Failed { failure });
        assert_eq!(trial.failed_step, Some(StepKind::Connect));
        let states: Vec<_> = trial.steps.iter().map(|step| (step.host.as_str(), step.kind, step.state)).collect();
        use StepKind::*;
        use StepState::{Failed, Ok, Skipped};
        assert_eq!(
            states,
            [
                ("gate", Resolve, Ok),
                ("gate", Connect, Ok),
                ("gate", Authenticate, Ok),
                ("inner", Resolve, Skipped),
                ("inner", Connect, Failed),
                ("inner", HostKey, Skipped),
                ("inner", Authenticate, Skipped),
                ("inner", Sudo, Skipped),
                ("inner", Facts, Skipped),
            ]
        );
        let told = told.lock().unwrap();
        let ended = |state| told.iter().filter(|step| step.2 == state).count();
        assert_eq!((ended(Ok), ended(Failed), ended(Skipped)), (3, 1, 5));
    }
}
