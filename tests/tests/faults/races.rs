//! Two desktops, whose clocks differ by twenty minutes, that run against one host at the same time, again and again; and
//! one that is gone while it holds the lock.

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use slipway_core::event::{EventKind, VerdictKind};
use slipway_engine::clock::Clock;
use slipway_engine::desk::Desk;
use slipway_engine::failure::{Code, Failure};
use slipway_engine::site::Request;
use slipway_engine::site_file::SiteFile;
use slipway_tests::hosts::Host;

use crate::support::hall::site;
use crate::support::outside::ask;
use crate::support::{DEPLOY, TestDesk, secrets};
use crate::{boot, inside, program};

/// A clock that is wrong by so many minutes.
struct Wrong(i64);

impl Clock for Wrong {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::now() + jiff::SignedDuration::from_mins(self.0)
    }
}

fn desk(operator: &str, minutes: i64, host: &Host) -> (TestDesk, SiteFile) {
    let desk = TestDesk::of(operator, host, "root");
    let wrong = Desk::open(desk.desk.surroundings.clone(), secrets(&[]), Arc::new(Wrong(minutes))).unwrap();
    let desk = TestDesk { desk: wrong, ..desk };
    page(&desk, "none");
    let file = desk.site(&site("hall.test", ""));
    (desk, file)
}

fn page(desk: &TestDesk, text: &str) {
    let pages = desk.folder.path().join("pages");
    std::fs::create_dir_all(&pages).unwrap();
    std::fs::write(pages.join("index.html"), text).unwrap();
}

fn seen(host: &Host) -> String {
    let answer = ask(host.address(), "https://hall.test/index.html");
    format!("{} {}", answer.status, answer.body)
}

