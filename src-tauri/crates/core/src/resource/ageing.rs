//! Files of the application that age away: those of a shared directory that nobody has touched for longer than the site file
//! says are removed by systemd's own daily clean-up (tmpfiles.d(5), systemd-tmpfiles-clean.timer).

use super::difference::{Difference, Removal};
use super::directory::Directory;
use super::file::{File, FileContent, FileRecord, FileStep};
use super::review::{Heading, Risk};
use super::{Context, Id, Kind, NoPayload, Payloads, Recorded, Scope, Work};
use crate::diff::{FileChange, FileDiff};
use crate::digest::Digest;
use crate::encode::systemd::word;
use crate::facts::paths::PathState;
use crate::notice::Notices;
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

    /// The file that holds them. It is none of a release's: rules count for data, which outlives releases.
    fn file(&self) -> File {
        let text = self.text();
        File {
            path: self.path.clone(),
            mode: 0o644,
            owner: "root".to_owned(),
            group: "root".to_owned(),
            digest: Digest::of(text.as_bytes()),
            content: FileContent::Text { text },
            needs: Vec::new(),
            outlived_by: Vec::new(),
            effects: Vec::new(),
            heading: Heading::Directories,
        }
    }
}

impl Kind for Ageing {
    const NAME: &'static str = "ageing";
    type Record = FileRecord;
    type Change = FileStep;

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

    fn record(&self) -> FileRecord {
        self.file().record()
    }

    fn paths_of(name: &str, record: &FileRecord) -> Vec<String> {
        File::paths_of(name, record)
    }

    fn ask(&self, recorded: Recorded<'_, FileRecord>, questions: &mut Questions) {
        self.file().ask(recorded, questions);
    }

    fn ask_of(name: &str, recorded: Recorded<'_, FileRecord>, questions: &mut Questions) {
        File::ask_of(name, recorded, questions);
    }

    fn put(
        &self,
        recorded: Recorded<'_, FileRecord>,
        context: &Context<'_>,
        notices: &mut Notices,
    ) -> Option<Difference<FileStep>> {
        if let Some((path, _)) = self.rules.iter().find(|(path, _)| word(path).is_err()) {
            notices.block(
                format!("files of {path} cannot age away: its name has characters that tmpfiles.d cannot hold"),
                "rename the shared directory",
            );
        }
        // A link here may be there to switch the rules off: no plan goes over that.
        let there = context.seen.path(&self.path);
        if let PathState::Directory { .. } | PathState::Symlink { .. } | PathState::Other { .. } = there {
            notices.block(format!("{} is {} where a file is needed", self.path, describe(there)), "move it away");
            return None;
        }
        let mut difference = self.file().put(recorded, context, notices)?;
        difference.ids = vec![Self::id_of(&self.path)];
        let directories: Vec<&str> = self.rules.iter().map(|(path, _)| path.as_str()).collect();
        difference.title = format!("Let old files of {} age away", directories.join(", "));
        difference.risk = Risk::Data;
        if !difference.drift && !recorded.is_owned() {
            "systemd removes every day what nobody has touched for as long as the site file says"
                .clone_into(&mut difference.reason);
        }
        Some(difference)
    }

    fn remove(
        name: &str,
        recorded: Recorded<'_, FileRecord>,
        context: &Context<'_>,
        notices: &mut Notices,
    ) -> Removal<FileStep> {
        match File::remove(name, recorded, context, notices) {
            Removal::Change(mut difference) => {
                difference.ids = vec![Self::id_of(name)];
                Removal::Change(difference)
            }
            other @ (Removal::Gone | Removal::Stays) => other,
        }
    }

    fn work(change: &FileStep, payloads: &Payloads) -> Result<Work, NoPayload> {
        File::work(change, payloads)
    }

    fn about(change: &FileStep) -> Vec<String> {
        File::about(change)
    }

    fn files(change: &FileStep, diff: Option<&FileDiff>) -> Vec<FileChange> {
        File::files(change, diff)
    }
}
