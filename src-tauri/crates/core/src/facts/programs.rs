//! Programs on the host and their versions: nginx, OpenSSL, interpreters, transfer tools.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Version;
use crate::fact::Fact;

/// What is installed, whatever package it came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Programs {
    /// nginx.
    pub nginx: Fact<NginxBuild>,
    /// `openssl version`.
    pub openssl: Fact<Version>,
    /// Every `/usr/bin/python3.X` and the default `python3`, oldest first.
    pub pythons: Fact<Vec<Python>>,
    /// Node.js.
    pub node: Fact<Version>,
    /// npm.
    pub npm: Fact<Version>,
    /// git.
    pub git: Fact<Version>,
    /// Absolute path of each program of [`TOOLS`] by name.
    pub tools: BTreeMap<String, Fact<String>>,
}

/// Programs looked for by name only.
pub const TOOLS: [&str; 24] = [
    "base64",
    "certbot",
    "curl",
    "firewall-cmd",
    "getenforce",
    "git",
    "gzip",
    "jq",
    "logrotate",
    "nft",
    "node",
    "npm",
    "openssl",
    "podman",
    "docker",
    "rsync",
    "semanage",
    "setfacl",
    "ss",
    "sudo",
    "tar",
    "ufw",
    "visudo",
    "zstd",
];

/// An nginx binary (`nginx -V`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NginxBuild {
    /// Its version.
    pub version: Version,
    /// OpenSSL it runs with, else was built with; `None` when built without TLS or with another library.
    pub openssl: Option<Version>,
    /// Modules from `--with-…_module`, `--add-module` excluded, for example `http_v2_module`; sorted.
    pub modules: Vec<String>,
    /// Main configuration file, `--conf-path`.
    pub configuration: Option<String>,
}

/// One Python interpreter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Python {
    /// Absolute path, for example `/usr/bin/python3.11`.
    pub path: String,
    /// Full version.
    pub version: Version,
    /// Whether `python3` means this one.
    pub default: bool,
    /// Whether `venv` can make an environment with pip: both `venv` and `ensurepip` are there (Debian packs them apart).
    pub venv: bool,
}
