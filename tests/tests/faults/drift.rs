//! Changes on the host between plan and run: each is either seen, and the plan refused, or shown not to matter.
//!
//! SLIPWAY_FAULTS=all makes 200 of them, the default a part of those.

use slipway_core::event::VerdictKind;
use slipway_core::seen::Subject;
use slipway_engine::failure::{Code, Failure};
use slipway_engine::site::{Planned, Request};
use slipway_tests::hosts::Host;

use crate::seen::Seen;
use crate::support::{DEPLOY, TestDesk};
use crate::{boot, inside, shop};

/// A change: what is done, how it is taken back, what the refusal must name.
struct Change {
    what: String,
    make: String,
    undo: String,
    named: String,
}

/// Numbers that look like chance and are the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }
}

/// The paths that the plan relies on and that are there, with what they are.
fn subjects(planned: &Planned) -> Vec<(String, String)> {
    let paths = planned.plan.observed.iter().filter_map(|(subject, state)| {
        let Subject::Path(path) = subject else { return None };
        let words = state.words();
        (words != "absent").then(|| (path.clone(), words))
    });
    paths.collect()
}

fn change(dice: &mut Dice, subjects: &[(String, String)]) -> Change {
    let (path, state) = &subjects[dice.below(subjects.len())];
    let p = format!("'{path}'");
    let file = state.starts_with("file");
    let saved = format!("rm -rf /srv/saved && cp -a {p} /srv/saved");
    let back = format!("rm -rf {p} && cp -a /srv/saved {p}");
    let aside = format!("mv {p} {p}.aside");
    let put_back = format!("rm -rf {p} && mv {p}.aside {p}");
    let mode = format!("{:o}", 1 + dice.below(0o777));
    let (what, make, undo) = match dice.below(12) {
        0 if file => ("content added", format!("{saved}; echo '# {mode}' >>{p}"), back),
        1 if file => ("emptied", format!("{saved}; if [ -s {p} ]; then : >{p}; else echo >{p}; fi"), back),
        2 if file => ("one byte changed", format!("{saved}; printf X | dd of={p} conv=notrunc status=none"), back),
        3 if file => ("replaced by a folder", format!("{aside}; mkdir {p}"), put_back),
        4 => ("swapped for a link to itself", format!("{aside}; ln -s {p}.aside {p}"), put_back),
        5 => ("swapped for a link to elsewhere", format!("{aside}; ln -s /etc/passwd {p}"), put_back),
        6 => ("gone", aside, put_back),
        _ if state.starts_with("link") => ("led elsewhere", format!("{aside}; ln -s releases/none {p}"), put_back),
        7 => ("another owner", format!("{saved_owner}; chown nobody {p}", saved_owner = owner(&p)), restore_owner(&p)),
        8 => ("another group", format!("{saved_owner}; chgrp nogroup {p}", saved_owner = owner(&p)), restore_owner(&p)),
        _ => (
            "another mode",
            format!(
                "stat -c %a {p} >/srv/mode; chmod {mode} {p}; [ \"$(stat -c %a {p})\" != \"$(cat /srv/mode)\" ] || chmod 1 {p}"
            ),
            format!("chmod $(cat /srv/mode) {p}"),
        ),
    };
    Change { what: format!("{path}: {what}"), make, undo, named: path.clone() }
}

fn owner(p: &str) -> String {
    format!("stat -c %u:%g {p} >/srv/owner; stat -c %a {p} >/srv/mode")
}

fn restore_owner(p: &str) -> String {
    format!("chown $(cat /srv/owner) {p}; chmod $(cat /srv/mode) {p}")
}

/// Changes of other kinds than of paths that the plan relies on.
fn others(planned: &Planned) -> Vec<Change> {
    let status = "/var/lib/dpkg/status";
    let of = |what: &str, make: &str, undo: &str, named: &str| Change {
        what: what.to_owned(),
        make: make.to_owned(),
        undo: undo.to_owned(),
        named: named.to_owned(),
    };
    let installed = planned.plan.observed.iter().filter(|(_, state)| state.words() == "installed");
    let mut all: Vec<Change> = installed
        .filter_map(|(subject, _)| if let Subject::Package(name) = subject { Some(name) } else { None })
        .map(|name| Change {
            what: format!("package {name} removed"),
            make: format!("cp -a {status} /srv/status; sed -i '/^Package: {name}$/,/^$/s/^Status: .*/Status: deinstall ok config-files/' {status}"),
            undo: format!("cp -a /srv/status {status}"),
            named: format!("package {name}"),
        })
        .collect();
    all.push(of(
        "a release became good elsewhere",
        "cp -a /var/lib/slipway/shop/ledger /srv/ledger; \
         echo '1800000000 good 20261121T000000Z-aaaaaa deploy' >>/var/lib/slipway/shop/ledger",
        "cp -a /srv/ledger /var/lib/slipway/shop/ledger",
        "last release event",
    ));
    all.push(of(
        "the user has another home",
        "cp -a /etc/passwd /srv/passwd; sed -i 's|/opt/shop/cache|/home/shop|' /etc/passwd",
        "cp -a /srv/passwd /etc/passwd",
        "user shop",
    ));
    for (what, make, undo, named) in [
        (
            "an instance was stopped",
            "systemctl stop shop-web@6000.socket shop-web@6000.service",
            "systemctl start shop-web@6000.socket shop-web@6000.service",
            "unit shop-web@6000.service",
        ),
        (
            "an instance no longer starts at boot",
            "systemctl disable -q shop-web@6001.socket shop-web@6001.service",
            "systemctl enable -q shop-web@6001.socket shop-web@6001.service",
            "unit shop-web@6001.service",
        ),
        ("nginx was stopped", "systemctl stop nginx", "systemctl start nginx", "unit nginx.service"),
        (
            "nginx no longer starts at boot",
            "systemctl disable -q nginx",
            "systemctl enable -q nginx",
            "unit nginx.service",
        ),
    ] {
        all.push(of(what, make, undo, named));
    }
    all.push(of(
        "another operating system",
        "cp -a --remove-destination \"$(readlink -f /etc/os-release)\" /srv/os; \
         sed -i 's/^PRETTY_NAME=.*/PRETTY_NAME=\"Another 13\"/' \"$(readlink -f /etc/os-release)\"",
        "cp -a /srv/os \"$(readlink -f /etc/os-release)\"",
        "operating system",
    ));
    all
}

