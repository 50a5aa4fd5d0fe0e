//! Planning the set-up of a host for a site: what forbids it, and what differs from what the site wants.

use std::collections::BTreeSet;

use crate::fact::Fact;
use crate::facts::paths::PathState;
use crate::facts::security::SelinuxMode;
use crate::notice::{Notices, Severity};
use crate::release::Layout;
use crate::resource::converge::{Comparison, compare};
use crate::resource::default_server::DefaultServer;
use crate::resource::file::File;
use crate::resource::unit::Unit;
use crate::resource::{Id, Kind as _, Move, Scope, Way, converge};
use crate::seen::{Observation, Subject};
use crate::site::{RuntimeKind, Site, TlsMode};
use crate::units;

use super::wanted::{Serving, resources};
use super::{Draft, Situation, Wanted};

/// Where files that would be lost are kept.
pub(super) fn kept_in(site: &Site) -> String {
    format!("{}/replaced", Layout::new(&site.name).state())
}

/// How a host differs from what a site wants there.
pub(super) fn differences(situation: &Situation<'_>, wanted: &Wanted<'_>, serving: Serving) -> Comparison {
    let site = wanted.site;
    let mut notices = Notices::default();
    preconditions(&mut notices, situation, site);
    let python = if site.runtime.kind == RuntimeKind::Python {
        match situation.seen.interpreter() {
            Ok(python) => Some(python),
            Err(why) => {
                notices.block(why, "change runtime.version in the site file, or use a newer distribution");
                None
            }
        }
    } else {
        None
    };
    taken_units(&mut notices, situation, wanted);
    let wanted = resources(wanted, situation.seen.profile(), python, situation.now, serving);
    let ownership = situation.records.ownership();
    let mut comparison = compare(&wanted, ownership, situation.seen, &site.name, kept_in(site), None);
    notices.extend(std::mem::take(&mut comparison.notices));
    comparison.notices = notices;
    comparison
}

/// Whether a change waits for a release while one is live.
pub(super) fn waits_for_release(one: &Move, serving: Serving) -> bool {
    one.way == Way::Release && serving != Serving::No
}

/// Puts changes in order and adds them.
pub(super) fn place(draft: &mut Draft, moves: Vec<Move>) {
    match converge::schedule(moves) {
        Ok(changes) => draft.place(changes),
        Err(cycle) => draft.block(
            format!("Slipway cannot order its changes: {cycle}"),
            "this is a fault of Slipway; please report it with this plan",
        ),
    }
}

/// Notices about what could not be read of what planning relied on, and about places that others could redirect.
pub(super) fn doubts(notices: &mut Notices, situation: &Situation<'_>) {
    for (subject, state) in situation.seen.noted() {
        if let Observation::Path { untrusted_parent: Some(parent), .. } = &state
            && let Subject::Path(path) = &subject
            // An environment whose build was cut short is still the user's: it is removed and built anew.
            && *path != super::build::whole_marker(&parent.component)
        {
            notices.block(
                format!("{path} lies below {}, which someone other than root can redirect", parent.component),
                "give that directory to root, without write permission for others",
            );
        }
        let Some(why) = state.failure() else { continue };
        let hint = "look at the host, then plan again";
        match &subject {
            Subject::Path(path) => notices.block(format!("{path} could not be looked at: {why}"), hint),
            Subject::Package(name) => {
                notices.block(format!("whether {name} is installed could not be seen: {why}"), hint);
            }
            Subject::User(_) => notices.block(format!("the host's users could not be read: {why}"), hint),
            Subject::Unit(name) => notices.block(format!("the state of {name} could not be read: {why}"), hint),
            Subject::Port(_) => notices.block(format!("which ports are in use could not be seen: {why}"), hint),
            Subject::ServerName(_)
            | Subject::OtherServers
            | Subject::DefaultServers(_)
            | Subject::NamelessServers(_) => {
                notices.block(format!("what nginx serves already could not be read: {why}"), hint);
            }
            Subject::Systemd => notices.block(format!("systemd's state could not be read: {why}"), hint),
            Subject::SiteRecord(site) => {
                notices.block(format!("Slipway's record of {site} could not be read: {why}"), hint);
            }
            Subject::HostRecord => {
                notices.block(format!("Slipway's record of the host could not be read: {why}"), hint)
            }
            Subject::FirewallService(_) => {
                notices.add(Severity::Warning, format!("the firewall could not be read: {why}"), None);
            }
            Subject::Rules(_) => {
                let text = format!("whether the rules for the site's ports are in force could not be seen: {why}");
                notices.add(Severity::Warning, text, None);
            }
            Subject::FreeSpace { .. } => notices.add(Severity::Warning, "free disk space could not be read", None),
            Subject::FreeMemory(_) => notices.add(Severity::Warning, "free memory could not be read", None),
            // Whoever needs it says what is missing, or does without.
            Subject::Interpreter
            | Subject::Program(_)
            | Subject::Architecture
            | Subject::PackageLists
            | Subject::OperatingSystem
            | Subject::Selinux
            | Subject::LastReleaseEvent
            | Subject::Releases
            | Subject::UnfinishedReleases => {}
        }
    }
}

