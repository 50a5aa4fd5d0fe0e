//! Reading and extending `known_hosts` files.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;

use super::{KnownHosts, hash_name};

/// Longest file read, bytes: a `known_hosts` beyond this is a mistake.
const LONGEST_FILE: u64 = 16 << 20;

/// A file that is there but cannot be used. Nothing can be concluded from it, so connecting must stop.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {}: {why}", path.display())]
pub struct Unreadable {
    /// The file.
    pub path: PathBuf,
    /// What the system said.
    pub why: String,
}

/// Reads all `files` in order. A missing file is an empty one.
///
/// # Errors
/// When a file exists and cannot be read: it might revoke the very key in question.
pub fn read(files: &[PathBuf]) -> Result<KnownHosts, Unreadable> {
    let mut known = KnownHosts::default();
    for path in files {
        let unreadable = |why: String| Unreadable { path: path.clone(), why };
        match std::fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(unreadable(error.to_string())),
            // `UserKnownHostsFile /dev/null` is a habit; a device or pipe is never read.
            Ok(meta) if path.as_os_str() == "/dev/null" && !meta.is_file() => continue,
            Ok(meta) if !meta.is_file() => return Err(unreadable("not a regular file".into())),
            Ok(meta) if meta.len() > LONGEST_FILE => return Err(unreadable("larger than 16 MiB".into())),
            Ok(_) => {}
        }
        let text = std::fs::read(path).map_err(|error| unreadable(error.to_string()))?;
        known.add(path, &text);
    }
    Ok(known)
}

/// Records `key` for `name` (see [`super::lookup_name`]) at the end of `file`.
///
/// The file is replaced as a whole, mode 0600, so no reader ever sees half a line; a folder made on the way has mode 0700.
/// A symbolic link is followed, so that a linked file stays linked.
///
/// # Errors
/// What the file system says.
pub fn remember(file: &Path, name: &str, key_type: &str, key: &[u8], hashed: bool) -> io::Result<()> {
    let file = match std::fs::canonicalize(file) {
        Ok(real) => real,
        Err(error) if error.kind() == io::ErrorKind::NotFound => file.to_owned(),
        Err(error) => return Err(error),
    };
    let folder = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    make_folder(folder)?;
    let mut text = match std::fs::read(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error),
    };
    if !text.is_empty() && !text.ends_with(b"\n") {
        text.push(b'\n');
    }
    let name = if hashed { hash_name(name, &salt()?) } else { name.to_owned() };
    let key = base64::engine::general_purpose::STANDARD.encode(key);
    text.extend_from_slice(format!("{name} {key_type} {key}\n").as_bytes());
    // `tempfile` creates with mode 0600.
    let mut temporary = tempfile::Builder::new().prefix(".known_hosts.").tempfile_in(folder)?;
    temporary.write_all(&text)?;
    temporary.as_file().sync_all()?;
    temporary.persist(&file).map_err(|error| error.error)?;
    Ok(())
}

fn salt() -> io::Result<[u8; 20]> {
    let mut salt = [0; 20];
    getrandom::fill(&mut salt).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(salt)
}

fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}
