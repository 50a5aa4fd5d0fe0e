//! The folder outside the clone that keeps what is expensive to make: base trees, packages, wheels.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::error::{FileContext, HostError};

/// Where base trees and packages are kept.
///
/// Hosts' overlays live here too, because packages are shared with them by hard link.
#[derive(Debug, Clone)]
pub struct Cache {
    root: PathBuf,
}

impl Cache {
    /// Opens the cache named by `SLIPWAY_TEST_CACHE`, or else `/var/cache/slipway-tests`.
    pub fn open() -> Result<Self, HostError> {
        let root = std::env::var_os("SLIPWAY_TEST_CACHE")
            .filter(|value| !value.is_empty())
            .map_or_else(|| PathBuf::from("/var/cache/slipway-tests"), PathBuf::from);
        Self::at(&root)
    }

    /// Opens the cache in this folder, which must be an absolute path: processes that share it run in different folders.
    pub(crate) fn at(root: &Path) -> Result<Self, HostError> {
        if !root.is_absolute() {
            let said = format!("SLIPWAY_TEST_CACHE must be an absolute path, not {}", root.display());
            return Err(HostError::Other(said));
        }
        let cache = Self { root: root.to_path_buf() };
        for folder in ["bases", "hosts", "locks", "archives", "wheelhouse"] {
            let path = cache.root.join(folder);
            fs::create_dir_all(&path).context("create", &path)?;
        }
        Ok(cache)
    }

    /// The cache that a host's folder is in, which another process may have chosen.
    pub(crate) fn of_host(directory: &Path) -> Option<Self> {
        Some(Self { root: directory.parent()?.parent()?.to_path_buf() })
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn bases(&self) -> PathBuf {
        self.root.join("bases")
    }

    pub(crate) fn hosts(&self) -> PathBuf {
        self.root.join("hosts")
    }

    pub(crate) fn archives(&self, distribution: &str) -> PathBuf {
        self.root.join("archives").join(distribution)
    }

    pub(crate) fn wheelhouse(&self) -> PathBuf {
        self.root.join("wheelhouse")
    }

    /// Takes the named lock and holds it until the returned file is dropped.
    pub(crate) fn lock(&self, name: &str) -> Result<File, HostError> {
        lock_file(&self.root.join("locks").join(name))
    }
}

/// Opens (creating it) and exclusively locks a file; the kernel lets go of it when the process ends.
pub(crate) fn lock_file(path: &Path) -> Result<File, HostError> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).context("create", parent)?;
    }
    let file = File::options().create(true).truncate(false).write(true).open(path).context("open", path)?;
    file.lock().context("lock", path)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_depends_on_who_asks_is_refused() {
        let said = Cache::at(Path::new("cache")).unwrap_err().to_string();
        assert!(said.contains("must be an absolute path"), "{said}");
    }

    #[test]
    fn packages_of_a_host_go_to_the_cache_that_it_is_in() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path()).unwrap();
        let same = Cache::of_host(&cache.hosts().join("debian12-2")).unwrap();
        assert_eq!(same.root(), cache.root());
    }
}
