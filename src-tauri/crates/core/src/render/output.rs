//! What rendering produces: files and units, the bundle of a release.

use serde::{Deserialize, Serialize};

use crate::secret::Secret;
use crate::site::{Name, Ready};

/// Everything rendered for one site on one host.
#[derive(Debug, Clone)]
pub struct Rendered {
    /// Files in the order in which a person wants to review them.
    pub files: Vec<RenderedFile>,
    /// Units to enable and start.
    pub units: UnitSet,
}

/// One file on the host.
#[derive(Debug, Clone)]
pub struct RenderedFile {
    /// Absolute path.
    pub path: String,
    /// Owning user.
    pub owner: String,
    /// Owning group.
    pub group: String,
    /// Permission bits.
    pub mode: u32,
    /// What is in it.
    pub content: Content,
    /// What it is for.
    pub role: FileRole,
}

impl RenderedFile {
    /// The text to review and to compare: as it is, or with every secret replaced by its fingerprint.
    pub fn masked(&self) -> &str {
        match &self.content {
            Content::Text(text) => text,
            Content::Secret(secret) => &secret.masked,
        }
    }

    /// The bytes to write.
    pub fn bytes(&self) -> &[u8] {
        match &self.content {
            Content::Text(text) => text.as_bytes(),
            Content::Secret(secret) => secret.value.expose(),
        }
    }
}

/// What is in a file.
#[derive(Debug, Clone)]
pub enum Content {
    /// Text that may be shown.
    Text(String),
    /// Bytes that must not be seen.
    Secret(SecretContent),
}

/// Secret bytes and the text that stands for them.
#[derive(Debug, Clone)]
pub struct SecretContent {
    /// The bytes to write.
    pub value: Secret,
    /// The same text with `•••••• (fingerprint 1a2b3c4d)` in place of each secret value.
    pub masked: String,
}

/// What a file is for, and so who reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileRole {
    /// systemd: daemon-reload after a change.
    SystemdUnit,
    /// nginx: test and reload after a change.
    NginxSite,
    /// Password file of nginx, read at each request.
    NginxAuth,
    /// Environment of the processes: restart after a change.
    Environment,
    /// gunicorn's configuration: restart after a change.
    GunicornConfig,
    /// A secret file of the application.
    SecretFile,
    /// A configuration file of the application.
    AppConfig,
    /// logrotate reads it at its next run.
    Logrotate,
    /// sudo reads it at each use; check with `visudo -c` before it goes live.
    Sudoers,
    /// nftables rules, loaded by their unit.
    Firewall,
    /// A certificate or its key: nginx must reload after a change.
    Certificate,
}

/// The units of a site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitSet {
    /// `S.target`: stopping it stops the site.
    pub target: String,
    /// The slice that all processes share.
    pub slice: String,
    /// Processes in start order.
    pub processes: Vec<ProcessUnits>,
}

impl UnitSet {
    /// Every socket instance, in start order.
    pub fn sockets(&self) -> impl Iterator<Item = &str> {
        self.processes.iter().flat_map(|p| &p.instances).filter_map(|i| i.socket.as_deref())
    }

    /// Every service instance, in start order.
    pub fn services(&self) -> impl Iterator<Item = &str> {
        self.processes.iter().flat_map(|p| &p.instances).map(|i| i.service.as_str())
    }
}

/// The units of one process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessUnits {
    /// The process.
    pub process: Name,
    /// File name of its service template, `S-PROCESS@.service`.
    pub service_template: String,
    /// File name of its socket template when systemd holds its ports.
    pub socket_template: Option<String>,
    /// How systemd knows that it is up.
    pub ready: Ready,
    /// Its instances, to be enabled and started.
    pub instances: Vec<UnitInstance>,
    /// Instances of the other port set, which must not run once a release has switched (`listen = "port"`).
    pub standby: Vec<UnitInstance>,
}

/// One instance of a process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitInstance {
    /// Instance name: its port, or 1, 2, … for a process without one.
    pub name: String,
    /// Its port on 127.0.0.1.
    pub port: Option<u16>,
    /// `S-PROCESS@NAME.service`, which starts the generation of the live release.
    pub service: String,
    /// `S-PROCESS.NAME`: what its generations are called before the `@`, and their template.
    pub slot: String,
    /// `S-PROCESS@NAME.socket` when systemd holds the port.
    pub socket: Option<String>,
}

/// Ports that processes open themselves and that only the host may reach.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortGuard {
    /// The one-shot unit that loads the rules before the processes start; needs nftables.
    pub unit: String,
    /// The ports.
    pub ports: GuardedPorts,
}

/// Ports that rules are about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardedPorts {
    /// All of them, with those of both sets.
    pub all: std::collections::BTreeSet<u16>,
    /// Those that processes open themselves, perhaps on every interface.
    pub open: std::collections::BTreeSet<u16>,
}
