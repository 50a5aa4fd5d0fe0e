//! Code from this computer: a folder, or an archive that is unpacked here first.

use std::io::{Read as _, Seek as _};
use std::path::{Path, PathBuf};

use slipway_core::command::Command;
use slipway_core::digest::Digest;
use slipway_core::plan::parcel::{FirstNames, Parcel, looks_private};
use slipway_core::site::Site;
use slipway_host::{Excluded, HostError, Kind, LocalTree, UploadProgress, Writer};
use tokio::sync::mpsc;

use crate::beneath::{SiteFolder, below, written};
use crate::failure::{Code, Failure, Outcome};
use crate::link::Link;

/// Never sent: version control, environments and caches of another machine; then files in which people keep keys and passwords.
const NEVER: [&str; 22] = [
    ".git/",
    ".hg/",
    ".svn/",
    ".venv/",
    "venv/",
    "node_modules/",
    "__pycache__/",
    "*.pyc",
    "/slipway.toml",
    ".DS_Store",
    ".env",
    ".env.*",
    "!.env.example",
    ".ssh/",
    ".gnupg/",
    ".aws/",
    ".netrc",
    ".pypirc",
    "id_rsa",
    "id_ecdsa",
    "id_ed25519",
    "*.kdbx",
];
/// Most bytes that an archive may unpack to.
const MOST_UNPACKED: u64 = 4 << 30;

/// Files to send.
pub struct Upload {
    tree: LocalTree,
    digest: Digest,
    /// The folder or archive.
    from: PathBuf,
    /// Holds an unpacked archive until it is sent.
    _unpacked: Option<tempfile::TempDir>,
}

impl Upload {
    /// Reads the folder that the site file in `beside` names.
    ///
    /// # Errors
    /// When it is not there, is a link, leads out of the site file's folder, or holds what cannot be sent.
    pub fn folder(beside: &SiteFolder, folder: &str, site: &Site) -> Outcome<Self> {
        let folder = beside.find(folder).map_err(|astray| astray.failure(unreadable))?;
        Self::read(&folder, site, None)
    }

    /// Unpacks an archive (.tar, .tar.gz, .tgz, .zip) and reads it. A single top folder is stepped into.
    ///
    /// # Errors
    /// When it is not an archive, is cut off, would unpack outside its folder, or is too large.
    pub fn archive(beside: &SiteFolder, archive: &str, site: &Site) -> Outcome<Self> {
        let archive = beside.find_file(archive, MOST_UNPACKED).map_err(|astray| astray.failure(unreadable))?;
        let wrong = |why: String| {
            Failure::new(Code::Local, format!("{} cannot be unpacked: {why}", archive.display()))
                .because("nothing was sent")
        };
        let place = tempfile::tempdir().map_err(|error| wrong(error.to_string()))?;
        unpack(&archive, place.path()).map_err(wrong)?;
        let entries: Vec<_> =
            std::fs::read_dir(place.path()).map_err(|error| wrong(error.to_string()))?.flatten().collect();
        let root = match entries.as_slice() {
            // The kind of the entry itself: a link is not stepped into.
            [only] if only.file_type().is_ok_and(|kind| kind.is_dir()) => only.path(),
            _ => place.path().to_owned(),
        };
        Self::read(&root, site, Some((archive, place)))
    }

    /// Reads the files in `folder`, which an archive may have been `unpacked` into.
    fn read(folder: &Path, site: &Site, unpacked: Option<(PathBuf, tempfile::TempDir)>) -> Outcome<Self> {
        let root = match &site.source.subdirectory {
            Some(subdirectory) => below(folder, subdirectory.as_str()).map_err(unreadable)?,
            None => folder.to_owned(),
        };
        let exclude: Vec<String> =
            NEVER.iter().map(|pattern| (*pattern).to_owned()).chain(site.source.exclude.iter().cloned()).collect();
        let tree = LocalTree::read(&root, &exclude).map_err(unreadable)?;
        if tree.files() == 0 {
            return Err(Failure::new(Code::Local, format!("{} holds no files to send", root.display()))
                .hint("source.folder is relative to the site file"));
        }
        let digest = tree.digest();
        let (from, unpacked) = match unpacked {
            Some((archive, place)) => (archive, Some(place)),
            None => (tree.root().to_owned(), None),
        };
        Ok(Self { tree, digest, from, _unpacked: unpacked })
    }

