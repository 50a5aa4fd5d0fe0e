//! What a site wants on a host: its resources, from the site file and what was rendered from it.

use std::collections::BTreeMap;

use crate::activation::Instance;
use crate::facts::Facts;
use crate::facts::paths::PathState;
use crate::manifest::{Manifest, Records};
use crate::profile::{HostProfile, Need, PythonOffer};
use crate::release::{Layout, ReleaseId};
use crate::render::{FileRole, Platform, RenderedFile};
use crate::resource::certificate::Certificate;
use crate::resource::converge;
use crate::resource::default_server::{DefaultServer, Http2, Protocol, REJECTS_HANDSHAKES};
use crate::resource::directory::{Contents, Directory};
use crate::resource::file::{File, FileContent};
use crate::resource::firewall::FirewallService;
use crate::resource::log_files::LogFiles;
use crate::resource::package::Package;
use crate::resource::unit::{Unit, Wish};
use crate::resource::user::SystemUser;
use crate::resource::{Effect, Heading, Id, Kind, Resource, Scope};
use crate::running::Newer;
use crate::runtime;
use crate::seen::{Questions, Seen};
use crate::site::{Firewall, Name, Site, TlsMode};
use crate::units;

/// What a site is to be on a host.
#[derive(Debug, Clone)]
pub struct Wanted<'a> {
    /// The site.
    pub site: &'a Site,
    /// Its files, rendered for this host.
    pub files: &'a [File],
    /// Its instances, in the order in which they are replaced.
    pub instances: &'a [Instance],
    /// What answers requests for names that no site has.
    pub default_servers: &'a [DefaultServer],
}

/// What one site on one host is now.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// The host's name in the inventory.
    pub host: &'a str,
    /// The host, as far as it was looked at.
    pub seen: &'a Seen<'a>,
    /// What Slipway recorded there.
    pub records: &'a Records,
    /// Files that are newer than the processes which have read them.
    pub newer: &'a [Newer],
    /// What the process of each running instance holds, in bytes, by the instance's unit.
    pub memory: &'a BTreeMap<String, u64>,
    /// Seconds since 1970, by this computer's clock.
    pub now: u64,
}

impl<'a> Situation<'a> {
    /// The active release, as `current` says.
    pub fn current(&self, layout: &Layout) -> Option<ReleaseId> {
        let state = self.seen.path(&layout.current());
        if let PathState::Symlink { target, .. } = state { layout.release_of(target) } else { None }
    }

    /// Instances that run, as the record says.
    pub fn instances(&self) -> &'a [Instance] {
        self.records.site.as_ref().map_or(&[], |manifest| &manifest.instances)
    }
}

/// Whether a release of the site is live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Serving {
    /// One is.
    Yes,
    /// None is: processes start with the first deployment.
    No,
    /// One will be, by the plan that is made: it starts what must run.
    Starts,
}

/// What a plan is made for, as far as it decides what must be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The site is to be there.
    Presence,
    /// The site leaves.
    Departure,
}

/// What must be asked of a host, beyond its facts, before `wanted` can be planned.
pub fn questions(
    wanted: &Wanted<'_>,
    records: &Records,
    facts: &Facts,
    profile: &HostProfile,
    purpose: Purpose,
    now: u64,
) -> Questions {
    let mut questions = Questions::default();
    let site = wanted.site;
    let layout = Layout::new(&site.name);
    for path in [layout.current(), layout.state(), layout.root(), layout.etc(), layout.logs()] {
        questions.path(path);
    }
    let mut records = records.clone();
    let resources = match purpose {
        Purpose::Departure => {
            questions.path(layout.ledger());
            // Whether version 0.1 left something there is seen then.
            records.site.get_or_insert_with(|| Manifest::of_leftovers(site.name.clone()));
            Vec::new()
        }
        Purpose::Presence => {
            let python = runtime::installed_python(site, profile, facts);
            resources(wanted, profile, python, now, Serving::Starts)
        }
    };
    converge::ask(&resources, records.ownership(), &mut questions);
    // Whether somebody else has a unit of that name is asked also where none is wanted now.
    questions.unit(units::guard(&site.name));
    // Of two sets of ports, the one that is not in use may be the next.
    for other in wanted.instances.iter().filter_map(Instance::other) {
        questions.unit(other.unit);
    }
    questions
}

