//! A host that is what its maps say, and does what the steps of a plan say.

use std::collections::{BTreeMap, BTreeSet};

use slipway_core::activation::Instance;
use slipway_core::digest::Digest;
use slipway_core::fact::Fact;
use slipway_core::facts::accounts::User;
use slipway_core::facts::packages::{PackageSystem, PackageTools};
use slipway_core::facts::paths::{FileBytes, Observed, Ownership, PathState};
use slipway_core::facts::programs::{Programs, TOOLS};
use slipway_core::facts::records::{HostRecords, SiteRecords};
use slipway_core::facts::security::{Firewalld, Firewalls, ZoneRules};
use slipway_core::facts::system::{Clock, Family, OsRelease, Systemd};
use slipway_core::facts::{Facts, nginx_sites::NginxSites};
use slipway_core::manifest::Records;
use slipway_core::plan::new_release::NewRelease;
use slipway_core::plan::release::{plan_apply, plan_deploy};
use slipway_core::plan::uninstall::plan_uninstall;
use slipway_core::plan::wanted::{Purpose, default_servers, questions};
use slipway_core::plan::{Action, FileContent, FileWrite, Plan, Situation, Wanted};
use slipway_core::profile::{HostProfile, PackageManager};
use slipway_core::release::{Layout, Ledger, ReleaseId};
use slipway_core::render::Platform;
use slipway_core::resource::certificate::CertificateChange;
use slipway_core::resource::directory::DirectoryChange;
use slipway_core::resource::file::{File, FileStep};
use slipway_core::resource::firewall::FirewallVerb;
use slipway_core::resource::package::PackageChange;
use slipway_core::resource::unit::UnitChange;
use slipway_core::resource::user::UserChange;
use slipway_core::resource::{Change, Effect};
use slipway_core::seen::{Seen, Sources, UnitActivity};
use slipway_core::site::{Name, Site};

pub(crate) const NOW: u64 = 1_800_000_000;

pub(crate) fn ownership(user: &str, group: &str) -> Ownership {
    Ownership { user: user.into(), uid: 0, group: group.into(), gid: 0 }
}

/// What a site wants on the model, beside its site file.
pub(crate) struct Aim<'a> {
    pub site: &'a Site,
    pub files: &'a [File],
}

/// A host.
#[derive(Clone)]
pub(crate) struct Model {
    pub facts: Facts,
    pub paths: BTreeMap<String, PathState>,
    pub units: BTreeMap<String, UnitActivity>,
    pub memory: BTreeMap<String, u64>,
    pub written: BTreeMap<Name, SiteRecords>,
    pub host_record: Fact<String>,
    pub ledger: Ledger,
    pub releases: Vec<ReleaseId>,
    pub unfinished: Vec<ReleaseId>,
    /// Files of nginx that wait, and those that are to go.
    waiting: (Vec<FileWrite>, Vec<String>),
}

impl Model {
    /// Debian 12 with nothing on it but systemd, and firewalld that lets nothing in.
    pub(crate) fn bare() -> Self {
        let mut facts = Facts::failed("not looked at");
        facts.os = Fact::Known(OsRelease {
            id: "debian".into(),
            id_like: vec![],
            version_id: "12".parse().ok(),
            pretty_name: "Debian 12".into(),
            family: Family::Debian,
        });
        facts.systemd = Fact::Known(Systemd { version: 252, booted: true });
        facts.packages = Fact::Known(PackageSystem {
            tools: PackageTools { apt: true, dpkg: true, dnf: false, rpm: false },
            installed: BTreeMap::new(),
            lists_refreshed: Fact::Absent,
        });
        facts.programs = Fact::Known(Programs {
            nginx: Fact::Absent,
            openssl: Fact::Absent,
            pythons: Fact::Known(vec![]),
            node: Fact::Absent,
            npm: Fact::Absent,
            git: Fact::Absent,
            tools: TOOLS.iter().map(|&tool| (tool.to_owned(), Fact::Absent)).collect(),
        });
        facts.users = Fact::Known(vec![]);
        facts.listeners = Fact::Known(vec![]);
        facts.nginx_sites = Fact::Known(NginxSites { servers: vec![], includes: vec![], unread: vec![] });
        let rules = || Some(ZoneRules { services: vec!["ssh".into()], ports: vec![] });
        let firewalld = Firewalld {
            active: true,
            enabled: true,
            default_zone: Some("public".into()),
            running: rules(),
            permanent: rules(),
        };
        facts.firewalls = Fact::Known(Firewalls {
            firewalld: Fact::Known(firewalld),
            ufw: Fact::Absent,
            nftables: Fact::Known(vec![]),
        });
        facts.selinux = Fact::Absent;
        facts.clock = Fact::Known(Clock { epoch_seconds: NOW, synchronized: Some(true), timezone: None });
        Self {
            facts,
            paths: BTreeMap::new(),
            units: BTreeMap::new(),
            memory: BTreeMap::new(),
            written: BTreeMap::new(),
            host_record: Fact::Absent,
            ledger: Ledger::default(),
            releases: vec![],
            unfinished: vec![],
            waiting: (vec![], vec![]),
        }
    }

