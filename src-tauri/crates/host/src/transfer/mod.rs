//! Sending a folder: read and hashed here, packed, sent in pieces through the privileged channel, checked and unpacked there.
//!
//! The pieces travel as input of ordinary commands, several under way at once, so that
//! latency does not matter and no second login or `sudo` is needed. The archive on the host is named by its
//! digest: an upload that was cut off goes on where it stopped.

mod pack;
mod tree;

pub use tree::{Entry, Kind, LocalTree};

use std::collections::BTreeMap;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::stream::{self, StreamExt as _};
use slipway_core::command::{Command, Output, Stdin};
use slipway_core::digest::Digest;
use tokio::sync::mpsc;

use crate::connection::Connection;
use crate::error::HostError;

/// Size of one piece.
const PIECE: u64 = 512 << 10;
/// Pieces under way: more than `sshd` takes in before it must be read (2 MiB), little enough to let other requests in.
const UNDER_WAY: usize = 6;
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
    /// or not at all. `reuse` names files that are on the host already, by digest: they are copied there, checked, and not sent.
    ///
    /// # Errors
    /// When `destination` exists, a local file changed meanwhile, the disk is full, or the link is lost; after the
    /// last, calling again goes on where it stopped.
    pub async fn upload(
        &self,
        destination: &str,
        tree: &LocalTree,
        reuse: &BTreeMap<Digest, String>,
        progress: Option<mpsc::Sender<UploadProgress>>,
    ) -> Result<Uploaded, HostError> {
        let packing = (tree.clone(), reuse.clone());
        let packed = tokio::task::spawn_blocking(move || pack::pack(&packing.0, &packing.1)).await;
        let packed = packed.map_err(|error| self.failed("packing", error.to_string()))??;
        let spool = packed.digest.as_str();
        let (total, copies) = (packed.size, packed.copies.len() as u64);
        let check = self.run(Command::script(include_str!("begin.sh"), [destination, spool])).await?;
        let resumed = self.expect("preparing the upload", &check)?.trim().parse::<u64>().unwrap_or(0);
        let resumed = if resumed > total { 0 } else { resumed };
        let mut list = Vec::new();
        for copy in &packed.copies {
            list.extend_from_slice(copy.as_bytes());
            list.push(b'\n');
        }
        self.send_pieces(&packed, resumed, progress).await?;
        let seconds = UNPACK.as_secs().saturating_add(tree.bytes() >> 20);
        let finish = Command::script(include_str!("finish.sh"), [destination, spool])
            .stdin(Stdin::Bytes(list))
            .timeout(Duration::from_secs(seconds));
        let output = self.run(finish).await?;
        self.expect("unpacking", &output)?;
        Ok(Uploaded { packed: total, resumed, copied: copies })
    }

    async fn send_pieces(
        &self,
        packed: &pack::Packed,
        from: u64,
        progress: Option<mpsc::Sender<UploadProgress>>,
    ) -> Result<(), HostError> {
        let total = packed.size;
        let report = |sent: u64| {
            if let Some(progress) = &progress {
                let _ = progress.try_send(UploadProgress { sent, total });
            }
        };
        report(from);
        let offsets = std::iter::successors(Some(from), |at| at.checked_add(PIECE)).take_while(|at| *at < total);
        let mut pieces = stream::iter(offsets)
            .map(|at| {
                let (file, spool) = (Arc::clone(&packed.file), packed.digest.as_str());
                async move {
                    let length = PIECE.min(total.saturating_sub(at));
                    let bytes = tokio::task::spawn_blocking(move || read_piece(&file, at, length)).await;
                    let bytes = bytes.map_err(|error| self.failed("reading the archive", error.to_string()))?;
                    let bytes = bytes.map_err(|error| self.failed("reading the archive", error.to_string()))?;
                    let arguments = [spool.to_owned(), at.to_string()];
                    let write = Command::script(include_str!("piece.sh"), arguments).stdin(Stdin::Bytes(bytes));
                    let output = self.run(write).await?;
                    self.expect("writing a piece", &output)?;
                    Ok::<u64, HostError>(at.saturating_add(length))
                }
            })
            .buffered(UNDER_WAY);
        while let Some(sent) = pieces.next().await {
            report(sent?);
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
