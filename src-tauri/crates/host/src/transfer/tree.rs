//! A folder on this computer, as it is sent.

use std::collections::HashMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use sha2::{Digest as _, Sha256};
use slipway_core::digest::{Digest, hex};

use crate::error::HostError;

/// Most entries of one tree.
const MOST_ENTRIES: usize = 1_000_000;

/// Links that are followed on one way (path_resolution(7)).
const MOST_LINKS: usize = 40;

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A directory.
    Directory,
    /// A file.
    File {
        /// Whether its owner may execute it.
        executable: bool,
        /// Bytes.
        size: u64,
        /// Digest of its content.
        digest: Digest,
    },
    /// A symbolic link that stays inside the tree.
    Link {
        /// Where it points, relative to its own directory.
        target: String,
    },
}

/// One entry of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Path relative to the root, with `/` between its parts.
    pub path: String,
    /// What it is.
    pub kind: Kind,
}

/// What a pattern kept out of a tree; nothing below it was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excluded {
    /// Path relative to the root; that of a directory ends with `/`.
    pub path: String,
    /// The pattern, as it was given.
    pub pattern: String,
}

/// A folder that was read and hashed.
#[derive(Debug, Clone)]
pub struct LocalTree {
    pub(super) root: PathBuf,
    entries: Vec<Entry>,
    excluded: Vec<Excluded>,
}

impl LocalTree {
    /// Reads the folder `root`, without what `exclude` matches (patterns as in `.gitignore`, relative to `root`).
    ///
    /// Blocks: reads every file once.
    ///
    /// # Errors
    /// For names that are not UTF-8, for sockets, pipes and devices, for links that lead out of the folder,
    /// for a pattern that makes no sense, and for what cannot be read.
    pub fn read(root: &Path, exclude: &[String]) -> Result<Self, HostError> {
        let mut builder = GitignoreBuilder::new(root);
        for pattern in exclude {
            builder.add_line(None, pattern).map_err(|error| local(root, format!("exclude {pattern}: {error}")))?;
        }
        let exclude = builder.build().map_err(|error| local(root, error.to_string()))?;
        let root = std::fs::canonicalize(root).map_err(|error| local(root, error.to_string()))?;
        let mut tree = Self { root, entries: Vec::new(), excluded: Vec::new() };
        tree.read_folder("", &exclude)?;
        links_stay_inside(&tree.root, &tree.entries)?;
        Ok(tree)
    }

    /// Where it is on this computer; canonical.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What was left out, in the order of names.
    pub fn excluded(&self) -> &[Excluded] {
        &self.excluded
    }

    /// What is in it, each directory before its content, in the order of names.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Files in it.
    pub fn files(&self) -> u64 {
        self.entries.iter().filter(|entry| matches!(entry.kind, Kind::File { .. })).count() as u64
    }

    /// Bytes in its files.
    pub fn bytes(&self) -> u64 {
        self.bytes_of(|_| true)
    }

    /// Bytes in those of its files whose path is wanted.
    pub(super) fn bytes_of(&self, wanted: impl Fn(&str) -> bool) -> u64 {
        let size = |entry: &Entry| if let Kind::File { size, .. } = entry.kind { size } else { 0 };
        self.entries.iter().filter(|entry| wanted(&entry.path)).map(size).sum()
    }

    /// Digest of paths, kinds, contents and executable bits; not of times.
    pub fn digest(&self) -> Digest {
        let mut parts: Vec<&[u8]> = Vec::new();
        for entry in &self.entries {
            parts.push(entry.path.as_bytes());
            match &entry.kind {
                Kind::Directory => parts.extend([&b"directory"[..], b""]),
                Kind::File { executable: false, digest, .. } => {
                    parts.extend([&b"file"[..], digest.as_str().as_bytes()])
                }
                Kind::File { executable: true, digest, .. } => {
                    parts.extend([&b"program"[..], digest.as_str().as_bytes()])
                }
                Kind::Link { target } => parts.extend([&b"link"[..], target.as_bytes()]),
            }
        }
        Digest::of_parts(parts)
    }

