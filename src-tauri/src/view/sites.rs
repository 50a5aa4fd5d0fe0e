//! Sites and what runs of them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use slipway_core::release::{LedgerEvent, ReleaseRecord};
use slipway_core::running::RunningUnit;
use slipway_core::site::{self as core, Site, TlsMode};
use slipway_engine::desk::{Desk, SiteFile, SiteFileError, inventory_failure, read_site_file};
use slipway_engine::failure::{Failure, Outcome};
use slipway_engine::history::Filter;
use slipway_engine::inventory::KnownSite;
use slipway_engine::watch::certificate::Served;
use slipway_engine::{compare, refs, service, watch};
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
    /// First line of the commit's message.
    pub subject: Option<String>,
    /// Repository or folder.
    pub source: Option<String>,
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
    /// Why there are none, when that is not because nothing lies between.
    pub note: Option<String>,
    /// Files of the code that differ.
    pub code: Vec<CodeChange>,
    /// Whether more differ than are listed.
    pub more: bool,
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
    /// Whether it came out as asked.
    pub good: bool,
    /// In a sentence.
    pub summary: String,
    /// What was printed.
    pub output: Vec<String>,
}

/// What on a host differs from what Slipway left there.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct Drift {
    /// Files that were changed by hand.
    pub files: Vec<FileChange>,
    /// What else a plan would do: changes of the site file that are not applied yet.
    pub open: Vec<String>,
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

/// What is heard of a log that is followed.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(tag = "news", rename_all = "kebab-case")]
pub(crate) enum LogNews {
    /// It could be read; perhaps nothing new came.
    Lines { batch: LogBatch },
    /// It could not; it is tried again by itself.
    Lost { failure: super::Failure },
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
    /// What, in words: `deploy, succeeded: …`.
    pub what: String,
}

/// News of a site that is being watched.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(tag = "news", rename_all = "kebab-case")]
pub(crate) enum SiteNews {
    /// It was seen.
    Seen { status: Box<SiteStatus> },
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

impl SiteCard {
    /// A known site.
    pub(crate) fn of(desk: &Desk, known: &KnownSite) -> Outcome<Self> {
        let file = read_site_file(known.file.as_ref());
        let site = file.as_ref().ok().map(|file| &file.site);
        let domains: Vec<String> = site.iter().flat_map(|site| &site.domains).map(ToString::to_string).collect();
        let filter = Filter { site: Some(known.name.clone()), ..Filter::default() };
        let page = desk.history.runs(&filter, 1).map_err(|error| inventory_failure(&error))?;
        Ok(Self {
            name: known.name.to_string(),
            url: site.and_then(url),
            domains,
            hosts: known.hosts.iter().map(ToString::to_string).collect(),
            file: Some(known.file.clone()),
            file_problem: file.err().map(|error| Failure::from(error).message),
            last_run: page.runs.first().map(|run| RunCard::of(run, desk.run_state(run))),
        })
    }
}

/// Where a site can be opened.
fn url(site: &Site) -> Option<String> {
    let domain = site.domains.first()?;
    let scheme = if site.tls.mode == TlsMode::None { "http" } else { "https" };
    Some(format!("{scheme}://{domain}/"))
}

impl From<&core::Diagnostic> for Diagnostic {
    fn from(found: &core::Diagnostic) -> Self {
        let place = |place: usize| u32::try_from(place).unwrap_or(u32::MAX);
        Self {
            error: found.is_error(),
            line: place(found.line),
            column: place(found.column),
            message: found.message.clone(),
            hint: found.hint.clone(),
        }
    }
}

impl SiteText {
    /// A text with what is wrong with it.
    pub(crate) fn of(path: String, text: String, diagnostics: &[core::Diagnostic]) -> Self {
        Self { path, text, diagnostics: diagnostics.iter().map(Diagnostic::from).collect() }
    }

