//! What planning sees of a host. Everything is read through [`Seen`], which keeps a note of each question and its
//! answer: those notes are what a plan is bound to, so a plan relies on nothing that is not among them.

mod subject;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

pub use subject::{FirewallState, State, Subject, UnitState, describe};

use crate::digest::Digest;
use crate::fact::Fact;
use crate::facts::Facts;
use crate::facts::nginx_sites::ServerBlock;
use crate::facts::paths::{Observed, PathState, Watch};
use crate::facts::security::{Firewalls, SelinuxMode, ZoneRules};
use crate::profile::{FirewallKind, HostProfile, PythonOffer};
use crate::release::{Ledger, ReleaseId};
use crate::site::{Name, RuntimeKind, Site};

/// Inodes that must be free before a build.
const INODES: u64 = 10_000;

/// What must be asked of a host beyond its facts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Questions {
    paths: BTreeMap<String, Watch>,
    units: Vec<String>,
    packages: Vec<String>,
}

impl Questions {
    /// Asks what is at `path`.
    pub fn path(&mut self, path: impl Into<String>) {
        self.watch(Watch { path: path.into(), desired: None, content: false });
    }

    /// Asks what is at a path, perhaps with its content. The first question about a path counts.
    pub fn watch(&mut self, watch: Watch) {
        self.paths.entry(watch.path.clone()).or_insert(watch);
    }

    /// Asks for the state of a unit.
    pub fn unit(&mut self, name: impl Into<String>) {
        let name = name.into();
        if !self.units.contains(&name) {
            self.units.push(name);
        }
    }

    /// Asks whether a package is installed that the sweep does not ask for.
    pub fn package(&mut self, name: impl Into<String>) {
        let name = name.into();
        if !self.packages.contains(&name) {
            self.packages.push(name);
        }
    }

    /// Paths to look at, each once.
    pub fn paths(&self) -> Vec<Watch> {
        self.paths.values().cloned().collect()
    }

    /// Units to ask for.
    pub fn units(&self) -> &[String] {
        &self.units
    }

    /// Packages to ask for.
    pub fn packages(&self) -> &[String] {
        &self.packages
    }
}

/// What was looked at, as it came back.
#[derive(Debug, Clone)]
pub struct Sources<'a> {
    /// The host's facts.
    pub facts: &'a Facts,
    /// How to treat the host.
    pub profile: &'a HostProfile,
    /// Watched paths.
    pub paths: &'a BTreeMap<String, Observed>,
    /// Units; absent ones that systemd does not know.
    pub units: &'a BTreeMap<String, Fact<UnitState>>,
    /// Packages beside those of the facts: installed version by name.
    pub packages: &'a BTreeMap<String, Fact<String>>,
    /// Versions that the distribution offers, of packages for which that was asked.
    pub offered: &'a BTreeMap<String, Fact<String>>,
    /// What became of the site's releases.
    pub ledger: &'a Ledger,
    /// Releases whose directories exist.
    pub releases: &'a [ReleaseId],
    /// Releases that were begun and never sealed.
    pub unfinished: &'a [ReleaseId],
    /// Digest of the record of each site on the host.
    pub site_records: &'a BTreeMap<Name, Fact<Digest>>,
    /// Digest of the record of the host.
    pub host_record: &'a Fact<Digest>,
    /// Files that Slipway wrote for nginx, of any site.
    pub nginx_files: &'a [String],
    /// The site, for questions about what it needs.
    pub site: &'a Site,
}

/// A host as planning sees it. Not a cache: a look at what was asked before, and a note of it.
#[derive(Debug)]
pub struct Seen<'a> {
    sources: Sources<'a>,
    noted: Mutex<BTreeMap<Subject, State>>,
}

static NOT_ASKED: std::sync::LazyLock<PathState> =
    std::sync::LazyLock::new(|| PathState::Failed { reason: "it was not looked at".to_owned() });

impl<'a> Seen<'a> {
    /// A host of which nothing has been read yet.
    pub fn new(sources: Sources<'a>) -> Self {
        Self { sources, noted: Mutex::new(BTreeMap::new()) }
    }

