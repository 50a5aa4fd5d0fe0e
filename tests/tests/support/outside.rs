//! The site as people see it: through nginx, over the network, with curl and the sample application's probe.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use slipway_tests::hosts::Host;

/// How long the tests wait for something that must come.
const PATIENCE: Duration = Duration::from_secs(20);

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub body: String,
}

impl Answer {
    /// A field of a JSON object; empty when there is none.
    pub fn field(&self, name: &str) -> String {
        let value: serde_json::Value = serde_json::from_str(&self.body).unwrap_or_default();
        value.get(name).and_then(|value| value.as_str()).unwrap_or_default().to_owned()
    }
}

/// Asks over a new connection. Status 0: no answer.
pub fn ask(address: Ipv4Addr, url: &str) -> Answer {
    ask_with(address, url, &[])
}

/// The same with more options for curl.
pub fn ask_with(address: Ipv4Addr, url: &str, options: &[&str]) -> Answer {
    let name = url.split('/').nth(2).unwrap_or_default();
    let mut curl = Command::new("curl");
    curl.args(["-sk", "--noproxy", "*", "--max-time", "30", "-w", "\n%{http_code}"]).args(options);
    for port in [80, 443] {
        curl.arg("--resolve").arg(format!("{name}:{port}:{address}"));
    }
    let output = curl.arg(url).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (body, status) = text.rsplit_once('\n').unwrap_or(("", "0"));
    Answer { status: status.parse().unwrap_or(0), body: body.to_owned() }
}

/// Asks Parlour.
pub fn get(host: &Host, path: &str) -> Answer {
    ask(host.address(), &format!("https://parlour.test{path}"))
}

/// Insists that Parlour serves `version`.
pub fn assert_version(host: &Host, version: &str) {
    let answer = get(host, "/version");
    assert_eq!((answer.status, answer.field("version").as_str()), (200, version), "{answer:?}");
}

/// Asks until `count` different instances have answered; fails when they do not.
pub fn instances(host: &Host, count: usize) -> BTreeSet<String> {
    let deadline = Instant::now() + PATIENCE;
    let mut seen = BTreeSet::new();
    while seen.len() < count {
        assert!(Instant::now() < deadline, "only {seen:?} answered");
        seen.insert(get(host, "/version").field("instance"));
    }
    seen
}

/// Runs the sample application's probe, which must pass; returns what it printed.
pub fn probe(host: &Host, arguments: &[&str]) -> String {
    let script = super::tests_folder().join("apps/parlour/probe.py");
    let mut python = Command::new("python3");
    python.arg(script).arg("--url").arg(format!("https://{}", host.address()));
    let output = python.args(["--host", "parlour.test", "--insecure"]).args(arguments).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{arguments:?}: {text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

/// Logs in and keeps the cookie in `file`.
pub fn log_in(host: &Host, file: &Path) {
    probe(host, &["--cookie-file", &file.display().to_string(), "login"]);
}

/// Insists that the session of the cookie in `file` is still there.
pub fn still_logged_in(host: &Host, file: &Path) {
    assert!(file.exists(), "the cookie is gone");
    probe(host, &["--cookie-file", &file.display().to_string(), "reload"]);
}

/// Asks without pause from the background, each time over a new connection.
pub struct Poller {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Vec<Answer>>>,
}

impl Poller {
    /// Asks for `/version`.
    pub fn start(host: &Host) -> Self {
        Self::of(host, "https://parlour.test/version")
    }

    /// Asks for `url`.
    pub fn of(host: &Host, url: &str) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (flag, address, url) = (stop.clone(), host.address(), url.to_owned());
        let thread = std::thread::spawn(move || {
            let mut answers = Vec::new();
            while !flag.load(Ordering::SeqCst) {
                // With HTTP/2, nginx that reloads closes a connection whose first request it has not read, and says so with
                // GOAWAY; browsers then ask again (RFC 9113, 6.8), curl does not. (Of 1,580 requests under load 10 ended so
                // while nginx 1.22 reloaded five times a second, with HTTP/1.1 none of 1,597.)
                answers.push(ask_with(address, &url, &["--http1.1"]));
                // Leaves the processor to the host.
                std::thread::sleep(Duration::from_millis(30));
            }
            answers
        });
        Self { stop, thread: Some(thread) }
    }

    /// Ends, insists that every answer was 200, and returns the versions that answered.
    pub fn finish(mut self) -> BTreeSet<String> {
        self.stop.store(true, Ordering::SeqCst);
        let answers = self.thread.take().unwrap().join().unwrap();
        let bad: Vec<_> = answers.iter().filter(|answer| answer.status != 200).collect();
        println!("asked {} times, {} without success", answers.len(), bad.len());
        assert!(!answers.is_empty() && bad.is_empty(), "{} of {}: {bad:?}", bad.len(), answers.len());
        answers.iter().map(|answer| answer.field("version")).collect()
    }
}

impl Drop for Poller {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
    }
}
