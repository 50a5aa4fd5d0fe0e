//! The real parsers judge the rendered files, where they are installed; "not run" is printed where they are not.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::*;

/// Runs a tool; none after saying so when it is not installed.
fn run(program: &str, arguments: &[&str]) -> Option<(bool, String)> {
    match Command::new(program).args(arguments).output() {
        Ok(output) => {
            let text = [output.stdout, output.stderr].concat();
            Some((output.status.success(), String::from_utf8_lossy(&text).into_owned()))
        }
        Err(error) => {
            eprintln!("not run: {program}: {error}");
            None
        }
    }
}

fn put(directory: &Path, name: &str, text: &str) -> String {
    let path = directory.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn systemd_accepts_the_units() {
    for (name, site) in all() {
        let world = World::new(site);
        let directory = tempfile::tempdir().unwrap();
        let rendered = world.render();
        let mut paths = Vec::new();
        for file in rendered.files.iter().filter(|file| place(file) == Where::Unit) {
            // A template is judged through an instance.
            let unit = file.path.rsplit('/').next().unwrap().replace('@', "@8000");
            paths.push(put(directory.path(), &unit, file.masked()));
        }
        let arguments: Vec<&str> = ["verify", "--man=no"].into_iter().chain(paths.iter().map(String::as_str)).collect();
        let Some((_, text)) = run("systemd-analyze", &arguments) else { return };
        let complaints: Vec<&str> = text
            .lines()
            .filter(|line| line.contains(directory.path().to_str().unwrap()) || line.contains(world.site.name.as_str()))
            .filter(|line| !line.contains("is not executable") && !line.contains("Failed to create"))
            .collect();
        assert!(complaints.is_empty(), "{name}: {complaints:#?}");
    }
}

#[test]
fn strict_hardening_is_strict() {
    for (name, site, limit) in [("python", flask_socketio(), 2.5), ("node", node(), 2.5)] {
        let world = World::new(site);
        let directory = tempfile::tempdir().unwrap();
        let rendered = world.render();
        let process = |file: &&RenderedFile| file.path.ends_with("@.service") && file.masked().contains("User=");
        let file = rendered.files.iter().find(process).unwrap();
        let path = put(directory.path(), "judged.service", file.masked());
        let Some((_, text)) = run("systemd-analyze", &["security", "--offline=true", "--no-pager", &path]) else {
            return;
        };
        let Some(level) = text.split("exposure level for ").nth(1).and_then(|rest| rest.split_whitespace().nth(1))
        else {
            eprintln!("not run: this systemd-analyze cannot judge a file: {text}");
            return;
        };
        let level: f64 = level.parse().unwrap();
        println!("{name}: exposure level {level}");
        assert!(level <= limit, "{name}: {text}");
    }
}

#[test]
fn python_reads_the_gunicorn_settings() {
    let text = World::new(flask_socketio()).file("/etc/web-framework/gunicorn-web.py");
    let script =
        format!("import os\nos.environ['PORT'] = '5000'\n{text}\nprint(bind, workers, worker_class, timeout)\n");
    let Some((ok, output)) = run("python3", &["-c", &script]) else { return };
    assert!(ok, "{output}");
    assert_eq!(output, "127.0.0.1:5000 1 eventlet 120\n");
}

#[test]
fn logrotate_accepts_its_file() {
    let directory = tempfile::tempdir().unwrap();
    let text = World::new(flask_socketio()).file("/etc/logrotate.d/web-framework");
    // The accounts do not exist on this machine.
    let path = put(directory.path(), "site", &text.replace(" web-framework adm", " root root"));
    let Some((ok, output)) = run("logrotate", &["-d", "-s", "/dev/null", &path]) else { return };
    assert!(ok && !output.contains("error:"), "{output}");
}

#[test]
fn visudo_accepts_the_operators_file() {
    for (_, site) in all() {
        let world = World::new(site);
        let file = render_operator(&world.input(), "deploy").unwrap();
        let directory = tempfile::tempdir().unwrap();
        let path = put(directory.path(), "operator", file.masked());
        let Some((ok, output)) = run("visudo", &["-c", "-f", &path]) else { return };
        assert!(ok, "{output}\n{}", file.masked());
    }
    assert!(render_operator(&World::new(node()).input(), "%wheel").is_err());
    let odd = crate::encode::sudoers::command(&["/usr/bin/x", "a=b,c:d", "--f", "g@h+i%j"]).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = put(
        directory.path(),
        "odd",
        &format!("{} ALL=(root) {odd}\n", crate::encode::sudoers::user("ann@example.com").unwrap()),
    );
    if let Some((ok, output)) = run("visudo", &["-c", "-f", &path]) {
        assert!(ok, "{output}");
    }
}

#[test]
fn nft_accepts_the_guard() {
    let directory = tempfile::tempdir().unwrap();
    // Users that every machine has stand in for those of the host.
    let rules = World::new(nicegui()).file("/etc/mbasic/guard.nft");
    let rules = rules.replace("\"www-data\"", "\"daemon\"").replace("\"mbasic\"", "\"nobody\"");
    let path = put(directory.path(), "guard.nft", &rules);
    let Some((ok, output)) = run("nft", &["-c", "-f", &path]) else { return };
    if output.contains("Operation not permitted") {
        eprintln!("not run: nft needs root");
        return;
    }
    assert!(ok, "{output}");
}

/// nginx with one rendered site, on ports and directories of its own; ended when dropped.
struct Nginx {
    child: Option<Child>,
    port: u16,
    directory: tempfile::TempDir,
}

impl Drop for Nginx {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Nginx {
    /// Writes the configuration: site, password file, certificate; ports and paths moved into a directory. A client may say
    /// which address it has.
    fn prepare(world: &World) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().to_str().unwrap().to_owned();
        let (key, chain) = (format!("{root}/key.pem"), format!("{root}/chain.pem"));
        let request =
            ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=x"];
        run("openssl", &[&request[..], &["-keyout", &key, "-out", &chain]].concat())?;
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let rendered = world.render();
        let site = rendered.files.iter().find(|file| place(file) == Where::NginxSite).unwrap().masked();
        let site = site
            .replace("/etc/slipway/tls/", &format!("{root}/tls/"))
            .replace(&format!("{root}/tls/{}/fullchain.pem", world.site.name), &chain)
            .replace(&format!("{root}/tls/{}/privkey.pem", world.site.name), &key)
            .replace("/var/log/nginx", &root)
            .replace("/opt/", &format!("{root}/opt/"))
            .replace("/etc/nginx/", &format!("{root}/"));
        if let Some(file) = rendered.files.iter().find(|file| place(file) == Where::Passwords) {
            put(directory.path(), &format!("{}.htpasswd", world.site.name), std::str::from_utf8(file.bytes()).unwrap());
        }
        put(directory.path(), "site.conf", &moved(&site, port));
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {root}/{kind};"))
            .join(" ");
        let user = if std::fs::metadata("/root/.").is_ok() { "user root;" } else { "" };
        put(
            directory.path(),
            "nginx.conf",
            &format!(
                "{user} daemon off; master_process off; pid {root}/pid; error_log {root}/error.log; events {{}} \
                 http {{ set_real_ip_from 127.0.0.1; real_ip_header X-Seen-Address; types {{ text/html html; text/css css; application/javascript js; }} {temporary} include {root}/0*.conf; include {root}/site.conf; }}\n"
            ),
        );
        Some(Self { child: None, port, directory })
    }

    fn test(&self) -> Option<(bool, String)> {
        let root = self.directory.path().to_str().unwrap();
        run("nginx", &["-t", "-e", &format!("{root}/error.log"), "-p", root, "-c", &format!("{root}/nginx.conf")])
    }

    fn start(world: &World) -> Option<Self> {
        Self::prepare(world)?.begin()
    }

    fn begin(mut self) -> Option<Self> {
        let (ok, output) = self.test()?;
        assert!(ok, "{output}");
        let root = self.directory.path().to_str().unwrap().to_owned();
        let child = Command::new("nginx")
            .args(["-e", &format!("{root}/error.log"), "-p", &root, "-c", &format!("{root}/nginx.conf")])
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        self.child = Some(child);
        let start = std::time::Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(start.elapsed().as_secs() < 10, "nginx did not start");
            std::thread::yield_now();
        }
        Some(self)
    }

    /// The answer to GET `path`, headers and body, as text.
    fn get(&self, path: &str, headers: &str) -> String {
        self.ask("docs.example.com", path, headers)
    }

    /// The same of any name.
    fn ask(&self, name: &str, path: &str, headers: &str) -> String {
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        write!(stream, "GET {path} HTTP/1.0\r\nHost: {name}\r\n{headers}\r\n").unwrap();
        let mut text = Vec::new();
        stream.read_to_end(&mut text).unwrap();
        String::from_utf8_lossy(&text).into_owned()
    }

    fn write(&self, path: &str, text: &str) {
        put(self.directory.path(), path, text);
    }
}

