//! Looks at a source on this computer to find out what it is, before there is a site or a host for it.
//!
//! Nothing of it is executed, no link is followed, and everything is bounded: files, depth, bytes, time.

use std::collections::VecDeque;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use slipway_core::detect::{Detected, Edit, MOST_FILES, MOST_TEXT, Tree, detect, is_skipped, wanted};
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;

use crate::failure::{Code, Failure, Outcome};
use crate::home::Home;

/// Folders below each other.
const DEEPEST: usize = 12;
/// Entries of folders that are looked at, files or not.
const MOST_ENTRIES: usize = 100_000;
/// How long git may take.
const CLONE: Duration = Duration::from_secs(120);

/// Where a source is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceLocation {
    /// A folder of this computer.
    Folder(PathBuf),
    /// A git repository.
    Git {
        /// URL.
        url: String,
        /// Branch or tag; none: the default branch.
        reference: Option<String>,
    },
}

impl SourceLocation {
    /// What the site file says about it: the source, with an absolute path.
    ///
    /// # Errors
    /// When a path is not text.
    pub fn edits(&self) -> Outcome<Vec<Edit>> {
        let gone = |keys: &[&str]| keys.iter().map(|key| Edit::remove(&["source", key])).collect::<Vec<_>>();
        match self {
            Self::Folder(folder) => {
                let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.clone());
                let text = absolute.to_str().ok_or_else(|| {
                    Failure::new(Code::Local, format!("the path {} is not text", absolute.display()))
                        .hint("rename the folder; a site file is UTF-8")
                })?;
                let mut edits = vec![Edit::set(&["source", "folder"], text)];
                edits.extend(gone(&["git", "ref", "deploy_key", "git_known_hosts", "archive"]));
                Ok(edits)
            }
            Self::Git { url, reference } => {
                let mut edits = vec![Edit::set(&["source", "git"], url.as_str())];
                edits.push(match reference {
                    Some(reference) => Edit::set(&["source", "ref"], reference.as_str()),
                    None => Edit::remove(&["source", "ref"]),
                });
                edits.extend(gone(&["folder", "archive", "exclude"]));
                Ok(edits)
            }
        }
    }
}

/// Finds out what the source at `place` is. A repository is fetched into a folder of `home` that is removed.
///
/// # Errors
/// When the folder cannot be read or the repository not be fetched; nothing was changed then.
pub async fn look(home: &Home, place: &SourceLocation) -> Outcome<Detected> {
    let tree = match place {
        SourceLocation::Folder(folder) => listed(folder.clone()).await?,
        SourceLocation::Git { url, reference } => {
            let fetched = fetch(home.directory(), url, reference.as_deref()).await?;
            listed(fetched.path().join("source")).await?
        }
    };
    Ok(detect(&tree))
}

async fn listed(folder: PathBuf) -> Outcome<Tree> {
    let failed = |why: String| Failure::new(Code::Local, format!("the source could not be looked at: {why}"));
    tokio::task::spawn_blocking(move || tree(&folder)).await.map_err(|error| failed(error.to_string()))?
}

/// Lists a folder and reads the texts that tell most, nearest to the top first.
///
/// # Errors
/// When it is not a folder or cannot be read at all; parts of it that cannot be read are left out.
pub fn tree(folder: &Path) -> Outcome<Tree> {
    let unreadable = |why: String| {
        Failure::new(Code::Local, format!("{} cannot be looked at: {why}", folder.display()))
            .hint("choose the folder that holds the application's code")
    };
    let meta = std::fs::metadata(folder).map_err(|error| unreadable(error.to_string()))?;
    if !meta.is_dir() {
        return Err(unreadable("it is not a folder".to_owned()));
    }
    std::fs::read_dir(folder).map_err(|error| unreadable(error.to_string()))?;
    let mut found = Tree::default();
    let mut waiting = VecDeque::from([(folder.to_owned(), String::new(), 0_usize)]);
    let mut entries = 0;
    while let Some((path, inside, depth)) = waiting.pop_front() {
        let Ok(listing) = std::fs::read_dir(&path) else {
            found.partial = true;
            continue;
        };
        let mut names: Vec<(String, bool)> = Vec::new();
        for entry in listing.flatten() {
            entries += 1;
            if entries > MOST_ENTRIES {
                found.partial = true;
                break;
            }
            // The type of the entry itself: a link is neither a file nor a folder here.
            let (Ok(kind), Ok(name)) = (entry.file_type(), entry.file_name().into_string()) else { continue };
            if kind.is_dir() && !is_skipped(&name) || kind.is_file() {
                names.push((name, kind.is_dir()));
            }
        }
        names.sort();
        for (name, is_folder) in names {
            let below = if inside.is_empty() { name.clone() } else { format!("{inside}/{name}") };
            if is_folder && depth < DEEPEST && waiting.len() < MOST_FILES {
                waiting.push_back((path.join(&name), below, depth + 1));
            } else if is_folder || found.files.len() >= MOST_FILES {
                found.partial = true;
            } else {
                found.files.push(below);
            }
        }
    }
    for path in wanted(&found.files) {
        if let Some(text) = text(&folder.join(&path)) {
            found.texts.insert(path, text);
        }
    }
    Ok(found)
}

/// The beginning of a file, if it is text.
fn text(path: &Path) -> Option<String> {
    let is_file = std::fs::symlink_metadata(path).is_ok_and(|meta| meta.is_file());
    let file = std::fs::File::open(path).ok().filter(|_| is_file)?;
    let mut bytes = Vec::new();
    file.take(MOST_TEXT as u64).read_to_end(&mut bytes).ok()?;
    (!bytes.contains(&0)).then(|| String::from_utf8_lossy(&bytes).into_owned())
}

