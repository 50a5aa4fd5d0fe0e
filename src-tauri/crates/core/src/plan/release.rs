//! Planning releases: a deployment, a change of configuration under a running site, a rollback.

use std::collections::BTreeMap;

use crate::activation::{Activation, HealthCheck, Instance};
use crate::digest::Digest;
use crate::facts::Facts;
use crate::facts::paths::PathState;
use crate::release::{Layout, LedgerEvent, ReleaseId, ReleaseRecord};
use crate::site::{Process, RuntimeKind, Site, TlsMode};
use crate::task::Task;
use crate::words;

use super::observed::{Situation, Wanted, observations};
use super::runtime::choose_python;
use super::setup::{self, Draft, compare, plain_write, push_file};
use super::{Action, FileWrite, Intent, Plan, Risk, Severity, Subject};
use crate::profile::PythonOffer;

/// Environment variables that builds get so that nothing depends on the desktop's own.
const BUILD_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// First port that is tried for the gate.
const GATE_PORTS: std::ops::Range<u16> = 19_000..19_500;

/// Where a new release's code comes from, as far as planning needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Sent from this computer.
    Upload {
        /// Digest of the tree.
        tree: Digest,
        /// Files.
        files: u64,
        /// Bytes, uncompressed.
        bytes: u64,
    },
    /// A commit in the site's mirror on the host.
    Commit(String),
    /// The code of a release that is there.
    Release(ReleaseId),
}

/// A release to be made.
#[derive(Debug, Clone)]
pub struct NewRelease {
    /// What will be recorded in it; `config` and `environment` are filled in by planning.
    pub record: ReleaseRecord,
    /// Where its code comes from.
    pub origin: Origin,
    /// Digest of its lock state: the files that say which packages it needs.
    pub lock: Digest,
    /// Requirement files that its code has, relative to it.
    pub requirements: Vec<String>,
    /// Gate unit files, rendered for this release and the port that [`gate_port`] gives: name and text.
    pub gate: Vec<FileWrite>,
}

/// A free port for the gate. A process that opens its port itself gets one of its own ports that is not in use:
/// those are guarded against the network, and others are not.
pub fn gate_port(situation: &Situation<'_>, wanted: &Wanted<'_>) -> u16 {
    let taken = |port: &u16| {
        situation.facts.listeners.known().is_some_and(|listeners| listeners.iter().any(|l| l.port == *port))
    };
    let own =
        wanted.instances.iter().filter(|instance| instance.alternate.is_some()).find_map(|instance| instance.port);
    own.filter(|port| !taken(port)).or_else(|| GATE_PORTS.clone().find(|port| !taken(port))).unwrap_or(GATE_PORTS.start)
}

/// Plans `slipway apply`: the set-up, and, when a release is active and its configuration changes, a new
/// release with the same code, so that it is proved and can be rolled back like any other.
pub fn plan_apply(situation: &Situation<'_>, wanted: &Wanted<'_>, reconfigured: Option<&NewRelease>) -> Plan {
    let layout = Layout::new(&wanted.site.name);
    let active = situation.current(&layout);
    let mut draft = setup::plan(situation, wanted, active.is_none());
    if let (Some(_), Some(release)) = (&active, reconfigured)
        && needs_reconfiguration(situation, wanted)
    {
        release_steps(&mut draft, situation, wanted, release);
    }
    finish(draft, situation, wanted, Intent::Apply)
}

/// Whether a file of the bundle differs while a release is active, or the active release is not what runs.
pub fn needs_reconfiguration(situation: &Situation<'_>, wanted: &Wanted<'_>) -> bool {
    wanted.files.iter().any(|file| compare(situation, file).is_some())
        || !setup::leftovers(situation, wanted).is_empty()
        || situation.ledger.interrupted().is_some()
        || situation.manifest.is_some_and(|manifest| manifest.instances != wanted.instances)
}

/// Plans `slipway deploy`. The set-up must be in place: what is missing is a blocker that names `slipway apply`.
pub fn plan_deploy(situation: &Situation<'_>, wanted: &Wanted<'_>, release: &NewRelease) -> Plan {
    let mut draft = Draft::default();
    require_setup(&mut draft, situation, wanted);
    release_steps(&mut draft, situation, wanted, release);
    finish(draft, situation, wanted, Intent::Deploy { release: release.record.id.clone() })
}

