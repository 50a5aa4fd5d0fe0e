//! What a run tells while it goes on, and how it ended.
//!
//! A run is a stream of [`Event`]s with exactly one [`EventKind::Finished`], the last.
//! [`EventKind::Output`] may be dropped by a slow reader; no other kind may.

use serde::{Deserialize, Serialize};

/// One event of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Milliseconds since the run began.
    pub at_ms: u64,
    /// What happened.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum EventKind {
    /// The run began; `steps` are the titles of what is to come, in order.
    Started {
        /// Titles in order.
        steps: Vec<String>,
    },
    /// A step began.
    StepStarted {
        /// Index into the titles of `Started`.
        step: usize,
    },
    /// A line (or part of one) that a command of the step printed. Untrusted text.
    Output {
        /// Index of the step.
        step: usize,
        /// The text, without line end.
        line: String,
    },
    /// A step ended.
    StepFinished {
        /// Index of the step.
        step: usize,
        /// How.
        outcome: StepOutcome,
    },
    /// Something worth knowing that is not a failure.
    Note {
        /// Text for a person.
        text: String,
    },
    /// The run ended: always the last event.
    Finished {
        /// The verdict.
        verdict: Verdict,
    },
}

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum StepOutcome {
    /// It did what it was to do.
    Done,
    /// There was nothing to do.
    Unchanged,
    /// It failed.
    Failed {
        /// What failed, in words.
        message: String,
        /// Last lines of what it printed, oldest first. Untrusted text.
        log: Vec<String>,
    },
}

/// How a run ended, from what was observed after its last step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// Its kind.
    pub kind: VerdictKind,
    /// One sentence: what the state is now.
    pub summary: String,
    /// What was seen that supports it, one observation a line.
    pub evidence: Vec<String>,
    /// What a person should do next, if anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Last log lines of what failed, oldest first. Untrusted text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<String>,
}

/// Kinds of ending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VerdictKind {
    /// The new state is there and works.
    Succeeded,
    /// There was nothing to change.
    Unchanged,
    /// The new state did not work; the old one is back and works.
    RolledBack,
    /// It failed before the running site was touched; the old state is intact.
    FailedIntact,
    /// Parts are old and parts are new.
    Split,
    /// The host could not be asked.
    Unknown,
}

impl VerdictKind {
    /// The word shown to people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Unchanged => "unchanged",
            Self::RolledBack => "rolled back",
            Self::FailedIntact => "failed, old state intact",
            Self::Split => "split",
            Self::Unknown => "unknown",
        }
    }
}
