//! Server blocks that an nginx on the host already has, so that a conflicting one is seen before it bites.
//!
//! The files are read, nginx is not asked: `nginx -T` opens the pid file and the logs, which under SELinux can
//! leave a wrongly labelled pid file behind.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::nginx_tokens as tokens;
use super::reply::{Reply, fact, number, plain, script};
use crate::command::{Command, Output};
use crate::fact::Fact;

/// nginx's configuration as far as sites can conflict.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NginxSites {
    /// Every `server` block of the `http` context that is reached from the main file.
    pub servers: Vec<ServerBlock>,
    /// Patterns that the main configuration includes, in order, for example `/etc/nginx/conf.d/*.conf`.
    pub includes: Vec<String>,
    /// Included patterns and files that were not read or could not be: blocks may hide there.
    pub unread: Vec<String>,
}

/// One `server` block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerBlock {
    /// File that holds it.
    pub file: String,
    /// Line of its `server {`, from 1.
    pub line: u32,
    /// Arguments of `server_name`; empty when there is none.
    pub names: Vec<String>,
    /// Arguments of each `listen`; empty means `*:80`.
    pub listens: Vec<ListenDirective>,
}

impl ServerBlock {
    /// Whether no request asks for it by name: what nginx's own examples and those of others call such a server.
    pub fn has_no_name(&self) -> bool {
        self.names.iter().all(|name| matches!(name.as_str(), "" | "_" | "localhost"))
    }

    /// Whether it listens on `port` of every address.
    pub fn listens_everywhere(&self, port: u16) -> bool {
        self.listens.is_empty() && port == 80 || self.listens.iter().any(|listen| listen.is_wildcard(port))
    }
}

/// One `listen` line (ngx_http_core_module).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListenDirective {
    /// Address as written, for example `*`, `[::]`, `127.0.0.1`; `*` when only a port is given.
    pub address: String,
    /// Port; `None` for a `unix:` socket.
    pub port: Option<u16>,
    /// Whether `ssl` is among the parameters.
    pub tls: bool,
    /// Whether `default_server` is among the parameters.
    pub default_server: bool,
}

impl ListenDirective {
    /// Whether it is `port` of every address, of IPv4 or IPv6.
    pub fn is_wildcard(&self, port: u16) -> bool {
        self.port == Some(port) && matches!(self.address.as_str(), "*" | "0.0.0.0" | "[::]")
    }
}

/// Main configuration file on every distribution that has a profile.
const MAIN: &str = "/etc/nginx/nginx.conf";
/// Largest file that is read, bytes; the probe brings one more so that a larger one is noticed.
const FILE_LIMIT: usize = 256 << 10;
/// Most files that are followed in total, and one inside another, so that files including each other end.
const FOLLOW_LIMIT: usize = 2000;
const DEPTH_LIMIT: usize = 16;

/// Asks for the text of nginx's configuration files.
pub fn command() -> Command {
    Command::script(script!("nginx-sites.sh"), [""; 0]).timeout(Duration::from_secs(20)).output_limit(8 << 20)
}

/// Reads the answer to [`command`].
pub fn parse(output: &Output) -> Fact<NginxSites> {
    fact(read(output))
}

fn read(output: &Output) -> Result<Option<NginxSites>, String> {
    let reply = Reply::read(output)?;
    if reply.need("nginx")?.good_or_missing()?.is_none() {
        return Ok(None);
    }
    let mut files = BTreeMap::new();
    let mut path = None;
    for part in reply.parts() {
        match part.name {
            "path" => path = plain(part.good()?, 4096),
            "text" => {
                if let Some(path) = path.take() {
                    let whole = part.status == 0 && part.bytes().len() <= FILE_LIMIT;
                    files.insert(path, whole.then(|| String::from_utf8_lossy(part.bytes())));
                }
            }
            _ => {}
        }
    }
    if !files.contains_key(MAIN) {
        return Ok(None);
    }
    let mut walk = Walk { files: &files, sites: NginxSites::default(), followed: 0, depth: 0 };
    walk.file(MAIN, Context::Main)?;
    walk.sites.includes.dedup();
    walk.sites.unread.sort();
    walk.sites.unread.dedup();
    Ok(Some(walk.sites))
}

/// What encloses a directive, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Context {
    Main,
    Http,
    /// The server block at this index.
    Server(usize),
    Other,
}

struct Walk<'a> {
    /// Text by path; none when it could not be read whole.
    files: &'a BTreeMap<&'a str, Option<Cow<'a, str>>>,
    sites: NginxSites,
    followed: usize,
    depth: usize,
}

