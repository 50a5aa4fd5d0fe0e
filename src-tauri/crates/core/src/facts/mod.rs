//! What is observed on a host.
//!
//! Each subject is a pure pair: `command()` says how to look, `parse(&Output)` says what was seen. Probes only
//! read, and are constant POSIX shell scripts with a framed reply whose end is marked, so that a reply that was
//! cut or tampered with is a failed fact and never a wrong one. Nothing here decides what to do about a fact.

pub mod accounts;
pub mod nginx_sites;
pub mod owned;
pub mod packages;
pub mod paths;
pub mod programs;
pub mod security;
pub mod sockets;
pub mod storage;
pub mod system;
pub mod units;
mod version;

use serde::{Deserialize, Serialize};

pub use version::{NotAVersion, Version};

use crate::fact::Fact;

/// Everything that one sweep sees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Distribution.
    pub os: Fact<system::OsRelease>,
    /// Running kernel.
    pub kernel: Fact<system::Kernel>,
    /// Host name.
    pub hostname: Fact<String>,
    /// systemd; absent where it is not installed.
    pub systemd: Fact<system::Systemd>,
    /// This boot.
    pub boot: Fact<system::Boot>,
    /// Kind of virtual machine or container, for example `kvm`; absent on bare metal.
    pub virtualization: Fact<String>,
    /// Memory.
    pub memory: Fact<system::Memory>,
    /// Processors and load.
    pub cpu: Fact<system::Cpu>,
    /// Clock.
    pub clock: Fact<system::Clock>,
    /// Mounted file systems.
    pub disks: Fact<Vec<storage::Disk>>,
    /// Packages.
    pub packages: Fact<packages::Packages>,
    /// Programs and their versions.
    pub programs: Fact<programs::Programs>,
    /// Users.
    pub users: Fact<Vec<accounts::User>>,
    /// Groups.
    pub groups: Fact<Vec<accounts::Group>>,
    /// Listening TCP sockets.
    pub listeners: Fact<Vec<sockets::Listener>>,
    /// SELinux; absent where there is none.
    pub selinux: Fact<security::Selinux>,
    /// Firewalls.
    pub firewalls: Fact<security::Firewalls>,
    /// nginx's server blocks; absent without a configuration.
    pub nginx_sites: Fact<nginx_sites::NginxSites>,
    /// What Slipway left there.
    pub owned: Fact<owned::Owned>,
}
