//! One measurement: a command, from its start to its end.

use std::process::{Command, Output, Stdio};
use std::time::Instant;

use slipway_tests::hosts::HostError;
use slipway_tests::relay::{Relay, Traffic};

use super::load;
use crate::desk::other;

/// What one command cost.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cost {
    pub(super) seconds: f64,
    /// Processor time on this side, of the command and its children.
    pub(super) cpu: f64,
    pub(super) traffic: Traffic,
}

/// Runs a command to its end, which must be a good one.
pub(super) fn watch(relay: &Relay, command: &Command) -> Result<Cost, HostError> {
    watch_all(&[relay], std::slice::from_ref(command))
}

/// The same, but a command that needs longer than the given seconds is ended and has no cost.
pub(super) fn watch_for(limit_s: u64, relay: &Relay, command: &Command) -> Result<Option<Cost>, HostError> {
    let (cost, outputs) = measure(limit_s, &[relay], std::slice::from_ref(command))?;
    if outputs.iter().any(|output| output.status.code() == Some(TOO_LONG)) {
        return Ok(None);
    }
    all_good(std::slice::from_ref(command), &outputs).map(|()| Some(cost))
}

/// Runs commands beside each other until all have ended, which must be well.
pub(super) fn watch_all(relays: &[&Relay], commands: &[Command]) -> Result<Cost, HostError> {
    let (cost, outputs) = measure(LIMIT_S, relays, commands)?;
    all_good(commands, &outputs).map(|()| cost)
}

fn measure(limit_s: u64, relays: &[&Relay], commands: &[Command]) -> Result<(Cost, Vec<Output>), HostError> {
    relays.iter().for_each(|relay| relay.reset_traffic());
    let (cpu, began) = (children_cpu()?, Instant::now());
    let outputs: Vec<Result<Output, HostError>> = std::thread::scope(|scope| {
        let running: Vec<_> = commands.iter().map(|command| scope.spawn(|| bounded(limit_s, command))).collect();
        let ended = running.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err(other("a thread failed"))));
        ended.collect()
    });
    let seconds = began.elapsed().as_secs_f64();
    let mut traffic = Traffic::default();
    for part in relays.iter().map(|relay| relay.traffic()) {
        traffic.sent += part.sent;
        traffic.received += part.received;
        traffic.turns += part.turns;
        traffic.connections += part.connections;
    }
    let cost = Cost { seconds, cpu: children_cpu()? - cpu, traffic };
    // The tables come at the end; a person wants to see that it goes on.
    let name = commands.first().map(|command| command.get_program().to_string_lossy().into_owned());
    let name = name.unwrap_or_default();
    eprintln!(
        "{}: {seconds:.1} s, {} KiB sent, {} KiB received, {} turns, load {}",
        name.rsplit('/').next().unwrap_or_default(),
        traffic.sent >> 10,
        traffic.received >> 10,
        traffic.turns,
        load()
    );
    Ok((cost, outputs.into_iter().collect::<Result<_, _>>()?))
}

fn all_good(commands: &[Command], outputs: &[Output]) -> Result<(), HostError> {
    for (command, output) in commands.iter().zip(outputs) {
        if !output.status.success() {
            let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            return Err(HostError::Other(format!("{command:?} ended with {}\n{out}{err}", output.status)));
        }
    }
    Ok(())
}

/// The longest that a command may take.
pub(super) const LIMIT_S: u64 = 1800;

/// The status of timeout(1) when it has ended a command.
pub(super) const TOO_LONG: i32 = 124;

/// Runs a command to its end, or ends it after some seconds.
pub(super) fn bounded(limit_s: u64, command: &Command) -> Result<Output, HostError> {
    let limit = limit_s.to_string();
    within(&["timeout", "--kill-after=5", &limit], command).stdin(Stdio::null()).output().map_err(other)
}

/// The same command as the last arguments of another.
pub(super) fn within(outer: &[&str], inner: &Command) -> Command {
    let mut command = Command::new(outer.first().copied().unwrap_or_default());
    command.args(outer.iter().skip(1)).arg(inner.get_program()).args(inner.get_args());
    for (name, value) in inner.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    if let Some(folder) = inner.get_current_dir() {
        command.current_dir(folder);
    }
    command
}

/// Processor time of all children that were waited for, with theirs: fields 16 and 17 of proc_pid_stat(5).
pub(super) fn children_cpu() -> Result<f64, HostError> {
    let stat = std::fs::read_to_string("/proc/self/stat").map_err(other)?;
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or_default();
    // The rest begins with field 3. A tick is a hundredth of a second on every Linux that Debian builds.
    Ok((ticks(13) + ticks(14)) / 100.0)
}
