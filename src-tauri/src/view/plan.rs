//! Plans for review.

use serde::{Deserialize, Serialize};
use slipway_core::plan::summary::{self, FileKind, Kind};
use slipway_core::plan::{self, Intent, Plan};
use slipway_engine::failure::{Code, Failure};
use slipway_engine::site::Request;
use specta::Type;

/// What to plan for.
#[derive(Debug, Clone, Serialize, Deserialize, Type)]
#[serde(tag = "request", rename_all = "kebab-case")]
pub(crate) enum PlanRequest {
    /// Set up and configure.
    Apply,
    /// A new release.
    Deploy {
        /// Branch, tag or commit; the site file's when absent.
        reference: Option<String>,
    },
    /// An earlier release.
    Rollback {
        /// Which; the last known-good one before the active one when absent.
        to: Option<String>,
    },
    /// The site goes.
    Uninstall {
        /// With its data, log files and user.
        data: bool,
    },
}

/// A plan as it is reviewed.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct PlanView {
    /// Digest that apply is bound to.
    pub id: String,
    /// Its first digits.
    pub short_id: String,
    /// The site.
    pub site: String,
    /// The host.
    pub host: String,
    /// `apply`, `deploy`, `rollback`.
    pub verb: String,
    /// Release that it makes live.
    pub release: Option<String>,
    /// Steps by subject, in order.
    pub groups: Vec<PlanGroup>,
    /// What a person should know before agreeing.
    pub notices: Vec<Notice>,
    /// The whole in words.
    pub summary: PlanSummary,
}

/// Steps about one subject.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct PlanGroup {
    /// Heading.
    pub heading: String,
    /// Steps.
    pub steps: Vec<PlanStep>,
}

/// One step.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct PlanStep {
    /// Stable id.
    pub id: String,
    /// Place in the whole plan, from 0.
    pub index: u32,
    /// What it does.
    pub title: String,
    /// Why.
    pub reason: String,
    /// Its kind.
    pub kind: StepKind,
    /// What people may notice.
    pub risk: Risk,
    /// Whether it would replace something changed by hand.
    pub drift: bool,
    /// What is to be known beside the title and the reason.
    pub about: Vec<String>,
    /// Commands, for reading.
    pub commands: Vec<String>,
    /// Files it writes or removes.
    pub files: Vec<FileChange>,
}

/// Kinds of steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum StepKind {
    Create,
    Change,
    Remove,
    Run,
    /// It stays as it is.
    Keep,
}

/// What people may notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Risk {
    None,
    Reconnect,
    Data,
    Gone,
}

/// A file that changes.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct FileChange {
    /// Its path on the host.
    pub path: String,
    /// Octal mode.
    pub mode: Option<String>,
    /// `owner:group`.
    pub owner: Option<String>,
    /// How it changes.
    pub kind: StepKind,
    /// What changes beside the text: `0644 root:root → 0600 root:root`.
    pub attributes: Vec<String>,
    /// Whether it holds secrets, which are shown as fingerprints.
    pub secret: bool,
    /// Text before; none when there was none or it is not shown.
    pub old: Option<String>,
    /// Text after; none when there will be none or it is not shown.
    pub new: Option<String>,
    /// Why a text is not shown.
    pub hidden: Option<String>,
}

/// Something to know before agreeing.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct Notice {
    /// How much it matters.
    pub severity: Severity,
    /// In a sentence.
    pub text: String,
    /// What can be done about it.
    pub hint: Option<String>,
}

/// How much a notice matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Severity {
    Info,
    Warning,
    Blocker,
}

/// A plan in words.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct PlanSummary {
    /// How many steps.
    pub steps: u32,
    /// Steps that make something new.
    pub created: u32,
    /// Steps that change something.
    pub changed: u32,
    /// Steps that take something away.
    pub removed: u32,
    /// Files that change.
    pub files: u32,
    /// What starts, restarts, stops or reloads, one a line.
    pub restarts: Vec<String>,
    /// What people who use the site will notice.
    pub noticed: String,
    /// Whether they may notice anything at all.
    pub noticeable: bool,
    /// Steps that would replace something changed by hand.
    pub drifted: u32,
    /// Whether it must not be applied.
    pub blocked: bool,
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

