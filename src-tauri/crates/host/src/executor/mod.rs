//! The privileged loop on a host, and the requests that travel to it.
//!
//! One channel, one request after the other, any number of them under way: a
//! request is sent without waiting for the answers of those before it. Whoever
//! drops the future of a request loses only the answer; it is read and thrown away.

pub mod frame;
pub(crate) mod launch;
pub mod request;
pub mod stream;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use russh::{ChannelMsg, ChannelReadHalf, ChannelWriteHalf};
use slipway_core::command::{Exit, Output};
use tokio::sync::{mpsc, oneshot, watch};

use crate::error::HostError;
use crate::link::Ending;
use frame::{Event, Parser};
use launch::Started;
use request::Batch;

/// Requests that wait to be sent before callers wait.
const QUEUE: usize = 256;
/// Time granted beyond the commands' own limits.
const SLACK: Duration = Duration::from_secs(30);
/// Between SIGTERM and SIGKILL of a command whose time is over, and a little more.
const GRACE: Duration = Duration::from_secs(3);
/// Most bytes of standard error of the loop itself that are kept.
const COMPLAINT_LIMIT: usize = 4096;

/// A request on its way.
struct Request {
    id: u64,
    pieces: Vec<Bytes>,
    stdout_limits: Vec<usize>,
    waiting: Waiting,
}

/// Who waits for an answer.
struct Waiting {
    budget: Duration,
    progress: Option<mpsc::Sender<(usize, Exit)>>,
    reply: oneshot::Sender<Vec<Output>>,
}

/// State shared by callers and tasks.
struct Shared {
    host: String,
    /// Set once, when the channel dies.
    death: watch::Sender<Option<HostError>>,
    /// When the last bytes went out, ms since `born`.
    sent: AtomicU64,
    born: Instant,
    round_trips: AtomicU64,
    commands: AtomicU64,
}

impl Shared {
    fn die(&self, error: HostError) {
        self.death.send_if_modified(|death| {
            let first = death.is_none();
            death.get_or_insert(error);
            first
        });
    }

    fn lost(&self, why: impl Into<String>) -> HostError {
        HostError::Lost { host: self.host.clone(), why: why.into() }
    }

    fn obituary(&self) -> HostError {
        self.death.borrow().clone().unwrap_or_else(|| self.lost("the connection was closed"))
    }

