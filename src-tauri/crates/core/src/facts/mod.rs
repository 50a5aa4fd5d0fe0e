//! What is observed on a host.
//!
//! Each subject is a pure pair: `command()` says how to look, `parse(&Output)` says what was seen. Probes only
//! read, and are constant POSIX shell scripts with a framed reply whose end is marked, so that a reply that was
//! cut or tampered with is a failed fact and never a wrong one. Nothing here decides what to do about a fact.

pub mod accounts;
pub mod load;
pub mod nginx_sites;
mod nginx_tokens;
pub mod overview;
pub mod packages;
pub mod paths;
pub mod programs;
pub mod records;
mod reply;
pub mod security;
pub mod sockets;
pub mod storage;
pub mod system;
pub mod units;
pub mod updates;
mod version;

use serde::{Deserialize, Serialize};

pub use version::{NotAVersion, Version};

use crate::command::{Command, Output};
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
    pub packages: Fact<packages::PackageSystem>,
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
    pub records: Fact<records::HostRecords>,
}

/// What facts are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sweep {
    /// To show them: everything.
    Overview,
    /// To plan: without what no plan depends on and takes a host its time, which is whether its clock is kept right.
    Planning,
}

/// Number of commands in a sweep.
const PROBES: usize = 9;

/// The commands that together see everything, and which of `packages` are installed; they are independent and meant for
/// one batch. Which packages matter depends on the distribution, which is not known yet: ask about all.
pub fn sweep(packages: &[String], purpose: Sweep) -> Vec<Command> {
    let probes: [Command; PROBES] = [
        system::command(purpose),
        storage::command(),
        packages::command(packages),
        programs::command(),
        accounts::command(),
        sockets::command(),
        security::command(),
        nginx_sites::command(),
        records::command(),
    ];
    probes.into()
}

/// Reads the answers to [`sweep`], in its order. A wrong number of answers fails every fact.
pub fn parse_sweep(outputs: &[Output]) -> Facts {
    let [machine, disks, packages, programs, accounts, sockets, security, nginx, records] = outputs else {
        return Facts::failed(&format!("{} answers came back instead of {PROBES}", outputs.len()));
    };
    let (machine, accounts, security) = (system::parse(machine), accounts::parse(accounts), security::parse(security));
    Facts {
        os: machine.os,
        kernel: machine.kernel,
        hostname: machine.hostname,
        systemd: machine.systemd,
        boot: machine.boot,
        virtualization: machine.virtualization,
        memory: machine.memory,
        cpu: machine.cpu,
        clock: machine.clock,
        disks: storage::parse(disks),
        packages: packages::parse(packages),
        programs: programs::parse(programs),
        users: accounts.users,
        groups: accounts.groups,
        listeners: sockets::parse(sockets),
        selinux: security.selinux,
        firewalls: security.firewalls,
        nginx_sites: nginx_sites::parse(nginx),
        records: records::parse(records),
    }
}

impl Facts {
    /// Facts of a host about which nothing could be learned, for this reason.
    pub fn failed(reason: &str) -> Self {
        Self {
            os: Fact::Failed(reason.into()),
            kernel: Fact::Failed(reason.into()),
            hostname: Fact::Failed(reason.into()),
            systemd: Fact::Failed(reason.into()),
            boot: Fact::Failed(reason.into()),
            virtualization: Fact::Failed(reason.into()),
            memory: Fact::Failed(reason.into()),
            cpu: Fact::Failed(reason.into()),
            clock: Fact::Failed(reason.into()),
            disks: Fact::Failed(reason.into()),
            packages: Fact::Failed(reason.into()),
            programs: Fact::Failed(reason.into()),
            users: Fact::Failed(reason.into()),
            groups: Fact::Failed(reason.into()),
            listeners: Fact::Failed(reason.into()),
            selinux: Fact::Failed(reason.into()),
            firewalls: Fact::Failed(reason.into()),
            nginx_sites: Fact::Failed(reason.into()),
            records: Fact::Failed(reason.into()),
        }
    }
}
