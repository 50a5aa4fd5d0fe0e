//! Disks that are kept as they are, to go back to as often as a test likes.
//!
//! A checkpoint is a layer of the host's overlay: going back throws away what was written since, and copies nothing.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use super::command::{command, poll, run_command};
use super::error::{FileContext, HostError};
use super::host::Host;
use super::record::HostRecord;

/// A host's disk at one moment; see [`Host::checkpoint`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Checkpoint(usize);

impl Host {
    /// Shuts the host down, keeps its disk as it is then, and boots it again. A later checkpoint lies on this one.
    pub fn checkpoint(&self) -> Result<Checkpoint, HostError> {
        self.power_off()?;
        let record = self.record().clone();
        let number = layers(&record)?.len();
        unmount(&record)?;
        let (upper, layer) = (record.directory.join("upper"), layer(&record, number));
        fs::rename(&upper, &layer).context("rename", &upper)?;
        mount_layers(&record)?;
        self.start()?;
        Ok(Checkpoint(number))
    }

    /// Takes the host's power away and boots it with the disk of `to`. Checkpoints made after it are gone.
    pub fn go_back(&self, to: Checkpoint) -> Result<(), HostError> {
        self.power_off_hard();
        let record = self.record().clone();
        unmount(&record)?;
        for newer in layers(&record)?.iter().skip(to.0 + 1) {
            fs::remove_dir_all(newer).context("remove", newer)?;
        }
        mount_layers(&record)?;
        self.start()
    }
}

fn layer(record: &HostRecord, number: usize) -> PathBuf {
    record.directory.join(format!("layer-{number}"))
}

/// The layers of checkpoints, the oldest first.
fn layers(record: &HostRecord) -> Result<Vec<PathBuf>, HostError> {
    Ok((0..).map(|number| layer(record, number)).take_while(|path| path.exists()).collect())
}

fn unmount(record: &HostRecord) -> Result<(), HostError> {
    let root = record.root();
    // The last processes of a host that has just lost its power hold it for a moment.
    let mut last = None;
    poll(Duration::from_secs(20), || {
        last = run_command(command("umount").arg(&root)).err();
        last.is_none().then_some(())
    });
    last.map_or(Ok(()), Err)
}

/// Mounts the disk with nothing written on top of its layers.
fn mount_layers(record: &HostRecord) -> Result<(), HostError> {
    for folder in ["upper", "work"] {
        let path = record.directory.join(folder);
        if path.exists() {
            fs::remove_dir_all(&path).context("remove", &path)?;
        }
        fs::create_dir_all(&path).context("create", &path)?;
    }
    mount(record)
}

/// Mounts the host's overlay.
pub(crate) fn mount(record: &HostRecord) -> Result<(), HostError> {
    let directory = &record.directory;
    let mut below: Vec<String> = layers(record)?.iter().map(|path| path.display().to_string()).collect();
    below.reverse();
    below.push(record.base.display().to_string());
    // `volatile` skips every sync to disk, which makes package installations several times faster; the overlay
    // stays mounted for the host's whole life, so nothing is lost over a reboot.
    let options = format!(
        "lowerdir={},upperdir={},workdir={},volatile",
        below.join(":"),
        directory.join("upper").display(),
        directory.join("work").display()
    );
    run_command(command("mount").args(["-t", "overlay", "overlay", "-o", &options]).arg(record.root())).map(drop)
}
