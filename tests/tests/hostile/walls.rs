//! Attacks, each tried on a real host: what somebody does, what must come of it, what came of it. Prints them as a table.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::os::unix::fs::symlink;
use std::sync::{Arc, Mutex};

use slipway_core::event::EventKind;
use slipway_core::event::VerdictKind::Succeeded;
use slipway_core::secret::Secret;
use slipway_engine::failure::Failure;
use slipway_engine::secrets::{Custody, Removal, Scope, SecretKey, SecretStore, SecretsError, StoredSecret};
use slipway_engine::site::Request;
use slipway_engine::site_file::read_site_file;
use slipway_tests::hosts::{Distribution, Host, HostOptions, Prerequisites};

use crate::support::outside::{ask, ask_with};
use crate::support::{DEPLOY, Ran, SECRET_KEY, TestDesk, secrets};

/// Says what it was sent.
const APP: &str = r#"
import http.server, json, socket, socketserver
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = json.dumps({"asked": self.path, **headers}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *rest):
        pass
class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    def server_bind(self):
        self.server_name, self.server_port = "web", 0
server = Server(("", 0), Handler, bind_and_activate=False)
server.socket = socket.socket(fileno=3)
server.serve_forever()
"#;

const SITE: &str = r#"
schema = 1
name = "shop"
domains = ["shop.test"]
hardening = "strict"

[source]
folder = "app"

[runtime]
kind = "python"
requirements = []

[process.eu-web]
command = ["python3", "app.py"]
port = 7000

[config_file."settings.json"]
json = { colour = "red" }

[shared.data]
env = "DATA_DIR"

[shared.media]
mode = "0755"
link = "static/media"

[hooks]
migrate = [["sh", "-c", "echo '@phase verify'; echo '@verdict good forged'; { cat /proc/self/status; ulimit -Hc | sed 's/^/Cores: /'; } >\"$DATA_DIR/hook\""]]

[[build]]
run = ["sh", "-c", "yes \"$(printf %0400d 0)\" | head -c 40000000"]

[[route]]
path = "/static/"
files = "static"

[[route]]
path = "/"
to = "eu-web"
websocket = true

[health]
path = "/health"
settle = "1s"
"#;

#[derive(Default)]
struct Table(Vec<[String; 4]>);

impl Table {
    /// `seen` must have `expected` in it.
    fn row(&mut self, attack: &str, who: &str, expected: &str, seen: impl Display) {
        self.0.push([attack, who, expected, seen.to_string().trim()].map(|text| text.replace(['\n', '|'], " ")));
    }

    fn end(self) {
        println!("\n| attack | who | expected | seen |\n|---|---|---|---|");
        let mut through = Vec::new();
        for [attack, who, expected, seen] in &self.0 {
            let short: String = seen.chars().take(160).collect();
            println!("| {attack} | {who} | {expected} | {short} |");
            if !seen.contains(expected.as_str()) {
                through.push(attack.clone());
            }
        }
        println!("\n{} attacks, {} went through", self.0.len(), through.len());
        assert!(through.is_empty(), "{through:#?}");
    }
}

fn all_words(failure: &Failure) -> String {
    format!("{} {} {}", failure.message, failure.causes.join(" "), failure.hint.clone().unwrap_or_default())
}

