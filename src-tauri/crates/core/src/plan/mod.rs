//! Plans: everything that is going to happen on a host, decided before any of it does.
//!
//! A [`Plan`] is immutable and serialisable. It is bound to what was observed: `observed` holds what
//! each step relies on, and applying refuses when any of it has changed since. Secrets are never in a
//! plan; a file with secrets is named by path, and its content is rendered again and compared by
//! fingerprint when the plan is applied.

pub mod action;
pub mod diff;
pub mod observed;
pub mod release;
pub mod runtime;
pub mod setup;
pub mod summary;
pub mod uninstall;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use action::{Action, FileContent, FileWrite};
pub use diff::FileDiff;

use crate::digest::Digest;
use crate::release::ReleaseId;
use crate::site::Name;

/// What the plan is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "intent", rename_all = "kebab-case")]
pub enum Intent {
    /// Bring the host's set-up and configuration to what the site file says.
    Apply,
    /// Make a new release live.
    Deploy {
        /// Its id.
        release: ReleaseId,
    },
    /// Make an earlier release live again.
    Rollback {
        /// Its id.
        release: ReleaseId,
    },
    /// Take the site off the host.
    Uninstall {
        /// Whether its data, log files and user go, too.
        data: bool,
    },
}

impl Intent {
    /// The verb, for people.
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::Deploy { .. } => "deploy",
            Self::Rollback { .. } => "rollback",
            Self::Uninstall { .. } => "uninstall",
        }
    }
}

/// Everything that is going to happen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Version of this form; 1.
    pub schema: u32,
    /// Digest of everything below.
    pub id: Digest,
    /// The site.
    pub site: Name,
    /// The host's name in the inventory.
    pub host: String,
    /// What it is for.
    pub intent: Intent,
    /// What was observed that the steps rely on: subject to state, both in words.
    pub observed: BTreeMap<String, String>,
    /// What to do, in order.
    pub steps: Vec<Step>,
    /// What a person should know before agreeing.
    pub notices: Vec<Notice>,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Unique in the plan, stable between plans: `file:/etc/…`.
    pub id: String,
    /// What it is about, for grouping.
    pub subject: Subject,
    /// What it does, in a few words.
    pub title: String,
    /// Why.
    pub reason: String,
    /// What people who use the site may notice.
    pub risk: Risk,
    /// What exactly is done.
    pub action: Action,
    /// How a file changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diff: Option<FileDiff>,
    /// Whether it would replace something that was changed by hand on the host.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub drift: bool,
}

/// What a step is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum Subject {
    Packages,
    User,
    Directories,
    Certificate,
    Configuration,
    Services,
    WebServer,
    Firewall,
    Source,
    Build,
    Release,
}

impl Subject {
    /// Heading for people.
    pub fn heading(self) -> &'static str {
        match self {
            Self::Packages => "Packages",
            Self::User => "User",
            Self::Directories => "Directories",
            Self::Certificate => "Certificate",
            Self::Configuration => "Configuration",
            Self::Services => "Services",
            Self::WebServer => "Web server",
            Self::Firewall => "Firewall",
            Self::Source => "Source",
            Self::Build => "Build",
            Self::Release => "Release",
        }
    }
}

/// What people who use the site may notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Risk {
    /// Nothing.
    None,
    /// Connections that stay open (WebSockets) end and come back; requests wait, none is lost.
    Reconnect,
    /// Data changes in a way that going back does not undo.
    Data,
    /// The site is no longer there.
    Gone,
}

/// Something to know before agreeing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// How much it matters.
    pub severity: Severity,
    /// In a sentence.
    pub text: String,
    /// What can be done about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// How much a notice matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Somebody may be surprised.
    Warning,
    /// The plan cannot be applied.
    Blocker,
}

impl Plan {
    /// Puts a plan together and gives it its id.
    pub fn new(
        site: Name,
        host: String,
        intent: Intent,
        observed: BTreeMap<String, String>,
        steps: Vec<Step>,
        notices: Vec<Notice>,
    ) -> Self {
        let mut plan = Self { schema: 1, id: Digest::of(b""), site, host, intent, observed, steps, notices };
        plan.id = plan.content_digest();
        plan
    }

    /// Digest of everything but the id.
    pub fn content_digest(&self) -> Digest {
        let content = (self.schema, &self.site, &self.host, &self.intent, &self.observed, &self.steps, &self.notices);
        // Serialising plain data with string keys cannot fail; an empty text would only change the id.
        Digest::of(serde_json::to_string(&content).unwrap_or_default().as_bytes())
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Steps that would replace what was changed by hand.
    pub fn drifted(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(|step| step.drift)
    }

    /// Notices that forbid applying.
    pub fn blockers(&self) -> impl Iterator<Item = &Notice> {
        self.notices.iter().filter(|notice| notice.severity == Severity::Blocker)
    }
}

/// One thing that changed on the host between planning and applying.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// What.
    pub subject: String,
    /// When planned.
    pub was: String,
    /// Now.
    pub now: String,
}

/// Compares what a plan relies on with what is there now.
pub fn moved(planned: &BTreeMap<String, String>, now: &BTreeMap<String, String>) -> Vec<Moved> {
    let unseen = "not observed".to_owned();
    planned
        .iter()
        .filter_map(|(subject, was)| {
            let is = now.get(subject).unwrap_or(&unseen);
            (is != was).then(|| Moved { subject: subject.clone(), was: was.clone(), now: is.clone() })
        })
        .collect()
}
