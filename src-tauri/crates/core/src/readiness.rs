//! Whether a host is ready for a site: what a person should know before planning, each with what to do about it.
//!
//! Pure: facts of the host and what this computer saw of it from outside come in as values. A fact that could not be
//! read is `Unknown` here and never `Ok`. Nothing here blocks anything: planning has blockers of its own.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::fact::Fact;
use crate::facts::Facts;
use crate::facts::Version;
use crate::facts::security::SelinuxMode;
use crate::facts::storage::Disk;
use crate::facts::system::Family;
use crate::profile::{FirewallKind, HostProfile, Need};
use crate::runtime::{installed_python, needs};
use crate::site::{Listen, RuntimeKind, Site, TlsMode};

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// As it must be.
    Ok,
    /// It could not be seen.
    Unknown,
    /// It works, or may work, but a person should look.
    Watch,
    /// It will not work like this.
    Fail,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Stable, for programs, for example `disk`; `dns:DOMAIN` and `reach:PORT` for those that there are several of.
    pub id: String,
    /// What was checked, for people.
    pub label: String,
    /// How it ended.
    pub state: State,
    /// What was seen.
    pub detail: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// How commands become root's on the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Root {
    /// They do: a connection is open.
    Yes,
    /// They do not, and why.
    No(String),
    /// It was not tried.
    Untried,
}

/// What a name means to this computer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lookup {
    /// These addresses; at least one.
    Found(Vec<IpAddr>),
    /// There is no such name, or it has no address.
    Nothing(String),
    /// The question was not answered.
    Failed(String),
}

/// What happens when this computer connects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reach {
    /// Something answers.
    Open,
    /// The host is there, and nothing listens.
    Refused,
    /// No answer came.
    Silent,
    /// It could not be tried, or ended in another way.
    Failed(String),
}

/// What this computer sees of the host from outside.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outside {
    /// The address that connections are made to, as the operator wrote it.
    pub address: String,
    /// What it means; none when it was not looked up.
    pub resolved: Option<Lookup>,
    /// What each domain of the site means.
    pub domains: Vec<(String, Lookup)>,
    /// What answers at ports 80 and 443.
    pub ports: Vec<(u16, Reach)>,
}

/// What the checks need besides facts.
#[derive(Debug, Clone)]
pub struct Input<'a> {
    /// The site that is to run there, as far as it is known.
    pub site: Option<&'a Site>,
    /// Whether commands become root's.
    pub root: Root,
    /// The view from outside; none when it was not looked at.
    pub outside: Option<&'a Outside>,
}

const GIB: u64 = 1 << 30;
const MIB: u64 = 1 << 20;
/// Memory that an instance without a limit of its own is counted with.
const USUAL_INSTANCE: u64 = 256 * MIB;

/// Every check, in the order in which they are shown.
pub fn checks(facts: &Facts, input: &Input<'_>) -> Vec<Check> {
    let profile = HostProfile::resolve(facts);
    let known = profile.as_ref().ok();
    let mut all = vec![distribution(facts, &profile), systemd(facts), root(&input.root)];
    all.push(disks(facts));
    all.push(memory(facts, input.site));
    all.push(cpu(facts));
    all.extend(web_ports(facts, known, input.site));
    all.extend(input.site.map(|site| application_ports(facts, site)));
    all.extend(input.site.zip(known).and_then(|(site, profile)| runtime(facts, site, profile)));
    all.push(selinux(facts));
    all.push(firewall(facts, known));
    all.push(clock(facts));
    if let Some(outside) = input.outside {
        all.extend(outside.domains.iter().map(|(domain, lookup)| domain_check(facts, outside, domain, lookup)));
        all.extend(outside.ports.iter().map(|(port, reach)| reached(*port, reach)));
    }
    all
}

fn check(id: &str, label: &str, state: State, detail: impl Into<String>, hint: &str) -> Check {
    let hint = (!hint.is_empty()).then(|| hint.to_owned());
    Check { id: id.into(), label: label.into(), state, detail: detail.into(), hint }
}

/// The value, or the check that says why there is none.
fn seen<'a, T>(fact: &'a Fact<T>, id: &str, label: &str) -> Result<&'a T, Check> {
    match fact {
        Fact::Known(value) => Ok(value),
        Fact::Absent => Err(check(id, label, State::Unknown, "the host does not say", "")),
        Fact::Failed(why) => {
            let hint = "look again; what could not be read is not taken for good";
            Err(check(id, label, State::Unknown, format!("it could not be read: {why}"), hint))
        }
    }
}

