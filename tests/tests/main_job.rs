//! The main job on a real host: set-up, releases, a bad release that never becomes an outage, going back.

mod support;

use std::collections::BTreeSet;

use slipway_core::event::VerdictKind::{FailedIntact, RolledBack, Succeeded};
use slipway_engine::site::Request;
use slipway_tests::hosts::{Distribution, Host, HostOptions, Prerequisites};
use support::outside::{Poller, assert_version, get, instances, log_in, probe, still_logged_in};
use support::{DEPLOY, TestDesk, parlour_site};

fn only(version: &str) -> BTreeSet<String> {
    BTreeSet::from([version.to_owned()])
}

async fn main_job(distribution: Distribution) {
    let host = Host::boot(distribution, HostOptions::default()).unwrap();
    let desk = TestDesk::new(&host, "root");
    for version in ["v2", "v3", "v4"] {
        desk.assemble(version);
    }
    let v1 = desk.first_release().await;
    desk.expect_nothing_to_do(&v1).await;
    let health = get(&host, "/health");
    assert_eq!((health.status, health.field("status").as_str()), (200, "ok"), "{health:?}");
    instances(&host, 2);
    probe(&host, &["ws"]);
    let cookie = desk.folder.path().join("cookie");
    log_in(&host, &cookie);
    still_logged_in(&host, &cookie);

    // Nobody sees an outage while releases come and go.
    let poller = Poller::start(&host);
    let v2 = desk.site(&parlour_site("v2", ""));
    desk.expect(Succeeded, &v2, &DEPLOY).await;
    poller.finish();
    assert_version(&host, "v2");
    still_logged_in(&host, &cookie);
    let poller = Poller::start(&host);
    for bad in ["v3", "v4"] {
        let file = desk.site(&parlour_site(bad, ""));
        desk.expect(FailedIntact, &file, &DEPLOY).await;
        assert_version(&host, "v2");
    }
    assert_eq!(poller.finish(), only("v2"));
    let poller = Poller::start(&host);
    desk.expect(Succeeded, &v2, &Request::Rollback { to: None }).await;
    poller.finish();
    assert_version(&host, "v1");
    still_logged_in(&host, &cookie);
    desk.expect_nothing_to_do(&v1).await;

    host.reboot().unwrap();
    instances(&host, 2);
    assert_version(&host, "v1");
    still_logged_in(&host, &cookie);
    desk.expect_nothing_to_do(&v1).await;
}

/// Releases that are slow to start, or fail only after they went live.
#[tokio::test(flavor = "multi_thread")]
async fn a_release_proves_itself_or_goes_back() {
    if !Prerequisites::or_not_run() {
        return;
    }
    let host = Host::boot(Distribution::Debian12, HostOptions::default()).unwrap();
    let desk = TestDesk::new(&host, "root");
    desk.assemble("v5");
    desk.assemble("v6");
    let v1 = desk.first_release().await;

    let poller = Poller::start(&host);
    let crashes = parlour_site("v6", "").replace("\n[environment]\n", "\n[environment]\nCRASH_AFTER = \"3\"\n");
    let crashes = desk.site(&crashes.replace("settle = \"2s\"", "settle = \"8s\""));
    let ran = desk.expect(RolledBack, &crashes, &DEPLOY).await;
    poller.finish();
    assert_version(&host, "v1");
    // Which of the two depends on when it was looked at.
    let seen = ["did not stay active", "ended and was started again"];
    assert!(seen.iter().any(|words| ran.verdict.summary.contains(words)), "{}", ran.verdict.summary);
    let log = ran.verdict.log.join("\n");
    let last = log.lines().rev().take(40).collect::<Vec<_>>().join("\n");
    assert!(last.contains("gunicorn") || last.contains("Worker"), "the failing instance's own words: {log}");
    assert!(!host.shell("cat /etc/parlour/environment").stdout.contains("CRASH_AFTER"));
    desk.expect_nothing_to_do(&v1).await;

    let poller = Poller::start(&host);
    let slow = desk.site(&parlour_site("v5", ""));
    desk.expect(Succeeded, &slow, &DEPLOY).await;
    poller.finish();
    assert_version(&host, "v5");
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
