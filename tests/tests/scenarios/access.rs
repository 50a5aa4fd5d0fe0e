//! Who may see a site: others learn nothing of it, not even where its redirects lead.

use slipway_core::event::VerdictKind::Succeeded;
use slipway_engine::site::Request;

use crate::support::outside::ask;
use crate::support::{DEPLOY, TestDesk};
use crate::{boot, hall, inside};

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_tells_only_those_who_may_see_the_site() {
    let Some(host) = boot() else { return };
    let desk = TestDesk::new(&host, "root");
    let redirects = "[[route]]\npath = \"/old\"\nexact = true\nredirect = \"https://inside.test/secret-plans\"\n\
                     [[route]]\npath = \"/docs\"\nspa = \".\"\n";
    let open = hall::file(&desk, redirects);
    desk.expect(Succeeded, &open, &Request::Apply).await;
    desk.expect(Succeeded, &open, &DEPLOY).await;
    let paths = ["/old", "/docs", "/docs/", "/"];
    let statuses = || paths.map(|path| ask(host.address(), &format!("https://hall.test{path}")).status);
    assert_eq!(statuses(), [302, 301, 200, 200]);

    let closed = hall::file(&desk, &format!("{redirects}[access]\nallow = [\"192.0.2.7\"]\n"));
    desk.expect(Succeeded, &closed, &Request::Apply).await;
    assert_eq!(statuses(), [403; 4]);

    let allowed = "192.0.2.7/32 dev lo";
    inside(&host, &format!("ip address add {allowed}"));
    let from_there = "curl -sk --interface 192.0.2.7 -o /dev/null -w '%{http_code} %{redirect_url}' \
                      --resolve hall.test:443:192.0.2.7 https://hall.test";
    assert_eq!(inside(&host, &format!("{from_there}/old")), "302 https://inside.test/secret-plans");
    assert_eq!(inside(&host, &format!("{from_there}/docs")), "301 https://hall.test/docs/");
    assert_eq!(inside(&host, &format!("{from_there}/")), "200 ");
}
