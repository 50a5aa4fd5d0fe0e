//! What is at the paths that a plan is about to touch, without following a symbolic link.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::reply::{excerpt, number, plain, whole};
use crate::command::{Command, Output};
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
        content: Option<FileBytes>,
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
pub struct FileBytes(pub Vec<u8>);

impl std::fmt::Debug for FileBytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FileBytes({})", self.0.len())
    }
}

impl From<FileBytes> for String {
    fn from(content: FileBytes) -> Self {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(content.0)
    }
}

impl TryFrom<String> for FileBytes {
    type Error = base64::DecodeError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.decode(text).map(Self)
    }
}

/// Asks about paths. Those that are not well-formed are not asked about.
pub fn command(watches: &[Watch]) -> Command {
    let asked = asked(watches);
    let mut arguments = vec![asked.len().to_string()];
    arguments.extend(asked.iter().map(|(path, wish)| format!("{wish}={path}")));
    let above: BTreeSet<&str> = asked.keys().flat_map(|path| parents(path)).collect();
    arguments.extend(above.into_iter().filter(|path| !asked.contains_key(path)).map(str::to_owned));
    Command::script(include_str!("probes/paths.sh"), arguments).timeout(Duration::from_secs(120)).output_limit(32 << 20)
}

/// The well-formed paths and the wish for content of each.
fn asked(watches: &[Watch]) -> BTreeMap<&str, &str> {
    let mut asked = BTreeMap::new();
    for watch in watches.iter().filter(|watch| well_formed(&watch.path)) {
        let wish = match (watch.content, &watch.desired) {
            (false, _) => "-",
            (true, Some(digest)) => digest.as_str(),
            (true, None) => "any",
        };
        let entry = asked.entry(watch.path.as_str()).or_insert(wish);
        if *entry != wish {
            *entry = if *entry == "-" {
                wish
            } else if wish == "-" {
                *entry
            } else {
                "any"
            };
        }
    }
    asked
}

fn well_formed(path: &str) -> bool {
    let part = |part: &str| !matches!(part, "" | "." | "..") && part.len() <= 255;
    let parts = path.strip_prefix('/').is_some_and(|rest| rest.split('/').all(part));
    parts && path.len() < 4096 && !path.contains('\0')
}

/// Every directory above `path`, from `/` down.
fn parents(path: &str) -> impl Iterator<Item = &str> {
    let inner = path.match_indices('/').skip(1).filter_map(|(at, _)| path.get(..at));
    std::iter::once("/").chain(inner)
}

/// Reads the answer to [`command`] of the same watches: one observation per watch, in their order.
pub fn parse(watches: &[Watch], output: &Output) -> Vec<Observed> {
    let seen = read(watches, output);
    let failed = |watch: &Watch, reason: &str| Observed {
        path: watch.path.clone(),
        state: PathState::Failed { reason: reason.to_owned() },
        untrusted_parent: None,
    };
    let observe = |watch: &Watch| match &seen {
        _ if !well_formed(&watch.path) => failed(watch, "it is not an absolute path without . and .. in it"),
        Ok(seen) => seen.observe(watch),
        Err(reason) => failed(watch, reason),
    };
    watches.iter().map(observe).collect()
}

/// What stat(1) said of one path.
#[derive(Debug)]
struct Status {
    mode: u32,
    owner: Ownership,
    size: u64,
}

#[derive(Debug, Default)]
struct Seen<'a> {
    statuses: BTreeMap<&'a str, Status>,
    /// Complaints about paths that are not in `statuses`.
    complaints: BTreeMap<&'a str, &'a str>,
    digests: BTreeMap<&'a str, &'a str>,
    contents: BTreeMap<&'a str, &'a str>,
    targets: BTreeMap<&'a str, &'a str>,
}

fn read<'a>(watches: &'a [Watch], output: &'a Output) -> Result<Seen<'a>, String> {
    whole(output)?;
    let text = std::str::from_utf8(&output.stdout).map_err(|_| "a name or link on the host is not UTF-8")?;
    let mut words = text.split('\0');
    let mut seen = Seen::default();
    let mut last_file = "";
    loop {
        let mut next = || words.next().ok_or("the answer is cut or malformed");
        match next()? {
            "end" => break,
            "complaints" => seen.complaints = complaints(watches, &seen.statuses, next()?)?,
            "file" => {
                last_file = next()?;
                seen.digests.insert(last_file, next()?);
            }
            "content" => {
                seen.contents.insert(last_file, next()?);
            }
            "link" => {
                let path = next()?;
                seen.targets.insert(path, next()?);
            }
            path if path.starts_with('/') => {
                let fields = [next()?, next()?, next()?, next()?, next()?, next()?];
                seen.statuses.insert(path, status(fields).ok_or("stat answered something else")?);
            }
            _ => return Err("the answer is malformed".into()),
        }
    }
    // The last word ends with a NUL, so an empty piece follows it and nothing else.
    if words.next() == Some("") && words.next().is_none() {
        Ok(seen)
    } else {
        Err("the answer goes on after its end".into())
    }
}

fn status([mode, uid, user, gid, group, size]: [&str; 6]) -> Option<Status> {
    let mode = (mode.len() <= 8).then(|| u32::from_str_radix(mode, 16).ok())??;
    let (uid, gid) = (number(uid)?, number(gid)?);
    let name = |name: &str, id: u32| {
        if name == "UNKNOWN" { Some(id.to_string()) } else { plain(name, 256).map(str::to_owned) }
    };
    let owner = Ownership { user: name(user, uid)?, uid, group: name(group, gid)?, gid };
    Some(Status { mode, owner, size: number(size)? })
}

