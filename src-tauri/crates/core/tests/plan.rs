//! Planning against a model of a host: what a plan does to the model must leave nothing to plan.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a broken assumption must stop a test")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use slipway_core::activation::Instance;
use slipway_core::digest::Digest;
use slipway_core::fact::Fact;
use slipway_core::facts::accounts::User;
use slipway_core::facts::packages::{PackageSystem, PackageTools};
use slipway_core::facts::paths::{FileBytes, Observed, Ownership, PathState, Watch};
use slipway_core::facts::programs::{Programs, TOOLS};
use slipway_core::facts::security::Firewalls;
use slipway_core::facts::storage::Disk;
use slipway_core::facts::system::{Clock, Family, OsRelease, Systemd};
use slipway_core::facts::{Facts, nginx_sites::NginxSites};
use slipway_core::manifest::{CertificateRecord, Manifest, OwnedFile};
use slipway_core::plan::action::Payloads;
use slipway_core::plan::observed::{Situation, Wanted, WantedFile, watches};
use slipway_core::plan::release::{NewRelease, Origin, plan_apply, plan_deploy};
use slipway_core::plan::uninstall::{self, plan_uninstall};
use slipway_core::plan::{Action, FileContent, Plan, Severity};
use slipway_core::profile::HostProfile;
use slipway_core::release::{Ledger, ReleaseId, ReleaseRecord};
use slipway_core::site::{Site, parse};

const SITE: &str = r#"
schema = 1
name = "shop"
domains = ["shop.test"]
[source]
folder = "."
[runtime]
kind = "command"
[process.web]
command = ["/bin/app"]
port = 5000
[shared."a/b"]
[config_file."deep/er/app.json"]
json = { x = 1 }
[logs]
directory = true
"#;