impl Walk<'_> {
    fn file(&mut self, path: &str, context: Context) -> Result<(), String> {
        self.followed += 1;
        if self.followed > FOLLOW_LIMIT || self.depth > DEPTH_LIMIT {
            return Err("nginx's configuration files include each other without end".into());
        }
        let Some(text) = self.files.get(path) else { return Ok(()) };
        let Some(statements) = text.as_deref().and_then(tokens::statements) else {
            self.sites.unread.push(path.to_owned());
            return Ok(());
        };
        let mut contexts = vec![context];
        for statement in statements {
            let here = contexts.last().copied().unwrap_or(Context::Other);
            let words: Vec<&str> = statement.words.iter().map(String::as_str).collect();
            match statement.end {
                tokens::End::Close => {
                    // More closed than opened: what follows cannot be placed.
                    contexts.pop();
                }
                tokens::End::Open => contexts.push(self.open(path, statement.line, here, &words)),
                tokens::End::Semicolon => self.directive(path, here, &words)?,
            }
        }
        Ok(())
    }

    fn open(&mut self, path: &str, line: u32, here: Context, words: &[&str]) -> Context {
        match (here, words) {
            (Context::Main, ["http"]) => Context::Http,
            (Context::Http, ["server"]) => {
                self.sites.servers.push(ServerBlock { file: path.to_owned(), line, names: vec![], listens: vec![] });
                Context::Server(self.sites.servers.len() - 1)
            }
            _ => Context::Other,
        }
    }

    fn directive(&mut self, path: &str, here: Context, words: &[&str]) -> Result<(), String> {
        match (here, words) {
            (Context::Main | Context::Http | Context::Server(_), ["include", pattern]) => {
                return self.include(path, here, pattern);
            }
            (Context::Server(index), ["server_name", names @ ..]) => {
                if let Some(server) = self.sites.servers.get_mut(index) {
                    server.names.extend(names.iter().filter_map(|name| plain(name, 1024)).map(str::to_owned));
                }
            }
            (Context::Server(index), ["listen", address, parameters @ ..]) => {
                if let Some(server) = self.sites.servers.get_mut(index) {
                    server.listens.extend(listen(address, parameters));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn include(&mut self, path: &str, here: Context, pattern: &str) -> Result<(), String> {
        let Some(pattern) = plain(pattern, 4096) else { return Ok(()) };
        let pattern = if pattern.starts_with('/') { pattern.to_owned() } else { format!("/etc/nginx/{pattern}") };
        if here == Context::Http && path == MAIN {
            self.sites.includes.push(pattern.clone());
        }
        let matching: Vec<&str> = self.files.keys().filter(|file| glob(&pattern, file)).copied().collect();
        if matching.is_empty() && !covered(&pattern) {
            self.sites.unread.push(pattern);
        }
        self.depth += 1;
        let followed = matching.into_iter().try_for_each(|file| self.file(file, here));
        self.depth -= 1;
        followed
    }
}

/// Whether everything that `pattern` could match was read, or cannot hold a server block.
fn covered(pattern: &str) -> bool {
    let (directory, last) = pattern.rsplit_once('/').unwrap_or(("", pattern));
    let parameters = ["mime.types", "fastcgi_params", "proxy_params", "scgi_params", "uwsgi_params"];
    let read = directory == "/etc/nginx/sites-enabled"
        || last.ends_with(".conf") && directory.starts_with("/etc/nginx") && directory.matches('/').count() <= 4;
    read || parameters.contains(&last) || directory.ends_with("/modules")
}

/// Whether a path matches a pattern of `*` and `?` (glob(7), without brackets); neither matches a slash.
fn glob(pattern: &str, path: &str) -> bool {
    let parts = |text: &str| text.split('/').map(str::to_owned).collect::<Vec<_>>();
    let (patterns, names) = (parts(pattern), parts(path));
    let hidden = |pattern: &str, name: &str| name.starts_with('.') && !pattern.starts_with('.');
    let one =
        |(pattern, name): (&String, &String)| !hidden(pattern, name) && wildcard(pattern.as_bytes(), name.as_bytes());
    patterns.len() == names.len() && patterns.iter().zip(&names).all(one)
}

fn wildcard(pattern: &[u8], name: &[u8]) -> bool {
    // The usual linear algorithm: on a mismatch let the last star take one byte more.
    let (mut p, mut n, mut star) = (0, 0, None);
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(&byte) if byte == b'?' || Some(&byte) == name.get(n) => {
                p += 1;
                n += 1;
            }
            Some(_) | None => {
                let Some((star_at, taken)) = star else { return false };
                star = Some((star_at, taken + 1));
                p = star_at + 1;
                n = taken + 1;
            }
        }
    }
    pattern.get(p..).is_some_and(|rest| rest.iter().all(|&byte| byte == b'*'))
}

fn listen(address: &str, parameters: &[&str]) -> Option<ListenDirective> {
    let address = plain(address, 1024)?;
    let (tls, default_server) =
        (parameters.contains(&"ssl"), parameters.iter().any(|p| matches!(*p, "default_server" | "default")));
    let (address, port) = if address.starts_with("unix:") {
        (address, None)
    } else if let Some(port) = number(address) {
        ("*", Some(port))
    } else {
        match address.rsplit_once(':').filter(|(_, port)| !port.contains(']')) {
            Some((host, port)) => (host, Some(number(port)?)),
            None => (address, Some(80)),
        }
    };
    Some(ListenDirective { address: address.to_owned(), port, tls, default_server })
}
