//! Errors as the window shows them.

use serde::{Deserialize, Serialize};
use slipway_engine::allowance as engine;
use slipway_engine::failure::Code;
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
    /// What a person would have to allow before it can work.
    pub asks: Option<Box<Allowance>>,
}

/// What was refused and may be allowed: exactly this, from then on.
#[derive(Debug, Clone, Serialize, Deserialize, Type)]
#[serde(tag = "allow", rename_all = "kebab-case")]
pub(crate) enum Allowance {
    /// The secrets of a site go to this site file and source, and no longer to those that they were made for.
    Secrets {
        /// The site.
        site: String,
        /// Canonical path of the site file.
        file: String,
        /// What the site file names as its source.
        source: String,
    },
    /// A site file reads a path outside its own folder.
    Path {
        /// Canonical path of the site file.
        file: String,
        /// Canonical path of what it reads.
        path: String,
    },
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
            asks: failure.asks.map(|allowance| Box::new(Allowance::from(*allowance))),
        }
    }
}

impl From<engine::Allowance> for Allowance {
    fn from(allowance: engine::Allowance) -> Self {
        match allowance {
            engine::Allowance::Secrets { site, file, source } => Self::Secrets { site: site.to_string(), file, source },
            engine::Allowance::Path { file, path } => Self::Path { file, path },
        }
    }
}

impl TryFrom<Allowance> for engine::Allowance {
    type Error = Failure;
    fn try_from(allowance: Allowance) -> Result<Self, Failure> {
        Ok(match allowance {
            Allowance::Secrets { site, file, source } => {
                let wrong = |why: String| slipway_engine::failure::Failure::new(Code::Usage, why);
                Self::Secrets { site: site.parse().map_err(wrong)?, file, source }
            }
            Allowance::Path { file, path } => Self::Path { file, path },
        })
    }
}
