//! Watching a run: batches of events, first those so far.

use std::sync::Arc;
use std::time::Duration;

use slipway_core::event::Event;
use tokio::time::Instant;

use super::{Entry, held};
use crate::failure::Outcome;
use crate::history::{History, RunId};

/// Events that come within this time are given together: a window draws no faster.
const TOGETHER: Duration = Duration::from_millis(100);
/// Events of the history that are read at once.
const PAGE: usize = 1_000;

/// The events of one run, batch by batch.
pub struct Watch {
    source: Source,
    /// Number of the next event.
    next: u64,
    last_batch: Option<Instant>,
    ended: bool,
}

enum Source {
    Live { entry: Arc<Entry>, news: tokio::sync::watch::Receiver<u64> },
    Stored { history: History, run: RunId },
}

impl Watch {
    pub(super) fn live(entry: Arc<Entry>) -> Self {
        let news = entry.news.subscribe();
        Self::of(Source::Live { entry, news })
    }

    pub(super) fn stored(history: History, run: RunId) -> Self {
        Self::of(Source::Stored { history, run })
    }

    fn of(source: Source) -> Self {
        Self { source, next: 0, last_batch: None, ended: false }
    }

    /// The next events, never an empty batch; none when the run has ended and all were given.
    ///
    /// # Errors
    /// When the history cannot be read.
    pub async fn next(&mut self) -> Outcome<Option<Vec<Event>>> {
        if self.ended {
            return Ok(None);
        }
        match &mut self.source {
            Source::Stored { history, run } => {
                let events: Vec<Event> = history.events(*run, self.next, PAGE)?;
                self.next += events.len() as u64;
                self.ended = events.len() < PAGE;
                Ok(Some(events).filter(|events| !events.is_empty()))
            }
            Source::Live { entry, news } => loop {
                // Marked as seen before looking, so that what comes in between wakes the wait below.
                news.mark_unchanged();
                let batch = held(&entry.log).batch(self.next);
                self.ended = batch.last;
                if batch.events.is_empty() {
                    if batch.last || news.changed().await.is_err() {
                        return Ok(None);
                    }
                    if let Some(last) = self.last_batch {
                        tokio::time::sleep_until(last + TOGETHER).await;
                    }
                    continue;
                }
                self.next = batch.next;
                self.last_batch = Some(Instant::now());
                return Ok(Some(batch.events));
            },
        }
    }
}
