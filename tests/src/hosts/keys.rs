//! Fresh SSH keys, made with OpenSSH's own ssh-keygen.

use std::fs;
use std::path::Path;

use super::command::run;
use super::error::{FileContext, HostError};

/// Makes the key pair `path` and `path.pub` without a passphrase and returns the public line.
pub(crate) fn generate(kind: &str, path: &Path, comment: &str) -> Result<String, HostError> {
    let file = path.to_string_lossy();
    run("ssh-keygen", ["-q", "-t", kind, "-N", "", "-C", comment, "-f", file.as_ref()])?;
    let public = path.with_extension("pub");
    Ok(fs::read_to_string(&public).context("read", &public)?.trim().to_owned())
}

/// The `SHA256:…` fingerprint of a public key file.
pub(crate) fn fingerprint(public: &Path) -> Result<String, HostError> {
    let line = run("ssh-keygen", ["-l", "-E", "sha256", "-f", &public.to_string_lossy()])?;
    line.split_whitespace()
        .nth(1)
        .map(str::to_owned)
        .ok_or_else(|| HostError::Other(format!("ssh-keygen printed no fingerprint: {line}")))
}
