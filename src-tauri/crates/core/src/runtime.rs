//! What a site needs from the distribution: packages and an interpreter.

use std::collections::BTreeMap;

use crate::fact::Fact;
use crate::facts::system::Family;
use crate::facts::{Facts, Version};
use crate::profile::{HostProfile, Need, PythonOffer};
use crate::site::{RuntimeKind, Site};

/// What the distribution must provide, beside packages that the site file names.
pub fn needs(site: &Site) -> Vec<Need> {
    let mut needs = vec![Need::Nginx, Need::Curl, Need::Tar, Need::Gzip];
    if site.logs.directory {
        needs.push(Need::Logrotate);
    }
    if !site.health.json.is_empty() {
        needs.push(Need::Jq);
    }
    if site.source.git.is_some() {
        needs.push(Need::Git);
    }
    let npm = site.build.iter().any(|step| step.run.first().is_some_and(|program| program == "npm"));
    if site.runtime.kind == RuntimeKind::Node || npm {
        needs.extend([Need::Node, Need::Npm]);
    }
    needs
}

/// Packages beyond those of [`needs`]: what the site file names for this family, and nftables, which guards ports (it has
/// this name in every family).
pub fn named_packages(site: &Site, profile: &HostProfile) -> Vec<String> {
    let mut names = match profile.family {
        Family::Rhel => site.packages.rhel.clone(),
        Family::Debian | Family::Other => site.packages.debian.clone(),
    };
    if site.process.values().any(|process| process.port.is_some()) {
        names.push("nftables".to_owned());
    }
    names
}

/// Chooses the Python for `site`: the newest that is installed and new enough, else the newest on offer.
///
/// What is installed comes first so that the choice does not move when the distribution offers a newer one.
/// `installed` and `offered` hold versions by package name.
///
/// # Errors
/// What is offered, when nothing is new enough.
pub fn choose_python<'a>(
    site: &Site,
    profile: &'a HostProfile,
    facts: &Facts,
    offered: &BTreeMap<String, Fact<String>>,
) -> Result<&'a PythonOffer, String> {
    let oldest: Option<Version> = match &site.runtime.version {
        Some(text) => Some(text.parse().map_err(|_| format!("runtime.version {text:?} is not a version such as 3.9"))?),
        None => None,
    };
    if let Some(offer) = installed_python(site, profile, facts) {
        return Ok(offer);
    }
    profile.python(oldest.as_ref(), facts, offered).map_err(|error| error.to_string())
}

/// The newest Python that is installed whole and new enough for `site`.
pub fn installed_python<'a>(site: &Site, profile: &'a HostProfile, facts: &Facts) -> Option<&'a PythonOffer> {
    let oldest: Option<Version> = site.runtime.version.as_ref().and_then(|text| text.parse().ok());
    let installed = &facts.packages.known()?.installed;
    // A package may be there without its program (a diverted or removed file): the program is what counts.
    let pythons = facts.programs.known()?.pythons.known()?;
    let there = |offer: &&PythonOffer| {
        pythons.iter().any(|python| python.path == offer.program)
            && offer.packages.iter().all(|name| matches!(installed.get(name), Some(Fact::Known(_))))
            && oldest.as_ref().is_none_or(|oldest| offer.version >= *oldest)
    };
    profile.pythons.iter().filter(there).max_by(|a, b| a.version.cmp(&b.version))
}

/// Packages that are needed and not installed, each once, in a stable order.
///
/// # Errors
/// What cannot be met or could not be seen.
pub fn missing_packages(
    site: &Site,
    profile: &HostProfile,
    facts: &Facts,
    named: &BTreeMap<String, Fact<String>>,
    offered: &BTreeMap<String, Fact<String>>,
) -> Result<Vec<String>, String> {
    let mut missing = profile.missing_packages(&needs(site), facts).map_err(|error| error.to_string())?;
    if site.runtime.kind == RuntimeKind::Python {
        let python = choose_python(site, profile, facts, offered)?;
        missing.extend(profile.not_installed(&python.packages, facts).map_err(|error| error.to_string())?);
    }
    for name in named_packages(site, profile) {
        match named.get(&name) {
            Some(Fact::Known(_)) => {}
            Some(Fact::Absent) => missing.push(name),
            Some(Fact::Failed(why)) => return Err(format!("whether {name} is installed could not be seen: {why}")),
            None => return Err(format!("{name:?} cannot be the name of a package")),
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    missing.retain(|name| seen.insert(name.clone()));
    Ok(missing)
}

/// Commands that install `packages`: refreshing lists when they are missing or old, then installing.
pub fn install_commands(profile: &HostProfile, packages: &[String], facts: &Facts) -> Option<Vec<Vec<String>>> {
    let refresh = if profile.refresh_needed(facts) { profile.refresh_command() } else { None };
    let install = profile.install_command(packages)?;
    Some(refresh.into_iter().chain([install]).map(|command| command.argv).collect())
}
