//! What a source tree is: which blueprint fits it, and what a site file for it would say.
//!
//! Everything is a guess with its reason ("app.py:12 imports flask"), for a person to confirm. The texts are scanned
//! line by line: strings and comments of Python are told apart from code, but nothing is executed or truly parsed, so
//! an entry point that is computed is not found. The input is anybody's: it is bounded in every direction, and what is
//! beyond the bounds is not looked at.

mod edits;
mod frontend;
mod judge;
mod manifests;
mod python;
mod select;
mod server;
mod variables;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use select::{MOST_FILES, MOST_TEXT, MOST_TEXTS, is_skipped, wanted};

/// A source tree as far as it was looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    /// Paths of files relative to its top, with `/`.
    pub files: Vec<String>,
    /// Texts of those that [`wanted`] names, by path.
    pub texts: BTreeMap<String, String>,
    /// Whether it holds more than was listed.
    pub partial: bool,
}

/// A change of a site file: a key path and the value there, or `None` to remove it.
///
/// In an array of tables a segment is an index from 0, or `KEY=VALUE` for the element whose `KEY` is that text; when
/// there is none, a value adds it. An array of tables is made for a missing key that such a segment follows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Edit {
    /// Key path, for example `["process", "web", "port"]` or `["route", "path=/", "websocket"]`.
    pub path: Vec<String>,
    /// The value; tables are objects.
    pub value: Option<Value>,
}

impl Edit {
    /// Sets the value at `path`.
    pub fn set(path: &[&str], value: impl Into<Value>) -> Self {
        Self { path: path.iter().map(|segment| (*segment).to_owned()).collect(), value: Some(value.into()) }
    }

    /// Removes what is at `path`; nothing happens when there is nothing.
    pub fn remove(path: &[&str]) -> Self {
        Self { path: path.iter().map(|segment| (*segment).to_owned()).collect(), value: None }
    }
}

/// A shape that the source may have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// Name: that of a blueprint where one fits, else `flask`, `fastapi`, `django`, `node`, `spa` or `python`.
    pub name: String,
    /// The blueprint to begin with; none: an empty site file and what was found.
    pub blueprint: Option<String>,
    /// How sure, from 1 to 100.
    pub score: u8,
    /// Why, each with its file and line.
    pub reasons: Vec<String>,
}

/// One thing that was found, and what it means for the site file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// What it is about, for example `Entry point`.
    pub label: String,
    /// What was found, for example `wsgi:application`.
    pub value: String,
    /// Why, each with its file and line.
    pub reasons: Vec<String>,
    /// What it changes; empty for what a person has to decide.
    pub edits: Vec<Edit>,
}

/// What an environment variable that the code reads should become.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Use {
    /// A plain setting under `environment`.
    Setting,
    /// A secret that the operator supplies.
    Secret,
    /// A secret that Slipway can make.
    GeneratedSecret,
    /// The path of a directory that outlives releases.
    Directory,
}

/// An environment variable that the code reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variable {
    /// Name.
    pub name: String,
    /// What it should become.
    pub usage: Use,
    /// Whether the code fails without it, as far as can be seen.
    pub required: bool,
    /// What the code takes when it is not set.
    pub default: Option<String>,
    /// Where it is read.
    pub reason: String,
}

/// What was found out about a source tree.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Detected {
    /// What it may be, the likeliest first.
    pub candidates: Vec<Candidate>,
    /// What the site file should say, for the likeliest.
    pub findings: Vec<Finding>,
    /// Environment variables that the code reads, by name.
    pub variables: Vec<Variable>,
    /// Files listed.
    pub files: usize,
    /// Whether the tree holds more than was looked at.
    pub partial: bool,
}

impl Detected {
    /// All edits of all findings, in order.
    pub fn edits(&self) -> Vec<Edit> {
        self.findings.iter().flat_map(|finding| finding.edits.iter().cloned()).collect()
    }
}

/// Looks at a tree.
pub fn detect(tree: &Tree) -> Detected {
    let seen = judge::Seen::of(tree);
    let candidates = judge::candidates(&seen);
    let shape = candidates.first().map(|candidate| candidate.name.as_str());
    Detected {
        findings: edits::findings(&seen, shape),
        variables: variables::of(&seen),
        candidates,
        files: tree.files.len(),
        partial: tree.partial,
    }
}

/// Where something is: `app.py:12`.
fn at(path: &str, line: usize) -> String {
    format!("{}:{line}", shown(path))
}

/// Text from the tree, short and harmless in a sentence.
fn shown(text: &str) -> String {
    let clean: String =
        text.chars().take(120).map(|c| if crate::site::is_hostile(c) { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(120).is_some() { format!("{clean}…") } else { clean }
}

#[cfg(test)]
mod tests;
