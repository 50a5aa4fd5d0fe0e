//! Which systems a host can run.

use std::fmt;
use std::str::FromStr;

use super::error::HostError;

/// A system that a test host can boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Distribution {
    /// Debian 11 (bullseye).
    Debian11,
    /// Debian 12 (bookworm).
    Debian12,
    /// Debian 13 (trixie).
    Debian13,
    /// A stand-in for RHEL 9: Debian 12 with dnf, RPMs, firewalld and the paths of AlmaLinux 9. It is not Red
    /// Hat's build of anything.
    El9Like,
}

impl Distribution {
    /// Every distribution, in the order in which they are baked.
    pub const ALL: [Self; 4] = [Self::Debian12, Self::El9Like, Self::Debian11, Self::Debian13];

    /// The name used on the command line and in the cache.
    pub fn name(self) -> &'static str {
        match self {
            Self::Debian11 => "debian11",
            Self::Debian12 => "debian12",
            Self::Debian13 => "debian13",
            Self::El9Like => "el9-like",
        }
    }

    /// The Debian suite whose packages the tree is made of.
    pub(crate) fn suite(self) -> &'static str {
        match self {
            Self::Debian11 => "bullseye",
            Self::Debian12 | Self::El9Like => "bookworm",
            Self::Debian13 => "trixie",
        }
    }
}

impl fmt::Display for Distribution {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

impl FromStr for Distribution {
    type Err = HostError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|known| known.name() == text).ok_or_else(|| {
            let known: Vec<_> = Self::ALL.iter().map(|known| known.name()).collect();
            HostError::Other(format!("unknown distribution {text}; known are {}", known.join(", ")))
        })
    }
}
