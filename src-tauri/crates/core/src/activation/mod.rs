//! Turning a release live: a constant program that runs on the host, and the values it is given.
//!
//! The switch must not depend on the desktop or the link, so it is one transient unit on the host. What it does is a list
//! of phases ([`Activation::phases`]); each has its functions in a file of `phases/`, and the program ends with their calls.

mod outcome;
mod phase;

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::command::lean;
use crate::encode::shell::{self, Unquotable, quote};
use crate::release::{Layout, ReleaseId};
use crate::resource::Effect;
use crate::site::{Health, Name, Replace, fill_known};
use crate::task::literal;

pub use outcome::{Ending, Line};
pub use phase::Gated;

use phase::Phase;

const PROGRAM: &str = concat!(
    include_str!("../onhost/files.sh"),
    include_str!("../onhost/nginx.sh"),
    include_str!("phases/report.sh"),
    include_str!("phases/bundle.sh"),
    include_str!("phases/guard.sh"),
    include_str!("phases/hooks.sh"),
    include_str!("phases/health.sh"),
    include_str!("phases/generations.sh"),
    include_str!("phases/gate.sh"),
    include_str!("phases/switch.sh"),
    include_str!("phases/sockets.sh"),
    include_str!("phases/drain.sh"),
    include_str!("phases/back.sh"),
);

/// Ends what drains and has no visitor left, while nothing else of the activation goes on.
const LET_GO: &str = concat!(include_str!("phases/sockets.sh"), include_str!("phases/let_go.sh"));

/// With two sets of ports, nginx asks an idle port again after this many seconds: keep both sets up for longer
/// than this when switching (`fail_timeout` in the rendered upstream).
pub const PORT_RETRY_SECONDS: u32 = 2;
/// Seconds that one migration or hook may take.
const HOOK_SECONDS: u64 = 1800;
/// Seconds that the check of a process may take.
const CHECK_SECONDS: u64 = 60;
/// Seconds beside its start that replacing one instance may take: stopping it, and being asked again.
const REPLACE_SECONDS: u64 = 900;
/// Seconds for everything that takes little time.
const SLACK_SECONDS: u64 = 600;

/// One instance of a process.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// The unit that is enabled and has the instance's name, for example `parlour-web@5000.service`. It starts the
    /// generation of the live release; in releases of version 0.1 it is the process itself.
    pub unit: String,
    /// Its socket, when systemd holds the port.
    pub socket: Option<String>,
    /// Port on 127.0.0.1, when it serves HTTP.
    pub port: Option<u16>,
    /// The port that it uses in turn with `port`, when it opens the port itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alternate: Option<u16>,
    /// What its generations are called before the `@`, for example `parlour-web.5000`; none in releases of version 0.1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<String>,
    /// How it is replaced.
    #[serde(default, skip_serializing_if = "is_overlap")]
    pub replace: Replace,
    /// Program and arguments that tell whether it works; none when empty. With placeholders.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub check: Vec<String>,
}

fn is_overlap(replace: &Replace) -> bool {
    *replace == Replace::Overlap
}

impl Instance {
    /// The same instance on its alternate port.
    pub fn other(&self) -> Option<Self> {
        let (port, alternate) = (self.port?, self.alternate?);
        let unit = self.unit.replace(&format!("@{port}."), &format!("@{alternate}."));
        let slot = self.slot.as_ref().map(|_| crate::units::slot(&unit));
        Some(Self { unit, socket: None, port: Some(alternate), alternate: Some(port), slot, ..self.clone() })
    }

