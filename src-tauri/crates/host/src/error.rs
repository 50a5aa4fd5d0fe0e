//! What can go wrong, in the words a person needs.

use std::path::PathBuf;
use std::time::Duration;

use crate::known_hosts::{Place, Recorded};
use crate::target::PresentedKey;

/// What became of one authentication method.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The method, with the key's file name or fingerprint, such as `publickey ~/.ssh/id_ed25519`.
    pub method: String,
    /// What happened.
    pub result: AttemptResult,
}

/// The end of one authentication attempt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AttemptResult {
    /// The host did not accept it.
    #[error("refused by the host")]
    Refused,
    /// The host accepted it and wants more.
    #[error("accepted, but the host asks for more")]
    Partial,
    /// The host offers this method, and the caller supplied nothing for it.
    #[error("not tried: nothing was supplied for it")]
    NothingSupplied,
    /// Not tried, so that the host does not hang up for too many failures.
    #[error("not tried: too many keys")]
    TooMany,
    /// The agent would not or could not sign.
    #[error("the agent did not sign: {0}")]
    Agent(String),
    /// The key could not be used.
    #[error("{0}")]
    Key(KeyProblem),
}

/// Why a private key or certificate cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyProblem {
    /// Others may read the file, as for OpenSSH.
    #[error("its permissions {0:04o} let other users read it; make it 0600")]
    Permissions(u32),
    /// No passphrase given was right.
    #[error("the passphrase is wrong")]
    WrongPassphrase,
    /// It is encrypted, and no passphrase was supplied.
    #[error("it is encrypted and no passphrase was given")]
    NeedsPassphrase,
    /// It is not a private key in a known format.
    #[error("it is not a private key in a known format ({0})")]
    Format(String),
    /// The file system refused.
    #[error("{0}")]
    Io(String),
    /// The host only takes signatures with SHA-1 from RSA keys.
    #[error("the host accepts RSA keys only with SHA-1, which is not safe")]
    Sha1Only,
}

/// Why no connection came about. Nothing was changed on the host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The name has no address.
    #[error("{host}: no address found for {address}: {why}")]
    NoAddress {
        /// The host.
        host: String,
        /// The name that was looked up.
        address: String,
        /// What the resolver said.
        why: String,
    },
    /// No TCP connection.
    #[error("{host}: cannot reach {address}: {why}")]
    Unreachable {
        /// The host.
        host: String,
        /// The last address tried, with its port.
        address: String,
        /// Which kind of failure.
        reason: UnreachableReason,
        /// What the system said.
        why: String,
    },
    /// Something answers, and it is not an SSH server that can be talked to.
    #[error("{host}: what answers there does not speak SSH as expected: {why}")]
    NotSsh {
        /// The host.
        host: String,
        /// What went wrong.
        why: String,
    },
    /// The host's key is not known and was not accepted.
    #[error("{host}: its {} key {} is not known and was not accepted", key.algorithm, key.fingerprint)]
    HostKeyUnknown {
        /// The host.
        host: String,
        /// The key it presented.
        key: Box<PresentedKey>,
    },
    /// Another key is recorded for the host. Somebody may be in between; nothing can override this.
    #[error("{host}: its key CHANGED: it presents {} {}, but {} is recorded", key.algorithm, key.fingerprint, places(expected))]
    HostKeyChanged {
        /// The host.
        host: String,
        /// The keys that are recorded, with their places.
        expected: Vec<Recorded>,
        /// The key it presented.
        key: Box<PresentedKey>,
    },
    /// The key is marked as revoked. Nothing can override this.
    #[error("{host}: its key {} is marked as revoked at {place}", key.fingerprint)]
    HostKeyRevoked {
        /// The host.
        host: String,
        /// Where it is revoked.
        place: Place,
        /// The key it presented.
        key: Box<PresentedKey>,
    },
    /// A file of known host keys exists and cannot be read.
    #[error("{host}: cannot check its key: {}: {why}", path.display())]
    KnownHostsUnreadable {
        /// The host.
        host: String,
        /// The file.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
    /// No method of authentication worked.
    #[error("{host}: login as {user} failed: {}", attempts(tried, offered))]
    AuthenticationFailed {
        /// The host.
        host: String,
        /// The login name.
        user: String,
        /// What was tried, in order, with the result of each.
        tried: Vec<Attempt>,
        /// Methods the host offers.
        offered: Vec<String>,
    },
    /// The one key that could have been used cannot be.
    #[error("{host}: cannot use the key {}: {why}", path.display())]
    KeyUnreadable {
        /// The host.
        host: String,
        /// The file.
        path: PathBuf,
        /// Why.
        why: KeyProblem,
    },
    /// `sudo` did not accept the password. It was tried once only.
    #[error("{host}: sudo did not accept the password")]
    SudoPasswordWrong {
        /// The host.
        host: String,
    },
    /// The login may not become root with `sudo`.
    #[error("{host}: sudo refuses: {text}")]
    SudoNotAllowed {
        /// The host.
        host: String,
        /// What `sudo` said.
        text: String,
    },
    /// `sudo` wants a password, and none was supplied.
    #[error("{host}: sudo asks for a password")]
    SudoNeedsPassword {
        /// The host.
        host: String,
    },
    /// `sudo` insists on a terminal (`requiretty`).
    #[error("{host}: sudo is configured to insist on a terminal (requiretty)")]
    SudoNeedsTty {
        /// The host.
        host: String,
    },
    /// The privileged channel did not start for another reason.
    #[error("{host}: cannot start a privileged shell: {text}")]
    NoPrivilegedShell {
        /// The host.
        host: String,
        /// What was said.
        text: String,
    },
    /// A host on the way failed.
    #[error("{host}: cannot get through the jump host {hop}: {source}")]
    JumpFailed {
        /// The host in the end.
        host: String,
        /// The hop that failed.
        hop: String,
        /// What failed there.
        source: Box<ConnectError>,
    },
    /// A step took too long.
    #[error("{host}: {step} took longer than {} s", limit.as_secs())]
    Timeout {
        /// The host.
        host: String,
        /// The step.
        step: &'static str,
        /// The limit.
        limit: Duration,
    },
}

