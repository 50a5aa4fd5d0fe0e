//! A package of the distribution.

use serde::{Deserialize, Serialize};

use super::difference::{Difference, Removal};
use super::review::{Heading, Verb};
use super::{Context, Id, Kind, NoPayload, Payloads, Recorded, Scope, Work};
use crate::fact::Fact;
use crate::notice::{Notices, Severity};
use crate::profile::PackageManager;
use crate::seen::Questions;

const REMOVE: &str = include_str!("../onhost/remove_packages.sh");

/// A package that must be installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Its name in this distribution.
    pub name: String,
    /// The program that it is wanted for: where that is there already, the package is not needed.
    pub program: Option<String>,
    /// Whether the sweep does not ask for it.
    pub named: bool,
    /// The package manager.
    pub manager: PackageManager,
}

/// What is recorded of a package that Slipway installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageRecord {
    /// The package manager.
    pub manager: PackageManager,
    /// The program that it was wanted for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "does", rename_all = "kebab-case")]
pub enum PackageChange {
    /// Installs packages.
    Install {
        /// Names.
        packages: Vec<String>,
        /// Program that fetches the lists, where they are old.
        refresh: Option<Vec<String>>,
        /// Program that installs; the names follow.
        install: Vec<String>,
    },
    /// Removes those that nothing else needs, with what came along only for them.
    Remove {
        /// Names.
        packages: Vec<String>,
        /// The package manager.
        manager: PackageManager,
    },
}

fn word(manager: PackageManager) -> &'static str {
    match manager {
        PackageManager::Apt => "apt",
        PackageManager::Dnf => "dnf",
    }
}

fn title(verb: &str, packages: &[String]) -> String {
    format!("{verb} {}", packages.join(", "))
}

impl Kind for Package {
    const NAME: &'static str = "package";
    type Record = PackageRecord;
    type Change = PackageChange;

    fn name(&self) -> String {
        self.name.clone()
    }

    fn scope(&self) -> Scope {
        Scope::Host
    }

    fn needs(&self) -> Vec<Id> {
        Vec::new()
    }

    fn record(&self) -> PackageRecord {
        PackageRecord { manager: self.manager, program: self.program.clone() }
    }

    fn kept(&self, there: &PackageRecord) -> PackageRecord {
        // Another site may want the same package for a program.
        PackageRecord { program: there.program.clone().or_else(|| self.program.clone()), ..there.clone() }
    }

    fn ask(&self, _recorded: Recorded<'_, PackageRecord>, questions: &mut Questions) {
        if self.named {
            questions.package(&self.name);
        }
    }

    fn ask_of(name: &str, _recorded: Recorded<'_, PackageRecord>, questions: &mut Questions) {
        questions.package(name);
    }

    fn put(
        &self,
        recorded: Recorded<'_, PackageRecord>,
        context: &Context<'_>,
        notices: &mut Notices,
    ) -> Option<Difference<PackageChange>> {
        let seen = context.seen;
        if self.program.as_ref().is_some_and(|program| seen.program(program)) {
            return None;
        }
        match seen.package(&self.name) {
            Fact::Known(()) | Fact::Failed(_) => return None,
            Fact::Absent => {}
        }
        let profile = seen.profile();
        let Some(install) = profile.install_command(std::slice::from_ref(&self.name)) else {
            notices
                .block(format!("{} cannot be the name of a package", self.name), "correct [packages] in the site file");
            return None;
        };
        let refresh = if seen.lists_are_old() { profile.refresh_command() } else { None };
        let mut install = install.argv;
        install.pop();
        let manager = word(self.manager);
        let reason = if recorded.is_owned() {
            "it was removed from the host by hand".to_owned()
        } else {
            format!("needed and not installed; {manager} takes it from the host's own repositories")
        };
        let change = PackageChange::Install {
            packages: vec![self.name.clone()],
            refresh: refresh.map(|command| command.argv),
            install,
        };
        let title = title("Install", std::slice::from_ref(&self.name));
        Some(Difference::new(Self::id_of(&self.name), Heading::Packages, Verb::Create, title, reason, change))
    }