fn distribution(facts: &Facts, profile: &Result<HostProfile, crate::profile::Unsupported>) -> Check {
    const LABEL: &str = "Distribution";
    let os = match seen(&facts.os, "distribution", LABEL) {
        Ok(os) => os,
        Err(unknown) => return unknown,
    };
    match profile {
        Ok(profile) => {
            check("distribution", LABEL, State::Ok, format!("{}, treated as {}", os.pretty_name, profile.name), "")
        }
        Err(crate::profile::Unsupported::Unknown { subject, reason }) => check(
            "distribution",
            LABEL,
            State::Unknown,
            format!("{}; {subject}: {reason}", os.pretty_name),
            "look again",
        ),
        Err(why) => {
            let hint = match os.family {
                Family::Debian | Family::Rhel => {
                    "use a release that is supported: Debian 11 to 13, Ubuntu 22.04 and 24.04, RHEL and its relatives 8 to 10"
                }
                Family::Other => "Slipway works with Debian, Ubuntu, RHEL and their relatives",
            };
            check("distribution", LABEL, State::Fail, format!("{}: {why}", os.pretty_name), hint)
        }
    }
}

fn systemd(facts: &Facts) -> Check {
    const LABEL: &str = "systemd";
    match &facts.systemd {
        Fact::Known(systemd) if systemd.booted && systemd.version >= 239 => {
            check("systemd", LABEL, State::Ok, format!("version {}", systemd.version), "")
        }
        Fact::Known(systemd) if systemd.booted => {
            let hint = "systemd 239 (RHEL 8) is the oldest that is tested";
            check("systemd", LABEL, State::Watch, format!("version {}", systemd.version), hint)
        }
        Fact::Known(_) | Fact::Absent => {
            let hint = "sites are run by systemd; use a host or container that boots with it";
            check("systemd", LABEL, State::Fail, "the host is not run by systemd", hint)
        }
        Fact::Failed(why) => {
            check("systemd", LABEL, State::Unknown, format!("it could not be read: {why}"), "look again")
        }
    }
}

fn root(root: &Root) -> Check {
    const LABEL: &str = "Root access";
    match root {
        Root::Yes => check("root", LABEL, State::Ok, "commands run as root", ""),
        Root::No(why) => {
            let hint = "log in as root, or as a user who may use sudo";
            check("root", LABEL, State::Fail, why.clone(), hint)
        }
        Root::Untried => check("root", LABEL, State::Unknown, "it was not tried", "connect to the host"),
    }
}

/// The file system that holds `path`: the longest mount point above it.
fn holding<'a>(disks: &'a [Disk], path: &str) -> Option<&'a Disk> {
    let above = |mount: &str| {
        mount == "/" || path.strip_prefix(mount).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    disks.iter().filter(|disk| above(&disk.mount)).max_by_key(|disk| disk.mount.len())
}

fn disks(facts: &Facts) -> Check {
    const LABEL: &str = "Free disk space";
    let disks = match seen(&facts.disks, "disk", LABEL) {
        Ok(disks) => disks,
        Err(unknown) => return unknown,
    };
    // Releases; packages, logs and records; what builds write on the way.
    let mut mounts: Vec<&Disk> = Vec::new();
    for disk in ["/opt", "/var", "/var/lib", "/var/log"].into_iter().filter_map(|path| holding(disks, path)) {
        if !mounts.iter().any(|known| known.mount == disk.mount) {
            mounts.push(disk);
        }
    }
    let Some(tightest) = mounts.iter().min_by_key(|disk| disk.free) else {
        return check("disk", LABEL, State::Unknown, "no file system holds /opt", "look again");
    };
    let detail: Vec<String> = mounts.iter().map(|disk| format!("{} free on {}", size(disk.free), disk.mount)).collect();
    let inodes = mounts.iter().find(|disk| disk.inodes > 0 && disk.inodes_free < 20_000);
    let (state, hint) = match (tightest.free, inodes) {
        (free, _) if free < GIB => {
            (State::Fail, "make room: a release, its environment and the packages need about 2 GiB")
        }
        (_, Some(disk)) if disk.inodes_free < 2_000 => {
            (State::Fail, "the file system can hold hardly any more files: remove some")
        }
        (free, _) if free < 2 * GIB => (State::Watch, "it is enough for a small site; releases that are kept add up"),
        (_, Some(_)) => {
            (State::Watch, "the file system can hold few more files; an environment of Python has thousands")
        }
        (_, None) => (State::Ok, ""),
    };
    check("disk", LABEL, state, detail.join(", "), hint)
}

