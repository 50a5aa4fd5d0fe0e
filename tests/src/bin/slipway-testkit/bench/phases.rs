//! Where the time of a deployment goes: the sample is live, one source file has changed, and it is deployed again.
//!
//! What happens inside the run has the run's own times; what is before and after it is timed here. So the sum can be
//! compared with the whole, and the difference is shown.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::Value;
use slipway_tests::hosts::HostError;
use slipway_tests::relay::Relay;

use super::watch::{LIMIT_S, TOO_LONG, within};
use super::{Options, Place, load, round_trips};
use crate::desk::other;

const SITE: &str = include_str!("../demo.toml");

/// The phases, in the order of the table.
const PHASES: [&str; 12] = [
    "connect, look, plan",
    "take the lock, look again",
    "record what is going to happen",
    "upload",
    "build: environment (kept from before), import check",
    "keep configuration, seal",
    "gate",
    "switch, instance by instance",
    "watch for 2 s",
    "ask through nginx, have the old release end",
    "look at the host, record how it ended",
    "give back the lock, end",
];

/// The one that only waits, as long as the site file says.
const WATCH: usize = 8;

/// The phase of a step, by its id in the plan.
fn phase_of(id: &str) -> usize {
    match id {
        "source" => 3,
        "config" | "seal" => 5,
        "activate:guard" | "activate:migrate" | "activate:before" => 6,
        "activate:settle" => WATCH,
        "activate:after" | "activate:verify" | "activate:drain" => 9,
        _ if id.starts_with("activate:gate:") => 6,
        _ if id.starts_with("config") => 5,
        _ if id.starts_with("activate:") => 7,
        _ => 4,
    }
}

/// The phases of what a run tells of a step: of its parts, where it has some.
fn lines_of(step: &Value) -> Vec<usize> {
    let id = step["id"].as_str().unwrap_or_default();
    let parts = step["parts"].as_array().map(Vec::as_slice).unwrap_or_default();
    if parts.is_empty() {
        return vec![phase_of(id)];
    }
    parts.iter().map(|part| phase_of(&format!("{id}:{}", part["key"].as_str().unwrap_or_default()))).collect()
}

/// What a span of time cost.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Part {
    pub(super) ms: f64,
    /// How often the desk spoke after the host had.
    turns: u64,
    /// In both directions.
    pub(super) bytes: u64,
}

impl Part {
    /// What came since another count.
    fn since(self, before: Part) -> Part {
        Part { ms: self.ms - before.ms, turns: self.turns - before.turns, bytes: self.bytes - before.bytes }
    }

    fn add(&mut self, more: Part) {
        self.ms += more.ms;
        self.turns += more.turns;
        self.bytes += more.bytes;
    }
}

/// One deployment.
#[derive(Debug, Default)]
pub(super) struct Deployment {
    parts: [Part; PHASES.len()],
    pub(super) whole: Part,
}

impl Deployment {
    /// What the step cost that sends the source.
    pub(super) fn upload(&self) -> Part {
        self.parts.get(3).copied().unwrap_or_default()
    }
}

/// A line that the program printed, and what there was by then.
struct Line {
    at: Part,
    value: Value,
}

/// Deploys once; none when that needs longer than the given seconds, and is ended.
pub(super) fn deploy(place: &Place, limit_s: u64) -> Result<Option<Deployment>, HostError> {
    let relay: &Relay = &place.far.relay;
    relay.reset_traffic();
    let limit = limit_s.to_string();
    let mut command =
        within(&["timeout", "--kill-after=5", &limit], &place.desk.command(&["--json", "deploy", "--yes"]));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    let began = Instant::now();
    let now = || {
        let traffic = relay.traffic();
        Part { ms: began.elapsed().as_secs_f64() * 1000.0, turns: traffic.turns, bytes: traffic.bytes() }
    };
    let mut child = command.spawn().map_err(other)?;
    let stdout = child.stdout.take().ok_or_else(|| other("no output to read"))?;
    let mut lines = Vec::new();
    for line in BufReader::new(stdout).lines() {
        let line = line.map_err(other)?;
        lines.push(Line { at: now(), value: serde_json::from_str(&line).map_err(other)? });
    }
    let status = child.wait().map_err(other)?;
    let whole = now();
    if status.code() == Some(TOO_LONG) {
        return Ok(None);
    }
    if !status.success() {
        let last = lines.last().map(|line| line.value.to_string()).unwrap_or_default();
        return Err(HostError::Other(format!("slipway deploy ended with {status}: {last}")));
    }
    attribute(&lines, whole).map(Some)
}