/// A server on `port` of this machine instead of its own; with TLS, on another address.
fn moved(text: &str, port: u16) -> String {
    text.replace("listen 80", &format!("listen 127.0.0.1:{port}"))
        .replace("    listen [::]:80;\n", "")
        .replace("listen 443", &format!("listen 127.0.0.2:{port}"))
        .replace("    listen [::]:443 ssl http2;\n", "")
}

fn nginx_is_new_enough() -> bool {
    let Some((_, text)) = run("nginx", &["-v"]) else { return false };
    let version = text.trim().rsplit('/').next().unwrap_or_default().to_owned();
    let parts: Vec<u32> = version.split('.').filter_map(|part| part.parse().ok()).collect();
    if parts < vec![1, 19, 5] {
        eprintln!("not run: these tests use nginx -e, which {version} has not");
        return false;
    }
    true
}

#[test]
fn nginx_accepts_every_site() {
    if !nginx_is_new_enough() {
        return;
    }
    let blueprints = crate::site::blueprint::list().iter().map(|blueprint| {
        (blueprint.name, serde_json::to_value(crate::site::parse(blueprint.text).unwrap().site).unwrap())
    });
    for (name, site) in all().into_iter().chain(blueprints) {
        let Some(nginx) = Nginx::prepare(&World::new(site)) else { return };
        let Some((ok, output)) = nginx.test() else { return };
        assert!(ok, "{name}: {output}");
        assert!(!output.contains("[warn]") || output.contains("\"user\""), "{name}: {output}");
    }
}

