//! Runs: under way and in the history.

use serde::{Deserialize, Serialize};
use slipway_core::event::{self, EventKind, VerdictKind};
use slipway_engine::going;
use slipway_engine::history::RunRecord;
use specta::Type;
use specta_typescript::Number;

use super::Failure;
use super::plan::PlanView;

/// A run in a list.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct RunCard {
    /// Its number on this desktop.
    #[specta(type = Number)]
    pub id: i64,
    /// `apply`, `deploy`, `rollback`.
    pub verb: String,
    /// The site.
    pub site: Option<String>,
    /// The host.
    pub host: String,
    /// Who started it.
    pub operator: String,
    /// When it began.
    #[specta(type = Number)]
    pub started_ms: i64,
    /// When it ended.
    #[specta(type = Option<Number>)]
    pub finished_ms: Option<i64>,
    /// How it is or ended.
    pub state: RunState,
    /// In a sentence, when it has ended.
    pub summary: Option<String>,
    /// Title of the step at work, when it goes on in this window.
    pub step: Option<String>,
    /// Whether it was asked to stop.
    pub cancelling: bool,
}

/// How a run is or ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum RunState {
    /// It goes on.
    UnderWay,
    Succeeded,
    Unchanged,
    RolledBack,
    FailedIntact,
    Split,
    Unknown,
    /// It did not begin: locked, stale, refused.
    NotBegun,
    /// Slipway ended before it did.
    Abandoned,
}

/// One event of a run.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct RunEvent {
    /// Since the run began.
    #[specta(type = Number)]
    pub at_ms: u64,
    /// What happened.
    pub what: RunHappening,
}

/// What happened in a run. The last event is `finished`.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub(crate) enum RunHappening {
    /// It began; titles of the steps, in order.
    Started { steps: Vec<String> },
    /// A step began.
    StepStarted { step: u32 },
    /// A line that a command printed.
    Output { step: u32, line: String },
    /// A step ended.
    StepFinished { step: u32, outcome: StepOutcome },
    /// Something worth knowing.
    Note { text: String },
    /// It ended.
    Finished { verdict: Verdict },
}

/// How a step ended.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub(crate) enum StepOutcome {
    Done,
    Unchanged,
    Failed {
        /// What failed.
        message: String,
        /// Last lines of what it printed.
        log: Vec<String>,
    },
}

/// How a run ended, from what was observed.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct Verdict {
    /// Its kind.
    pub state: RunState,
    /// One sentence.
    pub summary: String,
    /// What supports it.
    pub evidence: Vec<String>,
    /// What to do next.
    pub hint: Option<String>,
    /// Last log lines of what failed.
    pub log: Vec<String>,
}

/// Some events, in order.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct RunBatch {
    /// Them.
    pub events: Vec<RunEvent>,
    /// Whether these are the last.
    pub ended: bool,
}

/// What is heard of a run that is watched.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(tag = "news", rename_all = "kebab-case")]
pub(crate) enum RunNews {
    /// What happened.
    Batch { batch: RunBatch },
    /// What is kept of it cannot be read any further. How it ended is not known from here.
    Lost { failure: Failure },
}

impl RunNews {
    /// Some events, with more to come.
    pub(crate) fn of(events: Vec<event::Event>) -> Self {
        let events = events.into_iter().map(RunEvent::from).collect();
        Self::Batch { batch: RunBatch { events, ended: false } }
    }
}

/// A run in full. Its events come over `watch_run`.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct RunDetail {
    /// As in the list.
    pub card: RunCard,
    /// What was planned.
    pub plan: Option<PlanView>,
    /// Why it did not begin.
    pub failure: Option<Failure>,
}

/// Which runs of the history.
#[derive(Debug, Clone, Deserialize, Type)]
pub(crate) struct RunFilter {
    /// On this host.
    pub host: Option<String>,
    /// For this site.
    pub site: Option<String>,
    /// Older than this run, for the next page.
    pub before: Option<u32>,
    /// How many.
    pub limit: u32,
}

