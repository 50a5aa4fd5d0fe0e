//! A TCP relay that puts a slow, narrow or broken network between a client and a server.
//!
//! Kernels of test machines often have no netem, and a relay needs no privileges. It works on the byte stream:
//! what a client waits for (round trips, bandwidth) is real; packet loss and reordering cannot be shown with it.
//! It must not look into the bytes.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// The largest piece that is read at once; with a bandwidth limit it is also the burst.
const PIECE: usize = 16 * 1024;
/// How many bytes may be under way in one direction before the sender is made to wait.
const WINDOW: usize = 4 * 1024 * 1024;

/// What the network between client and server is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Conditions {
    /// How long a question and its answer take on the way together; half of it is added in each direction.
    pub round_trip: Duration,
    /// The most bytes per second in each direction of a connection; `None` is no limit.
    pub bytes_per_second: Option<u64>,
}

/// What passed through a relay, over all its connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Traffic {
    /// Connections accepted.
    pub connections: u64,
    /// Bytes from clients to the server.
    pub sent: u64,
    /// Bytes from the server to clients.
    pub received: u64,
    /// How often a client spoke after the server had: what latency multiplies. A connection's first words count.
    pub turns: u64,
}

impl Traffic {
    /// Bytes in both directions.
    pub fn bytes(&self) -> u64 {
        self.sent + self.received
    }
}

/// How [`Relay::cut`] ends connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Both sides get a reset, as from a firewall or a crashed peer.
    Reset,
    /// Nothing more passes and nobody is told, as with an unplugged cable. [`Relay::resume`] ends it.
    Silent,
}

/// A running relay on a loopback port; dropping it closes the port and every connection.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    shared: Arc<Shared>,
    /// `None` only while being dropped.
    runtime: Option<Runtime>,
}

#[derive(Debug)]
struct Shared {
    server: SocketAddr,
    conditions: Mutex<Conditions>,
    frozen: watch::Sender<bool>,
    /// Grows by one at every reset; connections of an earlier number end.
    resets: watch::Sender<u64>,
    connections: AtomicU64,
    sent: AtomicU64,
    received: AtomicU64,
    turns: AtomicU64,
}

impl Relay {
    /// Starts a relay to `server` on a free loopback port.
    pub fn start(server: SocketAddr, conditions: Conditions) -> io::Result<Self> {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).thread_name("relay").enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            server,
            conditions: Mutex::new(conditions),
            frozen: watch::Sender::new(false),
            resets: watch::Sender::new(0),
            connections: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            received: AtomicU64::new(0),
            turns: AtomicU64::new(0),
        });
        runtime.spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self { address, shared, runtime: Some(runtime) })
    }

    /// Where clients connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes the network, also for open connections.
    pub fn set_conditions(&self, conditions: Conditions) {
        *self.shared.conditions.lock().unwrap_or_else(PoisonError::into_inner) = conditions;
    }

    /// What passed so far.
    pub fn traffic(&self) -> Traffic {
        let read = |counter: &AtomicU64| counter.load(Ordering::SeqCst);
        Traffic {
            connections: read(&self.shared.connections),
            sent: read(&self.shared.sent),
            received: read(&self.shared.received),
            turns: read(&self.shared.turns),
        }
    }

    /// Starts counting from zero.
    pub fn reset_traffic(&self) {
        for counter in [&self.shared.connections, &self.shared.sent, &self.shared.received, &self.shared.turns] {
            counter.store(0, Ordering::SeqCst);
        }
    }

    /// Breaks all connections. After [`Cut::Reset`] new ones are accepted.
    pub fn cut(&self, how: Cut) {
        match how {
            Cut::Reset => self.shared.resets.send_modify(|number| *number += 1),
            Cut::Silent => self.freeze(),
        }
    }

    /// Stops all bytes; new connections are accepted by the kernel and hear nothing.
    pub fn freeze(&self) {
        self.shared.frozen.send_replace(true);
    }

    /// Ends a freeze; what was under way arrives.
    pub fn resume(&self) {
        self.shared.frozen.send_replace(false);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Also fine inside another runtime, where waiting for tasks would panic.
            runtime.shutdown_background();
        }
    }
}