fn size(bytes: u64) -> String {
    if bytes >= 10 * GIB {
        format!("{} GiB", bytes / GIB)
    } else if bytes >= GIB {
        format!("{}.{} GiB", bytes / GIB, bytes % GIB * 10 / GIB)
    } else {
        format!("{} MiB", bytes / MIB)
    }
}

/// Memory that the site's instances may need at the same time.
fn appetite(site: &Site) -> u64 {
    let of = |process: &crate::site::Process| {
        let workers = process.gunicorn.as_ref().map_or(1, |gunicorn| gunicorn.workers.max(1));
        let usual = USUAL_INSTANCE.saturating_mul(u64::from(workers));
        let each = process.resources.memory.as_ref().map_or(usual, |limit| limit.bytes().min(usual));
        // A set of ports of its own means that the new release stands beside the old one for a while.
        let sets = if process.port.is_some() && process.listen == Listen::Port { 2 } else { 1 };
        each.saturating_mul(u64::from(process.instances)).saturating_mul(sets)
    };
    site.process.values().map(of).fold(0, u64::saturating_add)
}

fn memory(facts: &Facts, site: Option<&Site>) -> Check {
    const LABEL: &str = "Memory";
    let memory = match seen(&facts.memory, "memory", LABEL) {
        Ok(memory) => memory,
        Err(unknown) => return unknown,
    };
    let usable = memory.available.saturating_add(memory.swap_free);
    let detail = format!("{} of {} available", size(memory.available), size(memory.total));
    let need = site.map_or(USUAL_INSTANCE, appetite);
    let detail = match site {
        Some(site) => {
            let instances: u32 = site.process.values().map(|process| process.instances).fold(0, u32::saturating_add);
            let plural = if instances == 1 { "instance" } else { "instances" };
            format!("{detail}; {instances} {plural} may take about {}", size(need))
        }
        None => detail,
    };
    match () {
        () if memory.total < 400 * MIB => check(
            "memory",
            LABEL,
            State::Fail,
            detail,
            "use a machine with 1 GiB or more; installing packages needs some, too",
        ),
        () if usable < need => check(
            "memory",
            LABEL,
            State::Watch,
            detail,
            "use fewer instances or workers, a larger machine, or add swap",
        ),
        () => check("memory", LABEL, State::Ok, detail, ""),
    }
}

fn cpu(facts: &Facts) -> Check {
    const LABEL: &str = "Processors";
    let cpu = match seen(&facts.cpu, "cpu", LABEL) {
        Ok(cpu) => cpu,
        Err(unknown) => return unknown,
    };
    let [_, _, quarter] = cpu.load_hundredths;
    let plural = if cpu.count == 1 { "processor" } else { "processors" };
    let detail = format!("{} {plural}, load {}.{:02} over 15 minutes", cpu.count, quarter / 100, quarter % 100);
    if quarter > cpu.count.saturating_mul(100) {
        check("cpu", LABEL, State::Watch, detail, "the host is busy already: builds will be slow, and so will the site")
    } else {
        check("cpu", LABEL, State::Ok, detail, "")
    }
}

/// Who holds a port; none when nobody does.
fn holders(facts: &Facts, port: u16) -> Result<Option<Vec<String>>, &str> {
    let Some(listeners) = facts.listeners.present()? else { return Ok(None) };
    let mut names = BTreeSet::new();
    let mut held = false;
    for listener in listeners.iter().filter(|listener| listener.port == port) {
        held = true;
        names.extend(listener.processes.iter().map(|holder| holder.name.clone()));
    }
    Ok(held.then(|| names.into_iter().collect()))
}