/// Plans `slipway rollback` to `target`, whose own configuration comes back with it. `instances`: those of its
/// configuration.
pub fn plan_rollback(
    situation: &Situation<'_>,
    wanted: &Wanted<'_>,
    target: &ReleaseId,
    instances: &[Instance],
    author: &str,
) -> Plan {
    let layout = Layout::new(&wanted.site.name);
    let mut draft = Draft::default();
    let current = situation.current(&layout);
    if current.as_ref() == Some(target) {
        draft.notice(Severity::Info, format!("release {target} is active already"), None);
    } else if !situation.releases.contains(target) {
        draft.block(
            format!("the files of release {target} are no longer on {}", situation.host),
            "slipway releases lists what can be rolled back to",
        );
    } else {
        let good = situation.ledger.releases().iter().any(|state| &state.id == target && state.known_good);
        if !good {
            draft.block(
                format!("release {target} never proved itself, so there is nothing to go back to"),
                "deploy that version again: it is proved on a private port before it gets traffic",
            );
        }
        changed_by_hand(&mut draft, situation);
        let activation = Activation {
            gate_port: None,
            instances: instances.to_vec(),
            migrate: Vec::new(),
            ..activation(situation, wanted, target, format!("rollback by {author}"))
        };
        push_activation(&mut draft, activation);
    }
    finish(draft, situation, wanted, Intent::Rollback { release: target.clone() })
}

/// Says which files a rollback finds changed by hand. It must not wait for a decision about them: they are kept aside.
fn changed_by_hand(draft: &mut Draft, situation: &Situation<'_>) {
    let Some(manifest) = situation.manifest else { return };
    for path in manifest.files.keys() {
        if let Some(PathState::File { digest, .. }) = situation.path(path)
            && !manifest.wrote(path, digest)
        {
            draft.notice(
                Severity::Warning,
                format!("{path} was changed on the host by hand; going back replaces it"),
                Some("what is there is kept in the directory `replaced` of the site's records on the host"),
            );
        }
    }
}

fn finish(mut draft: Draft, situation: &Situation<'_>, wanted: &Wanted<'_>, intent: Intent) -> Plan {
    if let Some(id) = situation.ledger.interrupted() {
        draft.notice(
            Severity::Warning,
            format!("the activation of release {id} was interrupted and never ended"),
            Some("this plan, once applied, brings the site back to one known state"),
        );
    }
    for newer in situation.newer {
        let (text, hint) = match newer.process.as_str() {
            "systemd" => (
                format!("the unit file of {} changed, and systemd has not read it again", newer.file),
                "systemctl daemon-reload",
            ),
            "nginx" => (format!("{} is newer than what nginx runs with", newer.file), "systemctl reload nginx"),
            unit => {
                (format!("{} is newer than what {unit} runs with", newer.file), "systemctl restart, or deploy again")
            }
        };
        draft.notice(Severity::Warning, text, Some(hint));
    }
    if !situation.ledger.unreadable.is_empty() {
        draft.notice(
            Severity::Warning,
            "the release ledger on the host has lines that cannot be read; they are ignored",
            None,
        );
    }
    Plan::new(
        wanted.site.name.clone(),
        situation.host.to_owned(),
        intent,
        observations(situation),
        draft.steps,
        draft.notices,
    )
}

fn require_setup(draft: &mut Draft, situation: &Situation<'_>, wanted: &Wanted<'_>) {
    let setup = setup::plan(situation, wanted, false);
    draft.notices.extend(setup.notices);
    if !setup.steps.is_empty() {
        let titles: Vec<&str> = setup.steps.iter().take(3).map(|step| step.title.as_str()).collect();
        let more = setup.steps.len().saturating_sub(titles.len());
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        draft.block(
            format!("{} is not set up for this site: {}{more}", situation.host, titles.join("; ")),
            "run slipway apply first",
        );
    }
}

