//! Listening TCP sockets (ss(8)).

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// One listening TCP socket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    /// Address bound; `None` is the wildcard of both families (`*`).
    pub address: Option<IpAddr>,
    /// Network interface it is bound to, if one.
    pub interface: Option<String>,
    /// Port.
    pub port: u16,
    /// Who holds it; empty when the kernel does not say.
    pub processes: Vec<Holder>,
}

/// A process that holds a socket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Name (`comm`, at most 15 bytes).
    pub name: String,
    /// Process id.
    pub pid: u32,
}
