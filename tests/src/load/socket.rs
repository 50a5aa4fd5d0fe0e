//! One Socket.IO connection over a WebSocket, kept open and watched (RFC 6455; Engine.IO protocol 4).

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::client::TlsStream;

use super::tls::{Door, Protocol};
use super::{Book, PATIENCE, SocketEnd};

/// Before a socket that ended is opened again, as Socket.IO's own client waits.
const PAUSE: Duration = Duration::from_millis(500);
/// The longest message that Parlour sends is far below.
const LONGEST: usize = 1 << 20;

/// Opens it, again and again, until told to stop.
pub(super) async fn keep_open(door: Arc<Door>, cookie: String, book: Arc<Book>, mut stop: watch::Receiver<bool>) {
    loop {
        let mut instance = None;
        let ended = tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => return,
            ended = once(&door, &cookie, &book, &mut instance) => ended,
        };
        let how = ended.unwrap_or("cut off");
        match instance {
            Some(instance) => {
                book.open.fetch_sub(1, Ordering::SeqCst);
                book.write(|report| report.ended.push(SocketEnd { at: SystemTime::now(), instance, how }));
            }
            None => book.write(|report| report.refused_sockets += 1),
        }
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

/// From the opening to the end. `instance` is set at the first tick, from when on it counts as open.
async fn once(door: &Door, cookie: &str, book: &Book, instance: &mut Option<String>) -> io::Result<&'static str> {
    let mut socket = tokio::time::timeout(PATIENCE, Socket::open(door, cookie)).await.map_err(io::Error::other)??;
    loop {
        let Some(packet) = socket.message().await? else { return Ok("close frame") };
        match packet.get(..1) {
            Some("2") => socket.send(1, b"3").await?,
            Some("0") => socket.send(1, b"40").await?,
            Some("1") => return Ok("closed by Engine.IO"),
            _ if packet.starts_with("44") => return Err(io::Error::other("the application refused")),
            _ if packet.starts_with("42") && instance.is_none() => {
                let tick: serde_json::Value = serde_json::from_str(&packet[2..]).map_err(io::Error::other)?;
                *instance = Some(tick[1]["instance"].as_str().unwrap_or_default().to_owned());
                book.open.fetch_add(1, Ordering::SeqCst);
            }
            _ => {}
        }
    }
}

struct Socket {
    stream: TlsStream<TcpStream>,
    buffer: Vec<u8>,
}

impl Socket {
    async fn open(door: &Door, cookie: &str) -> io::Result<Self> {
        let stream = door.enter(Protocol::Http1).await?;
        let mut socket = Self { stream, buffer: Vec::new() };
        let key = base64::engine::general_purpose::STANDARD.encode(b"slipway's crowd!");
        let domain = door.domain();
        let head = format!(
            "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: {domain}\r\nUpgrade: websocket\r\n\
             Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\
             Origin: https://{domain}\r\nCookie: {cookie}\r\n\r\n"
        );
        socket.stream.write_all(head.as_bytes()).await?;
        let end = loop {
            if let Some(at) = socket.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break at;
            }
            socket.fill().await?;
        };
        if !socket.buffer.starts_with(b"HTTP/1.1 101 ") {
            return Err(io::Error::other("no upgrade"));
        }
        socket.buffer.drain(..end + 4);
        Ok(socket)
    }

    async fn fill(&mut self) -> io::Result<()> {
        let mut piece = [0; 4096];
        let count = self.stream.read(&mut piece).await?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.buffer.extend_from_slice(&piece[..count]);
        if self.buffer.len() > LONGEST { Err(io::Error::other("too much")) } else { Ok(()) }
    }

    async fn take(&mut self, count: usize) -> io::Result<Vec<u8>> {
        while self.buffer.len() < count {
            self.fill().await?;
        }
        Ok(self.buffer.drain(..count).collect())
    }

    /// Frames of a client are masked (RFC 6455, 5.3); a mask of zeros hides nothing, and nothing is to be hidden.
    async fn send(&mut self, opcode: u8, payload: &[u8]) -> io::Result<()> {
        let length =
            u8::try_from(payload.len()).ok().filter(|length| *length < 126).ok_or(io::ErrorKind::InvalidInput)?;
        let mut frame = vec![0x80 | opcode, 0x80 | length, 0, 0, 0, 0];
        frame.extend_from_slice(payload);
        self.stream.write_all(&frame).await
    }

    /// The next whole text; `None` after a close frame. Answers pings on the way.
    async fn message(&mut self) -> io::Result<Option<String>> {
        let mut text = Vec::new();
        loop {
            let head = self.take(2).await?;
            let length = match head[1] & 0x7f {
                126 => usize::from(u16::from_be_bytes([self.take(1).await?[0], self.take(1).await?[0]])),
                127 => return Err(io::Error::other("too much")),
                short => usize::from(short),
            };
            let payload = self.take(length).await?;
            match head[0] & 0x0f {
                8 => return Ok(None),
                9 => self.send(10, &payload).await?,
                10 => {}
                _ => {
                    text.extend_from_slice(&payload);
                    if head[0] & 0x80 != 0 {
                        return String::from_utf8(text).map(Some).map_err(io::Error::other);
                    }
                }
            }
        }
    }
}
