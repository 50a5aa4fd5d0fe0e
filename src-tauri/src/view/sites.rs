//! Sites and what runs of them.

use serde::{Deserialize, Serialize};
use specta::Type;
use specta_typescript::{Number, Unknown};

use super::plan::FileChange;
use super::runs::RunCard;

/// A site in a list.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct SiteCard {
    /// Its name.
    pub name: String,
    /// Names that people reach it by.
    pub domains: Vec<String>,
    /// Where it can be opened.
    pub url: Option<String>,
    /// Hosts that it runs on.
    pub hosts: Vec<String>,
    /// Its site file.
    pub file: Option<String>,
    /// What is wrong with the file, in a sentence.
    pub file_problem: Option<String>,
    /// The last run.
    pub last_run: Option<RunCard>,
}

/// A site on one host, at a moment.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct SiteStatus {
    /// The site.
    pub site: String,
    /// The host.
    pub host: String,
    /// When this was seen.
    #[specta(type = Number)]
    pub at_ms: i64,
    /// Where it can be opened.
    pub url: Option<String>,
    /// How it is.
    pub state: SiteState,
    /// That in a sentence.
    pub headline: String,
    /// The active release.
    pub release: Option<Release>,
    /// Its processes.
    pub instances: Vec<Instance>,
    /// Answer through nginx.
    pub health: Option<Health>,
    /// Certificate as served.
    pub certificate: Option<Certificate>,
}

/// How a site is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SiteState {
    Serving,
    Degraded,
    Down,
    NotDeployed,
    /// An activation did not end.
    Interrupted,
}

/// One running copy of a process.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct Instance {
    /// Its unit.
    pub unit: String,
    /// systemd's words: `active (running)`.
    pub state: String,
    /// Whether it is as it should be.
    pub healthy: bool,
    /// Release that it runs from.
    pub release: Option<String>,
    /// Port on the host.
    pub port: Option<u16>,
    /// Since when.
    #[specta(type = Option<Number>)]
    pub since_ms: Option<i64>,
    /// Memory.
    #[specta(type = Option<Number>)]
    pub memory_bytes: Option<u64>,
    /// How often systemd restarted it.
    pub restarts: u32,
}

/// An answer of the site.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct Health {
    /// HTTP status, or why there is none.
    pub status: String,
    /// Whether it is what the site file expects.
    pub ok: bool,
    /// How long it took.
    #[specta(type = Option<Number>)]
    pub elapsed_ms: Option<u64>,
}

/// A certificate as it is served.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct Certificate {
    /// Who issued it.
    pub issuer: String,
    /// Names that it is for.
    pub names: Vec<String>,
    /// Until when.
    #[specta(type = Number)]
    pub expires_ms: i64,
    /// Whether it is self-signed.
    pub self_signed: bool,
    /// Whether the file on the host is another one.
    pub differs_from_file: bool,
}

/// A release.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct Release {
    /// Its id.
    pub id: String,
    /// When it was made.
    #[specta(type = Option<Number>)]
    pub created_ms: Option<i64>,
    /// Branch, tag or folder.
    pub reference: Option<String>,
    /// Commit.
    pub commit: Option<String>,
    /// Who made it.
    pub author: Option<String>,
    /// Whether it is the active one.
    pub active: bool,
    /// Whether it has served well.
    pub known_good: bool,
    /// What became of it, in words.
    pub verdict: String,
    /// Bytes of its own files.
    #[specta(type = Option<Number>)]
    pub bytes: Option<u64>,
    /// Whether only the configuration differs from the release before.
    pub configuration_only: bool,
}

/// What can be deployed.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct Refs {
    /// Where the source is, in words.
    pub source: String,
    /// Whether there are branches and tags to choose from.
    pub git: bool,
    /// What the site file says.
    pub default_reference: Option<String>,
    /// Branches, newest first.
    pub branches: Vec<Ref>,
    /// Tags, newest first.
    pub tags: Vec<Ref>,
}

/// A branch or tag.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct Ref {
    /// Its name.
    pub name: String,
    /// Its commit.
    pub commit: String,
    /// When that was made.
    #[specta(type = Option<Number>)]
    pub at_ms: Option<i64>,
    /// Its first line.
    pub subject: Option<String>,
}

/// A commit.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct Commit {
    /// Its id.
    pub id: String,
    /// Who.
    pub author: String,
    /// When.
    #[specta(type = Option<Number>)]
    pub at_ms: Option<i64>,
    /// First line.
    pub subject: String,
}

/// What a deployment of a reference would bring.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct Incoming {
    /// Commits that are not in the running release, newest first.
    pub commits: Vec<Commit>,
    /// Whether there are more than are listed.
    pub more: bool,
    /// What cannot be told, in words.
    pub note: Option<String>,
}

/// How two releases differ.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct Comparison {
    /// Commits between them.
    pub commits: Vec<Commit>,
    /// Files of the code that differ.
    pub code: Vec<CodeChange>,
    /// How many more there are.
    pub code_more: u32,
    /// Configuration files that differ.
    pub configuration: Vec<FileChange>,
}

/// A file of the code that differs.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct CodeChange {
    /// Its path in the release.
    pub path: String,
    /// `added`, `removed`, `changed`.
    pub change: String,
}

/// A site file.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct SiteText {
    /// Where it is.
    pub path: String,
    /// Its text.
    pub text: String,
    /// What is wrong or doubtful.
    pub diagnostics: Vec<Diagnostic>,
}

/// A mistake or doubt about a site file.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct Diagnostic {
    /// Whether it is a mistake.
    pub error: bool,
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
}

/// What to do with a site's processes (D-20).
#[derive(Debug, Clone, Copy, Deserialize, Type)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ServiceAction {
    Start,
    Stop,
    Restart,
    Reload,
    Enable,
    Disable,
    NginxTest,
    NginxReload,
}

/// What became of it.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct ServiceResult {
    /// In a sentence.
    pub summary: String,
    /// What was printed.
    pub output: Vec<String>,
}

/// What on a host differs from what Slipway left there.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct Drift {
    /// Files.
    pub files: Vec<FileChange>,
    /// Files that are newer than what runs with them, and the like.
    pub notices: Vec<String>,
}

/// Which log lines.
#[derive(Debug, Clone, Deserialize, Type)]
pub(crate) struct LogQuery {
    /// Of these processes; all when empty.
    pub processes: Vec<String>,
    /// At most this many of the newest.
    pub lines: u32,
    /// Not older than this, as journalctl understands it.
    pub since: Option<String>,
}

/// Some log lines, oldest first.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct LogBatch {
    /// Them.
    pub lines: Vec<LogLine>,
}

/// A log line.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct LogLine {
    /// When, by the host's clock.
    #[specta(type = Number)]
    pub at_ms: u64,
    /// Its unit.
    pub unit: String,
    /// 0 (emergency) to 7 (debug).
    pub priority: u8,
    /// The text.
    pub text: String,
}

/// An entry of the audit log on the host.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct AuditEntry {
    /// When.
    #[specta(type = Option<Number>)]
    pub at_ms: Option<i64>,
    /// Who.
    pub who: String,
    /// What, in words.
    pub what: String,
}

/// News of a site that is being watched.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(tag = "news", rename_all = "kebab-case")]
pub(crate) enum SiteNews {
    /// It was seen.
    Seen { status: SiteStatus },
    /// It could not be looked at; it is tried again by itself.
    Lost { failure: super::Failure },
}

/// JSON Schema of the site file.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct SiteSchema {
    /// The schema.
    #[specta(type = Unknown)]
    pub schema: serde_json::Value,
}
