//! A file with its content, owner and mode.

use serde::{Deserialize, Serialize};

use super::difference::{Difference, Removal};
use super::review::{Heading, Risk, Verb};
use super::{Context, Effect, Id, Kind, NoPayload, Payloads, Recorded, Scope, Way, Work};
use crate::command::{Command, Stdin};
use crate::diff::{FileChange, FileDiff, FileKind};
use crate::digest::Digest;
use crate::facts::paths::{FileBytes, PathState, Watch};
use crate::notice::{Notices, Severity};
use crate::secret::Secret;
use crate::seen::{Questions, describe};

const WRITE: &str = concat!(include_str!("../onhost/files.sh"), include_str!("../onhost/write_file.sh"));
const REMOVE: &str = include_str!("../onhost/remove_file.sh");

/// A file that must be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Path on the host.
    pub path: String,
    /// Octal mode.
    pub mode: u32,
    /// Owner.
    pub owner: String,
    /// Group.
    pub group: String,
    /// Content as a plan may hold it.
    pub content: FileContent,
    /// Digest of the true content.
    pub digest: Digest,
    /// What must stand before, beside its directory and its owner.
    pub needs: Vec<Id>,
    /// What must stand until it is gone, beside what it needs.
    pub outlived_by: Vec<Id>,
    /// What must follow a change.
    pub effects: Vec<Effect>,
    /// Heading of a review.
    pub heading: Heading,
}

/// A file's content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "content", rename_all = "kebab-case")]
pub enum FileContent {
    /// Text that may be shown.
    Text {
        /// The text.
        text: String,
    },
    /// Text with secrets in it; they are filled in when the plan is applied.
    Secret {
        /// The text with every secret replaced by its keyed fingerprint: two equal ones hold equal secrets.
        masked: String,
    },
}

/// What is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRecord {
    /// Of its content.
    pub digest: Digest,
    /// Octal mode.
    pub mode: u32,
    /// Owner.
    pub owner: String,
    /// Group.
    pub group: String,
    /// With secrets: its text with every secret value replaced by a keyed fingerprint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub masked: Option<String>,
    /// What must follow a change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub effects: Vec<Effect>,
}

impl FileRecord {
    /// Whether it may hold a secret: it is known to, or not everybody on the host may read it.
    pub fn may_hold_secrets(&self) -> bool {
        self.masked.is_some() || self.mode & 0o004 == 0
    }
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "does", rename_all = "kebab-case")]
pub enum FileStep {
    /// Writes it.
    Write(FileWrite),
    /// Removes it.
    Remove {
        /// Path.
        path: String,
        /// What must be there.
        expected: Digest,
        /// Directory that keeps what was there, when it was not as Slipway wrote it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        keep: Option<String>,
        /// Directory in which the removal waits for an effect.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stage: Option<String>,
    },
}

/// A file to write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileWrite {
    /// Path on the host.
    pub path: String,
    /// Octal mode.
    pub mode: u32,
    /// Owner.
    pub owner: String,
    /// Group.
    pub group: String,
    /// Content.
    pub content: FileContent,
    /// What must follow.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub effects: Vec<Effect>,
    /// What is there now: none for nothing.
    pub expected: Option<Digest>,
    /// Directory that keeps what was there, when it was not Slipway's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep: Option<String>,
    /// Directory in which it waits for an effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
}

/// Where a command puts a file.
#[derive(Debug, Clone, Copy)]
enum Destination<'a> {
    /// In its place, or where it waits for an effect.
    Own,
    /// In its place, whatever is there.
    Over,
    /// Below another directory, whatever is there.
    Below(&'a str),
}

impl FileWrite {
    /// The command that writes it.
    ///
    /// # Errors
    /// When its content holds secrets and is not among `payloads`.
    pub fn command(&self, payloads: &Payloads) -> Result<Command, NoPayload> {
        self.write(payloads, Destination::Own)
    }

    /// The command that keeps it below `directory`, whatever is there.
    ///
    /// # Errors
    /// As [`FileWrite::command`].
    pub fn command_below(&self, directory: &str, payloads: &Payloads) -> Result<Command, NoPayload> {
        self.write(payloads, Destination::Below(directory))
    }

