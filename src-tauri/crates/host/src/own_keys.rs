//! The keys a person has on this computer: those the agent holds, and files in `~/.ssh`. Only looks; opens nothing.

use std::path::{Path, PathBuf};
use std::time::Duration;

use russh::keys::agent::client::AgentClient;
use russh::keys::{HashAlg, PrivateKey, PublicKey};
use zeroize::Zeroizing;

/// How long the agent may take to say what it holds.
const AGENT_LIMIT: Duration = Duration::from_secs(5);
/// Largest key file read, bytes.
const LARGEST_KEY: u64 = 1 << 20;
/// Most files of a folder that are looked at.
const MOST_FILES: usize = 1000;

/// A key that the agent holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentKey {
    /// `SHA256:…`, as `ssh-add -l` prints it.
    pub fingerprint: String,
    /// Key type, such as `ssh-ed25519`.
    pub algorithm: String,
    /// What the key is called there; free text.
    pub comment: String,
}

/// A private key file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnKeyFile {
    /// Where it is.
    pub path: PathBuf,
    /// Key type, such as `ssh-ed25519`; unknown for an encrypted file of an old format without a `.pub` beside it.
    pub algorithm: Option<String>,
    /// `SHA256:…`, when it can be told without the passphrase.
    pub fingerprint: Option<String>,
    /// Whether a passphrase is needed to use it.
    pub encrypted: bool,
    /// What the `.pub` file beside it calls it; empty when it does not.
    pub comment: String,
}

/// The keys that the agent at `socket` holds, each once, in its order. Never asks a person.
///
/// # Errors
/// Why the agent cannot be asked.
#[cfg(unix)]
pub async fn agent_keys(socket: &Path) -> Result<Vec<AgentKey>, String> {
    let ask = async {
        let mut agent = AgentClient::connect_uds(socket).await?;
        agent.request_identities().await
    };
    let identities = match tokio::time::timeout(AGENT_LIMIT, ask).await {
        Ok(Ok(identities)) => identities,
        Ok(Err(error)) => return Err(format!("the agent at {} cannot be asked: {error}", socket.display())),
        Err(_) => return Err(format!("the agent at {} does not answer", socket.display())),
    };
    let mut keys: Vec<AgentKey> = Vec::new();
    for identity in identities {
        // A certificate stands beside the key that it is for.
        let public = identity.public_key().into_owned();
        let fingerprint = public.fingerprint(HashAlg::Sha256).to_string();
        if keys.iter().all(|key| key.fingerprint != fingerprint) {
            let comment = identity.comment().chars().take(200).collect();
            keys.push(AgentKey { fingerprint, algorithm: algorithm(&public), comment });
        }
    }
    Ok(keys)
}

/// The keys that the agent at `socket` holds.
///
/// # Errors
/// Always: agents are asked over a Unix socket.
#[cfg(not(unix))]
pub async fn agent_keys(_socket: &Path) -> Result<Vec<AgentKey>, String> {
    Err("agents are not supported on this system yet".to_owned())
}

/// Private keys named `id_…` in `folder`, by name; a folder that is not there has none.
pub fn key_files(folder: &Path) -> Vec<OwnKeyFile> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries
        .take(MOST_FILES)
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_none())
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("id_")))
        .collect();
    paths.sort();
    paths.into_iter().filter_map(key_file).collect()
}

/// What can be said of a file without a passphrase; `None` when it holds no private key.
fn key_file(path: PathBuf) -> Option<OwnKeyFile> {
    let meta = std::fs::metadata(&path).ok().filter(|meta| meta.is_file() && meta.len() <= LARGEST_KEY)?;
    debug_assert!(meta.is_file());
    let text = Zeroizing::new(std::fs::read_to_string(&path).ok()?);
    if !text.contains("PRIVATE KEY-----") {
        return None;
    }
    let mut name = path.as_os_str().to_owned();
    name.push(".pub");
    let beside =
        std::fs::read_to_string(PathBuf::from(name)).ok().and_then(|text| PublicKey::from_openssh(text.trim()).ok());
    let comment = beside.as_ref().map(|key| key.comment().to_string().chars().take(200).collect());
    let (encrypted, public) = match PrivateKey::from_openssh(text.as_bytes()) {
        Ok(key) => (key.is_encrypted(), Some(key.public_key().clone())),
        Err(_) => match russh::keys::decode_secret_key(&text, None) {
            Ok(key) => (false, Some(key.public_key().clone())),
            Err(_) if text.contains("ENCRYPTED") => (true, beside),
            Err(_) => return None,
        },
    };
    Some(OwnKeyFile {
        algorithm: public.as_ref().map(algorithm),
        fingerprint: public.as_ref().map(|key| key.fingerprint(HashAlg::Sha256).to_string()),
        encrypted,
        comment: comment.unwrap_or_default(),
        path,
    })
}

/// The key itself, whatever hash its signatures are made with.
fn algorithm(key: &PublicKey) -> String {
    let algorithm = key.algorithm();
    let is_rsa = algorithm.clone().is_rsa();
    if is_rsa { "ssh-rsa".to_owned() } else { algorithm.to_string() }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn key_files_are_told_from_everything_else() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let make = |name: &str, more: &[&str]| {
            let made =
                Command::new("ssh-keygen").args(["-q", "-C", "ann@laptop", "-f"]).arg(at(name)).args(more).status();
            made.is_ok_and(|status| status.success())
        };
        if !make("id_ed25519", &["-t", "ed25519", "-N", ""]) {
            println!("not run: ssh-keygen is not installed");
            return;
        }
        assert!(make("id_rsa", &["-t", "rsa", "-b", "2048", "-N", "secret", "-m", "PEM"]));
        assert!(make("id_work", &["-t", "ecdsa", "-N", "secret"]));
        std::fs::write(at("id_rubbish"), b"\xff\xfe-----BEGIN OPENSSH PRIVATE KEY-----").unwrap();
        std::fs::write(at("id_cut"), "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA").unwrap();
        std::fs::create_dir(at("id_folder")).unwrap();
        std::fs::write(at("known_hosts"), "").unwrap();
        let found = key_files(folder.path());
        let shown: Vec<_> = found
            .iter()
            .map(|key| {
                let name = key.path.file_name().unwrap().to_str().unwrap();
                (name, key.algorithm.as_deref(), key.encrypted, key.comment.as_str())
            })
            .collect();
        assert_eq!(
            shown,
            [
                ("id_ed25519", Some("ssh-ed25519"), false, "ann@laptop"),
                ("id_rsa", Some("ssh-rsa"), true, "ann@laptop"),
                ("id_work", Some("ecdsa-sha2-nistp256"), true, "ann@laptop"),
            ]
        );
        let printed = Command::new("ssh-keygen").arg("-lf").arg(at("id_work.pub")).output().unwrap().stdout;
        assert!(String::from_utf8(printed).unwrap().contains(found[2].fingerprint.as_ref().unwrap()));
        assert_eq!(key_files(&at("missing")), []);
    }

    #[tokio::test]
    async fn an_agent_that_is_not_there_is_a_reason() {
        let error = agent_keys(Path::new("/nonexistent/agent")).await.unwrap_err();
        assert!(error.contains("/nonexistent/agent"), "{error}");
    }
}
