//! Generated `known_hosts` files, judged by OpenSSH's own client, which connects and decides: never more permissive.
//!
//! `SLIPWAY_CASES` is how many cases are tried; each is a connection of the real `ssh`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    missing_docs
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use russh::keys::{Algorithm, PrivateKey, PublicKeyBase64 as _};
use russh::server::Server as _;
use slipway_host::known_hosts::{KnownHosts, Verdict, hash_name};

/// Cases unless the environment says otherwise.
const CASES: usize = 500;
/// Names under which a host is looked up.
const NAMES: [&str; 6] = ["h", "a.x", "b.x", "[h]:23", "[a.x]:2222", "10.0.0.1"];
/// Another host's key.
const OTHER: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g";

/// A server that has a key and lets nobody in.
#[derive(Clone)]
struct Closed;

impl russh::server::Server for Closed {
    type Handler = Self;
    fn new_client(&mut self, _: Option<std::net::SocketAddr>) -> Self {
        self.clone()
    }
}

impl russh::server::Handler for Closed {
    type Error = russh::Error;
}

/// What a client makes of a key, from the most permissive to the strictest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Decision {
    Accepts,
    /// A person may still accept it.
    DoesNotKnow,
    Refuses,
}

/// One line. `KEY` stands for the key that the server shows.
fn line() -> impl Strategy<Value = String> {
    let plain = prop::sample::select(vec![
        "h",
        "a.x",
        "b.x",
        "*.x",
        "?.x",
        "*",
        "**",
        "?",
        "!a.x",
        "!h",
        "!*",
        "!*.x",
        "[h]:22",
        "[h]:23",
        "[*]:23",
        "[h]:*",
        "[a.x]:2222",
        "[*.x]:2222",
        "A.X",
        "H",
        "10.0.0.1",
        "10.0.0.*",
        "10.0.0.0/8",
        "",
        " ",
        "#h",
        "h#",
        "\"h\"",
        "h\0",
        "é",
        "[h]",
        "h:23",
        "[h]:",
        "!",
        "!!h",
    ])
    .prop_map(str::to_owned);
    let hashed =
        (prop::sample::select(NAMES.to_vec()), any::<[u8; 20]>()).prop_map(|(name, salt)| hash_name(name, &salt));
    let spoiled = (hashed.clone(), 0..60_usize, "[a-zA-Z|=!*]").prop_map(|(mut text, at, sign)| {
        let at = at.min(text.len() - 1);
        text.replace_range(at..at + 1, &sign);
        text
    });
    // Most names and keys are plain ones, so that both sides have something to decide.
    let likely = prop::sample::select([&NAMES[..], &["*", "*.x", "[*]:*"]].concat()).prop_map(str::to_owned);
    let name = prop_oneof![5 => likely, 3 => plain, 2 => hashed, 1 => spoiled];
    let names = prop::collection::vec(name, 1..5).prop_map(|names| names.join(","));
    let odd_marker = prop::sample::select(vec![
        "@revoked\t",
        "@REVOKED ",
        "@revoked",
        "@x ",
        "@",
        " ",
        "\t",
        "# ",
        "@revoked @cert-authority ",
    ]);
    let marker = prop_oneof![12 => Just(""), 3 => Just("@revoked "), 1 => Just("@cert-authority "), 2 => odd_marker];
    let between = prop_oneof![8 => Just(" "), 2 => prop::sample::select(vec!["\t", "  ", " \t ", "", "\u{b}"])];
    let odd = prop::sample::select(vec![
        "KEY",
        "KEY",
        "KEY",
        "KEY",
        OTHER,
        OTHER,
        "KEYtail",
        "KEY=",
        "KEY====",
        "ssh-ed25519",
        "ssh-rsa BLOB",
        "ssh-ed25519  BLOB",
        "ssh-ed25519\tBLOB",
        "SSH-ED25519 BLOB",
        "ed25519 BLOB",
        "BLOB",
        "1024 35 1234567890",
        "ssh-ed25519 ?",
        "ssh-ed25519 BL OB",
        "ssh-dss AAAA",
        "ssh-ed25519-cert-v01@openssh.com BLOB",
        "no-pty KEY",
        "",
    ]);
    let key = prop_oneof![5 => Just("KEY"), 2 => Just(OTHER), 3 => odd];
    let comment =
        prop::sample::select(vec!["", "", "", " comment", "\r", " #", "\t", " @revoked", "\0", " \u{1b}[31m"]);
    (marker, names, between, key, comment).prop_map(|(m, n, b, k, c)| format!("{m}{n}{b}{k}{c}"))
}

