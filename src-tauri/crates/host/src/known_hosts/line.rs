//! One line of a `known_hosts` file.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use sha1::Sha1;

use super::pattern::{Matched, matches_list};

/// The marker at the start of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marker {
    /// None: the host's own key.
    None,
    /// `@cert-authority`: the key signs host certificates.
    CertAuthority,
    /// `@revoked`: the key must never be accepted.
    Revoked,
}

/// The hosts a line speaks about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Names {
    /// Comma list of patterns.
    Patterns(Vec<u8>),
    /// One hashed name: HMAC-SHA1 of the name keyed with `salt`.
    Hashed {
        /// Key of the HMAC, 20 bytes.
        salt: Vec<u8>,
        /// The HMAC, 20 bytes.
        hash: Vec<u8>,
    },
}

impl Names {
    /// Whether the line speaks about `name`, which is what [`super::lookup_name`] gives.
    pub fn matches(&self, name: &str) -> bool {
        match self {
            Self::Patterns(patterns) => matches_list(name.as_bytes(), patterns) == Matched::Yes,
            Self::Hashed { salt, hash } => digest(salt, name).is_some_and(|mac| mac.verify_slice(hash).is_ok()),
        }
    }
}

/// A usable line.
#[derive(Debug, Clone)]
pub struct Line {
    /// Its marker.
    pub marker: Marker,
    /// Whom it is about.
    pub names: Names,
    /// Key type, such as `ssh-ed25519`.
    pub algorithm: String,
    /// Key blob, RFC 4253 section 6.6.
    pub key: Vec<u8>,
}

impl Line {
    /// Reads one line without its newline; `None` for blank lines and comments.
    ///
    /// # Errors
    /// Why the line means nothing. It must then be skipped.
    pub fn parse(bytes: &[u8]) -> Result<Option<Self>, &'static str> {
        let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        let mut rest = skip_blanks(bytes);
        if rest.is_empty() || rest.starts_with(b"#") || rest.starts_with(b"\0") {
            return Ok(None);
        }
        let mut marker = Marker::None;
        if rest.starts_with(b"@") {
            let (word, after) = word(rest);
            marker = match word {
                b"@cert-authority" => Marker::CertAuthority,
                b"@revoked" => Marker::Revoked,
                _ => return Err("unknown marker"),
            };
            rest = after;
        }
        // To OpenSSH a line is a C string whose end it writes over once, after the names (hostfile.c,
        // hostkeys_foreach_file): there a NUL divides, and behind that one it ends the line.
        let (names, rest) = word_up_to(rest, b" \t\0");
        let rest = rest.split(|b| *b == 0).next().unwrap_or_default();
        let (algorithm, rest) = word(rest);
        let (key, _comment) = word(rest);
        // Its base64 passes over every white space (b64_pton).
        let key: Vec<u8> = key.iter().copied().filter(|b| !matches!(b, b'\r' | b'\x0b' | b'\x0c')).collect();
        if key.is_empty() {
            return Err("fewer than three fields");
        }
        let names = parse_names(names)?;
        let algorithm = std::str::from_utf8(algorithm).map_err(|_| "key type is not text")?;
        let key = STANDARD.decode(key).map_err(|_| "key is not base64")?;
        if embedded_type(&key) != Some(algorithm.as_bytes()) {
            return Err("key is not of the type the line names");
        }
        Ok(Some(Self { marker, names, algorithm: algorithm.to_owned(), key }))
    }
}

/// The hashed form of a name, as `HashKnownHosts yes` writes it.
pub fn hash_name(name: &str, salt: &[u8; 20]) -> String {
    let hash = digest(salt, name).map(|mac| mac.finalize().into_bytes().to_vec()).unwrap_or_default();
    format!("|1|{}|{}", STANDARD.encode(salt), STANDARD.encode(hash))
}

fn digest(salt: &[u8], name: &str) -> Option<Hmac<Sha1>> {
    let mut mac = Hmac::<Sha1>::new_from_slice(salt).ok()?;
    mac.update(name.as_bytes());
    Some(mac)
}

fn parse_names(names: &[u8]) -> Result<Names, &'static str> {
    let Some(hashed) = names.strip_prefix(b"|") else {
        return Ok(Names::Patterns(names.to_vec()));
    };
    let mut parts = hashed.split(|b| *b == b'|');
    let (version, salt, hash, more) = (parts.next(), parts.next(), parts.next(), parts.next());
    if version != Some(b"1") || more.is_some() {
        return Err("unknown hash of a host name");
    }
    let decode = |part: Option<&[u8]>| part.and_then(|text| STANDARD.decode(text).ok());
    match (decode(salt), decode(hash)) {
        // OpenSSH insists on the length of a SHA-1 for both (hostfile.c, extract_salt).
        (Some(salt), Some(hash)) if salt.len() == 20 && hash.len() == 20 => Ok(Names::Hashed { salt, hash }),
        _ => Err("broken hash of a host name"),
    }
}

/// The type a key blob begins with (RFC 4251 section 5, string).
fn embedded_type(key: &[u8]) -> Option<&[u8]> {
    let (length, rest) = key.split_first_chunk::<4>()?;
    rest.get(..usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

fn skip_blanks(bytes: &[u8]) -> &[u8] {
    let blanks = bytes.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
    bytes.get(blanks..).unwrap_or_default()
}

/// The first blank-separated word, and what follows its blanks.
fn word(bytes: &[u8]) -> (&[u8], &[u8]) {
    word_up_to(bytes, b" \t")
}

/// The bytes before the first of `ends`, and what follows that and further blanks.
fn word_up_to<'a>(bytes: &'a [u8], ends: &[u8]) -> (&'a [u8], &'a [u8]) {
    let end = bytes.iter().position(|b| ends.contains(b)).unwrap_or(bytes.len());
    let (word, rest) = bytes.split_at_checked(end).unwrap_or((bytes, &[]));
    (word, skip_blanks(rest.get(1..).unwrap_or_default()))
}
