//! A desk for tests: local state in a temporary folder, secrets from a fixed environment, one test host.
#![allow(unreachable_pub, reason = "a module of several test programs")]
#![allow(dead_code, reason = "each test file uses a part of it")]

pub mod hall;
pub mod outside;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use slipway_core::event::{Event, EventKind, Verdict, VerdictKind};
use slipway_core::plan::Plan;
use slipway_core::secret::Secret;
use slipway_engine::cancel::Cancel;
use slipway_engine::clock::System;
use slipway_engine::desk::Desk;
use slipway_engine::desk::dial::Parties;
use slipway_engine::desk::runs::Consent;
use slipway_engine::failure::Failure;
use slipway_engine::inventory::{Host as KnownHost, HostName, SudoMode};
use slipway_engine::link::Link;
use slipway_engine::secrets::Environment;
use slipway_engine::site::{Planned, Request};
use slipway_engine::site_file::{SiteFile, read_site_file};
use slipway_engine::surroundings::Surroundings;
use slipway_host::{Credentials, Decision, NoCredentials, Step, Target};
use slipway_tests::hosts::Host;

/// The value of the site's secret, unless a test says otherwise.
pub const SECRET_KEY: &str = "0123456789abcdef0123456789abcdef";

/// A desk with one host in its inventory and one site file.
pub struct TestDesk {
    pub desk: Desk,
    pub folder: tempfile::TempDir,
    pub host: HostName,
    pub credentials: Arc<dyn Credentials>,
}

/// Gives one sudo password, and counts how often it was asked for.
#[derive(Default)]
pub struct SudoPassword {
    pub password: String,
    pub asked: AtomicUsize,
}

impl Credentials for SudoPassword {
    fn sudo_password<'a>(&'a self, _: &'a Target) -> BoxFuture<'a, Option<Secret>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        Box::pin(std::future::ready(Some(Secret::new(self.password.clone().into_bytes()))))
    }
}

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Secrets as a pipeline gives them.
pub fn secrets(values: &[(&str, &str)]) -> Arc<Environment> {
    let pairs = values.iter().map(|(name, value)| (format!("TEST_{name}").into(), (*value).into()));
    Arc::new(Environment::new(&"TEST".parse().unwrap(), pairs))
}

/// A deployment of what the site file names.
pub const DEPLOY: Request = Request::Deploy { reference: None };

/// The repository's `tests` folder.
pub fn tests_folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Site file of the sample application with `more` behind it.
pub fn parlour_site(version: &str, more: &str) -> String {
    format!(
        r#"
schema = 1
name = "parlour"
domains = ["parlour.test"]
affinity = "cookie"

[source]
folder = "{version}"

[runtime]
kind = "python"
version = "3.9"
requirements = ["requirements.txt"]
import_check = ["wsgi"]

[process.web]
port = 5000
instances = 2
stop_timeout = "20s"

[process.web.gunicorn]
app = "wsgi:application"
worker_class = "gthread"
threads = 100
graceful_timeout = "2s"

[process.web.environment]
INSTANCE = "{{instance}}"

[environment]
TRUST_PROXY = "1"
COOKIE_SECURE = "1"

[secret.SECRET_KEY]
generate = "hex"

[shared.sessions]
mode = "0700"
env = "SESSION_DIR"

[shared.data]
env = "DATA_DIR"

[[route]]
path = "/static/"
files = "static"
cache = "1h"

[[route]]
path = "/"
to = "web"
websocket = true

[health]
path = "/health"
start_within = "30s"
settle = "2s"
{more}
"#
    )
}

impl TestDesk {
    /// A desk that knows `host` as `web1`, logging in as `user`.
    pub fn new(host: &Host, user: &str) -> Self {
        Self::of("tester@desk", host, user)
    }

    /// A desk of `operator`.
    pub fn of(operator: &str, host: &Host, user: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("home");
        let mut variables = BTreeMap::new();
        variables.insert("SLIPWAY_HOME".into(), home.clone().into());
        let surroundings = Surroundings { variables, operator: operator.to_owned() };
        let desk = Desk::open(surroundings, secrets(&[("SECRET_KEY", SECRET_KEY)]), Arc::new(System)).unwrap();
        let name: HostName = "web1".parse().unwrap();
        let desk = Self { desk, folder, host: name, credentials: Arc::new(NoCredentials) };
        desk.know(host);
        desk.enter("web1", host, user, None);
        desk
    }

    /// A desk that reaches `host` through a relay.
    pub fn through(relay: SocketAddr, host: &Host) -> Self {
        let desk = Self::new(host, "root");
        let known =
            host.known_hosts_line().replace(&host.address().to_string(), &format!("[127.0.0.1]:{}", relay.port()));
        std::fs::write(desk.desk.home.known_hosts(), known + "\n").unwrap();
        let mut entry = desk.desk.inventory.host(&desk.host).unwrap();
        entry.name = "far".parse().unwrap();
        (entry.address, entry.port) = (relay.ip().to_string(), relay.port());
        desk.desk.inventory.add_host(&entry).unwrap();
        Self { host: entry.name, ..desk }
    }

