//! Sending a folder: read and hashed here, packed, sent in pieces through the privileged channel, checked and unpacked there.
//!
//! The pieces travel as input of ordinary commands, several under way at once, so that
//! latency does not matter and no second login or `sudo` is needed. The archive on the host is named by its
//! digest: an upload that was cut off goes on where it stopped.

mod pack;
mod there;
mod tree;
mod window;

pub use tree::{Entry, Kind, LocalTree};

use std::io::{Read as _, Seek as _, SeekFrom};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::stream::{FuturesOrdered, StreamExt as _};
use slipway_core::command::{Command, Exit, Output, Stdin};
use tokio::sync::mpsc;

use crate::connection::Connection;
use crate::error::HostError;
use there::{Known, Same, There};
use window::Window;

/// A tree of fewer bytes is sent without asking what is there.
const WORTH_ASKING: u64 = 256 << 10;
/// Time to check and unpack, whatever the size.
const UNPACK: Duration = Duration::from_secs(120);

/// A directory on the host that may hold files of a tree under the same paths. Only root may be able to write in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Like<'a> {
    /// Where it is.
    pub directory: &'a str,
    /// What becomes of its files.
    pub take: Take,
}

/// How files that are on the host already are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Take {
    /// As copies.
    Copies,
    /// As links to the same files, where owner and mode are right: for a tree that is never given to anybody else.
    Links,
}

/// How far an upload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UploadProgress {
    /// Bytes of the archive that are on the host.
    pub sent: u64,
    /// Bytes of the archive.
    pub total: u64,
}

/// What an upload did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Uploaded {
    /// Bytes of the packed archive.
    pub packed: u64,
    /// Bytes that were there already from an upload that was cut off.
    pub resumed: u64,
    /// Files taken from the host instead of sent.
    pub taken: u64,
}

impl Connection {
    /// Makes the directory `destination` on the host with the content of `tree`.
    ///
    /// It belongs to root, directories and executable files have mode 0755, other files 0644. It appears at once and whole,
    /// or not at all. Files that are in `like` under the same path are taken there, checked, and not sent.
    ///
    /// # Errors
    /// When `destination` exists, a local file changed meanwhile, the disk is full, or the link is lost; after the
    /// last, calling again goes on where it stopped.
    pub async fn upload(
        &self,
        destination: &str,
        tree: &LocalTree,
        like: Option<Like<'_>>,
        progress: Option<mpsc::Sender<UploadProgress>>,
    ) -> Result<Uploaded, HostError> {
        // To ask what is there costs a round trip and reading it; little is sent sooner than that.
        if let Some(like) = like.filter(|_| tree.bytes() >= WORTH_ASKING) {
            let there = there::parse(&self.run(there::command(like.directory)).await?);
            // Two files of the same size and time may differ after all. Then their digests are asked for.
            for known in [Known::ByTime, Known::ByDigest] {
                let same = self.same(tree, like.directory, &there, known).await?;
                if let Some(done) = self.upload_beside(destination, tree, (like, same), progress.clone()).await? {
                    return Ok(done);
                }
            }
        }
        let nothing = Like { directory: "", take: Take::Copies };
        let sent = self.upload_beside(destination, tree, (nothing, Same::new()), progress).await?;
        sent.ok_or_else(|| self.failed("unpacking", "it says that copies are wrong, and there are none".to_owned()))
    }

    /// Which files of `tree` the host has in `directory`.
    async fn same(&self, tree: &LocalTree, directory: &str, there: &There, known: Known) -> Result<Same, HostError> {
        let (comparing, seen) = (tree.clone(), there.clone());
        let compared = tokio::task::spawn_blocking(move || there::compare(&comparing, &seen, known)).await;
        let (mut same, unsure) = compared.map_err(|error| self.failed("comparing", error.to_string()))??;
        let bytes: u64 = unsure.keys().filter_map(|path| there.get(path)).map(|seen| seen.size).sum();
        if bytes < WORTH_ASKING {
            return Ok(same);
        }
        let ask = there::digests(directory, &unsure).map_err(|error| self.failed("comparing", error.to_string()))?;
        let agreeing = there::agreeing(tree, &self.run(ask).await?);
        same.extend(unsure.into_iter().filter(|(path, _)| agreeing.contains(path)));
        Ok(same)
    }

