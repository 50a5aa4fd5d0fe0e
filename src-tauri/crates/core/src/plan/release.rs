//! Planning releases: a deployment, a change of configuration under a running site, a rollback.

use std::collections::BTreeMap;

use crate::activation::{Activation, Front, Gated, Handover, HealthCheck, Instance};
use crate::digest::Digest;
use crate::fact::Fact;
use crate::facts::paths::PathState;
use crate::manifest::Records;
use crate::release::{Layout, LedgerEvent, ReleaseId, ReleaseRecord};
use crate::resource::certificate;
use crate::resource::converge::Comparison;
use crate::resource::file::{File, FileWrite};
use crate::resource::{
    Claim, Effect, Id, Kind as _, Move, Owned, Picked as _, Record, Resource, Risk, Scope, Verb, Way,
};
use crate::seen::Subject;
use crate::site::{MigrateBefore, Name, Process, Replace, Site, TlsMode};
use crate::{units, words};

use super::build::{build, environment};
use super::new_release::{NewRelease, Origin, Target};
use super::release_step::CarriedFile;
use super::setup::{differences, doubts, place, waits_for_release};
use super::wanted::{Serving, resources};
use super::{Draft, Intent, Part, Plan, ReleaseStep, Severity, Situation, Wanted};

/// Ports that are tried for the gate.
const GATE_PORTS: std::ops::Range<u16> = 19_000..19_500;

/// The processes that the gate proves, each with a free port if it serves HTTP. A process that opens its port itself gets
/// one of its own ports that is not in use. The guard of the site's ports covers all of them while the gate is there.
pub fn gated(situation: &Situation<'_>, wanted: &Wanted<'_>) -> Vec<Gated> {
    let site = wanted.site;
    let mut free = GATE_PORTS.filter(|port| situation.seen.holders(*port).is_empty());
    let mut port_of = |name: &Name, process: &Process| -> Option<u16> {
        process.port?;
        let stem = format!("{}-{name}@", site.name);
        let own = wanted.instances.iter().find(|one| one.alternate.is_some() && one.unit.starts_with(&stem));
        let own = own.and_then(|one| one.port).filter(|port| situation.seen.holders(*port).is_empty());
        Some(own.or_else(|| free.next()).unwrap_or(GATE_PORTS.start))
    };
    let proved = |(_, process): &(&Name, &Process)| {
        process.replace == Replace::Overlap && process.instances > 0 && process.gate.unwrap_or(true)
    };
    let gated = |(name, process): (&Name, &Process)| Gated {
        process: name.to_string(),
        unit: units::gate(&site.name, name),
        port: port_of(name, process),
    };
    site.process.iter().filter(proved).map(gated).collect()
}

/// Plans `slipway apply`: the set-up, and, when a release is active and its configuration changes, a new
/// release with the same code, so that it is proved and can be rolled back like any other.
pub fn plan_apply(situation: &Situation<'_>, wanted: &Wanted<'_>, reconfigured: Option<&NewRelease>) -> Plan {
    let serving = serving(situation, wanted);
    let mut comparison = differences(situation, wanted, serving);
    let mut draft = Draft { steps: Vec::new(), notices: std::mem::take(&mut comparison.notices) };
    let moves = std::mem::take(&mut comparison.moves);
    match reconfigured {
        Some(release) if reconfigures(situation, wanted, serving, &moves) => {
            let (waiting, mut direct): (Vec<Move>, Vec<Move>) =
                moves.into_iter().partition(|one| waits_for_release(one, serving));
            // Instances that do not run are started by the release.
            direct.retain(|one| one.way == Way::Direct);
            // What the live release uses goes once another is live, and not at all when that fails.
            let (leaving, coming): (Vec<Move>, Vec<Move>) = direct.into_iter().partition(|one| one.removes);
            place(&mut draft, coming);
            release_steps(&mut draft, situation, wanted, release, &waiting);
            place(&mut draft, leaving);
        }
        Some(_) | None => place(&mut draft, moves),
    }
    unrecorded(&mut draft, situation, wanted.site, &comparison.claims);
    finish(draft, situation, wanted, Intent::Apply, comparison.claims)
}

