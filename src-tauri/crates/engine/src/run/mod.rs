//! Executing a plan: lock, check that nothing moved, do the steps, observe, say how it ended.
//!
//! Execution decides nothing. Every run ends with exactly one `Finished` event, whose verdict is drawn
//! from what was observed on the host after the last step.

mod activate;
mod records;
mod steps;
mod supplies;
mod task;
mod verdict;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use slipway_core::event::{Event, EventKind, StepOutcome, Verdict, VerdictKind};
use slipway_core::manifest::Records;
use slipway_core::plan::Moved;
use slipway_core::release::Layout;
use slipway_core::resource::Payloads;

use crate::cancel::Cancel;
use crate::failure::{Code, Failure, Outcome};
use crate::lock::Lock;
use crate::site::Planned;

pub(crate) use records::append_audit;
use steps::Done;

/// How often the lease of the host lock is renewed.
const RENEW_EVERY: Duration = Duration::from_secs(30);

/// Receives the events of a run. Must not block.
pub trait EventSink: Send + Sync {
    /// Takes one event.
    fn event(&self, event: Event);
}

impl<F: Fn(Event) + Send + Sync> EventSink for F {
    fn event(&self, event: Event) {
        self(event);
    }
}

/// When the host was looked at for a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Looked {
    /// Right before the run: nobody has read the plan in between.
    JustNow,
    /// Some time ago.
    Before,
}

/// One execution of a plan.
pub struct Run<'a> {
    /// The plan, and what it was made from.
    pub planned: &'a Planned,
    /// Who is told.
    pub sink: Arc<dyn EventSink>,
    /// Request to stop.
    pub cancel: Cancel,
    /// How old the plan is.
    pub looked: Looked,
}

/// How a step failed.
#[derive(Debug, Clone)]
pub(crate) struct StepFailure {
    /// What failed.
    pub message: String,
    /// Last lines printed.
    pub log: Vec<String>,
    /// Whether it was the operator's request to stop.
    pub stopped: bool,
    /// Whether the host can no longer be asked.
    pub lost: bool,
    /// Whether it is certain that nothing of the step was begun.
    pub unbegun: bool,
    /// Whether what the step is about was done, and only noting it failed.
    pub unnoted: bool,
}

impl StepFailure {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), log: Vec::new(), stopped: false, lost: false, unbegun: false, unnoted: false }
    }

    pub(crate) fn unbegun(message: impl Into<String>) -> Self {
        Self { unbegun: true, ..Self::new(message) }
    }

    /// What became of a conversation with the host: lost, unless the host has answered or was never asked.
    pub(crate) fn lost(failure: &Failure) -> Self {
        let heard = matches!(failure.code, Code::Host | Code::Local);
        Self { lost: !heard, ..Self::new(failure.message.clone()) }
    }
}

/// A run that is under way.
pub(crate) struct Execution<'a> {
    run: &'a Planned,
    sink: &'a Arc<dyn EventSink>,
    cancel: &'a Cancel,
    lock: &'a Lock,
    began: Instant,
    layout: Layout,
    /// What is recorded on the host, as this run has written it so far.
    records: Mutex<Records>,
    /// Contents that the plan does not hold, those made for this run included.
    payloads: Payloads,
}

impl Execution<'_> {
    fn emit(&self, kind: EventKind) {
        let at_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.sink.event(Event { at_ms, kind });
    }

    fn output(&self, step: usize, line: String) {
        self.emit(EventKind::Output { step, line });
    }

    /// Tells that a line of the plan has begun.
    fn started(&self, step: usize) {
        self.emit(EventKind::StepStarted { step });
    }

    /// Tells how a line of the plan ended.
    fn finished(&self, step: usize, outcome: StepOutcome) {
        self.emit(EventKind::StepFinished { step, outcome });
    }

    /// The line of the plan that a step begins with.
    fn line(&self, step: usize) -> usize {
        self.run.plan.line_of(step)
    }
}

/// What the lock is held under: the run's name and something of this attempt's own. A kept plan can be applied by two
/// processes, and neither may pass for the other.
fn lock_token(run: &str) -> Outcome<String> {
    let mut bytes = [0; 6];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::new(Code::Local, format!("this computer gives no random numbers: {error}")))?;
    Ok(format!("{run}-{}", slipway_core::digest::hex(&bytes)))
}

