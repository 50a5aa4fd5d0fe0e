//! Looking at what runs: status, releases, logs, the audit log, the certificate, what was changed by hand.

pub mod certificate;
mod drift;
mod looking;
mod releases;

use std::time::Duration;

use serde::Serialize;
use slipway_core::command::{Command, Output};
use slipway_core::fact::Fact;
use slipway_core::facts::Facts;
use slipway_core::facts::records::SiteRecords;
use slipway_core::manifest::Manifest;
use slipway_core::release::{Layout, ReleaseId, ReleaseRecord};
use slipway_core::resource::Kind as _;
use slipway_core::resource::unit::Unit;
use slipway_core::running::{self, Running};
use slipway_core::seen::rules_in_force;
use slipway_core::site::Name;
use slipway_core::units;
use slipway_host::Batch;

use crate::failure::{Code, Failure, Outcome};
use crate::link::Link;
use crate::observe;
use crate::remote::host_failure;

pub use drift::{Drift, DriftRow};
pub use looking::{Look, Looking, SiteHealth};
pub use releases::{KnownRelease, releases, remove_release};

use releases::{active_command, parse_active};

/// A site on a host, at this moment.
#[derive(Debug, Clone, Serialize)]
pub struct SiteStatus {
    /// The site.
    pub site: Name,
    /// The host.
    pub host: String,
    /// What runs.
    pub running: Running,
    /// Record of the active release.
    pub release: Option<ReleaseRecord>,
    /// Whether the active release has proven itself.
    pub known_good: bool,
    /// Whether an activation was interrupted, and of which release.
    pub interrupted: Option<ReleaseId>,
    /// Answer of the site through nginx: its status, `000` when none came.
    pub front: Option<String>,
    /// How long that answer took, milliseconds.
    pub front_ms: Option<u64>,
    /// Whether every unit is active and runs from the active release.
    pub units_healthy: bool,
    /// Whether the rules that keep everybody but nginx from the site's ports should be in force and are not.
    pub unguarded: bool,
}

/// Sites that Slipway manages on the host, from the facts.
pub fn sites(facts: &Facts) -> Vec<Name> {
    // A folder without a manifest is not a site: that of answers to certificate authorities. Neither is what a site has
    // left: its data. One whose record cannot be read is there.
    let there = |records: &SiteRecords| match &records.manifest {
        Fact::Known(text) => Manifest::parse(text).map_or(true, |manifest| !manifest.left),
        Fact::Absent => false,
        Fact::Failed(_) => true,
    };
    let sites = facts.records.known().map(|records| &records.sites).into_iter().flatten();
    sites.filter(|(_, records)| there(records)).map(|(name, _)| name.clone()).collect()
}

/// State of a site: two round trips.
///
/// # Errors
/// When the host cannot be asked, or the site is not on it.
pub async fn status(link: &Link, facts: &Facts, site: &Name) -> Outcome<SiteStatus> {
    let layout = Layout::new(site);
    let manifest = known(link, facts, site)?;
    let commands =
        vec![running::command(&layout, &manifest.instances), active_command(&layout), front_command(&manifest)];
    let outputs = link.batch(Batch::all(commands)).await?;
    let [units, release, front] = outputs.as_slice() else {
        return Err(Failure::new(Code::Host, format!("{}: answered to other questions than were asked", link.name())));
    };
    let running =
        running::parse(units, &layout).map_err(|why| Failure::new(Code::Host, format!("{}: {why}", link.name())))?;
    let (ledger, active) =
        parse_active(&release.text()).map_err(|why| Failure::new(Code::Host, format!("{}: {why}", link.name())))?;
    let known_good = active.as_ref().and_then(|release| release.state.as_ref()).is_some_and(|state| state.known_good);
    let healthy = running.current.as_ref().is_some_and(|id| running.all_at(id));
    let (code, front_ms) = parse_front(&front.text());
    Ok(SiteStatus {
        site: site.clone(),
        host: link.name().to_owned(),
        interrupted: ledger.interrupted().cloned(),
        release: active.and_then(|release| release.record),
        known_good,
        front: manifest.front.as_ref().map(|_| code),
        front_ms,
        units_healthy: healthy,
        unguarded: unguarded(facts, &manifest),
        running: running.with_ports(&manifest.instances),
    })
}