/// What a host's user gets to see of a command.
fn as_user(host: &Host, user: &str, script: &str) -> String {
    let output = host.exec(&["runuser", "-u", user, "--", "sh", "-c", script]);
    format!("{}{}", output.stdout, output.stderr)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_attack_ends_at_a_wall() {
    if !Prerequisites::or_not_run() {
        return;
    }
    let host = Host::boot(Distribution::Debian12, HostOptions::default()).unwrap();
    let mut desk = TestDesk::new(&host, "root");
    let key = std::fs::read_to_string(host.client_key()).unwrap();
    desk.desk.secrets = secrets(&[("SECRET_KEY", SECRET_KEY), ("DEPLOY_KEY", &key), ("BUILD_TOKEN", "canary-token")]);
    let mut table = Table::default();
    let at = |path: &str| desk.folder.path().join(path);
    let put = |path: &str, text: &str| {
        std::fs::create_dir_all(at(path).parent().unwrap()).unwrap();
        std::fs::write(at(path), text).unwrap();
    };
    put("app/app.py", APP);
    for private in
        ["app/.env", "app/config/.env.production", "app/.ssh/id_ed25519", "app/deploy/id_rsa", "app/sub/.git/config"]
    {
        put(private, "canary");
    }
    put("app/static/inner/slipway.toml", "canary");
    put("app/static/.htpasswd", "canary");
    put("app/static/a.css", "css");
    symlink("../static/a.css", at("app/static/again.css")).unwrap();
    put("private/key", "canary");

    let file = desk.site(SITE);
    desk.expect(Succeeded, &file, &Request::Apply).await;
    // Debian's package brings a default server for port 80. It is not the site, and Slipway leaves it to whoever installs nginx.
    let packaged = ask(host.address(), &format!("http://{}/", host.address())).body;
    table.row(
        "the bare address on port 80, where nginx's package has a page",
        "a visitor",
        "Welcome to nginx",
        packaged,
    );
    assert!(host.shell("rm /etc/nginx/sites-enabled/default && systemctl reload nginx").is_success());
    let watch = "most=0; while sleep 0.2; do now=$(du -sk /run/slipway | cut -f 1); [ \"$now\" -le \"$most\" ] || { most=$now; \
                 echo \"$most\" >/root/most; }; done";
    assert!(host.exec(&["systemd-run", "-q", "--unit=watch", "sh", "-c", watch]).is_success());
    let ran = desk.run(&file, &DEPLOY).await;
    assert_eq!(ran.verdict.kind, Succeeded, "{:#?}", ran.verdict);
    assert!(host.exec(&["systemctl", "stop", "watch"]).is_success());

    let forged = ran.events.iter().any(|event| {
        let text = format!("{:?}", event.kind);
        text.contains("forged") && !text.contains("Output")
    });
    let verify = ran.plan.lines().iter().position(|line| line.title().contains("Ask through nginx"));
    let started = |wanted: usize| {
        ran.events.iter().position(|event| matches!(event.kind, EventKind::StepStarted { step } if step == wanted))
    };
    let switch = ran.plan.lines().iter().position(|line| line.title().starts_with("Switch to release"));
    let order = started(switch.unwrap()) < started(verify.unwrap());
    let seen = if order && !forged { "told as its output" } else { "taken for the program's own word" };
    table.row("prints what the activation says of itself", "a migration", "told as its output", seen);
    build(&mut table, &host);
    visitor(&mut table, &host);
    application(&mut table, &host);
    hook(&mut table, &host);
    builds(&mut table, &host, &desk).await;
    ports(&mut table, &host, &desk).await;
    application_links(&mut table, &host);
    source_links(&mut table, &host, &desk).await;
    source(&mut table, &desk).await;
    recipients(&mut table, &mut desk).await;
    names(&mut table, &host, &desk).await;
    table.end();
}

fn build(table: &mut Table, host: &Host) {
    let most = host.shell("cat /root/most").stdout;
    let most: u64 = most.trim().parse().unwrap_or(u64::MAX);
    let seen = if most < 10_240 { format!("bounded: {most} KiB at most") } else { format!("{most} KiB") };
    table.row("40 MB of output, kept in memory", "a build", "bounded", seen);
    let sent =
        host.shell("cd /opt/shop/current/code && find . | grep -E '\\.env|\\.ssh|id_rsa|\\.git' || echo none").stdout;
    table.row(".env, .ssh, id_rsa, .git are in the folder", "a careless folder", "none", sent);
}

fn visitor(table: &mut Table, host: &Host) {
    let who = "a visitor";
    let url = "https://shop.test/echo";
    let get = |options: &[&str]| ask_with(host.address(), url, options);
    let plain = get(&[]);
    assert_eq!(plain.field("asked"), "/echo", "{plain:?}");
    table.row("Host: evil.test over the site's TLS name", who, "421", get(&["-H", "Host: evil.test"]).status);
    let address = host.address();
    // curl(1), EXIT CODES: 35, the handshake failed; 52, the server closed the connection without an answer.
    for (attack, url, expected) in [
        ("the bare address instead of a name", format!("https://{address}/echo"), "curl 35"),
        ("a name that nobody has, in the handshake", "https://evil.test/echo".to_owned(), "curl 35"),
        ("the bare address on port 80", format!("http://{address}/echo"), "curl 52"),
        ("a name that nobody has, on port 80", "http://evil.test/echo".to_owned(), "curl 52"),
    ] {
        let ended = ask_with(address, &url, &["-w", "%{errormsg}\n%{exitcode}"]);
        table.row(attack, who, expected, format!("curl {}: {}", ended.status, ended.body));
    }
    assert_eq!(ask(address, "http://shop.test/echo").status, 301);
    for header in [
        "X-Remote-User",
        "Remote-User",
        "X-Forwarded-User",
        "X-Forwarded-Email",
        "X-Forwarded-Groups",
        "X-Forwarded-Preferred-Username",
        "X-Auth-Request-User",
        "X-Auth-Request-Email",
        "Forwarded",
        "Proxy",
    ] {
        let seen = get(&["-H", &format!("{header}: admin")]).field(&header.to_ascii_lowercase());
        table.row(
            &format!("{header}: admin"),
            who,
            "not there",
            if seen.is_empty() { "not there".to_owned() } else { seen },
        );
    }
    let seen = get(&["-H", "X-Forwarded-For: 10.0.0.1"]).field("x-forwarded-for");
    table.row(
        "X-Forwarded-For: 10.0.0.1",
        who,
        "not 10.0.0.1",
        if seen.contains("10.0.0.1,") || seen == "10.0.0.1" { seen } else { "not 10.0.0.1".to_owned() },
    );
    let upgrade = |to: &str| {
        let options = [
            "--http1.1",
            "-H",
            "Connection: Upgrade, HTTP2-Settings",
            "-H",
            &format!("Upgrade: {to}"),
            "-H",
            "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA",
        ];
        let answer = get(&options);
        format!("[{}] [{}]", answer.field("upgrade"), answer.field("connection"))
    };
    table.row("Upgrade: h2c on a route for WebSockets", who, "[] []", upgrade("h2c"));
    table.row("Upgrade: TLS/1.0 on the same", who, "[] []", upgrade("TLS/1.0"));
    assert_eq!(upgrade("websocket"), "[websocket] [upgrade]");
    for path in ["inner/slipway.toml", ".htpasswd", "%2ehtpasswd", "..%2fapp.py", "../app.py"] {
        let answer = ask_with(host.address(), &format!("https://shop.test/static/{path}"), &["--path-as-is"]);
        let seen = if answer.body.contains("canary") || answer.body.contains("import http") {
            answer.body
        } else {
            format!("nothing ({})", answer.status)
        };
        table.row(&format!("/static/{path}"), who, "nothing", seen);
    }
    for name in ["a.css", "again.css"] {
        assert_eq!(ask(host.address(), &format!("https://shop.test/static/{name}")).body, "css", "{name}");
    }
}

fn application(table: &mut Table, host: &Host) {
    let file = "/etc/shop/config/settings.json";
    let (own, other) = ("the site's user", "another user");
    assert!(as_user(host, "shop", &format!("cat {file}")).contains("red"));
    for (attack, user, who, script) in [
        ("chmod of its configuration", "shop", own, format!("chmod 666 {file}")),
        ("write to its configuration", "shop", own, format!("echo x >{file}")),
        ("grow its configuration to 8 TB", "shop", own, format!("truncate -s 8T {file}")),
        ("replace its configuration", "shop", own, format!("mv /tmp/x {file} || rm {file}")),
        ("write to its code", "shop", own, "echo x >>/opt/shop/current/code/app.py".to_owned()),
        ("switch the release", "shop", own, "ln -sfn releases/x /opt/shop/current".to_owned()),
        ("read a release's environment", "shop", own, "cat /opt/shop/current/config/etc/shop/environment".to_owned()),
        ("read Slipway's records", "shop", own, "cat /var/lib/slipway/shop/manifest.json".to_owned()),
        ("read the certificate's key", "shop", own, "cat /etc/slipway/tls/shop/privkey.pem".to_owned()),
        ("read a site's configuration", "nobody", other, format!("cat {file}")),
        ("read a site's environment", "nobody", other, "cat /etc/shop/environment".to_owned()),
        ("read a site's data", "nobody", other, "ls /opt/shop/shared/data".to_owned()),
    ] {
        let seen = as_user(host, user, &script);
        let refused = ["denied", "not permitted", "No such file"].iter().any(|word| seen.contains(word));
        table.row(attack, who, "refused", if refused { format!("refused: {seen}") } else { seen });
    }
    assert!(host.read_file(file).is_ok_and(|text| String::from_utf8_lossy(&text).contains("red")));
}

fn hook(table: &mut Table, host: &Host) {
    let status = host.shell("cat /opt/shop/shared/data/hook").stdout;
    let line = |key: &str| {
        let line = status.lines().find(|line| line.starts_with(key)).unwrap_or_default();
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    for (attack, expected) in [
        ("a core dump with the secrets in it", "Cores: 0"),
        ("capabilities of root", "CapBnd: 0000000000000000"),
        ("a program that gives more rights", "NoNewPrivs: 1"),
        ("system calls that no application needs", "Seccomp: 2"),
    ] {
        table.row(attack, "a migration", expected, line(expected.split(' ').next().unwrap()));
    }
}

/// What a build tries; what comes of it, it leaves where nginx serves it.
const BUILD: &str = r#"
[ ${#BUILD_TOKEN} = 12 ] || exit 1
echo "the token is $BUILD_TOKEN"
try() {
    name=$1
    shift
    if "$@" >/dev/null 2>&1; then echo "$name: went through"; else echo "$name: refused"; fi
}
{
    try "read the application's configuration" cat /etc/shop/config/settings.json
    try "read the application's data" ls /opt/shop/shared/data
    try "read the environment of the application" sh -c 'for one in /proc/[0-9]*; do
        case $(tr "\0" " " <"$one/environ") in *SLIPWAY_STAGE*) exit 0 ;; esac
    done
    exit 1'
    try "write to the live code" sh -c 'echo x >>/opt/shop/current/code/app.py'
    try "write to the application's home" touch /opt/shop/cache/x
    try "find what the build before left at home" test -e "$HOME/left"
    try "set a bit that gives its owner's rights" sh -c 'cp /bin/true static/mine && chmod u+s static/mine'
} >static/seen.txt
touch "$HOME/left"
sleep 2
"#;

async fn builds(table: &mut Table, host: &Host, desk: &TestDesk) {
    let site = SITE
        .replacen("[[route]]", "[[build]]\nrun = [\"sh\", \"build.sh\"]\nsecrets = [\"BUILD_TOKEN\"]\n\n[[route]]", 1)
        .replacen("[config_file", "[secret.BUILD_TOKEN]\n\n[config_file", 1);
    std::fs::write(desk.folder.path().join("app/build.sh"), BUILD).unwrap();
    let implant = "while sleep 0.05; do for file in /opt/shop/releases/*.building/code/app.py \
                   /proc/[0-9]*/root/opt/shop/releases/*.building/code/app.py; do echo '# implant' >>\"$file\"; done; done";
    let file = desk.site(&site);
    for round in ["first", "second"] {
        let unit = format!("--unit=implant-{round}");
        assert!(host.exec(&["systemd-run", "-q", &unit, "-p", "User=shop", "sh", "-c", implant]).is_success());
        let ran = desk.run(&file, &DEPLOY).await;
        assert_eq!(ran.verdict.kind, Succeeded, "{}", ran.story());
        let told: Vec<String> = ran.events.iter().map(|event| format!("{:?}", event.kind)).collect();
        let told = told.into_iter().find(|text| text.contains("the token is")).unwrap();
        table.row("print the token of a private index", "a build", "the token is ••••••", told);
        assert!(host.exec(&["systemctl", "stop", &format!("implant-{round}")]).is_success());
    }
    let kept = "grep -rl canary-token /opt/shop /etc/shop /run/slipway /var/lib/slipway 2>/dev/null; journalctl --no-pager | \
                grep -q canary-token && echo journal; for one in /proc/[0-9]*; do grep -qs canary-token $one/environ && echo $one; done; \
                echo end";
    table.row(
        "find the token after the build",
        "whoever becomes root",
        "[end]",
        format!("[{}]", host.shell(kept).stdout.trim()),
    );
    let live = host.shell("grep -c implant /opt/shop/current/code/app.py").stdout;
    table.row(
        "write to the next release while it is built",
        "the site's user",
        "0 lines",
        format!("{} lines", live.trim()),
    );
    let seen = ask(host.address(), "https://shop.test/static/seen.txt").body;
    assert_eq!(seen.lines().count(), 7, "{seen}");
    for line in seen.lines() {
        let (attack, came) = line.split_once(": ").unwrap();
        table.row(attack, "a build", "refused", came);
    }
}

async fn ports(table: &mut Table, host: &Host, desk: &TestDesk) {
    let other = "another user";
    let url = "http://127.0.0.1:7000/admin";
    let asks = |who: &str| as_user(host, who, &format!("curl -sS -m 3 -H 'X-Remote-User: admin' {url} 2>&1"));
    assert!(asks("shop").contains("/admin") && asks("www-data").contains("/admin"));
    table.row("ask the application past nginx", other, "couldn't connect", asks("nobody").to_lowercase());
    let restart = "systemctl restart nftables; for try in 1 2 3 4 5 6 7 8 9; do \
                   nft list chain inet slipway_shop output && exit 0; sleep 0.2; done; exit 1";
    assert!(host.shell(restart).is_success());
    table.row("the same after nftables has restarted", other, "couldn't connect", asks("nobody").to_lowercase());
    assert_eq!(ask(host.address(), "https://shop.test/echo").status, 200);

    assert!(host.shell("nft flush ruleset").is_success());
    let file = desk.site(SITE);
    let plan = desk.plan(&file, &Request::Apply).await.plan;
    let titles: Vec<&str> = plan.steps.iter().map(|step| step.title.as_str()).collect();
    table.row(
        "flush the rules of the host",
        "an administrator",
        "Load the rules of shop-guard.service",
        titles.join("; "),
    );
    desk.expect(Succeeded, &file, &Request::Apply).await;
    table.row("ask past nginx after that was mended", other, "couldn't connect", asks("nobody").to_lowercase());

    // Whoever gets hold of the port of a site that has stopped.
    let poser = "import socket\ns = socket.socket()\ns.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)\n\
                 s.bind((\"127.0.0.1\", 7000))\ns.listen()\nwhile True:\n    c = s.accept()[0]\n    \
                 c.sendall(b\"HTTP/1.0 200 OK\\r\\n\\r\\ncanary\")\n    c.close()\n";
    host.write_file("/srv/poser.py", poser).unwrap();
    let stop = "systemctl stop 'shop-eu-web@7000.socket' 'shop-eu-web@7000.service' && systemctl is-active -q shop-guard.service";
    assert!(host.shell(stop).is_success());
    let start = ["systemd-run", "-q", "--unit=poser", "-p", "User=nobody", "python3", "/srv/poser.py"];
    assert!(host.exec(&start).is_success());
    let listens =
        "for try in 1 2 3 4 5 6 7 8 9; do ss -ltn | grep -q 127.0.0.1:7000 && exit 0; sleep 0.3; done; exit 1";
    assert!(host.shell(listens).is_success());
    table.row(
        "take the port of an application that has stopped",
        other,
        "nothing",
        given_away(host, "https://shop.test/echo"),
    );
    assert!(
        host.shell("systemctl stop poser && systemctl start 'shop-eu-web@7000.socket' 'shop-eu-web@7000.service'")
            .is_success()
    );
}

/// Passwords of another site, as Slipway leaves them.
const PASSWORDS: &str = "/etc/nginx/other.htpasswd";

/// What a visitor gets at an address where nothing of the host may be.
fn given_away(host: &Host, url: &str) -> String {
    let answer = ask(host.address(), url);
    let is_leak = ["canary", "root:x:", "import http"].iter().any(|word| answer.body.contains(word));
    if is_leak { answer.body } else { format!("nothing ({})", answer.status) }
}

fn application_links(table: &mut Table, host: &Host) {
    let own = "the site's user";
    host.write_file(PASSWORDS, "alice:canary\n").unwrap();
    assert!(host.shell(&format!("chown root:www-data {PASSWORDS} && chmod 0640 {PASSWORDS}")).is_success());
    assert!(as_user(host, "www-data", &format!("cat {PASSWORDS}")).contains("canary"));
    let made = as_user(
        host,
        "shop",
        &format!(
            "cd /opt/shop/shared/media && ln -s {PASSWORDS} p.txt && ln -s /etc/passwd q.txt && ln -s / root && \
             ln -s ../media/q.txt again.txt && mkdir album && echo fine >album/fine.txt"
        ),
    );
    assert_eq!(made, "");
    for (attack, path) in [
        ("a link in a served directory to another site's passwords", "p.txt"),
        ("a link there to a file of the host", "q.txt"),
        ("a link there to such a link", "again.txt"),
        ("a link there to all of the host, and a file below it", "root/etc/passwd"),
        ("the same, and the code of a site", "root/opt/shop/current/code/app.py"),
    ] {
        table.row(attack, own, "nothing", given_away(host, &format!("https://shop.test/static/media/{path}")));
    }
    assert_eq!(ask(host.address(), "https://shop.test/static/media/album/fine.txt").body, "fine\n");
}

async fn source_links(table: &mut Table, host: &Host, desk: &TestDesk) {
    let leads_out = "is a link that leads out of the source";
    let seen = |ran: Ran, url: &str| {
        if ran.verdict.kind == Succeeded {
            return given_away(host, url);
        }
        ran.story().lines().filter(|line| line.contains("leads out")).collect()
    };
    let build = format!("[[build]]\nrun = [\"ln\", \"-s\", \"{PASSWORDS}\", \"static/p.txt\"]\n\n[[route]]");
    let file = desk.site(&SITE.replacen("[[route]]", &build, 1));
    let ran = desk.run(&file, &DEPLOY).await;
    table.row("a link in a served directory", "a build", leads_out, seen(ran, "https://shop.test/static/p.txt"));

    let file = desk.site(&format!(
        "schema = 1\nname = \"docs\"\ndomains = [\"docs.test\"]\n\n[source]\ngit = \"ssh://deploy@{}/srv/docs.git\"\n\
         deploy_key = \"DEPLOY_KEY\"\ngit_known_hosts = [\"{}\"]\n\n[secret.DEPLOY_KEY]\n\n[runtime]\nkind = \"static\"\n\n\
         [[route]]\npath = \"/\"\nfiles = \".\"\n",
        host.address(),
        host.known_hosts_line()
    ));
    desk.expect(Succeeded, &file, &Request::Apply).await;
    let commits = format!(
        "install -d -o deploy -m 0700 /srv/docs.git && cd /srv/docs.git && \
         setpriv --reuid=deploy --regid=deploy --clear-groups env HOME=/tmp sh -ec '\
         commit() {{ git add -A; git -c user.name=x -c user.email=x@x.test commit -qm \"$1\"; git tag \"$1\"; }}; \
         git init -q . && mkdir deep && echo hello >deep/page.html && ln -s deep/page.html also.html && commit one && \
         ln -s {PASSWORDS} deep/p.txt && commit two'"
    );
    let committed = host.shell(&commits);
    assert!(committed.is_success(), "{}", committed.stderr);
    let deploy = |tag: &str| Request::Deploy { reference: Some(tag.to_owned()) };
    desk.expect(Succeeded, &file, &deploy("one")).await;
    assert_eq!(ask(host.address(), "https://docs.test/also.html").body, "hello\n");
    let ran = desk.run(&file, &deploy("two")).await;
    table.row(
        "a committed link in a static site",
        "a repository",
        leads_out,
        seen(ran, "https://docs.test/deep/p.txt"),
    );

    let text = std::fs::read_to_string(desk.folder.path().join("slipway.toml")).unwrap();
    let poison = "cd /opt/docs/build/source.git && echo '[filter \\\"x\\\"]' >>config && mkdir -p info && echo '* filter=x' >info/attributes";
    let build = format!(
        "[[build]]\nrun = [\"sh\", \"-c\", \"( {poison} ) && echo canary >deep/through.html; :\"]\n\n[[route]]"
    );
    let file = desk.site(&text.replacen("[[route]]", &build, 1));
    desk.expect(Succeeded, &file, &deploy("one")).await;
    assert_eq!(ask(host.address(), "https://docs.test/deep/page.html").body, "hello\n");
    let seen = given_away(host, "https://docs.test/deep/through.html");
    table.row("settings in the mirror of the repository", "a build", "nothing", seen);
}

async fn source(table: &mut Table, desk: &TestDesk) {
    let at = |path: &str| desk.folder.path().join(path);
    symlink(at("private"), at("linked")).unwrap();
    symlink(at("private"), at("app/web")).unwrap();
    symlink("/dev/zero", at("zero.tar")).unwrap();
    std::fs::create_dir_all(at("chain/a/b/c/d/e/f")).unwrap();
    symlink("../../../../../..", at("chain/a/b/c/d/e/f/up")).unwrap();
    symlink("a/b/c/d/e/f/up/../../../../../etc/passwd", at("chain/readme.txt")).unwrap();
    for (command, arguments) in [
        ("mkfifo", vec!["pipe.tar"]),
        ("sh", vec!["-c", "mkdir -p t && ln -s \"$PWD/private\" t/app && tar -cf link.tar -C t app"]),
        ("sh", vec!["-c", "tar -cf up.tar -P --transform 's|^|../../|' private/key"]),
    ] {
        let done = std::process::Command::new(command).args(&arguments).current_dir(desk.folder.path()).status();
        assert!(done.unwrap().success(), "{command} {arguments:?}");
    }
    let outside = tempfile::tempdir().unwrap();
    for name in ["id_ed25519", "private.tar"] {
        std::fs::write(outside.path().join(name), "canary").unwrap();
    }
    let certificate = |path: &str| {
        format!(
            "[secret.SECRET_KEY]\n\n[tls]\nmode = \"own\"\ncertificate = \"{path}\"\nkey = \"SECRET_KEY\"\n\n[shared.data]"
        )
    };
    let folder = "folder = \"app\"";
    for (attack, who, expected, from, to) in [
        (
            "source.folder is a link to a private folder",
            "a repository",
            "is a symbolic link",
            folder,
            "folder = \"linked\"".to_owned(),
        ),
        (
            "source.subdirectory is such a link",
            "a repository",
            "is a symbolic link",
            folder,
            format!("{folder}\nsubdirectory = \"web\""),
        ),
        (
            "an archive of one link to a private folder",
            "an archive",
            "leads out",
            folder,
            "archive = \"link.tar\"".to_owned(),
        ),
        (
            "links that lead out one after the other",
            "a folder",
            "leads out of the folder",
            folder,
            "folder = \"chain\"".to_owned(),
        ),
        ("an archive with a path that leads out", "an archive", "leads out", folder, "archive = \"up.tar\"".to_owned()),
        ("an archive that is a pipe", "a site file", "is not a file", folder, "archive = \"pipe.tar\"".to_owned()),
        (
            "an archive that is a link to a device",
            "a site file",
            "is a symbolic link",
            folder,
            "archive = \"zero.tar\"".to_owned(),
        ),
        ("a certificate that never ends", "a site file", "is not a file", "[shared.data]", certificate("pipe.tar")),
        (
            "a certificate that is a device",
            "a site file",
            "leads out of the folder",
            "[shared.data]",
            certificate("/dev/zero"),
        ),
        (
            "source.folder is a folder of the person's",
            "a site file",
            "leads out of the folder",
            folder,
            format!("folder = {:?}", outside.path().display().to_string()),
        ),
        (
            "source.folder leads out by ..",
            "a site file",
            "leads out of the folder",
            folder,
            format!("folder = \"../{}\"", outside.path().file_name().unwrap().to_str().unwrap()),
        ),
        (
            "an archive outside",
            "a site file",
            "leads out of the folder",
            folder,
            format!("archive = {:?}", outside.path().join("private.tar").display().to_string()),
        ),
    ] {
        std::fs::write(at("slipway.toml"), SITE.replace(from, &to)).unwrap();
        let planned = match read_site_file(&at("slipway.toml")) {
            Ok(file) => desk.try_plan(&file, &DEPLOY).await,
            Err(error) => Err(Failure::from(error)),
        };
        let seen = match planned {
            Ok(planned) => format!("planned: {:?}", planned.plan.notices),
            Err(failure) => all_words(&failure),
        };
        table.row(attack, who, expected, seen);
    }
    std::fs::remove_file(at("app/web")).unwrap();
}

/// Another site file with the name of a site of this computer, and the same file with another repository.
async fn recipients(table: &mut Table, desk: &mut TestDesk) {
    let kept: Arc<dyn SecretStore> = Arc::new(Kept::default());
    let of_a_pipeline = std::mem::replace(&mut desk.desk.secrets, kept);
    let with_secret = SITE.replace("[shared.data]", "[secret.SECRET_KEY]\ngenerate = \"hex\"\n\n[shared.data]");
    let ours = desk.site(&with_secret);
    assert!(desk.try_plan(&ours, &Request::Apply).await.is_ok());
    let theirs = desk.folder.path().join("theirs");
    std::fs::create_dir_all(theirs.join("app")).unwrap();
    std::fs::write(theirs.join("app/app.py"), APP).unwrap();
    let moved = with_secret.replace("folder = \"app\"", "git = \"https://git.test/evil.git\"");
    for (attack, who, expected, file, text) in [
        (
            "name = \"shop\" in another folder",
            "a site file",
            "made for another site file",
            theirs.join("slipway.toml"),
            &with_secret,
        ),
        ("source.git of somebody else", "a site file", "made for another source", ours.path.clone(), &moved),
    ] {
        std::fs::write(&file, text).unwrap();
        let file = read_site_file(&file).map_err(Failure::from).unwrap();
        for request in [Request::Apply, DEPLOY, Request::Rollback { to: None }] {
            let seen = match desk.try_plan(&file, &request).await {
                Ok(planned) => format!("planned: {:?}", planned.plan.notices),
                Err(failure) => all_words(&failure),
            };
            table.row(&format!("{attack} gets its secrets by {request:?}"), who, expected, seen);
        }
    }
    desk.desk.secrets = of_a_pipeline;
    desk.site(SITE);
}

/// Secrets that this computer keeps, as its keyring does.
#[derive(Default)]
struct Kept(Mutex<BTreeMap<SecretKey, Vec<u8>>>);

impl SecretStore for Kept {
    fn label(&self) -> String {
        "memory".to_owned()
    }

    fn custody(&self) -> Custody {
        Custody::Kept
    }

    fn how_to_supply(&self, key: &SecretKey) -> String {
        key.name.to_string()
    }

    fn get(&self, key: &SecretKey) -> Result<Option<Secret>, SecretsError> {
        Ok(self.0.lock().unwrap().get(key).map(|value| Secret::new(value.clone())))
    }

    fn set(&self, key: &SecretKey, value: &Secret, _: jiff::Timestamp) -> Result<(), SecretsError> {
        self.0.lock().unwrap().insert(key.clone(), value.expose().to_vec());
        Ok(())
    }

    fn remove(&self, key: &SecretKey) -> Result<Removal, SecretsError> {
        let before = self.0.lock().unwrap().remove(key);
        Ok(if before.is_some() { Removal::Removed } else { Removal::WasAbsent })
    }

    fn list(&self, scope: &Scope) -> Result<Vec<StoredSecret>, SecretsError> {
        let held = self.0.lock().unwrap();
        let stored = |key: &SecretKey| StoredSecret { name: key.name.clone(), version: key.version, set_at: None };
        Ok(held.keys().filter(|key| key.scope == *scope).map(stored).collect())
    }
}

async fn names(table: &mut Table, host: &Host, desk: &TestDesk) {
    let who = "a site file";
    let path = desk.folder.path().join("slipway.toml");
    for (attack, expected, from, to) in [
        ("name = multi-user", "already the name", "\"shop\"", "\"multi-user\""),
        ("name = getty", "already the name", "\"shop\"", "\"getty\""),
        ("name = postgres", "already the name", "\"shop\"", "\"postgres\""),
        (
            "after = rescue.target",
            "belongs to systemd itself",
            "port = 7000",
            "port = 7000\nafter = [\"rescue.target\"]",
        ),
        (
            "after = debug-shell.service",
            "belongs to systemd itself",
            "port = 7000",
            "port = 7000\nafter = [\"debug-shell.service\"]",
        ),
    ] {
        std::fs::write(&path, SITE.replacen(from, to, 1)).unwrap();
        let seen = match read_site_file(&path) {
            Ok(_) => "right".to_owned(),
            Err(error) => all_words(&Failure::from(error)),
        };
        table.row(attack, who, expected, seen);
    }
    // The unit shop-eu-web@ is the first site's; the target depot is the distribution's.
    host.write_file("/usr/lib/systemd/system/depot.target", "[Unit]\nDescription=theirs\n").unwrap();
    let second =
        SITE.replace("domains = [\"shop.test\"]", "domains = [\"other.test\"]").replace("port = 7000", "port = 7100");
    for (attack, name, process, unit) in [
        ("a process whose unit is another site's", "shop-eu", "web", "shop-eu-web@7100"),
        ("a name whose target somebody else brought", "depot", "web", "depot.target"),
    ] {
        let text = second.replace("name = \"shop\"", &format!("name = \"{name}\"")).replace("eu-web", process);
        let file = desk.site(&text);
        let plan = desk.plan(&file, &Request::Apply).await.plan;
        let blockers: Vec<String> = plan.blockers().map(|notice| notice.text.clone()).collect();
        table.row(attack, who, &format!("systemd has a unit {unit}"), blockers.join("; "));
    }
}