/// Gives each span of time to a phase.
fn attribute(lines: &[Line], whole: Part) -> Result<Deployment, HostError> {
    let mut deployment = Deployment { whole, ..Deployment::default() };
    let mut phases = Vec::new();
    let mut current = 0;
    // Where the span that is going on began: by this side's clock before and after the run, by the run's own in it.
    let mut since = Part::default();
    for line in lines {
        let event = line.value["event"].as_str().unwrap_or_default();
        let at_ms = line.value["at_ms"].as_f64();
        let mut close = |phase: usize, until: Part, next: Part| {
            if let Some(part) = deployment.parts.get_mut(phase) {
                part.add(until.since(since));
            }
            since = next;
        };
        let here = line.at;
        let own = Part { ms: at_ms.unwrap_or_default(), ..line.at };
        match event {
            "planned" => {
                let steps = line.value["plan"]["steps"].as_array().into_iter().flatten();
                phases.extend(steps.flat_map(lines_of));
                close(0, here, here);
            }
            "started" => {
                close(1, here, own);
                current = 2;
            }
            // The first step begins when the record is written. Later, what passes before a step that has begun is its own:
            // commands of a batch say that they began when the first of them has ended.
            "step-started" if current == 2 => {
                close(2, own, own);
                current = 3;
            }
            "step-finished" => {
                let step = line.value["step"].as_u64().and_then(|step| usize::try_from(step).ok());
                let phase = step.and_then(|step| phases.get(step));
                close(*phase.ok_or_else(|| other("a step that is not in the plan"))?, own, own);
            }
            "finished" => close(10, own, here),
            _ => {}
        }
    }
    let end = PHASES.len() - 1;
    if let Some(part) = deployment.parts.get_mut(end) {
        *part = whole.since(since);
    }
    Ok(deployment)
}

/// Prints the table.
pub(super) fn run(place: &Place, options: &Options<'_>) -> Result<(), HostError> {
    let (far, before) = (&place.far, load());
    place.desk.assemble("v1")?;
    place.desk.site(SITE)?;
    place.desk.run(0, &["apply", "--yes"])?;
    place.desk.run(0, &["deploy", "--yes"])?;
    let file = place.folder.join("v1/version.py");
    let source = std::fs::read_to_string(&file).map_err(other)?;
    let round_trips = round_trips(options, &[0, 20, 80]);
    let mut columns = Vec::new();
    let mut changes = 0;
    for round_trip in &round_trips {
        far.slow_down(*round_trip);
        let mut turns = Vec::new();
        for _ in 0..options.rounds {
            changes += 1;
            std::fs::write(&file, source.replace("first edition", &format!("edition {changes}"))).map_err(other)?;
            let deployment = deploy(place, LIMIT_S)?.ok_or_else(|| other("the deployment took too long"))?;
            eprintln!("deploy: {:.2} s, {} turns, load {}", deployment.whole.ms / 1e3, deployment.whole.turns, load());
            turns.push(deployment);
        }
        live(place, changes)?;
        let login = login(place)?;
        turns.sort_by(|one, two| one.whole.ms.total_cmp(&two.whole.ms));
        // One whole deployment, not the median of each phase: those would not add up.
        let middle = turns.len() / 2;
        columns.push((turns.into_iter().nth(middle).ok_or_else(|| other("no turns"))?, login));
    }
    println!("\n### A deployment after one source file has changed; the middle one of {}\n", options.rounds);
    println!("Load average {before} before, {} after.\n", load());
    let heads: Vec<String> = round_trips.iter().map(|ms| format!("{ms} ms | turns |")).collect();
    println!("| | {}\n|---|{}", heads.join(" "), "---:|---:|".repeat(round_trips.len()));
    let row = |name: &str, of: &dyn Fn(&Deployment) -> Part| {
        let cells: Vec<String> = columns.iter().map(|(deployment, _)| cell(of(deployment))).collect();
        println!("| {name} | {} |", cells.join(" | "));
    };
    for (at, phase) in PHASES.iter().enumerate() {
        row(phase, &|deployment| deployment.parts.get(at).copied().unwrap_or_default());
    }
    row("not attributed", &|deployment| {
        let mut parts = Part::default();
        deployment.parts.iter().for_each(|part| parts.add(*part));
        deployment.whole.since(parts)
    });
    row("the whole", &|deployment| deployment.whole);
    row("the whole but the watch", &|deployment| {
        deployment.whole.since(deployment.parts.get(WATCH).copied().unwrap_or_default())
    });
    let logins: Vec<String> = columns.iter().map(|(_, login)| cell(*login)).collect();
    println!("| for comparison: `ssh host true` | {} |", logins.join(" | "));
    far.slow_down(0);
    place.desk.assemble("v6")?;
    let ways_back = (0..options.rounds).map(|_| back(place)).collect::<Result<Vec<_>, _>>()?;
    let middle = super::median(&ways_back).ok_or_else(|| other("no turns"))?;
    println!(
        "\nA release that fails while it is watched; from the failure until the release before, which still runs, serves \
         alone: {:.2} s ({}).",
        middle as f64 / 1e3,
        ways_back.iter().map(|ms| format!("{:.2}", *ms as f64 / 1e3)).collect::<Vec<_>>().join(", ")
    );
    Ok(())
}

