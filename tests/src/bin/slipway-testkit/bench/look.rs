//! A run in which nothing is to be done: what every contender needs to see that.

use std::process::Command;
use std::time::Duration;

use slipway_tests::hosts::HostError;
use slipway_tests::relay::Conditions;

use super::watch::{Cost, watch, within};
use super::{Options, Place, median};
use crate::desk::other;

const SITE: &str = include_str!("../demo.toml");
const FLOOR: &str = include_str!("floor.sh");
const PLAYBOOK: &str = include_str!("playbook.yml");
const PYINFRA: &str = include_str!("deploy.py");
/// What the peers compare with: they get the files as Slipway wrote them.
const FILES: [&str; 6] = [
    "/etc/parlour/environment",
    "/etc/parlour/gunicorn-web.py",
    "/etc/nginx/conf.d/parlour.conf",
    "/etc/systemd/system/parlour-web@.service",
    "/etc/systemd/system/parlour-web@.socket",
    "/etc/systemd/system/parlour.target",
];

/// Sets the sample site up, and the peers for the same.
pub(super) fn set_up(place: &Place) -> Result<(), HostError> {
    place.desk.assemble("v1")?;
    place.desk.site(SITE)?;
    place.desk.run(0, &["apply", "--yes"])?;
    place.desk.run(0, &["deploy", "--yes"])?;
    // Ansible's module for apt wants it; ansible would install it by itself in its first turn, mitogen cannot.
    let installed = place.host.shell("apt-get install -qq -y python3-apt >/dev/null 2>&1");
    if !installed.is_success() {
        return Err(HostError::Other(format!("python3-apt on the host: {installed}")));
    }
    let folder = place.folder.join("peers");
    for file in FILES {
        let copy = folder.join(format!("files{file}"));
        std::fs::create_dir_all(copy.parent().unwrap_or(&folder)).map_err(other)?;
        std::fs::write(copy, place.host.read_file(file)?).map_err(other)?;
    }
    let (port, key) = (place.relay.address().port(), place.host.client_key().display().to_string());
    let known = place.folder.join("known_hosts").display().to_string();
    let inventory = format!(
        "far ansible_host=127.0.0.1 ansible_port={port} ansible_user=root ansible_ssh_private_key_file={key} \
         ansible_ssh_common_args='-F none -o UserKnownHostsFile={known}' ansible_python_interpreter=/usr/bin/python3\n"
    );
    let hosts = format!(
        "hosts = [('far', dict(ssh_hostname='127.0.0.1', ssh_port={port}, ssh_user='root', ssh_key='{key}', \
         ssh_known_hosts_file='{known}', ssh_strict_host_key_checking='yes'))]\n"
    );
    for (name, text) in
        [("inventory.ini", &*inventory), ("inventory.py", &*hosts), ("playbook.yml", PLAYBOOK), ("deploy.py", PYINFRA)]
    {
        std::fs::write(folder.join(name), text).map_err(other)?;
    }
    Ok(())
}

/// The contenders, in the order of the table.
const CONTENDERS: [&str; 6] =
    ["floor: `ssh host script`", "`slipway apply`", "`slipway plan`", "pyinfra", "mitogen", "ansible-core"];

fn contender(place: &Place, options: &Options<'_>, which: &str) -> Result<Command, HostError> {
    let folder = place.folder.join("peers");
    let ansible = || -> Result<Command, HostError> {
        // A connection that an earlier turn left open would make this one warm.
        let sockets = tempfile::tempdir_in(&place.folder).map_err(other)?.keep();
        let mut command = Command::new(options.peers.join("bin/ansible-playbook"));
        command.args(["-i", "inventory.ini", "playbook.yml"]).current_dir(&folder);
        command.env("ANSIBLE_PIPELINING", "1").env("ANSIBLE_SSH_CONTROL_PATH_DIR", sockets);
        command.env("ANSIBLE_SSH_ARGS", "-o ControlMaster=auto -o ControlPersist=5s");
        Ok(command)
    };
    Ok(match which {
        "`slipway apply`" => place.desk.command(&["apply", "--yes"]),
        "`slipway plan`" => place.desk.command(&["plan"]),
        "pyinfra" => {
            let mut command = Command::new(options.peers.join("bin/pyinfra"));
            command.args(["-y", "inventory.py", "deploy.py"]).current_dir(&folder);
            command
        }
        "mitogen" => {
            let mut command = ansible()?;
            let found = std::fs::read_dir(options.peers.join("lib")).map_err(other)?.flatten().next();
            let python = found.ok_or_else(|| other("the peers' environment has no Python"))?.path();
            let strategies = python.join("site-packages/ansible_mitogen/plugins/strategy");
            command.env("ANSIBLE_STRATEGY_PLUGINS", strategies).env("ANSIBLE_STRATEGY", "mitogen_linear");
            command
        }
        "ansible-core" => ansible()?,
        _ => {
            let mut command = Command::new("ssh");
            command.args(place.ssh_options("-p")).args(["root@127.0.0.1", FLOOR]);
            command
        }
    })
}

