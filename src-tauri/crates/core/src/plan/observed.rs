//! What planning looks at beyond the facts: the paths, packages and releases of one site on one host.

use std::collections::BTreeMap;

use crate::activation::Instance;
use crate::digest::Digest;
use crate::fact::Fact;
use crate::facts::Facts;
use crate::facts::paths::{Observed, PathState, Watch};
use crate::manifest::Manifest;
use crate::profile::HostProfile;
use crate::release::{Layout, Ledger, ReleaseId};
use crate::running::Newer;
use crate::site::{Name, Site};

use super::FileContent;

/// A file of the bundle, as rendered.
#[derive(Debug, Clone)]
pub struct WantedFile {
    /// Path on the host.
    pub path: String,
    /// Octal mode.
    pub mode: u32,
    /// Owner.
    pub owner: String,
    /// Group.
    pub group: String,
    /// Content as a plan may hold it.
    pub content: FileContent,
    /// Digest of the true content.
    pub digest: Digest,
}

impl WantedFile {
    /// The text that may be shown.
    pub fn shown(&self) -> &str {
        match &self.content {
            FileContent::Text { text } => text,
            FileContent::Secret { masked } => masked,
        }
    }

    /// Whether it belongs to nginx.
    pub fn is_nginx(&self) -> bool {
        self.path.starts_with("/etc/nginx/")
    }

    /// Whether it is a systemd unit.
    pub fn is_unit(&self) -> bool {
        self.path.starts_with("/etc/systemd/")
    }
}

/// What a site is to be on a host.
#[derive(Debug, Clone)]
pub struct Wanted<'a> {
    /// The site.
    pub site: &'a Site,
    /// Its files, rendered for this host.
    pub files: &'a [WantedFile],
    /// Its instances, in the order in which they are replaced.
    pub instances: &'a [Instance],
}

/// What one site on one host is now.
#[derive(Debug, Clone)]
pub struct Situation<'a> {
    /// The host's name in the inventory.
    pub host: &'a str,
    /// The site.
    pub site: &'a Name,
    /// The host.
    pub facts: &'a Facts,
    /// How to treat it.
    pub profile: &'a HostProfile,
    /// What Slipway recorded there.
    pub manifest: Option<&'a Manifest>,
    /// What became of the site's releases.
    pub ledger: &'a Ledger,
    /// Watched paths.
    pub paths: &'a BTreeMap<String, Observed>,
    /// Packages that the site file names: installed version by name.
    pub packages: &'a BTreeMap<String, Fact<String>>,
    /// Versions that the distribution offers, of packages for which that was asked.
    pub offered: &'a BTreeMap<String, Fact<String>>,
    /// Releases whose directories exist.
    pub releases: &'a [ReleaseId],
    /// Releases that were begun and never sealed.
    pub unfinished: &'a [ReleaseId],
    /// Files that are newer than the processes which have read them.
    pub newer: &'a [Newer],
}

impl Situation<'_> {
    /// State of a watched path.
    pub fn path(&self, path: &str) -> Option<&PathState> {
        self.paths.get(path).map(|observed| &observed.state)
    }

    /// Who holds one of the web's own ports, when it is not nginx.
    pub fn strange_holder(&self, port: u16) -> Option<String> {
        let listeners = self.facts.listeners.known()?;
        let names = listeners.iter().filter(|listener| listener.port == port).flat_map(|listener| &listener.processes);
        names.map(|process| process.name.clone()).find(|name| name != "nginx")
    }

    /// The active release, as `current` says.
    pub fn current(&self, layout: &Layout) -> Option<ReleaseId> {
        match self.path(&layout.current()) {
            Some(PathState::Symlink { target, .. }) => target.strip_prefix("releases/")?.parse().ok(),
            _ => None,
        }
    }
}

/// A directory that a site needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedDirectory {
    /// Path.
    pub path: String,
    /// Octal mode.
    pub mode: u32,
    /// Owner.
    pub owner: String,
    /// Group.
    pub group: String,
    /// What it is for.
    pub purpose: &'static str,
}

/// Directories that `site` needs, parents first.
pub fn directories(site: &Site) -> Vec<WantedDirectory> {
    let layout = Layout::new(&site.name);
    let name = site.name.as_str();
    let mut all = Vec::new();
    let mut add = |path: String, mode: u32, owner: &str, group: &str, purpose: &'static str| {
        all.push(WantedDirectory { path, mode, owner: owner.to_owned(), group: group.to_owned(), purpose });
    };
    add("/var/lib/slipway".to_owned(), 0o755, "root", "root", "Slipway's records on this host");
    add(layout.state(), 0o700, "root", "root", "manifest, release ledger and audit log of the site");
    add("/var/lib/slipway/acme".to_owned(), 0o755, "root", "root", "answers to certificate authorities");
    add("/etc/slipway".to_owned(), 0o755, "root", "root", "certificates");
    add("/etc/slipway/tls".to_owned(), 0o755, "root", "root", "certificates");
    add(layout.tls(), 0o700, "root", "root", "the site's certificate and key");
    add(layout.root(), 0o755, "root", "root", "the site; root's, so that the application cannot change its own code");
    add(layout.releases(), 0o755, "root", "root", "releases");
    add(layout.environments(), 0o755, "root", "root", "environments shared by releases");
    add(layout.cache(), 0o700, name, name, "the site user's home: package caches and the git mirror");
    add(layout.shared(), 0o755, "root", "root", "data that outlives releases");
    let nested = |base: &str, path: &str| -> Vec<String> {
        path.match_indices('/').filter_map(|(at, _)| Some(format!("{base}/{}", path.get(..at)?))).collect()
    };
    for path in site.shared.keys() {
        // Root's, so that nobody can swap what root makes below them.
        for parent in nested(&layout.shared(), path) {
            add(parent, 0o755, "root", "root", "data that outlives releases");
        }
    }
    for (path, shared) in &site.shared {
        let mode = shared.mode.as_ref().and_then(|mode| u32::from_str_radix(mode, 8).ok()).unwrap_or(0o750);
        add(format!("{}/{path}", layout.shared()), mode, name, name, "data that outlives releases");
    }
    add(layout.etc(), 0o755, "root", "root", "the site's configuration");
    if !site.secret_file.is_empty() {
        add(format!("{}/secrets", layout.etc()), 0o750, "root", name, "secret files");
        for parent in site.secret_file.keys().flat_map(|path| nested(&format!("{}/secrets", layout.etc()), path)) {
            add(parent, 0o750, "root", name, "secret files");
        }
    }
    if !site.config_file.is_empty() {
        add(format!("{}/config", layout.etc()), 0o750, "root", name, "configuration files of the application");
        for parent in site.config_file.keys().flat_map(|path| nested(&format!("{}/config", layout.etc()), path)) {
            add(parent, 0o750, "root", name, "configuration files of the application");
        }
    }
    if site.logs.directory {
        add(layout.logs(), 0o755, name, name, "log files");
    }
    let mut seen = std::collections::BTreeSet::new();
    all.retain(|directory: &WantedDirectory| seen.insert(directory.path.clone()));
    all
}