    pub(crate) fn records(&self, site: &Name) -> Records {
        let written = HostRecords { sites: self.written.clone(), host: self.host_record.clone(), lock: Fact::Absent };
        Records::read(Some(&written), site, PackageManager::Apt).unwrap()
    }

    fn store(&mut self, site: &Name, records: &Records) {
        self.host_record = if records.host.is_empty() { Fact::Absent } else { Fact::Known(records.host.text()) };
        let manifest = records.site.as_ref().map_or(Fact::Absent, |manifest| Fact::Known(manifest.text()));
        self.written.insert(site.clone(), SiteRecords { manifest, confirmed: Fact::Absent });
    }

    pub(crate) fn plan(&self, aim: &Aim<'_>) -> Plan {
        self.look(aim, Purpose::Presence, |situation, wanted| plan_apply(situation, wanted, None))
    }

    pub(crate) fn plan_deploy(&self, aim: &Aim<'_>, release: &NewRelease) -> Plan {
        self.look(aim, Purpose::Presence, |situation, wanted| plan_deploy(situation, wanted, release))
    }

    pub(crate) fn plan_reconfigure(&self, aim: &Aim<'_>, release: &NewRelease) -> Plan {
        self.look(aim, Purpose::Presence, |situation, wanted| plan_apply(situation, wanted, Some(release)))
    }

    pub(crate) fn plan_uninstall(&self, site: &Site, data: bool) -> Plan {
        let aim = Aim { site, files: &[] };
        self.look(&aim, Purpose::Departure, |situation, wanted| plan_uninstall(situation, wanted, data))
    }

    pub(crate) fn look<T>(
        &self,
        aim: &Aim<'_>,
        purpose: Purpose,
        plan: impl FnOnce(&Situation<'_>, &Wanted<'_>) -> T,
    ) -> T {
        let site = aim.site;
        let port = site.process.values().find_map(|process| process.port).unwrap_or(5000);
        let unit = format!("{}-web@{port}.service", site.name);
        let slot = Some(format!("{}-web.{port}", site.name));
        let instances = [Instance { unit, port: Some(port), slot, ..Instance::default() }];
        let profile = HostProfile::resolve(&self.facts).unwrap();
        let default_servers = default_servers(site, &profile, &Platform::of(&profile, true));
        let wanted = Wanted { site, files: aim.files, instances: &instances, default_servers: &default_servers };
        let records = self.records(&site.name);
        let questions = questions(&wanted, &records, &self.facts, &profile, purpose, NOW);
        let paths = questions
            .paths()
            .into_iter()
            .map(|watch| {
                let mut state = self.paths.get(&watch.path).cloned().unwrap_or(PathState::Absent);
                if let PathState::File { content, .. } = &mut state
                    && !watch.content
                {
                    *content = None;
                }
                (watch.path.clone(), Observed { path: watch.path, state, untrusted_parent: None })
            })
            .collect();
        let state = |name: &String| self.units.get(name).cloned().map_or(Fact::Absent, Fact::Known);
        let units = questions.units().iter().map(|name| (name.clone(), state(name))).collect();
        let none = BTreeMap::new();
        let seen = Seen::new(Sources {
            facts: &self.facts,
            profile: &profile,
            paths: &paths,
            units: &units,
            packages: &none,
            offered: &none,
            ledger: &self.ledger,
            releases: &self.releases,
            unfinished: &self.unfinished,
            site_records: &records.site_digests,
            host_record: &records.host_digest,
            nginx_files: &records.nginx_files,
            site,
        });
        let situation =
            Situation { host: "web1", seen: &seen, records: &records, newer: &[], memory: &self.memory, now: NOW };
        plan(&situation, &wanted)
    }

    /// Does all of a plan, as a run does it.
    pub(crate) fn run(&mut self, plan: &Plan, files: &[File]) {
        self.run_steps(plan, files, plan.steps.len());
        if matches!(plan.intent, slipway_core::plan::Intent::Uninstall { .. }) || plan.is_empty() {
            return;
        }
        self.settle(plan, false);
    }

    fn settle(&mut self, plan: &Plan, left: bool) {
        let mut records = self.records(&plan.site);
        records.settle(&plan.site, &plan.claims);
        records.site.as_mut().unwrap().left = left;
        self.store(&plan.site, &records);
    }