    /// How to treat the host: constant for a distribution and its versions.
    pub fn profile(&self) -> &'a HostProfile {
        self.sources.profile
    }

    /// Everything that was read so far, and what it was.
    pub fn noted(&self) -> BTreeMap<Subject, State> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads one subject and notes it.
    pub fn read(&self, subject: Subject) -> State {
        let state = self.state(&subject);
        self.noted.lock().unwrap_or_else(PoisonError::into_inner).insert(subject, state.clone());
        state
    }

    /// What is at a path that was asked about; a path that was not is a failure, never an absence.
    pub fn path(&self, path: &str) -> &'a PathState {
        self.read(Subject::Path(path.to_owned()));
        self.sources.paths.get(path).map_or(&NOT_ASKED, |observed| &observed.state)
    }

    /// Whether something is at `path`.
    pub fn exists(&self, path: &str) -> bool {
        !matches!(self.path(path), PathState::Absent)
    }

    /// Whether a file of root's is at `path`, which only root could have put there.
    pub fn is_roots_file(&self, path: &str) -> bool {
        let trusted = self.sources.paths.get(path).is_some_and(|observed| observed.untrusted_parent.is_none());
        matches!(self.path(path), PathState::File { owner, .. } if owner.user == "root") && trusted
    }

    /// Whether a package is installed.
    pub fn package(&self, name: &str) -> Fact<()> {
        match self.read(Subject::Package(name.to_owned())) {
            State::Presence(fact) => fact,
            other => unexpected(&other),
        }
    }

    /// Whether a program is there.
    pub fn program(&self, name: &str) -> bool {
        matches!(self.read(Subject::Program(name.to_owned())), State::Presence(Fact::Known(())))
    }

    /// Home directory of a user.
    pub fn home(&self, user: &str) -> Fact<String> {
        match self.read(Subject::User(user.to_owned())) {
            State::Home(fact) => fact,
            other => unexpected(&other),
        }
    }

    /// State of a unit.
    pub fn unit(&self, name: &str) -> Fact<UnitState> {
        match self.read(Subject::Unit(name.to_owned())) {
            State::Unit(fact) => fact,
            other => unexpected(&other),
        }
    }

    /// Names of the processes that listen on `port`.
    pub fn holders(&self, port: u16) -> Vec<String> {
        match self.read(Subject::Port(port)) {
            State::Holders(Fact::Known(names)) => names,
            _ => Vec::new(),
        }
    }

    /// Server blocks of nginx, outside Slipway's files, that answer to `name`: file and line.
    pub fn servers_named(&self, name: &str) -> Vec<(String, u32)> {
        match self.read(Subject::ServerName(name.to_owned())) {
            State::Servers(Fact::Known(servers)) => servers,
            _ => Vec::new(),
        }
    }

    /// Whether nginx serves something that neither Slipway nor the distribution put there, or may do so.
    pub fn serves_others(&self) -> bool {
        match self.read(Subject::OtherServers) {
            State::Servers(Fact::Known(servers)) => !servers.is_empty(),
            State::Servers(Fact::Absent) => false,
            _ => true,
        }
    }

    /// State of a service in the firewall.
    pub fn firewall(&self, service: &str) -> Fact<FirewallState> {
        match self.read(Subject::FirewallService(service.to_owned())) {
            State::Firewall(fact) => fact,
            other => unexpected(&other),
        }
    }

    /// Whether the disk of `path` has `bytes` free, and inodes.
    pub fn has_space(&self, path: &str, bytes: u64) -> Fact<bool> {
        match self.read(Subject::FreeSpace { path: path.to_owned(), bytes }) {
            State::Holds(fact) => fact,
            other => unexpected(&other),
        }
    }

    /// The disk of `path`, for words about it: mount point, free bytes, free inodes.
    pub fn disk(&self, path: &str) -> Option<(&'a str, u64, u64)> {
        let disks = self.sources.facts.disks.known()?;
        let below = |mount: &str| format!("{path}/").starts_with(&format!("{}/", mount.trim_end_matches('/')));
        let disk = disks.iter().filter(|disk| below(&disk.mount)).max_by_key(|disk| disk.mount.len())?;
        Some((&disk.mount, disk.free, if disk.inodes > 0 { disk.inodes_free } else { u64::MAX }))
    }

    /// The Python that the site gets.
    ///
    /// # Errors
    /// What is offered, when nothing is new enough.
    pub fn interpreter(&self) -> Result<&'a PythonOffer, String> {
        self.read(Subject::Interpreter);
        self.chosen_interpreter()
    }

    fn chosen_interpreter(&self) -> Result<&'a PythonOffer, String> {
        let Sources { site, profile, facts, offered, .. } = &self.sources;
        crate::runtime::choose_python(site, profile, facts, offered)
    }

    /// The machine's architecture; empty when it is not known.
    pub fn architecture(&self) -> String {
        match self.read(Subject::Architecture) {
            State::Text(Fact::Known(text)) => text,
            _ => String::new(),
        }
    }

    /// Whether the package manager's lists must be fetched before something is installed.
    pub fn lists_are_old(&self) -> bool {
        matches!(self.read(Subject::PackageLists), State::Holds(Fact::Known(false)))
    }

    /// Whether the host was booted with systemd; a failure to tell is noted.
    pub fn has_systemd(&self) -> bool {
        !matches!(self.read(Subject::Systemd), State::Holds(Fact::Absent))
    }

    /// Mode of SELinux.
    pub fn selinux(&self) -> Option<SelinuxMode> {
        match self.read(Subject::Selinux) {
            State::Selinux(Fact::Known(mode)) => Some(mode),
            _ => None,
        }
    }

    /// Whether nftables has rules of the host's own that drop what they do not know.
    pub fn drops_unknown(&self) -> bool {
        let chains = self.sources.facts.firewalls.known().and_then(|firewalls| firewalls.nftables.known());
        chains.is_some_and(|chains| chains.iter().any(|chain| chain.hook == "input" && chain.policy == "drop"))
    }

    /// What became of the site's releases.
    pub fn ledger(&self) -> &'a Ledger {
        self.read(Subject::LastReleaseEvent);
        self.sources.ledger
    }

    /// Releases whose directories exist.
    pub fn releases(&self) -> &'a [ReleaseId] {
        self.read(Subject::Releases);
        self.sources.releases
    }

    /// Releases that were begun and never sealed.
    pub fn unfinished(&self) -> &'a [ReleaseId] {
        self.read(Subject::UnfinishedReleases);
        self.sources.unfinished
    }

    fn state(&self, subject: &Subject) -> State {
        let Sources { facts, .. } = &self.sources;
        match subject {
            Subject::Path(path) => match self.sources.paths.get(path) {
                Some(observed) => State::Path {
                    state: without_content(&observed.state),
                    untrusted_parent: observed.untrusted_parent.clone(),
                },
                None => State::Path { state: NOT_ASKED.clone(), untrusted_parent: None },
            },
            Subject::Package(name) => State::Presence(self.package_state(name)),
            Subject::Program(name) => State::Presence(self.program_state(name)),
            Subject::User(name) => State::Home(map(&facts.users, |users| {
                users.iter().find(|user| &user.name == name).map(|user| user.home.clone())
            })),
            Subject::Unit(name) => {
                let failed = || Fact::Failed("systemd was not asked for it".to_owned());
                State::Unit(self.sources.units.get(name).cloned().unwrap_or_else(failed))
            }
            Subject::Port(port) => State::Holders(map(&facts.listeners, |listeners| {
                let of_port: Vec<_> = listeners.iter().filter(|listener| listener.port == *port).collect();
                if of_port.is_empty() {
                    return None;
                }
                let mut names: Vec<String> =
                    of_port.iter().flat_map(|l| l.processes.iter().map(|process| process.name.clone())).collect();
                if names.is_empty() {
                    names.push("another process".to_owned());
                }
                names.sort();
                names.dedup();
                Some(names)
            })),
            Subject::ServerName(name) => self.servers(|server| server.names.iter().any(|one| one == name)),
            Subject::OtherServers => {
                let packaged = &self.sources.profile.nginx.packaged;
                self.servers(|server| !packaged.contains(&server.file))
            }
            Subject::FirewallService(service) => State::Firewall(match facts.firewalls.present() {
                Ok(Some(firewalls)) => firewall_state(firewalls, service),
                Ok(None) => Fact::Absent,
                Err(why) => Fact::Failed(why.to_owned()),
            }),
            Subject::FreeSpace { path, bytes } => State::Holds(match (facts.disks.present(), self.disk(path)) {
                (Err(why), _) => Fact::Failed(why.to_owned()),
                (Ok(_), None) => Fact::Failed("no mounted disk holds it".to_owned()),
                (Ok(_), Some((_, free, inodes))) => Fact::Known(free >= *bytes && inodes >= INODES),
            }),
            Subject::Interpreter => State::Text(self.interpreter_state()),
            Subject::Architecture => State::Text(map(&facts.kernel, |kernel| Some(kernel.architecture.clone()))),
            Subject::PackageLists => State::Holds(Fact::Known(!self.sources.profile.refresh_needed(facts))),
            Subject::OperatingSystem => State::Text(map(&facts.os, |os| Some(os.pretty_name.clone()))),
            Subject::Systemd => State::Holds(map(&facts.systemd, |_| Some(true))),
            Subject::Selinux => State::Selinux(map(&facts.selinux, |selinux| Some(selinux.mode))),
            Subject::LastReleaseEvent => {
                let last = self.sources.ledger.entries.last();
                let text = last.map(|entry| format!("{} {:?} at {}", entry.release, entry.event, entry.at));
                State::Text(text.map_or(Fact::Absent, Fact::Known))
            }
            Subject::Releases => State::Names(self.sources.releases.iter().map(ToString::to_string).collect()),
            Subject::UnfinishedReleases => {
                State::Names(self.sources.unfinished.iter().map(ToString::to_string).collect())
            }
            Subject::SiteRecord(site) => {
                State::Record(self.sources.site_records.get(site).cloned().unwrap_or(Fact::Absent))
            }
            Subject::HostRecord => State::Record(self.sources.host_record.clone()),
        }
    }

    fn package_state(&self, name: &str) -> Fact<()> {
        let found = match self.sources.packages.get(name) {
            Some(fact) => Some(fact),
            None => match self.sources.facts.packages.present() {
                Ok(packages) => packages.and_then(|packages| packages.installed.get(name)),
                Err(why) => return Fact::Failed(why.to_owned()),
            },
        };
        match found {
            Some(Fact::Known(_)) => Fact::Known(()),
            Some(Fact::Absent) | None => Fact::Absent,
            Some(Fact::Failed(why)) => Fact::Failed(why.clone()),
        }
    }

    fn program_state(&self, name: &str) -> Fact<()> {
        let programs = match self.sources.facts.programs.present() {
            Ok(Some(programs)) => programs,
            Ok(None) => return Fact::Absent,
            Err(why) => return Fact::Failed(why.to_owned()),
        };
        let known = if name == "nginx" {
            programs.nginx.known().is_some()
        } else {
            programs.tools.get(name).is_some_and(|tool| tool.known().is_some())
        };
        if known { Fact::Known(()) } else { Fact::Absent }
    }

    fn interpreter_state(&self) -> Fact<String> {
        if self.sources.site.runtime.kind != RuntimeKind::Python {
            return Fact::Absent;
        }
        match self.chosen_interpreter() {
            Ok(offer) => Fact::Known(format!("{} ({})", offer.program, offer.version)),
            Err(why) => Fact::Failed(why),
        }
    }

    fn servers(&self, fits: impl Fn(&ServerBlock) -> bool) -> State {
        let ours = |server: &ServerBlock| self.sources.nginx_files.iter().any(|file| file == &server.file);
        State::Servers(map(&self.sources.facts.nginx_sites, |sites| {
            let others = sites.servers.iter().filter(|server| !ours(server) && fits(server));
            Some(others.map(|server| (server.file.clone(), server.line)).collect())
        }))
    }
}

