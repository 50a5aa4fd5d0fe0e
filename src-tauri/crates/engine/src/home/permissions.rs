//! Who may reach the files of [`super::Home`]: modes and owners on Unix; elsewhere the profile folder's own
//! access list protects them.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::{HomeError, Notice, io};

/// A fresh private file beside its destination.
pub(super) struct Staged {
    pub(super) file: File,
    pub(super) path: PathBuf,
}

/// Creates a fresh 0600 file beside `target`, on the same file system so that a rename is atomic.
pub(super) fn stage(target: &Path) -> Result<Staged, HomeError> {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let number = COUNTER.fetch_add(1, Ordering::Relaxed);
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    let path = target.with_file_name(format!(".{name}.{}-{number}.new", std::process::id()));
    let mut options = File::options();
    options.write(true).create_new(true);
    private(&mut options);
    // A file of this name is the debris of an earlier process with the same id.
    let _ = std::fs::remove_file(&path);
    let file = options.open(&path).map_err(io("create", &path))?;
    Ok(Staged { file, path })
}

/// Makes a rename in the folder of `path` survive a power cut.
pub(super) fn sync_parent(path: &Path) -> Result<(), HomeError> {
    if cfg!(unix)
        && let Some(parent) = path.parent()
    {
        File::open(parent).and_then(|folder| folder.sync_all()).map_err(io("write", parent))?;
    }
    Ok(())
}

#[cfg(unix)]
mod platform {
    use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};

    use super::*;

    pub(crate) fn private(options: &mut std::fs::OpenOptions) {
        options.mode(0o600);
    }

    pub(crate) fn create_private_folder(path: &Path) -> Result<(), HomeError> {
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(|error| could_not_create(parent, error))?;
        }
        match std::fs::DirBuilder::new().mode(0o700).create(path) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(could_not_create(path, error)),
        }
    }

    fn could_not_create(path: &Path, source: std::io::Error) -> HomeError {
        use std::io::ErrorKind::{AlreadyExists, NotADirectory};
        match source.kind() {
            // A plain file stands where a folder should be: the nearest ancestor that exists is it.
            NotADirectory | AlreadyExists => {
                let blocking = path.ancestors().find(|ancestor| ancestor.is_file()).unwrap_or(path);
                HomeError::NotAFolder(blocking.to_owned())
            }
            _ => HomeError::Io { doing: "create", path: path.to_owned(), source },
        }
    }

    pub(crate) fn check_folder(path: &Path, notices: &mut Vec<Notice>) -> Result<(), HomeError> {
        let metadata = std::fs::metadata(path).map_err(io("read", path))?;
        if !metadata.is_dir() {
            return Err(HomeError::NotAFolder(path.to_owned()));
        }
        let you = rustix::process::geteuid().as_raw();
        if metadata.uid() != you {
            return Err(HomeError::OwnedByAnother { path: path.to_owned(), owner: metadata.uid(), you });
        }
        tighten(path, metadata.mode(), notices)?;
        rustix::fs::access(path, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK)
            .map_err(|error| HomeError::NotWritable { path: path.to_owned(), source: error.into() })
    }

    pub(crate) fn tighten_files(folder: &Path, notices: &mut Vec<Notice>) -> Result<(), HomeError> {
        for entry in std::fs::read_dir(folder).map_err(io("read", folder))? {
            let path = entry.map_err(io("read", folder))?.path();
            match std::fs::symlink_metadata(&path) {
                Ok(metadata) if metadata.is_file() => tighten(&path, metadata.mode(), notices)?,
                Ok(_) => {}
                // SQLite's -wal and -shm files come and go with other processes.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(io("read", &path)(error)),
            }
        }
        Ok(())
    }

    fn tighten(path: &Path, mode: u32, notices: &mut Vec<Notice>) -> Result<(), HomeError> {
        let before = mode & 0o7777;
        let after = before & 0o7700;
        if before == after {
            return Ok(());
        }
        match std::fs::set_permissions(path, std::fs::Permissions::from_mode(after)) {
            Ok(()) => notices.push(Notice::Tightened { path: path.to_owned(), before, after }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(io("protect", path)(error)),
        }
        Ok(())
    }
}

#[cfg(not(unix))]
mod platform {
    use super::*;

    pub(crate) fn private(_: &mut std::fs::OpenOptions) {}

    pub(crate) fn create_private_folder(path: &Path) -> Result<(), HomeError> {
        std::fs::create_dir_all(path).map_err(io("create", path))
    }

    pub(crate) fn check_folder(path: &Path, _: &mut Vec<Notice>) -> Result<(), HomeError> {
        let metadata = std::fs::metadata(path).map_err(io("read", path))?;
        if metadata.is_dir() { Ok(()) } else { Err(HomeError::NotAFolder(path.to_owned())) }
    }

    pub(crate) fn tighten_files(_: &Path, _: &mut Vec<Notice>) -> Result<(), HomeError> {
        Ok(())
    }
}

pub(crate) use platform::private;
pub(super) use platform::{check_folder, create_private_folder, tighten_files};
