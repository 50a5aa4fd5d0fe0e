//! Files of the application that age away: those of a shared directory that nobody has touched for longer than the site file
//! says are removed by systemd's own daily clean-up (tmpfiles.d(5), systemd-tmpfiles-clean.timer).

use serde::{Deserialize, Serialize};

use super::difference::{Difference, Removal};
use super::directory::Directory;
use super::file::{FileContent, FileWrite, removed};
use super::review::{Heading, Risk, Verb};
use super::{Context, Id, Kind, NoPayload, Payloads, Recorded, Scope, Work};
use crate::command::Command;
use crate::diff::{FileChange, FileDiff, FileKind};
use crate::digest::Digest;
use crate::encode::systemd::word;
use crate::facts::paths::{PathState, Watch};
use crate::notice::{Notices, Severity};
use crate::release::Layout;
use crate::seen::{Questions, describe};
use crate::site::Site;

/// The rules of one site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ageing {
    /// The file with the rules.
    pub path: String,
    /// Directories, and seconds that their files may go untouched.
    pub rules: Vec<(String, u64)>,
}

/// What is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgeingRecord {
    /// Of the rules as they were written.
    pub digest: Digest,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "does", rename_all = "kebab-case")]
pub enum AgeingChange {
    /// Writes the rules.
    Write {
        /// The file.
        file: FileWrite,
    },
    /// Removes them.
    Remove {
        /// The file's path.
        path: String,
    },
}

impl Ageing {
    /// A line for each directory. `d` takes a path as it is, without patterns, and changes nothing of a directory that is there.
    fn text(&self) -> String {
        // A path that cannot be written down has no rule; `put` says so.
        let line = |(path, seconds): &(String, u64)| Some(format!("d {} - - - {seconds}s\n", word(path).ok()?));
        let rules: String = self.rules.iter().filter_map(line).collect();
        format!(
            "# Managed by Slipway. Changes made here are reported as drift and replaced; edit slipway.toml.\n{rules}"
        )
    }
}

impl Kind for Ageing {
    const NAME: &'static str = "ageing";
    type Record = AgeingRecord;
    type Change = AgeingChange;

    fn of_site(site: &Site) -> Vec<Self> {
        let layout = Layout::new(&site.name);
        let rules: Vec<(String, u64)> = site
            .shared
            .iter()
            .filter_map(|(path, shared)| Some((format!("{}/{path}", layout.shared()), shared.keep.as_ref()?.seconds())))
            .collect();
        let path = format!("/etc/tmpfiles.d/slipway-{}.conf", site.name);
        if rules.is_empty() { Vec::new() } else { vec![Self { path, rules }] }
    }

    fn name(&self) -> String {
        self.path.clone()
    }

    fn scope(&self) -> Scope {
        Scope::Site
    }

    fn needs(&self) -> Vec<Id> {
        self.rules.iter().map(|(path, _)| Directory::id_of(path)).collect()
    }

    fn record(&self) -> AgeingRecord {
        AgeingRecord { digest: Digest::of(self.text().as_bytes()) }
    }

    fn paths_of(name: &str, _record: &AgeingRecord) -> Vec<String> {
        vec![name.to_owned()]
    }

    fn ask(&self, _recorded: Recorded<'_, AgeingRecord>, questions: &mut Questions) {
        let desired = Some(self.record().digest);
        questions.watch(Watch { path: self.path.clone(), desired, content: true });
    }

    fn ask_of(name: &str, _recorded: Recorded<'_, AgeingRecord>, questions: &mut Questions) {
        questions.watch(Watch { path: name.to_owned(), desired: None, content: true });
    }

