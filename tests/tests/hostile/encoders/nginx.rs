//! Values of nginx's configuration, read by an nginx that serves them.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use slipway_core::encode::nginx::{header_name, literal, location, server_name, value};

use super::generate::Values;
use super::{Tally, can_judge, cases, same};

/// Values of one answer.
const BLOCK: usize = 200;
/// Between two values of an answer; no value can hold it.
const BETWEEN: char = '\u{1}';
/// Headers of every answer of nginx.
const OWN: [&str; 5] = ["server", "date", "content-type", "content-length", "connection"];

/// An nginx with one configuration, on a port of its own.
struct Nginx {
    child: Child,
    stream: BufReader<TcpStream>,
    folder: tempfile::TempDir,
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An answer: its headers, names in lower case, without those of every answer; its body.
struct Answer {
    status: u32,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

impl Nginx {
    fn start(servers: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().display().to_string();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {root}/{kind};"))
            .join(" ");
        let text = format!(
            "daemon off; master_process off; pid {root}/pid; error_log {root}/error.log; events {{}}\nhttp {{ {temporary} \
             access_log off; keepalive_requests 1000000; variables_hash_max_size 16384; server_names_hash_bucket_size 512; \
             server_names_hash_max_size 65536; default_type text/plain;\n{}}}\n",
            servers.replace("PORT", &format!("127.0.0.1:{port}"))
        );
        let path = folder.path().join("nginx.conf");
        std::fs::write(&path, text).unwrap();
        let nginx = |more: &[&str]| {
            let mut command = Command::new("nginx");
            command.args(["-e", &format!("{root}/error.log"), "-p", &root, "-c"]).arg(&path).args(more);
            command.stdin(Stdio::null());
            command
        };
        let tested = nginx(&["-t"]).output().unwrap();
        let told = String::from_utf8_lossy(&tested.stderr);
        assert!(tested.status.success() && !told.contains("[warn]"), "{}", told.chars().take(1000).collect::<String>());
        let child = nginx(&[]).spawn().unwrap();
        let begin = Instant::now();
        let stream = loop {
            if let Ok(stream) = TcpStream::connect(("127.0.0.1", port)) {
                break stream;
            }
            assert!(begin.elapsed() < Duration::from_secs(60), "nginx did not start");
            std::thread::yield_now();
        };
        Self { child, stream: BufReader::new(stream), folder }
    }