    /// Its process, by the name of its unit.
    fn process<'a>(&'a self, site: &Name) -> &'a str {
        let name = self.unit.strip_prefix(site.as_str()).and_then(|rest| rest.strip_prefix('-'));
        name.and_then(|rest| rest.split('@').next()).unwrap_or_default()
    }

    /// The instance's own name: its port, or a number.
    fn name(&self) -> &str {
        self.unit.split('@').nth(1).and_then(|rest| rest.strip_suffix(".service")).unwrap_or_default()
    }

    /// Words for the program: unit socket port slot way.
    fn words(&self) -> Result<String, Unquotable> {
        let port = self.port.map(|port| port.to_string()).unwrap_or_default();
        let way = match self.replace {
            Replace::Overlap => "overlap",
            Replace::StopFirst => "stop-first",
        };
        let (socket, slot) = (self.socket.as_deref().unwrap_or_default(), self.slot.as_deref().unwrap_or_default());
        shell::quote_all([self.unit.as_str(), socket, &port, slot, way])
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
    /// The check that `health` describes, asking as `host`; `settle_s` is how long to watch when it does not say.
    pub fn new(health: &Health, host: &str, settle_s: u64) -> Self {
        let seconds = |span: &Option<crate::site::Span>, default| span.as_ref().map_or(default, |s| s.seconds());
        Self {
            path: health.path.as_ref().map(|path| path.as_str().to_owned()),
            status: health.status.unwrap_or(200),
            timeout_s: seconds(&health.timeout, 5).max(1),
            within_s: seconds(&health.start_within, 60).max(1),
            settle_s: seconds(&health.settle, settle_s),
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
    /// Processes that run alone before anything changes; none: no gate (a release that has proved itself before).
    pub gate: Vec<Gated>,
    /// Where the site is asked through nginx.
    pub front: Option<Front>,
    /// When the release before ends.
    pub handover: Handover,
    /// What fences in the hooks, migrations and checks of the site file: settings of a unit, `NAME=VALUE`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fence: Vec<String>,
    /// Commands run once before the switch: the point of no return for data.
    pub migrate: Vec<Vec<String>>,
    /// Whether they run before the gate, and not after it.
    pub migrate_first: bool,
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

/// How the site is asked through nginx.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Front {
    /// The URL.
    pub url: String,
    /// curl's `--resolve` entry for it.
    pub resolve: String,
    /// Statuses that the site's own access rules give to the host itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accepts: Vec<u16>,
}

/// When instances of the release before end, where both may run at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Handover {
    /// All of them at the end, once the new release has proved itself: going back is a matter of ending the new ones.
    Together,
    /// Each as soon as the one that takes its place works, because memory does not suffice for all of them twice.
    OneByOne,
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
    /// Those of them that are written down: without the ports of gates, which no reboot outlives.
    pub lasting: String,
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
        let front = self.front.as_ref();
        let accepts: Vec<String> =
            front.map(|front| front.accepts.iter().map(u16::to_string).collect()).unwrap_or_default();
        let handover = match self.handover {
            Handover::Together => "together",
            Handover::OneByOne => "one-by-one",
        };
        let guard = |part: fn(&Guard) -> &String| self.guard.as_ref().map(part).cloned().unwrap_or_default();
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
            ("H_SETTLE", self.health.settle_s.to_string()),
            ("H_HOST", self.health.host.clone()),
            ("HOOK_LIMIT", HOOK_SECONDS.to_string()),
            ("CHECK_LIMIT", CHECK_SECONDS.to_string()),
            ("FRONT_URL", front.map(|front| front.url.clone()).unwrap_or_default()),
            ("FRONT_RESOLVE", front.map(|front| front.resolve.clone()).unwrap_or_default()),
            ("FRONT_ACCEPTS", accepts.join(" ")),
            ("HANDOVER", handover.to_owned()),
            // What a unit is told has its dollars doubled (systemd-run(1)).
            ("LET_GO", literal(&lean(LET_GO))),
            ("GUARD_PATH", guard(|guard| &guard.path)),
            ("GUARD_UNIT", guard(|guard| &guard.unit)),
            ("GUARD_TABLE", guard(|guard| &guard.table)),
            ("GUARD_RULES", guard(|guard| &guard.rules)),
            ("GUARD_LASTING", guard(|guard| &guard.lasting)),
            ("SPARED", self.spared.iter().fold("\n".to_owned(), |all, path| format!("{all}{path}\n"))),
        ];
        for (name, value) in variables {
            let _ = writeln!(text, "{name}={}", quote(&value)?);
        }
        let fence: Vec<&str> = self.fence.iter().flat_map(|setting| ["-p", setting.as_str()]).collect();
        let _ = writeln!(text, "fenced() {{ systemd-run {} \"$@\"; }}", shell::quote_all(fence)?);
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
        let in_turn = retired.iter().any(|old| old.alternate.is_some() && old.port.is_some());
        let overlap = if in_turn { u64::from(PORT_RETRY_SECONDS + 1) } else { 0 };
        // On the way forward, both sets of ports have served for as long as every instance was watched.
        let left = overlap.saturating_sub(self.health.settle_s);
        let _ = writeln!(text, "OVERLAP={overlap} OVERLAP_LEFT={left}");
        self.own_checks(&mut text, &layout)?;
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
        text.push_str(&lean(PROGRAM));
        text.push_str("\nbegin\n");
        for phase in self.sequence() {
            text.push_str(&phase.call()?);
        }
        text.push_str("good\n");
        Ok(text)
    }

    /// Writes the function `own_check`: by an instance's unit, and for the gate by a process's name, what it is to ask.
    fn own_checks(&self, text: &mut String, layout: &Layout) -> Result<(), Unquotable> {
        text.push_str("own_check() {\n    case $1 in\n");
        let release = layout.release(&self.release);
        let mut arm = |key: &str, instance: &Instance| -> Result<(), Unquotable> {
            if instance.check.is_empty() {
                return Ok(());
            }
            let filled = instance.check.iter().map(|word| {
                fill_known(word, |name| match name {
                    "release" => Some(release.clone().into()),
                    "shared" => Some(layout.shared().into()),
                    "port" | "instance" => Some(instance.name().into()),
                    _ => None,
                })
            });
            let words = [instance.process(&self.site).to_owned(), instance.name().to_owned()];
            let words = words.into_iter().chain(filled.map(|word| literal(&word)));
            let _ = writeln!(text, "    {}) asks_itself {} ;;", quote(key)?, shell::quote_all(words)?);
            Ok(())
        };
        for instance in &self.instances {
            arm(&instance.unit, instance)?;
        }
        for gated in &self.gate {
            let of = |instance: &&Instance| instance.process(&self.site) == gated.process;
            if let Some(instance) = self.instances.iter().find(of) {
                arm(&gated.process, instance)?;
            }
        }
        text.push_str("    esac\n}\n");
        Ok(())
    }

    /// Seconds after which the program is told to stop: more than it needs when everything takes as long as it may.
    pub fn limit_s(&self) -> u64 {
        let count = |items: usize| u64::try_from(items).unwrap_or(u64::MAX);
        let one = self.health.within_s.saturating_add(self.health.timeout_s).saturating_add(REPLACE_SECONDS);
        // The gate, every instance, and every instance of the release that it may have to go back to.
        let starts = count(self.instances.len() + self.previous_instances.len() + self.gate.len());
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
        let told = |phase: Phase<'_>| Some((phase.key()?, phase.title(self)));
        self.sequence().into_iter().filter_map(told).collect()
    }

    /// What the program does, in order.
    fn sequence(&self) -> Vec<Phase<'_>> {
        let mut phases = Vec::new();
        phases.extend(self.guard.as_ref().map(|_| Phase::Guard));
        let migrate = (!self.migrate.is_empty()).then_some(Phase::Migrate);
        if self.migrate_first {
            phases.extend(migrate.clone());
        }
        phases.extend(self.gate.iter().map(Phase::Gate));
        phases.push(Phase::Rehearse);
        if !self.migrate_first {
            phases.extend(migrate);
        }
        phases.extend((!self.before_switch.is_empty()).then_some(Phase::BeforeSwitch));
        phases.push(Phase::Switch);
        phases.extend(self.instances.iter().map(Phase::Replace));
        phases.push(Phase::Reload);
        phases.extend((!self.after_switch.is_empty()).then_some(Phase::AfterSwitch));
        // Where there is no instance, there is nothing that could fall over.
        phases.extend((!self.instances.is_empty()).then_some(Phase::Settle));
        phases.extend(self.front.as_ref().map(|_| Phase::Verify));
        phases.push(Phase::Drain);
        phases
    }
}

