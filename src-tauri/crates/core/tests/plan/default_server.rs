//! Who answers requests for names that no site has.

use slipway_core::fact::Fact;
use slipway_core::facts::nginx_sites::{ListenDirective, ServerBlock};
use slipway_core::facts::paths::PathState;
use slipway_core::plan::{Plan, Severity};
use slipway_core::resource::Risk;
use slipway_core::resource::file::File;
use slipway_core::site::Site;

use crate::model::{Aim, Model, ownership};
use crate::{SITE, blockers, files, live, site, site_of};

const PLAIN: &str = "/etc/nginx/conf.d/00-slipway-default-80.conf";
const TLS: &str = "/etc/nginx/conf.d/00-slipway-default-443.conf";

/// Another site of the host, and its files; `more` goes in front of its tables.
fn other(more: &str) -> (Site, Vec<File>) {
    let text = SITE.replace("shop", "blog").replace("5000", "6000").replace("domains = [\"blog.test\"]", more);
    let renamed = files().into_iter().map(|file| File { path: file.path.replace("shop", "blog"), ..file });
    (site_of(&text), renamed.collect())
}

fn named(more: &str) -> (Site, Vec<File>) {
    other(&format!("domains = [\"blog.test\"]\n{more}"))
}

fn steps(plan: &Plan) -> Vec<&str> {
    plan.steps.iter().map(|step| step.id.as_str()).collect()
}

fn set_up(host: &mut Model, (site, files): &(Site, Vec<File>)) {
    let aim = Aim { site, files };
    let plan = host.plan(&aim);
    assert_eq!(blockers(&plan), Vec::<&str>::new());
    host.run(&plan, files);
    assert!(host.plan(&aim).is_empty());
}

fn leave(host: &mut Model, site: &Site) -> Plan {
    let plan = host.plan_uninstall(site, true);
    host.run(&plan, &[]);
    plan
}

/// nginx has one more server block, on these addresses and ports, with `default_server` or without.
pub(crate) fn serves(host: &mut Model, file: &str, names: &[&str], listens: &[(&str, u16, bool)]) {
    let listen = |&(address, port, default_server): &(&str, u16, bool)| ListenDirective {
        address: address.to_owned(),
        port: Some(port),
        tls: port == 443,
        default_server,
    };
    let Fact::Known(sites) = &mut host.facts.nginx_sites else { panic!() };
    sites.servers.push(ServerBlock {
        file: file.to_owned(),
        line: 7,
        names: names.iter().map(|&name| name.to_owned()).collect(),
        listens: listens.iter().map(listen).collect(),
    });
}

fn told(plan: &Plan, severity: Severity, part: &str) -> bool {
    plan.notices.iter().any(|notice| notice.severity == severity && notice.text.contains(part))
}

#[test]
fn each_port_has_one_for_as_long_as_a_site_uses_it() {
    let mut host = Model::bare();
    let (encrypted, plain) = ((site(), files()), named("[tls]\nmode = \"none\""));
    set_up(&mut host, &plain);
    assert!(host.paths.contains_key(PLAIN) && !host.paths.contains_key(TLS), "nobody needs port 443 yet");
    set_up(&mut host, &encrypted);
    assert!(host.paths.contains_key(TLS));
    assert!(host.plan(&Aim { site: &plain.0, files: &plain.1 }).is_empty());
    // What came while a site was there is taken to be used by it, until its own next plan.
    leave(&mut host, &encrypted.0);
    set_up(&mut host, &plain);
    assert!(host.paths.contains_key(PLAIN) && !host.paths.contains_key(TLS));
    let leaving = leave(&mut host, &plain.0);
    let gone = leaving.steps.iter().find(|step| step.id == format!("remove:{PLAIN}")).unwrap();
    assert_eq!((gone.risk, gone.reason.as_str()), (Risk::None, "no site of Slipway needs it any more"));
    assert!(!host.paths.contains_key(PLAIN));
}

