use std::collections::BTreeMap;

use super::*;
use crate::facts::packages::{PackageSystem, PackageTools};
use crate::facts::programs::{Programs, TOOLS};
use crate::facts::security::{BaseChain, Firewalls, Selinux};
use crate::facts::sockets::{Listener, ListeningProcess};
use crate::facts::system::{Clock, Cpu, Memory, OsRelease, Systemd};

fn disk(mount: &str, free: u64) -> Disk {
    let (source, kind) = ("/dev/vda1".to_owned(), "ext4".to_owned());
    Disk { mount: mount.into(), source, kind, size: 40 * GIB, free, inodes: 1_000_000, inodes_free: 900_000 }
}

fn listener(address: Option<&str>, port: u16, name: &str) -> Listener {
    let processes = if name.is_empty() { vec![] } else { vec![ListeningProcess { name: name.into(), pid: 7 }] };
    Listener { address: address.map(|text| text.parse().unwrap()), interface: None, port, processes }
}

/// A Debian 12 host with nothing on it.
fn bare() -> Facts {
    let mut facts = Facts::failed("not looked at");
    facts.os = Fact::Known(OsRelease {
        id: "debian".into(),
        id_like: vec![],
        version_id: "12".parse().ok(),
        pretty_name: "Debian GNU/Linux 12 (bookworm)".into(),
        family: Family::Debian,
    });
    facts.systemd = Fact::Known(Systemd { version: 252, booted: true });
    facts.packages = Fact::Known(PackageSystem {
        tools: PackageTools { apt: true, dpkg: true, dnf: false, rpm: false },
        installed: BTreeMap::new(),
        lists_refreshed: Fact::Absent,
    });
    facts.programs = Fact::Known(Programs {
        nginx: Fact::Absent,
        openssl: Fact::Absent,
        pythons: Fact::Known(vec![]),
        node: Fact::Absent,
        npm: Fact::Absent,
        git: Fact::Absent,
        tools: TOOLS.iter().map(|&tool| (tool.to_owned(), Fact::Absent)).collect(),
    });
    facts.memory = Fact::Known(Memory { total: 4 * GIB, available: 3 * GIB, swap_total: 0, swap_free: 0 });
    facts.cpu = Fact::Known(Cpu { count: 2, load_hundredths: [10, 10, 10] });
    facts.clock = Fact::Known(Clock { epoch_seconds: 1, synchronized: Some(true), timezone: None });
    facts.disks = Fact::Known(vec![disk("/", 20 * GIB)]);
    facts.listeners = Fact::Known(vec![]);
    facts.selinux = Fact::Absent;
    facts.firewalls =
        Fact::Known(Firewalls { firewalld: Fact::Absent, ufw: Fact::Absent, nftables: Fact::Known(vec![]) });
    facts
}

fn site(extra: &str) -> Site {
    let text = format!(
        "schema = 1\nname = \"shop\"\n[source]\nfolder = \".\"\n[runtime]\nkind = \"python\"\nversion = \"3.9\"\n\
         [process.web]\ncommand = [\"x\", \"{{port}}\"]\nport = 8000\nlisten = \"port\"\n{extra}"
    );
    crate::site::parse(&text).map(|parsed| parsed.site).unwrap_or_else(|found| panic!("{found:?}"))
}

fn of(facts: &Facts, site: Option<&Site>, outside: Option<&Outside>, id: &str) -> Check {
    let all = checks(facts, &Input { site, root: Root::Yes, outside });
    all.iter().find(|check| check.id == id).cloned().unwrap_or_else(|| panic!("no {id} in {all:#?}"))
}

