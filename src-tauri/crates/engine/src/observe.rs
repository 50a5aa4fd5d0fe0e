//! Looking at a host: one round trip for its facts, one more for a site.

use std::collections::BTreeMap;

use slipway_core::command::{Command, Output};
use slipway_core::fact::Fact;
use slipway_core::facts::{self, Facts, Sweep, packages, paths};
use slipway_core::manifest::{Manifest, Records};
use slipway_core::plan::Wanted;
use slipway_core::profile::{HostProfile, PackageManager, all_packages};
use slipway_core::release::{Layout, Ledger, ReleaseId};
use slipway_core::resource::Effect;
use slipway_core::running::{self, Newer};
use slipway_core::runtime;
use slipway_core::seen::{Questions, Seen, Sources, UnitActivity};
use slipway_core::site::{Name, RuntimeKind, Site};
use slipway_host::{Batch, Connection};

use crate::failure::{Code, Failure, Outcome};
use crate::remote::host_failure;

/// Everything that planning needs to know about one site on one host, beside the host's facts.
#[derive(Debug, Clone)]
pub struct SiteView {
    /// What Slipway recorded there.
    pub records: Records,
    /// What became of the site's releases.
    pub ledger: Ledger,
    /// Watched paths.
    pub paths: BTreeMap<String, paths::Observed>,
    /// Units that were asked for.
    pub units: BTreeMap<String, Fact<UnitActivity>>,
    /// Installed version of each package that the sweep does not ask for.
    pub packages: BTreeMap<String, Fact<String>>,
    /// Versions that the distribution offers, where that was asked.
    pub offered: BTreeMap<String, Fact<String>>,
    /// Releases whose directories exist, sealed.
    pub releases: Vec<ReleaseId>,
    /// Releases that were begun and never sealed.
    pub unfinished: Vec<ReleaseId>,
    /// Files that are newer than the processes which have read them.
    pub newer: Vec<Newer>,
    /// What the process of each running instance holds, in bytes, by the instance's unit.
    pub memory: BTreeMap<String, u64>,
}

impl SiteView {
    /// The host as planning reads it.
    pub fn seen<'a>(&'a self, facts: &'a Facts, profile: &'a HostProfile, site: &'a Site) -> Seen<'a> {
        Seen::new(Sources {
            facts,
            profile,
            paths: &self.paths,
            units: &self.units,
            packages: &self.packages,
            offered: &self.offered,
            ledger: &self.ledger,
            releases: &self.releases,
            unfinished: &self.unfinished,
            site_records: &self.records.site_digests,
            host_record: &self.records.host_digest,
            nginx_files: &self.records.nginx_files,
            site,
        })
    }
}

/// Sweeps the host's facts: one round trip.
///
/// # Errors
/// When the link fails; a fact that cannot be read is a failed fact, not an error.
pub async fn facts(connection: &Connection) -> Outcome<Facts> {
    sweep(connection, Sweep::Overview).await
}

/// The same for planning: without what no plan depends on.
///
/// # Errors
/// As [`facts`].
pub async fn facts_for_planning(connection: &Connection) -> Outcome<Facts> {
    sweep(connection, Sweep::Planning).await
}

async fn sweep(connection: &Connection, purpose: Sweep) -> Outcome<Facts> {
    let batch = Batch::all(facts::sweep(&all_packages(), purpose));
    let outputs = connection.batch(batch).await.map_err(|error| host_failure(&error))?;
    Ok(facts::parse_sweep(&outputs))
}

/// The profile of the host.
///
/// # Errors
/// When the distribution is not one that Slipway knows.
pub fn profile(host: &str, facts: &Facts) -> Outcome<HostProfile> {
    HostProfile::resolve(facts).map_err(|unsupported| {
        Failure::new(Code::Blocked, format!("{host}: {unsupported}")).hint(
            "Slipway knows RHEL, AlmaLinux, Rocky and CentOS Stream 8 to 10, Debian 11 to 13, Ubuntu 22.04 and 24.04",
        )
    })
}

fn unreadable(host: &str, site: &Name, why: &str) -> Failure {
    Failure::new(Code::Host, format!("{host}: Slipway's record of {site} cannot be read: {why}"))
        .hint(format!("nothing was changed; look at {} on the host", Layout::new(site).manifest()))
}

/// Reads what the host records about `site` from the facts; none when it is not there, or has left.
///
/// # Errors
/// When there is a record that cannot be read.
pub fn manifest(host: &str, facts: &Facts, site: &Name) -> Outcome<Option<Manifest>> {
    // The package manager only matters for what is recorded of the host.
    let records = records(host, facts, site, PackageManager::Apt)?;
    Ok(records.site.filter(|manifest| !manifest.left))
}

/// Reads what the host records, as far as it concerns `site`.
///
/// # Errors
/// When there is a record that cannot be read: planning without it would take Slipway's own work for a stranger's.
pub fn records(host: &str, facts: &Facts, site: &Name, manager: PackageManager) -> Outcome<Records> {
    let written = facts.records.present().map_err(|why| unreadable(host, site, why))?;
    Records::read(written, site, manager).map_err(|why| unreadable(host, site, &why))
}

const LEDGER_AND_RELEASES: &str = r#"
set -u
if [ -e "$1" ]; then tail -c 262144 "$1" || exit 1; fi
printf '\n=releases\n'
for directory in "$2"/*/; do
    [ -e "$directory/release.json" ] || continue
    directory=${directory%/}
    printf '%s\n' "${directory##*/}"
