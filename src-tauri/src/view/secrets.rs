//! Secrets of a site: never their values.

use serde::{Deserialize, Serialize};
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