    /// A site file that was read, also one with mistakes.
    pub(crate) fn read(file: Result<SiteFile, SiteFileError>) -> Outcome<Self> {
        match file {
            Ok(file) => Ok(Self::of(file.path.display().to_string(), file.text, &file.warnings)),
            Err(SiteFileError::Wrong { path, text, diagnostics }) => {
                Ok(Self::of(path.display().to_string(), text, &diagnostics))
            }
            Err(SiteFileError::Unreadable(failure)) => Err(failure),
        }
    }
}

fn ms(text: &str) -> Option<i64> {
    text.parse::<Timestamp>().ok().map(Timestamp::as_millisecond)
}

impl SiteNews {
    /// What one look saw.
    pub(crate) fn of(look: watch::Look, desk: &Desk, site: &str, host: &str) -> Self {
        let at_ms = desk.clock.now().as_millisecond();
        // Read each time: the file may be edited while the page is open.
        let known = site.parse().ok().and_then(|name| desk.known_site(&name).ok());
        let file = known.and_then(|known| read_site_file(known.file.as_ref()).ok());
        let url = file.and_then(|file| url(&file.site));
        match look {
            watch::Look::Lost(failure) => Self::Lost { failure: failure.into() },
            watch::Look::Nothing => Self::Seen {
                status: Box::new(SiteStatus {
                    site: site.to_owned(),
                    host: host.to_owned(),
                    at_ms,
                    url,
                    state: SiteState::NotDeployed,
                    headline: format!("{host} has not been set up for {site} yet."),
                    release: None,
                    instances: Vec::new(),
                    health: None,
                    certificate: None,
                }),
            },
            watch::Look::Seen { status, certificate } => {
                Self::Seen { status: Box::new(SiteStatus::of(*status, certificate.map(|served| *served), at_ms, url)) }
            }
        }
    }
}

impl SiteStatus {
    fn of(status: watch::SiteStatus, served: Option<Served>, at_ms: i64, url: Option<String>) -> Self {
        let (standing, headline) = status.standing();
        let current = status.running.current.clone();
        let health = status.front.as_ref().map(|code| Health {
            ok: !matches!(code.as_str(), "" | "000") && !code.starts_with('5'),
            status: code.clone(),
            elapsed_ms: status.front_ms,
        });
        let instance = |unit: &RunningUnit| Instance {
            unit: unit.unit.clone(),
            state: format!("{} ({})", unit.active, unit.sub),
            healthy: unit.active == "active" && unit.release == current,
            release: unit.release.as_ref().map(ToString::to_string),
            port: unit.port,
            since_ms: unit.active_for_s.and_then(|s| Some(at_ms - i64::try_from(s).ok()?.checked_mul(1000)?)),
            memory_bytes: unit.memory,
            restarts: unit.restarts,
        };
        Self {
            site: status.site.to_string(),
            host: status.host.clone(),
            at_ms,
            url,
            state: match standing {
                watch::Standing::Serving => SiteState::Serving,
                watch::Standing::Degraded => SiteState::Degraded,
                watch::Standing::Down => SiteState::Down,
                watch::Standing::NotDeployed => SiteState::NotDeployed,
                watch::Standing::Interrupted => SiteState::Interrupted,
            },
            headline,
            release: status
                .release
                .as_ref()
                .map(|record| Release { known_good: status.known_good, ..Release::recorded(record, true) }),
            instances: status.running.units.iter().map(instance).collect(),
            health,
            certificate: served.and_then(|served| Certificate::of(&served)),
        }
    }
}

impl Certificate {
    fn of(served: &Served) -> Option<Self> {
        let certificate = served.served.as_ref()?;
        Some(Self {
            issuer: certificate.issuer.clone(),
            names: certificate.names.clone(),
            expires_ms: certificate.not_after.as_millisecond(),
            self_signed: certificate.self_signed,
            differs_from_file: served.differs,
        })
    }
}

impl Release {
    fn recorded(record: &ReleaseRecord, active: bool) -> Self {
        Self {
            id: record.id.to_string(),
            created_ms: ms(&record.created),
            reference: record.reference.clone(),
            commit: record.commit.clone(),
            subject: record.subject.clone(),
            source: Some(record.source.clone()),
            author: Some(record.author.clone()),
            active,
            known_good: false,
            verdict: String::new(),
            bytes: None,
            configuration_only: record.code_of.is_some(),
        }
    }
}

impl From<&watch::KnownRelease> for Release {
    fn from(known: &watch::KnownRelease) -> Self {
        let state = known.state.as_ref();
        let verdict = match state.map(|state| (state.last, state.known_good)) {
            None => "never activated",
            Some((LedgerEvent::Begin | LedgerEvent::Back, _)) => "did not come to its end",
            Some((LedgerEvent::Good | LedgerEvent::Restored, _)) => "known good",
            Some((LedgerEvent::Failed, true)) => "failed the last time, good before",
            Some((LedgerEvent::Failed, false)) => "failed",
            Some((LedgerEvent::Removed, _)) => "removed",
        };
        let record = known.record.as_ref().map(|record| Self::recorded(record, known.active));
        let unknown = || Self {
            id: known.id.to_string(),
            created_ms: None,
            reference: None,
            commit: None,
            subject: None,
            source: None,
            author: None,
            active: known.active,
            known_good: false,
            verdict: String::new(),
            bytes: None,
            configuration_only: false,
        };
        Self {
            known_good: state.is_some_and(|state| state.known_good),
            verdict: verdict.to_owned(),
            bytes: known.bytes,
            ..record.unwrap_or_else(unknown)
        }
    }
}

fn reference(found: refs::Ref) -> Ref {
    let at_ms = found.date.as_deref().and_then(ms);
    Ref { name: found.name, commit: found.commit, at_ms, subject: Some(found.subject) }
}

fn commit(found: refs::Commit) -> Commit {
    Commit { at_ms: ms(&found.date), id: found.id, author: found.author, subject: found.subject }
}

impl Refs {
    /// A repository.
    pub(crate) fn of(site: &Site, found: refs::Refs) -> Self {
        Self {
            source: site.source.git.as_ref().map(ToString::to_string).unwrap_or_default(),
            git: true,
            default_reference: site.source.reference.as_ref().map(ToString::to_string).or(found.default),
            branches: found.branches.into_iter().map(reference).collect(),
            tags: found.tags.into_iter().map(reference).collect(),
        }
    }