    fn now(&self) -> u64 {
        u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// A running privileged loop.
pub(crate) struct Executor {
    requests: mpsc::Sender<Request>,
    next: AtomicU64,
    shared: Arc<Shared>,
}

impl Executor {
    /// Takes over a started loop.
    pub(crate) fn new(host: &str, started: Started, ending: Ending) -> Self {
        let (requests, queue) = mpsc::channel(QUEUE);
        let shared = Arc::new(Shared {
            host: host.to_owned(),
            death: watch::Sender::new(None),
            sent: AtomicU64::new(0),
            born: Instant::now(),
            round_trips: AtomicU64::new(0),
            commands: AtomicU64::new(0),
        });
        let mut parser = Parser::new(started.nonce);
        if let Err(broken) = parser.push(&started.rest) {
            shared.die(HostError::Protocol { host: host.to_owned(), why: broken.to_string() });
        }
        let (announce, announced) = mpsc::unbounded_channel();
        tokio::spawn(write(started.write, queue, announce, Arc::clone(&shared)));
        let reader = Reader {
            read: started.read,
            parser,
            announced,
            waiting: VecDeque::new(),
            shared: Arc::clone(&shared),
            ending,
            complaint: Vec::new(),
            status: None,
            front_since: Instant::now(),
            last_data: Instant::now(),
        };
        tokio::spawn(reader.run());
        Self { requests, next: AtomicU64::new(1), shared }
    }

    /// Runs a batch. Dropping the future after it was sent does not stop it on the host.
    pub(crate) async fn batch(&self, batch: Batch) -> Result<Vec<Output>, HostError> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let pieces = request::encode(id, &batch)
            .map_err(|error| HostError::Unsendable { host: self.shared.host.clone(), why: error.to_string() })?;
        let count = batch.commands.len() as u64;
        let (reply, answer) = oneshot::channel();
        let request = Request {
            id,
            pieces,
            stdout_limits: batch.commands.iter().map(|command| command.output_limit).collect(),
            waiting: Waiting {
                budget: batch.commands.iter().map(|command| command.timeout.saturating_add(GRACE)).sum(),
                progress: batch.progress,
                reply,
            },
        };
        self.requests.send(request).await.map_err(|_| self.shared.obituary())?;
        self.shared.round_trips.fetch_add(1, Ordering::Relaxed);
        self.shared.commands.fetch_add(count, Ordering::Relaxed);
        answer.await.map_err(|_| self.shared.obituary())
    }

    /// The host, as the person calls it.
    pub(crate) fn host(&self) -> &str {
        &self.shared.host
    }

    /// Batches sent.
    pub(crate) fn round_trips(&self) -> u64 {
        self.shared.round_trips.load(Ordering::Relaxed)
    }

    /// Commands sent.
    pub(crate) fn commands(&self) -> u64 {
        self.shared.commands.load(Ordering::Relaxed)
    }

    /// Why the channel is dead, when it is.
    pub(crate) fn death(&self) -> Option<HostError> {
        self.shared.death.borrow().clone()
    }

    /// Waits until the channel is dead.
    pub(crate) async fn died(&self) -> HostError {
        let mut death = self.shared.death.subscribe();
        match death.wait_for(Option::is_some).await {
            Ok(death) => death.clone().unwrap_or_else(|| self.shared.obituary()),
            Err(_) => self.shared.obituary(),
        }
    }

    /// Ends the loop on the host, which removes its private folder.
    pub(crate) async fn close(self) {
        let shared = Arc::clone(&self.shared);
        drop(self.requests);
        let mut death = shared.death.subscribe();
        let _ = tokio::time::timeout(Duration::from_secs(3), death.wait_for(Option::is_some)).await;
    }
}

/// Sends requests in order; announces each to the reader first.
async fn write(
    channel: ChannelWriteHalf<russh::client::Msg>,
    mut queue: mpsc::Receiver<Request>,
    announce: mpsc::UnboundedSender<(u64, Vec<usize>, Waiting)>,
    shared: Arc<Shared>,
) {
    let mut death = shared.death.subscribe();
    let sending = async {
        while let Some(request) = queue.recv().await {
            if announce.send((request.id, request.stdout_limits, request.waiting)).is_err() {
                return;
            }
            for piece in request.pieces {
                for part in parts(piece) {
                    if channel.data_bytes(part).await.is_err() {
                        shared.die(shared.lost("the channel was closed"));
                        return;
                    }
                    shared.sent.store(shared.now(), Ordering::Relaxed);
                }
            }
        }
        // No caller is left: end of input ends the loop.
        let _ = channel.eof().await;
    };
    tokio::select! {
        () = sending => {}
        // A dead session never opens the window that a write may be waiting for.
        _ = death.wait_for(Option::is_some) => {}
    }
}

/// Pieces small enough to show progress on a slow link.
fn parts(piece: Bytes) -> impl Iterator<Item = Bytes> {
    const PART: usize = 256 << 10;
    (0..piece.len()).step_by(PART).map(move |at| piece.slice(at..piece.len().min(at.saturating_add(PART))))
}

struct Reader {
    read: ChannelReadHalf,
    parser: Parser,
    announced: mpsc::UnboundedReceiver<(u64, Vec<usize>, Waiting)>,
    waiting: VecDeque<Waiting>,
    shared: Arc<Shared>,
    ending: Ending,
    complaint: Vec<u8>,
    status: Option<u32>,
    /// Since when the host works at the request in front.
    front_since: Instant,
    last_data: Instant,
}

impl Reader {
    async fn run(mut self) {
        let error = self.until_death().await;
        self.shared.die(error);
        // Dropping `waiting` wakes every caller, who then reads the cause of death.
    }

