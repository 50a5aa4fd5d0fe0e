//! The host lock: one run at a time, across all desktops.
//!
//! The lock is a file in `/run` (it does not outlive a reboot, as no run does), changed only under
//! `flock(1)`. Expiry is counted by the host's own clock, so a desktop's clock does not matter.

use std::time::Duration;

use crate::command::{Command, Exit, Output};

/// How long a lock holds without being renewed: longer than any single command of a run is expected to take, since
/// renewals queue behind it.
pub const LEASE: Duration = Duration::from_secs(300);

/// Who holds the lock and why.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Holder {
    /// `user@machine` of the desktop.
    pub owner: String,
    /// What the run is.
    pub reason: String,
    /// Seconds since it was taken.
    pub held_for_s: u64,
    /// Seconds until it can be taken over.
    pub expires_in_s: u64,
    /// Whether a run is still at work on the host by itself (its desktop may be gone).
    pub working: bool,
}

/// Result of an attempt to take the lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Acquired {
    /// It is ours; `stale` names the holder whose lease had run out, or who is dead.
    Ours {
        /// Who held it before, if its lease had run out, or it is a dead run of the same operator (its lease goes on then).
        stale: Option<Holder>,
    },
    /// Somebody else holds it.
    Held(Holder),
}

const SCRIPT: &str = include_str!("lock.sh");

fn call(verb: &str, arguments: &[&str]) -> Command {
    let lease = LEASE.as_secs().to_string();
    let arguments = [&[verb, lease.as_str()], arguments].concat();
    Command::script(SCRIPT, arguments).timeout(Duration::from_secs(15))
}

/// Takes the lock for `token` (unique to the run). A lock of the same owner whose token is among `dead`, and of whose
/// connections nothing is left on the host, does not keep it from that.
pub fn acquire(token: &str, owner: &str, reason: &str, dead: &[String]) -> Command {
    let (owner, reason) = (one_line(owner), one_line(reason));
    let arguments: Vec<&str> = [token, &owner, &reason].into_iter().chain(dead.iter().map(String::as_str)).collect();
    call("acquire", &arguments)
}

/// Renews the lease; fails when the lock is no longer `token`'s.
pub fn renew(token: &str) -> Command {
    call("renew", &[token])
}

/// Gives the lock back; fine when it is gone.
pub fn release(token: &str) -> Command {
    call("release", &[token])
}

/// Takes the lock away from whoever holds it (`slipway unlock`), unless a run is at work on the host.
pub fn break_lock() -> Command {
    call("break", &[])
}

/// Reads the reply to [`acquire`] and [`break_lock`].
///
/// # Errors
/// The complaint, when the reply is not one of the known forms.
pub fn parse_acquired(output: &Output) -> Result<Acquired, String> {
    let text = output.text();
    let mut lines = text.lines();
    match (output.exit, lines.next()) {
        (Exit::Code(0), Some("ours")) => Ok(Acquired::Ours { stale: parse_holder(lines) }),
        (Exit::Code(75), Some("held")) => {
            parse_holder(lines).map(Acquired::Held).ok_or_else(|| "the lock's holder could not be read".to_owned())
        }
        _ => Err(format!("the host lock could not be taken: {}", output.complaint())),
    }
}

fn parse_holder<'a>(mut lines: impl Iterator<Item = &'a str>) -> Option<Holder> {
    let owner = lines.next()?.to_owned();
    let reason = lines.next()?.to_owned();
    let held_for_s = lines.next()?.parse().ok()?;
    let expires_in_s = lines.next()?.parse().ok()?;
    let working = match lines.next()? {
        "working" => true,
        "idle" => false,
        _ => return None,
    };
    Some(Holder { owner, reason, held_for_s, expires_in_s, working })
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect()
}
