//! Every step of a run, broken in every way, on a scripted host: what does the program say and write down, wherever and
//! however its conversation with the host breaks?
//!
//! What really is on a host then is proven on real ones ([`crate::interrupted`]). Here a run is recorded once, and
//! played many times:
//!
//! 1. **Record.** An SSH server of the test's passes the commands of the real `slipway`, one at a time, to a loop inside a real
//!    host, and keeps what that answers. Between two commands work stands still (an activation is stopped with SIGSTOP), and
//!    another `slipway` plans what the run after it would, so that every state on the way can answer for itself.
//! 2. **Play.** For each case a fresh `slipway` meets a server that answers from the record, and breaks at one command: before
//!    it, after it with the line that says so cut in its middle, or after that with half of the reply.
//! 3. **Judge.** The state that the scripted host is in is held against exit status, verdict, sentences, and the log on
//!    the host. Then the fault is over: the next plan must tell of an interruption if there was one, and the same command again
//!    must end well, with everything done that the record has.
//!
//! A command that the record does not have fails the case. What the host says is that of the record with the names of this
//! run; three things are not in it: the lock follows the rules of lock.sh, a run's folder is gone after a power cut, and an
//! archive that came half is not kept.
//!
//! By default a sample of points and faults; SLIPWAY_FAULTS=every takes every point with every fault; SLIPWAY_FAULTS=all
//! does, too, and freezes for 60 s each time instead of until `slipway` gives the connection up.
//! SLIPWAY_FAULTS_OF=apply,deploy,rollback,uninstall chooses among the kinds of runs.

mod host;
mod judge;
mod names;
mod record;
mod server;
mod state;
mod wire;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use slipway_engine::desk::Desk;
use slipway_engine::inventory::{Host as KnownHost, SudoMode};
use slipway_engine::surroundings::Surroundings;
use slipway_tests::hosts::Host;

use crate::program::{Ended, PATIENCE, Slipway};
use crate::{boot, inside, shop};
use host::{FAULTS, Fault, Point, SIDES, Scripted, possible};
use names::Role;
use record::{Heard, Look, Moment, Record};
use server::{Far, Server};

/// What is typed, and what it does.
#[derive(Debug, Clone)]
struct Kind {
    name: &'static str,
    arguments: Vec<String>,
    /// How the same is only planned.
    planning: Vec<String>,
    /// Whether a second run does everything anew, whatever the first did.
    anew: bool,
}

impl Kind {
    fn new(name: &'static str, arguments: &str, planning: &str) -> Self {
        Self {
            name,
            arguments: words(arguments),
            planning: words(planning),
            anew: matches!(name, "deploy" | "rollback"),
        }
    }
}

/// A home of `slipway` that knows one host, `far`.
fn home(home: &Path, address: SocketAddr, host_key: &str, key: &Path) {
    std::fs::create_dir_all(home).unwrap();
    let variables = [("SLIPWAY_HOME".into(), home.into())].into_iter().collect();
    let surroundings = Surroundings { variables, operator: "tester@desk".to_owned() };
    let secrets = crate::support::secrets(&[]);
    let desk = Desk::open(surroundings, secrets, Arc::new(slipway_engine::clock::System)).unwrap();
    std::fs::write(desk.home.known_hosts(), format!("{host_key}\n")).unwrap();
    let mut known = KnownHost::new("far".parse().unwrap(), address.ip().to_string(), jiff::Timestamp::UNIX_EPOCH);
    known.user = Some("root".to_owned());
    known.port = address.port();
    known.identity_file = Some(key.display().to_string());
    known.sudo = SudoMode::Auto;
    desk.inventory.add_host(&known).unwrap();
}

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

fn run(folder: &Path, home: &Path, arguments: &[String]) -> Slipway {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    Slipway::start(folder, home, &arguments)
}

/// A real host on which runs are recorded.
struct Studio {
    host: Arc<Host>,
    folder: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
}

