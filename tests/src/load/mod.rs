//! Many visitors of a site at once, from outside its host: what each of them got is counted.
//!
//! A closed loop: each visitor keeps one TLS connection and asks again as soon as the answer is there. Half of the
//! requests are POSTs with a body, whose digest the answer must name; all take from 0 to 2 seconds. Every second visitor
//! speaks HTTP/2 where the site does. Beside them Socket.IO connections stay open, and are made again when they end.
//! Speaks to the sample application Parlour.
//! It must not forgive: whatever is not the right answer is a failed request, and nothing is sent twice.

mod drain;
mod socket;
mod tls;
mod visitor;

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

pub use drain::{Drain, drains};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// After this long without an answer a request has failed.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Whom to visit, and by how many.
#[derive(Debug, Clone)]
pub struct Crowd {
    /// Where nginx listens with TLS. Any certificate is accepted.
    pub address: SocketAddr,
    /// The name to ask for.
    pub domain: String,
    /// Visitors that ask without pause.
    pub visitors: usize,
    /// WebSockets that are kept open.
    pub sockets: usize,
}

/// Why a request failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Loss {
    /// No connection could be made.
    Connect,
    /// The connection ended before the answer was whole.
    Closed,
    /// No whole answer within [`PATIENCE`].
    Timeout,
    /// Another status than 200.
    Status(u16),
    /// Status 200 with something else than the right answer.
    Wrong,
}

impl fmt::Display for Loss {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect => formatter.write_str("no connection"),
            Self::Closed => formatter.write_str("cut off"),
            Self::Timeout => formatter.write_str("no answer in time"),
            Self::Status(status) => write!(formatter, "status {status}"),
            Self::Wrong => formatter.write_str("wrong answer"),
        }
    }
}

/// How an open WebSocket ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SocketEnd {
    /// When.
    pub at: SystemTime,
    /// The instance that it was connected to, by the instance's own word; empty when it ended before the first tick.
    pub instance: String,
    /// What was seen: a close frame, or the end of the stream.
    pub how: &'static str,
}

/// What the visitors got.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Requests whose right answer came.
    pub answered: u64,
    /// Requests that failed, and when.
    pub lost: Vec<(SystemTime, Loss)>,
    /// How long each answered request took beyond what it asked the application to wait; sorted.
    pub delays: Vec<Duration>,
    /// WebSockets that ended, in the order in which they did.
    pub ended: Vec<SocketEnd>,
    /// WebSockets that could not be opened at once and were tried again.
    pub refused_sockets: u64,
    /// The versions of the application that answered, and how often.
    pub versions: BTreeMap<String, u64>,
}

impl Report {
    /// The delay that `share` (0 to 1) of the answered requests stayed below.
    pub fn delay(&self, share: f64) -> Duration {
        let last = self.delays.len().saturating_sub(1);
        self.delays.get((last as f64 * share).round() as usize).copied().unwrap_or_default()
    }

    /// Failed requests by their reason.
    pub fn losses(&self) -> BTreeMap<Loss, usize> {
        let mut losses = BTreeMap::new();
        for (_, loss) in &self.lost {
            *losses.entry(*loss).or_insert(0) += 1;
        }
        losses
    }
}

/// What visitors write into.
#[derive(Debug, Default)]
struct Book {
    report: Mutex<Report>,
    open: AtomicU64,
}

impl Book {
    fn write(&self, change: impl FnOnce(&mut Report)) {
        change(&mut self.report.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Visitors that are under way; they end with [`Load::finish`] or when this is dropped.
#[derive(Debug)]
pub struct Load {
    book: Arc<Book>,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
    /// `None` only while being dropped.
    runtime: Option<Runtime>,
}

impl Load {
    /// Sends the crowd, and returns when each of its WebSockets is open and has heard the application.
    ///
    /// # Errors
    /// When nobody can log in, or the WebSockets do not open.
    pub fn start(crowd: &Crowd) -> std::io::Result<Self> {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).thread_name("crowd").enable_all().build()?;
        let (book, stop) = (Arc::new(Book::default()), watch::Sender::new(false));
        let door = Arc::new(tls::Door::new(crowd));
        let cookie = if crowd.sockets > 0 { runtime.block_on(visitor::log_in(&door))? } else { String::new() };
        let mut tasks = Vec::new();
        for _ in 0..crowd.sockets {
            let (door, cookie, book) = (door.clone(), cookie.clone(), book.clone());
            tasks.push(runtime.spawn(socket::keep_open(door, cookie, book, stop.subscribe())));
        }
        for number in 0..crowd.visitors {
            tasks.push(runtime.spawn(visitor::visit(number as u64, door.clone(), book.clone(), stop.subscribe())));
        }
        let load = Self { book, stop, tasks, runtime: Some(runtime) };
        load.wait_for_sockets(crowd.sockets as u64)?;
        Ok(load)
    }

    /// What happened so far.
    pub fn report(&self) -> Report {
        let mut report = self.book.report.lock().unwrap_or_else(PoisonError::into_inner).clone();
        report.delays.sort();
        report
    }

    /// Waits until `count` WebSockets are open.
    ///
    /// # Errors
    /// When they are not within [`PATIENCE`].
    pub fn wait_for_sockets(&self, count: u64) -> std::io::Result<()> {
        let deadline = std::time::Instant::now() + PATIENCE;
        loop {
            let open = self.book.open.load(Ordering::SeqCst);
            if open >= count {
                return Ok(());
            }
            if std::time::Instant::now() > deadline {
                return Err(std::io::Error::other(format!("only {open} of {count} WebSockets are open")));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Lets every visitor finish the request that is under way, and says what they all got.
    pub fn finish(mut self) -> Report {
        self.stop.send_replace(true);
        let tasks = std::mem::take(&mut self.tasks);
        if let Some(runtime) = &self.runtime {
            runtime.block_on(async {
                for task in tasks {
                    task.await.ok();
                }
            });
        }
        self.report()
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Also fine inside another runtime, where waiting for tasks would panic.
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_counted_by_reason_and_delays_by_rank() {
        let now = SystemTime::now();
        let lost = [Loss::Closed, Loss::Status(502), Loss::Closed].map(|loss| (now, loss)).to_vec();
        let delays = (1..=100).map(Duration::from_millis).collect();
        let report = Report { lost, delays, ..Report::default() };
        assert_eq!(report.losses(), BTreeMap::from([(Loss::Closed, 2), (Loss::Status(502), 1)]));
        assert_eq!(report.delay(0.5), Duration::from_millis(51));
        assert_eq!(report.delay(1.0), Duration::from_millis(100));
        assert_eq!(Report::default().delay(0.5), Duration::ZERO);
    }
}
