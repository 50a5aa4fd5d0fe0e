//! What was changed on the host by hand is shown, kept, and replaced only with consent.

use slipway_core::event::VerdictKind::Succeeded;
use slipway_engine::desk::runs::Consent;
use slipway_engine::failure::Code;
use slipway_engine::site::Request;

use crate::support::TestDesk;
use crate::support::outside::{Poller, instances};
use crate::{boot, failed, inside, state, words};

#[tokio::test(flavor = "multi_thread")]
async fn hand_made_changes_are_shown_kept_and_replaced_with_consent_only() {
    let Some(host) = boot() else { return };
    let desk = TestDesk::new(&host, "root");
    let file = desk.first_release().await;
    let paths = ["/etc/nginx/conf.d/parlour.conf", "/etc/parlour/gunicorn-web.py"];
    let originals = paths.map(|path| host.read_file(path).unwrap());
    for (path, text) in paths.iter().zip(&originals) {
        host.write_file(path, [text.as_slice(), b"# tuned by hand\n"].concat()).unwrap();
    }
    // A file of the site that Slipway did not write is nobody's business.
    host.write_file("/etc/parlour/notes", "mine").unwrap();
    let others = "systemctl show -p MainPID --value nginx ssh cron systemd-journald";
    let (running, before) = (inside(&host, others), state(&host));

    let planned = desk.plan(&file, &Request::Apply).await;
    for path in paths {
        let step = planned.plan.steps.iter().find(|step| step.id == format!("file:{path}"));
        let step = step.unwrap_or_else(|| panic!("{path} is not in the plan: {:#?}", planned.plan.steps));
        let diff = step.diff.as_ref().unwrap().unified();
        assert!(step.drift && diff.contains("-# tuned by hand"), "{step:#?}");
    }
    assert_eq!(planned.plan.drifted().count(), 2);
    let failure = failed(desk.execute(&planned, &file).await.map(|_| ()), Code::Drift);
    assert!(paths.iter().all(|path| words(&failure).contains(path)), "{failure:#?}");
    assert_eq!(state(&host), before);

    let poller = Poller::start(&host);
    let ran = desk.execute_with(&planned, &file, Consent { replace_drift: true }).await.unwrap();
    println!("{}", ran.story());
    assert_eq!(ran.verdict.kind, Succeeded, "{}", ran.story());
    poller.finish();
    for (path, text) in paths.iter().zip(&originals) {
        assert_eq!(&host.read_file(path).unwrap(), text, "{path}");
    }
    assert_eq!(inside(&host, "cat /etc/parlour/notes"), "mine");
    assert_eq!(inside(&host, others), running, "more was restarted than had to be");
    instances(&host, 2);
    let kept = inside(&host, "grep -rl 'tuned by hand' /var/lib/slipway/parlour | sort");
    println!("{kept}");
    assert!(kept.contains("parlour.conf") && kept.contains("gunicorn-web.py"), "{kept}");
    desk.expect_nothing_to_do(&file).await;

    // Going back is for emergencies: it asks nothing, but says it beforehand and keeps what was there.
    let (path, text) = ("/etc/parlour/gunicorn-web.py", originals.last().unwrap());
    host.write_file(path, [text.as_slice(), b"# tuned again\n"].concat()).unwrap();
    let back = Request::Rollback { to: None };
    let planned = desk.plan(&file, &back).await;
    let told = planned.plan.notices.iter().any(|notice| notice.text.contains(path));
    assert!(told, "{:#?}", planned.plan.notices);
    desk.expect(Succeeded, &file, &back).await;
    assert_eq!(&host.read_file(path).unwrap(), text);
    let kept = inside(&host, "grep -rl 'tuned again' /var/lib/slipway/parlour");
    assert!(kept.contains("gunicorn-web.py"), "{kept}");
    desk.expect_nothing_to_do(&file).await;
}
