//! What is on the host, seen by somebody who knows nothing of Slipway's records: pages, links, processes.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use slipway_tests::hosts::Host;

use crate::support::outside::{Answer, ask};

const URL: &str = "https://shop.test/";

/// One look at the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    /// What the site said, through nginx, when it was asked several times.
    pub pages: BTreeSet<String>,
    /// The version in the folder that `current` leads to.
    pub current: String,
    /// The versions in the folders that the main processes run in.
    pub processes: BTreeSet<String>,
    /// Whether nginx accepts its own configuration, or is gone.
    pub nginx: bool,
}

impl Seen {
    pub(crate) fn look(host: &Host) -> Self {
        let pages = (0..8).map(|_| said(&ask(host.address(), URL))).collect();
        let current = host.shell("cat /opt/shop/current/code/version 2>/dev/null || echo none").stdout;
        let processes = host.shell(
            "for slot in shop-web.6000 shop-web.6001; do \
             units=$(systemctl list-units --plain --no-legend --state=active,activating \"$slot@*\" | cut -d' ' -f1); \
             [ -n \"$units\" ] || { echo none; continue; }; \
             for unit in $units; do pid=$(systemctl show -P MainPID $unit); \
             [ \"$pid\" = 0 ] && { echo none; continue; }; cat /proc/$pid/cwd/version; echo; done; done",
        );
        Self {
            pages,
            current: current.trim().to_owned(),
            processes: processes.stdout.split_whitespace().map(str::to_owned).collect(),
            nginx: host.shell("! command -v nginx >/dev/null || nginx -t -q").is_success(),
        }
    }

    /// Looks until everything says the same, for a while: a host that has just been switched on is still starting.
    pub(crate) fn settled(host: &Host) -> Self {
        let mut seen = Self::look(host);
        for _ in 0..20 {
            if seen.version().is_some() {
                break;
            }
            std::thread::sleep(Duration::from_millis(500));
            seen = Self::look(host);
        }
        seen
    }

    /// The one version that everything agrees on; `none` for a site that does not serve.
    pub(crate) fn version(&self) -> Option<&str> {
        let all: BTreeSet<&str> = self.processes.iter().map(String::as_str).chain([self.current.as_str()]).collect();
        let one = all.into_iter().next().filter(|_| self.processes.iter().all(|it| *it == self.current))?;
        let pages = if one == "none" {
            self.pages.iter().all(|page| !page.starts_with("200 "))
        } else {
            self.pages.iter().all(|page| *page == format!("200 {one}"))
        };
        (pages && self.nginx).then_some(one)
    }
}

impl Seen {
    /// What people see: the version, or `none` for a site that is not there, whatever of it is left on the host.
    pub(crate) fn for_people(&self) -> Option<&str> {
        let gone = self.nginx && self.pages.iter().all(|page| !page.starts_with("200 ") && !page.starts_with("50"));
        if gone { Some("none") } else { self.version() }
    }
}

fn said(answer: &Answer) -> String {
    if answer.status == 200 { format!("200 {}", answer.body.trim()) } else { answer.status.to_string() }
}

/// Somebody who asks for the page again and again, while told to.
pub(crate) struct Visitor {
    stop: Arc<AtomicBool>,
    away: Arc<AtomicBool>,
    thread: JoinHandle<Vec<String>>,
}

impl Visitor {
    pub(crate) fn start(host: &Host) -> Self {
        let (stop, away) = (Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
        let (flag, pause, address) = (stop.clone(), away.clone(), host.address());
        let thread = std::thread::spawn(move || {
            let mut answers = Vec::new();
            while !flag.load(Ordering::SeqCst) {
                if !pause.load(Ordering::SeqCst) {
                    let answer = said(&ask(address, URL));
                    // What was asked while the power went is nobody's.
                    if !pause.load(Ordering::SeqCst) {
                        answers.push(answer);
                    }
                }
                std::thread::sleep(Duration::from_millis(50));
            }
            answers
        });
        Self { stop, away, thread }
    }

    /// Stops asking while a host has no power.
    pub(crate) fn away(&self, away: bool) {
        self.away.store(away, Ordering::SeqCst);
    }

    /// Every answer.
    pub(crate) fn end(self) -> Vec<String> {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.join().unwrap()
    }
}
