//! A site that uses most of what a site file can say, on a real host: secret files, configuration files, its own
//! certificate, a password at the door, a worker beside the web process, limits; changed twice while it serves.

use std::sync::Arc;

use slipway_core::event::VerdictKind::Succeeded;
use slipway_engine::clock::System;
use slipway_engine::desk::Desk;
use slipway_engine::site::Request;

use crate::support::{DEPLOY, TestDesk, secrets};
use crate::{boot, inside};

const APP: &str = r#"
import json, os
def application(environ, start_response):
    settings = json.load(open(os.environ["SETTINGS"]))
    credentials = open(os.environ["CREDENTIALS"]).read()
    told = {"password": settings["db"]["password"], "credentials": credentials, "colour": os.environ["COLOUR"],
            "user": environ.get("HTTP_X_REMOTE_USER", "")}
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(told).encode()]
"#;
const WORKER: &str = r#"
import os, time
open(os.path.join(os.environ["LOG_DIR"], "worker.log"), "a").write("worker " + os.environ["COLOUR"] + "\n")
while True:
    time.sleep(60)
"#;

fn site(colour: &str, workers: u32) -> String {
    format!(
        r#"
schema = 1
name = "whole"
domains = ["whole.test", "www.whole.test"]

[source]
folder = "app"

[runtime]
kind = "python"
requirements = []
extra_packages = ["gunicorn"]

[process.web]
port = 6000
[process.web.gunicorn]
app = "app:application"
[process.web.resources]
memory = "300M"
tasks = 100

[process.worker]
command = ["python3", "worker.py"]
instances = {workers}

[environment]
COLOUR = "{colour} ${{not}} %n \" \\ 'x'"

[secret.DB_PASSWORD]
[secret.DOOR]
[secret.TLS_KEY]

[secret_file."google/credentials.json"]
env = "CREDENTIALS"

[config_file."app/settings.json"]
env = "SETTINGS"
json = {{ db = {{ password = "{{secret:DB_PASSWORD}}" }} }}

[[route]]
path = "/"
to = "web"

[[route]]
path = "/files/"
files = "public"
cache = "1h"

[limits]
connections = 50

[access]
operator = "operator"
basic = {{ ann = "DOOR" }}

[tls]
mode = "own"
certificate = "chain.pem"
key = "TLS_KEY"

[logs]
directory = true
env = "LOG_DIR"

[health]
path = "/"
json = {{ "/user" = "" }}
settle = "1s"
"#
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_that_uses_everything() {
    let Some(host) = boot() else { return };
    let mut desk = TestDesk::new(&host, "root");
    let place = desk.folder.path().join("app");
    std::fs::create_dir_all(place.join("public")).unwrap();
    std::fs::write(place.join("app.py"), APP).unwrap();
    std::fs::write(place.join("worker.py"), WORKER).unwrap();
    std::fs::write(place.join("public/hello.txt"), "hello\n").unwrap();
    let openssl = std::process::Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30"])
        .args(["-subj", "/CN=whole.test", "-keyout", "key.pem", "-out", "chain.pem"])
        .current_dir(desk.folder.path())
        .output()
        .unwrap();
    assert!(openssl.status.success(), "{openssl:?}");
    let key = std::fs::read_to_string(desk.folder.path().join("key.pem")).unwrap();
    let password = "p\"a'ss\\ $w%o`rd {x}";
    let store = secrets(&[
        ("DB_PASSWORD", password),
        ("DOOR", "open sesame"),
        ("TLS_KEY", &key),
        ("GOOGLE_CREDENTIALS_JSON", "{\"private\": \"canary-credentials\"}"),
    ]);
    desk.desk = Desk::open(desk.desk.surroundings.clone(), store, Arc::new(System)).unwrap();

    let file = desk.site(&site("green", 1));
    desk.expect(Succeeded, &file, &Request::Apply).await;
    desk.expect(Succeeded, &file, &DEPLOY).await;
    desk.expect_nothing_to_do(&file).await;
    let ask = |user: &str, path: &str| {
        let resolve = "--resolve whole.test:443:127.0.0.1";
        host.shell(&format!(
            "curl -s --cacert /etc/slipway/tls/whole/fullchain.pem {resolve} {user} https://whole.test{path}"
        ))
        .stdout
    };
    assert!(ask("", "/").contains("401"), "{}", ask("", "/"));
    let told: serde_json::Value = serde_json::from_str(&ask("-u 'ann:open sesame'", "/")).unwrap();
    assert_eq!(told["password"], password);
    assert_eq!(told["credentials"], "{\"private\": \"canary-credentials\"}");
    assert_eq!(told["colour"], "green ${not} %n \" \\ 'x'");
    assert_eq!(told["user"], "ann");
    assert_eq!(ask("-u 'ann:open sesame'", "/files/hello.txt"), "hello\n");
    assert!(inside(&host, "cat /var/log/whole/worker.log").starts_with("worker green"));

    // The operator may restart the site's processes without a password, and nothing else.
    inside(&host, "visudo -c");
    let sudo = |command: &str| host.shell(&format!("runuser -u operator -- sudo -n {command}"));
    assert!(sudo("/usr/bin/systemctl restart whole-web@6000.service").is_success());
    for refused in ["/usr/bin/id", "/usr/bin/systemctl restart ssh.service", "/usr/bin/systemctl edit whole.target"] {
        assert!(!sudo(refused).is_success(), "{refused}");
    }

    // A file that is newer than what has read it is told, until it is read again.
    let notices = async || {
        let plan = desk.plan(&file, &Request::Apply).await.plan;
        plan.notices.into_iter().map(|notice| notice.text).collect::<Vec<_>>().join("; ")
    };
    assert_eq!(notices().await, "");
    inside(&host, "touch -d '+1 minute' /etc/nginx/conf.d/whole.conf /etc/whole/environment");
    let told = notices().await;
    assert!(told.contains("/etc/nginx/conf.d/whole.conf is newer than what nginx runs with"), "{told}");
    assert!(told.contains("/etc/whole/environment is newer than what whole-web.6000@"), "{told}");
    inside(&host, "touch -d '-1 hour' /etc/nginx/conf.d/whole.conf /etc/whole/environment");
    assert_eq!(notices().await, "");

    // Changed twice while it serves: the environment stays the one that was built.
    let environments = inside(&host, "ls -id /opt/whole/envs/*");
    for (colour, workers) in [("red", 2), ("blue", 1)] {
        let file = desk.site(&site(colour, workers));
        desk.expect(Succeeded, &file, &Request::Apply).await;
        desk.expect_nothing_to_do(&file).await;
        assert!(ask("-u 'ann:open sesame'", "/").contains(colour));
        let running =
            inside(&host, "systemctl list-units --plain --no-legend --state=active 'whole-worker.*@*' | wc -l");
        assert_eq!(running.trim(), workers.to_string());
        assert_eq!(inside(&host, "ls -id /opt/whole/envs/*"), environments);
    }
    desk.expect(Succeeded, &desk.site(&site("blue", 1)), &Request::Rollback { to: None }).await;
    assert!(ask("-u 'ann:open sesame'", "/").contains("red"));
    let readable = inside(
        &host,
        "grep -rlE 'canary-credentials|open sesame' /etc /opt /var/lib /var/log /run 2>/dev/null | xargs -r stat -c '%a %U:%G' | sort -u",
    );
    assert!(readable.lines().all(|line| ["600 root:root", "440 root:whole"].contains(&line)), "{readable}");
}