fn site() -> Site {
    parse(SITE).map(|parsed| parsed.site).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

/// A host that is what its maps say.
struct Model {
    facts: Facts,
    paths: BTreeMap<String, PathState>,
    manifest: Option<Manifest>,
    ledger: Ledger,
    releases: Vec<ReleaseId>,
    unfinished: Vec<ReleaseId>,
}

fn ownership(user: &str, group: &str) -> Ownership {
    Ownership { user: user.into(), uid: 0, group: group.into(), gid: 0 }
}

impl Model {
    fn bare() -> Self {
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
        facts.firewalls =
            Fact::Known(Firewalls { firewalld: Fact::Absent, ufw: Fact::Absent, nftables: Fact::Known(vec![]) });
        facts.selinux = Fact::Absent;
        facts.clock = Fact::Known(Clock { epoch_seconds: 1_800_000_000, synchronized: Some(true), timezone: None });
        Self {
            facts,
            paths: BTreeMap::new(),
            manifest: None,
            ledger: Ledger::default(),
            releases: vec![],
            unfinished: vec![],
        }
    }

    fn plan(&self, site: &Site, files: &[WantedFile], release: Option<&NewRelease>) -> Plan {
        self.look(site, files, &[], |situation, wanted| match release {
            Some(release) => plan_deploy(situation, wanted, release),
            None => plan_apply(situation, wanted, None),
        })
    }

    fn plan_uninstall(&self, site: &Site, data: bool) -> Plan {
        let more = uninstall::watches(site);
        self.look(site, &[], &more, |situation, wanted| plan_uninstall(situation, wanted, data))
    }

    fn look(
        &self,
        site: &Site,
        files: &[WantedFile],
        more: &[String],
        plan: impl FnOnce(&Situation<'_>, &Wanted<'_>) -> Plan,
    ) -> Plan {
        let instances =
            [Instance { unit: "shop-web@5000.service".into(), socket: None, port: Some(5000), alternate: None }];
        let wanted = Wanted { site, files, instances: &instances };
        let profile = HostProfile::resolve(&self.facts).unwrap();
        let look = |path: &str| self.paths.get(path).cloned().unwrap_or(PathState::Absent);
        let more = more.iter().map(|path| Watch { path: path.clone(), desired: None, content: false });
        let paths = watches(&wanted, self.manifest.as_ref())
            .into_iter()
            .chain(more)
            .map(|watch| {
                let mut state = look(&watch.path);
                if let PathState::File { content, .. } = &mut state
                    && !watch.content
                {
                    *content = None;
                }
                (watch.path.clone(), Observed { path: watch.path, state, untrusted_parent: None })
            })
            .collect();
        let none = BTreeMap::new();
        let situation = Situation {
            host: "web1",
            site: &site.name,
            facts: &self.facts,
            profile: &profile,
            manifest: self.manifest.as_ref(),
            ledger: &self.ledger,
            paths: &paths,
            packages: &none,
            offered: &none,
            releases: &self.releases,
            unfinished: &self.unfinished,
            newer: &[],
        };
        plan(&situation, &wanted)
    }

    /// What the steps of a set-up do to a host.
    fn apply(&mut self, plan: &Plan, files: &[WantedFile]) {
        self.begin(plan, files, plan.steps.len());
        let mut manifest = self.manifest.clone().unwrap_or_else(|| Manifest::new(plan.site.clone()));
        manifest.pending.clear();
        manifest.directories = plan
            .steps
            .iter()
            .filter_map(|step| match &step.action {
                Action::MakeDirectory { path, .. } => Some(path.clone()),
                _ => None,
            })
            .collect();
        manifest.files = files
            .iter()
            .map(|file| {
                let masked = match &file.content {
                    FileContent::Text { .. } => None,
                    FileContent::Secret { masked } => Some(masked.clone()),
                };
                let (owner, group) = (file.owner.clone(), file.group.clone());
                (file.path.clone(), OwnedFile { digest: file.digest.clone(), mode: file.mode, owner, group, masked })
            })
            .collect();
        self.manifest = Some(manifest);
    }

    /// What the first steps of a set-up do to a host, with what is written down before them.
    fn begin(&mut self, plan: &Plan, files: &[WantedFile], steps: usize) {
        let mut manifest = self.manifest.clone().unwrap_or_else(|| Manifest::new(plan.site.clone()));
        manifest.pending = files.iter().map(|file| (file.path.clone(), file.digest.clone())).collect();
        for step in plan.steps.iter().take(steps) {
            match &step.action {
                Action::InstallPackages { packages, .. } => {
                    if let Fact::Known(known) = &mut self.facts.packages {
                        let version = || Fact::Known("1".to_owned());
                        known.installed.extend(packages.iter().map(|name| (name.clone(), version())));
                    }
                }
                Action::CreateUser { name, home, shell } => {
                    if let Fact::Known(users) = &mut self.facts.users {
                        let (name, home, shell) = (name.to_string(), home.clone(), shell.clone());
                        users.push(User { name, uid: 999, gid: 999, home, shell });
                    }
                }
                Action::MakeDirectory { path, mode, owner, group } => {
                    let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
                    let known = ["/opt", "/etc", "/var/lib", "/var/log"].contains(&parent);
                    assert!(known || self.paths.contains_key(parent), "{path} is made before its parent");
                    self.paths
                        .insert(path.clone(), PathState::Directory { mode: *mode, owner: ownership(owner, group) });
                }
                Action::Certificate { directory, names, .. } => {
                    for name in ["fullchain.pem", "privkey.pem"] {
                        self.write(&format!("{directory}/{name}"), 0o600, ("root", "root"), b"pem");
                    }
                    manifest.certificate = Some(CertificateRecord { names: names.clone(), expires: u64::MAX });
                }
                Action::WriteFile(file) => self.install(&file.path, files),
                Action::InstallNginx { files: nginx } => {
                    for file in nginx {
                        self.install(&file.path, files);
                    }
                }
                Action::RemoveFile { path, .. } => {
                    self.paths.remove(path);
                }
                _ => {}
            }
        }
        self.manifest = Some(manifest);
    }

    /// What the first steps of an uninstallation do to a host.
    fn uninstall(&mut self, plan: &Plan, steps: usize) {
        for step in plan.steps.iter().take(steps) {
            match &step.action {
                Action::RemoveNginx { files, .. } => self.paths.retain(|path, _| !files.contains_key(path)),
                Action::RemoveFile { path, .. } => {
                    assert!(self.paths.remove(path).is_some(), "{path} is removed and is not there");
                }
                Action::RemoveTrees { paths, .. } => {
                    let below = |path: &String, tree: &String| path == tree || path.starts_with(&format!("{tree}/"));
                    self.paths.retain(|path, _| !paths.iter().any(|tree| below(path, tree)));
                }
                Action::RemoveEmpty { paths } => {
                    for path in paths {
                        if !self.paths.keys().any(|other| other.starts_with(&format!("{path}/"))) {
                            self.paths.remove(path);
                        }
                    }
                }
                Action::RemoveUser { name } => {
                    if let Fact::Known(users) = &mut self.facts.users {
                        users.retain(|user| user.name != name.as_str());
                    }
                }
                Action::Forget => self.manifest = None,
                Action::RemoveLogs { directory, names } => {
                    let ours =
                        |path: &String| names.iter().any(|name| path.starts_with(&format!("{directory}/{name}")));
                    self.paths.retain(|path, _| !ours(path));
                }
                Action::StopUnits { .. } | Action::Units { .. } | Action::Phase { .. } => {}
                other => panic!("an uninstallation does {other:?}"),
            }
        }
    }

    fn install(&mut self, path: &str, files: &[WantedFile]) {
        let file = files.iter().find(|file| file.path == path).unwrap();
        let text = file.shown().to_owned();
        self.write(path, file.mode, (&file.owner, &file.group), text.as_bytes());
        if let Some(PathState::File { digest, .. }) = self.paths.get_mut(path) {
            digest.clone_from(&file.digest);
        }
    }

    fn write(&mut self, path: &str, mode: u32, owner: (&str, &str), bytes: &[u8]) {
        let state = PathState::File {
            mode,
            owner: ownership(owner.0, owner.1),
            size: bytes.len() as u64,
            digest: Digest::of(bytes),
            content: Some(FileBytes(bytes.to_vec())),
        };
        self.paths.insert(path.to_owned(), state);
    }
}

fn text(path: &str, text: &str) -> WantedFile {
    WantedFile {
        path: path.into(),
        mode: 0o644,
        owner: "root".into(),
        group: "root".into(),
        content: FileContent::Text { text: text.into() },
        digest: Digest::of(text.as_bytes()),
    }
}

fn secret(path: &str, masked: &str, value: &str) -> WantedFile {
    WantedFile {
        mode: 0o600,
        content: FileContent::Secret { masked: masked.into() },
        digest: Digest::of(value.as_bytes()),
        ..text(path, "")
    }
}

fn files() -> Vec<WantedFile> {
    vec![
        text("/etc/systemd/system/shop-web@.service", "[Service]\n"),
        secret("/etc/shop/environment", "KEY=•••••• (aa)\n", "KEY=hunter2\n"),
        text("/etc/nginx/conf.d/shop.conf", "server {}\n"),
    ]
}

fn blockers(plan: &Plan) -> Vec<&str> {
    plan.notices.iter().filter(|n| n.severity == Severity::Blocker).map(|n| n.text.as_str()).collect()
}

#[test]
fn what_a_plan_does_leaves_nothing_to_plan() {
    let (site, files) = (site(), files());
    let mut host = Model::bare();
    let first = host.plan(&site, &files, None);
    assert_eq!(blockers(&first), Vec::<&str>::new());
    host.apply(&first, &files);
    let second = host.plan(&site, &files, None);
    assert!(second.is_empty(), "{:#?}", second.steps);
    assert_eq!(first.id, Model::bare().plan(&site, &files, None).id, "planning is deterministic");
}

#[test]
fn a_set_up_that_ends_after_any_step_goes_on_there() {
    let (site, files) = (site(), files());
    let whole = Model::bare().plan(&site, &files, None);
    assert!(whole.steps.len() > 15, "{:#?}", whole.steps);
    for done in 0..=whole.steps.len() {
        let mut host = Model::bare();
        host.begin(&whole, &files, done);
        let rest = host.plan(&site, &files, None);
        assert_eq!(blockers(&rest), Vec::<&str>::new(), "after {done} steps");
        assert!(rest.drifted().next().is_none(), "after {done} steps its own work is taken for somebody else's");
        // What one program does together is done again together.
        let before: Vec<&str> = whole.steps.iter().take(done).map(|step| step.id.as_str()).collect();
        let again: Vec<&str> =
            rest.steps.iter().map(|step| step.id.as_str()).filter(|id| before.contains(id)).collect();
        assert!(again.iter().all(|id| *id == "units" || *id == "certificate"), "after {done} steps again: {again:?}");
        host.apply(&rest, &files);
        let nothing = host.plan(&site, &files, None);
        assert!(nothing.is_empty(), "after {done} steps: {:#?}", nothing.steps);
    }
}

#[test]
fn a_secret_never_gets_into_a_plan_not_even_when_it_leaves() {
    let (site, mut files) = (site(), files());
    let mut host = Model::bare();
    let first = host.plan(&site, &files, None);
    host.apply(&first, &files);
    host.write("/etc/shop/environment", 0o600, ("root", "root"), b"KEY=hunter2\n");
    files[1] = text("/etc/shop/environment", "PLAIN=1\n");
    let plan = host.plan(&site, &files, None);
    let json = serde_json::to_string(&plan).unwrap();
    assert!(!json.contains("hunter2"), "{json}");
    assert!(json.contains("PLAIN=1"), "{json}");
    assert!(!serde_json::to_string(&first).unwrap().contains("hunter2"));
}

#[test]
fn a_private_file_in_the_way_is_drift_and_not_shown() {
    let (site, files) = (site(), files());
    let mut host = Model::bare();
    host.write("/etc/nginx/conf.d/shop.conf", 0o600, ("root", "root"), b"password hunter2;\n");
    host.write("/etc/systemd/system/shop-web@.service", 0o644, ("root", "root"), b"[Service]\nExecStart=/old\n");
    let plan = host.plan(&site, &files, None);
    assert_eq!(plan.drifted().count(), 2);
    let json = serde_json::to_string(&plan).unwrap();
    assert!(!json.contains("hunter2") && json.contains("ExecStart=/old"), "{json}");
}

#[test]
fn what_could_not_be_seen_blocks() {
    let (site, files) = (site(), files());
    for spoil in [
        (|facts: &mut Facts| facts.listeners = Fact::Failed("no ss".into())) as fn(&mut Facts),
        |facts| facts.nginx_sites = Fact::Failed("unreadable".into()),
        |facts| facts.users = Fact::Failed("no getent".into()),
    ] {
        let mut host = Model::bare();
        spoil(&mut host.facts);
        assert_eq!(blockers(&host.plan(&site, &files, None)).len(), 1);
    }
}

#[test]
fn directories_of_somebody_else_are_not_taken_over() {
    let (site, files) = (site(), files());
    let mut host = Model::bare();
    let state = PathState::Directory { mode: 0o755, owner: ownership("root", "root") };
    host.paths.insert("/opt/shop".into(), state);
    assert!(blockers(&host.plan(&site, &files, None))[0].contains("/opt/shop is there already"));
}

#[test]
fn only_failed_releases_are_pruned_and_the_newest_of_them_stay() {
    let (site, files) = (site(), files());
    let mut host = Model::bare();
    let setup = host.plan(&site, &files, None);
    host.apply(&setup, &files);
    let id = |day: u32| format!("202611{day:02}T100000Z-aaaaaa");
    let mut ledger = String::new();
    for day in 1..=12 {
        let event = if day <= 6 { "good" } else { "failed" };
        ledger.push_str(&format!("{day} begin {0} x\n{day} {event} {0} x\n", id(day)));
    }
    host.ledger = Ledger::parse(&ledger);
    host.releases = (1..=12).map(|day| id(day).parse().unwrap()).collect();
    let plan = host.plan(&site, &files, Some(&release()));
    let pruned: Vec<String> = plan
        .steps
        .iter()
        .filter_map(|step| match &step.action {
            Action::Prune { releases, .. } => Some(releases.iter().map(ToString::to_string)),
            _ => None,
        })
        .flatten()
        .collect();
    assert_eq!(pruned, [id(9), id(8), id(7)], "three failed ones stay for inspection, and every good one");
}

#[test]
fn what_runs_that_were_cut_off_left_of_releases_is_removed() {
    let (site, files, mut host) = (site(), files(), Model::bare());
    let setup = host.plan(&site, &files, None);
    host.apply(&setup, &files);
    let new = release();
    host.unfinished = vec!["20261101T100000Z-aaaaaa".parse().unwrap(), new.record.id.clone()];
    let plan = host.plan(&site, &files, Some(&new));
    let step = plan.steps.iter().find(|step| step.id == "prune").unwrap();
    assert_eq!(step.title, "Remove 1 unfinished release");
    let Action::Prune { releases, unfinished } = &step.action else { panic!("{step:#?}") };
    assert!(releases.is_empty(), "{releases:?}");
    assert_eq!(unfinished, &host.unfinished[..1]);
    let commands = step.action.commands(&site.name, &Payloads::new()).unwrap().unwrap();
    assert_eq!(commands[0].argv, ["rm", "-rf", "--", "/opt/shop/releases/20261101T100000Z-aaaaaa.building"]);
}

#[test]
fn a_full_disk_blocks_a_build_before_it_begins() {
    let (site, files) = (site(), files());
    let mut host = Model::bare();
    let setup = host.plan(&site, &files, None);
    host.apply(&setup, &files);
    let disk = |mount: &str, free: u64| Disk {
        mount: mount.into(),
        source: "/dev/vda".into(),
        kind: "ext4".into(),
        size: 1 << 40,
        free,
        inodes: 0,
        inodes_free: 0,
    };
    // The disk that counts is the one of /opt, not the first or the largest.
    host.facts.disks = Fact::Known(vec![disk("/", 1 << 39), disk("/opt", 1 << 29)]);
    let blocked = host.plan(&site, &files, Some(&release()));
    assert!(blockers(&blocked)[0].contains("/opt has 512 MiB free"), "{:?}", blockers(&blocked));
    host.facts.disks = Fact::Known(vec![disk("/", 1 << 20), disk("/opt", 1 << 39)]);
    assert_eq!(blockers(&host.plan(&site, &files, Some(&release()))), Vec::<&str>::new());
}

fn release() -> NewRelease {
    let record = ReleaseRecord {
        id: "20261121T100000Z-aaaaaa".parse().unwrap(),
        source: ".".into(),
        reference: None,
        commit: None,
        subject: None,
        tree: Some(Digest::of(b"tree")),
        environment: None,
        config: Digest::of(b""),
        author: "ann@desk".into(),
        created: "2026-11-21T10:00:00Z".into(),
        code_of: None,
    };
    let origin = Origin::Upload { tree: Digest::of(b"tree"), files: 1, bytes: 1 };
    NewRelease { record, origin, lock: Digest::of(b""), requirements: vec![], gate: vec![] }
}

#[test]
fn a_deployment_needs_the_set_up() {
    let (site, files) = (site(), files());
    let mut host = Model::bare();
    let release = release();
    let early = host.plan(&site, &files, Some(&release));
    assert!(blockers(&early)[0].contains("is not set up"), "{:?}", blockers(&early));
    let setup = host.plan(&site, &files, None);
    host.apply(&setup, &files);
    let plan = host.plan(&site, &files, Some(&release));
    assert_eq!(blockers(&plan), Vec::<&str>::new());
    let kinds: Vec<&str> = plan.steps.iter().map(|step| step.id.as_str()).collect();
    assert_eq!(kinds[..3], ["source", "config", "seal"]);
    assert!(kinds[3].starts_with("activate:gate"));
}

#[test]
fn a_site_of_nothing_but_files_is_asked_through_nginx_too() {
    let pages = "schema = 1\nname = \"shop\"\ndomains = [\"shop.test\"]\n[source]\nfolder = \".\"\n\
                 [runtime]\nkind = \"static\"\n[[route]]\npath = \"/\"\nfiles = \".\"\n";
    let (site, files, mut host) = (parse(pages).unwrap().site, files(), Model::bare());
    let setup = host.plan(&site, &files, None);
    host.apply(&setup, &files);
    let plan = host.plan(&site, &files, Some(&release()));
    let front = plan.steps.iter().find_map(|step| match &step.action {
        Action::Activate(activation) => activation.front.clone(),
        _ => None,
    });
    assert_eq!(front, Some(("https://shop.test/".to_owned(), "shop.test:443:127.0.0.1".to_owned())));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn from_any_beginning_one_plan_is_enough(
        texts in prop::collection::vec("[a-z\n]{0,12}", 3),
        there in prop::collection::vec(prop::option::of("[a-z\n]{0,12}"), 3),
        directories in prop::collection::vec(any::<bool>(), 3),
    ) {
        let site = site();
        let wanted: Vec<WantedFile> =
            files().iter().zip(&texts).map(|(file, content)| text(&file.path, content)).collect();
        let mut host = Model::bare();
        for (file, content) in wanted.iter().zip(&there) {
            if let Some(content) = content {
                host.write(&file.path, 0o644, ("root", "root"), content.as_bytes());
            }
        }
        for (path, present) in ["/var/lib/slipway", "/etc/slipway", "/etc/slipway/tls"].iter().zip(&directories) {
            if *present {
                let owner = ownership("root", "root");
                host.paths.insert((*path).to_owned(), PathState::Directory { mode: 0o700, owner });
            }
        }
        let plan = host.plan(&site, &wanted, None);
        prop_assert_eq!(blockers(&plan), Vec::<&str>::new());
        host.apply(&plan, &wanted);
        let again = host.plan(&site, &wanted, None);
        prop_assert!(again.is_empty(), "{:#?}", again.steps);
    }

    #[test]
    fn wherever_runs_end_one_uninstallation_leaves_nothing_of_the_site(
        set_up in 0..40_usize,
        removed in 0..40_usize,
        data in any::<bool>(),
        edited in prop::option::of(0..3_usize),
    ) {
        let (site, files) = (site(), files());
        let mut host = Model::bare();
        let strangers = ["/etc/nginx/conf.d/other.conf", "/etc/shop/notes", "/opt/other/data"];
        for path in strangers {
            host.write(path, 0o644, ("root", "root"), b"theirs");
        }
        let setup = host.plan(&site, &files, None);
        host.begin(&setup, &files, set_up);
        if set_up >= setup.steps.len() {
            host.apply(&setup, &files);
        }
        let edited = edited.and_then(|at| files.get(at)).filter(|file| host.paths.contains_key(&file.path));
        if let Some(file) = edited {
            host.write(&file.path, 0o644, ("root", "root"), b"by hand");
        }
        let kept = "/opt/shop/shared/a/b/kept";
        if host.paths.contains_key("/opt/shop/shared") {
            host.write(kept, 0o644, ("shop", "shop"), b"data");
        }
        let had_data = host.paths.contains_key(kept);
        let first = host.plan_uninstall(&site, data);
        let json = serde_json::to_string(&first).unwrap();
        prop_assert!(!json.contains("hunter2"));
        if let (Some(file), true) = (edited, set_up >= setup.steps.len()) {
            let drifted: Vec<&str> = first.drifted().map(|step| step.id.as_str()).collect();
            prop_assert_eq!(drifted, [format!("remove:{}", file.path)]);
        }
        host.uninstall(&first, removed);
        let rest = host.plan_uninstall(&site, data);
        host.uninstall(&rest, rest.steps.len());
        let nothing = host.plan_uninstall(&site, data);
        prop_assert!(nothing.is_empty(), "{:#?}", nothing.steps);
        let shared = |path: &String| {
            ["/var/lib/slipway", "/etc/slipway", "/opt/shop/shared"].iter().any(|base| path.starts_with(base))
                || ["/opt/shop", "/etc/shop", "/var/log/shop"].contains(&path.as_str())
        };
        // What was there before a run that never wrote it was never Slipway's.
        let unfinished = |path: &String| edited.is_some_and(|file| &file.path == path) && set_up < setup.steps.len();
        let left: Vec<&String> = host
            .paths
            .keys()
            .filter(|path| !strangers.contains(&path.as_str()) && !shared(path) && !unfinished(path))
            .collect();
        prop_assert!(left.is_empty(), "{left:?}");
        prop_assert!(strangers.iter().all(|path| host.paths.contains_key(*path)));
        prop_assert_eq!(host.paths.contains_key(kept), had_data && !data);
        let user = host.facts.users.known().is_some_and(|users| !users.is_empty());
        prop_assert!(!(data && user));
    }
}
