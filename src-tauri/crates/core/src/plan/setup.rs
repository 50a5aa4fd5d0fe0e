//! Planning the set-up of a host for a site: packages, user, directories, certificate, files, nginx, firewall.

use std::collections::BTreeSet;

use crate::digest::Digest;
use crate::fact::Fact;
use crate::facts::paths::{Ownership, PathState};
use crate::profile::{FirewallKind, PackageManager};
use crate::release::Layout;
use crate::site::{Firewall, Site, TlsMode};

use super::observed::{Situation, Wanted, WantedFile, directories};
use super::release::whole_marker;
use super::runtime::{install_commands, missing_packages};
use super::{Action, FileContent, FileDiff, FileWrite, Notice, Risk, Severity, Step, Subject};

/// Days for which a self-signed certificate is valid: browsers refuse longer ones (825 days, since 2019).
const CERTIFICATE_DAYS: u32 = 397;
/// A certificate is replaced when fewer than this many days are left.
const RENEW_DAYS: u64 = 30;

/// Steps and notices, as they are found.
#[derive(Debug, Default)]
pub struct Draft {
    /// Steps in order.
    pub steps: Vec<Step>,
    /// Notices.
    pub notices: Vec<Notice>,
}

impl Draft {
    /// Adds a step.
    pub fn step(
        &mut self,
        subject: Subject,
        id: impl Into<String>,
        title: impl Into<String>,
        reason: impl Into<String>,
        action: Action,
    ) {
        self.steps.push(Step {
            id: id.into(),
            subject,
            title: title.into(),
            reason: reason.into(),
            risk: Risk::None,
            action,
            diff: None,
            drift: false,
        });
    }

    /// Adds a notice.
    pub fn notice(&mut self, severity: Severity, text: impl Into<String>, hint: Option<&str>) {
        self.notices.push(Notice { severity, text: text.into(), hint: hint.map(str::to_owned) });
    }

    /// Adds a notice that forbids applying.
    pub fn block(&mut self, text: impl Into<String>, hint: &str) {
        self.notice(Severity::Blocker, text, Some(hint));
    }
}

/// How one wanted file differs from what is there.
#[derive(Debug)]
pub struct FileChange<'a> {
    /// The file.
    pub file: &'a WantedFile,
    /// Why it is written.
    pub reason: String,
    /// How it changes.
    pub diff: FileDiff,
    /// Digest of what is there.
    pub expected: Option<Digest>,
    /// Whether it was changed by hand.
    pub drift: bool,
}

impl FileChange<'_> {
    /// The write that makes the change.
    pub fn write(&self, layout: &Layout) -> FileWrite {
        let keep = self.drift.then(|| format!("{}/replaced", layout.state()));
        FileWrite { expected: self.expected.clone(), keep, ..plain_write(self.file) }
    }
}

/// A write of `file` that does not look at what is there.
pub fn plain_write(file: &WantedFile) -> FileWrite {
    FileWrite {
        path: file.path.clone(),
        mode: file.mode,
        owner: file.owner.clone(),
        group: file.group.clone(),
        content: file.content.clone(),
        expected: None,
        keep: None,
    }
}

/// Plans everything that is not part of a release. `with_files`: also the bundle's files, when no release carries them.
pub fn plan(situation: &Situation<'_>, wanted: &Wanted<'_>, with_files: bool) -> Draft {
    let mut draft = Draft::default();
    let site = wanted.site;
    preconditions(&mut draft, situation, site);
    packages(&mut draft, situation, site);
    user(&mut draft, situation, site);
    make_directories(&mut draft, situation, site);
    certificate(&mut draft, situation, site);
    if with_files {
        files(&mut draft, situation, wanted);
    }
    firewall(&mut draft, situation, site);
    draft
}

