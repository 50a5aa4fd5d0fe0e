//! A run of the history in full, for the page that shows it.

use serde::Serialize;
use slipway_core::plan::Plan;

use crate::desk::Desk;
use crate::failure::Outcome;
use crate::history::{RunId, RunRecord, mark};

/// What became of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunState {
    /// It ended; its verdict says how.
    Ended,
    /// It did not begin; what is kept as its verdict is the failure.
    NotBegun,
    /// It goes on, in this process or in another one of this computer.
    UnderWay,
    /// It did not end: Slipway was stopped.
    Stopped,
}

impl RunState {
    /// In words.
    pub fn label(self) -> &'static str {
        match self {
            Self::Ended => "ended",
            Self::NotBegun => "did not begin",
            Self::UnderWay => "is under way",
            Self::Stopped => "did not end: Slipway was stopped",
        }
    }
}

/// A run, read from the history.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PastRun {
    /// Who, what, when, and the verdict.
    pub run: RunRecord,
    /// What became of it.
    pub state: RunState,
    /// Its plan; none when an older Slipway wrote it in a form that is no longer read.
    pub plan: Option<Plan>,
    /// How many events are kept.
    pub events: u64,
}

impl Desk {
    /// What became of a run of the history.
    pub fn run_state(&self, run: &RunRecord) -> RunState {
        let code = run.verdict.as_ref().and_then(|verdict| verdict.get("code"));
        match run.finished_at {
            Some(_) if code.is_some() => RunState::NotBegun,
            Some(_) => RunState::Ended,
            None if mark::is_at_work(&self.home, run.id) => RunState::UnderWay,
            None => RunState::Stopped,
        }
    }

    /// A run of the history in full.
    ///
    /// # Errors
    /// When there is no such run, or the database fails.
    pub fn past_run(&self, id: RunId) -> Outcome<PastRun> {
        let run = self.history.run(id)?;
        let events = self.history.event_count(id)?;
        Ok(PastRun { state: self.run_state(&run), plan: self.history.plan(id).ok().flatten(), events, run })
    }
}
