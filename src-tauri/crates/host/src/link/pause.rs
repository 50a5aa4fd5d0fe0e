//! Time limits that stand still while a person is being asked.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A clock of the time spent asking.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pause(Arc<Mutex<Asked>>);

#[derive(Debug, Default)]
struct Asked {
    since: Option<Instant>,
    before: Duration,
}

impl Pause {
    /// Runs `ask`; its time does not count.
    pub(crate) async fn during<T>(&self, ask: impl Future<Output = T>) -> T {
        let _running = Running::start(self);
        ask.await
    }

    fn asked(&self) -> Asked {
        let asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Asked { since: asked.since, before: asked.before }
    }

    /// Runs `work` for at most `limit` not counting the time spent asking; `None` when that is over.
    pub(crate) async fn within<T>(&self, limit: Duration, work: impl Future<Output = T>) -> Option<T> {
        tokio::pin!(work);
        let start = Instant::now();
        let earlier = self.asked().before;
        loop {
            let asked = self.asked();
            let asking = asked.since.map_or(Duration::ZERO, |since| since.elapsed());
            let used = start.elapsed().saturating_sub(asked.before.saturating_sub(earlier)).saturating_sub(asking);
            let left = limit.saturating_sub(used);
            if left.is_zero() {
                return None;
            }
            // Not a `select!` of the two: while a host floods `work`, a timer beside it would never have its turn.
            if let Ok(done) = tokio::time::timeout(left, &mut work).await {
                return Some(done);
            }
        }
    }
}

/// Ends the asking also when the future that asks is dropped.
struct Running<'a>(&'a Pause);

impl<'a> Running<'a> {
    fn start(pause: &'a Pause) -> Self {
        pause.0.lock().unwrap_or_else(PoisonError::into_inner).since = Some(Instant::now());
        Self(pause)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let mut asked = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(since) = asked.since.take() {
            asked.before += since.elapsed();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn asking_does_not_count() {
        let pause = Pause::default();
        let slow = pause.during(tokio::time::sleep(Duration::from_millis(120)));
        assert!(pause.within(Duration::from_millis(40), slow).await.is_some());
        let slow = tokio::time::sleep(Duration::from_secs(30));
        assert!(pause.within(Duration::from_millis(40), slow).await.is_none());
    }
}
