//! Errors as the window shows them.

use serde::Serialize;
use specta::Type;

/// What went wrong, why, and what to do next.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct Failure {
    /// Stable word: `unreachable`, `host-key`, `stale`, ….
    pub code: String,
    /// What happened, on which host, what was and was not changed.
    pub message: String,
    /// Why, outermost first.
    pub causes: Vec<String>,
    /// What to do next.
    pub hint: Option<String>,
    /// What has changed on the host since a plan was made, when that is why.
    pub moved: Vec<Moved>,
}

/// One thing that changed on a host between planning and applying.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct Moved {
    /// What.
    pub subject: String,
    /// When planned.
    pub was: String,
    /// Now.
    pub now: String,
}

/// The result of every command.
pub(crate) type Outcome<T> = Result<T, Failure>;

impl From<slipway_engine::failure::Failure> for Failure {
    fn from(failure: slipway_engine::failure::Failure) -> Self {
        let moved = |moved: slipway_core::plan::Moved| Moved { subject: moved.subject, was: moved.was, now: moved.now };
        Self {
            code: super::word(failure.code),
            message: failure.message,
            causes: failure.causes,
            hint: failure.hint,
            moved: failure.moved.into_iter().map(moved).collect(),
        }
    }
}