/// A rendered file as what it is for: under which heading it is reviewed, and who reads it.
pub fn file(rendered: &RenderedFile, site: &Name) -> File {
    let (heading, effects) = match rendered.role {
        FileRole::SystemdUnit => (Heading::Configuration, vec![Effect::Systemd]),
        FileRole::NginxSite | FileRole::NginxAuth => (Heading::WebServer, vec![Effect::Nginx]),
        FileRole::Certificate => (Heading::Certificate, vec![Effect::Nginx]),
        FileRole::Sudoers => (Heading::Configuration, vec![Effect::Sudo]),
        FileRole::Firewall => (Heading::Configuration, vec![Effect::Rules(units::guard(site))]),
        FileRole::Environment | FileRole::GunicornConfig | FileRole::SecretFile | FileRole::AppConfig => {
            (Heading::Configuration, vec![Effect::Processes])
        }
        FileRole::Logrotate => (Heading::Configuration, Vec::new()),
    };
    File {
        path: rendered.path.clone(),
        mode: rendered.mode,
        owner: rendered.owner.clone(),
        group: rendered.group.clone(),
        content: rendered.plan_content(),
        digest: crate::digest::Digest::of(rendered.bytes()),
        needs: Vec::new(),
        outlived_by: Vec::new(),
        effects,
        heading,
    }
}

/// What answers requests for names that no site has, on the ports of `site`. A site without domains is asked for by the
/// host's address, and takes those requests itself.
pub fn default_servers(site: &Site, profile: &HostProfile, platform: &Platform) -> Vec<DefaultServer> {
    let http2 = if platform.has_http2_directive() { Http2::Directive } else { Http2::Parameter };
    let mut all = Vec::new();
    if !site.domains.is_empty() {
        all.push(Protocol::Plain);
        if site.tls.mode != TlsMode::None && platform.nginx_version >= REJECTS_HANDSHAKES {
            all.push(Protocol::Tls(http2));
        }
    }
    let server = |protocol: Protocol| DefaultServer {
        path: profile.nginx.default_server(protocol.port()),
        protocol,
        ipv6: platform.ipv6,
        needs: Vec::new(),
        outlived_by: Vec::new(),
    };
    all.into_iter().map(server).collect()
}

/// Everything that `wanted` calls for, in the order in which a person reads it.
pub fn resources(
    wanted: &Wanted<'_>,
    profile: &HostProfile,
    python: Option<&PythonOffer>,
    now: u64,
    serving: Serving,
) -> Vec<Resource> {
    let site = wanted.site;
    let layout = Layout::new(&site.name);
    let packages = packages(site, profile, python);
    let package_ids: Vec<Id> = packages.iter().map(|package| Package::id_of(&package.name)).collect();
    let mut all: Vec<Resource> = packages.into_iter().map(Resource::from).collect();
    all.extend(users(site, &profile.system.nologin).into_iter().map(Resource::from));
    all.extend(directories(site).into_iter().map(Resource::from));
    all.extend(Resource::of_site(site));
    let certificate = (site.tls.mode == TlsMode::SelfSigned).then(|| Certificate {
        directory: layout.tls(),
        names: certificate_names(site),
        now,
    });
    let certificate_id = certificate.as_ref().map(|one| Certificate::id_of(&one.directory));
    all.extend(certificate.map(Resource::from));

    let units = site_units(wanted, &package_ids, serving);
    let unit_ids: Vec<Id> = units.iter().map(|unit| Unit::id_of(&unit.name)).collect();
    let services = firewall_services(site);
    let nginx = &profile.nginx.unit;
    let logs = LogFiles { stem: format!("{}/{}", profile.nginx.logs.trim_end_matches('/'), site.name) };
    let of_site = wanted.files.iter().filter(|file| file.effects.contains(&Effect::Nginx));
    let of_host = wanted.default_servers.iter().map(|server| DefaultServer::id_of(&server.path));
    let nginx_files: Vec<Id> = of_site.map(|file| File::id_of(&file.path)).chain(of_host).collect();
    let package = profile.packages_for(&[Need::Nginx]);
    let package: Vec<Id> = package.iter().map(|name| Package::id_of(name)).collect();
    // What needs nothing of nginx comes first, for reading.
    for of_nginx in [false, true] {
        for file in wanted.files.iter().filter(|file| file.effects.contains(&Effect::Nginx) == of_nginx) {
            let mut file = file.clone();
            file.needs.extend(package_ids.iter().cloned());
            if of_nginx {
                file.needs.extend(certificate_id.clone());
                // The way in goes first, and what serves it after that.
                file.outlived_by.extend(unit_ids.iter().cloned());
                file.outlived_by.push(Unit::id_of(nginx));
                file.outlived_by.push(LogFiles::id_of(&logs.stem));
                file.outlived_by.extend(services.iter().map(|service| FirewallService::id_of(service)));
            }
            all.push(file.into());
        }
        if !of_nginx {
            all.extend(units.iter().cloned().map(Resource::from));
            for server in wanted.default_servers {
                let mut server = server.clone();
                server.needs.extend(package.iter().cloned());
                server.outlived_by.push(Unit::id_of(nginx));
                server.outlived_by.extend(services.iter().map(|service| FirewallService::id_of(service)));
                all.push(server.into());
            }
        }
    }
    all.push(logs.into());
    all.push(
        Unit {
            name: nginx.clone(),
            scope: Scope::Host,
            wish: Wish::Running,
            table: None,
            needs: package.iter().chain(&nginx_files).cloned().collect(),
            leaves_before: package,
            carried: false,
            purpose: "it serves the site",
        }
        .into(),
    );
    if site.firewall != Firewall::Leave {
        let needs: Vec<Id> = nginx_files.iter().cloned().chain([Unit::id_of(nginx)]).collect();
        all.extend(
            services.into_iter().map(|service| FirewallService { service, needs: needs.clone() }).map(Resource::from),
        );
    }
    all
}

