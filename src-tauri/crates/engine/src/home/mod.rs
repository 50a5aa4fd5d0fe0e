//! The folder that holds Slipway's local state: inventory, history, known hosts, saved plans, template overrides.
//!
//! Secrets are not here: they live in the OS keyring. Nothing here reads the environment by itself;
//! [`Home::locate`] asks the caller for the few variables it needs.

mod permissions;

use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use slipway_core::digest::Digest;

use crate::failure::{Code, Failure};

pub(crate) use permissions::private;

/// The folder of local state, checked and private to its owner.
#[derive(Debug, Clone)]
pub struct Home {
    directory: PathBuf,
}

/// Something that was put right while opening, worth telling the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// Others could reach this path; its mode was tightened.
    Tightened {
        /// The path.
        path: PathBuf,
        /// Permission bits before.
        before: u32,
        /// Permission bits now.
        after: u32,
    },
}

impl std::fmt::Display for Notice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tightened { path, before, after } => {
                write!(f, "{} was open to other users (mode {before:04o}); its mode is now {after:04o}", path.display())
            }
        }
    }
}

/// Whether [`Home::create_private`] made the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// It did.
    Now,
    /// It was there before, perhaps from another process a moment ago; it is as it was.
    Before,
}

/// Why the folder of local state cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// No variable says where it should be.
    #[error("cannot tell where to keep local state: none of SLIPWAY_HOME and {0} is set")]
    Nowhere(&'static str),
    /// The path leads to something else.
    #[error("{} is not a folder", .0.display())]
    NotAFolder(PathBuf),
    /// It belongs to another user.
    #[error("{} belongs to user id {owner}, not to you (user id {you})", .path.display())]
    OwnedByAnother {
        /// The path.
        path: PathBuf,
        /// Its owner.
        owner: u32,
        /// The effective user.
        you: u32,
    },
    /// Nothing can be written there.
    #[error("{} cannot be written to: {source}", .path.display())]
    NotWritable {
        /// The path.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Any other failure of the file system.
    #[error("cannot {doing} {}: {source}", .path.display())]
    Io {
        /// What was tried, for example "create".
        doing: &'static str,
        /// The path.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl HomeError {
    /// What the operator can do about it.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Nowhere(_) => "set SLIPWAY_HOME to a folder of your own",
            Self::NotAFolder(_) => "move it away, or set SLIPWAY_HOME to another folder",
            Self::OwnedByAnother { .. } => {
                "run slipway as that user (without sudo), or set SLIPWAY_HOME to a folder of your own"
            }
            Self::NotWritable { .. } => "make it writable for you, or set SLIPWAY_HOME to another folder",
            Self::Io { .. } => "check the path and the disk, or set SLIPWAY_HOME to another folder",
        }
    }
}

impl Home {
    /// Where local state belongs, without touching the disk: `SLIPWAY_HOME`, else the platform's data folder.
    ///
    /// `variable` looks up an environment variable; a program passes `std::env::var_os`. Empty values count as
    /// unset, and so does a relative `XDG_DATA_HOME` (XDG Base Directory Specification 0.8, "Basics").
    ///
    /// # Errors
    /// [`HomeError::Nowhere`].
    pub fn locate(variable: impl Fn(&str) -> Option<OsString>) -> Result<PathBuf, HomeError> {
        let folder = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        if let Some(own) = folder("SLIPWAY_HOME") {
            return Ok(own);
        }
        let (found, needed) = if cfg!(windows) {
            (folder("LOCALAPPDATA").or_else(|| folder("APPDATA")), "LOCALAPPDATA")
        } else if cfg!(target_os = "macos") {
            (folder("HOME").map(|home| home.join("Library/Application Support")), "HOME")
        } else {
            let xdg = folder("XDG_DATA_HOME").filter(|path| path.is_absolute());
            (xdg.or_else(|| folder("HOME").map(|home| home.join(".local/share"))), "HOME")
        };
        found.map(|data| data.join("slipway")).ok_or(HomeError::Nowhere(needed))
    }

