//! Plans: everything that is going to happen on a host, decided before any of it does.
//!
//! A [`Plan`] is immutable and serialisable. It is bound to what was observed: `observed` holds everything that planning
//! read, and applying refuses when any of it has changed since. Secrets are never in a plan; a file with secrets is
//! named by path, and its content is rendered again and compared by fingerprint when the plan is applied.

pub mod build;
pub mod carried;
pub mod new_release;
pub mod parcel;
pub mod release;
pub mod release_step;
pub mod setup;
pub mod summary;
pub mod uninstall;
pub mod wanted;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use crate::diff::FileDiff;
pub use crate::notice::{Notice, Severity};
pub use crate::resource::file::{FileContent, FileWrite};
pub use crate::resource::{Heading, Risk, Verb};
pub use release_step::ReleaseStep;
pub use wanted::{Situation, Wanted};

use crate::digest::Digest;
use crate::notice::Notices;
use crate::release::ReleaseId;
use crate::resource::{Change, Claim, Difference, Effect, Id, Placed};
use crate::seen::{Observation, Subject};
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
    /// Version of this form; 2.
    pub schema: u32,
    /// Digest of everything below.
    pub id: Digest,
    /// The site.
    pub site: Name,
    /// The host's name in the inventory.
    pub host: String,
    /// What it is for.
    pub intent: Intent,
    /// Everything that planning read, and what it was.
    pub observed: BTreeMap<Subject, Observation>,
    /// What to do, in order.
    pub steps: Vec<Step>,
    /// What will be recorded on the host, by resource.
    pub claims: BTreeMap<Id, Claim>,
    /// What a person should know before agreeing.
    pub notices: Vec<Notice>,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Unique in the plan, stable between plans: `file:/etc/…`.
    pub id: String,
    /// Heading of a review.
    pub heading: Heading,
    /// What it does, in a few words.
    pub title: String,
    /// Why.
    pub reason: String,
    /// What people who use the site may notice.
    pub risk: Risk,
    /// What it does to what it is about.
    pub verb: Verb,
    /// What exactly is done.
    pub action: Action,
    /// How a file changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diff: Option<FileDiff>,
    /// Whether it would replace something that was changed by hand on the host.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub drift: bool,
    /// The resources that it brings or takes away.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub brings: Vec<Id>,
    /// What one program does one after the other, where a person follows each of it. None: the step is one thing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
}

/// A part of a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// As the program reports it, or the id of a resource that goes with it.
    pub key: String,
    /// What it does, in a few words.
    pub title: String,
    /// Why.
    pub reason: String,
    /// What people who use the site may notice.
    pub risk: Risk,
    /// What it does to what it is about.
    pub verb: Verb,
    /// How a file changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diff: Option<FileDiff>,
    /// Whether it would replace something that was changed by hand on the host.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub drift: bool,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
pub enum Action {
    /// Changes resources.
    Change {
        /// How.
        change: Change,
    },
    /// Brings about what must follow changes before it.
    Effect {
        /// What.
        effect: Effect,
    },
    /// Makes a release, or makes one live.
    Release {
        /// What of it.
        step: ReleaseStep,
    },
    /// Writes Slipway's records, where nothing else is to be done.
    Record,
}

/// A line of a plan as a person reads and follows it: a step, or a part of one.
#[derive(Debug, Clone, Copy)]
pub struct PlanLine<'a> {
    /// The step.
    pub step: &'a Step,
    /// The part, in a step that has parts.
    pub part: Option<&'a Part>,
}

impl<'a> PlanLine<'a> {
    /// Unique in the plan.
    pub fn id(&self) -> String {
        match self.part {
            Some(part) if part.diff.is_some() => part.key.clone(),
            Some(part) => format!("{}:{}", self.step.id, part.key),
            None => self.step.id.clone(),
        }
    }

    /// What it does.
    pub fn title(&self) -> &'a str {
        self.part.map_or(&self.step.title, |part| &part.title)
    }

    /// Why.
    pub fn reason(&self) -> &'a str {
        self.part.map_or(&self.step.reason, |part| &part.reason)
    }

    /// What people who use the site may notice.
    pub fn risk(&self) -> Risk {
        self.part.map_or(self.step.risk, |part| part.risk)
    }

    /// What it does to what it is about.
    pub fn verb(&self) -> Verb {
        self.part.map_or(self.step.verb, |part| part.verb)
    }

    /// How a file changes.
    pub fn diff(&self) -> Option<&'a FileDiff> {
        self.part.map_or(self.step.diff.as_ref(), |part| part.diff.as_ref())
    }

    /// Whether it would replace something that was changed by hand.
    pub fn drift(&self) -> bool {
        self.part.map_or(self.step.drift, |part| part.drift)
    }

    /// Whether it is the first line of its step.
    pub fn is_first(&self) -> bool {
        match (self.part, self.step.parts.first()) {
            (Some(part), Some(first)) => std::ptr::eq(part, first),
            (Some(_), None) | (None, _) => true,
        }
    }
}

impl Step {
    /// The lines of it.
    pub fn lines(&self) -> Vec<PlanLine<'_>> {
        if self.parts.is_empty() {
            return vec![PlanLine { step: self, part: None }];
        }
        self.parts.iter().map(|part| PlanLine { step: self, part: Some(part) }).collect()
    }

    /// The part of a release that it is.
    pub fn release_step(&self) -> Option<&ReleaseStep> {
        match &self.action {
            Action::Release { step } => Some(step),
            Action::Change { .. } | Action::Effect { .. } | Action::Record => None,
        }
    }
}

