//! Reading the history, newest first.

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension as _, Row, params};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use slipway_core::digest::Digest;
use slipway_core::site::Name;

use super::{History, RunId, RunRecord};
use crate::inventory::{BadHostName, HostName, InventoryError};

/// Runs on one page at most.
pub const LONGEST_PAGE: u32 = 500;

/// Which runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filter {
    /// Only of this site.
    pub site: Option<Name>,
    /// Only on this host.
    pub host: Option<HostName>,
    /// Only older ones than this: [`Page::next`] of the page before.
    pub before: Option<RunId>,
}

/// Some runs, newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Page {
    /// The runs.
    pub runs: Vec<RunRecord>,
    /// `before` for the next page; absent on the last.
    pub next: Option<RunId>,
}

const COLUMNS: &str = "id, kind, site, host, operator, plan_id, started_at, finished_at, verdict, exit_code";

impl History {
    /// A page of at most `limit` runs (1 to [`LONGEST_PAGE`]), newest first.
    ///
    /// # Errors
    /// A failing database.
    pub fn runs(&self, filter: &Filter, limit: u32) -> Result<Page, InventoryError> {
        let limit = limit.clamp(1, LONGEST_PAGE);
        let rows = self.database.read(|connection| {
            // One more than asked for tells whether there is a next page.
            let sql = format!(
                "SELECT {COLUMNS} FROM run
                 WHERE (?1 IS NULL OR site = ?1) AND (?2 IS NULL OR host = ?2) AND (?3 IS NULL OR id < ?3)
                 ORDER BY id DESC LIMIT ?4 + 1"
            );
            let mut statement = connection.prepare(&sql)?;
            let values = params![
                filter.site.as_ref().map(Name::as_str),
                filter.host.as_ref().map(HostName::as_str),
                filter.before.map(RunId::number),
                limit
            ];
            statement.query_map(values, Stored::read)?.collect::<rusqlite::Result<Vec<_>>>()
        })?;
        self.page(rows, limit)
    }