impl Studio {
    fn new() -> Option<Self> {
        let host = Arc::new(boot()?);
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("slipway.toml"), shop::site("")).unwrap();
        shop::assemble(folder.path(), "v1");
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
        Some(Self { host, folder, runtime })
    }

    /// Runs something on the real host, unrecorded.
    fn must(&self, arguments: &str) {
        let own = tempfile::tempdir().unwrap();
        let address = SocketAddr::from((self.host.address(), self.host.ssh_port()));
        home(own.path(), address, &self.host.known_hosts_line(), &self.key());
        let ended = run(self.folder.path(), own.path(), &words(arguments)).end();
        assert_eq!(ended.status, Some(0), "{arguments}: {ended:#?}");
    }

    fn key(&self) -> PathBuf {
        self.host.client_key()
    }

    /// Records what is typed.
    fn record(&self, kind: &Kind, wants: impl Fn(Moment) -> bool + Send + Sync + 'static) -> Record {
        let record = Arc::new(Mutex::new(Record::default()));
        let old = self.host.shell("ls /opt/shop/releases").stdout;
        let old = old.lines().map(|name| name.trim_end_matches(".building").to_owned()).collect();
        {
            let mut record = record.lock().unwrap();
            record.names.old = old;
            record.current = self.host.shell("readlink /opt/shop/current").stdout.trim().to_owned();
        }
        let looking: Far = record::looking(self.host.clone(), record.clone());
        let looking = self.runtime.block_on(Server::start(looking));
        let homes = tempfile::tempdir().unwrap();
        let looker = homes.path().join("looker");
        home(&looker, looking.address, &looking.known, &self.key());
        let (folder, planning) = (self.folder.path().to_owned(), kind.planning.clone());
        let look: Look = Arc::new(move |moment| {
            let wanted = moment == (0, None) || wants(moment);
            if wanted {
                let planned = run(&folder, &looker, &planning).end();
                // An earlier release that is live again already cannot be gone back to.
                assert!(matches!(planned.status, Some(0 | 3 | 12)), "{moment:?} {planned:#?}");
                run(&folder, &looker, &words("status")).end();
            }
            wanted
        });
        // What asks, without changing anything, is what a plan asks.
        look((0, None));
        let server =
            self.runtime.block_on(Server::start(record::recording(self.host.clone(), record.clone(), look.clone())));
        let runner = homes.path().join("runner");
        home(&runner, server.address, &server.known, &self.key());
        let ended = run(self.folder.path(), &runner, &kind.arguments).end();
        assert_eq!(ended.status, Some(0), "{ended:#?}");
        drop(server);
        drop(looking);
        std::mem::take(&mut *record.lock().unwrap())
    }
}

/// One fault at one point of a recorded run.
#[derive(Debug, Clone)]
struct Case {
    point: Point,
    fault: Fault,
    heard: Heard,
}

/// What came of it.
struct Row {
    case: Case,
    said: String,
    state: &'static str,
    next: String,
    wrong: Vec<String>,
}

/// Everything that can happen to a recorded run.
fn cases(record: &Record) -> Vec<Case> {
    let mut cases = Vec::new();
    for (exchange, commands) in record.exchanges.iter().enumerate() {
        let asking = commands.iter().all(|heard| heard.role == Role::Question);
        for (command, heard) in commands.iter().enumerate() {
            // Of questions that travel together, one stands for all.
            if asking && command != commands.len() / 2 {
                continue;
            }
            for side in SIDES {
                for fault in FAULTS.into_iter().filter(|fault| possible(*fault, heard, side)) {
                    let point = Point { exchange, command, side };
                    cases.push(Case { point, fault, heard: heard.clone() });
                }
            }
        }
    }
    cases
}

