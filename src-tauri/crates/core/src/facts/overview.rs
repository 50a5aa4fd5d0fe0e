//! Facts in words: what a person looks at first, the same in the window and in the terminal. Texts of the host are
//! given as they are; whoever shows them makes them safe to show.

use super::sockets::Listener;
use super::{Facts, security};
use crate::fact::Fact;
use crate::words::{bytes, count};

/// Facts about one subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Heading.
    pub title: &'static str,
    /// Rows.
    pub rows: Vec<Row>,
}

/// One fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// What.
    pub label: &'static str,
    /// Its value, or why it is not known; at least one line.
    pub lines: Vec<String>,
    /// How it stands.
    pub standing: Standing,
}

/// How a fact stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is known.
    Known,
    /// It is known and as it should be, where that can be told.
    Good,
    /// It is known and wants a person's eye.
    Watch,
    /// There is none.
    Absent,
    /// It could not be read.
    Failed,
}

type Said = (Standing, Vec<String>);

/// The facts in words.
pub fn overview(facts: &Facts) -> Vec<Section> {
    let row = |label: &'static str, (standing, lines): Said| Row { label, lines, standing };
    vec![
        Section {
            title: "Machine",
            rows: vec![
                row("system", one(&facts.os, |os| os.pretty_name.clone())),
                row("kernel", one(&facts.kernel, |kernel| format!("{} {}", kernel.release, kernel.architecture))),
                row("machine", machine(facts)),
                row(
                    "memory",
                    one(&facts.memory, |m| format!("{} of {} available", bytes(m.available), bytes(m.total))),
                ),
                row("disks", disks(facts)),
                row("clock", clock(facts)),
                row("boot", boot(facts)),
            ],
        },
        Section {
            title: "Programs",
            rows: vec![
                row("systemd", one(&facts.systemd, |systemd| systemd.version.to_string())),
                row("programs", programs(facts)),
            ],
        },
        Section {
            title: "Security",
            rows: vec![
                row("SELinux", one(&facts.selinux, |selinux| format!("{:?}", selinux.mode).to_lowercase())),
                row("firewall", said(&facts.firewalls, |walls| vec![firewalls(walls)])),
                row("listens", said(&facts.listeners, |all| listeners(all))),
            ],
        },
        Section {
            title: "Slipway",
            rows: vec![row(
                "sites",
                one(&facts.records, |records| {
                    let there = records.sites.iter().filter(|(_, site)| !matches!(site.manifest, Fact::Absent));
                    let names: Vec<&str> = there.map(|(name, _)| name.as_str()).collect();
                    if names.is_empty() { "none of Slipway's".to_owned() } else { names.join(", ") }
                }),
            )],
        },
    ]
}

fn said<T: std::fmt::Debug>(fact: &Fact<T>, lines: impl Fn(&T) -> Vec<String>) -> Said {
    match fact {
        Fact::Known(value) => (Standing::Known, lines(value)),
        Fact::Absent => (Standing::Absent, vec!["none".to_owned()]),
        Fact::Failed(why) => (Standing::Failed, vec![format!("not read: {why}")]),
    }
}

fn one<T: std::fmt::Debug>(fact: &Fact<T>, text: impl Fn(&T) -> String) -> Said {
    said(fact, |value| vec![text(value)])
}

fn machine(facts: &Facts) -> Said {
    let (standing, lines) = one(&facts.cpu, |cpu| {
        let [one, five, fifteen] = cpu.load_hundredths.map(|load| format!("{}.{:02}", load / 100, load % 100));
        let number = usize::try_from(cpu.count).unwrap_or_default();
        format!("{}, load {one} {five} {fifteen}", count(number, "processor"))
    });
    let kind = match &facts.virtualization {
        Fact::Known(kind) => format!(", {kind}"),
        Fact::Absent => ", bare metal".to_owned(),
        Fact::Failed(_) => String::new(),
    };
    (standing, lines.into_iter().map(|line| format!("{line}{kind}")).collect())
}

fn disks(facts: &Facts) -> Said {
    said(&facts.disks, |disks| {
        // File systems in memory and mounts of the container say nothing about room for a site.
        let real = disks.iter().filter(|disk| {
            disk.mount == "/"
                || !(disk.mount.starts_with("/run/")
                    || matches!(disk.kind.as_str(), "tmpfs" | "devtmpfs" | "squashfs" | "overlay" | "efivarfs"))
        });
        let lines: Vec<String> =
            real.map(|disk| format!("{}  {} of {} free", disk.mount, bytes(disk.free), bytes(disk.size))).collect();
        if lines.is_empty() { vec!["none that a site could use".to_owned()] } else { lines }
    })
}

fn clock(facts: &Facts) -> Said {
    let Fact::Known(clock) = &facts.clock else { return one(&facts.clock, |_| String::new()) };
    let zone = clock.timezone.clone().unwrap_or_else(|| "zone unknown".to_owned());
    let (standing, word) = match clock.synchronized {
        Some(true) => (Standing::Good, "synchronised"),
        Some(false) => (Standing::Watch, "not synchronised"),
        None => (Standing::Known, "synchronisation unknown"),
    };
    (standing, vec![format!("{zone}, {word}")])
}

fn boot(facts: &Facts) -> Said {
    let Fact::Known(boot) = &facts.boot else { return one(&facts.boot, |_| String::new()) };
    match boot.reboot_required {
        true => (Standing::Watch, vec!["wants a reboot".to_owned()]),
        false => (Standing::Known, vec!["no reboot pending".to_owned()]),
    }
}

fn programs(facts: &Facts) -> Said {
    one(&facts.programs, |programs| {
        let mut all = Vec::new();
        all.extend(programs.nginx.known().map(|nginx| format!("nginx {}", nginx.version)));
        let versions =
            [("OpenSSL", &programs.openssl), ("node", &programs.node), ("npm", &programs.npm), ("git", &programs.git)];
        for (name, version) in versions {
            all.extend(version.known().map(|version| format!("{name} {version}")));
        }
        for python in programs.pythons.known().into_iter().flatten() {
            let venv = if python.venv { "" } else { " (without venv)" };
            all.push(format!("python {}{venv}", python.version));
        }
        if all.is_empty() { "none that a site would need yet".to_owned() } else { all.join(", ") }
    })
}

fn firewalls(walls: &security::Firewalls) -> String {
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
        all.push(format!("nftables with {}", count(chains.len(), "chain")));
    }
    if all.is_empty() { "none".to_owned() } else { all.join("; ") }
}

fn listeners(all: &[Listener]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for listener in all {
        let mut names: Vec<&str> = listener.processes.iter().map(|holder| holder.name.as_str()).collect();
        names.dedup();
        let place = listener.address.map_or_else(|| "*".to_owned(), |address| address.to_string());
        let text = format!("{place} port {} {}", listener.port, names.join(", "));
        if !lines.contains(&text) {
            lines.push(text);
        }
    }
    if lines.is_empty() { vec!["nothing".to_owned()] } else { lines }
}