    fn read_folder(&mut self, below: &str, exclude: &Gitignore) -> Result<(), HostError> {
        let folder = self.root.join(below);
        let io = |error: std::io::Error| local(&folder, error.to_string());
        let mut names = Vec::new();
        for item in std::fs::read_dir(&folder).map_err(io)? {
            names.push(item.map_err(io)?.file_name());
        }
        names.sort();
        for name in names {
            let full = folder.join(&name);
            let Some(name) = name.to_str() else {
                return Err(local(&full, "its name is not UTF-8 text"));
            };
            let path = if below.is_empty() { name.to_owned() } else { format!("{below}/{name}") };
            let meta = std::fs::symlink_metadata(&full).map_err(|error| local(&full, error.to_string()))?;
            if let Match::Ignore(glob) = exclude.matched(&path, meta.is_dir()) {
                let path = if meta.is_dir() { format!("{path}/") } else { path };
                self.excluded.push(Excluded { path, pattern: glob.original().to_owned() });
                continue;
            }
            if self.entries.len() >= MOST_ENTRIES {
                return Err(local(&self.root, "it holds more than a million entries"));
            }
            if meta.is_dir() {
                self.entries.push(Entry { path: path.clone(), kind: Kind::Directory });
                self.read_folder(&path, exclude)?;
            } else if meta.is_symlink() {
                let target = std::fs::read_link(&full).map_err(|error| local(&full, error.to_string()))?;
                let target = target.to_str().ok_or_else(|| local(&full, "its target is not UTF-8 text"))?.to_owned();
                self.entries.push(Entry { path, kind: Kind::Link { target } });
            } else if meta.is_file() {
                let (digest, size) = hash(&full).map_err(|error| local(&full, error.to_string()))?;
                self.entries.push(Entry { path, kind: Kind::File { executable: is_executable(&meta), size, digest } });
            } else {
                return Err(local(&full, "it is neither a file nor a folder nor a link"));
            }
        }
        Ok(())
    }
}

/// When a file changed last, as an archive says it: seconds since 1970.
pub(super) fn modified(meta: &std::fs::Metadata) -> u64 {
    let since = meta.modified().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    since.map_or(0, |time| time.as_secs())
}

pub(super) fn local(path: &Path, why: impl Into<String>) -> HostError {
    HostError::Local { path: path.to_owned(), why: why.into() }
}

/// Each link by itself may point inside and still lead out by way of another one, so all are walked as a kernel does.
fn links_stay_inside(root: &Path, entries: &[Entry]) -> Result<(), HostError> {
    let links = entries.iter().filter_map(|entry| match &entry.kind {
        Kind::Link { target } => Some((entry.path.as_str(), target.as_str())),
        Kind::Directory | Kind::File { .. } => None,
    });
    let links: HashMap<&str, &str> = links.collect();
    for entry in entries {
        if let Kind::Link { target } = &entry.kind
            && !stays_inside(&entry.path, &links)
        {
            let why = format!("it is a link that leads out of the folder, to {target}");
            return Err(local(&root.join(&entry.path), why));
        }
    }
    Ok(())
}

/// Whether what is found at `path` stays inside a tree with these links. What the tree does not have is taken for a directory:
/// a host may have it one day. A way of too many links leads nowhere.
fn stays_inside(path: &str, links: &HashMap<&str, &str>) -> bool {
    let mut at: Vec<&str> = Vec::new();
    let mut ahead: Vec<&str> = path.rsplit('/').collect();
    let mut followed = 0;
    while let Some(part) = ahead.pop() {
        match part {
            "" | "." => {}
            ".." => {
                if at.pop().is_none() {
                    return false;
                }
            }
            _ => {
                at.push(part);
                let Some(target) = links.get(at.join("/").as_str()) else { continue };
                followed += 1;
                if followed > MOST_LINKS {
                    return true;
                }
                if target.is_empty() || target.starts_with('/') {
                    return false;
                }
                at.pop();
                ahead.extend(target.rsplit('/'));
            }
        }
    }
    true
}

fn hash(path: &Path) -> std::io::Result<(Digest, u64)> {
    let mut file = std::fs::File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 128 << 10];
    let mut size = 0;
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        hasher.update(buffer.get(..count).unwrap_or_default());
        size += count as u64;
    }
    Ok((digest_of(hasher)?, size))
}

/// The digest a hasher has come to.
pub(super) fn digest_of(hasher: Sha256) -> std::io::Result<Digest> {
    hex(&hasher.finalize()).parse().map_err(std::io::Error::other)
}

#[cfg(unix)]
fn is_executable(meta: &std::fs::Metadata) -> bool {
    std::os::unix::fs::PermissionsExt::mode(&meta.permissions()) & 0o100 != 0
}