fn serving(situation: &Situation<'_>, wanted: &Wanted<'_>) -> Serving {
    match situation.current(&Layout::new(&wanted.site.name)) {
        Some(_) => Serving::Yes,
        None => Serving::No,
    }
}

/// Whether what differs needs a new release: a release is live, and its configuration is not what the site file calls for,
/// or it is not what runs.
fn reconfigures(situation: &Situation<'_>, wanted: &Wanted<'_>, serving: Serving, moves: &[Move]) -> bool {
    serving == Serving::Yes
        && (moves.iter().any(|one| waits_for_release(one, serving))
            || situation.seen.ledger().interrupted().is_some()
            || situation.instances() != wanted.instances)
}

/// Whether `slipway apply` must make a release: see [`plan_apply`].
pub fn needs_reconfiguration(situation: &Situation<'_>, wanted: &Wanted<'_>) -> bool {
    let serving = serving(situation, wanted);
    serving == Serving::Yes && reconfigures(situation, wanted, serving, &differences(situation, wanted, serving).moves)
}

/// A step that only writes down what belongs to the site, where nothing else is to be done.
fn unrecorded(draft: &mut Draft, situation: &Situation<'_>, site: &Site, claims: &BTreeMap<Id, Claim>) {
    if !draft.steps.is_empty() {
        return;
    }
    let before = situation.records;
    let mut after = before.clone();
    after.settle(&site.name, claims);
    let changed = changed_entries(before, &after);
    if before.old || !changed.is_empty() {
        let mut names: Vec<&str> = changed.iter().take(5).map(Id::as_str).collect();
        if changed.len() > names.len() {
            names.push("…");
        }
        let what = if names.is_empty() { "in today's form".to_owned() } else { names.join(", ") };
        draft.record(
            format!("Record what belongs to {} on {}", site.name, situation.host),
            &format!("all of it is there already, and nothing else is changed: {what}"),
            Verb::Change,
        );
    }
}

/// Resources of which something else is to be recorded.
fn changed_entries(before: &Records, after: &Records) -> Vec<Id> {
    let site = |records: &Records| records.site.as_ref().map(|site| site.resources.clone()).unwrap_or_default();
    let (old, new) = (site(before), site(after));
    // A text with fingerprints instead of secrets is kept when a run has one, and is no reason for a run; nor is what a run
    // that failed had in mind.
    let plain = |owned: Option<&Owned>| {
        let mut there = owned?.there.clone();
        if let Some(Record::File(file)) = &mut there {
            file.masked = None;
        }
        there
    };
    let differs = |id: &&Id| plain(old.get(*id)) != plain(new.get(*id));
    let of_site = old.keys().chain(new.keys()).filter(differs).cloned();
    let (old_host, new_host) = (&before.host.resources, &after.host.resources);
    // That the site uses something no longer matters once it leaves, and is recorded with the next run.
    let differs = |id: &&Id| match (old_host.get(*id), new_host.get(*id)) {
        (Some(old), Some(new)) => old.owned.there != new.owned.there || !new.sites.is_subset(&old.sites),
        (old, new) => plain(old.map(|old| &old.owned)) != plain(new.map(|new| &new.owned)),
    };
    let of_host = old_host.keys().chain(new_host.keys()).filter(differs).cloned();
    of_site.chain(of_host).collect::<std::collections::BTreeSet<_>>().into_iter().collect()
}

/// Plans `slipway deploy`. The set-up must be in place: what is missing is a blocker that names `slipway apply`.
pub fn plan_deploy(situation: &Situation<'_>, wanted: &Wanted<'_>, release: &NewRelease) -> Plan {
    situation.current(&Layout::new(&wanted.site.name));
    let Comparison { moves, claims, notices } = differences(situation, wanted, Serving::Starts);
    let mut draft = Draft { steps: Vec::new(), notices };
    let (waiting, rest): (Vec<Move>, Vec<Move>) = moves.into_iter().partition(|one| one.way == Way::Release);
    let direct = rest.into_iter().filter(|one| one.way == Way::Direct).collect();
    require_setup(&mut draft, situation, direct);
    release_steps(&mut draft, situation, wanted, release, &waiting);
    finish(draft, situation, wanted, Intent::Deploy { release: release.record.id.clone() }, claims)
}