    /// Does the first steps of a plan, with what is written down before and meanwhile, and ends there.
    pub(crate) fn run_steps(&mut self, plan: &Plan, files: &[File], steps: usize) {
        if plan.is_empty() {
            return;
        }
        let mut records = self.records(&plan.site);
        records.intend(&plan.site, "run1", &plan.claims);
        self.store(&plan.site, &records);
        self.waiting = (vec![], vec![]);
        for step in plan.steps.iter().take(steps) {
            match &step.action {
                Action::Change { change } => self.change(change, files),
                Action::Effect { effect } => self.effect(effect, files),
                Action::Record => match plan.intent {
                    slipway_core::plan::Intent::Uninstall { .. } => {
                        self.paths.remove(&Layout::new(&plan.site).ledger());
                        self.settle(plan, true);
                    }
                    _ => self.settle(plan, false),
                },
                Action::Release { .. } => {}
            }
            let lines: String = step.brings.iter().map(|id| format!("run1 {id}\n")).collect();
            if let Some(written) = self.written.get_mut(&plan.site)
                && !lines.is_empty()
            {
                let before = written.confirmed.known().cloned().unwrap_or_default();
                written.confirmed = Fact::Known(before + &lines);
            }
        }
    }

    fn change(&mut self, change: &Change, files: &[File]) {
        match change {
            Change::Package(PackageChange::Install { packages, .. }) => self.install_packages(packages),
            Change::Package(PackageChange::Remove { packages, .. }) => {
                if let Fact::Known(known) = &mut self.facts.packages {
                    known.installed.retain(|name, _| !packages.contains(name));
                }
                if packages.iter().any(|name| name == "nginx") {
                    assert!(!self.units.get("nginx.service").is_some_and(|unit| unit.active), "nginx still runs");
                    self.units.remove("nginx.service");
                }
            }
            Change::User(UserChange::Create { name, home, shell }) => {
                if let Fact::Known(users) = &mut self.facts.users {
                    users.push(User {
                        name: name.clone(),
                        uid: 999,
                        gid: 999,
                        home: home.clone(),
                        shell: shell.clone(),
                    });
                }
            }
            Change::User(UserChange::Remove { name }) => {
                let owns = |state: &PathState| match state {
                    PathState::Directory { owner, .. } | PathState::File { owner, .. } => &owner.user == name,
                    PathState::Absent
                    | PathState::Symlink { .. }
                    | PathState::Other { .. }
                    | PathState::Failed { .. } => false,
                };
                assert!(!self.paths.values().any(owns), "something of {name}'s is left");
                if let Fact::Known(users) = &mut self.facts.users {
                    users.retain(|user| &user.name != name);
                }
            }
            Change::Directory(change) => self.directory(change),
            Change::Certificate(CertificateChange::Make { directory, .. }) => {
                assert!(self.paths.contains_key(directory), "{directory} is not there");
                for name in ["fullchain.pem", "privkey.pem"] {
                    self.write(&format!("{directory}/{name}"), 0o600, ("root", "root"), b"pem");
                }
            }
            Change::Certificate(CertificateChange::Remove { directory }) => {
                for name in ["fullchain.pem", "privkey.pem"] {
                    self.paths.remove(&format!("{directory}/{name}"));
                }
            }
            Change::File(step) | Change::Ageing(step) | Change::DefaultServer(step) => match step {
                FileStep::Write(file) if file.stage.is_some() => self.waiting.0.push(file.clone()),
                FileStep::Write(file) => self.put(file, files),
                FileStep::Remove { path, stage: Some(_), .. } => self.waiting.1.push(path.clone()),
                FileStep::Remove { path, stage: None, .. } => {
                    assert!(self.paths.remove(path).is_some(), "{path} is removed and is not there");
                }
            },
            Change::Unit(change) => self.unit(change),
            Change::LogFiles(change) => {
                let ours = |path: &String| {
                    change.names.iter().any(|name| path.starts_with(&format!("{}/{name}", change.directory)))
                };
                self.paths.retain(|path, _| !ours(path));
            }
            Change::FirewallService(change) => {
                let Fact::Known(firewalls) = &mut self.facts.firewalls else { return };
                let Fact::Known(firewalld) = &mut firewalls.firewalld else { return };
                for rules in [&mut firewalld.running, &mut firewalld.permanent].into_iter().flatten() {
                    match change.does {
                        FirewallVerb::Allow => rules.services.extend(change.services.iter().cloned()),
                        FirewallVerb::Withdraw => rules.services.retain(|name| !change.services.contains(name)),
                    }
                }
            }
        }
    }

