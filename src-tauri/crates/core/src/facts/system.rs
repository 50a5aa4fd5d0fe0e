//! The machine itself: distribution, kernel, processors, memory, boot, time.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Sweep;
use super::reply::{Reply, fact, number, plain, script};
use crate::command::{Command, Output};
use crate::fact::Fact;

use super::Version;

/// What `os-release` says (os-release(5)).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OsRelease {
    /// `ID`: lower-case word, for example `debian`, `almalinux`.
    pub id: String,
    /// `ID_LIKE`: related distributions, nearest first.
    pub id_like: Vec<String>,
    /// `VERSION_ID`, for example `12` or `9.4`; rolling releases have none.
    pub version_id: Option<Version>,
    /// `PRETTY_NAME`, for people.
    pub pretty_name: String,
    /// Which family's tools and paths it has, from `ID` and `ID_LIKE`.
    pub family: Family,
}

/// A family of distributions that share package manager and conventions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// Debian, Ubuntu and what is made from them.
    Debian,
    /// Red Hat Enterprise Linux and what is made from it.
    Rhel,
    /// Anything else.
    Other,
}

/// The running kernel (uname(1)).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kernel {
    /// `uname -r`.
    pub release: String,
    /// `uname -m`, for example `x86_64` or `aarch64`.
    pub architecture: String,
}

/// systemd as the running service manager.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Systemd {
    /// Major version, for example 252.
    pub version: u32,
    /// Whether it is process 1 (sd_booted(3)); a container may have the tools only.
    pub booted: bool,
}

/// This boot of the machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Boot {
    /// `/proc/sys/kernel/random/boot_id`: another one means that the machine was restarted.
    pub id: String,
    /// Whether an update waits for a restart (`/run/reboot-required`, or a newer kernel is installed than runs).
    pub reboot_required: bool,
}

/// Memory in bytes (proc_meminfo(5)).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// All of it.
    pub total: u64,
    /// What programs could still use.
    pub available: u64,
    /// Swap space.
    pub swap_total: u64,
    /// Unused swap space.
    pub swap_free: u64,
}

/// Processors and their load (proc_loadavg(5)).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cpu {
    /// Processors online.
    pub count: u32,
    /// Load averages over 1, 5 and 15 minutes, in hundredths: 150 is a load of 1.5.
    pub load_hundredths: [u32; 3],
}

/// The host's clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// Seconds since 1970-01-01 UTC when it was asked.
    pub epoch_seconds: u64,
    /// Whether it is kept right by NTP; `None` when systemd-timedated could not say.
    pub synchronized: Option<bool>,
    /// Time zone, for example `Europe/Berlin`, when known.
    pub timezone: Option<String>,
}

/// Facts about the machine itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct System {
    /// Distribution.
    pub os: Fact<OsRelease>,
    /// Running kernel.
    pub kernel: Fact<Kernel>,
    /// Host name.
    pub hostname: Fact<String>,
    /// systemd.
    pub systemd: Fact<Systemd>,
    /// This boot.
    pub boot: Fact<Boot>,
    /// Kind of virtual machine or container.
    pub virtualization: Fact<String>,
    /// Memory.
    pub memory: Fact<Memory>,
    /// Processors and load.
    pub cpu: Fact<Cpu>,
    /// Clock.
    pub clock: Fact<Clock>,
}

/// Asks for everything about the machine itself.
pub fn command(purpose: Sweep) -> Command {
    let purpose = match purpose {
        Sweep::Overview => "overview",
        Sweep::Planning => "planning",
    };
    Command::script(script!("system.sh"), [purpose]).timeout(Duration::from_secs(20)).output_limit(128 << 10)
}