/// Milliseconds in which the release before comes back when the new one crashes while it is watched.
fn back(place: &Place) -> Result<u64, HostError> {
    let text = SITE.replace("folder = \"v1\"", "folder = \"v6\"").replace("settle = \"2s\"", "settle = \"10s\"");
    place.desk.site(&text.replace("\n[environment]\n", "\n[environment]\nCRASH_AFTER = \"4\"\n"))?;
    let events = place.desk.json(crate::desk::ROLLED_BACK, &["deploy", "--yes"])?;
    crate::desk::way_back(&events).ok_or_else(|| other("the run does not say that it went back"))
}

fn cell(part: Part) -> String {
    format!("{:.3} s | {}", part.ms / 1e3, part.turns)
}

/// Whether the last change is what the host serves from.
fn live(place: &Place, changes: usize) -> Result<(), HostError> {
    let text = place.far.host.read_file("/opt/parlour/current/code/version.py")?;
    if String::from_utf8_lossy(&text).contains(&format!("edition {changes}\"")) {
        return Ok(());
    }
    Err(other("the host does not have the last change"))
}

/// What a connection and a login alone cost.
pub(super) fn login(place: &Place) -> Result<Part, HostError> {
    let command: Command = place.ssh(&place.far, "true", None);
    let cost = super::watch::watch(&place.far.relay, &command)?;
    Ok(Part { ms: cost.seconds * 1e3, turns: cost.traffic.turns, bytes: cost.traffic.bytes() })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn line(ms: f64, turns: u64, value: Value) -> Line {
        Line { at: Part { ms, turns, bytes: 0 }, value }
    }

    #[test]
    fn every_span_is_given_to_one_phase_and_the_sum_is_the_whole() {
        let ids = [("source", 3), ("import-check", 4), ("config", 5), ("seal", 5), ("activate:gate:web", 6)];
        assert!(ids.iter().all(|(id, phase)| phase_of(id) == *phase));
        let mut steps: Vec<Value> = ids.iter().take(4).map(|(id, _)| json!({ "id": id })).collect();
        steps.push(json!({"id": "activate", "parts": [{"key": "gate:web"}, {"key": "switch"}]}));
        let step = |event: &str, step: u64, at: u64| json!({"event": event, "step": step, "at_ms": at});
        let lines = [
            line(100.0, 8, json!({"event": "planned", "plan": {"steps": steps}})),
            line(150.0, 10, json!({"event": "started", "at_ms": 0})),
            line(175.0, 11, step("step-started", 0, 25)),
            line(200.0, 14, step("step-finished", 0, 50)),
            line(201.0, 14, step("step-started", 1, 51)),
            line(250.0, 16, step("step-finished", 1, 100)),
            line(260.0, 17, step("step-finished", 2, 110)),
            line(270.0, 17, step("step-finished", 3, 120)),
            line(400.0, 20, step("step-finished", 4, 250)),
            line(400.0, 20, step("step-finished", 5, 250)),
            // It came two milliseconds late: that is what is not attributed.
            line(462.0, 22, json!({"event": "finished", "at_ms": 310})),
            line(470.0, 23, json!({"command": "deploy"})),
        ];
        let deployment = attribute(&lines, Part { ms: 480.0, turns: 24, bytes: 0 }).unwrap();
        let ms = deployment.parts.map(|part| part.ms);
        assert_eq!(ms, [100.0, 50.0, 25.0, 25.0, 50.0, 20.0, 130.0, 0.0, 0.0, 0.0, 60.0, 18.0]);
        assert_eq!(deployment.whole.ms - ms.iter().sum::<f64>(), 2.0);
        assert_eq!(deployment.parts.map(|part| part.turns), [8, 2, 1, 3, 2, 1, 3, 0, 0, 0, 2, 2]);
    }
}
