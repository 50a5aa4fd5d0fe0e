//! One host, reached again when the link breaks.
//!
//! A run must survive a cut: what goes on by itself on the host (tasks, activations) is asked for news
//! over a new connection. Only questions are repeated, never changes.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use slipway_core::command::{Command, Output};
use slipway_host::{Batch, ConnectError, Connection};
use tokio::sync::{Mutex, RwLock};
use tokio::time::Instant;

use crate::failure::Outcome;
use crate::remote::{connect_failure, host_failure};

/// Makes connections to one host.
pub type Dial = Arc<dyn Fn() -> BoxFuture<'static, Result<Connection, ConnectError>> + Send + Sync>;

/// How long a lost host is tried again.
const PATIENCE: Duration = Duration::from_secs(120);

/// Shortest time between two attempts. `sshd` punishes addresses that come back faster (`PerSourcePenalties`).
const SPACING: Duration = Duration::from_secs(1);

/// A host.
pub struct Link {
    name: String,
    dial: Dial,
    connection: RwLock<Arc<Connection>>,
    /// Held while a connection is made; when the last attempt began.
    dialing: Mutex<Option<Instant>>,
}

impl Link {
    /// Connects.
    ///
    /// # Errors
    /// Why no connection came about, with what to do.
    pub async fn open(name: &str, dial: Dial) -> Outcome<Self> {
        let connection = dial().await.map_err(|error| connect_failure(&error))?;
        Ok(Self::over(name, dial, connection))
    }

    /// A link that begins with this connection.
    pub fn over(name: &str, dial: Dial, connection: Connection) -> Self {
        let connection = RwLock::new(Arc::new(connection));
        Self { name: name.to_owned(), dial, connection, dialing: Mutex::default() }
    }

    /// The host's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The connection as it is now.
    pub async fn connection(&self) -> Arc<Connection> {
        self.connection.read().await.clone()
    }

    /// Runs one command.
    ///
    /// # Errors
    /// When the link fails.
    pub async fn run(&self, command: Command) -> Outcome<Output> {
        self.connection().await.run(command).await.map_err(|error| host_failure(&error))
    }

    /// Runs a batch.
    ///
    /// # Errors
    /// When the link fails.
    pub async fn batch(&self, batch: Batch) -> Outcome<Vec<Output>> {
        self.connection().await.batch(batch).await.map_err(|error| host_failure(&error))
    }

    /// Asks a question that may be asked twice: when the link is lost, connects again (with growing pauses,
    /// for up to two minutes) and asks again.
    ///
    /// # Errors
    /// When the host does not come back in time.
    pub async fn ask(&self, question: impl Fn() -> Command) -> Outcome<Output> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let connection = self.connection().await;
            match connection.run(question()).await {
                Ok(output) => return Ok(output),
                // A link that broke once may well break again.
                Err(_) if connection.failure().is_some() && Instant::now() < deadline => {
                    // Why it cannot be reached again says more than that it was lost: it may show another key.
                    self.reconnect().await?;
                }
                Err(error) => return Err(host_failure(&error)),
            }
        }
    }

    /// The connection as it is now or, when that one is dead, a new one. Tries once. Whoever asks meanwhile waits for
    /// the same attempt, so that one host never has two connections of one link.
    ///
    /// # Errors
    /// Why no connection came about.
    pub async fn renew(&self) -> Result<Arc<Connection>, ConnectError> {
        let mut last = self.dialing.lock().await;
        let connection = self.connection().await;
        if connection.failure().is_none() {
            return Ok(connection);
        }
        if let Some(last) = *last {
            tokio::time::sleep_until(last + SPACING).await;
        }
        *last = Some(Instant::now());
        let connection = Arc::new((self.dial)().await?);
        *self.connection.write().await = Arc::clone(&connection);
        Ok(connection)
    }

    async fn reconnect(&self) -> Outcome<()> {
        let mut pause = Duration::from_secs(1);
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.renew().await {
                Ok(_) => return Ok(()),
                // A host that refuses the login or shows another key will not change its mind by being asked again.
                Err(error) if may_pass(&error) && Instant::now() + pause < deadline => {
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_secs(20));
                }
                Err(error) => return Err(connect_failure(&error)),
            }
        }
    }

    /// Ends the connection.
    pub async fn close(self) {
        if let Ok(connection) = Arc::try_unwrap(self.connection.into_inner()) {
            connection.close().await;
        }
    }
}

/// Whether the host may be reached later without anybody changing anything. One that is being restarted lets
/// people log in before and after it can run something for them.
pub(crate) fn may_pass(error: &ConnectError) -> bool {
    match error {
        ConnectError::NoPrivilegedShell { .. } => true,
        ConnectError::JumpFailed { source, .. } => may_pass(source),
        other => other.is_transient(),
    }
}