    /// A folder or archive on this computer: there is nothing to choose.
    pub(crate) fn without_git(site: &Site) -> Self {
        let place = site.source.folder.as_ref().or(site.source.archive.as_ref());
        Self {
            source: place.map(ToString::to_string).unwrap_or_default(),
            git: false,
            default_reference: None,
            branches: Vec::new(),
            tags: Vec::new(),
        }
    }
}

impl Incoming {
    /// Commits that a deployment brings.
    pub(crate) fn of(deployed: bool, found: refs::Commits) -> Self {
        let note = if !deployed {
            Some("No release from this repository runs yet; these are its newest commits.".to_owned())
        } else if !found.known {
            Some(
                "The running release's commit is not in the repository any more; these are its newest commits."
                    .to_owned(),
            )
        } else if found.leaving > 0 {
            Some(format!("{} commits of the running release are not part of it and go.", found.leaving))
        } else {
            None
        };
        let more = found.total > u64::try_from(found.commits.len()).unwrap_or(u64::MAX);
        Self { commits: found.commits.into_iter().map(commit).collect(), more, note }
    }

    /// From a folder or archive.
    pub(crate) fn without_git() -> Self {
        let note = "The code comes from this computer, so there are no commits to list.".to_owned();
        Self { commits: Vec::new(), more: false, note: Some(note) }
    }
}

impl From<compare::Comparison> for Comparison {
    fn from(found: compare::Comparison) -> Self {
        let commits = found.commits.map(|commits| commits.commits).unwrap_or_default();
        let note = found.no_commits;
        Self {
            commits: commits.into_iter().map(commit).collect(),
            note,
            code: found
                .code
                .into_iter()
                .map(|change| CodeChange { path: change.path, change: super::word(change.change) })
                .collect(),
            more: found.more,
            configuration: found.configuration.into_iter().map(FileChange::from).collect(),
        }
    }
}

impl ServiceAction {
    /// As the engine takes it.
    pub(crate) fn of(self, unit: Option<String>) -> (service::Action, service::Target) {
        let target = unit.map_or(service::Target::Site, |unit| service::Target::Unit { unit });
        match self {
            Self::Start => (service::Action::Start, target),
            Self::Stop => (service::Action::Stop, target),
            Self::Restart => (service::Action::Restart, target),
            Self::Reload => (service::Action::Reload, target),
            Self::Enable => (service::Action::Enable, target),
            Self::Disable => (service::Action::Disable, target),
            Self::NginxTest => (service::Action::Test, service::Target::Nginx),
            Self::NginxReload => (service::Action::Reload, service::Target::Nginx),
        }
    }
}

impl From<service::Report> for ServiceResult {
    fn from(report: service::Report) -> Self {
        Self { good: report.good, summary: report.summary, output: report.complaints }
    }
}

impl From<watch::Drift> for Drift {
    fn from(drift: watch::Drift) -> Self {
        let files = drift.by_hand.into_iter().flat_map(|row| row.files).map(FileChange::from).collect();
        let notices = drift.notices.into_iter().map(|notice| notice.text).collect();
        Self { files, open: drift.open.into_iter().map(|row| row.title).collect(), notices }
    }
}

impl From<Vec<watch::LogLine>> for LogBatch {
    fn from(lines: Vec<watch::LogLine>) -> Self {
        let line = |line: watch::LogLine| LogLine {
            at_ms: line.at_us / 1000,
            unit: line.unit,
            priority: line.priority,
            text: line.text,
        };
        Self { lines: lines.into_iter().map(line).collect() }
    }
}

impl From<&serde_json::Value> for AuditEntry {
    fn from(entry: &serde_json::Value) -> Self {
        let field = |name: &str| entry.get(name).and_then(|text| text.as_str()).unwrap_or_default().to_owned();
        let outcome = if field("verdict").is_empty() { field("event") } else { field("verdict") };
        let summary = Some(field("summary")).filter(|summary| !summary.is_empty());
        let what = format!("{}, {outcome}", field("verb"));
        let what = summary.map_or_else(|| what.clone(), |summary| format!("{what}: {summary}"));
        Self { at_ms: ms(&field("at")), who: field("operator"), what }
    }
}
