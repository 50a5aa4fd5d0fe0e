//! Base trees: one read-only root file system per distribution, made once.
//!
//! A tree's folder name holds a hash of its recipe, so a changed recipe makes a new tree beside the old one. A
//! tree is built in a temporary folder and renamed, so that it is either complete or absent.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use super::cache::Cache;
use super::command::{command, run, run_command, run_with_input};
use super::distribution::Distribution;
use super::error::{FileContext, HostError};
use super::prerequisites::Prerequisites;
use super::sources::debian_mirror;

/// What a bare cloud image has; everything else is for the program under test to install.
const BARE: &[&str] = &[
    "systemd",
    "systemd-sysv",
    "dbus",
    "openssh-server",
    "sudo",
    "iproute2",
    "ca-certificates",
    "python3-minimal",
    "procps",
    "libpam-systemd",
];

/// What the RHEL stand-in has besides: RHEL's tools, and the libraries that its RPMs' programs need.
const EL9_EXTRA: &[&str] = &[
    "dnf",
    "rpm",
    "firewalld",
    "netbase",
    "nftables",
    "policycoreutils",
    "selinux-utils",
    "python3-venv",
    "python3-setuptools",
    "python3-wheel",
    "python3-selinux",
    "python3-semanage",
    "python3-sepolicy",
    "python3-audit",
    "python3-distro",
    "libcurl4",
    "libcurl3-gnutls",
    "libjq1",
    "libexpat1",
    "libpopt0",
    "libxxhash0",
    "media-types",
    "less",
    "hostname",
];

/// Makes a Debian tree into the RHEL stand-in; part of the recipe's hash.
const EL9_CUSTOMISE: &str = include_str!("el9.sh");

/// Adjusts a fresh tree; part of the recipe's hash.
const CUSTOMISE: &str = r#"set -eu
rm -f "$1"/etc/ssh/ssh_host_* "$1"/etc/hostname "$1"/etc/machine-id "$1"/var/lib/dbus/machine-id
chroot "$1" useradd --create-home --shell /bin/bash deploy
# Debian has a group `operator` of its own, so the user gets no group of that name.
chroot "$1" useradd --create-home --shell /bin/bash --no-user-group operator
printf 'deploy ALL=(ALL:ALL) NOPASSWD: ALL\n' > "$1/etc/sudoers.d/50-deploy"
printf 'operator ALL=(ALL:ALL) ALL\n' > "$1/etc/sudoers.d/50-operator"
chmod 0440 "$1"/etc/sudoers.d/50-*
# mkosi and cloud images mask these too: a container has no console and no hardware to wait for.
for unit in console-getty.service systemd-networkd-wait-online.service; do
    ln -sf /dev/null "$1/etc/systemd/system/$unit"
done
mkdir -p "$1/var/cache/wheelhouse"
"#;

/// A base tree that is ready for use.
#[derive(Debug, Clone)]
pub struct Baked {
    /// The distribution.
    pub distribution: Distribution,
    /// The root of the tree.
    pub root: PathBuf,
    /// How long the tree took to make; `None` when it was in the cache.
    pub took: Option<Duration>,
}

/// Returns the base tree of `distribution`, making it first if the cache has not got it.
pub fn bake(distribution: Distribution) -> Result<Baked, HostError> {
    let cache = Cache::open()?;
    let name = format!("{}-{}", distribution.name(), key(distribution));
    let root = cache.bases().join(&name);
    if root.is_dir() {
        return Ok(Baked { distribution, root, took: None });
    }
    Prerequisites::require()?;
    let _lock = cache.lock(&name)?;
    if root.is_dir() {
        // Another process made it while this one waited for the lock.
        return Ok(Baked { distribution, root, took: None });
    }
    let started = Instant::now();
    let building = cache.bases().join(format!(".building-{name}"));
    remove_tree(&building)?;
    let built = build(distribution, &building);
    if built.is_err() {
        remove_tree(&building).ok();
    }
    built?;
    fs::rename(&building, &root).context("rename the new base tree to", &root)?;
    Ok(Baked { distribution, root, took: Some(started.elapsed()) })
}

fn build(distribution: Distribution, root: &Path) -> Result<(), HostError> {
    let mirror = debian_mirror()?;
    let suite = distribution.suite();
    run_command(
        // In a mount namespace of its own: what a killed mmdebstrap mounted in the tree is gone with it.
        command("unshare")
            .args(["--mount", "--propagation=private", "--", "mmdebstrap", "--quiet"])
            .args(["--variant=minbase", "--skip=cleanup/apt/lists,cleanup/tmp"])
            .arg(format!("--include={}", packages(distribution).join(",")))
            .arg(suite)
            .arg(root)
            .arg(format!("deb {mirror} {suite} main")),
    )?;
    for script in scripts(distribution) {
        let work = root.with_extension("work");
        remove_tree(&work)?;
        let done = run_with_input(command("sh").arg("-s").arg(root).arg(&work), script.as_bytes());
        remove_tree(&work)?;
        done?;
    }
    Ok(())
}

fn packages(distribution: Distribution) -> Vec<&'static str> {
    let extra = match distribution {
        Distribution::Debian11 | Distribution::Debian12 | Distribution::Debian13 => &[],
        Distribution::El9Like => EL9_EXTRA,
    };
    [BARE, extra].concat()
}

fn scripts(distribution: Distribution) -> Vec<&'static str> {
    match distribution {
        Distribution::Debian11 | Distribution::Debian12 | Distribution::Debian13 => vec![CUSTOMISE],
        Distribution::El9Like => vec![CUSTOMISE, EL9_CUSTOMISE],
    }
}

/// A short hash of everything that decides what is in the tree.
fn key(distribution: Distribution) -> String {
    let mut parts = vec![distribution.suite()];
    parts.extend(packages(distribution));
    parts.extend(scripts(distribution));
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hash.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

/// Removes a tree, but never what is mounted into it.
fn remove_tree(path: &Path) -> Result<(), HostError> {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let below = mounts.lines().filter_map(|line| line.split(' ').nth(1)).filter(|at| Path::new(at).starts_with(path));
    for mounted in below.collect::<Vec<_>>().into_iter().rev() {
        run("umount", [mounted])?;
    }
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error).context("remove", path),
        _ => Ok(()),
    }
}
