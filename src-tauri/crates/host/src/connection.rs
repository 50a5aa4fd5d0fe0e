//! A connection to one host: everything else of this crate, put together.

use std::sync::Arc;

use slipway_core::command::{Command, Output};

use crate::error::{ConnectError, HostError};
use crate::executor::Executor;
use crate::executor::launch::{self, Program, Started};
use crate::executor::request::Batch;
use crate::executor::stream::Stream;
use crate::link::{self, Ending, Link, Parties, Pause, after};
use crate::target::{Credentials, HostKeyDecision, Observer, Step, Target};

/// What a connection has cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Requests on the privileged channel; each is one round trip at most, less when they overlap.
    pub round_trips: u64,
    /// Commands in those requests.
    pub commands: u64,
    /// Bytes sent over the network to the first hop, encryption included.
    pub bytes_up: u64,
    /// Bytes received over the network from the first hop, encryption included.
    pub bytes_down: u64,
    /// SSH sessions opened: one, and one for each jump host.
    pub connects: u64,
}

/// An open connection with a privileged channel. Dropping it cuts the link; [`Connection::close`] ends it politely.
pub struct Connection {
    name: String,
    target: Target,
    parties: Parties,
    executor: Executor,
    /// Every hop, the host itself last.
    links: Vec<Link>,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection")
            .field("name", &self.name)
            .field("counters", &self.counters())
            .finish_non_exhaustive()
    }
}

/// Connects to `target`, checks its host key, logs in and opens the privileged channel.
///
/// `observer` sees each step as it begins. Nothing is changed on the host but a private folder in `/run`
/// that goes away with the connection.
///
/// # Errors
/// See [`ConnectError`]; nothing stays open.
pub async fn connect(
    target: &Target,
    credentials: Arc<dyn Credentials>,
    decision: Arc<dyn HostKeyDecision>,
    observer: Arc<dyn Observer>,
) -> Result<Connection, ConnectError> {
    let parties = Parties { credentials, decision, observer };
    let pause = Pause::default();
    let links = link::open(target, &parties, &pause).await?;
    let host = target.name.clone();
    parties.observer.step(Step::OpeningPrivilegedChannel { host: host.clone() });
    let (started, ending) = start(&links, target, &parties, &pause, Program::Loop).await?;
    let executor = Executor::new(&host, started, ending);
    parties.observer.step(Step::Ready { host: host.clone() });
    Ok(Connection { name: host, target: target.clone(), parties, executor, links })
}

/// Opens a channel to the last hop and starts a program on it.
async fn start(
    links: &[Link],
    target: &Target,
    parties: &Parties,
    pause: &Pause,
    program: Program<'_>,
) -> Result<(Started, Ending), ConnectError> {
    let host = target.name.clone();
    let Some(link) = links.last() else {
        return Err(ConnectError::NoPrivilegedShell { host, text: "there is no session".into() });
    };
    let open = after(pause, target, "opening a channel", link.handle.channel_open_session()).await?;
    let channel = match open {
        Ok(channel) => channel,
        Err(error) => {
            let text = link.ending.refusal().await.unwrap_or_else(|| error.to_string());
            return Err(ConnectError::NoPrivilegedShell { host, text });
        }
    };
    let started = launch::start(channel, target, parties, pause, program).await?;
    Ok((started, link.ending.clone()))
}

impl Connection {
    /// What the person calls the host.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs one command as root: one round trip.
    ///
    /// A command that fails or runs out of time is no error here: see [`Output::exit`].
    ///
    /// # Errors
    /// When the command cannot be sent or its answer does not come.
    pub async fn run(&self, command: Command) -> Result<Output, HostError> {
        only(&self.name, self.batch(Batch::all([command])).await?)
    }

    /// Runs commands as root, one after the other, in one round trip; as many outputs come back as commands went.
    ///
    /// Batches of several tasks are sent without waiting for one another and run in the order they were sent.
    /// Dropping the future does not stop what was sent.
    ///
    /// # Errors
    /// When it cannot be sent or the answer does not come. Which of the commands ran is then not known.
    pub async fn batch(&self, batch: Batch) -> Result<Vec<Output>, HostError> {
        if batch.commands.is_empty() {
            return Ok(Vec::new());
        }
        let result = self.executor.batch(batch).await;
        if result.is_err() && self.executor.death().is_some() {
            self.cut();
        }
        result
    }