fn certificate_names(site: &Site) -> Vec<String> {
    if site.domains.is_empty() {
        vec![site.name.as_str().to_owned()]
    } else {
        site.domains.iter().map(|domain| domain.as_str().to_owned()).collect()
    }
}

fn firewall_services(site: &Site) -> Vec<String> {
    let names: &[&str] = if site.tls.mode == TlsMode::None { &["http"] } else { &["http", "https"] };
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn packages(site: &Site, profile: &HostProfile, python: Option<&PythonOffer>) -> Vec<Package> {
    let mut all: Vec<Package> = Vec::new();
    let mut add = |name: &String, program: Option<&str>, named: bool| {
        if !all.iter().any(|package| &package.name == name) {
            let (name, program) = (name.clone(), program.map(str::to_owned));
            all.push(Package { name, program, named, manager: profile.manager });
        }
    };
    for need in runtime::needs(site) {
        let program = if need == Need::Nginx { Some("nginx") } else { need.program() };
        profile.packages_for(&[need]).iter().for_each(|name| add(name, program, false));
    }
    python.iter().flat_map(|python| &python.packages).for_each(|name| add(name, None, false));
    runtime::named_packages(site, profile).iter().for_each(|name| add(name, None, true));
    all
}

/// Units of the site: its target, its slice, the guard of its ports, and its instances where a release is live.
fn site_units(wanted: &Wanted<'_>, packages: &[Id], serving: Serving) -> Vec<Unit> {
    let site = &wanted.site.name;
    let layout = Layout::new(site);
    let not_nginx = |file: &&File| !file.effects.contains(&Effect::Nginx);
    let files: Vec<Id> = wanted.files.iter().filter(not_nginx).map(|file| File::id_of(&file.path)).collect();
    let trees = [layout.releases(), layout.environments(), layout.cache()].map(|path| Directory::id_of(&path));
    let base: Vec<Id> = files.iter().chain(&trees).chain(packages).cloned().collect();
    let rules = Effect::Rules(units::guard(site));
    let guard = wanted.files.iter().any(|file| file.effects.contains(&rules));
    let guard_id = Unit::id_of(&units::guard(site));
    let unit = |name: String, wish: Wish, carried: bool, purpose: &'static str| {
        let mut needs = base.clone();
        if guard && name != units::guard(site) {
            needs.push(guard_id.clone());
        }
        Unit { name, scope: Scope::Site, wish, leaves_before: needs.clone(), needs, carried, table: None, purpose }
    };
    let mut all = Vec::new();
    if guard {
        let purpose = "only nginx may ask the application, whoever else is on the host or in its network";
        let mut loads = unit(units::guard(site), Wish::Running, true, purpose);
        // The rules name it.
        loads.needs.push(SystemUser::id_of(site.as_str()));
        loads.leaves_before.push(SystemUser::id_of(site.as_str()));
        loads.table = Some(units::guard_table(site));
        all.push(loads);
    }
    let wish = if serving == Serving::Yes { Wish::Running } else { Wish::AtBoot };
    all.push(unit(
        units::target(site),
        wish,
        false,
        "the site starts with the host; processes start with the first deployment",
    ));
    all.push(unit(units::slice(site), Wish::Whatever, false, "processes of the site share it"));
    if serving != Serving::No {
        for instance in wanted.instances {
            let purpose = "the live release is served by it";
            all.extend(instance.socket.iter().map(|socket| unit(socket.clone(), Wish::Running, true, purpose)));
            all.push(unit(instance.unit.clone(), Wish::Running, true, purpose));
        }
    }
    all
}

/// Users that `site` needs.
fn users(site: &Site, shell: &str) -> Vec<SystemUser> {
    let layout = Layout::new(&site.name);
    let user =
        |name: String, home: String, purpose: &'static str| SystemUser { name, home, shell: shell.to_owned(), purpose };
    let purpose = "the application runs as its own user that nobody can log in as";
    let of_builder = "sources are fetched and built by a user who cannot read the application's data and secrets";
    vec![
        user(site.name.as_str().to_owned(), layout.cache(), purpose),
        user(layout.builder(), layout.build(), of_builder),
    ]
}