    /// What a person reviews of it.
    pub fn parcel(&self) -> Parcel {
        let is_file = |kind: &Kind| matches!(kind, Kind::File { .. });
        let files = self.tree.entries().iter().filter(|entry| is_file(&entry.kind)).map(|entry| entry.path.as_str());
        Parcel {
            from: written(&self.from),
            left_out: left_out(self.tree.excluded()),
            doubtful: files.filter(|path| looks_private(path)).collect(),
        }
    }

    /// Digest of the tree.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Files.
    pub fn files(&self) -> u64 {
        self.tree.files()
    }

    /// Bytes.
    pub fn bytes(&self) -> u64 {
        self.tree.bytes()
    }

    /// Whether this path is a file in it.
    pub fn has_file(&self, path: &str) -> bool {
        self.tree.entries().iter().any(|entry| entry.path == path && matches!(entry.kind, Kind::File { .. }))
    }

    /// Digest of the lock state: the named files' contents.
    pub fn lock(&self, paths: &[String]) -> Digest {
        let of = |path: &String| {
            self.tree.entries().iter().find(|entry| &entry.path == path).map(|entry| match &entry.kind {
                Kind::File { digest, .. } => digest.to_string(),
                Kind::Directory | Kind::Link { .. } => "not a file".to_owned(),
            })
        };
        let parts: Vec<String> =
            paths.iter().flat_map(|path| [path.clone(), of(path).unwrap_or_else(|| "absent".to_owned())]).collect();
        Digest::of_parts(parts.iter().map(String::as_bytes))
    }

    /// Sends the files into `destination`, which must not be there yet. What `like`, a sealed directory on the host,
    /// has under the same path is taken there instead. The commands `first` must succeed before.
    ///
    /// # Errors
    /// When the link fails, the host cannot take them, or one of `first` fails.
    pub async fn send(
        &self,
        link: &Link,
        first: Vec<Command>,
        destination: &str,
        writer: Writer,
        like: Option<&str>,
        show: &mut (dyn FnMut(String) + Send),
    ) -> Result<(), HostError> {
        let (sender, mut progress) = mpsc::channel::<UploadProgress>(16);
        let connection = link.connection().await;
        let work = connection.upload(first, destination, &self.tree, writer, like, Some(sender));
        let watch = async {
            let mut shown = 0;
            while let Some(at) = progress.recv().await {
                let percent = at.sent.saturating_mul(100).checked_div(at.total).unwrap_or(100);
                if percent >= shown + 10 {
                    shown = percent;
                    show(format!("{percent} % of {} KiB", at.total.div_ceil(1024)));
                }
            }
        };
        let (sent, ()) = tokio::join!(work, watch);
        let sent = sent?;
        if sent.taken > 0 {
            show(format!("{} of {} files are as in the live release and were taken there", sent.taken, self.files()));
        }
        Ok(())
    }
}

/// What was left out by the rule rather than by the site file: what is private before what is only large.
fn left_out(excluded: &[Excluded]) -> FirstNames {
    let rule = |one: &Excluded| NEVER.iter().position(|pattern| *pattern == one.pattern);
    let mut found: Vec<(usize, &str)> =
        excluded.iter().filter_map(|one| Some((rule(one)?, one.path.as_str()))).collect();
    found.sort_by_key(|(rule, _)| std::cmp::Reverse(*rule));
    found.into_iter().map(|(_, path)| path).collect()
}

fn unreadable(why: impl std::fmt::Display) -> Failure {
    Failure::new(Code::Local, format!("the source cannot be read: {why}"))
        .because("nothing was sent")
        .hint("source.folder is relative to the site file and no link; leave what is not part of the application out with source.exclude")
}

