//! Reading the configuration files, and a [`Target`] of what they say.

use std::io;
use std::path::{Path, PathBuf};

use super::{
    DEEPEST_INCLUDE, IdentityAgent, JumpHost, Problem, Settings, Source, Surroundings, expand, jump, resolve, words,
};
use crate::known_hosts::pattern::matches;
use crate::target::Target;

/// Largest configuration file, bytes.
const LARGEST_FILE: u64 = 1 << 20;
/// Most files one `Include` brings in.
const MOST_INCLUDED: usize = 256;
/// Deepest chain of jump hosts that name jump hosts.
const DEEPEST_JUMP: usize = 8;
/// Keys that are tried when none is named (`ssh_config(5)` IdentityFile), without those on security keys.
const DEFAULT_IDENTITIES: [&str; 3] = ["id_rsa", "id_ecdsa", "id_ed25519"];

/// Where the person's SSH files are.
#[derive(Debug, Clone)]
pub struct SshFiles {
    /// Home and login name of the person.
    pub surroundings: Surroundings,
    /// The configuration files in order; usually [`SshFiles::usual`].
    pub configuration: Vec<PathBuf>,
    /// The session's agent socket (`SSH_AUTH_SOCK`).
    pub agent: Option<PathBuf>,
}

impl SshFiles {
    /// `~/.ssh/config`, then `/etc/ssh/ssh_config`.
    pub fn usual(home: impl Into<PathBuf>, user: impl Into<String>, agent: Option<PathBuf>) -> Self {
        let home = home.into();
        let configuration = vec![home.join(".ssh/config"), PathBuf::from("/etc/ssh/ssh_config")];
        Self { surroundings: Surroundings { home, user: user.into() }, configuration, agent }
    }

    /// Makes a target of what the person typed: `[user@]name[:port]` or `ssh://…`, resolved through the configuration.
    ///
    /// # Errors
    /// When the text is no such thing, or a configuration file exists and cannot be used.
    pub fn target(&self, typed: &str) -> Result<(Target, Vec<Problem>), String> {
        let wanted = jump::parse_hop(typed)
            .or_else(|| bare_ipv6(typed))
            .ok_or_else(|| format!("{typed} is not [user@]host[:port]"))?;
        let mut problems = Vec::new();
        let target = self.target_of(&wanted, 0, &mut problems)?;
        problems.sort();
        problems.dedup();
        Ok((target, problems))
    }

    /// What the configuration says about `name`.
    ///
    /// # Errors
    /// When a configuration file exists and cannot be used.
    pub fn settings(&self, name: &str) -> Result<Settings, String> {
        let mut sources = Vec::new();
        for file in &self.configuration {
            sources.extend(read(file)?);
        }
        let mut include = |from: &Path, pattern: &str| self.included(from, pattern);
        Ok(resolve(name, &sources, &self.surroundings, &mut include))
    }

    /// The hosts that the configuration names: `Host` entries without wildcards and negations, each once, in order.
    ///
    /// # Errors
    /// When a configuration file exists and cannot be used.
    pub fn aliases(&self) -> Result<Vec<String>, String> {
        let mut names = Vec::new();
        for file in &self.configuration {
            if let Some(source) = read(file)? {
                self.collect_aliases(&source, &mut names, 0)?;
            }
        }
        Ok(names)
    }

