//! A plan with a step of each kind, as it is summed up.

use std::collections::BTreeMap;

use super::*;
use crate::activation::{Activation, HealthCheck, Instance};
use crate::digest::Digest;
use crate::plan::{Intent, Notice, Severity, Subject};
use crate::profile::FirewallKind;

fn step(id: &str, action: Action) -> Step {
    Step {
        id: id.to_owned(),
        subject: Subject::Configuration,
        title: id.to_owned(),
        reason: "because".to_owned(),
        risk: Risk::None,
        action,
        diff: None,
        drift: false,
    }
}

fn write(path: &str, content: FileContent, expected: Option<Digest>) -> FileWrite {
    let (owner, group) = ("root".to_owned(), "shop".to_owned());
    FileWrite { path: path.to_owned(), mode: 0o640, owner, group, content, expected, keep: None }
}

fn text(text: &str) -> FileContent {
    FileContent::Text { text: text.to_owned() }
}

fn diff(path: &str, old: Option<&str>, new: &str) -> Option<FileDiff> {
    let (old, new) = (old.map(str::to_owned), Some(new.to_owned()));
    Some(FileDiff { path: path.to_owned(), old, new, attributes: vec!["0644 → 0640".to_owned()], hidden: None })
}

fn instance(port: u16) -> Instance {
    Instance { unit: format!("shop-web@{port}.service"), socket: None, port: Some(port), alternate: None }
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
        gate_port: None,
        front: None,
        migrate: vec![vec!["bin/migrate".to_owned(), "a b".to_owned()]],
        before_switch: Vec::new(),
        after_switch: Vec::new(),
    }
}

fn plan(steps: Vec<Step>) -> Plan {
    let blocker = Notice { severity: Severity::Blocker, text: "no".to_owned(), hint: None };
    Plan::new("shop".parse().unwrap(), "web-1".to_owned(), Intent::Apply, BTreeMap::new(), steps, vec![blocker])
}

const ENV: &str = "/etc/shop/environment";
const SITE: &str = "/etc/nginx/conf.d/shop.conf";
const HEADERS: &str = "/etc/nginx/snippets/shop.conf";

fn example() -> Plan {
    let masked = FileContent::Secret { masked: "KEY=«new»\n".to_owned() };
    let expected = Some(Digest::of(b"old"));
    let environment = Step {
        diff: diff(ENV, Some("KEY=«old»\n"), "KEY=«new»\n"),
        drift: true,
        ..step("environment", Action::WriteFile(write(ENV, masked, expected.clone())))
    };
    let files = vec![write(SITE, text("server {}\n"), None), write(HEADERS, text("h\n"), expected)];
    let nginx = Step { diff: diff(SITE, None, "server {}\n"), ..step("nginx", Action::InstallNginx { files }) };
    let headers =
        Step { diff: diff(HEADERS, Some("g\n"), "h\n"), ..step("headers", Action::Phase { key: "nginx".to_owned() }) };
    let remove = Action::RemoveFile { path: "/etc/shop/old".to_owned(), expected: Digest::of(b""), keep: None };
    let firewall =
        Action::OpenFirewall { firewall: FirewallKind::Ufw, services: vec!["http".to_owned(), "https".to_owned()] };
    let kept = Action::KeepFiles { files: vec![write("/etc/shop/config/a", text("same\n"), None)] };
    let activate = Action::Activate(Box::new(activation(Some("20261121T110000Z-bbbbbb"))));
    let replace = Step { risk: Risk::Reconnect, ..step("replace", Action::Phase { key: "replace".to_owned() }) };
    let all = [("remove", remove), ("firewall", firewall), ("kept", kept), ("activate", activate)];
    let mut steps = vec![environment, nginx, headers];
    steps.extend(all.map(|(id, action)| step(id, action)));
    steps.push(replace);
    plan(steps)
}

#[test]
fn the_summary_counts_and_says_who_notices_what() {
    let summary = summary(&example());
    assert_eq!(summary.counts, Counts { create: 1, change: 2, remove: 1, run: 4 });
    assert_eq!((summary.files, summary.added, summary.removed, summary.blockers), (4, 3, 2, 1));
    assert_eq!(
        summary.restarts,
        [
            "shop-web@5000.service restarts",
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
    let mut migrate = step("migrate", Action::Phase { key: "migrate".to_owned() });
    migrate.risk = Risk::Data;
    let first = plan(vec![step("activate", Action::Activate(Box::new(activation(None)))), migrate.clone()]);
    let told = summary(&first);
    assert!(!told.noticeable && told.noticed.contains("nobody will notice"), "{}", told.noticed);
    let later = summary(&plan(vec![migrate]));
    assert!(later.noticeable && later.noticed.contains("does not undo"), "{}", later.noticed);
}

#[test]
fn every_file_has_both_sides_and_secrets_stay_masked() {
    let plan = example();
    let files: Vec<FileChange> = plan.steps.iter().flat_map(|step| lines(&plan, step).files).collect();
    let seen: Vec<(&str, FileKind, bool)> =
        files.iter().map(|file| (file.path.as_str(), file.kind, file.secret)).collect();
    assert_eq!(
        seen,
        [
            (ENV, FileKind::Change, true),
            (SITE, FileKind::Create, false),
            (HEADERS, FileKind::Change, false),
            ("/etc/shop/old", FileKind::Remove, false),
            ("/etc/shop/config/a", FileKind::Same, false),
        ]
    );
    let environment = &files[0];
    assert_eq!(environment.old.as_deref(), Some("KEY=«old»\n"));
    assert_eq!(environment.new.as_deref(), Some("KEY=«new»\n"));
    assert_eq!(environment.mode.as_deref(), Some("0640"));
    assert!(environment.unified.contains("-KEY=«old»\n+KEY=«new»\n"), "{}", environment.unified);
    assert!(files[1].old.is_none() && files[1].unified.contains("+server {}"), "{}", files[1].unified);
    assert_eq!((files[4].unified.as_str(), &files[4].old), ("", &files[4].new));
}

#[test]
fn commands_read_as_a_shell_would_take_them() {
    let plan = example();
    let of = |id: &str| {
        let step = plan.steps.iter().find(|step| step.id == id).unwrap();
        lines(&plan, step)
    };
    assert_eq!(of("activate").commands, ["bin/migrate 'a b'"]);
    assert_eq!(of("firewall").commands, ["ufw allow 80/tcp comment slipway", "ufw allow 443/tcp comment slipway"]);
    assert_eq!(of("firewall").about, ["opens http, https"]);
    assert_eq!(of("environment").about, ["mode 0640, root:shop"]);
}
