//! What a site, its hosts and its domains may be called.

use std::collections::BTreeSet;

use super::Rule;
use crate::site::findings::Findings;
use crate::site::model::Site;
use crate::site::place::at;
use crate::site::words::quoted;

pub(super) const RULES: &[Rule] = &[
    Rule { reads: &["schema"], check: format_version },
    Rule { reads: &["name"], check: reserved_name },
    Rule { reads: &["hosts"], check: hosts },
    Rule { reads: &["domains"], check: domains },
];

/// Users and units that distributions bring (base-passwd and setup packages, systemd's own, the servers that a site
/// stands beside), and words that Slipway's own paths use.
const RESERVED: &[&str] = &[
    "acme",
    "adm",
    "apache",
    "avahi",
    "backup",
    "bin",
    "certbot",
    "chrony",
    "cockpit",
    "cron",
    "crond",
    "current",
    "daemon",
    "dbus",
    "default",
    "docker",
    "envs",
    "firewalld",
    "ftp",
    "games",
    "git",
    "gnats",
    "halt",
    "httpd",
    "irc",
    "kmem",
    "list",
    "lock",
    "logrotate",
    "lp",
    "mail",
    "mailman",
    "man",
    "mariadb",
    "messagebus",
    "mysql",
    "news",
    "nginx",
    "nobody",
    "nogroup",
    "ntp",
    "operator",
    "podman",
    "polkitd",
    "postfix",
    "postgres",
    "postgresql",
    "proxy",
    "rabbitmq",
    "redis",
    "releases",
    "root",
    "rsyslog",
    "shared",
    "shutdown",
    "slipway",
    "ssh",
    "sshd",
    "staff",
    "sudo",
    "sync",
    "sys",
    "syslog",
    "tcpdump",
    "tss",
    "tty",
    "ubuntu",
    "ufw",
    "users",
    "uucp",
    "valkey",
    "wheel",
    "www-data",
];

/// Units that systemd treats specially (systemd.special(7)) or brings with it, without their types. They change what the host
/// itself does.
pub(super) const SYSTEMD: &[&str] = &[
    "-",
    "basic",
    "bluetooth",
    "boot-complete",
    "capsule",
    "console-getty",
    "container-getty",
    "cryptsetup",
    "ctrl-alt-del",
    "dbus-broker",
    "debug-shell",
    "default",
    "emergency",
    "exit",
    "factory-reset",
    "final",
    "first-boot-complete",
    "getty",
    "getty-pre",
    "graphical",
    "halt",
    "hibernate",
    "hybrid-sleep",
    "init",
    "initrd",
    "initrd-fs",
    "initrd-root-device",
    "initrd-root-fs",
    "initrd-switch-root",
    "initrd-usr-fs",
    "integritysetup",
    "kbrequest",
    "kexec",
    "local-fs",
    "local-fs-pre",
    "machine",
    "machines",
    "multi-user",
    "network",
    "network-online",
    "network-pre",
    "nss-lookup",
    "nss-user-lookup",
    "paths",
    "poweroff",
    "printer",
    "quotaon",
    "reboot",
    "remote-cryptsetup",
    "remote-fs",
    "remote-fs-pre",
    "rescue",
    "rpcbind",
    "runlevel0",
    "runlevel1",
    "runlevel2",
    "runlevel3",
    "runlevel4",
    "runlevel5",
    "runlevel6",
    "serial-getty",
    "session",
    "shutdown",
    "sigpwr",
    "sleep",
    "slices",
    "smartcard",
    "sockets",
    "soft-reboot",
    "sound",
    "suspend",
    "suspend-then-hibernate",
    "swap",
    "sysinit",
    "system",
    "system-update",
    "system-update-pre",
    "time-set",
    "time-sync",
    "timers",
    "tpm2",
    "umount",
    "usb-gadget",
    "user",
    "veritysetup",
];

fn format_version(site: &Site, findings: &mut Findings<'_>) {
    if site.schema != 1 {
        let message = format!("`schema` is {}", site.schema);
        findings.error(&at!["schema"], message, "this Slipway reads format 1");
    }
}

fn reserved_name(site: &Site, findings: &mut Findings<'_>) {
    let name = site.name.as_str();
    if RESERVED.contains(&name)
        || SYSTEMD.contains(&name)
        || name.starts_with("systemd-")
        || name.starts_with("slipway-")
    {
        let message = format!("{} is already the name of a system user, a unit or a directory", quoted(name));
        findings.error(&at!["name"], message, format!("choose another, for example `{}`", suggestion(name)));
    }
}

fn suggestion(name: &str) -> String {
    let rest = name.trim_start_matches("systemd-").trim_start_matches("slipway-");
    format!("my-{rest}").chars().take(24).collect()
}

fn hosts(site: &Site, findings: &mut Findings<'_>) {
    let mut seen = BTreeSet::new();
    for (index, host) in site.hosts.iter().enumerate() {
        let path = at!["hosts", index];
        let shape = host.starts_with(|c: char| c.is_ascii_alphanumeric())
            && host.len() <= 253
            && host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':'));
        if !shape {
            let hint = "use the name that `slipway host list` shows; user and port are set on the host, not here";
            findings.error(&path, format!("{} is not the name of a host", quoted(host)), hint);
        } else if !seen.insert(host) {
            findings.error(&path, format!("host {} is listed twice", quoted(host)), "keep one of them");
        }
    }
}

fn domains(site: &Site, findings: &mut Findings<'_>) {
    let mut seen = BTreeSet::new();
    for (index, domain) in site.domains.iter().enumerate() {
        let path = at!["domains", index];
        if index == 0 && domain.starts_with("*.") {
            let hint = "put a plain name first: redirects lead to it";
            findings.error(&path, "the first domain is the canonical one and cannot be a wildcard", hint);
        }
        if !seen.insert(domain.to_ascii_lowercase()) {
            findings.error(&path, format!("domain {} is listed twice", quoted(domain)), "keep one of them");
        }
    }
}
