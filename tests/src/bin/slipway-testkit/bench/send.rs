//! A release of many files: sent for the first time, with 2 % of the files changed, and cut off at 90 %.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use slipway_tests::hosts::HostError;
use slipway_tests::relay::Cut;

use super::phases::{Part, deploy, login};
use super::watch::{LIMIT_S, bounded, children_cpu, watch, watch_for};
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

/// What one turn took.
#[derive(Clone, Copy)]
struct Spent {
    seconds: f64,
    /// In both directions.
    bytes: u64,
    /// Processor seconds on this side; none where nobody counts them.
    cpu: Option<f64>,
}

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
    let mut costs: Vec<[Vec<Spent>; 2]> = vec![[Vec::new(), Vec::new()]; CONTENDERS.len()];
    let mut uploads: [Vec<Spent>; 2] = [Vec::new(), Vec::new()];
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
                let spent = if which == 0 {
                    let (whole, upload) = deployment(place, options.limit_s)?.unzip();
                    if let Some(uploads) = uploads.get_mut(turn) {
                        uploads.extend(upload);
                    }
                    whole
                } else {
                    let cost = watch_for(options.limit_s, &place.far.relay, &contender(place, which, turn as u64))?;
                    cost.map(|cost| Spent { seconds: cost.seconds, bytes: cost.traffic.bytes(), cpu: Some(cost.cpu) })
                };
                if let Some(costs) = costs.get_mut(turn) {
                    costs.extend(spent);
                }
            }
        }
    }
    let login = login(place)?;
    let megabytes = options.files * BYTES / 1_000_000;
    println!("\n### {megabytes} MB in {} files, {round_trip} ms; median of {rounds}\n", options.files);
    println!("Load average {before} before, {} after.\n", load());
    println!("| | first | MB | CPU here | 2 % changed | MB | CPU here |\n|---|---:|---:|---:|---:|---:|---:|");
    let late = format!("more than {} s | |", options.limit_s);
    for (at, (which, [first, second])) in CONTENDERS.iter().zip(&costs).enumerate() {
        let again = if ALWAYS_ALL.contains(&at) { "all again | |" } else { &late };
        println!("| {which} | {} | {} |", cells(first, &late), cells(second, again));
        if at == 0 {
            let [first, second] = uploads.each_ref().map(|uploads| cells(uploads, " | | "));
            println!("| of which the upload | {first} | {second} |");
        }
    }
    println!("| for comparison: `ssh host true` | {:.2} s | | | | | |", login.ms / 1e3);
    interrupted(place, options, generations + 500)
}

/// What a deployment cost, and its step that sends the source, whose processor time nobody counts.
fn deployment(place: &Place, limit_s: u64) -> Result<Option<(Spent, Spent)>, HostError> {
    let cpu = children_cpu()?;
    let Some(done) = deploy(place, limit_s)? else { return Ok(None) };
    let cpu = Some(children_cpu()? - cpu);
    let cost = |part: Part, cpu| Spent { seconds: part.ms / 1e3, cpu, bytes: part.bytes };
    let (whole, upload) = (cost(done.whole, cpu), cost(done.upload(), None));
    eprintln!("slipway: {:.2} s, the upload {:.2} s, {} KiB", whole.seconds, upload.seconds, upload.bytes >> 10);
    Ok(Some((whole, upload)))
}

fn cells(spent: &[Spent], none: &str) -> String {
    if spent.is_empty() {
        return none.to_owned();
    }
    let of = |pick: fn(&Spent) -> f64| median(&spent.iter().map(pick).collect::<Vec<_>>()).unwrap_or_default();
    let cpu: Option<Vec<f64>> = spent.iter().map(|spent| spent.cpu).collect();
    let cpu = cpu.and_then(|cpu| median(&cpu)).map(|cpu| format!("{cpu:.1} s")).unwrap_or_default();
    format!("{:.2} s | {:.2} | {cpu}", of(|spent| spent.seconds), of(|spent| spent.bytes as f64) / 1e6)
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
