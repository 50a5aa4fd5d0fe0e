//! What guards the host: SELinux and the firewall that is in charge.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::reply::{Reply, excerpt, fact, number, plain, script};
use super::units::properties;
use crate::command::{Command, Output};
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

/// Facts about what guards the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Security {
    /// SELinux.
    pub selinux: Fact<Selinux>,
    /// Firewalls.
    pub firewalls: Fact<Firewalls>,
}

/// Asks for SELinux and firewalls. firewalld is asked over D-Bus and ufw by its files: their commands are
/// Python programs that take a quarter of a second each.
pub fn command() -> Command {
    Command::script(script!("security.sh"), [""; 0]).timeout(Duration::from_secs(20))
}

/// Reads the answer to [`command`].
pub fn parse(output: &Output) -> Security {
    match Reply::read(output) {
        Ok(reply) => {
            let firewalls = Firewalls {
                firewalld: fact(firewalld(&reply)),
                ufw: fact(ufw(&reply)),
                nftables: fact(nftables(&reply)),
            };
            Security { selinux: fact(selinux(&reply)), firewalls: Fact::Known(firewalls) }
        }
        Err(reason) => Security { selinux: Fact::Failed(reason.clone()), firewalls: Fact::Failed(reason) },
    }
}

fn selinux(reply: &Reply<'_>) -> Result<Option<Selinux>, String> {
    let running = reply.need("selinux-enforce")?.good_or_missing()?;
    let config = reply.need("selinux-config")?.good_or_missing()?;
    let setting = |key: &str| {
        let value = config?.lines().find_map(|line| line.trim().strip_prefix(key)?.trim_start().strip_prefix('='))?;
        plain(value.trim(), 64).map(str::to_ascii_lowercase)
    };
    let configured = match setting("SELINUX").as_deref() {
        Some("enforcing") => Some(SelinuxMode::Enforcing),
        Some("permissive") => Some(SelinuxMode::Permissive),
        Some("disabled") => Some(SelinuxMode::Disabled),
        Some(_) | None => None,
    };
    let mode = match (running.map(str::trim), config) {
        (Some("1"), _) => SelinuxMode::Enforcing,
        (Some("0"), _) => SelinuxMode::Permissive,
        (Some(_), _) => return Err("/sys/fs/selinux/enforce holds neither 0 nor 1".into()),
        (None, Some(_)) => SelinuxMode::Disabled,
        (None, None) => return Ok(None),
    };
    Ok(Some(Selinux { mode, configured, policy: setting("SELINUXTYPE") }))
}

fn firewalld(reply: &Reply<'_>) -> Result<Option<Firewalld>, String> {
    let Some(unit) = reply.find("firewalld-unit") else { return Ok(None) };
    let blocks = properties(unit.good()?)?;
    let value = |key: &str| blocks.first().and_then(|block| block.get(key)).copied().unwrap_or_default();
    let active = value("ActiveState") == "active";
    let asked = reply.find("firewalld-zone");
    let (default_zone, running) = match asked {
        Some(zone) if active => {
            let zone = strings(zone.good()?, "s").and_then(one).ok_or("firewalld: the default zone is malformed")?;
            let services = reply.need("firewalld-services")?.good()?;
            let services = counted(services, "as").ok_or("firewalld: the list of services is malformed")?;
            let ports = reply.need("firewalld-ports")?.good()?;
            let ports = port_list(ports).ok_or("firewalld: the list of ports is malformed")?;
            (zone, Some(rules(services, ports)))
        }
        Some(_) | None => (reply.need("firewalld-default")?.good()?.to_owned(), None),
    };
    let permanent = reply.need("firewalld-file")?.good_or_missing()?.map(zone_file).transpose()?;
    let enabled = value("UnitFileState") == "enabled";
    Ok(Some(Firewalld { active, enabled, default_zone: Some(default_zone), running, permanent }))
}

fn rules(mut services: Vec<String>, mut ports: Vec<String>) -> ZoneRules {
    services.sort();
    ports.sort();
    ZoneRules { services, ports }
}

/// Reads `SIGNATURE "text" "text" …` as busctl(1) prints it; text with a backslash is refused.
fn strings(text: &str, signature: &str) -> Option<Vec<String>> {
    quoted(text.trim().strip_prefix(signature)?)
}

fn quoted(text: &str) -> Option<Vec<String>> {
    let mut rest = text.trim();
    let mut all = Vec::new();
    while !rest.is_empty() {
        let (word, after) = rest.strip_prefix('"')?.split_once('"')?;
        if word.contains('\\') {
            return None;
        }
        all.push(plain(word, 128)?.to_owned());
        rest = after.trim_start();
    }
    Some(all)
}

fn one(mut all: Vec<String>) -> Option<String> {
    if all.len() == 1 { all.pop() } else { None }
}

/// Reads `as 2 "http" "https"`.
fn counted(text: &str, signature: &str) -> Option<Vec<String>> {
    let rest = text.trim().strip_prefix(signature)?.trim_start();
    let (count, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    quoted(rest).filter(|all| number::<usize>(count) == Some(all.len()))
}

/// Reads `aas 2 2 "80" "tcp" 2 "443" "tcp"`.
fn port_list(text: &str) -> Option<Vec<String>> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let ["aas", count, pairs @ ..] = words.as_slice() else { return None };
    let pair = |words: &[&str]| {
        let ["2", port, protocol] = words else { return None };
        Some(format!("{}/{}", quoted(port).and_then(one)?, quoted(protocol).and_then(one)?))
    };
    let ports: Vec<String> = pairs.chunks(3).map(pair).collect::<Option<_>>()?;
    (number::<usize>(count) == Some(ports.len())).then_some(ports)
}