impl Shared {
    fn conditions(&self) -> Conditions {
        *self.conditions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn until_not_frozen(&self) {
        // The sender lives as long as `self`, so waiting cannot fail.
        self.frozen.subscribe().wait_for(|frozen| !frozen).await.ok();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((client, _)) = accepted else { continue };
                connections.spawn(connection(client, Arc::clone(&shared)));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(mut client: TcpStream, shared: Arc<Shared>) {
    shared.connections.fetch_add(1, Ordering::SeqCst);
    let mut resets = shared.resets.subscribe();
    // The kernel has shaken hands with the client at once. Through a real network, the server would see the
    // connection after one and a half round trips, together with the client's first bytes.
    tokio::time::sleep(shared.conditions().round_trip * 3 / 2).await;
    shared.until_not_frozen().await;
    client.set_nodelay(true).ok();
    let Ok(mut server) = TcpStream::connect(shared.server).await else {
        client.set_zero_linger().ok();
        return;
    };
    server.set_nodelay(true).ok();
    let last = AtomicU8::new(Direction::ToClient as u8);
    let to_server = Pipe { direction: Direction::ToServer, last: &last, shared: &shared };
    let to_client = Pipe { direction: Direction::ToClient, last: &last, shared: &shared };
    let early = to_server.take_early(&client);
    let carried = {
        let (client_reader, client_writer) = client.split();
        let (server_reader, server_writer) = server.split();
        tokio::select! {
            carried = async { tokio::try_join!(
                to_server.carry(early, client_reader, server_writer),
                to_client.carry(None, server_reader, client_writer),
            ) } => carried.is_ok(),
            _ = resets.changed() => false,
        }
    };
    if !carried {
        // With a linger time of zero, closing sends a reset (socket(7), tcp(7)).
        client.set_zero_linger().ok();
        server.set_zero_linger().ok();
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Direction {
    ToServer,
    ToClient,
}

/// Bytes under way, and when they arrive.
struct Piece {
    due: Instant,
    bytes: Vec<u8>,
}

/// One direction of one connection.
struct Pipe<'a> {
    direction: Direction,
    /// The direction of the connection's latest bytes.
    last: &'a AtomicU8,
    shared: &'a Shared,
}

impl Pipe<'_> {
    /// What the client said while the connection was being made.
    fn take_early(&self, client: &TcpStream) -> Option<Piece> {
        let mut bytes = vec![0; PIECE];
        let count = client.try_read(&mut bytes).ok().filter(|count| *count > 0)?;
        bytes.truncate(count);
        self.count(count);
        Some(Piece { due: Instant::now(), bytes })
    }

    async fn carry(&self, early: Option<Piece>, reader: ReadHalf<'_>, writer: WriteHalf<'_>) -> io::Result<()> {
        let (sender, receiver) = mpsc::channel(WINDOW / PIECE);
        if let Some(piece) = early {
            sender.send(piece).await.ok();
        }
        tokio::try_join!(self.take_in(reader, sender), self.put_out(receiver, writer)).map(drop)
    }

    async fn take_in(&self, mut reader: ReadHalf<'_>, pieces: mpsc::Sender<Piece>) -> io::Result<()> {
        let mut buffer = vec![0; PIECE];
        loop {
            let count = reader.read(&mut buffer).await?;
            if count == 0 {
                return Ok(());
            }
            self.count(count);
            let due = Instant::now() + self.shared.conditions().round_trip / 2;
            if pieces.send(Piece { due, bytes: buffer[..count].to_vec() }).await.is_err() {
                return Ok(());
            }
        }
    }

    async fn put_out(&self, mut pieces: mpsc::Receiver<Piece>, mut writer: WriteHalf<'_>) -> io::Result<()> {
        let mut line_is_free = Instant::now();
        while let Some(piece) = pieces.recv().await {
            if let Some(rate) = self.shared.conditions().bytes_per_second {
                let takes = Duration::from_secs_f64(piece.bytes.len() as f64 / rate.max(1) as f64);
                line_is_free = line_is_free.max(Instant::now()) + takes;
                tokio::time::sleep_until(line_is_free).await;
            }
            tokio::time::sleep_until(piece.due).await;
            self.shared.until_not_frozen().await;
            writer.write_all(&piece.bytes).await?;
        }
        // Each direction ends by itself: clients half-close connections and still wait for an answer.
        tokio::time::sleep(self.shared.conditions().round_trip / 2).await;
        self.shared.until_not_frozen().await;
        writer.shutdown().await
    }

    fn count(&self, bytes: usize) {
        let before = self.last.swap(self.direction as u8, Ordering::SeqCst);
        let counter = match self.direction {
            Direction::ToServer => &self.shared.sent,
            Direction::ToClient => &self.shared.received,
        };
        counter.fetch_add(bytes as u64, Ordering::SeqCst);
        if self.direction == Direction::ToServer && before == Direction::ToClient as u8 {
            self.shared.turns.fetch_add(1, Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener as Listener, TcpStream as Stream};
    use std::time::Instant;

    use super::*;

    /// A server that answers every byte with the same byte.
    fn echo() -> SocketAddr {
        let listener = Listener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut reader = stream.unwrap();
                let mut writer = reader.try_clone().unwrap();
                std::thread::spawn(move || {
                    std::io::copy(&mut reader, &mut writer).ok();
                    writer.shutdown(std::net::Shutdown::Write).ok();
                });
            }
        });
        address
    }

    fn ask(stream: &mut Stream, question: &[u8]) -> Vec<u8> {
        stream.write_all(question).unwrap();
        let mut answer = vec![0; question.len()];
        stream.read_exact(&mut answer).unwrap();
        answer
    }

    fn start(conditions: Conditions) -> (Relay, Stream) {
        let relay = Relay::start(echo(), conditions).unwrap();
        let stream = Stream::connect(relay.address()).unwrap();
        stream.set_nodelay(true).unwrap();
        (relay, stream)
    }

    #[test]
    fn bytes_and_turns_are_counted() {
        let (relay, mut stream) = start(Conditions::default());
        for _ in 0..3 {
            assert_eq!(ask(&mut stream, b"hello"), b"hello");
        }
        assert_eq!(relay.traffic(), Traffic { connections: 1, sent: 15, received: 15, turns: 3 });
        relay.reset_traffic();
        assert_eq!(relay.traffic(), Traffic::default());
    }

    #[test]
    fn each_question_takes_a_round_trip_and_the_first_one_two() {
        let round_trip = Duration::from_millis(60);
        let (_relay, mut stream) = start(Conditions { round_trip, bytes_per_second: None });
        let started = Instant::now();
        ask(&mut stream, b"first");
        let first = started.elapsed();
        assert!(first >= round_trip * 2 && first < round_trip * 3, "{first:?}");
        let started = Instant::now();
        ask(&mut stream, b"second");
        let second = started.elapsed();
        assert!(second >= round_trip && second < round_trip * 2, "{second:?}");
    }

    #[test]
    fn bandwidth_is_limited() {
        let (_relay, mut stream) = start(Conditions { bytes_per_second: Some(1_000_000), ..Conditions::default() });
        let mut writer = stream.try_clone().unwrap();
        let started = Instant::now();
        std::thread::spawn(move || writer.write_all(&vec![7; 300_000]).unwrap());
        stream.read_exact(&mut vec![0; 300_000]).unwrap();
        let took = started.elapsed();
        assert!(took >= Duration::from_millis(290) && took < Duration::from_millis(900), "{took:?}");
    }

    #[test]
    fn a_reset_is_an_error_and_new_connections_pass() {
        let (relay, mut stream) = start(Conditions::default());
        ask(&mut stream, b"x");
        relay.cut(Cut::Reset);
        let error = stream.read(&mut [0; 1]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        assert_eq!(ask(&mut Stream::connect(relay.address()).unwrap(), b"again"), b"again");
    }

    #[test]
    fn a_silent_cut_is_silent_until_resumed() {
        let (relay, mut stream) = start(Conditions::default());
        ask(&mut stream, b"x");
        relay.cut(Cut::Silent);
        stream.write_all(b"lost?").unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        let error = stream.read(&mut [0; 1]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        relay.resume();
        stream.set_read_timeout(None).unwrap();
        let mut answer = [0; 5];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"lost?");
    }

    #[test]
    fn a_half_closed_connection_still_answers() {
        let (_relay, mut stream) = start(Conditions { round_trip: Duration::from_millis(10), bytes_per_second: None });
        stream.write_all(b"last words").unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert_eq!(answer, "last words");
    }
}
