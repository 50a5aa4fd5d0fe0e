//! The main job on a real host: set-up, releases, a bad release that never becomes an outage, going back.

mod support;

use slipway_core::event::VerdictKind;
use slipway_engine::site::Request;
use slipway_tests::hosts::{Distribution, Host, HostOptions, Prerequisites};
use support::{TestDesk, parlour_site};

const DEPLOY: Request = Request::Deploy { reference: None };

async fn main_job(distribution: Distribution) {
    let host = Host::boot(distribution, HostOptions::default()).unwrap();
    let desk = TestDesk::new(&host, "root");
    for version in ["v1", "v2", "v3", "v4"] {
        desk.assemble(version);
    }
    let v1 = desk.site(&parlour_site("v1", ""));
    let applied = desk.run(&v1, &Request::Apply).await;
    println!("{}", applied.story());
    assert_eq!(applied.verdict.kind, VerdictKind::Succeeded, "{}", applied.story());
    let again = desk.plan(&v1, &Request::Apply).await;
    assert!(again.plan.is_empty(), "{:#?}", again.plan.steps);
    let first = desk.run(&v1, &DEPLOY).await;
    println!("{}", first.story());
    assert_eq!(first.verdict.kind, VerdictKind::Succeeded, "{}", first.story());
    let again = desk.plan(&v1, &Request::Apply).await;
    assert!(again.plan.is_empty(), "{:#?}", again.plan.steps);
    let v2 = desk.site(&parlour_site("v2", ""));
    let second = desk.run(&v2, &DEPLOY).await;
    println!("{}", second.story());
    assert_eq!(second.verdict.kind, VerdictKind::Succeeded, "{}", second.story());
    for bad in ["v3", "v4"] {
        let file = desk.site(&parlour_site(bad, ""));
        let run = desk.run(&file, &DEPLOY).await;
        println!("{}", run.story());
        assert_eq!(run.verdict.kind, VerdictKind::FailedIntact, "{}", run.story());
    }
    let back = desk.run(&v2, &Request::Rollback { to: None }).await;
    println!("{}", back.story());
    assert_eq!(back.verdict.kind, VerdictKind::Succeeded, "{}", back.story());
}

#[tokio::test(flavor = "multi_thread")]
async fn debian_11() {
    if Prerequisites::or_not_run() {
        main_job(Distribution::Debian11).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn debian_12() {
    if Prerequisites::or_not_run() {
        main_job(Distribution::Debian12).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn debian_13() {
    if Prerequisites::or_not_run() {
        main_job(Distribution::Debian13).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn el9_like() {
    if Prerequisites::or_not_run() {
        main_job(Distribution::El9Like).await;
    }
}
