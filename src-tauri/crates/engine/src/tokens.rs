//! Which host locks processes of this computer hold. Each is a file, locked for as long as its process is there: the kernel
//! ends that lock with the process, however it ends. So a token that can be locked again is of a run that is dead.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use slipway_core::lock::LEASE;

/// Most tokens that are sent along.
const MOST: usize = 32;
/// How long a token is kept: then the lease of its lock has run out long ago.
const KEPT: Duration = Duration::from_secs(4 * LEASE.as_secs());

/// The folder of them.
#[derive(Debug, Clone)]
pub struct Tokens {
    folder: PathBuf,
    /// This computer since it was started: the folder may lie on a network, where others do not see its locks.
    machine: Option<String>,
}

/// A token of this process. Dropping it says that its run is dead; [`Token::given_back`] that its lock is, too.
#[derive(Debug)]
pub struct Token {
    path: PathBuf,
    _file: File,
}

impl Token {
    /// Forgets it: the host has the lock back.
    pub(crate) fn given_back(self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Tokens {
    /// Those kept in `folder`.
    pub fn of(folder: PathBuf) -> Self {
        let machine =
            std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok().map(|text| text.trim().to_owned());
        Self { folder, machine: machine.filter(|text| !text.is_empty()) }
    }

    /// Notes that this process is about to take a lock with `token`. None where that cannot be noted, which must not keep a
    /// run from beginning: its lock then ends with its lease.
    pub(crate) fn note(&self, token: &str) -> Option<Token> {
        let machine = self.machine.as_ref()?;
        std::fs::create_dir_all(&self.folder).ok()?;
        let path = self.folder.join(token);
        let mut file = OpenOptions::new().create_new(true).read(true).write(true).open(&path).ok()?;
        // Locked before anything stands in it: an empty one is nobody's.
        let noted = file.try_lock().is_ok() && file.write_all(machine.as_bytes()).is_ok();
        if !noted {
            let _ = std::fs::remove_file(&path);
            return None;
        }
        Some(Token { path, _file: file })
    }

    /// Tokens of this computer's dead runs, the newest first.
    pub(crate) fn dead(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let mut dead: Vec<_> = entries.filter_map(|entry| self.is_dead(&entry.path())).collect();
        dead.sort_by_key(|(age, _)| *age);
        dead.into_iter().take(MOST).map(|(_, token)| token).collect()
    }

    fn is_dead(&self, path: &Path) -> Option<(Duration, String)> {
        let token = path.file_name()?.to_str()?.to_owned();
        let mut file = File::open(path).ok()?;
        file.try_lock().ok()?;
        let age = file.metadata().ok()?.modified().ok()?.elapsed().unwrap_or_default();
        if age > KEPT {
            let _ = std::fs::remove_file(path);
            return None;
        }
        let mut machine = String::new();
        file.read_to_string(&mut machine).ok()?;
        (Some(machine) == self.machine).then_some((age, token))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_nobody_holds_is_dead() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("locks");
        let tokens = Tokens { folder: place.clone(), machine: Some("here".into()) };
        assert!(tokens.dead().is_empty());
        let (one, two) = (tokens.note("one").unwrap(), tokens.note("two").unwrap());
        assert!(tokens.note("one").is_none(), "no token is used twice");
        // This process is alive, whoever looks.
        assert!(tokens.dead().is_empty() && tokens.clone().dead().is_empty());
        drop(one);
        assert_eq!(tokens.dead(), ["one"]);
        two.given_back();
        assert_eq!(tokens.dead(), ["one"]);
        // Another computer's, whose locks are not seen here, and one that was not finished.
        std::fs::write(place.join("there"), "there").unwrap();
        std::fs::write(place.join("empty"), "").unwrap();
        assert_eq!(tokens.dead(), ["one"]);
        let nobody = Tokens { machine: None, ..tokens.clone() };
        assert!(nobody.note("three").is_none() && nobody.dead().is_empty());
        let old = std::time::SystemTime::now() - KEPT - Duration::from_secs(1);
        File::options().write(true).open(place.join("one")).unwrap().set_modified(old).unwrap();
        assert!(tokens.dead().is_empty() && !place.join("one").exists());
    }
}
