//! What looking at a host costs, counted where it is paid.

use std::net::SocketAddr;

use slipway_core::event::VerdictKind;
use slipway_engine::observe;
use slipway_engine::site::Request;
use slipway_tests::relay::{Conditions, Relay};

use crate::support::TestDesk;
use crate::{boot, inside};

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_costs_two_round_trips() {
    let Some(host) = boot() else { return };
    let direct = TestDesk::new(&host, "root");
    let file = direct.first_release().await;
    let server = SocketAddr::from((host.address(), host.ssh_port()));
    // It brings its own runtime, which cannot begin inside this one.
    let relay = std::thread::spawn(move || Relay::start(server, Conditions::default()).unwrap()).join().unwrap();
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
