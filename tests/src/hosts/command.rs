//! Commands on the outer machine, with errors that show what was run and what it said.

use std::ffi::OsStr;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::error::HostError;

/// Builds a command with a C locale and the system's own tools first in PATH.
///
/// The PATH is fixed because a developer's version managers (pyenv, nvm) must not leak into hosts.
pub(crate) fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    command.env("LC_ALL", "C.UTF-8").env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    command
}

/// Runs `program` with `arguments` and returns what it printed on standard output.
pub(crate) fn run<A: AsRef<OsStr>>(program: &str, arguments: impl IntoIterator<Item = A>) -> Result<String, HostError> {
    run_command(command(program).args(arguments))
}

/// Runs a prepared command without standard input.
pub(crate) fn run_command(command: &mut Command) -> Result<String, HostError> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| not_started(command, &error))?;
    finish(command, output)
}

/// Runs a prepared command and writes `input` to its standard input.
pub(crate) fn run_with_input(command: &mut Command, input: &[u8]) -> Result<String, HostError> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| not_started(command, &error))?;
    if let Some(mut pipe) = child.stdin.take() {
        // A child that exits early closes the pipe; its exit status says more than EPIPE.
        pipe.write_all(input).ok();
    }
    let output = child.wait_with_output().map_err(|error| not_started(command, &error))?;
    finish(command, output)
}

/// Polls `ready` until it answers `Some` or `limit` has passed.
pub(crate) fn poll<T>(limit: Duration, mut ready: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(value) = ready() {
            return Some(value);
        }
        if Instant::now() >= deadline {
            return None;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The last `count` lines of `text`.
pub(crate) fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

fn finish(command: &Command, output: std::process::Output) -> Result<String, HostError> {
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(stdout);
    }
    let mut said = String::from_utf8_lossy(&output.stderr).into_owned();
    if said.trim().is_empty() {
        said = stdout;
    }
    Err(HostError::Command {
        command: line(command),
        status: output.status.to_string(),
        output: last_lines(said.trim(), 20),
    })
}

fn not_started(command: &Command, error: &std::io::Error) -> HostError {
    HostError::Command { command: line(command), status: "not started".to_owned(), output: error.to_string() }
}

fn line(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|argument| argument.to_string_lossy().into_owned()));
    words.join(" ")
}
