//! A running site's configuration changes, and goes back.

use std::process::Stdio;

use slipway_core::event::VerdictKind::Succeeded;
use slipway_engine::site::{Planned, Request};
use slipway_engine::site_file::SiteFile;

use crate::support::outside::{Poller, get, instances, log_in, probe, still_logged_in};
use crate::support::{SECRET_KEY, TestDesk, parlour_site, secrets};
use crate::{boot, inside};

/// A line that the plan adds to or removes from a file.
fn shown(planned: &Planned, path: &str, line: &str) -> bool {
    let diffs = planned.plan.steps.iter().filter_map(|step| step.diff.as_ref());
    diffs.filter(|diff| diff.path == path).any(|diff| diff.unified().lines().any(|shown| shown.contains(line)))
}

async fn apply(desk: &TestDesk, planned: &Planned, file: &SiteFile) {
    let ran = desk.execute(planned, file).await.unwrap();
    println!("{}", ran.story());
    assert_eq!(ran.verdict.kind, Succeeded, "{}", ran.story());
    desk.expect_nothing_to_do(file).await;
}

fn units(host: &slipway_tests::hosts::Host) -> String {
    let units =
        "systemctl list-units --plain --no-legend --state=active 'parlour-web@*' 'parlour-web.*' | cut -d' ' -f1";
    // Without the release that the name of each process ends with.
    inside(host, &format!("{units} | sed 's/@[0-9]*T.*//' | sort"))
}

#[tokio::test(flavor = "multi_thread")]
async fn configuration_changes_like_a_release_and_goes_back_like_one() {
    let Some(host) = boot() else { return };
    let desk = TestDesk::new(&host, "root");
    let first = desk.first_release().await;
    let cookie = desk.folder.path().join("cookie");
    log_in(&host, &cookie);
    let poller = Poller::start(&host);

    let text = parlour_site("v1", "").replace("\n[environment]\n", "\n[environment]\nPARLOUR_PASSWORD = \"tables\"\n");
    let file = desk.site(&text);
    let planned = desk.plan(&file, &Request::Apply).await;
    assert!(shown(&planned, "/etc/parlour/environment", "+PARLOUR_PASSWORD"), "{:#?}", planned.plan.steps);
    apply(&desk, &planned, &file).await;
    probe(&host, &["--password", "tables", "login"]);

    let text = text.replace("instances = 2", "instances = 3");
    let file = desk.site(&text);
    let planned = desk.plan(&file, &Request::Apply).await;
    assert!(
        shown(&planned, "/etc/nginx/conf.d/parlour.conf", "+    server 127.0.0.1:5002"),
        "{:#?}",
        planned.plan.steps
    );
    apply(&desk, &planned, &file).await;
    instances(&host, 3);

    let text = text.replace("instances = 3", "instances = 1") + "\n[[route]]\npath = \"/paper/\"\nfiles = \"static\"\n";
    let file = desk.site(&text);
    let planned = desk.plan(&file, &Request::Apply).await;
    assert!(
        shown(&planned, "/etc/nginx/conf.d/parlour.conf", "-    server 127.0.0.1:5002"),
        "{:#?}",
        planned.plan.steps
    );
    assert!(shown(&planned, "/etc/nginx/conf.d/parlour.conf", "/paper/"), "{:#?}", planned.plan.steps);
    assert_eq!(get(&host, "/paper/parlour.css").status, 404);
    apply(&desk, &planned, &file).await;
    assert_eq!(get(&host, "/paper/parlour.css").status, 200);
    assert_eq!(units(&host), "parlour-web.5000\nparlour-web@5000.socket\n");

    // Back to three instances without the route, and then to the very first configuration.
    desk.expect(Succeeded, &file, &Request::Rollback { to: None }).await;
    instances(&host, 3);
    assert_eq!(get(&host, "/paper/parlour.css").status, 404);
    let releases = inside(&host, "ls /opt/parlour/releases | sort | head -1");
    let to = Some(releases.trim().parse().unwrap());
    desk.expect(Succeeded, &first, &Request::Rollback { to }).await;
    assert_eq!(instances(&host, 2).len(), 2);
    assert_eq!(units(&host).lines().count(), 4, "{}", units(&host));
    probe(&host, &["login"]);
    desk.expect_nothing_to_do(&first).await;
    poller.finish();
    still_logged_in(&host, &cookie);
}

const ROTATED: &str = "fedcba9876543210fedcba9876543210";

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_rotates_and_is_seen_nowhere() {
    let Some(host) = boot() else { return };
    let mut desk = TestDesk::new(&host, "root");
    host.write_file("/root/pattern", format!("{SECRET_KEY}\n{ROTATED}\n")).unwrap();
    // Looks at every process's arguments all the time, and says where it saw the value.
    let sample = "while [ ! -e /root/stop ]; do grep -lasF -f /root/pattern /proc/[0-9]*/cmdline; done";
    let watcher = host.enter(&["sh", "-c", sample]).stdout(Stdio::piped()).stdin(Stdio::null()).spawn().unwrap();
    let file = desk.first_release().await;

    desk.desk.secrets = secrets(&[("SECRET_KEY", ROTATED)]);
    let planned = desk.plan(&file, &Request::Apply).await;
    let changed: Vec<_> = planned.plan.steps.iter().filter_map(|step| step.diff.as_ref()).collect();
    assert_eq!(changed.len(), 1, "{changed:#?}");
    let diff = changed.first().unwrap().unified();
    println!("{diff}");
    assert!(diff.contains("-SECRET_KEY=") && diff.contains("+SECRET_KEY="), "{diff}");
    let ran = desk.execute(&planned, &file).await.unwrap();
    assert_eq!(ran.verdict.kind, Succeeded, "{}", ran.story());
    inside(&host, "touch /root/stop");
    let seen = watcher.wait_with_output().unwrap().stdout;
    assert_eq!(String::from_utf8_lossy(&seen), "", "in the arguments of a process");
    assert!(inside(&host, "cat /etc/parlour/environment").contains(ROTATED));
    desk.expect_nothing_to_do(&file).await;

    let told = serde_json::to_string(&(&planned.plan, &ran.events, &ran.verdict)).unwrap();
    let mut places = vec![("plan and events".to_owned(), told.into_bytes())];
    let mut folders = vec![desk.folder.path().join("home")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else {
                places.push((entry.path().display().to_string(), std::fs::read(entry.path()).unwrap()));
            }
        }
    }
    assert!(places.len() > 2);
    for (place, bytes) in &places {
        for value in [SECRET_KEY, ROTATED] {
            assert!(!bytes.windows(value.len()).any(|window| window == value.as_bytes()), "in {place}");
        }
    }
    let journal = "journalctl --sync; journalctl -q -o export --no-pager | grep -caF -f /root/pattern || true";
    assert_eq!(inside(&host, journal).trim(), "0", "in the journal");
    // Files: the environment, and what each release keeps for going back; nobody but root and the site reads them.
    let files = inside(&host, "grep -rslF -f /root/pattern /etc /opt /run /srv /tmp /var || true");
    println!("{files}");
    let expected = |path: &str| {
        path == "/etc/parlour/environment"
            || (path.starts_with("/opt/parlour/releases/") && path.ends_with("/config/etc/parlour/environment"))
    };
    assert!(files.lines().all(expected), "{files}");
    inside(&host, "cp /root/pattern /tmp/pattern && chmod 0644 /tmp/pattern");
    let others = "setpriv --reuid=nobody --regid=nogroup --clear-groups grep -rslF -f /tmp/pattern /etc /opt /run /srv /var || true";
    assert_eq!(inside(&host, others), "");
}