fn preconditions(draft: &mut Draft, situation: &Situation<'_>, site: &Site) {
    let facts = situation.facts;
    match &facts.systemd {
        Fact::Known(_) => {}
        Fact::Absent => {
            draft.block("this host does not run systemd", "Slipway needs a host that was booted with systemd")
        }
        Fact::Failed(why) => {
            draft.block(format!("systemd's state could not be read: {why}"), "look at the host, then plan again")
        }
    }
    if matches!(site.tls.mode, TlsMode::CertbotWebroot | TlsMode::CertbotStandalone) {
        draft.block(
            "certificates from an ACME authority are not part of this version",
            "use tls.mode = \"self-signed\" or \"own\" for now",
        );
    }
    for (path, observed) in situation.paths {
        if let Some(parent) = &observed.untrusted_parent
            // An environment whose build was cut short is still the user's: it is removed and built anew.
            && *path != whole_marker(&parent.component)
        {
            draft.block(
                format!("{path} lies below {}, which someone other than root can redirect", parent.component),
                "give that directory to root, without write permission for others",
            );
        }
        if let PathState::Failed { reason } = &observed.state {
            draft.block(format!("{path} could not be looked at: {reason}"), "look at the host, then plan again");
        }
    }
    if let Some(selinux) = facts.selinux.known()
        && selinux.mode == crate::facts::security::SelinuxMode::Enforcing
    {
        draft.notice(
            Severity::Warning,
            "SELinux is enforcing, and this version does not label ports and files yet",
            Some("nginx may be kept from reaching the application until httpd_can_network_connect is on"),
        );
    }
    let layout = Layout::new(&site.name);
    // Records without a manifest are those of a site that was here before; its data may have stayed.
    let known = matches!(situation.path(&layout.state()), Some(PathState::Directory { .. }));
    if situation.manifest.is_none() && !known {
        for path in [layout.root(), layout.etc(), layout.logs()] {
            if matches!(situation.path(&path), Some(PathState::Directory { .. })) {
                draft.block(
                    format!("{path} is there already and is not this site's"),
                    "choose another name in the site file, or move that directory away",
                );
            }
        }
    }
    for path in site.shared.keys() {
        if let Some(outer) =
            site.shared.keys().find(|outer| path.strip_prefix(outer.as_str()).is_some_and(|r| r.starts_with('/')))
        {
            draft.block(
                format!(
                    "shared.\"{path}\" lies inside shared.\"{outer}\", which the application may change as it likes"
                ),
                "make the inner directory from the application, or put the two beside each other",
            );
        }
    }
    ports(draft, situation, site);
    nginx_conflicts(draft, situation, site);
}

fn ports(draft: &mut Draft, situation: &Situation<'_>, site: &Site) {
    let listeners = match situation.facts.listeners.present() {
        Ok(listeners) => listeners.map(Vec::as_slice).unwrap_or_default(),
        Err(why) => {
            return draft.block(
                format!("which ports are in use could not be seen: {why}"),
                "look at the host, then plan again",
            );
        }
    };
    let ours: BTreeSet<u16> =
        situation.manifest.iter().flat_map(|m| m.instances.iter().filter_map(|i| i.port)).collect();
    let holder = |port: u16| {
        listeners
            .iter()
            .find(|l| l.port == port)
            .map(|l| l.processes.first().map_or_else(|| "another process".to_owned(), |p| p.name.clone()))
    };
    for port in [80, 443] {
        if let Some(name) = situation.strange_holder(port) {
            draft.block(format!("port {port} is held by {name}"), "stop and disable it, or move it to another port");
        }
    }
    for (name, process) in &site.process {
        let Some(first) = process.port else { continue };
        for port in (first..).take(process.instances as usize) {
            if !ours.contains(&port)
                && let Some(by) = holder(port)
            {
                draft.block(
                    format!("port {port} of process.{name} is held by {by}"),
                    "choose another process.port in the site file, or stop what holds it",
                );
            }
        }
    }
}

fn nginx_conflicts(draft: &mut Draft, situation: &Situation<'_>, site: &Site) {
    let sites = match situation.facts.nginx_sites.present() {
        Ok(Some(sites)) => sites,
        Ok(None) => return,
        Err(why) => {
            return draft.block(
                format!("what nginx serves already could not be read: {why}"),
                "look at the host, then plan again",
            );
        }
    };
    let own = format!("{}/{}.conf", situation.profile.nginx.sites.trim_end_matches('/'), site.name);
    let own_paths: BTreeSet<&str> =
        situation.manifest.iter().flat_map(|m| m.files.keys().map(String::as_str)).collect();
    for server in &sites.servers {
        if server.file == own || own_paths.contains(server.file.as_str()) {
            continue;
        }
        if let Some(domain) = site.domains.iter().find(|domain| server.names.iter().any(|name| name == domain.as_str()))
        {
            draft.block(
                format!("nginx already serves {domain} from {}:{}", server.file, server.line),
                "remove that server block, or choose another domain; nginx would use only one of the two",
            );
        }
    }
}

