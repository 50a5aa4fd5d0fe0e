//! How busy a host is: a sample that is cheap enough to be taken every few seconds, and what two of them come to.
//!
//! The shell's own `read` does the work, so that sampling does not show up in what it measures. Disks are asked only
//! now and then, because that takes a program.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::reply::{Reply, excerpt, fact, number, script};
use crate::command::{Command, Output};
use crate::fact::Fact;

/// What a sample asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// What `/proc` says.
    Quick,
    /// Disks as well.
    WithDisks,
}

/// One moment of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// Processor time since boot that was spent working, in ticks, over all processors (proc_stat(5)).
    pub cpu_busy: u64,
    /// All processor time since boot, in ticks.
    pub cpu_total: u64,
    /// Memory, KiB.
    pub memory_total: u64,
    /// Memory that programs could still use, KiB.
    pub memory_available: u64,
    /// Load average over a minute, in hundredths.
    pub load1_hundredths: u32,
    /// How full the fuller of the file systems of `/` and `/var` is, when that was asked.
    pub disk_percent: Option<u8>,
}

impl Sample {
    /// How busy the processors were since `before`; `None` when the samples are not of the same boot or no time
    /// went by.
    pub fn cpu_percent_since(&self, before: &Self) -> Option<u8> {
        let total = self.cpu_total.checked_sub(before.cpu_total).filter(|ticks| *ticks > 0)?;
        // Ticks of waiting for disks may go backwards (proc_stat(5)), so busy time may seem to exceed all time.
        let busy = self.cpu_busy.saturating_sub(before.cpu_busy);
        Some(percent(busy, total))
    }

    /// How much of the memory programs could not use.
    pub fn memory_percent(&self) -> u8 {
        percent(self.memory_total.saturating_sub(self.memory_available), self.memory_total)
    }
}

/// Rounded to the nearest; at most 100.
fn percent(part: u64, whole: u64) -> u8 {
    if whole == 0 {
        return 0;
    }
    let rounded = (u128::from(part) * 200 + u128::from(whole)) / (u128::from(whole) * 2);
    u8::try_from(rounded.min(100)).unwrap_or(100)
}

/// Asks for a sample.
pub fn command(depth: Depth) -> Command {
    let word = match depth {
        Depth::Quick => "",
        Depth::WithDisks => "disks",
    };
    Command::script(script!("load.sh"), [word]).timeout(Duration::from_secs(4)).output_limit(16 << 10)
}

/// Reads the answer to [`command`].
pub fn parse(output: &Output) -> Fact<Sample> {
    fact(read(output).map(Some))
}

fn read(output: &Output) -> Result<Sample, String> {
    let reply = Reply::read(output)?;
    let (cpu_busy, cpu_total) = cpu(reply.need("cpu")?.good()?)?;
    let (memory_total, memory_available) = memory(reply.need("memory")?.good()?)?;
    let load1_hundredths = load(reply.need("load")?.good()?)?;
    let disk_percent = match reply.find("disks") {
        // Status 1: one of the two could not be asked; the other counts.
        Some(part) if part.status <= 1 => Some(disks(part.text()?)?),
        Some(part) => return Err(part.ended_with(part.status)),
        None => None,
    };
    Ok(Sample { cpu_busy, cpu_total, memory_total, memory_available, load1_hundredths, disk_percent })
}

/// `cpu user nice system idle iowait irq softirq steal guest guest_nice`; guests are in user and nice already.
fn cpu(line: &str) -> Result<(u64, u64), String> {
    let strange = || format!("/proc/stat: {}", excerpt(line));
    let numbers = line.strip_prefix("cpu ").ok_or_else(strange)?.split_whitespace().take(8).map(number::<u64>);
    let numbers: Vec<u64> = numbers.collect::<Option<_>>().ok_or_else(strange)?;
    let [user, nice, system, idle, rest @ ..] = numbers.as_slice() else { return Err(strange()) };
    let add = |numbers: &[u64]| numbers.iter().try_fold(0_u64, |sum, number| sum.checked_add(*number));
    let total = add(&numbers).ok_or_else(strange)?;
    let waiting = rest.first().copied().unwrap_or(0);
    let worked = rest.get(1..).unwrap_or_default();
    let busy = add(&[*user, *nice, *system]).and_then(|sum| sum.checked_add(add(worked)?)).ok_or_else(strange)?;
    debug_assert!(busy.checked_add(*idle).and_then(|sum| sum.checked_add(waiting)) == Some(total));
    Ok((busy, total))
}

fn memory(text: &str) -> Result<(u64, u64), String> {
    let numbers = text.trim().split_once(' ').and_then(|(total, free)| Some((number::<u64>(total)?, number(free)?)));
    numbers
        .filter(|(total, free)| *total > 0 && free <= total)
        .ok_or_else(|| format!("/proc/meminfo: {}", excerpt(text)))
}

fn load(line: &str) -> Result<u32, String> {
    let first = line.split(' ').next().and_then(|word| word.split_once('.'));
    let parsed = first.and_then(|(whole, hundredths)| {
        let hundredths = number::<u32>(hundredths).filter(|_| hundredths.len() == 2)?;
        number::<u32>(whole)?.checked_mul(100)?.checked_add(hundredths)
    });
    parsed.ok_or_else(|| format!("/proc/loadavg: {}", excerpt(line)))
}

/// The largest "Capacity" of `df -P` (POSIX df, "used as a percentage of what normal users can use").
fn disks(text: &str) -> Result<u8, String> {
    let mut lines = text.lines();
    if !lines.next().is_some_and(|heading| heading.starts_with("Filesystem")) {
        return Err(format!("df: {}", excerpt(text)));
    }
    let mut fullest = None;
    for line in lines {
        let capacity = line.split_whitespace().rev().find_map(|word| number::<u8>(word.strip_suffix('%')?));
        let capacity = capacity.filter(|percent| *percent <= 100).ok_or_else(|| format!("df: {}", excerpt(line)))?;
        fullest = fullest.max(Some(capacity));
    }
    fullest.ok_or_else(|| "df lists nothing".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_samples_make_a_load() {
        let at = |busy, total| Sample {
            cpu_busy: busy,
            cpu_total: total,
            memory_total: 1000,
            memory_available: 254,
            load1_hundredths: 0,
            disk_percent: None,
        };
        assert_eq!(at(150, 1100).cpu_percent_since(&at(100, 1000)), Some(50));
        assert_eq!(at(100, 1100).cpu_percent_since(&at(100, 1000)), Some(0));
        assert_eq!(at(300, 1100).cpu_percent_since(&at(100, 1000)), Some(100), "counters that disagree");
        assert_eq!(at(10, 100).cpu_percent_since(&at(100, 1000)), None, "the host was restarted");
        assert_eq!(at(100, 1000).cpu_percent_since(&at(100, 1000)), None);
        assert_eq!(at(0, 1).memory_percent(), 75);
        assert_eq!(percent(u64::MAX, u64::MAX), 100);
    }
}