    async fn until_death(&mut self) -> HostError {
        let mut death = self.shared.death.subscribe();
        loop {
            let patience = self.patience();
            tokio::select! {
                biased;
                dead = death.wait_for(Option::is_some) => {
                    return dead.ok().and_then(|death| death.clone()).unwrap_or_else(|| self.shared.obituary());
                }
                // Announcements come before the answers they are for.
                Some(announced) = self.announced.recv() => self.note(announced),
                message = self.read.wait() => {
                    if let Err(error) = self.take(message) {
                        return error;
                    }
                }
                () = tokio::time::sleep(patience), if !self.waiting.is_empty() => {
                    if let Some(error) = self.overdue() {
                        return error;
                    }
                }
            }
        }
    }

    fn note(&mut self, (id, stdout_limits, waiting): (u64, Vec<usize>, Waiting)) {
        if self.waiting.is_empty() {
            self.front_since = Instant::now();
        }
        self.parser.expect(id, stdout_limits);
        self.waiting.push_back(waiting);
    }

    /// How long the request in front may still take.
    fn patience(&self) -> Duration {
        let budget = self.waiting.front().map_or(SLACK, |front| front.budget.saturating_add(SLACK));
        // Never zero: after the limit, activity is looked at once a second.
        budget.saturating_sub(self.front_since.elapsed()).max(Duration::from_secs(1))
    }

    /// An error when the request in front is over its time and nothing moves either way.
    fn overdue(&self) -> Option<HostError> {
        let waited = self.front_since.elapsed();
        let budget = self.waiting.front()?.budget.saturating_add(SLACK);
        let sent = Duration::from_millis(self.shared.now().saturating_sub(self.shared.sent.load(Ordering::Relaxed)));
        let moving = self.last_data.elapsed() < SLACK || sent < SLACK;
        (waited > budget && !moving).then(|| HostError::Overdue { host: self.shared.host.clone(), waited })
    }

    fn take(&mut self, message: Option<ChannelMsg>) -> Result<(), HostError> {
        match message {
            Some(ChannelMsg::Data { data }) => {
                self.last_data = Instant::now();
                while let Ok(announced) = self.announced.try_recv() {
                    self.note(announced);
                }
                let events = self.parser.push(&data);
                let events = events.map_err(|broken| HostError::Protocol {
                    host: self.shared.host.clone(),
                    why: format!("{broken}{}", self.said()),
                })?;
                events.into_iter().for_each(|event| self.tell(event));
                Ok(())
            }
            Some(ChannelMsg::ExtendedData { data, .. }) => {
                let room = COMPLAINT_LIMIT.saturating_sub(self.complaint.len());
                self.complaint.extend_from_slice(data.get(..data.len().min(room)).unwrap_or_default());
                Ok(())
            }
            Some(ChannelMsg::ExitStatus { exit_status }) => {
                self.status = Some(exit_status);
                Ok(())
            }
            Some(ChannelMsg::ExitSignal { signal_name, .. }) => {
                Err(self.shared.lost(format!("the privileged shell was killed by {signal_name:?}{}", self.said())))
            }
            Some(ChannelMsg::Close) | None => {
                let why = self.ending.why().unwrap_or_else(|| match self.status {
                    Some(status) => format!("the privileged shell ended with status {status}{}", self.said()),
                    None => format!("the privileged shell ended{}", self.said()),
                });
                Err(self.shared.lost(why))
            }
            Some(_) => Ok(()),
        }
    }

    fn said(&self) -> String {
        let text = String::from_utf8_lossy(&self.complaint);
        let text = text.trim();
        if text.is_empty() { String::new() } else { format!(": {text}") }
    }

    fn tell(&mut self, event: Event) {
        match event {
            Event::Progress { index, exit, .. } => {
                if let Some(progress) = self.waiting.front().and_then(|front| front.progress.as_ref()) {
                    let _ = progress.try_send((index, exit));
                }
            }
            Event::Reply { outputs, .. } => {
                self.front_since = Instant::now();
                let Some(front) = self.waiting.pop_front() else { return };
                if let Some(progress) = &front.progress {
                    for (index, output) in outputs.iter().enumerate() {
                        if output.exit == Exit::Skipped {
                            let _ = progress.try_send((index, Exit::Skipped));
                        }
                    }
                }
                let _ = front.reply.send(outputs);
            }
        }
    }
}
