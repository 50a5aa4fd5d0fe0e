//! What only the person at this computer can allow, as data that a terminal or a window can ask for.

use serde::Serialize;
use slipway_core::site::Name;

/// One thing that was refused and may be allowed. Allowing it allows exactly this, and is remembered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "allow", rename_all = "kebab-case")]
pub enum Allowance {
    /// The secrets of a site go to this site file and source, and no longer to those that they were made for.
    Secrets {
        /// The site.
        site: Name,
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
