//! What was done: runs, their plans, events and verdicts, as this desktop saw them. The hosts' own audit logs are
//! the full record.
//!
//! Plans, events and verdicts are taken as anything that serialises: a `Secret` does not, so no type that holds
//! one can be stored. Calls block like those of [`crate::inventory`].
//!
//! ```compile_fail,E0277
//! # fn must_not_compile(history: slipway_engine::history::History, run: slipway_engine::history::RunId) {
//! let _ = history.append(run, &[slipway_core::secret::Secret::new("hunter2")]);
//! # }
//! ```

pub(crate) mod mark;
mod query;
mod recorder;

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, params};
use serde::{Deserialize, Serialize};
use slipway_core::digest::Digest;
use slipway_core::site::Name;

use crate::inventory::database::Database;
use crate::inventory::{HostName, Inventory, InventoryError};

pub use crate::inventory::RunId;
pub use query::{Filter, LONGEST_PAGE, Page};
pub use recorder::{BATCH, MOST_OUTPUT, Recorder};

/// The history of runs. A cheap clone of the inventory's connection.
#[derive(Debug, Clone)]
pub struct History {
    database: Database,
}

/// What is known when a run begins.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRun<'a, P> {
    /// What it does, in one word: `apply`, `deploy`, `rollback`, ….
    pub kind: Name,
    /// For which site, if for one.
    pub site: Option<Name>,
    /// On which host.
    pub host: HostName,
    /// Who started it, for example `ann@laptop`.
    pub operator: String,
    /// The plan's id and the plan itself, if there is one.
    pub plan: Option<(Digest, &'a P)>,
}

/// A run as recorded. The plan, which can be large, is read with [`History::plan`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// Its number.
    pub id: RunId,
    /// What it did.
    pub kind: Name,
    /// For which site.
    pub site: Option<Name>,
    /// On which host.
    pub host: HostName,
    /// Who started it.
    pub operator: String,
    /// Id of its plan.
    pub plan_id: Option<Digest>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended; absent while it goes on, and for ever when Slipway was killed.
    pub finished_at: Option<Timestamp>,
    /// How it ended, as the caller's type was serialised.
    pub verdict: Option<serde_json::Value>,
    /// Exit code of the command line.
    pub exit_code: Option<i32>,
}

impl History {
    /// The history kept with `inventory`.
    pub fn of(inventory: &Inventory) -> Self {
        Self { database: inventory.database.clone() }
    }

    /// Records that a run begins.
    ///
    /// # Errors
    /// A plan that does not serialise, or a failing database.
    pub fn start<P: Serialize>(&self, run: &NewRun<'_, P>, at: Timestamp) -> Result<RunId, InventoryError> {
        let plan = run.plan.as_ref().map(|(_, plan)| Database::json("the plan", plan)).transpose()?;
        let plan_id = run.plan.as_ref().map(|(id, _)| id.as_str());
        self.database.read(|connection| {
            connection.execute(
                "INSERT INTO run (kind, site, host, operator, plan_id, plan, started_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                params![
                    run.kind.as_str(),
                    run.site.as_ref().map(Name::as_str),
                    run.host.as_str(),
                    run.operator,
                    plan_id,
                    plan,
                    at.as_millisecond()
                ],
            )?;
            Ok(RunId(connection.last_insert_rowid()))
        })
    }

    /// Appends events to a run that has not finished, as one row: give them in batches (see [`Recorder`]).
    ///
    /// # Errors
    /// [`InventoryError::NoSuchRun`], [`InventoryError::RunFinished`], an event that does not serialise, or a
    /// failing database; nothing of the batch is stored then.
    pub fn append<E: Serialize>(&self, run: RunId, events: &[E]) -> Result<(), InventoryError> {
        let lines = events.iter().map(|event| Database::json("an event", event));
        self.append_lines(run, &lines.collect::<Result<Vec<_>, _>>()?)
    }

    fn append_lines(&self, run: RunId, lines: &[String]) -> Result<(), InventoryError> {
        if lines.is_empty() {
            return Ok(());
        }
        self.database.write(|transaction| {
            if let Some(refusal) = refuse_unless_open(transaction, run)? {
                return Ok(Err(refusal));
            }
            transaction.execute(
                "INSERT INTO run_events (run, first, count, lines)
                 SELECT ?1, coalesce(max(first + count), 0), ?2, ?3 FROM run_events WHERE run = ?1",
                params![run.0, i64::try_from(lines.len()).unwrap_or(i64::MAX), lines.join("\n")],
            )?;
            Ok(Ok(()))
        })
    }

    /// Records how a run ended. A run ends once.
    ///
    /// # Errors
    /// [`InventoryError::NoSuchRun`], [`InventoryError::RunFinished`], or a failing database.
    pub fn finish(
        &self,
        run: RunId,
        verdict: &impl Serialize,
        exit_code: Option<i32>,
        at: Timestamp,
    ) -> Result<(), InventoryError> {
        let verdict = Database::json("the verdict", verdict)?;
        self.database.write(|transaction| {
            if let Some(refusal) = refuse_unless_open(transaction, run)? {
                return Ok(Err(refusal));
            }
            transaction.execute(
                "UPDATE run SET finished_at = ?2, verdict = ?3, exit_code = ?4 WHERE id = ?1",
                params![run.0, at.as_millisecond(), verdict, exit_code],
            )?;
            Ok(Ok(()))
        })
    }

    /// Deletes finished runs that began before `before`, with their events; the count of them.
    ///
    /// # Errors
    /// A failing database.
    pub fn prune(&self, before: Timestamp) -> Result<usize, InventoryError> {
        self.database.read(|connection| {
            connection
                .execute("DELETE FROM run WHERE finished_at IS NOT NULL AND started_at < ?1", [before.as_millisecond()])
        })
    }
}

fn refuse_unless_open(connection: &rusqlite::Connection, run: RunId) -> rusqlite::Result<Option<InventoryError>> {
    let finished: Option<Option<i64>> =
        connection.query_row("SELECT finished_at FROM run WHERE id = ?1", [run.0], |row| row.get(0)).optional()?;
    Ok(match finished {
        None => Some(InventoryError::NoSuchRun(run)),
        Some(Some(_)) => Some(InventoryError::RunFinished(run)),
        Some(None) => None,
    })
}

#[cfg(test)]
mod tests;
