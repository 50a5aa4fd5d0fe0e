//! A directory with its owner and mode.

use serde::{Deserialize, Serialize};

use super::difference::{Difference, Removal};
use super::review::{Heading, Risk, Verb};
use super::{Context, Id, Kind, NoPayload, Payloads, Recorded, Scope, Work};
use crate::command::Command;
use crate::facts::paths::PathState;
use crate::notice::Notices;
use crate::seen::{Questions, describe};

use std::time::Duration;

const MAKE: &str = include_str!("../onhost/make_directory.sh");
const REMOVE_TREES: &str = include_str!("../onhost/remove_tree.sh");
/// How long emptying directories may take.
const REMOVING: Duration = Duration::from_secs(1800);

/// What is in a directory, which decides what becomes of it when it is no longer wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Contents {
    /// Only resources of their own: it goes when it is empty.
    Resources,
    /// Whatever Slipway and its builds put there: it goes with everything in it when the site leaves.
    Own,
    /// Data of the application: it goes when the site leaves, if that is asked for.
    Data,
    /// Data of the application below it: it goes when it is empty, once that data is gone.
    AroundData,
    /// Records that outlive the site: it stays.
    Records,
}

/// A directory that must be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    /// Path.
    pub path: String,
    /// Octal mode.
    pub mode: u32,
    /// Owner.
    pub owner: String,
    /// Group.
    pub group: String,
    /// What it is for.
    pub purpose: &'static str,
    /// Whose it is.
    pub scope: Scope,
    /// What is in it.
    pub contents: Contents,
    /// Links beside it that lead into it and go with it.
    pub links: Vec<String>,
}

/// What is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectoryRecord {
    /// What is in it.
    pub contents: Contents,
    /// Links that go with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<String>,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "does", rename_all = "kebab-case")]
pub enum DirectoryChange {
    /// Makes it, or corrects owner and mode.
    Make {
        /// Path; its parent exists by then.
        path: String,
        /// Octal mode.
        mode: u32,
        /// Owner.
        owner: String,
        /// Group.
        group: String,
    },
    /// Removes directories with everything in them; not what is mounted there.
    RemoveTrees {
        /// Holds what is going away, next to it.
        trash: String,
        /// Paths.
        paths: Vec<String>,
        /// Whether it is data that goes.
        data: bool,
    },
    /// Removes those that are empty.
    RemoveEmpty {
        /// Paths, the deepest first.
        paths: Vec<String>,
    },
}

/// Where directories wait that are going away: next to them, so that it is one rename.
fn trash(path: &str) -> String {
    let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
    format!("{parent}/.slipway-removed")
}

fn is_inside(path: &str, outer: &str) -> bool {
    path.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/'))
}

impl Directory {
    fn parent(&self) -> Option<Id> {
        let (parent, _) = self.path.rsplit_once('/')?;
        (!parent.is_empty()).then(|| Self::id_of(parent))
    }
}

impl Kind for Directory {
    const NAME: &'static str = "directory";
    type Record = DirectoryRecord;
    type Change = DirectoryChange;

    fn name(&self) -> String {
        self.path.clone()
    }

    fn scope(&self) -> Scope {
        self.scope
    }

    fn needs(&self) -> Vec<Id> {
        let owner = (self.owner != "root").then(|| super::user::SystemUser::id_of(&self.owner));
        let group = (self.group != "root").then(|| super::user::SystemUser::id_of(&self.group));
        let mut needs: Vec<Id> = self.parent().into_iter().chain(owner).chain(group).collect();
        needs.dedup();
        needs
    }

    fn record(&self) -> DirectoryRecord {
        DirectoryRecord { contents: self.contents, links: self.links.clone() }
    }

    fn paths_of(name: &str, _record: &DirectoryRecord) -> Vec<String> {
        vec![name.to_owned()]
    }

    fn ask(&self, _recorded: Recorded<'_, DirectoryRecord>, questions: &mut Questions) {
        questions.path(&self.path);
    }

    fn ask_of(name: &str, recorded: Recorded<'_, DirectoryRecord>, questions: &mut Questions) {
        questions.path(name);
        for record in recorded.all() {
            match record.contents {
                Contents::Own | Contents::Data => questions.path(trash(name)),
                Contents::Resources | Contents::AroundData | Contents::Records => {}
            }
            record.links.iter().for_each(|link| questions.path(link));
        }
    }

    fn put(
        &self,
        recorded: Recorded<'_, DirectoryRecord>,
        context: &Context<'_>,
        notices: &mut Notices,
    ) -> Option<Difference<DirectoryChange>> {
        let (verb, reason) = match context.seen.path(&self.path) {
            PathState::Directory { mode, owner }
                if *mode == self.mode && owner.user == self.owner && owner.group == self.group =>
            {
                return None;
            }
            PathState::Directory { mode, owner } => (
                Verb::Change,
                format!(
                    "{}; it has {mode:04o} {}:{} and should have {:04o} {}:{}",
                    self.purpose, owner.user, owner.group, self.mode, self.owner, self.group
                ),
            ),
            PathState::Absent if recorded.there.is_some() => {
                (Verb::Create, format!("{}; it was removed from the host by hand", self.purpose))
            }
            PathState::Absent => (Verb::Create, self.purpose.to_owned()),
            PathState::Failed { .. } => return None,
            other @ (PathState::File { .. } | PathState::Symlink { .. } | PathState::Other { .. }) => {
                notices
                    .block(format!("{} is {} where a directory is needed", self.path, describe(other)), "move it away");
                return None;
            }
        };
        let change = DirectoryChange::Make {
            path: self.path.clone(),
            mode: self.mode,
            owner: self.owner.clone(),
            group: self.group.clone(),
        };
        let title = format!("{} ({:04o} {}:{})", self.path, self.mode, self.owner, self.group);
        Some(Difference::new(Self::id_of(&self.path), Heading::Directories, verb, title, reason, change))
    }

