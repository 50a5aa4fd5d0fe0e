//! The first form of the record, as version 0.1 wrote it: read, never written. It names paths without their kinds, so here,
//! and nowhere else, a kind is told by where a file lies.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::{HostManifest, Manifest};
use crate::activation::Instance;
use crate::digest::Digest;
use crate::profile::PackageManager;
use crate::release::Layout;
use crate::resource::certificate::{Certificate, CertificateRecord};
use crate::resource::converge::Shared;
use crate::resource::directory::{Contents, Directory, DirectoryRecord};
use crate::resource::file::{File, FileRecord};
use crate::resource::firewall::{FirewallRecord, FirewallService};
use crate::resource::log_files::{LogFiles, LogFilesRecord};
use crate::resource::package::{Package, PackageRecord};
use crate::resource::unit::{Unit, UnitRecord};
use crate::resource::user::{SystemUser, UserRecord};
use crate::resource::{Effect, Id, Kind, Owned, Record, Scope};
use crate::site::Name;
use crate::units;

/// The record of one site on one host.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Form1 {
    /// The site.
    pub site: Name,
    /// Files by path.
    pub files: BTreeMap<String, OwnedFile>,
    /// Directories that Slipway made.
    pub directories: BTreeSet<String>,
    /// Packages that Slipway installed (not those that it found).
    pub packages: BTreeSet<String>,
    /// Services that Slipway opened in the firewall.
    pub firewall: BTreeSet<String>,
    /// Instances that run.
    pub instances: Vec<Instance>,
    /// The self-signed certificate that Slipway made.
    #[serde(default)]
    pub certificate: Option<OldCertificate>,
    /// URL of the site through nginx on the host itself, and curl's `--resolve` entry for it.
    #[serde(default)]
    pub front: Option<(String, String)>,
    /// Digests that a run which may not have finished was about to write.
    #[serde(default)]
    pub pending: BTreeMap<String, Digest>,
}

/// A file that Slipway wrote.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct OwnedFile {
    /// Of its content.
    pub digest: Digest,
    /// Octal mode.
    pub mode: u32,
    /// Owner.
    pub owner: String,
    /// Group.
    pub group: String,
    /// With secrets: its text with every secret value replaced by a keyed fingerprint.
    #[serde(default)]
    pub masked: Option<String>,
}

/// A certificate that Slipway made.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct OldCertificate {
    /// Names in it.
    pub names: Vec<String>,
    /// When it expires, seconds since 1970.
    pub expires: u64,
}

/// What a file is for, by where version 0.1 put it.
pub(super) fn effects(path: &str, site: &Name) -> Vec<Effect> {
    if path.starts_with("/etc/systemd/system/") {
        vec![Effect::Systemd]
    } else if path.starts_with("/etc/nginx/") || path.starts_with("/etc/slipway/tls/") {
        vec![Effect::Nginx]
    } else if path.starts_with("/etc/sudoers.d/") {
        vec![Effect::Sudo]
    } else if path.ends_with("/guard.nft") {
        vec![Effect::Rules(units::guard(site))]
    } else if path.starts_with(&format!("{}/", Layout::new(site).etc())) {
        vec![Effect::Processes]
    } else {
        Vec::new()
    }
}

fn owned(record: Record, needs: Vec<Id>, effects: Vec<Effect>) -> Owned {
    Owned { there: Some(record), intended: None, leaving: false, needs, effects }
}

/// Directories of every site, and what is in them.
fn directories(layout: &Layout) -> Vec<(String, DirectoryRecord)> {
    let of = |path: String, contents: Contents| (path, DirectoryRecord { contents, links: Vec::new() });
    let releases = DirectoryRecord { contents: Contents::Own, links: vec![layout.current()] };
    vec![
        of(layout.root(), Contents::AroundData),
        (layout.releases(), releases),
        of(layout.environments(), Contents::Own),
        of(layout.cache(), Contents::Own),
        of(layout.shared(), Contents::Data),
        of(layout.etc(), Contents::Resources),
        of(layout.logs(), Contents::Data),
        of(layout.tls(), Contents::Own),
    ]
}

