//! The number by which a run is named, in the history and in errors of the database.

use serde::{Deserialize, Serialize};

/// Number of a run on this desktop, in the order of their beginnings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(pub(crate) i64);

impl RunId {
    /// The number, positive.
    pub fn number(self) -> i64 {
        self.0
    }
}

impl From<u32> for RunId {
    fn from(number: u32) -> Self {
        Self(number.into())
    }
}

impl std::fmt::Display for RunId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::str::FromStr for RunId {
    type Err = std::num::ParseIntError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}