#[test]
fn one_of_two_sites_leaves_it_to_the_other() {
    let mut host = Model::bare();
    let (one, two) = ((site(), files()), named(""));
    set_up(&mut host, &one);
    set_up(&mut host, &two);
    leave(&mut host, &one.0);
    assert!(host.paths.contains_key(PLAIN) && host.paths.contains_key(TLS));
    assert!(host.plan(&Aim { site: &two.0, files: &two.1 }).is_empty());
    // Without encryption, it no longer uses one of them.
    let (open, its_files) = named("[tls]\nmode = \"none\"");
    let plan = host.plan(&Aim { site: &open, files: &its_files });
    assert!(steps(&plan).contains(&format!("remove:{TLS}").as_str()), "{:?}", steps(&plan));
    host.run(&plan, &its_files);
    assert!(host.paths.contains_key(PLAIN) && !host.paths.contains_key(TLS));
}

#[test]
fn a_live_site_of_the_version_before_gets_it_without_a_release() {
    let mut host = Model::bare();
    let (site, files) = (site(), files());
    let aim = Aim { site: &site, files: &files };
    set_up(&mut host, &(site.clone(), files.clone()));
    live(&mut host, &site);
    host.run(&host.plan(&aim), &files);
    host.paths.retain(|path, _| !path.contains("/00-slipway-default-"));
    let text = host.host_record.known().unwrap();
    let mut record: serde_json::Value = serde_json::from_str(text).unwrap();
    record["resources"].as_object_mut().unwrap().retain(|id, _| !id.starts_with("default-server:"));
    host.host_record = Fact::Known(record.to_string());
    let plan = host.plan(&aim);
    let expected = [format!("default-server:{PLAIN}"), format!("default-server:{TLS}"), "effect:nginx".to_owned()];
    assert_eq!(steps(&plan), expected);
    assert!(told(&plan, Severity::Info, "refuses requests for names that no site has"), "{:#?}", plan.notices);
    host.run(&plan, &files);
    let nothing = host.plan(&aim);
    assert!(nothing.is_empty() && nothing.notices.is_empty(), "{:#?}", nothing.notices);
    // Where somebody else serves, too, that is more than good to know.
    let mut mixed = Model::bare();
    serves(&mut mixed, "/etc/nginx/conf.d/theirs.conf", &["theirs.test"], &[("*", 443, false)]);
    assert!(told(&mixed.plan(&aim), Severity::Warning, "somebody else's server answered so far"));
}

#[test]
fn what_somebody_did_to_it_is_found() {
    let mut host = Model::bare();
    let (site, files) = (site(), files());
    let aim = Aim { site: &site, files: &files };
    set_up(&mut host, &(site.clone(), files.clone()));
    host.write(PLAIN, 0o644, ("root", "root"), b"# mine\n");
    host.paths.remove(TLS);
    let plan = host.plan(&aim);
    assert_eq!(plan.drifted().map(|line| line.id()).collect::<Vec<_>>(), [format!("default-server:{PLAIN}")]);
    let removed = plan.steps.iter().find(|step| step.id.ends_with(TLS)).unwrap();
    assert_eq!(removed.reason, "it was removed from the host by hand");
    host.run(&plan, &files);
    assert!(host.plan(&aim).is_empty());
    // A link there switches it off.
    let target = "/dev/null".to_owned();
    host.paths.insert(TLS.to_owned(), PathState::Symlink { target, owner: ownership("root", "root") });
    let plan = host.plan(&aim);
    assert!(plan.is_empty() && told(&plan, Severity::Warning, "link to /dev/null, and stays"), "{plan:#?}");
    leave(&mut host, &site);
    assert!(host.paths.contains_key(TLS) && !host.paths.contains_key(PLAIN));
}

#[test]
fn old_versions_of_nginx_cannot_refuse_a_handshake() {
    let mut host = Model::bare();
    let Fact::Known(os) = &mut host.facts.os else { panic!() };
    os.version_id = "11".parse().ok();
    set_up(&mut host, &(site(), files()));
    assert!(host.paths.contains_key(PLAIN) && !host.paths.contains_key(TLS));
}

