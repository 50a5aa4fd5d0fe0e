//! What a path of a site file leads to on this computer. A source may come from anywhere, so a link in it is not followed:
//! it could name any file of the person who sends it. For the same reason a path that leads out of the site file's folder is
//! read only when the person allowed it.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use crate::allowance::Allowance;
use crate::failure::{Code, Failure};

/// The folder of a site file, with the paths outside of it that may be read.
#[derive(Debug, Clone)]
pub struct SiteFolder {
    /// The site file.
    file: PathBuf,
    /// The folder that it stands in, which its relative paths start from.
    folder: PathBuf,
    /// Canonical paths outside, as [`written`] writes them.
    allowed: BTreeSet<String>,
}

/// Why a path of a site file is not read.
#[derive(Debug)]
pub(crate) enum Astray {
    /// It is a link, of the wrong kind or cannot be read; in words.
    Unreadable(String),
    /// It leads out of the folder, and nobody has allowed that.
    Outside(Box<Failure>),
}

impl Astray {
    /// The failure; `unreadable` says what was to be read.
    pub(crate) fn failure(self, unreadable: impl FnOnce(String) -> Failure) -> Failure {
        match self {
            Self::Unreadable(why) => unreadable(why),
            Self::Outside(failure) => *failure,
        }
    }
}

impl SiteFolder {
    /// The folder of the site file `file`, which reads `allowed` outside of it.
    pub(crate) fn of(file: &Path, allowed: impl IntoIterator<Item = String>) -> Self {
        let folder = file.parent().unwrap_or(Path::new("/"));
        Self { file: real(file), folder: real(folder), allowed: allowed.into_iter().collect() }
    }

    /// Canonical path of the site file.
    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// Canonical path of the folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The place that `path` names. What lies below the folder is walked without following links; what leads out of it must
    /// be allowed, and its own last part may still be no link.
    pub(crate) fn find(&self, path: &str) -> Result<PathBuf, Astray> {
        let place = walked(&self.folder, path).map_err(Astray::Unreadable)?;
        if place.starts_with(&self.folder) || self.allowed.contains(&written(&place)) {
            return Ok(place);
        }
        let failure = Failure::new(
            Code::Consent,
            format!("{path} leads out of the folder of {}, to {}", self.file.display(), place.display()),
        )
        .because("nothing was read or sent")
        .hint("move it beside the site file; or, if you want exactly this, allow it (--allow-outside), which is remembered for this site file and this path")
        .asks(Allowance::Path { file: written(&self.file), path: written(&place) });
        Err(Astray::Outside(Box::new(failure)))
    }

    /// The same for a file, which is opened: no folder, pipe or device, and no larger than `most` bytes.
    pub(crate) fn find_file(&self, path: &str, most: u64) -> Result<PathBuf, Astray> {
        let place = self.find(path)?;
        let unreadable = |why: String| Astray::Unreadable(format!("{} {why}", place.display()));
        let meta = std::fs::metadata(&place).map_err(|error| unreadable(format!("cannot be read: {error}")))?;
        if !meta.is_file() {
            return Err(unreadable("is not a file".to_owned()));
        }
        if meta.len() > most {
            return Err(unreadable(format!("has {} bytes, and {most} are the most", meta.len())));
        }
        Ok(place)
    }

    /// Where `path` leads, whether or not it may be read; what is not there yet keeps its words.
    pub(crate) fn place(&self, path: &str) -> PathBuf {
        real(&stepped(&self.folder, path, |_| Ok(())).unwrap_or_else(|_| self.folder.join(path)))
    }
}

/// The place that `path` names below `folder`, without following a link or leading out of it.
///
/// # Errors
/// In words: a link and where it leads, that it leads out, or what cannot be read.
pub(crate) fn below(folder: &Path, path: &str) -> Result<PathBuf, String> {
    let place = walked(folder, path)?;
    if place.starts_with(real(folder)) { Ok(place) } else { Err(format!("{path} leads out of {}", folder.display())) }
}

/// A path as text; two paths are never the same text.
pub(crate) fn written(path: &Path) -> String {
    path.to_str().map_or_else(|| format!("{path:?}"), str::to_owned)
}

/// Walks from `base` to the canonical place that `path` names.
fn walked(base: &Path, path: &str) -> Result<PathBuf, String> {
    let base = std::fs::canonicalize(base).map_err(|error| format!("{}: {error}", base.display()))?;
    let place = stepped(&base, path, |place| if place.starts_with(&base) { no_link(place) } else { Ok(()) })?;
    no_link(&place)?;
    std::fs::canonicalize(&place).map_err(|error| format!("{}: {error}", place.display()))
}

/// Follows the parts of `path` from `base`, and shows `at` each place on the way.
fn stepped(base: &Path, path: &str, at: impl Fn(&Path) -> Result<(), String>) -> Result<PathBuf, String> {
    let mut place = base.to_owned();
    for part in Path::new(path).components() {
        match part {
            Component::CurDir => continue,
            Component::ParentDir => {
                place.pop();
                continue;
            }
            Component::Normal(_) | Component::RootDir | Component::Prefix(_) => place.push(part),
        }
        at(&place)?;
    }
    Ok(place)
}

