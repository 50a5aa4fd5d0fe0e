//! What the page of a site shows and does: branches and commits, releases side by side, services, the certificate,
//! runs that go on by themselves.

use std::process::Command;
use std::sync::Arc;

use slipway_core::diff::FileKind;
use slipway_core::event::VerdictKind::{FailedIntact, Succeeded};
use slipway_core::event::{Event, EventKind};
use slipway_core::plan::summary::summary;
use slipway_core::progress::View;
use slipway_engine::desk::runs::Consent;
use slipway_engine::failure::Code;
use slipway_engine::going::{ActiveRuns, RunState};
use slipway_engine::refs::{Freshness, commits, refs};
use slipway_engine::service::{Action, Target, act};
use slipway_engine::site::Request;
use slipway_engine::site_file::SiteFile;
use slipway_engine::watch::{Drift, certificate, status};
use slipway_engine::{compare, observe};
use slipway_tests::hosts::Host;

use crate::support::outside::{Poller, get, instances};
use crate::support::{DEPLOY, SECRET_KEY, TestDesk, parlour_site, secrets, tests_folder};
use crate::{boot, failed, hall, inside, words};

/// A message with everything that a reader could trip over.
const HOSTILE: &str = "@end <b>bold</b> \u{1b}[31mred";

/// Puts a repository on the host itself, which only the login `deploy` may read.
fn repository(desk: &TestDesk, host: &Host) {
    let place = desk.folder.path().join("repository");
    let run = |command: &mut Command| {
        let output = command.output().unwrap();
        assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    run(Command::new(tests_folder().join("apps/parlour/assemble-git")).arg(&place));
    let git = |arguments: &[&str]| {
        run(Command::new("git")
            .args(["-c", "user.name=Zoë", "-c", "user.email=z@example.com"])
            .arg("-C")
            .arg(&place)
            .args(arguments));
    };
    git(&["branch", "steady", "v2"]);
    git(&["commit", "-q", "--allow-empty", "-m", HOSTILE]);
    git(&["bundle", "create", "-q", "../all.bundle", "--all"]);
    host.write_file("/srv/all.bundle", std::fs::read(desk.folder.path().join("all.bundle")).unwrap()).unwrap();
    inside(
        host,
        "install -d -o deploy -m 0700 /srv/parlour.git && cd /srv && chmod 0644 all.bundle && \
         setpriv --reuid=deploy --regid=deploy --clear-groups env HOME=/tmp git clone -q --bare --mirror all.bundle parlour.git",
    );
}

fn git_site(desk: &TestDesk, host: &Host, more: &str) -> SiteFile {
    let source = format!(
        "git = \"ssh://deploy@{}/srv/parlour.git\"\ndeploy_key = \"DEPLOY_KEY\"\ngit_known_hosts = [\"{}\"]",
        host.address(),
        host.known_hosts_line()
    );
    let more = format!("{more}[secret.DEPLOY_KEY]\n");
    desk.site(&parlour_site("v1", &more).replace("folder = \"v1\"", &source))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_git_site_from_its_page() {
    let Some(host) = boot() else { return };
    let mut desk = TestDesk::new(&host, "root");
    let key = std::fs::read_to_string(host.client_key()).unwrap();
    desk.desk.secrets = secrets(&[("SECRET_KEY", SECRET_KEY), ("DEPLOY_KEY", &key)]);
    let file = git_site(&desk, &host, "");
    let link = desk.link().await;
    let supplies = desk.desk.supplies(&file).await.unwrap();
    let asked = || desk.desk.asked().unwrap();
    let failure = failed(refs(&link, &file.site, &asked(), &supplies).await, Code::Blocked);
    assert!(words(&failure).contains("slipway apply"), "{failure:#?}");

    desk.expect(Succeeded, &file, &Request::Apply).await;
    repository(&desk, &host);
    let deploy = |reference: &str| Request::Deploy { reference: Some(reference.to_owned()) };
    desk.expect(Succeeded, &file, &deploy("v1")).await;

    // Branches, tags and what a deployment would bring.
    let seen = refs(&link, &file.site, &asked(), &supplies).await.unwrap();
    let names = |list: &[slipway_engine::refs::Ref]| list.iter().map(|one| one.name.clone()).collect::<Vec<_>>();
    assert_eq!((names(&seen.branches), seen.default.as_deref()), (vec!["main".into(), "steady".into()], Some("main")));
    assert_eq!((seen.tags.len(), seen.branches[0].subject.as_str(), seen.more), (6, HOSTILE, false));
    let of = |name: &str| seen.tags.iter().find(|tag| tag.name == name).unwrap().commit.clone();
    let fetched = Freshness::Fetch(&supplies);
    let coming = commits(&link, &file.site, Some(&of("v1")), "main", 50, &asked(), fetched).await.unwrap();
    assert_eq!((coming.commits.len(), coming.total, coming.leaving, coming.known), (6, 6, 0, true));
    assert_eq!((coming.commits[0].subject.as_str(), coming.commits[0].author.as_str()), (HOSTILE, "Zoë"));
    let back = commits(&link, &file.site, Some(&of("v3")), "v1", 50, &asked(), Freshness::AsIs).await.unwrap();
    assert_eq!((back.commits.len(), back.leaving), (0, 2));
    let failure = failed(commits(&link, &file.site, None, "v99", 5, &asked(), fetched).await, Code::Host);
    assert!(words(&failure).contains("v99"), "{failure:#?}");
    assert_eq!(inside(&host, "ls /run/slipway"), "mutex\n", "a look left something behind");

    // Two releases side by side.
    let file = git_site(&desk, &host, "[limits]\nbody = \"3M\"\n");
    desk.expect(Succeeded, &file, &Request::Apply).await;
    desk.expect(Succeeded, &file, &deploy("v2")).await;
    let facts = observe::facts(&*link.connection().await).await.unwrap();
    let manifest = observe::manifest(link.name(), &facts, &file.site.name).unwrap();
    let releases = slipway_engine::watch::releases(&link, &file.site.name).await.unwrap();
    let [v2, configured, v1] = releases.as_slice() else { panic!("{releases:#?}") };
    let told = compare::compare(&link, &file.site, manifest.as_ref(), &v1.id, &v2.id, &asked()).await.unwrap();
    println!("{told:#?}");
    let log = told.commits.unwrap();
    assert_eq!((log.commits.len(), log.leaving, told.no_commits), (1, 0, None));
    assert!(told.code.iter().any(|change| change.path == "version.py" || change.path.ends_with(".py")));
    let nginx = told.configuration.iter().find(|file| file.path.starts_with("/etc/nginx/")).unwrap();
    assert!(nginx.kind == FileKind::Change && nginx.unified.contains("client_max_body_size"), "{nginx:#?}");
    // Only the configuration is new: the code is the same files.
    let told = compare::compare(&link, &file.site, manifest.as_ref(), &v1.id, &configured.id, &asked()).await.unwrap();
    assert!(told.code.is_empty() && !told.configuration.is_empty(), "{:#?}", told.code);

    // A secret that changed: that it did is told, and nothing else.
    inside(&host, &format!("echo SECRET_KEY=hunter2 >/opt/parlour/releases/{}/config/etc/parlour/environment", v1.id));
    let told = compare::compare(&link, &file.site, manifest.as_ref(), &v1.id, &v2.id, &asked()).await.unwrap();
    let secret = told.configuration.iter().find(|file| file.path == "/etc/parlour/environment").unwrap();
    assert!(secret.secret && secret.old.is_none() && secret.new.is_none(), "{secret:#?}");
    assert!(!format!("{told:?}").contains("hunter2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn services_and_the_certificate() {
    let Some(host) = boot() else { return };
    let desk = TestDesk::new(&host, "root");
    let file = desk.first_release().await;
    let link = desk.link().await;
    let site = &file.site.name;
    let service = async |action, target: Target| act(&link, site, action, &target, &desk.desk.asked().unwrap()).await;
    let unit = |name: &str| Target::Unit { unit: name.to_owned() };
    let pids = || inside(&host, "systemctl show -p MainPID --value 'parlour-web.500*'");

    // One after the other, and nobody notices.
    let before = pids();
    let poller = Poller::start(&host);
    let report = service(Action::Restart, Target::Site).await.unwrap();
    poller.finish();
    assert!(report.good && report.complaints.is_empty(), "{report:#?}");
    assert!(before.split_whitespace().all(|pid| !pids().contains(pid)), "not every instance was restarted");
    assert!(report.running.units.iter().all(|unit| unit.port.is_some() && unit.active_for_s.is_some()), "{report:#?}");

    // Stopped is stopped, also when somebody asks; and back.
    let report = service(Action::Stop, Target::Site).await.unwrap();
    assert!(report.good, "{report:#?}");
    assert!((502..=503).contains(&get(&host, "/version").status));
    assert_eq!(pids().trim(), "");
    assert!(service(Action::Start, Target::Site).await.unwrap().good);
    instances(&host, 2);
    assert!(service(Action::Restart, unit("parlour-web@5001")).await.unwrap().good);
    assert!(service(Action::Disable, Target::Site).await.unwrap().good);
    assert_eq!(service(Action::Status, Target::Site).await.unwrap().at_boot, "disabled");
    assert!(service(Action::Enable, Target::Site).await.unwrap().good);

    // Nothing that is not the site's.
    for strange in ["ssh.service", "nginx.service", "--all"] {
        failed(service(Action::Stop, unit(strange)).await, Code::Usage);
    }
    assert!(service(Action::Test, Target::Nginx).await.unwrap().good);
    assert!(service(Action::Reload, Target::Nginx).await.unwrap().good);
    inside(&host, "echo 'nonsense;' >/etc/nginx/conf.d/zz.conf");
    let report = service(Action::Reload, Target::Nginx).await.unwrap();
    assert!(!report.good && report.complaints.concat().contains("nonsense"), "{report:#?}");
    inside(&host, "rm /etc/nginx/conf.d/zz.conf");
    let log = inside(&host, "cat /var/lib/slipway/parlour/audit.jsonl");
    assert!(log.contains("\"verb\":\"restart parlour\"") && log.contains("\"verb\":\"reload nginx\""), "{log}");
    assert_eq!(inside(&host, "ls /run/slipway"), "mutex\n", "something was left behind");

    // Status with its details, and the certificate as served.
    let facts = observe::facts(&*link.connection().await).await.unwrap();
    let seen = status(&link, &facts, site).await.unwrap();
    assert!(seen.units_healthy && seen.front.as_deref() == Some("200") && seen.front_ms.is_some(), "{seen:#?}");
    assert!(seen.running.units.iter().all(|unit| unit.cpu_ns.is_some()), "{seen:#?}");
    let served = certificate::served(&link, &facts, site).await.unwrap().unwrap();
    println!("{served:#?}");
    let known = served.served.clone().expect("nginx shows a certificate");
    assert!(known.self_signed && known.names == ["parlour.test"] && served.names_it && !served.differs);
    inside(
        &host,
        "cd /etc/slipway/tls/parlour && openssl req -x509 -newkey rsa:2048 -nodes -keyout privkey.pem -out fullchain.pem -days 9 -subj /CN=other.test",
    );
    let served = certificate::served(&link, &facts, site).await.unwrap().unwrap();
    assert!(served.differs && served.served == Some(known), "{served:#?}");

    // What somebody changed by hand.
    inside(&host, "echo '# mine' >>/etc/nginx/conf.d/parlour.conf");
    let drift: Drift = desk.desk.drift(link.clone(), &file).await.unwrap();
    let [row] = drift.by_hand.as_slice() else { panic!("{drift:#?}") };
    assert!(row.files[0].unified.contains("-# mine"), "{row:#?}");
}

async fn everything(going: &ActiveRuns, id: slipway_engine::history::RunId) -> Vec<Event> {
    let mut watch = going.watch(id).unwrap();
    let mut events = Vec::new();
    while let Some(batch) = watch.next().await.unwrap() {
        events.extend(batch);
    }
    events
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_goes_on_by_itself_and_is_stopped() {
    let Some(host) = boot() else { return };
    let TestDesk { desk, folder, host: name, credentials } = TestDesk::new(&host, "root");
    let desk = Arc::new(desk);
    let going = ActiveRuns::new(desk.clone());
    let test = TestDesk { desk: second_desk(&folder), folder, host: name, credentials };
    let file = hall::file(&test, hall::BUILD);
    let apply = test.plan(&file, &Request::Apply).await;
    let told = summary(&apply.plan);
    assert!(told.counts.create > 0 && !told.noticeable, "{told:#?}");
    assert_eq!(told.restarts, ["nginx.service starts", "nginx reloads; it drops no connection"]);
    let id = going.start(Arc::new(apply), file.clone(), Consent::default()).await.unwrap();
    let events = everything(&going, id).await;
    assert_eq!(View::of(&events).verdict.unwrap().kind, Succeeded);

    // One that waits is watched from its beginning by two, and stopped.
    let planned = test.plan(&file, &DEPLOY).await;
    let stale = test.plan(&file, &DEPLOY).await;
    let id = going.start(Arc::new(planned), file.clone(), Consent::default()).await.unwrap();
    assert_eq!(desk.past_run(id).unwrap().state, RunState::UnderWay);
    let failure = failed(going.start(Arc::new(stale), file.clone(), Consent::default()).await, Code::Locked);
    assert!(words(&failure).contains("deploy hall"), "{failure:#?}");
    let mut watch = going.watch(id).unwrap();
    let mut view = View::default();
    let building = |view: &View| view.current.is_some_and(|at| view.steps[at].title.starts_with("Run sh"));
    while !building(&view) {
        watch.next().await.unwrap().expect("it goes on").iter().for_each(|event| view.apply(event));
    }
    let active = going.active();
    assert_eq!((active.len(), active[0].id, active[0].verb, active[0].cancelling), (1, id, "deploy", false));
    going.cancel(id).unwrap();
    let events = everything(&going, id).await;
    assert!(matches!(events[0].kind, EventKind::Started { .. }));
    assert_eq!(View::of(&events).verdict.unwrap().kind, FailedIntact);
    assert!(going.active().is_empty());
    assert_eq!(desk.past_run(id).unwrap().state, RunState::Ended);

    // A host that moved on is told as data.
    let planned = test.plan(&file, &Request::Apply).await;
    inside(&host, "chmod 0700 /etc/hall 2>/dev/null || chmod 0700 /opt/hall");
    let failure = failed(going.start(Arc::new(planned), file, Consent::default()).await, Code::Stale);
    assert!(failure.moved.iter().any(|moved| moved.now.contains("0700")), "{failure:#?}");
}

/// A second desk on the same local folder, as a second process would have.
fn second_desk(folder: &tempfile::TempDir) -> slipway_engine::desk::Desk {
    use slipway_engine::desk::Desk;
    use slipway_engine::surroundings::Surroundings;
    let variables = std::collections::BTreeMap::from([("SLIPWAY_HOME".into(), folder.path().join("home").into())]);
    let surroundings = Surroundings { variables, operator: "tester@desk".to_owned() };
    let store = secrets(&[("SECRET_KEY", SECRET_KEY)]);
    Desk::open(surroundings, store, Arc::new(slipway_engine::clock::System)).unwrap()
}
