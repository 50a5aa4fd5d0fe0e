//! Planning that a site leaves a host. People lose it at one moment, when nginx takes up a configuration without it; what
//! is left after that serves nobody, and each step can be repeated. The manifest goes last, so that a run which was cut
//! off is followed by one that still knows what is Slipway's.

use std::collections::{BTreeMap, BTreeSet};

use crate::digest::Digest;
use crate::facts::paths::PathState;
use crate::manifest::Manifest;
use crate::release::Layout;
use crate::render::units;
use crate::site::{Name, Site, TlsMode};
use crate::words;

use super::observed::{Situation, Wanted, describe, directories, observations};
use super::setup::Draft;
use super::{Action, FileDiff, Intent, Plan, Risk, Severity, Subject};

/// Paths beside the site's own that planning must observe.
pub fn watches(site: &Site) -> Vec<String> {
    let layout = Layout::new(&site.name);
    vec![
        layout.logs(),
        trash(&layout.root()),
        trash(&layout.tls_parent()),
        trash(&logs_parent(&layout)),
        layout.ledger(),
    ]
}

/// Where directories wait that are going away: next to them, so that it is one rename.
fn trash(parent: &str) -> String {
    format!("{parent}/.slipway-removed")
}

fn logs_parent(layout: &Layout) -> String {
    layout.logs().rsplit_once('/').map_or_else(String::new, |(parent, _)| parent.to_owned())
}

/// Plans `slipway uninstall`. `data`: also what people put into the site, its log files and its user.
pub fn plan_uninstall(situation: &Situation<'_>, wanted: &Wanted<'_>, data: bool) -> Plan {
    let mut draft = Draft::default();
    let leaving = Leaving { situation, site: wanted.site, layout: Layout::new(&wanted.site.name), data };
    leaving.plan(&mut draft);
    let (host, name) = (situation.host.to_owned(), wanted.site.name.clone());
    Plan::new(name, host, Intent::Uninstall { data }, observations(situation), draft.steps, draft.notices)
}

struct Leaving<'a> {
    situation: &'a Situation<'a>,
    site: &'a Site,
    layout: Layout,
    data: bool,
}

/// A file of Slipway's that is there.
struct There {
    digest: Digest,
    drift: bool,
    diff: FileDiff,
}