/// Paths that planning must observe, each once.
pub fn watches(wanted: &Wanted<'_>, manifest: Option<&Manifest>) -> Vec<Watch> {
    let layout = Layout::new(&wanted.site.name);
    let mut watches: BTreeMap<String, Watch> = BTreeMap::new();
    let mut add = |path: String, desired: Option<Digest>, content: bool| {
        watches.entry(path.clone()).or_insert(Watch { path, desired, content });
    };
    for file in wanted.files {
        // What holds secrets, or held them when Slipway wrote it, is neither fetched nor named by digest in a
        // command's arguments.
        let held = manifest.and_then(|manifest| manifest.files.get(&file.path)).is_some_and(|old| old.masked.is_some());
        let secret = held || matches!(file.content, FileContent::Secret { .. });
        add(file.path.clone(), (!secret).then(|| file.digest.clone()), !secret);
    }
    for directory in directories(wanted.site) {
        add(directory.path, None, false);
    }
    add(layout.current(), None, false);
    add(format!("{}/fullchain.pem", layout.tls()), None, false);
    add(format!("{}/privkey.pem", layout.tls()), None, false);
    // What is no longer wanted is shown before it is removed; not what may hold secrets.
    for (path, file) in manifest.iter().flat_map(|manifest| &manifest.files) {
        add(path.clone(), None, file.masked.is_none() && file.mode & 0o004 != 0);
    }
    for path in manifest.iter().flat_map(|manifest| manifest.pending.keys()) {
        add(path.clone(), None, false);
    }
    watches.into_values().collect()
}

/// A path's state in words, for comparing and for telling a person.
pub fn describe(state: &PathState) -> String {
    match state {
        PathState::Absent => "absent".to_owned(),
        PathState::File { mode, owner, digest, .. } => {
            format!("file {} {mode:04o} {}:{}", digest.short(), owner.user, owner.group)
        }
        PathState::Directory { mode, owner } => format!("directory {mode:04o} {}:{}", owner.user, owner.group),
        PathState::Symlink { target, .. } => format!("link to {target}"),
        PathState::Other { what } => what.clone(),
        PathState::Failed { reason } => format!("unreadable: {reason}"),
    }
}

/// The observation map that a plan is bound to.
pub fn observations(situation: &Situation<'_>) -> BTreeMap<String, String> {
    let mut map = BTreeMap::new();
    for (path, observed) in situation.paths {
        let mut text = describe(&observed.state);
        if let Some(parent) = &observed.untrusted_parent {
            text.push_str(&format!(" (below {}, which others can redirect)", parent.component));
        }
        map.insert(format!("path {path}"), text);
    }
    // What the profile needs is in the facts; of those only what is there or missing matters, not the version.
    let from_facts = situation.facts.packages.known().map(|packages| &packages.installed);
    for (name, version) in from_facts.into_iter().flatten() {
        let text = match version {
            Fact::Known(_) => "installed".to_owned(),
            Fact::Absent => "not installed".to_owned(),
            Fact::Failed(why) => format!("unknown: {why}"),
        };
        map.insert(format!("package {name}"), text);
    }
    for (name, version) in situation.packages {
        let text = match version {
            Fact::Known(version) => version.clone(),
            Fact::Absent => "not installed".to_owned(),
            Fact::Failed(why) => format!("unknown: {why}"),
        };
        map.insert(format!("package {name}"), text);
    }
    let user = situation.facts.users.known().and_then(|users| {
        let name = situation.site.as_str();
        users.iter().find(|user| user.name == name).map(|user| format!("home {}", user.home))
    });
    map.insert(format!("user {}", situation.site), user.unwrap_or_else(|| "absent".to_owned()));
    for port in [80, 443] {
        let holder = situation.strange_holder(port).unwrap_or_else(|| "free, or nginx's".to_owned());
        map.insert(format!("port {port}"), holder);
    }
    let last = situation.ledger.entries.last();
    let text =
        last.map_or_else(|| "none".to_owned(), |entry| format!("{} {:?} at {}", entry.release, entry.event, entry.at));
    map.insert("last release event".to_owned(), text);
    if let Some(os) = situation.facts.os.known() {
        map.insert("operating system".to_owned(), os.pretty_name.clone());
    }
    map
}
