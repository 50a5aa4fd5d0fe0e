//! Races for the host lock: the program that changes it, run by real shells at the same time on one folder.
//!
//! SLIPWAY_LOCK_RACES=1000 runs that many of them.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a broken assumption must stop a test")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command as Process, Output as Ended, Stdio};

use slipway_core::command::{Command, Exit, Output};
use slipway_core::lock::{self, Acquired};

/// When the dead holder of a race last renewed its lease, in seconds of uptime. The lease is 300 s.
const RENEWED: u64 = 1000;

/// A folder that stands for `/run/slipway`, with the host's uptime beside it.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("slipway-lock-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(path.join("programs")).unwrap();
        let place = Self(path);
        // Tells of a run that is at work if the test says so. The time of day is nobody's business here.
        place.program("systemctl", "[ ! -e \"$PLACE/working\" ] || echo slipway-run-x.service");
        place.program("date", ": >\"$PLACE/asked-for-the-time\"");
        place
    }

    fn program(&self, name: &str, text: &str) {
        let path = self.0.join("programs").join(name);
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn begin(&self, command: &Command) -> std::process::Child {
        let place = self.0.to_str().unwrap();
        let own = |word: &String| {
            word.replace("/run/slipway", &format!("{place}/run")).replace("/proc/uptime", &format!("{place}/uptime"))
        };
        let argv: Vec<String> = command.argv.iter().map(own).collect();
        Process::new(&argv[0])
            .args(&argv[1..])
            .env("PATH", format!("{place}/programs:{}", std::env::var("PATH").unwrap()))
            .env("PLACE", place)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    fn run(&self, command: &Command) -> Output {
        output(self.begin(command).wait_with_output().unwrap())
    }

    /// The lock as somebody left it who is gone, and how long the host has been up since it was last renewed.
    fn left(&self, after: Option<u64>) {
        let _ = fs::remove_dir_all(self.0.join("run"));
        fs::create_dir(self.0.join("run")).unwrap();
        fs::write(self.0.join("uptime"), format!("{}.25 7.00\n", RENEWED + after.unwrap_or(0))).unwrap();
        if after.is_some() {
            fs::write(self.0.join("run/lock"), format!("dead\nanna@gone\ndeploy shop\n900\n{RENEWED}\n")).unwrap();
        }
    }

    fn working(&self, working: bool) {
        let path = self.0.join("working");
        if working { fs::write(path, "").unwrap() } else { drop(fs::remove_file(path)) }
    }

    /// Whose the lock is now: the one whose renewal succeeds.
    fn holders(&self, tokens: &[String]) -> Vec<String> {
        tokens.iter().filter(|token| self.run(&lock::renew(token)).success()).cloned().collect()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn output(ended: Ended) -> Output {
    let exit = Exit::Code(ended.status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(255));
    Output { exit, stdout: ended.stdout, stderr: ended.stderr, truncated: false }
}

#[test]
fn races_have_one_winner_each() {
    let races = std::env::var("SLIPWAY_LOCK_RACES").ok().and_then(|text| text.parse().ok()).unwrap_or(100);
    let place = Place::new("races");
    let mut overlapping = 0;
    for race in 0..races {
        let kind = race % 5;
        // Free; run out; not quite; run out but at work; run out while its holder comes back to renew it.
        place.left([None, Some(300), Some(299), Some(4000), Some(301)][kind]);
        place.working(kind == 3);
        let tokens: Vec<String> = (0..3).map(|number| format!("run{race}-{number}")).collect();
        let begun: Vec<_> = tokens
            .iter()
            .map(|token| place.begin(&lock::acquire(token, &format!("{token}@desk"), "deploy shop", &[])))
            .collect();
        let back = (kind == 4).then(|| place.begin(&lock::renew("dead")));
        let ended: Vec<_> =
            begun.into_iter().map(|child| lock::parse_acquired(&output(child.wait_with_output().unwrap()))).collect();
        let renewed = back.is_some_and(|child| child.wait_with_output().unwrap().status.success());
        let context = format!("race {race}: {ended:#?}");
        let ours: Vec<&String> = tokens
            .iter()
            .zip(&ended)
            .filter(|(_, it)| matches!(it, Ok(Acquired::Ours { .. })))
            .map(|(t, _)| t)
            .collect();
        let expected = usize::from(!(matches!(kind, 2 | 3) || renewed));
        assert_eq!(ours.len(), expected, "{context}");
        let all: Vec<String> = tokens.iter().cloned().chain(["dead".to_owned()]).collect();
        let winner = ours.first().map_or_else(|| "dead".to_owned(), |token| (*token).clone());
        assert_eq!(place.holders(&all), std::slice::from_ref(&winner), "{context}");
        for (token, end) in tokens.iter().zip(&ended) {
            match end {
                // Who takes a lock over that has run out is told whose it was.
                Ok(Acquired::Ours { stale }) => {
                    let trace = stale.as_ref().map(|holder| (holder.owner.as_str(), holder.reason.as_str()));
                    assert_eq!(trace, (kind != 0).then_some(("anna@gone", "deploy shop")), "{context}");
                }
                Ok(Acquired::Held(holder)) => {
                    let owner = if winner == "dead" { "anna@gone".to_owned() } else { format!("{winner}@desk") };
                    assert_eq!((holder.owner.clone(), holder.working), (owner, kind == 3), "{token} {context}");
                    overlapping += usize::from(winner != "dead");
                }
                Err(why) => panic!("{why} {context}"),
            }
        }
        // Who has lost gives nothing back; who holds it does.
        for token in tokens.iter().filter(|token| **token != winner) {
            assert!(place.run(&lock::release(token)).success());
        }
        assert!(place.0.join("run/lock").exists(), "{context}");
        assert!(place.run(&lock::release(&winner)).success());
        assert!(!place.0.join("run/lock").exists(), "{context}");
    }
    assert!(overlapping > races / 2, "nobody ever came second");
    assert!(!place.0.join("asked-for-the-time").exists(), "the lock depends on a clock that people set");
}

/// A run that died leaves its lock to its own operator as soon as nothing is left of it on the host, and to nobody else.
#[test]
fn the_lock_of_a_dead_run_is_its_operators() {
    let place = Place::new("dead");
    let dead = ["other".to_owned(), "dead".to_owned()];
    let take = |owner: &str, dead: &[String]| {
        lock::parse_acquired(&place.run(&lock::acquire("new", owner, "deploy shop", dead))).unwrap()
    };
    let held = |acquired: Acquired| matches!(acquired, Acquired::Held(holder) if holder.owner == "anna@desk");
    // A session of its own, in which the dead run's last command still works.
    let mut session = Process::new("setsid")
        .args(["sh", "-c", "echo $$; read -r end"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut number = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(session.stdout.as_mut().unwrap()), &mut number).unwrap();
    let number = number.trim();
    let leave = |sessions: &str| {
        place.left(Some(1));
        fs::write(place.0.join("run/lock"), format!("dead\nanna@desk\ndeploy shop\n900\n{RENEWED}\n{sessions}\n"))
            .unwrap();
    };
    leave(&format!("999999999 {number}"));
    assert!(held(take("anna@desk", &dead)), "it is at work");
    drop(session.stdin.take());
    session.wait().unwrap();
    for sessions in ["", "unknown", &format!("{number} unknown")] {
        leave(sessions);
        assert!(held(take("anna@desk", &dead)), "nobody knows whether it is at work: {sessions:?}");
    }
    leave(number);
    assert!(held(take("anna@desk", &[])), "it may be alive");
    assert!(held(take("anna@desk", &["other".to_owned(), "dea".to_owned()])), "another one is dead");
    assert!(held(take("bert@desk", &dead)), "it is another operator's");
    place.working(true);
    assert!(held(take("anna@desk", &dead)), "a task is at work");
    place.working(false);
    let taken = take("anna@desk", &dead);
    assert!(matches!(&taken, Acquired::Ours { stale: Some(holder) } if holder.expires_in_s == 299), "{taken:?}");
    assert_eq!(place.holders(&["dead".to_owned(), "new".to_owned()]), ["new"]);
    // Whoever holds it now has sessions of their own, and this one is alive.
    let lock = fs::read_to_string(place.0.join("run/lock")).unwrap();
    assert!(
        !lock.lines().any(|line| line == number) && lock.lines().nth(5).is_some_and(|own| own.parse::<u32>().is_ok()),
        "{lock}"
    );
    assert!(matches!(
        lock::parse_acquired(&place.run(&lock::acquire("newer", "anna@desk", "x", &["new".to_owned()]))).unwrap(),
        Acquired::Held(_)
    ));
}

#[test]
fn a_lock_that_cannot_be_written_is_nobodys() {
    let place = Place::new("full");
    place.left(None);
    // The new content cannot be put in the old one's place: as on a full disk.
    place.program("mv", "echo 'mv: No space left on device' >&2; exit 1");
    let output = place.run(&lock::acquire("a", "anna@desk", "deploy shop", &[]));
    assert!(lock::parse_acquired(&output).is_err(), "{output:?}");
    assert!(place.holders(&["a".to_owned()]).is_empty());
}
