//! What systemd takes away from a process, as data: directive, the version that introduced it, who gets it.
//!
//! Versions are those of systemd.exec(5) and systemd.resource-control(5) ("Added in version"). A directive that
//! the host's systemd does not know would only be a warning there, but also a false promise in a review.

use crate::site::{Hardening, RuntimeKind, Site};

/// One directive.
struct Directive {
    line: &'static str,
    since: u32,
    /// The most permissive level that still has it.
    level: Hardening,
    /// Runtimes that cannot work with it.
    not: &'static [RuntimeKind],
}

const fn strict(line: &'static str, since: u32) -> Directive {
    Directive { line, since, level: Hardening::Strict, not: &[] }
}

const fn standard(line: &'static str, since: u32) -> Directive {
    Directive { line, since, level: Hardening::Standard, not: &[] }
}

/// PrivateUsers= is not among them: it maps the groups that open local sockets (of a database, say) to nobody.
const TABLE: [Directive; 31] = [
    Directive { line: "PrivateTmp=true", since: 0, level: Hardening::Minimal, not: &[] },
    // A dump would hold the secrets of the environment.
    Directive { line: "LimitCORE=0", since: 0, level: Hardening::Minimal, not: &[] },
    standard("NoNewPrivileges=true", 187),
    standard("ProtectSystem=strict", 232),
    standard("ProtectHome=true", 214),
    standard("PrivateDevices=true", 209),
    standard("DevicePolicy=closed", 208),
    standard("ProtectKernelTunables=true", 232),
    standard("ProtectKernelModules=true", 232),
    standard("ProtectKernelLogs=true", 244),
    standard("ProtectControlGroups=true", 232),
    standard("ProtectClock=true", 245),
    standard("ProtectHostname=true", 242),
    standard("ProtectProc=invisible", 247),
    // Hides /proc/cpuinfo and /proc/meminfo; Node's os.cpus() would be empty.
    Directive { line: "ProcSubset=pid", since: 247, level: Hardening::Strict, not: &[RuntimeKind::Node] },
    standard("RestrictNamespaces=true", 233),
    standard("RestrictRealtime=true", 231),
    standard("RestrictSUIDSGID=true", 242),
    standard("LockPersonality=true", 235),
    // V8 makes code at run time.
    Directive { line: "MemoryDenyWriteExecute=true", since: 231, level: Hardening::Strict, not: &[RuntimeKind::Node] },
    standard("RemoveIPC=true", 232),
    standard("KeyringMode=private", 235),
    standard("CapabilityBoundingSet=", 0),
    standard("AmbientCapabilities=", 229),
    Directive {
        line: "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX",
        since: 211,
        level: Hardening::Strict,
        not: &[RuntimeKind::Node],
    },
    // libuv's network interfaces come from getifaddrs(3), which asks over netlink.
    Directive {
        line: "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK",
        since: 211,
        level: Hardening::Strict,
        not: &[RuntimeKind::Python, RuntimeKind::Command, RuntimeKind::Static],
    },
    standard("SystemCallArchitectures=native", 209),
    strict("SystemCallFilter=@system-service", 239),
    strict("SystemCallFilter=~@privileged @resources", 239),
    strict("SystemCallErrorNumber=EPERM", 209),
    strict("PrivateMounts=true", 239),
];

/// The directives for `level` and `runtime` that systemd `version` knows, in a stable order.
pub(crate) fn directives(level: Hardening, runtime: RuntimeKind, version: u32) -> Vec<String> {
    TABLE
        .iter()
        .filter(|directive| directive.since <= version)
        .filter(|directive| rank(directive.level) <= rank(level))
        .filter(|directive| !directive.not.contains(&runtime))
        .map(|directive| directive.line.to_owned())
        .collect()
}

/// What a program that the site file names is fenced in by, when it runs beside the units of the site: what its processes have.
/// Each as `NAME=VALUE`, as systemd-run(1) takes it.
pub fn fence(site: &Site, version: u32) -> Vec<String> {
    let mut all = directives(site.hardening, site.runtime.kind, version);
    if !site.access.outbound.is_empty() {
        all.extend(["IPAddressDeny=any", "IPAddressAllow=localhost"].map(str::to_owned));
        all.extend(site.access.outbound.iter().map(|network| format!("IPAddressAllow={}", network.as_str())));
    }
    all
}

/// What builds can work without, each with the version of systemd that introduced it: the standard level, but that a build may
/// make namespaces, which browsers and packagers do to fence themselves in.
pub fn of_build() -> impl Iterator<Item = (u32, &'static str)> {
    let level = |directive: &&Directive| rank(directive.level) <= rank(Hardening::Standard);
    let own = |directive: &&Directive| !directive.line.starts_with("RestrictNamespaces=");
    TABLE.iter().filter(level).filter(own).map(|directive| (directive.since, directive.line))
}

/// The directives for what does nothing but ask systemd for something. It must see process 1: systemctl(1) takes a /proc
/// without it for a chroot, and then does nothing.
pub(crate) fn of_starter(version: u32) -> Vec<String> {
    let own = ["ProtectProc", "ProcSubset", "RestrictAddressFamilies"];
    let mut lines = directives(Hardening::Strict, RuntimeKind::Command, version);
    lines.retain(|line| !own.iter().any(|start| line.starts_with(start)));
    lines
}

/// The directives for what loads rules of the packet filter: it may do that, look users up, and nothing else.
pub(crate) fn of_guard(version: u32) -> Vec<String> {
    let own = ["CapabilityBoundingSet", "RestrictAddressFamilies"];
    let mut lines = directives(Hardening::Strict, RuntimeKind::Command, version);
    lines.retain(|line| !own.iter().any(|start| line.starts_with(start)));
    lines.extend(
        ["CapabilityBoundingSet=CAP_NET_ADMIN", "RestrictAddressFamilies=AF_NETLINK AF_UNIX", "IPAddressDeny=any"]
            .map(str::to_owned),
    );
    lines
}

fn rank(level: Hardening) -> u8 {
    match level {
        Hardening::Minimal => 0,
        Hardening::Standard => 1,
        Hardening::Strict => 2,
    }
}