/// Reads services and ports of a zone (firewalld.zone(5)), those of rich rules left out.
fn zone_file(text: &str) -> Result<ZoneRules, String> {
    let (mut services, mut ports) = (Vec::new(), Vec::new());
    let mut in_rule = false;
    for (name, attributes) in tags(text).ok_or("firewalld: the zone's file is malformed")? {
        let attribute = |key: &str| {
            let start = attributes.find(&format!("{key}="))? + key.len() + 1;
            let value = attributes.get(start..)?;
            let quote = value.chars().next().filter(|c| "\"'".contains(*c))?;
            plain(value.get(1..)?.split_once(quote)?.0, 128).map(str::to_owned)
        };
        match name {
            "rule" => in_rule = !attributes.ends_with('/'),
            "/rule" => in_rule = false,
            "service" if !in_rule => services.extend(attribute("name")),
            "port" if !in_rule => {
                let (port, protocol) = (attribute("port"), attribute("protocol"));
                ports.extend(port.zip(protocol).map(|(port, protocol)| format!("{port}/{protocol}")));
            }
            _ => {}
        }
    }
    Ok(rules(services, ports))
}

/// Names and attribute texts of the tags of a small XML file, comments left out.
fn tags(text: &str) -> Option<Vec<(&str, &str)>> {
    let mut rest = text;
    let mut all = Vec::new();
    while let Some(start) = rest.find('<') {
        rest = rest.get(start..)?;
        if let Some(comment) = rest.strip_prefix("<!--") {
            rest = comment.split_once("-->")?.1;
            continue;
        }
        let (tag, after) = rest.get(1..)?.split_once('>')?;
        let end = tag.find(char::is_whitespace).unwrap_or(tag.len());
        let (name, attributes) = tag.split_at(end);
        all.push((name.trim_end_matches('/'), attributes.trim()));
        rest = after;
    }
    let closed = all.iter().any(|(name, _)| *name == "/zone") || text.contains("<zone/>");
    closed.then_some(all)
}

fn ufw(reply: &Reply<'_>) -> Result<Option<Ufw>, String> {
    let Some(part) = reply.find("ufw-conf") else { return Ok(None) };
    let text = part.good_or_missing()?.unwrap_or_default();
    let enabled = text.lines().filter_map(|line| line.trim().strip_prefix("ENABLED=")).next_back();
    let active = enabled.is_some_and(|value| value.trim_matches(['"', '\'']).eq_ignore_ascii_case("yes"));
    let part = reply.need("ufw-rules")?;
    // grep: 1 means no rule, 2 that one of the files is missing.
    if part.status > 2 {
        return Err(part.ended_with(part.status));
    }
    let rules = part.text()?.lines().map(|line| ufw_rule(line).ok_or_else(|| format!("ufw: {}", excerpt(line))));
    Ok(Some(Ufw { active, rules: rules.collect::<Result<_, _>>()? }))
}

/// Reads ufw's own record of a rule: `### tuple ### allow tcp 80 0.0.0.0/0 any 0.0.0.0/0 [dapp sapp] in [comment=hex]`.
fn ufw_rule(line: &str) -> Option<UfwRule> {
    let line = plain(line, 1024)?.strip_prefix("### tuple ### ")?;
    let words: Vec<&str> = line.split(' ').filter(|word| !word.starts_with("comment=")).collect();
    let (action, protocol, port, source, application, direction) = match words.as_slice() {
        [action, protocol, port, _, _, source, direction] => (action, protocol, port, source, "-", direction),
        [action, protocol, port, _, _, source, application, _, direction] => {
            (action, protocol, port, source, *application, direction)
        }
        _ => return None,
    };
    let application = (application != "-").then(|| application.replace("%20", " "));
    let own = |text: &&str| (*text).to_owned();
    let action = action.split('_').next()?.to_owned();
    Some(UfwRule {
        action,
        protocol: own(protocol),
        port: own(port),
        source: own(source),
        direction: own(direction),
        application,
    })
}

fn nftables(reply: &Reply<'_>) -> Result<Option<Vec<BaseChain>>, String> {
    let Some(part) = reply.find("nft") else { return Ok(None) };
    let malformed = |line: &str| format!("nft: {}", excerpt(line));
    let (mut table, mut chain) = ("", "");
    let mut chains = Vec::new();
    for line in part.good()?.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["table", _, _, "{"] => {
                table = line.strip_prefix("table ").and_then(|l| l.strip_suffix(" {")).unwrap_or_default()
            }
            ["chain", name, "{"] => chain = name,
            ["type", "filter", "hook", hook, rest @ ..] => {
                let policy = rest.iter().skip_while(|word| **word != "policy").nth(1).copied().unwrap_or("accept;");
                chains.push(BaseChain {
                    table: plain(table, 256).ok_or_else(|| malformed(line))?.to_owned(),
                    chain: chain.to_owned(),
                    hook: (*hook).to_owned(),
                    policy: policy.trim_end_matches(';').to_owned(),
                });
            }
            ["type", ..] | ["}"] | [] | ["comment", ..] | ["flags", ..] => {}
            _ => return Err(malformed(line)),
        }
    }
    Ok(Some(chains))
}