fn release_steps(draft: &mut Draft, situation: &Situation<'_>, wanted: &Wanted<'_>, release: &NewRelease) {
    let site = wanted.site;
    let layout = Layout::new(&site.name);
    let id = &release.record.id;
    let building = layout.building(id);
    disk_space(draft, situation, site, release);
    source(draft, &release.origin, id, site);
    let environment = environment(draft, situation, site, release, &building);
    if !matches!(release.origin, Origin::Release(_)) {
        build(draft, site, &building, environment.as_ref());
    }
    let config = keep_config(draft, situation, wanted, release);
    let record = ReleaseRecord {
        config,
        environment: environment.as_ref().map(|(key, _)| key.clone()),
        ..release.record.clone()
    };
    draft.step(
        Subject::Release,
        "seal",
        format!("Seal release {id}"),
        "from here on nobody but root can change it",
        Action::Seal {
            record,
            environment: environment.map(|(_, directory)| directory),
            links: if matches!(release.origin, Origin::Release(_)) { Vec::new() } else { links(site, &layout) },
        },
    );
    let reason = match &release.record.code_of {
        Some(_) => format!("configuration by {}", release.record.author),
        None => format!("deploy by {}", release.record.author),
    };
    let mut activation = activation(situation, wanted, id, reason);
    if release.record.code_of.is_some() {
        activation.migrate.clear();
    }
    push_activation(draft, activation);
    prune(draft, situation, site, id);
}

fn links(site: &Site, layout: &Layout) -> Vec<(String, String)> {
    let link = |(path, shared): (&crate::site::RelativePath, &crate::site::SharedDirectory)| {
        shared.link.as_ref().map(|link| (link.as_str().to_owned(), format!("{}/{path}", layout.shared())))
    };
    site.shared.iter().filter_map(link).collect()
}

fn disk_space(draft: &mut Draft, situation: &Situation<'_>, site: &Site, release: &NewRelease) {
    let Some(disks) = situation.facts.disks.known() else {
        return draft.notice(Severity::Warning, "free disk space could not be read", None);
    };
    let below = |mount: &str| "/opt/".starts_with(&format!("{}/", mount.trim_end_matches('/')));
    let Some(disk) = disks.iter().filter(|disk| below(&disk.mount)).max_by_key(|disk| disk.mount.len()) else { return };
    let upload = match release.origin {
        Origin::Upload { bytes, .. } => bytes.saturating_mul(2),
        Origin::Commit(_) | Origin::Release(_) => 0,
    };
    let floor = site.releases.min_free.as_ref().map_or(1 << 30, |size| size.bytes());
    if disk.free < floor.saturating_add(upload) {
        draft.block(
            format!(
                "{} has {} MiB free, and {} MiB are needed before a build",
                disk.mount,
                disk.free >> 20,
                (floor + upload) >> 20
            ),
            "remove releases that are no longer needed (slipway releases remove), or lower releases.min_free",
        );
    }
    if disk.inodes > 0 && disk.inodes_free < 10_000 {
        draft.block(
            format!("{} has only {} inodes free", disk.mount, disk.inodes_free),
            "remove files that are no longer needed",
        );
    }
}

fn source(draft: &mut Draft, origin: &Origin, id: &ReleaseId, site: &Site) {
    let (title, reason, action) = match origin {
        Origin::Upload { tree, files, bytes } => (
            format!("Send the source ({files} files, {} KiB)", bytes.div_ceil(1024)),
            "from this computer",
            Action::Upload { release: id.clone(), tree: tree.clone(), files: *files, bytes: *bytes },
        ),
        Origin::Commit(commit) => (
            format!("Check out {}", commit.get(..12).unwrap_or(commit)),
            "from the site's git mirror on the host",
            Action::CheckOut {
                release: id.clone(),
                commit: commit.clone(),
                subdirectory: site.source.subdirectory.as_ref().map(|path| path.as_str().to_owned()),
            },
        ),
        Origin::Release(from) => (
            format!("Take the code of release {from} over"),
            "only the configuration changes",
            Action::CloneRelease { from: from.clone(), release: id.clone() },
        ),
    };
    draft.step(Subject::Source, "source", title, reason, action);
}

fn site_task(site: &Site, id: &ReleaseId, number: usize, argv: Vec<String>, directory: String, timeout_s: u64) -> Task {
    let layout = Layout::new(&site.name);
    let environment = BTreeMap::from([
        ("HOME".to_owned(), layout.cache()),
        ("PATH".to_owned(), BUILD_PATH.to_owned()),
        ("LANG".to_owned(), "C.UTF-8".to_owned()),
        ("CI".to_owned(), "1".to_owned()),
        ("PIP_DISABLE_PIP_VERSION_CHECK".to_owned(), "1".to_owned()),
        ("PIP_NO_INPUT".to_owned(), "1".to_owned()),
    ]);
    Task {
        unit: format!("slipway-run-{}-{}-{number}", site.name, id.as_str().to_ascii_lowercase()),
        user: Some(site.name.as_str().to_owned()),
        argv,
        directory,
        environment,
        writable: vec![layout.cache()],
        timeout_s,
    }
}

