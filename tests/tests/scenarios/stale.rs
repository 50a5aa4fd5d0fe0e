//! A plan is for the host as it was when the plan was made, and for no other.

use slipway_core::event::VerdictKind::Succeeded;
use slipway_engine::failure::Code;
use slipway_engine::site::Request;

use crate::support::{DEPLOY, TestDesk};
use crate::{boot, failed, hall, inside, state, words};

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_is_refused_once_the_host_has_moved_on() {
    let Some(host) = boot() else { return };
    let desk = TestDesk::new(&host, "root");
    let file = hall::first_release(&desk).await;

    // A managed file.
    hall::page(&desk, "two");
    let planned = desk.plan(&file, &DEPLOY).await;
    let path = "/etc/nginx/conf.d/hall.conf";
    let text = host.read_file(path).unwrap();
    host.write_file(path, [text.as_slice(), b"# by hand\n"].concat()).unwrap();
    let before = state(&host);
    let failure = failed(desk.execute(&planned, &file).await.map(|_| ()), Code::Stale);
    assert!(words(&failure).contains(path), "{failure:#?}");
    assert_eq!(state(&host), before);
    host.write_file(path, text).unwrap();

    // A package.
    let planned = desk.plan(&file, &DEPLOY).await;
    inside(&host, "DEBIAN_FRONTEND=noninteractive apt-get -qq remove curl");
    let before = state(&host);
    let failure = failed(desk.execute(&planned, &file).await.map(|_| ()), Code::Stale);
    assert!(words(&failure).contains("curl"), "{failure:#?}");
    assert_eq!(state(&host), before);
    desk.expect(Succeeded, &file, &Request::Apply).await;

    // Another desk's release.
    let planned = desk.plan(&file, &DEPLOY).await;
    let other = TestDesk::of("bert@office", &host, "root");
    let theirs = hall::file(&other, "");
    hall::page(&other, "three");
    other.expect(Succeeded, &theirs, &DEPLOY).await;
    let before = state(&host);
    let failure = failed(desk.execute(&planned, &file).await.map(|_| ()), Code::Stale);
    assert!(words(&failure).contains("/opt/hall/current"), "{failure:#?}");
    assert_eq!(state(&host), before);
    assert_eq!(hall::seen(&host), "200 three");

    // A plan that still fits is applied, and only once.
    let planned = desk.plan(&file, &DEPLOY).await;
    desk.execute(&planned, &file).await.unwrap();
    assert_eq!(hall::seen(&host), "200 two");
    failed(desk.execute(&planned, &file).await.map(|_| ()), Code::Stale);
}