/// Whether the site has a guard whose rules are not in force.
fn unguarded(facts: &Facts, manifest: &Manifest) -> bool {
    let guard = Unit::id_of(&units::guard(&manifest.site));
    let guarded = manifest.resources.get(&guard).is_some_and(|unit| unit.there.is_some());
    guarded && rules_in_force(facts, &units::guard_table(&manifest.site)) == Fact::Known(false)
}

/// The status of the answer through nginx, and how long it took when one came.
fn parse_front(text: &str) -> (String, Option<u64>) {
    let (code, seconds) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
    let seconds = seconds.replace(',', ".").parse::<f64>().ok().filter(|seconds| (0.0..3600.0).contains(seconds));
    let ms = seconds.and_then(|seconds| u64::try_from(std::time::Duration::from_secs_f64(seconds).as_millis()).ok());
    (code.to_owned(), ms.filter(|_| !matches!(code, "" | "000")))
}

/// Asks the site through nginx, as a browser would; prints the status and the seconds that it took.
fn front_command(manifest: &Manifest) -> Command {
    let Some((url, resolve)) = &manifest.front else { return Command::new(["true"]) };
    let fixed = [
        "curl",
        "-sk",
        "-o",
        "/dev/null",
        "--noproxy",
        "*",
        "--max-time",
        "5",
        "-w",
        "%{http_code} %{time_total}",
        "--resolve",
    ];
    Command::new(fixed.into_iter().chain([resolve.as_str(), url.as_str()]))
}

fn known(link: &Link, facts: &Facts, site: &Name) -> Outcome<Manifest> {
    observe::manifest(link.name(), facts, site)?.ok_or_else(|| {
        let there = sites(facts);
        let names: Vec<&str> = there.iter().map(Name::as_str).collect();
        let text = if names.is_empty() { "no site".to_owned() } else { names.join(", ") };
        Failure::new(Code::Usage, format!("{}: there is no site {site}; Slipway manages {text} there", link.name()))
    })
}

/// Which log lines are asked for.
#[derive(Debug, Clone, Default)]
pub struct LogQuery {
    /// Of these processes of the site; all of them when empty. Name them when you know them: units of a site `shop-eu`
    /// look like those of a site `shop` to a pattern for all.
    pub processes: Vec<Name>,
    /// At most this many of the newest lines.
    pub lines: u32,
    /// Not older than this, as journalctl understands it: `-1h`, `today`, `2026-11-21 10:00`.
    pub since: Option<String>,
    /// Only lines after this cursor; goes on where an earlier reply ended.
    pub after: Option<String>,
}

/// Log lines and where to go on.
#[derive(Debug, Clone, Serialize)]
pub struct LogPage {
    /// Lines, oldest first. Untrusted text.
    pub lines: Vec<LogLine>,
    /// Cursor of the last one.
    pub cursor: Option<String>,
}

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogLine {
    /// Microseconds since 1970, the host's clock.
    pub at_us: u64,
    /// Unit that it comes from.
    pub unit: String,
    /// Syslog priority: 0 (emergency) to 7 (debug).
    pub priority: u8,
    /// The text.
    pub text: String,
}

/// Log lines of a site's processes from the journal: one round trip.
///
/// # Errors
/// When the host cannot be asked, or the journal cannot be read.
pub async fn logs(link: &Link, site: &Name, query: &LogQuery) -> Outcome<LogPage> {
    let output = journal(link, site, query, true).await?;
    // Nothing but a line beyond all measure: the others come without it.
    let output = if output.truncated && !output.text().contains('\n') {
        journal(link, site, query, false).await?
    } else {
        output
    };
    let mut page = LogPage { lines: Vec::new(), cursor: query.after.clone() };
    for line in output.text().lines() {
        let Ok(entry) = serde_json::from_str::<serde_json::Value>(line) else { continue };
        let field = |name: &str| entry.get(name).and_then(serde_json::Value::as_str);
        if let Some(cursor) = field("__CURSOR")
            && (query.after.is_some() || page.lines.is_empty())
        {
            page.cursor = Some(cursor.to_owned());
        }
        page.lines.push(LogLine {
            at_us: field("__REALTIME_TIMESTAMP").and_then(|text| text.parse().ok()).unwrap_or(0),
            unit: field("UNIT").or_else(|| field("_SYSTEMD_UNIT")).unwrap_or_default().to_owned(),
            priority: field("PRIORITY").and_then(|text| text.parse().ok()).unwrap_or(6),
            text: message(entry.get("MESSAGE")),
        });
    }
    if query.after.is_none() {
        page.lines.reverse();
    }
    Ok(page)
}

