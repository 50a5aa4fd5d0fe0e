//! Keys that changed and passwords that are wrong: said in place, with the way on, or with none.

use std::process::Command;
use std::time::Duration;

use crate::boot;
use crate::desktop::Desktop;
use crate::driven::Driven;

const LOOK: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_host_key_is_a_full_stop() {
    let Some(host) = boot() else { return };
    let desktop = Desktop::new();
    desktop.key(&host);
    // What was recorded is the key of somebody else.
    let other = desktop.folder.path().join("other");
    let keygen = |arguments: &[&str]| {
        let output = Command::new("ssh-keygen").args(arguments).arg("-f").arg(&other).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    keygen(&["-q", "-t", "ed25519", "-N", ""]);
    let recorded = keygen(&["-l"]).split(' ').nth(1).unwrap().to_owned();
    let key = std::fs::read_to_string(other.with_extension("pub")).unwrap();
    std::fs::write(desktop.home().join(".ssh/known_hosts"), format!("{} {key}", host.address())).unwrap();

    let window = Driven::on(desktop).await;
    window.press("Add your first server").await;
    window.fill("Address", &format!("deploy@{}", host.address())).await;
    window.fill("Name here", "web1").await;
    window.press("Test and add").await;
    window.see_within(LOOK, "Stop: this host shows another key").await;
    let text: String = window.text().await.split_whitespace().collect();
    for fingerprint in [host.fingerprint(), &recorded] {
        assert!(text.contains(fingerprint), "{fingerprint} is not shown");
    }
    for way_on in ["go on", "Go on", "all the same", "Accept", "Trust", "Replace"] {
        assert!(!window.has_button(way_on).await, "there is a way on: {way_on}");
    }
    window.picture("host-key-changed").await;
    window.press("Test again").await;
    window.see_within(LOOK, "Stop: this host shows another key").await;
    let desktop = window.quit().await;
    let accepted = host.shell("journalctl -q -o cat -t sshd -t sshd-session | grep -c Accepted").stdout;
    assert_eq!(accepted.trim(), "0", "somebody logged in");
    drop(desktop);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_sudo_password_is_mended_in_place() {
    let Some(host) = boot() else { return };
    let desktop = Desktop::new();
    desktop.key(&host);
    std::fs::write(desktop.home().join(".ssh/known_hosts"), host.known_hosts_line() + "\n").unwrap();
    let window = Driven::on(desktop).await;
    window.press("Add your first server").await;
    window.fill("Address", &format!("operator@{}", host.address())).await;
    window.fill("Name here", "web1").await;
    window.press("Test and add").await;
    window.see_within(LOOK, "The password for sudo").await;
    window.fill("sudo password", "not this one").await;
    window.press("Go on").await;
    window.see_within(LOOK, "sudo refused this password").await;
    window.picture("sudo-password").await;
    window.fill("sudo password", "correct horse").await;
    window.press("Go on").await;
    window.see_within(LOOK, "web1 is added and ready").await;
    window.quit().await;
}