impl Plan {
    /// Gives a plan its id.
    pub fn new(
        site: Name,
        host: String,
        intent: Intent,
        observed: BTreeMap<Subject, Observation>,
        draft: Draft,
        claims: BTreeMap<Id, Claim>,
    ) -> Self {
        let (steps, notices) = (draft.steps, draft.notices.into_inner());
        let id = Digest::of(b"");
        let mut plan = Self { schema: 2, id, site, host, intent, observed, steps, claims, notices };
        plan.id = plan.content_digest();
        plan
    }

    /// Digest of everything but the id.
    pub fn content_digest(&self) -> Digest {
        let head = (self.schema, &self.site, &self.host, &self.intent);
        let content = (head, &self.observed, &self.steps, &self.claims, &self.notices);
        // Serialising plain data with string keys cannot fail; an empty text would only change the id.
        Digest::of(serde_json::to_string(&content).unwrap_or_default().as_bytes())
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Every line, in order.
    pub fn lines(&self) -> Vec<PlanLine<'_>> {
        self.steps.iter().flat_map(Step::lines).collect()
    }

    /// The number of the first line of a step.
    pub fn line_of(&self, step: usize) -> usize {
        self.steps.iter().take(step).map(|step| step.parts.len().max(1)).sum()
    }

    /// Lines that would replace what was changed by hand.
    pub fn drifted(&self) -> impl Iterator<Item = PlanLine<'_>> {
        self.lines().into_iter().filter(PlanLine::drift)
    }

    /// Notices that forbid applying.
    pub fn blockers(&self) -> impl Iterator<Item = &Notice> {
        self.notices.iter().filter(|notice| notice.severity == Severity::Blocker)
    }

    /// The activation, in a plan that makes a release live.
    pub fn activation(&self) -> Option<&crate::activation::Activation> {
        self.steps.iter().filter_map(Step::release_step).find_map(ReleaseStep::activation)
    }
}

/// Steps and notices, as they are found.
#[derive(Debug, Default)]
pub struct Draft {
    /// Steps in order.
    pub steps: Vec<Step>,
    /// Notices.
    pub notices: Notices,
}

impl Draft {
    /// Adds a step of a release.
    pub fn release(&mut self, id: &str, title: impl Into<String>, reason: impl Into<String>, step: ReleaseStep) {
        self.steps.push(Step {
            id: id.to_owned(),
            heading: step.heading(),
            title: title.into(),
            reason: reason.into(),
            risk: Risk::None,
            verb: step.verb(),
            action: Action::Release { step },
            diff: None,
            drift: false,
            brings: Vec::new(),
            parts: Vec::new(),
        });
    }

    /// Adds changes of resources and what follows them.
    pub fn place(&mut self, changes: Vec<Placed>) {
        // What only waits has come about once its effect has.
        let mut waiting: BTreeMap<Effect, Vec<Id>> = BTreeMap::new();
        for (number, placed) in changes.into_iter().enumerate() {
            self.steps.push(match placed {
                Placed::Change(mut difference) => {
                    let waits_for = difference.waits_for.take();
                    let mut step = step_of(*difference);
                    if let Some(effect) = waits_for {
                        waiting.entry(effect).or_default().append(&mut step.brings);
                    }
                    step
                }
                Placed::Effect(effect) => {
                    let again = self.steps.iter().any(|step| step.id == format!("effect:{effect}"));
                    let suffix = if again { format!(":{number}") } else { String::new() };
                    Step {
                        id: format!("effect:{effect}{suffix}"),
                        heading: effect.heading(),
                        title: effect.title(),
                        reason: effect.reason().to_owned(),
                        risk: Risk::None,
                        verb: effect.verb(),
                        brings: waiting.remove(&effect).unwrap_or_default(),
                        action: Action::Effect { effect },
                        diff: None,
                        drift: false,
                        parts: Vec::new(),
                    }
                }
            });
        }
    }

    /// Adds a step that writes the records.
    pub fn record(&mut self, title: String, reason: &str, verb: Verb) {
        self.steps.push(Step {
            id: "records".to_owned(),
            heading: Heading::Records,
            title,
            reason: reason.to_owned(),
            risk: Risk::None,
            verb,
            action: Action::Record,
            diff: None,
            drift: false,
            brings: Vec::new(),
            parts: Vec::new(),
        });
    }

    /// Adds a notice that forbids applying.
    pub fn block(&mut self, text: impl Into<String>, hint: &str) {
        self.notices.block(text, hint);
    }

    /// Adds a notice.
    pub fn notice(&mut self, severity: Severity, text: impl Into<String>, hint: Option<&str>) {
        self.notices.add(severity, text, hint);
    }
}

fn step_of(difference: Difference<Change>) -> Step {
    let removes = difference.verb == Verb::Remove;
    let id = difference.ids.first().map(ToString::to_string).unwrap_or_default();
    Step {
        id: if removes { format!("remove:{}", id.split_once(':').map_or("", |(_, name)| name)) } else { id },
        heading: difference.heading,
        title: difference.title,
        reason: difference.reason,
        risk: difference.risk,
        verb: difference.verb,
        action: Action::Change { change: difference.change },
        diff: difference.diff,
        drift: difference.drift,
        brings: difference.ids,
        parts: Vec::new(),
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
pub fn moved(planned: &BTreeMap<Subject, Observation>, seen: &crate::seen::Seen<'_>) -> Vec<Moved> {
    let changed = |(subject, was): (&Subject, &Observation)| {
        let now = seen.read(subject.clone());
        (&now != was).then(|| Moved { subject: subject.title(), was: was.words(), now: now.words() })
    };
    planned.iter().filter_map(changed).collect()
}
