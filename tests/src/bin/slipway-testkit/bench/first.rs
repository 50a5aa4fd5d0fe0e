//! The first run on a host that has the packages and nothing else of the sample site.

use std::process::Command;

use slipway_tests::hosts::{Checkpoint, HostError};

use super::peers::{self, FILES, Peer, Work};
use super::table::Table;
use super::watch::watch;
use super::{Far, Options, Place, load, round_trips};
use crate::desk::other;

const SITE: &str = include_str!("../demo.toml");
const MAKE: &str = include_str!("setup/make.sh");
const CHECK: &str = include_str!("setup/check.sh");
const WORK: Work = Work { playbook: include_str!("setup/playbook.yml"), deploy: include_str!("setup/deploy.py") };

/// python3-apt, which Slipway has no use for, is what Ansible's module for apt wants.
const PACKAGES: &str = "DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
                        nginx curl nftables python3 python3-venv python3-apt openssl >/dev/null 2>&1";

/// The contenders, in the order of the table.
pub(super) const CONTENDERS: [&str; 5] =
    ["floor: `ssh host script`", "`slipway apply`", "pyinfra", "mitogen", "ansible-core"];

/// A host's disk with the packages alone.
pub(super) fn bare(far: &Far) -> Result<Checkpoint, HostError> {
    far.prepare(PACKAGES)?;
    far.host.checkpoint()
}

/// How to see whether a host is what it was to become.
pub(super) struct Check(String);

impl Check {
    /// What the host has not got, seen from inside, by none of the contenders' means.
    pub(super) fn missing(&self, far: &Far) -> Option<String> {
        let output = far.host.shell(&self.0);
        (!output.is_success()).then(|| format!("{}: {}{}", far.name, output.stdout.trim(), output.stderr.trim()))
    }
}

/// Prepares every contender for all hosts of a place, which must be bare; the first of them no longer is afterwards.
pub(super) fn prepare(place: &Place) -> Result<Check, HostError> {
    place.desk.assemble("v1")?;
    place.desk.site(SITE)?;
    place.desk.run(0, &["--host", &place.far.name, "apply", "--yes"])?;
    peers::prepare(place, &WORK)?;
    let sums = place.far.host.exec(&[&["sha256sum"][..], &FILES].concat());
    let relative = FILES.map(|file| file.trim_start_matches('/'));
    let mut tar = Command::new("tar");
    tar.args(["-c", "-f", "../files.tar"]).args(relative).current_dir(peers::folder(place).join("files"));
    let packed = tar.status().map_err(other)?.success();
    if !packed || !sums.is_success() {
        return Err(HostError::Other(format!("the files of the site could not be taken: {sums}")));
    }
    let check = Check(format!("sums='{}'\n{CHECK}", sums.stdout));
    match check.missing(&place.far) {
        None => Ok(check),
        Some(missing) => Err(HostError::Other(format!("the check does not agree with what Slipway made: {missing}"))),
    }
}

/// The commands of one contender for all hosts of a place.
pub(super) fn commands(place: &Place, options: &Options<'_>, which: &str) -> Result<Vec<Command>, HostError> {
    let tar = peers::folder(place).join("files.tar");
    Ok(match which {
        "`slipway apply`" => {
            let apply = |far: &Far| place.desk.command(&["--host", &far.name, "apply", "--yes"]);
            place.all().into_iter().map(apply).collect()
        }
        "pyinfra" => vec![peers::command(place, options, Peer::Pyinfra)?],
        "mitogen" => vec![peers::command(place, options, Peer::Mitogen)?],
        "ansible-core" => vec![peers::command(place, options, Peer::Ansible)?],
        _ => place.all().into_iter().map(|far| place.ssh(far, MAKE, Some(&tar))).collect(),
    })
}

/// Prints the table of the first run.
pub(super) fn run(place: &Place, options: &Options<'_>) -> Result<(), HostError> {
    let (far, before) = (&place.far, load());
    let bare = bare(far)?;
    let check = prepare(place)?;
    far.host.go_back(bare)?;
    if check.missing(far).is_none() {
        return Err(other("the check finds nothing missing on a host that has nothing"));
    }
    let round_trips = round_trips(options, &[0, 20, 80]);
    let mut table = Table::new(&CONTENDERS, round_trips.iter().map(|ms| format!("{ms} ms")).collect());
    for (column, round_trip) in round_trips.iter().enumerate() {
        far.slow_down(*round_trip);
        for _ in 0..options.rounds {
            for (at, which) in CONTENDERS.iter().enumerate() {
                far.host.go_back(bare)?;
                for command in commands(place, options, which)? {
                    let cost = watch(&far.relay, &command)?;
                    table.take(at, column, cost, check.missing(far));
                }
            }
        }
    }
    println!("\n### First run, packages present; median of {} (floor = 1)\n", options.rounds);
    println!("Load average {before} before, {} after.\n", load());
    table.print();
    Ok(())
}
