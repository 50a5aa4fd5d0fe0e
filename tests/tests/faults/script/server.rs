//! An SSH server on this computer, in front of anything that answers requests, with a link that breaks when it is told to.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use russh::keys::{Algorithm, PrivateKey};
use russh::server::{Auth, Config, Handler, Msg, Session, VerifiedPublicKey, run_stream};
use russh::{Channel, ChannelMsg};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::wire::{Request, take_request};

/// How long a host without power refuses connections.
const OFF: Duration = Duration::from_millis(1500);

/// What is said to a request, and what happens to the link then.
#[derive(Debug)]
pub(crate) struct Said {
    pub bytes: Vec<u8>,
    pub then: Then,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    GoOn,
    /// The connection is reset.
    Cut,
    /// Nothing passes for so long; without a time, until `slipway` gives the connection up.
    Freeze(Option<Duration>),
    /// As cut, and nobody listens for a moment.
    PowerOff,
    /// Nothing is said any more.
    Silence,
}

/// The host's side of a channel.
pub(crate) trait Loop: Send {
    fn serve(&mut self, request: Request) -> Said;
}

/// Whatever is behind the server: begins a loop for a command line, with its nonce.
pub(crate) type Far = Arc<dyn Fn(&str, &str) -> Box<dyn Loop> + Send + Sync>;

/// What the link is like.
#[derive(Debug, Clone, Copy, Default)]
struct Net {
    /// Connections of an earlier number are over.
    cuts: u32,
    frozen: bool,
    /// Whether the silence ends when a connection is given up.
    patient: bool,
    off: bool,
}

/// A running server; dropping it ends it.
pub(crate) struct Server {
    pub address: SocketAddr,
    /// Its line of a known-hosts file.
    pub known: String,
    listening: JoinHandle<()>,
    net: Arc<watch::Sender<Net>>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.listening.abort();
        self.net.send_modify(|net| net.cuts += 1);
    }
}

impl Server {
    /// Listens on an address of its own.
    pub(crate) async fn start(far: Far) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let number = NEXT.fetch_add(1, Ordering::SeqCst) + (std::process::id() << 12);
        let [_, a, b, c] = number.to_be_bytes();
        let listener = TcpListener::bind((Ipv4Addr::new(127, a | 1, b, c), 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let key = PrivateKey::random(&mut russh::keys::key::safe_rng(), Algorithm::Ed25519).unwrap();
        let known = format!("[{}]:{} {}", address.ip(), address.port(), key.public_key().to_openssh().unwrap());
        let config = Arc::new(Config {
            keys: vec![key],
            auth_rejection_time: Duration::ZERO,
            nodelay: true,
            ..Config::default()
        });
        let net = Arc::new(watch::Sender::new(Net::default()));
        let listening = tokio::spawn(listen(listener, config, net.clone(), far));
        Self { address, known, listening, net }
    }
}

impl Server {
    /// Waits until the host has power, and the link is no longer silent.
    pub(crate) async fn on(&self) {
        let _ = self.net.subscribe().wait_for(|net| !net.off && !net.frozen).await;
    }
}

async fn listen(listener: TcpListener, config: Arc<Config>, net: Arc<watch::Sender<Net>>, far: Far) {
    let address = listener.local_addr().unwrap();
    let mut listener = Some(listener);
    let mut changes = net.subscribe();
    loop {
        let Some(open) = &listener else {
            tokio::time::sleep(OFF).await;
            listener = Some(TcpListener::bind(address).await.unwrap());
            net.send_modify(|net| net.off = false);
            continue;
        };
        tokio::select! {
            accepted = open.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                tokio::spawn(serve(stream, config.clone(), net.clone(), far.clone()));
            }
            off = changes.wait_for(|net| net.off) => {
                if off.is_err() { return }
                drop(off);
                listener = None;
            }
        }
    }
}

async fn serve(tcp: TcpStream, config: Arc<Config>, net: Arc<watch::Sender<Net>>, far: Far) {
    let _ = tcp.set_nodelay(true);
    let (near, inner) = tokio::io::duplex(256 << 10);
    let passed = Arc::new(watch::Sender::new(0_u64));
    let connection = Connection { far, net: net.clone(), passed: passed.clone() };
    tokio::spawn(async move {
        if let Ok(session) = run_stream(config, inner, connection).await {
            let _ = session.await;
        }
    });
    pump(tcp, near, &net, &passed).await;
}

