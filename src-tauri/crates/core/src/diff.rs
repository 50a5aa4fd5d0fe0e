//! How a file changes, for reading.

use serde::{Deserialize, Serialize};
use similar::TextDiff;

/// How one file changes. Texts are what a person may see: secrets are masked before they get here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileDiff {
    /// Path on the host.
    pub path: String,
    /// Before; none: the file is new, or its old text is not known.
    pub old: Option<String>,
    /// After; none: the file is removed.
    pub new: Option<String>,
    /// What changes beside the text, for example `mode 0644 → 0600`.
    #[serde(default)]
    pub attributes: Vec<String>,
    /// Why the old text is not shown, when it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidden: Option<String>,
}

impl FileDiff {
    /// Unified diff with three lines of context; empty when only attributes change.
    pub fn unified(&self) -> String {
        let old = self.old.as_deref().unwrap_or_default();
        let new = self.new.as_deref().unwrap_or_default();
        if old == new {
            return String::new();
        }
        let from = if self.old.is_some() { self.path.as_str() } else { "/dev/null" };
        let to = if self.new.is_some() { self.path.as_str() } else { "/dev/null" };
        TextDiff::from_lines(old, new).unified_diff().context_radius(3).header(from, to).to_string()
    }

    /// Added and removed lines.
    pub fn counts(&self) -> (usize, usize) {
        let old = self.old.as_deref().unwrap_or_default();
        let new = self.new.as_deref().unwrap_or_default();
        TextDiff::from_lines(old, new).iter_all_changes().fold((0, 0), |(added, removed), change| match change.tag() {
            similar::ChangeTag::Insert => (added + 1, removed),
            similar::ChangeTag::Delete => (added, removed + 1),
            similar::ChangeTag::Equal => (added, removed),
        })
    }
}

/// What becomes of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
#[serde(rename_all = "kebab-case")]
pub enum FileKind {
    /// It is new.
    Create,
    /// It was there and changes.
    Change,
    /// It goes.
    Remove,
    /// It stays as it is, and is kept with the release.
    Same,
}

/// How one file changes, with everything that a review shows of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct FileChange {
    /// Path on the host.
    pub path: String,
    /// What becomes of it.
    pub kind: FileKind,
    /// Octal mode that it gets: `0644`.
    pub mode: Option<String>,
    /// Owner that it gets.
    pub owner: Option<String>,
    /// Group that it gets.
    pub group: Option<String>,
    /// Whether it holds secrets; every one of them is masked below.
    pub secret: bool,
    /// Text before, when there was one and it may be shown.
    pub old: Option<String>,
    /// Text after.
    pub new: Option<String>,
    /// What changes beside the text: `0644 root:root → 0600 root:root`.
    pub attributes: Vec<String>,
    /// Why the old text is not shown, when it is not.
    pub hidden: Option<String>,
    /// Unified diff; empty when the text stays.
    pub unified: String,
}
