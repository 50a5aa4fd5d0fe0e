//! Many hosts at once: the first run on all of them, then a run in which nothing is to be done.

use std::process::Command;

use slipway_tests::hosts::{Checkpoint, HostError};
use slipway_tests::relay::Relay;

use super::first::{self, CONTENDERS, Check};
use super::table::Table;
use super::watch::watch_all;
use super::{Far, Options, Place, load, round_trips};
use crate::desk::other;

const LOOK: &str = include_str!("setup/look.sh");

/// Hosts that are booted and prepared beside each other: more would only wait for the two processors.
const AT_ONCE: usize = 4;

/// How many sets of watched files one user may have. Every host's root is the same user to the kernel, its systemd and
/// its daemons need seven of them together, and the default of 128 is used up by the 17th host (inotify(7)).
const WATCHERS: &str = "/proc/sys/fs/inotify/max_user_instances";
const WATCHERS_OF_A_HOST: u64 = 16;

/// Room for many hosts, as long as this lives.
pub(super) struct Room {
    /// What the machine allowed before, if that was too little.
    before: Option<String>,
}

impl Room {
    pub(super) fn make(hosts: usize) -> Result<Self, HostError> {
        let before = std::fs::read_to_string(WATCHERS).map_err(other)?;
        let needed = hosts as u64 * WATCHERS_OF_A_HOST + 128;
        if before.trim().parse::<u64>().is_ok_and(|allowed| allowed >= needed) {
            return Ok(Self { before: None });
        }
        std::fs::write(WATCHERS, needed.to_string()).map_err(other)?;
        Ok(Self { before: Some(before) })
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            std::fs::write(WATCHERS, before).ok();
        }
    }
}

/// Does something to every host.
fn each<T: Send>(
    hosts: &[&Far],
    act: impl Fn(usize, &Far) -> Result<T, HostError> + Sync,
) -> Result<Vec<T>, HostError> {
    let numbered: Vec<(usize, &Far)> = hosts.iter().copied().enumerate().collect();
    let mut all = Vec::new();
    for some in numbered.chunks(AT_ONCE) {
        let done: Vec<Result<T, HostError>> = std::thread::scope(|scope| {
            let act = &act;
            let threads: Vec<_> = some.iter().map(|(at, far)| scope.spawn(move || act(*at, far))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err(other("a thread failed")))).collect()
        });
        for one in done {
            all.push(one?);
        }
    }
    Ok(all)
}

fn missing(hosts: &[&Far], check: &Check) -> Result<Option<String>, HostError> {
    Ok(each(hosts, |_, far| Ok(check.missing(far)))?.into_iter().flatten().next())
}

/// Prints the table.
pub(super) fn run(place: &Place, options: &Options<'_>) -> Result<(), HostError> {
    let (hosts, before) = (place.all(), load());
    let relays: Vec<&Relay> = hosts.iter().map(|far| &far.relay).collect();
    let bare: Vec<Checkpoint> = each(&hosts, |_, far| first::bare(far))?;
    let check = first::prepare(place)?;
    let round_trips = round_trips(options, &[0]);
    let columns = round_trips.iter().flat_map(|ms| [format!("first, {ms} ms"), format!("again, {ms} ms")]).collect();
    let mut table = Table::new(&CONTENDERS, columns);
    for (column, round_trip) in round_trips.iter().enumerate() {
        hosts.iter().for_each(|far| far.slow_down(*round_trip));
        for _ in 0..options.rounds {
            for (at, which) in CONTENDERS.iter().enumerate() {
                each(&hosts, |number, far| {
                    far.host.go_back(*bare.get(number).ok_or_else(|| other("no checkpoint"))?)?;
                    check.missing(far).map(drop).ok_or_else(|| other("a bare host passes the check"))
                })?;
                let cost = watch_all(&relays, &first::commands(place, options, which)?)?;
                table.take(at, 2 * column, cost, missing(&hosts, &check)?);
                let cost = watch_all(&relays, &again(place, options, which)?)?;
                table.take(at, 2 * column + 1, cost, missing(&hosts, &check)?);
            }
        }
    }
    println!("\n### {} hosts at once; median of {} (floor = 1)\n", hosts.len(), options.rounds);
    println!("Load average {before} before, {} after.\n", load());
    table.print();
    Ok(())
}

/// The same once more; who only makes things looks instead.
fn again(place: &Place, options: &Options<'_>, which: &str) -> Result<Vec<Command>, HostError> {
    if CONTENDERS.first() == Some(&which) {
        return Ok(place.all().into_iter().map(|far| place.ssh(far, LOOK, None)).collect());
    }
    first::commands(place, options, which)
}