done
printf '=unfinished\n'
for directory in "$2"/*.building/; do
    [ -e "$directory" ] || continue
    directory=${directory%.building/}
    printf '%s\n' "${directory##*/}"
done
echo =end
"#;

/// Looks at everything that planning `wanted` needs: one round trip.
///
/// # Errors
/// When the link fails or the replies make no sense.
pub async fn site(
    connection: &Connection,
    wanted: &Wanted<'_>,
    records: Records,
    facts: &Facts,
    profile: &HostProfile,
    questions: &Questions,
) -> Outcome<SiteView> {
    let layout = Layout::new(&wanted.site.name);
    let watched = questions.paths();
    let mut commands = vec![
        paths::command(&watched),
        Command::script(LEDGER_AND_RELEASES, [layout.ledger(), layout.releases()]),
        freshness(wanted, &records, questions.units()),
    ];
    // Most sites name none; asking dpkg about nothing would have it list everything.
    let known = facts.packages.known().map(|packages| &packages.installed);
    let asked = |name: &&String| known.is_none_or(|known| !known.contains_key(*name));
    let named: Vec<String> = questions.packages().iter().filter(asked).cloned().collect();
    if !named.is_empty() {
        commands.push(packages::command(&named));
    }
    // Asking what is on offer may fetch lists, so it is asked only while it decides something.
    let python = wanted.site.runtime.kind == RuntimeKind::Python;
    let ask_offers = python && runtime::installed_python(wanted.site, profile, facts).is_none();
    if ask_offers {
        commands.push(packages::candidates_command(profile.manager, &profile.python_packages()));
    }
    let outputs = connection.batch(Batch::all(commands)).await.map_err(|error| host_failure(&error))?;
    let other_questions =
        || Failure::new(Code::Host, format!("{}: answered to other questions than were asked", connection.name()));
    let [paths_reply, releases_reply, freshness_reply, rest @ ..] = outputs.as_slice() else {
        return Err(other_questions());
    };
    let (packages_reply, offers) = match (named.is_empty(), rest) {
        (true, offers) => (None, offers),
        (false, [packages, offers @ ..]) => (Some(packages), offers),
        (false, []) => return Err(other_questions()),
    };
    let strange = |what: &str, why: &str| {
        Failure::new(Code::Host, format!("{}: {what} could not be read: {why}", connection.name()))
            .hint("nothing was changed")
    };
    let (ledger, releases, unfinished) =
        parse_releases(releases_reply).map_err(|why| strange("the site's releases", &why))?;
    let packages = match packages_reply.map(packages::parse) {
        Some(Fact::Known(packages)) => packages.installed,
        None | Some(Fact::Absent) => BTreeMap::new(),
        Some(Fact::Failed(why)) => return Err(strange("the host's packages", &why)),
    };
    // Without an answer, the profile's own data on what each release of the distribution offers decides.
    let offered =
        offers.first().and_then(|reply| packages::parse_candidates(reply).known().cloned()).unwrap_or_default();
    let freshness =
        running::parse_freshness(freshness_reply).map_err(|why| strange("the state of the site's units", &why))?;
    Ok(SiteView {
        records,
        ledger,
        paths: paths::parse(&watched, paths_reply).into_iter().map(|seen| (seen.path.clone(), seen)).collect(),
        units: freshness.units,
        packages,
        offered,
        releases,
        unfinished,
        newer: freshness.newer,
        memory: freshness.memory,
    })
}

/// Asks for files that are newer than their processes, and for the state of units. Units are compared with what systemd
/// says, so they are left out of the files.
fn freshness(wanted: &Wanted<'_>, records: &Records, units: &[String]) -> Command {
    let instances = records.site.as_ref().map(|manifest| manifest.instances.as_slice()).unwrap_or_default();
    let certificate = format!("{}/fullchain.pem", Layout::new(&wanted.site.name).tls());
    let read_by = |effect: Effect| {
        let files = wanted.files.iter().filter(move |file| file.effects.contains(&effect));
        files.map(|file| file.path.as_str()).collect::<Vec<_>>()
    };
    let mut nginx = read_by(Effect::Nginx);
    nginx.extend(wanted.default_servers.iter().map(|server| server.path.as_str()));
    if !nginx.contains(&certificate.as_str()) {
        nginx.push(&certificate);
    }
    running::freshness_command(&nginx, &read_by(Effect::Processes), instances, units)
}

/// The ledger, the sealed releases, and those that were begun and never sealed.
fn parse_releases(output: &Output) -> Result<(Ledger, Vec<ReleaseId>, Vec<ReleaseId>), String> {
    if !output.success() || output.truncated {
        return Err(output.complaint());
    }
    let text = output.text();
    let (ledger, rest) = text.rsplit_once("\n=releases\n").ok_or("the reply has no list of releases")?;
    let lists = rest.strip_suffix("=end\n").ok_or("the reply was cut off")?;
    let (sealed, unfinished) = lists.split_once("=unfinished\n").ok_or("the reply was cut off")?;
    let ids = |list: &str| list.lines().filter_map(|line| line.parse().ok()).collect();
    Ok((Ledger::parse(ledger), ids(sealed), ids(unfinished)))
}
