//! Turning a release live: a constant program that runs on the host, and the values it is given.
//!
//! The switch must not depend on the desktop or the link, so it is one transient unit on the host:
//! gate, migrate, switch, replace instance by instance, settle, verify, and back again when the
//! release does not prove itself. See `activate.sh` for the sequence.

mod outcome;

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::encode::shell::{self, Unquotable, quote};
use crate::release::{Layout, ReleaseId};
use crate::resource::Effect;
use crate::site::{Health, Name};
use crate::task::literal;

pub use outcome::{Ending, Line};

const PROGRAM: &str =
    concat!(include_str!("../onhost/files.sh"), include_str!("../onhost/nginx.sh"), include_str!("activate.sh"));

/// With two sets of ports, nginx asks an idle port again after this many seconds: keep both sets up for longer
/// than this when switching (`fail_timeout` in the rendered upstream).
pub const PORT_RETRY_SECONDS: u32 = 2;
/// Seconds that one migration or hook may take.
const HOOK_SECONDS: u64 = 1800;
/// Seconds beside its start that replacing one instance may take: stopping it, and being asked again.
const REPLACE_SECONDS: u64 = 900;
/// Seconds for everything that takes little time.
const SLACK_SECONDS: u64 = 600;

/// One instance as systemd knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// Its service, for example `parlour-web@5000.service`.
    pub unit: String,
    /// Its socket, when systemd holds the port.
    pub socket: Option<String>,
    /// Port on 127.0.0.1, when it serves HTTP.
    pub port: Option<u16>,
    /// The port that it uses in turn with `port`, when it opens the port itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alternate: Option<u16>,
}

impl Instance {
    /// The same instance on its alternate port.
    pub fn other(&self) -> Option<Self> {
        let (port, alternate) = (self.port?, self.alternate?);
        let unit = self.unit.replace(&format!("@{port}."), &format!("@{alternate}."));
        Some(Self { unit, socket: None, port: Some(alternate), alternate: Some(port) })
    }
}

/// `instances` on the ports that they use now, as `running` says.
pub fn as_running(instances: Vec<Instance>, running: &[Instance]) -> Vec<Instance> {
    let is_running = |instance: &Instance| running.iter().any(|other| other.unit == instance.unit);
    let place = |instance: Instance| match instance.other() {
        Some(other) if is_running(&other) && !is_running(&instance) => other,
        _ => instance,
    };
    instances.into_iter().map(place).collect()
}

/// `instances` on ports that nothing in `running` uses, where they can choose: both sets run while one takes over.
pub fn beside_running(instances: Vec<Instance>, running: &[Instance]) -> Vec<Instance> {
    let is_running = |instance: &Instance| running.iter().any(|other| other.unit == instance.unit);
    let place = |instance: Instance| match instance.other() {
        Some(other) if is_running(&instance) => other,
        _ => instance,
    };
    instances.into_iter().map(place).collect()
}

/// How to tell that an instance works, with defaults filled in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HealthCheck {
    /// Path; none: an open port is enough.
    pub path: Option<String>,
    /// Expected status.
    pub status: u16,
    /// Seconds for one answer.
    pub timeout_s: u64,
    /// Seconds from start to healthy.
    pub within_s: u64,
    /// Seconds that all must stay healthy after the switch.
    pub settle_s: u64,
    /// `Host` header.
    pub host: String,
    /// JSON pointers and expected values.
    pub json: Vec<(String, Value)>,
}

impl HealthCheck {
    /// The check that `health` describes, asking as `host`.
    pub fn new(health: &Health, host: &str) -> Self {
        let seconds = |span: &Option<crate::site::Span>, default| span.as_ref().map_or(default, |s| s.seconds());
        Self {
            path: health.path.as_ref().map(|path| path.as_str().to_owned()),
            status: health.status.unwrap_or(200),
            timeout_s: seconds(&health.timeout, 5).max(1),
            within_s: seconds(&health.start_within, 60).max(1),
            settle_s: seconds(&health.settle, 3),
            host: host.to_owned(),
            json: health.json.iter().map(|(pointer, value)| (pointer.as_str().to_owned(), value.clone())).collect(),
        }
    }
}

/// Everything that the program on the host needs to activate a release.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Activation {
    /// The site.
    pub site: Name,
    /// The release to activate; sealed, with its configuration in `config/`.
    pub release: ReleaseId,
    /// The release to go back to.
    pub previous: Option<ReleaseId>,
    /// Why, for the ledger.
    pub reason: String,
    /// Instances after the switch, in the order in which they are replaced.
    pub instances: Vec<Instance>,
    /// Instances of the previous release.
    pub previous_instances: Vec<Instance>,
    /// How to tell that they work.
    pub health: HealthCheck,
    /// Port for the gate; none: no gate (a release that has proved itself before).
    pub gate_port: Option<u16>,
    /// URL through nginx and curl's `--resolve` entry for it.
    pub front: Option<(String, String)>,
    /// Commands run once before the switch: the point of no return for data.
    pub migrate: Vec<Vec<String>>,
    /// Commands right before the switch.
    pub before_switch: Vec<Vec<String>>,
    /// Commands after every instance has been replaced.
    pub after_switch: Vec<Vec<String>>,
    /// Rules that keep ports from the network while releases change; none where processes open no port themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard: Option<Guard>,
    /// Paths that files of the previous release leave to something else: they are not removed with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spared: Vec<String>,
    /// What follows from the files that differ, as far as it is known before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub follows: Vec<Effect>,
}

