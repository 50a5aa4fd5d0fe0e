//! The tools that people use instead, and what each of them is given to do.

use std::path::PathBuf;
use std::process::Command;

use slipway_tests::hosts::HostError;

use super::{Options, Place};
use crate::desk::other;

/// The same work, in the language of each.
pub(super) struct Work {
    pub(super) playbook: &'static str,
    pub(super) deploy: &'static str,
}

/// Files that contenders put on a host: all of them get the text that Slipway wrote.
pub(super) const FILES: [&str; 12] = [
    "/etc/parlour/guard.nft",
    "/etc/systemd/system/parlour-guard.service",
    "/etc/parlour/environment",
    "/etc/parlour/gunicorn-web.py",
    "/etc/nginx/conf.d/00-slipway-default-80.conf",
    "/etc/nginx/conf.d/00-slipway-default-443.conf",
    "/etc/nginx/conf.d/parlour.conf",
    "/etc/systemd/system/parlour-web@.service",
    "/etc/systemd/system/parlour-web.5000@.service",
    "/etc/systemd/system/parlour-web.5001@.service",
    "/etc/systemd/system/parlour-web@.socket",
    "/etc/systemd/system/parlour.target",
];

/// The other tools, by the names that they have in the tables.
#[derive(Clone, Copy)]
pub(super) enum Peer {
    Pyinfra,
    Mitogen,
    Ansible,
}

/// Where the peers work.
pub(super) fn folder(place: &Place) -> PathBuf {
    place.folder.join("peers")
}

/// Prepares the peers for all hosts of a place, with the files as they are on the first.
pub(super) fn prepare(place: &Place, work: &Work) -> Result<(), HostError> {
    let folder = folder(place);
    for file in FILES {
        let copy = folder.join(format!("files{file}"));
        std::fs::create_dir_all(copy.parent().unwrap_or(&folder)).map_err(other)?;
        std::fs::write(copy, place.far.host.read_file(file)?).map_err(other)?;
    }
    let known = place.folder.join("known_hosts").display().to_string();
    let (mut inventory, mut hosts) = (String::new(), String::from("hosts = [\n"));
    for far in place.all() {
        let (name, port) = (&far.name, far.relay.address().port());
        let key = far.host.client_key().display().to_string();
        inventory += &format!(
            "{name} ansible_host=127.0.0.1 ansible_port={port} ansible_user=root ansible_ssh_private_key_file={key} \
             ansible_ssh_common_args='-F none -o UserKnownHostsFile={known}' \
             ansible_python_interpreter=/usr/bin/python3\n"
        );
        hosts += &format!(
            "('{name}', dict(ssh_hostname='127.0.0.1', ssh_port={port}, ssh_user='root', ssh_key='{key}', \
             ssh_known_hosts_file='{known}', ssh_strict_host_key_checking='yes')),\n"
        );
    }
    hosts += "]\n";
    for (name, text) in [
        ("inventory.ini", &*inventory),
        ("inventory.py", &*hosts),
        ("playbook.yml", work.playbook),
        ("deploy.py", work.deploy),
    ] {
        std::fs::write(folder.join(name), text).map_err(other)?;
    }
    Ok(())
}

/// A peer doing its work on all hosts of a place at once.
pub(super) fn command(place: &Place, options: &Options<'_>, peer: Peer) -> Result<Command, HostError> {
    let hosts = place.all().len().to_string();
    if let Peer::Pyinfra = peer {
        let mut command = Command::new(options.peers.join("bin/pyinfra"));
        command.args(["-y", "--parallel", &hosts, "inventory.py", "deploy.py"]).current_dir(folder(place));
        return Ok(command);
    }
    // A connection that an earlier turn left open would make this one warm.
    let sockets = tempfile::tempdir_in(&place.folder).map_err(other)?.keep();
    let mut command = Command::new(options.peers.join("bin/ansible-playbook"));
    command.args(["-i", "inventory.ini", "--forks", &hosts, "playbook.yml"]).current_dir(folder(place));
    command.env("ANSIBLE_PIPELINING", "1").env("ANSIBLE_SSH_CONTROL_PATH_DIR", sockets);
    command.env("ANSIBLE_SSH_ARGS", "-o ControlMaster=auto -o ControlPersist=5s");
    if let Peer::Mitogen = peer {
        let found = std::fs::read_dir(options.peers.join("lib")).map_err(other)?.flatten().next();
        let python = found.ok_or_else(|| other("the peers' environment has no Python"))?.path();
        let strategies = python.join("site-packages/ansible_mitogen/plugins/strategy");
        command.env("ANSIBLE_STRATEGY_PLUGINS", strategies).env("ANSIBLE_STRATEGY", "mitogen_linear");
    }
    Ok(command)
}
