//! A site file is edited under a running site: each edit is shown, converges, and leaves nothing behind.

use slipway_core::event::VerdictKind::{RolledBack, Succeeded};
use slipway_engine::failure::Code;
use slipway_engine::site::Request;
use slipway_tests::hosts::Host;

use crate::support::TestDesk;
use crate::support::outside::{Poller, ask};
use crate::{boot, failed, hall, inside};

const APP: &str = r#"
import http.server, os, socket, socketserver, threading
if os.environ.get("LIFE"):
    threading.Timer(float(os.environ["LIFE"]), os._exit, [1]).start()
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = os.environ["PORT"].encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *rest):
        pass
class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    request_queue_size = 128
    def server_bind(self):
        if os.environ.get("LISTEN_FDS"):
            self.socket = socket.socket(fileno=3)
            self.server_name, self.server_port = "localhost", int(os.environ["PORT"])
        else:
            http.server.HTTPServer.server_bind(self)
    def server_activate(self):
        if not os.environ.get("LISTEN_FDS"):
            http.server.HTTPServer.server_activate(self)
Server(("0.0.0.0", int(os.environ["PORT"])), Handler).serve_forever()
"#;

/// A site whose process may open its port itself, or take it from systemd.
fn site(process: &str, port: u16, instances: u16, listen: &str, tls: &str) -> String {
    format!(
        r#"
schema = 1
name = "kiosk"
domains = ["kiosk.test"]
[source]
folder = "kiosk"
[runtime]
kind = "python"
requirements = []
[process.{process}]
command = ["python3", "app.py"]
port = {port}
instances = {instances}
listen = "{listen}"
[tls]
mode = "{tls}"
[[route]]
path = "/"
to = "{process}"
[health]
path = "/"
settle = "1s"
"#
    )
}

fn assemble(desk: &TestDesk) {
    let place = desk.folder.path().join("kiosk");
    std::fs::create_dir_all(&place).unwrap();
    std::fs::write(place.join("app.py"), APP).unwrap();
    std::fs::write(place.join("requirements.txt"), "").unwrap();
}

/// Whether another machine gets through to a port of the host.
fn open(host: &Host, port: u16) -> bool {
    let address = format!("http://{}:{port}/", host.address());
    let asked = std::process::Command::new("curl").args(["-s", "--max-time", "2", "--noproxy", "*", &address]).output();
    asked.unwrap().status.success()
}

/// The units of kiosk that are there in any way: loaded, or as files.
fn units(host: &Host) -> String {
    inside(
        host,
        "{ systemctl list-units --all --plain --no-legend 'kiosk*' | cut -d' ' -f1; \
         ls /etc/systemd/system /etc/systemd/system/*.wants 2>/dev/null | grep '^kiosk'; } | sort -u | tr '\\n' ' '",
    )
}

