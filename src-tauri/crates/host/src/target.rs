//! Whom to connect to, and what the caller supplies on the way.

use std::path::{Path, PathBuf};

use futures::future::BoxFuture;
use slipway_core::secret::Secret;

use crate::known_hosts::Verdict;

/// How the login becomes root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sudo {
    /// The login is root.
    #[default]
    Login,
    /// `sudo` without a password (`NOPASSWD`).
    NoPassword,
    /// `sudo` that may ask for a password; see [`Credentials::sudo_password`].
    Password,
}

/// A host, and how to log in to it.
#[derive(Debug, Clone)]
pub struct Target {
    /// What the person calls it.
    pub name: String,
    /// Host name or address to connect to, without brackets. Host keys are looked up under it.
    pub address: String,
    /// TCP port.
    pub port: u16,
    /// Login name.
    pub user: String,
    /// Private key files, in the order to try. Files that are missing are passed over.
    pub identities: Vec<PathBuf>,
    /// OpenSSH certificates besides those that lie next to an identity as `-cert.pub`.
    pub certificates: Vec<PathBuf>,
    /// Whether keys of the agent that are not among `identities` stay unused.
    pub identities_only: bool,
    /// The agent's socket (`SSH_AUTH_SOCK`), when there is one.
    pub agent: Option<PathBuf>,
    /// The only key of the agent that is offered, as `SHA256:…`, whatever `identities_only` says; all of them when absent.
    pub agent_key: Option<String>,
    /// Hosts to go through, first hop first. Each has its own host key check and credentials.
    pub jumps: Vec<Target>,
    /// How to become root. Ignored for a jump host.
    pub sudo: Sudo,
    /// Files with known host keys, all of which are read.
    pub known_hosts: Vec<PathBuf>,
    /// The file to which an accepted key is added.
    pub remember_in: Option<PathBuf>,
    /// Whether names are hashed when a key is added (`HashKnownHosts`).
    pub hash_known_hosts: bool,
    /// The name to look host keys up under instead of the address (`HostKeyAlias`).
    pub host_key_alias: Option<String>,
    /// The only acceptable key of a host that is not known yet, as `SHA256:…`. Nobody is asked then.
    pub fingerprint: Option<String>,
}

impl Target {
    /// `user` at `address`, port 22, with no keys and no files: the caller fills in the rest.
    pub fn new(address: impl Into<String>, user: impl Into<String>) -> Self {
        let address = address.into();
        Self {
            name: address.clone(),
            address,
            port: 22,
            user: user.into(),
            identities: Vec::new(),
            certificates: Vec::new(),
            identities_only: false,
            agent: None,
            agent_key: None,
            jumps: Vec::new(),
            sudo: Sudo::Login,
            known_hosts: Vec::new(),
            remember_in: None,
            hash_known_hosts: false,
            host_key_alias: None,
            fingerprint: None,
        }
    }

    /// The name host keys are recorded under.
    pub fn host_key_name(&self) -> String {
        match &self.host_key_alias {
            Some(alias) => alias.to_ascii_lowercase(),
            None => crate::known_hosts::lookup_name(&self.address, self.port),
        }
    }
}

/// One question of a keyboard-interactive conversation (RFC 4256).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// What the host asks. Remote text: show it as text.
    pub text: String,
    /// Whether the answer may be seen while it is typed.
    pub echo: bool,
}

/// The questions of one round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// Title, often empty.
    pub name: String,
    /// Instructions, often empty.
    pub instructions: String,
    /// The questions; none means that only the text above is to be shown.
    pub questions: Vec<Question>,
}

/// Supplies secrets when they are needed. This crate never asks a person by itself.
///
/// Every answer may be `None`: the method is then passed over. Time spent here does not count against any time limit
/// of this crate, but a host closes a connection that does not log in within about two minutes.
pub trait Credentials: Send + Sync {
    /// The password of `target.user`. Asked at most once for each connect, so that accounts are not locked.
    fn password<'a>(&'a self, _target: &'a Target) -> BoxFuture<'a, Option<Secret>> {
        Box::pin(std::future::ready(None))
    }

