//! Runs of the real `slipway` that are interrupted anywhere: killed, cut off, frozen, without power, disk, rights or lock.
//!
//! Each case goes back to the same disk, stops root's work at one call, applies one fault, lets go, looks at what is there
//! without any of Slipway's own words, holds those against it, and runs the same command again. By default a few cases of
//! each kind of run; SLIPWAY_FAULTS=all takes places all along the way, with every fault; SLIPWAY_FAULTS=every kills it
//! at every call, SLIPWAY_FAULTS=every:107 from the 107th on.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use slipway_tests::hosts::{Checkpoint, Host};
use slipway_tests::relay::{Conditions, Cut, Relay};

use crate::points::{self, Side};
use crate::program::{Ended, PATIENCE, Slipway};
use crate::seen::{Seen, Visitor};
use crate::support::TestDesk;
use crate::{boot, inside, shop};

/// How long one command on the host may go on after its run was killed; the lease of the lock is longer.
const LET_END: Duration = Duration::from_secs(60);
/// Says which work of Slipway goes on.
const AT_WORK: &str = "systemctl list-units --plain --no-legend --state=active,activating,deactivating 'slipway-run-*'";
/// How long a frozen link is silent.
const FROZEN: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Killed,
    Cut,
    PowerOff,
    DiskFull,
    ReadOnly,
    LockStolen,
    Frozen,
}

const FAULTS: [Fault; 7] =
    [Fault::Killed, Fault::Cut, Fault::PowerOff, Fault::DiskFull, Fault::ReadOnly, Fault::LockStolen, Fault::Frozen];

/// A kind of run: what it is called, what is typed, what is served before and after.
struct Kind {
    name: &'static str,
    arguments: Vec<String>,
    old: &'static str,
    new: &'static str,
    /// Which of the faults its cases begin with.
    first: usize,
    /// How many cases there are by default.
    cases: usize,
}

impl Kind {
    /// Whether the site goes.
    fn leaves(&self) -> bool {
        self.name == "uninstall"
    }
}

/// A host behind a relay, and a desk that knows it.
struct Rig {
    host: Host,
    relay: Relay,
    desk: TestDesk,
}

impl Rig {
    fn new() -> Option<Self> {
        let host = boot()?;
        let server = SocketAddr::from((host.address(), host.ssh_port()));
        let relay = Relay::start(server, Conditions::default()).unwrap();
        let desk = TestDesk::through(relay.address(), &host);
        points::replace_programs(&host);
        std::fs::write(desk.folder.path().join("slipway.toml"), shop::site("")).unwrap();
        Some(Self { host, relay, desk })
    }

    fn assemble(&self, version: &str) {
        shop::assemble(self.desk.folder.path(), version);
    }

    fn slipway(&self, arguments: &[&str]) -> Slipway {
        let folder = self.desk.folder.path();
        Slipway::start(folder, &folder.join("home"), arguments)
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        self.slipway(arguments).end()
    }

    fn must(&self, arguments: &[&str]) -> Ended {
        let ended = self.run(arguments);
        assert_eq!(ended.status, Some(0), "{arguments:?}: {ended:#?}");
        ended
    }

