//! Where root's work on a host can be stopped: before and after each call of a program that changes something.
//!
//! The programs of the test host are replaced by one that counts and waits; nothing of Slipway knows of it.

use std::time::{Duration, Instant};

use slipway_tests::hosts::Host;

use crate::inside;

const PROGRAM: &str = include_str!("program");
const PROGRAMS: &str =
    "mv ln mkdir rm chown chmod cp tar sync useradd userdel groupdel rmdir systemctl systemd-run setpriv";

/// The first call of every change of the host lock.
pub(crate) const RENEWAL: &str = "mkdir -p -m 0700 /run/slipway";

/// One side of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Before,
    After,
}

impl Side {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::After => "after",
        }
    }
}

/// Replaces the programs, for good: part of what a checkpoint keeps.
pub(crate) fn replace_programs(host: &Host) {
    host.write_file("/usr/libexec/faults/program", PROGRAM).unwrap();
    inside(
        host,
        &format!(
            "cd /usr/libexec/faults && chmod 0755 program && for name in {PROGRAMS}; do \
             cp -a \"$(readlink -f \"$(command -v $name)\")\" $name || exit 1; done; for name in {PROGRAMS}; do \
             path=$(command -v $name) && ./cp program \"$path.new\" && ./mv \"$path.new\" \"$path\" || exit 1; done"
        ),
    );
}

/// Begins to count. With a place, work stops there.
pub(crate) fn arm(host: &Host, at: Option<(usize, Side)>) {
    let at = at.map_or_else(String::new, |(number, side)| format!("echo {number} {} >/run/faults/at; ", side.word()));
    inside(
        host,
        &format!("rm -rf /run/faults; mkdir -m 0700 /run/faults; echo 0 >/run/faults/number; : >/run/faults/log; {at}"),
    );
}

/// Calls so far.
pub(crate) fn calls(host: &Host) -> Vec<String> {
    inside(host, "cat /run/faults/log").lines().map(str::to_owned).collect()
}

/// Waits until work stopped at the place, and says at which call; none when `ended` before that.
pub(crate) fn wait(host: &Host, mut ended: impl FnMut() -> bool) -> Option<String> {
    let deadline = Instant::now() + Duration::from_secs(180);
    loop {
        let over = ended();
        let reached = host.shell("read -r n </run/faults/reached && sed -n \"${n}p\" /run/faults/log");
        if reached.is_success() {
            return Some(reached.stdout.trim().to_owned());
        }
        if over {
            return None;
        }
        assert!(Instant::now() < deadline, "neither the place nor the end was reached");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Lets work go on.
pub(crate) fn go(host: &Host) {
    inside(host, "rm -f /run/faults/at; touch /run/faults/go");
}