/// Rules for every port of the previous and of the new release. They are loaded before the first of the new ports is
/// opened, stand in place of each release's own rules until the last of the old ones is closed, and hold after a reboot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guard {
    /// Path of the rules that each release carries.
    pub path: String,
    /// The unit that loads them.
    pub unit: String,
    /// The rules.
    pub rules: String,
    /// The table of family `inet` that they fill.
    pub table: String,
}

impl Activation {
    /// The program's text with this activation's values in front; nothing in it is secret.
    ///
    /// # Errors
    /// When a value holds a NUL byte.
    pub fn program(&self) -> Result<String, Unquotable> {
        let layout = Layout::new(&self.site);
        let mut text = String::from("#!/bin/sh\n");
        let (front_url, front_resolve) = self.front.clone().unwrap_or_default();
        let variables = [
            ("SITE", self.site.as_str().to_owned()),
            ("ROOT", layout.root()),
            ("STATE", layout.state()),
            ("RELEASE", self.release.to_string()),
            ("PREVIOUS", self.previous.as_ref().map(ToString::to_string).unwrap_or_default()),
            ("REASON", self.reason.clone()),
            ("H_PATH", self.health.path.clone().unwrap_or_default()),
            ("H_STATUS", self.health.status.to_string()),
            ("H_TIMEOUT", self.health.timeout_s.to_string()),
            ("H_WITHIN", self.health.within_s.to_string()),
            ("H_SETTLE", if self.instances.is_empty() { String::new() } else { self.health.settle_s.to_string() }),
            ("H_HOST", self.health.host.clone()),
            ("HOOK_LIMIT", HOOK_SECONDS.to_string()),
            ("FRONT_URL", front_url),
            ("FRONT_RESOLVE", front_resolve),
            ("GATE_PORT", self.gate_port.map(|port| port.to_string()).unwrap_or_default()),
            ("GUARD_PATH", self.guard.as_ref().map(|guard| guard.path.clone()).unwrap_or_default()),
            ("GUARD_UNIT", self.guard.as_ref().map(|guard| guard.unit.clone()).unwrap_or_default()),
            ("GUARD_TABLE", self.guard.as_ref().map(|guard| guard.table.clone()).unwrap_or_default()),
            ("GUARD_RULES", self.guard.as_ref().map(|guard| guard.rules.clone()).unwrap_or_default()),
            ("SPARED", self.spared.iter().fold("\n".to_owned(), |all, path| format!("{all}{path}\n"))),
        ];
        for (name, value) in variables {
            let _ = writeln!(text, "{name}={}", quote(&value)?);
        }
        let checks: Result<Vec<_>, _> = self.health.json.iter().map(|(p, v)| json_check(p, v)).collect();
        function(&mut text, "each_check", "", &checks?);
        function(&mut text, "each_instance", "\"$1\" ", &instance_words(&self.instances)?);
        function(&mut text, "each_previous", "\"$1\" ", &instance_words(&self.previous_instances)?);
        let retired: Vec<Instance> = self
            .previous_instances
            .iter()
            .filter(|old| !self.instances.iter().any(|new| new.unit == old.unit))
            .cloned()
            .collect();
        function(&mut text, "each_retired", "\"$1\" ", &instance_words(&retired)?);
        let added: Vec<Instance> = self
            .instances
            .iter()
            .filter(|new| !self.previous_instances.iter().any(|old| old.unit == new.unit))
            .cloned()
            .collect();
        function(&mut text, "each_added", "\"$1\" ", &instance_words(&added)?);
        let overlap = retired.iter().any(|old| old.alternate.is_some() && old.port.is_some());
        let _ = writeln!(text, "OVERLAP={}", if overlap { PORT_RETRY_SECONDS + 1 } else { 0 });
        for (name, commands) in
            [("each_migrate", &self.migrate), ("each_before", &self.before_switch), ("each_after", &self.after_switch)]
        {
            let words: Result<Vec<_>, _> = commands
                .iter()
                .map(|argv| {
                    let title = std::iter::once(argv.join(" "));
                    shell::quote_all(title.chain(argv.iter().map(|word| literal(word))))
                })
                .collect();
            function(&mut text, name, "\"$1\" ", &words?);
        }
        text.push_str(PROGRAM);
        Ok(text)
    }

