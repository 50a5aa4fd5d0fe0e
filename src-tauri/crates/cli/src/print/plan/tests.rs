//! A plan with one step of each kind that looks different.

use std::collections::BTreeMap;

use slipway_core::digest::Digest;
use slipway_core::plan::{Action, Draft, FileContent, FileDiff, FileWrite, Heading, Part, ReleaseStep, Step};
use slipway_core::resource::file::FileStep;
use slipway_core::resource::package::PackageChange;
use slipway_core::resource::{Change, Effect};
use slipway_core::task::Task;

use super::*;

fn step(heading: Heading, verb: Verb, title: &str, reason: &str, action: Action) -> Step {
    Step {
        id: title.to_owned(),
        heading,
        title: title.to_owned(),
        reason: reason.to_owned(),
        risk: Risk::None,
        verb,
        action,
        diff: None,
        drift: false,
        brings: Vec::new(),
        parts: Vec::new(),
    }
}

fn file(path: &str, content: FileContent) -> FileWrite {
    FileWrite {
        path: path.to_owned(),
        mode: 0o640,
        owner: "root".to_owned(),
        group: "shop".to_owned(),
        content,
        effects: Vec::new(),
        expected: Some(Digest::of(b"before")),
        keep: None,
        stage: None,
    }
}

fn change(path: &str, old: Option<&str>, new: &str) -> Option<FileDiff> {
    Some(FileDiff {
        path: path.to_owned(),
        old: old.map(str::to_owned),
        new: Some(new.to_owned()),
        attributes: Vec::new(),
        hidden: None,
    })
}

fn resource(change: Change) -> Action {
    Action::Change { change }
}

fn part(key: &str, title: &str, reason: &str, risk: Risk) -> Part {
    let (key, title, reason) = (key.to_owned(), title.to_owned(), reason.to_owned());
    Part { key, title, reason, risk, verb: Verb::Run, diff: None, drift: false }
}

fn example() -> Plan {
    let argv = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let packages = resource(Change::Package(PackageChange::Install {
        packages: vec!["nginx".to_owned()],
        refresh: Some(argv(&["apt-get", "update"])),
        install: argv(&["apt-get", "install", "-y"]),
    }));
    let masked = "SECRET_KEY=«1a2b3c4d»\nDEBUG=0\n";
    let environment = file("/etc/shop/environment", FileContent::Secret { masked: masked.to_owned() });
    let environment = Step {
        diff: change("/etc/shop/environment", Some("SECRET_KEY=«99aa00bb»\nDEBUG=0\n"), masked),
        ..step(
            Heading::Configuration,
            Verb::Change,
            "Change /etc/shop/environment",
            "the site file, a template or a secret changed",
            resource(Change::File(FileStep::Write(environment))),
        )
    };
    let site = file("/etc/nginx/conf.d/shop.conf", FileContent::Text { text: "listen 443 ssl;\n".to_owned() });
    let nginx = Step {
        diff: change("/etc/nginx/conf.d/shop.conf", Some("listen 80;\n# \u{1b}[2Jmine\n"), "listen 443 ssl;\n"),
        drift: true,
        ..step(
            Heading::WebServer,
            Verb::Change,
            "Change /etc/nginx/conf.d/shop.conf",
            "it was changed on the host by hand since Slipway wrote it",
            resource(Change::File(FileStep::Write(site))),
        )
    };
    let effect = Effect::Nginx;
    let (title, reason) = (effect.title(), effect.reason());
    let reload = step(Heading::WebServer, Verb::Run, &title, reason, Action::Effect { effect });
    let task = Task {
        unit: "slipway-run-shop".to_owned(),
        user: Some("shop-build".to_owned()),
        argv: argv(&["/opt/shop/envs/a/bin/python", "-m", "pip", "install", "a b"]),
        directory: "/opt/shop".to_owned(),
        environment: BTreeMap::new(),
        secrets: Vec::new(),
        writable: Vec::new(),
        hidden: Vec::new(),
        timeout_s: 60,
    };
    let run = Action::Release { step: ReleaseStep::Run { task: Box::new(task) } };
    let leftover =
        FileStep::Remove { path: "/etc/shop/old".to_owned(), expected: Digest::of(b""), keep: None, stage: None };
    let leftover = resource(Change::File(leftover));
    let prune = ReleaseStep::Prune { releases: Vec::new(), unfinished: Vec::new() };
    let parts = vec![
        part("migrate", "Migrate", "hooks of the site file", Risk::Data),
        part(
            "replace:shop-web@5000.service",
            "Replace shop-web@5000.service",
            "its socket stays open, so requests wait; open WebSockets reconnect",
            Risk::Reconnect,
        ),
    ];
    let live = Step { parts, ..step(Heading::Release, Verb::Run, "Make it live", "", Action::Release { step: prune }) };
    let steps = vec![
        step(Heading::Packages, Verb::Create, "Install nginx", "needed and not installed", packages),
        environment,
        step(
            Heading::Configuration,
            Verb::Remove,
            "Remove /etc/shop/old",
            "the site file no longer calls for it",
            leftover,
        ),
        nginx,
        reload,
        step(Heading::Build, Verb::Run, "Install requirements", "runtime.requirements", run),
        live,
    ];
    let mut draft = Draft { steps, ..Draft::default() };
    draft.notice(Severity::Info, "the clock is two seconds off", None);
    draft.block("port 443 is taken by apache2", "stop it, or choose another host");
    let (site, host) = ("shop".parse().unwrap(), "web-1".to_owned());
    Plan::new(site, host, Intent::Apply, BTreeMap::new(), draft, BTreeMap::new())
}

#[test]
fn the_whole_plan_reads_like_this() {
    insta::assert_snapshot!(plan(&example(), Detail::Full, Style::Plain));
}

#[test]
fn the_short_plan_reads_like_this() {
    insta::assert_snapshot!(plan(&example(), Detail::Short, Style::Plain));
}

#[test]
fn colour_adds_nothing_but_colour() {
    let coloured = plan(&example(), Detail::Full, Style::Coloured);
    let mut plain = coloured.clone();
    for code in ["0", "1", "2", "31", "32", "33", "36"] {
        plain = plain.replace(&format!("\u{1b}[{code}m"), "");
    }
    assert_ne!(coloured, plain);
    assert_eq!(plain, plan(&example(), Detail::Full, Style::Plain));
}

#[test]
fn nothing_to_do_is_said_in_words() {
    let empty = Plan::new(
        "shop".parse().unwrap(),
        "web-1".to_owned(),
        Intent::Apply,
        BTreeMap::new(),
        Draft::default(),
        BTreeMap::new(),
    );
    assert!(plan(&empty, Detail::Full, Style::Plain).contains("● Nothing to change: web-1 is as it should be."));
}
