//! The migration hook: once for each release, and never half a release.

use slipway_core::event::VerdictKind::{FailedIntact, Succeeded};
use slipway_engine::site::Request;

use crate::support::outside::{Poller, assert_version};
use crate::support::{DEPLOY, TestDesk, parlour_site};
use crate::{boot, inside};

const HOOKS: &str = "[hooks]\nmigrate = [[\"python\", \"migrate.py\"]]\n";

#[tokio::test(flavor = "multi_thread")]
async fn migrations_run_once_for_each_release() {
    let Some(host) = boot() else { return };
    let desk = TestDesk::new(&host, "root");
    desk.assemble("v1");
    desk.assemble("v2");
    let ran = || {
        let log = inside(&host, "cat /opt/parlour/shared/data/migrations.log");
        log.lines().map(|line| line.rsplit(' ').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let v1 = desk.site(&parlour_site("v1", HOOKS));
    desk.expect(Succeeded, &v1, &Request::Apply).await;
    desk.expect(Succeeded, &v1, &DEPLOY).await;
    assert_eq!(ran(), ["v1"]);

    // It fails: nothing of the release is seen.
    let poller = Poller::start(&host);
    let broken = parlour_site("v2", HOOKS).replace("\n[environment]\n", "\n[environment]\nMIGRATE_FAIL = \"1\"\n");
    let broken = desk.site(&broken);
    let failure = desk.expect(FailedIntact, &broken, &DEPLOY).await;
    assert!(failure.verdict.summary.contains("migrate.py"), "{}", failure.story());
    let log = failure.verdict.log.join("\n");
    assert!(log.contains("failing on purpose"), "{log}");
    assert_eq!(ran(), ["v1"]);
    assert!(!inside(&host, "cat /etc/parlour/environment").contains("MIGRATE_FAIL"));
    desk.expect_nothing_to_do(&v1).await;

    let v2 = desk.site(&parlour_site("v2", HOOKS));
    desk.expect(Succeeded, &v2, &DEPLOY).await;
    assert_eq!(ran(), ["v1", "v2"]);
    // Going back changes no data, and says so beforehand.
    desk.expect(Succeeded, &v2, &Request::Rollback { to: None }).await;
    assert_eq!(ran(), ["v1", "v2"]);
    assert_version(&host, "v1");
    poller.finish();
    assert_eq!(inside(&host, "stat -c %U /opt/parlour/shared/data/migrations.log").trim(), "parlour");
}