/// Plans `slipway rollback` to `target`, whose own configuration comes back with it.
pub fn plan_rollback(situation: &Situation<'_>, wanted: &Wanted<'_>, target: &Target, author: &str) -> Plan {
    let layout = Layout::new(&wanted.site.name);
    let mut draft = Draft::default();
    let mut claims = BTreeMap::new();
    situation.seen.read(Subject::SiteRecord(wanted.site.name.clone()));
    situation.seen.read(Subject::HostRecord);
    let release = &target.release;
    let current = situation.current(&layout);
    if current.as_ref() == Some(release) {
        draft.notice(Severity::Info, format!("release {release} is active already"), None);
    } else if !situation.seen.releases().contains(release) {
        draft.block(
            format!("the files of release {release} are no longer on {}", situation.host),
            "slipway releases lists what can be rolled back to",
        );
    } else {
        let good = situation.seen.ledger().releases().iter().any(|state| &state.id == release && state.known_good);
        if !good {
            draft.block(
                format!("release {release} never proved itself, so there is nothing to go back to"),
                "deploy that version again: it is proved on a private port before it gets traffic",
            );
        }
        changed_by_hand(&mut draft, situation);
        let back = Wanted { files: &target.files, instances: &target.instances, ..*wanted };
        let mut activation = activation(situation, &back, release, format!("rollback by {author}"));
        activation.gate.clear();
        activation.migrate.clear();
        activation.guard.clone_from(&target.guard);
        // Which of its files differ is seen when they are put in place.
        activation.follows = vec![Effect::Nginx];
        // A release that brings no certificate of its own is served with the one that is there.
        let brought = |path: &String| target.files.iter().any(|file| &file.path == path);
        activation.spared.extend(certificate::paths(&layout.tls()).into_iter().filter(|path| !brought(path)));
        activation.handover = handover(&mut draft, situation, &activation);
        claims = claims_of(situation, &back, wanted.files, &activation.spared);
        push_activation(&mut draft, activation, &[]);
    }
    finish(draft, situation, wanted, Intent::Rollback { release: release.clone() }, claims)
}

/// What will be recorded of files and units of a release that comes back. What is `spared` stays, and stays recorded.
fn claims_of(
    situation: &Situation<'_>,
    wanted: &Wanted<'_>,
    rendered: &[File],
    spared: &[String],
) -> BTreeMap<Id, Claim> {
    let travels = |way: Way| way != Way::Direct;
    let profile = situation.seen.profile();
    let python = situation.seen.interpreter().ok();
    let all = resources(wanted, profile, python, situation.now, Serving::Starts);
    let mut claims: BTreeMap<Id, Claim> = BTreeMap::new();
    for resource in all.iter().filter(|resource| travels(resource.way(None))) {
        // Where today's site file calls for the same file, its text is known.
        let same = |file: &&File| {
            let record = file.record();
            File::id_of(&file.path) == resource.id()
                && File::pick(&resource.record()).is_some_and(|other| other.digest == record.digest)
        };
        let known = rendered.iter().find(same).map(|file| Resource::from(file.clone()));
        let mut record = known.as_ref().unwrap_or(resource).record();
        if let Record::File(file) = &mut record
            && file.may_hold_secrets()
        {
            // Its text is only on the host, and no plan may show it.
            file.masked.get_or_insert_default();
        }
        let claim = Claim {
            scope: resource.scope(),
            record: Some(record),
            needs: resource.leaves_before(),
            effects: resource.effects(),
            changes: true,
        };
        claims.insert(resource.id(), claim);
    }
    let brought: Vec<&str> = wanted.files.iter().map(|file| file.path.as_str()).collect();
    for (id, owned) in situation.records.ownership().site {
        let paths = owned.paths(id);
        let stays = paths.iter().any(|path| spared.contains(path));
        let gone = travels(owned.way()) && !stays;
        // A file of the release takes its place.
        let replaced = !travels(owned.way()) && paths.iter().any(|path| brought.contains(&path.as_str()));
        if (gone || replaced) && !claims.contains_key(id) {
            let gone =
                Claim { scope: Scope::Site, record: None, needs: Vec::new(), effects: Vec::new(), changes: true };
            claims.insert(id.clone(), gone);
        }
    }
    claims
}