#[test]
fn nginx_serves_files_and_single_page_applications_as_meant() {
    if !nginx_is_new_enough() {
        return;
    }
    let world = World::new(json!({
        "schema": 1, "name": "docs", "domains": ["docs.example.com"], "source": { "folder": "." },
        "runtime": { "kind": "command" }, "tls": { "mode": "none" },
        "process": { "web": { "command": ["x"], "port": 9 } },
        "limits": { "requests_per_minute": 2, "burst": 1 },
        "route": [
            { "path": "/", "spa": "dist" }, { "path": "/admin/", "spa": "admin", "cache": "1d" }, { "path": "/static", "files": "static", "cache": "1h" },
            { "path": "/robots.txt", "exact": true, "files": "robots.txt", "headers": { "X-Frame-Options": "DENY" } },
            { "path": "/old", "redirect": "/new" }, { "path": "/api/", "to": "web" }, { "path": "/a%20b/", "files": "space dir" }
        ]
    }));
    let Some(nginx) = Nginx::start(&world) else { return };
    let code = "opt/docs/current/code";
    nginx.write(&format!("{code}/dist/index.html"), "HOME");
    nginx.write(&format!("{code}/dist/assets/index-D4f5a6b7.js"), "HASHED");
    nginx.write(&format!("{code}/dist/plain.js"), "PLAIN");
    nginx.write(&format!("{code}/dist/.env"), "HIDDEN");
    nginx.write(&format!("{code}/admin/index.html"), "ADMIN");
    nginx.write(&format!("{code}/admin/app.js"), "ADMINJS");
    nginx.write(&format!("{code}/static/a.css"), "CSS");
    nginx.write(&format!("{code}/static/.git/config"), "HIDDEN");
    nginx.write(&format!("{code}/robots.txt"), "ROBOTS");
    nginx.write(&format!("{code}/space dir/x.css"), "SPACE");
    nginx.write(&format!("{code}/secret.txt"), "HIDDEN");

    let has = |path: &str, parts: &[&str]| {
        let answer = nginx.get(path, "");
        for part in parts {
            assert!(answer.contains(part), "{path}: no {part:?} in {answer}");
        }
        assert!(!answer.contains("HIDDEN"), "{path}: {answer}");
        answer
    };
    let frame = "X-Frame-Options: SAMEORIGIN";
    has("/", &[" 200 ", "HOME", "Cache-Control: no-cache", frame, "X-Content-Type-Options: nosniff"]);
    has("/deep/link", &[" 200 ", "HOME", "Cache-Control: no-cache", frame]);
    has("/index.html", &[" 200 ", "HOME", "Cache-Control: no-cache"]);
    has("/assets/index-D4f5a6b7.js", &[" 200 ", "HASHED", "immutable", frame]);
    has("/plain.js", &[" 200 ", "PLAIN", "Cache-Control: no-cache", frame]);
    has("/assets/gone-D4f5a6b7.js", &[" 404 "]);
    has("/.env", &[" 404 "]);
    has("/admin/", &[" 200 ", "ADMIN", "Cache-Control: no-cache"]);
    has("/admin/users/7", &[" 200 ", "ADMIN"]);
    has("/admin/app.js", &[" 200 ", "ADMINJS", "max-age=86400", frame]);
    has("/admin/gone.js", &[" 404 "]);
    has("/static", &[" 301 ", "/static/"]);
    has("/static/a.css", &[" 200 ", "CSS", "max-age=3600", frame]);
    has("/static/.git/config", &[" 404 "]);
    has("/static/gone.css", &[" 404 "]);
    has("/static../secret.txt", &[" 200 ", "HOME"]);
    has("/static/../../secret.txt", &[" 400 "]);
    let robots = has("/robots.txt", &[" 200 ", "ROBOTS", "X-Frame-Options: DENY"]);
    assert!(!robots.contains(frame), "{robots}");
    has("/old", &[" 302 ", "/new"]);
    has("/a%20b/x.css", &[" 200 ", "SPACE"]);
    let down = has("/api/x", &[" 503 ", "Retry-After: 5", "Not available yet"]);
    assert!(!down.contains("nginx/"), "{down}");
    // The host itself is not limited: it asks whether the site is well.
    for _ in 0..6 {
        has("/api/x", &[" 503 "]);
    }
    // Another address is; of IPv6, all of one network count as one.
    let from = |address: &str| {
        let answer = nginx.get("/api/x", &format!("X-Seen-Address: {address}\r\n"));
        answer.split(' ').nth(1).unwrap_or_default().to_owned()
    };
    let codes = ["192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.2"].map(from);
    assert_eq!(codes, ["503", "503", "429", "503"]);
    let codes = ["2001:db8::1", "2001:db8::2", "2001:db8::ffff:ffff:ffff:3", "2001:db8:0:1::1"].map(from);
    assert_eq!(codes, ["503", "503", "429", "503"]);
    // Who asks for a name that nobody serves gets nothing of this site.
    let stranger = nginx.ask("evil.example", "/robots.txt", "");
    assert!(stranger.contains(" 421 ") && !stranger.contains("ROBOTS"), "{stranger}");
    has("/slipway.toml", &[" 404 "]);
}

