//! A host that serves somebody else's site already: theirs stays as it is.

use slipway_core::event::VerdictKind::{FailedIntact, Succeeded};
use slipway_engine::failure::Code;
use slipway_engine::site::Request;

use crate::support::outside::{Poller, ask};
use crate::support::{DEPLOY, TestDesk};
use crate::{boot, failed, hall, inside, words};

const THEIRS: &str =
    "# the neighbour's\nserver {\n    listen 80;\n    server_name neighbour.test;\n    root /srv/neighbour;\n}\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_neighbours_site_is_left_alone() {
    let Some(host) = boot() else { return };
    inside(&host, "DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends nginx >/dev/null");
    host.write_file("/etc/nginx/conf.d/neighbour.conf", THEIRS).unwrap();
    host.write_file("/srv/neighbour/index.html", "theirs").unwrap();
    inside(&host, "systemctl reload-or-restart nginx");
    let tree = "cd /etc/nginx && find . -type f ! -name hall.conf ! -name '00-slipway-default-*' ! -path './slipway*' -exec sha256sum {} + | sort -k2; find . -type l -ls | awk '{print $11,$13}'";
    let before = inside(&host, tree);
    let pid = inside(&host, "systemctl show -p MainPID --value nginx");
    let poller = Poller::of(&host, "http://neighbour.test/");
    let desk = TestDesk::new(&host, "root");
    let file = hall::file(&desk, "");

    // The same domain: two blocks, of which nginx would use one.
    let clash = desk.site(&hall::site("neighbour.test", ""));
    let planned = desk.plan(&clash, &Request::Apply).await;
    let blockers: Vec<_> = planned.plan.blockers().map(|notice| notice.text.clone()).collect();
    assert!(blockers.iter().any(|text| text.contains("/etc/nginx/conf.d/neighbour.conf:2")), "{blockers:?}");
    let failure = failed(desk.execute(&planned, &clash).await.map(|_| ()), Code::Blocked);
    assert!(words(&failure).contains("neighbour.test"), "{failure:#?}");
    assert_eq!(inside(&host, "ls /opt /etc/nginx/conf.d"), "/etc/nginx/conf.d:\nneighbour.conf\n\n/opt:\n");

    // Their configuration is broken (nginx runs on with the old one): ours is not put beside it.
    host.write_file("/etc/nginx/conf.d/broken.conf", "server {\n    listen 80;\n    no_such_directive on;\n}\n")
        .unwrap();
    let file = desk.site(&file.text);
    let ran = desk.expect(FailedIntact, &file, &Request::Apply).await;
    let said = format!("{}\n{}", ran.verdict.summary, ran.verdict.log.join("\n"));
    assert!(said.contains("no_such_directive") && said.contains("/etc/nginx/conf.d/broken.conf:3"), "{said}");
    inside(&host, "rm /etc/nginx/conf.d/broken.conf");
    assert_eq!(inside(&host, tree), before);
    assert_eq!(inside(&host, "grep -rl hall /etc/nginx || true"), "");

    // Mended, the same command goes on.
    desk.expect(Succeeded, &file, &Request::Apply).await;
    desk.expect(Succeeded, &file, &DEPLOY).await;
    assert_eq!(hall::seen(&host), "200 one");
    desk.expect_nothing_to_do(&file).await;
    // The default server of nginx's package stays one, and nobody had one for port 443.
    assert!(ask(host.address(), &format!("http://{}/", host.address())).body.contains("Welcome to nginx"));
    assert_eq!(ask(host.address(), &format!("https://{}/", host.address())).status, 0);
    poller.finish();
    assert_eq!(ask(host.address(), "http://neighbour.test/").body.trim(), "theirs");
    assert_eq!(inside(&host, tree), before);
    assert_eq!(inside(&host, "systemctl show -p MainPID --value nginx"), pid, "nginx was restarted");
}
