//! Disposable hosts to try Slipway on, booted by the test kit (`slipway-testkit`) on this computer.
//!
//! The test kit is a program of its own, because it needs root and much of the machine. Where it is not installed or
//! the machine does not allow it, that is said, and nothing else of Slipway needs it.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader};
use tokio::process::Command;

use crate::desk::hosts::{Auth, HostForm};
use crate::failure::{Code, Failure, Outcome};
use crate::inventory::HostName;
use crate::surroundings::Surroundings;

/// The variable that names the program.
const VARIABLE: &str = "SLIPWAY_TESTKIT";
/// How long looking at the machine may take.
const CHECK_LIMIT: Duration = Duration::from_secs(10);
/// How long booting may take, with the base tree that is made the first time.
const UP_LIMIT: Duration = Duration::from_secs(15 * 60);
/// How long removing may take.
const DOWN_LIMIT: Duration = Duration::from_secs(120);
/// Most bytes of an answer, and of one line of progress.
const LARGEST_ANSWER: u64 = 64 << 10;
/// Most lines of progress that a failure repeats.
const LAST_LINES: usize = 10;

/// The test kit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestKit {
    program: PathBuf,
}

/// Whether disposable hosts can run here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Availability {
    /// They can.
    Ready,
    /// They cannot.
    Unavailable {
        /// What is missing, and how to get it.
        reason: String,
    },
}

/// A disposable host that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disposable {
    /// Its name, with which it is removed.
    pub name: HostName,
    /// Its address.
    pub address: String,
    /// Port of its SSH server.
    pub port: u16,
    /// A login that may use `sudo` without a password.
    pub user: String,
    /// The private key that it accepts.
    pub key_file: String,
    /// `SHA256:…` of its host key: known from the inside, so it need not be compared by eye.
    pub fingerprint: String,
}

impl Disposable {
    /// The form that describes it.
    pub fn form(&self) -> HostForm {
        let auth = Auth::KeyFile { path: self.key_file.clone() };
        let (port, user) = (Some(self.port), Some(self.user.clone()));
        HostForm { port, user, auth, ..HostForm::new(self.name.clone(), self.address.clone()) }
    }
}

/// What `host check` answers.
#[derive(Deserialize)]
struct Check {
    ready: bool,
    #[serde(default)]
    reason: String,
}

impl TestKit {
    /// Finds the program: `SLIPWAY_TESTKIT`, or beside the own executable.
    ///
    /// # Errors
    /// When there is none, in words.
    pub fn find(surroundings: &Surroundings, own: Option<&Path>) -> Result<Self, String> {
        if let Some(named) = surroundings.variable(VARIABLE) {
            let program = PathBuf::from(named);
            return match program.is_file() {
                true => Ok(Self { program }),
                false => Err(format!("{VARIABLE} names {}, which is not there", program.display())),
            };
        }
        let name = if cfg!(windows) { "slipway-testkit.exe" } else { "slipway-testkit" };
        let beside = own.and_then(Path::parent).map(|folder| folder.join(name)).filter(|program| program.is_file());
        beside.map(|program| Self { program }).ok_or_else(|| {
            format!("the program slipway-testkit is not installed beside Slipway, and {VARIABLE} names none")
        })
    }

    /// Asks whether disposable hosts can run on this machine. Changes nothing.
    pub async fn check(&self) -> Availability {
        let unavailable = |reason: String| Availability::Unavailable { reason };
        let failed = |failure: Failure| {
            let why = failure.causes.first().cloned().unwrap_or_default();
            unavailable(if why.is_empty() { failure.message } else { format!("{}: {why}", failure.message) })
        };
        // It ends with status 1 when hosts cannot run, and answers all the same.
        let (_, answer, said) = match self.run(&["host", "check", "--json"], CHECK_LIMIT, |_| {}).await {
            Ok(ran) => ran,
            Err(failure) => return failed(failure),
        };
        match serde_json::from_slice::<Check>(&answer) {
            Ok(Check { ready: true, .. }) => Availability::Ready,
            Ok(Check { reason, .. }) => unavailable(reason),
            Err(_) => unavailable(format!("{} answers something else: {}", self.program.display(), said.join(" "))),
        }
    }

    /// Boots a host, which stays until [`TestKit::down`]. `progress` is told of each line that the test kit prints.
    ///
    /// # Errors
    /// When it does not come up; what there was of it is removed.
    pub async fn up(&self, progress: impl FnMut(&str)) -> Outcome<Disposable> {
        let arguments = ["host", "up", "debian12", "--detach", "--json"];
        let (success, answer, said) = self.run(&arguments, UP_LIMIT, progress).await?;
        let failed = |why: &str| {
            let failure = Failure::new(Code::Local, format!("the disposable host did not come up: {why}"));
            said.iter().fold(failure, |failure, line| failure.because(line.clone())).hint("nothing is left of it")
        };
        if !success {
            return Err(failed(said.last().map_or("the test kit failed", String::as_str)));
        }
        serde_json::from_slice(&answer)
            .map_err(|error| failed(&format!("the test kit's answer is not understood: {error}")))
    }

