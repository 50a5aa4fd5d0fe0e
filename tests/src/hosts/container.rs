//! One systemd-nspawn container: starting, finding its processes, stopping.
//!
//! Does not use machined, so nothing of the outer machine's service manager is needed.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::command::{command, poll};
use super::error::{FileContext, HostError};
use super::network;
use super::record::{HostRecord, ProcessId};

/// Boots the container again when the guest reboots itself: with `--keep-unit`, systemd-nspawn ends with status
/// 133 then, for a service manager to act on (systemd-nspawn(1)). Every container gets a control group of its
/// own: with `--keep-unit` two containers would share their caller's.
const SUPERVISE: &str = r#"
while :; do
    (
        for group in $SLIPWAY_CONTROL_GROUPS; do echo 0 > "$group/cgroup.procs"; done
        exec "$@"
    )
    status=$?
    [ "$status" = 133 ] || exit "$status"
done
"#;

/// How long a guest may take to shut down before it is killed.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(60);

/// Starts the container of `record` and returns its supervisor.
pub(crate) fn start(record: &HostRecord) -> Result<Child, HostError> {
    let groups = control_groups(&record.name);
    for group in &groups {
        fs::create_dir_all(group).context("create", group)?;
    }
    let groups: Vec<String> = groups.iter().map(|group| group.to_string_lossy().into_owned()).collect();
    let console = record.directory.join("console.log");
    let log = File::options().create(true).append(true).open(&console).context("open", &console)?;
    let same_log = log.try_clone().context("open", &console)?;
    command("sh")
        .args(["-c", SUPERVISE, "slipway-testkit-supervisor", "systemd-nspawn", "--quiet"])
        .arg(format!("--directory={}", record.root().display()))
        .arg(format!("--network-namespace-path=/run/netns/{}", network::namespace(record.index)))
        .arg(format!("--machine={}", record.name))
        .arg(format!("--bind-ro={}:/var/cache/wheelhouse", record.wheelhouse.display()))
        .args(["--boot", "--register=no", "--keep-unit", "--console=pipe", "--capability=CAP_NET_ADMIN"])
        .args(["--resolv-conf=off", "--timezone=off", "--link-journal=no"])
        // Every supported distribution has the unified hierarchy; the outer machine may still have the old one.
        .env("SYSTEMD_NSPAWN_UNIFIED_HIERARCHY", "1")
        .env("SLIPWAY_CONTROL_GROUPS", groups.join(" "))
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(same_log)
        // Ctrl-C in a terminal is for the program that owns the host; it stops the host itself.
        .process_group(0)
        .spawn()
        .map_err(|error| HostError::Other(format!("could not start systemd-nspawn: {error}")))
}

/// The container's init process, seen from outside.
pub(crate) fn leader(record: &HostRecord) -> Option<ProcessId> {
    let nspawn = nspawn(record)?;
    children(nspawn.pid).into_iter().find(|pid| is_init_of_a_namespace(*pid)).and_then(ProcessId::of)
}

/// Shuts the guest down as a power button would and waits until it is off.
pub(crate) fn shut_down(record: &HostRecord) -> Result<(), HostError> {
    thaw(record);
    if let Some(nspawn) = nspawn(record) {
        signal(nspawn, Signal::TERM);
    }
    if poll(SHUTDOWN_LIMIT, || is_off(record).then_some(())).is_none() {
        kill(record);
        return Err(HostError::Other(format!("{} did not shut down within {SHUTDOWN_LIMIT:?}", record.name)));
    }
    remove_control_groups(record);
    Ok(())
}

/// Takes the guest's power away: nothing in it gets a chance to do anything.
pub(crate) fn kill(record: &HostRecord) {
    // The supervisor goes first, so that it cannot start the container again.
    if let Some(supervisor) = record.supervisor {
        let nspawn = nspawn(record);
        let leader = leader(record);
        signal(supervisor, Signal::KILL);
        for process in [leader, nspawn].into_iter().flatten() {
            signal(process, Signal::KILL);
        }
    }
    for group in control_groups(&record.name) {
        fs::write(group.join("cgroup.kill"), "1").ok();
    }
    poll(Duration::from_secs(10), || control_groups_are_empty(record).then_some(()));
    remove_control_groups(record);
}

/// Stops every process of the guest in its tracks.
pub(crate) fn freeze(record: &HostRecord) -> Result<(), HostError> {
    set_frozen(record, "1")
}

/// Lets a frozen guest go on.
pub(crate) fn thaw(record: &HostRecord) {
    set_frozen(record, "0").ok();
}

/// Whether the supervisor, and so the container, has ended.
pub(crate) fn is_off(record: &HostRecord) -> bool {
    record.supervisor.is_none_or(|supervisor| !supervisor.is_alive())
}

fn set_frozen(record: &HostRecord, value: &str) -> Result<(), HostError> {
    for group in control_groups(&record.name) {
        let file = group.join("cgroup.freeze");
        if file.exists() {
            fs::write(&file, value).context("write", &file)?;
        }
    }
    Ok(())
}

fn nspawn(record: &HostRecord) -> Option<ProcessId> {
    let supervisor = record.supervisor.filter(|process| process.is_alive())?;
    children(supervisor.pid)
        .into_iter()
        .find(|pid| fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == "systemd-nspawn"))
        .and_then(ProcessId::of)
}

fn children(pid: i32) -> Vec<i32> {
    let Ok(text) = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")) else {
        return Vec::new();
    };
    text.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

/// Field `NSpid` of proc(5): the process's id in each namespace, innermost last.
fn is_init_of_a_namespace(pid: i32) -> bool {
    let Ok(status) = fs::read_to_string(format!("/proc/{pid}/status")) else {
        return false;
    };
    let ids = status.lines().find_map(|line| line.strip_prefix("NSpid:")).unwrap_or_default();
    ids.split_whitespace().count() > 1 && ids.split_whitespace().last() == Some("1")
}

pub(crate) fn signal(process: ProcessId, signal: Signal) {
    if let (true, Some(pid)) = (process.is_alive(), Pid::from_raw(process.pid)) {
        // It may have ended since: that is what was wanted.
        kill_process(pid, signal).ok();
    }
}

/// The host's folder in the unified hierarchy and, on machines that still have it, in systemd's own.
fn control_groups(name: &str) -> Vec<PathBuf> {
    let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
    mounts
        .lines()
        .filter_map(|line| {
            let fields: Vec<&str> = line.split(' ').collect();
            let wanted = fields.get(2) == Some(&"cgroup2")
                || (fields.get(2) == Some(&"cgroup")
                    && fields.get(3)?.split(',').any(|option| option == "name=systemd"));
            wanted.then(|| Path::new(fields[1]).join("slipway-tests").join(name))
        })
        .collect()
}

fn control_groups_are_empty(record: &HostRecord) -> bool {
    control_groups(&record.name).iter().all(|group| {
        fs::read_to_string(group.join("cgroup.events")).map_or(true, |events| events.contains("populated 0"))
    })
}

fn remove_control_groups(record: &HostRecord) {
    for group in control_groups(&record.name) {
        remove_control_group(&group);
    }
}

fn remove_control_group(group: &Path) {
    for entry in fs::read_dir(group).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_control_group(&entry.path());
        }
    }
    fs::remove_dir(group).ok();
}