#[test]
fn a_bare_supported_host_is_ready() {
    let site = site("");
    let outside = Outside {
        address: "203.0.113.7".into(),
        resolved: Some(Lookup::Found(vec!["203.0.113.7".parse().unwrap()])),
        domains: vec![("shop.test".into(), Lookup::Found(vec!["203.0.113.7".parse().unwrap()]))],
        ports: vec![(80, Reach::Refused), (443, Reach::Open)],
    };
    let all = checks(&bare(), &Input { site: Some(&site), root: Root::Yes, outside: Some(&outside) });
    assert!(all.iter().all(|check| check.state == State::Ok), "{all:#?}");
    let ids: Vec<&str> = all.iter().map(|check| check.id.as_str()).collect();
    let expected = "distribution systemd root disk memory cpu port:80 port:443 application-ports python selinux \
                    firewall clock dns:shop.test reach:80 reach:443";
    assert_eq!(ids.join(" "), expected);
    assert!(all.iter().all(|check| check.hint.is_none()));
}

#[test]
fn what_is_seen_is_judged() {
    type Change = fn(&mut Facts);
    let cases: [(&str, State, &str, Change); 24] = [
        ("distribution", State::Fail, "no profile fits", |f| {
            if let Fact::Known(os) = &mut f.os {
                os.version_id = "9".parse().ok();
            }
        }),
        ("distribution", State::Unknown, "not looked at", |f| f.os = Fact::Failed("not looked at".into())),
        ("systemd", State::Fail, "not run by systemd", |f| {
            f.systemd = Fact::Known(Systemd { version: 252, booted: false });
        }),
        ("systemd", State::Fail, "not run by systemd", |f| f.systemd = Fact::Absent),
        ("disk", State::Fail, "512 MiB free on /", |f| f.disks = Fact::Known(vec![disk("/", GIB / 2)])),
        ("disk", State::Watch, "1.5 GiB free on /", |f| f.disks = Fact::Known(vec![disk("/", 3 * GIB / 2)])),
        ("disk", State::Fail, "900 MiB free on /opt", |f| {
            f.disks = Fact::Known(vec![disk("/", 20 * GIB), disk("/opt", 900 * MIB), disk("/home", 0)]);
        }),
        ("disk", State::Ok, "20 GiB free on /", |f| {
            f.disks = Fact::Known(vec![disk("/", 20 * GIB), disk("/optional", 0)]);
        }),
        ("disk", State::Unknown, "cut", |f| f.disks = Fact::Failed("cut".into())),
        ("memory", State::Fail, "of 256 MiB", |f| {
            f.memory = Fact::Known(Memory { total: 256 * MIB, available: 200 * MIB, swap_total: 0, swap_free: 0 });
        }),
        ("memory", State::Watch, "1 instance may take about 512 MiB", |f| {
            f.memory = Fact::Known(Memory { total: GIB, available: 300 * MIB, swap_total: 0, swap_free: 0 });
        }),
        ("cpu", State::Watch, "2 processors, load 3.07", |f| {
            f.cpu = Fact::Known(Cpu { count: 2, load_hundredths: [0, 0, 307] });
        }),
        ("port:80", State::Ok, "nginx holds it", |f| f.listeners = Fact::Known(vec![listener(None, 80, "nginx")])),
        ("port:80", State::Fail, "apache2 holds it", |f| {
            f.listeners = Fact::Known(vec![listener(None, 80, "apache2")])
        }),
        ("port:443", State::Watch, "does not say what", |f| f.listeners = Fact::Known(vec![listener(None, 443, "")])),
        ("port:443", State::Unknown, "cut", |f| f.listeners = Fact::Failed("cut".into())),
        ("application-ports", State::Fail, "9000 is held by java", |f| {
            f.listeners = Fact::Known(vec![listener(Some("127.0.0.1"), 9000, "java")]);
        }),
        ("application-ports", State::Unknown, "cut", |f| f.listeners = Fact::Failed("cut".into())),
        ("selinux", State::Watch, "enforcing", |f| {
            f.selinux = Fact::Known(Selinux { mode: SelinuxMode::Enforcing, configured: None, policy: None });
        }),
        ("selinux", State::Unknown, "cut", |f| f.selinux = Fact::Failed("cut".into())),
        ("firewall", State::Watch, "nftables", |f| {
            let chain = BaseChain {
                table: "inet filter".into(),
                chain: "input".into(),
                hook: "input".into(),
                policy: "drop".into(),
            };
            f.firewalls = Fact::Known(Firewalls {
                firewalld: Fact::Absent,
                ufw: Fact::Absent,
                nftables: Fact::Known(vec![chain]),
            });
        }),
        ("clock", State::Watch, "not kept right", |f| {
            f.clock = Fact::Known(Clock { epoch_seconds: 1, synchronized: Some(false), timezone: None });
        }),
        ("clock", State::Unknown, "does not say", |f| {
            f.clock = Fact::Known(Clock { epoch_seconds: 1, synchronized: None, timezone: None });
        }),
        ("python", State::Unknown, "cut", |f| f.programs = Fact::Failed("cut".into())),
    ];
    let site = site("");
    for (id, state, words, change) in cases {
        let mut facts = bare();
        change(&mut facts);
        let found = of(&facts, Some(&site), None, id);
        assert_eq!(found.state, state, "{found:?}");
        assert!(found.detail.contains(words), "{found:?}");
        assert!(state == State::Ok || found.hint.is_some(), "{found:?}");
    }
}