fn words(failure: &Failure) -> String {
    let moved = failure.moved.iter().map(|moved| moved.subject.clone()).collect::<Vec<_>>().join("\n");
    format!("{}\n{}\n{moved}", failure.message, failure.causes.join("\n"))
}

/// What a run would have changed.
fn state(host: &Host) -> String {
    inside(
        host,
        "cd /; find etc/shop etc/nginx etc/systemd/system opt/shop/releases opt/shop/current var/lib/slipway/shop \
         -printf '%p %M %u:%g %s %T@ %l\\n' 2>/dev/null | sort | sha256sum",
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_moves_between_plan_and_run() {
    let Some(host) = boot() else { return };
    let desk = TestDesk::new(&host, "root");
    let folder = desk.folder.path().to_owned();
    shop::assemble(&folder, "v1");
    let file = desk.site(&shop::site(""));
    desk.expect(VerdictKind::Succeeded, &file, &Request::Apply).await;
    desk.expect(VerdictKind::Succeeded, &file, &DEPLOY).await;
    shop::assemble(&folder, "v2");
    let planned = desk.plan(&file, &DEPLOY).await;
    let all = std::env::var("SLIPWAY_FAULTS").is_ok_and(|value| value == "all");

    let subjects = subjects(&planned);
    assert!(subjects.len() > 20, "{subjects:#?}");
    let mut dice = Dice(20_261_121);
    let wanted = if all { 200 } else { 30 };
    let generated = std::iter::repeat_with(|| change(&mut dice, &subjects));
    let mut refused = 0;
    for change in others(&planned).into_iter().chain(generated).take(wanted) {
        inside(&host, &change.make);
        let before = state(&host);
        let failure = match desk.execute(&planned, &file).await {
            Ok(ran) => panic!("{} was not seen: {}", change.what, ran.story()),
            Err(failure) => failure,
        };
        assert_eq!(failure.code, Code::Stale, "{}: {failure:#?}", change.what);
        assert!(words(&failure).contains(&change.named), "{}: {failure:#?}", change.what);
        assert_eq!(state(&host), before, "{}: something was changed", change.what);
        inside(&host, &change.undo);
        refused += 1;
        if refused % 20 == 0 {
            let moved = planned.moved().await.unwrap();
            assert!(moved.is_empty(), "after {}: {moved:#?}", change.what);
        }
    }
    println!(
        "{refused} changes of {} paths and {} other things: all refused as stale",
        subjects.len(),
        others(&planned).len()
    );

    // What a plan does not rely on: the run brings the new release all the same, or leaves the old one, and says which.
    let irrelevant = [
        (
            "another version of a package",
            "sed -i '/^Package: nginx$/,/^$/s/^Version: .*/Version: 1.99-1/' /var/lib/dpkg/status",
        ),
        ("a file of the old release", "echo x >>/opt/shop/current/code/app.py"),
        ("somebody's file", "echo x >/etc/shop/notes; echo x >>/etc/motd; systemctl stop logrotate.timer"),
        ("data", "echo x >/opt/shop/shared/data/x; chown shop: /opt/shop/shared/data/x"),
    ];
    for (number, (what, make)) in irrelevant.iter().enumerate().take(if all { irrelevant.len() } else { 1 }) {
        let version = format!("w{number}");
        let old = inside(&host, "cat /opt/shop/current/code/version");
        shop::assemble(&folder, &version);
        let planned = desk.plan(&file, &DEPLOY).await;
        inside(&host, make);
        let ran = desk.execute(&planned, &file).await.unwrap_or_else(|failure| panic!("{what}: {failure:#?}"));
        println!("{what}: {:?}: {}", ran.verdict.kind, ran.verdict.summary);
        inside(&host, "systemctl start logrotate.timer");
        let expected = match ran.verdict.kind {
            VerdictKind::Succeeded => version.as_str(),
            VerdictKind::FailedIntact | VerdictKind::RolledBack => old.trim(),
            other => panic!("{what}: {other:?} {}", ran.story()),
        };
        assert!(ran.verdict.kind == VerdictKind::Succeeded, "{what}: {}", ran.story());
        let seen = Seen::settled(&host);
        assert_eq!(seen.version(), Some(expected), "{what}: {seen:#?} {}", ran.story());
    }
}
