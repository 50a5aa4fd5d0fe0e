//! Connecting to a real sshd: host keys, key types, agent, jump hosts, sudo, and links that die.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    missing_docs
)]

mod support;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use slipway_core::command::Command;
use slipway_core::secret::Secret;
use slipway_host::{
    AttemptResult, ConnectError, Credentials, Decision, HostError, KeyProblem, NoCredentials, Sudo, Target,
    UnreachableReason, connect,
};
use support::{Server, Steps, can_run, must, open};

async fn works(target: &Target, server: &Server) {
    let host = open(target).await.unwrap_or_else(|error| panic!("{error}\n{}", server.log()));
    assert_eq!(host.run(Command::new(["id", "-u"])).await.unwrap().text(), "0\n");
    host.close().await;
}

async fn with_decision(target: &Target, decision: Decision) -> Result<slipway_host::Connection, ConnectError> {
    connect(target, Arc::new(NoCredentials), Arc::new(decision), Arc::new(Steps::default())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_keys_are_decided_and_remembered() {
    if !can_run() {
        return;
    }
    let server = Server::start("");
    let mut target = server.target();
    let file = server.path("new/known_hosts");
    target.known_hosts = vec![file.clone()];
    target.remember_in = Some(file.clone());
    target.hash_known_hosts = true;

    let Err(ConnectError::HostKeyUnknown { key, .. }) = with_decision(&target, Decision::Reject).await else {
        panic!()
    };
    let public = server.path("host_ed25519.pub").display().to_string();
    assert!(must("ssh-keygen", &["-lf", &public]).contains(&key.fingerprint));
    assert_eq!(key.algorithm, "ssh-ed25519");
    let art = must("ssh-keygen", &["-lvf", &public]);
    let body = |text: &str| text.lines().filter(|line| line.starts_with('|')).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(body(&key.randomart), body(&art));
    assert!(!file.exists());

    with_decision(&target, Decision::Remember).await.unwrap().close().await;
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.starts_with("|1|"), "{text}");
    works(&target, &server).await;

    let other = server.path("other/known_hosts");
    target.known_hosts = vec![other.clone()];
    target.remember_in = Some(other.clone());
    target.fingerprint = Some("SHA256:something".into());
    let refused = with_decision(&target, Decision::Remember).await;
    assert!(matches!(refused, Err(ConnectError::HostKeyUnknown { .. })));
    target.fingerprint = Some(key.fingerprint);
    works(&target, &server).await;
    assert!(other.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_and_revoked_keys_cannot_be_overridden() {
    if !can_run() {
        return;
    }
    let server = Server::start("");
    let target = server.target();
    let known = server.path("known_hosts");
    let mine = server.known_line("id_ed25519.pub");
    std::fs::write(&known, format!("# comment\n{mine}")).unwrap();
    let mut target_pinned = target.clone();
    target_pinned.fingerprint = Some("SHA256:whatever".into());
    for target in [&target, &target_pinned] {
        match with_decision(target, Decision::Remember).await {
            Err(ConnectError::HostKeyChanged { expected, key, .. }) => {
                assert_eq!(expected[0].place.line, 2);
                assert_eq!(expected[0].place.file, known);
                assert_ne!(expected[0].fingerprint, key.fingerprint);
            }
            other => panic!("{other:?}"),
        }
    }
    std::fs::write(&known, format!("{0}@revoked {0}", server.known_line("host_ed25519.pub"))).unwrap();
    match with_decision(&target, Decision::Remember).await {
        Err(ConnectError::HostKeyRevoked { place, .. }) => assert_eq!(place.line, 2),
        other => panic!("{other:?}"),
    }
    // Revoked under another file, and no other line at all.
    let second = server.path("second");
    std::fs::write(&second, format!("@revoked * {}", server.known_line("host_ed25519.pub").split_once(' ').unwrap().1))
        .unwrap();
    std::fs::write(&known, "").unwrap();
    let mut two = target.clone();
    two.known_hosts.push(second);
    assert!(matches!(with_decision(&two, Decision::Remember).await, Err(ConnectError::HostKeyRevoked { .. })));

    two.known_hosts = vec![server.folder.path().to_owned()];
    assert!(matches!(with_decision(&two, Decision::Remember).await, Err(ConnectError::KnownHostsUnreadable { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_recorded_key_type_is_asked_for() {
    if !can_run() {
        return;
    }
    let server = Server::start("");
    let target = server.target();
    std::fs::write(server.path("known_hosts"), server.known_line("host_rsa.pub")).unwrap();
    works(&target, &server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn host_certificates_are_checked() {
    if !can_run() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    must("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", &at("ca")]);
    must("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", &at("key")]);
    let authority = std::fs::read_to_string(at("ca.pub")).unwrap();
    for (arguments, accepted) in [
        (&["-n", "127.0.0.1", "-V", "+1h"][..], true),
        (&["-n", "other.example", "-V", "+1h"], false),
        (&["-n", "127.0.0.1", "-V", "20200101:20200102"], false),
        (&["-V", "+1h"], false),
    ] {
        let (signer, signed) = (at("ca"), at("key.pub"));
        let sign = [&["-q", "-s", signer.as_str(), "-I", "host", "-h"], arguments, &[signed.as_str()]].concat();
        must("ssh-keygen", &sign);
        let server = Server::start(&format!("HostKey {}\nHostCertificate {}", at("key"), at("key-cert.pub")));
        let target = server.target();
        let line = format!("@cert-authority [127.0.0.1]:* {authority}");
        std::fs::write(server.path("known_hosts"), &line).unwrap();
        let result = with_decision(&target, Decision::Reject).await;
        match (&result, accepted) {
            (Ok(_), true) | (Err(ConnectError::HostKeyUnknown { .. }), false) => {}
            other => panic!("{arguments:?}: {other:?}"),
        }
        let revoked = format!("{line}@revoked * {authority}");
        std::fs::write(server.path("known_hosts"), revoked).unwrap();
        let result = with_decision(&target, Decision::Remember).await;
        assert!(matches!(result, Err(ConnectError::HostKeyRevoked { .. })), "{result:?}");
    }
}

/// Supplies one passphrase, after `wrong` wrong ones.
struct Passphrase {
    wrong: AtomicU8,
    asked: AtomicU8,
}

impl Credentials for Passphrase {
    fn passphrase<'a>(&'a self, _: &'a Target, _: &'a Path, attempt: u8) -> BoxFuture<'a, Option<Secret>> {
        self.asked.store(attempt, Ordering::SeqCst);
        let right = self.wrong.load(Ordering::SeqCst) < attempt;
        Box::pin(async move { Some(Secret::new(if right { "pass phrase" } else { "wrong" })) })
    }
}

fn passphrase(wrong: u8) -> Arc<Passphrase> {
    Arc::new(Passphrase { wrong: AtomicU8::new(wrong), asked: AtomicU8::new(0) })
}

#[tokio::test(flavor = "multi_thread")]
async fn all_key_types_log_in() {
    if !can_run() {
        return;
    }
    let server = Server::start("");
    for (name, arguments) in [
        ("rsa", &["-t", "rsa", "-b", "2048"][..]),
        ("rsa_pem", &["-t", "rsa", "-b", "2048", "-m", "PEM"]),
        ("rsa_pkcs8", &["-t", "rsa", "-b", "2048", "-m", "PKCS8"]),
        ("p256", &["-t", "ecdsa", "-b", "256"]),
        ("p384", &["-t", "ecdsa", "-b", "384"]),
        ("p521", &["-t", "ecdsa", "-b", "521"]),
        ("ed25519", &["-t", "ed25519"]),
    ] {
        let path = server.path(name);
        let file = path.display().to_string();
        must("ssh-keygen", &[arguments, &["-q", "-N", "", "-f", &file]].concat());
        server.authorize(&server.path(&format!("{name}.pub")));
        let mut target = server.target();
        target.identities = vec![path];
        works(&target, &server).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn encrypted_keys_ask_only_when_the_host_takes_them() {
    if !can_run() {
        return;
    }
    let server = Server::start("");
    let key = |name: &str, extra: &[&str]| -> PathBuf {
        let path = server.path(name);
        let file = path.display().to_string();
        must("ssh-keygen", &[&["-q", "-t", "ed25519", "-a", "1", "-N", "pass phrase", "-f", &file], extra].concat());
        path
    };
    let (wanted, other) = (key("wanted", &[]), key("other", &[]));
    server.authorize(&server.path("wanted.pub"));
    let mut target = server.target();
    target.identities = vec![other];
    let credentials = passphrase(0);
    let result = connect(&target, credentials.clone(), Arc::new(Decision::Reject), Arc::new(Steps::default())).await;
    assert!(matches!(result, Err(ConnectError::AuthenticationFailed { .. })), "{result:?}");
    assert_eq!(credentials.asked.load(Ordering::SeqCst), 0, "the host does not take this key");

    target.identities = vec![wanted.clone()];
    for (wrong, asked) in [(0, 1), (2, 3)] {
        let credentials = passphrase(wrong);
        let result =
            connect(&target, credentials.clone(), Arc::new(Decision::Reject), Arc::new(Steps::default())).await;
        assert!(result.is_ok(), "{result:?}");
        assert_eq!(credentials.asked.load(Ordering::SeqCst), asked);
    }
    let result = connect(&target, passphrase(9), Arc::new(Decision::Reject), Arc::new(Steps::default())).await;
    match result {
        Err(ConnectError::KeyUnreadable { path, why: KeyProblem::WrongPassphrase, .. }) => assert_eq!(path, wanted),
        other => panic!("{other:?}"),
    }
    match open(&target).await {
        Err(ConnectError::KeyUnreadable { why: KeyProblem::NeedsPassphrase, .. }) => {}
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_logins_say_what_was_tried() {
    if !can_run() {
        return;
    }
    use std::os::unix::fs::PermissionsExt as _;
    let server = Server::start("");
    let stranger = server.path("stranger");
    must("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", &stranger.display().to_string()]);
    let mut target = server.target();
    target.identities = vec![server.path("missing"), stranger.clone()];
    match open(&target).await {
        Err(ConnectError::AuthenticationFailed { tried, offered, user, .. }) => {
            assert_eq!(tried.len(), 1);
            assert!(tried[0].method.contains("stranger"));
            assert_eq!(tried[0].result, AttemptResult::Refused);
            assert_eq!((offered, user.as_str()), (vec!["publickey".to_owned()], "root"));
        }
        other => panic!("{other:?}"),
    }
    std::fs::set_permissions(&stranger, std::fs::Permissions::from_mode(0o644)).unwrap();
    match open(&target).await {
        Err(ConnectError::KeyUnreadable { why: KeyProblem::Permissions(0o644), .. }) => {}
        other => panic!("{other:?}"),
    }
    std::fs::write(&stranger, "not a key").unwrap();
    std::fs::set_permissions(&stranger, std::fs::Permissions::from_mode(0o600)).unwrap();
    match open(&target).await {
        Err(ConnectError::KeyUnreadable { why: KeyProblem::Format(_), .. }) => {}
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn user_certificates_log_in() {
    if !can_run() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    must("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", &at("ca")]);
    let server = Server::start(&format!("TrustedUserCAKeys {}", at("ca.pub")));
    for kind in ["ed25519", "rsa"] {
        let key = at(kind);
        must("ssh-keygen", &["-q", "-t", kind, "-N", "", "-f", &key]);
        must("ssh-keygen", &["-q", "-s", &at("ca"), "-I", "user", "-n", "root", "-V", "+1h", &format!("{key}.pub")]);
        let mut target = server.target();
        target.identities = vec![key.into()];
        works(&target, &server).await;
    }
}

struct Agent(std::process::Child, tempfile::TempDir);

impl Agent {
    fn start(keys: &[PathBuf]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("agent");
        let child = std::process::Command::new("ssh-agent")
            .args(["-D", "-a"])
            .arg(&socket)
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        while std::os::unix::net::UnixStream::connect(&socket).is_err() {
            std::thread::sleep(Duration::from_millis(5));
        }
        for key in keys {
            let added = std::process::Command::new("ssh-add")
                .arg("-q")
                .arg(key)
                .env("SSH_AUTH_SOCK", &socket)
                .status()
                .unwrap();
            assert!(added.success());
        }
        Self(child, folder)
    }
    fn socket(&self) -> PathBuf {
        self.1.path().join("agent")
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_agent_signs() {
    if !can_run() {
        return;
    }
    let server = Server::start("");
    let key = |name: &str, kind: &str| -> PathBuf {
        must("ssh-keygen", &["-q", "-t", kind, "-N", "", "-f", &server.path(name).display().to_string()]);
        server.path(name)
    };
    let rsa = key("rsa", "rsa");
    server.authorize(&server.path("rsa.pub"));
    let agent = Agent::start(std::slice::from_ref(&rsa));
    let mut target = server.target();
    target.identities = Vec::new();
    target.agent = Some(agent.socket());
    works(&target, &server).await;
    target.identities_only = true;
    assert!(matches!(open(&target).await, Err(ConnectError::AuthenticationFailed { .. })));
    target.identities = vec![rsa];
    works(&target, &server).await;

    // An agent full of strangers' keys must not use up the attempts the right file needs.
    let strangers: Vec<PathBuf> = (0..8).map(|index| key(&format!("stranger{index}"), "ed25519")).collect();
    let agent = Agent::start(&strangers);
    let mut target = server.target();
    target.agent = Some(agent.socket());
    works(&target, &server).await;

    // One key of the agent can be chosen, and then no other is offered.
    let agent = Agent::start(&[strangers[0].clone(), server.path("id_ed25519")]);
    let held = slipway_host::agent_keys(&agent.socket()).await.unwrap();
    let printed = must("ssh-keygen", &["-lf", &server.path("id_ed25519").display().to_string()]);
    let chosen = held.iter().find(|key| printed.contains(&key.fingerprint)).unwrap();
    assert_eq!((held.len(), chosen.algorithm.as_str()), (2, "ssh-ed25519"));
    target.identities = Vec::new();
    target.identities_only = true;
    target.agent = Some(agent.socket());
    target.agent_key = Some(chosen.fingerprint.clone());
    works(&target, &server).await;
    target.agent_key = held.iter().find(|key| *key != chosen).map(|key| key.fingerprint.clone());
    let Err(ConnectError::AuthenticationFailed { tried, .. }) = open(&target).await else { panic!() };
    assert_eq!(tried.len(), 1, "{tried:?}");
    target.agent_key = Some("SHA256:nobody".into());
    let error = open(&target).await.unwrap_err().to_string();
    assert!(error.contains("SHA256:nobody is not among them"), "{error}");
    let mut target = server.target();

    target.agent = Some(server.path("no-agent"));
    works(&target, &server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn jump_hosts_are_checked_like_any_host() {
    if !can_run() {
        return;
    }
    let (jump, inner) = (Server::start(""), Server::start(""));
    let mut target = inner.target();
    target.jumps = vec![jump.target()];
    let steps = Steps::default();
    let host =
        connect(&target, Arc::new(NoCredentials), Arc::new(Decision::Reject), Arc::new(steps.clone())).await.unwrap();
    assert_eq!(host.run(Command::new(["id", "-u"])).await.unwrap().text(), "0\n");
    assert_eq!(host.counters().connects, 2);
    host.close().await;

    let mut stranger = target.clone();
    stranger.jumps[0].known_hosts = Vec::new();
    stranger.name = "inner".into();
    match open(&stranger).await {
        Err(ConnectError::JumpFailed { host, source, .. }) => {
            assert_eq!(host, "inner");
            assert!(matches!(*source, ConnectError::HostKeyUnknown { .. }));
        }
        other => panic!("{other:?}"),
    }
    let mut closed = target.clone();
    closed.port = 1;
    match open(&closed).await {
        Err(ConnectError::Unreachable { reason: UnreachableReason::JumpRefused, why, .. }) => {
            assert!(why.contains("refused"), "{why}")
        }
        other => panic!("{other:?}"),
    }
    let mut twice = target.clone();
    twice.jumps = vec![jump.target(), inner.target()];
    works(&twice, &inner).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sudo_without_a_password_works() {
    if !can_run() {
        return;
    }
    let server = Server::start("");
    for sudo in [Sudo::NoPassword, Sudo::Password] {
        let mut target = server.target();
        target.sudo = sudo;
        works(&target, &server).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_answer_or_is_no_ssh_is_told_apart() {
    let mut target = Target::new("127.0.0.1", "root");
    target.port = 1;
    match open(&target).await {
        Err(ConnectError::Unreachable { reason: UnreachableReason::Refused, address, .. }) => {
            assert_eq!(address, "127.0.0.1:1")
        }
        other => panic!("{other:?}"),
    }
    target.address = "no-such-host.invalid".into();
    assert!(matches!(open(&target).await, Err(ConnectError::NoAddress { .. })));

    use std::io::Write as _;
    let garbage = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut target = Target::new("127.0.0.1", "root");
    target.port = garbage.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in garbage.incoming() {
            let mut stream = stream.unwrap();
            // Never a line end, never a stop.
            while stream.write_all(&[b'x'; 4096]).is_ok() {}
        }
    });
    let start = Instant::now();
    let result = open(&target).await;
    assert!(matches!(result, Err(ConnectError::NotSsh { .. })), "{result:?}");
    assert!(start.elapsed() < Duration::from_secs(16));
}

/// Forwards one port to another until it is cut or frozen.
struct Relay {
    port: u16,
    state: Arc<AtomicU8>,
}

const CUT: u8 = 1;
const FROZEN: u8 = 2;

impl Relay {
    async fn to(port: u16) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let state = Arc::new(AtomicU8::new(0));
        let relay = Self { port: listener.local_addr().unwrap().port(), state: Arc::clone(&state) };
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let far = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                let (near_read, near_write) = near.into_split();
                let (far_read, far_write) = far.into_split();
                tokio::spawn(pump(near_read, far_write, Arc::clone(&state)));
                tokio::spawn(pump(far_read, near_write, Arc::clone(&state)));
            }
        });
        relay
    }
}

async fn pump(mut from: tokio::net::tcp::OwnedReadHalf, mut to: tokio::net::tcp::OwnedWriteHalf, state: Arc<AtomicU8>) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut buffer = vec![0; 65536];
    loop {
        match state.load(Ordering::SeqCst) {
            CUT => return,
            FROZEN => tokio::time::sleep(Duration::from_millis(20)).await,
            _ => match tokio::time::timeout(Duration::from_millis(20), from.read(&mut buffer)).await {
                Err(_) => {}
                Ok(Ok(count)) if count > 0 => {
                    if to.write_all(&buffer[..count]).await.is_err() {
                        return;
                    }
                }
                Ok(_) => return,
            },
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_cut_in_the_middle_of_a_batch_is_lost_and_stops_the_rest() {
    if !can_run() {
        return;
    }
    let server = Server::start("");
    let relay = Relay::to(server.port).await;
    let mut target = server.target();
    target.port = relay.port;
    target.host_key_alias = Some(format!("[127.0.0.1]:{}", server.port));
    let host = open(&target).await.unwrap();
    let marker = server.path("marker");
    let batch =
        slipway_host::Batch::all([Command::new(["sleep", "1"]), Command::new(["touch", marker.to_str().unwrap()])]);
    let state = Arc::clone(&relay.state);
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(300)).await;
        state.store(CUT, Ordering::SeqCst);
    });
    let start = Instant::now();
    let error = host.batch(batch).await.unwrap_err();
    assert!(matches!(error, HostError::Lost { .. }), "{error}");
    assert!(start.elapsed() < Duration::from_secs(2));
    assert!(matches!(host.run(Command::new(["true"])).await, Err(HostError::Lost { .. })));
    assert!(matches!(host.lost().await, HostError::Lost { .. }));
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(!marker.exists(), "the command after the one that was running must not start");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_link_is_noticed() {
    if !can_run() {
        return;
    }
    let server = Server::start("");
    let relay = Relay::to(server.port).await;
    let mut target = server.target();
    target.port = relay.port;
    target.host_key_alias = Some(format!("[127.0.0.1]:{}", server.port));
    let idle = open(&target).await.unwrap();
    let busy = Arc::new(open(&target).await.unwrap());
    relay.state.store(FROZEN, Ordering::SeqCst);
    let start = Instant::now();
    // A large input fills the socket's buffers, so that the write itself hangs.
    let input = slipway_core::command::Stdin::Bytes(vec![0; 64 << 20]);
    let (idle, busy) = tokio::join!(idle.lost(), busy.run(Command::new(["cat"]).stdin(input)));
    assert!(matches!(idle, HostError::Lost { .. }), "{idle}");
    assert!(matches!(busy, Err(HostError::Lost { .. })), "{busy:?}");
    assert!(start.elapsed() < Duration::from_secs(25), "{:?}", start.elapsed());
}

/// A stand-in for sudo that asks like it and takes one password. The real one is tested on whole hosts.
const FAKE_SUDO: &str = r#"#!/bin/bash
while [ $# -gt 0 ]; do case $1 in -S) ask=1; shift;; -n) ask=; shift;; -p) prompt=$2; shift 2;; --) shift; break;; esac; done
case $FAKE in
  tty) echo "sudo: sorry, you must have a tty to run sudo" >&2; exit 1;;
  never) echo "root is not in the sudoers file.  This incident will be reported." >&2; exit 1;;
esac
if [ -z "$ask" ]; then echo "sudo: a password is required" >&2; exit 1; fi
echo "We trust you have received the usual lecture." >&2
for try in 1 2 3; do
  printf "%s" "$prompt" >&2
  IFS= read -r answer || exit 1
  if [ "$answer" = "s3cret wört" ]; then exec "$@"; fi
  echo "$answer" >> "$ATTEMPTS"; echo "Sorry, try again." >&2
done
echo "sudo: 3 incorrect password attempts" >&2; exit 1
"#;

struct SudoPassword(Option<&'static str>);

impl Credentials for SudoPassword {
    fn sudo_password<'a>(&'a self, _: &'a Target) -> BoxFuture<'a, Option<Secret>> {
        Box::pin(async move { self.0.map(Secret::new) })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sudo_is_answered_once_and_its_refusals_are_told_apart() {
    if !can_run() {
        return;
    }
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let attempts = folder.path().join("attempts");
    let sudo = folder.path().join("sudo");
    std::fs::write(&sudo, FAKE_SUDO).unwrap();
    std::fs::set_permissions(&sudo, std::fs::Permissions::from_mode(0o755)).unwrap();
    let with = async |fake: &str, sudo: Sudo, password: Option<&'static str>| {
        let environment = format!(
            "SetEnv PATH={}:/usr/bin:/bin FAKE={fake} ATTEMPTS={}",
            folder.path().display(),
            attempts.display()
        );
        let server = Server::start(&environment);
        let mut target = server.target();
        target.sudo = sudo;
        let host =
            connect(&target, Arc::new(SudoPassword(password)), Arc::new(Decision::Reject), Arc::new(Steps::default()))
                .await?;
        assert_eq!(host.run(Command::new(["id", "-u"])).await.unwrap().text(), "0\n");
        host.close().await;
        Ok::<(), ConnectError>(())
    };
    with("", Sudo::Password, Some("s3cret wört")).await.unwrap();
    with("", Sudo::Password, Some("s3cret wört\nB 1 1 0\n")).await.unwrap();
    let wrong = with("", Sudo::Password, Some("wrong")).await;
    assert!(matches!(wrong, Err(ConnectError::SudoPasswordWrong { .. })), "{wrong:?}");
    assert_eq!(std::fs::read_to_string(&attempts).unwrap(), "wrong\n", "tried once only");
    for (fake, sudo) in [("", Sudo::NoPassword), ("", Sudo::Password)] {
        let needs = with(fake, sudo, None).await;
        assert!(matches!(needs, Err(ConnectError::SudoNeedsPassword { .. })), "{needs:?}");
    }
    assert!(matches!(with("tty", Sudo::Password, None).await, Err(ConnectError::SudoNeedsTty { .. })));
    assert!(matches!(with("never", Sudo::NoPassword, None).await, Err(ConnectError::SudoNotAllowed { .. })));
}
