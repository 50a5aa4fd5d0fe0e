//! What a person should know before agreeing to a plan.

use serde::{Deserialize, Serialize};

/// Something to know before agreeing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct Notice {
    /// How much it matters.
    pub severity: Severity,
    /// In a sentence.
    pub text: String,
    /// What can be done about it.
    pub hint: Option<String>,
}

/// How much a notice matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Somebody may be surprised.
    Warning,
    /// The plan cannot be applied.
    Blocker,
}

/// Notices, as they are found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notices(Vec<Notice>);

impl Notices {
    /// Adds a notice.
    pub fn add(&mut self, severity: Severity, text: impl Into<String>, hint: Option<&str>) {
        let notice = Notice { severity, text: text.into(), hint: hint.map(str::to_owned) };
        if !self.0.contains(&notice) {
            self.0.push(notice);
        }
    }

    /// Adds a notice that forbids applying.
    pub fn block(&mut self, text: impl Into<String>, hint: &str) {
        self.add(Severity::Blocker, text, Some(hint));
    }

    /// Takes those of `other` over.
    pub fn extend(&mut self, other: Self) {
        for notice in other.0 {
            self.add(notice.severity, notice.text, notice.hint.as_deref());
        }
    }

    /// All of them.
    pub fn into_inner(self) -> Vec<Notice> {
        self.0
    }
}