/// Starts the real program, on a clock that is wrong by so many minutes.
fn slipway(desk: &TestDesk, minutes: &str) -> Child {
    Command::new("faketime")
        // Time that passes is the same for both.
        .args(["--exclude-monotonic", "-f", minutes])
        .arg(program())
        .args(["--json", "--secrets-from-env", "TEST", "--host", "web1", "deploy", "--yes"])
        .current_dir(desk.folder.path())
        .env_remove("SSH_AUTH_SOCK")
        .env("HOME", desk.folder.path())
        .env("SLIPWAY_HOME", desk.folder.path().join("home"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn two_programs_never_hold_one_host() {
    if Command::new("faketime").arg("--version").output().is_err() {
        assert!(std::env::var_os("SLIPWAY_REQUIRE_HOSTS").is_none(), "faketime is not installed");
        return println!("not run: faketime is not installed");
    }
    let Some(host) = boot() else { return };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (anna, file) = desk("anna@laptop", 0, &host);
    let (bert, _) = desk("bert@office", 0, &host);
    runtime.block_on(anna.expect(VerdictKind::Succeeded, &file, &Request::Apply));
    let rounds = if std::env::var("SLIPWAY_FAULTS").is_ok_and(|value| value == "all") { 40 } else { 4 };
    let mut met = BTreeMap::new();
    for round in 0..rounds {
        let texts = ["anna", "bert"].map(|name| format!("{name} {round}"));
        page(&anna, &texts[0]);
        page(&bert, &texts[1]);
        let before = runs(&host).len();
        let both = [slipway(&anna, "+10m"), slipway(&bert, "-10m")].map(|child| child.wait_with_output().unwrap());
        let statuses = both.each_ref().map(|output| output.status.code().unwrap());
        // 9: the host is locked. 10: it has moved on since the plan was made.
        assert!(statuses.contains(&0) && statuses.iter().all(|status| [0, 9, 10].contains(status)), "{both:#?}");
        *met.entry(statuses).or_insert(0) += 1;
        // Had one begun before the other's end, the audit log would show it.
        let after = runs(&host).len();
        assert_eq!(after - before, statuses.iter().filter(|status| **status == 0).count());
        let live = seen(&host);
        let served = texts.each_ref().map(|text| live == format!("200 {text}"));
        assert!((0..2).any(|one| served[one] && statuses[one] == 0), "{live} after {statuses:?}");
    }
    println!("{rounds} rounds, exit statuses: {met:?}");
    let written = inside(&host, "grep '\"deploy\"' /var/lib/slipway/hall/audit.jsonl");
    for line in written.lines() {
        let at: jiff::Timestamp =
            serde_json::from_str::<serde_json::Value>(line).unwrap()["at"].as_str().unwrap().parse().unwrap();
        let wrong = at.duration_since(jiff::Timestamp::now()).as_mins();
        assert!(wrong >= 5 || wrong <= -9, "its clock was not wrong: {line}");
    }
    assert!(met.keys().any(|statuses| statuses != &[0, 0]), "they never met");
}

/// Runs as the audit log has them: each must end before the next begins.
fn runs(host: &Host) -> Vec<(String, String)> {
    let mut runs: Vec<(String, String)> = Vec::new();
    let mut open: Option<String> = None;
    for line in inside(host, "cat /var/lib/slipway/hall/audit.jsonl").lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let run = line["run"].as_str().unwrap().to_owned();
        if line["event"] == "begin" {
            assert_eq!(open, None, "{run} began while another was under way");
            open = Some(run);
        } else {
            assert_eq!(open.take(), Some(run.clone()), "a run ended that was not under way");
            runs.push((run, line["operator"].as_str().unwrap().to_owned()));
        }
    }
    runs
}

#[tokio::test(flavor = "multi_thread")]
async fn two_desktops_never_hold_one_host() {
    let Some(host) = boot() else { return };
    let (anna, file) = desk("anna@laptop", 10, &host);
    let (bert, theirs) = desk("bert@office", -10, &host);
    anna.expect(VerdictKind::Succeeded, &file, &Request::Apply).await;
    page(&anna, "first");
    anna.expect(VerdictKind::Succeeded, &file, &DEPLOY).await;
    let rounds = if std::env::var("SLIPWAY_FAULTS").is_ok_and(|value| value == "all") { 40 } else { 3 };
    let (mut live, mut before) = ("first".to_owned(), String::new());
    let (mut wins, mut locked, mut stale) = ([0, 0], 0, 0);
    for round in 0..rounds {
        let texts = ["anna", "bert"].map(|name| format!("{name} {round}"));
        page(&anna, &texts[0]);
        page(&bert, &texts[1]);
        let plans = (anna.plan(&file, &DEPLOY).await, bert.plan(&theirs, &DEPLOY).await);
        let (ours, other) = tokio::join!(anna.execute(&plans.0, &file), bert.execute(&plans.1, &theirs));
        let mut winner = None;
        for (number, end) in [ours, other].into_iter().enumerate() {
            match end {
                Ok(ran) => {
                    assert_eq!(ran.verdict.kind, VerdictKind::Succeeded, "{}", ran.story());
                    assert_eq!(winner.replace(number), None, "both desktops ran in round {round}");
                }
                Err(Failure { code: Code::Locked, .. }) => locked += 1,
                Err(Failure { code: Code::Stale, .. }) => stale += 1,
                Err(failure) => panic!("{failure:#?}"),
            }
        }
        let winner = winner.expect("neither desktop ran");
        wins[winner] += 1;
        before = std::mem::replace(&mut live, texts[winner].clone());
        assert_eq!(seen(&host), format!("200 {live}"));
        assert_eq!(runs(&host).last().unwrap().1, ["anna@laptop", "bert@office"][winner]);
    }
    println!("{rounds} rounds: won {wins:?}, the other found it locked {locked} times, moved on {stale} times");
    assert_eq!(runs(&host).len(), rounds + 2);
    assert!(locked > 0, "they never met");

    // What was live before is the host's to say, whatever the desktops' clocks are.
    bert.expect(VerdictKind::Succeeded, &theirs, &Request::Rollback { to: None }).await;
    assert_eq!(seen(&host), format!("200 {before}"));

    // A desktop that goes away while it holds the lock: it holds until the lease has run out, and its end is told.
    page(&anna, "gone");
    let plan = anna.plan(&file, &DEPLOY).await;
    page(&bert, "last");
    let next = bert.plan(&theirs, &DEPLOY).await;
    let token = slipway_core::lock::acquire("gone", "anna@laptop", "deploy hall", &[]);
    assert!(plan.link.run(token).await.unwrap().success());
    drop(plan);
    match bert.execute(&next, &theirs).await {
        Err(Failure { code: Code::Locked, message, .. }) => assert!(message.contains("anna@laptop"), "{message}"),
        other => panic!("{:?}", other.map(|ran| ran.verdict)),
    }
    // 300 s pass: the time of the last renewal is put back by so much.
    inside(
        &host,
        "awk 'NR >= 4 { $0 -= 301 } { print }' /run/slipway/lock >/run/slipway/lock.old && \
         mv /run/slipway/lock.old /run/slipway/lock",
    );
    let ran = bert.execute(&next, &theirs).await.unwrap();
    assert_eq!(ran.verdict.kind, VerdictKind::Succeeded, "{}", ran.story());
    let told = ran.events.iter().any(|event| match &event.kind {
        EventKind::Note { text } => text.contains("anna@laptop") && text.contains("taken over"),
        _ => false,
    });
    assert!(told, "{}", ran.story());
    assert_eq!(seen(&host), "200 last");
}