    /// Seconds after which the program is told to stop: more than it needs when everything takes as long as it may.
    pub fn limit_s(&self) -> u64 {
        let count = |items: usize| u64::try_from(items).unwrap_or(u64::MAX);
        let one = self.health.within_s.saturating_add(self.health.timeout_s).saturating_add(REPLACE_SECONDS);
        // The gate, every instance, and every instance of the release that it may have to go back to.
        let starts =
            count(self.instances.len() + self.previous_instances.len() + usize::from(self.gate_port.is_some()));
        let hooks = count(self.migrate.len() + self.before_switch.len() + self.after_switch.len());
        // Every instance is asked once more after the settling time is over.
        let settle =
            count(self.instances.len()).saturating_mul(self.health.timeout_s).saturating_add(self.health.settle_s);
        let overlap = 2 * (u64::from(PORT_RETRY_SECONDS) + 1);
        starts
            .saturating_mul(one)
            .saturating_add(hooks.saturating_mul(HOOK_SECONDS))
            .saturating_add(settle)
            .saturating_add(overlap + SLACK_SECONDS)
    }

    /// Keys and titles of the phases, in the order in which the program reports them.
    pub fn phases(&self) -> Vec<(String, String)> {
        let mut phases = Vec::new();
        let mut push = |key: &str, title: String| phases.push((key.to_owned(), title));
        if self.guard.is_some() {
            push("guard", "Keep every port of both releases from the network".to_owned());
        }
        if let Some(port) = self.gate_port {
            push("gate", format!("Prove {} on a private port ({port}) before it gets any traffic", self.release));
        }
        if !self.migrate.is_empty() || !self.before_switch.is_empty() {
            push("migrate", "Run migrations and hooks once (data cannot be rolled back from here on)".to_owned());
        }
        push("switch", format!("Switch to release {}", self.release));
        for instance in &self.instances {
            push(&format!("replace:{}", instance.unit), format!("Replace {}", instance.unit));
        }
        if !self.instances.is_empty() {
            push("settle", format!("Watch every instance for {} s", self.health.settle_s));
        }
        push("verify", "Ask through nginx".to_owned());
        phases
    }
}

fn instance_words(instances: &[Instance]) -> Result<Vec<String>, Unquotable> {
    let words = |i: &Instance| {
        let port = i.port.map(|p| p.to_string()).unwrap_or_default();
        shell::quote_all([i.unit.as_str(), i.socket.as_deref().unwrap_or_default(), &port])
    };
    instances.iter().map(words).collect()
}

/// Writes a shell function that runs `prefix` + words for each item and stops at the first failure.
fn function(text: &mut String, name: &str, prefix: &str, items: &[String]) {
    let command = if name == "each_check" { "check " } else { prefix };
    let _ = writeln!(text, "{name}() {{");
    for item in items {
        let _ = writeln!(text, "    {command}{item} || return 1");
    }
    let _ = writeln!(text, "    return 0\n}}");
}

/// A jq program for one expectation, and its description.
fn json_check(pointer: &str, want: &Value) -> Result<String, Unquotable> {
    let tokens: Vec<Value> =
        pointer.split('/').skip(1).map(|part| Value::from(part.replace("~1", "/").replace("~0", "~"))).collect();
    // A token that is a number may be an index into an array (RFC 6901, section 4).
    let walk = format!(
        "reduce {}[] as $k (.; if type == \"array\" then .[$k | tonumber] elif type == \"object\" then .[$k] else null end)",
        Value::from(tokens)
    );
    let (program, meaning) = if want == "*" {
        (format!("{walk} | . != null and . != false"), format!("a value at {pointer}"))
    } else {
        (format!("{walk} == {want}"), format!("{want} at {pointer}"))
    };
    shell::quote_all([meaning, program])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn activation(instances: usize, hooks: usize) -> Activation {
        let instance =
            Instance { unit: "shop-web@5000.service".into(), socket: None, port: Some(5000), alternate: None };
        let health = HealthCheck {
            path: None,
            status: 200,
            timeout_s: 5,
            within_s: 900,
            settle_s: 60,
            host: "localhost".into(),
            json: Vec::new(),
        };
        Activation {
            site: "shop".parse().unwrap(),
            release: "20261121T100000Z-aaaaaa".parse().unwrap(),
            previous: None,
            reason: String::new(),
            instances: vec![instance.clone(); instances],
            previous_instances: vec![instance; instances],
            health,
            gate_port: Some(6000),
            front: None,
            migrate: vec![["echo", "${HOME} $1"].map(str::to_owned).to_vec(); hooks],
            before_switch: Vec::new(),
            after_switch: Vec::new(),
            guard: None,
            spared: Vec::new(),
            follows: Vec::new(),
        }
    }

    #[test]
    fn the_limit_grows_with_what_there_is_to_do() {
        let slow = activation(4, 2).limit_s();
        assert!(slow > 9 * 900 + 2 * HOOK_SECONDS + 60, "{slow}");
        assert!(activation(1, 0).limit_s() < slow);
    }

    #[test]
    fn hooks_get_their_dollars_and_the_title_shows_them_as_written() {
        let program = activation(1, 1).program().unwrap();
        assert!(program.contains("'echo ${HOME} $1' echo '$${HOME} $$1'"), "{program}");
    }
}