    /// The command that writes it over whatever is there.
    ///
    /// # Errors
    /// As [`FileWrite::command`].
    pub fn command_over(&self, payloads: &Payloads) -> Result<Command, NoPayload> {
        self.write(payloads, Destination::Over)
    }

    fn write(&self, payloads: &Payloads, destination: Destination<'_>) -> Result<Command, NoPayload> {
        let expected = match (destination, &self.expected) {
            (Destination::Below(_) | Destination::Over, _) => "any",
            (Destination::Own, Some(digest)) => digest.as_str(),
            (Destination::Own, None) => "-",
        };
        // A digest of a secret tells something of it, and arguments are seen by every process on the host.
        let after_expected = |content: &[u8]| [expected.as_bytes(), b"\n", content].concat();
        let stdin = match &self.content {
            FileContent::Text { text } => Stdin::Bytes(after_expected(text.as_bytes())),
            FileContent::Secret { .. } => {
                let secret = payloads.get(&self.path).ok_or_else(|| NoPayload(self.path.clone()))?;
                Stdin::Secret(Secret::new(after_expected(secret.expose())))
            }
        };
        let none = || "-".to_owned();
        let (path, keep, base, stage) = match destination {
            Destination::Own => (
                self.path.clone(),
                self.keep.clone().unwrap_or_else(none),
                none(),
                self.stage.clone().unwrap_or_else(none),
            ),
            Destination::Over => (self.path.clone(), none(), none(), none()),
            Destination::Below(directory) => (self.path.clone(), none(), directory.to_owned(), none()),
        };
        let (mode, owner, group) = (format!("{:o}", self.mode), self.owner.clone(), self.group.clone());
        let arguments = [path, mode, owner, group, self.reader().to_owned(), keep, base, stage];
        Ok(Command::script(WRITE, arguments).stdin(stdin))
    }

    /// The word for who reads it.
    pub fn reader(&self) -> &'static str {
        self.effects.first().map_or("-", Effect::word)
    }

    fn text(&self) -> (&str, bool) {
        match &self.content {
            FileContent::Text { text } => (text, false),
            FileContent::Secret { masked } => (masked, true),
        }
    }

    /// What a review shows of it.
    pub fn shown(&self, kind: FileKind, diff: Option<&FileDiff>) -> FileChange {
        let (text, secret) = self.text();
        let plain = FileChange {
            path: self.path.clone(),
            kind,
            mode: Some(format!("{:04o}", self.mode)),
            owner: Some(self.owner.clone()),
            group: Some(self.group.clone()),
            secret,
            old: None,
            new: Some(text.to_owned()),
            attributes: Vec::new(),
            hidden: None,
            unified: String::new(),
        };
        match diff {
            Some(diff) => FileChange {
                kind: if diff.old.is_none() && diff.hidden.is_none() { FileKind::Create } else { FileKind::Change },
                old: diff.old.clone(),
                new: diff.new.clone(),
                attributes: diff.attributes.clone(),
                hidden: diff.hidden.clone(),
                unified: diff.unified(),
                ..plain
            },
            None => match kind {
                FileKind::Same => FileChange { old: plain.new.clone(), ..plain },
                FileKind::Create | FileKind::Change | FileKind::Remove => plain,
            },
        }
    }

    /// Owner and mode for a person.
    pub fn ownership(&self) -> String {
        format!("mode {:04o}, {}:{}", self.mode, self.owner, self.group)
    }
}

impl File {
    /// The text that may be shown.
    pub fn text(&self) -> &str {
        match &self.content {
            FileContent::Text { text } => text,
            FileContent::Secret { masked } => masked,
        }
    }

    /// A write of it that does not look at what is there.
    pub fn write(&self) -> FileWrite {
        FileWrite {
            path: self.path.clone(),
            mode: self.mode,
            owner: self.owner.clone(),
            group: self.group.clone(),
            content: self.content.clone(),
            effects: self.effects.clone(),
            expected: None,
            keep: None,
            stage: None,
        }
    }