    fn remove(
        name: &str,
        recorded: Recorded<'_, DirectoryRecord>,
        context: &Context<'_>,
        _notices: &mut Notices,
    ) -> Removal<DirectoryChange> {
        let Some(record) = recorded.all().next() else { return Removal::Gone };
        let id = Self::id_of(name);
        let empty = |reason: &str| {
            let there = matches!(context.seen.path(name), PathState::Directory { .. });
            if !there {
                return Removal::Gone;
            }
            let change = DirectoryChange::RemoveEmpty { paths: vec![name.to_owned()] };
            let title = "Remove directories that are empty then".to_owned();
            let (heading, verb) = (Heading::Directories, Verb::Remove);
            Removal::Change(Box::new(Difference::new(id.clone(), heading, verb, title, reason, change)))
        };
        let tree = |title: String, reason: &str, data: bool| {
            let there = std::iter::once(name).chain(record.links.iter().map(String::as_str));
            let paths: Vec<String> = there.filter(|path| context.seen.exists(path)).map(str::to_owned).collect();
            let trash = trash(name);
            if paths.is_empty() && !context.seen.exists(&trash) {
                return Removal::Gone;
            }
            let change = DirectoryChange::RemoveTrees { trash, paths, data };
            let mut difference = Difference::new(id.clone(), Heading::Directories, Verb::Remove, title, reason, change);
            if data {
                difference.risk = Risk::Data;
            }
            Removal::Change(Box::new(difference))
        };
        match (record.contents, context.leaving) {
            (Contents::Records, Some(_)) => Removal::Gone,
            (Contents::Records, None) => Removal::Stays,
            (Contents::Resources, _) => empty("what others put there stays"),
            (Contents::Own, Some(_)) => tree(format!("Remove {name}"), "Slipway's own, with everything in it", false),
            (Contents::Data, Some(leaving)) if leaving.data => {
                tree(format!("Remove {name}"), "the data of the application: as asked for", true)
            }
            (Contents::AroundData, Some(leaving)) if !leaving.user_stays => empty("what others put there stays"),
            (Contents::Data | Contents::AroundData, Some(_)) => match context.seen.path(name) {
                PathState::Absent => Removal::Gone,
                PathState::File { .. }
                | PathState::Directory { .. }
                | PathState::Symlink { .. }
                | PathState::Other { .. }
                | PathState::Failed { .. } => Removal::Stays,
            },
            (Contents::Own | Contents::Data | Contents::AroundData, None) => Removal::Stays,
        }
    }

    fn join(
        first: &mut Difference<DirectoryChange>,
        second: Difference<DirectoryChange>,
    ) -> Result<(), Difference<DirectoryChange>> {
        match (&mut first.change, &second.change) {
            (DirectoryChange::RemoveEmpty { paths }, DirectoryChange::RemoveEmpty { paths: more }) => {
                paths.extend(more.iter().cloned());
            }
            (
                DirectoryChange::RemoveTrees { trash, paths, data },
                DirectoryChange::RemoveTrees { trash: same, paths: more, data: also },
            ) if data == also && (trash == same || more.iter().any(|outer| is_inside(trash, outer))) => {
                paths.retain(|path| !more.iter().any(|outer| is_inside(path, outer)));
                paths.extend(more.iter().cloned());
                trash.clone_from(same);
                first.title = format!("Remove {}", paths.join(", "));
            }
            (
                DirectoryChange::Make { .. }
                | DirectoryChange::RemoveEmpty { .. }
                | DirectoryChange::RemoveTrees { .. },
                _,
            ) => return Err(second),
        }
        first.ids.extend(second.ids);
        Ok(())
    }

    fn work(change: &DirectoryChange, _payloads: &Payloads) -> Result<Work, NoPayload> {
        Ok(Work::Commands(vec![match change {
            DirectoryChange::Make { path, mode, owner, group } => {
                Command::script(MAKE, [path.clone(), format!("{mode:o}"), owner.clone(), group.clone()])
            }
            DirectoryChange::RemoveTrees { trash, paths, .. } => {
                let arguments = std::iter::once(trash.clone()).chain(paths.iter().cloned());
                Command::script(REMOVE_TREES, arguments).timeout(REMOVING)
            }
            DirectoryChange::RemoveEmpty { paths } => {
                let argv = ["rmdir", "--ignore-fail-on-non-empty", "--"].into_iter().map(str::to_owned);
                Command::new(argv.chain(paths.iter().cloned()))
            }
        }]))
    }

    fn about(change: &DirectoryChange) -> Vec<String> {
        match change {
            DirectoryChange::Make { .. } => Vec::new(),
            DirectoryChange::RemoveTrees { paths, .. } | DirectoryChange::RemoveEmpty { paths } => paths.clone(),
        }
    }
}