/// Fetches the newest state of a repository into `source` of a temporary folder below `home`.
async fn fetch(home: &Path, url: &str, reference: Option<&str>) -> Outcome<tempfile::TempDir> {
    check(url, reference)?;
    let failed = |why: String| {
        Failure::new(Code::Local, format!("{} could not be fetched: {why}", shown(url)))
            .because("nothing was changed")
            .hint("this computer fetches it without asking for a password: check the URL, and that your SSH agent or key may read it. The blueprint can also be chosen by hand")
    };
    let place =
        tempfile::Builder::new().prefix(".look-").tempdir_in(home).map_err(|error| failed(error.to_string()))?;
    let mut command = clone_command(url, reference, &place.path().join("source"));
    let mut git = command.spawn().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            Failure::new(Code::Local, "git is not installed on this computer, so the repository cannot be looked at")
                .because("nothing was changed")
                .hint("install git, or choose the blueprint by hand: the host fetches the code itself")
        }
        _ => failed(error.to_string()),
    })?;
    let stderr = git.stderr.take();
    let work = async {
        let mut words = Vec::new();
        if let Some(mut stderr) = stderr {
            // Beyond the limit it is read and dropped, so that git is not left waiting.
            let _ = (&mut stderr).take(16 << 10).read_to_end(&mut words).await;
            let _ = tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await;
        }
        (git.wait().await, words)
    };
    let ended = tokio::time::timeout(CLONE, work).await;
    match ended {
        Ok((Ok(status), _)) if status.success() => Ok(place),
        Ok((Ok(_), words)) => Err(failed(shown(reason(&String::from_utf8_lossy(&words))))),
        Ok((Err(error), _)) => Err(failed(error.to_string())),
        Err(_) => {
            stop(&mut git).await;
            Err(failed(format!("it took longer than {} s", CLONE.as_secs())))
        }
    }
}

/// The command that clones a repository into `into`. Nothing of the repository may run here, and nothing may ask: no hooks,
/// filters, helpers or prompts. Protocols are limited so that a URL can never name a helper program (git-config(1),
/// protocol.allow).
fn clone_command(url: &str, reference: Option<&str>, into: &Path) -> Command {
    let mut command = Command::new("git");
    for setting in [
        "core.hooksPath=/dev/null",
        "core.fsmonitor=false",
        "core.symlinks=false",
        "credential.helper=",
        "filter.lfs.smudge=",
        "filter.lfs.process=",
        "filter.lfs.required=false",
        "submodule.recurse=false",
    ] {
        command.args(["-c", setting]);
    }
    command.args(["clone", "-q", "--depth", "1", "--single-branch", "--no-tags", "--template="]);
    if let Some(reference) = reference {
        command.args(["--branch", reference]);
    }
    command.arg("--").arg(url).arg(into);
    command
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_ALLOW_PROTOCOL", "https:ssh:file")
        .env("GIT_ASKPASS", "true")
        .env("SSH_ASKPASS_REQUIRE", "never")
        .env("GIT_LFS_SKIP_SMUDGE", "1")
        .env("GIT_SSH_COMMAND", "ssh -o BatchMode=yes -o StrictHostKeyChecking=yes -o ConnectTimeout=15")
        .env("LC_ALL", "C")
        .env_remove("GIT_DIR")
        .env_remove("GIT_WORK_TREE")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    #[cfg(unix)]
    command.process_group(0);
    command
}

/// The line of git's words that says why it failed.
fn reason(words: &str) -> &str {
    let fatal = words.lines().rev().find(|line| line.starts_with("fatal:") || line.starts_with("error:"));
    fatal.or_else(|| words.lines().rev().find(|line| !line.trim().is_empty())).unwrap_or("git gave no reason")
}

/// Ends git and what it started.
async fn stop(git: &mut tokio::process::Child) {
    #[cfg(unix)]
    if let Some(group) = git.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw) {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    let _ = git.kill().await;
}

/// Refuses what could not be meant as a URL or a branch, and passwords in a URL, which would be kept in the draft.
fn check(url: &str, reference: Option<&str>) -> Outcome<()> {
    let refuse = |why: &str| {
        Err(Failure::new(Code::Usage, format!("{} {why}", shown(url)))
            .hint("write https://example.com/team/app.git or git@example.com:team/app.git"))
    };
    let helper = url.split_once("::").is_some_and(|(name, _)| !name.contains(['/', '@', '[']));
    if url.is_empty()
        || url.len() > 2000
        || url.starts_with('-')
        || helper
        || url.chars().any(|c| c.is_control() || c.is_whitespace())
    {
        return refuse("is not a git URL");
    }
    if let Some((scheme, rest)) = url.split_once("://") {
        if !matches!(scheme, "https" | "ssh" | "file") {
            return refuse("is reached in a way that is not allowed: only https, ssh and file are");
        }
        let user = rest.split('/').next().and_then(|authority| authority.rsplit_once('@')).map(|(user, _)| user);
        if user.is_some_and(|user| user.contains(':') || scheme == "https") {
            return Err(Failure::new(
                Code::Usage,
                "the URL holds credentials, which would be kept in the site file and in logs",
            )
            .hint("leave them out; a private repository is read with an SSH key"));
        }
    }
    let bad = |name: &str| {
        name.is_empty()
            || name.len() > 200
            || name.starts_with('-')
            || name.chars().any(|c| c.is_control() || c.is_whitespace())
    };
    match reference {
        Some(name) if bad(name) => Err(Failure::new(Code::Usage, format!("{:?} is not a branch or tag", shown(name)))),
        _ => Ok(()),
    }
}

fn shown(text: &str) -> String {
    text.chars().filter(|c| !slipway_core::site::is_hostile(*c)).take(300).collect()
}

#[cfg(test)]
#[path = "look_tests.rs"]
mod tests;
