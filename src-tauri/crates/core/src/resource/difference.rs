//! What differs between a wanted resource and what is there, and the words for a person.

use serde::{Deserialize, Serialize};

use super::{Effect, Id};
use crate::diff::FileDiff;

/// Heading under which a review shows a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum Heading {
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
    Records,
}

impl Heading {
    /// The heading's text.
    pub fn text(self) -> &'static str {
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
            Self::Records => "Records",
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

/// What a step does to what it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verb {
    /// Makes something new.
    Create,
    /// Changes something that is there.
    Change,
    /// Takes something away.
    Remove,
    /// Does something that leaves nothing behind by itself.
    Run,
}

/// How what is wanted differs from what is there: one change, and what a person should know of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference<C> {
    /// The resources that it brings or takes away.
    pub ids: Vec<Id>,
    /// Heading of a review.
    pub heading: Heading,
    /// What is done, in a few words.
    pub title: String,
    /// Why.
    pub reason: String,
    /// What people who use the site may notice.
    pub risk: Risk,
    /// What it does to the resource.
    pub verb: Verb,
    /// What exactly is done.
    pub change: C,
    /// How a file changes.
    pub diff: Option<FileDiff>,
    /// Whether it would replace something that was changed by hand on the host.
    pub drift: bool,
    /// What must follow.
    pub effects: Vec<Effect>,
    /// The effect that puts it in place: until then it only waits.
    pub waits_for: Option<Effect>,
}

impl<C> Difference<C> {
    /// A difference that has no effects, no risk and no file.
    pub fn new(id: Id, heading: Heading, verb: Verb, title: String, reason: impl Into<String>, change: C) -> Self {
        Self {
            ids: vec![id],
            heading,
            title,
            reason: reason.into(),
            risk: Risk::None,
            verb,
            change,
            diff: None,
            drift: false,
            effects: Vec::new(),
            waits_for: None,
        }
    }

    /// The same with the change as another type.
    pub fn map<D>(self, of: impl FnOnce(C) -> D) -> Difference<D> {
        Difference {
            ids: self.ids,
            heading: self.heading,
            title: self.title,
            reason: self.reason,
            risk: self.risk,
            verb: self.verb,
            change: of(self.change),
            diff: self.diff,
            drift: self.drift,
            effects: self.effects,
            waits_for: self.waits_for,
        }
    }
}

/// What becomes of a resource that Slipway owns and nobody wants any more.
#[derive(Debug, Clone, PartialEq)]
pub enum Removal<C> {
    /// It is gone already, or is not there any more as Slipway's: only the record goes.
    Gone,
    /// It stays, and so does the record.
    Stays,
    /// It is taken away.
    Change(Box<Difference<C>>),
}