fn web_ports(facts: &Facts, profile: Option<&HostProfile>, site: Option<&Site>) -> Vec<Check> {
    let encrypted = site.is_none_or(|site| site.tls.mode != TlsMode::None);
    let nginx = profile.map_or("nginx", |profile| profile.nginx.unit.trim_end_matches(".service"));
    let of = |port: u16| {
        let (id, label) = (format!("port:{port}"), format!("Port {port}"));
        match holders(facts, port) {
            Err(why) => check(&id, &label, State::Unknown, format!("it could not be read: {why}"), "look again"),
            Ok(None) => check(&id, &label, State::Ok, "free; nginx will take it", ""),
            Ok(Some(names)) if names.is_empty() => check(
                &id,
                &label,
                State::Watch,
                "something holds it, and the host does not say what",
                "ss -tlnp on the host may tell",
            ),
            Ok(Some(names)) if names.iter().all(|name| name == "nginx" || name == nginx) => {
                check(&id, &label, State::Ok, "nginx holds it; the site becomes one more of its servers", "")
            }
            Ok(Some(names)) => {
                let detail = format!("{} holds it", names.join(", "));
                check(
                    &id,
                    &label,
                    State::Fail,
                    detail,
                    "stop and disable that program, or move it to another port: nginx needs this one",
                )
            }
        }
    };
    [80_u16, 443].into_iter().filter(|port| *port == 80 || encrypted).map(of).collect()
}

fn application_ports(facts: &Facts, site: &Site) -> Check {
    const LABEL: &str = "Ports of the application";
    let mut ports: Vec<u16> = Vec::new();
    for process in site.process.values() {
        let Some(first) = process.port else { continue };
        let sets: &[u32] = if process.listen == Listen::Port { &[0, 1000] } else { &[0] };
        for set in sets {
            let wanted = (0..process.instances.min(64)).map(|instance| u32::from(first) + set + instance);
            ports.extend(wanted.filter_map(|port| u16::try_from(port).ok()));
        }
    }
    let shown = |ports: &[u16]| ports.iter().map(u16::to_string).collect::<Vec<_>>().join(", ");
    if ports.is_empty() {
        return check("application-ports", LABEL, State::Ok, "the site needs none", "");
    }
    let mut taken = Vec::new();
    for port in &ports {
        match holders(facts, *port) {
            Err(why) => {
                return check(
                    "application-ports",
                    LABEL,
                    State::Unknown,
                    format!("they could not be read: {why}"),
                    "look again",
                );
            }
            Ok(Some(names)) => taken.push(match names.as_slice() {
                [] => format!("{port} is held"),
                names => format!("{port} is held by {}", names.join(", ")),
            }),
            Ok(None) => {}
        }
    }
    if taken.is_empty() {
        return check("application-ports", LABEL, State::Ok, format!("free: {}", shown(&ports)), "");
    }
    let recorded = facts.records.known().and_then(|records| records.sites.get(&site.name));
    if recorded.is_some_and(|records| matches!(records.manifest, Fact::Known(_))) {
        let hint = "the site is deployed there already; these may be its own";
        return check("application-ports", LABEL, State::Watch, taken.join("; "), hint);
    }
    check(
        "application-ports",
        LABEL,
        State::Fail,
        taken.join("; "),
        "choose another port under process, or stop that program",
    )
}

fn runtime(facts: &Facts, site: &Site, profile: &HostProfile) -> Option<Check> {
    match site.runtime.kind {
        RuntimeKind::Python => Some(python(facts, site, profile)),
        RuntimeKind::Node => Some(node(facts, site, profile)),
        RuntimeKind::Static | RuntimeKind::Command if needs(site).contains(&Need::Node) => {
            Some(node(facts, site, profile))
        }
        RuntimeKind::Static | RuntimeKind::Command => None,
    }
}

fn python(facts: &Facts, site: &Site, profile: &HostProfile) -> Check {
    const LABEL: &str = "Python";
    if let Fact::Failed(why) = &facts.programs {
        return check("python", LABEL, State::Unknown, format!("it could not be read: {why}"), "look again");
    }
    if let Some(offer) = installed_python(site, profile, facts) {
        return check("python", LABEL, State::Ok, format!("Python {} is installed", offer.version), "");
    }
    let oldest: Option<Version> = site.runtime.version.as_ref().and_then(|text| text.parse().ok());
    match profile.python(oldest.as_ref(), facts, &std::collections::BTreeMap::new()) {
        Ok(offer) => check(
            "python",
            LABEL,
            State::Ok,
            format!("Python {} will be installed from the distribution", offer.version),
            "",
        ),
        Err(why) => check(
            "python",
            LABEL,
            State::Fail,
            why.to_string(),
            "lower runtime.version if the application allows it, or use a newer distribution",
        ),
    }
}

