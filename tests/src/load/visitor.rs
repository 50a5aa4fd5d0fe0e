//! One visitor: a connection that is kept, one request after the other.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::header::{CONTENT_TYPE, HOST, SET_COOKIE};
use hyper::{Method, Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::sync::watch;

use super::tls::{Door, Protocol};
use super::{Book, Loss, PATIENCE};

/// How long a visitor who got an error waits before asking again, as people do.
const AFTER_A_LOSS: Duration = Duration::from_millis(250);

/// A connection to the site, in the protocol that was agreed on.
enum Sender {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

impl Sender {
    async fn ready(&mut self) -> hyper::Result<()> {
        match self {
            Self::Http1(sender) => sender.ready().await,
            Self::Http2(sender) => sender.ready().await,
        }
    }

    async fn send_request(&mut self, request: Request<Full<Bytes>>) -> hyper::Result<Response<Incoming>> {
        match self {
            Self::Http1(sender) => sender.send_request(request).await,
            Self::Http2(sender) => sender.send_request(request).await,
        }
    }
}

async fn open(door: &Door, protocol: Protocol) -> io::Result<Sender> {
    let stream = door.enter(protocol).await?;
    let agreed = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    let stream = TokioIo::new(stream);
    if agreed {
        let (sender, connection) = http2::handshake(TokioExecutor::new(), stream).await.map_err(io::Error::other)?;
        tokio::spawn(connection);
        return Ok(Sender::Http2(sender));
    }
    let (sender, connection) = http1::handshake(stream).await.map_err(io::Error::other)?;
    tokio::spawn(connection);
    Ok(Sender::Http1(sender))
}

/// The cookie of a fresh login.
pub(super) async fn log_in(door: &Door) -> io::Result<String> {
    let mut sender = open(door, Protocol::Http1).await?;
    let request = Request::builder()
        .method(Method::POST)
        .uri("/login")
        .header(HOST, door.domain())
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Full::new(Bytes::from_static(b"username=alice&password=parlour")))
        .map_err(io::Error::other)?;
    let response = sender.send_request(request).await.map_err(io::Error::other)?;
    let cookies = response.headers().get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok());
    let cookie = cookies.filter_map(|value| value.split(';').next()).find(|pair| pair.starts_with("parlour_session="));
    cookie.map(str::to_owned).ok_or_else(|| io::Error::other(format!("the login answered {}", response.status())))
}

/// What is asked next. Numbers that look random but are the same in every run.
struct Question {
    wait_ms: u64,
    body: Option<Vec<u8>>,
}

impl Question {
    fn next(state: &mut u64) -> Self {
        let mut random = || {
            // xorshift64 (Marsaglia 2003).
            *state ^= *state << 13;
            *state ^= *state >> 7;
            *state ^= *state << 17;
            *state
        };
        let wait_ms = if random().is_multiple_of(4) { 0 } else { random() % 2001 };
        let body = random().is_multiple_of(2).then(|| {
            let seed = random();
            (0..1024 + seed % 64_512).map(|at| (seed >> (at % 57)) as u8 ^ at as u8).collect()
        });
        Self { wait_ms, body }
    }

    fn request(&self, domain: &str, protocol: Protocol) -> Request<Full<Bytes>> {
        let seconds = self.wait_ms as f64 / 1000.0;
        let (method, uri) = match self.body {
            Some(_) => (Method::POST, format!("/echo?seconds={seconds}")),
            None => (Method::GET, format!("/slow?seconds={seconds}")),
        };
        // HTTP/2 takes scheme and authority from the address, HTTP/1.1 the name from the header.
        let request = match protocol {
            Protocol::Http1 => Request::builder().uri(uri).header(HOST, domain),
            Protocol::Http2 => Request::builder().uri(format!("https://{domain}{uri}")),
        };
        let request = request.method(method);
        let body = self.body.clone().unwrap_or_default();
        request.body(Full::new(Bytes::from(body))).expect("a plain request is well formed")
    }

    fn is_answered_by(&self, answer: &Value) -> bool {
        match &self.body {
            None => answer["slept"].as_f64() == Some(self.wait_ms as f64 / 1000.0),
            Some(body) => {
                let digest = Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
                answer["sha256"].as_str() == Some(&digest) && answer["length"].as_u64() == Some(body.len() as u64)
            }
        }
    }
}

/// Asks until told to stop.
pub(super) async fn visit(number: u64, door: Arc<Door>, book: Arc<Book>, stop: watch::Receiver<bool>) {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(number + 1) | 1;
    let mut kept: Option<Sender> = None;
    let protocol = if number.is_multiple_of(2) { Protocol::Http1 } else { Protocol::Http2 };
    while !*stop.borrow() {
        let question = Question::next(&mut state);
        let began = Instant::now();
        let asked = tokio::time::timeout(PATIENCE, ask(&door, protocol, &mut kept, &question)).await;
        match asked.unwrap_or(Err(Loss::Timeout)) {
            Ok(version) => book.write(|report| {
                report.answered += 1;
                report.delays.push(began.elapsed().saturating_sub(Duration::from_millis(question.wait_ms)));
                if let Some(version) = version {
                    *report.versions.entry(version).or_insert(0) += 1;
                }
            }),
            Err(loss) => {
                kept = None;
                book.write(|report| report.lost.push((SystemTime::now(), loss)));
                tokio::time::sleep(AFTER_A_LOSS).await;
            }
        }
    }
}

/// The version that answered, where it said so.
async fn ask(
    door: &Door,
    protocol: Protocol,
    kept: &mut Option<Sender>,
    question: &Question,
) -> Result<Option<String>, Loss> {
    // A connection that the server closed after its last answer is nobody's loss: nothing was sent on it.
    let still_open = match kept.take() {
        Some(mut sender) => sender.ready().await.is_ok().then_some(sender),
        None => None,
    };
    let mut sender = match still_open {
        Some(sender) => sender,
        None => open(door, protocol).await.map_err(|_| Loss::Connect)?,
    };
    let spoken = match sender {
        Sender::Http1(_) => Protocol::Http1,
        Sender::Http2(_) => Protocol::Http2,
    };
    let response = sender.send_request(question.request(door.domain(), spoken)).await.map_err(|_| Loss::Closed)?;
    let status = response.status().as_u16();
    let body = Response::into_body(response).collect().await.map_err(|_| Loss::Closed)?.to_bytes();
    if status != 200 {
        return Err(Loss::Status(status));
    }
    let answer: Value = serde_json::from_slice(&body).map_err(|_| Loss::Wrong)?;
    if !question.is_answered_by(&answer) {
        return Err(Loss::Wrong);
    }
    *kept = Some(sender);
    Ok(answer["version"].as_str().map(str::to_owned))
}
