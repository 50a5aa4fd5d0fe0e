//! Which runs are at work in some process of this computer: each holds a locked file. A lock ends with its process,
//! however that ends, so a run without one was stopped.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::PathBuf;

use super::RunId;
use crate::home::Home;

/// A run of this process; the mark ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Mark {
    path: PathBuf,
    _file: File,
}

fn place(home: &Home, run: RunId) -> PathBuf {
    home.directory().join("going").join(run.to_string())
}

impl Mark {
    /// Marks `run`; none where the folder cannot be written to, which must not keep a run from beginning.
    pub(crate) fn set(home: &Home, run: RunId) -> Option<Self> {
        let path = place(home, run);
        std::fs::create_dir_all(path.parent()?).ok()?;
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).ok()?;
        file.try_lock().ok()?;
        Some(Self { path, _file: file })
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        // One that stays holds no lock and so says nothing.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Whether some process of this computer is at `run`.
pub(crate) fn is_at_work(home: &Home, run: RunId) -> bool {
    let Ok(file) = File::open(place(home, run)) else { return false };
    matches!(file.try_lock(), Err(TryLockError::WouldBlock))
}