/// Pairs stat's complaints, one line each and in the order of the arguments, with the paths it said nothing about.
fn complaints<'a>(
    watches: &'a [Watch],
    statuses: &BTreeMap<&str, Status>,
    text: &'a str,
) -> Result<BTreeMap<&'a str, &'a str>, String> {
    let asked = asked(watches);
    let above: BTreeSet<&str> = asked.keys().flat_map(|path| parents(path)).collect();
    let all = asked.keys().copied().chain(above.into_iter().filter(|path| !asked.contains_key(path)));
    let silent: Vec<&str> = all.filter(|path| !statuses.contains_key(path)).collect();
    let lines: Vec<&str> = text.lines().collect();
    if silent.len() != lines.len() {
        return Err(format!("stat: {}", excerpt(lines.last().copied().unwrap_or("it left paths out"))));
    }
    Ok(silent.into_iter().zip(lines).collect())
}

/// Why a path has no status: `None` when it is not there.
fn trouble(complaint: Option<&&str>) -> Option<String> {
    let reason = complaint.and_then(|line| line.rsplit_once(": ")).map_or("it was not looked at", |(_, reason)| reason);
    (!matches!(reason, "No such file or directory" | "Not a directory")).then(|| excerpt(reason))
}

impl Seen<'_> {
    fn observe(&self, watch: &Watch) -> Observed {
        let faults: Vec<UntrustedParent> = parents(&watch.path).filter_map(|path| self.fault(path)).collect();
        let redirected = faults.iter().find_map(|parent| match &parent.reason {
            ParentFault::Symlink => Some(format!("{} on the way is a symbolic link", parent.component)),
            ParentFault::NotADirectory => Some(format!("{} on the way is not a directory", parent.component)),
            ParentFault::Unreadable(why) => Some(format!("{} on the way: {why}", parent.component)),
            ParentFault::OwnedBy(_) | ParentFault::GroupWritable(_) | ParentFault::WorldWritable => None,
        });
        let state = match redirected {
            Some(reason) => Err(reason),
            None => self.state(watch),
        };
        let state = state.unwrap_or_else(|reason| PathState::Failed { reason });
        Observed { path: watch.path.clone(), state, untrusted_parent: faults.into_iter().next() }
    }

    fn fault(&self, path: &str) -> Option<UntrustedParent> {
        let reason = match self.statuses.get(path) {
            None => ParentFault::Unreadable(trouble(self.complaints.get(path))?),
            Some(Status { mode, .. }) if mode & 0o170_000 == 0o120_000 => ParentFault::Symlink,
            Some(Status { mode, .. }) if mode & 0o170_000 != 0o040_000 => ParentFault::NotADirectory,
            Some(Status { owner, .. }) if owner.uid != 0 => ParentFault::OwnedBy(owner.user.clone()),
            Some(Status { mode, .. }) if mode & 0o002 != 0 => ParentFault::WorldWritable,
            Some(Status { mode, owner, .. }) if mode & 0o020 != 0 && owner.gid != 0 => {
                ParentFault::GroupWritable(owner.group.clone())
            }
            Some(_) => return None,
        };
        Some(UntrustedParent { component: path.to_owned(), reason })
    }

    fn state(&self, watch: &Watch) -> Result<PathState, String> {
        let path = watch.path.as_str();
        let Some(Status { mode, owner, size }) = self.statuses.get(path) else {
            return trouble(self.complaints.get(path)).map_or(Ok(PathState::Absent), Err);
        };
        let (owner, permissions) = (owner.clone(), mode & 0o7777);
        match mode & 0o170_000 {
            0o100_000 => {
                let digest = self.digests.get(path).and_then(|digest| digest.parse::<Digest>().ok());
                let digest = digest.ok_or("the file could not be read, or changed while it was looked at")?;
                let content = self.content(watch, &digest, *size)?;
                Ok(PathState::File { mode: permissions, owner, size: *size, digest, content })
            }
            0o040_000 => Ok(PathState::Directory { mode: permissions, owner }),
            0o120_000 => {
                let target = self.targets.get(path).filter(|target| !target.is_empty());
                let target = target.ok_or("the link changed while it was looked at")?;
                Ok(PathState::Symlink { target: (*target).to_owned(), owner })
            }
            kind => Ok(PathState::Other { what: kind_name(kind).to_owned() }),
        }
    }

    fn content(&self, watch: &Watch, digest: &Digest, size: u64) -> Result<Option<FileBytes>, String> {
        if !watch.content || watch.desired.as_ref() == Some(digest) {
            return Ok(None);
        }
        let Some(text) = self.contents.get(watch.path.as_str()) else {
            return if size > CONTENT_LIMIT { Ok(None) } else { Err("the content did not come back".into()) };
        };
        let content = FileBytes::try_from((*text).to_owned()).map_err(|_| "the content is malformed")?;
        if Digest::of(&content.0) == *digest {
            Ok(Some(content))
        } else {
            Err("the file changed while it was read".into())
        }
    }
}

/// Names of file types (inode(7)).
fn kind_name(kind: u32) -> &'static str {
    match kind {
        0o060_000 => "block device",
        0o020_000 => "character device",
        0o010_000 => "named pipe",
        0o140_000 => "socket",
        _ => "unknown kind of file",
    }
}