impl From<VerdictKind> for RunState {
    fn from(kind: VerdictKind) -> Self {
        match kind {
            VerdictKind::Succeeded => Self::Succeeded,
            VerdictKind::Unchanged => Self::Unchanged,
            VerdictKind::RolledBack => Self::RolledBack,
            VerdictKind::FailedIntact => Self::FailedIntact,
            VerdictKind::Split => Self::Split,
            VerdictKind::Unknown => Self::Unknown,
        }
    }
}

impl From<event::Verdict> for Verdict {
    fn from(verdict: event::Verdict) -> Self {
        let event::Verdict { kind, summary, evidence, hint, log } = verdict;
        Self { state: kind.into(), summary, evidence, hint, log }
    }
}

/// A place in a list of steps. Plans are far shorter than this can count.
fn place(step: usize) -> u32 {
    u32::try_from(step).unwrap_or(u32::MAX)
}

impl From<event::Event> for RunEvent {
    fn from(event: event::Event) -> Self {
        let what = match event.kind {
            EventKind::Started { steps } => RunHappening::Started { steps },
            EventKind::StepStarted { step } => RunHappening::StepStarted { step: place(step) },
            EventKind::Output { step, line } => RunHappening::Output { step: place(step), line },
            EventKind::StepFinished { step, outcome } => {
                let outcome = match outcome {
                    event::StepOutcome::Done => StepOutcome::Done,
                    event::StepOutcome::Unchanged => StepOutcome::Unchanged,
                    event::StepOutcome::Failed { message, log } => StepOutcome::Failed { message, log },
                };
                RunHappening::StepFinished { step: place(step), outcome }
            }
            EventKind::Note { text } => RunHappening::Note { text },
            EventKind::Finished { verdict } => RunHappening::Finished { verdict: verdict.into() },
        };
        Self { at_ms: event.at_ms, what }
    }
}

impl RunCard {
    /// A run of the history.
    pub(crate) fn of(run: &RunRecord, state: going::RunState) -> Self {
        // What is kept as the verdict is the failure of a run that did not begin.
        let text = |key: &str| run.verdict.as_ref()?.get(key)?.as_str().map(str::to_owned);
        let kind = || serde_json::from_value::<VerdictKind>(run.verdict.as_ref()?.get("kind")?.clone()).ok();
        Self {
            id: run.id.number(),
            verb: run.kind.to_string(),
            site: run.site.as_ref().map(ToString::to_string),
            host: run.host.to_string(),
            operator: run.operator.clone(),
            started_ms: run.started_at.as_millisecond(),
            finished_ms: run.finished_at.map(|at| at.as_millisecond()),
            state: match state {
                going::RunState::Ended => kind().map_or(RunState::Unknown, RunState::from),
                going::RunState::NotBegun => RunState::NotBegun,
                going::RunState::UnderWay => RunState::UnderWay,
                going::RunState::Stopped => RunState::Abandoned,
            },
            summary: text("summary").or_else(|| text("message")),
            step: None,
            cancelling: false,
        }
    }
}

impl RunCard {
    /// A run of this window.
    pub(crate) fn under_way(run: &going::ActiveRun, operator: &str) -> Self {
        Self {
            id: run.id.number(),
            verb: run.verb.to_owned(),
            site: Some(run.site.to_string()),
            host: run.host.clone(),
            operator: operator.to_owned(),
            started_ms: run.started_at.as_millisecond(),
            finished_ms: None,
            state: RunState::UnderWay,
            summary: None,
            step: run.step.clone(),
            cancelling: run.cancelling,
        }
    }
}

impl From<going::PastRun> for RunDetail {
    fn from(past: going::PastRun) -> Self {
        // A run that did not begin has its failure where others have their verdict.
        let failure = past.run.verdict.as_ref().filter(|_| past.state == going::RunState::NotBegun).map(|kept| {
            let text = |key: &str| kept.get(key).and_then(|text| text.as_str()).map(str::to_owned);
            let list = kept.get("causes").and_then(|list| list.as_array()).cloned().unwrap_or_default();
            Failure {
                code: text("code").unwrap_or_default(),
                message: text("message").unwrap_or_default(),
                causes: list.iter().filter_map(|cause| cause.as_str().map(str::to_owned)).collect(),
                hint: text("hint"),
                moved: Vec::new(),
            }
        });
        Self { card: RunCard::of(&past.run, past.state), plan: past.plan.as_ref().map(PlanView::from), failure }
    }
}