impl Leaving<'_> {
    fn plan(&self, draft: &mut Draft) {
        let users = match self.situation.facts.users.present() {
            Ok(users) => users.map(Vec::as_slice).unwrap_or_default(),
            Err(why) => {
                return draft
                    .block(format!("the host's users could not be read: {why}"), "look at the host, then plan again");
            }
        };
        // As for setting up: a user of that name with another home is somebody else's.
        let home = self.layout.cache();
        let user = users.iter().any(|user| user.name == self.site.name.as_str() && user.home == home);
        let known = matches!(self.path(&self.layout.state()), Some(PathState::Directory { .. }));
        if self.situation.manifest.is_none() && self.exists(&self.layout.current()) {
            return draft.block(
                format!("{} is there, and the record of what belongs to it is not", self.layout.current()),
                "slipway apply writes the record again",
            );
        }
        if self.situation.manifest.is_none() && !known {
            return draft.notice(
                Severity::Info,
                format!("nothing on {} is known to be {}'s", self.situation.host, self.site.name),
                None,
            );
        }
        let files = self.files();
        self.nginx(draft, &files);
        self.services(draft);
        self.configuration(draft, &files);
        self.trees(draft);
        self.user(draft, user);
        self.records(draft);
        self.say_what_stays(draft, user);
    }

    fn path(&self, path: &str) -> Option<&PathState> {
        self.situation.path(path)
    }

    fn exists(&self, path: &str) -> bool {
        self.path(path).is_some_and(|state| !matches!(state, PathState::Absent))
    }

    /// Files that the manifest names, or that a run which never ended was about to write.
    fn files(&self) -> BTreeMap<String, There> {
        let Some(manifest) = self.situation.manifest else { return BTreeMap::new() };
        let mut there = BTreeMap::new();
        for path in manifest.files.keys().chain(manifest.pending.keys()) {
            if let Some(PathState::File { digest, content, .. }) = self.path(path) {
                let ours = manifest.wrote(path, digest);
                if !ours && !manifest.files.contains_key(path) {
                    // It was to be written and never was: what is there is somebody else's.
                    continue;
                }
                let old = content.as_ref().map(|bytes| String::from_utf8_lossy(&bytes.0).into_owned());
                let masked = manifest.files.get(path).filter(|_| ours).and_then(|file| file.masked.clone());
                let old = old.or(masked);
                let hidden =
                    old.is_none().then(|| "it may hold secrets, so what is on the host is not shown".to_owned());
                let diff = FileDiff { path: path.clone(), old, new: None, attributes: Vec::new(), hidden };
                there.insert(path.clone(), There { digest: digest.clone(), drift: !ours, diff });
            }
        }
        there
    }

    fn keep(&self, drift: bool) -> Option<String> {
        drift.then(|| format!("{}/replaced", self.layout.state()))
    }

    /// The moment at which people lose the site.
    fn nginx(&self, draft: &mut Draft, files: &BTreeMap<String, There>) {
        let nginx: Vec<_> = files.iter().filter(|(path, _)| path.starts_with("/etc/nginx/")).collect();
        let all = nginx.iter().map(|(path, there)| ((*path).clone(), there.digest.clone())).collect();
        let keep = self.keep(nginx.iter().any(|(_, there)| there.drift));
        let mut action = Some(Action::RemoveNginx { files: all, keep });
        for (path, there) in nginx {
            let action = action.take().unwrap_or_else(|| Action::Phase { key: "nginx".to_owned() });
            remove(draft, Subject::WebServer, path, there, "nginx is rehearsed without it first", action);
            if let Some(step) = draft.steps.last_mut() {
                step.risk = Risk::Gone;
            }
        }
    }

    fn services(&self, draft: &mut Draft) {
        let Some(manifest) = self.situation.manifest else { return };
        let units = all_units(manifest, &self.site.name);
        let there = manifest.files.keys().chain(manifest.pending.keys()).any(|path| is_unit(path) && self.exists(path));
        if !there {
            return;
        }
        draft.step(
            Subject::Services,
            "stop",
            // The target itself and the slice are always among them.
            format!("Stop {}.target for good, and {} of it", self.site.name, words::count(units.len() - 1, "unit")),
            "each gets the time to end that the site file gives it",
            Action::StopUnits { units },
        );
    }

    fn configuration(&self, draft: &mut Draft, files: &BTreeMap<String, There>) {
        let mut units = false;
        for (path, there) in files.iter().filter(|(path, _)| !path.starts_with("/etc/nginx/")) {
            units |= is_unit(path);
            let keep = self.keep(there.drift);
            let action = Action::RemoveFile { path: path.clone(), expected: there.digest.clone(), keep };
            remove(draft, Subject::Configuration, path, there, "Slipway wrote it for this site", action);
        }
        if units {
            draft.step(
                Subject::Services,
                "units",
                "Make systemd read its units again",
                "units were removed",
                Action::Units { enable: Vec::new() },
            );
        }
    }

    fn trees(&self, draft: &mut Draft) {
        let root = self.layout.root();
        let code = [self.layout.current(), self.layout.releases(), self.layout.environments(), self.layout.cache()];
        let releases = match self.situation.releases.len() {
            0 => "what belongs to releases".to_owned(),
            1 => "the release".to_owned(),
            number => format!("all {number} releases"),
        };
        self.tree(
            draft,
            "code",
            format!("Remove {releases}, environments and caches"),
            "the site's code",
            &root,
            &code,
        );
        let tls = self.layout.tls();
        self.tree(
            draft,
            "certificate",
            format!("Remove {tls}"),
            "the certificate and its key",
            &self.layout.tls_parent(),
            std::slice::from_ref(&tls),
        );
        if self.data {
            let shared = self.layout.shared();
            self.tree(
                draft,
                "data",
                format!("Remove {shared}"),
                "the data of the application: as asked for",
                &root,
                std::slice::from_ref(&shared),
            );
            let logs = self.layout.logs();
            self.tree(
                draft,
                "logs",
                format!("Remove {logs}"),
                "its log files: as asked for",
                &logs_parent(&self.layout),
                std::slice::from_ref(&logs),
            );
            if self.situation.manifest.is_some() {
                let directory = self.situation.profile.nginx.logs.trim_end_matches('/').to_owned();
                let names = ["access", "error"].map(|kind| format!("{}.{kind}.log", self.site.name)).to_vec();
                draft.step(
                    Subject::Directories,
                    "nginx-logs",
                    format!("Remove nginx's log files of the site from {directory}"),
                    "they tell who used it: as asked for",
                    Action::RemoveLogs { directory, names },
                );
            }
            for step in draft.steps.iter_mut().filter(|step| ["data", "logs", "nginx-logs"].contains(&step.id.as_str()))
            {
                step.risk = Risk::Data;
            }
        }
        let empty = self.may_be_empty();
        // They are not known to be empty, so they alone are nothing to do.
        let more = self.situation.manifest.is_some() || !draft.steps.is_empty();
        if more && !empty.is_empty() {
            draft.step(
                Subject::Directories,
                "empty",
                "Remove directories that are empty then",
                "what others put there stays",
                Action::RemoveEmpty { paths: empty },
            );
        }
    }

    fn tree(&self, draft: &mut Draft, id: &str, title: String, reason: &str, parent: &str, paths: &[String]) {
        let trash = trash(parent);
        let there: Vec<String> = paths.iter().filter(|path| self.exists(path)).cloned().collect();
        // What a run that was cut off had moved there belongs to whichever step comes first.
        let rest = self.exists(&trash) && !draft.steps.iter().any(|step| trashes(&step.action, &trash));
        if there.is_empty() && !rest {
            return;
        }
        draft.step(Subject::Directories, id, title, reason, Action::RemoveTrees { trash, paths: there });
    }

    /// Directories of the set-up that go when nothing is left in them, the deepest first.
    fn may_be_empty(&self) -> Vec<String> {
        let gone = [self.layout.releases(), self.layout.environments(), self.layout.cache(), self.layout.tls()];
        let ours = |path: &str| {
            let below = |base: String| path == base || path.starts_with(&format!("{base}/"));
            below(self.layout.root()) || below(self.layout.etc()) || below(self.layout.logs())
        };
        let recorded = self.situation.manifest.iter().flat_map(|manifest| manifest.directories.iter().cloned());
        let all: BTreeSet<String> =
            directories(self.site).into_iter().map(|wanted| wanted.path).chain(recorded).collect();
        let mut empty: Vec<String> = all
            .into_iter()
            .filter(|path| ours(path) && !gone.contains(path))
            .filter(|path| matches!(self.path(path), Some(PathState::Directory { .. })))
            .filter(|path| !self.data || !self.is_data(path))
            .collect();
        empty.reverse();
        empty
    }

    fn is_data(&self, path: &str) -> bool {
        [self.layout.shared(), self.layout.logs()]
            .iter()
            .any(|base| path == base || path.starts_with(&format!("{base}/")))
    }

    /// Whether something stays that belongs to the site's user.
    fn leaves_data(&self) -> bool {
        !self.data
            && (!self.site.shared.is_empty() && self.exists(&self.layout.shared()) || self.exists(&self.layout.logs()))
    }

    fn user(&self, draft: &mut Draft, user: bool) {
        if user && !self.leaves_data() {
            draft.step(
                Subject::User,
                "user",
                format!("Remove the system user {}", self.site.name),
                "nothing is left that belongs to it",
                Action::RemoveUser { name: self.site.name.clone() },
            );
        }
    }

    fn records(&self, draft: &mut Draft) {
        if self.situation.manifest.is_some() || self.exists(&self.layout.ledger()) {
            draft.step(
                Subject::Directories,
                "records",
                format!("Remove the records in {}", self.layout.state()),
                "all that they name is gone; the audit log stays, and says who did this",
                Action::Forget,
            );
        }
    }

    fn say_what_stays(&self, draft: &mut Draft, user: bool) {
        if self.leaves_data() {
            let user = if user { format!(", and the user {} that owns it", self.site.name) } else { String::new() };
            draft.notice(
                Severity::Info,
                format!("data stays: {}, {}, nginx's log files{user}", self.layout.shared(), self.layout.logs()),
                Some("slipway uninstall --data removes these, too"),
            );
        }
        let Some(manifest) = self.situation.manifest else { return };
        if !manifest.packages.is_empty() {
            let packages: Vec<&str> = manifest.packages.iter().map(String::as_str).collect();
            draft.notice(
                Severity::Info,
                format!("packages stay: {}", packages.join(", ")),
                Some("other programs may need them by now; the host's package manager removes them"),
            );
        }
        if !manifest.firewall.is_empty() {
            let services: Vec<&str> = manifest.firewall.iter().map(String::as_str).collect();
            draft.notice(
                Severity::Info,
                format!("the firewall still lets {} in", services.join(" and ")),
                Some("nginx may serve other sites; firewall-cmd or ufw closes them"),
            );
        }
        if matches!(self.site.tls.mode, TlsMode::CertbotWebroot | TlsMode::CertbotStandalone) {
            draft.notice(
                Severity::Info,
                "the certificate that certbot got stays, and is renewed",
                Some("certbot delete removes it"),
            );
        }
        for (path, state) in manifest.files.keys().filter_map(|path| Some((path, self.path(path)?))) {
            if !matches!(state, PathState::File { .. } | PathState::Absent) {
                draft.notice(Severity::Warning, format!("{path} is {} now, and stays", describe(state)), None);
            }
        }
    }
}

