//! What is at the paths that a plan is about to touch, without following a symbolic link.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// Largest file whose content is brought back, bytes.
pub const CONTENT_LIMIT: u64 = 256 << 10;

/// One path to look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    /// Absolute, without `.`, `..`, empty parts or a slash at the end.
    pub path: String,
    /// What the file should hold: content equal to this is not brought back.
    pub desired: Option<Digest>,
    /// Whether to bring back the content of a file that differs (at most [`CONTENT_LIMIT`]).
    pub content: bool,
}

/// What was seen at one path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// The path asked about.
    pub path: String,
    /// What is there.
    pub state: PathState,
    /// The first directory on the way that someone other than root could redirect; `None`: only root can.
    pub untrusted_parent: Option<UntrustedParent>,
}

impl Observed {
    /// Whether only root can change what the path leads to.
    pub fn parents_trusted(&self) -> bool {
        self.untrusted_parent.is_none()
    }
}

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum PathState {
    /// Nothing.
    Absent,
    /// A regular file.
    File {
        /// Permission bits, at most 0o7777.
        mode: u32,
        /// Who owns it.
        owner: Ownership,
        /// Bytes.
        size: u64,
        /// SHA-256 of the content.
        digest: Digest,
        /// The content, when asked for, different from what is desired and small enough.
        content: Option<Content>,
    },
    /// A directory.
    Directory {
        /// Permission bits, at most 0o7777.
        mode: u32,
        /// Who owns it.
        owner: Ownership,
    },
    /// A symbolic link.
    Symlink {
        /// Where it points, as stored.
        target: String,
        /// Who owns it.
        owner: Ownership,
    },
    /// A device, socket or named pipe.
    Other {
        /// Which of them.
        what: String,
    },
    /// It could not be seen: an error, or a symbolic link on the way.
    Failed {
        /// Why, in words for a person.
        reason: String,
    },
}

/// Owner and group of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ownership {
    /// User name, or the number when it has no name.
    pub user: String,
    /// User id.
    pub uid: u32,
    /// Group name, or the number when it has no name.
    pub group: String,
    /// Group id.
    pub gid: u32,
}

/// A directory on the way to a path that someone other than root could redirect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UntrustedParent {
    /// Its path.
    pub component: String,
    /// What is wrong with it.
    pub reason: ParentFault,
}

/// Why a directory on the way is not to be trusted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ParentFault {
    /// It is a symbolic link.
    Symlink,
    /// It is not a directory.
    NotADirectory,
    /// It belongs to this user.
    OwnedBy(String),
    /// Its group (not root's) may write to it.
    GroupWritable(String),
    /// Everybody may write to it.
    WorldWritable,
    /// It could not be looked at.
    Unreadable(String),
}

/// Bytes of a file. Serialised as base64; never shown by `Debug`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Content(pub Vec<u8>);

impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Content({} bytes)", self.0.len())
    }
}

impl From<Content> for String {
    fn from(content: Content) -> Self {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(content.0)
    }
}

impl TryFrom<String> for Content {
    type Error = base64::DecodeError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.decode(text).map(Self)
    }
}