/// Environment of the release: its key and directory, and the steps that build it when it is not there.
fn environment(
    draft: &mut Draft,
    situation: &Situation<'_>,
    site: &Site,
    release: &NewRelease,
    building: &str,
) -> Option<(Digest, String)> {
    if site.runtime.kind != RuntimeKind::Python {
        return None;
    }
    let layout = Layout::new(&site.name);
    if matches!(release.origin, Origin::Release(_)) {
        // The same code runs in the same environment; other requirements come with a deployment.
        return release.record.environment.clone().map(|key| {
            let directory = layout.environment(&key);
            (key, directory)
        });
    }
    let python = match choose_python(site, situation.profile, situation.facts, situation.offered) {
        Ok(python) => python,
        Err(why) => {
            draft.block(why, "change runtime.version in the site file, or use a newer distribution");
            return None;
        }
    };
    let key = environment_key(situation.facts, site, release, python);
    let directory = layout.environment(&key);
    // While it is built it is the user's, who could put the marker there.
    let whole = situation.paths.get(&whole_marker(&directory)).is_some_and(|observed| {
        observed.untrusted_parent.is_none()
            && matches!(&observed.state, PathState::File { owner, .. } if owner.user == "root")
    });
    if !whole {
        let tasks = python_tasks(site, release, python, &directory, building);
        draft.step(
            Subject::Build,
            "environment",
            format!("Build the Python {} environment {}", python.version, key.short()),
            "no environment on this host was built from these requirements yet",
            Action::BuildEnvironment { directory: directory.clone(), tasks },
        );
    }
    Some((key, directory))
}

/// The file whose presence says that the environment in `directory` was built to its end.
pub fn whole_marker(directory: &str) -> String {
    format!("{directory}/.whole")
}

/// Path that planning must watch to know whether the environment of `release` is there.
pub fn environment_marker(
    facts: &Facts,
    profile: &crate::profile::HostProfile,
    site: &Site,
    release: &NewRelease,
) -> Option<String> {
    if site.runtime.kind != RuntimeKind::Python {
        return None;
    }
    // Only what is installed matters: an environment on an interpreter that is not there cannot be there either.
    let python = super::runtime::installed_python(site, profile, facts)?;
    let key = environment_key(facts, site, release, python);
    Some(whole_marker(&Layout::new(&site.name).environment(&key)))
}

/// Key of the environment that `release` needs: interpreter, architecture and everything that is installed.
pub fn environment_key(facts: &Facts, site: &Site, release: &NewRelease, python: &PythonOffer) -> Digest {
    let machine = facts.kernel.known().map(|kernel| kernel.architecture.clone()).unwrap_or_default();
    let mut parts = vec![python.program.clone(), python.version.to_string(), machine, release.lock.to_string()];
    parts.extend(site.runtime.extra_packages.iter().cloned());
    if site.runtime.install_project {
        parts.push(
            release.record.tree.as_ref().map(ToString::to_string).or(release.record.commit.clone()).unwrap_or_default(),
        );
    }
    Digest::of_parts(parts.iter().map(String::as_bytes))
}

fn python_tasks(site: &Site, release: &NewRelease, python: &PythonOffer, directory: &str, building: &str) -> Vec<Task> {
    let id = &release.record.id;
    let code = format!("{building}/code");
    let mut tasks = Vec::new();
    let mut push = |argv: Vec<String>| {
        let mut task = site_task(site, id, tasks.len(), argv, code.clone(), 1800);
        task.writable.push(directory.to_owned());
        if site.runtime.install_project {
            // setuptools writes build/ and *.egg-info beside the source.
            task.writable.push(building.to_owned());
        }
        tasks.push(task);
    };
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    push(words(&[&python.program, "-m", "venv", directory]));
    let pip = format!("{directory}/bin/pip");
    let mut install = words(&[&pip, "install", "--no-cache-dir", "--progress-bar", "off"]);
    for file in &release.requirements {
        install.extend(["-r".to_owned(), file.clone()]);
    }
    install.extend(site.runtime.extra_packages.iter().cloned());
    if install.len() > 5 {
        push(install);
    }
    if site.runtime.install_project {
        push(words(&[&pip, "install", "--no-cache-dir", "--progress-bar", "off", "."]));
    }
    tasks
}

