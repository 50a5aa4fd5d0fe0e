//! Looking at a host: one round trip for its facts, one more for a site.

use std::collections::BTreeMap;

use slipway_core::command::{Command, Output};
use slipway_core::digest::Digest;
use slipway_core::fact::Fact;
use slipway_core::facts::{self, Facts, packages, paths};
use slipway_core::manifest::Manifest;
use slipway_core::plan::observed::{Situation, Wanted, watches};
use slipway_core::plan::runtime;
use slipway_core::profile::{HostProfile, all_packages};
use slipway_core::release::{Layout, Ledger, ReleaseId};
use slipway_core::running::{self, Newer};
use slipway_core::site::{Name, RuntimeKind};
use slipway_host::{Batch, Connection};

use crate::failure::{Code, Failure, Outcome};
use crate::remote::host_failure;

/// Everything that planning needs to know about one site on one host.
#[derive(Debug, Clone)]
pub struct SiteView {
    /// The site.
    pub site: Name,
    /// What Slipway recorded there.
    pub manifest: Option<Manifest>,
    /// What became of the site's releases.
    pub ledger: Ledger,
    /// Watched paths.
    pub paths: BTreeMap<String, paths::Observed>,
    /// Installed version of each package that the site file names.
    pub packages: BTreeMap<String, Fact<String>>,
    /// Versions that the distribution offers, where that was asked.
    pub offered: BTreeMap<String, Fact<String>>,
    /// Releases whose directories exist, sealed.
    pub releases: Vec<ReleaseId>,
    /// Releases that were begun and never sealed.
    pub unfinished: Vec<ReleaseId>,
    /// Files that are newer than the processes which have read them.
    pub newer: Vec<Newer>,
}

impl SiteView {
    /// The view as planning takes it.
    pub fn situation<'a>(&'a self, host: &'a str, facts: &'a Facts, profile: &'a HostProfile) -> Situation<'a> {
        Situation {
            host,
            site: &self.site,
            facts,
            profile,
            manifest: self.manifest.as_ref(),
            ledger: &self.ledger,
            paths: &self.paths,
            packages: &self.packages,
            offered: &self.offered,
            releases: &self.releases,
            unfinished: &self.unfinished,
            newer: &self.newer,
        }
    }
}

/// Sweeps the host's facts: one round trip.
///
/// # Errors
/// When the link fails; a fact that cannot be read is a failed fact, not an error.
pub async fn facts(connection: &Connection) -> Outcome<Facts> {
    let outputs =
        connection.batch(Batch::all(facts::sweep(&all_packages()))).await.map_err(|error| host_failure(&error))?;
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

/// Reads what the host records about `site` from the facts.
///
/// # Errors
/// When there is a record that cannot be read: planning without it would take Slipway's own files for strange ones.
pub fn manifest(host: &str, facts: &Facts, site: &Name) -> Outcome<Option<Manifest>> {
    let unreadable = |why: &str| {
        Failure::new(Code::Host, format!("{host}: Slipway's record of {site} cannot be read: {why}"))
            .hint(format!("nothing was changed; look at {} on the host", Layout::new(site).manifest()))
    };
    let owned = match facts.owned.present() {
        Ok(Some(owned)) => owned,
        Ok(None) => return Ok(None),
        Err(why) => return Err(unreadable(why)),
    };
    match owned.manifests.get(site) {
        None | Some(Fact::Absent) => Ok(None),
        Some(Fact::Failed(why)) => Err(unreadable(why)),
        Some(Fact::Known(text)) => Manifest::parse(text).map(Some).map_err(|why| unreadable(&why)),
    }
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
    manifest: Option<Manifest>,
    facts: &Facts,
    profile: &HostProfile,
    more: &[String],
) -> Outcome<SiteView> {
    let layout = Layout::new(&wanted.site.name);
    let mut watched = watches(wanted, manifest.as_ref());
    watched.extend(more.iter().map(|path| paths::Watch {
        path: path.clone(),
        desired: None::<Digest>,
        content: false,
    }));
    let mut commands = vec![
        paths::command(&watched),
        Command::script(LEDGER_AND_RELEASES, [layout.ledger(), layout.releases()]),
        newer_command(wanted, manifest.as_ref()),
    ];
    // Most sites name none; asking dpkg about nothing would have it list everything.
    let named = runtime::named_packages(wanted.site, profile);
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
    let [paths_reply, releases_reply, newer_reply, rest @ ..] = outputs.as_slice() else {
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
    let named = match packages_reply.map(packages::parse) {
        Some(Fact::Known(packages)) => packages.installed,
        None | Some(Fact::Absent) => BTreeMap::new(),
        Some(Fact::Failed(why)) => return Err(strange("the host's packages", &why)),
    };
    // Without an answer, the profile's own data on what each release of the distribution offers decides.
    let offered =
        offers.first().and_then(|reply| packages::parse_candidates(reply).known().cloned()).unwrap_or_default();
    Ok(SiteView {
        site: wanted.site.name.clone(),
        manifest,
        ledger,
        paths: paths::parse(&watched, paths_reply).into_iter().map(|seen| (seen.path.clone(), seen)).collect(),
        packages: named,
        offered,
        releases,
        unfinished,
        newer: running::parse_newer(newer_reply).map_err(|why| strange("the age of the site's files", &why))?,
    })
}

/// Asks for files that are newer than their processes: units are compared with what systemd says, so they are left out.
fn newer_command(wanted: &Wanted<'_>, manifest: Option<&Manifest>) -> Command {
    let instances = manifest.map(|manifest| manifest.instances.as_slice()).unwrap_or_default();
    let certificate = format!("{}/fullchain.pem", Layout::new(&wanted.site.name).tls());
    let path = |file: &'_ slipway_core::plan::observed::WantedFile| file.path.clone();
    let mut nginx: Vec<String> = wanted.files.iter().filter(|file| file.is_nginx()).map(path).collect();
    nginx.push(certificate);
    let etc = format!("{}/", Layout::new(&wanted.site.name).etc());
    let own: Vec<String> = wanted.files.iter().filter(|file| file.path.starts_with(&etc)).map(path).collect();
    fn borrow(list: &[String]) -> Vec<&str> {
        list.iter().map(String::as_str).collect()
    }
    running::newer_command(&borrow(&nginx), &borrow(&own), instances)
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