fn node(facts: &Facts, site: &Site, profile: &HostProfile) -> Check {
    const LABEL: &str = "Node.js";
    let programs = match seen(&facts.programs, "node", LABEL) {
        Ok(programs) => programs,
        Err(unknown) => return unknown,
    };
    let of_node = site.runtime.kind == RuntimeKind::Node;
    let oldest: Option<Version> = site.runtime.version.as_ref().filter(|_| of_node).and_then(|text| text.parse().ok());
    match &programs.node {
        Fact::Known(version) if oldest.as_ref().is_none_or(|oldest| version >= oldest) => {
            check("node", LABEL, State::Ok, format!("Node.js {version} is installed"), "")
        }
        Fact::Known(version) => {
            let wanted = oldest.map(|oldest| oldest.to_string()).unwrap_or_default();
            let hint = "install a newer one on the host, or lower runtime.version";
            check("node", LABEL, State::Fail, format!("Node.js {version} is installed, and {wanted} is wanted"), hint)
        }
        Fact::Absent if profile.packages_for(&[Need::Node]).is_empty() => check(
            "node",
            LABEL,
            State::Fail,
            "it is not installed, and the distribution has none",
            "install it on the host",
        ),
        Fact::Absent => {
            let names = profile.packages_for(&[Need::Node, Need::Npm]).join(", ");
            let hint = if oldest.is_some() {
                "which version that is, the distribution decides: compare it with runtime.version"
            } else {
                ""
            };
            let state = if oldest.is_some() { State::Watch } else { State::Ok };
            check("node", LABEL, state, format!("{names} will be installed from the distribution"), hint)
        }
        Fact::Failed(why) => check("node", LABEL, State::Unknown, format!("it could not be read: {why}"), "look again"),
    }
}

fn selinux(facts: &Facts) -> Check {
    const LABEL: &str = "SELinux";
    match &facts.selinux {
        Fact::Absent => check("selinux", LABEL, State::Ok, "there is none", ""),
        Fact::Failed(why) => {
            check("selinux", LABEL, State::Unknown, format!("it could not be read: {why}"), "look again")
        }
        Fact::Known(selinux) => match selinux.mode {
            SelinuxMode::Enforcing => {
                let hint = "nginx may be kept from the application: setsebool -P httpd_can_network_connect on lets it";
                check("selinux", LABEL, State::Watch, "enforcing", hint)
            }
            SelinuxMode::Permissive if selinux.configured == Some(SelinuxMode::Enforcing) => {
                let hint = "after a restart it denies what it only logs now: setsebool -P httpd_can_network_connect on";
                check("selinux", LABEL, State::Watch, "permissive until the next restart, then enforcing", hint)
            }
            SelinuxMode::Permissive => check("selinux", LABEL, State::Ok, "permissive: it only logs", ""),
            SelinuxMode::Disabled => check("selinux", LABEL, State::Ok, "disabled", ""),
        },
    }
}

fn firewall(facts: &Facts, profile: Option<&HostProfile>) -> Check {
    const LABEL: &str = "Firewall of the host";
    let Some(profile) = profile else {
        return check("firewall", LABEL, State::Unknown, "it depends on the distribution", "");
    };
    match profile.active_firewall(facts) {
        Ok(None) => check("firewall", LABEL, State::Ok, "none is active", ""),
        Ok(Some(FirewallKind::Firewalld)) => {
            check("firewall", LABEL, State::Ok, "firewalld; http and https will be allowed", "")
        }
        Ok(Some(FirewallKind::Ufw)) => check("firewall", LABEL, State::Ok, "ufw; ports 80 and 443 will be allowed", ""),
        Ok(Some(FirewallKind::Nftables)) => {
            let hint = "allow ports 80 and 443 in them yourself: Slipway does not edit rules written by hand";
            check("firewall", LABEL, State::Watch, "nftables rules that drop what they do not name", hint)
        }
        Err(why) => check("firewall", LABEL, State::Unknown, why.to_string(), "look again"),
    }
}

