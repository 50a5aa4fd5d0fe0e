//! Commands inside a host, entered through its namespaces and so independent of SSH and of the network.

use std::ffi::OsStr;
use std::io::{self, Read, Write};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use rustix::process::Signal;

use super::command::command;
use super::container::signal;
use super::record::ProcessId;

/// The command that runs `arguments` as root in the namespaces of `leader`.
pub(crate) fn enter<S: AsRef<OsStr>>(leader: ProcessId, arguments: &[S]) -> Command {
    let mut enter = command("nsenter");
    enter
        .arg(format!("--target={}", leader.pid))
        .args(["--all", "--", "env", "-i", "LANG=C", "HOME=/root", "USER=root", "LOGNAME=root"])
        .arg("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        .args(arguments);
    enter
}

/// Runs a command made by [`enter`] to its end.
///
/// A guest that shuts down stops all its processes for a moment. nsenter(1) then stops itself as well and would
/// wait for ever for someone to wake it, and the guest for its process to be waited for.
pub(crate) fn run(mut command: Command, input: &[u8]) -> io::Result<Output> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let process = i32::try_from(child.id()).ok().and_then(ProcessId::of);
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    std::thread::scope(|scope| {
        scope.spawn(move || stdin.map(|mut pipe| pipe.write_all(input)));
        let stdout = scope.spawn(move || read_all(stdout));
        let stderr = scope.spawn(move || read_all(stderr));
        let mut pause = Duration::from_micros(500);
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break status;
            }
            if let Some(process) = process.filter(|process| process.is_stopped()) {
                signal(process, Signal::CONT);
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(10));
        };
        let text = |reader: std::thread::ScopedJoinHandle<'_, Vec<u8>>| reader.join().unwrap_or_default();
        Ok(Output { status, stdout: text(stdout), stderr: text(stderr) })
    })
}

fn read_all(pipe: Option<impl Read>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        pipe.read_to_end(&mut bytes).ok();
    }
    bytes
}
