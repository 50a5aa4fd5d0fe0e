//! Listening TCP sockets (ss(8)).

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::reply::{Reply, excerpt, fact, number, plain, script};
use crate::command::{Command, Output};
use crate::fact::Fact;

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
    pub processes: Vec<ListeningProcess>,
}

/// A process that holds a socket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListeningProcess {
    /// Name (`comm`, at most 15 bytes).
    pub name: String,
    /// Process id.
    pub pid: u32,
}

/// Asks for listening TCP sockets and who holds them.
pub fn command() -> Command {
    Command::script(script!("sockets.sh"), [""; 0]).timeout(Duration::from_secs(10))
}

/// Reads the answer to [`command`].
pub fn parse(output: &Output) -> Fact<Vec<Listener>> {
    fact(read(output).map(Some))
}

fn read(output: &Output) -> Result<Vec<Listener>, String> {
    let reply = Reply::read(output)?;
    let text = reply.need("sockets")?.good()?;
    text.lines().map(|line| listener(line).ok_or_else(|| format!("ss: {}", excerpt(line)))).collect()
}

fn listener(line: &str) -> Option<Listener> {
    let mut rest = line;
    let mut word = || {
        let trimmed = rest.trim_start();
        let (word, after) = trimmed.split_at(trimmed.find(' ').unwrap_or(trimmed.len()));
        rest = after;
        (!word.is_empty()).then_some(word)
    };
    if word()? != "LISTEN" {
        return None;
    }
    let (_, _) = (number::<u64>(word()?)?, number::<u64>(word()?)?);
    let (local, _peer) = (word()?, word()?);
    let (host, port) = local.rsplit_once(':')?;
    let (address, interface) = address(host)?;
    // A process may call itself anything, so its name can imitate the punctuation around it: then nothing is said
    // about who holds the socket.
    let processes = holders(rest.trim()).unwrap_or_default();
    Some(Listener { address, interface, port: number(port)?, processes })
}

fn address(text: &str) -> Option<(Option<IpAddr>, Option<String>)> {
    // ss puts the interface inside or behind the brackets, depending on its version.
    let bare: String = text.chars().filter(|c| !"[]".contains(*c)).collect();
    let (host, interface) = match bare.split_once('%') {
        Some((host, interface)) => (host, Some(plain(interface, 15)?.to_owned())),
        None => (bare.as_str(), None),
    };
    let address = if host == "*" { None } else { Some(host.parse().ok()?) };
    Some((address, interface))
}

fn holders(text: &str) -> Option<Vec<ListeningProcess>> {
    if text.is_empty() {
        return Some(Vec::new());
    }
    let mut rest = text.strip_prefix("users:(")?.strip_suffix(')')?;
    let mut holders = Vec::new();
    loop {
        let (name, after) = rest.strip_prefix("(\"")?.split_once("\",pid=")?;
        let (pid, after) = after.split_once(",fd=")?;
        let (fd, after) = after.split_once(')')?;
        number::<u32>(fd)?;
        if name.contains('"') {
            return None;
        }
        let holder = ListeningProcess { name: plain(name, 64)?.to_owned(), pid: number(pid)? };
        if !holders.contains(&holder) {
            holders.push(holder);
        }
        if after.is_empty() {
            return Some(holders);
        }
        rest = after.strip_prefix(',')?;
    }
}