/// The canonical path, as far as it is there.
fn real(path: &Path) -> PathBuf {
    let mut rest = Vec::new();
    let mut there = path;
    loop {
        if let Ok(place) = std::fs::canonicalize(there) {
            return rest.into_iter().rev().fold(place, |place, part| place.join(part));
        }
        match (there.parent(), there.file_name()) {
            (Some(parent), Some(name)) => {
                rest.push(name);
                there = parent;
            }
            _ => return path.to_owned(),
        }
    }
}

fn no_link(place: &Path) -> Result<(), String> {
    let meta = std::fs::symlink_metadata(place).map_err(|error| format!("{}: {error}", place.display()))?;
    if !meta.is_symlink() {
        return Ok(());
    }
    let target = std::fs::read_link(place).unwrap_or_default();
    Err(format!("{} is a symbolic link, to {}", place.display(), target.display()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A folder with `site`, which holds a site file, and `private` beside it.
    fn folders() -> (tempfile::TempDir, PathBuf, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let at = std::fs::canonicalize(folder.path()).unwrap();
        let (base, private) = (at.join("site"), at.join("private"));
        std::fs::create_dir_all(base.join("app/web")).unwrap();
        std::fs::create_dir_all(private.join("web")).unwrap();
        std::fs::write(base.join("slipway.toml"), "").unwrap();
        (folder, base, private)
    }

    fn of(base: &Path, allowed: &[&Path]) -> SiteFolder {
        SiteFolder::of(&base.join("slipway.toml"), allowed.iter().map(|path| written(path)))
    }

    fn why(found: Result<PathBuf, Astray>) -> String {
        found.unwrap_err().failure(|why| Failure::new(Code::Local, why)).message
    }

    #[test]
    fn no_link_below_the_site_files_folder_is_followed() {
        let (_folder, base, private) = folders();
        symlink(&private, base.join("linked")).unwrap();
        symlink("app", base.join("inside")).unwrap();
        symlink(private.join("web"), base.join("app/away")).unwrap();
        let site = of(&base, &[&private, &private.join("web")]);
        assert_eq!(site.find("app/./web").unwrap(), base.join("app/web"));
        assert_eq!(site.find(".").unwrap(), base);
        assert_eq!(site.find("app/../app").unwrap(), base.join("app"));
        assert_eq!(site.find("../private/web").unwrap(), private.join("web"));
        assert_eq!(site.find(base.join("app").to_str().unwrap()).unwrap(), base.join("app"));
        for path in ["linked", "linked/web", "inside/web", "app/away", "../site/linked"] {
            let why = why(site.find(path));
            assert!(why.contains("is a symbolic link, to "), "{path}: {why}");
        }
        assert!(why(site.find("nothing")).contains("No such file"));
        assert!(below(&base, "linked").is_err() && below(&base, "../private").unwrap_err().contains("leads out of"));
        assert_eq!(below(&base, "app/web").unwrap(), base.join("app/web"));
    }

    #[test]
    fn what_leads_out_of_the_folder_is_read_when_exactly_that_is_allowed() {
        let (_folder, base, private) = folders();
        symlink(&base, private.join("back")).unwrap();
        let absolute = private.join("web").display().to_string();
        // Through a link elsewhere to the folder itself, from which nothing was checked on the way.
        symlink(&private, base.join("linked")).unwrap();
        let round = private.join("back/linked/web").display().to_string();
        for path in ["..", "../private/web", "app/../../private/web", &absolute, &round] {
            let failure = of(&base, &[]).find(path).unwrap_err().failure(|why| panic!("{path}: {why}"));
            assert_eq!(failure.code, Code::Consent, "{path}");
            let Some(Allowance::Path { file, path: asked }) = failure.asks.as_deref() else { panic!("{failure:?}") };
            assert_eq!(file, &written(&base.join("slipway.toml")));
            assert!(of(&base, &[Path::new(asked)]).find(path).is_ok(), "{path}");
        }
        // Neither what is below it, nor what it is below.
        assert!(of(&base, &[&private]).find("../private/web").is_err());
        assert!(of(&base, &[&private.join("web")]).find("../private").is_err());
    }

    #[test]
    fn a_place_is_named_before_it_is_there() {
        let (_folder, base, private) = folders();
        symlink(&private, base.join("linked")).unwrap();
        let site = of(&base, &[]);
        assert_eq!(site.place("../private/new/deep"), private.join("new/deep"));
        assert_eq!(site.place("linked/new"), private.join("new"));
        assert_eq!(site.place("app/../new"), base.join("new"));
        assert_eq!((site.file(), site.folder()), (base.join("slipway.toml").as_path(), base.as_path()));
    }

    #[test]
    fn only_files_of_some_size_are_read() {
        let (_folder, base, _) = folders();
        std::fs::write(base.join("small"), "abc").unwrap();
        let site = of(&base, &[Path::new("/dev/zero")]);
        assert!(site.find_file("small", 3).is_ok());
        assert!(why(site.find_file("small", 2)).contains("3 bytes"));
        for path in [".", "/dev/zero"] {
            assert!(why(site.find_file(path, 9)).contains("not a file"), "{path}");
        }
        let pipe = base.join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert!(why(site.find_file("pipe", 9)).contains("not a file"));
    }

    #[test]
    fn paths_that_are_not_text_are_told_apart() {
        let path = |bytes: &[u8]| PathBuf::from(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(bytes));
        assert_ne!(written(&path(b"/a\xff")), written(&path(b"/a\xfe")));
        assert_eq!(written(&path(b"/a b")), "/a b");
    }
}
