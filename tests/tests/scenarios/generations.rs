//! Releases that overlap: the new one starts beside the old one, proves itself in every process, and the old one finishes
//! what it has begun. One application in four roles, whose version says how it misbehaves.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use slipway_core::event::VerdictKind::{FailedIntact, RolledBack, Succeeded};
use slipway_engine::site::Request;
use slipway_engine::site_file::SiteFile;
use slipway_engine::watch;
use slipway_tests::hosts::Host;

use crate::support::outside::{Answer, Poller, ask};
use crate::support::{DEPLOY, Ran, TestDesk};
use crate::{boot, inside};

const BACK: Request = Request::Rollback { to: None };

/// Serves on the socket that it is given; works; keeps time; looks whether work is done. It goes to another directory, as
/// many programs do.
const APP: &str = r#"
import fcntl, http.server, json, os, signal, socket, socketserver, sys, threading, time
here = os.path.dirname(os.path.abspath(__file__))
version = open(os.path.join(here, "version")).read().strip()
data = os.environ["DATA_DIR"]
ballast = b"x" * (int(os.environ.get("BALLAST_MIB", 0)) << 20)
role, stage = sys.argv[1], os.environ.get("SLIPWAY_STAGE")
os.chdir("/")
def note(what):
    with open(os.path.join(data, role + ".log"), "a") as log:
        log.write(f"{what} {version} {stage} {time.monotonic():.3f}\n")
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        path, _, seconds = self.path.partition("?")
        time.sleep(float(seconds or 0))
        status, more = 200, {}
        if path == "/health" and version == "ill": status = 500
        if path == "/health" and version == "elsewhere": status, more = 302, {"Location": "https://login.test/?next=/health"}
        if path == "/health" and version == "ill-live" and stage == "live": status = 500
        body = json.dumps({"version": version, "stage": stage, "release": os.environ.get("SLIPWAY_RELEASE"),
            "instance": os.environ.get("SLIPWAY_INSTANCE"), "directory": os.getcwd()}).encode()
        self.send_response(status)
        for name, value in {**more, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        if stopping.is_set():
            self.close_connection = True
    def log_message(self, *rest):
        pass
stopping, again = threading.Event(), threading.Event()
if role == "web":
    class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
        def server_bind(self):
            self.server_name, self.server_port = "web", 0
    if os.environ.get("LOCKED"):
        lock = open(os.path.join(data, "lock"), "w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            sys.exit("somebody else has the lock")
    server = Server(("", 0), Handler, bind_and_activate=False)
    server.socket = socket.socket(fileno=3)
    def stop(*_):
        if stopping.is_set(): again.set()
        stopping.set()
        threading.Thread(target=server.shutdown).start()
    signal.signal(signal.SIGTERM, stop)
    server.serve_forever(poll_interval=0.1)
    server.server_close()
    if version == "stubborn":
        note("idle")
        while not again.is_set(): time.sleep(0.1)
        note("again")
elif role == "check":
    sys.exit(3 if version == "deaf" else 0)
else:
    note("begin")
    def stop(*_):
        note("end")
        sys.exit(0)
    signal.signal(signal.SIGTERM, stop)
    if role == "worker" and version == "broken": sys.exit("the worker is broken")
    if role == "worker" and version == "short": time.sleep(6); note("end"); sys.exit(0)
    while True: time.sleep(0.1)
"#;

const SITE: &str = r#"
schema = 1
name = "relay"
domains = ["relay.test"]

[source]
folder = "app"

[runtime]
kind = "python"
requirements = []

[process.web]
command = ["python3", "app.py", "web"]
port = 7100
instances = 2
stop_timeout = "90s"
MORE-OF-WEB

[process.worker]
command = ["python3", "app.py", "worker"]
stop_timeout = "5s"
WORKER-CHECK

[process.clock]
command = ["python3", "app.py", "clock"]
replace = "stop-first"
stop_timeout = "5s"

[shared.data]
env = "DATA_DIR"

[[route]]
path = "/"
to = "web"

[health]
path = "/health"
SETTLE
"#;

const CHECK: &str = "check = [\"python3\", \"{release}/code/app.py\", \"check\"]";

fn site(check: &str, settle: &str) -> String {
    SITE.replace("MORE-OF-WEB", "").replace("WORKER-CHECK", check).replace("SETTLE", settle)
}

fn version(desk: &TestDesk, version: &str) {
    let app = desk.folder.path().join("app");
    std::fs::create_dir_all(&app).unwrap();
    std::fs::write(app.join("app.py"), APP).unwrap();
    std::fs::write(app.join("version"), version).unwrap();
}

async fn first(desk: &TestDesk, text: &str) -> SiteFile {
    version(desk, "one");
    let file = desk.site(text);
    desk.expect(Succeeded, &file, &Request::Apply).await;
    desk.expect(Succeeded, &file, &DEPLOY).await;
    file
}

fn get(host: &Host, path: &str) -> Answer {
    ask(host.address(), &format!("https://relay.test{path}"))
}

fn served(host: &Host) -> String {
    let answer = get(host, "/");
    format!("{} {}", answer.status, answer.field("version"))
}

/// Who runs of the web process: `RELEASE state` of each.
fn generations(host: &Host) -> Vec<String> {
    let list = inside(host, "systemctl list-units --all --plain --no-legend 'relay-web.*@*' | awk '{print $1, $3}'");
    list.lines().map(str::to_owned).collect()
}

/// How long a run took, and how it ended.
async fn timed(desk: &TestDesk, file: &SiteFile, request: &Request) -> (Ran, Duration) {
    let began = Instant::now();
    let ran = desk.run(file, request).await;
    println!("{}", ran.story());
    (ran, began.elapsed())
}

/// A request that goes on for so many seconds.
fn slow(host: &Host, seconds: u32) -> std::process::Child {
    let resolve = format!("relay.test:443:{}", host.address());
    let url = format!("https://relay.test/?{seconds}");
    let options = ["-sk", "--noproxy", "*", "--max-time", "80", "--resolve", &resolve, "-w", " %{http_code}"];
    Command::new("curl").args(options).arg(url).stdout(Stdio::piped()).stdin(Stdio::null()).spawn().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_new_release_starts_beside_the_old_one_which_finishes_in_the_background() {
    let Some(host) = boot() else { return };
    let desk = TestDesk::new(&host, "root");
    let file = first(&desk, &site(CHECK, "settle = \"1s\"")).await;
    let told = get(&host, "/");
    assert_eq!(told.field("directory"), "/");
    assert_eq!(told.field("stage"), "live");
    assert!(["7100", "7101"].contains(&told.field("instance").as_str()), "{told:?}");
    assert_eq!(told.field("release"), inside(&host, "basename $(readlink /opt/relay/current)").trim());

    // A request that takes longer than everything else is answered by the release that it came to.
    version(&desk, "two");
    let poller = Poller::of(&host, "https://relay.test/");
    let begun = slow(&host, 45);
    std::thread::sleep(Duration::from_millis(500));
    let (ran, took) = timed(&desk, &file, &DEPLOY).await;
    assert_eq!(ran.verdict.kind, Succeeded, "{}", ran.story());
    assert!(took < Duration::from_secs(35), "it waited for the old release: {took:?}");
    assert_eq!(served(&host), "200 two");
    let running = generations(&host);
    assert!(running.iter().any(|one| one.ends_with("deactivating")), "{running:?}");
    let link = desk.link().await;
    let facts = slipway_engine::observe::facts(&*link.connection().await).await.unwrap();
    let status = watch::status(&link, &facts, &file.site.name).await.unwrap();
    assert!(status.units_healthy, "{status:#?}");
    assert!(status.running.units.iter().any(|unit| unit.draining), "{status:#?}");
    desk.expect_nothing_to_do(&file).await;

    // Back at once, while it is still at work: it runs a second time.
    let (ran, took) = timed(&desk, &file, &BACK).await;
    assert_eq!(ran.verdict.kind, Succeeded, "{}", ran.story());
    println!("went back in {took:?}");
    assert_eq!(served(&host), "200 one");
    let name = inside(&host, "basename $(readlink /opt/relay/current)");
    assert_eq!(get(&host, "/").field("release"), name.trim());
    desk.expect_nothing_to_do(&file).await;
    let answer = String::from_utf8(begun.wait_with_output().unwrap().stdout).unwrap();
    assert!(answer.contains("\"one\"") && answer.ends_with(" 200"), "{answer}");
    poller.finish();

    // The copy outlives a restart of the host as what it is a copy of.
    host.power_off_hard();
    host.start().unwrap();
    crate::until(&host, "curl -sk --resolve relay.test:443:127.0.0.1 https://relay.test/ | grep -q one").await;
    desk.expect_nothing_to_do(&file).await;
    let clock = inside(&host, "cat /opt/relay/shared/data/clock.log");
    // One clock at a time, and none of them at the gate.
    let mut running = 0_i32;
    for line in clock.lines().filter(|line| line.contains(" live ")) {
        running += if line.starts_with("begin") { 1 } else { -1 };
        assert!((0..=2).contains(&running), "{clock}");
    }
    assert!(!clock.contains(" gate "), "{clock}");
    assert!(inside(&host, "cat /opt/relay/shared/data/worker.log").contains("begin two gate"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_process_is_proved_and_what_is_wrong_is_found_soon() {
    let Some(host) = boot() else { return };
    let desk = TestDesk::new(&host, "root");
    let file = first(&desk, &site(CHECK, "settle = \"1s\"")).await;
    let poller = Poller::of(&host, "https://relay.test/");
    for (wrong, words, limit) in [
        ("ill", "answered 500 instead of 200", 25),
        ("elsewhere", "answered 302 (to https://login.test/?next=/health) instead of 200", 25),
        ("broken", "relay-gate.worker.service is", 25),
        ("deaf", "the check of worker ended with 3", 75),
    ] {
        version(&desk, wrong);
        let (ran, took) = timed(&desk, &file, &DEPLOY).await;
        assert_eq!(ran.verdict.kind, FailedIntact, "{}", ran.story());
        assert!(ran.verdict.summary.contains(words), "{}", ran.story());
        assert!(took < Duration::from_secs(limit), "{wrong}: {took:?}");
        assert_eq!(served(&host), "200 one");
    }
    // What the gate cannot see, the first seconds of its life do.
    version(&desk, "ill-live");
    let (ran, _) = timed(&desk, &file, &DEPLOY).await;
    assert_eq!(ran.verdict.kind, RolledBack, "{}", ran.story());
    assert!(ran.verdict.summary.contains("answered 500"), "{}", ran.story());
    // Without a check, a worker is watched for longer than this one lives.
    let silent = desk.site(&site("", ""));
    desk.expect(Succeeded, &silent, &Request::Apply).await;
    version(&desk, "short");
    let (ran, _) = timed(&desk, &silent, &DEPLOY).await;
    assert_eq!(ran.verdict.kind, RolledBack, "{}", ran.story());
    assert!(ran.verdict.summary.contains("relay-worker.1@"), "{}", ran.story());
    poller.finish();
    assert_eq!(served(&host), "200 one");
    let left = generations(&host);
    assert_eq!(left.iter().filter(|one| one.ends_with(" active")).count(), 2, "{left:?}");
    desk.expect_nothing_to_do(&silent).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_holds_a_lock_is_stopped_first() {
    let Some(host) = boot() else { return };
    let desk = TestDesk::new(&host, "root");
    let locked = "\n[process.web.environment]\nLOCKED = \"1\"\n";
    let text = |way: &str| SITE.replace("MORE-OF-WEB", &format!("{way}{locked}")).replace("instances = 2", "");
    let text = |way: &str| text(way).replace("WORKER-CHECK", CHECK).replace("SETTLE", "settle = \"1s\"");
    let file = first(&desk, &text("replace = \"stop-first\"\n")).await;
    // What is asked meanwhile waits, and nobody is refused.
    let poller = Poller::of(&host, "https://relay.test/");
    for release in ["two", "three"] {
        version(&desk, release);
        let plan = desk.plan(&file, &DEPLOY).await.plan;
        let told = slipway_core::plan::summary::summary(&plan).noticed;
        assert!(told.contains("requests wait while one process ends and another starts"), "{told}");
        desk.expect(Succeeded, &file, &DEPLOY).await;
        assert_eq!(served(&host), format!("200 {release}"));
    }
    let other = text("replace = \"stop-first\"\n").replace("LOCKED = \"1\"", "LOCKED = \"1\"\nCOLOUR = \"red\"");
    let file = desk.site(&other);
    desk.expect(Succeeded, &file, &Request::Apply).await;
    version(&desk, "ill");
    let (ran, _) = timed(&desk, &file, &DEPLOY).await;
    assert_eq!(ran.verdict.kind, RolledBack, "{}", ran.story());
    assert_eq!(served(&host), "200 three");
    desk.expect(Succeeded, &file, &BACK).await;
    poller.finish();
    desk.expect_nothing_to_do(&desk.site(&text("replace = \"stop-first\"\n"))).await;

    // Without it, the new one is not even at the gate.
    let file = desk.site(&text(""));
    let (ran, _) = timed(&desk, &file, &Request::Apply).await;
    assert_eq!(ran.verdict.kind, FailedIntact, "{}", ran.story());
    assert!(ran.verdict.log.join("\n").contains("somebody else has the lock"), "{}", ran.story());
    assert!(ran.verdict.hint.as_deref().unwrap_or_default().contains("stop-first"), "{}", ran.story());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_power_cut_while_two_generations_run_ends_with_one() {
    let Some(host) = boot() else { return };
    let desk = std::sync::Arc::new(TestDesk::new(&host, "root"));
    let file = first(&desk, &site(CHECK, "settle = \"8s\"")).await;
    // Both serve; and one of them finishes.
    let both = "[ $(systemctl list-units --plain --no-legend --state=active 'relay-web.7101@*' | wc -l) = 2 ]";
    let draining = "systemctl list-units --plain --no-legend 'relay-web.*@*' | grep -q deactivating";
    for (turn, state) in [("two", both), ("three", draining)] {
        crate::until(&host, &format!("! {{ {draining}; }}")).await;
        version(&desk, turn);
        let begun = slow(&host, 60);
        let run = tokio::spawn({
            let (desk, file) = (desk.clone(), file.clone());
            async move { desk.run(&file, &DEPLOY).await }
        });
        crate::until(&host, state).await;
        host.power_off_hard();
        host.start().unwrap();
        let ran = run.await.unwrap();
        println!("{}", ran.story());
        drop(begun.wait_with_output());
        crate::until(&host, "curl -sk --resolve relay.test:443:127.0.0.1 https://relay.test/ | grep -q version").await;
        let running = generations(&host);
        assert_eq!(running.len(), 2, "{running:?}");
        desk.expect(Succeeded, &file, &DEPLOY).await;
        assert_eq!(served(&host), format!("200 {turn}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_finishes_without_a_visitor_is_told_once_more() {
    let Some(host) = boot() else { return };
    let desk = TestDesk::new(&host, "root");
    let file = first(&desk, &site("", "settle = \"1s\"")).await;
    version(&desk, "stubborn");
    desk.expect(Succeeded, &file, &DEPLOY).await;
    version(&desk, "two");
    let begun = slow(&host, 40);
    std::thread::sleep(Duration::from_millis(500));
    let (ran, _) = timed(&desk, &file, &DEPLOY).await;
    assert_eq!(ran.verdict.kind, Succeeded, "{}", ran.story());
    // One of the two has a visitor left, who is waited for; both end long before the 90 s that they have.
    let answer = String::from_utf8(begun.wait_with_output().unwrap().stdout).unwrap();
    assert!(answer.contains("\"stubborn\"") && answer.ends_with(" 200"), "{answer}");
    crate::until(&host, "! systemctl list-units --plain --no-legend 'relay-web.*@*' | grep -q deactivating").await;
    let told = inside(&host, "cat /opt/relay/shared/data/web.log");
    let at = |what: &str| -> Vec<f64> {
        let lines = told.lines().filter(|line| line.starts_with(what));
        lines.map(|line| line.rsplit(' ').next().unwrap().parse().unwrap()).collect()
    };
    let (idle, again) = (at("idle"), at("again"));
    assert_eq!((idle.len(), again.len()), (2, 2), "{told}");
    assert!(idle.iter().zip(&again).all(|(idle, again)| (1.0..10.0).contains(&(again - idle))), "{told}");
    assert!(idle[1] - idle[0] > 10.0, "the visitor was not waited for: {told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_for_two_generations_is_looked_for_before() {
    let Some(host) = boot() else { return };
    let desk = TestDesk::new(&host, "root");
    let more = "\n[process.web.environment]\nBALLAST_MIB = \"64\"\n";
    let text = |way: &str| SITE.replace("MORE-OF-WEB", &format!("{way}{more}")).replace("WORKER-CHECK", "");
    let text = |way: &str| text(way).replace("SETTLE", "settle = \"1s\"");
    let file = first(&desk, &text("")).await;
    // The host's own figure, as a small machine would give it.
    let free = |mib: u32| {
        let set = format!("s/^MemAvailable:.*/MemAvailable: {} kB/; s/^SwapFree:.*/SwapFree: 0 kB/", mib * 1024);
        inside(&host, &format!("sed '{set}' /proc/meminfo >/run/meminfo; mount --bind /run/meminfo /proc/meminfo"));
    };
    let most = |name: &str| inside(&host, &format!("sort -n /run/{name} | tail -n 1")).trim().to_owned();
    for (mib, release, all_at_once) in [(400, "two", "4"), (100, "three", "3")] {
        free(mib);
        inside(
            &host,
            &format!(
                "systemd-run -q --unit=count-{release} sh -c 'while sleep 0.05; do systemctl list-units --plain \
                 --no-legend --state=active \"relay-web.*@*\" | wc -l >>/run/{release}; done'"
            ),
        );
        version(&desk, release);
        desk.expect(Succeeded, &file, &DEPLOY).await;
        inside(&host, &format!("systemctl stop count-{release}; umount /proc/meminfo"));
        assert_eq!(most(release), all_at_once, "{mib} MiB");
    }
    free(40);
    version(&desk, "four");
    let plan = desk.plan(&file, &DEPLOY).await.plan;
    let blocker = format!("{:#?}", plan.blockers().collect::<Vec<_>>());
    assert!(blocker.contains("not enough memory free for a second relay-web@710"), "{blocker}");
    assert!(blocker.contains("stop-first"), "{blocker}");
    // What is advised is enough.
    let file = desk.site(&text("replace = \"stop-first\"\n"));
    desk.expect(Succeeded, &file, &DEPLOY).await;
    assert_eq!(served(&host), "200 four");
}