fn preconditions(notices: &mut Notices, situation: &Situation<'_>, site: &Site) {
    let seen = situation.seen;
    seen.read(Subject::OperatingSystem);
    if !seen.has_systemd() {
        notices.block("this host does not run systemd", "Slipway needs a host that was booted with systemd");
    }
    if matches!(site.tls.mode, TlsMode::CertbotWebroot | TlsMode::CertbotStandalone) {
        notices.block(
            "certificates from an ACME authority are not part of this version",
            "use tls.mode = \"self-signed\" or \"own\" for now",
        );
    }
    if seen.selinux() == Some(SelinuxMode::Enforcing) {
        notices.add(
            Severity::Warning,
            "SELinux is enforcing, and this version does not label ports and files yet",
            Some("nginx may be kept from reaching the application until httpd_can_network_connect is on"),
        );
    }
    strangers(notices, situation, site);
    for path in site.shared.keys() {
        let is_outer =
            |outer: &&crate::site::RelativePath| path.strip_prefix(outer.as_str()).is_some_and(|r| r.starts_with('/'));
        if let Some(outer) = site.shared.keys().find(is_outer) {
            notices.block(
                format!(
                    "shared.\"{path}\" lies inside shared.\"{outer}\", which the application may change as it likes"
                ),
                "make the inner directory from the application, or put the two beside each other",
            );
        }
    }
    ports(notices, situation, site);
    nginx_conflicts(notices, situation, site);
    asked_by_address(notices, situation, site);
}

/// Directories of the site's name that are somebody else's.
fn strangers(notices: &mut Notices, situation: &Situation<'_>, site: &Site) {
    let seen = situation.seen;
    seen.read(Subject::SiteRecord(site.name.clone()));
    seen.read(Subject::HostRecord);
    let layout = Layout::new(&site.name);
    let is_directory = |path: &str| matches!(seen.path(path), PathState::Directory { .. });
    // Records without a manifest are those of a site that was here before; its data may have stayed.
    if situation.records.site.is_some() || is_directory(&layout.state()) {
        return;
    }
    let logs = site.logs.directory.then(|| layout.logs());
    for path in [layout.root(), layout.etc()].into_iter().chain(logs) {
        if is_directory(&path) {
            notices.block(
                format!("{path} is there already and is not this site's"),
                "choose another name in the site file, or move that directory away",
            );
        }
    }
}

/// Units of a name that this site wants, and that somebody else brought: the distribution, an administrator, another site.
fn taken_units(notices: &mut Notices, situation: &Situation<'_>, wanted: &Wanted<'_>) {
    let ownership = situation.records.ownership();
    let owned = |id: &Id| ownership.get(id, Scope::Site).is_some();
    let file = |name: &str| File::id_of(&format!("/etc/systemd/system/{name}"));
    let instances = wanted.instances.iter().flat_map(|one| one.socket.iter().chain([&one.unit]));
    for name in instances.cloned().chain([units::target(&wanted.site.name), units::guard(&wanted.site.name)]) {
        if owned(&Unit::id_of(&name)) || owned(&file(&name)) || owned(&file(&units::template(&name))) {
            continue;
        }
        if let Fact::Known(_) = situation.seen.unit(&name) {
            notices.block(
                format!("systemd has a unit {name} already, which is not this site's"),
                "choose another name for the site or the process in the site file",
            );
        }
    }
}

fn ports(notices: &mut Notices, situation: &Situation<'_>, site: &Site) {
    let ours: BTreeSet<u16> =
        situation.instances().iter().flat_map(|one| one.port.into_iter().chain(one.alternate)).collect();
    for port in [80, 443] {
        if let Some(name) = situation.seen.holders(port).iter().find(|name| *name != "nginx") {
            notices.block(format!("port {port} is held by {name}"), "stop and disable it, or move it to another port");
        }
    }
    for (name, process) in &site.process {
        let Some(first) = process.port else { continue };
        for port in (first..).take(process.instances as usize).filter(|port| !ours.contains(port)) {
            if let Some(by) = situation.seen.holders(port).first() {
                notices.block(
                    format!("port {port} of process.{name} is held by {by}"),
                    "choose another process.port in the site file, or stop what holds it",
                );
            }
        }
    }
}

fn nginx_conflicts(notices: &mut Notices, situation: &Situation<'_>, site: &Site) {
    let sites = situation.seen.profile().nginx.sites.trim_end_matches('/').to_owned();
    let own = format!("{sites}/{}.conf", site.name);
    let recorded: Vec<&str> =
        situation.records.site.iter().flat_map(|manifest| manifest.files()).map(|(path, _)| path).collect();
    let ours = |file: &String| *file == own || recorded.contains(&file.as_str());
    for domain in &site.domains {
        // Of several, one is enough to say it.
        let others = situation.seen.servers_named(domain.as_str());
        if let Some((file, line)) = others.into_iter().find(|(file, _)| !ours(file)) {
            notices.block(
                format!("nginx already serves {domain} from {file}:{line}"),
                "remove that server block, or choose another domain; nginx would use only one of the two",
            );
        }
    }
}

/// A site without domains is asked for by the host's address: nobody else may answer to that.
fn asked_by_address(notices: &mut Notices, situation: &Situation<'_>, site: &Site) {
    if !site.domains.is_empty() {
        return;
    }
    let port = if site.tls.mode == TlsMode::None { 80 } else { 443 };
    let id = DefaultServer::id_of(&situation.seen.profile().nginx.default_server(port));
    let used = situation.records.ownership().host.get(&id);
    if used.is_some_and(|shared| shared.sites.iter().any(|other| *other != site.name)) {
        notices.block(
            format!("{} has no domains, and for other sites nginx refuses requests for the host's address", site.name),
            "give the site a domain in the site file",
        );
    } else if let Some((file, line)) = situation.seen.default_servers(port).first() {
        notices.add(
            Severity::Warning,
            format!("{} has no domains, and requests for the host's address go to {file}:{line}", site.name),
            Some("give the site a domain, or take default_server away there"),
        );
    }
}
