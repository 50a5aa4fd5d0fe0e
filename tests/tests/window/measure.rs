//! Figures of the window that people get: `tests/measure-window` prints them. No test passes or fails by them.

use std::collections::BTreeMap;
use std::time::Duration;

use fantoccini::Locator;

use crate::boot;
use crate::desktop::Desktop;
use crate::driven::Driven;

const LOOK: Duration = Duration::from_secs(60);
/// How often each figure is taken.
const TIMES: usize = 10;
/// What a build prints: 5,000 lines of 80 characters a second, for as long as the keyboard is measured.
const FLOOD: &str = r#"
[[build]]
run = ["python3", "-c", """
import sys, time
begin = time.monotonic()
for turn in range(1200):
    for line in range(250):
        print('%06d' % (turn * 250 + line), 'x' * 73)
    sys.stdout.flush()
    time.sleep(max(0, begin + (turn + 1) * 0.05 - time.monotonic()))
"""]
"#;

impl Desktop {
    /// Memory of every process of the program, MB by name; shared memory is divided among those that share it
    /// (proportional set size, proc_pid_smaps(5)).
    fn memory(&self) -> BTreeMap<String, f64> {
        let mut all = BTreeMap::new();
        for pid in self.processes() {
            let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim().to_owned();
            // The names of processes are cut after 15 characters.
            if !name.starts_with("slipway-desktop")
                && !name.starts_with("WebKitWebProces")
                && !name.starts_with("WebKitNetworkPr")
            {
                continue;
            }
            let sizes = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
            let pss = sizes
                .lines()
                .find_map(|line| line.strip_prefix("Pss:")?.trim().strip_suffix(" kB")?.trim().parse().ok());
            *all.entry(name).or_insert(0.0) += pss.unwrap_or(0.0) / 1024.0;
        }
        all
    }

    /// When the program began, milliseconds since 1970.
    fn began_ms(&self) -> f64 {
        let pid = *self.running("slipway-desktop").first().unwrap();
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        // Field 22, in ticks of 10 ms since the machine began (proc_pid_stat(5)); the second field may hold blanks.
        let ticks: f64 = stat.rsplit(')').next().unwrap().split_whitespace().nth(19).unwrap().parse().unwrap();
        let up = std::fs::read_to_string("/proc/uptime").unwrap();
        let up: f64 = up.split(' ').next().unwrap().parse().unwrap();
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
        (now - up + ticks / 100.0) * 1000.0
    }
}

fn middle(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn told(memory: &BTreeMap<String, f64>) -> String {
    let parts: Vec<String> = memory.iter().map(|(name, size)| format!("{name} {size:.0}")).collect();
    format!("{:.0} MB ({})", memory.values().sum::<f64>(), parts.join(", "))
}

/// Types into a field, key after key, and tells how long each took to the end of the frame after it. It holds what the
/// driver itself needs for a key.
async fn keys(window: &Driven, field: &str) -> String {
    let listen = "window.late = []; document.addEventListener('keydown', (event) => requestAnimationFrame(() => {\
                  const channel = new MessageChannel();\
                  channel.port1.onmessage = () => window.late.push(performance.now() - event.timeStamp);\
                  channel.port2.postMessage(0) }), true)";
    window.script(listen, vec![]).await;
    let field = window.client.find(Locator::Css(field)).await.unwrap();
    for letter in "0123456789".repeat(TIMES).chars() {
        field.send_keys(&letter.to_string()).await.unwrap();
    }
    window.until(&format!("return window.late.length >= {}", 10 * TIMES)).await;
    let mut late: Vec<f64> = serde_json::from_value(window.script("return window.late", vec![]).await).unwrap();
    let half = middle(&mut late);
    let most = late[late.len() * 95 / 100];
    format!(
        "{half:.0} ms (middle of {}; 95 of 100 within {most:.0} ms; slowest {:.0} ms)",
        late.len(),
        late.last().unwrap()
    )
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "it takes figures, which only mean something on a machine that does nothing else: tests/measure-window"]
async fn figures() {
    let Some(host) = boot() else { return };
    let mut desktop = Desktop::with_hall(&host);
    let mut starts = Vec::new();
    for _ in 0..TIMES {
        let window = Driven::on(desktop).await;
        window.see_within(LOOK, "Reachable").await;
        let usable = "return performance.timeOrigin + performance.getEntriesByName('usable')[0].startTime";
        let usable = window.script(usable, vec![]).await.as_f64().unwrap();
        starts.push(usable - window.desktop.began_ms());
        desktop = window.quit().await;
    }
    let slowest = starts.iter().copied().fold(0.0, f64::max);
    println!("figure: start to usable: {:.0} ms (middle of {TIMES}; slowest {slowest:.0} ms)", middle(&mut starts));

    desktop.write_hall(FLOOD);
    let window = Driven::on(desktop).await;
    window.see_within(LOOK, "Reachable").await;
    // What was needed for the start is given back by then.
    tokio::time::sleep(Duration::from_secs(10)).await;
    println!("figure: memory, one host, idle: {}", told(&window.desktop.memory()));

    window.press("Find or do anything").await;
    println!("figure: key to the frame after it, at rest: {}", keys(&window, "input[role=combobox]").await);
    window.script("location.reload()", vec![]).await;
    window.see_within(LOOK, "Reachable").await;

    window.go("#/sites/hall/web1").await;
    window.press("Deploy…").await;
    window.press("See what will happen").await;
    window.see_within(LOOK, "This is what will happen").await;
    window.press("Deploy now").await;
    window.see_within(LOOK, "Following").await;
    window
        .until("return parseInt(document.querySelector('.log .number').textContent.replaceAll(',', '')) > 1000")
        .await;
    let busy = keys(&window, ".log input[type=search]").await;
    window.see("Under way").await;
    println!("figure: key to the frame after it, at 5,000 lines a second: {busy}");
    println!("figure: memory, with that run: {}", told(&window.desktop.memory()));
    let lines = "return document.querySelector('.log .number').textContent";
    println!("figure: lines by then: {}", window.script(lines, vec![]).await.as_str().unwrap_or_default());
    window.quit().await;
}
