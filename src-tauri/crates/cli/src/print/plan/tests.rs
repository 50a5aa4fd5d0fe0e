//! A plan with one step of each kind that looks different.

use std::collections::BTreeMap;

use slipway_core::digest::Digest;
use slipway_core::plan::{FileContent, FileDiff, FileWrite, Subject};
use slipway_core::task::Task;

use super::*;

fn step(subject: Subject, title: &str, reason: &str, action: Action) -> Step {
    Step {
        id: title.to_owned(),
        subject,
        title: title.to_owned(),
        reason: reason.to_owned(),
        risk: Risk::None,
        action,
        diff: None,
        drift: false,
    }
}

fn file(path: &str, content: FileContent) -> FileWrite {
    FileWrite {
        path: path.to_owned(),
        mode: 0o640,
        owner: "root".to_owned(),
        group: "shop".to_owned(),
        content,
        expected: None,
        keep: None,
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

fn example() -> Plan {
    let argv = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let packages = Action::InstallPackages {
        packages: vec!["nginx".to_owned()],
        commands: vec![argv(&["apt-get", "update"]), argv(&["apt-get", "install", "-y", "nginx"])],
    };
    let masked = "SECRET_KEY=«1a2b3c4d»\nDEBUG=0\n";
    let environment = Step {
        diff: change("/etc/shop/environment", Some("SECRET_KEY=«99aa00bb»\nDEBUG=0\n"), masked),
        ..step(
            Subject::Configuration,
            "Change /etc/shop/environment",
            "the site file, a template or a secret changed",
            Action::WriteFile(file("/etc/shop/environment", FileContent::Secret { masked: masked.to_owned() })),
        )
    };
    let nginx = Step {
        diff: change("/etc/nginx/conf.d/shop.conf", Some("listen 80;\n# \u{1b}[2Jmine\n"), "listen 443 ssl;\n"),
        drift: true,
        ..step(
            Subject::WebServer,
            "Change /etc/nginx/conf.d/shop.conf",
            "it was changed on the host by hand since Slipway wrote it",
            Action::InstallNginx { files: vec![] },
        )
    };
    let task = Task {
        unit: "slipway-run-shop".to_owned(),
        user: Some("shop".to_owned()),
        argv: argv(&["/opt/shop/envs/a/bin/python", "-m", "pip", "install", "a b"]),
        directory: "/opt/shop".to_owned(),
        environment: BTreeMap::new(),
        writable: Vec::new(),
        timeout_s: 60,
    };
    let migrate = Step {
        risk: Risk::Data,
        ..step(Subject::Release, "Migrate", "hooks of the site file", Action::Phase { key: "migrate".to_owned() })
    };
    let replace = Step {
        risk: Risk::Reconnect,
        ..step(
            Subject::Release,
            "Replace shop-web@5000.service",
            "its socket stays open, so requests wait; open WebSockets reconnect",
            Action::Phase { key: "replace".to_owned() },
        )
    };
    let leftover = Action::RemoveFile { path: "/etc/shop/old".to_owned(), expected: Digest::of(b""), keep: None };
    let steps = vec![
        step(Subject::Packages, "Install nginx", "needed and not installed", packages),
        environment,
        step(Subject::Configuration, "Remove /etc/shop/old", "the site file no longer calls for it", leftover),
        nginx,
        step(Subject::Build, "Install requirements", "runtime.requirements", Action::Run(task)),
        migrate,
        replace,
    ];
    let notices = vec![
        Notice { severity: Severity::Info, text: "the clock is two seconds off".to_owned(), hint: None },
        Notice {
            severity: Severity::Blocker,
            text: "port 443 is taken by apache2".to_owned(),
            hint: Some("stop it, or choose another host".to_owned()),
        },
    ];
    Plan::new("shop".parse().unwrap(), "web-1".to_owned(), Intent::Apply, BTreeMap::new(), steps, notices)
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
    let empty =
        Plan::new("shop".parse().unwrap(), "web-1".to_owned(), Intent::Apply, BTreeMap::new(), Vec::new(), Vec::new());
    assert!(plan(&empty, Detail::Full, Style::Plain).contains("● Nothing to change: web-1 is as it should be."));
}