    fn collect_aliases(&self, source: &Source, names: &mut Vec<String>, depth: usize) -> Result<(), String> {
        for text in source.text.split('\n') {
            let Some((word, rest)) = words::keyword(text) else { continue };
            let arguments = words::split(rest).unwrap_or_default();
            if word.eq_ignore_ascii_case("host") {
                for name in arguments {
                    if !name.contains(['*', '?', '!']) && !names.contains(&name) {
                        names.push(name);
                    }
                }
            } else if word.eq_ignore_ascii_case("include") && depth < DEEPEST_INCLUDE {
                for argument in arguments {
                    // What cannot be expanded or found names nobody; connecting tells about it.
                    let Ok(pattern) = expand::home(&argument, &self.surroundings) else { continue };
                    for included in self.included(&source.file, &pattern)? {
                        self.collect_aliases(&included, names, depth + 1)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// The files that an `Include` in `from` means.
    fn included(&self, from: &Path, pattern: &str) -> Result<Vec<Source>, String> {
        let ssh = self.surroundings.home.join(".ssh");
        // Relative to ~/.ssh in the person's files, to /etc/ssh in the machine's (ssh_config(5) Include).
        let base = if from.starts_with("/etc/ssh") { Path::new("/etc/ssh") } else { ssh.as_path() };
        let mut sources = Vec::new();
        for path in glob(&base.join(pattern))? {
            sources.extend(read(&path)?);
        }
        Ok(sources)
    }

    fn target_of(&self, wanted: &JumpHost, depth: usize, problems: &mut Vec<Problem>) -> Result<Target, String> {
        let settings = self.settings(&wanted.host)?;
        problems.extend(settings.problems);
        let mut target = Target::new(settings.host_name, wanted.user.clone().unwrap_or(settings.user));
        target.name = wanted.host.clone();
        target.port = wanted.port.unwrap_or(settings.port);
        let ssh = self.surroundings.home.join(".ssh");
        target.identities = match settings.identity_files {
            Some(files) => files,
            None => DEFAULT_IDENTITIES.iter().map(|name| ssh.join(name)).collect(),
        };
        target.certificates = settings.certificate_files;
        target.identities_only = settings.identities_only;
        target.agent = match settings.identity_agent {
            IdentityAgent::Session => self.agent.clone(),
            IdentityAgent::None => None,
            IdentityAgent::Socket(socket) => Some(socket),
        };
        target.remember_in = settings.user_known_hosts.first().cloned();
        target.known_hosts = [settings.user_known_hosts, settings.global_known_hosts].concat();
        target.hash_known_hosts = settings.hash_known_hosts;
        target.host_key_alias = settings.host_key_alias;
        for (index, hop) in settings.jumps.iter().enumerate() {
            if depth >= DEEPEST_JUMP {
                return Err(format!("{}: its ProxyJump leads in a circle", wanted.host));
            }
            let mut jump = self.target_of(hop, depth + 1, problems)?;
            if index > 0 {
                // What is given with the chain counts, not the hop's own ProxyJump.
                jump.jumps.clear();
            }
            target.jumps.push(jump);
        }
        Ok(target)
    }
}

fn bare_ipv6(typed: &str) -> Option<JumpHost> {
    let (user, host) = match typed.rsplit_once('@') {
        Some((user, host)) => (Some(user.to_owned()), host),
        None => (None, typed),
    };
    let address = host.split('%').next()?;
    address.parse::<std::net::Ipv6Addr>().ok()?;
    Some(JumpHost { host: host.to_owned(), user, port: None })
}

/// Reads one file; `None` when there is none.
fn read(file: &Path) -> Result<Option<Source>, String> {
    let said = |error: io::Error| format!("{}: {error}", file.display());
    let meta = match std::fs::metadata(file) {
        Ok(meta) => meta,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(said(error)),
    };
    if !meta.is_file() || meta.len() > LARGEST_FILE {
        return Err(format!("{}: not a configuration file of a sensible size", file.display()));
    }
    check_permissions(file, &meta)?;
    let text = String::from_utf8_lossy(&std::fs::read(file).map_err(said)?).into_owned();
    Ok(Some(Source { file: file.to_owned(), text }))
}

/// OpenSSH refuses a configuration that others may write: it says which programs to run.
#[cfg(unix)]
fn check_permissions(file: &Path, meta: &std::fs::Metadata) -> Result<(), String> {
    use std::os::unix::fs::MetadataExt as _;
    if meta.mode() & 0o022 != 0 {
        return Err(format!("{}: other users may write to it; OpenSSH refuses it too", file.display()));
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_permissions(_file: &Path, _meta: &std::fs::Metadata) -> Result<(), String> {
    Ok(())
}

/// Files that match a path with `*` and `?` in its parts, sorted.
fn glob(pattern: &Path) -> Result<Vec<PathBuf>, String> {
    let mut found = vec![PathBuf::new()];
    for part in pattern.components() {
        let text = part.as_os_str().to_string_lossy();
        if text.contains('[') {
            return Err(format!("{}: Slipway does not know [ ] in file patterns", pattern.display()));
        }
        if !text.contains(['*', '?']) {
            found.iter_mut().for_each(|path| path.push(part));
            continue;
        }
        let mut next = Vec::new();
        for folder in &found {
            let Ok(items) = std::fs::read_dir(folder) else { continue };
            for name in items.flatten().map(|item| item.file_name()) {
                let hidden = name.to_string_lossy().starts_with('.') && !text.starts_with('.');
                if !hidden && matches(name.as_encoded_bytes(), text.as_bytes()) {
                    next.push(folder.join(name));
                }
            }
        }
        next.sort();
        found = next;
        if found.len() > MOST_INCLUDED {
            return Err(format!("{}: more than {MOST_INCLUDED} files", pattern.display()));
        }
    }
    found.retain(|path| path.is_file());
    Ok(found)
}
