//! Generated values, most of which mean harm, through every encoder; the programs that read them are the judges.
//!
//! A value arrives unchanged or is refused, and nothing arrives that was not sent: no directive, no command, no variable.
//! `SLIPWAY_CASES` is how many values each grammar gets, `SLIPWAY_SEED` begins another sequence.

mod documents;
mod generate;
mod logrotate;
mod nginx;
mod shell;
mod sudoers;
mod systemd;
mod toml;

use std::path::Path;
use std::process::{Command, Stdio};

/// How many values a grammar gets.
fn cases(default: usize) -> usize {
    std::env::var("SLIPWAY_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// What became of the values of one grammar; printed as a row of the table in hostile.md.
#[derive(Default)]
struct Tally {
    sent: usize,
    refused: usize,
    judged: usize,
}

impl Tally {
    /// Counts a value, and passes on what it was encoded to.
    fn count<T, E>(&mut self, encoded: Result<T, E>) -> Option<T> {
        self.sent += 1;
        if encoded.is_err() {
            self.refused += 1;
        }
        encoded.ok()
    }

    /// Insists that every value had its judge, and that most were held.
    fn close(&self, grammar: &str, judges: &str) {
        println!("| {grammar} | {judges} | {} | {} | {} |", self.sent, self.judged, self.refused);
        assert_eq!(self.judged + self.refused, self.sent, "{grammar}: values without a judge");
        assert!(self.judged * 10 >= self.sent, "{grammar}: nearly everything was refused");
    }
}

/// Whether all `programs` are here; says which is not.
fn can_judge(programs: &[&str]) -> bool {
    for program in programs {
        let found =
            ["/usr/bin", "/usr/sbin", "/bin", "/sbin"].iter().any(|folder| Path::new(folder).join(program).exists());
        if !found {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "no {program} on this machine");
            println!("not run: no {program} on this machine");
            return false;
        }
    }
    true
}

/// Runs a judge and insists that it ends well; what it printed on standard output.
fn judge(command: &mut Command) -> Vec<u8> {
    let output = command.stdin(Stdio::null()).env("LC_ALL", "C.UTF-8").output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}", complaint.chars().take(2000).collect::<String>());
    output.stdout
}

/// Insists on the same values in the same order, and names the first that differs.
fn same(found: &[impl AsRef<[u8]>], sent: &[String]) {
    for (number, (found, sent)) in found.iter().zip(sent).enumerate() {
        let found = found.as_ref();
        assert!(found == sent.as_bytes(), "value {number}: {sent:?} arrived as {:?}", String::from_utf8_lossy(found));
    }
    assert_eq!(found.len(), sent.len(), "more or less arrived than was sent");
}

/// The parts of `bytes` that each end with NUL.
fn split_nul(bytes: &[u8]) -> Vec<&[u8]> {
    let mut parts: Vec<&[u8]> = bytes.split(|byte| *byte == 0).collect();
    assert!(parts.pop().is_some_and(<[u8]>::is_empty), "text after the last value");
    parts
}
