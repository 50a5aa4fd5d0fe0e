//! What differs between distributions, as data.
//!
//! Profiles live in `templates/profiles/*.toml`. Everything else asks the resolved [`HostProfile`]; no other code
//! looks at the name of a distribution.

mod data;
mod install;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use crate::facts::packages::PackageManager;

use crate::fact::Fact;
use crate::facts::system::{Family, OsRelease};
use crate::facts::{Facts, Version};

/// How to treat one host, resolved from its facts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostProfile {
    /// Profile name, for example `rhel-9` or `ubuntu-24.04`.
    pub name: String,
    /// For people: what the host calls itself.
    pub pretty_name: String,
    /// Family, which also selects names in a site file's `packages`.
    pub family: Family,
    /// Package manager.
    pub manager: PackageManager,
    /// Packages by need.
    pub packages: BTreeMap<Need, Vec<String>>,
    /// Python interpreters that the distribution offers, oldest first.
    pub pythons: Vec<PythonOffer>,
    /// Paths and names of nginx.
    pub nginx: NginxLayout,
    /// Paths and names of the system.
    pub system: SystemLayout,
    /// Firewalls in order of preference.
    pub firewalls: Vec<FirewallKind>,
    /// nginx: the one that is installed, else what the distribution would install.
    pub nginx_version: Version,
    /// systemd: the one that runs, else the distribution's.
    pub systemd_version: u32,
    /// What installing a package does to its services.
    pub services: ServiceStart,
    /// Arguments before the names of packages to install.
    pub install: Vec<String>,
    /// Arguments that refresh the lists of offered packages; empty where that happens by itself.
    pub refresh: Vec<String>,
}

/// What installing a package does to its services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServiceStart {
    /// Enables and starts them (Debian Policy 9.3), with whatever configuration is there at that moment.
    OnInstall,
    /// Leaves them off (Fedora Packaging Guidelines, systemd presets).
    Never,
}

/// Something that a site or Slipway needs from the distribution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Need {
    /// The web server.
    Nginx,
    /// git.
    Git,
    /// curl.
    Curl,
    /// jq.
    Jq,
    /// Node.js.
    Node,
    /// npm.
    Npm,
    /// logrotate.
    Logrotate,
    /// tar.
    Tar,
    /// gzip.
    Gzip,
    /// zstd.
    Zstd,
    /// rsync.
    Rsync,
    /// OpenSSL's command.
    Openssl,
    /// certbot.
    Certbot,
    /// The preferred firewall's tools.
    Firewall,
    /// Compiler and headers for C extensions, without those of a Python.
    BuildTools,
    /// semanage, restorecon and the SELinux policy tools.
    SelinuxTools,
    /// Extra repository that other needs come from (EPEL).
    ExtraRepository,
    /// Redis or what took its place.
    Redis,
    /// MariaDB server.
    Mariadb,
    /// Access control lists (setfacl).
    Acl,
    /// podman.
    Podman,
}

/// One Python that a distribution offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PythonOffer {
    /// Major and minor version.
    pub version: Version,
    /// Interpreter.
    pub program: String,
    /// Packages for the interpreter, `venv` and pip.
    pub packages: Vec<String>,
    /// Packages with its headers, for C extensions.
    pub development: Vec<String>,
    /// First `VERSION_ID` of the distribution that has it.
    #[serde(default)]
    pub since: Option<Version>,
}

/// Paths and names of nginx.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NginxLayout {
    /// Unit.
    pub unit: String,
    /// User that its workers run as.
    pub user: String,
    /// Directory whose `*.conf` the `http` block includes.
    pub sites: String,
    /// Directory of logs.
    pub logs: String,
    /// Files in which its package brings server blocks of its own.
    pub packaged: Vec<String>,
}

impl NginxLayout {
    /// The file with Slipway's answer on `port` to names that no site has. No name of a site comes before it.
    pub fn default_server(&self, port: u16) -> String {
        format!("{}/00-slipway-default-{port}.conf", self.sites.trim_end_matches('/'))
    }
}

/// Paths and names of the system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SystemLayout {
    /// Shell of users that must not log in.
    pub nologin: String,
    /// Group that reads logs.
    pub log_group: String,
}

/// A firewall that Slipway can open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FirewallKind {
    /// firewalld.
    Firewalld,
    /// ufw.
    Ufw,
    /// nftables by itself.
    Nftables,
}

/// Why a host cannot be worked with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Unsupported {
    /// No profile fits.
    #[error("no profile fits {found}; there are profiles for {}", .supported.join(", "))]
    Distribution {
        /// What the host calls itself.
        found: String,
        /// Names of all profiles.
        supported: Vec<String>,
    },
    /// The profile fits, but its tools are not there.
    #[error("{profile}: the host lacks {}", .missing.join(", "))]
    Tools {
        /// Profile that fits by name.
        profile: String,
        /// Programs that are missing.
        missing: Vec<String>,
    },
    /// A fact that decides is not known.
    #[error("{subject} could not be read: {reason}")]
    Unknown {
        /// What about.
        subject: String,
        /// Why.
        reason: String,
    },
    /// systemd does not run the host.
    #[error("the host is not run by systemd")]
    NoSystemd,
    /// No Python is new enough.
    #[error("no Python {wanted} or newer on this host; it offers {}", .offered.join(", "))]
    NoPython {
        /// Oldest acceptable version.
        wanted: String,
        /// What there is.
        offered: Vec<String>,
    },
    /// A profile file that Slipway brings is broken: a defect of Slipway.
    #[error("Slipway's own profiles are broken: {reason}")]
    Profiles {
        /// What is wrong.
        reason: String,
    },
}