fn packages(draft: &mut Draft, situation: &Situation<'_>, site: &Site) {
    let missing =
        match missing_packages(site, situation.profile, situation.facts, situation.packages, situation.offered) {
            Ok(missing) => missing,
            Err(why) => {
                return draft
                    .block(why, "change the site file (runtime.version, packages), or use a newer distribution");
            }
        };
    if missing.is_empty() {
        return;
    }
    let Some(commands) = install_commands(situation.profile, &missing, situation.facts) else {
        return draft.block(
            format!("{} cannot all be names of packages", missing.join(", ")),
            "correct [packages] in the site file",
        );
    };
    let manager = match situation.profile.manager {
        PackageManager::Apt => "apt",
        PackageManager::Dnf => "dnf",
    };
    draft.step(
        Subject::Packages,
        "packages",
        format!("Install {}", missing.join(", ")),
        format!("needed and not installed; {manager} takes them from the host's own repositories"),
        Action::InstallPackages { packages: missing, commands },
    );
}

fn user(draft: &mut Draft, situation: &Situation<'_>, site: &Site) {
    let home = Layout::new(&site.name).cache();
    let users = match situation.facts.users.present() {
        Ok(users) => users.map(Vec::as_slice).unwrap_or_default(),
        Err(why) => {
            return draft
                .block(format!("the host's users could not be read: {why}"), "look at the host, then plan again");
        }
    };
    match users.iter().find(|user| user.name == site.name.as_str()) {
        Some(user) if user.home == home => {}
        Some(user) => draft.block(
            format!("a user {} exists already (home {}) and is not this site's", user.name, user.home),
            "choose another name in the site file",
        ),
        None => draft.step(
            Subject::User,
            "user",
            format!("Create the system user {}", site.name),
            "the application runs as its own user that nobody can log in as",
            Action::CreateUser { name: site.name.clone(), home, shell: situation.profile.system.nologin.clone() },
        ),
    }
}

fn make_directories(draft: &mut Draft, situation: &Situation<'_>, site: &Site) {
    for wanted in directories(site) {
        let reason = match situation.path(&wanted.path) {
            Some(PathState::Directory { mode, owner })
                if *mode == wanted.mode && owned_by(owner, &wanted.owner, &wanted.group) =>
            {
                continue;
            }
            Some(PathState::Directory { mode, owner }) => format!(
                "{}; it has {mode:04o} {}:{} and should have {:04o} {}:{}",
                wanted.purpose, owner.user, owner.group, wanted.mode, wanted.owner, wanted.group
            ),
            Some(PathState::Absent) => wanted.purpose.to_owned(),
            Some(other) => {
                draft.block(
                    format!("{} is {} where a directory is needed", wanted.path, super::observed::describe(other)),
                    "move it away",
                );
                continue;
            }
            None => continue,
        };
        draft.step(
            Subject::Directories,
            format!("directory:{}", wanted.path),
            format!("{} ({:04o} {}:{})", wanted.path, wanted.mode, wanted.owner, wanted.group),
            reason,
            Action::MakeDirectory { path: wanted.path, mode: wanted.mode, owner: wanted.owner, group: wanted.group },
        );
    }
}

fn owned_by(owner: &Ownership, user: &str, group: &str) -> bool {
    owner.user == user && owner.group == group
}

fn certificate(draft: &mut Draft, situation: &Situation<'_>, site: &Site) {
    if site.tls.mode != TlsMode::SelfSigned {
        return;
    }
    let layout = Layout::new(&site.name);
    let names: Vec<String> = if site.domains.is_empty() {
        vec![site.name.as_str().to_owned()]
    } else {
        site.domains.iter().map(|domain| domain.as_str().to_owned()).collect()
    };
    let there = ["fullchain.pem", "privkey.pem"]
        .iter()
        .all(|file| matches!(situation.path(&format!("{}/{file}", layout.tls())), Some(PathState::File { .. })));
    let record = situation.manifest.and_then(|manifest| manifest.certificate.as_ref());
    let now = situation.facts.clock.known().map(|clock| clock.epoch_seconds);
    let reason = match record {
        _ if !there => "browsers need an encrypted connection; this one is signed by itself, so they will warn",
        None => "the certificate that is there was not made by Slipway for this site",
        Some(record) if record.names != names => "the site's domains have changed",
        Some(record) if now.is_some_and(|now| record.expires < now + RENEW_DAYS * 86_400) => {
            "it expires within 30 days"
        }
        Some(_) => return,
    };
    draft.step(
        Subject::Certificate,
        "certificate",
        format!("Make a self-signed certificate for {}", names.join(", ")),
        reason,
        Action::Certificate { directory: layout.tls(), names, days: CERTIFICATE_DAYS },
    );
}