#[test]
fn nginx_refuses_names_that_nobody_has_and_sites_resume_their_sessions() {
    use crate::resource::default_server::{DefaultServer, Http2, Protocol};
    if !nginx_is_new_enough() {
        return;
    }
    let world = World::new(json!({
        "schema": 1, "name": "docs", "domains": ["docs.example.com"], "source": { "folder": "." },
        "runtime": { "kind": "static" }, "route": [{ "path": "/", "files": "." }]
    }));
    let Some(nginx) = Nginx::prepare(&world) else { return };
    for protocol in [Protocol::Plain, Protocol::Tls(Http2::Parameter)] {
        let server =
            DefaultServer { path: String::new(), protocol, ipv6: true, needs: Vec::new(), outlived_by: Vec::new() };
        nginx.write(&format!("0{}.conf", protocol.port()), &moved(&server.text(), nginx.port));
    }
    nginx.write("opt/docs/current/code/index.html", "HOME");
    let Some(nginx) = nginx.begin() else { return };
    assert!(nginx.get("/", "").contains(" 301 "));
    for name in ["evil.example", "127.0.0.1", "slipway.invalid"] {
        assert_eq!(nginx.ask(name, "/", ""), "", "{name}");
    }
    let port = nginx.port;
    let curl = |name: &str, host: &str| {
        let (resolve, url) = (format!("{name}:{port}:127.0.0.2"), format!("https://{name}:{port}/index.html"));
        let host = format!("Host: {host}");
        let asked = ["-sSk", "--noproxy", "*", "-w", " %{http_code}", "--resolve", &resolve, "-H", &host, &url];
        run("curl", &asked).map(|(_, text)| text)
    };
    let Some(own) = curl("docs.example.com", "docs.example.com") else { return };
    assert_eq!(own, "HOME 200");
    for (name, host) in [("evil.example", "docs.example.com"), ("127.0.0.2", "docs.example.com")] {
        let refused = curl(name, host).unwrap();
        assert!(refused.contains("(35)") && !refused.contains("HOME"), "{name}: {refused}");
    }
    let other = curl("docs.example.com", "evil.example").unwrap();
    assert!(other.ends_with(" 421") && !other.contains("HOME"), "{other}");
    let address = format!("127.0.0.2:{port}");
    let arguments = ["s_client", "-connect", &address, "-servername", "docs.example.com", "-tls1_2", "-reconnect"];
    let (_, again) = run("openssl", &arguments).unwrap();
    assert!(again.contains("Reused, TLSv1.2"), "{again}");
}