impl Run<'_> {
    /// Applies the plan.
    ///
    /// # Errors
    /// When the run did not begin: the host is locked, has moved on, cannot be reached, or the plan must not
    /// be applied. Once it began, every ending is a verdict.
    pub async fn execute(&self) -> Outcome<Verdict> {
        let (plan, link) = (&self.planned.plan, &self.planned.link);
        if let Some(blocker) = plan.blockers().next() {
            let failure = Failure::new(Code::Blocked, format!("{}: {}", plan.host, blocker.text));
            return Err(failure.because("nothing was changed").hint(blocker.hint.clone().unwrap_or_default()));
        }
        let reason = format!("{} {}", plan.intent.verb(), plan.site);
        if plan.is_empty() && self.looked == Looked::JustNow {
            // Planning has seen that nothing is to be done. Neither a lock nor a second look would protect anything.
            self.sink.event(Event { at_ms: 0, kind: EventKind::Started { steps: Vec::new() } });
            let verdict = nothing_to_do(&plan.host);
            self.sink.event(Event { at_ms: 0, kind: EventKind::Finished { verdict: verdict.clone() } });
            return Ok(verdict);
        }
        let asked = &self.planned.asked;
        let lock = Lock::acquire(link, &lock_token(&asked.run)?, asked, &reason).await?;
        let moved = match self.planned.moved().await {
            Ok(moved) => moved,
            Err(failure) => {
                lock.release(link).await;
                return Err(failure);
            }
        };
        if !moved.is_empty() {
            lock.release(link).await;
            return Err(stale(&plan.host, moved));
        }
        let verdict = self.under_lock(&lock).await;
        match verdict.kind {
            VerdictKind::Unknown => lock.release(link).await,
            VerdictKind::Succeeded
            | VerdictKind::Unchanged
            | VerdictKind::RolledBack
            | VerdictKind::FailedIntact
            | VerdictKind::Split => lock.release_again(link).await,
        }
        Ok(verdict)
    }

    async fn under_lock(&self, lock: &Lock) -> Verdict {
        let plan = &self.planned.plan;
        let mut payloads = self.planned.bundle.payloads.clone();
        let supplied = supplies::supply(plan, &mut payloads);
        let execution = Execution {
            run: self.planned,
            sink: &self.sink,
            cancel: &self.cancel,
            lock,
            began: Instant::now(),
            layout: Layout::new(&plan.site),
            records: Mutex::new(self.planned.view.records.clone()),
            payloads,
        };
        execution.emit(EventKind::Started { steps: plan.lines().iter().map(|line| line.title().to_owned()).collect() });
        if let Some(text) = lock.taken_over() {
            execution.emit(EventKind::Note { text });
        }
        let verdict = tokio::select! {
            verdict = execution.go(supplied) => verdict,
            never = execution.keep_lock() => match never {},
        };
        execution.emit(EventKind::Finished { verdict: verdict.clone() });
        verdict
    }
}

impl Execution<'_> {
    /// Renews the lease for as long as the run goes on, also while a long upload does. A renewal that fails is not
    /// the run's end: each batch begins with one that is.
    async fn keep_lock(&self) -> std::convert::Infallible {
        loop {
            tokio::time::sleep(RENEW_EVERY).await;
            let _ = self.run.link.connection().await.run(self.lock.renewal()).await;
        }
    }

    async fn go(&self, supplied: Result<(), (usize, String)>) -> Verdict {
        if self.run.plan.is_empty() {
            return nothing_to_do(&self.run.plan.host);
        }
        let done = match supplied {
            Ok(()) => match self.record_begin().await {
                Ok(()) => self.steps().await,
                Err(failure) => Done { activated: None, failed: Some((0, failure)) },
            },
            Err((step, why)) => Done { activated: None, failed: Some((step, StepFailure::new(why))) },
        };
        let mut verdict = self.judge(done).await;
        if let Err(failure) = self.record_end(&verdict).await {
            let host = &self.run.plan.host;
            // Of a host that could not be asked, either, it has been said why.
            let why =
                if verdict.kind == VerdictKind::Unknown { String::new() } else { format!(" ({})", failure.message) };
            let text = format!("how it ended could not be recorded on {host}{why}; the next run looks for itself");
            verdict.evidence.push(text);
        }
        verdict
    }
}

fn nothing_to_do(host: &str) -> Verdict {
    Verdict {
        kind: VerdictKind::Unchanged,
        summary: format!("{host} is as the site file says; nothing was changed"),
        evidence: vec!["every file, package and service that the site needs was looked at".to_owned()],
        hint: None,
        log: Vec::new(),
    }
}

fn stale(host: &str, moved: Vec<Moved>) -> Failure {
    let mut failure =
        Failure::new(Code::Stale, format!("{host} has changed since this plan was made; nothing was changed"))
            .hint("look at the new plan and apply that");
    for change in moved.iter().take(10) {
        failure = failure.because(format!("{}: was {}, is {}", change.subject, change.was, change.now));
    }
    Failure { moved, ..failure }
}