    fn difference(
        &self,
        recorded: Recorded<'_, FileRecord>,
        context: &Context<'_>,
        comparison: Comparison,
    ) -> Difference<FileStep> {
        let Comparison { reason, diff, expected, drift } = comparison;
        let (verb, word) = match (&diff.old, &diff.hidden, &expected) {
            (None, None, None) => (Verb::Create, "Write"),
            _ => (Verb::Change, "Change"),
        };
        let change = FileStep::Write(FileWrite {
            expected,
            keep: drift.then(|| context.kept_in.clone()),
            stage: self.effects.iter().find_map(Effect::stage).map(str::to_owned),
            ..self.write()
        });
        let reason = match (drift, recorded.there.is_some()) {
            (true, true) => "it was changed on the host by hand since Slipway wrote it".to_owned(),
            (true, false) | (false, _) => reason,
        };
        let title = format!("{word} {}", self.path);
        let mut difference = Difference::new(Self::id_of(&self.path), self.heading, verb, title, reason, change);
        difference.diff = Some(diff);
        difference.drift = drift;
        difference.effects.clone_from(&self.effects);
        difference.waits_for = waits_for(&self.effects);
        difference
    }

    /// How the file that is there differs.
    fn compare(&self, recorded: Recorded<'_, FileRecord>, context: &Context<'_>) -> Option<Comparison> {
        let new = Some(self.text().to_owned());
        let mut diff = FileDiff { path: self.path.clone(), old: None, new, attributes: Vec::new(), hidden: None };
        let state = context.seen.path(&self.path);
        match state {
            PathState::File { mode, owner, digest, content, .. } => {
                let wanted = (self.mode, self.owner.as_str(), self.group.as_str());
                let same_content = digest == &self.digest;
                if wanted != (*mode, owner.user.as_str(), owner.group.as_str()) {
                    diff.attributes.push(format!(
                        "{mode:04o} {}:{} → {:04o} {}:{}",
                        owner.user, owner.group, self.mode, self.owner, self.group
                    ));
                } else if same_content {
                    return None;
                }
                // Another resource of this site may have held the place.
                let other = !recorded.is_owned() && context.owned_paths.contains(&self.path);
                let ours = other || recorded.all().any(|record| &record.digest == digest);
                let drift = !same_content && !ours;
                (diff.old, diff.hidden) = self.old_text(recorded, *mode, digest, content.as_ref());
                let reason = match (drift, same_content) {
                    (true, _) => "a file that Slipway did not write is in its place",
                    (false, true) => "its owner or mode is not what it should be",
                    (false, false) => "the site file, a template or a secret changed",
                };
                Some(Comparison { reason: reason.to_owned(), diff, expected: Some(digest.clone()), drift })
            }
            PathState::Absent => {
                let there = recorded.there.is_some();
                let reason = if there { "it was removed from the host by hand" } else { "it is not there yet" };
                Some(Comparison { reason: reason.to_owned(), diff, expected: None, drift: false })
            }
            PathState::Directory { .. } | PathState::Symlink { .. } | PathState::Other { .. } => {
                diff.hidden = Some("what is there is not a file".to_owned());
                let reason = format!("{} is in its place", describe(state));
                Some(Comparison { reason, diff, expected: None, drift: true })
            }
            PathState::Failed { .. } => None,
        }
    }

    /// The text of the file that is there, as far as it may be shown, or why it is not.
    fn old_text(
        &self,
        recorded: Recorded<'_, FileRecord>,
        mode: u32,
        digest: &Digest,
        content: Option<&FileBytes>,
    ) -> (Option<String>, Option<String>) {
        if digest == &self.digest {
            return (Some(self.text().to_owned()), None);
        }
        let secret = matches!(self.content, FileContent::Secret { .. });
        // A foreign file that not everybody may read can hold secrets, too.
        let private = recorded.there.is_none() && mode & 0o004 == 0;
        if secret || private || recorded.all().any(|record| record.masked.is_some()) {
            let old = recorded.there.filter(|record| &record.digest == digest).and_then(|r| r.masked.clone());
            let hidden = old.is_none().then(|| "it may hold secrets, so what is on the host is not shown".to_owned());
            return (old, hidden);
        }
        match content {
            Some(bytes) => (Some(String::from_utf8_lossy(&bytes.0).into_owned()), None),
            None => (None, Some("it is too large to show".to_owned())),
        }
    }
}