    /// Removes a host with everything on it.
    ///
    /// # Errors
    /// When it cannot be removed, or there is none of that name.
    pub async fn down(&self, name: &HostName) -> Outcome<()> {
        let (success, _, said) = self.run(&["host", "down", name.as_str()], DOWN_LIMIT, |_| {}).await?;
        if success {
            return Ok(());
        }
        let why = said.last().map_or("the test kit failed", String::as_str);
        Err(Failure::new(Code::Local, format!("the disposable host {name} was not removed: {why}"))
            .hint(format!("remove it with {} host down {name}", self.program.display())))
    }

    /// Runs the test kit: whether it succeeded, its standard output, and the last lines of its standard error.
    async fn run(
        &self,
        arguments: &[&str],
        limit: Duration,
        mut progress: impl FnMut(&str),
    ) -> Outcome<(bool, Vec<u8>, Vec<String>)> {
        let failed =
            |why: String| Failure::new(Code::Local, format!("{} cannot be used", self.program.display())).because(why);
        let mut child = Command::new(&self.program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| failed(error.to_string()))?;
        let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(failed("it has no output".to_owned()));
        };
        let mut answer = Vec::new();
        let mut said: Vec<String> = Vec::new();
        let work = async {
            let mut output = stdout.take(LARGEST_ANSWER);
            let reading = output.read_to_end(&mut answer);
            let telling = lines(stderr, |line| {
                progress(line);
                if said.len() == LAST_LINES {
                    said.remove(0);
                }
                said.push(line.to_owned());
            });
            let (read, ()) = tokio::join!(reading, telling);
            read?;
            child.wait().await
        };
        match tokio::time::timeout(limit, work).await {
            Ok(Ok(status)) => Ok((status.success(), answer, said)),
            Ok(Err(error)) => Err(failed(error.to_string())),
            Err(_) => Err(failed(format!("it did not end within {} s", limit.as_secs()))),
        }
    }
}

/// Hands on lines as they come. A line without end is cut, and bytes that are not UTF-8 are replaced.
async fn lines(stream: impl AsyncRead + Unpin, mut take: impl FnMut(&str)) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = Vec::new();
        let read = (&mut reader).take(LARGEST_ANSWER).read_until(b'\n', &mut line).await;
        if !read.is_ok_and(|bytes| bytes > 0) {
            return;
        }
        let text = String::from_utf8_lossy(&line);
        let text: String = text.trim_end().chars().map(|c| if c.is_control() { ' ' } else { c }).take(500).collect();
        if !text.is_empty() {
            take(&text);
        }
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// A program that stands in for the test kit.
    fn kit(script: &str) -> (tempfile::TempDir, TestKit) {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("slipway-testkit");
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let found = TestKit::find(&Surroundings::default(), Some(&folder.path().join("slipway"))).unwrap();
        (folder, found)
    }

    const ANSWER: &str =
        r#"{"name":"d-1","address":"10.0.0.2","port":22,"user":"deploy","key_file":"/k","fingerprint":"SHA256:x"}"#;

    #[tokio::test]
    async fn a_host_is_booted_with_progress_and_described() {
        let (_folder, kit) = kit(&format!("echo making the base >&2; printf 'boot\\033ing\\n' >&2; echo '{ANSWER}'"));
        let mut told = Vec::new();
        let host = kit.up(|line| told.push(line.to_owned())).await.unwrap();
        assert_eq!(told, ["making the base", "boot ing"]);
        let known = host.form().host(jiff::Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!((known.address.as_str(), known.user.as_deref()), ("10.0.0.2", Some("deploy")));
        assert_eq!(known.identity_file.as_deref(), Some("/k"));
    }

    #[tokio::test]
    async fn what_goes_wrong_is_said_in_the_test_kits_words() {
        let (_folder, broken) = kit("echo error: no overlayfs >&2; exit 1");
        let failure = broken.up(|_| {}).await.unwrap_err();
        assert!(failure.message.contains("no overlayfs"), "{failure:?}");
        let failure = broken.down(&"d-1".parse().unwrap()).await.unwrap_err();
        assert!(failure.message.contains("d-1 was not removed: error: no overlayfs"), "{failure:?}");
        let (_folder, odd) = kit("echo '{}'");
        assert!(odd.up(|_| {}).await.unwrap_err().message.contains("not understood"));
        assert!(matches!(odd.check().await, Availability::Unavailable { .. }));
        let (_folder, poor) = kit(r#"echo '{"ready":false,"reason":"missing: root privileges"}'; exit 1"#);
        assert_eq!(poor.check().await, Availability::Unavailable { reason: "missing: root privileges".into() });
        let (_folder, ready) = kit(r#"echo '{"ready":true}'"#);
        assert_eq!(ready.check().await, Availability::Ready);
    }

    #[test]
    fn a_test_kit_that_is_not_there_is_a_reason() {
        assert!(TestKit::find(&Surroundings::default(), None).unwrap_err().contains("not installed"));
        let mut surroundings = Surroundings::default();
        surroundings.variables.insert(VARIABLE.into(), "/nonexistent/kit".into());
        assert!(TestKit::find(&surroundings, None).unwrap_err().contains("/nonexistent/kit"));
    }
}