    /// Applies the fault while work stands still, lets work go on, and waits until the run has ended and the fault is over.
    fn fault(&self, fault: Fault, number: usize, mut slipway: Slipway, visitor: &Visitor) -> Ended {
        match fault {
            Fault::Killed => {
                slipway.kill();
                points::go(&self.host);
                slipway.end()
            }
            Fault::Cut => {
                self.relay.cut(Cut::Reset);
                points::go(&self.host);
                slipway.end()
            }
            Fault::Frozen => {
                self.relay.freeze();
                points::go(&self.host);
                std::thread::sleep(FROZEN);
                self.relay.resume();
                slipway.end()
            }
            Fault::PowerOff => {
                visitor.away(true);
                self.host.power_off_hard();
                self.host.start().unwrap();
                let ended = slipway.end();
                visitor.away(false);
                ended
            }
            Fault::DiskFull => {
                self.host
                    .shell("dd if=/dev/zero of=/srv/small/ballast bs=64k; dd if=/dev/zero of=/srv/small/rest bs=512");
                points::go(&self.host);
                let ended = slipway.end();
                self.idle();
                inside(&self.host, "rm -f /srv/small/ballast /srv/small/rest");
                ended
            }
            Fault::ReadOnly => {
                let candidates = [
                    "/var/lib/slipway/shop/ledger",
                    "/etc/systemd/system",
                    "/var/lib/slipway/shop/manifest.json",
                    "/opt/shop/releases",
                    "/etc/nginx/conf.d",
                ];
                let mut target = candidates[number % candidates.len()];
                if !self.host.shell(&format!("test -e {target}")).is_success() {
                    target = "/etc/systemd/system";
                }
                inside(&self.host, &format!("mount --bind {target} {target} && mount -o remount,bind,ro {target}"));
                points::go(&self.host);
                let ended = slipway.end();
                self.idle();
                // The release may run from there by now.
                inside(&self.host, &format!("umount -l {target}"));
                ended
            }
            Fault::LockStolen => {
                // As the lock is always changed: alone. Stopped in the middle of a change, it is stolen right after that.
                inside(
                    &self.host,
                    "mkdir -p -m 0700 /run/slipway; now=$(cut -d. -f1 /proc/uptime); (flock 9; \
                     printf 'thief\nthief@elsewhere\ndeploy shop\n%s\n%s\n' $now $now >/run/slipway/lock) \
                     9>>/run/slipway/mutex >/dev/null 2>&1 &",
                );
                points::go(&self.host);
                let ended = slipway.end();
                self.idle();
                let still = inside(&self.host, "head -n 1 /run/slipway/lock 2>/dev/null || echo gone");
                assert_eq!(still.trim(), "thief", "the lock of somebody else was taken or given back");
                // What was sent together with the last renewal is done; after the next one nothing is recorded.
                let calls = points::calls(&self.host);
                let mut after = calls.iter().skip(number).skip_while(|call| call.trim() != points::RENEWAL);
                let wrote = after.find(|call| call.starts_with("mv") && call.contains("manifest.json"));
                assert_eq!(wrote, None, "the record of the lock's new holder was replaced: {calls:#?}");
                inside(&self.host, "rm -f /run/slipway/lock");
                ended
            }
        }
    }

    /// Waits until nothing of Slipway is at work on the host.
    fn idle(&self) {
        let deadline = Instant::now() + PATIENCE;
        while !self.host.shell(AT_WORK).stdout.trim().is_empty() {
            assert!(Instant::now() < deadline, "work on the host does not end");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Puts everything that Slipway writes to on one small disk.
    fn small_disk(&self) {
        inside(
            &self.host,
            "mkdir -p /srv/small /var/lib/slipway && mount -t tmpfs -o size=300m tmpfs /srv/small && \
             for place in opt etc var/lib/slipway; do mkdir -p /srv/small/$place && \
             cp -a /$place/. /srv/small/$place/ && mount --bind /srv/small/$place /$place || exit 1; done",
        );
    }
}

/// One line of the table.
struct Row {
    at: String,
    fault: Fault,
    said: String,
    seen: String,
    next: String,
}

impl std::fmt::Display for Row {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { at, fault, said, seen, next } = self;
        write!(formatter, "| {at} | {fault:?} | {said} | {seen} | {next} |")
    }
}

impl Rig {
    fn case(&self, kind: &Kind, disk: Checkpoint, number: usize, side: Side, fault: Fault) -> Option<Row> {
        let host = &self.host;
        host.go_back(disk).unwrap();
        if fault == Fault::DiskFull {
            self.small_disk();
        }
        assert_eq!(Seen::settled(host).version(), Some(kind.old), "{:?}", Seen::look(host));
        points::arm(host, Some((number, side)));
        let arguments: Vec<&str> = kind.arguments.iter().map(String::as_str).collect();
        let visitor = Visitor::start(host);
        let mut slipway = self.slipway(&arguments);
        let Some(place) = points::wait(host, || slipway.is_over()) else {
            visitor.end();
            println!("{} {number}: was not reached: {}", kind.name, slipway.end().words());
            return None;
        };
        let at = format!("{number} {} `{}`", side.word(), shown(&place));
        println!("--- {} {at}: {fault:?}", kind.name);
        let ended = self.fault(fault, number, slipway, &visitor);
        self.idle();
        let seen = Seen::settled(host);
        let answers = visitor.end();
        let (said, words) = (ended.verdict(), ended.words());
        println!("{said}: {words}\n{seen:?}");
        let context = format!("{} {at} {fault:?}\n{said}: {words}\n{seen:#?}\n{ended:#?}", kind.name);

        // For people who use the site there is the old or the new, at every moment.
        let fine = [kind.old, kind.new].map(|version| format!("200 {version}"));
        let mut strange: BTreeMap<&String, usize> = BTreeMap::new();
        // A site that is gone stays so, and nginx never has a site without its processes.
        let served = if kind.leaves() { answers.iter().take_while(|answer| fine.contains(answer)).count() } else { 0 };
        for answer in answers.iter().skip(served).filter(|answer| kind.leaves() || !fine.contains(answer)) {
            *strange.entry(answer).or_default() += 1;
        }
        if kind.new == "none" {
            strange.retain(|answer, _| answer.starts_with("200 ") || kind.leaves() && answer.starts_with("50"));
        }
        assert!(!answers.is_empty() && strange.is_empty(), "{strange:?} of {} {context}", answers.len());
        let version = if kind.leaves() { seen.for_people() } else { seen.version() };
        let version = version.unwrap_or("between").to_owned();
        assert!(version == kind.old || version == kind.new, "{context}");
        // What the run said is what somebody else sees.
        match ended.status {
            None | Some(23) => {}
            Some(0) => assert_eq!(version, kind.new, "{context}"),
            Some(22) if kind.leaves() => assert_eq!(version, kind.new, "{context}"),
            Some(22) => panic!("said to be between, and is not: {context}"),
            Some(_) => assert_eq!(version, kind.old, "{context}"),
        }

        // Who has heard the end of all that it began leaves no lock behind, if the host can be reached.
        let unheard = matches!(ended.status, None | Some(6 | 23)) || fault == Fault::Frozen;
        let lock = host.shell("cat /run/slipway/lock").stdout;
        assert!(unheard || lock.is_empty(), "{lock} {context}");

        let next = self.again(kind, &version, &context);
        Some(Row { at, fault, said, seen: name(kind, &version), next })
    }

