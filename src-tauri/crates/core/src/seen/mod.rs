//! What planning sees of a host. Everything is read through [`Seen`], which keeps a note of each question and its
//! answer: those notes are what a plan is bound to, so a plan relies on nothing that is not among them.

mod subject;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

pub use subject::{FirewallState, Observation, Subject, UnitActivity, describe};

use crate::digest::Digest;
use crate::fact::Fact;
use crate::facts::Facts;
use crate::facts::nginx_sites::ServerBlock;
use crate::facts::paths::{Observed, PathState, Watch};
use crate::facts::security::{BaseChain, Firewalls, SelinuxMode, ZoneRules};
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
    pub units: &'a BTreeMap<String, Fact<UnitActivity>>,
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
    noted: Mutex<BTreeMap<Subject, Observation>>,
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
    pub fn noted(&self) -> BTreeMap<Subject, Observation> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads one subject and notes it.
    pub fn read(&self, subject: Subject) -> Observation {
        let state = self.state(&subject);
        self.note(subject, state.clone());
        state
    }

    fn note(&self, subject: Subject, state: Observation) {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner).insert(subject, state);
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
        let state = self.package_state(name);
        self.note(Subject::Package(name.to_owned()), Observation::Presence(state.clone()));
        state
    }

    /// Whether a program is there.
    pub fn program(&self, name: &str) -> bool {
        let state = self.program_state(name);
        self.note(Subject::Program(name.to_owned()), Observation::Presence(state.clone()));
        state == Fact::Known(())
    }

    /// Home directory of a user.
    pub fn home(&self, user: &str) -> Fact<String> {
        let state = self.home_state(user);
        self.note(Subject::User(user.to_owned()), Observation::Home(state.clone()));
        state
    }

    /// Observation of a unit.
    pub fn unit(&self, name: &str) -> Fact<UnitActivity> {
        let state = self.unit_state(name);
        self.note(Subject::Unit(name.to_owned()), Observation::Unit(state.clone()));
        state
    }

    /// Names of the processes that listen on `port`; none when that is not known, which is noted.
    pub fn holders(&self, port: u16) -> Vec<String> {
        let state = self.holders_state(port);
        self.note(Subject::Port(port), Observation::Holders(state.clone()));
        state.known().cloned().unwrap_or_default()
    }

    /// Server blocks of nginx that answer to `name`: file and line.
    pub fn servers_named(&self, name: &str) -> Vec<(String, u32)> {
        let state = self.named_servers(name);
        self.note(Subject::ServerName(name.to_owned()), Observation::Servers(state.clone()));
        state.known().cloned().unwrap_or_default()
    }

    /// Whether nginx serves something that neither Slipway nor the distribution put there, or may do so.
    pub fn serves_others(&self) -> bool {
        let state = self.other_servers();
        self.note(Subject::OtherServers, Observation::Servers(state.clone()));
        match state {
            Fact::Known(servers) => !servers.is_empty(),
            Fact::Absent => false,
            Fact::Failed(_) => true,
        }
    }

    /// Server blocks of nginx that say `default_server` for `port`: file and line. Not the site's own.
    pub fn default_servers(&self, port: u16) -> Vec<(String, u32)> {
        let state = self.declared_defaults(port);
        self.note(Subject::DefaultServers(port), Observation::Servers(state.clone()));
        state.known().cloned().unwrap_or_default()
    }

    /// Server blocks of nginx on `port` without a name, which nobody would reach behind a default server: file and line.
    /// Not the site's own, nor those of nginx's package.
    pub fn nameless_servers(&self, port: u16) -> Vec<(String, u32)> {
        let state = self.without_a_name(port);
        self.note(Subject::NamelessServers(port), Observation::Servers(state.clone()));
        state.known().cloned().unwrap_or_default()
    }

    /// Observation of a service in the firewall.
    pub fn firewall(&self, service: &str) -> Fact<FirewallState> {
        let state = self.firewall_state(service);
        self.note(Subject::FirewallService(service.to_owned()), Observation::Firewall(state.clone()));
        state
    }

    /// Whether the rules of a site's guard are in force; yes when that is not known, which is noted.
    pub fn has_rules(&self, table: &str) -> bool {
        let state = self.rules_state(table);
        self.note(Subject::Rules(table.to_owned()), Observation::Holds(state.clone()));
        state != Fact::Known(false)
    }

    fn rules_state(&self, table: &str) -> Fact<bool> {
        rules_in_force(self.sources.facts, table)
    }

    /// Whether the disk of `path` has `bytes` free, and inodes.
    pub fn has_space(&self, path: &str, bytes: u64) -> Fact<bool> {
        let state = self.space_state(path, bytes);
        self.note(Subject::FreeSpace { path: path.to_owned(), bytes }, Observation::Holds(state.clone()));
        state
    }

    /// Whether programs can still have `bytes` of memory, with what is free of the swap space.
    pub fn has_memory(&self, bytes: u64) -> Fact<bool> {
        let state = self.memory_state(bytes);
        self.note(Subject::FreeMemory(bytes), Observation::Holds(state.clone()));
        state
    }

    fn memory_state(&self, bytes: u64) -> Fact<bool> {
        map(&self.sources.facts.memory, |memory| Some(memory.available.saturating_add(memory.swap_free) >= bytes))
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
        let state = self.architecture_state();
        self.note(Subject::Architecture, Observation::Text(state.clone()));
        state.known().cloned().unwrap_or_default()
    }

    /// Whether the package manager's lists must be fetched before something is installed.
    pub fn lists_are_old(&self) -> bool {
        let old = self.sources.profile.refresh_needed(self.sources.facts);
        self.note(Subject::PackageLists, Observation::Holds(Fact::Known(!old)));
        old
    }

    /// Whether the host was booted with systemd; a failure to tell is noted.
    pub fn has_systemd(&self) -> bool {
        self.read(Subject::Systemd);
        self.sources.facts.systemd != Fact::Absent
    }

    /// Mode of SELinux.
    pub fn selinux(&self) -> Option<SelinuxMode> {
        let state = self.selinux_state();
        self.note(Subject::Selinux, Observation::Selinux(state.clone()));
        state.known().copied()
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

    fn state(&self, subject: &Subject) -> Observation {
        match subject {
            Subject::Path(path) => match self.sources.paths.get(path) {
                Some(observed) => Observation::Path {
                    state: without_content(&observed.state),
                    untrusted_parent: observed.untrusted_parent.clone(),
                },
                None => Observation::Path { state: NOT_ASKED.clone(), untrusted_parent: None },
            },
            Subject::Package(name) => Observation::Presence(self.package_state(name)),
            Subject::Program(name) => Observation::Presence(self.program_state(name)),
            Subject::User(name) => Observation::Home(self.home_state(name)),
            Subject::Unit(name) => Observation::Unit(self.unit_state(name)),
            Subject::Port(port) => Observation::Holders(self.holders_state(*port)),
            Subject::ServerName(name) => Observation::Servers(self.named_servers(name)),
            Subject::OtherServers => Observation::Servers(self.other_servers()),
            Subject::DefaultServers(port) => Observation::Servers(self.declared_defaults(*port)),
            Subject::NamelessServers(port) => Observation::Servers(self.without_a_name(*port)),
            Subject::FirewallService(service) => Observation::Firewall(self.firewall_state(service)),
            Subject::Rules(table) => Observation::Holds(self.rules_state(table)),
            Subject::FreeSpace { path, bytes } => Observation::Holds(self.space_state(path, *bytes)),
            Subject::FreeMemory(bytes) => Observation::Holds(self.memory_state(*bytes)),
            Subject::Interpreter => Observation::Text(self.interpreter_state()),
            Subject::Architecture => Observation::Text(self.architecture_state()),
            Subject::PackageLists => {
                Observation::Holds(Fact::Known(!self.sources.profile.refresh_needed(self.sources.facts)))
            }
            Subject::OperatingSystem => {
                Observation::Text(map(&self.sources.facts.os, |os| Some(os.pretty_name.clone())))
            }
            Subject::Systemd => Observation::Holds(map(&self.sources.facts.systemd, |_| Some(true))),
            Subject::Selinux => Observation::Selinux(self.selinux_state()),
            Subject::LastReleaseEvent => {
                let last = self.sources.ledger.entries.last();
                let text = last.map(|entry| format!("{} {:?} at {}", entry.release, entry.event, entry.at));
                Observation::Text(text.map_or(Fact::Absent, Fact::Known))
            }
            Subject::Releases => Observation::Names(self.sources.releases.iter().map(ToString::to_string).collect()),
            Subject::UnfinishedReleases => {
                Observation::Names(self.sources.unfinished.iter().map(ToString::to_string).collect())
            }
            Subject::SiteRecord(site) => {
                Observation::Record(self.sources.site_records.get(site).cloned().unwrap_or(Fact::Absent))
            }
            Subject::HostRecord => Observation::Record(self.sources.host_record.clone()),
        }
    }

    fn home_state(&self, name: &str) -> Fact<String> {
        let home = |user: &crate::facts::accounts::User| (user.name == name).then(|| user.home.clone());
        map(&self.sources.facts.users, |users| users.iter().find_map(home))
    }

    fn unit_state(&self, name: &str) -> Fact<UnitActivity> {
        let failed = || Fact::Failed("systemd was not asked for it".to_owned());
        self.sources.units.get(name).cloned().unwrap_or_else(failed)
    }

    fn holders_state(&self, port: u16) -> Fact<Vec<String>> {
        map(&self.sources.facts.listeners, |listeners| {
            let of_port: Vec<_> = listeners.iter().filter(|listener| listener.port == port).collect();
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
        })
    }

    fn named_servers(&self, name: &str) -> Fact<Vec<(String, u32)>> {
        self.servers(|server| server.names.iter().any(|one| one == name))
    }

    fn other_servers(&self) -> Fact<Vec<(String, u32)>> {
        let packaged = &self.sources.profile.nginx.packaged;
        let ours = |server: &ServerBlock| self.sources.nginx_files.iter().any(|file| file == &server.file);
        self.servers(|server| !ours(server) && !packaged.contains(&server.file))
    }

    fn declared_defaults(&self, port: u16) -> Fact<Vec<(String, u32)>> {
        let declared = |server: &ServerBlock| {
            server.listens.iter().any(|listen| listen.default_server && listen.is_wildcard(port))
        };
        self.servers(|server| declared(server) && !self.is_own(server, port))
    }

    fn without_a_name(&self, port: u16) -> Fact<Vec<(String, u32)>> {
        let packaged = &self.sources.profile.nginx.packaged;
        self.servers(|server| {
            server.has_no_name()
                && server.listens_everywhere(port)
                && !packaged.contains(&server.file)
                && !self.is_own(server, port)
        })
    }

    /// Whether a server block is the site's, or Slipway's default server of the port.
    fn is_own(&self, server: &ServerBlock, port: u16) -> bool {
        let Sources { profile, site, .. } = &self.sources;
        let own = format!("{}/{}.conf", profile.nginx.sites.trim_end_matches('/'), site.name);
        server.file == own || server.file == profile.nginx.default_server(port)
    }

    fn firewall_state(&self, service: &str) -> Fact<FirewallState> {
        match self.sources.facts.firewalls.present() {
            Ok(Some(firewalls)) => firewall_state(firewalls, service),
            Ok(None) => Fact::Absent,
            Err(why) => Fact::Failed(why.to_owned()),
        }
    }

    fn space_state(&self, path: &str, bytes: u64) -> Fact<bool> {
        match (self.sources.facts.disks.present(), self.disk(path)) {
            (Err(why), _) => Fact::Failed(why.to_owned()),
            (Ok(_), None) => Fact::Failed("no mounted disk holds it".to_owned()),
            (Ok(_), Some((_, free, inodes))) => Fact::Known(free >= bytes && inodes >= INODES),
        }
    }

    fn architecture_state(&self) -> Fact<String> {
        map(&self.sources.facts.kernel, |kernel| Some(kernel.architecture.clone()))
    }

    fn selinux_state(&self) -> Fact<SelinuxMode> {
        map(&self.sources.facts.selinux, |selinux| Some(selinux.mode))
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

    fn servers(&self, fits: impl Fn(&ServerBlock) -> bool) -> Fact<Vec<(String, u32)>> {
        map(&self.sources.facts.nginx_sites, |sites| {
            let fitting = sites.servers.iter().filter(|server| fits(server));
            Some(fitting.map(|server| (server.file.clone(), server.line)).collect())
        })
    }
}

fn map<T, U>(fact: &Fact<T>, of: impl FnOnce(&T) -> Option<U>) -> Fact<U> {
    match fact {
        Fact::Known(value) => of(value).map_or(Fact::Absent, Fact::Known),
        Fact::Absent => Fact::Absent,
        Fact::Failed(why) => Fact::Failed(why.clone()),
    }
}

/// Whether the table of family `inet` has a chain for what leaves the host's processes, as the rules of every guard do.
pub fn rules_in_force(facts: &Facts, table: &str) -> Fact<bool> {
    let table = format!("inet {table}");
    let firewalls = match facts.firewalls.present() {
        Ok(Some(firewalls)) => firewalls,
        Ok(None) => return Fact::Known(false),
        Err(why) => return Fact::Failed(why.to_owned()),
    };
    match firewalls.nftables.present() {
        Ok(chains) => {
            let fills = |chain: &BaseChain| chain.table == table && chain.hook == "output";
            Fact::Known(chains.is_some_and(|chains| chains.iter().any(fills)))
        }
        Err(why) => Fact::Failed(why.to_owned()),
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
