//! Processes: what runs, how it listens, how it is proved and replaced, what it may use.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::site::text::{EnvName, Size, Span};

/// A long-running process.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Process {
    /// Program and arguments; no shell splits or expands them. `{port}`, `{instance}`, `{release}` and `{shared}` are
    /// filled in; write `{{port}}` for the text itself. Omit it when `gunicorn` is given.
    #[serde(default)]
    pub command: Vec<String>,
    /// Run under gunicorn with these settings; its configuration file is rendered by Slipway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gunicorn: Option<Gunicorn>,
    /// How many copies run.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 64))]
    pub instances: u32,
    /// Port of the first instance on 127.0.0.1; further instances take the next ones. A process without one serves nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1024, max = 65535), example = 8000)]
    pub port: Option<u16>,
    /// Who opens the port.
    #[serde(default)]
    pub listen: Listen,
    /// How systemd knows that it is up. Default: notify under gunicorn, else simple.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready: Option<Ready>,
    /// How it is replaced by its next release.
    #[serde(default)]
    pub replace: Replace,
    /// Whether it runs once, alone and without visitors, before its release goes live. Leave out what must never run
    /// twice or acts by itself: schedulers, bots. Default: yes, unless it is replaced stop-first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<bool>,
    /// Program and arguments that end with 0 while it works, for example `["celery", "-A", "app", "inspect", "ping"]`:
    /// asked after each start. Without one, a process without a port must be up and stay up.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub check: Vec<String>,
    /// Environment variables for this process only; the placeholders of `command` are filled in here too. PORT and
    /// INSTANCE, SLIPWAY_STAGE (`gate` or `live`), SLIPWAY_RELEASE and SLIPWAY_INSTANCE are set by Slipway.
    #[serde(default)]
    pub environment: BTreeMap<EnvName, String>,
    /// How long it may take to start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_timeout: Option<Span>,
    /// How long it may finish its work when asked to stop, before it is killed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_timeout: Option<Span>,
    /// Signal that asks it to stop: TERM, INT or QUIT.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_signal: Option<StopSignal>,
    /// Limits on what it may use.
    #[serde(default)]
    pub resources: Resources,
    /// Local units that it needs first, for example redis.service.
    #[serde(default)]
    pub after: Vec<String>,
}

fn one() -> u32 {
    1
}

/// Signal that asks a process to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum StopSignal {
    /// SIGTERM.
    Term,
    /// SIGINT.
    Int,
    /// SIGQUIT.
    Quit,
}

/// gunicorn's settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Gunicorn {
    /// The WSGI application, for example "wsgi:application" or "app:create_app()".
    #[schemars(example = "wsgi:application")]
    pub app: String,
    /// Worker processes per instance.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 64))]
    pub workers: u32,
    /// Worker class: sync, gthread, gevent, eventlet or a dotted path such as uvicorn.workers.UvicornWorker.
    #[serde(default = "gthread")]
    pub worker_class: String,
    /// Threads per worker (gthread).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 256))]
    pub threads: Option<u32>,
    /// Connections per worker (gevent, eventlet).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100000))]
    pub worker_connections: Option<u32>,
    /// A worker silent for this long is replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Span>,
    /// Time for requests in progress when a worker stops.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub graceful_timeout: Option<Span>,
    /// Seconds that an idle keep-alive connection from nginx stays open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keepalive: Option<Span>,
    /// Load the application before forking workers.
    #[serde(default)]
    pub preload: bool,
    /// Replace a worker after this many requests (memory leaks).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_requests: Option<u32>,
    /// Write an access log to the journal (nginx already writes one).
    #[serde(default)]
    pub access_log: bool,
    /// debug, info, warning, error or critical.
    #[serde(default = "info")]
    pub log_level: LogLevel,
}

fn gthread() -> String {
    "gthread".into()
}

fn info() -> LogLevel {
    LogLevel::Info
}

/// How much a process logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum LogLevel {
    Debug,
    Info,
    Warning,
    Error,
    Critical,
}

/// Who opens a process's port.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Listen {
    /// systemd holds it and hands it over (gunicorn, uvicorn, hypercorn, node): a restart queues connections.
    #[default]
    Socket,
    /// The process opens `{port}` itself: two sets of ports are used in turn (the second 1000 above the first).
    Port,
}

/// How the instances of a process are replaced when a release goes live.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Replace {
    /// The new one starts beside the old one, which ends when the new one has proved itself: nobody waits. Both run for
    /// a few seconds.
    #[default]
    Overlap,
    /// The old one ends before the new one starts, for what holds an exclusive lock or a port of its own: what is asked
    /// meanwhile waits, and a release is proved only once it is live.
    StopFirst,
}

/// How systemd knows that a process is up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Ready {
    /// It says so by sd_notify.
    Notify,
    /// As soon as it has been started.
    Simple,
}

/// Limits on what a process may use.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Resources {
    /// Memory at which it is stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Size>,
    /// Percent of one core, for example 200 for two cores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100000))]
    pub cpu_percent: Option<u32>,
    /// Threads and processes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub tasks: Option<u32>,
    /// Open files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 64))]
    pub open_files: Option<u32>,
}