/// Carries bytes both ways, as the link allows.
async fn pump(mut tcp: TcpStream, mut near: DuplexStream, net: &watch::Sender<Net>, passed: &watch::Sender<u64>) {
    let mut changes = net.subscribe();
    let cuts = changes.borrow().cuts;
    let (mut up, mut down) = (vec![0; 64 << 10], vec![0; 64 << 10]);
    let mut held = Vec::new();
    loop {
        let now = *changes.borrow_and_update();
        if now.cuts != cuts {
            let _ = tcp.set_zero_linger();
            return;
        }
        if !now.frozen && !held.is_empty() {
            if near.write_all(&held).await.is_err() {
                return;
            }
            held.clear();
        }
        tokio::select! {
            biased;
            changed = changes.changed() => if changed.is_err() { return },
            read = tcp.read(&mut up) => match read {
                Ok(0) | Err(_) => {
                    net.send_modify(|net| net.frozen &= !net.patient);
                    return;
                }
                Ok(length) => held.extend_from_slice(&up[..length]),
            },
            read = near.read(&mut down), if !now.frozen => match read {
                Ok(0) | Err(_) => return,
                Ok(length) => {
                    if tcp.write_all(&down[..length]).await.is_err() { return }
                    passed.send_modify(|bytes| *bytes += length as u64);
                }
            },
        }
    }
}

/// One connection's side of the server.
struct Connection {
    far: Far,
    net: Arc<watch::Sender<Net>>,
    passed: Arc<watch::Sender<u64>>,
}

impl Handler for Connection {
    type Error = russh::Error;

    async fn auth_publickey(&mut self, user: &str, _: VerifiedPublicKey<'_>) -> Result<Auth, Self::Error> {
        Ok(if user == "root" { Auth::Accept } else { Auth::reject() })
    }

    async fn channel_open_session(
        &mut self,
        mut channel: Channel<Msg>,
        reply: russh::server::ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        reply.accept().await;
        let (far, net, passed) = (self.far.clone(), self.net.clone(), self.passed.clone());
        tokio::spawn(async move {
            let command = loop {
                match channel.wait().await {
                    Some(ChannelMsg::Exec { command, .. }) => break String::from_utf8(command.to_vec()).unwrap(),
                    Some(_) => {}
                    None => return,
                }
            };
            let nonce = command.rsplit(' ').next().unwrap_or_default().to_owned();
            let mut program = far(&command, &nonce);
            let _ = channel.data_bytes(format!("\nREADY {nonce}\n").into_bytes()).await;
            let mut bytes = Vec::new();
            loop {
                match channel.wait().await {
                    Some(ChannelMsg::Data { data }) => bytes.extend_from_slice(&data),
                    Some(ChannelMsg::Eof | ChannelMsg::Close) | None => return,
                    Some(_) => {}
                }
                while let Some(request) = take_request(&mut bytes) {
                    let before = *passed.borrow();
                    let said = tokio::task::block_in_place(|| program.serve(request));
                    let length = said.bytes.len() as u64;
                    if length > 0 && channel.data_bytes(said.bytes).await.is_err() {
                        return;
                    }
                    if said.then == Then::GoOn {
                        continue;
                    }
                    // What was said before the fault is on its way before it.
                    let _ = passed.subscribe().wait_for(|bytes| *bytes >= before + length).await;
                    match said.then {
                        Then::Cut => net.send_modify(|net| net.cuts += 1),
                        Then::PowerOff => net.send_modify(|net| (net.cuts, net.off) = (net.cuts + 1, true)),
                        Then::Freeze(time) => {
                            net.send_modify(|net| (net.frozen, net.patient) = (true, time.is_none()));
                            if let Some(time) = time {
                                tokio::time::sleep(time).await;
                                net.send_modify(|net| net.frozen = false);
                            }
                        }
                        Then::GoOn | Then::Silence => {}
                    }
                    // Nothing more is said here.
                    while channel.wait().await.is_some() {}
                    return;
                }
            }
        });
        Ok(())
    }
}
