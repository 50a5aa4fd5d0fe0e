//! What differs between a wanted resource and what is there, and the words for a person.

use super::review::{Heading, Risk, Verb};
use super::{Effect, Id};
use crate::diff::FileDiff;

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