    fn put(
        &self,
        recorded: Recorded<'_, AgeingRecord>,
        context: &Context<'_>,
        notices: &mut Notices,
    ) -> Option<Difference<AgeingChange>> {
        if let Some((path, _)) = self.rules.iter().find(|(path, _)| word(path).is_err()) {
            notices.block(
                format!("files of {path} cannot age away: its name has characters that tmpfiles.d cannot hold"),
                "rename the shared directory",
            );
        }
        let wanted = self.record().digest;
        let (old, expected) = match context.seen.path(&self.path) {
            PathState::Absent => (None, None),
            PathState::File { digest, mode: 0o644, .. } if *digest == wanted => return None,
            PathState::File { digest, content, .. } => {
                let text = content.as_ref().map(|bytes| String::from_utf8_lossy(&bytes.0).into_owned());
                (text.or_else(|| (*digest == wanted).then(|| self.text())), Some(digest.clone()))
            }
            PathState::Failed { .. } => return None,
            other @ (PathState::Directory { .. } | PathState::Symlink { .. } | PathState::Other { .. }) => {
                notices.block(format!("{} is {} where a file is needed", self.path, describe(other)), "move it away");
                return None;
            }
        };
        let ours = |digest: &Digest| *digest == wanted || recorded.all().any(|record| record.digest == *digest);
        let drift = expected.as_ref().is_some_and(|digest| !ours(digest));
        let file = FileWrite {
            path: self.path.clone(),
            mode: 0o644,
            owner: "root".to_owned(),
            group: "root".to_owned(),
            content: FileContent::Text { text: self.text() },
            effects: Vec::new(),
            expected: expected.clone(),
            keep: drift.then(|| context.kept_in.clone()),
            stage: None,
        };
        let verb = if expected.is_some() { Verb::Change } else { Verb::Create };
        let directories: Vec<&str> = self.rules.iter().map(|(path, _)| path.as_str()).collect();
        let title = format!("Let old files of {} age away", directories.join(", "));
        let reason = match (drift, recorded.there.is_some()) {
            (true, _) => "it was changed on the host by hand, or a file that Slipway did not write is in its place",
            (false, true) if expected.is_none() => "it was removed from the host by hand",
            (false, _) => "systemd removes every day what nobody has touched for as long as the site file says",
        };
        let change = AgeingChange::Write { file };
        let id = Self::id_of(&self.path);
        let mut difference = Difference::new(id, Heading::Directories, verb, title, reason, change);
        difference.risk = Risk::Data;
        difference.diff = Some(FileDiff {
            path: self.path.clone(),
            old,
            new: Some(self.text()),
            attributes: Vec::new(),
            hidden: None,
        });
        difference.drift = drift;
        Some(difference)
    }

    fn remove(
        name: &str,
        recorded: Recorded<'_, AgeingRecord>,
        context: &Context<'_>,
        notices: &mut Notices,
    ) -> Removal<AgeingChange> {
        let digest = match context.seen.path(name) {
            PathState::File { digest, .. } => digest,
            PathState::Failed { .. } => return Removal::Stays,
            PathState::Absent | PathState::Directory { .. } | PathState::Symlink { .. } | PathState::Other { .. } => {
                return Removal::Gone;
            }
        };
        if !recorded.all().any(|record| record.digest == *digest) {
            let text = format!("{name} was changed on the host by hand, and stays");
            notices.add(Severity::Warning, text, Some("remove it if nobody needs it"));
            return Removal::Gone;
        }
        let change = AgeingChange::Remove { path: name.to_owned() };
        let title = format!("Remove {name}");
        let reason = "files of the site no longer age away";
        Removal::Change(Box::new(Difference::new(
            Self::id_of(name),
            Heading::Configuration,
            Verb::Remove,
            title,
            reason,
            change,
        )))
    }

    fn work(change: &AgeingChange, payloads: &Payloads) -> Result<Work, NoPayload> {
        Ok(Work::Commands(vec![match change {
            AgeingChange::Write { file } => file.command(payloads)?,
            AgeingChange::Remove { path } => Command::new(["rm", "-f", "--", path]),
        }]))
    }

    fn about(change: &AgeingChange) -> Vec<String> {
        match change {
            AgeingChange::Write { file } => vec![file.ownership()],
            AgeingChange::Remove { .. } => Vec::new(),
        }
    }

    fn files(change: &AgeingChange, diff: Option<&FileDiff>) -> Vec<FileChange> {
        match change {
            AgeingChange::Write { file } => {
                let kind = if file.expected.is_some() { FileKind::Change } else { FileKind::Create };
                vec![file.shown(kind, diff)]
            }
            AgeingChange::Remove { path } => vec![removed(path, diff)],
        }
    }
}