    /// The passphrase of a private key; `attempt` counts from 1 to 3 as wrong ones are given.
    fn passphrase<'a>(&'a self, _target: &'a Target, _key: &'a Path, _attempt: u8) -> BoxFuture<'a, Option<Secret>> {
        Box::pin(std::future::ready(None))
    }

    /// Answers to a keyboard-interactive challenge, one for each question.
    ///
    /// With `None`, a challenge of a single hidden question is answered with [`Credentials::password`].
    fn keyboard_interactive<'a>(
        &'a self,
        _target: &'a Target,
        _asked: &'a Challenge,
    ) -> BoxFuture<'a, Option<Vec<Secret>>> {
        Box::pin(std::future::ready(None))
    }

    /// The password `sudo` asks for. Asked only when `sudo` really wants one, and at most once for each privileged
    /// channel: a connection has one, and each lane and stream its own.
    fn sudo_password<'a>(&'a self, _target: &'a Target) -> BoxFuture<'a, Option<Secret>> {
        Box::pin(std::future::ready(None))
    }
}

/// Supplies nothing: agents and unencrypted keys only.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoCredentials;

impl Credentials for NoCredentials {}

/// A host key as the host presented it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresentedKey {
    /// What the person calls the host.
    pub name: String,
    /// The address it is looked up under.
    pub address: String,
    /// TCP port.
    pub port: u16,
    /// Key type, such as `ssh-ed25519`.
    pub algorithm: String,
    /// `SHA256:…`, as `ssh-keygen -l` prints it.
    pub fingerprint: String,
    /// The drawing `ssh-keygen -lv` prints.
    pub randomart: String,
    /// What the known-hosts files say about it.
    pub verdict: Verdict,
}

/// What to do with the key of a host that is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Accept it and add it to [`Target::remember_in`], if that names a file.
    Remember,
    /// Do not connect.
    Reject,
}

/// Decides about hosts that are not known. Changed and revoked keys never come here: they are refused.
pub trait HostKeyDecision: Send + Sync {
    /// Decides about `key`. Time spent here does not count against any time limit of this crate.
    fn unknown<'a>(&'a self, key: &'a PresentedKey) -> BoxFuture<'a, Decision>;
}

/// Gives the same answer always.
impl HostKeyDecision for Decision {
    fn unknown<'a>(&'a self, _key: &'a PresentedKey) -> BoxFuture<'a, Decision> {
        Box::pin(std::future::ready(*self))
    }
}

/// What is being done for a connection, for a person to see which part fails. The host named is the hop in question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Its address is looked up.
    Resolving {
        /// The hop.
        host: String,
    },
    /// A TCP connection to one of its addresses is being made.
    Connecting {
        /// The hop.
        host: String,
        /// IP address and port; or, through a jump host, name and port.
        address: String,
    },
    /// It presented this key.
    HostKey {
        /// The hop.
        host: String,
        /// The key.
        key: Box<PresentedKey>,
    },
    /// The key was accepted but could not be recorded.
    NotRemembered {
        /// The hop.
        host: String,
        /// What the file system said.
        why: String,
    },
    /// An authentication method is being tried.
    Authenticating {
        /// The hop.
        host: String,
        /// The method, with the key's file name or fingerprint.
        method: String,
    },
    /// Text the host sends before login. Remote text: show it as text.
    Banner {
        /// The hop.
        host: String,
        /// At most 4 KiB.
        text: String,
    },
    /// The privileged channel is being opened.
    OpeningPrivilegedChannel {
        /// The host.
        host: String,
    },
    /// Commands can be run.
    Ready {
        /// The host.
        host: String,
    },
}

/// Told of each [`Step`] as it begins. Must not block.
pub trait Observer: Send + Sync {
    /// A step begins.
    fn step(&self, step: Step);
}

impl<F: Fn(Step) + Send + Sync> Observer for F {
    fn step(&self, step: Step) {
        self(step);
    }
}