/// Compares one wanted file with what is there; none when there is nothing to do.
pub fn compare<'a>(situation: &Situation<'_>, file: &'a WantedFile) -> Option<FileChange<'a>> {
    let state = situation.path(&file.path)?;
    let record = situation.manifest.and_then(|manifest| manifest.files.get(&file.path));
    let shown = file.shown().to_owned();
    let secret = matches!(file.content, FileContent::Secret { .. });
    let mut diff =
        FileDiff { path: file.path.clone(), old: None, new: Some(shown), attributes: Vec::new(), hidden: None };
    match state {
        PathState::File { mode, owner, digest, content, .. } => {
            let wanted = (file.mode, file.owner.as_str(), file.group.as_str());
            let found = (*mode, owner.user.as_str(), owner.group.as_str());
            if digest == &file.digest && wanted == found {
                return None;
            }
            if wanted != found {
                diff.attributes.push(format!(
                    "{mode:04o} {}:{} → {:04o} {}:{}",
                    owner.user, owner.group, file.mode, file.owner, file.group
                ));
            }
            let ours = situation.manifest.is_some_and(|manifest| manifest.wrote(&file.path, digest));
            let drift = digest != &file.digest && !ours;
            // A foreign file that not everybody may read can hold secrets, too.
            let private = record.is_none() && mode & 0o004 == 0;
            let held_secrets = record.is_some_and(|record| record.masked.is_some());
            if digest == &file.digest {
                diff.old.clone_from(&diff.new);
            } else if secret || held_secrets || private {
                diff.old = record.filter(|_| ours).and_then(|record| record.masked.clone());
                if diff.old.is_none() {
                    diff.hidden = Some("it may hold secrets, so what is on the host is not shown".to_owned());
                }
            } else {
                match content {
                    Some(bytes) => diff.old = Some(String::from_utf8_lossy(&bytes.0).into_owned()),
                    None => diff.hidden = Some("it is too large to show".to_owned()),
                }
            }
            let reason = match (drift, record.is_some()) {
                (true, true) => "it was changed on the host by hand since Slipway wrote it",
                (true, false) => "a file that Slipway did not write is in its place",
                (false, _) if digest == &file.digest => "its owner or mode is not what it should be",
                (false, _) => "the site file, a template or a secret changed",
            };
            Some(FileChange { file, reason: reason.to_owned(), diff, expected: Some(digest.clone()), drift })
        }
        PathState::Absent => {
            let reason = if record.is_some() { "it was removed from the host by hand" } else { "it is not there yet" };
            Some(FileChange { file, reason: reason.to_owned(), diff, expected: None, drift: false })
        }
        PathState::Directory { .. }
        | PathState::Symlink { .. }
        | PathState::Other { .. }
        | PathState::Failed { .. } => {
            let reason = format!("{} is in its place", super::observed::describe(state));
            diff.hidden = Some("what is there is not a file".to_owned());
            Some(FileChange { file, reason, diff, expected: None, drift: true })
        }
    }
}

fn files(draft: &mut Draft, situation: &Situation<'_>, wanted: &Wanted<'_>) {
    let layout = Layout::new(&wanted.site.name);
    let changes: Vec<FileChange<'_>> = wanted.files.iter().filter_map(|file| compare(situation, file)).collect();
    let nginx_writes: Vec<FileWrite> =
        changes.iter().filter(|change| change.file.is_nginx()).map(|change| change.write(&layout)).collect();
    for change in changes.iter().filter(|change| !change.file.is_nginx()) {
        let action = Action::WriteFile(change.write(&layout));
        push_file(draft, Subject::Configuration, change, action);
    }
    for (path, expected) in leftovers(situation, wanted) {
        draft.step(
            Subject::Configuration,
            format!("remove:{path}"),
            format!("Remove {path}"),
            "the site file no longer calls for it",
            Action::RemoveFile { path, expected, keep: None },
        );
    }
    if changes.iter().any(|change| change.file.is_unit()) {
        let target = format!("{}.target", wanted.site.name);
        draft.step(
            Subject::Services,
            "units",
            format!("Make systemd read its units again and enable {target}"),
            "units changed; processes start with the first deployment",
            Action::Units { enable: vec![target] },
        );
    }
    if nginx_writes.is_empty() {
        return;
    }
    let mut changes = changes.iter().filter(|change| change.file.is_nginx());
    if let Some(first) = changes.next() {
        push_file(draft, Subject::WebServer, first, Action::InstallNginx { files: nginx_writes });
    }
    for change in changes {
        push_file(draft, Subject::WebServer, change, Action::Phase { key: "nginx".to_owned() });
    }
}