fn unpack(archive: &Path, place: &Path) -> Result<(), String> {
    let text = |error: std::io::Error| error.to_string();
    let mut file = std::fs::File::open(archive).map_err(text)?;
    let mut magic = [0; 4];
    let read = file.read(&mut magic).map_err(text)?;
    file.rewind().map_err(text)?;
    match magic.get(..read) {
        Some([0x1f, 0x8b, ..]) => untar(flate2::read::GzDecoder::new(file), place),
        Some([b'P', b'K', 3, 4]) => unzip(file, place),
        _ => untar(file, place),
    }
}

fn untar(reader: impl std::io::Read, place: &Path) -> Result<(), String> {
    let mut archive = tar::Archive::new(reader.take(MOST_UNPACKED));
    archive.set_preserve_permissions(false);
    archive.set_overwrite(false);
    let mut count = 0_u64;
    for entry in archive.entries().map_err(|error| error.to_string())? {
        let mut entry = entry.map_err(|error| error.to_string())?;
        count += 1;
        // `unpack_in` refuses paths and links that lead out of the folder.
        if !entry.unpack_in(place).map_err(|error| error.to_string())? {
            return Err(format!(
                "it holds the path {}, which leads out of it",
                entry.path().map_err(|e| e.to_string())?.display()
            ));
        }
    }
    if count == 0 { Err("it is empty, or neither a tar nor a zip archive".to_owned()) } else { Ok(()) }
}

fn unzip(file: std::fs::File, place: &Path) -> Result<(), String> {
    let mut archive = zip::ZipArchive::new(file).map_err(|error| error.to_string())?;
    let mut total = 0_u64;
    for index in 0..archive.len() {
        let entry = archive.by_index(index).map_err(|error| error.to_string())?;
        total = total.saturating_add(entry.size());
        if total > MOST_UNPACKED {
            return Err("it unpacks to more than 4 GiB".to_owned());
        }
        if entry.enclosed_name().is_none() {
            return Err(format!("it holds the path {:?}, which leads out of it", entry.name()));
        }
    }
    archive.extract(place).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(exclude: &[&str]) -> Site {
        serde_json::from_value(serde_json::json!({
            "schema": 1, "name": "shop", "source": { "folder": ".", "exclude": exclude },
        }))
        .unwrap()
    }

    #[test]
    fn a_parcel_names_what_stays_here_and_what_looks_private() {
        let folder = tempfile::tempdir().unwrap();
        let put = |path: &str| {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "x").unwrap();
        };
        for path in [
            "slipway.toml",
            "app.py",
            "node_modules/x/y.js",
            ".git/config",
            "conf/.env",
            "conf/.env.example",
            "keys/id_ed25519",
            "keys/id_shop",
            "notes/a.md",
            "shop.sqlite3",
        ] {
            put(path);
        }
        let beside = SiteFolder::of(&folder.path().join("slipway.toml"), []);
        let parcel = Upload::folder(&beside, ".", &site(&["notes/"])).unwrap().parcel();
        let names = |first: &FirstNames| first.names.join(" ");
        assert_eq!(names(&parcel.left_out), "keys/id_ed25519 conf/.env slipway.toml node_modules/ .git/");
        assert_eq!(names(&parcel.doubtful), "keys/id_shop shop.sqlite3");
        assert_eq!(Path::new(&parcel.from), std::fs::canonicalize(folder.path()).unwrap());
        // A site file may take in what the rule leaves out, and it is named then.
        let parcel = Upload::folder(&beside, ".", &site(&["!.env"])).unwrap().parcel();
        assert_eq!(names(&parcel.doubtful), "conf/.env keys/id_shop shop.sqlite3");
    }

    #[test]
    fn an_archive_is_named_and_not_where_it_was_unpacked() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("app")).unwrap();
        std::fs::write(folder.path().join("app/a.pem"), "x").unwrap();
        let packed =
            std::process::Command::new("tar").args(["-cf", "app.tar", "app"]).current_dir(folder.path()).status();
        assert!(packed.unwrap().success());
        let beside = SiteFolder::of(&folder.path().join("slipway.toml"), []);
        let parcel = Upload::archive(&beside, "app.tar", &site(&[])).unwrap().parcel();
        assert_eq!(Path::new(&parcel.from), std::fs::canonicalize(folder.path().join("app.tar")).unwrap());
        assert_eq!(parcel.doubtful.names, ["a.pem"]);
    }
}
