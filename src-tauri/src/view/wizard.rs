//! Half-finished set-ups.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use slipway_core::detect;
use slipway_core::site::blueprint;
use slipway_engine::draft::{self as engine, DraftView};
use slipway_engine::source::look::Place;
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
    /// What it may be, the likeliest first.
    pub candidates: Vec<Candidate>,
    /// What the site file should say, for the likeliest.
    pub findings: Vec<Finding>,
    /// Files that were listed.
    pub files: u32,
    /// Whether there are more than were looked at.
    pub partial: bool,
}

/// What a source may be.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct Candidate {
    /// In a word or two.
    pub name: String,
    /// Blueprint that fits.
    pub blueprint: Option<String>,
    /// Why.
    pub reasons: Vec<String>,
}

/// Something that was found.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct Finding {
    /// What.
    pub label: String,
    /// Its value.
    pub value: String,
    /// Where, with file and line.
    pub reasons: Vec<String>,
}

/// A size of installation.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct SizeProfile {
    /// `small`, `medium`, `large`.
    pub name: String,
    /// What it is and sets.
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

impl From<&blueprint::Blueprint> for Blueprint {
    fn from(known: &blueprint::Blueprint) -> Self {
        Self { name: known.name.to_owned(), title: known.name.to_owned(), description: known.summary.to_owned() }
    }
}

impl From<&engine::SizeProfile> for SizeProfile {
    fn from(size: &engine::SizeProfile) -> Self {
        Self { name: size.name.to_owned(), description: size.summary.clone(), available: size.supported }
    }
}

impl From<Edit> for engine::Edit {
    fn from(edit: Edit) -> Self {
        Self { path: edit.path, value: Some(edit.value).filter(|value| !value.is_null()) }
    }
}

impl From<SourcePlace> for Place {
    fn from(place: SourcePlace) -> Self {
        match place {
            SourcePlace::Folder { path } => Self::Folder(path.into()),
            SourcePlace::Git { url, reference } => Self::Git { url, reference },
        }
    }
}

impl From<&detect::Detected> for Detected {
    fn from(found: &detect::Detected) -> Self {
        let candidate = |candidate: &detect::Candidate| Candidate {
            name: candidate.name.clone(),
            blueprint: candidate.blueprint.clone(),
            reasons: candidate.reasons.clone(),
        };
        let finding = |finding: &detect::Finding| Finding {
            label: finding.label.clone(),
            value: finding.value.clone(),
            reasons: finding.reasons.clone(),
        };
        Self {
            candidates: found.candidates.iter().map(candidate).collect(),
            findings: found.findings.iter().map(finding).collect(),
            files: u32::try_from(found.files).unwrap_or(u32::MAX),
            partial: found.partial,
        }
    }
}

impl From<&DraftView> for DraftCard {
    fn from(view: &DraftView) -> Self {
        let draft = &view.draft;
        Self {
            id: draft.id.as_str().to_owned(),
            site: view.values.get("name").and_then(|name| name.as_str()).map(str::to_owned),
            host: draft.host.as_ref().map(ToString::to_string),
            step: draft.step.clone(),
            updated_ms: draft.updated_at.as_millisecond(),
        }
    }
}

impl Draft {
    /// A draft with its secrets.
    pub(crate) fn of(view: DraftView, secrets: Vec<SecretRow>) -> Self {
        Self {
            card: DraftCard::from(&view),
            detected: view.draft.detected.as_ref().map(Detected::from),
            diagnostics: view.diagnostics.iter().map(Diagnostic::from).collect(),
            text: view.draft.text,
            values: view.values,
            secrets,
        }
    }
}