async fn edit(desk: &TestDesk, text: &str) {
    let file = desk.site(text);
    desk.expect(Succeeded, &file, &Request::Apply).await;
    desk.expect_nothing_to_do(&file).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_ports_and_listening_change_and_no_port_is_ever_open() {
    let Some(host) = boot() else { return };
    let desk = TestDesk::new(&host, "root");
    assemble(&desk);
    let file = desk.site(&site("web", 8081, 2, "port", "self-signed"));
    desk.expect(Succeeded, &file, &Request::Apply).await;
    // Rules are in force before the first release.
    assert!(inside(&host, "nft list table inet slipway_kiosk").contains("8081"));
    desk.expect(Succeeded, &file, &crate::support::DEPLOY).await;
    let answers = || ask(host.address(), "https://kiosk.test/");
    assert_eq!(answers().status, 200);

    // From another machine, all the while: every port of every set.
    let watched: Vec<u16> = (8081..8086).chain(9081..9086).chain(8181..8183).chain(9181..9183).collect();
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let watcher = {
        let (stop, address) = (stop.clone(), host.address());
        std::thread::spawn(move || {
            let mut seen = Vec::new();
            while !stop.load(std::sync::atomic::Ordering::SeqCst) {
                for port in &watched {
                    let to = std::net::SocketAddr::from((address, *port));
                    if std::net::TcpStream::connect_timeout(&to, std::time::Duration::from_millis(40)).is_ok() {
                        seen.push(*port);
                    }
                }
            }
            seen
        })
    };
    // More of them: each new port is kept from the network before it is opened.
    edit(&desk, &site("web", 8081, 4, "port", "self-signed")).await;
    assert_eq!(answers().status, 200);
    let listening = inside(&host, "ss -ltnH | awk '{print $4}' | grep -cE ':(808[1-4]|908[1-4])$'");
    assert_eq!(listening.trim(), "4");
    // Back: the rules of the earlier release come back with it.
    let file = desk.site(&site("web", 8081, 4, "port", "self-signed"));
    desk.expect(Succeeded, &file, &Request::Rollback { to: None }).await;
    // Fewer, and other ports.
    edit(&desk, &site("web", 8081, 1, "port", "self-signed")).await;
    edit(&desk, &site("web", 8181, 1, "port", "self-signed")).await;
    // One that fails late, when its rules stand alone or are gone: what came back is as closed as before.
    let dies = "\n[environment]\nLIFE = \"4\"\n";
    for listen in ["port", "socket"] {
        let file = desk.site(&(site("web", 8081, 1, listen, "self-signed").replace("1s", "8s") + dies));
        desk.expect(RolledBack, &file, &Request::Apply).await;
        assert_eq!(answers().body, "8181", "{listen}");
        let rules = inside(&host, "nft list table inet slipway_kiosk");
        assert!(rules.contains("8181") && !rules.contains("8081"), "{listen}: {rules}");
        assert!(!units(&host).contains(".socket"), "{}", units(&host));
    }
    desk.expect_nothing_to_do(&desk.site(&site("web", 8181, 1, "port", "self-signed"))).await;
    let rules = inside(&host, "nft list table inet slipway_kiosk");
    assert!(rules.contains("8181") && !rules.contains("8081"), "{rules}");
    // After a reboot they hold as before.
    let boot =
        inside(&host, "systemctl is-enabled kiosk-guard.service; systemctl show -p Before --value kiosk-guard.service");
    assert!(boot.contains("enabled") && boot.contains("network.target"), "{boot}");
    stop.store(true, std::sync::atomic::Ordering::SeqCst);
    let seen = watcher.join().unwrap();
    assert!(seen.is_empty(), "another machine got through to {seen:?}");
    assert!(!open(&host, 8181) && !open(&host, 9181));

    // systemd opens the port: what is closed to the network is none of theirs, and who may ask on the host stays ruled.
    edit(&desk, &site("web", 8181, 2, "socket", "self-signed")).await;
    assert_eq!(answers().status, 200);
    let rules = inside(&host, "nft list table inet slipway_kiosk");
    assert!(rules.contains("8181") && !rules.contains("9181") && !rules.contains("chain input"), "{rules}");
    // Another name of the process.
    edit(&desk, &site("front", 8181, 2, "socket", "self-signed")).await;
    assert_eq!(answers().status, 200);
    assert!(!units(&host).contains("kiosk-web"), "{}", units(&host));
    // And back to a port of its own.
    edit(&desk, &site("front", 8181, 1, "port", "self-signed")).await;
    assert_eq!(answers().status, 200);
    assert!(!units(&host).contains(".socket"), "{}", units(&host));
    assert!(inside(&host, "nft list table inet slipway_kiosk").contains("8181"));
    desk.expect(
        Succeeded,
        &desk.site(&site("front", 8181, 1, "port", "self-signed")),
        &Request::Uninstall { data: true },
    )
    .await;
    assert_eq!(units(&host).trim(), "");
    assert!(!host.shell("nft list table inet slipway_kiosk").is_success(), "its rules stay");
}

#[tokio::test(flavor = "multi_thread")]
async fn encryption_comes_and_goes_beside_another_site_that_has_it() {
    let Some(host) = boot() else { return };
    let other = TestDesk::of("bert@office", &host, "root");
    hall::first_release(&other).await;
    let desk = TestDesk::new(&host, "root");
    assemble(&desk);
    let plain = site("web", 8181, 1, "socket", "none");
    let file = desk.site(&plain);
    desk.expect(Succeeded, &file, &Request::Apply).await;
    desk.expect(Succeeded, &file, &crate::support::DEPLOY).await;
    assert_eq!(ask(host.address(), "http://kiosk.test/").status, 200);
    for _ in 0..3 {
        edit(&desk, &site("web", 8181, 1, "socket", "self-signed")).await;
        assert_eq!(ask(host.address(), "https://kiosk.test/").body, "8181");
        edit(&desk, &plain).await;
        assert_eq!(ask(host.address(), "http://kiosk.test/").body, "8181");
    }
    // An encrypted release may come back: its certificate is there for as long as the site is.
    desk.expect(Succeeded, &file, &Request::Rollback { to: None }).await;
    assert_eq!(ask(host.address(), "https://kiosk.test/").body, "8181");
    edit(&desk, &plain).await;
    desk.expect(Succeeded, &file, &Request::Uninstall { data: true }).await;
    assert_eq!(inside(&host, "ls -A /etc/slipway/tls").trim(), "hall");
    assert_eq!(hall::seen(&host), "200 one");
}

/// Makes a certificate and its key beside the site file; returns the key.
fn certificate(desk: &TestDesk, name: &str) -> String {
    let script = format!(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout {name}.key -out {name}.pem \
         -days 30 -subj /CN={name} -addext subjectAltName=DNS:hall.test 2>&1"
    );
    let made = std::process::Command::new("sh").args(["-c", &script]).current_dir(desk.folder.path()).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stdout));
    std::fs::read_to_string(desk.folder.path().join(format!("{name}.key"))).unwrap()
}

