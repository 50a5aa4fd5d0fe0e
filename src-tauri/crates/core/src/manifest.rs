//! What Slipway owns on a host, as the host itself records it (`/var/lib/slipway/SITE/manifest.json`).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::activation::Instance;
use crate::digest::Digest;
use crate::site::Name;

/// The record of one site on one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of this record's form; 1.
    pub schema: u32,
    /// The site.
    pub site: Name,
    /// Files by path.
    pub files: BTreeMap<String, OwnedFile>,
    /// Directories that Slipway made.
    pub directories: BTreeSet<String>,
    /// Packages that Slipway installed (not those that it found).
    pub packages: BTreeSet<String>,
    /// Whether Slipway made the site's user.
    pub user: bool,
    /// Services that Slipway opened in the firewall.
    pub firewall: BTreeSet<String>,
    /// Instances that run.
    pub instances: Vec<Instance>,
    /// The self-signed certificate that Slipway made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<CertificateRecord>,
    /// URL of the site through nginx on the host itself, and curl's `--resolve` entry for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub front: Option<(String, String)>,
    /// Digests that a run which may not have finished was about to write.
    #[serde(default)]
    pub pending: BTreeMap<String, Digest>,
    /// Who changed it last.
    pub updated_by: String,
    /// When, RFC 3339, the desktop's clock.
    pub updated_at: String,
}

/// A file that Slipway wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnedFile {
    /// Of its content.
    pub digest: Digest,
    /// Octal mode.
    pub mode: u32,
    /// Owner.
    pub owner: String,
    /// Group.
    pub group: String,
    /// With secrets: its text with every secret value replaced by a keyed fingerprint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub masked: Option<String>,
}

/// A certificate that Slipway made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateRecord {
    /// Names in it.
    pub names: Vec<String>,
    /// When it expires, seconds since 1970.
    pub expires: u64,
}

impl Manifest {
    /// An empty record.
    pub fn new(site: Name) -> Self {
        Self {
            schema: 1,
            site,
            files: BTreeMap::new(),
            directories: BTreeSet::new(),
            packages: BTreeSet::new(),
            user: false,
            firewall: BTreeSet::new(),
            instances: Vec::new(),
            certificate: None,
            front: None,
            pending: BTreeMap::new(),
            updated_by: String::new(),
            updated_at: String::new(),
        }
    }

    /// Reads a record.
    ///
    /// # Errors
    /// When it is not valid JSON of this form, or of a newer form than this program knows.
    pub fn parse(text: &str) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Form {
            schema: u32,
        }
        let form: Form =
            serde_json::from_str(text).map_err(|error| format!("the manifest on the host cannot be read: {error}"))?;
        if form.schema != 1 {
            return Err(format!(
                "the manifest on the host has form {}, which a newer Slipway wrote; update this one",
                form.schema
            ));
        }
        serde_json::from_str(text).map_err(|error| format!("the manifest on the host cannot be read: {error}"))
    }

    /// Whether `digest` at `path` is Slipway's own work, finished or interrupted.
    pub fn wrote(&self, path: &str, digest: &Digest) -> bool {
        self.files.get(path).is_some_and(|file| &file.digest == digest) || self.pending.get(path) == Some(digest)
    }
}
