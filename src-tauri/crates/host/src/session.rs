//! A connection that comes back after it was lost.
//!
//! Never replays anything: whoever had a batch under way gets the error and decides.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use slipway_core::command::{Command, Output};
use tokio::sync::Mutex;

use crate::connection::{Connection, connect};
use crate::error::{ConnectError, HostError};
use crate::executor::request::Batch;
use crate::target::{Credentials, HostKeyDecision, Observer, Target};

/// Shortest time between two attempts. `sshd` punishes addresses that come back faster (`PerSourcePenalties`).
const FIRST_DELAY: Duration = Duration::from_secs(1);
/// Longest time between two attempts.
const LONGEST_DELAY: Duration = Duration::from_secs(30);

/// Why a command of a session did not run or has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// There is no connection. Nothing was sent.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// There was one; see [`HostError::is_fatal`].
    #[error(transparent)]
    Host(#[from] HostError),
}

/// One host, connected when needed.
pub struct Session {
    target: Target,
    credentials: Arc<dyn Credentials>,
    decision: Arc<dyn HostKeyDecision>,
    observer: Arc<dyn Observer>,
    state: Mutex<State>,
    connects: AtomicU64,
}

#[derive(Default)]
struct State {
    connection: Option<Arc<Connection>>,
    since: Option<Instant>,
    /// Not before this time; grows with failures.
    not_before: Option<Instant>,
    delay: Duration,
    /// A failure that no repetition helps.
    refused: Option<ConnectError>,
}

impl Session {
    /// Does not connect yet.
    pub fn new(
        target: Target,
        credentials: Arc<dyn Credentials>,
        decision: Arc<dyn HostKeyDecision>,
        observer: Arc<dyn Observer>,
    ) -> Self {
        Self { target, credentials, decision, observer, state: Mutex::default(), connects: AtomicU64::new(0) }
    }

    /// Whom it is about.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Connections made so far.
    pub fn connects(&self) -> u64 {
        self.connects.load(Ordering::Relaxed)
    }

    /// The open connection, or a new one.
    ///
    /// While nobody answers it tries again after 1 s, 2 s, 4 s … 30 s, until `patience` is over; with zero it tries once.
    ///
    /// # Errors
    /// The last failure. One that repetition cannot help, such as a refused login or a changed host key, comes back at
    /// once and stays until [`Session::retry`], so that no background task locks an account.
    pub async fn connection(&self, patience: Duration) -> Result<Arc<Connection>, ConnectError> {
        let mut state = self.state.lock().await;
        if let Some(refused) = &state.refused {
            return Err(refused.clone());
        }
        if let Some(connection) = &state.connection {
            if connection.failure().is_none() {
                return Ok(Arc::clone(connection));
            }
            // One that held for a while was no sign of trouble.
            if state.since.is_some_and(|since| since.elapsed() > LONGEST_DELAY) {
                state.delay = Duration::ZERO;
            }
            state.connection = None;
        }
        let start = Instant::now();
        loop {
            if let Some(time) = state.not_before {
                tokio::time::sleep_until(time.into()).await;
            }
            state.delay = (state.delay * 2).clamp(FIRST_DELAY, LONGEST_DELAY);
            state.not_before = Instant::now().checked_add(state.delay);
            let parties = (Arc::clone(&self.credentials), Arc::clone(&self.decision), Arc::clone(&self.observer));
            match connect(&self.target, parties.0, parties.1, parties.2).await {
                Ok(connection) => {
                    self.connects.fetch_add(1, Ordering::Relaxed);
                    let connection = Arc::new(connection);
                    state.connection = Some(Arc::clone(&connection));
                    state.since = Some(Instant::now());
                    return Ok(connection);
                }
                Err(error) if !error.is_transient() => {
                    state.refused = Some(error.clone());
                    return Err(error);
                }
                Err(error) if start.elapsed().saturating_add(state.delay) > patience => return Err(error),
                Err(_) => {}
            }
        }
    }

    /// Forgets a failure that stays, because a person changed something.
    pub async fn retry(&self) {
        let mut state = self.state.lock().await;
        state.refused = None;
        state.delay = Duration::ZERO;
    }

    /// Runs a batch on the open connection, or on a new one made within `patience`. Never runs it twice.
    ///
    /// # Errors
    /// See [`SessionError`].
    pub async fn batch(&self, batch: Batch, patience: Duration) -> Result<Vec<Output>, SessionError> {
        Ok(self.connection(patience).await?.batch(batch).await?)
    }

    /// Runs one command; see [`Session::batch`].
    ///
    /// # Errors
    /// See [`SessionError`].
    pub async fn run(&self, command: Command, patience: Duration) -> Result<Output, SessionError> {
        Ok(self.connection(patience).await?.run(command).await?)
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("target", &self.target.name).finish_non_exhaustive()
    }
}
