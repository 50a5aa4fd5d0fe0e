//! Writing a run's events as they come, a few at a time: every write waits for the disk.

use jiff::Timestamp;
use serde::Serialize;
use slipway_core::event::{Event, EventKind};

use super::{History, RunId};
use crate::inventory::InventoryError;
use crate::inventory::database::Database;

/// Events that are gathered before they are written.
pub const BATCH: usize = 64;
/// Bytes of output that are kept of one run: a build that prints without end must not fill the disk.
pub const MOST_OUTPUT: usize = 8 << 20;

/// Records one run. What was pushed is on disk after [`BATCH`] events, [`Recorder::flush`] or [`Recorder::finish`];
/// call `flush` at the end of every step, so that a killed desktop loses no more than the step in progress.
#[derive(Debug)]
pub struct Recorder {
    history: History,
    run: RunId,
    pending: Vec<String>,
    /// Bytes of output taken so far.
    output: usize,
    /// Lines of output beyond what is kept.
    left_out: u64,
}

impl Recorder {
    /// Records for `run`, which [`History::start`] began.
    pub fn new(history: History, run: RunId) -> Self {
        Self { history, run, pending: Vec::new(), output: 0, left_out: 0 }
    }

    /// The run.
    pub fn run(&self) -> RunId {
        self.run
    }

    /// Takes an event and writes what is pending at the end of each step. The caller ends with [`Recorder::finish`]
    /// after [`EventKind::Finished`].
    ///
    /// # Errors
    /// When a full batch cannot be written; it is kept and tried again with the next.
    pub fn record(&mut self, event: &Event) -> Result<(), InventoryError> {
        match &event.kind {
            EventKind::Output { line, .. } => {
                self.output = self.output.saturating_add(line.len());
                if self.output > MOST_OUTPUT {
                    self.left_out += 1;
                    return Ok(());
                }
            }
            EventKind::Finished { .. } if self.left_out > 0 => {
                let text = format!("{} more lines of output were not kept", self.left_out);
                self.push(&Event { at_ms: event.at_ms, kind: EventKind::Note { text } })?;
            }
            EventKind::Started { .. }
            | EventKind::StepStarted { .. }
            | EventKind::StepFinished { .. }
            | EventKind::Note { .. }
            | EventKind::Finished { .. } => {}
        }
        self.push(event)?;
        if matches!(event.kind, EventKind::StepFinished { .. }) { self.flush() } else { Ok(()) }
    }

    /// Takes one event of any kind.
    ///
    /// # Errors
    /// As [`Recorder::record`].
    pub fn push(&mut self, event: &impl Serialize) -> Result<(), InventoryError> {
        self.pending.push(Database::json("an event", event)?);
        if self.pending.len() >= BATCH { self.flush() } else { Ok(()) }
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
