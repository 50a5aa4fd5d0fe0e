//! What a site's units run at this moment, by the word of the processes themselves.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::activation::Instance;
use crate::command::{Command, Output};
use crate::fact::Fact;
use crate::release::{Layout, ReleaseId};
use crate::seen::UnitActivity;

const SCRIPT: &str = include_str!("onhost/running.sh");

/// Starts or restarts one instance and waits until it is up: `start` or `restart`, its unit, its slot (or nothing), port that
/// must answer (or nothing), seconds.
pub const BRING_UP: &str = include_str!("onhost/bring_up.sh");

/// What was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Running {
    /// The release that `current` points to.
    pub current: Option<ReleaseId>,
    /// The site's units, in the order asked for.
    pub units: Vec<RunningUnit>,
}

/// One unit: a generation of an instance, or an instance that runs nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunningUnit {
    /// Its name.
    pub unit: String,
    /// The instance that it is of, by its unit.
    pub instance: String,
    /// Whether it takes nothing new, and only finishes what it has begun.
    pub draining: bool,
    /// systemd's ActiveState: `active`, `failed`, `activating`, ….
    pub active: String,
    /// systemd's SubState.
    pub sub: String,
    /// Main process.
    pub pid: Option<u32>,
    /// How often systemd restarted it by itself since it was last started on purpose.
    pub restarts: u32,
    /// Memory of its control group, bytes.
    pub memory: Option<u64>,
    /// Seconds since it became active, while it is.
    pub active_for_s: Option<u64>,
    /// Processor time that its control group has used since then, nanoseconds.
    pub cpu_ns: Option<u64>,
    /// Port on 127.0.0.1, when it is known to serve HTTP.
    pub port: Option<u16>,
    /// The release that its main process runs from.
    pub release: Option<ReleaseId>,
}

impl Running {
    /// Whether `current` is at `release`, and every instance. What an earlier one finishes does not count.
    pub fn all_at(&self, release: &ReleaseId) -> bool {
        self.current.as_ref() == Some(release)
            && self.serving().all(|unit| unit.active == "active" && unit.release.as_ref() == Some(release))
    }

    /// The units that serve, or should: those that drain are left out.
    pub fn serving(&self) -> impl Iterator<Item = &RunningUnit> {
        self.units.iter().filter(|unit| !unit.draining)
    }

    /// With the ports that `instances` name.
    #[must_use]
    pub fn with_ports(mut self, instances: &[Instance]) -> Self {
        for unit in &mut self.units {
            unit.port = instances.iter().find(|instance| instance.unit == unit.instance).and_then(|found| found.port);
        }
        self
    }

    /// One line per unit, for evidence.
    pub fn evidence(&self) -> Vec<String> {
        let name =
            |release: &Option<ReleaseId>| release.as_ref().map_or_else(|| "no release".to_owned(), ToString::to_string);
        let mut lines = vec![format!("current is {}", name(&self.current))];
        for unit in &self.units {
            let end = if unit.draining { ", finishing what it has begun" } else { "" };
            let pid = unit.pid.map_or_else(|| "no process".to_owned(), |pid| format!("process {pid}"));
            lines.push(format!(
                "{} is {} ({}), {pid} runs from {}{end}",
                unit.unit,
                unit.active,
                unit.sub,
                name(&unit.release),
            ));
        }
        lines
    }
}

/// A file that is newer than the process which has read it: what runs is not what the file says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Newer {
    /// `nginx`, `systemd`, or a unit.
    pub process: String,
    /// The file; a unit when the process is `systemd`.
    pub file: String,
}

/// Files that are newer than their processes, and the state of units.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Freshness {
    /// Files that are newer than the processes which have read them.
    pub newer: Vec<Newer>,
    /// Units by name; absent ones are those that systemd does not know.
    pub units: BTreeMap<String, Fact<UnitActivity>>,
    /// What the process of each running instance holds, in bytes, by the instance's unit.
    pub memory: BTreeMap<String, u64>,
}

/// Asks which of nginx's and of the site's files are newer than the processes that read them, and for the state of `units`.
pub fn freshness_command(
    nginx_files: &[&str],
    site_files: &[&str],
    instances: &[Instance],
    units: &[String],
) -> Command {
    let of_instance = |unit: &&str| instances.iter().any(|instance| instance.unit == *unit);
    let others = units.iter().map(String::as_str).filter(|unit| !of_instance(unit));
    let mut arguments = Vec::new();
    for list in [nginx_files, site_files] {
        arguments.push(list.len().to_string());
        arguments.extend(list.iter().map(|one| (*one).to_owned()));
    }
    arguments.push(instances.len().to_string());
    for instance in instances {
        arguments.extend([instance.unit.clone(), instance.slot.clone().unwrap_or_default()]);
    }
    arguments.extend(others.map(str::to_owned));
    Command::script(include_str!("onhost/newer.sh"), arguments)
}