/// How a wanted file differs from what is there.
struct Comparison {
    reason: String,
    diff: FileDiff,
    expected: Option<Digest>,
    drift: bool,
}

impl Kind for File {
    const NAME: &'static str = "file";
    type Record = FileRecord;
    type Change = FileStep;

    fn name(&self) -> String {
        self.path.clone()
    }

    fn scope(&self) -> Scope {
        Scope::Site
    }

    fn needs(&self) -> Vec<Id> {
        let parent = self.path.rsplit_once('/').map(|(parent, _)| super::directory::Directory::id_of(parent));
        let user = |name: &String| (name != "root").then(|| super::user::SystemUser::id_of(name));
        let mut needs: Vec<Id> = parent.into_iter().chain(user(&self.owner)).chain(user(&self.group)).collect();
        needs.extend(self.needs.iter().cloned());
        needs.dedup();
        needs
    }

    fn leaves_before(&self) -> Vec<Id> {
        self.needs().into_iter().chain(self.outlived_by.iter().cloned()).collect()
    }

    fn effects(&self) -> Vec<Effect> {
        self.effects.clone()
    }

    fn record(&self) -> FileRecord {
        let masked = match &self.content {
            FileContent::Text { .. } => None,
            FileContent::Secret { masked } => Some(masked.clone()),
        };
        FileRecord {
            digest: self.digest.clone(),
            mode: self.mode,
            owner: self.owner.clone(),
            group: self.group.clone(),
            masked,
            effects: self.effects.clone(),
        }
    }

    fn kept(&self, there: &FileRecord) -> FileRecord {
        // Fingerprints differ between computers; the file is the same.
        let own = self.record();
        let masked = own.masked.map(|masked| there.masked.clone().unwrap_or(masked));
        FileRecord { masked, ..own }
    }

    fn way(&self, _recorded: Recorded<'_, FileRecord>) -> Way {
        Way::Release
    }

    fn way_of(_record: &FileRecord) -> Way {
        Way::Release
    }

    fn paths_of(name: &str, _record: &FileRecord) -> Vec<String> {
        vec![name.to_owned()]
    }

    fn ask(&self, recorded: Recorded<'_, FileRecord>, questions: &mut Questions) {
        // What holds secrets, or held them when Slipway wrote it, is neither fetched nor named by digest in a
        // command's arguments.
        let held = recorded.all().any(|record| record.masked.is_some());
        let secret = held || matches!(self.content, FileContent::Secret { .. });
        let desired = (!secret).then(|| self.digest.clone());
        questions.watch(Watch { path: self.path.clone(), desired, content: !secret });
    }

    fn ask_of(name: &str, recorded: Recorded<'_, FileRecord>, questions: &mut Questions) {
        // What is no longer wanted is shown before it is removed; not what may hold secrets.
        let content = recorded.there.is_some_and(|record| !record.may_hold_secrets());
        questions.watch(Watch { path: name.to_owned(), desired: None, content });
    }

    fn put(
        &self,
        recorded: Recorded<'_, FileRecord>,
        context: &Context<'_>,
        _notices: &mut Notices,
    ) -> Option<Difference<FileStep>> {
        self.compare(recorded, context).map(|comparison| self.difference(recorded, context, comparison))
    }