/// Reads the answer to [`command`].
pub fn parse(output: &Output) -> System {
    match Reply::read(output) {
        Ok(reply) => System {
            os: fact(os(&reply)),
            kernel: fact(kernel(&reply).map(Some)),
            hostname: fact(hostname(&reply).map(Some)),
            systemd: fact(systemd(&reply)),
            boot: fact(boot(&reply).map(Some)),
            virtualization: fact(virtualization(&reply)),
            memory: fact(memory(&reply).map(Some)),
            cpu: fact(cpu(&reply).map(Some)),
            clock: fact(clock(&reply).map(Some)),
        },
        Err(reason) => System {
            os: Fact::Failed(reason.clone()),
            kernel: Fact::Failed(reason.clone()),
            hostname: Fact::Failed(reason.clone()),
            systemd: Fact::Failed(reason.clone()),
            boot: Fact::Failed(reason.clone()),
            virtualization: Fact::Failed(reason.clone()),
            memory: Fact::Failed(reason.clone()),
            cpu: Fact::Failed(reason.clone()),
            clock: Fact::Failed(reason),
        },
    }
}

/// Reads the part `os-release` of a reply.
pub(super) fn os(reply: &Reply<'_>) -> Result<Option<OsRelease>, String> {
    reply.need("os-release")?.good_or_missing()?.map(os_release).transpose()
}

fn os_release(text: &str) -> Result<OsRelease, String> {
    let value = |key: &str| {
        let line = text.lines().rev().find_map(|line| line.trim().strip_prefix(key)?.strip_prefix('='));
        line.map(|raw| {
            unquote(raw)
                .and_then(|v| plain(&v, 200).map(str::to_owned))
                .ok_or(format!("os-release: {key} is malformed"))
        })
        .transpose()
    };
    let word = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b))
    };
    let id = value("ID")?.ok_or("os-release has no ID")?;
    let id_like: Vec<String> = value("ID_LIKE")?.unwrap_or_default().split_whitespace().map(str::to_owned).collect();
    if !word(&id) || !id_like.iter().all(|like| word(like)) {
        return Err("os-release: ID is malformed".into());
    }
    let version_id = value("VERSION_ID")?.and_then(|version| version.parse().ok());
    let pretty_name = value("PRETTY_NAME")?.unwrap_or_else(|| id.clone());
    let family = family(std::iter::once(id.as_str()).chain(id_like.iter().map(String::as_str)));
    Ok(OsRelease { id, id_like, version_id, pretty_name, family })
}

fn family<'a>(mut names: impl Iterator<Item = &'a str>) -> Family {
    let known = |name| match name {
        "debian" | "ubuntu" => Some(Family::Debian),
        "rhel" | "centos" | "almalinux" | "rocky" | "ol" => Some(Family::Rhel),
        _ => None,
    };
    names.find_map(known).unwrap_or(Family::Other)
}

/// Undoes the shell quoting of an os-release value (os-release(5)): one word, no expansion.
fn unquote(raw: &str) -> Option<String> {
    let mut value = String::new();
    let mut characters = raw.trim_end().chars();
    let mut quote = None;
    while let Some(c) = characters.next() {
        match (c, quote) {
            ('\\', Some('"') | None) => value.push(characters.next()?),
            ('"' | '\'', None) => quote = Some(c),
            (c, Some(q)) if c == q => quote = None,
            (' ' | '\t' | '$' | '`', None) | ('$' | '`', Some('"')) => return None,
            (c, _) => value.push(c),
        }
    }
    quote.is_none().then_some(value)
}

fn kernel(reply: &Reply<'_>) -> Result<Kernel, String> {
    let text = reply.need("kernel")?.good()?;
    let (release, architecture) = text.rsplit_once(' ').ok_or("uname answered something else")?;
    let word = |text: &str| !text.is_empty() && text.len() <= 128 && text.bytes().all(|b| b.is_ascii_graphic());
    if !word(release) || !word(architecture) {
        return Err("uname answered something else".into());
    }
    Ok(Kernel { release: release.into(), architecture: architecture.into() })
}

