//! Mounted file systems and their free space (df(1)).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::reply::{Reply, excerpt, fact, number, plain, script};
use crate::command::{Command, Output};
use crate::fact::Fact;

/// One mounted file system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disk {
    /// Where it is mounted.
    pub mount: String,
    /// Device or kind, for example `/dev/vda1` or `tmpfs`.
    pub source: String,
    /// Type, for example `ext4`.
    pub kind: String,
    /// Bytes.
    pub size: u64,
    /// Bytes that programs can still use.
    pub free: u64,
    /// Inodes; 0 where the file system makes them as needed.
    pub inodes: u64,
    /// Unused inodes.
    pub inodes_free: u64,
}

/// Asks for local file systems; a hanging network mount is not touched.
pub fn command() -> Command {
    Command::script(script!("storage.sh"), [""; 0]).timeout(Duration::from_secs(10)).output_limit(256 << 10)
}

/// Reads the answer to [`command`].
pub fn parse(output: &Output) -> Fact<Vec<Disk>> {
    fact(read(output).map(Some))
}

fn read(output: &Output) -> Result<Vec<Disk>, String> {
    let reply = Reply::read(output)?;
    let part = reply.need("disks")?;
    // Status 1: one file system did not answer, for example a user's FUSE mount that root may not read.
    if part.status > 1 {
        return Err(part.ended_with(part.status));
    }
    let mut lines = part.text()?.lines();
    if !lines.next().is_some_and(|heading| heading.trim_start().starts_with("Type")) {
        return Err("df answered something else".into());
    }
    let disks: Vec<Disk> =
        lines.map(|line| disk(line).ok_or_else(|| format!("df: {}", excerpt(line)))).collect::<Result<_, _>>()?;
    if disks.iter().any(|disk| disk.mount == "/") { Ok(disks) } else { Err("df does not list /".into()) }
}

fn disk(line: &str) -> Option<Disk> {
    let line = plain(line, 8192)?;
    let mut rest = line;
    let mut word = || {
        let (word, after) = rest.trim_start().split_once(' ')?;
        rest = after;
        Some(word)
    };
    let amount = |text: &str| if text == "-" { Some(0) } else { number::<u64>(text) };
    let kind = word()?.to_owned();
    let (size, free, inodes, inodes_free) = (amount(word()?)?, amount(word()?)?, amount(word()?)?, amount(word()?)?);
    // Only the mount point may hold spaces, and it starts with a slash.
    let (source, mount) = rest.trim_start().split_once(" /")?;
    let source = source.trim_end();
    if kind.is_empty() || source.is_empty() {
        return None;
    }
    Some(Disk { mount: format!("/{mount}"), source: source.to_owned(), kind, size, free, inodes, inodes_free })
}