    fn remove(
        name: &str,
        recorded: Recorded<'_, FileRecord>,
        context: &Context<'_>,
        notices: &mut Notices,
    ) -> Removal<FileStep> {
        let Some(record) = recorded.all().next() else { return Removal::Gone };
        if context.wanted_paths.contains(name) {
            // Another resource takes the place over.
            return Removal::Gone;
        }
        let (digest, content) = match context.seen.path(name) {
            PathState::File { digest, content, .. } => (digest, content),
            PathState::Absent => return Removal::Gone,
            PathState::Failed { .. } => return Removal::Stays,
            other @ (PathState::Directory { .. } | PathState::Symlink { .. } | PathState::Other { .. }) => {
                notices.add(Severity::Warning, format!("{name} is {} now, and stays", describe(other)), None);
                return Removal::Gone;
            }
        };
        let ours = recorded.all().any(|record| &record.digest == digest);
        if !ours && recorded.there.is_none() {
            // It was to be written and never was: what is there is somebody else's.
            return Removal::Gone;
        }
        let old = content.as_ref().map(|bytes| String::from_utf8_lossy(&bytes.0).into_owned());
        let masked = recorded.there.filter(|_| ours).and_then(|record| record.masked.clone());
        let old = old.or(masked);
        let hidden = old.is_none().then(|| "it may hold secrets, so what is on the host is not shown".to_owned());
        let nginx = record.effects.contains(&Effect::Nginx);
        let change = FileStep::Remove {
            path: name.to_owned(),
            expected: digest.clone(),
            keep: (!ours).then(|| context.kept_in.clone()),
            stage: record.effects.iter().find_map(Effect::stage).map(str::to_owned),
        };
        let reason = match (ours, nginx && context.leaving.is_some(), context.leaving.is_some()) {
            (false, ..) => "it was changed on the host by hand since Slipway wrote it",
            (true, true, _) => "nginx is rehearsed without it first",
            (true, false, true) => "Slipway wrote it for this site",
            (true, false, false) => "the site file no longer calls for it",
        };
        let heading = if nginx { Heading::WebServer } else { Heading::Configuration };
        let title = format!("Remove {name}");
        let mut difference = Difference::new(Self::id_of(name), heading, Verb::Remove, title, reason, change);
        difference.diff = Some(FileDiff { path: name.to_owned(), old, new: None, attributes: Vec::new(), hidden });
        difference.drift = !ours;
        // Rules go with the unit that loads them.
        let is_followed = |effect: &&Effect| !matches!(effect, Effect::Rules(_));
        difference.effects = record.effects.iter().filter(is_followed).cloned().collect();
        difference.waits_for = waits_for(&record.effects);
        if nginx && context.leaving.is_some() {
            difference.risk = Risk::Gone;
        }
        Removal::Change(Box::new(difference))
    }

    fn work(change: &FileStep, payloads: &Payloads) -> Result<Work, NoPayload> {
        Ok(Work::Commands(vec![match change {
            FileStep::Write(file) => file.command(payloads)?,
            FileStep::Remove { path, expected, keep, stage } => {
                let none = "-";
                let arguments = [path.as_str(), keep.as_deref().unwrap_or(none), stage.as_deref().unwrap_or(none)];
                Command::script(REMOVE, arguments).stdin(Stdin::Bytes(format!("{}\n", expected.as_str()).into_bytes()))
            }
        }]))
    }

    fn about(change: &FileStep) -> Vec<String> {
        let kept = |keep: &Option<String>| keep.as_ref().map(|keep| format!("what is there is kept in {keep}"));
        match change {
            FileStep::Write(file) => std::iter::once(file.ownership()).chain(kept(&file.keep)).collect(),
            FileStep::Remove { keep, .. } => kept(keep).into_iter().collect(),
        }
    }

    fn files(change: &FileStep, diff: Option<&FileDiff>) -> Vec<FileChange> {
        match change {
            FileStep::Write(file) => {
                let kind = if file.expected.is_some() { FileKind::Change } else { FileKind::Create };
                vec![file.shown(kind, diff)]
            }
            FileStep::Remove { path, .. } => vec![removed(path, diff)],
        }
    }
}

/// The effect that puts a file in place, where it must wait for one.
fn waits_for(effects: &[Effect]) -> Option<Effect> {
    effects.iter().find(|effect| effect.stage().is_some()).cloned()
}

/// What a review shows of a file that goes.
pub fn removed(path: &str, diff: Option<&FileDiff>) -> FileChange {
    FileChange {
        path: path.to_owned(),
        kind: FileKind::Remove,
        mode: None,
        owner: None,
        group: None,
        secret: false,
        old: diff.and_then(|diff| diff.old.clone()),
        new: None,
        attributes: Vec::new(),
        hidden: diff.and_then(|diff| diff.hidden.clone()),
        unified: diff.map(FileDiff::unified).unwrap_or_default(),
    }
}
