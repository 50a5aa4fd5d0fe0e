//! Runs that are under way in this process. They go on when nobody watches, and can be watched from the beginning at
//! any time; those that have ended are in the history.

mod log;
mod past;
mod watch;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::Serialize;
use slipway_core::event::{Event, EventKind};
use slipway_core::site::Name;
use tokio::sync::{oneshot, watch as channel};

use crate::cancel::Cancel;
use crate::desk::Desk;
use crate::desk::runs::Consent;
use crate::failure::{Code, Failure, Outcome};
use crate::history::RunId;
use crate::run::{EventSink, Looked};
use crate::site::Planned;
use crate::site_file::SiteFile;

use log::Log;
pub use past::{PastRun, RunState};
pub use watch::Watch;

/// Runs that have ended and are kept with what they printed.
const MOST_ENDED: usize = 4;

/// The runs of this process. A cheap clone of one list.
#[derive(Clone)]
pub struct ActiveRuns {
    desk: Arc<Desk>,
    list: Arc<List>,
}

struct List {
    runs: Mutex<BTreeMap<RunId, Arc<Entry>>>,
    changes: channel::Sender<u64>,
}

/// A run under way, at this moment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ActiveRun {
    /// Its number.
    pub id: RunId,
    /// The site.
    pub site: Name,
    /// The host.
    pub host: String,
    /// `apply`, `deploy` or `rollback`.
    pub verb: &'static str,
    /// Id of its plan.
    pub plan: String,
    /// When it began.
    pub started_at: Timestamp,
    /// Title of the step that goes on.
    pub step: Option<String>,
    /// Steps that have ended.
    pub done: usize,
    /// Steps in all.
    pub steps: usize,
    /// Whether it was asked to stop.
    pub cancelling: bool,
}

/// One run and what it has told.
struct Entry {
    site: Name,
    host: String,
    verb: &'static str,
    plan: String,
    started_at: Timestamp,
    cancel: Cancel,
    log: Mutex<Log>,
    /// Counts the events; whoever waits is woken.
    news: channel::Sender<u64>,
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Entry {
    fn over(&self) -> bool {
        held(&self.log).over
    }

    fn tell(&self) {
        self.news.send_modify(|count| *count += 1);
    }

    fn active(&self, id: RunId) -> ActiveRun {
        let log = held(&self.log);
        let title = |step: usize| log.view.steps.get(step).map(|step| step.title.clone());
        ActiveRun {
            id,
            site: self.site.clone(),
            host: self.host.clone(),
            verb: self.verb,
            plan: self.plan.clone(),
            started_at: self.started_at,
            step: log.view.current.and_then(title),
            done: log.view.steps.iter().filter(|step| step.ended_ms.is_some()).count(),
            steps: log.view.steps.len(),
            cancelling: self.cancel.requested(),
        }
    }
}

/// Takes a run's events into its entry, and tells the starter when the first one comes.
struct Taking {
    id: RunId,
    entry: Arc<Entry>,
    list: Arc<List>,
    began: Mutex<Option<oneshot::Sender<Outcome<()>>>>,
}

impl Taking {
    /// Answers the starter, once.
    fn answer(&self, outcome: Outcome<()>) {
        if let Some(began) = held(&self.began).take() {
            // A starter that no longer waits has decided so.
            let _ = began.send(outcome);
        }
    }
}

impl EventSink for Taking {
    fn event(&self, event: Event) {
        let first = matches!(event.kind, EventKind::Started { .. });
        let step = !matches!(event.kind, EventKind::Output { .. } | EventKind::Note { .. });
        held(&self.entry.log).push(event);
        self.entry.tell();
        if first {
            held(&self.list.runs).insert(self.id, self.entry.clone());
            self.answer(Ok(()));
        }
        if step {
            self.list.tell();
        }
    }
}

impl Drop for Taking {
    /// However the run ended, also by a panic: nobody waits for more.
    fn drop(&mut self) {
        held(&self.entry.log).over = true;
        self.entry.tell();
        self.list.forget_old();
        self.list.tell();
    }
}

impl List {
    fn tell(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    fn entry(&self, id: RunId) -> Option<Arc<Entry>> {
        held(&self.runs).get(&id).cloned()
    }

    fn forget_old(&self) {
        let mut runs = held(&self.runs);
        let ended: Vec<RunId> = runs.iter().filter(|(_, entry)| entry.over()).map(|(id, _)| *id).collect();
        for id in ended.iter().rev().skip(MOST_ENDED) {
            runs.remove(id);
        }
    }
}

impl ActiveRuns {
    /// No run yet.
    pub fn new(desk: Arc<Desk>) -> Self {
        let list = List { runs: Mutex::default(), changes: channel::Sender::new(0) };
        Self { desk, list: Arc::new(list) }
    }