/// Says which files a rollback finds changed by hand. It must not wait for a decision about them: they are kept aside.
fn changed_by_hand(draft: &mut Draft, situation: &Situation<'_>) {
    let Some(manifest) = &situation.records.site else { return };
    for (path, _) in manifest.files() {
        if let PathState::File { digest, .. } = situation.seen.path(path)
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

fn finish(
    mut draft: Draft,
    situation: &Situation<'_>,
    wanted: &Wanted<'_>,
    intent: Intent,
    claims: BTreeMap<Id, Claim>,
) -> Plan {
    let ledger = situation.seen.ledger();
    if let Some(id) = ledger.interrupted() {
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
    if !ledger.unreadable.is_empty() {
        draft.notice(
            Severity::Warning,
            "the release ledger on the host has lines that cannot be read; they are ignored",
            None,
        );
    }
    doubts(&mut draft.notices, situation);
    let (site, host) = (wanted.site.name.clone(), situation.host.to_owned());
    Plan::new(site, host, intent, situation.seen.noted(), draft, claims)
}

fn require_setup(draft: &mut Draft, situation: &Situation<'_>, missing: Vec<Move>) {
    let mut setup = Draft::default();
    place(&mut setup, missing);
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

fn release_steps(
    draft: &mut Draft,
    situation: &Situation<'_>,
    wanted: &Wanted<'_>,
    release: &NewRelease,
    waiting: &[Move],
) {
    let site = wanted.site;
    let layout = Layout::new(&site.name);
    let id = &release.record.id;
    disk_space(draft, situation, site, release);
    source(draft, &release.origin, id, site);
    let environment = environment(draft, situation, site, release, &layout.building(id));
    let same_code = matches!(release.origin, Origin::Release(_));
    if !same_code {
        build(draft, site, id, environment.as_ref());
    }
    let config = keep_config(draft, wanted, release, waiting);
    let record = ReleaseRecord {
        config,
        environment: environment.as_ref().map(|(key, _)| key.clone()),
        ..release.record.clone()
    };
    draft.release(
        "seal",
        format!("Seal release {id}"),
        "from here on nobody but root can change it",
        ReleaseStep::Seal {
            record: Box::new(record),
            environment: environment.map(|(_, directory)| directory),
            links: if same_code { Vec::new() } else { links(site, &layout) },
            // Also of the same code: another part of it may be served.
            served: site.served_code().into_iter().map(ToString::to_string).collect(),
            files: wanted.files.iter().map(carried).collect(),
            gate: release.gate.clone(),
        },
    );
    let reason = match &release.record.code_of {
        Some(_) => format!("configuration by {}", release.record.author),
        None => format!("deploy by {}", release.record.author),
    };
    let mut activation = activation(situation, wanted, id, reason);
    activation.guard.clone_from(&release.guard);
    activation.follows = waiting.iter().flat_map(|one| one.difference.effects.iter().cloned()).collect();
    activation.follows.sort();
    activation.follows.dedup();
    if release.record.code_of.is_some() {
        activation.migrate.clear();
    }
    other_listening(draft, &activation);
    activation.handover = handover(draft, situation, &activation);
    let dropped: Vec<Move> = waiting.iter().filter(|one| one.removes).cloned().collect();
    push_activation(draft, activation, &dropped);
    prune(draft, situation, site, id);
}

/// When the release before ends, by the memory that is free: for everything twice, or for one instance at a time.
fn handover(draft: &mut Draft, situation: &Situation<'_>, activation: &Activation) -> Handover {
    const MIB: u64 = 1 << 20;
    let overlaps = |old: &&Instance| {
        activation.instances.iter().any(|new| {
            let same = new.unit == old.unit || new.other().is_some_and(|other| other.unit == old.unit);
            same && new.replace == Replace::Overlap && new.slot.is_some() && old.slot.is_some()
        })
    };
    let held: Vec<(&str, u64)> = activation
        .previous_instances
        .iter()
        .filter(overlaps)
        .filter_map(|old| Some((old.unit.as_str(), situation.memory.get(&old.unit)?.next_multiple_of(MIB))))
        .collect();
    let Some((largest, one)) = held.iter().max_by_key(|(_, bytes)| *bytes).copied() else {
        return Handover::Together;
    };
    let all = held.iter().fold(0_u64, |sum, (_, bytes)| sum.saturating_add(*bytes));
    if situation.seen.has_memory(all) != Fact::Known(false) {
        return Handover::Together;
    }
    if situation.seen.has_memory(one) == Fact::Known(false) {
        draft.block(
            format!(
                "{} has not enough memory free for a second {largest}, which holds {}: the new one starts beside the old one",
                situation.host,
                words::bytes(one)
            ),
            "free memory on the host, or let the old one end first: replace = \"stop-first\" in the process's table",
        );
    }
    Handover::OneByOne
}

/// Says where a port changes hands, between units or between a process and systemd: nobody listens on it for that moment.
fn other_listening(draft: &mut Draft, activation: &Activation) {
    for new in &activation.instances {
        let is_other = |old: &&Instance| {
            let renamed = old.unit != new.unit && old.port.is_some() && old.port == new.port;
            renamed || old.unit == new.unit && old.socket.is_some() != new.socket.is_some()
        };
        if activation.previous_instances.iter().any(|old| is_other(&old)) {
            draft.notice(
                Severity::Warning,
                format!("{} takes its port over from then on: for a moment visitors are refused", new.unit),
                Some(
                    "do it when few people are there, or change the port, too: then both serve until the new one does",
                ),
            );
        }
    }
}

fn carried(file: &File) -> CarriedFile {
    CarriedFile {
        mode: file.mode,
        owner: file.owner.clone(),
        group: file.group.clone(),
        reader: file.write().reader().to_owned(),
        path: file.path.clone(),
    }
}

fn links(site: &Site, layout: &Layout) -> Vec<(String, String)> {
    let link = |(path, shared): (&crate::site::RelativePath, &crate::site::SharedDirectory)| {
        shared.link.as_ref().map(|link| (link.as_str().to_owned(), format!("{}/{path}", layout.shared())))
    };
    site.shared.iter().filter_map(link).collect()
}

fn disk_space(draft: &mut Draft, situation: &Situation<'_>, site: &Site, release: &NewRelease) {
    let upload = match release.origin {
        Origin::Upload { bytes, .. } => bytes.saturating_mul(2),
        Origin::Commit(_) | Origin::Release(_) => 0,
    };
    let floor = site.releases.min_free.as_ref().map_or(1 << 30, |size| size.bytes());
    let needed = floor.saturating_add(upload);
    if situation.seen.has_space("/opt", needed) != Fact::Known(false) {
        return;
    }
    let Some((mount, free, inodes)) = situation.seen.disk("/opt") else { return };
    if free < needed {
        draft.block(
            format!("{mount} has {} MiB free, and {} MiB are needed before a build", free >> 20, needed >> 20),
            "remove releases that are no longer needed (slipway releases remove), or lower releases.min_free",
        );
    } else {
        draft.block(format!("{mount} has only {inodes} inodes free"), "remove files that are no longer needed");
    }
}

fn source(draft: &mut Draft, origin: &Origin, id: &ReleaseId, site: &Site) {
    let (title, reason, step) = match origin {
        Origin::Upload { tree, files, bytes, parcel } => {
            if !parcel.doubtful.is_empty() {
                draft.notice(
                    Severity::Warning,
                    format!("what looks like secrets or data is sent with the source: {}", parcel.doubtful.words()),
                    Some("it lies on the host with the code, in every release; source.exclude leaves it out"),
                );
            }
            (
                format!("Send the source ({files} files, {} KiB)", bytes.div_ceil(1024)),
                format!("from {} on this computer", parcel.from),
                ReleaseStep::Upload {
                    release: id.clone(),
                    tree: tree.clone(),
                    files: *files,
                    bytes: *bytes,
                    parcel: parcel.clone(),
                },
            )
        }
        Origin::Commit(commit) => (
            format!("Check out {}", commit.get(..12).unwrap_or(commit)),
            "from the site's git mirror on the host".to_owned(),
            ReleaseStep::CheckOut {
                release: id.clone(),
                commit: commit.clone(),
                subdirectory: site.source.subdirectory.as_ref().map(|path| path.as_str().to_owned()),
            },
        ),
        Origin::Release(from) => (
            format!("Take the code of release {from} over"),
            "only the configuration changes".to_owned(),
            ReleaseStep::Clone { from: from.clone(), release: id.clone() },
        ),
    };
    draft.release("source", title, reason, step);
}

/// Steps that keep the configuration with the release; returns its digest.
fn keep_config(draft: &mut Draft, wanted: &Wanted<'_>, release: &NewRelease, waiting: &[Move]) -> Digest {
    let id = &release.record.id;
    let keep = |files: Vec<FileWrite>, changed: bool| ReleaseStep::KeepFiles { release: id.clone(), files, changed };
    let mut unchanged = Vec::new();
    for file in wanted.files {
        match waiting.iter().find(|one| one.id == File::id_of(&file.path)) {
            Some(one) => {
                let difference = &one.difference;
                let (title, reason) = (difference.title.clone(), difference.reason.clone());
                draft.release(one.id.as_str(), title, reason, keep(vec![file.write()], true));
                if let Some(step) = draft.steps.last_mut() {
                    step.heading = difference.heading;
                    step.verb = difference.verb;
                    step.diff.clone_from(&difference.diff);
                    step.drift = difference.drift;
                }
            }
            None => unchanged.push(file.write()),
        }
    }
    if !unchanged.is_empty() {
        let title = format!("Keep {} more configuration files with the release", unchanged.len());
        draft.release("config", title, "a rollback brings them back with the code", keep(unchanged, false));
    }
    let parts: Vec<String> =
        wanted.files.iter().flat_map(|file| [file.path.clone(), file.digest.to_string()]).collect();
    Digest::of_parts(parts.iter().map(String::as_bytes))
}

fn activation(situation: &Situation<'_>, wanted: &Wanted<'_>, release: &ReleaseId, reason: String) -> Activation {
    let site = wanted.site;
    let layout = Layout::new(&site.name);
    let host = site.domains.first().map_or("localhost", |domain| domain.as_str()).to_owned();
    // nginx stands in front of every site, also of one that is nothing but files.
    let path = site.health.path.as_ref().map_or("/", |path| path.as_str());
    let (scheme, port) = if site.tls.mode == TlsMode::None { ("http", 80) } else { ("https", 443) };
    let front = Front {
        url: format!("{scheme}://{host}{path}"),
        resolve: format!("{host}:{port}:127.0.0.1"),
        accepts: refusals(site),
    };
    let previous = situation.current(&layout);
    // Whether one that says nothing works, shows in its not ending.
    let silent = |process: &Process| process.port.is_none() && process.check.is_empty();
    let settle_s = if site.process.values().any(silent) { 10 } else { 3 };
    let profile = situation.seen.profile();
    let others = resources(wanted, profile, None, situation.now, Serving::Starts);
    let others = others.iter().filter(|resource| resource.way(None) == Way::Direct);
    Activation {
        site: site.name.clone(),
        release: release.clone(),
        migrate_first: previous.is_none() || site.hooks.migrate_before == MigrateBefore::Gate,
        previous,
        reason,
        instances: wanted.instances.to_vec(),
        previous_instances: situation.instances().to_vec(),
        health: HealthCheck::new(&site.health, &host, settle_s),
        gate: gated(situation, wanted),
        front: Some(front),
        handover: Handover::Together,
        fence: crate::hardening::fence(site, profile.systemd_version),
        migrate: site.hooks.migrate.clone(),
        before_switch: site.hooks.before_switch.clone(),
        after_switch: site.hooks.after_switch.clone(),
        guard: None,
        spared: others.flat_map(Resource::paths).collect(),
        follows: Vec::new(),
    }
}

/// What a site's access rules answer to the host itself, which has no password.
fn refusals(site: &Site) -> Vec<u16> {
    let outsider = !site.access.allow.is_empty();
    let nameless = !site.access.basic.is_empty();
    outsider.then_some(403).into_iter().chain(nameless.then_some(401)).collect()
}

/// Adds the activation; its parts are its phases, and what it takes away of the previous release.
fn push_activation(draft: &mut Draft, activation: Activation, dropped: &[Move]) {
    let reason = "one program on the host does this and what follows, and goes back by itself when it must";
    let mut parts: Vec<Part> = Vec::new();
    for (key, title) in activation.phases() {
        let instance = key
            .strip_prefix("replace:")
            .and_then(|unit| activation.instances.iter().find(|instance| instance.unit == unit));
        let (reason, risk) = match (key.as_str(), instance) {
            (_, Some(instance)) => replacing(&activation, instance),
            ("migrate", _) => ("hooks of the site file", Risk::Data),
            ("before" | "after", _) => ("hooks of the site file", Risk::None),
            ("guard", _) => ("no port is open before it is kept from the network", Risk::None),
            ("switch", _) => ("one atomic change of a link; configuration that differs is put in place", Risk::None),
            ("settle", _) => ("a release counts as good only after that", Risk::None),
            ("verify", _) => ("what people will see is what counts", Risk::None),
            ("drain", _) => {
                ("it takes nothing new; each process gets the time that its unit gives it", drains(&activation))
            }
            _ => (reason, Risk::None),
        };
        parts.push(Part { key, title, reason: reason.to_owned(), risk, verb: Verb::Run, diff: None, drift: false });
    }
    for one in dropped {
        let difference = &one.difference;
        parts.push(Part {
            key: one.id.to_string(),
            title: difference.title.clone(),
            reason: difference.reason.clone(),
            risk: Risk::None,
            verb: difference.verb,
            diff: difference.diff.clone(),
            drift: difference.drift,
        });
    }
    let title = format!("Make release {} live", activation.release);
    draft.release("activate", title, reason, ReleaseStep::Activate { activation: Box::new(activation) });
    if let Some(step) = draft.steps.last_mut() {
        step.parts = parts;
    }
}

/// Why an instance is replaced as it is, and what people notice.
fn replacing(activation: &Activation, instance: &Instance) -> (&'static str, Risk) {
    let Some(old) = activation.previous_instances.iter().find(|old| old.unit == instance.unit) else {
        return ("the one that it takes the place of, if there is one, serves until it works", Risk::None);
    };
    match (instance.replace, old.slot.is_some() && instance.slot.is_some()) {
        (Replace::Overlap, true) => {
            ("the new one starts beside the old one, and both serve until it has proved itself", Risk::None)
        }
        (Replace::Overlap, false) if instance.socket.is_some() => {
            ("its socket stays open, so requests wait; open WebSockets reconnect", Risk::Reconnect)
        }
        (Replace::StopFirst, _) if instance.socket.is_some() => {
            ("the old one ends first: requests wait at its socket until the new one works", Risk::Wait)
        }
        (Replace::StopFirst | Replace::Overlap, _) if instance.port.is_some() => {
            ("the old one ends first: visitors are refused until the new one works", Risk::Wait)
        }
        (Replace::StopFirst | Replace::Overlap, _) => ("the old one ends before the new one starts", Risk::None),
    }
}

/// Whether people notice that the release before ends: open WebSockets do.
fn drains(activation: &Activation) -> Risk {
    let visited = activation.previous_instances.iter().any(|old| old.port.is_some() && old.slot.is_some());
    if visited { Risk::Reconnect } else { Risk::None }
}

/// Removes failed releases beyond those kept for inspection. Known-good ones are never touched.
fn prune(draft: &mut Draft, situation: &Situation<'_>, site: &Site, new: &ReleaseId) {
    let keep = site.releases.keep.unwrap_or(3) as usize;
    let sealed = situation.seen.releases();
    let states = situation.seen.ledger().releases();
    let failed: Vec<ReleaseId> = states
        .iter()
        .filter(|state| !state.known_good && !state.removed && state.last == LedgerEvent::Failed)
        .filter(|state| &state.id != new && sealed.contains(&state.id))
        .skip(keep)
        .map(|state| state.id.clone())
        .collect();
    let unfinished: Vec<ReleaseId> = situation.seen.unfinished().iter().filter(|id| *id != new).cloned().collect();
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
    draft.release("prune", format!("Remove {what}"), reason, ReleaseStep::Prune { releases: failed, unfinished });
}
