//! The real `slipway`, release build, with local state of its own: what `load` and `bench` drive.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use slipway_tests::hosts::{Host, HostError};

/// The exit status of a run that failed before anything was switched.
pub(crate) const INTACT: i32 = 20;
/// The exit status of a run that brought the release before back.
pub(crate) const ROLLED_BACK: i32 = 21;

/// A site's folder and the local state of one operator.
pub(crate) struct Desk {
    slipway: PathBuf,
    folder: PathBuf,
}

/// Any error, in words.
pub(crate) fn other(error: impl std::fmt::Display) -> HostError {
    HostError::Other(error.to_string())
}

impl Desk {
    /// A desk in `folder`, with the release build of `slipway`, which is built unless one is given.
    pub(crate) fn new(slipway: Option<&Path>, folder: &Path) -> Result<Self, HostError> {
        let slipway = match slipway {
            Some(given) => given.canonicalize().map_err(other)?,
            None => build()?,
        };
        Ok(Self { slipway, folder: folder.to_owned() })
    }

    /// The program.
    pub(crate) fn program(&self) -> &Path {
        &self.slipway
    }

    /// A command that is ready to run.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.slipway);
        command
            .args(["--secrets-from-env", "BENCH"])
            .args(arguments)
            .current_dir(&self.folder)
            .env_remove("SSH_AUTH_SOCK")
            .env("HOME", &self.folder)
            .env("SLIPWAY_HOME", self.folder.join("home"))
            .env("BENCH_SECRET_KEY", "0123456789abcdef".repeat(4));
        command
    }

    /// Runs it; any status but `status` is an error with what was printed.
    pub(crate) fn run(&self, status: i32, arguments: &[&str]) -> Result<Output, HostError> {
        let output = self.command(arguments).output().map_err(other)?;
        if output.status.code() == Some(status) {
            return Ok(output);
        }
        Err(HostError::Other(format!(
            "slipway {} ended with {}, not {status}\n{}{}",
            arguments.join(" "),
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        )))
    }

    /// Runs it with `--json`, and returns the lines.
    pub(crate) fn json(&self, status: i32, arguments: &[&str]) -> Result<Vec<Value>, HostError> {
        let output = self.run(status, &[&["--json"], arguments].concat())?;
        String::from_utf8_lossy(&output.stdout).lines().map(|line| serde_json::from_str(line).map_err(other)).collect()
    }

    /// Takes a host into the inventory, as `user`, checking its key.
    pub(crate) fn add(&self, name: &str, host: &Host, user: &str) -> Result<(), HostError> {
        let login = format!("{user}@{}", host.address());
        let key = host.client_key().display().to_string();
        self.run(0, &["host", "add", name, &login, "--identity", &key, "--accept-host-key", host.fingerprint()])
            .map(drop)
    }

    /// Writes the site file.
    pub(crate) fn site(&self, text: &str) -> Result<(), HostError> {
        std::fs::write(self.folder.join("slipway.toml"), text).map_err(other)
    }

    /// Puts a version of the sample application beside the site file.
    pub(crate) fn assemble(&self, version: &str) -> Result<(), HostError> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("apps/parlour/assemble");
        let status = Command::new(script).arg(version).arg(self.folder.join(version)).status().map_err(other)?;
        if status.success() { Ok(()) } else { Err(other("the sample was not assembled")) }
    }
}

/// Milliseconds from a failure that makes a run go back until the run has ended; none when it did not go back.
pub(crate) fn way_back(events: &[Value]) -> Option<u64> {
    let began = events.iter().find(|event| event.to_string().to_lowercase().contains("going back"))?;
    let ended = events.iter().find(|event| event["event"] == "finished")?;
    ended["at_ms"].as_u64()?.checked_sub(began["at_ms"].as_u64()?)
}

fn build() -> Result<PathBuf, HostError> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["build", "--release", "--locked", "-p", "slipway-cli", "--message-format", "json-render-diagnostics"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .stderr(std::process::Stdio::inherit())
        .output()
        .map_err(|error: io::Error| HostError::Other(format!("could not run cargo: {error}")))?;
    // Cargo itself says where it put the program.
    let text = String::from_utf8_lossy(&output.stdout);
    let messages = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let built = messages.filter_map(|message| message["executable"].as_str().map(PathBuf::from)).next_back();
    built.filter(|_| output.status.success()).ok_or_else(|| other("slipway did not build"))
}
