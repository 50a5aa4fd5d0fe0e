//! What test hosts share and is expensive to make: made by whoever asks first, while everybody else waits.
//!
//! A folder that has its own name is whole. It is made beside that, under a lock, and renamed once it is on the disk. What
//! a process that was killed left behind is never handed out, never gone on with, and removed by the next one.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::cache::Cache;
use super::command::run;
use super::error::{FileContext, HostError};

/// Something whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Where it is.
    pub folder: PathBuf,
    /// How long it took to make; `None` when it was there.
    pub took: Option<Duration>,
}

/// Returns `name` in `folder`; `make` makes it, at the path it is given, when it is not there.
///
/// The name says everything that decides what is in it: nothing is ever made again under the same name.
pub(crate) fn keep(
    cache: &Cache,
    folder: &Path,
    name: &str,
    make: impl FnOnce(&Path) -> Result<(), HostError>,
) -> Result<Kept, HostError> {
    let whole = folder.join(name);
    if whole.is_dir() {
        return Ok(Kept { folder: whole, took: None });
    }
    let _lock = cache.lock(name)?;
    if whole.is_dir() {
        // Another process made it while this one waited for the lock.
        return Ok(Kept { folder: whole, took: None });
    }
    let started = Instant::now();
    let prefix = format!(".making-{name}-");
    for left in fs::read_dir(folder).context("list", folder)?.flatten() {
        if left.file_name().to_string_lossy().starts_with(&prefix) {
            // A program that outlived its killed caller may still write there: to a place that nobody else will use.
            remove_tree(&left.path()).ok();
        }
    }
    let place =
        tempfile::Builder::new().prefix(&prefix).tempdir_in(folder).context("create a folder in", folder)?.keep();
    let made = make_whole(&place, &whole, make);
    remove_tree(&place).ok();
    made.map_err(|reason| HostError::Shared { what: name.to_owned(), reason: Box::new(reason) })?;
    Ok(Kept { folder: whole, took: Some(started.elapsed()) })
}

fn make_whole(place: &Path, whole: &Path, make: impl FnOnce(&Path) -> Result<(), HostError>) -> Result<(), HostError> {
    // Programs that work as another user must be able to go through it.
    fs::set_permissions(place, Permissions::from_mode(0o755)).context("open", place)?;
    let new = place.join("new");
    make(&new)?;
    if fs::read_dir(&new).context("list", &new)?.next().is_none() {
        return Err(HostError::Other("nothing is in it".to_owned()));
    }
    // Else the new name could outlive a loss of power, and what it names not.
    let disk = File::open(&new).context("open", &new)?;
    rustix::fs::syncfs(disk).map_err(std::io::Error::from).context("write to the disk", &new)?;
    fs::rename(&new, whole).context("rename what was made to", whole)
}