#[test]
fn nginx_follows_no_link_that_an_application_makes() {
    if !nginx_is_new_enough() {
        return;
    }
    let world = World::new(json!({
        "schema": 1, "name": "docs", "domains": ["docs.example.com"], "source": { "folder": "." },
        "runtime": { "kind": "command" }, "tls": { "mode": "none" },
        "process": { "web": { "command": ["x"], "port": 9 } },
        "shared": {
            "photos": { "link": "static/media" }, "store/files": { "link": "files" }, "up": { "link": "dist/up" },
            "two words": { "link": "static/two words" }, "own": { "link": "static/own" }, "private": {}
        },
        "route": [
            { "path": "/", "spa": "dist" },
            { "path": "/static", "files": "static", "cache": "1h", "headers": { "X-Of": "static" } },
            { "path": "/media/", "files": "static/media" },
            { "path": "/files/", "files": "files/public" },
            { "path": "/one.txt", "exact": true, "files": "files/one.txt" },
            { "path": "/link.txt", "exact": true, "files": "files/link.txt" },
            { "path": "/code.txt", "exact": true, "files": "static/ok.css" },
            { "path": "/static/own", "to": "web" },
            { "path": "/static/two%20words", "exact": true, "redirect": "/else" }
        ]
    }));
    let Some(nginx) = Nginx::start(&world) else { return };
    let (code, shared) = ("opt/docs/releases/1/code", "opt/docs/shared");
    let link = |target: &str, path: &str| {
        let path = nginx.directory.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(target, path).unwrap();
    };
    nginx.write("outside/secret.txt", "HIDDEN");
    nginx.write("outside/secret.js", "HIDDEN");
    let outside = nginx.directory.path().join("outside").to_str().unwrap().to_owned();
    link("releases/1", "opt/docs/current");
    nginx.write(&format!("{code}/dist/index.html"), "HOME");
    nginx.write(&format!("{code}/lib/ok.css"), "CSS");
    link("../lib/ok.css", &format!("{code}/static/ok.css"));
    link("../lib", &format!("{code}/static/lib"));
    for (directory, at) in [
        ("photos", "static/media"),
        ("store/files", "files"),
        ("up", "dist/up"),
        ("two words", "static/two words"),
        ("own", "static/own"),
    ] {
        let target = nginx.directory.path().join(shared).join(directory);
        nginx.write(&format!("{shared}/{directory}/one.txt"), "ONE");
        nginx.write(&format!("{shared}/{directory}/public/deep/one.txt"), "ONE");
        nginx.write(&format!("{shared}/{directory}/.env"), "HIDDEN");
        for inside in ["", "public/"] {
            link(&format!("{outside}/secret.txt"), &format!("{shared}/{directory}/{inside}link.txt"));
            link(&format!("{outside}/secret.js"), &format!("{shared}/{directory}/{inside}link.js"));
            link(&outside, &format!("{shared}/{directory}/{inside}links"));
        }
        link(target.to_str().unwrap(), &format!("{code}/{at}"));
    }
    let has = |path: &str, parts: &[&str]| {
        let answer = nginx.get(path, "");
        for part in parts {
            assert!(answer.contains(part), "{path}: no {part:?} in {answer}");
        }
        assert!(!answer.contains("HIDDEN"), "{path}: {answer}");
    };
    let frame = "X-Frame-Options: SAMEORIGIN";
    for path in ["/static/ok.css", "/static/lib/ok.css", "/code.txt"] {
        has(path, &[" 200 ", "CSS", frame]);
    }
    for below in ["/static/media", "/static/two%20words"] {
        for path in ["one.txt", "public/deep/one.txt"] {
            has(&format!("{below}/{path}"), &[" 200 ", "ONE", "max-age=3600", "X-Of: static", frame]);
        }
    }
    for below in ["/static/media", "/static/two%20words", "/media", "/files"] {
        has(&format!("{below}/link.txt"), &[" 403 "]);
        has(&format!("{below}/links/secret.txt"), &[" 404 "]);
        has(&format!("{below}/links/"), &[" 404 "]);
        has(&format!("{below}/.env"), &[" 404 "]);
    }
    has("/media/one.txt", &[" 200 ", "ONE", "no-cache"]);
    has("/files/deep/one.txt", &[" 200 ", "ONE", "no-cache"]);
    has("/static/media", &[" 301 ", "Location: http://docs.example.com"]);
    has("/static/two%20words", &[" 302 ", "/else"]);
    has("/one.txt", &[" 200 ", "ONE"]);
    has("/link.txt", &[" 403 "]);
    // What belongs to another route stays there.
    has("/static/own/one.txt", &[" 503 "]);
    // In a single-page application, what is not served is a page.
    has("/up/one.txt", &[" 200 ", "ONE", frame]);
    for path in ["/up/link.txt", "/up/gone", "/up/links/secret.txt"] {
        has(path, &[" 200 ", "HOME"]);
    }
    for path in ["/up/link.js", "/up/links/secret.js", "/up/.env"] {
        has(path, &[" 404 "]);
    }
    // A link of root's leads to root's own files only.
    link(&format!("{outside}/secret.txt"), &format!("{code}/static/theirs.txt"));
    if std::os::unix::fs::chown(format!("{outside}/secret.txt"), Some(65534), None).is_err() {
        eprintln!("not run: only root can give files to somebody");
        return;
    }
    has("/static/theirs.txt", &[" 403 "]);
}

