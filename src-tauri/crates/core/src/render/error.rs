//! Errors of rendering, collected so that a person sees all of them at once.

use std::sync::{Arc, Mutex, PoisonError};

use crate::encode::CannotEncode;

/// Where an error comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A field of the site file, for example `route[2].headers.X-Frame-Options`.
    Field(String),
    /// A template, by name, and the line when it is known.
    Template {
        /// Its name, for example `nginx/site.conf`.
        name: String,
        /// Line, from 1.
        line: Option<usize>,
    },
    /// A value that the caller passes in.
    Input(&'static str),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Field(field) => write!(f, "{field}"),
            Self::Template { name, line: Some(line) } => write!(f, "template {name}, line {line}"),
            Self::Template { name, line: None } => write!(f, "template {name}"),
            Self::Input(what) => write!(f, "{what}"),
        }
    }
}

/// Why a file could not be rendered. Never holds a value of the site, so no secret either.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("{place}: {why}")]
pub struct RenderError {
    /// Where.
    pub place: Place,
    /// Why, for a person.
    pub why: String,
}

/// Collects errors from everywhere, template filters included.
#[derive(Debug, Clone, Default)]
pub(super) struct Errors(Arc<Mutex<Vec<RenderError>>>);

impl Errors {
    pub(super) fn push(&self, place: Place, why: impl Into<String>) {
        let error = RenderError { place, why: why.into() };
        let mut list = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !list.contains(&error) {
            list.push(error);
        }
    }

    pub(super) fn field(&self, field: impl Into<String>, why: impl Into<String>) {
        self.push(Place::Field(field.into()), why);
    }

    /// The value, or nothing after noting the error under `field`.
    pub(super) fn note<T>(&self, field: &str, result: Result<T, CannotEncode>) -> Option<T> {
        result.map_err(|error| self.field(field, error.to_string())).ok()
    }

    /// `value` when there were no errors.
    pub(super) fn finish<T>(&self, value: T) -> Result<T, Vec<RenderError>> {
        let list = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        if list.is_empty() { Ok(value) } else { Err(list) }
    }
}