/// Runs a case.
fn play_one(studio: &Studio, play: &Play, case: &Case, frozen: Option<Duration>) -> Row {
    let Play { kind, record, .. } = play;
    let (struck, strikes) = channel();
    let host = Scripted::new(record.clone(), Some((case.point, case.fault)), frozen, struck);
    let server = studio.runtime.block_on(Server::start(host.far()));
    let homes = tempfile::tempdir().unwrap();
    home(homes.path(), server.address, &server.known, &studio.key());
    let mut slipway = run(studio.folder.path(), homes.path(), &kind.arguments);
    let reached = wait(&strikes, &mut slipway);
    if case.fault == Fault::Killed && reached {
        slipway.kill();
    }
    let ended = slipway.end();
    studio.runtime.block_on(server.on());
    let mut wrong = Vec::new();
    let (state, half, looked) = {
        let mut state = host.state.lock().unwrap();
        state.settle();
        if reached {
            wrong.extend(judge::first(kind, case.fault, &case.heard.role, &state, &ended));
        } else {
            wrong.push("the point was not reached".to_owned());
        }
        let name = match (state.complete(), state.switched(), state.touched) {
            (true, ..) => "new",
            (_, true, _) => "new, not complete",
            (_, _, true) => "old, begun",
            _ => "old",
        };
        let looked = state.moment().is_some_and(|moment| record.looks.contains(&moment));
        // Of a release that is live, something in the middle of cleaning up can be missing.
        if state.moment().is_none() && !(kind.name == "deploy" && state.switched()) {
            wrong.push("the record has no such state".to_owned());
        }
        (name, state.half(), looked)
    };
    let said = ended.verdict();
    let mut story = tell(&ended);
    let mut next = "-".to_owned();
    if looked && wrong.is_empty() {
        let switched = host.state.lock().unwrap().switched();
        let held = host.state.lock().unwrap().holder().is_some_and(|holder| holder != state::THIEF);
        host.state.lock().unwrap().next(false);
        let planned = run(studio.folder.path(), homes.path(), &kind.planning).end();
        wrong.extend(judge::planned(kind, &host.state.lock().unwrap(), &planned));
        let told = if half == Some(true) { "told of the interruption; " } else { "" };
        next = format!("{told}planned");
        story.push_str(&format!("\n{}", tell(&planned)));
        // What a run that goes on asks and does depends on how far the first one came, which no record of a whole run
        // has; real hosts prove that (`interrupted`).
        if kind.anew {
            host.state.lock().unwrap().next(true);
            let again = run(studio.folder.path(), homes.path(), &kind.arguments).end();
            wrong.extend(judge::again(kind, &host.state.lock().unwrap(), switched, &again));
            let over =
                again.lines.iter().any(|line| line["text"].as_str().is_some_and(|text| text.contains("its lock back")));
            if held && again.status == Some(0) && !again.all_words().contains("nothing was changed") && !over {
                wrong.push("it does not say that it took a lock over".to_owned());
            }
            let over = if over { "lock taken over; " } else { "" };
            let verdict = if again.status == Some(12) { "is so already".to_owned() } else { again.verdict() };
            next = format!("{over}{told}{verdict}");
            story.push_str(&format!("\n{}", tell(&again)));
        }
    }
    wrong.extend(host.state.lock().unwrap().unexpected.iter().cloned());
    if !wrong.is_empty() {
        println!("!!! {} {:?} {:?} {} \n{wrong:#?}\n{story}", kind.name, case.point, case.fault, case.heard.shown);
    }
    Row { case: case.clone(), said, state, next, wrong }
}

/// A run in a few lines.
fn tell(ended: &Ended) -> String {
    let steps = ended.lines.iter().filter(|line| !matches!(line["event"].as_str(), None | Some("planned" | "started")));
    let steps: Vec<String> = steps.map(ToString::to_string).collect();
    let tail = steps.len().saturating_sub(4);
    format!("{}: {}\n    {}\n{}", ended.verdict(), ended.all_words(), steps[tail..].join("\n    "), ended.errors)
}

/// Waits until the fault has begun, or the run is over.
fn wait(strikes: &Receiver<()>, slipway: &mut Slipway) -> bool {
    let deadline = std::time::Instant::now() + PATIENCE;
    loop {
        match strikes.recv_timeout(Duration::from_millis(50)) {
            Ok(()) => return true,
            Err(RecvTimeoutError::Disconnected) => return false,
            Err(RecvTimeoutError::Timeout) if slipway.is_over() => return strikes.try_recv().is_ok(),
            Err(RecvTimeoutError::Timeout) => assert!(std::time::Instant::now() < deadline, "it does not end"),
        }
    }
}

/// A recorded run, and what is to happen to it.
struct Play {
    kind: Kind,
    record: Arc<Record>,
    cases: Vec<Case>,
}

/// Runs the cases of all plays beside each other, and returns the rows of each.
fn play_all(studio: &Studio, plays: &[Play], frozen: Option<Duration>) -> Vec<Vec<Row>> {
    // Those that wait for a lost host do nothing else.
    let waits = |case: &Case| matches!(case.fault, Fault::Frozen | Fault::PowerOff);
    let all = plays.iter().enumerate().flat_map(|(at, play)| play.cases.iter().map(move |case| (at, play, case)));
    let (patient, busy): (Vec<_>, Vec<_>) = all.partition(|(_, _, case)| waits(case));
    let rows = Mutex::new(plays.iter().map(|_| Vec::new()).collect::<Vec<_>>());
    let (first, second) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for (list, next, threads) in [(&patient, &first, 80), (&busy, &second, 6)] {
            for _ in 0..threads.min(list.len()) {
                let rows = &rows;
                scope.spawn(move || {
                    while let Some((at, play, case)) = list.get(next.fetch_add(1, Ordering::SeqCst)) {
                        let row = play_one(studio, play, case, frozen);
                        rows.lock().unwrap()[*at].push(row);
                    }
                });
            }
        }
    });
    rows.into_inner().unwrap()
}