#[test]
fn a_python_that_is_too_old_fails() {
    let site = Site { runtime: crate::site::Runtime { version: Some("3.14".into()), ..site("").runtime }, ..site("") };
    assert_eq!(of(&bare(), Some(&site), None, "python").state, State::Fail);
}

#[test]
fn the_view_from_outside_is_judged() {
    let ip = |text: &str| text.parse::<IpAddr>().unwrap();
    let seen = |address: &str, lookup: Lookup| Outside {
        address: address.into(),
        resolved: None,
        domains: vec![("shop.test".into(), lookup)],
        ports: vec![],
    };
    let mut facts = bare();
    facts.listeners =
        Fact::Known(vec![listener(Some("198.51.100.9"), 22, "sshd"), listener(Some("127.0.0.1"), 25, "x")]);
    for (address, lookup, state, words) in [
        ("203.0.113.7", Lookup::Found(vec![ip("203.0.113.7")]), State::Ok, "an address of the host"),
        ("web-1", Lookup::Found(vec![ip("198.51.100.9")]), State::Ok, "an address of the host"),
        ("203.0.113.7", Lookup::Found(vec![ip("::ffff:203.0.113.7")]), State::Ok, "an address of the host"),
        ("203.0.113.7", Lookup::Found(vec![ip("192.0.2.1")]), State::Watch, "the host is known as"),
        ("203.0.113.7", Lookup::Found(vec![ip("203.0.113.7"), ip("192.0.2.1")]), State::Watch, "and to 192.0.2.1"),
        ("203.0.113.7", Lookup::Found(vec![ip("127.0.0.1")]), State::Watch, "leads to 127.0.0.1"),
        ("203.0.113.7", Lookup::Nothing("no such name".into()), State::Watch, "no such name"),
        ("203.0.113.7", Lookup::Failed("no answer".into()), State::Unknown, "no answer"),
    ] {
        let outside = seen(address, lookup);
        let found = of(&facts, None, Some(&outside), "dns:shop.test");
        assert_eq!(found.state, state, "{found:?}");
        assert!(found.detail.contains(words), "{found:?}");
    }
    let outside = seen("web-1", Lookup::Found(vec![ip("192.0.2.1")]));
    assert_eq!(of(&bare(), None, Some(&outside), "dns:shop.test").state, State::Unknown);
    for (reach, state, words) in [
        (Reach::Open, State::Ok, "answers"),
        (Reach::Refused, State::Ok, "nothing listens yet"),
        (Reach::Silent, State::Watch, "no answer"),
        (Reach::Failed("no route".into()), State::Unknown, "no route"),
    ] {
        let found = reached(80, &reach);
        assert_eq!((found.state, found.detail.contains(words)), (state, true), "{found:?}");
    }
}

#[test]
fn nothing_known_is_never_ready() {
    let all = checks(&Facts::failed("cut"), &Input { site: None, root: Root::Untried, outside: None });
    assert!(all.iter().all(|check| check.state == State::Unknown), "{all:#?}");
    let refused = of(&bare(), None, None, "root");
    assert_eq!(refused.state, State::Ok);
    assert_eq!(root(&Root::No("sudo: not allowed".into())).state, State::Fail);
}