fn hostname(reply: &Reply<'_>) -> Result<String, String> {
    let text = reply.need("hostname")?.good()?;
    let ok = (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    if ok { Ok(text.to_owned()) } else { Err("the host name is malformed".into()) }
}

fn systemd(reply: &Reply<'_>) -> Result<Option<Systemd>, String> {
    let Some(text) = reply.need("systemd")?.good_or_missing()? else { return Ok(None) };
    let version = text.strip_prefix("systemd ").and_then(Version::leading);
    let version = version.map(|v| v.part(0)).ok_or("systemctl --version answered something else")?;
    Ok(Some(Systemd { version, booted: yes(reply, "booted")? }))
}

fn yes(reply: &Reply<'_>, name: &str) -> Result<bool, String> {
    match reply.need(name)?.good()? {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err(format!("{name}: neither yes nor no")),
    }
}

fn boot(reply: &Reply<'_>) -> Result<Boot, String> {
    let id = reply.need("boot-id")?.good()?;
    if id.len() != 36 || !id.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-') {
        return Err("the boot id is malformed".into());
    }
    // Only the RHEL family keeps kernel images under /lib/modules; there the newest one that is not running is
    // what a restart would bring.
    let (running, _) = reply.need("kernel")?.good()?.rsplit_once(' ').ok_or("uname answered something else")?;
    let kernels = reply.need("kernels")?.good()?;
    let installed = kernels.lines().any(|kernel| kernel == running);
    let newer = installed && kernels.lines().any(|kernel| newer(kernel, running));
    Ok(Boot { id: id.into(), reboot_required: yes(reply, "reboot")? || newer })
}

/// Whether kernel release `left` is newer than `right`: numbers compare as numbers, in order.
fn newer(left: &str, right: &str) -> bool {
    let numbers = |text: &str| -> Vec<u64> {
        text.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty()).filter_map(number).collect()
    };
    numbers(left) > numbers(right)
}

fn virtualization(reply: &Reply<'_>) -> Result<Option<String>, String> {
    // systemd-detect-virt(1): "none" and a status other than 0 on bare metal.
    let part = reply.need("virtualization")?;
    match (part.status, part.text()?) {
        (0 | 1, "none") => Ok(None),
        (0, kind) if plain(kind, 40).is_some() && !kind.is_empty() => Ok(Some(kind.to_owned())),
        (status, _) => Err(part.ended_with(status)),
    }
}

fn memory(reply: &Reply<'_>) -> Result<Memory, String> {
    let text = reply.need("memory")?.good()?;
    let bytes = |key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
        let kibibytes = line.and_then(|rest| number::<u64>(rest.trim().strip_suffix(" kB")?));
        kibibytes.and_then(|k| k.checked_mul(1024)).ok_or_else(|| format!("meminfo has no {key}"))
    };
    Ok(Memory {
        total: bytes("MemTotal")?,
        available: bytes("MemAvailable")?,
        swap_total: bytes("SwapTotal")?,
        swap_free: bytes("SwapFree")?,
    })
}

fn cpu(reply: &Reply<'_>) -> Result<Cpu, String> {
    let count = number(reply.need("processors")?.good()?).ok_or("getconf answered something else")?;
    let text = reply.need("load")?.good()?;
    let mut loads = text.split(' ').map(hundredths);
    let mut next = || loads.next().flatten().ok_or("loadavg is malformed");
    Ok(Cpu { count, load_hundredths: [next()?, next()?, next()?] })
}

fn hundredths(text: &str) -> Option<u32> {
    let (whole, cents) = text.split_once('.')?;
    let cents = if cents.len() == 2 { number::<u32>(cents)? } else { return None };
    number::<u32>(whole)?.checked_mul(100)?.checked_add(cents)
}

fn clock(reply: &Reply<'_>) -> Result<Clock, String> {
    let epoch_seconds = number(reply.need("seconds")?.good()?).ok_or("date answered something else")?;
    // systemd-timedated may be missing or masked; the host's seconds are known all the same.
    let text = reply.need("clock")?.good().unwrap_or_default();
    let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    let synchronized = match value("NTPSynchronized") {
        Some("yes") => Some(true),
        Some("no") => Some(false),
        Some(_) | None => None,
    };
    let zone = value("Timezone").filter(|zone| !zone.is_empty()).and_then(|zone| plain(zone, 64));
    Ok(Clock { epoch_seconds, synchronized, timezone: zone.map(str::to_owned) })
}
