//! SSH servers that mean harm: each ends in an error, in bounded time and memory, and never in a wrong answer.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    missing_docs
)]

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use russh::keys::{Algorithm, PrivateKey};
use russh::server::{Auth, Config, Handler, Msg, Response, Server as _, Session};
use russh::{Channel, ChannelMsg, ChannelReadHalf, ChannelWriteHalf, MethodKind, MethodSet};
use slipway_core::command::{Command, Exit};
use slipway_core::secret::Secret;
use slipway_host::{
    Batch, Challenge, ConnectError, Connection, Credentials, Decision, HostError, Piece, Step, Target, connect,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Longest that anything may take: two steps of connecting, of which each has 15 s, and the patience for one answer.
const LIMIT: Duration = Duration::from_secs(60);
/// Most memory that this process may ever use beyond what it begins with: the window of one channel, the answers that
/// were asked for, and the fake server's own buffers.
const MEMORY: usize = 96 << 20;

/// The most memory that this process has used, bytes (proc(5), VmHWM).
fn memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() << 10
}

/// What comes of `attempt`, which must end in time and without much memory.
async fn bounded<T>(what: &str, attempt: impl Future<Output = T>) -> T {
    let before = memory();
    let result = tokio::time::timeout(LIMIT, attempt).await;
    let result = result.unwrap_or_else(|_| panic!("{what}: no end within {LIMIT:?}"));
    // The kernel adds up what each processor has counted only now and then, so the highest may seem to go down (proc(5)).
    let used = memory().saturating_sub(before);
    assert!(used < MEMORY, "{what}: {} MiB", used >> 20);
    result
}

/// A program on the far side: what it is sent, where it says something, its nonce.
type Program = Arc<dyn Fn(ChannelReadHalf, ChannelWriteHalf<Msg>, String) -> BoxFuture<'static, ()> + Send + Sync>;

#[derive(Clone)]
struct Fake {
    program: Program,
    /// Questions without questions, for as long as anybody answers.
    asks_for_ever: bool,
    /// Channels that the host tries to open on its own.
    opens: usize,
}

impl russh::server::Server for Fake {
    type Handler = Self;
    fn new_client(&mut self, _: Option<std::net::SocketAddr>) -> Self {
        self.clone()
    }
}

impl Handler for Fake {
    type Error = russh::Error;

    async fn auth_none(&mut self, _: &str) -> Result<Auth, Self::Error> {
        if !self.asks_for_ever {
            return Ok(Auth::Accept);
        }
        let methods = MethodSet::from(&[MethodKind::KeyboardInteractive][..]);
        Ok(Auth::Reject { proceed_with_methods: Some(methods), partial_success: false })
    }

    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        _: &str,
        _: &str,
        _: Option<Response<'a>>,
    ) -> Result<Auth, Self::Error> {
        Ok(Auth::Partial { name: "".into(), instructions: "again".into(), prompts: Vec::new().into() })
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: russh::server::ChannelOpenHandle,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        reply.accept().await;
        let (program, handle, opens) = (self.program.clone(), session.handle(), self.opens);
        tokio::spawn(async move {
            for port in 0..opens {
                let opened = handle.channel_open_forwarded_tcpip("127.0.0.1", port as u32, "127.0.0.1", 1).await;
                assert!(opened.is_err(), "the host was let in");
            }
            let (mut read, write) = channel.split();
            while let Some(message) = read.wait().await {
                if let ChannelMsg::Exec { command, .. } = message {
                    let command = String::from_utf8_lossy(&command).into_owned();
                    // The arguments of the shell are its name, the nonce and perhaps a command.
                    let arguments = command.rsplit(" slipway ").next().unwrap_or_default();
                    let nonce = arguments.split(' ').next().unwrap_or_default().to_owned();
                    return program(read, write, nonce).await;
                }
            }
        });
        Ok(())
    }
}

/// Serves until the test's runtime ends.
async fn serve(mut fake: Fake) -> Target {
    let key = PrivateKey::random(&mut russh::keys::key::safe_rng(), Algorithm::Ed25519).unwrap();
    let config = Config { keys: vec![key], auth_rejection_time: Duration::ZERO, ..Config::default() };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut target = Target::new("127.0.0.1", "root");
    target.port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { fake.run_on_socket(Arc::new(config), &listener).await.unwrap() });
    target
}

