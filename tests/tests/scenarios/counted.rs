//! What looking at a host costs, counted where it is paid.

use std::time::Duration;

use slipway_core::event::VerdictKind;
use slipway_engine::observe;
use slipway_engine::site::Request;
use slipway_host::{HostError, LocalTree, Writer};
use slipway_tests::relay::{Conditions, Cut};

use crate::support::TestDesk;
use crate::{boot, inside};

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_costs_two_round_trips() {
    let Some(host) = boot() else { return };
    let direct = TestDesk::new(&host, "root");
    let file = direct.first_release().await;
    let relay = crate::relay(&host, Conditions::default());
    let desk = TestDesk::through(relay.address(), &host);
    desk.assemble("v1");
    let file = desk.site(&file.text);

    let link = desk.link().await;
    let connection = link.connection().await;
    let mut count = {
        let mut last = connection.counters().round_trips;
        relay.reset_traffic();
        let (connection, relay) = (&connection, &relay);
        move |what: &str| {
            let (now, traffic) = (connection.counters().round_trips, relay.traffic());
            relay.reset_traffic();
            let cost = now - std::mem::replace(&mut last, now);
            println!(
                "{what}: {cost} round trips, {} turns, {} B up, {} B down",
                traffic.turns, traffic.sent, traffic.received
            );
            assert_eq!(traffic.connections, 0, "{what} made a connection");
            cost
        }
    };
    observe::facts(&connection).await.unwrap();
    assert_eq!(count("facts"), 1);
    for what in ["the first plan", "a warm plan"] {
        let plan = desk.desk.plan(link.clone(), &file, &Request::Apply).await.unwrap().plan;
        assert!(plan.is_empty(), "{:#?}", plan.steps);
        assert!(count(what) <= 2);
    }
    // Nothing to do: no lock, no second look.
    let planned = desk.desk.plan(link.clone(), &file, &Request::Apply).await.unwrap();
    let ran = desk.execute(&planned, &file).await.unwrap();
    assert_eq!(ran.verdict.kind, VerdictKind::Unchanged, "{}", ran.story());
    assert_eq!(ran.events.len(), 2, "it began and it ended: {}", ran.story());
    assert!(count("applying a plan without steps") <= 2);
    assert_eq!(inside(&host, "pgrep -cf 'sshd.*: root' || true").lines().count(), 1);
}

/// From nothing to a plan, what OpenSSH's client needs to run `true`, and three more at most.
#[tokio::test(flavor = "multi_thread")]
async fn a_cold_plan_costs_little_more_than_ssh() {
    let Some(host) = boot() else { return };
    let direct = TestDesk::new(&host, "root");
    let file = direct.first_release().await;
    // The counter counts what is told apart in time: without latency answers overtake what was sent before them.
    let slow = Conditions { round_trip: Duration::from_millis(20), ..Conditions::default() };
    let relay = crate::relay(&host, slow);
    let desk = TestDesk::through(relay.address(), &host);
    desk.assemble("v1");
    let file = desk.site(&file.text);
    let ssh = {
        let done = host.ssh_through(relay.address(), "root").arg("true").status().unwrap();
        assert!(done.success());
        relay.traffic().turns
    };
    relay.reset_traffic();
    let link = desk.link().await;
    let login = relay.traffic().turns;
    let plan = desk.desk.plan(link.clone(), &file, &Request::Apply).await.unwrap().plan;
    assert!(plan.is_empty(), "{:#?}", plan.steps);
    let whole = relay.traffic().turns;
    println!("ssh: {ssh} turns; login: {login}, with the plan {whole}");
    assert!(whole <= ssh + 3, "{whole} turns, ssh takes {ssh}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_cut_off_sends_little_again() {
    let Some(host) = boot() else { return };
    let relay = crate::relay(&host, Conditions::default());
    let desk = TestDesk::through(relay.address(), &host);
    let folder = desk.folder.path().join("big");
    std::fs::create_dir(&folder).unwrap();
    // Bytes that do not compress: what repeats is further away than gzip looks back.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut noise = Vec::with_capacity(1 << 20);
    while noise.len() < 1 << 20 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        noise.extend_from_slice(&state.to_le_bytes());
    }
    for number in 0..5 {
        std::fs::write(folder.join(number.to_string()), noise.repeat(8)).unwrap();
    }
    let tree = LocalTree::read(&folder, &[]).unwrap();

    let link = desk.link().await;
    let connection = link.connection().await;
    relay.reset_traffic();
    connection.upload(Vec::new(), "/srv/whole", &tree, Writer::Root, None, None).await.unwrap();
    let whole = relay.traffic().sent;
    relay.reset_traffic();
    let cut = async {
        while relay.traffic().sent < whole / 10 * 9 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        relay.cut(Cut::Reset);
        relay.traffic().sent
    };
    let (broken, first) = tokio::join!(connection.upload(Vec::new(), "/srv/big", &tree, Writer::Root, None, None), cut);
    let lost = broken.unwrap_err();
    assert!(matches!(lost, HostError::Lost { .. } | HostError::Overdue { .. }), "{lost}");
    link.renew().await.unwrap();
    relay.reset_traffic();
    let done = link.connection().await.upload(Vec::new(), "/srv/big", &tree, Writer::Root, None, None).await.unwrap();
    let second = relay.traffic().sent;
    assert!(done.resumed > 0, "{done:?}");
    let again = (first + second).saturating_sub(whole);
    println!("{whole} bytes: {first} before the cut, {second} after it, {again} a second time");
    assert!(again <= whole / 100, "{again} of {whole} bytes were sent again");
    let there = inside(&host, "cd /srv/big && sha256sum * | sha256sum");
    let here =
        std::process::Command::new("sh").args(["-c", "sha256sum * | sha256sum"]).current_dir(&folder).output().unwrap();
    assert_eq!(there.as_bytes(), here.stdout);
}