    /// Starts a run and returns as soon as it began. It goes on by itself, also when this future is dropped.
    ///
    /// # Errors
    /// When it did not begin (drift without consent, blocked, locked, stale, out of reach): nothing was changed then.
    pub async fn start(&self, planned: Arc<Planned>, file: SiteFile, consent: Consent) -> Outcome<RunId> {
        let id = self.desk.begin_run(&planned, consent)?;
        let cancel = Cancel::default();
        let entry = Arc::new(Entry {
            site: planned.plan.site.clone(),
            host: planned.plan.host.clone(),
            verb: planned.plan.intent.verb(),
            plan: planned.plan.id.to_string(),
            started_at: self.desk.clock.now(),
            cancel: cancel.clone(),
            log: Mutex::default(),
            news: channel::Sender::new(0),
        });
        let (began, answer) = oneshot::channel();
        let taking = Arc::new(Taking { id, entry, list: self.list.clone(), began: Mutex::new(Some(began)) });
        let desk = self.desk.clone();
        tokio::spawn(async move {
            let ended = desk.carry_out(id, (&planned, Looked::Before), &file, taking.clone(), cancel, |_| None).await;
            // Once it began, its ending is an event and in the history.
            taking.answer(ended.map(|_| ()));
        });
        let died = || Failure::new(Code::Local, format!("run {id} broke off before it began; nothing was changed"));
        answer.await.map_err(|_| died())??;
        Ok(id)
    }

    /// Asks a run to stop. It stops where that is safe, and its verdict says in which state the host is.
    ///
    /// # Errors
    /// When it is not under way in this process.
    pub fn cancel(&self, id: RunId) -> Outcome<()> {
        let Some(entry) = self.list.entry(id).filter(|entry| !entry.over()) else {
            return Err(Failure::new(Code::Usage, format!("run {id} is not under way here, so it cannot be stopped"))
                .hint("the history says how it ended; a run of another process is stopped where it was started"));
        };
        entry.cancel.request();
        self.list.tell();
        Ok(())
    }

    /// Runs under way, oldest first.
    pub fn active(&self) -> Vec<ActiveRun> {
        let runs = held(&self.list.runs);
        runs.iter().filter(|(_, entry)| !entry.over()).map(|(id, entry)| entry.active(*id)).collect()
    }

    /// Changes whenever [`ActiveRuns::active`] does.
    pub fn changes(&self) -> channel::Receiver<u64> {
        self.list.changes.subscribe()
    }

    /// The events of a run from its beginning, and those to come. One that has ended is read from the history.
    ///
    /// # Errors
    /// When there is no such run.
    pub fn watch(&self, id: RunId) -> Outcome<Watch> {
        match self.list.entry(id) {
            Some(entry) => Ok(Watch::live(entry)),
            None => {
                self.desk.history.run(id)?;
                Ok(Watch::stored(self.desk.history.clone(), id))
            }
        }
    }
}

#[cfg(test)]
mod tests;
