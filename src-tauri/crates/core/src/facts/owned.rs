//! What Slipway left on the host: its manifests, and the lock of a run in progress.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::reply::{Part, Reply, fact, script};
use crate::command::{Command, Output};

use crate::fact::Fact;
use crate::site::Name;

/// Slipway's own records, unparsed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owned {
    /// Text of `/var/lib/slipway/SITE/manifest.json` by site; absent when the directory has none.
    pub manifests: BTreeMap<Name, Fact<String>>,
    /// Text of `/run/slipway/lock`.
    pub lock: Fact<String>,
}

/// Largest manifest or lock that is read, bytes.
pub const RECORD_LIMIT: usize = 256 << 10;

/// Asks for manifests and the lock.
pub fn command() -> Command {
    Command::script(script!("owned.sh"), [""; 0]).timeout(Duration::from_secs(10)).output_limit(8 << 20)
}

/// Reads the answer to [`command`].
pub fn parse(output: &Output) -> Fact<Owned> {
    fact(read(output).map(Some))
}

fn read(output: &Output) -> Result<Owned, String> {
    let reply = Reply::read(output)?;
    let mut manifests = BTreeMap::new();
    let mut site: Option<Name> = None;
    for part in reply.parts() {
        match part.name {
            // A directory that no site could have made is none of ours.
            "site" => site = part.text().ok().and_then(|name| name.parse().ok()),
            "manifest" => {
                if let Some(name) = site.take() {
                    manifests.insert(name, fact(record(part)));
                }
            }
            _ => {}
        }
    }
    Ok(Owned { manifests, lock: fact(record(reply.need("lock")?)) })
}

fn record(part: &Part<'_>) -> Result<Option<String>, String> {
    match part.good_or_missing()? {
        Some(text) if text.len() > RECORD_LIMIT => Err(format!("{}: larger than {RECORD_LIMIT} bytes", part.name)),
        Some(text) => Ok(Some(text.to_owned())),
        None => Ok(None),
    }
}