/// Asks for those lines; `whole` also for the text of long ones, which else comes as null (journalctl(1), `--all`).
async fn journal(link: &Link, site: &Name, query: &LogQuery, whole: bool) -> Outcome<Output> {
    let mut argv =
        vec!["journalctl".to_owned(), "-q".to_owned(), "--no-pager".to_owned(), "-o".to_owned(), "json".to_owned()];
    if whole {
        argv.push("--all".to_owned());
    }
    argv.push("--output-fields=MESSAGE,_SYSTEMD_UNIT,UNIT,PRIORITY,__REALTIME_TIMESTAMP,__CURSOR".to_owned());
    if query.processes.is_empty() {
        argv.push(format!("--unit={site}-*@*"));
    }
    // What an instance is started by, and what it runs.
    argv.extend(
        query
            .processes
            .iter()
            .flat_map(|process| [format!("--unit={site}-{process}@*"), format!("--unit={site}-{process}.*@*")]),
    );
    argv.push(format!("--lines={}", query.lines.clamp(1, 10_000)));
    if let Some(since) = &query.since {
        argv.push(format!("--since={since}"));
    }
    match &query.after {
        Some(cursor) => argv.push(format!("--after-cursor={cursor}")),
        // With --since, --lines means the oldest lines (systemd 252), except in reverse.
        None => argv.push("--reverse".to_owned()),
    }
    let command = Command::new(argv).output_limit(16 << 20).timeout(Duration::from_secs(60));
    let connection = link.connection().await;
    let output = connection.run(command).await.map_err(|error| host_failure(&error))?;
    if !output.success() {
        return Err(Failure::new(
            Code::Host,
            format!("{}: the journal could not be read: {}", link.name(), output.complaint()),
        ));
    }
    Ok(output)
}

/// Log lines after those of an earlier page, asked for until the host can be asked: a page that follows a log outlives
/// a lost link. `lost` is told why, at each attempt that fails.
pub async fn next_logs(link: &Link, site: &Name, query: &LogQuery, lost: impl Fn(Failure)) -> LogPage {
    let mut pause = Duration::from_secs(1);
    loop {
        match logs(link, site, query).await {
            Ok(page) => return page,
            Err(failure) => lost(failure),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(15));
        // A link that is gone stays so until it is renewed; another view may do that too.
        let _ = link.renew().await;
    }
}

/// A message: text, or an array of bytes when it is not text (journalctl's JSON format).
fn message(value: Option<&serde_json::Value>) -> String {
    match value {
        Some(serde_json::Value::String(text)) => text.clone(),
        Some(serde_json::Value::Array(bytes)) => {
            let bytes: Vec<u8> = bytes.iter().filter_map(|b| b.as_u64().and_then(|b| u8::try_from(b).ok())).collect();
            String::from_utf8_lossy(&bytes).into_owned()
        }
        Some(serde_json::Value::Null) => "(a line that is too long to be fetched)".to_owned(),
        _ => String::new(),
    }
}

/// The site's audit log, newest entries last.
///
/// # Errors
/// When the host cannot be asked.
pub async fn audit(link: &Link, site: &Name) -> Outcome<Vec<serde_json::Value>> {
    let path = Layout::new(site).audit();
    let output = link.run(Command::script(r#"[ ! -e "$1" ] || tail -c 900000 "$1""#, [path])).await?;
    if !output.success() {
        return Err(Failure::new(Code::Host, format!("{}: {}", link.name(), output.complaint())));
    }
    Ok(output.text().lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_through_nginx_has_a_status_and_a_time() {
        assert_eq!(parse_front("200 0.034512\n"), ("200".to_owned(), Some(34)));
        assert_eq!(parse_front("502 1,5"), ("502".to_owned(), Some(1500)));
        assert_eq!(parse_front("000 5.0"), ("000".to_owned(), None));
        assert_eq!(parse_front("200 inf").1, None);
        assert_eq!(parse_front(""), (String::new(), None));
    }
}