/// Prints the table of the no-change run.
pub(super) fn run(place: &Place, options: &Options<'_>) -> Result<(), HostError> {
    println!("\n### No-change run, from the start of the process; median of {} (floor = 1)\n", options.rounds);
    println!("| | 0 ms | | 20 ms | | 80 ms | | KiB | CPU here |");
    println!("|---|---:|---:|---:|---:|---:|---:|---:|---:|");
    let mut costs: Vec<Vec<Vec<Cost>>> = vec![Vec::new(); CONTENDERS.len()];
    for round_trip in [0, 20, 80] {
        place
            .relay
            .set_conditions(Conditions { round_trip: Duration::from_millis(round_trip), bytes_per_second: None });
        costs.iter_mut().for_each(|contender| contender.push(Vec::new()));
        for _ in 0..options.rounds {
            for (at, which) in CONTENDERS.iter().enumerate() {
                let cost = watch(&place.relay, &contender(place, options, which)?)?;
                if let Some(last) = costs.get_mut(at).and_then(|contender| contender.last_mut()) {
                    last.push(cost);
                }
            }
        }
    }
    let seconds =
        |costs: &[Cost]| median(&costs.iter().map(|cost| cost.seconds).collect::<Vec<_>>()).unwrap_or_default();
    let floors: Vec<f64> = costs.first().into_iter().flatten().map(|costs| seconds(costs)).collect();
    for (which, latencies) in CONTENDERS.iter().zip(&costs) {
        let times: Vec<String> = latencies
            .iter()
            .zip(&floors)
            .map(|(costs, floor)| format!("{:.2} s | {:.2}", seconds(costs), seconds(costs) / floor))
            .collect();
        let near = latencies.first().map(Vec::as_slice).unwrap_or_default();
        let bytes = near.iter().map(|cost| cost.traffic.sent + cost.traffic.received).collect::<Vec<_>>();
        let cpu = median(&near.iter().map(|cost| cost.cpu).collect::<Vec<_>>()).unwrap_or_default();
        let kib = median(&bytes).unwrap_or_default() / 1024;
        println!("| {which} | {} | {kib} | {cpu:.2} s |", times.join(" | "));
    }
    place.relay.set_conditions(Conditions::default());
    Ok(())
}

/// Prints what the program itself costs.
pub(super) fn size(place: &Place) -> Result<(), HostError> {
    let bytes = std::fs::metadata(place.desk.program()).map_err(other)?.len();
    println!("\n### The program\n\n| | |\n|---|---:|");
    println!("| `slipway`, stripped | {:.1} MiB |", bytes as f64 / 1_048_576.0);
    for (title, arguments) in
        [("`slipway --version`", &["--version"][..]), ("`slipway plan`, nothing to do", &["plan"])]
    {
        let mut samples = Vec::new();
        for _ in 0..5 {
            samples.push(resources(place, arguments)?);
        }
        let of = |pick: fn(&[f64; 3]) -> f64| median(&samples.iter().map(pick).collect::<Vec<_>>()).unwrap_or_default();
        let (wall, cpu, peak) = (of(|sample| sample[0]), of(|sample| sample[1]), of(|sample| sample[2]));
        println!("| {title} | {wall:.2} s, {cpu:.2} s CPU, {:.1} MiB at its peak |", peak / 1024.0);
    }
    Ok(())
}

/// Seconds, processor seconds and KiB at the peak, by time(1).
fn resources(place: &Place, arguments: &[&str]) -> Result<[f64; 3], HostError> {
    let mut command = within(&["/usr/bin/time", "-f", "%e %U %S %M"], &place.desk.command(arguments));
    let output = command.output().map_err(other)?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let numbers: Vec<f64> =
        text.lines().last().unwrap_or_default().split(' ').filter_map(|word| word.parse().ok()).collect();
    match numbers.as_slice() {
        [wall, user, system, peak] if output.status.success() => Ok([*wall, user + system, *peak]),
        _ => Err(HostError::Other(format!("time(1) says {text}"))),
    }
}
