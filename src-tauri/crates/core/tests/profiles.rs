//! Which profile a host gets, and what it then says.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeMap;

use slipway_core::fact::Fact;
use slipway_core::facts::packages::{PackageSystem, PackageTools};
use slipway_core::facts::programs::{NginxBuild, Programs, TOOLS};
use slipway_core::facts::security::{BaseChain, Firewalld, Firewalls};
use slipway_core::facts::system::{Clock, Family, OsRelease, Systemd};
use slipway_core::facts::{Facts, Version};
use slipway_core::profile::{FirewallKind, HostProfile, Need, PackageManager, ServiceStart, Unsupported, all_packages};

fn version(text: &str) -> Version {
    text.parse().unwrap()
}

/// A host with os-release as given and the tools of its family.
fn host(id: &str, like: &[&str], release: &str) -> Facts {
    let rpm = like.contains(&"rhel") || ["rhel", "centos"].contains(&id);
    let mut facts = Facts::failed("not looked at");
    facts.os = Fact::Known(OsRelease {
        id: id.into(),
        id_like: like.iter().map(|&like| like.into()).collect(),
        version_id: release.parse().ok(),
        pretty_name: format!("{id} {release}"),
        family: if rpm { Family::Rhel } else { Family::Debian },
    });
    facts.systemd = Fact::Known(Systemd { version: 299, booted: true });
    facts.packages = Fact::Known(PackageSystem {
        tools: PackageTools { apt: !rpm, dpkg: !rpm, dnf: rpm, rpm },
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
    facts
}

fn packages(facts: &mut Facts) -> &mut PackageSystem {
    match &mut facts.packages {
        Fact::Known(packages) => packages,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_supported_release_has_its_profile() {
    for (id, like, release, profile, nginx) in [
        ("debian", &[][..], "11", "debian-11", "1.18.0"),
        ("debian", &[], "12", "debian-12", "1.22.1"),
        ("debian", &[], "13", "debian-13", "1.26.3"),
        ("raspbian", &["debian"], "12", "debian-12", "1.22.1"),
        ("ubuntu", &["debian"], "22.04", "ubuntu-22.04", "1.18.0"),
        ("ubuntu", &["debian"], "24.04", "ubuntu-24.04", "1.24.0"),
        ("rhel", &["fedora"], "8.10", "rhel-8", "1.14.1"),
        ("almalinux", &["rhel", "centos", "fedora"], "9.4", "rhel-9", "1.20.1"),
        ("rocky", &["rhel", "centos", "fedora"], "9.4", "rhel-9", "1.20.1"),
        ("centos", &["rhel", "fedora"], "9", "rhel-9", "1.20.1"),
        ("eurolinux", &["rhel", "fedora"], "9.2", "rhel-9", "1.20.1"),
        ("almalinux", &["rhel", "centos", "fedora"], "10.0", "rhel-10", "1.26.3"),
    ] {
        let found = HostProfile::resolve(&host(id, like, release)).unwrap();
        assert_eq!((found.name.as_str(), &found.nginx_version), (profile, &version(nginx)));
        assert_eq!(found.systemd_version, 299);
        let names = found.packages_for(&[Need::Nginx, Need::Git, Need::Nginx]);
        assert_eq!(names.len(), 2);
        assert!(found.install_command(&names).unwrap().argv.ends_with(&names));
        let text = serde_json::to_string(&found).unwrap();
        assert_eq!(serde_json::from_str::<HostProfile>(&text).unwrap(), found);
    }
}

#[test]
fn other_hosts_are_refused_with_the_reason() {
    for (id, like, release) in
        [("debian", &[][..], "10"), ("ubuntu", &["debian"], "23.10"), ("fedora", &[], "40"), ("debian", &[], "sid")]
    {
        let refused = HostProfile::resolve(&host(id, like, release)).unwrap_err();
        assert!(matches!(refused, Unsupported::Distribution { .. }), "{refused}");
        assert!(refused.to_string().contains("rhel-9"), "{refused}");
    }
    let mut without_dnf = host("almalinux", &["rhel"], "9.4");
    packages(&mut without_dnf).tools.dnf = false;
    let refused = HostProfile::resolve(&without_dnf).unwrap_err();
    assert_eq!(refused.to_string(), "rhel-9: the host lacks dnf");
    let mut container = host("debian", &[], "12");
    container.systemd = Fact::Known(Systemd { version: 252, booted: false });
    assert_eq!(HostProfile::resolve(&container).unwrap_err(), Unsupported::NoSystemd);
    let unread = HostProfile::resolve(&Facts::failed("no answer")).unwrap_err();
    assert_eq!(unread.to_string(), "the distribution could not be read: no answer");
}

#[test]
fn an_unread_systemd_counts_as_the_distributions_own() {
    for (id, like, release, systemd) in [
        ("debian", &[][..], "11", 247),
        ("debian", &[], "12", 252),
        ("debian", &[], "13", 257),
        ("ubuntu", &["debian"], "22.04", 249),
        ("ubuntu", &["debian"], "24.04", 255),
        ("rhel", &[], "8.9", 239),
        ("rhel", &[], "9.0", 252),
        ("rhel", &[], "10.0", 257),
    ] {
        let mut facts = host(id, like, release);
        facts.systemd = Fact::Failed("no answer".into());
        assert_eq!(HostProfile::resolve(&facts).unwrap().systemd_version, systemd);
    }
}

#[test]
fn the_installed_nginx_counts() {
    let mut facts = host("debian", &[], "12");
    let offered = HostProfile::resolve(&facts).unwrap().nginx_version;
    if let Fact::Known(programs) = &mut facts.programs {
        let build = |text| NginxBuild { version: version(text), openssl: None, modules: vec![], configuration: None };
        programs.nginx = Fact::Known(build("1.25.1"));
    }
    let installed = HostProfile::resolve(&facts).unwrap().nginx_version;
    assert_eq!((offered, installed), (version("1.22.1"), version("1.25.1")));
}

#[test]
fn installing_never_asks_and_never_takes_an_option_for_a_name() {
    let debian = HostProfile::resolve(&host("debian", &[], "12")).unwrap();
    assert_eq!((debian.manager, debian.services), (PackageManager::Apt, ServiceStart::OnInstall));
    let argv = debian.install_command(&["nginx".to_owned()]).unwrap().argv.join(" ");
    for part in ["DEBIAN_FRONTEND=noninteractive", "DPkg::Lock::Timeout=120", "--force-confold", " -- nginx"] {
        assert!(argv.contains(part), "{argv}");
    }
    let alma = HostProfile::resolve(&host("almalinux", &["rhel"], "9.4")).unwrap();
    assert_eq!((alma.manager, alma.services), (PackageManager::Dnf, ServiceStart::Never));
    assert!(alma.refresh_command().is_none());
    for name in ["--allow-unauthenticated", "-y", "a b", "", "nginx;reboot", "/etc/passwd", "*"] {
        assert!(debian.install_command(&[name.to_owned()]).is_none(), "{name}");
    }
    assert!(debian.install_command(&[]).is_none());
}

#[test]
fn old_or_missing_lists_are_refreshed_first() {
    let mut facts = host("debian", &[], "12");
    facts.clock = Fact::Known(Clock { epoch_seconds: 2_000_000_000, synchronized: None, timezone: None });
    let profile = HostProfile::resolve(&facts).unwrap();
    assert!(profile.refresh_needed(&facts), "missing");
    packages(&mut facts).lists_refreshed = Fact::Known(2_000_000_000 - 3600);
    assert!(!profile.refresh_needed(&facts), "an hour old");
    packages(&mut facts).lists_refreshed = Fact::Known(2_000_000_000 - 48 * 3600);
    assert!(profile.refresh_needed(&facts), "two days old");
}

#[test]
fn only_what_is_missing_is_installed() {
    let mut facts = host("almalinux", &["rhel"], "9.4");
    let profile = HostProfile::resolve(&facts).unwrap();
    let needs = [Need::Nginx, Need::Curl, Need::BuildTools];
    assert_eq!(profile.missing_packages(&needs, &facts).unwrap(), ["nginx", "curl-minimal", "gcc", "gcc-c++", "make"]);
    packages(&mut facts).installed.insert("gcc".into(), Fact::Known("11".into()));
    if let Fact::Known(programs) = &mut facts.programs {
        programs.tools.insert("curl".into(), Fact::Known("/usr/bin/curl".into()));
    }
    assert_eq!(profile.missing_packages(&needs, &facts).unwrap(), ["nginx", "gcc-c++", "make"]);
    packages(&mut facts).installed.insert("nginx".into(), Fact::Failed("rpmdb damaged".into()));
    let refused = profile.missing_packages(&needs, &facts).unwrap_err();
    assert_eq!(refused.to_string(), "packages could not be read: rpmdb damaged");
}

#[test]
fn the_newest_python_on_offer_is_chosen() {
    let choose = |release: &str, oldest: Option<&str>, offered: &[(&str, bool)]| {
        let facts = host("almalinux", &["rhel"], release);
        let fact = |there: bool| if there { Fact::Known("1".to_owned()) } else { Fact::Absent };
        let offered = offered.iter().map(|(name, there)| ((*name).to_owned(), fact(*there))).collect();
        let profile = HostProfile::resolve(&facts).unwrap();
        let oldest = oldest.map(version);
        profile.python(oldest.as_ref(), &facts, &offered).map(|offer| offer.program.clone())
    };
    assert_eq!(choose("9.4", None, &[]).unwrap(), "/usr/bin/python3.12");
    assert_eq!(choose("9.2", None, &[]).unwrap(), "/usr/bin/python3.11");
    assert_eq!(choose("9.1", Some("3.9"), &[]).unwrap(), "/usr/bin/python3.9");
    assert_eq!(choose("9", None, &[]).unwrap(), "/usr/bin/python3.12", "CentOS Stream");
    assert_eq!(choose("9.4", None, &[("python3.12", false)]).unwrap(), "/usr/bin/python3.11");
    assert_eq!(choose("8.10", Some("3.10"), &[]).unwrap(), "/usr/bin/python3.12");
    let refused = choose("9.0", Some("3.11"), &[]).unwrap_err();
    assert_eq!(refused.to_string(), "no Python 3.11 or newer on this host; it offers 3.9");
}

#[test]
fn the_active_firewall_is_found() {
    let mut facts = host("almalinux", &["rhel"], "9.4");
    let profile = HostProfile::resolve(&facts).unwrap();
    assert!(profile.active_firewall(&facts).is_err(), "unread is not absent");
    let drop = BaseChain { table: "inet f".into(), chain: "i".into(), hook: "input".into(), policy: "drop".into() };
    let firewalld = Firewalld { active: false, enabled: false, default_zone: None, running: None, permanent: None };
    let mut all = Firewalls { firewalld: Fact::Known(firewalld), ufw: Fact::Absent, nftables: Fact::Known(vec![]) };
    facts.firewalls = Fact::Known(all.clone());
    assert_eq!(profile.active_firewall(&facts), Ok(None));
    all.nftables = Fact::Known(vec![drop]);
    facts.firewalls = Fact::Known(all.clone());
    assert_eq!(profile.active_firewall(&facts), Ok(Some(FirewallKind::Nftables)));
    all.firewalld = Fact::Failed("no answer".into());
    facts.firewalls = Fact::Known(all);
    assert!(profile.active_firewall(&facts).is_err());
}

#[test]
fn every_package_of_every_profile_is_asked_about() {
    let all = all_packages();
    for name in ["nginx", "python3-venv", "python3.12", "valkey", "redis-server", "ufw", "firewalld"] {
        assert!(all.iter().any(|known| known == name), "{name}");
    }
}
