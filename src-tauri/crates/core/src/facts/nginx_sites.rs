//! Server blocks that an nginx on the host already has, so that a conflicting one is seen before it bites.
//!
//! The files are read, nginx is not asked: `nginx -T` opens the pid file and the logs, which under SELinux can
//! leave a wrongly labelled pid file behind.

use serde::{Deserialize, Serialize};

/// nginx's configuration as far as sites can conflict.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NginxSites {
    /// Every `server` block of the `http` context that is reached from the main file.
    pub servers: Vec<ServerBlock>,
    /// Patterns that the main configuration includes, in order, for example `/etc/nginx/conf.d/*.conf`.
    pub includes: Vec<String>,
    /// Included patterns outside of what was read: blocks may hide there.
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
    pub listens: Vec<Listen>,
}

/// One `listen` line (ngx_http_core_module).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listen {
    /// Address as written, for example `*`, `[::]`, `127.0.0.1`; `*` when only a port is given.
    pub address: String,
    /// Port; `None` for a `unix:` socket.
    pub port: Option<u16>,
    /// Whether `ssl` is among the parameters.
    pub tls: bool,
    /// Whether `default_server` is among the parameters.
    pub default_server: bool,
}
