//! A plan with a step of each kind, as it is summed up.

use std::collections::BTreeMap;

use super::*;
use crate::activation::{Activation, Handover, HealthCheck, Instance};
use crate::diff::FileKind;
use crate::digest::Digest;
use crate::plan::{Draft, FileContent, FileWrite, Intent, Part, ReleaseStep};
use crate::profile::FirewallKind;
use crate::resource::Heading;
use crate::resource::file::FileStep;
use crate::resource::firewall::{FirewallChange, FirewallVerb};

fn step(id: &str, verb: Verb, action: Action) -> Step {
    Step {
        id: id.to_owned(),
        heading: Heading::Configuration,
        title: id.to_owned(),
        reason: "because".to_owned(),
        risk: Risk::None,
        verb,
        action,
        diff: None,
        drift: false,
        brings: Vec::new(),
        parts: Vec::new(),
    }
}

fn write(path: &str, content: FileContent, expected: Option<Digest>) -> FileWrite {
    let (owner, group) = ("root".to_owned(), "shop".to_owned());
    let effects = Vec::new();
    FileWrite { path: path.to_owned(), mode: 0o640, owner, group, content, effects, expected, keep: None, stage: None }
}

fn text(text: &str) -> FileContent {
    FileContent::Text { text: text.to_owned() }
}

fn diff(path: &str, old: Option<&str>, new: &str) -> Option<FileDiff> {
    let (old, new) = (old.map(str::to_owned), Some(new.to_owned()));
    Some(FileDiff { path: path.to_owned(), old, new, attributes: vec!["0644 → 0640".to_owned()], hidden: None })
}

fn instance(port: u16) -> Instance {
    Instance { unit: format!("shop-web@{port}.service"), port: Some(port), ..Instance::default() }
}

fn activation(previous: Option<&str>) -> Activation {
    Activation {
        site: "shop".parse().unwrap(),
        release: "20261121T120000Z-cccccc".parse().unwrap(),
        previous: previous.map(|id| id.parse().unwrap()),
        reason: String::new(),
        instances: vec![instance(5000), instance(5001)],
        previous_instances: if previous.is_some() { vec![instance(5000), instance(5002)] } else { Vec::new() },
        health: HealthCheck {
            path: None,
            status: 200,
            timeout_s: 5,
            within_s: 60,
            settle_s: 3,
            host: "shop.test".to_owned(),
            json: Vec::new(),
        },
        gate: Vec::new(),
        front: None,
        handover: Handover::Together,
        fence: Vec::new(),
        migrate_first: false,
        migrate: vec![vec!["bin/migrate".to_owned(), "a b".to_owned()]],
        before_switch: Vec::new(),
        after_switch: Vec::new(),
        guard: None,
        spared: Vec::new(),
        follows: vec![Effect::Nginx],
    }
}

fn plan(steps: Vec<Step>) -> Plan {
    let mut draft = Draft { steps, ..Draft::default() };
    draft.block("no", "");
    let (site, host) = ("shop".parse().unwrap(), "web-1".to_owned());
    Plan::new(site, host, Intent::Apply, BTreeMap::new(), draft, BTreeMap::new())
}

fn part(key: &str, risk: Risk) -> Part {
    let (title, reason) = (key.to_owned(), "because".to_owned());
    Part { key: key.to_owned(), title, reason, risk, verb: Verb::Run, diff: None, drift: false }
}

fn change(change: Change) -> Action {
    Action::Change { change }
}

fn release(step: ReleaseStep) -> Action {
    Action::Release { step }
}

fn activate(previous: Option<&str>, parts: Vec<Part>) -> Step {
    let activation = Box::new(activation(previous));
    Step { parts, ..step("activate", Verb::Run, release(ReleaseStep::Activate { activation })) }
}

const ENV: &str = "/etc/shop/environment";
const SITE: &str = "/etc/nginx/conf.d/shop.conf";
const OLD: &str = "/etc/shop/old";

