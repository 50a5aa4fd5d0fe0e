//! What guards the host: SELinux and the firewall that is in charge.

use serde::{Deserialize, Serialize};

use crate::fact::Fact;

/// SELinux, where the kernel or a policy is there (selinux(8)).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selinux {
    /// What holds now.
    pub mode: SelinuxMode,
    /// What `/etc/selinux/config` asks for at the next boot.
    pub configured: Option<SelinuxMode>,
    /// Policy, for example `targeted`.
    pub policy: Option<String>,
}

/// Mode of SELinux.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SelinuxMode {
    /// Denies.
    Enforcing,
    /// Only logs what it would deny.
    Permissive,
    /// Off.
    Disabled,
}

/// Every firewall that could be in charge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Firewalls {
    /// firewalld; absent when it is not installed.
    pub firewalld: Fact<Firewalld>,
    /// ufw; absent when it is not installed.
    pub ufw: Fact<Ufw>,
    /// Base chains of nftables that filter (those of firewalld and ufw among them); absent without `nft`.
    pub nftables: Fact<Vec<BaseChain>>,
}

/// firewalld (firewalld(1)).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Firewalld {
    /// Whether it runs.
    pub active: bool,
    /// Whether it starts at boot.
    pub enabled: bool,
    /// Default zone.
    pub default_zone: Option<String>,
    /// What the default zone lets in now; `None` when it does not run.
    pub running: Option<ZoneRules>,
    /// What the default zone lets in after a reload.
    pub permanent: Option<ZoneRules>,
}

/// What a zone lets in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoneRules {
    /// Service names, sorted.
    pub services: Vec<String>,
    /// Ports as `80/tcp` or `8000-8010/tcp`, sorted.
    pub ports: Vec<String>,
}

/// ufw (ufw(8)).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ufw {
    /// Whether it is switched on.
    pub active: bool,
    /// Its user rules in order, IPv4 then IPv6.
    pub rules: Vec<UfwRule>,
}

/// One user rule of ufw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UfwRule {
    /// allow, deny, reject or limit.
    pub action: String,
    /// tcp, udp or any.
    pub protocol: String,
    /// Destination port, range, list or `any`.
    pub port: String,
    /// Source address or network.
    pub source: String,
    /// in or out, with the interface after an underscore when one is given.
    pub direction: String,
    /// Application profile, for example `Nginx Full`.
    pub application: Option<String>,
}

/// A base chain of nftables (nft(8)).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseChain {
    /// Family and table, for example `inet filter`.
    pub table: String,
    /// Chain.
    pub chain: String,
    /// Hook, for example `input`.
    pub hook: String,
    /// accept or drop.
    pub policy: String,
}