    /// Starts a command as root on a channel of its own and hands on what it says as it comes, for as long as it runs.
    ///
    /// For logs and samples that are followed; the time and output limits of the command do not apply, and it reads nothing.
    /// It is killed when the [`Stream`] is dropped. A stock `sshd` allows ten channels for each connection.
    ///
    /// # Errors
    /// When the channel cannot be opened or `sudo` refuses; the connection stays.
    pub async fn stream(&self, command: &Command) -> Result<Stream, ConnectError> {
        let pause = Pause::default();
        let program = Program::Stream(&command.argv);
        let (started, ending) = start(&self.links, &self.target, &self.parties, &pause, program).await?;
        Ok(Stream::new(&self.name, started, ending))
    }

    /// Opens one more privileged channel on this connection, for work that must not wait behind long commands.
    ///
    /// # Errors
    /// When the channel cannot be opened (a stock `sshd` allows ten for each connection) or `sudo` refuses; the connection stays.
    pub async fn lane(&self) -> Result<Lane, ConnectError> {
        let pause = Pause::default();
        let (started, ending) = start(&self.links, &self.target, &self.parties, &pause, Program::Loop).await?;
        Ok(Lane { executor: Executor::new(&self.name, started, ending) })
    }

    /// What the connection has cost so far.
    pub fn counters(&self) -> Counters {
        let first = self.links.first();
        Counters {
            round_trips: self.executor.round_trips(),
            commands: self.executor.commands(),
            bytes_up: first.map_or(0, |link| link.meter.up()),
            bytes_down: first.map_or(0, |link| link.meter.down()),
            connects: self.links.len() as u64,
        }
    }

    /// Why the connection is dead, when it is.
    pub fn failure(&self) -> Option<HostError> {
        self.executor.death()
    }

    /// Waits until the connection dies and says why.
    pub async fn lost(&self) -> HostError {
        self.executor.died().await
    }

    /// Ends the connection after what was sent is answered (for at most 3 s), and the private folder on the host is gone.
    pub async fn close(self) {
        let Self { executor, mut links, .. } = self;
        executor.close().await;
        while let Some(link) = links.pop() {
            let goodbye = link.handle.disconnect(russh::Disconnect::ByApplication, "", "");
            let _ = tokio::time::timeout(std::time::Duration::from_secs(1), goodbye).await;
        }
    }

    fn cut(&self) {
        for link in &self.links {
            link.meter.cut();
        }
    }
}

/// A further privileged channel of a [`Connection`]. It ends with the connection; dropping it ends it alone.
///
/// What the connection promises about batches holds for each lane by itself; batches of different lanes run side by side.
pub struct Lane {
    executor: Executor,
}

impl std::fmt::Debug for Lane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lane").field("round_trips", &self.executor.round_trips()).finish_non_exhaustive()
    }
}

impl Lane {
    /// Runs one command; see [`Connection::run`].
    ///
    /// # Errors
    /// As for [`Connection::run`].
    pub async fn run(&self, command: Command) -> Result<Output, HostError> {
        only(self.executor.host(), self.batch(Batch::all([command])).await?)
    }

    /// Runs commands; see [`Connection::batch`].
    ///
    /// # Errors
    /// As for [`Connection::batch`].
    pub async fn batch(&self, batch: Batch) -> Result<Vec<Output>, HostError> {
        if batch.commands.is_empty() {
            return Ok(Vec::new());
        }
        self.executor.batch(batch).await
    }

    /// Why the lane is dead, when it is.
    pub fn failure(&self) -> Option<HostError> {
        self.executor.death()
    }

    /// Ends it after what was sent is answered, for at most 3 s.
    pub async fn close(self) {
        self.executor.close().await;
    }
}

fn only(host: &str, outputs: Vec<Output>) -> Result<Output, HostError> {
    let missing = || HostError::Protocol { host: host.to_owned(), why: "an answer came without its output".into() };
    outputs.into_iter().next().ok_or_else(missing)
}
