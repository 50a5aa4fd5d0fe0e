//! Errors as people and programs read them: a stable code, what happened, why, and what to do next.

use serde::Serialize;
use slipway_core::plan::Moved;

use crate::allowance::Allowance;
use crate::need::Need;

/// What went wrong. Nothing in it is secret; remote text in it is shown as text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// Stable, for programs and exit statuses.
    pub code: Code,
    /// What happened, on which host, and what was and was not changed.
    pub message: String,
    /// Why, outermost first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<String>,
    /// What to do next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// What a person has to say before it can work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub needs: Option<Box<Need>>,
    /// What a person would have to allow before it can work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asks: Option<Box<Allowance>>,
    /// What changed on the host since the plan was made, all of it: the causes name the first few.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub moved: Vec<Moved>,
}

/// Kinds of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// The request itself makes no sense.
    Usage,
    /// The site file has mistakes.
    BadSiteFile,
    /// A secret is missing, or the keyring cannot be used.
    Secrets,
    /// The host could not be reached or the link was lost.
    Unreachable,
    /// The host's key is not the one that is known, or was not accepted.
    HostKey,
    /// Login or sudo was refused.
    Refused,
    /// Somebody else holds the host lock.
    Locked,
    /// The host has changed since the plan was made.
    Stale,
    /// The plan would replace something that was changed by hand.
    Drift,
    /// The plan cannot be applied: a precondition is not met.
    Blocked,
    /// A site's secrets would go to another site file or source, or something outside its folder would be read, and nobody
    /// has allowed that.
    Consent,
    /// Something on the host did not work; the old state is intact.
    Host,
    /// Local files or the database could not be used.
    Local,
}

impl Failure {
    /// A failure with no causes and no hint.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            causes: Vec::new(),
            hint: None,
            needs: None,
            asks: None,
            moved: Vec::new(),
        }
    }

    /// Adds what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds what a person would have to allow.
    #[must_use]
    pub fn asks(mut self, allowance: Allowance) -> Self {
        self.asks = Some(Box::new(allowance));
        self
    }

    /// Adds a cause.
    #[must_use]
    pub fn because(mut self, cause: impl Into<String>) -> Self {
        self.causes.push(cause.into());
        self
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// The result of everything in this crate that a person asked for.
pub type Outcome<T> = Result<T, Failure>;