/// A state that another kind of subject has: impossible, and told rather than hidden.
fn unexpected<T>(state: &State) -> Fact<T> {
    Fact::Failed(format!("the answer makes no sense: {}", state.words()))
}

fn map<T, U>(fact: &Fact<T>, of: impl FnOnce(&T) -> Option<U>) -> Fact<U> {
    match fact {
        Fact::Known(value) => of(value).map_or(Fact::Absent, Fact::Known),
        Fact::Absent => Fact::Absent,
        Fact::Failed(why) => Fact::Failed(why.clone()),
    }
}

fn without_content(state: &PathState) -> PathState {
    let mut state = state.clone();
    if let PathState::File { content, .. } = &mut state {
        *content = None;
    }
    state
}

fn firewall_state(firewalls: &Firewalls, service: &str) -> Fact<FirewallState> {
    let port = if service == "https" { "443" } else { "80" };
    match firewalls.firewalld.present() {
        Err(why) => return Fact::Failed(why.to_owned()),
        Ok(Some(firewalld)) if firewalld.active => {
            let tcp = format!("{port}/tcp");
            let has = |rules: &Option<ZoneRules>| {
                rules
                    .as_ref()
                    .is_some_and(|rules| rules.services.iter().any(|one| one == service) || rules.ports.contains(&tcp))
            };
            return Fact::Known(FirewallState {
                firewall: FirewallKind::Firewalld,
                now: has(&firewalld.running),
                lasting: has(&firewalld.permanent),
            });
        }
        Ok(_) => {}
    }
    match firewalls.ufw.present() {
        Err(why) => Fact::Failed(why.to_owned()),
        Ok(Some(ufw)) if ufw.active => {
            let open = ufw
                .rules
                .iter()
                .any(|rule| rule.action.eq_ignore_ascii_case("allow") && rule.port.split(',').any(|one| one == port));
            Fact::Known(FirewallState { firewall: FirewallKind::Ufw, now: open, lasting: open })
        }
        Ok(_) => Fact::Absent,
    }
}
