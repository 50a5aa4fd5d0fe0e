//! What a person has to say before a connection can come about, as data that a window can ask for.

use std::path::PathBuf;

use serde::Serialize;
use slipway_host::{AttemptResult, ConnectError, KeyProblem, PresentedKey};

/// Something that only a person can supply. The host named is the one that wants it, which may be a jump host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Need {
    /// The login's password.
    Password {
        /// Which host wants it.
        host: String,
        /// Whether one was given and refused.
        wrong: bool,
    },
    /// The passphrase of a private key.
    Passphrase {
        /// The host that the key is for.
        host: String,
        /// The key.
        file: PathBuf,
        /// Whether one was given and does not open it.
        wrong: bool,
    },
    /// The password that `sudo` asks for.
    SudoPassword {
        /// Which host wants it.
        host: String,
        /// Whether one was given and refused. It was tried once only.
        wrong: bool,
    },
    /// A decision about a host key that is not known.
    HostKey {
        /// The key.
        key: ShownKey,
    },
}

/// A host key, for a person to compare.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShownKey {
    /// What the person calls the host that presented it.
    pub host: String,
    /// The address it was presented at.
    pub address: String,
    /// TCP port.
    pub port: u16,
    /// Key type, such as `ssh-ed25519`.
    pub algorithm: String,
    /// `SHA256:…`, as `ssh-keygen -l` prints it.
    pub fingerprint: String,
    /// The drawing that `ssh-keygen -lv` prints.
    pub randomart: String,
}

impl From<&PresentedKey> for ShownKey {
    fn from(key: &PresentedKey) -> Self {
        Self {
            host: key.name.clone(),
            address: key.address.clone(),
            port: key.port,
            algorithm: key.algorithm.clone(),
            fingerprint: key.fingerprint.clone(),
            randomart: key.randomart.clone(),
        }
    }
}

/// What is missing, when that is why the connection failed. A changed or revoked host key is nothing that a person
/// could agree to.
pub fn need(error: &ConnectError) -> Option<Need> {
    match error {
        ConnectError::JumpFailed { source, .. } => need(source),
        ConnectError::HostKeyUnknown { key, .. } => Some(Need::HostKey { key: key.as_ref().into() }),
        ConnectError::SudoNeedsPassword { host } => Some(Need::SudoPassword { host: host.clone(), wrong: false }),
        ConnectError::SudoPasswordWrong { host } => Some(Need::SudoPassword { host: host.clone(), wrong: true }),
        ConnectError::KeyUnreadable { host, path, why } => {
            let wrong = lacks_passphrase(why)?;
            Some(Need::Passphrase { host: host.clone(), file: path.clone(), wrong })
        }
        ConnectError::AuthenticationFailed { host, tried, .. } => {
            let locked = tried.iter().find_map(|attempt| {
                let AttemptResult::Key(why) = &attempt.result else { return None };
                let file = attempt.method.strip_prefix("publickey ")?;
                let file = file.strip_prefix("certificate of ").unwrap_or(file);
                Some(Need::Passphrase { host: host.clone(), file: file.into(), wrong: lacks_passphrase(why)? })
            });
            let by_password: Vec<&AttemptResult> = tried
                .iter()
                .filter(|attempt| matches!(attempt.method.as_str(), "password" | "keyboard-interactive"))
                .map(|attempt| &attempt.result)
                .collect();
            let password = |wrong| Some(Need::Password { host: host.clone(), wrong });
            // The passphrase was asked for because the host takes the key.
            locked.or_else(|| match by_password.as_slice() {
                results if results.contains(&&AttemptResult::Refused) => password(true),
                results if results.contains(&&AttemptResult::NothingSupplied) => password(false),
                _ => None,
            })
        }
        // The enum of the host crate is open.
        _ => None,
    }
}

/// Whether a wrong passphrase was given, when a passphrase is what is missing.
fn lacks_passphrase(why: &KeyProblem) -> Option<bool> {
    match why {
        KeyProblem::NeedsPassphrase => Some(false),
        KeyProblem::WrongPassphrase => Some(true),
        KeyProblem::Permissions(_) | KeyProblem::Format(_) | KeyProblem::Io(_) | KeyProblem::Sha1Only => None,
    }
}

#[cfg(test)]
mod tests {
    use slipway_host::Attempt;

    use super::*;

    fn refused(tried: &[(&str, AttemptResult)]) -> ConnectError {
        let attempt =
            |(method, result): &(&str, AttemptResult)| Attempt { method: (*method).to_owned(), result: result.clone() };
        ConnectError::AuthenticationFailed {
            host: "web-1".into(),
            user: "ann".into(),
            tried: tried.iter().map(attempt).collect(),
            offered: Vec::new(),
        }
    }

    #[test]
    fn what_is_missing_is_read_from_the_failure() {
        let key = AttemptResult::Key;
        let host = || "web-1".to_owned();
        let nothing = || AttemptResult::NothingSupplied;
        let cases = [
            (refused(&[("publickey /k", AttemptResult::Refused)]), None),
            (refused(&[("password", nothing())]), Some(Need::Password { host: host(), wrong: false })),
            (
                refused(&[("keyboard-interactive", AttemptResult::Refused), ("password", nothing())]),
                Some(Need::Password { host: host(), wrong: true }),
            ),
            (
                refused(&[("publickey /a b", key(KeyProblem::NeedsPassphrase)), ("password", nothing())]),
                Some(Need::Passphrase { host: host(), file: "/a b".into(), wrong: false }),
            ),
            (refused(&[("publickey /k", key(KeyProblem::Permissions(0o644)))]), None),
            (ConnectError::SudoPasswordWrong { host: host() }, Some(Need::SudoPassword { host: host(), wrong: true })),
            (ConnectError::SudoNotAllowed { host: host(), text: String::new() }, None),
        ];
        for (error, expected) in cases {
            assert_eq!(need(&error), expected, "{error}");
            let through = ConnectError::JumpFailed { host: "far".into(), hop: host(), source: Box::new(error) };
            assert_eq!(need(&through), expected, "{through}");
        }
    }
}
