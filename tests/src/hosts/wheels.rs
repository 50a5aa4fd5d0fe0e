//! The wheelhouse: Python packages that hosts install without asking an index.
//!
//! Filled once with the machine's own pip and index settings, then mounted read-only into every host:
//! no host starts before it is whole.

use std::path::Path;

use sha2::{Digest, Sha256};

use super::cache::Cache;
use super::command::{command, run_command};
use super::error::HostError;
use super::keep::{Kept, keep};

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

/// Options of every download: wheels only, of CPython.
const OPTIONS: &[&str] =
    &["download", "--quiet", "--disable-pip-version-check", "--only-binary=:all:", "--implementation", "cp"];

/// Returns the folder of wheels, filling it first if the cache has not got it.
pub fn fill_wheelhouse() -> Result<Kept, HostError> {
    let cache = Cache::open()?;
    keep(&cache, &cache.wheelhouse(), &format!("wheels-{}", key()), |folder| {
        for python in PYTHONS {
            download(python, folder, PACKAGES)?;
            download(python, folder, &[&["--no-deps"], locked().as_slice()].concat())?;
        }
        Ok(())
    })
}

fn download(python: &str, folder: &Path, arguments: &[&str]) -> Result<(), HostError> {
    let mut pip = command("/usr/bin/python3");
    // A wheel folder of the machine's own would decide what is newest.
    pip.env_remove("PIP_FIND_LINKS").args(["-m", "pip"]).args(OPTIONS);
    pip.args(["--python-version", python, "--dest"]).arg(folder);
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
    for part in [PACKAGES, PYTHONS, PLATFORMS, OPTIONS, &[LOCK]].concat() {
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
