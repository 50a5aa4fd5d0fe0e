//! Releases come and go under load, and nobody loses a request. `tests/load` does the same for longer, beside
//! the usual ways of deploying.

mod support;

use std::net::SocketAddr;
use std::time::SystemTime;

use slipway_core::event::VerdictKind::Succeeded;
use slipway_engine::site::Request;
use slipway_tests::hosts::{Distribution, Host, HostOptions, Prerequisites};
use slipway_tests::load::{Crowd, Load, drains};
use support::{DEPLOY, TestDesk, parlour_site};

/// How many times there are a deployment and a rollback.
const TURNS: usize = 2;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_while_releases_come_and_go() {
    if !Prerequisites::or_not_run() {
        return;
    }
    let host = Host::boot(Distribution::Debian12, HostOptions::default()).unwrap();
    let desk = TestDesk::new(&host, "root");
    desk.assemble("v2");
    desk.first_release().await;
    let second = desk.site(&parlour_site("v2", ""));

    let began = SystemTime::now();
    let crowd = Crowd {
        address: SocketAddr::from((host.address(), 443)),
        domain: "parlour.test".to_owned(),
        visitors: 24,
        sockets: 10,
    };
    // It brings its own runtime, which cannot begin inside this one.
    let load = tokio::task::spawn_blocking(move || Load::start(&crowd).unwrap()).await.unwrap();
    for _ in 0..TURNS {
        desk.expect(Succeeded, &second, &DEPLOY).await;
        desk.expect(Succeeded, &second, &Request::Rollback { to: None }).await;
    }
    let report = tokio::task::spawn_blocking(move || load.finish()).await.unwrap();

    println!("{} answered, slowest after {:?}, {:?}", report.answered, report.delay(1.0), report.versions);
    assert!(
        report.lost.is_empty(),
        "{} of {} requests failed: {:?}",
        report.lost.len(),
        report.answered,
        report.losses()
    );
    assert_eq!(report.versions.keys().collect::<Vec<_>>(), ["v1", "v2"], "both versions served");
    assert!(!report.ended.is_empty(), "replacing an instance ends its WebSockets");
    let drains = drains(&host, "parlour-web", began);
    let cut: Vec<_> = report.ended.iter().filter(|end| !drains.iter().any(|drain| drain.ended(end))).collect();
    assert!(cut.is_empty(), "{} of {} WebSockets ended outside a drain: {cut:?}", cut.len(), report.ended.len());
}