fn instance_words(instances: &[Instance]) -> Result<Vec<String>, Unquotable> {
    instances.iter().map(Instance::words).collect()
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
        let instance = Instance {
            unit: "shop-web@5000.service".into(),
            port: Some(5000),
            slot: Some("shop-web.5000".into()),
            ..Instance::default()
        };
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
            gate: vec![Gated { process: "web".into(), unit: "shop-gate.web.service".into(), port: Some(6000) }],
            front: None,
            handover: Handover::Together,
            fence: vec!["LimitCORE=0".to_owned()],
            migrate_first: false,
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
    fn phases_come_in_the_order_that_going_back_relies_on() {
        let keys = |activation: &Activation| activation.phases().into_iter().map(|(key, _)| key).collect::<Vec<_>>();
        let mut all = activation(1, 1);
        let usual = ["gate:web", "migrate", "switch", "replace:shop-web@5000.service", "settle", "drain"];
        assert_eq!(keys(&all), usual);
        all.migrate_first = true;
        assert_eq!(keys(&all)[..2], ["migrate", "gate:web"]);
        all.front = Some(Front { url: "https://shop.test/".into(), resolve: String::new(), accepts: vec![401, 403] });
        all.before_switch.push(vec!["true".into()]);
        let keys = keys(&all);
        assert_eq!(keys[2..4], ["before", "switch"]);
        assert_eq!(keys[keys.len() - 3..], ["settle", "verify", "drain"]);
        // Up to the switch everything stays as it is, and from there on there is a way back.
        let program = all.program().unwrap();
        let calls: Vec<&str> = program.split_once("\nbegin\n").unwrap().1.lines().collect();
        let way = |call: &&str| call.split_once(" || ").map(|(_, otherwise)| otherwise.to_owned());
        let ways: Vec<String> = calls.iter().filter_map(way).collect();
        let intact = ways.iter().take_while(|otherwise| *otherwise == "intact").count();
        assert!(intact > 2 && ways[intact..].iter().all(|otherwise| otherwise == "go_back"), "{calls:#?}");
        assert_eq!(calls.last(), Some(&"good"));
        assert!(program.contains("FRONT_ACCEPTS='401 403'"), "{program}");
    }

    #[test]
    fn a_check_is_asked_with_what_its_instance_is() {
        let mut all = activation(1, 0);
        all.instances[0].check = ["python", "{release}/ask.py", "{port}", "$HOME"].map(str::to_owned).to_vec();
        let program = all.program().unwrap();
        let asked = "asks_itself web 5000 python /opt/shop/releases/20261121T100000Z-aaaaaa/ask.py 5000 '$$HOME'";
        for key in ["shop-web@5000.service", "web"] {
            assert!(program.contains(&format!("    {key}) {asked} ;;")), "{program}");
        }
    }

    #[test]
    fn hooks_get_their_dollars_and_the_title_shows_them_as_written() {
        let program = activation(1, 1).program().unwrap();
        assert!(program.contains("'echo ${HOME} $1' echo '$${HOME} $$1'"), "{program}");
    }
}