/// Requirement files that a Python site may have, relative to its code: those it lists, else the usual one.
pub fn requirement_files(site: &Site) -> Vec<String> {
    if site.runtime.kind != RuntimeKind::Python {
        return Vec::new();
    }
    if site.runtime.requirements.is_empty() && !site.runtime.install_project {
        return vec!["requirements.txt".to_owned()];
    }
    site.runtime.requirements.iter().map(|path| path.as_str().to_owned()).collect()
}

fn build(draft: &mut Draft, site: &Site, building: &str, environment: Option<&(Digest, String)>) {
    let id: Result<ReleaseId, _> =
        building.rsplit('/').next().unwrap_or_default().trim_end_matches(".building").parse();
    let Ok(id) = id else { return };
    let path =
        environment.map_or_else(|| BUILD_PATH.to_owned(), |(_, directory)| format!("{directory}/bin:{BUILD_PATH}"));
    let mut number = 10;
    let mut task = |argv: Vec<String>, directory: String, timeout_s: u64| {
        number += 1;
        let mut task = site_task(site, &id, number, argv, directory, timeout_s);
        task.environment.insert("PATH".to_owned(), path.clone());
        task
    };
    let code = format!("{building}/code");
    let mut steps = Vec::new();
    if site.runtime.kind == RuntimeKind::Node
        && !site.build.iter().any(|step| step.run.iter().any(|w| w == "ci" || w == "install"))
    {
        steps.push((vec!["npm".to_owned(), "ci".to_owned()], None, 1800, BTreeMap::new()));
    }
    for step in &site.build {
        let timeout = step.timeout.as_ref().map_or(1800, |span| span.seconds());
        steps.push((step.run.clone(), step.directory.clone(), timeout, step.environment.clone()));
    }
    for (position, (run, directory, timeout, variables)) in steps.into_iter().enumerate() {
        let title = run.join(" ");
        let argv = ["/usr/bin/env", "--"].into_iter().map(str::to_owned).chain(run).collect();
        let place = directory.map_or_else(|| code.clone(), |directory| format!("{code}/{directory}"));
        let mut task = task(argv, place, timeout);
        task.writable.push(code.clone());
        task.environment.extend(variables.into_iter().map(|(name, value)| (name.into(), value)));
        draft.step(
            Subject::Build,
            format!("build:{position}"),
            format!("Run {title}"),
            "a build step of the site file",
            Action::Run(task),
        );
    }
    if let Some((_, directory)) = environment
        && !site.runtime.import_check.is_empty()
    {
        // Importing may need the real settings, so the check only compiles and resolves: the gate proves the rest.
        let program = "import importlib.util,sys\nsys.path.insert(0,'.')\nfor n in sys.argv[1:]:\n  s=importlib.util.find_spec(n)\n  assert s is not None, 'module %s is not found'%n\n  s.origin and s.origin.endswith('.py') and compile(open(s.origin,'rb').read(),s.origin,'exec')\n";
        let mut argv = vec![format!("{directory}/bin/python"), "-c".to_owned(), program.to_owned()];
        argv.extend(site.runtime.import_check.iter().cloned());
        let check = task(argv, code, 120);
        draft.step(
            Subject::Build,
            "import-check",
            format!("Check that {} can be found and compiled", site.runtime.import_check.join(", ")),
            "runtime.import_check",
            Action::Run(check),
        );
    }
}

/// Steps that keep the configuration with the release; returns its digest.
fn keep_config(draft: &mut Draft, situation: &Situation<'_>, wanted: &Wanted<'_>, release: &NewRelease) -> Digest {
    let mut unchanged = Vec::new();
    for file in wanted.files {
        match compare(situation, file) {
            Some(change) => {
                let keep = plain_write(file);
                push_file(draft, Subject::Configuration, &change, Action::KeepFile(keep));
            }
            None => unchanged.push(plain_write(file)),
        }
    }
    unchanged.extend(release.gate.iter().cloned());
    if !unchanged.is_empty() {
        draft.step(
            Subject::Configuration,
            "config",
            format!("Keep {} more configuration files with the release", unchanged.len()),
            "a rollback brings them back with the code",
            Action::KeepFiles { files: unchanged },
        );
    }
    let parts: Vec<String> =
        wanted.files.iter().flat_map(|file| [file.path.clone(), file.digest.to_string()]).collect();
    Digest::of_parts(parts.iter().map(String::as_bytes))
}

