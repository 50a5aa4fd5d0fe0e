//! What is recorded of a resource: what Slipway brought, and what a run that may not have ended was about to do.

use serde::{Deserialize, Serialize};

use super::{Effect, Id, Kind, Record};

/// A resource that Slipway owns, or was about to bring or to take away.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Owned {
    /// As it was left when it was last confirmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub there: Option<Record>,
    /// As a run that did not confirm it wanted it to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intended: Option<Record>,
    /// Whether a run that did not confirm it was about to take it away.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub leaving: bool,
    /// What must go after it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<Id>,
    /// What must follow when it goes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub effects: Vec<Effect>,
}

impl Owned {
    /// What is known of it, the confirmed first.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.there.iter().chain(&self.intended)
    }
}

/// Finds the record of a kind among those of all.
pub trait Picked: Kind {
    /// The record, when it is of this kind.
    fn pick(record: &Record) -> Option<&Self::Record>;
}

/// What is recorded of a resource, as its kind sees it.
#[derive(Debug, PartialEq)]
pub struct Recorded<'a, R> {
    /// As it was left when it was last confirmed.
    pub there: Option<&'a R>,
    /// As a run that did not confirm it wanted it to be.
    pub intended: Option<&'a R>,
}

// Derived, these would ask for the same of the record.
impl<R> Clone for Recorded<'_, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for Recorded<'_, R> {}

impl<'a, R> Recorded<'a, R> {
    /// The records of a kind; none where another kind's are.
    pub fn of<K: Picked<Record = R>>(owned: Option<&'a Owned>) -> Self {
        let pick = |record: Option<&'a Record>| record.and_then(K::pick);
        match owned {
            Some(owned) => Self { there: pick(owned.there.as_ref()), intended: pick(owned.intended.as_ref()) },
            None => Self { there: None, intended: None },
        }
    }

    /// Both records, the confirmed first.
    pub fn all(self) -> impl Iterator<Item = &'a R> {
        self.there.into_iter().chain(self.intended)
    }

    /// Whether anything is recorded.
    pub fn is_owned(self) -> bool {
        self.there.is_some() || self.intended.is_some()
    }
}
