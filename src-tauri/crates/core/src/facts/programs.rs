//! Programs on the host and their versions: nginx, OpenSSL, interpreters, transfer tools.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Version;
use super::reply::{Reply, excerpt, fact, plain, script};
use crate::command::{Command, Output};
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

/// Asks for programs and their versions.
pub fn command() -> Command {
    Command::script(script!("programs.sh"), TOOLS).timeout(Duration::from_secs(20))
}

/// Reads the answer to [`command`].
pub fn parse(output: &Output) -> Fact<Programs> {
    fact(read(output).map(Some))
}

fn read(output: &Output) -> Result<Programs, String> {
    let reply = Reply::read(output)?;
    let version = |name: &str, before: &str| fact(version(&reply, name, before));
    Ok(Programs {
        nginx: fact(nginx(&reply)),
        openssl: version("openssl", "OpenSSL "),
        pythons: fact(pythons(&reply).map(Some)),
        node: version("node", "v"),
        npm: version("npm", "\"version\": \""),
        git: version("git", "git version "),
        tools: tools(&reply)?,
    })
}

fn tools(reply: &Reply<'_>) -> Result<BTreeMap<String, Fact<String>>, String> {
    let mut tools: BTreeMap<String, Fact<String>> =
        TOOLS.iter().map(|tool| ((*tool).to_owned(), Fact::Absent)).collect();
    for line in reply.need("tools")?.good()?.lines() {
        let (tool, path) = line.split_once(' ').ok_or("the list of tools is malformed")?;
        let entry = tools.get_mut(tool).ok_or("the list of tools is malformed")?;
        *entry = Fact::Known(absolute(path).ok_or("the list of tools is malformed")?);
    }
    Ok(tools)
}

fn absolute(path: &str) -> Option<String> {
    plain(path, 4096).filter(|path| path.starts_with('/')).map(str::to_owned)
}

fn version(reply: &Reply<'_>, name: &str, before: &str) -> Result<Option<Version>, String> {
    let Some(text) = reply.need(name)?.good_or_missing()? else { return Ok(None) };
    let number = text.trim_start().strip_prefix(before).and_then(Version::leading);
    number.map(Some).ok_or_else(|| format!("{name}: no version in \"{}\"", excerpt(text)))
}

fn nginx(reply: &Reply<'_>) -> Result<Option<NginxBuild>, String> {
    let Some(text) = reply.need("nginx")?.good_or_missing()? else { return Ok(None) };
    let after = |start: &str| text.lines().find_map(|line| line.strip_prefix(start));
    let version = after("nginx version: nginx/").and_then(Version::leading);
    let version = version.ok_or_else(|| format!("nginx: no version in \"{}\"", excerpt(text)))?;
    let arguments = after("configure arguments:").ok_or("nginx: no configure arguments")?;
    // "built with OpenSSL 3.0.9 … (running with OpenSSL 3.0.13 …)"; other libraries name themselves.
    let built = after("built with ").unwrap_or_default();
    let running = built.split_once("(running with ").map_or(built, |(_, running)| running);
    let words = || arguments.split_whitespace();
    let module = |word: &str| {
        let name = word.strip_prefix("--with-")?;
        let name = name.strip_suffix("=dynamic").unwrap_or(name);
        name.ends_with("_module").then(|| name.to_owned())
    };
    let mut modules: Vec<String> = words().filter_map(module).collect();
    modules.sort();
    modules.dedup();
    Ok(Some(NginxBuild {
        version,
        openssl: running.strip_prefix("OpenSSL ").and_then(Version::leading),
        modules,
        configuration: words().find_map(|word| absolute(word.strip_prefix("--conf-path=")?)),
    }))
}

fn pythons(reply: &Reply<'_>) -> Result<Vec<Python>, String> {
    let default = reply.need("python-default")?.text()?;
    let mut found: Vec<Python> = Vec::new();
    let (mut path, mut venv) = (None, false);
    for part in reply.parts() {
        match part.name {
            "python-path" => path = absolute(part.good()?),
            "python-venv" => venv = part.good()? == "yes",
            "python-version" => {
                let path = path.take().ok_or("the list of Pythons is malformed")?;
                // One that does not run is no interpreter to count on.
                let number = part.good().ok().and_then(|text| text.strip_prefix("Python ")).and_then(Version::leading);
                if let Some(version) = number {
                    found.push(Python { default: path == default, path, version, venv });
                }
            }
            _ => {}
        }
    }
    found.sort_by(|a, b| a.version.cmp(&b.version).then_with(|| a.path.cmp(&b.path)));
    found.dedup_by(|a, b| a.path == b.path);
    Ok(found)
}
