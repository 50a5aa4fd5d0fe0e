//! A site leaves a host on which another one stays.

use slipway_core::event::VerdictKind::{FailedIntact, Succeeded, Unchanged};
use slipway_engine::desk::runs::Consent;
use slipway_engine::failure::Code;
use slipway_engine::site::Request;
use slipway_tests::hosts::Host;

use crate::support::outside::{ask, assert_version, get, instances};
use crate::support::{DEPLOY, TestDesk, secrets};
use crate::{boot, failed, hall, inside};

const KEEP_DATA: Request = Request::Uninstall { data: false };
const WITH_DATA: Request = Request::Uninstall { data: true };

/// What the host holds that has to do with parlour, by somebody who knows nothing of Slipway's records.
fn traces(host: &Host) -> String {
    inside(
        host,
        "find / -xdev \\( -path /proc -o -path /sys -o -path /var/log/journal -o -path /var/log/nginx \\) -prune -o \
         -name '*parlour*' ! -path '*/replaced/*' -print | sort; find /etc /opt /var /run -xdev -name '.slipway*' -print
         systemctl list-units --all --plain --no-legend '*parlour*' | grep -v '^system-'; ps -u parlour -o comm= 2>/dev/null || true
         grep -rl parlour /etc --exclude='*-' || true; getent passwd parlour || true; getent group parlour || true",
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_goes_and_its_neighbour_and_its_data_stay() {
    let Some(host) = boot() else { return };
    let other = TestDesk::of("bert@office", &host, "root");
    hall::first_release(&other).await;
    let before = traces(&host);
    assert_eq!(before, "", "there is something of it before it came");
    let hall_files = "find /etc/slipway /opt/hall /etc/hall /etc/nginx -type f ! -name 'parlour*' | sort | xargs sha256sum; \
                      getent passwd hall; systemctl is-active nginx";
    let of_hall = inside(&host, hall_files);

    let mut desk = TestDesk::new(&host, "root");
    let file = desk.first_release().await;
    assert_version(&host, "v1");
    assert_eq!(instances(&host, 2).len(), 2);
    inside(&host, "echo precious >/opt/parlour/shared/data/entries && echo note >/etc/parlour/note");

    // What was changed by hand is not lost without a word.
    inside(&host, "echo '# mine' >>/etc/systemd/system/parlour-web@.service && systemctl daemon-reload");
    let planned = desk.plan(&file, &KEEP_DATA).await;
    let drift = desk.execute(&planned, &file).await.map(|ran| ran.verdict.kind);
    failed(drift, Code::Drift);
    assert_version(&host, "v1");

    // It goes without the secrets that it ran with.
    desk.desk.secrets = secrets(&[]);
    let planned = desk.plan(&file, &KEEP_DATA).await;
    let ran = desk.execute_with(&planned, &file, Consent { replace_drift: true }).await.unwrap();
    println!("{}", ran.story());
    assert_eq!(ran.verdict.kind, Succeeded, "{}", ran.story());
    assert!(get(&host, "/health").status != 200, "it is still there");
    assert_eq!(hall::seen(&host), "200 one");
    assert_eq!(inside(&host, hall_files), of_hall);
    assert_eq!(inside(&host, "cat /opt/parlour/shared/data/entries /etc/parlour/note"), "precious\nnote\n");
    let left = traces(&host);
    let left: Vec<&str> = left.lines().collect();
    let user = inside(&host, "getent passwd parlour; getent group parlour");
    let mut expected = vec!["/etc/parlour", "/opt/parlour", "/var/lib/slipway/parlour"];
    // The user's own accounts files name it.
    let accounts: Vec<&str> =
        left.iter().copied().filter(|line| line.starts_with("/etc/") && *line != "/etc/parlour").collect();
    assert!(
        accounts.iter().all(|path| ["/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow"].contains(path)),
        "{left:?}"
    );
    expected.extend(&accounts);
    expected.extend(user.lines());
    assert_eq!(left, expected);
    assert_eq!(
        inside(&host, "ls -A /opt/parlour /var/lib/slipway/parlour; grep -c mine /var/lib/slipway/parlour/replaced/*"),
        "/opt/parlour:\nshared\n\n/var/lib/slipway/parlour:\naudit.jsonl\nmanifest.json\nreplaced\n1\n"
    );
    let audit = inside(&host, "tail -n 1 /var/lib/slipway/parlour/audit.jsonl");
    assert!(audit.contains("uninstall") && audit.contains("tester@desk"), "{audit}");
    assert!(desk.desk.inventory.sites().unwrap().is_empty(), "the desk still lists it");

    // The same again finds nothing to do, and says that data is there.
    let again = desk.plan(&file, &KEEP_DATA).await;
    assert!(again.plan.is_empty(), "{:#?}", again.plan.steps);
    assert!(again.plan.notices.iter().any(|notice| notice.text.contains("data stays")), "{:#?}", again.plan.notices);
    assert_eq!(desk.execute(&again, &file).await.unwrap().verdict.kind, Unchanged);

    assert!(inside(&host, "ls /var/log/nginx").contains("parlour.access.log"));

    // It comes back to its data.
    desk.desk.secrets = secrets(&[("SECRET_KEY", crate::support::SECRET_KEY)]);
    desk.expect(Succeeded, &file, &Request::Apply).await;
    desk.expect(Succeeded, &file, &DEPLOY).await;
    assert_version(&host, "v1");
    assert_eq!(inside(&host, "cat /opt/parlour/shared/data/entries"), "precious\n");

    // And goes for good.
    desk.expect(Succeeded, &file, &WITH_DATA).await;
    let left = traces(&host);
    assert_eq!(left.lines().collect::<Vec<_>>(), ["/etc/parlour", "/var/lib/slipway/parlour"]);
    assert_eq!(inside(&host, "ls -A /etc/parlour"), "note\n");
    assert_eq!(hall::seen(&host), "200 one");
    assert_eq!(inside(&host, hall_files), of_hall);
    assert_eq!(inside(&host, "ls /var/log/nginx | grep parlour || true"), "");
    assert!(desk.plan(&file, &WITH_DATA).await.plan.is_empty());
    assert_ne!(ask(host.address(), "https://parlour.test/health").status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_where_nginx_would_not_take_it() {
    let Some(host) = boot() else { return };
    let desk = TestDesk::new(&host, "root");
    let file = hall::first_release(&desk).await;
    let state = || {
        inside(
            &host,
            "find /etc/nginx /opt/hall /etc/systemd/system -type f | sort | xargs sha256sum; systemctl is-enabled hall.target",
        )
    };
    let before = state();
    // Somebody else's file is broken, so that no rehearsal succeeds.
    inside(&host, "echo 'server { nonsense; }' >/etc/nginx/conf.d/zz-other.conf");
    let ran = desk.run(&file, &KEEP_DATA).await;
    println!("{}", ran.story());
    assert_eq!(ran.verdict.kind, FailedIntact, "{}", ran.story());
    assert!(ran.verdict.summary.contains("nginx refuses"), "{}", ran.verdict.summary);
    inside(&host, "rm /etc/nginx/conf.d/zz-other.conf");
    assert_eq!(hall::seen(&host), "200 one");
    assert_eq!(state(), before);
    desk.expect(Succeeded, &file, &WITH_DATA).await;
    assert_eq!(inside(&host, "find /etc /opt -xdev -name '*hall*'"), "");
}