/// Files of the record that are no longer wanted and still there as Slipway wrote them.
pub fn leftovers(situation: &Situation<'_>, wanted: &Wanted<'_>) -> Vec<(String, Digest)> {
    let Some(manifest) = situation.manifest else { return Vec::new() };
    let gone = manifest.files.iter().filter(|(path, _)| !wanted.files.iter().any(|file| &file.path == *path));
    gone.filter_map(|(path, record)| match situation.path(path) {
        Some(PathState::File { digest, .. }) if digest == &record.digest => Some((path.clone(), digest.clone())),
        _ => None,
    })
    .collect()
}

/// Adds the step of one changed file.
pub fn push_file(draft: &mut Draft, subject: Subject, change: &FileChange<'_>, action: Action) {
    let verb = if change.expected.is_some() { "Change" } else { "Write" };
    draft.step(
        subject,
        format!("file:{}", change.file.path),
        format!("{verb} {}", change.file.path),
        change.reason.clone(),
        action,
    );
    if let Some(step) = draft.steps.last_mut() {
        step.diff = Some(change.diff.clone());
        step.drift = change.drift;
    }
}

fn firewall(draft: &mut Draft, situation: &Situation<'_>, site: &Site) {
    if site.firewall == Firewall::Leave {
        return;
    }
    let firewalls = match situation.facts.firewalls.present() {
        Ok(Some(firewalls)) => firewalls,
        Ok(None) => return,
        Err(why) => {
            return draft.notice(Severity::Warning, format!("the firewall could not be read: {why}"), None);
        }
    };
    let needed = if site.tls.mode == TlsMode::None { vec!["http"] } else { vec!["http", "https"] };
    if let Some(firewalld) = firewalls.firewalld.known()
        && firewalld.active
    {
        let has = |rules: &Option<crate::facts::security::ZoneRules>, service: &str| {
            let port = if service == "https" { "443/tcp" } else { "80/tcp" };
            rules.as_ref().is_some_and(|r| r.services.iter().any(|s| s == service) || r.ports.iter().any(|p| p == port))
        };
        let closed: Vec<String> = needed
            .iter()
            .filter(|service| !has(&firewalld.running, service) || !has(&firewalld.permanent, service))
            .map(|service| (*service).to_owned())
            .collect();
        return open(draft, FirewallKind::Firewalld, closed);
    }
    if let Some(ufw) = firewalls.ufw.known()
        && ufw.active
    {
        let has = |service: &str| {
            let port = if service == "https" { "443" } else { "80" };
            ufw.rules
                .iter()
                .any(|rule| rule.action.eq_ignore_ascii_case("allow") && rule.port.split(',').any(|p| p == port))
        };
        let closed = needed.iter().filter(|service| !has(service)).map(|service| (*service).to_owned()).collect();
        return open(draft, FirewallKind::Ufw, closed);
    }
    let closed_policy = firewalls
        .nftables
        .known()
        .is_some_and(|chains| chains.iter().any(|chain| chain.hook == "input" && chain.policy == "drop"));
    if closed_policy {
        draft.notice(
            Severity::Warning,
            "this host has nftables rules of its own that drop what they do not know",
            Some("allow tcp ports 80 and 443 there; Slipway does not edit hand-written rules"),
        );
    }
}

fn open(draft: &mut Draft, firewall: FirewallKind, services: Vec<String>) {
    if services.is_empty() {
        return;
    }
    let name = match firewall {
        FirewallKind::Firewalld => "firewalld",
        FirewallKind::Ufw => "ufw",
        FirewallKind::Nftables => "nftables",
    };
    draft.step(
        Subject::Firewall,
        "firewall",
        format!("Allow {} in {name}", services.join(" and ")),
        "the firewall is active and does not let browsers in",
        Action::OpenFirewall { firewall, services },
    );
}