#[cfg(not(unix))]
fn is_executable(_meta: &std::fs::Metadata) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir_all(at("src/deep")).unwrap();
        std::fs::create_dir_all(at("node_modules/x")).unwrap();
        std::fs::write(at("src/deep/a.py"), "a").unwrap();
        std::fs::write(at("node_modules/x/b.js"), "b").unwrap();
        std::fs::write(at("run"), "#!/bin/sh\n").unwrap();
        std::fs::set_permissions(at("run"), std::fs::Permissions::from_mode(0o755)).unwrap();
        symlink("deep/../deep/a.py", at("src/link")).unwrap();
        folder
    }

    fn paths(tree: &LocalTree) -> Vec<&str> {
        tree.entries().iter().map(|entry| entry.path.as_str()).collect()
    }

    #[test]
    fn reads_in_order_without_what_is_excluded() {
        let folder = folder();
        let tree = LocalTree::read(folder.path(), &["node_modules".into(), "*.log".into()]).unwrap();
        assert_eq!(paths(&tree), ["run", "src", "src/deep", "src/deep/a.py", "src/link"]);
        assert!(matches!(tree.entries()[0].kind, Kind::File { executable: true, size: 10, .. }));
        assert_eq!((tree.files(), tree.bytes()), (2, 11));
        let left = Excluded { path: "node_modules/".into(), pattern: "node_modules".into() };
        assert_eq!(tree.excluded(), [left]);
        let only =
            LocalTree::read(folder.path(), &["/src/*".into(), "!/src/deep".into(), "node_modules/".into()]).unwrap();
        assert_eq!(paths(&only), ["run", "src", "src/deep", "src/deep/a.py"]);
    }

    #[test]
    fn the_digest_sees_content_names_and_modes_but_not_times() {
        let folder = folder();
        let digest = || LocalTree::read(folder.path(), &[]).unwrap().digest();
        let first = digest();
        std::fs::write(folder.path().join("run"), "#!/bin/sh\n").unwrap();
        assert_eq!(digest(), first);
        std::fs::set_permissions(folder.path().join("run"), std::fs::Permissions::from_mode(0o644)).unwrap();
        assert_ne!(digest(), first);
    }

    #[test]
    fn links_that_stay_inside_are_sent() {
        let folder = folder();
        for (name, target) in [
            ("src/up", "../src/../run"),
            ("through", "src/up/x"),
            ("nothing", "no/such/../../file"),
            ("round", "round"),
            ("left", "right/x"),
            ("right", "left/y"),
            ("here", "."),
            ("far", "here/here/here/src//deep/./a.py"),
        ] {
            symlink(target, folder.path().join(name)).unwrap();
        }
        LocalTree::read(folder.path(), &[]).unwrap();
    }

    #[test]
    fn what_cannot_be_sent_is_refused() {
        for target in ["/etc/passwd", "../outside", "src/../../outside", "deep/../../../x"] {
            let folder = folder();
            symlink(target, folder.path().join("bad")).unwrap();
            assert!(LocalTree::read(folder.path(), &[]).is_err(), "{target}");
        }
        // Each of these points inside by its words.
        for chain in [
            &[("readme.txt", "a/b/c/d/up/../../../etc/x"), ("a/b/c/d/up", "../../../..")][..],
            &[("src/deep/one", "../.."), ("two", "src/deep/one/../x")],
            &[("one", "two/three/.."), ("two", "src"), ("src/three", "..")],
        ] {
            let folder = folder();
            std::fs::create_dir_all(folder.path().join("a/b/c/d")).unwrap();
            for (name, target) in chain {
                symlink(target, folder.path().join(name)).unwrap();
            }
            let refused = LocalTree::read(folder.path(), &[]).unwrap_err().to_string();
            assert!(refused.contains("leads out of the folder"), "{refused}");
        }
        let folder = folder();
        let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("socket")).unwrap();
        assert!(LocalTree::read(folder.path(), &[]).is_err());
        assert!(LocalTree::read(folder.path(), &["socket".into()]).is_ok());
        assert!(LocalTree::read(Path::new("/no/such/folder"), &[]).is_err());
        let name = <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"\xff");
        std::fs::write(folder.path().join(name), "").unwrap();
        assert!(LocalTree::read(folder.path(), &["socket".into()]).is_err());
    }
}