fn activation(situation: &Situation<'_>, wanted: &Wanted<'_>, release: &ReleaseId, reason: String) -> Activation {
    let site = wanted.site;
    let layout = Layout::new(&site.name);
    let host = site.domains.first().map_or("localhost", |domain| domain.as_str()).to_owned();
    let gated = site.process.values().any(|process| process.port.is_some());
    // nginx stands in front of every site, also of one that is nothing but files.
    let path = site.health.path.as_ref().map_or("/", |path| path.as_str());
    let (scheme, port) = if site.tls.mode == TlsMode::None { ("http", 80) } else { ("https", 443) };
    let front = (format!("{scheme}://{host}{path}"), format!("{host}:{port}:127.0.0.1"));
    Activation {
        site: site.name.clone(),
        release: release.clone(),
        previous: situation.current(&layout),
        reason,
        instances: wanted.instances.to_vec(),
        previous_instances: situation.manifest.map(|manifest| manifest.instances.clone()).unwrap_or_default(),
        health: HealthCheck::new(&site.health, &host),
        gate_port: gated.then(|| gate_port(situation, wanted)),
        front: Some(front),
        migrate: site.hooks.migrate.clone(),
        before_switch: site.hooks.before_switch.clone(),
        after_switch: site.hooks.after_switch.clone(),
    }
}

fn push_activation(draft: &mut Draft, activation: Activation) {
    let data = !activation.migrate.is_empty();
    let mut phases = activation.phases().into_iter();
    let Some((key, title)) = phases.next() else { return };
    let reason = "one program on the host does this and what follows, and goes back by itself when it must";
    draft.step(Subject::Release, format!("activate:{key}"), title, reason, Action::Activate(Box::new(activation)));
    for (key, title) in phases {
        let (reason, risk) = match key.as_str() {
            "migrate" if data => ("hooks of the site file", Risk::Data),
            "switch" => ("one atomic change of a link; configuration that differs is put in place", Risk::None),
            "settle" => ("a release counts as good only after that", Risk::None),
            "verify" => ("what people will see is what counts", Risk::None),
            _ => ("its socket stays open, so requests wait; open WebSockets reconnect", Risk::Reconnect),
        };
        draft.step(Subject::Release, format!("activate:{key}"), title, reason, Action::Phase { key });
        if let Some(step) = draft.steps.last_mut() {
            step.risk = risk;
        }
    }
}

/// Removes failed releases beyond those kept for inspection. Known-good ones are never touched.
fn prune(draft: &mut Draft, situation: &Situation<'_>, site: &Site, new: &ReleaseId) {
    let keep = site.releases.keep.unwrap_or(3) as usize;
    let states = situation.ledger.releases();
    let failed: Vec<ReleaseId> = states
        .iter()
        .filter(|state| !state.known_good && !state.removed && state.last == LedgerEvent::Failed)
        .filter(|state| &state.id != new && situation.releases.contains(&state.id))
        .skip(keep)
        .map(|state| state.id.clone())
        .collect();
    let unfinished: Vec<ReleaseId> = situation.unfinished.iter().filter(|id| *id != new).cloned().collect();
    let (what, reason) = match (failed.len(), unfinished.len()) {
        (0, 0) => return,
        (0, begun) => (words::count(begun, "unfinished release"), "runs that were cut off left them behind".to_owned()),
        (old, begun) => {
            let begun =
                if begun > 0 { format!(" and {}", words::count(begun, "unfinished one")) } else { String::new() };
            (
                format!("{}{begun}", words::count(old, "failed release")),
                format!("the newest {keep} failed ones are kept for inspection, and every known-good one"),
            )
        }
    };
    let action = Action::Prune { releases: failed, unfinished };
    draft.step(Subject::Release, "prune", format!("Remove {what}"), reason, action);
}

/// The process through which the gate proves a release, and its port.
pub fn gated_process(site: &Site) -> Option<(&crate::site::Name, &Process)> {
    let named = |name: &str| site.process.iter().find(|(n, process)| n.as_str() == name && process.port.is_some());
    named("web").or_else(|| site.process.iter().find(|(_, process)| process.port.is_some()))
}