/// Removes a tree, but never what is mounted into it.
fn remove_tree(path: &Path) -> Result<(), HostError> {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let below = mounts.lines().filter_map(|line| line.split(' ').nth(1)).filter(|at| Path::new(at).starts_with(path));
    for mounted in below.collect::<Vec<_>>().into_iter().rev() {
        run("umount", [mounted])?;
    }
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error).context("remove", path),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::process::{Child, Command, Stdio};
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Tells a process of the race where the cache is, and what it is to do there.
    const PLACE: &str = "SLIPWAY_TEST_KEEP_PLACE";
    const PART: &str = "SLIPWAY_TEST_KEEP_PART";

    fn cache() -> (tempfile::TempDir, Cache) {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path()).unwrap();
        (folder, cache)
    }

    fn half(new: &Path) {
        fs::create_dir(new).unwrap();
        fs::write(new.join("first"), "1").unwrap();
    }

    fn whole(new: &Path) -> Result<(), HostError> {
        half(new);
        fs::write(new.join("second"), "2").context("write", new)
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn who_comes_second_waits_and_gets_all_of_it() {
        let (_folder, cache) = cache();
        let (made, asked) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    // The first one is half done when the others ask.
                    let make = |new: &Path| {
                        made.fetch_add(1, Ordering::SeqCst);
                        half(new);
                        while asked.load(Ordering::SeqCst) < 8 {
                            std::thread::yield_now();
                        }
                        fs::write(new.join("second"), "2").context("write", new)
                    };
                    asked.fetch_add(1, Ordering::SeqCst);
                    let kept = keep(&cache, &cache.wheelhouse(), "one", make).unwrap();
                    assert_eq!(names(&kept.folder), ["first", "second"]);
                });
            }
        });
        assert_eq!(made.into_inner(), 1);
        assert_eq!(names(&cache.wheelhouse()), ["one"]);
    }

    /// What other tests start as a process of its own.
    #[test]
    fn a_process_of_the_race() {
        let Some(place) = std::env::var_os(PLACE) else { return };
        let cache = Cache::at(Path::new(&place)).unwrap();
        let stops = std::env::var(PART).unwrap() == "stops half-way";
        let kept = keep(&cache, &cache.wheelhouse(), "one", |new| {
            let log = File::options().create(true).append(true).open(cache.root().join("makers"));
            log.unwrap().write_all(b"made\n").unwrap();
            half(new);
            if stops {
                println!("\nhalf");
                std::io::stdin().read_line(&mut String::new()).unwrap();
            }
            fs::write(new.join("second"), "2").context("write", new)
        });
        assert_eq!(names(&kept.unwrap().folder), ["first", "second"]);
    }

    fn process(cache: &Cache, part: &str) -> Child {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "hosts::keep::tests::a_process_of_the_race", "--nocapture"])
            .env(PLACE, cache.root())
            .env(PART, part)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap()
    }

    fn makers(cache: &Cache) -> usize {
        fs::read_to_string(cache.root().join("makers")).unwrap().lines().count()
    }

    /// Waits until the process is half-way.
    fn half_way(process: &mut Child) {
        let lines = BufReader::new(process.stdout.as_mut().unwrap()).lines();
        assert!(lines.map_while(Result::ok).any(|line| line == "half"), "it never made anything");
    }

    #[test]
    fn processes_wait_for_each_other() {
        let (_folder, cache) = cache();
        let mut first = process(&cache, "stops half-way");
        half_way(&mut first);
        let others: Vec<Child> = (0..4).map(|_| process(&cache, "goes on")).collect();
        assert_eq!(makers(&cache), 1);
        first.stdin.take().unwrap().write_all(b"\n").unwrap();
        assert!(first.wait().unwrap().success());
        for other in others {
            let output = other.wait_with_output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        }
        assert_eq!(makers(&cache), 1);
    }

    #[test]
    fn what_a_killed_process_left_half_made_is_made_anew() {
        let (_folder, cache) = cache();
        let mut killed = process(&cache, "stops half-way");
        half_way(&mut killed);
        killed.kill().unwrap();
        killed.wait().unwrap();
        assert_eq!(names(&cache.wheelhouse()).len(), 1, "it was making something");
        let kept = keep(&cache, &cache.wheelhouse(), "one", |new| {
            assert!(!new.exists(), "nothing is gone on with");
            whole(new)
        });
        assert_eq!(names(&kept.unwrap().folder), ["first", "second"]);
        assert_eq!(names(&cache.wheelhouse()), ["one"]);
    }

    #[test]
    fn a_failure_is_told_as_one_of_what_is_shared_and_leaves_nothing() {
        let (_folder, cache) = cache();
        let failed = keep(&cache, &cache.wheelhouse(), "one", |new| {
            half(new);
            Err(HostError::Other("the index does not answer".to_owned()))
        });
        let said = failed.unwrap_err().to_string();
        assert!(said.contains("one") && said.contains("all test hosts share"), "{said}");
        assert!(said.contains("the index does not answer"), "{said}");
        assert!(names(&cache.wheelhouse()).is_empty());
        assert!(keep(&cache, &cache.wheelhouse(), "one", whole).unwrap().took.is_some());
    }

    #[test]
    fn an_empty_folder_is_a_failure() {
        let (_folder, cache) = cache();
        let made = keep(&cache, &cache.wheelhouse(), "one", |new| fs::create_dir(new).context("create", new));
        assert!(made.unwrap_err().to_string().contains("nothing is in it"));
        assert!(names(&cache.wheelhouse()).is_empty());
    }
}
