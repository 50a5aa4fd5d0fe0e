//! Packing a tree into one compressed archive.

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek as _, Write};
use std::sync::{Arc, Mutex};

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest as _, Sha256};
use slipway_core::digest::Digest;

use super::there::Same;
use super::tree::{Kind, LocalTree, digest_of, local, modified};
use crate::error::HostError;

/// A packed tree in a nameless temporary file.
pub(super) struct Packed {
    pub(super) file: Arc<Mutex<File>>,
    pub(super) size: u64,
    /// Of the archive.
    pub(super) digest: Digest,
}

/// Packs `tree` without the files that are the `same` on the host and taken there.
///
/// gzip, because every host has it. Times of files are kept: web servers make `ETag` of them.
pub(super) fn pack(tree: &LocalTree, same: &Same) -> Result<Packed, HostError> {
    let io = |error: io::Error| local(&tree.root, error.to_string());
    let file = tempfile::tempfile().map_err(io)?;
    let hashing = Hashing { inner: BufWriter::with_capacity(256 << 10, file), hasher: Sha256::new(), size: 0 };
    let mut archive = tar::Builder::new(GzEncoder::new(hashing, Compression::new(4)));
    for entry in tree.entries().iter().filter(|entry| !same.contains_key(&entry.path)) {
        let full = tree.root.join(&entry.path);
        let io = |error: io::Error| local(&full, error.to_string());
        let mut header = tar::Header::new_gnu();
        header.set_uid(0);
        header.set_gid(0);
        header.set_size(0);
        let meta = std::fs::symlink_metadata(&full).map_err(io)?;
        header.set_mtime(modified(&meta));
        match &entry.kind {
            Kind::Directory => {
                header.set_entry_type(tar::EntryType::Directory);
                header.set_mode(0o755);
                archive.append_data(&mut header, format!("{}/", entry.path), io::empty()).map_err(io)?;
            }
            Kind::Link { target } => {
                header.set_entry_type(tar::EntryType::Symlink);
                header.set_mode(0o777);
                archive.append_link(&mut header, &entry.path, target).map_err(io)?;
            }
            Kind::File { executable, size, digest } => {
                header.set_entry_type(tar::EntryType::Regular);
                header.set_mode(if *executable { 0o755 } else { 0o644 });
                header.set_size(*size);
                let opened = File::open(&full).map_err(io)?;
                let mut reading = Reading { inner: opened.take(*size), hasher: Sha256::new() };
                archive.append_data(&mut header, &entry.path, &mut reading).map_err(io)?;
                if digest_of(reading.hasher).map_err(io)? != *digest || meta.len() != *size {
                    return Err(local(&full, "it changed while it was being read"));
                }
            }
        }
    }
    let hashing = archive.into_inner().and_then(GzEncoder::finish).map_err(io)?;
    let mut file = hashing.inner.into_inner().map_err(|error| io(error.into_error()))?;
    file.rewind().map_err(io)?;
    let digest = digest_of(hashing.hasher).map_err(io)?;
    Ok(Packed { file: Arc::new(Mutex::new(file)), size: hashing.size, digest })
}

struct Hashing<W> {
    inner: W,
    hasher: Sha256,
    size: u64,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.hasher.update(bytes.get(..count).unwrap_or_default());
        self.size += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

struct Reading<R> {
    inner: R,
    hasher: Sha256,
}

impl<R: Read> Read for Reading<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hasher.update(buffer.get(..count).unwrap_or_default());
        Ok(count)
    }
}
