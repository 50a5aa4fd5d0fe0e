//! The window is closed while a run goes on.

use std::time::{Duration, Instant};

use slipway_tests::hosts::Host;
use x11rb::connection::Connection as _;
use x11rb::protocol::xproto::{ClientMessageEvent, ConnectionExt as _, EventMask, MapState};

use crate::boot;
use crate::desktop::Desktop;
use crate::driven::Driven;
use crate::support::hall::{BUILD, BUILDS};

const LOOK: Duration = Duration::from_secs(60);
impl Desktop {
    /// Asks every window that is shown to close, as the button of its frame does (ICCCM 4.2.8.1), and tells how many
    /// there were.
    fn ask_to_close(&self) -> usize {
        let (display, screen) = x11rb::connect(Some(self.display())).unwrap();
        let atom = |name: &str| display.intern_atom(false, name.as_bytes()).unwrap().reply().unwrap().atom;
        let (protocols, delete) = (atom("WM_PROTOCOLS"), atom("WM_DELETE_WINDOW"));
        let root = display.setup().roots[screen].root;
        let mut asked = 0;
        for window in display.query_tree(root).unwrap().reply().unwrap().children {
            let shown = display.get_window_attributes(window).unwrap().reply();
            let listens = display.get_property(false, window, protocols, 4_u32, 0, 16).unwrap().reply();
            let listens = listens.is_ok_and(|told| told.value32().is_some_and(|mut all| all.any(|one| one == delete)));
            if listens && shown.is_ok_and(|told| told.map_state == MapState::VIEWABLE) {
                let message = ClientMessageEvent::new(32, window, protocols, [delete, x11rb::CURRENT_TIME, 0, 0, 0]);
                display.send_event(false, window, EventMask::NO_EVENT, message).unwrap().check().unwrap();
                asked += 1;
            }
        }
        asked
    }

    async fn until_ended(&self) {
        let deadline = Instant::now() + LOOK;
        while !self.running("slipway-desktop").is_empty() {
            assert!(Instant::now() < deadline, "the program did not end");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Verdict of the newest run.
    fn verdict(&self) -> String {
        let told = self.expect(&["--json", "history"]);
        let told: serde_json::Value = serde_json::from_slice(&told.stdout).unwrap();
        told["result"]["runs"][0]["verdict"]["kind"].as_str().unwrap_or_default().to_owned()
    }
}

/// A window in front of a deployment that builds.
async fn building(host: &Host) -> Driven {
    let desktop = Desktop::with_hall(host);
    desktop.write_hall(BUILD);
    std::fs::write(desktop.folder.path().join("pages/index.html"), "two").unwrap();
    let window = Driven::on(desktop).await;
    window.see_within(LOOK, "Reachable").await;
    window.go("#/sites/hall/web1").await;
    window.press("Deploy…").await;
    window.press("See what will happen").await;
    window.see_within(LOOK, "This is what will happen").await;
    window.press("Deploy now").await;
    let deadline = Instant::now() + LOOK;
    while !host.shell(BUILDS).is_success() {
        assert!(Instant::now() < deadline, "nothing is built: {}", window.text().await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(window.desktop.ask_to_close(), 1);
    window.see("A run is going on").await;
    window
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_goes_on_behind_a_closed_window() {
    let Some(host) = boot() else { return };
    let window = building(&host).await;
    window.accessible().await;
    window.picture("closing").await;
    window.press("Keep the window open").await;
    window.unseen("A run is going on").await;
    assert_eq!(window.desktop.ask_to_close(), 1);
    window.see("A run is going on").await;
    window.press_to_leave("Continue in the background").await;
    let deadline = Instant::now() + LOOK;
    while window.desktop.ask_to_close() > 0 {
        assert!(Instant::now() < deadline, "the window is still there");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(window.desktop.running("slipway-desktop").len(), 1, "the run went with its window");
    assert!(host.shell("touch /opt/hall/build/go").is_success());
    window.desktop.until_ended().await;
    assert_eq!(window.desktop.verdict(), "succeeded");
    let page = host.shell("curl -sk --resolve hall.test:443:127.0.0.1 https://hall.test/index.html").stdout;
    assert_eq!(page, "two");
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_can_stop_a_run_at_a_safe_point() {
    let Some(host) = boot() else { return };
    let window = building(&host).await;
    window.press("Stop at a safe point").await;
    window.see("Stopping at the next safe point").await;
    // What is being built is told to end, or ends now.
    let _ = host.shell("touch /opt/hall/build/go");
    window.desktop.until_ended().await;
    assert_eq!(window.desktop.verdict(), "failed-intact");
    let page = host.shell("curl -sk --resolve hall.test:443:127.0.0.1 https://hall.test/index.html").stdout;
    assert_eq!(page, "one");
    assert_eq!(host.shell("ls /run/slipway").stdout, "mutex\n", "something was left behind");
}
