//! What differs between distributions, as data.
//!
//! Profiles live in `templates/profiles/*.toml`. Everything else asks the resolved [`HostProfile`]; no other code
//! looks at the name of a distribution.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::facts::Version;

/// How to treat one host, resolved from its facts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostProfile {
    /// Profile name, for example `rhel-9` or `ubuntu-24.04`.
    pub name: String,
    /// For people: what the host calls itself.
    pub pretty_name: String,
    /// Family, which also selects names in a site file's `packages`.
    pub family: crate::facts::system::Family,
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
}

/// A package manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PackageManager {
    /// apt-get and dpkg.
    Apt,
    /// dnf and rpm.
    Dnf,
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
    /// Main configuration file.
    pub main: String,
    /// Directory whose `*.conf` the `http` block includes.
    pub sites: String,
    /// Directory of logs.
    pub logs: String,
    /// Pid file.
    pub pid: String,
    /// Default server block that the package brings, if it lies in a file of its own.
    #[serde(default)]
    pub default_site: Option<String>,
}

/// Paths and names of the system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SystemLayout {
    /// Shell of users that must not log in.
    pub nologin: String,
    /// Group that reads logs.
    pub log_group: String,
    /// Directory of the operator's units.
    pub units: String,
    /// Directory of sudoers files.
    pub sudoers: String,
    /// Directory of logrotate files.
    pub logrotate: String,
    /// Directory of tmpfiles.d files.
    pub tmpfiles: String,
    /// Directory of certificates.
    pub certificates: String,
    /// Directory of private keys.
    pub private_keys: String,
    /// File with the certificates of trusted authorities.
    pub authorities: String,
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
