//! What Slipway writes, judged by the programs that it is written for, on the host.

use slipway_tests::hosts::{Distribution, Host, HostOptions, Prerequisites};

use crate::inside;
use crate::support::outside::{assert_version, instances, probe};
use crate::support::{DEPLOY, TestDesk, parlour_site};
use slipway_core::event::VerdictKind::Succeeded;
use slipway_engine::site::Request;

const LOGS: &str = "[logs]\ndirectory = true\nenv = \"LOG_DIR\"\n";
/// Worst exposure that `systemd-analyze security` may give; it calls 2.5 and below OK.
const EXPOSURE: f32 = 2.5;

async fn judged(distribution: Distribution) {
    if !Prerequisites::or_not_run() {
        return;
    }
    let host = Host::boot(distribution, HostOptions::default()).unwrap();
    let desk = TestDesk::new(&host, "root");
    desk.assemble("v1");
    let text = parlour_site("v1", LOGS).replace("[shared.sessions]\n", "[shared.sessions]\nkeep = \"30d\"\n");
    let file = desk.site(&text);
    desk.expect(Succeeded, &file, &Request::Apply).await;
    desk.expect(Succeeded, &file, &DEPLOY).await;

    let nginx = host.shell("nginx -t");
    assert!(nginx.is_success() && !nginx.stderr.contains("warn"), "{nginx}");
    let logrotate = host.shell("logrotate -d /etc/logrotate.d/parlour");
    assert!(logrotate.is_success() && !logrotate.stderr.contains("error"), "{logrotate}");
    // The real thing, by the service that does it every night.
    inside(&host, "echo line >/var/log/parlour/app.log && chown parlour:parlour /var/log/parlour/app.log");
    inside(&host, "echo 'postrotate-check' && logrotate -f /etc/logrotate.d/parlour");
    inside(&host, "systemctl start logrotate.service");
    assert_eq!(inside(&host, "ls /var/log/parlour").trim(), "app.log\napp.log.1");
    // What is fresh stays when systemd's timer cleans up; what nobody has touched for longer than the file says, goes. The
    // program counts the last change of an inode, too, which nothing can set: so it is given a shorter time here.
    let sessions = "/opt/parlour/shared/sessions";
    let files = || inside(&host, &format!("ls {sessions} | grep -E '^(new|old)$'"));
    let before = inside(&host, &format!("stat -c '%a %U' {sessions}"));
    inside(&host, &format!("cd {sessions} && touch old && sleep 21 && touch new && chown parlour: new"));
    inside(&host, "systemctl start systemd-tmpfiles-clean.service");
    assert_eq!(files(), "new\nold\n");
    inside(
        &host,
        "sed 's/ [0-9]*s$/ 20s/' /etc/tmpfiles.d/slipway-parlour.conf >/root/soon.conf && grep -q ' 20s$' /root/soon.conf",
    );
    inside(&host, "systemd-tmpfiles --clean /root/soon.conf");
    assert_eq!(files(), "new\n");
    assert_eq!(inside(&host, &format!("stat -c '%a %U' {sessions}")), before);
    let units = inside(&host, "cd /etc/systemd/system && ls -d parlour*");
    println!("{units}");
    let release = inside(&host, "basename $(readlink /opt/parlour/current)");
    let mut names: Vec<String> = Vec::new();
    for unit in units.lines().filter(|unit| !unit.ends_with(".wants") && !unit.ends_with(".d")) {
        match unit.split_once("@.") {
            // What an instance runs has a release behind the @, the instance itself a port.
            Some((name, kind)) if name.contains('.') => names.push(format!("{name}@{}.{kind}", release.trim())),
            Some((name, kind)) => names.extend([5000, 5001].map(|port| format!("{name}@{port}.{kind}"))),
            None => names.push(unit.to_owned()),
        }
    }
    assert!(names.len() >= 5, "{names:?}");
    let verify = host.shell(&format!("systemd-analyze verify --man=no {}", names.join(" ")));
    assert!(verify.is_success() && !verify.stderr.contains("parlour"), "{verify}");
    for name in names.iter().filter(|name| name.ends_with(".service")) {
        let report = inside(&host, &format!("systemd-analyze security --no-pager {name}"));
        let overall = report.lines().find(|line| line.contains("Overall exposure level")).unwrap();
        println!("{overall}");
        let exposure: f32 = overall.split(": ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
        assert!(exposure <= EXPOSURE, "{report}");
    }
    // Fenced in as they are, they work.
    instances(&host, 2);
    probe(&host, &["ws"]);
    probe(&host, &["rooms"]);
    assert_version(&host, "v1");
    assert_eq!(inside(&host, "systemctl --failed --no-legend").trim(), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn debian_12() {
    judged(Distribution::Debian12).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn debian_13() {
    judged(Distribution::Debian13).await;
}