fn file() -> impl Strategy<Value = String> {
    (prop::collection::vec(line(), 1..5), prop::sample::select(vec!["\n", "\n", "\n", "\r\n", "\n\n"]), any::<bool>())
        .prop_map(|(lines, end, last)| lines.join(end) + if last { end } else { "" })
}

/// What `ssh` decides, from how it ends.
fn openssh(port: u16, name: &str, file: &Path) -> Decision {
    let output = Command::new("ssh")
        .args(["-F", "none", "-p", &port.to_string(), "-o", &format!("UserKnownHostsFile={}", file.display())])
        .args(["-o", &format!("HostKeyAlias={name}"), "-o", "GlobalKnownHostsFile=/dev/null", "-o", "BatchMode=yes"])
        .args(["-o", "StrictHostKeyChecking=yes", "-o", "HostKeyAlgorithms=ssh-ed25519", "-o", "CheckHostIP=no"])
        .args(["-o", "KexAlgorithms=curve25519-sha256", "-o", "PreferredAuthentications=none", "-o", "LogLevel=ERROR"])
        .args(["nobody@127.0.0.1", "true"])
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let says = |words: &str| said.contains(words);
    match () {
        () if says("REVOKED HOST KEY DETECTED") || says("is marked as revoked") => Decision::Refuses,
        () if says("REMOTE HOST IDENTIFICATION HAS CHANGED") => Decision::Refuses,
        () if says("host key is known for") => Decision::DoesNotKnow,
        () if says("Permission denied") => Decision::Accepts,
        () => panic!("{}: {said}", output.status),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn never_more_permissive_than_openssh() {
    if Command::new("ssh").arg("-V").output().is_err() {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "no ssh on this machine");
        println!("not run: no ssh on this machine");
        return;
    }
    let key = PrivateKey::random(&mut russh::keys::key::safe_rng(), Algorithm::Ed25519).unwrap();
    let (blob, text) = (key.public_key().public_key_bytes(), key.public_key().public_key_base64());
    let config = russh::server::Config {
        keys: vec![key],
        auth_rejection_time: std::time::Duration::ZERO,
        ..russh::server::Config::default()
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { Closed.run_on_socket(Arc::new(config), &listener).await.unwrap() });

    let cases: usize = std::env::var("SLIPWAY_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(CASES);
    let judged = tokio::task::spawn_blocking(move || {
        let workers: Vec<_> = (0..2_u8)
            .map(|worker| {
                let (blob, text) = (blob.clone(), text.clone());
                std::thread::spawn(move || judge(cases / 2, worker, port, &blob, &text))
            })
            .collect();
        let mut all = BTreeMap::new();
        for (pair, count) in workers.into_iter().flat_map(|worker| worker.join().unwrap()) {
            *all.entry(pair).or_insert(0) += count;
        }
        all
    });
    let counts: BTreeMap<(Decision, Decision), usize> = judged.await.unwrap();
    println!("{cases} cases; OpenSSH, Slipway, how often: {counts:?}");
    for decision in [Decision::Accepts, Decision::DoesNotKnow, Decision::Refuses] {
        let same = counts.get(&(decision, decision)).copied().unwrap_or(0);
        assert!(same * 20 >= cases, "{decision:?} hardly ever came up");
    }
}

/// Tries `cases` files and counts what both decided.
fn judge(cases: usize, worker: u8, port: u16, blob: &[u8], text: &str) -> BTreeMap<(Decision, Decision), usize> {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[worker + 1; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("known_hosts");
    let (mut counts, mut wrong) = (BTreeMap::new(), Vec::new());
    for number in 0..cases {
        let lines = file().new_tree(&mut runner).unwrap().current();
        let lines = lines.replace("KEY", "ssh-ed25519 BLOB").replace("BLOB", text);
        let name = NAMES[number % NAMES.len()];
        std::fs::write(&path, &lines).unwrap();
        let mut known = KnownHosts::default();
        known.add(&path, lines.as_bytes());
        let ours = match known.check(name, blob) {
            Verdict::Known(_) => Decision::Accepts,
            Verdict::Unknown => Decision::DoesNotKnow,
            Verdict::Changed(_) | Verdict::Revoked(_) => Decision::Refuses,
        };
        let theirs = openssh(port, name, &path);
        if ours < theirs {
            wrong.push(format!("OpenSSH {theirs:?}, Slipway {ours:?}: {name} in {lines:?}"));
        }
        *counts.entry((theirs, ours)).or_insert(0) += 1;
    }
    assert!(wrong.is_empty(), "{} of {cases}: {:#?}", wrong.len(), wrong.iter().take(5).collect::<Vec<_>>());
    counts
}