/// What a site that version 0.1 took off a host has left there: its data, and the user that owns it.
pub(super) fn leftovers(site: &Name) -> BTreeMap<Id, Owned> {
    let layout = Layout::new(site);
    let user = SystemUser::id_of(site.as_str());
    let mut all = BTreeMap::new();
    for (path, record) in directories(&layout) {
        let id = Directory::id_of(&path);
        all.insert(id, owned(Record::Directory(record), needs_of_directory(&path, &user), Vec::new()));
    }
    let record = Record::User(UserRecord { home: layout.cache() });
    all.insert(user, owned(record, Vec::new(), Vec::new()));
    all
}

fn needs_of_directory(path: &str, user: &Id) -> Vec<Id> {
    let parent = path.rsplit_once('/').map(|(parent, _)| Directory::id_of(parent));
    parent.into_iter().chain([user.clone()]).collect()
}

impl Form1 {
    /// What it says, in today's form. What was the host's is in [`Form1::hosts`].
    pub(super) fn into_manifest(self) -> Manifest {
        let layout = Layout::new(&self.site);
        let mut manifest = Manifest::new(self.site.clone());
        manifest.resources = leftovers(&self.site);
        let user = SystemUser::id_of(self.site.as_str());
        for path in &self.directories {
            let data = path.starts_with(&format!("{}/", layout.shared()));
            let contents = if data { Contents::Data } else { Contents::Resources };
            let record = Record::Directory(DirectoryRecord { contents, links: Vec::new() });
            let site = [layout.root(), layout.etc()].iter().any(|base| path.starts_with(&format!("{base}/")));
            if site {
                let entry = manifest.resources.entry(Directory::id_of(path));
                entry.or_insert_with(|| owned(record, needs_of_directory(path, &user), Vec::new()));
            }
        }
        let units = self.units(&layout);
        self.files(&mut manifest, &layout, &user, &units);
        if let Some(certificate) = &self.certificate {
            let record = CertificateRecord { names: certificate.names.clone(), expires: certificate.expires };
            let needs = vec![Directory::id_of(&layout.tls())];
            let id = Certificate::id_of(&layout.tls());
            manifest.resources.insert(id, owned(Record::Certificate(record), needs, vec![Effect::Nginx]));
        }
        let logs = LogFiles::id_of(&format!("/var/log/nginx/{}", self.site));
        manifest.resources.insert(logs, owned(Record::LogFiles(LogFilesRecord {}), Vec::new(), Vec::new()));
        manifest.instances = self.instances;
        manifest.front = self.front;
        manifest
    }

    /// Units of the site, and whether they went live with a release.
    fn units(&self, layout: &Layout) -> Vec<(String, bool)> {
        let mut all = vec![(units::target(&self.site), false), (units::slice(&self.site), false)];
        let guard = units::guard(&self.site);
        if self.files.contains_key(&format!("{}/guard.nft", layout.etc())) {
            all.push((guard, true));
        }
        for instance in &self.instances {
            all.extend(instance.socket.iter().map(|socket| (socket.clone(), true)));
            all.push((instance.unit.clone(), true));
        }
        all
    }