    /// Sends what is not the `same` there. `None` when what was taken was not right.
    async fn upload_beside(
        &self,
        destination: &str,
        tree: &LocalTree,
        (like, same): (Like<'_>, Same),
        progress: Option<mpsc::Sender<UploadProgress>>,
    ) -> Result<Option<Uploaded>, HostError> {
        let packing = tree.clone();
        let packed = tokio::task::spawn_blocking(move || pack::pack(&packing, &same, like.take)).await;
        let mut packed = packed.map_err(|error| self.failed("packing", error.to_string()))??;
        let taken = std::mem::take(&mut packed.taken);
        let spool = packed.digest.as_str();
        let total = packed.size;
        let began = Instant::now();
        let check = self.run(Command::script(include_str!("begin.sh"), [destination, spool])).await?;
        let window = Window::new(total, began.elapsed());
        let resumed = self.expect("preparing the upload", &check)?.trim().parse::<u64>().unwrap_or(0);
        let resumed = if resumed > total { 0 } else { resumed };
        self.send_pieces(&packed, resumed, window, progress).await?;
        let seconds = UNPACK.as_secs().saturating_add(tree.bytes() >> 20);
        let (like, sums) = taken.sums.as_ref().map_or(("", ""), |sums| (like.directory, sums.as_str()));
        let finish = Command::script(include_str!("finish.sh"), [destination, spool, like, sums])
            .stdin(Stdin::Bytes(taken.list))
            .timeout(Duration::from_secs(seconds));
        let output = self.run(finish).await?;
        if output.exit == Exit::Code(3) && taken.count > 0 {
            return Ok(None);
        }
        self.expect("unpacking", &output)?;
        Ok(Some(Uploaded { packed: total, resumed, taken: taken.count }))
    }

    async fn send_pieces(
        &self,
        packed: &pack::Packed,
        from: u64,
        mut window: Window,
        progress: Option<mpsc::Sender<UploadProgress>>,
    ) -> Result<(), HostError> {
        let total = packed.size;
        let report = |sent: u64| {
            if let Some(progress) = &progress {
                let _ = progress.try_send(UploadProgress { sent, total });
            }
        };
        report(from);
        let (mut sent, mut arrived) = (from, from);
        let mut pieces = FuturesOrdered::new();
        while arrived < total {
            while let Some(length) = window.room(sent - arrived).map(|piece| piece.min(total - sent)).filter(|l| *l > 0)
            {
                // Read one after the other: the host's file must have no gap, or its size would not say where to go on.
                let (at, file) = (sent, Arc::clone(&packed.file));
                let bytes = tokio::task::spawn_blocking(move || read_piece(&file, at, length)).await;
                let bytes = bytes.map_err(|error| self.failed("reading the archive", error.to_string()))?;
                let bytes = bytes.map_err(|error| self.failed("reading the archive", error.to_string()))?;
                sent += length;
                let (end, under_way) = (sent, sent - arrived);
                let write = write_piece(packed.digest.as_str(), at).stdin(Stdin::Bytes(bytes));
                pieces.push_back(async move {
                    let began = Instant::now();
                    let output = self.run(write).await?;
                    self.expect("writing a piece", &output)?;
                    Ok::<_, HostError>((end, under_way, began.elapsed()))
                });
            }
            let Some(piece) = pieces.next().await else { break };
            let (end, under_way, after) = piece?;
            window.arrived(under_way, after);
            arrived = end;
            report(arrived);
        }
        Ok(())
    }

    fn expect<'a>(&self, what: &str, output: &'a Output) -> Result<std::borrow::Cow<'a, str>, HostError> {
        if output.success() { Ok(output.text()) } else { Err(self.failed(what, output.complaint())) }
    }

    fn failed(&self, what: &str, why: String) -> HostError {
        HostError::Failed { host: self.name().to_owned(), what: what.to_owned(), why }
    }
}

/// Writes one piece of the archive `spool` from standard input to where it belongs. One program and no shell, because there
/// are many; the privileged loop lets nobody but root read what it writes.
fn write_piece(spool: &str, at: u64) -> Command {
    let (of, seek) = (format!("of=/var/lib/slipway/.spool/{spool}"), format!("seek={at}"));
    Command::new(["dd", &of, &seek, "oflag=seek_bytes", "bs=512K", "iflag=fullblock", "conv=notrunc", "status=none"])
}

fn read_piece(file: &Mutex<std::fs::File>, at: u64, length: u64) -> std::io::Result<Vec<u8>> {
    let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
    file.seek(SeekFrom::Start(at))?;
    let mut bytes = vec![0; usize::try_from(length).map_err(std::io::Error::other)?];
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}