    fn install_packages(&mut self, packages: &[String]) {
        if let Fact::Known(known) = &mut self.facts.packages {
            known.installed.extend(packages.iter().map(|name| (name.clone(), Fact::Known("1".to_owned()))));
        }
        if packages.iter().any(|name| name == "nginx") {
            // As Debian's package does it.
            let state = UnitActivity { active: true, enabled: true, masked: false };
            self.units.insert("nginx.service".to_owned(), state);
        }
    }

    fn directory(&mut self, change: &DirectoryChange) {
        match change {
            DirectoryChange::Make { path, mode, owner, group } => {
                let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
                let known = ["/opt", "/etc", "/var/lib", "/var/log"].contains(&parent);
                assert!(known || self.paths.contains_key(parent), "{path} is made before its parent");
                self.assert_user(owner);
                let owner = ownership(owner, group);
                self.paths.insert(path.clone(), PathState::Directory { mode: *mode, owner });
            }
            DirectoryChange::RemoveTrees { paths, .. } => {
                let below = |path: &String, tree: &String| path == tree || path.starts_with(&format!("{tree}/"));
                self.paths.retain(|path, _| !paths.iter().any(|tree| below(path, tree)));
            }
            DirectoryChange::RemoveEmpty { paths } => {
                for path in paths {
                    if !self.paths.keys().any(|other| other.starts_with(&format!("{path}/"))) {
                        self.paths.remove(path);
                    }
                }
            }
        }
    }

    fn assert_user(&self, name: &str) {
        let there = self.facts.users.known().is_some_and(|users| users.iter().any(|user| user.name == name));
        assert!(there || ["root", "nginx", "www-data"].contains(&name), "{name} is not there");
    }

    fn unit(&mut self, change: &UnitChange) {
        match change {
            UnitChange::Start { enable, start } => {
                for name in enable.iter().chain(start) {
                    let none = UnitActivity { active: false, enabled: false, masked: false };
                    let unit = self.units.entry(name.clone()).or_insert(none);
                    unit.enabled |= enable.contains(name);
                    unit.active |= start.contains(name);
                }
            }
            UnitChange::Reload { unit } => assert!(self.units.contains_key(unit), "{unit} is not there"),
            UnitChange::Stop { units } => self.units.retain(|name, _| !units.contains(name)),
        }
    }

    fn effect(&mut self, effect: &Effect, files: &[File]) {
        if *effect != Effect::Nginx {
            return;
        }
        let installed = self.facts.packages.known().is_some_and(|packages| packages.installed.contains_key("nginx"));
        assert!(installed, "nginx is rehearsed before it is there");
        let (writes, removals) = std::mem::take(&mut self.waiting);
        writes.iter().for_each(|file| self.put(file, files));
        for path in removals {
            assert!(self.paths.remove(&path).is_some(), "{path} is removed and is not there");
        }
    }

    /// Puts a file as a step says, or as it was wanted then.
    fn put(&mut self, file: &FileWrite, files: &[File]) {
        self.assert_user(&file.owner);
        if let FileContent::Text { text } = &file.content {
            self.write(&file.path, file.mode, (&file.owner, &file.group), text.as_bytes());
            return;
        }
        let wanted = files.iter().find(|wanted| wanted.path == file.path).unwrap();
        let text = wanted.text().to_owned();
        self.write(&file.path, file.mode, (&file.owner, &file.group), text.as_bytes());
        if let Some(PathState::File { digest, .. }) = self.paths.get_mut(&file.path) {
            digest.clone_from(&wanted.digest);
        }
    }

    pub(crate) fn write(&mut self, path: &str, mode: u32, owner: (&str, &str), bytes: &[u8]) {
        let state = PathState::File {
            mode,
            owner: ownership(owner.0, owner.1),
            size: bytes.len() as u64,
            digest: Digest::of(bytes),
            content: Some(FileBytes(bytes.to_vec())),
        };
        self.paths.insert(path.to_owned(), state);
    }

    /// Everything that somebody could find, but Slipway's own records.
    pub(crate) fn traces(&self) -> BTreeSet<String> {
        let packages = self.facts.packages.known().into_iter().flat_map(|packages| packages.installed.keys());
        let users = self.facts.users.known().into_iter().flatten();
        let Fact::Known(firewalls) = &self.facts.firewalls else { panic!() };
        let services = firewalls.firewalld.known().and_then(|firewalld| firewalld.running.clone()).unwrap().services;
        let paths = self.paths.keys().filter(|path| !path.starts_with("/var/lib/slipway"));
        paths
            .cloned()
            .chain(packages.map(|name| format!("package {name}")))
            .chain(users.map(|user| format!("user {}", user.name)))
            .chain(services.into_iter().map(|service| format!("service {service}")))
            .chain(self.units.keys().map(|unit| format!("unit {unit}")))
            .collect()
    }
}
