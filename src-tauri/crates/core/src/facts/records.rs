//! What Slipway wrote down on the host: its records, and the lock of a run in progress.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::reply::{Part, Reply, fact, script};
use crate::command::{Command, Output};

use crate::fact::Fact;
use crate::site::Name;

/// Slipway's own records, unparsed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostRecords {
    /// What is written of each site.
    pub sites: BTreeMap<Name, SiteRecords>,
    /// Text of `/var/lib/slipway/host.json`.
    pub host: Fact<String>,
    /// Text of `/run/slipway/lock`.
    pub lock: Fact<String>,
}

/// What is written of one site, unparsed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteRecords {
    /// Text of `/var/lib/slipway/SITE/manifest.json`.
    pub manifest: Fact<String>,
    /// Text of `/var/lib/slipway/SITE/confirmed`: what a run that is not over, or was cut off, has done.
    pub confirmed: Fact<String>,
}

/// Largest manifest or lock that is read, bytes.
pub const RECORD_LIMIT: usize = 256 << 10;

/// Asks for manifests and the lock.
pub fn command() -> Command {
    Command::script(script!("records.sh"), [""; 0]).timeout(Duration::from_secs(10)).output_limit(8 << 20)
}

/// Reads the answer to [`command`].
pub fn parse(output: &Output) -> Fact<HostRecords> {
    fact(read(output).map(Some))
}

fn read(output: &Output) -> Result<HostRecords, String> {
    let reply = Reply::read(output)?;
    let mut sites: BTreeMap<Name, SiteRecords> = BTreeMap::new();
    let mut site: Option<Name> = None;
    for part in reply.parts() {
        let of = |sites: &mut BTreeMap<Name, SiteRecords>, put: &dyn Fn(&mut SiteRecords, Fact<String>)| {
            if let Some(name) = site.clone() {
                let none = SiteRecords { manifest: Fact::Absent, confirmed: Fact::Absent };
                put(sites.entry(name).or_insert(none), fact(record(part)));
            }
        };
        match part.name {
            // A directory that no site could have made is none of ours.
            "site" => site = part.text().ok().and_then(|name| name.parse().ok()),
            "manifest" => of(&mut sites, &|records, text| records.manifest = text),
            "confirmed" => of(&mut sites, &|records, text| records.confirmed = text),
            _ => {}
        }
    }
    let need = |name: &str| Ok::<_, String>(fact(record(reply.need(name)?)));
    Ok(HostRecords { sites, host: need("host")?, lock: need("lock")? })
}

fn record(part: &Part<'_>) -> Result<Option<String>, String> {
    match part.good_or_missing()? {
        Some(text) if text.len() > RECORD_LIMIT => Err(format!("{}: larger than {RECORD_LIMIT} bytes", part.name)),
        Some(text) => Ok(Some(text.to_owned())),
        None => Ok(None),
    }
}