    /// Runs the same command again: it converges, and says what it found.
    fn again(&self, kind: &Kind, found: &str, context: &str) -> String {
        let arguments: Vec<&str> = kind.arguments.iter().map(String::as_str).collect();
        // What is still at work may end well before anybody asks again: asked for first, so that what it says then is its last word.
        let at_work = !self.host.shell(AT_WORK).stdout.trim().is_empty();
        let interrupted = self.host.shell("tail -n 1 /var/lib/slipway/shop/ledger").stdout;
        let half = !at_work && interrupted.split(' ').nth(1).is_some_and(|event| event == "begin" || event == "back");
        let mut told = String::new();
        let mut ended = self.run(&arguments);
        // What the run before had begun goes on to its end: nobody may begin beside it (9), nor with a plan that was
        // made in the middle of it (10).
        let deadline = Instant::now() + LET_END;
        while matches!(ended.status, Some(9 | 10)) {
            assert!(Instant::now() < deadline, "its own dead run keeps it out: {ended:#?}\n{context}");
            "waited for what was still at work; ".clone_into(&mut told);
            ended = self.run(&arguments);
        }
        if ended.lines.iter().any(|line| line["text"].as_str().is_some_and(|text| text.contains("its lock back"))) {
            told.push_str("lock taken over; ");
        }
        let notices = ended.notices();
        if half {
            assert!(notices.iter().any(|notice| notice.contains("interrupted")), "{notices:#?} {ended:#?}\n{context}");
            told.push_str("told of the interruption; ");
        }
        let seen = Seen::settled(&self.host);
        let already = kind.name == "rollback" && found == kind.new && ended.status == Some(12);
        assert!(ended.status == Some(0) || already, "{ended:#?}\n{context}");
        assert_eq!(seen.version(), Some(kind.new), "{seen:#?} {ended:#?}\n{context}");
        let left = inside(&self.host, "find /etc /var/lib/slipway -name '.slipway.??????'");
        assert_eq!(left, "", "left behind by the run that was cut off: {context}");
        if kind.name == "deploy" {
            let left = inside(&self.host, "find /opt/shop/releases -maxdepth 1 -name '*.building'");
            assert_eq!(left, "", "left of a release that was never finished: {context}");
        }
        if kind.name == "apply" {
            let plan = self.run(&["plan"]);
            assert_eq!(plan.status, Some(0), "there is still something to do: {plan:#?}\n{context}");
        }
        if kind.leaves() {
            let plan = self.run(&["plan", "--uninstall", "--data"]);
            assert_eq!(plan.status, Some(0), "there is still something to do: {plan:#?}\n{context}");
            let left = inside(
                &self.host,
                "find /etc /opt /var/lib /var/log -xdev \\( -name '*shop*' ! -path /var/lib/slipway/shop \\) \
                 -o -path /var/lib/slipway/host.json; \
                 find /etc /opt -xdev -name '.slipway*'; getent passwd shop || true; \
                 systemctl list-units --all --plain --no-legend '*shop*' | grep -v '^system-' || true",
            );
            assert_eq!(left, "", "left of the site: {context}");
        }
        format!("{told}{}", if already { "is so already".to_owned() } else { ended.verdict() })
    }
}

fn name(kind: &Kind, version: &str) -> String {
    match version {
        _ if kind.old == kind.new => "as before".to_owned(),
        version if version == kind.old => format!("old ({version})"),
        version => format!("new ({version})"),
    }
}

/// A call without what differs from run to run.
fn shown(call: &str) -> String {
    let words: Vec<&str> = call.split_whitespace().filter(|word| !word.starts_with("RuntimeMaxSec")).collect();
    let text = words.join(" ").replace('|', "/").replace('`', "'");
    if text.chars().count() > 70 { text.chars().take(69).collect::<String>() + "…" } else { text }
}

/// Interrupts one kind of run at many places.
fn interrupt(rig: &Rig, kind: &Kind) {
    let host = &rig.host;
    let disk = host.checkpoint().unwrap();
    points::arm(host, None);
    let arguments: Vec<&str> = kind.arguments.iter().map(String::as_str).collect();
    rig.must(&arguments);
    let calls = points::calls(host);
    println!("{}: {} calls\n{}", kind.name, calls.len(), calls.join("\n"));
    let wanted = std::env::var("SLIPWAY_FAULTS").unwrap_or_default();
    let (wanted, from) = wanted.split_once(':').unwrap_or((&wanted, "1"));
    let before = from.parse::<usize>().unwrap() - 1;
    let cases = match wanted {
        "every" => calls.len(),
        "all" => 28,
        _ => kind.cases,
    };
    let mut rows = Vec::new();
    for case in before..cases {
        let number = 1 + case * calls.len() / cases + calls.len() / (2 * cases);
        let side = if case % 2 == 0 { Side::Before } else { Side::After };
        let fault = if wanted == "every" { Fault::Killed } else { FAULTS[(kind.first + case) % FAULTS.len()] };
        let row = rig.case(kind, disk, number.min(calls.len()), side, fault);
        if let Some(row) = &row {
            println!("{row}");
        }
        rows.extend(row);
    }
    println!(
        "| {} stopped at call (of {}) | fault | the run said | others saw | the next run |",
        kind.name,
        calls.len()
    );
    println!("|---|---|---|---|---|");
    for row in &rows {
        println!("{row}");
    }
    assert!(rows.len() * 10 >= (cases - before) * 9, "most places were not reached");
}

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

#[test]
fn a_first_apply() {
    let Some(rig) = Rig::new() else { return };
    rig.assemble("v1");
    // Its packages are there already: they are the package manager's work, and take most of the time.
    let site = rig.desk.folder.path().join("slipway.toml");
    let other = shop::site("").replace("\"shop\"", "\"other\"").replace("shop.test", "other.test");
    std::fs::write(&site, other.replace("6000", "7000")).unwrap();
    rig.must(&["apply", "--yes"]);
    std::fs::write(&site, shop::site("")).unwrap();
    let kind = Kind { name: "apply", arguments: words("apply --yes"), old: "none", new: "none", first: 0, cases: 3 };
    interrupt(&rig, &kind);
}

#[test]
fn a_deploy() {
    let Some(rig) = Rig::new() else { return };
    rig.assemble("v1");
    rig.must(&["apply", "--yes"]);
    rig.must(&["deploy", "--yes"]);
    rig.assemble("v2");
    let kind = Kind { name: "deploy", arguments: words("deploy --yes"), old: "v1", new: "v2", first: 3, cases: 3 };
    interrupt(&rig, &kind);
}

#[test]
fn a_rollback() {
    let Some(rig) = Rig::new() else { return };
    rig.assemble("v1");
    rig.must(&["apply", "--yes"]);
    rig.must(&["deploy", "--yes"]);
    let first = inside(&rig.host, "basename $(readlink /opt/shop/current)");
    rig.assemble("v2");
    rig.must(&["deploy", "--yes"]);
    let arguments = words(&format!("rollback --yes --to {}", first.trim()));
    let kind = Kind { name: "rollback", arguments, old: "v2", new: "v1", first: 6, cases: 2 };
    interrupt(&rig, &kind);
}

#[test]
fn an_uninstallation() {
    let Some(rig) = Rig::new() else { return };
    rig.assemble("v1");
    rig.must(&["apply", "--yes"]);
    rig.must(&["deploy", "--yes"]);
    let arguments = words("uninstall --yes --data");
    let kind = Kind { name: "uninstall", arguments, old: "v1", new: "none", first: 2, cases: 3 };
    interrupt(&rig, &kind);
}
