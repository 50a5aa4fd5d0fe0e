//! One measurement: a command, from its start to its end.

use std::process::{Command, Output, Stdio};
use std::time::Instant;

use slipway_tests::hosts::HostError;
use slipway_tests::relay::{Relay, Traffic};

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
    relay.reset_traffic();
    let (cpu, began) = (children_cpu()?, Instant::now());
    let output = bounded(command)?;
    let cost = Cost { seconds: began.elapsed().as_secs_f64(), cpu: children_cpu()? - cpu, traffic: relay.traffic() };
    if !output.status.success() {
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        return Err(HostError::Other(format!("{command:?} ended with {}\n{out}{err}", output.status)));
    }
    // The tables come at the end; a person wants to see that it goes on.
    let name = command.get_program().to_string_lossy().into_owned();
    let name = name.rsplit('/').next().unwrap_or_default();
    eprintln!(
        "{name}: {:.1} s, {} KiB sent, {} KiB received",
        cost.seconds,
        cost.traffic.sent >> 10,
        cost.traffic.received >> 10
    );
    Ok(cost)
}

/// Runs a command to its end, or ends it after ten minutes with the status of timeout(1), 124.
pub(super) fn bounded(command: &Command) -> Result<Output, HostError> {
    within(&["timeout", "--kill-after=5", "600"], command).stdin(Stdio::null()).output().map_err(other)
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
fn children_cpu() -> Result<f64, HostError> {
    let stat = std::fs::read_to_string("/proc/self/stat").map_err(other)?;
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or_default();
    // The rest begins with field 3. A tick is a hundredth of a second on every Linux that Debian builds.
    Ok((ticks(13) + ticks(14)) / 100.0)
}
