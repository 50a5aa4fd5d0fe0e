//! A run in which nothing is to be done: what every contender needs to see that.

use std::process::Command;

use slipway_tests::hosts::HostError;

use super::peers::{self, Peer, Work};
use super::table::Table;
use super::watch::{watch, within};
use super::{Options, Place, load, median, round_trips};
use crate::desk::other;

const SITE: &str = include_str!("../demo.toml");
const FLOOR: &str = include_str!("floor.sh");
const WORK: Work = Work { playbook: include_str!("playbook.yml"), deploy: include_str!("deploy.py") };

/// Sets the sample site up, and the peers for the same.
pub(super) fn set_up(place: &Place) -> Result<(), HostError> {
    place.desk.assemble("v1")?;
    place.desk.site(SITE)?;
    place.desk.run(0, &["apply", "--yes"])?;
    place.desk.run(0, &["deploy", "--yes"])?;
    // Ansible's module for apt wants it; ansible would install it by itself in its first turn, mitogen cannot.
    place.far.prepare("apt-get install -qq -y python3-apt >/dev/null 2>&1")?;
    peers::prepare(place, &WORK)
}

/// The contenders, in the order of the table.
const CONTENDERS: [&str; 6] =
    ["floor: `ssh host script`", "`slipway apply`", "`slipway plan`", "pyinfra", "mitogen", "ansible-core"];

fn contender(place: &Place, options: &Options<'_>, which: &str) -> Result<Command, HostError> {
    match which {
        "`slipway apply`" => Ok(place.desk.command(&["apply", "--yes"])),
        "`slipway plan`" => Ok(place.desk.command(&["plan"])),
        "pyinfra" => peers::command(place, options, Peer::Pyinfra),
        "mitogen" => peers::command(place, options, Peer::Mitogen),
        "ansible-core" => peers::command(place, options, Peer::Ansible),
        _ => Ok(place.ssh(&place.far, FLOOR, None)),
    }
}

/// Prints the table of the no-change run.
pub(super) fn run(place: &Place, options: &Options<'_>) -> Result<(), HostError> {
    let before = load();
    let round_trips = round_trips(options, &[0, 20, 80]);
    let mut table = Table::new(&CONTENDERS, round_trips.iter().map(|ms| format!("{ms} ms")).collect());
    for (column, round_trip) in round_trips.iter().enumerate() {
        place.far.slow_down(*round_trip);
        for _ in 0..options.rounds {
            for (at, which) in CONTENDERS.iter().enumerate() {
                let cost = watch(&place.far.relay, &contender(place, options, which)?)?;
                table.take(at, column, cost, None);
            }
        }
    }
    println!("\n### No-change run, from the start of the process; median of {} (floor = 1)\n", options.rounds);
    println!("Load average {before} before, {} after.\n", load());
    table.print();
    place.far.slow_down(0);
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