impl From<Kind> for StepKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Create => Self::Create,
            Kind::Change => Self::Change,
            Kind::Remove => Self::Remove,
            Kind::Run => Self::Run,
        }
    }
}

impl From<summary::FileChange> for FileChange {
    fn from(file: summary::FileChange) -> Self {
        let owner = match (file.owner, file.group) {
            (Some(owner), Some(group)) => Some(format!("{owner}:{group}")),
            (owner, _) => owner,
        };
        Self {
            path: file.path,
            mode: file.mode,
            owner,
            kind: match file.kind {
                FileKind::Create => StepKind::Create,
                FileKind::Change => StepKind::Change,
                FileKind::Remove => StepKind::Remove,
                FileKind::Same => StepKind::Keep,
            },
            attributes: file.attributes,
            secret: file.secret,
            old: file.old,
            new: file.new,
            hidden: file.hidden,
        }
    }
}

impl PlanStep {
    fn of(plan: &Plan, index: usize, step: &plan::Step) -> Self {
        let detail = summary::lines(plan, step);
        Self {
            id: step.id.clone(),
            index: number(index),
            title: step.title.clone(),
            reason: step.reason.clone(),
            kind: detail.kind.into(),
            risk: match step.risk {
                plan::Risk::None => Risk::None,
                plan::Risk::Reconnect => Risk::Reconnect,
                plan::Risk::Data => Risk::Data,
                plan::Risk::Gone => Risk::Gone,
            },
            drift: step.drift,
            about: detail.about,
            commands: detail.commands,
            files: detail.files.into_iter().map(FileChange::from).collect(),
        }
    }
}

impl From<&Plan> for PlanView {
    fn from(plan: &Plan) -> Self {
        let words = summary::summary(plan);
        let mut groups: Vec<PlanGroup> = Vec::new();
        for (index, step) in plan.steps.iter().enumerate() {
            let heading = step.subject.heading();
            match groups.last_mut().filter(|group| group.heading == heading) {
                Some(group) => group.steps.push(PlanStep::of(plan, index, step)),
                None => {
                    groups.push(PlanGroup { heading: heading.to_owned(), steps: vec![PlanStep::of(plan, index, step)] })
                }
            }
        }
        let notice = |notice: &plan::Notice| Notice {
            severity: match notice.severity {
                plan::Severity::Info => Severity::Info,
                plan::Severity::Warning => Severity::Warning,
                plan::Severity::Blocker => Severity::Blocker,
            },
            text: notice.text.clone(),
            hint: notice.hint.clone(),
        };
        Self {
            id: plan.id.to_string(),
            short_id: plan.id.short().to_owned(),
            site: plan.site.to_string(),
            host: plan.host.clone(),
            verb: plan.intent.verb().to_owned(),
            release: match &plan.intent {
                Intent::Apply | Intent::Uninstall { .. } => None,
                Intent::Deploy { release } | Intent::Rollback { release } => Some(release.to_string()),
            },
            groups,
            notices: plan.notices.iter().map(notice).collect(),
            summary: PlanSummary {
                steps: number(plan.steps.len()),
                created: number(words.counts.create),
                changed: number(words.counts.change),
                removed: number(words.counts.remove),
                files: number(words.files),
                restarts: words.restarts,
                noticed: words.noticed,
                noticeable: words.noticeable,
                drifted: number(words.needs_consent.len()),
                blocked: words.blockers > 0,
            },
        }
    }
}

impl TryFrom<PlanRequest> for Request {
    type Error = Failure;
    fn try_from(request: PlanRequest) -> Result<Self, Failure> {
        Ok(match request {
            PlanRequest::Apply => Self::Apply,
            PlanRequest::Deploy { reference } => Self::Deploy { reference },
            PlanRequest::Uninstall { data } => Self::Uninstall { data },
            PlanRequest::Rollback { to } => {
                let id = |text: String| text.parse().map_err(|why: String| Failure::new(Code::Usage, why));
                Self::Rollback { to: to.map(id).transpose()? }
            }
        })
    }
}
