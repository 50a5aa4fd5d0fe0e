//! A release of many files: sent for the first time, with 2 % of the files changed, and cut off at 90 %.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;
use slipway_tests::hosts::HostError;
use slipway_tests::relay::Cut;

use super::watch::{Cost, LIMIT_S, bounded, watch, watch_for};
use super::{Options, Place, load, median, round_trips};
use crate::desk::other;

const BYTES: u64 = 25_000;
/// One in so many files changes.
const CHANGED: u64 = 50;

const SITE: &str = r#"
schema = 1
name = "big"
domains = ["big.test"]

[source]
folder = "big"

[runtime]
kind = "static"

[[route]]
path = "/"
files = "."
"#;

/// Writes the files whose number `change` divides; those of generation 0 and 1 have nothing in common.
fn write(folder: &Path, files: u64, generation: u64, change: u64) -> Result<(), HostError> {
    let words: Vec<[u8; 8]> = (0..4096_u16).map(word).collect();
    for number in (0..files).filter(|number| number.is_multiple_of(change)) {
        let place = folder.join(format!("part-{:02}", number % 80));
        std::fs::create_dir_all(&place).map_err(other)?;
        let mut state = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (generation << 32) | 1;
        let mut random = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        // A quarter is like pictures, the rest like programs and pages: words that repeat.
        let mut bytes = Vec::with_capacity(BYTES as usize);
        while (bytes.len() as u64) < BYTES {
            if number.is_multiple_of(4) {
                bytes.extend_from_slice(&random().to_le_bytes());
            } else {
                let at = (random() % 4096) as usize;
                bytes.extend(words.get(at).into_iter().flatten());
            }
        }
        std::fs::write(place.join(format!("file-{number:04}.txt")), bytes).map_err(other)?;
    }
    Ok(())
}

fn word(number: u16) -> [u8; 8] {
    let digit = |shift: u16| b"0123456789abcdef".get(usize::from(number >> shift & 15)).copied().unwrap_or_default();
    [b'w', b'o', b'r', b'd', digit(8), digit(4), digit(0), b' ']
}

const CONTENDERS: [&str; 6] = [
    "`slipway deploy`, all of it",
    "scp",
    "sftp",
    "rsync -az",
    "rsync -a --zc=zstd",
    "rsync -az --link-dest, a new folder",
];

/// Those that send everything every time; they take no second turn.
const ALWAYS_ALL: [usize; 2] = [1, 2];

fn contender(place: &Place, which: usize, turn: u64) -> Command {
    let (local, to) = (place.folder.join("big"), format!("root@127.0.0.1:/srv/peer-{which}"));
    let ssh = format!("ssh {}", place.ssh_options(&place.far, "-p").join(" "));
    let mut command =
        Command::new(["slipway", "scp", "sftp", "rsync", "rsync", "rsync"].get(which).copied().unwrap_or_default());
    match which {
        0 => return place.desk.command(&["--json", "deploy", "--yes"]),
        1 => command.args(["-q", "-r"]).args(place.ssh_options(&place.far, "-P")).arg(local).arg(to),
        2 => command
            .args(["-q", "-b"])
            .arg(place.folder.join("batch"))
            .args(place.ssh_options(&place.far, "-P"))
            .arg("root@127.0.0.1"),
        3 => command.args(["-az", "--mkpath", "--delete", "-e", &ssh]).arg(local).arg(to),
        5 => command
            .args(["-az", "--mkpath", "--link-dest=/srv/peer-5/0", "-e", &ssh])
            .arg(local)
            .arg(format!("{to}/{turn}")),
        _ => command.args(["-a", "--zc=zstd", "--mkpath", "--delete", "-e", &ssh]).arg(local).arg(to),
    };
    command
}

/// Prints the table.
pub(super) fn run(place: &Place, options: &Options<'_>) -> Result<(), HostError> {
    let done = place.far.host.shell("apt-get install -qq -y rsync >/dev/null 2>&1 && rsync --version >/dev/null");
    if !done.is_success() {
        return Err(HostError::Other(format!("rsync on the host: {done}")));
    }
    let batch = format!("mkdir /srv/peer-2/big\nput -r {} /srv/peer-2/\n", place.folder.join("big").display());
    std::fs::write(place.folder.join("batch"), batch.replace("mkdir", "-mkdir")).map_err(other)?;
    place.desk.site(SITE)?;
    write(&place.folder.join("big"), options.files, 0, 1)?;
    place.desk.run(0, &["apply", "--yes"])?;
    for (number, round_trip) in round_trips(options, &[0]).into_iter().enumerate() {
        place.far.slow_down(round_trip);
        // Nothing that an earlier table has sent is sent again.
        turns(place, options, round_trip, 1000 * number as u64)?;
    }
    place.far.slow_down(0);
    Ok(())
}

