//! What a site needs from the distribution: packages and an interpreter.

use crate::fact::Fact;
use crate::facts::{Facts, Version};
use crate::profile::{HostProfile, Need, PackageManager};
use crate::site::{RuntimeKind, Site};

/// The Python that a site runs on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PythonChoice {
    /// Interpreter, for example `/usr/bin/python3.11`.
    pub program: String,
    /// Its version.
    pub version: Version,
    /// Packages for it.
    pub packages: Vec<String>,
}

/// Chooses the Python for `site`: the distribution's own when it is new enough, else the newest that it offers.
///
/// # Errors
/// What is offered, when nothing is new enough.
pub fn choose_python(site: &Site, profile: &HostProfile, facts: &Facts) -> Result<PythonChoice, String> {
    let oldest: Version = match &site.runtime.version {
        Some(text) => text.parse().map_err(|_| format!("runtime.version {text:?} is not a version such as 3.9"))?,
        None => "3.8".parse().map_err(|_| "3.8 is not a version".to_owned())?,
    };
    let installed = facts.programs.known().and_then(|p| p.pythons.known());
    let default = installed.and_then(|pythons| pythons.iter().find(|python| python.default));
    let offers: Vec<_> = profile.pythons.iter().filter(|offer| offer.version >= oldest).collect();
    let of_default = default.and_then(|python| offers.iter().find(|offer| same_minor(&offer.version, &python.version)));
    let offer = of_default.or(offers.last()).ok_or_else(|| {
        let names: Vec<String> = profile.pythons.iter().map(|offer| offer.version.to_string()).collect();
        format!("Python {oldest} or newer is needed, and {} offers {}", profile.pretty_name, names.join(", "))
    })?;
    Ok(PythonChoice {
        program: offer.program.clone(),
        version: offer.version.clone(),
        packages: offer.packages.clone(),
    })
}

fn same_minor(offer: &Version, installed: &Version) -> bool {
    let parts = |version: &Version| version.to_string().split('.').take(2).map(str::to_owned).collect::<Vec<_>>();
    parts(offer) == parts(installed)
}

/// Packages that `site` needs on a host of this profile, each once, in a stable order.
///
/// # Errors
/// What cannot be met.
pub fn needed_packages(site: &Site, profile: &HostProfile, facts: &Facts) -> Result<Vec<String>, String> {
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
    if site.runtime.kind == RuntimeKind::Node
        || site.build.iter().any(|step| step.run.first().is_some_and(|p| p == "npm"))
    {
        needs.extend([Need::Node, Need::Npm]);
    }
    let mut names: Vec<String> =
        needs.iter().flat_map(|need| profile.packages.get(need).cloned().unwrap_or_default()).collect();
    if site.runtime.kind == RuntimeKind::Python {
        names.extend(choose_python(site, profile, facts)?.packages);
    }
    names.extend(match profile.family {
        crate::facts::system::Family::Rhel => site.packages.rhel.iter().cloned(),
        _ => site.packages.debian.iter().cloned(),
    });
    let mut seen = std::collections::BTreeSet::new();
    names.retain(|name| seen.insert(name.clone()));
    Ok(names)
}

/// Lists of offered packages older than this are refreshed before anything is installed.
const LISTS_FRESH_S: u64 = 24 * 3600;

/// Commands that install `packages`: refreshing lists when they are missing or old, then installing.
pub fn install_commands(manager: PackageManager, packages: &[String], facts: &Facts) -> Vec<Vec<String>> {
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let install = |start: &str| words(start).into_iter().chain(packages.iter().cloned()).collect::<Vec<_>>();
    match manager {
        PackageManager::Apt => {
            let now = facts.clock.known().map(|clock| clock.epoch_seconds);
            let refreshed = facts.packages.known().map(|packages| &packages.lists_refreshed);
            let fresh = match (now, refreshed) {
                (Some(now), Some(Fact::Known(at))) => now.saturating_sub(*at) < LISTS_FRESH_S,
                _ => false,
            };
            let mut commands = Vec::new();
            if !fresh {
                commands.push(words("env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=120 update"));
            }
            // A changed configuration file of a package is kept (confold), so no question is ever asked.
            commands.push(install(
                "env DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=a apt-get -q -y --no-install-recommends \
                 -o DPkg::Lock::Timeout=120 -o Dpkg::Options::=--force-confold -o Dpkg::Options::=--force-confdef install --",
            ));
            commands
        }
        PackageManager::Dnf => vec![install("dnf -q -y --setopt=install_weak_deps=False install --")],
    }
}
