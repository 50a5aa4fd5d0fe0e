//! Text of others is text: nothing in it is markup, a command to a terminal, or too long.

use std::time::Duration;

use serde_json::json;

use crate::boot;
use crate::desktop::Desktop;
use crate::driven::Driven;

const LOOK: Duration = Duration::from_secs(60);

/// Writes to the journal as a process of the site does, in the journal's own protocol: a message is a datagram, or a
/// sealed file when it is too long for one. It lives until the journal has seen whose messages these are.
const WRITER: &str = r"
import array, fcntl, os, socket, subprocess
journal = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
journal.connect('/run/systemd/journal/socket')
def say(text):
    data = ('MESSAGE=' + text + chr(10) + 'PRIORITY=6' + chr(10)).encode()
    if len(data) < 65536:
        journal.send(data)
        return
    file = os.memfd_create('message', os.MFD_ALLOW_SEALING)
    os.write(file, data)
    fcntl.fcntl(file, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL)
    journal.sendmsg([b''], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [file]))])
say('<img src=x onerror=window.ran=1><script>window.ran=1</script> markup')
say(chr(27) + '[31mred' + chr(27) + ']0;title' + chr(7) + ' terminal')
say(chr(0x202e) + 'gnp.exe bidi')
say('{{constructor.constructor(1)()}} template')
say('long ' + 'x' * 1000000)
say('the last line')
subprocess.run(['journalctl', '--sync'], check=True)
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
