//! nginx's answer to requests for names that no site of the host has: a file for each port, which nginx reads before all
//! others.
//!
//! nginx hands such a request to the server that says `default_server`, and where none does to the first one of the port
//! (ngx_http_core_module, `listen`). The files here come first and do not say it: two servers that do make nginx refuse
//! its whole configuration, and somebody else may add one at any time.

use super::difference::{Difference, Removal};
use super::file::{File, FileContent, FileRecord, FileStep};
use super::review::{Heading, Risk};
use super::{Context, Effect, Id, Kind, NoPayload, Payloads, Recorded, Scope, Work};
use crate::diff::{FileChange, FileDiff};
use crate::digest::Digest;
use crate::facts::paths::PathState;
use crate::notice::{Notices, Severity};
use crate::seen::{Questions, describe};

/// The first version of nginx that can refuse a handshake (ngx_http_ssl_module, `ssl_reject_handshake`).
pub const REJECTS_HANDSHAKES: (u32, u32, u32) = (1, 19, 4);

const HEAD: &str = "\
# Managed by Slipway. Changes made here are reported as drift and replaced.
# Requests for names that no site on this host has end here: nginx hands them to the first server of a port, and this file
# comes first. A server that says default_server takes its place.

server {
";

/// The name is one that nobody can have (RFC 2606).
const PLAIN: &str = "    server_name slipway.invalid;
    server_tokens off;
    return 444;
}
";

const TLS: &str = "    server_name slipway.invalid;
    server_tokens off;

    # Who names no site in the handshake is refused there and sees no certificate.
    ssl_reject_handshake on;
    # nginx takes these from the first server of a port for all of them: without the cache, nobody resumes a session.
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305;
    ssl_prefer_server_ciphers off;
    ssl_session_cache shared:slipway-default:10m;
    ssl_session_timeout 1d;
    ssl_session_tickets off;

    # The handshake named a site, and the request something else (RFC 9110, 15.5.20).
    return 421;
}
";

/// The answer on one port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefaultServer {
    /// The file.
    pub path: String,
    /// What it speaks.
    pub protocol: Protocol,
    /// Whether the host has IPv6.
    pub ipv6: bool,
    /// What must stand before.
    pub needs: Vec<Id>,
    /// What must stand until it is gone.
    pub outlived_by: Vec<Id>,
}

/// What a default server speaks, and so its port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Port 80.
    Plain,
    /// Port 443.
    Tls(Http2),
}

/// How nginx is told to speak HTTP/2: on old versions, all servers of a port must say the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Http2 {
    /// By a parameter of `listen`.
    Parameter,
    /// By a directive of its own (nginx 1.25.1).
    Directive,
}

impl Protocol {
    /// The port.
    pub fn port(self) -> u16 {
        match self {
            Self::Plain => 80,
            Self::Tls(_) => 443,
        }
    }
}

impl DefaultServer {
    /// The text of the file.
    pub fn text(&self) -> String {
        let (parameters, directive, rest) = match self.protocol {
            Protocol::Plain => ("", "", PLAIN),
            Protocol::Tls(Http2::Parameter) => (" ssl http2", "", TLS),
            Protocol::Tls(Http2::Directive) => (" ssl", "    http2 on;\n", TLS),
        };
        let port = self.protocol.port();
        let ipv6 = if self.ipv6 { format!("    listen [::]:{port}{parameters};\n") } else { String::new() };
        format!("{HEAD}    listen {port}{parameters};\n{ipv6}{directive}{rest}")
    }

    fn file(&self) -> File {
        let text = self.text();
        File {
            path: self.path.clone(),
            mode: 0o644,
            owner: "root".to_owned(),
            group: "root".to_owned(),
            digest: Digest::of(text.as_bytes()),
            content: FileContent::Text { text },
            needs: self.needs.clone(),
            outlived_by: self.outlived_by.clone(),
            effects: vec![Effect::Nginx],
            heading: Heading::WebServer,
        }
    }