/// Directories that `site` needs, parents first.
pub fn directories(site: &Site) -> Vec<Directory> {
    let layout = Layout::new(&site.name);
    let name = site.name.as_str();
    let mut all: Vec<Directory> = Vec::new();
    let mut add =
        |path: String, mode: u32, owner: (&str, &str), scope: Scope, contents: Contents, purpose: &'static str| {
            if !all.iter().any(|directory| directory.path == path) {
                let links = if path == layout.releases() { vec![layout.current()] } else { Vec::new() };
                let (owner, group) = (owner.0.to_owned(), owner.1.to_owned());
                all.push(Directory { path, mode, owner, group, purpose, scope, contents, links });
            }
        };
    let root = ("root", "root");
    let own = (name, name);
    let (host, of_site) = (Scope::Host, Scope::Site);
    add("/var/lib/slipway".to_owned(), 0o755, root, host, Contents::Resources, "Slipway's records on this host");
    add(layout.state(), 0o700, root, of_site, Contents::Records, "manifest, release ledger and audit log of the site");
    add(
        "/var/lib/slipway/acme".to_owned(),
        0o755,
        root,
        host,
        Contents::Resources,
        "answers to certificate authorities",
    );
    add("/etc/slipway".to_owned(), 0o755, root, host, Contents::Resources, "certificates");
    add(layout.tls_parent(), 0o755, root, host, Contents::Resources, "certificates");
    add(layout.tls(), 0o700, root, of_site, Contents::Own, "the site's certificate and key");
    let purpose = "the site; root's, so that the application cannot change its own code";
    let around = if site.shared.is_empty() { Contents::Resources } else { Contents::AroundData };
    add(layout.root(), 0o755, root, of_site, around, purpose);
    add(layout.releases(), 0o755, root, of_site, Contents::Own, "releases");
    add(layout.environments(), 0o755, root, of_site, Contents::Own, "environments shared by releases");
    add(layout.cache(), 0o700, own, of_site, Contents::Own, "the site user's home");
    let builder = layout.builder();
    let (of_builder, for_builder) = ((builder.as_str(), builder.as_str()), ("root", builder.as_str()));
    add(layout.build(), 0o750, for_builder, of_site, Contents::Own, "what one build leaves to the next");
    if site.source.git.is_some() {
        add(layout.mirror(), 0o700, of_builder, of_site, Contents::Own, "the mirror of the repository");
    }
    if runtime::needs(site).contains(&Need::Npm) {
        let purpose = "packages that npm has downloaded, which it compares with the lock file";
        add(layout.npm_cache(), 0o700, of_builder, of_site, Contents::Own, purpose);
    }
    let data = if site.shared.is_empty() { Contents::Resources } else { Contents::Data };
    let purpose = "data that outlives releases";
    add(layout.shared(), 0o755, root, of_site, data, purpose);
    let nested = |base: &str, path: &str| -> Vec<String> {
        path.match_indices('/').filter_map(|(at, _)| Some(format!("{base}/{}", path.get(..at)?))).collect()
    };
    for path in site.shared.keys() {
        // Root's, so that nobody can swap what root makes below them.
        for parent in nested(&layout.shared(), path) {
            add(parent, 0o755, root, of_site, Contents::Data, purpose);
        }
    }
    for (path, shared) in &site.shared {
        let mode = shared.mode.as_ref().and_then(|mode| u32::from_str_radix(mode, 8).ok()).unwrap_or(0o750);
        add(format!("{}/{path}", layout.shared()), mode, own, of_site, Contents::Data, purpose);
    }
    let none = Contents::Resources;
    add(layout.etc(), 0o755, root, of_site, none, "the site's configuration");
    let private = ("root", name);
    let of_files = [
        ("secrets", "secret files", site.secret_file.keys().map(|path| path.as_str()).collect::<Vec<_>>()),
        (
            "config",
            "configuration files of the application",
            site.config_file.keys().map(|path| path.as_str()).collect::<Vec<_>>(),
        ),
    ];
    for (folder, purpose, paths) in of_files {
        let base = format!("{}/{folder}", layout.etc());
        if !paths.is_empty() {
            add(base.clone(), 0o750, private, of_site, none, purpose);
        }
        for parent in paths.iter().flat_map(|path| nested(&base, path)) {
            add(parent, 0o750, private, of_site, none, purpose);
        }
    }
    if site.logs.directory {
        add(layout.logs(), 0o755, own, of_site, Contents::Data, "log files");
    }
    all
}

impl RenderedFile {
    /// The content as a plan may hold it.
    fn plan_content(&self) -> FileContent {
        match &self.content {
            crate::render::Content::Text(text) => FileContent::Text { text: text.clone() },
            crate::render::Content::Secret(secret) => FileContent::Secret { masked: secret.masked.clone() },
        }
    }
}
