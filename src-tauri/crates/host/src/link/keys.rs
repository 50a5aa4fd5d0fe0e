//! Private keys: what is offered, and how it signs.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use russh::keys::signature::Signer as _;
use russh::keys::ssh_encoding::Encode as _;
use russh::keys::ssh_key::private::KeypairData;
use russh::keys::ssh_key::{self, Signature};
use russh::keys::{Certificate, HashAlg, PrivateKey, PublicKey};
use zeroize::Zeroizing;

use super::pause::Pause;
use crate::error::KeyProblem;
use crate::target::{Credentials, Target};

/// Wrong passphrases taken before a key is given up, as in OpenSSH (`NumberOfPasswordPrompts`).
const PASSPHRASE_ATTEMPTS: u8 = 3;
/// Largest key file read, bytes.
const LARGEST_KEY: u64 = 1 << 20;

/// A private key file.
#[derive(Debug, Clone)]
pub(crate) struct KeyFile {
    pub(crate) path: PathBuf,
    /// Known before any passphrase, except for encrypted keys in other formats than OpenSSH's without a `.pub` beside them.
    pub(crate) public: Option<PublicKey>,
    pub(crate) certificates: Vec<Certificate>,
    text: Zeroizing<String>,
    opened: Option<Arc<PrivateKey>>,
}

impl KeyFile {
    /// Reads the file; `None` when there is none.
    pub(crate) fn read(path: &Path, certificates: &[PathBuf]) -> Result<Option<Self>, KeyProblem> {
        let io = |error: std::io::Error| KeyProblem::Io(error.to_string());
        let meta = match std::fs::metadata(path) {
            Ok(meta) => meta,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io(error)),
        };
        if !meta.is_file() || meta.len() > LARGEST_KEY {
            return Err(KeyProblem::Format("not a file of a sensible size".into()));
        }
        check_permissions(&meta)?;
        let text = Zeroizing::new(std::fs::read_to_string(path).map_err(io)?);
        let beside = with_suffix(path, ".pub");
        let mut public = PrivateKey::from_openssh(text.as_bytes()).ok().map(|key| key.public_key().clone());
        let mut opened = None;
        match russh::keys::decode_secret_key(&text, None) {
            Ok(key) => {
                public = Some(key.public_key().clone());
                opened = Some(Arc::new(key));
            }
            Err(error) if public.is_none() && !seems_encrypted(&error, &text) => {
                return Err(KeyProblem::Format(error.to_string()));
            }
            Err(_) => public = public.or_else(|| russh::keys::load_public_key(&beside).ok()),
        }
        let mut file = Self { path: path.to_owned(), public, certificates: Vec::new(), text, opened };
        let candidates = std::iter::once(with_suffix(path, "-cert.pub")).chain(certificates.iter().cloned());
        for certificate in candidates.filter_map(|path| Certificate::read_file(&path).ok()) {
            if file.public.as_ref().is_some_and(|public| public.key_data() == certificate.public_key()) {
                file.certificates.push(certificate);
            }
        }
        Ok(Some(file))
    }

    /// The private key, when nobody has to be asked for it any more.
    pub(crate) fn opened(&self) -> Option<Arc<PrivateKey>> {
        self.opened.clone()
    }

    /// The private key; asks for the passphrase when it is needed.
    pub(crate) async fn open(
        &mut self,
        target: &Target,
        credentials: &dyn Credentials,
        pause: &Pause,
    ) -> Result<Arc<PrivateKey>, KeyProblem> {
        if let Some(key) = &self.opened {
            return Ok(Arc::clone(key));
        }
        for attempt in 1..=PASSPHRASE_ATTEMPTS {
            let asked = pause.during(credentials.passphrase(target, &self.path, attempt)).await;
            let Some(passphrase) = asked else {
                return Err(if attempt == 1 { KeyProblem::NeedsPassphrase } else { KeyProblem::WrongPassphrase });
            };
            let text = self.text.clone();
            // Deriving the key takes a noticeable time on purpose (bcrypt).
            let decoded = tokio::task::spawn_blocking(move || {
                let passphrase = passphrase.expose_str().ok()?;
                russh::keys::decode_secret_key(&text, Some(passphrase)).ok()
            });
            if let Ok(Some(key)) = decoded.await {
                let key = Arc::new(key);
                self.public = Some(key.public_key().clone());
                self.opened = Some(Arc::clone(&key));
                return Ok(key);
            }
        }
        Err(KeyProblem::WrongPassphrase)
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn seems_encrypted(error: &russh::keys::Error, text: &str) -> bool {
    matches!(error, russh::keys::Error::KeyIsEncrypted)
        || text.contains("ENCRYPTED")
        || (text.starts_with("PuTTY-User-Key-File-") && !text.contains("Encryption: none"))
}

#[cfg(unix)]
fn check_permissions(meta: &std::fs::Metadata) -> Result<(), KeyProblem> {
    use std::os::unix::fs::MetadataExt as _;
    let mode = meta.mode() & 0o7777;
    if mode & 0o077 != 0 { Err(KeyProblem::Permissions(mode)) } else { Ok(()) }
}

#[cfg(not(unix))]
fn check_permissions(_meta: &std::fs::Metadata) -> Result<(), KeyProblem> {
    Ok(())
}

/// Why a signature was not made.
#[derive(Debug)]
pub(crate) enum NotSigned {
    /// The session is gone.
    Gone,
    /// The key cannot be used.
    Key(KeyProblem),
    /// The agent would not.
    Agent(String),
}

impl From<russh::SendError> for NotSigned {
    fn from(_: russh::SendError) -> Self {
        Self::Gone
    }
}

/// Signs with a key file that is opened only when the host has said that it takes the key.
pub(crate) struct FileSigner<'a> {
    pub(crate) file: &'a mut KeyFile,
    pub(crate) target: &'a Target,
    pub(crate) credentials: &'a dyn Credentials,
    pub(crate) pause: &'a Pause,
}

impl russh::Signer for FileSigner<'_> {
    type Error = NotSigned;

    async fn auth_sign(
        &mut self,
        _key: &russh::keys::agent::AgentIdentity,
        hash: Option<HashAlg>,
        mut data: Vec<u8>,
    ) -> Result<Vec<u8>, NotSigned> {
        let key = self.file.open(self.target, self.credentials, self.pause).await.map_err(NotSigned::Key)?;
        let format = |error: String| NotSigned::Key(KeyProblem::Format(error));
        let signature = sign(&key, hash, &data).map_err(|error| format(error.to_string()))?;
        let mut encoded = Vec::new();
        signature.encode(&mut encoded).map_err(|error| format(error.to_string()))?;
        encoded.encode(&mut data).map_err(|error| format(error.to_string()))?;
        Ok(data)
    }
}

fn sign(key: &PrivateKey, hash: Option<HashAlg>, data: &[u8]) -> Result<Signature, ssh_key::Error> {
    match key.key_data() {
        KeypairData::Rsa(pair) => Ok((pair, hash).try_sign(data)?),
        pair => Ok(pair.try_sign(data)?),
    }
}
