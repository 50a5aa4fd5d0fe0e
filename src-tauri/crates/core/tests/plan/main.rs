//! Planning against a model of a host: what a plan does to the model must leave nothing to plan.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a broken assumption must stop a test")]

mod default_server;
mod model;
mod properties;
mod records;

use slipway_core::activation::Handover;
use slipway_core::digest::Digest;
use slipway_core::fact::Fact;
use slipway_core::facts::Facts;
use slipway_core::facts::paths::PathState;
use slipway_core::facts::storage::Disk;
use slipway_core::facts::system::Memory;
use slipway_core::plan::new_release::{NewRelease, Origin};
use slipway_core::plan::parcel::Parcel;
use slipway_core::plan::{Action, FileContent, Heading, Plan, ReleaseStep, Severity};
use slipway_core::release::{Layout, Ledger, ReleaseRecord};
use slipway_core::resource::file::File;
use slipway_core::resource::{Effect, Payloads};
use slipway_core::site::{Site, parse};

use model::{Aim, Model, ownership};

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
keep = "30d"
[config_file."deep/er/app.json"]
json = { x = 1 }
[logs]
directory = true
"#;

fn site() -> Site {
    site_of(SITE)
}

fn site_of(text: &str) -> Site {
    parse(text).map(|parsed| parsed.site).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

fn text(path: &str, text: &str) -> File {
    let effects = if path.contains("/systemd/") {
        vec![Effect::Systemd]
    } else if path.contains("/nginx/") {
        vec![Effect::Nginx]
    } else {
        vec![Effect::Processes]
    };
    File {
        path: path.into(),
        mode: 0o644,
        owner: "root".into(),
        group: "root".into(),
        content: FileContent::Text { text: text.into() },
        digest: Digest::of(text.as_bytes()),
        needs: vec![],
        outlived_by: vec![],
        effects,
        heading: Heading::Configuration,
    }
}

fn secret(path: &str, masked: &str, value: &str) -> File {
    File {
        mode: 0o600,
        content: FileContent::Secret { masked: masked.into() },
        digest: Digest::of(value.as_bytes()),
        ..text(path, "")
    }
}

fn files() -> Vec<File> {
    vec![
        text("/etc/systemd/system/shop-web@.service", "[Service]\n"),
        secret("/etc/shop/environment", "KEY=•••••• (aa)\n", "KEY=hunter2\n"),
        text("/etc/nginx/conf.d/shop.conf", "server {}\n"),
    ]
}

fn blockers(plan: &Plan) -> Vec<&str> {
    plan.notices.iter().filter(|n| n.severity == Severity::Blocker).map(|n| n.text.as_str()).collect()
}

fn live(host: &mut Model, site: &Site) {
    let layout = Layout::new(&site.name);
    let target = "releases/20261101T100000Z-aaaaaa".to_owned();
    host.paths.insert(layout.current(), PathState::Symlink { target, owner: ownership("root", "root") });
}

#[test]
fn what_a_plan_does_leaves_nothing_to_plan() {
    let (site, files) = (site(), files());
    let aim = Aim { site: &site, files: &files };
    let mut host = Model::bare();
    let first = host.plan(&aim);
    assert_eq!(blockers(&first), Vec::<&str>::new());
    host.run(&first, &files);
    let second = host.plan(&aim);
    assert!(second.is_empty(), "{:#?}", second.steps);
    assert_eq!(first.id, Model::bare().plan(&aim).id, "planning is deterministic");
}

#[test]
fn a_set_up_that_ends_after_any_step_goes_on_there_and_knows_what_it_brought() {
    let (site, files) = (site(), files());
    let aim = Aim { site: &site, files: &files };
    let whole = Model::bare().plan(&aim);
    assert!(whole.steps.len() > 15, "{:#?}", whole.steps);
    for done in 0..=whole.steps.len() {
        let mut host = Model::bare();
        let bare = host.traces();
        host.run_steps(&whole, &files, done);
        let rest = host.plan(&aim);
        assert_eq!(blockers(&rest), Vec::<&str>::new(), "after {done} steps");
        assert!(rest.drifted().next().is_none(), "after {done} steps its own work is taken for somebody else's");
        // What waits for an effect is put in place by it, so it is done again; so is the effect.
        let before: Vec<&str> = whole.steps.iter().take(done).map(|step| step.id.as_str()).collect();
        let again: Vec<&str> =
            rest.steps.iter().map(|step| step.id.as_str()).filter(|id| before.contains(id)).collect();
        let may = |id: &&str| id.starts_with("effect:") || id.contains(":/etc/nginx/");
        assert!(again.iter().all(may), "after {done} steps again: {again:?}");
        host.run(&rest, &files);
        let nothing = host.plan(&aim);
        assert!(nothing.is_empty(), "after {done} steps: {:#?}", nothing.steps);
        let leaving = host.plan_uninstall(&site, true);
        host.run(&leaving, &[]);
        let left: Vec<String> = host.traces().difference(&bare).cloned().collect();
        assert!(left.is_empty(), "a set-up that ended after {done} steps and was repeated leaves {left:?}");
    }
}

#[test]
fn a_secret_never_gets_into_a_plan_not_even_when_it_leaves() {
    let (site, mut files) = (site(), files());
    let mut host = Model::bare();
    let first = host.plan(&Aim { site: &site, files: &files });
    host.run(&first, &files);
    host.write("/etc/shop/environment", 0o600, ("root", "root"), b"KEY=hunter2\n");
    files[1] = text("/etc/shop/environment", "PLAIN=1\n");
    let plan = host.plan(&Aim { site: &site, files: &files });
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
    let plan = host.plan(&Aim { site: &site, files: &files });
    assert_eq!(plan.drifted().count(), 2);
    let json = serde_json::to_string(&plan).unwrap();
    assert!(!json.contains("hunter2") && json.contains("ExecStart=/old"), "{json}");
}

#[test]
fn what_could_not_be_seen_blocks() {
    let (site, files) = (site(), files());
    let spoiled = [
        (|facts: &mut Facts| facts.listeners = Fact::Failed("no ss".into())) as fn(&mut Facts),
        |facts| facts.nginx_sites = Fact::Failed("unreadable".into()),
        |facts| facts.users = Fact::Failed("no getent".into()),
    ];
    for spoil in spoiled {
        let mut host = Model::bare();
        spoil(&mut host.facts);
        let plan = host.plan(&Aim { site: &site, files: &files });
        assert_eq!(blockers(&plan).len(), 1, "{:#?}", plan.notices);
    }
}

#[test]
fn directories_of_somebody_else_are_not_taken_over() {
    let (site, files) = (site(), files());
    let mut host = Model::bare();
    let state = PathState::Directory { mode: 0o755, owner: ownership("root", "root") };
    host.paths.insert("/opt/shop".into(), state);
    let plan = host.plan(&Aim { site: &site, files: &files });
    assert!(blockers(&plan)[0].contains("/opt/shop is there already"));
}

#[test]
fn what_must_run_is_started_again() {
    let (site, files) = (site(), files());
    let aim = Aim { site: &site, files: &files };
    let mut host = Model::bare();
    let setup = host.plan(&aim);
    host.run(&setup, &files);
    let nginx = host.units.get_mut("nginx.service").unwrap();
    (nginx.active, nginx.enabled) = (false, false);
    host.units.get_mut("shop.target").unwrap().enabled = false;
    let plan = host.plan(&aim);
    let told: Vec<(&str, &str)> = plan.steps.iter().map(|step| (step.title.as_str(), step.reason.as_str())).collect();
    assert_eq!(told[0].0, "Let shop.target start at boot");
    assert_eq!(told[1], ("Start nginx.service, also at boot", "it serves the site; it was stopped on the host"));
    assert!(blockers(&host.plan_deploy(&aim, &release()))[0].contains("Start nginx.service"));
    host.run(&plan, &files);
    assert!(host.plan(&aim).is_empty());
    host.units.get_mut("nginx.service").unwrap().masked = true;
    host.units.get_mut("nginx.service").unwrap().active = false;
    assert!(blockers(&host.plan(&aim))[0].contains("nginx.service is masked"));
}

#[test]
fn files_age_away_where_the_site_file_says_so_and_no_longer_when_it_does_not() {
    let (with, files, mut host) = (site(), files(), Model::bare());
    let setup = host.plan(&Aim { site: &with, files: &files });
    host.run(&setup, &files);
    let path = "/etc/tmpfiles.d/slipway-shop.conf";
    let PathState::File { content, .. } = &host.paths[path] else { panic!() };
    let text = String::from_utf8(content.clone().unwrap().0).unwrap();
    assert!(text.ends_with("\nd /opt/shop/shared/a/b - - - 2592000s\n"), "{text}");
    host.write(path, 0o644, ("root", "root"), b"d /srv - - - 1d\n");
    let drift = host.plan(&Aim { site: &with, files: &files });
    assert_eq!(drift.drifted().count(), 1, "{:#?}", drift.steps);
    host.run(&drift, &files);
    let without = site_of(&SITE.replace("keep = \"30d\"\n", ""));
    let plan = host.plan(&Aim { site: &without, files: &files });
    assert_eq!(plan.steps.iter().map(|step| step.title.as_str()).collect::<Vec<_>>(), [format!("Remove {path}")]);
    host.run(&plan, &files);
    assert!(!host.paths.contains_key(path) && host.paths.contains_key("/opt/shop/shared/a/b"));
    assert!(host.plan(&Aim { site: &without, files: &files }).is_empty());
}

#[test]
fn only_failed_releases_are_pruned_and_the_newest_of_them_stay() {
    let (site, files) = (site(), files());
    let aim = Aim { site: &site, files: &files };
    let mut host = Model::bare();
    let setup = host.plan(&aim);
    host.run(&setup, &files);
    let id = |day: u32| format!("202611{day:02}T100000Z-aaaaaa");
    let mut ledger = String::new();
    for day in 1..=12 {
        let event = if day <= 6 { "good" } else { "failed" };
        ledger.push_str(&format!("{day} begin {0} x\n{day} {event} {0} x\n", id(day)));
    }
    host.ledger = Ledger::parse(&ledger);
    host.releases = (1..=12).map(|day| id(day).parse().unwrap()).collect();
    let plan = host.plan_deploy(&aim, &release());
    let step = plan.steps.iter().find(|step| step.id == "prune").unwrap();
    let Some(ReleaseStep::Prune { releases, .. }) = step.release_step() else { panic!("{step:#?}") };
    let pruned: Vec<String> = releases.iter().map(ToString::to_string).collect();
    assert_eq!(pruned, [id(9), id(8), id(7)], "three failed ones stay for inspection, and every good one");
}

#[test]
fn what_runs_that_were_cut_off_left_of_releases_is_removed() {
    let (site, files, mut host) = (site(), files(), Model::bare());
    let aim = Aim { site: &site, files: &files };
    let setup = host.plan(&aim);
    host.run(&setup, &files);
    let new = release();
    host.unfinished = vec!["20261101T100000Z-aaaaaa".parse().unwrap(), new.record.id.clone()];
    let plan = host.plan_deploy(&aim, &new);
    let step = plan.steps.iter().find(|step| step.id == "prune").unwrap();
    assert_eq!(step.title, "Remove 1 unfinished release");
    let Some(prune @ ReleaseStep::Prune { releases, unfinished }) = step.release_step() else { panic!("{step:#?}") };
    assert!(releases.is_empty(), "{releases:?}");
    assert_eq!(unfinished, &host.unfinished[..1]);
    let commands = prune.commands(&Layout::new(&site.name), &Payloads::new()).unwrap().unwrap();
    assert_eq!(commands[0].argv, ["rm", "-rf", "--", "/opt/shop/releases/20261101T100000Z-aaaaaa.building"]);
}

#[test]
fn a_full_disk_blocks_a_build_before_it_begins() {
    let (site, files) = (site(), files());
    let aim = Aim { site: &site, files: &files };
    let mut host = Model::bare();
    let setup = host.plan(&aim);
    host.run(&setup, &files);
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
    let blocked = host.plan_deploy(&aim, &release());
    assert!(blockers(&blocked)[0].contains("/opt has 512 MiB free"), "{:?}", blockers(&blocked));
    host.facts.disks = Fact::Known(vec![disk("/", 1 << 20), disk("/opt", 1 << 39)]);
    assert_eq!(blockers(&host.plan_deploy(&aim, &release())), Vec::<&str>::new());
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
    let parcel = Parcel { from: "/home/ann/shop".into(), ..Parcel::default() };
    let origin = Origin::Upload { tree: Digest::of(b"tree"), files: 1, bytes: 1, parcel };
    NewRelease { record, origin, lock: Digest::of(b""), requirements: vec![], gate: vec![], guard: None }
}

#[test]
fn a_deployment_needs_the_set_up() {
    let (site, files) = (site(), files());
    let aim = Aim { site: &site, files: &files };
    let mut host = Model::bare();
    let release = release();
    let early = host.plan_deploy(&aim, &release);
    assert!(blockers(&early)[0].contains("is not set up"), "{:?}", blockers(&early));
    let setup = host.plan(&aim);
    host.run(&setup, &files);
    let plan = host.plan_deploy(&aim, &release);
    assert_eq!(blockers(&plan), Vec::<&str>::new());
    let kinds: Vec<&str> = plan.steps.iter().map(|step| step.id.as_str()).collect();
    assert_eq!(kinds, ["source", "config", "seal", "activate"]);
    assert_eq!(plan.steps[3].parts[0].key, "gate:web");
}

#[test]
fn a_plan_says_where_the_source_is_from_what_stays_here_and_what_looks_private() {
    let (site, files) = (site(), files());
    let mut release = release();
    let parcel = Parcel {
        from: "/home/ann/shop".into(),
        left_out: [".env", ".git/"].into_iter().collect(),
        doubtful: ["a.key", "shop.db"].into_iter().collect(),
    };
    release.origin = Origin::Upload { tree: Digest::of(b"tree"), files: 1, bytes: 1, parcel };
    let plan = Model::bare().plan_deploy(&Aim { site: &site, files: &files }, &release);
    let source = plan.steps.iter().find(|step| step.id == "source").unwrap();
    assert_eq!(source.reason, "from /home/ann/shop on this computer");
    let about = source.release_step().unwrap().about().0.join("; ");
    assert!(about.ends_with("2 left out, never sent: .env, .git/"), "{about}");
    let warned = plan.notices.iter().find(|notice| notice.text.contains("a.key, shop.db")).unwrap();
    assert_eq!(warned.severity, Severity::Warning);
}

#[test]
fn a_release_that_starts_beside_another_needs_memory_for_it() {
    let (site, files) = (site(), files());
    let aim = Aim { site: &site, files: &files };
    let mut host = Model::bare();
    let setup = host.plan(&aim);
    host.run(&setup, &files);
    live(&mut host, &site);
    let records = host.written.get_mut(&site.name).unwrap();
    let text = records.manifest.known().unwrap();
    let mut manifest: serde_json::Value = serde_json::from_str(text).unwrap();
    manifest["instances"] = serde_json::json!([
        {"unit": "shop-web@5000.service", "socket": null, "port": 5000, "slot": "shop-web.5000"}
    ]);
    records.manifest = Fact::Known(manifest.to_string());
    host.memory.insert("shop-web@5000.service".into(), 300 << 20);
    let mut planned = |available: u64| {
        host.facts.memory = Fact::Known(Memory { total: 1 << 30, available, swap_total: 0, swap_free: 0 });
        host.plan_deploy(&aim, &release())
    };
    let enough = planned(400 << 20);
    assert_eq!(blockers(&enough), Vec::<&str>::new());
    assert_eq!(enough.activation().unwrap().handover, Handover::Together);
    let short = planned(200 << 20);
    assert!(blockers(&short)[0].contains("not enough memory free for a second shop-web@5000.service"), "{short:#?}");
}

#[test]
fn a_changed_file_of_a_live_site_waits_for_its_release_and_its_effect_is_told() {
    let (site, mut files) = (site(), files());
    let mut host = Model::bare();
    let setup = host.plan(&Aim { site: &site, files: &files });
    host.run(&setup, &files);
    live(&mut host, &site);
    files[2] = text("/etc/nginx/conf.d/shop.conf", "server { listen 443; }\n");
    let mut release = release();
    release.origin = Origin::Release("20261101T100000Z-aaaaaa".parse().unwrap());
    let plan = host.plan_reconfigure(&Aim { site: &site, files: &files }, &release);
    let activation = plan.activation().unwrap();
    assert!(activation.follows.contains(&Effect::Nginx));
    let told = slipway_core::plan::summary::summary(&plan);
    assert!(told.restarts.iter().any(|line| line.contains("nginx reloads")), "{told:#?}");
    let changed: Vec<&str> =
        plan.steps.iter().filter(|step| step.diff.is_some()).map(|step| step.id.as_str()).collect();
    assert_eq!(changed, ["file:/etc/nginx/conf.d/shop.conf"]);
    assert!(!plan.steps.iter().any(|step| matches!(step.action, Action::Effect { .. })));
}

#[test]
fn a_site_of_nothing_but_files_is_asked_through_nginx_too() {
    let pages = "schema = 1\nname = \"shop\"\ndomains = [\"shop.test\"]\n[source]\nfolder = \".\"\n\
                 [runtime]\nkind = \"static\"\n[[route]]\npath = \"/\"\nfiles = \".\"\n";
    let (site, files, mut host) = (site_of(pages), files(), Model::bare());
    let aim = Aim { site: &site, files: &files };
    let setup = host.plan(&aim);
    host.run(&setup, &files);
    let plan = host.plan_deploy(&aim, &release());
    let front = plan.activation().and_then(|activation| activation.front.clone());
    let front = front.map(|front| (front.url, front.resolve));
    assert_eq!(front, Some(("https://shop.test/".to_owned(), "shop.test:443:127.0.0.1".to_owned())));
}
