//! OpenSSH's `known_hosts` in full: text and a presented key in, a verdict out.
//!
//! Pure: the files are read by [`store`]. Never more permissive than OpenSSH:
//! a line that cannot be understood accepts nothing, a revoked key is refused
//! wherever it stands, and a host with any recorded key is never "unknown".
//!
//! Sources: `sshd(8)` "SSH_KNOWN_HOSTS FILE FORMAT", OpenSSH's `hostfile.c`
//! and `sshconnect.c`. Stricter in two places: a key recorded without a port
//! is not accepted on another port than 22, and a certificate without principals is refused.

mod line;
pub mod pattern;
pub mod store;

pub use line::{Line, Marker, Names, hash_name};

use std::path::PathBuf;

/// Where a recorded key stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file as it was given.
    pub file: PathBuf,
    /// Line, from 1.
    pub line: usize,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

/// One usable line, with its place.
#[derive(Debug, Clone)]
pub struct PlacedLine {
    /// Where it stands.
    pub place: Place,
    /// What it says.
    pub line: Line,
}

/// A line that was skipped, with the reason. It neither accepts nor refuses anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Where it stands.
    pub place: Place,
    /// Why it was skipped.
    pub why: &'static str,
}

/// The lines of all files, in the order the files were given.
#[derive(Debug, Clone, Default)]
pub struct KnownHosts {
    entries: Vec<PlacedLine>,
    warnings: Vec<Warning>,
}

/// A key recorded for a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Where it stands.
    pub place: Place,
    /// Key type, such as `ssh-ed25519`.
    pub algorithm: String,
    /// `SHA256:…` of the key.
    pub fingerprint: String,
}

/// What the files say about a key a host presented.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The key is recorded for this host.
    Known(Place),
    /// Nothing is recorded for this host.
    Unknown,
    /// Other keys are recorded for this host, and not this one.
    Changed(Vec<Recorded>),
    /// The key is marked `@revoked`.
    Revoked(Place),
}

impl KnownHosts {
    /// Adds the lines of one file. Any bytes are allowed; lines that make no sense become warnings.
    pub fn add(&mut self, file: &std::path::Path, text: &[u8]) {
        for (index, bytes) in text.split(|b| *b == b'\n').enumerate() {
            let place = Place { file: file.to_owned(), line: index + 1 };
            match Line::parse(bytes) {
                Ok(Some(line)) => self.entries.push(PlacedLine { place, line }),
                Ok(None) => {}
                Err(why) => self.warnings.push(Warning { place, why }),
            }
        }
    }

    /// Lines that were skipped.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// The lines that speak about `name`, in order.
    pub fn matching<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a PlacedLine> {
        self.entries.iter().filter(move |entry| entry.line.names.matches(name))
    }

    /// Judges a plain key.
    ///
    /// `name` is what [`lookup_name`] gives; `key` is the key blob of RFC 4253 section 6.6.
    pub fn check(&self, name: &str, key: &[u8]) -> Verdict {
        if let Some(place) = self.revoked(name, key) {
            return Verdict::Revoked(place);
        }
        let mut others = Vec::new();
        for entry in self.matching(name).filter(|entry| entry.line.marker == Marker::None) {
            if entry.line.key == key {
                return Verdict::Known(entry.place.clone());
            }
            others.push(entry.recorded());
        }
        if others.is_empty() { Verdict::Unknown } else { Verdict::Changed(others) }
    }

    /// The `@cert-authority` line for `name` that holds `authority`, when there is one.
    pub fn authority(&self, name: &str, authority: &[u8]) -> Option<Place> {
        let mut authorities = self.matching(name).filter(|entry| entry.line.marker == Marker::CertAuthority);
        authorities.find(|entry| entry.line.key == authority).map(|entry| entry.place.clone())
    }

    /// Whether any certificate authority is recorded for `name`.
    pub fn has_authority(&self, name: &str) -> bool {
        self.matching(name).any(|entry| entry.line.marker == Marker::CertAuthority)
    }

    /// The `@revoked` line for `name` that holds `key`, when there is one.
    pub fn revoked(&self, name: &str, key: &[u8]) -> Option<Place> {
        let mut revoked = self.matching(name).filter(|entry| entry.line.marker == Marker::Revoked);
        revoked.find(|entry| entry.line.key == key).map(|entry| entry.place.clone())
    }

    /// Types of the plain keys recorded for `name`, in file order, each once: the order in which to ask for keys.
    pub fn key_types<'a>(&'a self, name: &'a str) -> Vec<&'a str> {
        let mut types: Vec<&'a str> = Vec::new();
        for entry in self.matching(name).filter(|entry| entry.line.marker == Marker::None) {
            if !types.contains(&entry.line.algorithm.as_str()) {
                types.push(&entry.line.algorithm);
            }
        }
        types
    }
}

impl PlacedLine {
    fn recorded(&self) -> Recorded {
        Recorded {
            place: self.place.clone(),
            algorithm: self.line.algorithm.clone(),
            fingerprint: fingerprint(&self.line.key),
        }
    }
}

/// The name under which a host is looked up: lower case, `[name]:port` unless the port is 22.
pub fn lookup_name(host: &str, port: u16) -> String {
    let host = host.to_ascii_lowercase();
    if port == 22 { host } else { format!("[{host}]:{port}") }
}

/// `SHA256:` and the unpadded base64 of the SHA-256 of a key blob, as `ssh-keygen -l` prints it.
pub fn fingerprint(key: &[u8]) -> String {
    use base64::Engine as _;
    use sha2::Digest as _;
    format!("SHA256:{}", base64::engine::general_purpose::STANDARD_NO_PAD.encode(sha2::Sha256::digest(key)))
}

#[cfg(test)]
mod tests;
