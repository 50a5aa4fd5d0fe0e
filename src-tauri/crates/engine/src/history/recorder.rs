//! Writing a run's events as they come, a few at a time: every write waits for the disk.

use jiff::Timestamp;
use serde::Serialize;
use slipway_core::event::{Event, EventKind};

use super::{History, RunId};
use crate::inventory::InventoryError;
use crate::inventory::database::Database;

/// Events that are gathered before they are written.
pub const BATCH: usize = 64;

/// Whether an event belongs in the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// It does.
    Yes,
    /// It is progress or output that a slow reader may drop: it is not stored.
    No,
}

impl From<&EventKind> for Keep {
    fn from(kind: &EventKind) -> Self {
        match kind {
            // May be dropped on its way here; a failed step's outcome carries the last lines.
            EventKind::Output { .. } => Self::No,
            EventKind::Started { .. }
            | EventKind::StepStarted { .. }
            | EventKind::StepFinished { .. }
            | EventKind::Note { .. }
            | EventKind::Finished { .. } => Self::Yes,
        }
    }
}

/// Records one run. What was pushed is on disk after [`BATCH`] events, [`Recorder::flush`] or [`Recorder::finish`];
/// call `flush` at the end of every step, so that a killed desktop loses no more than the step in progress.
#[derive(Debug)]
pub struct Recorder {
    history: History,
    run: RunId,
    pending: Vec<String>,
}

impl Recorder {
    /// Records for `run`, which [`History::start`] began.
    pub fn new(history: History, run: RunId) -> Self {
        Self { history, run, pending: Vec::new() }
    }

    /// The run.
    pub fn run(&self) -> RunId {
        self.run
    }

    /// Takes an event of core's and writes what is pending at the end of each step. The caller ends with
    /// [`Recorder::finish`] after [`EventKind::Finished`].
    ///
    /// # Errors
    /// As [`Recorder::push`].
    pub fn record(&mut self, event: &Event) -> Result<(), InventoryError> {
        self.push(event, Keep::from(&event.kind))?;
        if matches!(event.kind, EventKind::StepFinished { .. }) { self.flush() } else { Ok(()) }
    }

    /// Takes one event of any kind.
    ///
    /// # Errors
    /// When a full batch cannot be written; it is kept and tried again with the next.
    pub fn push(&mut self, event: &impl Serialize, keep: Keep) -> Result<(), InventoryError> {
        match keep {
            Keep::No => Ok(()),
            Keep::Yes => {
                self.pending.push(Database::json("an event", event)?);
                if self.pending.len() >= BATCH { self.flush() } else { Ok(()) }
            }
        }
    }

    /// Writes what is pending.
    ///
    /// # Errors
    /// When the database fails; nothing is lost then.
    pub fn flush(&mut self) -> Result<(), InventoryError> {
        self.history.append_lines(self.run, &self.pending)?;
        self.pending.clear();
        Ok(())
    }

    /// Writes what is pending and how the run ended.
    ///
    /// # Errors
    /// As [`History::finish`].
    pub fn finish(
        mut self,
        verdict: &impl Serialize,
        exit_code: Option<i32>,
        at: Timestamp,
    ) -> Result<(), InventoryError> {
        self.flush()?;
        self.history.finish(self.run, verdict, exit_code, at)
    }
}