fn running<F>(program: impl Fn(ChannelReadHalf, ChannelWriteHalf<Msg>, String) -> F + Send + Sync + 'static) -> Fake
where
    F: Future<Output = ()> + Send + 'static,
{
    let program: Program = Arc::new(move |read, write, nonce| Box::pin(program(read, write, nonce)));
    Fake { program, asks_for_ever: false, opens: 0 }
}

struct Nobody;

impl Credentials for Nobody {
    fn keyboard_interactive<'a>(&'a self, _: &'a Target, asked: &'a Challenge) -> BoxFuture<'a, Option<Vec<Secret>>> {
        Box::pin(async move { asked.questions.is_empty().then(Vec::new) })
    }
}

async fn open(target: &Target) -> Result<Connection, ConnectError> {
    connect(target, Arc::new(Nobody), Arc::new(Decision::Remember), Arc::new(|_: Step| {})).await
}

/// Says it is ready and returns the first request's number, once it has come.
async fn ready(read: &mut ChannelReadHalf, write: &ChannelWriteHalf<Msg>, nonce: &str) -> String {
    let _ = write.data_bytes(format!("READY {nonce}\n").into_bytes()).await;
    let mut text = Vec::new();
    loop {
        match read.wait().await {
            Some(ChannelMsg::Data { data }) => text.extend_from_slice(&data),
            Some(_) => {}
            None => return String::new(),
        }
        let request = String::from_utf8_lossy(&text);
        if let Some(id) = request.split(' ').nth(1).filter(|_| request.ends_with('\n')) {
            return id.to_owned();
        }
    }
}

/// A program that answers the first request with `text`, in which `N` and `I` stand for the nonce and the request, and
/// then closes or waits.
fn answering(text: &'static str, closes: bool) -> Fake {
    running(move |mut read, write, nonce| async move {
        let id = ready(&mut read, &write, &nonce).await;
        let text = text.replace('N', &nonce).replace('I', &id);
        let _ = write.data_bytes(text.into_bytes()).await;
        if closes {
            let _ = write.close().await;
        }
        while read.wait().await.is_some() {}
    })
}

