//! Updates that wait to be installed, from the lists that the host already has: nothing is fetched or changed.
//!
//! Lists that were never fetched say nothing, so without them the answer is a failed fact and not zero.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::packages::PackageManager;
use super::reply::{Part, Reply, excerpt, fact, number, script};
use crate::command::{Command, Output};
use crate::fact::Fact;

/// Waiting updates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Updates {
    /// Packages that an update would replace.
    pub pending: u32,
    /// Those of them that mend a security hole; `None` where the distribution's lists do not say.
    pub security: Option<u32>,
    /// When the lists were last refreshed, seconds since 1970; `None` for dnf, which refreshes them by itself.
    pub as_of: Option<u64>,
}

/// Asks the package manager; takes seconds, so it is not part of the sweep.
pub fn command(manager: PackageManager) -> Command {
    let script = match manager {
        PackageManager::Apt => script!("updates-apt.sh"),
        PackageManager::Dnf => script!("updates-dnf.sh"),
    };
    Command::script(script, [""; 0]).timeout(Duration::from_secs(120)).output_limit(2 << 20)
}

/// Reads the answer to [`command`].
pub fn parse(output: &Output) -> Fact<Updates> {
    fact(read(output).map(Some))
}

fn read(output: &Output) -> Result<Updates, String> {
    let reply = Reply::read(output)?;
    let Some(times) = reply.need("lists")?.good_or_missing()? else {
        return Err("the package lists were never fetched on the host".into());
    };
    let Some(all) = reply.find("all") else { return apt(reply.need("apt")?.good()?, times) };
    // dnf(8) check-update: 100 when there are updates, 0 when there are none.
    let count = |part: &Part<'_>| match part.status {
        0 => Ok(0),
        100 => dnf(part.text()?),
        status => Err(part.ended_with(status)),
    };
    Ok(Updates {
        pending: count(all)?,
        security: reply.find("security").and_then(|part| count(part).ok()),
        as_of: None,
    })
}

fn apt(text: &str, times: &str) -> Result<Updates, String> {
    let as_of = times.lines().filter_map(number::<u64>).max();
    let mut updates = Updates { pending: 0, security: Some(0), as_of };
    for line in text.lines() {
        // Inst NAME [OLD] (NEW ORIGIN:VERSION/SUITE, … [ARCHITECTURE]); a package that is new has no [OLD].
        let Some((_, rest)) = line.strip_prefix("Inst ").and_then(|rest| rest.split_once(' ')) else { continue };
        let Some((_, offered)) = rest.split_once(" (").filter(|_| rest.starts_with('[')) else { continue };
        updates.pending = updates.pending.saturating_add(1);
        if offered.contains("-security") || offered.contains("Debian-Security") {
            updates.security = updates.security.map(|count| count.saturating_add(1));
        }
    }
    Ok(updates)
}

/// `NAME.ARCHITECTURE VERSION REPOSITORY`, one package each; long ones go on in an indented line.
fn dnf(text: &str) -> Result<u32, String> {
    let mut count = 0_u32;
    for line in text.lines() {
        if line.starts_with("Obsoleting Packages") {
            break;
        }
        // An empty line comes first, and notes about the subscription end in a full stop or colon.
        let Some(first) = line.split(' ').next().filter(|word| !word.is_empty()) else { continue };
        let plain = first.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-._".contains(&b));
        if !plain || !first.contains('.') || first.ends_with('.') {
            continue;
        }
        count = count.saturating_add(1);
    }
    if count == 0 { Err(format!("dnf: {}", excerpt(text))) } else { Ok(count) }
}