#[test]
fn nginx_lets_in_who_has_the_password() {
    if !nginx_is_new_enough() {
        return;
    }
    use base64::Engine as _;
    let mut site = device();
    site["access"]["allow"] = json!(["127.0.0.1"]);
    let Some(nginx) = Nginx::start(&World::new(site)) else { return };
    let login = |password: &str| {
        let token = base64::engine::general_purpose::STANDARD.encode(format!("admin:{password}"));
        nginx.get("/", &format!("Authorization: Basic {token}\r\n"))
    };
    assert!(nginx.get("/", "").contains(" 401 "));
    assert!(login("wrong").contains(" 401 "));
    let answer = login("s3cret-ADMIN_PASSWORD");
    assert!(answer.contains(" 503 "), "{answer}");
}

/// An application that answers every connection with the request it got; ends with the test process.
fn echo(port: u16) -> bool {
    let Ok(listener) = std::net::TcpListener::bind(("127.0.0.1", port)) else { return false };
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let (mut request, mut byte) = (Vec::new(), [0]);
            while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) == 1 {
                request.push(byte[0]);
            }
            let head = format!("HTTP/1.1 200 OK\r\nX-Frame-Options: DENY\r\nContent-Length: {}\r\n\r\n", request.len());
            let _ = stream.write_all(&[head.as_bytes(), &request].concat());
        }
    });
    true
}

#[test]
fn nginx_goes_on_to_the_live_port_set_and_keeps_a_client_on_its_instance() {
    if !nginx_is_new_enough() {
        return;
    }
    let Some(first) = (20_000..30_000).step_by(7).find(|port| echo(port + SECOND_PORT_SET)) else { return };
    let world = World::new(json!({
        "schema": 1, "name": "my-docs", "source": { "folder": "." }, "tls": { "mode": "none" }, "affinity": "cookie",
        "process": { "web": { "command": ["x", "{port}"], "port": first, "listen": "port" } }
    }));
    let Some(nginx) = Nginx::start(&world) else { return };
    for _ in 0..40 {
        assert!(nginx.get("/", "").contains(" 200 "));
    }
    let answer = nginx.get("/", "X-Forwarded-For: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\nProxy: x\r\n");
    for part in ["X-Forwarded-For: 127.0.0.1\r\n", "X-Forwarded-Proto: http\r\n", "Host: docs.example.com\r\n"] {
        assert!(answer.contains(part), "{part:?} is not in {answer}");
    }
    assert!(!answer.contains("6.6.6.6") && !answer.contains("\r\nProxy:"), "{answer}");
    // The application's own header stands alone.
    assert!(answer.contains("X-Frame-Options: DENY") && !answer.contains("SAMEORIGIN"), "{answer}");
    assert!(answer.contains("Set-Cookie: my_docs_instance="), "{answer}");
    let known = nginx.get("/", "Cookie: my_docs_instance=abc\r\n");
    assert!(known.contains(" 200 ") && !known.contains("Set-Cookie"), "{known}");
}
