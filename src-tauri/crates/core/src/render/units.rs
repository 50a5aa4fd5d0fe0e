//! Names of units and ports of instances.

use super::input::PortSet;
use super::output::{GuardedPorts, PortGuard, ProcessUnits, UnitInstance, UnitSet};
use crate::site::{Listen, Name, Process, Ready, Site};
use crate::units::{guard, slice, target};

/// Distance from the first to the second set of ports of processes with `listen = "port"`.
pub const SECOND_PORT_SET: u16 = 1000;

/// The units of `site` while `active` is the set of ports in use.
pub fn unit_set(site: &Site, active: PortSet) -> UnitSet {
    let processes = site.process.iter().map(|(name, process)| process_units(site, name, process, active)).collect();
    UnitSet { target: target(&site.name), slice: slice(&site.name), processes }
}

/// How systemd knows that `process` is up.
pub(super) fn ready(process: &Process) -> Ready {
    process.ready.unwrap_or(if process.gunicorn.is_some() { Ready::Notify } else { Ready::Simple })
}

/// Whether systemd opens the ports of `process`.
pub(super) fn socket_activated(process: &Process) -> bool {
    process.port.is_some() && process.listen == Listen::Socket
}

/// The ports of `process` in one set; none when it has no port or when they would not fit.
pub(super) fn ports(process: &Process, set: PortSet) -> Vec<u16> {
    let Some(first) = process.port else { return Vec::new() };
    let shift = if set == PortSet::B { SECOND_PORT_SET } else { 0 };
    (0..process.instances)
        .filter_map(|index| u16::try_from(index).ok()?.checked_add(first)?.checked_add(shift))
        .collect()
}

fn process_units(site: &Site, name: &Name, process: &Process, active: PortSet) -> ProcessUnits {
    let stem = format!("{}-{name}", site.name);
    let with_sockets = socket_activated(process);
    let instance = |instance: String, port: Option<u16>| UnitInstance {
        service: format!("{stem}@{instance}.service"),
        slot: format!("{stem}.{instance}"),
        socket: with_sockets.then(|| format!("{stem}@{instance}.socket")),
        name: instance,
        port,
    };
    let numbered = |set: PortSet| -> Vec<UnitInstance> {
        ports(process, set).into_iter().map(|port| instance(port.to_string(), Some(port))).collect()
    };
    let (instances, standby) = match (process.port, process.listen) {
        (None, _) => ((1..=process.instances).map(|n| instance(n.to_string(), None)).collect(), Vec::new()),
        (Some(_), Listen::Socket) => (numbered(PortSet::A), Vec::new()),
        (Some(_), Listen::Port) => (numbered(active), numbered(active.other())),
    };
    ProcessUnits {
        process: name.clone(),
        service_template: format!("{stem}@.service"),
        socket_template: with_sockets.then(|| format!("{stem}@.socket")),
        ready: ready(process),
        instances,
        standby,
    }
}

/// The ports of the site, which need a guard.
pub(super) fn port_guard(site: &Site) -> Option<PortGuard> {
    let mut guarded = GuardedPorts::default();
    for process in site.process.values().filter(|process| process.port.is_some()) {
        guarded.all.extend(ports(process, PortSet::A));
        if process.listen == Listen::Port {
            let both = [ports(process, PortSet::A), ports(process, PortSet::B)].concat();
            guarded.all.extend(&both);
            guarded.open.extend(both);
        }
    }
    (!guarded.all.is_empty()).then(|| PortGuard { unit: guard(&site.name), ports: guarded })
}