/// What becomes of one command with up to 10 bytes of output.
async fn ask(fake: Fake) -> Result<(Exit, Vec<u8>), HostError> {
    let target = serve(fake).await;
    let host = open(&target).await.unwrap_or_else(|error| panic!("{error}"));
    let command = Command::new(["true"]).output_limit(10).timeout(Duration::from_millis(1));
    let result = host.run(command).await.map(|output| (output.exit, output.stdout));
    if result.is_err() {
        assert!(host.failure().is_some(), "after a wrong answer nothing is trusted");
    }
    result
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_frames_are_never_an_answer() {
    let right = "P N I 0 3\nR N I 1\n3 2 2 0 0\nok";
    assert_eq!(bounded("right", ask(answering(right, false))).await.unwrap(), (Exit::Code(3), b"ok".to_vec()));
    for wrong in [
        "hello\n",
        "P N I 0 0\nR N I 1\n1 2 2 0 0\nok",
        "P N I 0 256\nR N I 1\n256 2 2 0 0\nok",
        "P N I 0 -1\n",
        "P N I 1 0\n",
        "P x I 0 0\n",
        "P N 99 0 0\n",
        "R N I 1\n0 2 2 0 0\nok",
        "P N I 0 0\nR N I 0\n",
        "P N I 0 0\nR N I 2\n",
        "P N I 0 0\nP N I 0 0\n",
        "P N I 0 0\nR N I 1\n0 11 11 0 0\nok",
        "P N I 0 0\nR N I 1\n0 99999999999999999999 2 0 0\nok",
        "P N I 0 0\nR N I 1\n0 18446744073709551615 18446744073709551615 0 0\nok",
        "P N I 0 0\nR N I 1\n0 0 0 65537 65537\n",
        "P N I 0 0\nR N I 1\nS 2 2 0 0\nok",
        "P N I 0 0\nR N I 1\nT 2 2 0 0\nok",
        "P N I 0 0\nR N I 1\n0 2 2 0\nok",
        "P N I 0 0\nR N I 1\n0 2 2 0 0 0\nok",
        "\u{e9}\u{1f600}\n",
        "\0\0\0\0\n",
    ] {
        let result = bounded(wrong, ask(answering(wrong, false))).await;
        assert!(matches!(result, Err(HostError::Protocol { .. })), "{wrong:?}: {result:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_cut_anywhere_is_lost() {
    const RIGHT: &str = "P N I 0 3\nR N I 1\n3 2 2 2 2\noker";
    // The nonce and the number are cut as wholes: what is inside them is one state of the reader.
    for end in 0..RIGHT.len() {
        let result = bounded(&RIGHT[..end], ask(answering(&RIGHT[..end], true))).await;
        assert!(matches!(result, Err(HostError::Lost { .. })), "{:?}: {result:?}", &RIGHT[..end]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_without_end_are_cut_off() {
    // After a whole answer, in the middle of one, and instead of one.
    for begin in ["P N I 0 0\nR N I 1\n0 2 2 0 0\nok", "P N I 0 0\nR N I 1\n0 10 99 0 0\n", "P N I 0 0\n", ""] {
        let fake = running(move |mut read, write, nonce| async move {
            let id = ready(&mut read, &write, &nonce).await;
            let text = begin.replace('N', &nonce).replace('I', &id);
            let _ = write.data_bytes(text.into_bytes()).await;
            while write.data_bytes(vec![b'x'; 32 << 10]).await.is_ok() {}
        });
        let target = serve(fake).await;
        let host = open(&target).await.unwrap();
        let whole = bounded(begin, host.run(Command::new(["true"]).output_limit(10))).await;
        // The first answer may be whole before the rest is seen.
        assert!(whole.is_err() || begin.ends_with("ok") || begin.contains("10 99"), "{begin:?}: {whole:?}");
        let dead = bounded(begin, host.lost()).await;
        assert!(matches!(dead, HostError::Protocol { .. }), "{begin:?}: {dead:?}");
        assert!(bounded(begin, host.run(Command::new(["true"]))).await.is_err());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_never_comes_is_given_up() {
    let (silent, chatty) = (answering("", false), answering("P N I 0 0\n", false));
    let (silent, chatty) = bounded("silence", async { tokio::join!(ask(silent), ask(chatty)) }).await;
    for result in [silent, chatty] {
        assert!(matches!(result, Err(HostError::Overdue { .. })), "{result:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_never_becomes_ready_is_given_up() {
    let noise = running(|_, write, _| async move { while write.data_bytes(vec![b'x'; 32 << 10]).await.is_ok() {} });
    let lines =
        running(|_, write, _| async move { while write.data_bytes(b"READY 0\n".repeat(1 << 10)).await.is_ok() {} });
    let complaints =
        running(|_, write, _| async move { while write.extended_data_bytes(1, vec![b'x'; 32 << 10]).await.is_ok() {} });
    // Nothing of this counts, so only the clock ends it, which a flood must not starve.
    let statuses = running(|_, write, _| async move { while write.exit_status(1).await.is_ok() {} });
    let silent = running(|mut read, _write, _| async move { while read.wait().await.is_some() {} });
    let gone = running(|_, write, _| async move {
        let _ = write.exit_status(0).await;
        let _ = write.close().await;
    });
    for (what, fake) in [
        ("noise", noise),
        ("lines", lines),
        ("complaints", complaints),
        ("statuses", statuses),
        ("silence", silent),
        ("gone", gone),
    ] {
        let target = serve(fake).await;
        let result = bounded(what, open(&target)).await;
        assert!(matches!(result, Err(ConnectError::NoPrivilegedShell { .. })), "{what}: {result:?}");
        let text = result.unwrap_err().to_string();
        assert!(text.len() < 20 << 10, "{what}: a complaint of {} bytes", text.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_without_end_are_given_up() {
    let fake = Fake { asks_for_ever: true, ..running(|_, _, _| async {}) };
    let target = serve(fake).await;
    let result = bounded("questions", open(&target)).await;
    let ended = matches!(result, Err(ConnectError::Timeout { .. } | ConnectError::AuthenticationFailed { .. }));
    assert!(ended, "{result:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_host_opens_no_channels() {
    let fake = Fake { opens: 1_000, ..answering("P N I 0 3\nR N I 1\n3 2 2 0 0\nok", false) };
    assert_eq!(bounded("channels", ask(fake)).await.unwrap(), (Exit::Code(3), b"ok".to_vec()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_without_end_and_without_reader_loses_bytes_and_not_memory() {
    const SENT: usize = 256 << 20;
    let sent = Arc::new(tokio::sync::Notify::new());
    let at_the_end = sent.clone();
    let fake = running(move |_, write, nonce| {
        let all_sent = at_the_end.clone();
        async move {
            let _ = write.data_bytes(format!("READY {nonce}\n").into_bytes()).await;
            for _ in 0..SENT / (32 << 10) {
                if write.data_bytes(vec![b'x'; 32 << 10]).await.is_err() {
                    return;
                }
            }
            all_sent.notify_one();
            std::future::pending::<()>().await;
        }
    });
    // The loop's own program: it is ready, too, and then breaks the protocol; the stream has a channel of its own.
    let loops = answering("", false).program;
    let streams = fake.program;
    let first = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let fake = running(move |read, write, nonce| {
        let is_first = first.swap(false, std::sync::atomic::Ordering::SeqCst);
        if is_first { loops(read, write, nonce) } else { streams(read, write, nonce) }
    });
    let target = serve(fake).await;
    let host = open(&target).await.unwrap();
    let (kept, missed) = bounded("stream", async {
        let mut stream = host.stream(&Command::new(["tail", "-f"])).await.unwrap();
        sent.notified().await;
        let (mut kept, mut missed) = (0, 0);
        // The last bytes may still be on their way here, and then the host is silent.
        while kept + missed < SENT {
            match stream.next().await {
                Some(Ok(Piece::Stdout(data) | Piece::Stderr(data))) => kept += data.len(),
                Some(Ok(Piece::Missed(count))) => missed += count as usize,
                other => panic!("{other:?}"),
            }
        }
        (kept, missed)
    })
    .await;
    println!("{kept} bytes kept, {missed} missed");
    assert!(missed > 0 && kept > 0 && kept + missed == SENT);
}

/// A server that says `hello`, then `text` over and over until nobody listens, or once and then nothing.
async fn raw(hello: &'static [u8], text: Vec<u8>, endless: bool, closes: bool) -> Target {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut target = Target::new("127.0.0.1", "root");
    target.port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let text = text.clone();
            tokio::spawn(async move {
                let _ = stream.write_all(hello).await;
                while stream.write_all(&text).await.is_ok() && endless {}
                if !closes {
                    let mut buffer = [0; 4096];
                    while stream.read(&mut buffer).await.is_ok_and(|count| count > 0) {}
                }
            });
        }
    });
    target
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_ssh_is_refused() {
    const BANNER: &[u8] = b"SSH-2.0-OpenSSH_9.2p1\r\n";
    let huge = [0xff, 0xff, 0xff, 0xff, 10, 20].to_vec();
    let large = [&[0, 0x10, 0, 0, 10, 20][..], &vec![0; 1 << 20]].concat();
    for (what, hello, text, endless, closes) in [
        ("lines without end", &b""[..], b"Welcome\r\n".repeat(1_000), true, false),
        ("a line without end", b"", vec![b'x'; 4096], true, false),
        ("NUL without end", b"", vec![0; 4096], true, false),
        ("silence", b"", Vec::new(), false, false),
        ("a close", b"", Vec::new(), false, true),
        ("another protocol", b"HTTP/1.1 400 Bad Request\r\n\r\n", Vec::new(), false, true),
        ("an old version", b"SSH-1.5-old\r\n", Vec::new(), false, false),
        ("silence after the banner", BANNER, Vec::new(), false, false),
        ("a close after the banner", BANNER, Vec::new(), false, true),
        ("a packet of 4 GiB", BANNER, huge.clone(), false, false),
        ("packets of 4 GiB", BANNER, huge, true, false),
        ("a packet of 1 MiB", BANNER, large.clone(), false, false),
        ("packets of 1 MiB", BANNER, large, true, false),
        ("empty packets without end", BANNER, vec![0; 4096], true, false),
    ] {
        let target = raw(hello, text, endless, closes).await;
        let result = bounded(what, open(&target)).await;
        let refused = matches!(
            result,
            Err(ConnectError::NotSsh { .. } | ConnectError::Timeout { .. } | ConnectError::Unreachable { .. })
        );
        assert!(refused, "{what}: {result:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn noise_after_the_banner_is_refused() {
    let mut state = 4_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u8
    };
    for number in 0..300 {
        // Half of them begin as a packet of a sensible length, a third of those with the number of a key exchange.
        let mut text: Vec<u8> = (0..512).map(|_| next()).collect();
        if number % 2 == 0 {
            text[..5].copy_from_slice(&[0, 0, 1, 0xec, 10]);
            text[5] = if number % 3 == 0 { 20 } else { text[5] };
        }
        let target = raw(b"SSH-2.0-x\r\n", text, false, true).await;
        let result = bounded("noise", open(&target)).await;
        assert!(matches!(result, Err(ConnectError::NotSsh { .. })), "{number}: {result:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_whose_answer_is_short_is_lost_as_a_whole() {
    let target = serve(answering("P N I 0 0\nR N I 3\n0 1 1 0 0\n0 1 1 0 0\n0 1 1 0 0\nab", true)).await;
    let host = open(&target).await.unwrap();
    let batch = Batch::all([Command::new(["a"]), Command::new(["b"]), Command::new(["c"])]);
    let result = bounded("batch", host.batch(batch)).await;
    assert!(matches!(result, Err(HostError::Protocol { .. } | HostError::Lost { .. })), "{result:?}");
}
