//! Which files of a tree are taken on the host and which are sent, as the programs there are told it.

use std::io::{self, Write as _};
use std::time::Duration;

use slipway_core::command::{Command, Stdin};
use slipway_core::digest::Digest;

use super::list::{is_plain, lines};
use super::there::Same;
use super::tree::{Kind, LocalTree};
use super::{Held, To, Writer};

/// What is taken on the host instead of sent.
pub(super) struct Taken<'a> {
    /// The directory that it is taken from.
    like: &'a str,
    /// Whether the directory begins with links to all that the other holds.
    linked: bool,
    /// Files.
    pub(super) files: u64,
    /// Compressed lines for each file: "-" when its link goes again, or the mode of a copy; path.
    list: Vec<u8>,
    /// Digest of the sorted lines of sha256sum about them, if there are any.
    sums: Option<Digest>,
}

impl<'a> Taken<'a> {
    /// Of the files of `tree`, those that are the same on the host.
    ///
    /// # Errors
    /// When memory cannot be written to, which does not happen.
    pub(super) fn of(tree: &LocalTree, held: &Held<'a>) -> io::Result<Self> {
        let Held { like, same, linked } = held;
        let linked = linked.filter(|_| !same.is_empty());
        let mut list = lines();
        for path in linked.into_iter().flat_map(|files| files.keys()).filter(|path| same.get(*path) != Some(&true)) {
            writeln!(list, "- {path}")?;
        }
        let mut sums = Vec::new();
        for (path, executable, digest) in files(tree) {
            let Some(link) = same.get(path) else { continue };
            if linked.is_none() || !link {
                writeln!(list, "{} {path}", if executable { "755" } else { "644" })?;
            }
            sums.push(format!("{digest}  {path}\n"));
        }
        sums.sort_unstable();
        Ok(Self {
            like,
            linked: linked.is_some(),
            files: sums.len() as u64,
            list: list.finish()?,
            sums: (!sums.is_empty()).then(|| Digest::of(sums.concat().as_bytes())),
        })
    }

    /// Begins the directory with them.
    pub(super) fn command(&self, to: To<'_>, limit: Duration) -> Command {
        let (like, sums) = self.sums.as_ref().map_or(("", ""), |sums| (self.like, sums.as_str()));
        let script = concat!(include_str!("known.sh"), include_str!("begun.sh"), include_str!("take.sh"));
        let linked = if self.linked { "linked" } else { "" };
        Command::script(script, [to.destination, like, sums, linked])
            .stdin(Stdin::Bytes(self.list.clone()))
            .timeout(limit)
    }
}

/// Begins the directory with links to all files of `like` whose digests are known there.
pub(super) fn link(to: To<'_>, like: &str, limit: Duration) -> Command {
    let script = concat!(include_str!("known.sh"), include_str!("begun.sh"), include_str!("link.sh"));
    Command::script(script, [to.destination, like]).timeout(limit)
}

/// Compressed lines for each file that is sent, as sha256sum says them, if the host is to keep a list.
///
/// # Errors
/// When memory cannot be written to, which does not happen.
pub(super) fn sent(tree: &LocalTree, same: &Same, writer: Writer) -> io::Result<Vec<u8>> {
    let mut list = lines();
    let sent = files(tree).filter(|(path, ..)| writer == Writer::Root && is_plain(path) && !same.contains_key(*path));
    for (path, _, digest) in sent {
        writeln!(list, "{digest}  {path}")?;
    }
    list.finish()
}

/// Path, whether it is executable, and digest of each file.
fn files(tree: &LocalTree) -> impl Iterator<Item = (&str, bool, &Digest)> {
    tree.entries().iter().filter_map(|entry| match &entry.kind {
        Kind::File { executable, digest, .. } => Some((entry.path.as_str(), *executable, digest)),
        Kind::Directory | Kind::Link { .. } => None,
    })
}
