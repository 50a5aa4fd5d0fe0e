//! Installing packages: what is missing, and the commands that bring it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{HostProfile, Need, PythonOffer, Unsupported};
use crate::command::Command;
use crate::fact::Fact;
use crate::facts::{Facts, Version, packages};

/// Lists of offered packages older than this are refreshed before something is installed: mirrors drop superseded
/// package files soon after.
const LISTS_MAX_AGE: u64 = 24 * 3600;

impl HostProfile {
    /// Names of the packages for these needs, in order, without repetition.
    pub fn packages_for(&self, needs: &[Need]) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for name in needs.iter().filter_map(|need| self.packages.get(need)).flatten() {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        names
    }

    /// Names of the packages that these needs still lack on the host: none for a need whose program is there,
    /// whatever package it came from.
    ///
    /// # Errors
    /// The reason, when the host's packages or programs could not be read.
    pub fn missing_packages(&self, needs: &[Need], facts: &Facts) -> Result<Vec<String>, Unsupported> {
        let programs = known(&facts.programs, "programs")?;
        let lacking: Vec<Need> = needs
            .iter()
            .copied()
            .filter(|need| !need.program().and_then(|name| programs.tools.get(name)).is_some_and(is_known))
            .filter(|need| *need != Need::Nginx || !is_known(&programs.nginx))
            .collect();
        self.not_installed(&self.packages_for(&lacking), facts)
    }

    /// Those of `names` that are not installed. A name that the facts do not hold counts as not installed.
    ///
    /// # Errors
    /// The reason, when the state of a package could not be read.
    pub fn not_installed(&self, names: &[String], facts: &Facts) -> Result<Vec<String>, Unsupported> {
        let installed = &known(&facts.packages, "packages")?.installed;
        let mut missing = Vec::new();
        for name in names {
            match installed.get(name) {
                Some(Fact::Known(_)) => {}
                Some(Fact::Absent) | None => missing.push(name.clone()),
                Some(Fact::Failed(reason)) => {
                    return Err(Unsupported::Unknown { subject: "packages".into(), reason: reason.clone() });
                }
            }
        }
        Ok(missing)
    }

    /// Installs packages without asking anything; `None` when a name cannot be a package's.
    pub fn install_command(&self, names: &[String]) -> Option<Command> {
        let safe = !names.is_empty() && names.iter().all(|name| packages::well_formed(name));
        safe.then(|| Command::new(self.install.iter().chain(names).cloned()).timeout(Duration::from_secs(1800)))
    }

    /// Refreshes the lists of offered packages; `None` where the package manager does so by itself.
    pub fn refresh_command(&self) -> Option<Command> {
        let refresh = (!self.refresh.is_empty()).then(|| Command::new(self.refresh.iter().cloned()));
        refresh.map(|command| command.timeout(Duration::from_secs(600)))
    }

    /// Whether the lists must be refreshed before something is installed: they are missing, older than a day,
    /// or their age could not be read.
    pub fn refresh_needed(&self, facts: &Facts) -> bool {
        let refreshed = facts.packages.known().and_then(|packages| packages.lists_refreshed.known());
        let now = facts.clock.known().map(|clock| clock.epoch_seconds);
        let fresh = refreshed.zip(now).is_some_and(|(then, now)| now.saturating_sub(*then) < LISTS_MAX_AGE);
        !self.refresh.is_empty() && !fresh
    }

    /// The Python for a site: the newest that is installed or on offer, and at least `oldest`.
    ///
    /// `offered` is what [`packages::parse_candidates`] found for [`HostProfile::python_packages`]; a package that
    /// it does not hold is judged by the distribution's release.
    ///
    /// # Errors
    /// [`Unsupported::NoPython`] when there is none.
    pub fn python(
        &self,
        oldest: Option<&Version>,
        facts: &Facts,
        offered: &BTreeMap<String, Fact<String>>,
    ) -> Result<&PythonOffer, Unsupported> {
        let installed = facts.packages.known().map(|packages| &packages.installed);
        let release = facts.os.known().and_then(|os| os.version_id.as_ref());
        // CentOS Stream's VERSION_ID has no minor part: it is ahead of all of them.
        let late_enough = |since: &Version| release.is_none_or(|release| release.parts() < 2 || release >= since);
        let available = |offer: &PythonOffer| {
            offer.packages.iter().all(|name| {
                let there = installed.and_then(|installed| installed.get(name)).is_some_and(is_known);
                let offered = offered.get(name).map(is_known);
                there || offered.unwrap_or_else(|| offer.since.as_ref().is_none_or(late_enough))
            })
        };
        let new_enough = |offer: &&PythonOffer| oldest.is_none_or(|oldest| offer.version >= *oldest);
        let choice = self
            .pythons
            .iter()
            .filter(new_enough)
            .filter(|offer| available(offer))
            .max_by(|a, b| a.version.cmp(&b.version));
        choice.ok_or_else(|| Unsupported::NoPython {
            wanted: oldest.map_or_else(|| "3".to_owned(), Version::to_string),
            offered: self
                .pythons
                .iter()
                .filter(|offer| available(offer))
                .map(|offer| offer.version.to_string())
                .collect(),
        })
    }

    /// Every package that some Python of this distribution needs: what to ask candidates for.
    pub fn python_packages(&self) -> Vec<String> {
        let mut names: Vec<String> = self.pythons.iter().flat_map(|offer| offer.packages.iter().cloned()).collect();
        names.sort();
        names.dedup();
        names
    }
}

fn is_known<T>(fact: &Fact<T>) -> bool {
    matches!(fact, Fact::Known(_))
}

pub(super) fn known<'a, T>(fact: &'a Fact<T>, subject: &str) -> Result<&'a T, Unsupported> {
    let unknown = |reason: &str| Unsupported::Unknown { subject: subject.to_owned(), reason: reason.to_owned() };
    fact.present().map_err(unknown)?.ok_or_else(|| unknown("there is none"))
}