    fn files(&self, manifest: &mut Manifest, layout: &Layout, user: &Id, units: &[(String, bool)]) {
        let unit_ids: Vec<Id> = units.iter().map(|(name, _)| Unit::id_of(name)).collect();
        let mut file_ids = Vec::new();
        let mut add = |path: &String, there: Option<&OwnedFile>, pending: Option<&Digest>| {
            let effects = effects(path, &self.site);
            let record = |file: &OwnedFile| {
                Record::File(FileRecord {
                    digest: file.digest.clone(),
                    mode: file.mode,
                    owner: file.owner.clone(),
                    group: file.group.clone(),
                    masked: file.masked.clone(),
                    effects: effects.clone(),
                })
            };
            // Of what was to be written only the digest is known.
            let intended = |digest: &Digest| {
                let owner = "root".to_owned();
                let file =
                    OwnedFile { digest: digest.clone(), mode: 0o600, owner: owner.clone(), group: owner, masked: None };
                record(&file)
            };
            let mut needs = vec![user.clone()];
            needs.extend(path.rsplit_once('/').map(|(parent, _)| Directory::id_of(parent)));
            if effects.contains(&Effect::Nginx) {
                needs.extend(unit_ids.iter().cloned());
                needs.push(Unit::id_of("nginx.service"));
                needs.extend(["http", "https"].map(FirewallService::id_of));
                needs.push(Certificate::id_of(&layout.tls()));
                needs.push(LogFiles::id_of(&format!("/var/log/nginx/{}", self.site)));
            }
            let id = File::id_of(path);
            file_ids.push((id.clone(), effects.contains(&Effect::Nginx)));
            let (there, intended) = (there.map(record), pending.map(intended));
            manifest.resources.insert(id, Owned { there, intended, leaving: false, needs, effects });
        };
        for (path, file) in &self.files {
            add(path, Some(file), self.pending.get(path).filter(|digest| *digest != &file.digest));
        }
        for (path, digest) in self.pending.iter().filter(|(path, _)| !self.files.contains_key(*path)) {
            add(path, None, Some(digest));
        }
        let own = [layout.releases(), layout.environments(), layout.cache()].map(|path| Directory::id_of(&path));
        for (name, carried) in units {
            let files = file_ids.iter().filter(|(_, nginx)| !nginx).map(|(id, _)| id.clone());
            let needs = files.chain(own.iter().cloned()).collect();
            let record = Record::Unit(UnitRecord { scope: Scope::Site, carried: *carried });
            manifest.resources.insert(Unit::id_of(name), owned(record, needs, Vec::new()));
        }
    }

    /// What it says of the host: packages, services of the firewall and directories that several sites use. All sites that
    /// are there are taken to use what one of them brought, because this form does not say.
    pub(super) fn hosts(&self, manager: PackageManager, sites: &BTreeSet<Name>, host: &mut HostManifest) {
        let shared =
            |record: Record, needs: Vec<Id>| Shared { owned: owned(record, needs, Vec::new()), sites: sites.clone() };
        for name in &self.packages {
            let program = (name == "nginx").then(|| "nginx".to_owned());
            let record = Record::Package(PackageRecord { manager, program });
            host.resources.entry(Package::id_of(name)).or_insert_with(|| shared(record, Vec::new()));
            if name == "nginx" {
                let record = Record::Unit(UnitRecord { scope: Scope::Host, carried: false });
                let needs = vec![Package::id_of(name)];
                host.resources.entry(Unit::id_of("nginx.service")).or_insert_with(|| shared(record, needs));
            }
        }
        for service in &self.firewall {
            let record = Record::FirewallService(FirewallRecord {});
            host.resources.entry(FirewallService::id_of(service)).or_insert_with(|| shared(record, Vec::new()));
        }
        for path in self.directories.iter().filter(|path| HOST_DIRECTORIES.contains(&path.as_str())) {
            let record = Record::Directory(DirectoryRecord { contents: Contents::Resources, links: Vec::new() });
            let needs = path.rsplit_once('/').map(|(parent, _)| Directory::id_of(parent)).into_iter().collect();
            host.resources.entry(Directory::id_of(path)).or_insert_with(|| shared(record, needs));
        }
    }
}

/// Directories that several sites use.
const HOST_DIRECTORIES: [&str; 4] = ["/var/lib/slipway", "/var/lib/slipway/acme", "/etc/slipway", "/etc/slipway/tls"];