/// What was said at each point: a letter for each fault, and the status.
fn by_point(rows: &[Row]) -> BTreeMap<String, Vec<String>> {
    let mut points: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in rows {
        let Point { exchange, command, side } = row.case.point;
        let point = format!("{exchange:>2}.{command:<2} {side:?} {}", row.case.heard.shown);
        let mark = if row.wrong.is_empty() { "" } else { "!" };
        points.entry(point).or_default().push(format!("{mark}{:?}={}/{}", row.case.fault, row.said, row.state));
    }
    points
}

/// Prints points and faults, and what came of them.
fn show(Play { kind, record, .. }: &Play, rows: &[Row]) {
    let commands: usize = record.exchanges.iter().map(Vec::len).sum();
    println!("{}: {} exchanges, {commands} commands, {} cases", kind.name, record.exchanges.len(), rows.len());
    let mut counts: BTreeMap<(Fault, &str, &str, &str), usize> = BTreeMap::new();
    for row in rows {
        *counts.entry((row.case.fault, &row.said, row.state, &row.next)).or_default() += 1;
    }
    for (point, rows) in by_point(rows) {
        println!("{point}: {}", rows.join(" "));
    }
    println!("| fault | the run said | the host has | the next run | cases |\n|---|---|---|---|---|");
    for ((fault, said, state, next), count) in counts {
        println!("| {fault:?} | {said} | {state} | {next} | {count} |");
    }
}

#[test]
fn every_step_on_a_scripted_host() {
    let Some(studio) = Studio::new() else { return };
    let mode = std::env::var("SLIPWAY_FAULTS").unwrap_or_default();
    let only = std::env::var("SLIPWAY_FAULTS_OF").unwrap_or_default();
    let all = mode == "all" || mode == "every";
    let stride = if all { 1 } else { 37 };
    let frozen = (mode == "all").then_some(Duration::from_secs(60));
    // Its packages are there already: they are the package manager's work.
    let site = studio.folder.path().join("slipway.toml");
    let text = std::fs::read_to_string(&site).unwrap();
    let other = text.replace("\"shop\"", "\"other\"").replace("shop.test", "other.test").replace("6000", "7000");
    std::fs::write(&site, other).unwrap();
    studio.must("apply --yes");
    std::fs::write(&site, text).unwrap();
    let apply = Kind::new("apply", "apply --yes", "plan");
    let deploy = Kind::new("deploy", "deploy --yes", "plan --deploy");
    let uninstall = Kind::new("uninstall", "uninstall --yes --data", "plan --uninstall --data");
    let mut plays = Vec::new();
    let mut each = |kind: Kind| {
        if !only.is_empty() && !only.split(',').any(|name| name == kind.name) {
            studio.must(&kind.arguments.join(" "));
            return;
        }
        let wants = move |(steps, turn): Moment| all || turn.map_or(steps % 9 == 1, |turn| turn % 3 == 1);
        let record = Arc::new(studio.record(&kind, wants));
        let cases = cases(&record).into_iter().step_by(stride).collect();
        plays.push(Play { kind, record, cases });
    };
    each(apply);
    studio.must("deploy --yes");
    let first = inside(&studio.host, "basename $(readlink /opt/shop/current)");
    // A release that was never finished, so that the record knows how such are removed.
    inside(&studio.host, "mkdir /opt/shop/releases/20260101T000000Z-abcdef.building");
    shop::assemble(studio.folder.path(), "v2");
    each(deploy);
    let back = format!("--to {}", first.trim());
    each(Kind::new("rollback", &format!("rollback --yes {back}"), &format!("plan --rollback {back}")));
    each(uninstall);
    let mut wrong = 0;
    for (play, mut rows) in plays.iter().zip(play_all(&studio, &plays, frozen)) {
        rows.sort_by_key(|row| (row.case.point.exchange, row.case.point.command, row.case.point.side, row.case.fault));
        show(play, &rows);
        wrong += rows.iter().filter(|row| !row.wrong.is_empty()).count();
    }
    assert_eq!(wrong, 0, "runs that said what is not so");
}