fn clock(facts: &Facts) -> Check {
    const LABEL: &str = "Clock";
    let clock = match seen(&facts.clock, "clock", LABEL) {
        Ok(clock) => clock,
        Err(unknown) => return unknown,
    };
    match clock.synchronized {
        Some(true) => check("clock", LABEL, State::Ok, "kept right by NTP", ""),
        Some(false) => {
            let hint = "certificates and logins depend on the time: install chrony, or timedatectl set-ntp true";
            check("clock", LABEL, State::Watch, "not kept right by NTP", hint)
        }
        None => check(
            "clock",
            LABEL,
            State::Unknown,
            "the host does not say whether NTP keeps it right",
            "timedatectl may tell",
        ),
    }
}

/// Addresses that are the host's: those it listens on, and those that its own address means.
fn addresses(facts: &Facts, outside: &Outside) -> BTreeSet<IpAddr> {
    let listening = facts.listeners.known().into_iter().flatten().filter_map(|listener| listener.address);
    let own = listening.filter(|address| !address.is_unspecified() && !address.is_loopback());
    let literal = outside.address.trim_matches(['[', ']']).parse().ok();
    let resolved = match &outside.resolved {
        Some(Lookup::Found(addresses)) => addresses.clone(),
        Some(Lookup::Nothing(_) | Lookup::Failed(_)) | None => Vec::new(),
    };
    own.chain(literal).chain(resolved).map(|address| address.to_canonical()).collect()
}

fn is_private(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_private() || address.is_loopback() || address.is_link_local(),
        IpAddr::V6(address) => address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local(),
    }
}

fn domain_check(facts: &Facts, outside: &Outside, domain: &str, lookup: &Lookup) -> Check {
    let (id, label) = (format!("dns:{domain}"), format!("Domain {domain}"));
    let listed = |addresses: &[IpAddr]| addresses.iter().take(6).map(IpAddr::to_string).collect::<Vec<_>>().join(", ");
    let found = match lookup {
        Lookup::Found(found) => found,
        Lookup::Nothing(why) => {
            let detail = format!("this computer finds no address for it: {why}");
            let hint = "add an A or AAAA record that leads to the host; until then nobody finds the site by its name";
            return check(&id, &label, State::Watch, detail, hint);
        }
        Lookup::Failed(why) => {
            let detail = format!("this computer could not look it up: {why}");
            return check(&id, &label, State::Unknown, detail, "check this computer's network and look again");
        }
    };
    let own = addresses(facts, outside);
    let (mine, foreign): (Vec<IpAddr>, Vec<IpAddr>) =
        found.iter().partition(|address| own.contains(&address.to_canonical()));
    if own.is_empty() {
        let detail = format!("this computer finds {}; which addresses the host has is not known", listed(found));
        return check(&id, &label, State::Unknown, detail, "");
    }
    if foreign.is_empty() && !mine.is_empty() {
        return check(&id, &label, State::Ok, format!("leads to {}, an address of the host", listed(&mine)), "");
    }
    if !mine.is_empty() {
        let detail = format!(
            "leads to {}, an address of the host, and to {}, which is not known as one",
            listed(&mine),
            listed(&foreign)
        );
        return check(&id, &label, State::Watch, detail, "some visitors end up elsewhere if that is another machine");
    }
    let own: Vec<IpAddr> = own.into_iter().collect();
    let detail = format!("leads to {}; the host is known as {}", listed(&foreign), listed(&own));
    let hint = if own.iter().all(is_private) && !foreign.iter().all(is_private) {
        "that may still be the host, behind a router or a load balancer; if it is not, change the record"
    } else {
        "change the record, or check that what answers there passes requests on to the host"
    };
    check(&id, &label, State::Watch, detail, hint)
}

fn reached(port: u16, reach: &Reach) -> Check {
    let (id, label) = (format!("reach:{port}"), format!("Port {port} from this computer"));
    match reach {
        Reach::Open => check(&id, &label, State::Ok, "something answers", ""),
        Reach::Refused => check(&id, &label, State::Ok, "reachable, nothing listens yet", ""),
        Reach::Silent => {
            let hint =
                "a firewall outside the host may drop it (a provider's security group, a router): allow the port there";
            check(&id, &label, State::Watch, "no answer", hint)
        }
        Reach::Failed(why) => {
            check(&id, &label, State::Unknown, why.clone(), "check this computer's network and look again")
        }
    }
}

#[cfg(test)]
#[path = "readiness_tests.rs"]
mod tests;
