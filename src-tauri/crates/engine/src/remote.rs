//! What `slipway-host` reports, as failures for people.

use slipway_host::{ConnectError, HostError};

use crate::failure::{Code, Failure};

/// A failure of an open connection.
pub fn host_failure(error: &HostError) -> Failure {
    Failure::new(Code::Unreachable, error.to_string()).hint(
        "what was running on the host by then has ended or ends by itself; run the same command again to see and go on",
    )
}

/// A connection that did not come about.
pub fn connect_failure(error: &ConnectError) -> Failure {
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
        other => (classify(other), "nothing was changed on the host".to_owned()),
    };
    Failure::new(code, message).hint(hint)
}

fn classify(error: &ConnectError) -> Code {
    let text = format!("{error:?}");
    if text.starts_with("Sudo") || text.starts_with("Key") || text.starts_with("NoPrivileged") {
        Code::Refused
    } else if text.starts_with("KnownHosts") || text.starts_with("HostKey") {
        Code::HostKey
    } else {
        Code::Unreachable
    }
}