    fn get(&mut self, host: &str, path: &str) -> Answer {
        // In one piece, or the second one waits for the first to be acknowledged.
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        self.stream.get_mut().write_all(request.as_bytes()).unwrap();
        let mut line = || {
            let mut line = Vec::new();
            self.stream.read_until(b'\n', &mut line).unwrap();
            assert!(line.ends_with(b"\r\n"), "a header was cut: {}", String::from_utf8_lossy(&line));
            line.truncate(line.len() - 2);
            line
        };
        let status = String::from_utf8(line()).unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let (mut headers, mut length) = (Vec::new(), 0);
        loop {
            let line = line();
            if line.is_empty() {
                break;
            }
            let at = line.windows(2).position(|pair| pair == b": ").unwrap();
            let name = String::from_utf8(line[..at].to_ascii_lowercase()).unwrap();
            if name == "content-length" {
                length = String::from_utf8_lossy(&line[at + 2..]).parse().unwrap();
            }
            if !OWN.contains(&name.as_str()) {
                headers.push((name, line[at + 2..].to_vec()));
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).unwrap();
        Answer { status, headers, body }
    }

    /// Asks for `path`, which must be answered with `sent` and nothing else.
    fn tells(&mut self, path: &str, sent: &[String]) {
        let answer = self.get("judge", path);
        assert_eq!((answer.status, answer.headers.len()), (200, 0), "{path}: a directive was added");
        let mut parts: Vec<&[u8]> = answer.body.split(|byte| *byte == BETWEEN as u8).collect();
        assert!(parts.pop().is_some_and(<[u8]>::is_empty), "{path}: text after the last value");
        same(&parts, sent);
    }
}

/// Locations of which each answers with the values of one block.
fn blocks(
    tally: &mut Tally,
    total: usize,
    mut next: impl FnMut(&mut Tally) -> Option<(String, String)>,
) -> (String, Vec<Vec<String>>) {
    let (mut text, mut blocks) = (String::new(), Vec::new());
    while tally.sent < total {
        let (mut sets, mut body, mut sent) = (String::new(), String::new(), Vec::new());
        while sent.len() < BLOCK && tally.sent < total {
            let Some((word, value)) = next(tally) else { continue };
            sets.push_str(&format!("set $v{} {word};\n", sent.len()));
            body.push_str(&format!("${{v{}}}{BETWEEN}", sent.len()));
            sent.push(value);
        }
        text.push_str(&format!("location = /{} {{\n{sets}return 200 \"{body}\";\n}}\n", blocks.len()));
        tally.judged += sent.len();
        blocks.push(sent);
    }
    (text, blocks)
}

#[test]
fn nginx_serves_the_values_that_were_sent() {
    if !can_judge(&["nginx"]) {
        return;
    }
    let (mut values, mut tally) = (Values::new(), Tally::default());
    let total = cases(100_000);
    // Nine in ten are values of directives; the rest are the names of headers, hosts and places.
    let (text, sent) = blocks(&mut tally, total / 10 * 9, |tally| {
        let text = values.text();
        tally.count(value(&text)).map(|word| (word, text))
    });
    let mut nginx = Nginx::start(&format!("server {{ listen PORT; server_name judge;\n{text}}}\n"));
    for (number, sent) in sent.iter().enumerate() {
        nginx.tells(&format!("/{number}"), sent);
    }
    drop(nginx);
    headers(&mut values, &mut tally, total / 25);
    places(&mut values, &mut tally, total / 25);
    names(&mut values, &mut tally);
    tally.close("nginx", "an nginx that serves them");
}

/// `add_header NAME VALUE`: exactly these headers are answered.
fn headers(values: &mut Values, tally: &mut Tally, count: usize) {
    let (mut text, mut sent) = (String::new(), Vec::new());
    for number in 0..count / 100 {
        let mut list = Vec::new();
        let mut lines = String::new();
        for _ in 0..50 {
            let wanted = if values.below(4) == 0 { values.text() } else { values.of("aB1-_!#%&'*+.^`|~", 8) };
            // An empty value adds no header, and its ends are white space to HTTP.
            let content = format!("<{}>", values.text());
            let (name, word) = (tally.count(header_name(&wanted)), tally.count(value(&content)));
            let name = name
                .map(|name| (name, format!("X{wanted}").to_lowercase()))
                .unwrap_or(("-None".into(), "x-none".into()));
            let (word, content) = word.map(|word| (word, content)).unwrap_or(("none".into(), "none".into()));
            tally.judged += usize::from(name.0 != "-None") + usize::from(word != "none");
            // An X before the first sign keeps headers of nginx's own out; a quoted word keeps its quote in front.
            let written = match name.0.strip_prefix('"') {
                Some(rest) => format!("\"X{rest}"),
                None => format!("X{}", name.0),
            };
            lines.push_str(&format!("add_header {written} {word} always;\n"));
            list.push((name.1, content.into_bytes()));
        }
        text.push_str(&format!("location = /{number} {{\n{lines}return 204;\n}}\n"));
        sent.push(list);
    }
    let mut nginx = Nginx::start(&format!("server {{ listen PORT; server_name judge;\n{text}}}\n"));
    for (number, sent) in sent.iter().enumerate() {
        let answer = nginx.get("judge", &format!("/{number}"));
        assert_eq!(answer.status, 204);
        for (found, sent) in answer.headers.iter().zip(sent) {
            assert_eq!((&found.0, String::from_utf8_lossy(&found.1)), (&sent.0, String::from_utf8_lossy(&sent.1)));
        }
        assert_eq!(answer.headers.len(), sent.len());
    }
}

/// `location = PLACE`: the place is found under its own path, and nowhere else.
fn places(values: &mut Values, tally: &mut Tally, count: usize) {
    let (mut text, mut sent, mut seen) = (String::new(), Vec::new(), BTreeSet::new());
    for _ in 0..count {
        let path = format!("/p{}", values.text().replace("//", "/").replace('.', "d").replace('#', "%23"));
        let Some(word) = tally.count(location(&path)) else { continue };
        tally.judged += 1;
        let bytes = decode(&path);
        // nginx merges slashes before it looks for a place.
        if bytes.windows(2).any(|pair| pair == b"//") || !seen.insert(bytes.clone()) {
            continue;
        }
        text.push_str(&format!("location = {word} {{ return 200 \"{}\"; }}\n", sent.len()));
        sent.push(bytes);
    }
    assert!(sent.len() > count / 4);
    let mut nginx =
        Nginx::start(&format!("server {{ listen PORT; server_name judge; location / {{ return 404; }}\n{text}}}\n"));
    for (number, path) in sent.iter().enumerate() {
        let encoded: String = path.iter().map(|byte| format!("%{byte:02X}")).collect();
        let answer = nginx.get("judge", &format!("/{}", &encoded[3..]));
        let path = String::from_utf8_lossy(path);
        assert_eq!(
            (answer.status, String::from_utf8_lossy(&answer.body)),
            (200, number.to_string().into()),
            "{path:?}"
        );
    }
}

fn decode(path: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        let digit = |byte: Option<u8>| char::from(byte.unwrap()).to_digit(16).unwrap() as u8;
        bytes.push(if byte == b'%' { digit(rest.next()) * 16 + digit(rest.next()) } else { byte });
    }
    bytes
}

/// `server_name NAME`: a host is served by its own server, or by that of its wildcard.
fn names(values: &mut Values, tally: &mut Tally) {
    let (mut text, mut sent) = (String::new(), Vec::new());
    let rest = 2_000;
    for number in 0..rest {
        let name = if values.below(4) == 0 { values.text() } else { values.of("abAB09-.*~^$", 12) };
        let name = if values.below(2) == 0 { format!("{name}.n{number}.test") } else { format!("n{number}{name}") };
        let Some(word) = tally.count(server_name(&name)) else { continue };
        tally.judged += 1;
        text.push_str(&format!("server {{ listen PORT; server_name {word}; return 200 \"{number}\"; }}\n"));
        sent.push((name, number));
    }
    let mut nginx =
        Nginx::start(&format!("server {{ listen PORT default_server; server_name judge; return 404; }}\n{text}"));
    for (name, number) in &sent {
        let host = name.strip_prefix('*').map_or(name.clone(), |rest| format!("any{rest}"));
        let answer = nginx.get(&host, "/");
        assert_eq!(
            (answer.status, String::from_utf8_lossy(&answer.body)),
            (200, number.to_string().into()),
            "{name:?}"
        );
    }
}

#[test]
fn nginx_reads_literals_where_it_knows_no_variables() {
    if !can_judge(&["nginx"]) {
        return;
    }
    let (mut values, mut tally) = (Values::new(), Tally::default());
    let total = cases(100_000) / 20;
    // Files below a folder whose name is in the configuration: `include` reads no variables.
    let folder = tempfile::tempdir().unwrap();
    let mut text = String::new();
    let mut sent = Vec::new();
    for number in 0..total {
        let part: String = values.text().replace('/', "s");
        let name = format!("{}/{number}-{}", folder.path().display(), part.chars().take(60).collect::<String>());
        let Some(word) = tally.count(literal(&name)) else { continue };
        // `include` reads these as a pattern, which is not what is judged here.
        if name.contains(['*', '?', '[', '\\']) {
            tally.judged += 1;
            continue;
        }
        if std::fs::write(Path::new(&name), format!("location = /{number} {{ return 200 \"{number}\"; }}\n")).is_err() {
            panic!("{name:?} is no file name");
        }
        text.push_str(&format!("include {word};\n"));
        sent.push(number);
        tally.judged += 1;
    }
    let mut nginx = Nginx::start(&format!("server {{ listen PORT; server_name judge;\n{text}}}\n"));
    for number in sent {
        assert_eq!(String::from_utf8_lossy(&nginx.get("judge", &format!("/{number}")).body), number.to_string());
    }
    assert!(nginx.folder.path().exists());
    tally.close("nginx, without variables", "an nginx that includes files of these names");
}
