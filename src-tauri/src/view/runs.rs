//! Runs: under way and in the history.

use serde::{Deserialize, Serialize};
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
    #[specta(type = Option<Number>)]
    pub before: Option<i64>,
    /// How many.
    pub limit: u32,
}