    /// Whether it may come, and what a person should know before it does.
    fn may_come(&self, recorded: Recorded<'_, FileRecord>, context: &Context<'_>, notices: &mut Notices) -> bool {
        let port = self.protocol.port();
        if let Some((file, line)) = context.seen.nameless_servers(port).first() {
            notices.add(
                Severity::Info,
                format!("requests on port {port} for names that no site has go on to {file}:{line}, which has no name"),
                Some("give that server a server_name, and Slipway refuses such requests"),
            );
            return false;
        }
        if let Some((file, line)) = context.seen.default_servers(port).first() {
            notices.add(
                Severity::Info,
                format!("requests on port {port} for names that no site has go on to {file}:{line}, the default server there"),
                Some("take default_server away there, and Slipway refuses such requests"),
            );
        } else if !recorded.is_owned() {
            let (severity, others) = if context.seen.serves_others() {
                (Severity::Warning, ", also those that somebody else's server answered so far")
            } else {
                (Severity::Info, "")
            };
            notices.add(
                severity,
                format!("nginx refuses requests for names that no site has, and for the host's address{others}"),
                Some("a load balancer that checks this host by its address must ask for the domain of a site"),
            );
        }
        true
    }
}

impl Kind for DefaultServer {
    const NAME: &'static str = "default-server";
    type Record = FileRecord;
    type Change = FileStep;

    fn name(&self) -> String {
        self.path.clone()
    }

    fn scope(&self) -> Scope {
        Scope::Host
    }

    fn needs(&self) -> Vec<Id> {
        self.file().needs()
    }

    fn leaves_before(&self) -> Vec<Id> {
        self.file().leaves_before()
    }

    fn effects(&self) -> Vec<Effect> {
        self.file().effects()
    }

    fn record(&self) -> FileRecord {
        self.file().record()
    }

    fn paths_of(name: &str, record: &FileRecord) -> Vec<String> {
        File::paths_of(name, record)
    }

    fn ask(&self, recorded: Recorded<'_, FileRecord>, questions: &mut Questions) {
        self.file().ask(recorded, questions);
    }

    fn ask_of(name: &str, recorded: Recorded<'_, FileRecord>, questions: &mut Questions) {
        File::ask_of(name, recorded, questions);
    }

    fn put(
        &self,
        recorded: Recorded<'_, FileRecord>,
        context: &Context<'_>,
        notices: &mut Notices,
    ) -> Option<Difference<FileStep>> {
        match context.seen.path(&self.path) {
            PathState::Absent if !self.may_come(recorded, context, notices) => return None,
            // A link here is there to switch it off.
            other @ (PathState::Directory { .. } | PathState::Symlink { .. } | PathState::Other { .. }) => {
                notices.add(
                    Severity::Warning,
                    format!("{} is {}, and stays: no file of Slipway takes its place", self.path, describe(other)),
                    Some("nginx hands requests for names that no site has to the first server it reads"),
                );
                return None;
            }
            PathState::Absent | PathState::File { .. } | PathState::Failed { .. } => {}
        }
        let mut difference = self.file().put(recorded, context, notices)?;
        difference.ids = vec![Self::id_of(&self.path)];
        if !difference.drift && !recorded.is_owned() {
            "a request for a name that no site has is refused before a site is asked"
                .clone_into(&mut difference.reason);
        }
        Some(difference)
    }

    fn remove(
        name: &str,
        recorded: Recorded<'_, FileRecord>,
        context: &Context<'_>,
        notices: &mut Notices,
    ) -> Removal<FileStep> {
        match File::remove(name, recorded, context, notices) {
            Removal::Change(mut difference) => {
                difference.ids = vec![Self::id_of(name)];
                difference.risk = Risk::None;
                if !difference.drift {
                    "no site of Slipway needs it any more".clone_into(&mut difference.reason);
                }
                Removal::Change(difference)
            }
            other @ (Removal::Gone | Removal::Stays) => other,
        }
    }

    fn work(change: &FileStep, payloads: &Payloads) -> Result<Work, NoPayload> {
        File::work(change, payloads)
    }

    fn about(change: &FileStep) -> Vec<String> {
        File::about(change)
    }

    fn files(change: &FileStep, diff: Option<&FileDiff>) -> Vec<FileChange> {
        File::files(change, diff)
    }
}
