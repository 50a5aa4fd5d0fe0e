//! One run at a time on a host, across desks.

use std::sync::Arc;
use std::time::{Duration, Instant};

use slipway_core::event::EventKind;
use slipway_core::event::VerdictKind::Succeeded;
use slipway_engine::failure::Code;
use slipway_engine::lock::{Lock, unlock};
use slipway_engine::site::Request;

use crate::support::{DEPLOY, TestDesk};
use crate::{boot, failed, hall, inside, state, words};

#[tokio::test(flavor = "multi_thread")]
async fn two_desks_take_turns() {
    let Some(host) = boot() else { return };
    let anna = Arc::new(TestDesk::of("anna@laptop", &host, "root"));
    let file = hall::file(&anna, hall::BUILD);
    anna.expect(Succeeded, &file, &Request::Apply).await;
    let bert = TestDesk::of("bert@office", &host, "root");
    let theirs = hall::file(&bert, hall::BUILD);
    let planned = bert.plan(&theirs, &DEPLOY).await;

    let run = tokio::spawn({
        let (anna, file) = (anna.clone(), file.clone());
        async move { anna.run(&file, &DEPLOY).await }
    });
    let deadline = Instant::now() + Duration::from_secs(60);
    while !host.shell(hall::BUILDS).is_success() {
        assert!(Instant::now() < deadline && !run.is_finished(), "the build does not begin");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let failure = failed(bert.execute(&planned, &theirs).await.map(|_| ()), Code::Locked);
    assert!(words(&failure).contains("anna@laptop") && words(&failure).contains("deploy hall"), "{failure:#?}");
    // It is at work: nobody may take the lock away.
    let link = bert.link().await;
    failed(unlock(&link).await, Code::Locked);
    inside(&host, "touch /opt/hall/build/go");
    let ran = run.await.unwrap();
    assert_eq!(ran.verdict.kind, Succeeded, "{}", ran.story());
    assert_eq!(hall::seen(&host), "200 one");

    // A desk that died: its lease runs, nothing is at work.
    let uptime = inside(&host, "cut -d. -f1 /proc/uptime");
    let uptime = uptime.trim();
    inside(&host, &format!("printf 'token\\nanna@laptop\\ndeploy hall\\n{uptime}\\n{uptime}\\n' >/run/slipway/lock"));
    let before = state(&host);
    let planned = bert.plan(&theirs, &DEPLOY).await;
    let failure = failed(bert.execute(&planned, &theirs).await.map(|_| ()), Code::Locked);
    assert!(words(&failure).contains("anna@laptop") && words(&failure).contains("unlock"), "{failure:#?}");
    assert_eq!(state(&host), before);
    let holder = unlock(&link).await.unwrap().expect("there was a holder");
    assert_eq!((holder.owner.as_str(), holder.working), ("anna@laptop", false));
    assert!(unlock(&link).await.unwrap().is_none());

    // One whose lease has run out is followed without asking.
    inside(&host, "printf 'token\\nanna@laptop\\ndeploy hall\\n0\\n0\\n' >/run/slipway/lock");
    let ran = bert.execute(&planned, &theirs).await.unwrap();
    assert_eq!(ran.verdict.kind, Succeeded, "{}", ran.story());
    let told = ran.events.iter().any(|event| match &event.kind {
        EventKind::Note { text } => text.contains("anna@laptop") && text.contains("taken over"),
        _ => false,
    });
    assert!(told, "{}", ran.story());
    assert_eq!(inside(&host, "ls /run/slipway"), "mutex\n", "something was left behind");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_run_keeps_nobody_from_its_own_computer() {
    let Some(host) = boot() else { return };
    let desk = TestDesk::new(&host, "root");
    let file = hall::first_release(&desk).await;
    let planned = desk.plan(&file, &DEPLOY).await;
    let link = desk.link().await;
    let asked = desk.desk.asked().unwrap();
    let lock = Lock::acquire(&link, &asked.run, &asked, "deploy hall").await.unwrap();
    let before = state(&host);
    // It is alive: the same person on the same computer waits like everybody else.
    failed(desk.execute(&planned, &file).await.map(|_| ()), Code::Locked);
    // It is dead, but its connection is there, on which a command may be at work.
    drop(lock);
    failed(desk.execute(&planned, &file).await.map(|_| ()), Code::Locked);
    drop(link);
    // The same name on another computer proves nothing.
    let other = TestDesk::new(&host, "root");
    let theirs = hall::file(&other, "");
    let elsewhere = other.plan(&theirs, &DEPLOY).await;
    failed(other.execute(&elsewhere, &theirs).await.map(|_| ()), Code::Locked);
    assert_eq!(state(&host), before);

    let ran = desk.execute(&planned, &file).await.unwrap();
    assert_eq!(ran.verdict.kind, Succeeded, "{}", ran.story());
    let told = ran.events.iter().any(|event| match &event.kind {
        EventKind::Note { text } => text.contains("deploy hall") && text.contains("its lock back"),
        _ => false,
    });
    assert!(told, "{}", ran.story());
    assert_eq!(inside(&host, "ls /run/slipway"), "mutex\n", "something was left behind");
    let noted = desk.desk.home.directory().join("locks");
    let left: Vec<_> = std::fs::read_dir(noted).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, [asked.run.as_str()], "the dead one stays until it is old");
}
