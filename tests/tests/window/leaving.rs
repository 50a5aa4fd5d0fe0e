//! A site is taken off its host in the window, with its data.

use std::time::Duration;

use slipway_tests::hosts::Host;

use crate::boot;
use crate::desktop::Desktop;
use crate::driven::Driven;
use crate::support::outside::ask;

/// How long a look at a host may take.
const LOOK: Duration = Duration::from_secs(60);
/// How long a run may take.
const RUN: Duration = Duration::from_secs(180);

/// What people get.
fn seen(host: &Host) -> (u16, String) {
    let answer = ask(host.address(), "https://hall.test/index.html");
    (answer.status, answer.body)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_is_removed_with_its_data() {
    let Some(host) = boot() else { return };
    let window = Driven::on(Desktop::with_hall(&host)).await;
    assert_eq!(seen(&host), (200, "one".to_owned()));
    window.see_within(LOOK, "Reachable").await;
    window.go("#/sites/hall/web1/configuration").await;
    window.press("Remove…").await;
    window.see("Remove hall from web1?").await;
    window.choose("Remove its data, too").await;
    // The wrong word does not open the way.
    window.fill("Type hall to go on", "hal").await;
    let ready = "const all = [...document.querySelectorAll('button')]; return !all.find((one) => one.innerText.includes('See the plan')).disabled";
    assert_eq!(window.script(ready, vec![]).await, serde_json::json!(false));
    window.fill("Type hall to go on", "hall").await;
    window.picture("removing").await;
    window.press("See the plan").await;
    window.see_within(LOOK, "the site goes").await;
    window.accessible().await;
    window.picture("removal-plan").await;
    // Nothing has happened so far.
    assert_eq!(seen(&host), (200, "one".to_owned()));
    window.press("Apply this plan").await;
    window.see_within(RUN, "hall is gone from web1").await;
    window.accessible().await;
    window.picture("removed").await;
    let left = "find /etc /opt /var/lib /var/log -xdev -name '*hall*' ! -path '/var/log/journal/*' ! -path '/var/lib/slipway/hall*'; \
                getent passwd hall; systemctl list-units --all --plain --no-legend '*hall*' | grep -v '^system-'";
    assert_eq!(host.shell(left).stdout, "");
    window.go("#/history").await;
    window.see("Remove hall").await;
    window.quit().await;
}
