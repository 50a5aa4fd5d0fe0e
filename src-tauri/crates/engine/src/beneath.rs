//! What a path of a site file leads to on this computer. A source may come from anywhere, so a link in it is not followed:
//! it could name any file of the person who sends it.

use std::path::{Component, Path, PathBuf};

/// The place that `path` names, seen from the folder `base`. What lies below that folder is walked without following links; a
/// path that leads out of it (absolute, or by `..`) was written down by name, and its own last part may still be no link.
///
/// # Errors
/// In words: a link and where it leads, or what cannot be read.
pub(crate) fn beneath(base: &Path, path: &str) -> Result<PathBuf, String> {
    let said = |place: &Path, error: std::io::Error| format!("{}: {error}", place.display());
    let base = std::fs::canonicalize(base).map_err(|error| said(base, error))?;
    let mut place = base.clone();
    for part in Path::new(path).components() {
        match part {
            Component::CurDir => continue,
            Component::ParentDir => {
                place.pop();
                continue;
            }
            Component::Normal(_) | Component::RootDir | Component::Prefix(_) => place.push(part),
        }
        if place.starts_with(&base) {
            no_link(&place)?;
        }
    }
    no_link(&place)?;
    std::fs::canonicalize(&place).map_err(|error| said(&place, error))
}

fn no_link(place: &Path) -> Result<(), String> {
    let meta = std::fs::symlink_metadata(place).map_err(|error| format!("{}: {error}", place.display()))?;
    if !meta.is_symlink() {
        return Ok(());
    }
    let target = std::fs::read_link(place).unwrap_or_default();
    Err(format!("{} is a symbolic link, to {}", place.display(), target.display()))
}

/// The same for a file, which is opened: no folder, pipe or device, and no larger than `most` bytes.
///
/// # Errors
/// As [`beneath`], and for what is no such file.
pub(crate) fn file_beneath(base: &Path, path: &str, most: u64) -> Result<PathBuf, String> {
    let place = beneath(base, path)?;
    let meta = std::fs::metadata(&place).map_err(|error| format!("{}: {error}", place.display()))?;
    if !meta.is_file() {
        return Err(format!("{} is not a file", place.display()));
    }
    if meta.len() > most {
        return Err(format!("{} has {} bytes, and {most} are the most", place.display(), meta.len()));
    }
    Ok(place)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn no_link_below_the_site_files_folder_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        let base = std::fs::canonicalize(folder.path()).unwrap().join("site");
        let private = folder.path().join("private");
        std::fs::create_dir_all(base.join("app/web")).unwrap();
        std::fs::create_dir_all(private.join("web")).unwrap();
        symlink(&private, base.join("linked")).unwrap();
        symlink("app", base.join("inside")).unwrap();
        symlink(private.join("web"), base.join("app/away")).unwrap();
        assert_eq!(beneath(&base, "app/./web").unwrap(), base.join("app/web"));
        assert_eq!(beneath(&base, ".").unwrap(), base);
        assert_eq!(beneath(&base, "app/../app").unwrap(), base.join("app"));
        assert_eq!(beneath(&base, "../private/web").unwrap(), std::fs::canonicalize(private.join("web")).unwrap());
        for path in ["linked", "linked/web", "inside/web", "app/away", "../site/linked"] {
            let why = beneath(&base, path).unwrap_err();
            assert!(why.contains("is a symbolic link, to "), "{path}: {why}");
        }
        assert!(beneath(&base, "nothing").is_err());
    }

    #[test]
    fn only_files_of_some_size_are_read() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("small"), "abc").unwrap();
        assert!(file_beneath(folder.path(), "small", 3).is_ok());
        assert!(file_beneath(folder.path(), "small", 2).unwrap_err().contains("3 bytes"));
        for path in [".", "/dev/zero"] {
            assert!(file_beneath(folder.path(), path, 9).unwrap_err().contains("not a file"), "{path}");
        }
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert!(file_beneath(folder.path(), "pipe", 9).unwrap_err().contains("not a file"));
    }
}
