//! Secrets of a site: never their values.

use serde::{Deserialize, Serialize};
use slipway_core::secret::Secret;
use slipway_engine::desk::secrets::NewValue;
use slipway_engine::failure::{Code, Failure, Outcome};
use slipway_engine::secrets::{self as engine, SecretName, SecretState, strength_of};
use specta::Type;
use specta_typescript::Number;

/// A secret that a site needs.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct SecretRow {
    /// Its name, or the path of a secret file.
    pub name: String,
    /// Whether it is a file.
    pub file: bool,
    /// Whether it has a value in the keyring.
    pub present: bool,
    /// Whether the site file mentions it.
    pub used: bool,
    /// When that was set.
    #[specta(type = Option<Number>)]
    pub set_ms: Option<i64>,
    /// Where it is used, in words.
    pub used_in: Vec<String>,
    /// How Slipway can make one: `hex`, `base64`, `fernet`, `password`.
    pub generator: Option<String>,
    /// How strong a made one is, in words.
    pub strength: Option<String>,
    /// What else breaks when it changes.
    pub rotation_warning: Option<String>,
    /// Whether the value before is kept.
    pub has_previous: bool,
}

/// Where a new value comes from.
#[derive(Clone, Deserialize, Type)]
#[serde(tag = "from", rename_all = "kebab-case")]
pub(crate) enum SecretValue {
    /// Made here.
    Generate,
    /// Typed or pasted.
    Text { value: String },
    /// A file that the person chooses in the desktop's own dialog.
    ChosenFile,
    /// The value before the present one.
    Previous,
}

/// How strong a typed secret is.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct Strength {
    /// 0 (none) to 4 (strong).
    pub score: u8,
    /// In words.
    pub words: String,
}

impl From<engine::SecretRow> for SecretRow {
    fn from(row: engine::SecretRow) -> Self {
        let present = match row.state {
            SecretState::There | SecretState::NotUsed => true,
            SecretState::MadeAtNextPlan | SecretState::Missing => false,
        };
        Self {
            file: matches!(row.name.parse(), Ok(SecretName::File(_))),
            present,
            used: row.state != SecretState::NotUsed,
            set_ms: row.set_at.map(|at| at.as_millisecond()),
            used_in: row.uses.iter().map(engine::SecretUse::label).collect(),
            strength: row.generator.map(|generator| strength_of(generator).to_owned()),
            generator: row.generator.map(super::word),
            rotation_warning: row.rotation_warning,
            has_previous: row.has_previous,
            name: row.name,
        }
    }
}

impl SecretValue {
    /// As the engine takes it; `chosen` is the file that the person chose.
    pub(crate) fn source(self, chosen: Option<std::path::PathBuf>) -> NewValue {
        match (self, chosen) {
            (_, Some(path)) => NewValue::File(path),
            (Self::Text { value }, None) => NewValue::Typed(Secret::new(value.into_bytes())),
            (Self::Previous, None) => NewValue::Previous,
            (Self::Generate | Self::ChosenFile, None) => NewValue::Made,
        }
    }
}

impl From<engine::Strength> for Strength {
    fn from(strength: engine::Strength) -> Self {
        Self { score: strength.score, words: strength.words.to_owned() }
    }
}

/// A secret's name as the window gave it.
pub(crate) fn name_of(text: &str) -> Outcome<SecretName> {
    text.parse().map_err(|error| Failure::new(Code::Usage, format!("{text:?} is not the name of a secret: {error}")))
}
