//! Packages that hosts install again and again, kept between hosts.

use std::fs;
use std::path::Path;

use super::cache::Cache;
use super::distribution::Distribution;
use super::error::{FileContext, HostError};

/// Where apt keeps downloaded packages, relative to a root.
const ARCHIVES: &str = "var/cache/apt/archives";

/// Gives a new host every package that earlier hosts of its distribution downloaded.
///
/// Hard links into the overlay's upper layer cost nothing and leave each host its own apt lock.
pub(crate) fn share(cache: &Cache, distribution: Distribution, upper: &Path) -> Result<(), HostError> {
    let archives = cache.archives(distribution.name());
    fs::create_dir_all(&archives).context("create", &archives)?;
    let target = upper.join(ARCHIVES);
    fs::create_dir_all(&target).context("create", &target)?;
    for entry in fs::read_dir(&archives).context("list", &archives)?.flatten() {
        if is_package(&entry.path()) {
            fs::hard_link(entry.path(), target.join(entry.file_name())).context("share", &entry.path())?;
        }
    }
    Ok(())
}

/// Keeps the packages that a finished host downloaded.
pub(crate) fn harvest(cache: &Cache, distribution: &str, upper: &Path) {
    let Ok(entries) = fs::read_dir(upper.join(ARCHIVES)) else {
        return;
    };
    let archives = cache.archives(distribution);
    for entry in entries.flatten() {
        let kept = archives.join(entry.file_name());
        if is_package(&entry.path()) && !kept.exists() {
            // Losing a race against another host's harvest is fine: the package is there then.
            fs::hard_link(entry.path(), kept).ok();
        }
    }
}

fn is_package(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "deb") && path.is_file()
}