fn example() -> Plan {
    let masked = FileContent::Secret { masked: "KEY=«new»\n".to_owned() };
    let expected = Some(Digest::of(b"old"));
    let environment = Step {
        diff: diff(ENV, Some("KEY=«old»\n"), "KEY=«new»\n"),
        drift: true,
        ..step("environment", Verb::Change, change(Change::File(FileStep::Write(write(ENV, masked, expected)))))
    };
    let site = write(SITE, text("server {}\n"), None);
    let nginx = Step {
        diff: diff(SITE, None, "server {}\n"),
        ..step("nginx", Verb::Create, change(Change::File(FileStep::Write(site))))
    };
    let reload = step("effect:nginx", Verb::Run, Action::Effect { effect: Effect::Nginx });
    let remove = FileStep::Remove { path: OLD.to_owned(), expected: Digest::of(b""), keep: None, stage: None };
    let remove = Step {
        diff: Some(FileDiff { new: None, ..diff(OLD, Some("x\n"), "").unwrap() }),
        ..step("remove", Verb::Remove, change(Change::File(remove)))
    };
    let services = vec!["http".to_owned(), "https".to_owned()];
    let firewall = FirewallChange { does: FirewallVerb::Allow, firewall: FirewallKind::Ufw, services };
    let firewall = step("firewall", Verb::Run, change(Change::FirewallService(firewall)));
    let files = vec![write("/etc/shop/config/a", text("same\n"), None)];
    let kept = ReleaseStep::KeepFiles { release: "20261121T120000Z-cccccc".parse().unwrap(), files, changed: false };
    let kept = step("kept", Verb::Run, release(kept));
    let mut dropped = part("file:/etc/shop/dropped", Risk::None);
    dropped.verb = Verb::Remove;
    dropped.diff = Some(FileDiff { new: None, ..diff("/etc/shop/dropped", Some("y\n"), "").unwrap() });
    let parts = vec![part("switch", Risk::None), part("replace:shop-web@5000.service", Risk::Reconnect), dropped];
    plan(vec![environment, nginx, reload, remove, firewall, kept, activate(Some("20261121T110000Z-bbbbbb"), parts)])
}

#[test]
fn the_summary_counts_and_says_who_notices_what() {
    let summary = summary(&example());
    assert_eq!(summary.counts, Counts { create: 1, change: 1, remove: 2, run: 5 });
    assert_eq!((summary.files, summary.added, summary.removed, summary.blockers), (4, 2, 3, 1));
    assert_eq!(
        summary.restarts,
        [
            "shop-web@5000.service is replaced",
            "shop-web@5001.service starts",
            "shop-web@5002.service stops",
            "nginx reloads; it drops no connection"
        ]
    );
    assert!(summary.noticeable && summary.noticed.contains("WebSockets reconnect"), "{}", summary.noticed);
    assert_eq!(summary.needs_consent, ["environment"]);
}

#[test]
fn before_the_first_release_nobody_can_notice() {
    let first = plan(vec![activate(None, vec![part("migrate", Risk::Data)])]);
    let told = summary(&first);
    assert!(!told.noticeable && told.noticed.contains("nobody will notice"), "{}", told.noticed);
    let later = summary(&plan(vec![activate(Some("20261121T110000Z-bbbbbb"), vec![part("migrate", Risk::Data)])]));
    assert!(later.noticeable && later.noticed.contains("does not undo"), "{}", later.noticed);
}

#[test]
fn every_file_has_both_sides_and_secrets_stay_masked() {
    let plan = example();
    let files: Vec<FileChange> = plan.lines().iter().flat_map(|line| detail(line).files).collect();
    let seen: Vec<(&str, FileKind, bool)> =
        files.iter().map(|file| (file.path.as_str(), file.kind, file.secret)).collect();
    assert_eq!(
        seen,
        [
            (ENV, FileKind::Change, true),
            (SITE, FileKind::Create, false),
            (OLD, FileKind::Remove, false),
            ("/etc/shop/config/a", FileKind::Same, false),
            ("/etc/shop/dropped", FileKind::Remove, false),
        ]
    );
    let environment = &files[0];
    assert_eq!(environment.old.as_deref(), Some("KEY=«old»\n"));
    assert_eq!(environment.new.as_deref(), Some("KEY=«new»\n"));
    assert_eq!(environment.mode.as_deref(), Some("0640"));
    assert!(environment.unified.contains("-KEY=«old»\n+KEY=«new»\n"), "{}", environment.unified);
    assert!(files[1].old.is_none() && files[1].unified.contains("+server {}"), "{}", files[1].unified);
    assert_eq!((files[3].unified.as_str(), &files[3].old), ("", &files[3].new));
}

#[test]
fn commands_read_as_a_shell_would_take_them() {
    let plan = example();
    let of = |id: &str| detail(plan.lines().iter().find(|line| line.id() == id).unwrap());
    // What the program of an activation runs is told with its first part, once.
    assert_eq!(of("activate:switch").commands, ["bin/migrate 'a b'"]);
    assert_eq!(of("activate:replace:shop-web@5000.service").commands, Vec::<String>::new());
    assert_eq!(of("firewall").commands, ["ufw allow 80/tcp comment slipway", "ufw allow 443/tcp comment slipway"]);
    assert_eq!(of("firewall").about, ["opens http, https"]);
    assert_eq!(of("environment").about, ["mode 0640, root:shop"]);
    assert_eq!(of("file:/etc/shop/dropped").verb, Verb::Remove);
}