    fn remove(
        name: &str,
        recorded: Recorded<'_, PackageRecord>,
        context: &Context<'_>,
        notices: &mut Notices,
    ) -> Removal<PackageChange> {
        let Some(record) = recorded.all().next() else { return Removal::Gone };
        if recorded.there.is_none() && matches!(context.seen.package(name), Fact::Absent) {
            // It was to be installed and never was.
            return Removal::Gone;
        }
        // Releases that can be rolled back to may need it for as long as the site is there.
        if context.leaving.is_none() {
            return Removal::Stays;
        }
        match context.seen.package(name) {
            Fact::Absent => return Removal::Gone,
            Fact::Known(()) | Fact::Failed(_) => {}
        }
        if record.program.as_deref() == Some("nginx") && context.seen.serves_others() {
            notices.add(
                Severity::Info,
                format!("the package {name} stays: nginx serves something that is not Slipway's"),
                None,
            );
            return Removal::Gone;
        }
        let change = PackageChange::Remove { packages: vec![name.to_owned()], manager: record.manager };
        let title = title("Remove", &[name.to_owned()]);
        let reason = "Slipway installed it, and no site of Slipway needs it any more";
        let difference = Difference::new(Self::id_of(name), Heading::Packages, Verb::Remove, title, reason, change);
        Removal::Change(Box::new(difference))
    }

    fn join(
        first: &mut Difference<PackageChange>,
        second: Difference<PackageChange>,
    ) -> Result<(), Difference<PackageChange>> {
        let (verb, packages) = match (&mut first.change, &second.change) {
            (
                PackageChange::Install { packages, refresh, install },
                PackageChange::Install { packages: more, refresh: also, install: same },
            ) if install == same => {
                packages.extend(more.iter().cloned());
                if refresh.is_none() {
                    refresh.clone_from(also);
                }
                ("Install", packages)
            }
            (PackageChange::Remove { packages, manager }, PackageChange::Remove { packages: more, manager: same })
                if manager == same =>
            {
                packages.extend(more.iter().cloned());
                ("Remove", packages)
            }
            (PackageChange::Install { .. } | PackageChange::Remove { .. }, _) => return Err(second),
        };
        first.title = title(verb, packages);
        first.reason = match &first.change {
            PackageChange::Install { .. } => {
                let manager = first.reason.split_once("; ").map(|(_, rest)| rest.split(' ').next().unwrap_or_default());
                match manager {
                    Some(manager) => {
                        format!("needed and not installed; {manager} takes them from the host's own repositories")
                    }
                    None => "needed and not installed".to_owned(),
                }
            }
            PackageChange::Remove { .. } => {
                "Slipway installed them, and no site of Slipway needs them any more".to_owned()
            }
        };
        first.ids.extend(second.ids);
        Ok(())
    }

    fn work(change: &PackageChange, _payloads: &Payloads) -> Result<Work, NoPayload> {
        Ok(Work::Programs(Self::shown(change)))
    }

    fn about(change: &PackageChange) -> Vec<String> {
        match change {
            PackageChange::Install { .. } => Vec::new(),
            PackageChange::Remove { .. } => {
                vec!["a package that something else depends on by now stays; configuration files stay".to_owned()]
            }
        }
    }

    fn shown(change: &PackageChange) -> Vec<Vec<String>> {
        match change {
            PackageChange::Install { packages, refresh, install } => {
                let install = install.iter().chain(packages).cloned().collect();
                refresh.iter().cloned().chain([install]).collect()
            }
            PackageChange::Remove { packages, manager } => {
                let program = ["/bin/sh", "-c", REMOVE, "remove_packages", word(*manager)].map(str::to_owned);
                vec![program.into_iter().chain(packages.iter().cloned()).collect()]
            }
        }
    }
}
