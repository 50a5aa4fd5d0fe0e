//! Looks at every process again and again, as everybody on a machine can, for words that must not be seen there.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// From the beginning of one look to that of the next.
const INTERVAL: Duration = Duration::from_millis(5);

/// Where a word was seen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sighting {
    /// The process.
    pub pid: u32,
    /// Its effective user, also if it ended meanwhile.
    pub user: u32,
    /// `cmdline` or `environ`.
    pub place: &'static str,
    /// Its command line, as far as it helps to know it again.
    pub command: String,
}

/// What was seen while it watched.
#[derive(Debug, Default)]
pub struct Seen {
    /// How often all processes were looked at.
    pub looks: u64,
    /// How many processes there were.
    pub processes: BTreeSet<u32>,
    /// Sightings, with the text around the word.
    pub sightings: BTreeMap<Sighting, String>,
}

/// Watches until it is asked what it saw. Processes that were there before it are nobody's business.
pub struct Watcher {
    stop: Arc<AtomicBool>,
    seen: Arc<Mutex<Seen>>,
    thread: JoinHandle<()>,
}

impl Watcher {
    /// Begins to look for `words`.
    pub fn start(words: Vec<String>) -> Self {
        let (stop, seen) = (Arc::<AtomicBool>::default(), Arc::<Mutex<Seen>>::default());
        let before = processes();
        let thread = {
            let (stop, seen) = (stop.clone(), seen.clone());
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let next = Instant::now() + INTERVAL;
                    look(&words, &before, &mut seen.lock().unwrap());
                    std::thread::sleep(next.saturating_duration_since(Instant::now()));
                }
            })
        };
        Self { stop, seen, thread }
    }

    /// Stops, and tells what was seen.
    pub fn finish(self) -> Seen {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap();
        std::mem::take(&mut self.seen.lock().unwrap())
    }
}

fn processes() -> BTreeSet<u32> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

fn look(words: &[String], before: &BTreeSet<u32>, seen: &mut Seen) {
    seen.looks += 1;
    for pid in processes().into_iter().filter(|pid| !before.contains(pid)) {
        seen.processes.insert(pid);
        let before = user(pid);
        let command = read(pid, "cmdline");
        for (place, text) in [("cmdline", command.clone()), ("environ", read(pid, "environ"))] {
            for word in words.iter().filter(|word| text.contains(*word)) {
                // Afterwards, as systemd's children have become somebody else by then; unless it is gone.
                let Some(user) = user(pid).or(before) else { continue };
                let known = command.chars().take(120).collect();
                let sighting = Sighting { pid, user, place, command: known };
                let at = text.find(word).unwrap_or_default();
                let around = text[at..].chars().take(60).collect();
                seen.sightings.entry(sighting).or_insert(around);
            }
        }
    }
}

/// Who a process is. Its folder tells; the files in it are root's from when it has no memory left until it is reaped.
fn user(pid: u32) -> Option<u32> {
    Some(std::fs::metadata(format!("/proc/{pid}")).ok()?.uid())
}

fn read(pid: u32, name: &str) -> String {
    let bytes = std::fs::read(format!("/proc/{pid}/{name}")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).replace('\0', " ")
}

#[test]
fn a_process_that_has_ended_is_still_its_users() {
    use std::os::unix::process::CommandExt as _;

    const NOBODY: u32 = 65534;
    let mut child = std::process::Command::new("true").uid(NOBODY).gid(NOBODY).spawn().unwrap();
    let state = || {
        let stat = read(child.id(), "stat");
        stat.rsplit(')').next().unwrap().trim_start().chars().next()
    };
    while state() != Some('Z') {
        std::thread::yield_now();
    }
    let user = user(child.id());
    child.wait().unwrap();
    assert_eq!(user, Some(NOBODY));
}
