//! Half-finished set-ups.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use slipway_core::detect;
use slipway_core::site::blueprint;
use slipway_engine::draft::{self as engine, DraftView};
use slipway_engine::source::look::SourceLocation;
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
    /// What the source is, in a word or two.
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
        let title = match size.name {
            "small" => "Small: a team",
            "medium" => "Medium: a department",
            _ => "Large: several hosts",
        };
        let (name, description) = (size.name.to_owned(), size.summary.clone());
        Self { name, title: title.to_owned(), description, available: size.supported }
    }
}

impl From<Edit> for engine::Edit {
    fn from(edit: Edit) -> Self {
        Self { path: edit.path, value: Some(edit.value).filter(|value| !value.is_null()) }
    }
}

impl From<SourcePlace> for SourceLocation {
    fn from(place: SourcePlace) -> Self {
        match place {
            SourcePlace::Folder { path } => Self::Folder(path.into()),
            SourcePlace::Git { url, reference } => Self::Git { url, reference },
        }
    }
}

impl Detected {
    /// What was found at `source`.
    fn of(source: String, found: &detect::Detected) -> Self {
        let candidate = |candidate: &detect::Candidate| {
            let blueprint = candidate.blueprint.clone()?;
            Some(Candidate { blueprint, title: candidate.name.clone(), reasons: candidate.reasons.clone() })
        };
        let finding = |finding: &detect::Finding| {
            format!("{}: {} ({})", finding.label, finding.value, finding.reasons.join("; "))
        };
        let mut findings: Vec<String> = found.findings.iter().map(finding).collect();
        if found.partial {
            findings.push(format!("The source is large: the first {} files were looked at.", found.files));
        }
        Self { source, candidates: found.candidates.iter().filter_map(candidate).collect(), findings }
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
            detected: view.draft.detected.as_ref().map(|found| Detected::of(source(&view.values), found)),
            diagnostics: view.diagnostics.iter().map(Diagnostic::from).collect(),
            text: view.draft.text,
            values: view.values,
            secrets,
        }
    }
}

/// Where the source is, from the values of the site file.
fn source(values: &Value) -> String {
    let of = |key: &str| values.get("source").and_then(|source| source.get(key)?.as_str());
    of("git").or_else(|| of("folder")).or_else(|| of("archive")).unwrap_or_default().to_owned()
}