    fn page(&self, mut rows: Vec<Stored>, limit: u32) -> Result<Page, InventoryError> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let runs = rows.into_iter().map(|row| row.run(self)).collect::<Result<Vec<_>, _>>()?;
        let next = if more { runs.last().map(|run| run.id) } else { None };
        Ok(Page { runs, next })
    }

    /// The last run on each host that ever had one.
    ///
    /// # Errors
    /// A failing database.
    pub fn last_of_hosts(&self) -> Result<BTreeMap<HostName, RunRecord>, InventoryError> {
        let rows = self.database.read(|connection| {
            let sql = format!("SELECT {COLUMNS} FROM run WHERE id IN (SELECT max(id) FROM run GROUP BY host)");
            connection.prepare(&sql)?.query_map([], Stored::read)?.collect::<rusqlite::Result<Vec<_>>>()
        })?;
        let runs = rows.into_iter().map(|row| row.run(self));
        runs.map(|run| run.map(|run| (run.host.clone(), run))).collect()
    }

    /// One run.
    ///
    /// # Errors
    /// [`InventoryError::NoSuchRun`], or a failing database.
    pub fn run(&self, id: RunId) -> Result<RunRecord, InventoryError> {
        let sql = format!("SELECT {COLUMNS} FROM run WHERE id = ?1");
        let row = self.database.read(|connection| connection.query_row(&sql, [id.0], Stored::read).optional())?;
        row.ok_or(InventoryError::NoSuchRun(id))?.run(self)
    }

    /// Runs without an end, newest first: going on in some process, or cut off when it was killed.
    ///
    /// # Errors
    /// A failing database.
    pub fn unfinished(&self) -> Result<Vec<RunRecord>, InventoryError> {
        let rows = self.database.read(|connection| {
            let sql = format!("SELECT {COLUMNS} FROM run WHERE finished_at IS NULL ORDER BY id DESC");
            connection.prepare(&sql)?.query_map([], Stored::read)?.collect::<rusqlite::Result<Vec<_>>>()
        })?;
        rows.into_iter().map(|row| row.run(self)).collect()
    }

    /// The plan of a run, if it had one.
    ///
    /// # Errors
    /// [`InventoryError::NoSuchRun`], a plan that `P` cannot read, or a failing database.
    pub fn plan<P: DeserializeOwned>(&self, id: RunId) -> Result<Option<P>, InventoryError> {
        let plan: Option<Option<String>> = self.database.read(|connection| {
            connection.query_row("SELECT plan FROM run WHERE id = ?1", [id.0], |row| row.get(0)).optional()
        })?;
        let plan = plan.ok_or(InventoryError::NoSuchRun(id))?;
        plan.map(|plan| self.parse(&format!("the plan of run {id}"), &plan)).transpose()
    }

    /// How many events of a run are stored.
    ///
    /// # Errors
    /// A failing database.
    pub fn event_count(&self, id: RunId) -> Result<u64, InventoryError> {
        let count: i64 = self.database.read(|connection| {
            let sql = "SELECT coalesce(max(first + count), 0) FROM run_events WHERE run = ?1";
            connection.query_row(sql, [id.0], |row| row.get(0))
        })?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// At most `limit` events of a run in their order, from number `from` (the first is 0).
    ///
    /// # Errors
    /// An event that `E` cannot read, or a failing database.
    pub fn events<E: DeserializeOwned>(&self, id: RunId, from: u64, limit: usize) -> Result<Vec<E>, InventoryError> {
        let lines = self.event_lines(id, from, limit)?;
        lines.iter().map(|line| self.parse(&format!("an event of run {id}"), line)).collect()
    }

    /// Like [`History::events`], as the JSON text that was stored, one event a line.
    ///
    /// # Errors
    /// A failing database.
    pub fn event_lines(&self, id: RunId, from: u64, limit: usize) -> Result<Vec<String>, InventoryError> {
        let from = i64::try_from(from).unwrap_or(i64::MAX);
        self.database.read(|connection| {
            let mut statement = connection
                .prepare("SELECT first, lines FROM run_events WHERE run = ?1 AND first + count > ?2 ORDER BY first")?;
            let mut batches = statement.query(params![id.0, from])?;
            let mut lines = Vec::new();
            while lines.len() < limit
                && let Some(batch) = batches.next()?
            {
                let skip = usize::try_from(from - batch.get::<_, i64>(0)?).unwrap_or(0);
                let text: String = batch.get(1)?;
                lines.extend(text.lines().skip(skip).take(limit - lines.len()).map(str::to_owned));
            }
            Ok(lines)
        })
    }

    fn parse<T: DeserializeOwned>(&self, what: &str, text: &str) -> Result<T, InventoryError> {
        serde_json::from_str(text).map_err(|error| self.database.unreadable(what, error))
    }
}

/// A row of the table.
struct Stored {
    id: i64,
    kind: String,
    site: Option<String>,
    host: String,
    operator: String,
    plan_id: Option<String>,
    started_at: i64,
    finished_at: Option<i64>,
    verdict: Option<String>,
    exit_code: Option<i32>,
}

impl Stored {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            kind: row.get(1)?,
            site: row.get(2)?,
            host: row.get(3)?,
            operator: row.get(4)?,
            plan_id: row.get(5)?,
            started_at: row.get(6)?,
            finished_at: row.get(7)?,
            verdict: row.get(8)?,
            exit_code: row.get(9)?,
        })
    }

    fn run(self, history: &History) -> Result<RunRecord, InventoryError> {
        let database = &history.database;
        let id = RunId(self.id);
        let bad = |detail: String| database.unreadable(format!("run {id}"), detail);
        Ok(RunRecord {
            id,
            kind: self.kind.parse().map_err(bad)?,
            site: self.site.map(|site| site.parse()).transpose().map_err(bad)?,
            host: self.host.parse().map_err(|error: BadHostName| bad(error.to_string()))?,
            operator: self.operator,
            plan_id: self.plan_id.map(Digest::try_from).transpose().map_err(|error| bad(error.to_string()))?,
            started_at: database.time(self.started_at)?,
            finished_at: self.finished_at.map(|at| database.time(at)).transpose()?,
            verdict: self.verdict.map(|text| history.parse(&format!("the verdict of run {id}"), &text)).transpose()?,
            exit_code: self.exit_code,
        })
    }
}
