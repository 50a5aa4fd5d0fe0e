//! The wheelhouse: Python packages that hosts install without asking an index.
//!
//! Filled once with the machine's own pip and index settings, then mounted read-only into every host.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use super::cache::Cache;
use super::command::{command, run_command};
use super::error::{FileContext, HostError};

/// What sample applications and blueprints ask pip for.
const PACKAGES: &[&str] = &[
    "flask",
    "flask-socketio",
    "simple-websocket",
    "gunicorn",
    "cachelib",
    "flask-session",
    "gevent",
    "redis",
    "setuptools",
    "wheel",
    "pip",
];

/// What the sample application is locked to.
const LOCK: &str = include_str!("../../apps/parlour/requirements.lock");

/// The Python of each distribution: Debian 11, Debian 12 and el9-like, Debian 13.
const PYTHONS: &[&str] = &["3.9", "3.11", "3.13"];

/// glibc levels that all supported distributions are newer than (PEP 600).
const PLATFORMS: &[&str] = &["manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64"];

/// Returns the folder of wheels, filling it first if the cache has not got it, and how long that took.
pub fn fill_wheelhouse() -> Result<(PathBuf, Option<Duration>), HostError> {
    let cache = Cache::open()?;
    let name = format!("wheels-{}", key());
    let folder = cache.wheelhouse().join(&name);
    if folder.is_dir() {
        return Ok((folder, None));
    }
    let _lock = cache.lock(&name)?;
    if folder.is_dir() {
        return Ok((folder, None));
    }
    let started = Instant::now();
    let filling = cache.wheelhouse().join(format!(".filling-{name}"));
    if filling.exists() {
        fs::remove_dir_all(&filling).context("remove", &filling)?;
    }
    for python in PYTHONS {
        download(python, &filling, PACKAGES)?;
        download(python, &filling, &[&["--no-deps"], locked().as_slice()].concat())?;
    }
    fs::rename(&filling, &folder).context("rename the new wheelhouse to", &folder)?;
    Ok((folder, Some(started.elapsed())))
}

/// The folder that hosts see: the wheelhouse if it is filled, or else an empty one.
pub(crate) fn present_wheelhouse(cache: &Cache) -> Result<PathBuf, HostError> {
    let filled = cache.wheelhouse().join(format!("wheels-{}", key()));
    if filled.is_dir() {
        return Ok(filled);
    }
    let empty = cache.wheelhouse().join("empty");
    fs::create_dir_all(&empty).context("create", &empty)?;
    Ok(empty)
}

fn download(python: &str, folder: &Path, arguments: &[&str]) -> Result<(), HostError> {
    let mut pip = command("/usr/bin/python3");
    // A wheel folder of the machine's own would decide what is newest.
    pip.env_remove("PIP_FIND_LINKS")
        .args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--only-binary=:all:"])
        .args(["--implementation", "cp", "--python-version", python, "--dest"])
        .arg(folder);
    for platform in PLATFORMS {
        pip.args(["--platform", platform]);
    }
    run_command(pip.args(arguments)).map(drop)
}

/// The locked versions without their markers: pip would judge them by its own Python, not by the host's.
fn locked() -> Vec<&'static str> {
    LOCK.lines()
        .filter(|line| line.starts_with(|first: char| first.is_ascii_alphanumeric()))
        .filter_map(|line| line.split([';', ' ', '\\']).next())
        .collect()
}

fn key() -> String {
    let mut hash = Sha256::new();
    for part in [PACKAGES, PYTHONS, PLATFORMS, &[LOCK]].concat() {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hash.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locked_versions_lose_markers_and_hashes() {
        let versions = locked();
        assert!(versions.iter().any(|version| version.starts_with("Flask==")), "{versions:?}");
        assert!(versions.iter().all(|version| version.contains("==") && !version.contains([';', ' ', '\\'])));
    }
}
