//! Releases of a site, what they came from, and what lies between two of them.

use serde::Serialize;
use slipway_core::diff::FileChange;
use slipway_core::release::{LedgerEvent, ReleaseRecord};
use slipway_core::site::Site;
use slipway_engine::{compare, refs, watch};
use specta::Type;
use specta_typescript::Number;

use super::ms;

/// A release.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct Release {
    /// Its id.
    pub id: String,
    /// When it was made.
    #[specta(type = Option<Number>)]
    pub created_ms: Option<i64>,
    /// Branch, tag or folder.
    pub reference: Option<String>,
    /// Commit.
    pub commit: Option<String>,
    /// First line of the commit's message.
    pub subject: Option<String>,
    /// Repository or folder.
    pub source: Option<String>,
    /// Who made it.
    pub author: Option<String>,
    /// Whether it is the active one.
    pub active: bool,
    /// Whether it has served well.
    pub known_good: bool,
    /// What became of it, in words.
    pub verdict: String,
    /// Bytes of its own files.
    #[specta(type = Option<Number>)]
    pub bytes: Option<u64>,
    /// Whether only the configuration differs from the release before.
    pub configuration_only: bool,
}

/// What can be deployed.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct Refs {
    /// Where the source is, in words.
    pub source: String,
    /// Whether there are branches and tags to choose from.
    pub git: bool,
    /// What the site file says.
    pub default_reference: Option<String>,
    /// Branches, newest first.
    pub branches: Vec<Ref>,
    /// Tags, newest first.
    pub tags: Vec<Ref>,
}

/// A branch or tag.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct Ref {
    /// Its name.
    pub name: String,
    /// Its commit.
    pub commit: String,
    /// When that was made.
    #[specta(type = Option<Number>)]
    pub at_ms: Option<i64>,
    /// Its first line.
    pub subject: Option<String>,
}

/// A commit.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct Commit {
    /// Its id.
    pub id: String,
    /// Who.
    pub author: String,
    /// When.
    #[specta(type = Option<Number>)]
    pub at_ms: Option<i64>,
    /// First line.
    pub subject: String,
}

/// What a deployment of a reference would bring.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct Incoming {
    /// Commits that are not in the running release, newest first.
    pub commits: Vec<Commit>,
    /// Whether there are more than are listed.
    pub more: bool,
    /// What cannot be told, in words.
    pub note: Option<String>,
}

/// How two releases differ.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct Comparison {
    /// Commits between them.
    pub commits: Vec<Commit>,
    /// Why there are none, when that is not because nothing lies between.
    pub note: Option<String>,
    /// Files of the code that differ.
    pub code: Vec<CodeChange>,
    /// Whether more differ than are listed.
    pub more: bool,
    /// Configuration files that differ.
    pub configuration: Vec<FileChange>,
}

/// A file of the code that differs.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct CodeChange {
    /// Its path in the release.
    pub path: String,
    /// `added`, `removed`, `changed`.
    pub change: String,
}

impl Release {
    pub(super) fn recorded(record: &ReleaseRecord, active: bool) -> Self {
        Self {
            id: record.id.to_string(),
            created_ms: ms(&record.created),
            reference: record.reference.clone(),
            commit: record.commit.clone(),
            subject: record.subject.clone(),
            source: Some(record.source.clone()),
            author: Some(record.author.clone()),
            active,
            known_good: false,
            verdict: String::new(),
            bytes: None,
            configuration_only: record.code_of.is_some(),
        }
    }
}

impl From<&watch::KnownRelease> for Release {
    fn from(known: &watch::KnownRelease) -> Self {
        let state = known.state.as_ref();
        let verdict = match state.map(|state| (state.last, state.known_good)) {
            None => "never activated",
            Some((LedgerEvent::Begin | LedgerEvent::Back, _)) => "did not come to its end",
            Some((LedgerEvent::Good | LedgerEvent::Restored, _)) => "known good",
            Some((LedgerEvent::Failed, true)) => "failed the last time, good before",
            Some((LedgerEvent::Failed, false)) => "failed",
            Some((LedgerEvent::Removed, _)) => "removed",
        };
        let record = known.record.as_ref().map(|record| Self::recorded(record, known.active));
        let unknown = || Self {
            id: known.id.to_string(),
            created_ms: None,
            reference: None,
            commit: None,
            subject: None,
            source: None,
            author: None,
            active: known.active,
            known_good: false,
            verdict: String::new(),
            bytes: None,
            configuration_only: false,
        };
        Self {
            known_good: state.is_some_and(|state| state.known_good),
            verdict: verdict.to_owned(),
            bytes: known.bytes,
            ..record.unwrap_or_else(unknown)
        }
    }
}

fn reference(found: refs::Ref) -> Ref {
    let at_ms = found.date.as_deref().and_then(ms);
    Ref { name: found.name, commit: found.commit, at_ms, subject: Some(found.subject) }
}

fn commit(found: refs::Commit) -> Commit {
    Commit { at_ms: ms(&found.date), id: found.id, author: found.author, subject: found.subject }
}

impl Refs {
    /// A repository.
    pub(crate) fn of(site: &Site, found: refs::Refs) -> Self {
        Self {
            source: site.source.git.as_ref().map(ToString::to_string).unwrap_or_default(),
            git: true,
            default_reference: site.source.reference.as_ref().map(ToString::to_string).or(found.default),
            branches: found.branches.into_iter().map(reference).collect(),
            tags: found.tags.into_iter().map(reference).collect(),
        }
    }

    /// A folder or archive on this computer: there is nothing to choose.
    pub(crate) fn without_git(site: &Site) -> Self {
        let place = site.source.folder.as_ref().or(site.source.archive.as_ref());
        Self {
            source: place.map(ToString::to_string).unwrap_or_default(),
            git: false,
            default_reference: None,
            branches: Vec::new(),
            tags: Vec::new(),
        }
    }
}

impl Incoming {
    /// Commits that a deployment brings.
    pub(crate) fn of(deployed: bool, found: refs::Commits) -> Self {
        let note = if !deployed {
            Some("No release from this repository runs yet; these are its newest commits.".to_owned())
        } else if !found.known {
            Some(
                "The running release's commit is not in the repository any more; these are its newest commits."
                    .to_owned(),
            )
        } else if found.leaving > 0 {
            Some(format!("{} commits of the running release are not part of it and go.", found.leaving))
        } else {
            None
        };
        let more = found.total > u64::try_from(found.commits.len()).unwrap_or(u64::MAX);
        Self { commits: found.commits.into_iter().map(commit).collect(), more, note }
    }

    /// From a folder or archive.
    pub(crate) fn without_git() -> Self {
        let note = "The code comes from this computer, so there are no commits to list.".to_owned();
        Self { commits: Vec::new(), more: false, note: Some(note) }
    }
}

impl From<compare::Comparison> for Comparison {
    fn from(found: compare::Comparison) -> Self {
        let commits = found.commits.map(|commits| commits.commits).unwrap_or_default();
        let note = found.no_commits;
        Self {
            commits: commits.into_iter().map(commit).collect(),
            note,
            code: found
                .code
                .into_iter()
                .map(|change| CodeChange { path: change.path, change: super::word(change.change) })
                .collect(),
            more: found.more,
            configuration: found.configuration,
        }
    }
}