/// Kinds of failures to make a TCP connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnreachableReason {
    /// Nothing listens on that port, or a firewall rejects it.
    Refused,
    /// No answer.
    TimedOut,
    /// No route to the network or host.
    NoRoute,
    /// A jump host would not open a connection.
    JumpRefused,
    /// Anything else.
    Other,
}

impl ConnectError {
    /// Whether trying again later could help without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::NoAddress { .. } | Self::Unreachable { .. } | Self::NotSsh { .. } | Self::Timeout { .. } => true,
            Self::JumpFailed { source, .. } => source.is_transient(),
            Self::HostKeyUnknown { .. }
            | Self::HostKeyChanged { .. }
            | Self::HostKeyRevoked { .. }
            | Self::KnownHostsUnreadable { .. }
            | Self::AuthenticationFailed { .. }
            | Self::KeyUnreadable { .. }
            | Self::SudoPasswordWrong { .. }
            | Self::SudoNotAllowed { .. }
            | Self::SudoNeedsPassword { .. }
            | Self::SudoNeedsTty { .. }
            | Self::NoPrivilegedShell { .. } => false,
        }
    }
}

fn places(expected: &[Recorded]) -> String {
    let list: Vec<String> =
        expected.iter().map(|key| format!("{} {} ({})", key.algorithm, key.fingerprint, key.place)).collect();
    list.join(", ")
}

fn attempts(tried: &[Attempt], offered: &[String]) -> String {
    let mut list: Vec<String> = tried.iter().map(|attempt| format!("{}: {}", attempt.method, attempt.result)).collect();
    if list.is_empty() {
        list.push("there was nothing to try".into());
    }
    format!("{} (the host offers {})", list.join("; "), offered.join(", "))
}

/// Why a command or transfer on an open connection failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HostError {
    /// The link is gone. What the host did with requests that had no answer is not known.
    #[error("{host}: the connection was lost: {why}")]
    Lost {
        /// The host.
        host: String,
        /// What was noticed.
        why: String,
    },
    /// The host broke the protocol. The connection is closed and nothing of it is trusted.
    #[error("{host}: the connection was closed because {why}")]
    Protocol {
        /// The host.
        host: String,
        /// What was wrong.
        why: String,
    },
    /// No answer came although every command's time was over. The connection is closed.
    #[error("{host}: no answer within {} s", waited.as_secs())]
    Overdue {
        /// The host.
        host: String,
        /// How long was waited.
        waited: Duration,
    },
    /// The command cannot be sent to any host. Nothing was sent.
    #[error("{host}: the command cannot be sent: {why}")]
    Unsendable {
        /// The host.
        host: String,
        /// Why.
        why: String,
    },
    /// A command this crate needs for a transfer failed.
    #[error("{host}: {what} failed: {why}")]
    Failed {
        /// The host.
        host: String,
        /// What was being done.
        what: String,
        /// The complaint of the command.
        why: String,
    },
    /// A local file cannot be sent.
    #[error("{}: {why}", path.display())]
    Local {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
}
