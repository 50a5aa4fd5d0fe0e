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
use window::Window;

/// A tree of fewer bytes is sent without asking what is there.
const WORTH_ASKING: u64 = 256 << 10;
/// Time to check and unpack, whatever the size.
const UNPACK: Duration = Duration::from_secs(120);

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
    /// Files copied on the host instead of sent.
    pub copied: u64,
}

impl Connection {
    /// Makes the directory `destination` on the host with the content of `tree`.
    ///
    /// It belongs to root, directories and executable files have mode 0755, other files 0644. It appears at once and whole,
    /// or not at all. `like` is a directory on the host that may hold files of the tree under the same paths: those are
    /// copied there, checked, and not sent. Only root may be able to write in it.
    ///
    /// # Errors
    /// When `destination` exists, a local file changed meanwhile, the disk is full, or the link is lost; after the
    /// last, calling again goes on where it stopped.
    pub async fn upload(
        &self,
        destination: &str,
        tree: &LocalTree,
        like: Option<&str>,
        progress: Option<mpsc::Sender<UploadProgress>>,
    ) -> Result<Uploaded, HostError> {
        // To ask what is there costs a round trip and reading it; little is sent sooner than that.
        if let Some(like) = like.filter(|_| tree.bytes() >= WORTH_ASKING) {
            let there = there::parse(&self.run(there::command(like)).await?);
            if let Some(done) = self.upload_beside(destination, tree, (like, there), progress.clone()).await? {
                return Ok(done);
            }
        }
        let sent = self.upload_beside(destination, tree, ("", there::There::new()), progress).await?;
        sent.ok_or_else(|| self.failed("unpacking", "it says that copies are wrong, and there are none".to_owned()))
    }

    /// Sends what is not `there`. `None` when the copies of the others were not right: then all has to be sent.
    async fn upload_beside(
        &self,
        destination: &str,
        tree: &LocalTree,
        (like, there): (&str, there::There),
        progress: Option<mpsc::Sender<UploadProgress>>,
    ) -> Result<Option<Uploaded>, HostError> {
        let packing = tree.clone();
        let packed = tokio::task::spawn_blocking(move || pack::pack(&packing, &there)).await;
        let mut packed = packed.map_err(|error| self.failed("packing", error.to_string()))??;
        let copies = std::mem::take(&mut packed.copies);
        let spool = packed.digest.as_str();
        let total = packed.size;
        let began = Instant::now();
        let check = self.run(Command::script(include_str!("begin.sh"), [destination, spool])).await?;
        let window = Window::new(total, began.elapsed());
        let resumed = self.expect("preparing the upload", &check)?.trim().parse::<u64>().unwrap_or(0);
        let resumed = if resumed > total { 0 } else { resumed };
        self.send_pieces(&packed, resumed, window, progress).await?;
        let seconds = UNPACK.as_secs().saturating_add(tree.bytes() >> 20);
        let (like, sums) = copies.sums.as_ref().map_or(("", ""), |sums| (like, sums.as_str()));
        let finish = Command::script(include_str!("finish.sh"), [destination, spool, like, sums])
            .stdin(Stdin::Bytes(copies.list))
            .timeout(Duration::from_secs(seconds));
        let output = self.run(finish).await?;
        if output.exit == Exit::Code(3) && copies.count > 0 {
            return Ok(None);
        }
        self.expect("unpacking", &output)?;
        Ok(Some(Uploaded { packed: total, resumed, copied: copies.count }))
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
                let write = Command::script(include_str!("piece.sh"), [packed.digest.to_string(), at.to_string()]);
                pieces.push_back(async move {
                    let began = Instant::now();
                    let output = self.run(write.stdin(Stdin::Bytes(bytes))).await?;
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

fn read_piece(file: &Mutex<std::fs::File>, at: u64, length: u64) -> std::io::Result<Vec<u8>> {
    let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
    file.seek(SeekFrom::Start(at))?;
    let mut bytes = vec![0; usize::try_from(length).map_err(std::io::Error::other)?];
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}
