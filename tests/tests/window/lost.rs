//! Hosts that go away and come back, while the window looks at them.

use std::time::Duration;

use crate::boot;
use crate::desktop::Desktop;
use crate::driven::Driven;

/// How long a lost host may take to be seen as one, and to be seen again.
const AWAY: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_goes_away_comes_back_by_itself() {
    let Some(host) = boot() else { return };
    let window = Driven::on(Desktop::with_hall(&host)).await;
    window.see_within(AWAY, "Reachable").await;
    window.go("#/sites/hall/web1").await;
    window.see_within(AWAY, "Known good").await;
    window.see("Asked through nginx on the host").await;

    host.cut_link().unwrap();
    window.see_within(AWAY, "It comes back by itself").await;
    window.see("Last seen").await;
    window.picture("lost-site").await;
    // The rest of the window is as quick as ever.
    window.go("#/hosts").await;
    window.see_within(AWAY, "Not reachable").await;
    window.see("Last seen").await;
    window.accessible().await;
    window.picture("lost-host").await;
    window.go("#/settings").await;
    window.see("Settings").await;

    host.restore_link().unwrap();
    window.go("#/hosts").await;
    window.see_within(AWAY, "Reachable").await;
    window.go("#/sites/hall/web1").await;
    window.see_within(AWAY, "Known good").await;
    window.unseen_within(AWAY, "It comes back by itself").await;
    window.quit().await;
}