    /// Writes the host's true key into the known-hosts file.
    pub fn know(&self, host: &Host) {
        let path = self.desk.home.known_hosts();
        let known = std::fs::read_to_string(&path).unwrap_or_default();
        std::fs::write(path, known + &host.known_hosts_line() + "\n").unwrap();
    }

    /// Puts a host into the inventory.
    pub fn enter(&self, name: &str, host: &Host, user: &str, jump: Option<&str>) {
        let address = host.address().to_string();
        let mut known = KnownHost::new(name.parse().unwrap(), address, jiff::Timestamp::now());
        known.user = Some(user.to_owned());
        known.port = host.ssh_port();
        known.identity_file = Some(host.client_key().display().to_string());
        known.sudo = SudoMode::Auto;
        known.jump = jump.map(str::to_owned);
        self.desk.inventory.add_host(&known).unwrap();
    }

    /// Assembles a version of the sample application beside the site file.
    pub fn assemble(&self, version: &str) -> PathBuf {
        let place = self.folder.path().join(version);
        let script = tests_folder().join("apps/parlour/assemble");
        let status = Command::new(script).arg(version).arg(&place).status().unwrap();
        assert!(status.success());
        place
    }

    /// Writes the site file.
    pub fn site(&self, text: &str) -> SiteFile {
        let path = self.folder.path().join("slipway.toml");
        std::fs::write(&path, text).unwrap();
        match read_site_file(&path) {
            Ok(file) => file,
            Err(error) => panic!("{:#?}", Failure::from(error)),
        }
    }

    pub async fn link(&self) -> Arc<Link> {
        self.try_link().await.unwrap_or_else(|failure| panic!("{failure:#?}"))
    }

    pub async fn try_link(&self) -> Result<Arc<Link>, Failure> {
        let parties = Parties {
            credentials: self.credentials.clone(),
            decision: Arc::new(Decision::Reject),
            observer: Arc::new(|_: Step| {}),
        };
        self.desk.link(&self.host, parties).await
    }

    pub async fn plan(&self, file: &SiteFile, request: &Request) -> Planned {
        self.try_plan(file, request).await.unwrap_or_else(|failure| panic!("{failure:#?}"))
    }

    pub async fn try_plan(&self, file: &SiteFile, request: &Request) -> Result<Planned, Failure> {
        self.desk.plan(self.try_link().await?, file, request).await
    }

    /// Plans and runs, and returns the verdict with everything that was told on the way.
    pub async fn run(&self, file: &SiteFile, request: &Request) -> Ran {
        let planned = self.plan(file, request).await;
        self.execute(&planned, file).await.unwrap_or_else(|failure| panic!("{failure:#?}"))
    }

    /// Plans and runs, and insists on a verdict of this kind.
    pub async fn expect(&self, kind: VerdictKind, file: &SiteFile, request: &Request) -> Ran {
        let ran = self.run(file, request).await;
        println!("{}", ran.story());
        assert_eq!(ran.verdict.kind, kind, "{}", ran.story());
        ran
    }

    /// Sets the host up and deploys v1.
    pub async fn first_release(&self) -> SiteFile {
        self.assemble("v1");
        let file = self.site(&parlour_site("v1", ""));
        self.expect(VerdictKind::Succeeded, &file, &Request::Apply).await;
        self.expect(VerdictKind::Succeeded, &file, &DEPLOY).await;
        file
    }

    /// Insists that the site file calls for no change.
    pub async fn expect_nothing_to_do(&self, file: &SiteFile) {
        let plan = self.plan(file, &Request::Apply).await.plan;
        assert!(plan.is_empty(), "{:#?}", plan.steps);
    }

    pub async fn execute(&self, planned: &Planned, file: &SiteFile) -> Result<Ran, Failure> {
        self.execute_with(planned, file, Consent::default()).await
    }

    pub async fn execute_with(&self, planned: &Planned, file: &SiteFile, consent: Consent) -> Result<Ran, Failure> {
        let events: Arc<Mutex<Vec<Event>>> = Arc::default();
        let sink = {
            let events = events.clone();
            Arc::new(move |event: Event| events.lock().unwrap().push(event))
        };
        let verdict = self.desk.run(planned, file, consent, sink, Cancel::default(), |_| 0).await?;
        let events = events.lock().unwrap().clone();
        Ok(Ran { plan: planned.plan.clone(), verdict, events })
    }
}

/// A run that ended.
pub struct Ran {
    pub plan: Plan,
    pub verdict: Verdict,
    pub events: Vec<Event>,
}

impl Ran {
    /// Everything, readable: for the message of a failing test.
    pub fn story(&self) -> String {
        let mut text = String::new();
        for event in &self.events {
            let line = match &event.kind {
                EventKind::StepStarted { step } => format!("> {}", self.plan.lines()[*step].title()),
                EventKind::Output { line, .. } => format!("    {line}"),
                EventKind::StepFinished { step, outcome } => {
                    format!("< {} {outcome:?}", self.plan.lines()[*step].title())
                }
                EventKind::Note { text } => format!("! {text}"),
                EventKind::Started { .. } => continue,
                EventKind::Finished { verdict } => format!("= {verdict:#?}"),
            };
            text.push_str(&format!("{:>7} {line}\n", event.at_ms));
        }
        text
    }
}