/// Reads the reply to [`freshness_command`].
///
/// # Errors
/// What is wrong with it, also when it was cut.
pub fn parse_freshness(output: &Output) -> Result<Freshness, String> {
    let text = output.text();
    let list = text.strip_suffix("end\n").filter(|_| output.success()).ok_or_else(|| output.complaint())?;
    let mut freshness = Freshness::default();
    for line in list.lines() {
        let strange = || format!("cannot read {line:?}");
        let (word, rest) = line.split_once(' ').ok_or_else(strange)?;
        match word {
            "newer" => {
                let (process, file) = rest.split_once(' ').ok_or_else(strange)?;
                freshness.newer.push(Newer { process: process.to_owned(), file: file.to_owned() });
            }
            "memory" => {
                let (bytes, unit) = rest.split_once(' ').ok_or_else(strange)?;
                freshness.memory.insert(unit.to_owned(), bytes.parse().map_err(|_| strange())?);
            }
            "unit" => {
                let words: Vec<&str> = rest.splitn(4, ' ').collect();
                let [load, active, file, name] = words.as_slice() else { return Err(strange()) };
                freshness.units.insert((*name).to_owned(), unit_state(load, active, file));
            }
            _ => return Err(strange()),
        }
    }
    Ok(freshness)
}

/// LoadState, ActiveState and UnitFileState of a unit (systemctl(1), org.freedesktop.systemd1(5)).
fn unit_state(load: &str, active: &str, file: &str) -> Fact<UnitActivity> {
    let active = matches!(active, "active" | "activating" | "reloading" | "refreshing");
    if load == "not-found" && !active {
        return Fact::Absent;
    }
    // What has no [Install] section, or is made by something else, cannot be enabled and needs not be.
    let enabled = matches!(
        file,
        "enabled" | "enabled-runtime" | "static" | "alias" | "indirect" | "generated" | "linked" | "linked-runtime"
    );
    Fact::Known(UnitActivity { active, enabled, masked: load == "masked" })
}

/// Asks for the state of `instances`.
pub fn command(layout: &Layout, instances: &[Instance]) -> Command {
    let units =
        instances.iter().flat_map(|instance| [instance.unit.clone(), instance.slot.clone().unwrap_or_default()]);
    Command::script(SCRIPT, std::iter::once(layout.current()).chain(units))
}

/// Reads the reply.
///
/// # Errors
/// What is wrong with it, also when it was cut.
pub fn parse(output: &Output, layout: &Layout) -> Result<Running, String> {
    if !output.success() || output.truncated {
        return Err(format!("the site's processes could not be looked at: {}", output.complaint()));
    }
    let text = output.text();
    let mut running = Running { current: None, units: Vec::new() };
    let (mut ended, mut uptime) = (false, None);
    for line in text.lines() {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "uptime" => uptime = rest.split('.').next().and_then(|seconds| seconds.parse().ok()),
            "current" => running.current = rest.strip_prefix("releases/").and_then(|id| id.parse().ok()),
            "unit" => {
                running.units.push(parse_unit(rest, layout, uptime).ok_or_else(|| format!("cannot read {line:?}"))?)
            }
            "end" => ended = true,
            _ => return Err(format!("cannot read {line:?}")),
        }
    }
    if ended { Ok(running) } else { Err("the reply was cut off".to_owned()) }
}

fn parse_unit(text: &str, layout: &Layout, uptime: Option<u64>) -> Option<RunningUnit> {
    let (instance, rest) = text.split_once(' ')?;
    let (unit, rest) = rest.split_once(' ')?;
    let (properties, cwd) = rest.split_once("cwd=")?;
    let map: BTreeMap<&str, &str> = properties.split_whitespace().filter_map(|part| part.split_once('=')).collect();
    // A generation's name says of which release it is: systemd starts it from there, whatever it does afterwards. The
    // release may run under its name with a number behind it. A process of version 0.1 says where it runs.
    let named = unit.split('@').nth(1).and_then(|rest| rest.strip_suffix(".service"));
    let named = named.and_then(|name| name.split('.').next()).and_then(|id| id.parse().ok());
    let release = named.or_else(|| {
        let below = cwd.strip_prefix(&format!("{}/", layout.releases()))?;
        below.split('/').next()?.parse().ok()
    });
    let active = (*map.get("ActiveState")?).to_owned();
    let number = |key: &str| map.get(key).and_then(|text| text.parse::<u64>().ok());
    let since = number("ActiveEnterTimestampMonotonic").filter(|at| *at > 0 && active == "active");
    Some(RunningUnit {
        unit: unit.to_owned(),
        instance: instance.to_owned(),
        draining: unit != instance && active == "deactivating",
        active,
        sub: (*map.get("SubState")?).to_owned(),
        pid: map.get("MainPID").and_then(|pid| pid.parse().ok()).filter(|pid| *pid != 0),
        restarts: map.get("NRestarts").and_then(|count| count.parse().ok()).unwrap_or(0),
        // Without accounting systemd says the largest number.
        memory: number("MemoryCurrent").filter(|bytes| *bytes != u64::MAX),
        active_for_s: since.zip(uptime).map(|(since, uptime)| uptime.saturating_sub(since / 1_000_000)),
        cpu_ns: number("CPUUsageNSec").filter(|nanoseconds| *nanoseconds != u64::MAX),
        port: None,
        release,
    })
}
