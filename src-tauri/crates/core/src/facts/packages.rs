//! Packages of the distribution: which are installed, how old the lists of what is offered are, and what is offered.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::reply::{Part, Reply, excerpt, fact, number, plain, script};
use super::system::{Family, os};
use crate::command::{Command, Output};
use crate::fact::Fact;

/// A package manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PackageManager {
    /// apt-get and dpkg.
    Apt,
    /// dnf and rpm.
    Dnf,
}

/// The package system and the packages Slipway asks about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageSystem {
    /// Tools found, in `PATH`.
    pub tools: PackageTools,
    /// Installed version (`[epoch:]version-release`) by package name.
    pub installed: BTreeMap<String, Fact<String>>,
    /// When the lists of offered packages were last refreshed, seconds since 1970; absent when there are none.
    /// dnf refreshes its own, so this matters for apt only.
    pub lists_refreshed: Fact<u64>,
}

/// Which tools of a package system there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageTools {
    /// `apt-get`.
    pub apt: bool,
    /// `dpkg-query`.
    pub dpkg: bool,
    /// `dnf`.
    pub dnf: bool,
    /// `rpm`.
    pub rpm: bool,
}

/// Asks which of these packages are installed; names that cannot be a package's are not asked for.
pub fn command(names: &[String]) -> Command {
    let names = names.iter().filter(|name| well_formed(name)).cloned();
    Command::script(script!("packages.sh"), names).timeout(Duration::from_secs(30))
}

/// Whether `name` can be a package's name (deb-control(5), RPM's naming rules) and neither option nor pattern.
pub(crate) fn well_formed(name: &str) -> bool {
    (1..=128).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-._".contains(&b))
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
}

/// Reads the answer to [`command`].
pub fn parse(output: &Output) -> Fact<PackageSystem> {
    fact(read(output).map(Some))
}

fn read(output: &Output) -> Result<PackageSystem, String> {
    let reply = Reply::read(output)?;
    let words: Vec<&str> = reply.need("tools")?.good()?.split_whitespace().collect();
    let has = |tool| words.contains(&tool);
    let tools = PackageTools { apt: has("apt-get"), dpkg: has("dpkg-query"), dnf: has("dnf"), rpm: has("rpm") };
    let asked: Vec<&str> = reply.need("asked")?.good()?.lines().collect();
    // A host may have both tools (dpkg on RHEL, rpm on Debian): the database of its own family counts.
    let family = os(&reply)?.map_or(Family::Other, |os| os.family);
    let part = match family {
        Family::Rhel => reply.find("rpm"),
        Family::Debian => reply.find("dpkg"),
        Family::Other => reply.find("dpkg").or_else(|| reply.find("rpm")),
    };
    let installed = match part {
        Some(part) => installed(part, &asked),
        None => Err("neither dpkg-query nor rpm is there".into()),
    };
    let installed = match installed {
        Ok(known) => known,
        Err(reason) => asked.iter().map(|name| ((*name).to_owned(), Fact::Failed(reason.clone()))).collect(),
    };
    Ok(PackageSystem { tools, installed, lists_refreshed: fact(lists_refreshed(&reply)) })
}

fn installed(part: &Part<'_>, asked: &[&str]) -> Result<BTreeMap<String, Fact<String>>, String> {
    // dpkg-query: 1 when a package is unknown, 2 on trouble. rpm: the number of packages not installed.
    if part.name == "dpkg" && part.status > 1 || usize::from(part.status) > asked.len() {
        return Err(part.ended_with(part.status));
    }
    let mut found: BTreeMap<String, Fact<String>> =
        asked.iter().map(|name| ((*name).to_owned(), Fact::Absent)).collect();
    let mut not_installed = 0;
    for line in part.text()?.lines() {
        let malformed = || format!("{}: {}", part.name, excerpt(line));
        if part.name == "rpm" && line.starts_with("package ") && line.ends_with(" is not installed") {
            not_installed += 1;
            continue;
        }
        let [name, status, version] = line.split(' ').collect::<Vec<_>>()[..] else { return Err(malformed()) };
        let entry = found.get_mut(name).ok_or_else(malformed)?;
        let version = plain(version, 256).ok_or_else(malformed)?;
        // dpkg remembers removed packages: only "installed" is (dpkg-query(1), db:Status-Status).
        if status == "installed" && !version.is_empty() {
            *entry = Fact::Known(version.to_owned());
        }
    }
    if part.name == "rpm" && usize::from(part.status) != not_installed {
        return Err(part.ended_with(part.status));
    }
    Ok(found)
}

fn lists_refreshed(reply: &Reply<'_>) -> Result<Option<u64>, String> {
    let Some(part) = reply.find("lists") else { return Ok(None) };
    let times: Option<Vec<u64>> = part.text()?.lines().map(number).collect();
    times.and_then(|times| times.into_iter().max()).map(Some).ok_or_else(|| part.ended_with(part.status))
}

/// Asks which version of each package would be installed. Slow (dnf may fetch its lists): not part of the sweep.
pub fn candidates_command(manager: PackageManager, names: &[String]) -> Command {
    let names = names.iter().filter(|name| well_formed(name)).cloned();
    let script = match manager {
        PackageManager::Apt => script!("candidates-apt.sh"),
        PackageManager::Dnf => script!("candidates-dnf.sh"),
    };
    Command::script(script, names).timeout(Duration::from_secs(180))
}

/// Reads the answer to [`candidates_command`]: by name, the version on offer, or absent.
pub fn parse_candidates(output: &Output) -> Fact<BTreeMap<String, Fact<String>>> {
    fact(read_candidates(output).map(Some))
}

fn read_candidates(output: &Output) -> Result<BTreeMap<String, Fact<String>>, String> {
    let reply = Reply::read(output)?;
    let asked = reply.need("asked")?.good()?;
    let mut offered: BTreeMap<String, Fact<String>> =
        asked.lines().map(|name| (name.to_owned(), Fact::Absent)).collect();
    let pairs: Vec<(&str, &str)> = match reply.find("apt") {
        Some(part) => apt_candidates(part.good()?)?,
        None => dnf_candidates(reply.need("dnf")?.good()?)?,
    };
    for (name, version) in pairs {
        let version = plain(version, 256).filter(|v| !v.is_empty() && !v.contains(' '));
        let version = version.ok_or_else(|| format!("the offered version of {} is malformed", excerpt(name)))?;
        if let Some(entry) = offered.get_mut(name) {
            *entry = Fact::Known(version.to_owned());
        }
    }
    Ok(offered)
}

fn apt_candidates(text: &str) -> Result<Vec<(&str, &str)>, String> {
    let mut name = None;
    let mut pairs = Vec::new();
    for line in text.lines() {
        if let Some(title) = line.strip_suffix(':').filter(|_| !line.starts_with(' ')) {
            name = Some(title);
        } else if let Some(version) = line.strip_prefix("  Candidate: ") {
            let name = name.take().ok_or("apt-cache answered something else")?;
            if version != "(none)" {
                pairs.push((name, version));
            }
        }
    }
    Ok(pairs)
}

fn dnf_candidates(text: &str) -> Result<Vec<(&str, &str)>, String> {
    let lines = text.lines().filter(|line| !line.is_empty());
    lines.map(|line| line.split_once(' ').ok_or_else(|| format!("dnf: {}", excerpt(line)))).collect()
}
