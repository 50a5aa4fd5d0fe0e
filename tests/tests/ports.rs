//! A process that opens its port itself: two sets of ports in turn, reachable from the host alone, nothing dropped.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use slipway_core::event::VerdictKind;
use slipway_engine::site::Request;
use slipway_tests::hosts::{Distribution, Host, HostOptions, Prerequisites};
use support::TestDesk;

const APP: &str = r#"
import http.server, os, socket, socketserver, threading
version, port, stage = "VERSION", os.environ["PORT"], os.environ["SLIPWAY_STAGE"]
other = int(port) + (1000 if int(port) < 9000 else -1000)
def alone(): # whether the other set of ports has gone
    try:
        socket.create_connection(("127.0.0.1", other), 1).close()
    except ConnectionRefusedError:
        return True
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = (version + " " + port).encode()
        ill = self.path == "/health" and version == "ill-alone" and stage == "live" and alone()
        self.send_response(500 if ill else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *rest):
        pass
class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    request_queue_size = 128
if version == "crashes" and stage == "live" and port.endswith("1"):
    threading.Timer(2, os._exit, [3]).start()
Server(("0.0.0.0", int(os.environ["PORT"])), Handler).serve_forever()
"#;

const SITE: &str = r#"
schema = 1
name = "own-port"
domains = ["own.test"]

[source]
folder = "app"

[runtime]
kind = "python"
requirements = []

[process.web]
command = ["python3", "app.py", "--port", "{port}"]
port = 8081
instances = 2
listen = "port"

[[route]]
path = "/"
to = "web"

[health]
path = "/health"
settle = "SETTLE"
"#;

fn version(desk: &TestDesk, version: &str) {
    let place = desk.folder.path().join("app");
    std::fs::create_dir_all(&place).unwrap();
    std::fs::write(place.join("app.py"), APP.replace("VERSION", version)).unwrap();
    std::fs::write(place.join("requirements.txt"), "").unwrap();
}

/// Asks through nginx inside the host until told to stop; counts answers that are not 200.
struct Visitor {
    stop: Arc<AtomicBool>,
    failed: Arc<AtomicU64>,
    asked: Arc<AtomicU64>,
    thread: std::thread::JoinHandle<()>,
}

impl Visitor {
    fn start(address: String) -> Self {
        let (stop, failed, asked) =
            (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
        let counters = (stop.clone(), failed.clone(), asked.clone());
        let thread = std::thread::spawn(move || {
            let (stop, failed, asked) = counters;
            while !stop.load(Ordering::SeqCst) {
                let output = std::process::Command::new("curl")
                    .args(["-sk", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", "10", "--noproxy", "*"])
                    .args(["--resolve", &format!("own.test:443:{address}"), "https://own.test/"])
                    .output()
                    .unwrap();
                asked.fetch_add(1, Ordering::SeqCst);
                if output.stdout != b"200" {
                    failed.fetch_add(1, Ordering::SeqCst);
                }
            }
        });
        Self { stop, failed, asked, thread }
    }

    fn end(self) -> (u64, u64) {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.join().unwrap();
        (self.asked.load(Ordering::SeqCst), self.failed.load(Ordering::SeqCst))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_sets_of_ports_take_turns() {
    if !Prerequisites::or_not_run() {
        return;
    }
    let host = Host::boot(Distribution::Debian12, HostOptions::default()).unwrap();
    let desk = TestDesk::new(&host, "root");
    version(&desk, "one");
    let file = desk.site(&SITE.replace("SETTLE", "1s"));
    let deploy = Request::Deploy { reference: None };
    for request in [&Request::Apply, &deploy] {
        let run = desk.run(&file, request).await;
        assert_eq!(run.verdict.kind, VerdictKind::Succeeded, "{}", run.story());
    }
    let ask =
        |path: &str| host.shell(&format!("curl -sk --resolve own.test:443:127.0.0.1 https://own.test{path}")).stdout;
    assert!(ask("/").starts_with("one 808"), "{}", ask("/"));
    // The program listens on every interface; only the host itself gets through.
    let outside = std::process::Command::new("curl")
        .args(["-s", "--max-time", "3", "--noproxy", "*", &format!("http://{}:8081/", host.address())])
        .output()
        .unwrap();
    assert!(!outside.status.success(), "port 8081 is open to the network");
    let visitor = Visitor::start(host.address().to_string());
    version(&desk, "two");
    let second = desk.run(&file, &deploy).await;
    assert_eq!(second.verdict.kind, VerdictKind::Succeeded, "{}", second.story());
    assert!(ask("/").starts_with("two 908"), "{}", ask("/"));
    assert!(desk.plan(&file, &Request::Apply).await.plan.is_empty());
    let back = desk.run(&file, &Request::Rollback { to: None }).await;
    assert_eq!(back.verdict.kind, VerdictKind::Succeeded, "{}", back.story());
    assert!(ask("/").starts_with("one 808"), "{}", ask("/"));
    // Going back: while both sets are there, and when the old one has already gone.
    let file = desk.site(&SITE.replace("SETTLE", "5s"));
    let crash: &[&str] = &["stay active", "started again", "no answer"];
    for (wrong, words) in [("crashes", crash), ("ill-alone", &["answered 500"])] {
        version(&desk, wrong);
        let run = desk.run(&file, &deploy).await;
        assert_eq!(run.verdict.kind, VerdictKind::RolledBack, "{}", run.story());
        assert!(words.iter().any(|word| run.verdict.summary.contains(word)), "{}", run.story());
        assert!(ask("/").starts_with("one 808"), "{}", ask("/"));
        assert!(desk.plan(&file, &Request::Apply).await.plan.is_empty());
    }
    let (asked, failed) = visitor.end();
    assert!(ask("/").starts_with("one 808"), "{}", ask("/"));
    assert!(asked > 20, "only {asked} requests were made");
    assert_eq!(failed, 0, "{failed} of {asked} requests failed");
}