#[test]
fn a_default_server_of_somebody_else_stays_and_is_named() {
    let (site, files) = (site(), files());
    let aim = Aim { site: &site, files: &files };
    let mut host = Model::bare();
    serves(&mut host, "/etc/nginx/sites-enabled/default", &["_"], &[("*", 80, true), ("[::]", 80, true)]);
    // Another address is another question.
    serves(&mut host, "/etc/nginx/conf.d/inner.conf", &["_"], &[("10.0.0.1", 443, true)]);
    let plan = host.plan(&aim);
    assert!(told(
        &plan,
        Severity::Info,
        "on port 80 for names that no site has go on to /etc/nginx/sites-enabled/default:7"
    ));
    assert!(!told(&plan, Severity::Info, "inner.conf"), "{:#?}", plan.notices);
    // It says nothing of default_server itself, so nginx takes both.
    for path in [PLAIN, TLS] {
        let step = plan.steps.iter().find(|step| step.id.ends_with(path)).unwrap();
        let text = step.diff.as_ref().and_then(|diff| diff.new.clone()).unwrap();
        let listens: Vec<&str> = text.lines().filter(|line| line.trim_start().starts_with("listen ")).collect();
        assert!(listens.len() == 2 && !listens.concat().contains("default_server"), "{text}");
    }
    host.run(&plan, &files);
    assert!(host.plan(&aim).is_empty());
}

#[test]
fn a_server_without_a_name_is_not_cut_off() {
    let (site, files) = (site(), files());
    let aim = Aim { site: &site, files: &files };
    let mut host = Model::bare();
    serves(&mut host, "/etc/nginx/conf.d/theirs.conf", &["_"], &[("*", 80, false)]);
    // That of the package is nobody's.
    serves(&mut host, "/etc/nginx/nginx.conf", &["_"], &[("*", 443, false)]);
    let plan = host.plan(&aim);
    assert!(told(&plan, Severity::Info, "go on to /etc/nginx/conf.d/theirs.conf:7, which has no name"));
    host.run(&plan, &files);
    assert!(!host.paths.contains_key(PLAIN) && host.paths.contains_key(TLS));
    assert!(host.plan(&aim).is_empty());
    let Fact::Known(sites) = &mut host.facts.nginx_sites else { panic!() };
    sites.servers[0].names = vec!["theirs.test".to_owned()];
    let plan = host.plan(&aim);
    assert_eq!(steps(&plan), [format!("default-server:{PLAIN}"), "effect:nginx".to_owned()]);
    host.run(&plan, &files);
    assert!(host.plan(&aim).is_empty());
}

#[test]
fn a_site_without_domains_is_reached_by_the_address_of_its_host() {
    let nameless = other("");
    let mut host = Model::bare();
    set_up(&mut host, &nameless);
    assert!(!host.paths.contains_key(PLAIN) && !host.paths.contains_key(TLS));
    // Another site leaves it that way,
    let its = "/etc/nginx/conf.d/blog.conf";
    serves(&mut host, its, &["_"], &[("*", 80, false)]);
    serves(&mut host, its, &["_"], &[("*", 443, false)]);
    set_up(&mut host, &(site(), files()));
    assert!(!host.paths.contains_key(PLAIN) && !host.paths.contains_key(TLS));
    assert!(host.plan(&Aim { site: &nameless.0, files: &nameless.1 }).is_empty());
    // and one that comes later needs a name.
    let mut host = Model::bare();
    set_up(&mut host, &(site(), files()));
    let plan = host.plan(&Aim { site: &nameless.0, files: &nameless.1 });
    assert!(blockers(&plan)[0].contains("blog has no domains"), "{:#?}", plan.notices);
    // The only site of a host may lose its names.
    let mut host = Model::bare();
    let (site, its_files) = named("");
    set_up(&mut host, &(site, its_files));
    let plan = host.plan(&Aim { site: &nameless.0, files: &nameless.1 });
    assert_eq!(blockers(&plan), Vec::<&str>::new());
    host.run(&plan, &nameless.1);
    assert!(!host.paths.contains_key(PLAIN) && !host.paths.contains_key(TLS));
    assert!(host.plan(&Aim { site: &nameless.0, files: &nameless.1 }).is_empty());
    // Where somebody else's server takes what has no name, it says so.
    let mut host = Model::bare();
    serves(&mut host, "/etc/nginx/conf.d/theirs.conf", &["_"], &[("*", 443, true)]);
    let plan = host.plan(&Aim { site: &nameless.0, files: &nameless.1 });
    assert!(told(&plan, Severity::Warning, "go to /etc/nginx/conf.d/theirs.conf:7"), "{:#?}", plan.notices);
}
