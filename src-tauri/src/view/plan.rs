//! Plans for review.

use serde::{Deserialize, Serialize};
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
}

/// What people may notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Risk {
    None,
    Reconnect,
    Data,
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
    /// Files that are made.
    pub created: u32,
    /// Files that are changed.
    pub changed: u32,
    /// Files that are removed.
    pub removed: u32,
    /// What restarts or reloads, one a line.
    pub restarts: Vec<String>,
    /// What people who use the site will notice.
    pub noticed: String,
    /// Steps that would replace something changed by hand.
    pub drifted: u32,
    /// Whether it must not be applied.
    pub blocked: bool,
}
