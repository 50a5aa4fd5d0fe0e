//! Base trees: one read-only root file system per distribution, made once.
//!
//! A tree's folder name holds a hash of its recipe, so a changed recipe makes a new tree beside the old one.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::cache::Cache;
use super::command::{command, run_command, run_with_input};
use super::distribution::Distribution;
use super::error::{FileContext, HostError};
use super::keep::keep;
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
# mmdebstrap's own options for dpkg: no host has them.
rm -f "$1"/etc/dpkg/dpkg.cfg.d/99mmdebstrap
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
    Prerequisites::require()?;
    let cache = Cache::open()?;
    let bootstrap = bootstrap(distribution, &debian_mirror()?);
    let name = format!("{}-{}", distribution.name(), key(distribution, &bootstrap));
    let kept = keep(&cache, &cache.bases(), &name, |root| build(distribution, &bootstrap, root))?;
    Ok(Baked { distribution, root: kept.folder, took: kept.took })
}

/// What mmdebstrap is told, but for the root that it makes, which goes after the first part.
fn bootstrap(distribution: Distribution, mirror: &str) -> [Vec<String>; 2] {
    let suite = distribution.suite();
    // The whole tree is written to the disk in the end, which takes half the time of doing it for each file.
    let options = ["--variant=minbase", "--skip=cleanup/apt/lists,cleanup/tmp", "--dpkgopt=force-unsafe-io"];
    let mut before = options.map(str::to_owned).to_vec();
    before.extend([format!("--include={}", packages(distribution).join(",")), suite.to_owned()]);
    [before, vec![format!("deb {mirror} {suite} main")]]
}

fn build(distribution: Distribution, bootstrap: &[Vec<String>; 2], root: &Path) -> Result<(), HostError> {
    let [before, behind] = bootstrap;
    run_command(
        // In a mount namespace of its own: what a killed mmdebstrap mounted in the tree is gone with it.
        command("unshare")
            .args(["--mount", "--propagation=private", "--", "mmdebstrap", "--quiet"])
            .args(before)
            .arg(root)
            .args(behind),
    )?;
    for script in scripts(distribution) {
        let work = root.with_extension("work");
        let done = run_with_input(command("sh").arg("-s").arg(root).arg(&work), script.as_bytes());
        if work.exists() {
            fs::remove_dir_all(&work).context("remove", &work)?;
        }
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

/// A short hash of everything that decides what is in the tree. That the archive is one of it: the tree names it to apt.
fn key(distribution: Distribution, bootstrap: &[Vec<String>; 2]) -> String {
    let mut hash = Sha256::new();
    for part in bootstrap.iter().flatten().map(String::as_str).chain(scripts(distribution)) {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hash.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_from_another_archive_is_another_tree() {
        let key = |mirror| key(Distribution::Debian12, &bootstrap(Distribution::Debian12, mirror));
        assert_eq!(key("http://one.example/debian"), key("http://one.example/debian"));
        assert_ne!(key("http://one.example/debian"), key("http://two.example/debian"));
    }

    #[test]
    fn every_argument_and_script_decides_the_tree() {
        let mirror = "http://one.example/debian";
        let known = key(Distribution::Debian12, &bootstrap(Distribution::Debian12, mirror));
        for (part, count) in bootstrap(Distribution::Debian12, mirror).map(|words| words.len()).into_iter().enumerate()
        {
            for word in 0..count {
                let mut other = bootstrap(Distribution::Debian12, mirror);
                other[part][word].push('x');
                assert_ne!(key(Distribution::Debian12, &other), known, "{other:?}");
            }
        }
        assert_ne!(key(Distribution::El9Like, &bootstrap(Distribution::Debian12, mirror)), known);
    }
}