    /// Opens `directory`, creating it (mode 0700) when it is not there, and tightens what others could read.
    ///
    /// # Errors
    /// When it is not a folder, belongs to someone else or cannot be written to.
    pub fn open(directory: impl AsRef<Path>) -> Result<(Self, Vec<Notice>), HomeError> {
        let directory = directory.as_ref();
        let directory = std::path::absolute(directory).map_err(io("find", directory))?;
        permissions::create_private_folder(&directory)?;
        let mut notices = Vec::new();
        permissions::check_folder(&directory, &mut notices)?;
        let home = Self { directory };
        for folder in [home.plans(), home.templates(), home.drafts(), home.sites()] {
            permissions::create_private_folder(&folder)?;
            permissions::check_folder(&folder, &mut notices)?;
        }
        for folder in [home.directory.clone(), home.plans(), home.drafts()] {
            permissions::tighten_files(&folder, &mut notices)?;
        }
        Ok((home, notices))
    }

    /// The folder itself.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The database of hosts, sites and runs.
    pub fn inventory(&self) -> PathBuf {
        self.directory.join("inventory.sqlite")
    }

    /// Host keys accepted by the operator, in OpenSSH's format.
    pub fn known_hosts(&self) -> PathBuf {
        self.directory.join("known_hosts")
    }

    /// Templates that take the place of the embedded ones.
    pub fn templates(&self) -> PathBuf {
        self.directory.join("templates")
    }

    /// Saved plans.
    pub fn plans(&self) -> PathBuf {
        self.directory.join("plans")
    }

    /// The file of the saved plan `id`.
    pub fn plan(&self, id: &Digest) -> PathBuf {
        self.plans().join(format!("{id}.json"))
    }

    /// Half-finished sites.
    pub fn drafts(&self) -> PathBuf {
        self.directory.join("drafts")
    }

    /// Site files that were finished without a folder of their own, each in a folder named after its site.
    pub fn sites(&self) -> PathBuf {
        self.directory.join("sites")
    }

    /// Creates a folder with mode 0700 unless it is there.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn create_private_folder(&self, path: &Path) -> Result<(), HomeError> {
        permissions::create_private_folder(path)
    }

    /// The key of secret fingerprints, for machines without a keyring. It guards no secret by itself: whoever
    /// has it can only test guesses against fingerprints.
    pub fn fingerprint_key(&self) -> PathBuf {
        self.directory.join("fingerprint.key")
    }

    /// Writes a file with mode 0600, whole or not at all: temporary file beside it, fsync, rename.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn write_private(&self, path: &Path, content: &[u8]) -> Result<(), HomeError> {
        let staged = permissions::stage(path)?;
        let result = (|| {
            let (mut file, temporary) = (&staged.file, &staged.path);
            file.write_all(content).and_then(|()| file.sync_all()).map_err(io("write", temporary))?;
            std::fs::rename(temporary, path).map_err(io("write", path))?;
            permissions::sync_parent(path)
        })();
        if result.is_err() {
            let _ = std::fs::remove_file(&staged.path);
        }
        result
    }

    /// Creates a file with mode 0600 unless it is already there.
    ///
    /// The content appears whole: it is written under a temporary name and then linked.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn create_private(&self, path: &Path, content: &[u8]) -> Result<Created, HomeError> {
        let staged = permissions::stage(path)?;
        let (mut file, temporary) = (&staged.file, &staged.path);
        let written = file.write_all(content).and_then(|()| file.sync_all()).map_err(io("write", temporary));
        let linked = written.and_then(|()| match std::fs::hard_link(temporary, path) {
            Ok(()) => Ok(Created::Now),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(Created::Before),
            Err(error) => Err(io("create", path)(error)),
        });
        let _ = std::fs::remove_file(temporary);
        permissions::sync_parent(path)?;
        linked
    }
}

impl From<HomeError> for Failure {
    fn from(error: HomeError) -> Self {
        Self::new(Code::Local, error.to_string()).hint(error.advice())
    }
}

/// Turns an I/O error into [`HomeError::Io`] with its context.
fn io(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> HomeError {
    let path = path.to_owned();
    move |source| HomeError::Io { doing, path, source }
}

#[cfg(test)]
mod tests;
