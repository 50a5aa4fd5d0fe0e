//! A site of nothing but files: quick to set up, for scenarios that are not about processes.

use slipway_core::event::VerdictKind::Succeeded;
use slipway_engine::site::Request;
use slipway_engine::site_file::SiteFile;
use slipway_tests::hosts::Host;

pub(crate) use crate::support::hall::{BUILD, BUILDS, site};
use crate::support::outside::ask;
use crate::support::{DEPLOY, TestDesk};

/// Writes its only page.
pub(crate) fn page(desk: &TestDesk, text: &str) {
    let pages = desk.folder.path().join("pages");
    std::fs::create_dir_all(&pages).unwrap();
    std::fs::write(pages.join("index.html"), text).unwrap();
}

/// The site file, with its page in place.
pub(crate) fn file(desk: &TestDesk, more: &str) -> SiteFile {
    page(desk, "one");
    desk.site(&site("hall.test", more))
}

/// Sets the host up and deploys.
pub(crate) async fn first_release(desk: &TestDesk) -> SiteFile {
    let file = file(desk, "");
    desk.expect(Succeeded, &file, &Request::Apply).await;
    desk.expect(Succeeded, &file, &DEPLOY).await;
    file
}

/// What the page says to people.
pub(crate) fn seen(host: &Host) -> String {
    let answer = ask(host.address(), "https://hall.test/index.html");
    format!("{} {}", answer.status, answer.body)
}