/// The common name of the certificate that nginx serves.
fn served(host: &Host) -> String {
    inside(
        host,
        "echo | openssl s_client -connect 127.0.0.1:443 -servername hall.test 2>/dev/null | openssl x509 -noout -subject",
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_ones_own_is_served_once_it_has_changed_and_a_wrong_key_changes_nothing() {
    let Some(host) = boot() else { return };
    let mut desk = TestDesk::new(&host, "root");
    hall::first_release(&desk).await;
    inside(&host, "command -v openssl");
    let poller = Poller::of(&host, "https://hall.test/index.html");
    let own = "[tls]\nmode = \"own\"\ncertificate = \"CERTIFICATE.pem\"\nkey = \"TLS_KEY\"\n[secret.TLS_KEY]\n";
    let first = certificate(&desk, "first");
    let second = certificate(&desk, "second");
    desk.desk.secrets = crate::support::secrets(&[("TLS_KEY", &first)]);
    let file = desk.site(&hall::site("hall.test", &own.replace("CERTIFICATE", "first")));
    desk.expect(Succeeded, &file, &Request::Apply).await;
    desk.expect_nothing_to_do(&file).await;
    assert!(served(&host).contains("first"), "{}", served(&host));

    // The key of another certificate is found before anything else happens.
    let state = || inside(&host, "find /etc /opt /var/lib/slipway -xdev -type f | sort | xargs sha256sum | sha256sum");
    let before = state();
    let file = desk.site(&hall::site("hall.test", &own.replace("CERTIFICATE", "second")));
    let refused = failed(desk.try_plan(&file, &Request::Apply).await.map(|_| ()), Code::Secrets);
    assert!(refused.message.contains("belongs to another certificate"), "{refused:#?}");
    assert_eq!(state(), before);

    desk.desk.secrets = crate::support::secrets(&[("TLS_KEY", &second)]);
    let planned = desk.plan(&file, &Request::Apply).await;
    let told = slipway_core::plan::summary::summary(&planned.plan);
    assert!(told.restarts.iter().any(|line| line.contains("nginx reloads")), "{told:#?}");
    let ran = desk.execute(&planned, &file).await.unwrap();
    assert_eq!(ran.verdict.kind, Succeeded, "{}", ran.story());
    assert!(served(&host).contains("second"), "{}", served(&host));
    desk.expect_nothing_to_do(&file).await;

    // Back to one that Slipway makes, and to the first release with what it carried.
    let signed = desk.site(&hall::site("hall.test", ""));
    desk.expect(Succeeded, &signed, &Request::Apply).await;
    desk.expect_nothing_to_do(&signed).await;
    assert!(served(&host).contains("hall.test"), "{}", served(&host));
    assert_eq!(hall::seen(&host), "200 one");
    poller.finish();
}
