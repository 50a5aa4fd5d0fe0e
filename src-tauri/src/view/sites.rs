//! Sites and what runs of them.

use serde::{Deserialize, Serialize};
use slipway_core::diff::FileChange;
use slipway_core::notice::Notice;
use slipway_core::running::RunningUnit;
use slipway_core::site::{self as core, Site, TlsMode};
use slipway_engine::desk::Desk;
use slipway_engine::failure::{Failure, Outcome};
use slipway_engine::history::Filter;
use slipway_engine::inventory::KnownSite;
use slipway_engine::site_file::{SiteFile, SiteFileError, read_site_file};
use slipway_engine::watch::certificate::Served;
use slipway_engine::{service, watch};
use specta::Type;
use specta_typescript::{Number, Unknown};

use super::releases::Release;
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
    /// The instance, by its unit: what can be started and stopped.
    pub name: String,
    /// What runs of it: a release's unit of its own.
    pub unit: String,
    /// Whether it takes nothing new, and only finishes what it has begun.
    pub draining: bool,
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

/// What to do with a site's processes.
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
    /// What planning found worth telling, what forbids a repair too.
    pub notices: Vec<Notice>,
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
        let page = desk.history.runs(&filter, 1).map_err(Failure::from)?;
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
            name: unit.instance.clone(),
            unit: unit.unit.clone(),
            draining: unit.draining,
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
                watch::SiteHealth::Serving => SiteState::Serving,
                watch::SiteHealth::Degraded => SiteState::Degraded,
                watch::SiteHealth::Down => SiteState::Down,
                watch::SiteHealth::NotDeployed => SiteState::NotDeployed,
                watch::SiteHealth::Interrupted => SiteState::Interrupted,
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
        let files = drift.by_hand.into_iter().flat_map(|row| row.files).collect();
        Self { files, open: drift.open.into_iter().map(|row| row.title).collect(), notices: drift.notices }
    }
}
