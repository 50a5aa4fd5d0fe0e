//! When systemd stopped an instance on purpose, read from the host's journal: who ended then was drained, not cut off.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use super::SocketEnd;
use crate::hosts::Host;

/// systemd began to stop a unit, and a unit has stopped (sd-messages(3), journal catalog of systemd).
const STOPPING: &str = "de5b426a63be47a7b6ac3eaac82e2f6f";
const STOPPED: &str = "9d1aaa27d60140bd96365438aad20286";
/// Until a client has seen the end of a process that was killed.
const AFTERWARDS: Duration = Duration::from_secs(2);

/// One stop of one instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drain {
    /// Its name, what stands behind the dot in the name of its unit.
    pub instance: String,
    /// The release that stopped.
    pub release: String,
    /// When the stop began.
    pub from: SystemTime,
    /// When it was done; `None` while it is not.
    pub until: Option<SystemTime>,
}

impl Drain {
    /// Whether this is what ended a WebSocket.
    pub fn ended(&self, end: &SocketEnd) -> bool {
        let until = self.until.map_or(end.at, |until| until + AFTERWARDS);
        self.instance == end.instance && self.from <= end.at && end.at <= until
    }
}

/// Every stop of an instance of `unit` (without the dot and what follows) since `since`.
pub fn drains(host: &Host, unit: &str, since: SystemTime) -> Vec<Drain> {
    let since = since.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let journal = host.exec(&[
        "sh",
        "-c",
        r#"journalctl --sync; exec journalctl -q -o json --output-fields=UNIT,MESSAGE_ID --since "@$1" _PID=1"#,
        "sh",
        &since.to_string(),
    ]);
    assert!(journal.is_success(), "{journal}");
    parse(&journal.stdout, unit)
}

fn parse(journal: &str, unit: &str) -> Vec<Drain> {
    let mut drains: Vec<Drain> = Vec::new();
    for line in journal.lines() {
        let Ok(entry) = serde_json::from_str::<Value>(line) else { continue };
        let name = entry["UNIT"].as_str().and_then(|name| name.strip_prefix(unit)?.strip_prefix('.'));
        let name = name.and_then(|name| name.strip_suffix(".service")?.split_once('@'));
        let Some((instance, release)) = name else { continue };
        let micros = entry["__REALTIME_TIMESTAMP"].as_str().and_then(|micros| micros.parse().ok()).unwrap_or(0);
        let at = UNIX_EPOCH + Duration::from_micros(micros);
        match entry["MESSAGE_ID"].as_str() {
            Some(STOPPING) => {
                drains.push(Drain { instance: instance.to_owned(), release: release.to_owned(), from: at, until: None })
            }
            Some(STOPPED) => {
                let same = |drain: &&mut Drain| drain.instance == instance && drain.release == release;
                let open = drains.iter_mut().rev().find(|drain| same(drain) && drain.until.is_none());
                if let Some(drain) = open {
                    drain.until = Some(at);
                }
            }
            _ => {}
        }
    }
    drains
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_counts_as_drained_only_while_its_own_instance_stops() {
        let line = |id: &str, unit: &str, seconds: u64| {
            format!(r#"{{"MESSAGE_ID":"{id}","UNIT":"{unit}","__REALTIME_TIMESTAMP":"{seconds}000000"}}"#)
        };
        let journal = [
            line(STOPPING, "shop-web.5000@a.service", 10),
            line(STOPPING, "other.service", 11),
            line(STOPPED, "shop-web.5000@a.service", 14),
            line(STOPPING, "shop-web.5001@a.service", 30),
        ];
        let drains = parse(&journal.join("\n"), "shop-web");
        assert_eq!(drains.len(), 2);
        let drained = |instance: &str, seconds: u64| {
            let at = UNIX_EPOCH + Duration::from_secs(seconds);
            let end = SocketEnd { at, instance: instance.to_owned(), how: "cut off" };
            drains.iter().any(|drain| drain.ended(&end))
        };
        assert!(drained("5000", 10) && drained("5000", 15) && drained("5001", 31));
        assert!(!drained("5000", 9) && !drained("5000", 20) && !drained("5001", 12));
    }
}
