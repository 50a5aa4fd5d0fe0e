//! Half-finished set-ups.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use specta::Type;
use specta_typescript::{Number, Unknown};

use super::secrets::SecretRow;
use super::sites::Diagnostic;

/// A ready-made site file.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct Blueprint {
    /// Its name.
    pub name: String,
    /// In a few words.
    pub title: String,
    /// For which kind of application.
    pub description: String,
}

/// A draft in a list.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct DraftCard {
    /// Its id.
    pub id: String,
    /// Name of the site, as far as given.
    pub site: Option<String>,
    /// Its host.
    pub host: Option<String>,
    /// Question that it stands at.
    pub step: String,
    /// When it was last changed.
    #[specta(type = Number)]
    pub updated_ms: i64,
}

/// A draft. Its truth is the text; answers are edits of it.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct Draft {
    /// As in the list.
    pub card: DraftCard,
    /// The site file so far.
    pub text: String,
    /// The text's values; null where it cannot be read.
    #[specta(type = Unknown)]
    pub values: Value,
    /// What is wrong or still missing.
    pub diagnostics: Vec<Diagnostic>,
    /// Secrets that it needs; empty while the file has mistakes.
    pub secrets: Vec<SecretRow>,
    /// What was found in the source.
    pub detected: Option<Detected>,
}

/// One answer: a key of the site file and its value; null removes it.
#[derive(Debug, Clone, Deserialize, Type)]
pub(crate) struct Edit {
    /// Keys from the outside in: `["process", "web", "instances"]`; positions in lists as digits.
    pub path: Vec<String>,
    /// The value.
    #[specta(type = Unknown)]
    pub value: Value,
}

/// What was found in a source.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct Detected {
    /// Where it was looked, in words.
    pub source: String,
    /// Fitting blueprints, best first.
    pub candidates: Vec<Candidate>,
    /// What was seen, with file and line.
    pub findings: Vec<String>,
}

/// A blueprint that fits.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct Candidate {
    /// Its name.
    pub blueprint: String,
    /// In a few words.
    pub title: String,
    /// Why.
    pub reasons: Vec<String>,
}

/// A size of installation.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct SizeProfile {
    /// `small`, `medium`, `large`.
    pub name: String,
    /// For how many people, in words.
    pub title: String,
    /// What it sets.
    pub description: String,
    /// Whether it can be chosen.
    pub available: bool,
}

/// What a person can choose in the desktop's own dialog.
#[derive(Debug, Clone, Copy, Deserialize, Type)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Choose {
    Folder,
    Archive,
    KeyFile,
    Certificate,
}

/// Where to look for what a source is.
#[derive(Debug, Clone, Deserialize, Type)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(crate) enum SourcePlace {
    /// A folder on this computer.
    Folder { path: String },
    /// A git repository.
    Git { url: String, reference: Option<String> },
}