impl Need {
    /// The program whose presence satisfies the need, whatever package it came from.
    pub fn program(self) -> Option<&'static str> {
        match self {
            Self::Git => Some("git"),
            Self::Curl => Some("curl"),
            Self::Jq => Some("jq"),
            Self::Node => Some("node"),
            Self::Npm => Some("npm"),
            Self::Logrotate => Some("logrotate"),
            Self::Tar => Some("tar"),
            Self::Gzip => Some("gzip"),
            Self::Zstd => Some("zstd"),
            Self::Rsync => Some("rsync"),
            Self::Openssl => Some("openssl"),
            Self::Certbot => Some("certbot"),
            Self::SelinuxTools => Some("semanage"),
            Self::Acl => Some("setfacl"),
            Self::Podman => Some("podman"),
            Self::Nginx | Self::Firewall | Self::BuildTools | Self::ExtraRepository | Self::Redis | Self::Mariadb => {
                None
            }
        }
    }
}

impl HostProfile {
    /// Finds the profile of a host by its os-release, and checks that the tools it relies on are there.
    ///
    /// # Errors
    /// Why the host cannot be worked with.
    pub fn resolve(facts: &Facts) -> Result<Self, Unsupported> {
        let releases = data::releases().map_err(|reason| Unsupported::Profiles { reason: reason.to_owned() })?;
        let os = install::known(&facts.os, "the distribution")?;
        let release = find(releases, os).ok_or_else(|| Unsupported::Distribution {
            found: format!("{} ({})", os.pretty_name, os.id),
            supported: releases.iter().map(|release| release.name.clone()).collect(),
        })?;
        let tools = install::known(&facts.packages, "the package manager")?.tools;
        let there = |tool: &str| match tool {
            "apt-get" => tools.apt,
            "dpkg-query" => tools.dpkg,
            "dnf" => tools.dnf,
            "rpm" => tools.rpm,
            _ => false,
        };
        let missing: Vec<String> = release.tools.iter().filter(|tool| !there(tool)).cloned().collect();
        if !missing.is_empty() {
            return Err(Unsupported::Tools { profile: release.name.clone(), missing });
        }
        let systemd_version = match &facts.systemd {
            Fact::Known(systemd) if systemd.booted => systemd.version,
            Fact::Known(_) | Fact::Absent => return Err(Unsupported::NoSystemd),
            Fact::Failed(_) => release.systemd_version,
        };
        Ok(Self::new(release.clone(), os, facts, systemd_version))
    }

    fn new(release: data::Release, os: &OsRelease, facts: &Facts, systemd_version: u32) -> Self {
        let nginx = facts.programs.known().and_then(|programs| programs.nginx.known());
        let services = if release.starts_services { ServiceStart::OnInstall } else { ServiceStart::Never };
        Self {
            name: release.name,
            pretty_name: os.pretty_name.clone(),
            family: release.family,
            manager: release.manager,
            packages: release.packages,
            pythons: release.pythons,
            nginx: release.nginx,
            system: release.system,
            firewalls: release.firewalls,
            nginx_version: nginx.map_or(release.nginx_version, |nginx| nginx.version.clone()),
            systemd_version,
            services,
            install: release.install,
            refresh: release.refresh,
        }
    }

    /// The firewall that is in charge of the host: `None` when none is active.
    ///
    /// # Errors
    /// The reason, when a firewall could not be looked at.
    pub fn active_firewall(&self, facts: &Facts) -> Result<Option<FirewallKind>, Unsupported> {
        let firewalls = install::known(&facts.firewalls, "the firewall")?;
        let unknown = |reason: &str| Unsupported::Unknown { subject: "the firewall".into(), reason: reason.to_owned() };
        for kind in &self.firewalls {
            let active = match kind {
                FirewallKind::Firewalld => firewalls.firewalld.present().map_err(unknown)?.is_some_and(|f| f.active),
                FirewallKind::Ufw => firewalls.ufw.present().map_err(unknown)?.is_some_and(|f| f.active),
                FirewallKind::Nftables => {
                    let chains = firewalls.nftables.present().map_err(unknown)?;
                    chains.is_some_and(|chains| chains.iter().any(|c| c.hook == "input" && c.policy == "drop"))
                }
            };
            if active {
                return Ok(Some(*kind));
            }
        }
        Ok(None)
    }
}

fn find<'a>(releases: &'a [data::Release], os: &OsRelease) -> Option<&'a data::Release> {
    let version = os.version_id.as_ref()?;
    let fits = |release: &&data::Release| version.starts_with(&release.version);
    let by_id = releases.iter().filter(fits).find(|release| release.ids.contains(&os.id));
    by_id.or_else(|| {
        let like = |release: &&data::Release| os.id_like.iter().any(|like| release.like.contains(like));
        releases.iter().filter(fits).find(like)
    })
}

/// Every package that any profile names, sorted: what a sweep asks about before the profile is known.
pub fn all_packages() -> Vec<String> {
    let releases = data::releases().unwrap_or_default();
    let named = releases.iter().flat_map(|release| {
        let pythons = release.pythons.iter().flat_map(|offer| offer.packages.iter().chain(&offer.development));
        release.packages.values().flatten().chain(pythons)
    });
    let names: BTreeSet<&String> = named.collect();
    names.into_iter().cloned().collect()
}
