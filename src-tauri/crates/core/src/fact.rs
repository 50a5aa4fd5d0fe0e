//! What was observed: known, absent, or failed to read. Failure is never treated as absence.

use serde::{Deserialize, Serialize};

/// One observation.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fact<T> {
    /// It is there, and this is its value.
    Known(T),
    /// It was looked for and is not there.
    Absent,
    /// Looking for it failed: why, in words for a person.
    Failed(String),
}

impl<T> Fact<T> {
    /// The value, if known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Absent | Self::Failed(_) => None,
        }
    }

    /// `Some(value)` when known, `None` when absent.
    ///
    /// # Errors
    /// The reason, when the observation failed.
    pub fn present(&self) -> Result<Option<&T>, &str> {
        match self {
            Self::Known(value) => Ok(Some(value)),
            Self::Absent => Ok(None),
            Self::Failed(why) => Err(why),
        }
    }
}
