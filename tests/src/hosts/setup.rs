//! What makes a base tree into one particular host: keys, names, logins, the machine's resolver and trust.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::command::{command, run, run_with_input};
use super::error::{FileContext, HostError};
use super::host::HostOptions;
use super::keys;
use super::record::HostRecord;

/// Kinds of host key, the first being the one that tests compare.
const HOST_KEYS: [&str; 2] = ["ed25519", "ecdsa"];

/// The outer machine's trusted certificates, which also cover its package registries.
const CA_BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Prepares the mounted root of a host that has never been started.
pub(crate) fn prepare(record: &HostRecord, options: &HostOptions) -> Result<(), HostError> {
    let root = record.root();
    for kind in HOST_KEYS {
        let file = root.join(format!("etc/ssh/ssh_host_{kind}_key"));
        keys::generate(kind, &file, &record.name)?;
    }
    let client = keys::generate("ed25519", &record.directory.join("id_ed25519"), "slipway-testkit")?;
    for (home, owner) in [("root", "0:0"), ("home/deploy", "deploy"), ("home/operator", "operator")] {
        let folder = root.join(home).join(".ssh");
        write(&folder.join("authorized_keys"), &format!("{client}\n"), 0o600)?;
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).context("protect", &folder)?;
        let inside = format!("/{home}/.ssh");
        run("chroot", [root.as_os_str(), "chown".as_ref(), "-R".as_ref(), owner.as_ref(), inside.as_ref()])?;
    }
    let passwords = format!("operator:{}\n", options.sudo_password);
    run_with_input(command("chroot").arg(&root).arg("chpasswd"), passwords.as_bytes())?;

    let name = &record.name;
    write(&root.join("etc/hostname"), &format!("{name}\n"), 0o644)?;
    let hosts = format!("127.0.0.1 localhost\n::1 localhost\n{} {name}\n", record.address);
    write(&root.join("etc/hosts"), &hosts, 0o644)?;
    // A preset id, so that systemd does not take this for a first boot and enable everything.
    let id = fs::read_to_string("/proc/sys/kernel/random/uuid").unwrap_or_default().replace('-', "");
    write(&root.join("etc/machine-id"), &id, 0o444)?;

    for file in ["/etc/resolv.conf", CA_BUNDLE] {
        let text = fs::read_to_string(file).context("read", Path::new(file))?;
        let target = root.join(file.trim_start_matches('/'));
        // Some trees have a link into /run here, which would be written outside the host.
        fs::remove_file(&target).ok();
        write(&target, &text, 0o644)?;
    }
    write(&root.join("etc/pip.conf"), PIP, 0o644)?;
    let mut sshd = format!("Port {}\n", record.ssh_port);
    for line in &options.sshd_settings {
        sshd.push_str(line);
        sshd.push('\n');
    }
    write(&root.join("etc/ssh/sshd_config.d/10-testkit.conf"), &sshd, 0o600)
}

/// pip takes wheels from the shared folder alone, so that tests are quick and repeatable.
const PIP: &str = "[global]\nno-index = true\nfind-links = /var/cache/wheelhouse\n\
                   cert = /etc/ssl/certs/ca-certificates.crt\ndisable-pip-version-check = true\n";

fn write(path: &Path, text: &str, mode: u32) -> Result<(), HostError> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).context("create", parent)?;
    }
    fs::write(path, text).context("write", path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).context("protect", path)
}
