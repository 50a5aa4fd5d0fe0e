//! Links that break and hosts that lose their power while a run is under way.

use std::sync::Arc;

use slipway_core::event::VerdictKind::{FailedIntact, RolledBack, Succeeded, Unknown};
use slipway_core::event::{Event, EventKind};
use slipway_engine::cancel::Cancel;
use slipway_engine::desk::runs::Consent;
use slipway_engine::site::Request;
use slipway_tests::relay::{Conditions, Cut};

use crate::support::outside::{assert_version, get, instances};
use crate::support::{DEPLOY, TestDesk, parlour_site};
use crate::{boot, hall, inside};

#[tokio::test(flavor = "multi_thread")]
async fn a_run_outlives_the_link() {
    let Some(host) = boot() else { return };
    let relay = crate::relay(&host, Conditions::default());
    let desk = Arc::new(TestDesk::through(relay.address(), &host));
    let file = hall::file(&desk, hall::BUILD);
    desk.expect(Succeeded, &file, &Request::Apply).await;
    let run = tokio::spawn({
        let (desk, file) = (desk.clone(), file.clone());
        async move { desk.run(&file, &DEPLOY).await }
    });
    crate::until(&host, hall::BUILDS).await;
    relay.cut(Cut::Reset);
    // It is asked for news over another connection, which is cut too.
    crate::until(
        &host,
        "[ \"$(journalctl --sync; journalctl -q -o cat -t sshd -t sshd-session | grep -c Accepted)\" -ge 3 ]",
    )
    .await;
    relay.cut(Cut::Reset);
    inside(&host, "touch /opt/hall/build/go");
    let ran = run.await.unwrap();
    assert_eq!(ran.verdict.kind, Succeeded, "{}", ran.story());
    assert_eq!(hall::seen(&host), "200 one");
    assert_eq!(inside(&host, "ls /run/slipway"), "mutex\n", "something was left behind");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_power_cut_during_the_switch_is_seen_and_mended() {
    let Some(host) = boot() else { return };
    let desk = Arc::new(TestDesk::new(&host, "root"));
    desk.assemble("v5");
    let v1 = desk.first_release().await;
    let v5 = desk.site(&parlour_site("v5", ""));
    let run = tokio::spawn({
        let (desk, file) = (desk.clone(), v5.clone());
        async move { desk.run(&file, &DEPLOY).await }
    });
    // The first instance of the new release is starting, the second is still the old one.
    crate::until(&host, "[ \"$(ls -d /opt/parlour/releases/*/ | tail -1)\" = \"$(realpath /opt/parlour/current)/\" ] && systemctl show -p ActiveState \"parlour-web.5000@$(basename $(realpath /opt/parlour/current)).service\" | grep -q activating").await;
    host.power_off_hard();
    host.start().unwrap();
    // The desk looks for the host for a while, finds it, and tells what it sees.
    let ran = run.await.unwrap();
    println!("{}", ran.story());
    assert!(
        matches!(ran.verdict.kind, Unknown | RolledBack | slipway_core::event::VerdictKind::Split),
        "{}",
        ran.story()
    );
    instances(&host, 2);
    println!("after the power cut: {:?}", get(&host, "/version"));

    let planned = desk.plan(&v1, &Request::Apply).await;
    let told = planned.plan.notices.iter().any(|notice| notice.text.contains("interrupted"));
    assert!(told && !planned.plan.is_empty(), "{:#?} {:#?}", planned.plan.notices, planned.plan.steps);
    desk.expect(Succeeded, &v1, &Request::Rollback { to: None }).await;
    assert_version(&host, "v1");
    desk.expect_nothing_to_do(&v1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_web_server_that_is_down_is_no_success() {
    let Some(host) = boot() else { return };
    let desk = TestDesk::new(&host, "root");
    desk.assemble("v2");
    desk.first_release().await;
    let v2 = desk.site(&parlour_site("v2", ""));
    let planned = desk.plan(&v2, &DEPLOY).await;
    inside(&host, "systemctl stop nginx");
    match desk.execute(&planned, &v2).await {
        // Seen before anything was done, or at the end.
        Err(failure) => println!("{failure:#?}"),
        Ok(ran) => {
            println!("{}", ran.story());
            assert_eq!(ran.verdict.kind, RolledBack, "{}", ran.story());
        }
    }
    inside(&host, "systemctl start nginx");
    assert_version(&host, "v1");
    desk.expect(Succeeded, &v2, &DEPLOY).await;
    assert_version(&host, "v2");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_that_does_not_fit_touches_nothing() {
    let Some(host) = boot() else { return };
    let desk = TestDesk::new(&host, "root");
    desk.first_release().await;
    let folder = desk.assemble("v2");
    let v2 = desk.site(&parlour_site("v2", ""));
    let picture = folder.join("picture");
    std::fs::write(&picture, vec![7; 4 << 20]).unwrap();
    inside(
        &host,
        "mkdir /srv/small && mount -t tmpfs -o size=2m,mode=755 tmpfs /srv/small && cp -a /opt/parlour/releases/. /srv/small/ && \
         mount --bind /srv/small /opt/parlour/releases",
    );
    let ran = desk.expect(FailedIntact, &v2, &DEPLOY).await;
    assert!(ran.verdict.summary.contains("No space left on device"), "{}", ran.story());
    assert_version(&host, "v1");
    assert_eq!(inside(&host, "find /opt/parlour/releases -maxdepth 1 -name '*.building'"), "");
    std::fs::remove_file(picture).unwrap();
    desk.expect(Succeeded, &v2, &DEPLOY).await;
    assert_version(&host, "v2");
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_while_a_release_is_proved_leaves_the_old_one() {
    let Some(host) = boot() else { return };
    let desk = TestDesk::new(&host, "root");
    desk.first_release().await;
    desk.assemble("v4");
    let file = desk.site(&parlour_site("v4", ""));
    let planned = desk.plan(&file, &DEPLOY).await;
    let proving = planned.plan.lines().iter().position(|line| line.title().starts_with("Prove ")).unwrap();
    let cancel = Cancel::default();
    let sink = {
        let cancel = cancel.clone();
        Arc::new(move |event: Event| {
            if event.kind == (EventKind::StepStarted { step: proving }) {
                cancel.request();
            }
        })
    };
    let verdict = desk.desk.run(&planned, &file, Consent::default(), sink, cancel, |_| 0).await.unwrap();
    assert_eq!(verdict.kind, FailedIntact, "{verdict:#?}");
    assert!(verdict.summary.contains("told to stop"), "{verdict:#?}");
    assert_version(&host, "v1");
    assert_eq!(
        inside(&host, "systemctl list-units --all --plain --no-legend 'parlour-gate*' 'slipway-run-*'").trim(),
        ""
    );
    // The host is free for the next run.
    desk.assemble("v2");
    desk.expect(Succeeded, &desk.site(&parlour_site("v2", "")), &DEPLOY).await;
    assert_version(&host, "v2");
}
