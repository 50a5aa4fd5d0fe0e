//! System users, each with a group of the same name.

use serde::{Deserialize, Serialize};

use super::difference::{Difference, Removal};
use super::review::{Heading, Verb};
use super::{Context, Id, Kind, NoPayload, Payloads, Recorded, Scope, Work};
use crate::command::Command;
use crate::fact::Fact;
use crate::notice::Notices;
use crate::seen::Questions;

const REMOVE: &str = include_str!("../onhost/remove_user.sh");

/// A user that must exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemUser {
    /// User and group.
    pub name: String,
    /// Home directory: tells a site's own user from one of the same name.
    pub home: String,
    /// Shell that refuses logins.
    pub shell: String,
    /// Why it is needed, for a person.
    pub purpose: &'static str,
}

/// What is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserRecord {
    /// Home directory.
    pub home: String,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "does", rename_all = "kebab-case")]
pub enum UserChange {
    /// Creates user and group.
    Create {
        /// User and group.
        name: String,
        /// Home directory.
        home: String,
        /// Shell.
        shell: String,
    },
    /// Removes both.
    Remove {
        /// User and group.
        name: String,
    },
}

impl Kind for SystemUser {
    const NAME: &'static str = "user";
    type Record = UserRecord;
    type Change = UserChange;

    fn name(&self) -> String {
        self.name.clone()
    }

    fn scope(&self) -> Scope {
        Scope::Site
    }

    fn needs(&self) -> Vec<Id> {
        Vec::new()
    }

    fn record(&self) -> UserRecord {
        UserRecord { home: self.home.clone() }
    }

    fn ask(&self, _recorded: Recorded<'_, UserRecord>, _questions: &mut Questions) {}

    fn ask_of(_name: &str, _recorded: Recorded<'_, UserRecord>, _questions: &mut Questions) {}

    fn put(
        &self,
        recorded: Recorded<'_, UserRecord>,
        context: &Context<'_>,
        notices: &mut Notices,
    ) -> Option<Difference<UserChange>> {
        match context.seen.home(&self.name) {
            Fact::Known(home) if home == self.home => None,
            Fact::Known(home) => {
                notices.block(
                    format!("a user {} exists already (home {home}) and is not this site's", self.name),
                    "choose another name in the site file",
                );
                None
            }
            Fact::Failed(_) => None,
            Fact::Absent => {
                let change =
                    UserChange::Create { name: self.name.clone(), home: self.home.clone(), shell: self.shell.clone() };
                let title = format!("Create the system user {}", self.name);
                let reason =
                    if recorded.there.is_some() { "it was removed from the host by hand" } else { self.purpose };
                Some(Difference::new(Self::id_of(&self.name), Heading::User, Verb::Create, title, reason, change))
            }
        }
    }

    fn remove(
        name: &str,
        recorded: Recorded<'_, UserRecord>,
        context: &Context<'_>,
        _notices: &mut Notices,
    ) -> Removal<UserChange> {
        let ours = |home: &String| recorded.all().any(|record| &record.home == home);
        match context.seen.home(name) {
            Fact::Known(home) if ours(&home) => {}
            // A user of that name with another home is somebody else's.
            Fact::Known(_) | Fact::Absent => return Removal::Gone,
            Fact::Failed(_) => return Removal::Stays,
        }
        // What stays of a site is its own user's.
        let needed = |leaving: super::Leaving| leaving.user_stays && name == context.site.as_str();
        if context.leaving.is_none_or(needed) {
            return Removal::Stays;
        }
        let change = UserChange::Remove { name: name.to_owned() };
        let title = format!("Remove the system user {name}");
        let reason = "nothing is left that belongs to it";
        Removal::Change(Box::new(Difference::new(
            Self::id_of(name),
            Heading::User,
            Verb::Remove,
            title,
            reason,
            change,
        )))
    }

    fn work(change: &UserChange, _payloads: &Payloads) -> Result<Work, NoPayload> {
        Ok(Work::Commands(vec![match change {
            UserChange::Create { name, home, shell } => Command::new([
                "useradd",
                "--system",
                "--user-group",
                "--no-create-home",
                "--home-dir",
                home,
                "--shell",
                shell,
                name,
            ]),
            UserChange::Remove { name } => Command::script(REMOVE, [name]),
        }]))
    }

    fn about(change: &UserChange) -> Vec<String> {
        match change {
            UserChange::Create { name, home, shell } => {
                vec![format!("user and group {name}, home {home}, shell {shell}")]
            }
            UserChange::Remove { .. } => Vec::new(),
        }
    }

    fn shown(change: &UserChange) -> Vec<Vec<String>> {
        match change {
            UserChange::Create { .. } => Vec::new(),
            UserChange::Remove { name } => vec![vec!["userdel".to_owned(), name.clone()]],
        }
    }
}