/// Measures at one latency, and prints.
fn turns(place: &Place, options: &Options<'_>, round_trip: u64, generations: u64) -> Result<(), HostError> {
    let before = load();
    let rounds = options.rounds.min(3);
    let mut costs: Vec<[Vec<Cost>; 2]> = vec![[Vec::new(), Vec::new()]; CONTENDERS.len()];
    let mut uploads = [Vec::new(), Vec::new()];
    for round in (generations..).take(rounds) {
        // The first time again: nothing of an earlier release is there to be copied.
        let emptied = place.far.host.shell(
            "rm -rf /srv/peer-* /opt/big/releases/* /opt/big/current; : >/var/lib/slipway/big/ledger; mkdir -p /srv/peer-1 /srv/peer-2",
        );
        if !emptied.is_success() {
            return Err(HostError::Other(emptied.to_string()));
        }
        write(&place.folder.join("big"), options.files, 2 * round, 1)?;
        for (turn, generation) in [(0, 2 * round), (1, 2 * round + 1)] {
            if turn == 1 {
                write(&place.folder.join("big"), options.files, generation, CHANGED)?;
            }
            for (which, costs) in costs.iter_mut().enumerate() {
                if turn == 1 && ALWAYS_ALL.contains(&which) {
                    continue;
                }
                let command = contender(place, which, turn as u64);
                let Some((cost, said)) = watch_for(options.limit_s, &place.far.relay, &command)? else { continue };
                if let Some(costs) = costs.get_mut(turn) {
                    costs.push(cost);
                }
                if let Some(uploads) = uploads.get_mut(turn).filter(|_| which == 0) {
                    uploads.push(upload_seconds(&said)?);
                }
            }
        }
    }
    let megabytes = options.files * BYTES / 1_000_000;
    println!("\n### {megabytes} MB in {} files, {round_trip} ms; median of {rounds}\n", options.files);
    println!("Load average {before} before, {} after.\n", load());
    println!("| | first | MB | CPU here | 2 % changed | MB | CPU here |\n|---|---:|---:|---:|---:|---:|---:|");
    let late = format!("more than {} s | |", options.limit_s);
    for (at, (which, [first, second])) in CONTENDERS.iter().zip(&costs).enumerate() {
        let again = if ALWAYS_ALL.contains(&at) { "all again | |" } else { &late };
        println!("| {which} | {} | {} |", cells(first, &late), cells(second, again));
        if at == 0 {
            let [first, second] = uploads.each_ref().map(|uploads| median(uploads).unwrap_or_default());
            println!("| of which the upload | {first:.1} s | | | {second:.1} s | | |");
        }
    }
    interrupted(place, options, generations + 500)
}

/// How long a deployment's step took that sends the source, by its own events.
fn upload_seconds(events: &[u8]) -> Result<f64, HostError> {
    let events: Vec<Value> = events
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(serde_json::from_slice)
        .collect::<Result<_, _>>()
        .map_err(other)?;
    let steps = events.iter().find_map(|event| event["plan"]["steps"].as_array());
    let step = steps.and_then(|steps| steps.iter().position(|step| step["id"] == "source"));
    let at = |name: &str| {
        let event =
            events.iter().find(|event| event["event"] == name && event["step"].as_u64() == step.map(|s| s as u64));
        event.and_then(|event| event["at_ms"].as_f64())
    };
    match (at("step-started"), at("step-finished")) {
        (Some(began), Some(ended)) if step.is_some() => Ok((ended - began) / 1000.0),
        _ => Err(other("the deployment did not say when it sent its source")),
    }
}

fn cells(costs: &[Cost], none: &str) -> String {
    if costs.is_empty() {
        return none.to_owned();
    }
    let of = |pick: fn(&Cost) -> f64| median(&costs.iter().map(pick).collect::<Vec<_>>()).unwrap_or_default();
    let bytes = of(|cost| (cost.traffic.sent + cost.traffic.received) as f64);
    format!("{:.1} s | {:.1} | {:.1} s", of(|cost| cost.seconds), bytes / 1e6, of(|cost| cost.cpu))
}

/// Cuts a first upload off at 90 % and looks how much the next try sends.
fn interrupted(place: &Place, options: &Options<'_>, generation: u64) -> Result<(), HostError> {
    let emptied = place.far.host.shell("rm -rf /opt/big/releases/* /opt/big/current; : >/var/lib/slipway/big/ledger");
    if !emptied.is_success() {
        return Err(HostError::Other(emptied.to_string()));
    }
    write(&place.folder.join("big"), options.files, generation, 1)?;
    let whole = watch(&place.far.relay, &contender(place, 0, 0))?.traffic.sent;
    place.far.host.shell("rm -rf /opt/big/releases/* /opt/big/current; : >/var/lib/slipway/big/ledger");
    place.far.relay.reset_traffic();
    let over = AtomicBool::new(false);
    let cut_at = std::thread::scope(|scope| {
        let cutting = scope.spawn(|| {
            while place.far.relay.traffic().sent < whole / 10 * 9 {
                if over.load(Ordering::SeqCst) {
                    return Err(other("the upload ended before it was cut off"));
                }
                std::thread::sleep(Duration::from_millis(1));
            }
            place.far.relay.cut(Cut::Reset);
            Ok(place.far.relay.traffic().sent)
        });
        let output = bounded(LIMIT_S, &contender(place, 0, 0));
        over.store(true, Ordering::SeqCst);
        match output {
            Ok(output) if output.status.success() => Err(other("it was cut off, and says that it succeeded")),
            Ok(_) => cutting.join().unwrap_or_else(|_| Err(other("the cut failed"))),
            Err(error) => Err(error),
        }
    })?;
    let next = watch(&place.far.relay, &contender(place, 0, 0))?.traffic.sent;
    let percent = |bytes: u64| bytes as f64 * 100.0 / whole as f64;
    println!(
        "\nCut off after {:.1} % of {:.1} MB: the next try sends {:.1} %, {:.2} % of them again.",
        percent(cut_at),
        whole as f64 / 1e6,
        percent(next),
        percent((cut_at + next).saturating_sub(whole))
    );
    Ok(())
}
