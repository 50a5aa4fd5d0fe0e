//! Text of others is text: nothing in it is markup, a command to a terminal, or too long.

use std::time::Duration;

use serde_json::json;

use crate::boot;
use crate::desktop::Desktop;
use crate::driven::Driven;

const LOOK: Duration = Duration::from_secs(60);

/// Writes to the journal as a process of the site does.
const WRITER: &str = r"
import subprocess, sys
def say(text):
    subprocess.run(['logger', '--journald'], input='MESSAGE=' + text + chr(10) + 'PRIORITY=6' + chr(10), text=True, check=True)
say('<img src=x onerror=window.ran=1><script>window.ran=1</script> markup')
say(chr(27) + '[31mred' + chr(27) + ']0;title' + chr(7) + ' terminal')
say(chr(0x202e) + 'gnp.exe bidi')
say('{{constructor.constructor(1)()}} template')
say('long ' + 'x' * 1000000)
say('the last line')
";

#[tokio::test(flavor = "multi_thread")]
async fn log_lines_are_shown_as_text() {
    let Some(host) = boot() else { return };
    let desktop = Desktop::with_hall(&host);
    host.write_file("/root/write.py", WRITER).unwrap();
    let ran = host.shell("systemd-run --quiet --wait --unit=hall-web@1 python3 /root/write.py");
    assert!(ran.is_success(), "{ran}");
    let window = Driven::on(desktop).await;
    window.see_within(LOOK, "Reachable").await;
    window.go("#/logs?site=hall&host=web1").await;
    window.see_within(LOOK, "the last line").await;
    window.see("<img src=x onerror=window.ran=1><script>window.ran=1</script> markup").await;
    window.see("\\u{1b}[31mred\\u{1b}]0;title\\u{7} terminal").await;
    window.see("\\u{202e}gnp.exe bidi").await;
    window.see("{{constructor.constructor(1)()}} template").await;
    window.see("long xxxx").await;
    window.accessible().await;
    window.picture("logs-hostile").await;
    let found = window
        .script("return [window.ran === undefined, document.querySelectorAll('main img, main script').length]", vec![]);
    assert_eq!(found.await, json!([true, 0]));
    // All of a line of a million characters can be had.
    window.click_at("//*[contains(@class, 'line')][contains(., 'long xxxx')]").await;
    window.press("Show all (1.0 MB)").await;
    let script = "return document.querySelector('section[aria-label=\"The selected line\"] pre').textContent.length";
    assert_eq!(window.script(script, vec![]).await, json!(1_000_005));
    window.quit().await;
}
