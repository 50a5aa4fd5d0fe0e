//! Packages of the distribution: which are installed, how old the lists of what is offered are, and what is offered.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::fact::Fact;

/// The package system and the packages Slipway asks about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Packages {
    /// Tools found, in `PATH`.
    pub tools: PackageTools,
    /// Installed version (`[epoch:]version-release`) by package name.
    pub installed: BTreeMap<String, Fact<String>>,
    /// When the lists of offered packages were last refreshed, seconds since 1970; absent when there are none.
    /// dnf refreshes its own, so this matters for apt only.
    pub lists_refreshed: Fact<u64>,
}

/// Which tools of a package system there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageTools {
    /// `apt-get`.
    pub apt: bool,
    /// `dpkg-query`.
    pub dpkg: bool,
    /// `dnf`.
    pub dnf: bool,
    /// `rpm`.
    pub rpm: bool,
}
