//! A host's facts on one screen.

use std::fmt::Debug;

use slipway_core::fact::Fact;
use slipway_core::facts::Facts;
use slipway_core::facts::sockets::Listener;

use super::style::Style;
use super::text::visible;
use super::words;

/// The summary after a host was added, and the whole of `slipway facts`.
pub(crate) fn facts(facts: &Facts, style: Style) -> String {
    let mut out = String::new();
    let mut row = |label: &str, text: String| {
        let mut lines = text.lines();
        out.push_str(&format!("  {}  {}\n", style.dim(format!("{label:<10}")), lines.next().unwrap_or_default()));
        lines.for_each(|line| out.push_str(&format!("  {:<10}  {line}\n", "")));
    };
    row("system", fact(&facts.os, style, |os| visible(&os.pretty_name)));
    row("kernel", fact(&facts.kernel, style, |k| visible(&format!("{} {}", k.release, k.architecture))));
    row("machine", machine(facts, style));
    row(
        "memory",
        fact(&facts.memory, style, |m| format!("{} of {} available", words::bytes(m.available), words::bytes(m.total))),
    );
    row(
        "disks",
        fact(&facts.disks, style, |disks| {
            // File systems in memory and mounts of the container say nothing about room for a site.
            let real = disks.iter().filter(|d| {
                d.mount == "/"
                    || !(d.mount.starts_with("/run/")
                        || matches!(d.kind.as_str(), "tmpfs" | "devtmpfs" | "squashfs" | "overlay" | "efivarfs"))
            });
            let lines = real
                .map(|d| format!("{}  {} of {} free", visible(&d.mount), words::bytes(d.free), words::bytes(d.size)));
            lines.collect::<Vec<_>>().join("\n")
        }),
    );
    row(
        "clock",
        fact(&facts.clock, style, |clock| {
            let zone = clock.timezone.as_deref().map(visible).unwrap_or_else(|| "zone unknown".to_owned());
            match clock.synchronized {
                Some(true) => format!("{} {zone}, synchronised", style.green("●")),
                Some(false) => format!("{} {zone}, not synchronised", style.yellow("▲")),
                None => format!("{zone}, synchronisation unknown"),
            }
        }),
    );
    row(
        "boot",
        fact(&facts.boot, style, |boot| match boot.reboot_required {
            true => style.yellow("▲ wants a reboot"),
            false => "no reboot pending".to_owned(),
        }),
    );
    row("systemd", fact(&facts.systemd, style, |s| s.version.to_string()));
    row("programs", programs(facts, style));
    row("SELinux", fact(&facts.selinux, style, |s| format!("{:?}", s.mode).to_lowercase()));
    row("firewall", firewall(facts, style));
    row("listens", fact(&facts.listeners, style, |all| listeners(all)));
    row(
        "sites",
        fact(&facts.owned, style, |_| {
            let sites = slipway_engine::watch::sites(facts);
            let names: Vec<&str> = sites.iter().map(|name| name.as_str()).collect();
            if names.is_empty() { "none of Slipway's".to_owned() } else { names.join(", ") }
        }),
    );
    out
}

fn fact<T: Debug>(fact: &Fact<T>, style: Style, shown: impl Fn(&T) -> String) -> String {
    match fact {
        Fact::Known(value) => shown(value),
        Fact::Absent => style.dim("none"),
        Fact::Failed(why) => style.yellow(format!("▲ not read: {}", visible(why))),
    }
}

fn machine(facts: &Facts, style: Style) -> String {
    let cpu = fact(&facts.cpu, style, |cpu| {
        let [one, five, fifteen] = cpu.load_hundredths.map(|load| format!("{}.{:02}", load / 100, load % 100));
        let count = usize::try_from(cpu.count).unwrap_or_default();
        format!("{}, load {one} {five} {fifteen}", words::count(count, "processor"))
    });
    match &facts.virtualization {
        Fact::Known(kind) => format!("{cpu}, {}", visible(kind)),
        Fact::Absent => format!("{cpu}, bare metal"),
        Fact::Failed(_) => cpu,
    }
}

fn programs(facts: &Facts, style: Style) -> String {
    fact(&facts.programs, style, |programs| {
        let mut all = Vec::new();
        if let Some(nginx) = programs.nginx.known() {
            all.push(format!("nginx {}", nginx.version));
        }
        let versions =
            [("OpenSSL", &programs.openssl), ("node", &programs.node), ("npm", &programs.npm), ("git", &programs.git)];
        for (name, version) in versions {
            all.extend(version.known().map(|version| format!("{name} {version}")));
        }
        for python in programs.pythons.known().into_iter().flatten() {
            let venv = if python.venv { "" } else { " (without venv)" };
            all.push(format!("python {}{venv}", python.version));
        }
        if all.is_empty() { "none that a site would need yet".to_owned() } else { visible(&all.join(", ")) }
    })
}

fn firewall(facts: &Facts, style: Style) -> String {
    fact(&facts.firewalls, style, |walls| {
        let mut all = Vec::new();
        if let Some(firewalld) = walls.firewalld.known() {
            let open = firewalld.running.as_ref().map(|rules| [rules.services.clone(), rules.ports.clone()].concat());
            let open = open.filter(|open| !open.is_empty()).map(|open| format!(", open: {}", open.join(", ")));
            let state = if firewalld.active { "active" } else { "inactive" };
            all.push(format!("firewalld {state}{}", open.unwrap_or_default()));
        }
        if let Some(ufw) = walls.ufw.known() {
            all.push(format!("ufw {}", if ufw.active { "active" } else { "inactive" }));
        }
        if let Some(chains) = walls.nftables.known().filter(|chains| !chains.is_empty()) {
            all.push(format!("nftables with {}", words::count(chains.len(), "chain")));
        }
        if all.is_empty() { "none".to_owned() } else { visible(&all.join("; ")) }
    })
}

fn listeners(all: &[Listener]) -> String {
    let mut lines: Vec<String> = Vec::new();
    for listener in all {
        let mut names: Vec<&str> = listener.processes.iter().map(|holder| holder.name.as_str()).collect();
        names.dedup();
        let place = listener.address.map_or_else(|| "*".to_owned(), |address| address.to_string());
        let text = visible(&format!("{place} port {} {}", listener.port, names.join(", ")));
        if !lines.contains(&text) {
            lines.push(text);
        }
    }
    if lines.is_empty() { "nothing".to_owned() } else { lines.join("\n") }
}
