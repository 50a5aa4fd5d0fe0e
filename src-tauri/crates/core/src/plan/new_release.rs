//! What planning is told of the release that is to go live: one that is made, or an earlier one.

use crate::activation::{Guard, Instance};
use crate::digest::Digest;
use crate::plan::parcel::Parcel;
use crate::release::{ReleaseId, ReleaseRecord};
use crate::resource::file::{File, FileWrite};

/// Where a new release's code comes from, as far as planning needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Sent from this computer.
    Upload {
        /// Digest of the tree.
        tree: Digest,
        /// Files.
        files: u64,
        /// Bytes, uncompressed.
        bytes: u64,
        /// What a person reviews of it.
        parcel: Parcel,
    },
    /// A commit in the site's mirror on the host.
    Commit(String),
    /// The code of a release that is there.
    Release(ReleaseId),
}

/// A release to be made.
#[derive(Debug, Clone)]
pub struct NewRelease {
    /// What will be recorded in it; `config` and `environment` are filled in by planning.
    pub record: ReleaseRecord,
    /// Where its code comes from.
    pub origin: Origin,
    /// Digest of its lock state: the files that say which packages it needs.
    pub lock: Digest,
    /// Requirement files that its code has, relative to it.
    pub requirements: Vec<String>,
    /// Gate unit files, rendered for this release and the port that [`gate_port`] gives: name and text.
    pub gate: Vec<FileWrite>,
    /// Rules that keep the ports of this release and of the live one from the network, where some must be.
    pub guard: Option<Guard>,
}

/// A release to go back to, with the configuration that it carries.
#[derive(Debug, Clone)]
pub struct Target {
    /// Its id.
    pub release: ReleaseId,
    /// Files that it carries. Their texts are not known here.
    pub files: Vec<File>,
    /// Its instances.
    pub instances: Vec<Instance>,
    /// As for a new release.
    pub guard: Option<Guard>,
}
