//! What `slipway-host` reports, as failures for people.

use slipway_host::{ConnectError, HostError};

use crate::failure::{Code, Failure};
use crate::need::need;

/// A failure of an open connection.
pub fn host_failure(error: &HostError) -> Failure {
    match error {
        // The host has answered, or was not asked.
        HostError::Failed { .. } => return Failure::new(Code::Host, error.to_string()),
        HostError::Local { .. } | HostError::Unsendable { .. } => return Failure::new(Code::Local, error.to_string()),
        // The connection is gone.
        _ => {}
    }
    Failure::new(Code::Unreachable, error.to_string()).hint(
        "what was running on the host by then has ended or ends by itself; run the same command again to see and go on",
    )
}

/// A connection that did not come about.
pub fn connect_failure(error: &ConnectError) -> Failure {
    if let ConnectError::JumpFailed { source, .. } = error {
        // What is wrong with a host on the way is what is to be mended, in the words of the whole way.
        return Failure { message: error.to_string(), ..connect_failure(source) };
    }
    let message = error.to_string();
    let (code, hint) = match error {
        ConnectError::HostKeyUnknown { key, .. } => (
            Code::HostKey,
            format!(
                "compare {} with what the host's console shows (ssh-keygen -lf /etc/ssh/ssh_host_*_key.pub), then accept it with --accept-host-key {}",
                key.fingerprint, key.fingerprint
            ),
        ),
        ConnectError::HostKeyChanged { .. } => (
            Code::HostKey,
            "somebody may be between you and the host, or it was reinstalled. Ask whoever runs it; only when the new key is confirmed, remove the recorded line and connect again".to_owned(),
        ),
        ConnectError::HostKeyRevoked { .. } => {
            (Code::HostKey, "this key was marked as stolen or retired; do not connect to this host with it".to_owned())
        }
        ConnectError::Unreachable { .. } | ConnectError::NoAddress { .. } => (
            Code::Unreachable,
            "check the address and port, that the host is up, and that a firewall lets SSH through from here".to_owned(),
        ),
        ConnectError::AuthenticationFailed { .. } => (
            Code::Refused,
            "check the login name and key; the host's own log (journalctl -u ssh -u sshd) says why it refused".to_owned(),
        ),
        ConnectError::SudoPasswordWrong { .. } => (
            Code::Refused,
            "sudo was asked once and not again, so that the account is not locked; give the password of the login, not root's".to_owned(),
        ),
        ConnectError::SudoNotAllowed { .. } | ConnectError::SudoNeedsPassword { .. } | ConnectError::SudoNeedsTty { .. } => (
            Code::Refused,
            "the login must be root or may become root with sudo; nothing was changed on the host".to_owned(),
        ),
        ConnectError::KeyUnreadable { .. } | ConnectError::NoPrivilegedShell { .. } => {
            (Code::Refused, "nothing was changed on the host".to_owned())
        }
        ConnectError::KnownHostsUnreadable { .. } => {
            (Code::HostKey, "make the file readable; Slipway does not connect without knowing which keys are known".to_owned())
        }
        ConnectError::JumpFailed { source, .. } => return Failure { message, ..connect_failure(source) },
        _ => (Code::Unreachable, "nothing was changed on the host".to_owned()),
    };
    Failure { needs: need(error).map(Box::new), ..Failure::new(code, message).hint(hint) }
}