fn trashes(action: &Action, path: &str) -> bool {
    matches!(action, Action::RemoveTrees { trash, .. } if trash == path)
}

fn is_unit(path: &str) -> bool {
    path.starts_with("/etc/systemd/system/")
}

/// Everything that may run: the units that were written, and the instances of those that are templates.
fn all_units(manifest: &Manifest, site: &Name) -> Vec<String> {
    let mut units: Vec<String> = vec![format!("{site}.target")];
    let written = manifest.files.keys().chain(manifest.pending.keys());
    let names = written.filter_map(|path| path.strip_prefix("/etc/systemd/system/")).filter(|name| !name.contains('/'));
    let alone = names.filter(|name| !name.contains("@.")).map(str::to_owned);
    let instances = manifest.instances.iter().flat_map(|one| one.socket.iter().chain(std::iter::once(&one.unit)));
    // systemd makes the slice by itself, and keeps it.
    for unit in alone.chain(instances.cloned()).chain([units::slice(site)]) {
        if !units.contains(&unit) {
            units.push(unit);
        }
    }
    units
}

fn remove(draft: &mut Draft, subject: Subject, path: &str, there: &There, reason: &str, action: Action) {
    let reason = if there.drift { "it was changed on the host by hand since Slipway wrote it" } else { reason };
    draft.step(subject, format!("remove:{path}"), format!("Remove {path}"), reason, action);
    if let Some(step) = draft.steps.last_mut() {
        step.diff = Some(there.diff.clone());
        step.drift = there.drift;
    }
}
