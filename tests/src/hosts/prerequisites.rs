//! Whether test hosts can run on this machine, and what to install if not.

use std::path::Path;

use super::error::HostError;

/// Programs that are needed, each with the Debian package that has it.
const PROGRAMS: &[(&str, &str)] = &[
    ("systemd-nspawn", "systemd-container"),
    ("mmdebstrap", "mmdebstrap"),
    ("nft", "nftables"),
    ("ip", "iproute2"),
    ("nsenter", "util-linux"),
    ("mount", "mount"),
    ("ssh", "openssh-client"),
    ("ssh-keygen", "openssh-client"),
    ("pip3", "python3-pip"),
    ("dnf", "dnf"),
    ("rpmbuild", "rpm"),
    ("createrepo_c", "createrepo-c"),
];

/// Something that test hosts need and this machine has not got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// What is missing, in words.
    pub what: String,
    /// The Debian package that brings it, when a package does.
    pub package: Option<&'static str>,
}

/// The answer to whether test hosts can run here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prerequisites {
    /// What is missing; empty when hosts can run.
    pub missing: Vec<Missing>,
}

impl Prerequisites {
    /// Looks at this machine; changes nothing.
    pub fn check() -> Self {
        let mut missing = Vec::new();
        if !rustix::process::geteuid().is_root() {
            missing.push(Missing { what: "root privileges (mounts, network namespaces)".to_owned(), package: None });
        }
        if !cfg!(target_os = "linux") {
            missing.push(Missing { what: "Linux".to_owned(), package: None });
        }
        for (program, package) in PROGRAMS {
            if !is_installed(program) {
                missing.push(Missing { what: format!("the program {program}"), package: Some(package) });
            }
        }
        if !has_overlay() {
            missing.push(Missing { what: "overlayfs in the kernel".to_owned(), package: None });
        }
        Self { missing }
    }

    /// Whether nothing is missing.
    pub fn is_met(&self) -> bool {
        self.missing.is_empty()
    }

    /// The command that installs the missing packages, if packages are what is missing.
    pub fn install_command(&self) -> Option<String> {
        let mut packages: Vec<&str> = self.missing.iter().filter_map(|missing| missing.package).collect();
        packages.sort_unstable();
        packages.dedup();
        (!packages.is_empty()).then(|| format!("apt-get install {}", packages.join(" ")))
    }

    /// What is missing and how to get it, in one line.
    pub fn reason(&self) -> String {
        let what: Vec<&str> = self.missing.iter().map(|missing| missing.what.as_str()).collect();
        let mut reason = format!("missing: {}", what.join(", "));
        if let Some(command) = self.install_command() {
            reason.push_str(&format!("; run: {command}"));
        }
        reason
    }

    /// Fails unless everything is there.
    pub fn require() -> Result<(), HostError> {
        let found = Self::check();
        if found.is_met() { Ok(()) } else { Err(HostError::Prerequisites(found.reason())) }
    }

    /// Says whether a test that needs hosts can run; prints `not run: …` when it cannot.
    ///
    /// # Panics
    /// When hosts cannot run although `SLIPWAY_REQUIRE_HOSTS=1` demands that they do.
    pub fn or_not_run() -> bool {
        let found = Self::check();
        if found.is_met() {
            return true;
        }
        assert!(
            std::env::var_os("SLIPWAY_REQUIRE_HOSTS").is_none_or(|value| value != "1"),
            "test hosts are required here, but {}",
            found.reason()
        );
        eprintln!("not run: {}", found.reason());
        false
    }
}

fn is_installed(program: &str) -> bool {
    ["/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/bin", "/usr/local/sbin"]
        .iter()
        .any(|folder| Path::new(folder).join(program).is_file())
}

/// The kernel lists overlay once its module is loaded; before that the module file must be there.
fn has_overlay() -> bool {
    let listed = std::fs::read_to_string("/proc/filesystems").is_ok_and(|text| text.contains("overlay"));
    listed
        || std::fs::read_to_string("/proc/sys/kernel/osrelease")
            .is_ok_and(|release| Path::new("/lib/modules").join(release.trim()).join("kernel/fs/overlayfs").is_dir())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_names_each_package_once() {
        let missing = |what: &str, package| Missing { what: what.to_owned(), package };
        let found = Prerequisites {
            missing: vec![
                missing("root privileges", None),
                missing("the program ssh", Some("openssh-client")),
                missing("the program ssh-keygen", Some("openssh-client")),
                missing("the program nft", Some("nftables")),
            ],
        };
        assert_eq!(
            found.reason(),
            "missing: root privileges, the program ssh, the program ssh-keygen, the program nft; \
             run: apt-get install nftables openssh-client"
        );
    }
}
