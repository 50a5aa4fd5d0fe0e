//! Records: their forms, what survives in them, and hosts that version 0.1 set up.

use slipway_core::fact::Fact;
use slipway_core::facts::records::SiteRecords;
use slipway_core::manifest::{HostManifest, Manifest};
use slipway_core::plan::{Action, Verb};
use slipway_core::resource::Effect;
use slipway_core::site::Site;

use crate::default_server::serves;
use crate::model::{Aim, Model};
use crate::{SITE, blockers, files, site_of};

/// The site without what only later versions know.
fn site() -> Site {
    site_of(&SITE.replace("keep = \"30d\"\n", ""))
}

/// The host as version 0.1 would have left it: set up by today's program, recorded in the first form, without what only
/// later versions bring.
fn set_up_by_0_1() -> Model {
    let (site, files) = (site(), files());
    let mut host = Model::bare();
    let plan = host.plan(&Aim { site: &site, files: &files });
    host.run(&plan, &files);
    let old_files: serde_json::Map<String, serde_json::Value> = files
        .iter()
        .map(|file| {
            let masked = (file.mode == 0o600).then(|| file.text().to_owned());
            let value = serde_json::json!({
                "digest": file.digest, "mode": file.mode, "owner": "root", "group": "root", "masked": masked
            });
            (file.path.clone(), value)
        })
        .collect();
    let directories: Vec<&String> = plan
        .steps
        .iter()
        .flat_map(|step| &step.brings)
        .filter(|id| id.as_str().starts_with("directory:"))
        .map(|id| host.paths.keys().find(|path| path.as_str() == id.name()).unwrap())
        .collect();
    let text = serde_json::json!({
        "schema": 1, "site": "shop", "files": old_files, "directories": directories,
        "packages": ["nginx", "curl", "tar", "gzip", "logrotate", "nftables"], "user": true, "firewall": ["http", "https"],
        "instances": [], "certificate": {"names": ["shop.test"], "expires": u64::MAX},
        "front": null, "pending": {}, "updated_by": "ann@desk", "updated_at": "2026-11-01T10:00:00Z"
    });
    host.host_record = Fact::Absent;
    host.paths.retain(|path, _| !path.contains("/00-slipway-default-"));
    let manifest = Fact::Known(text.to_string());
    host.written.insert(site.name.clone(), SiteRecords { manifest, confirmed: Fact::Absent });
    host
}

/// Takes away what builds have had only since then.
fn without_builder(mut host: Model) -> Model {
    host.paths.retain(|path, _| path != "/opt/shop/build");
    if let Fact::Known(users) = &mut host.facts.users {
        users.retain(|user| user.name != "shop-build");
    }
    host
}

#[test]
fn a_host_that_version_0_1_set_up_is_taken_over_and_gets_nothing_but_what_it_has_not() {
    let (site, files) = (site(), files());
    let aim = Aim { site: &site, files: &files };
    let mut host = without_builder(set_up_by_0_1());
    let first = host.plan(&aim);
    assert_eq!(blockers(&first), Vec::<&str>::new());
    let steps: Vec<&str> = first.steps.iter().map(|step| step.id.as_str()).collect();
    let default = |port: u16| format!("default-server:/etc/nginx/conf.d/00-slipway-default-{port}.conf");
    let builder = ["user:shop-build", "directory:/opt/shop/build"].map(str::to_owned);
    let servers = [default(80), default(443), "effect:nginx".to_owned()];
    assert_eq!(steps, [&builder[..], &servers[..]].concat(), "{:#?}", first.steps);
    host.run(&first, &files);
    let second = host.plan(&aim);
    assert!(second.is_empty(), "{:#?}", second.steps);
    // And it goes like any other.
    let leaving = host.plan_uninstall(&site, true);
    host.run(&leaving, &[]);
    assert_eq!(host.traces(), Model::bare().traces());
}

#[test]
fn where_nothing_differs_only_the_records_are_written() {
    let (site, files) = (site(), files());
    let mut host = set_up_by_0_1();
    serves(&mut host, "/etc/nginx/conf.d/theirs.conf", &["_"], &[("*", 80, false), ("*", 443, false)]);
    let plan = host.plan(&Aim { site: &site, files: &files });
    let steps: Vec<(&Action, Verb)> = plan.steps.iter().map(|step| (&step.action, step.verb)).collect();
    assert_eq!(steps, [(&Action::Record, Verb::Change)], "{:#?}", plan.steps);
}

#[test]
fn a_host_that_version_0_1_set_up_can_be_left_at_once() {
    let mut host = without_builder(set_up_by_0_1());
    let leaving = host.plan_uninstall(&site(), true);
    let gone: Vec<&str> = leaving.steps.iter().map(|step| step.id.as_str()).collect();
    let at = |id: &str| gone.iter().position(|step| *step == id).unwrap_or_else(|| panic!("{id}: {gone:?}"));
    assert!(at("remove:/etc/nginx/conf.d/shop.conf") < at("effect:nginx"));
    assert!(at("effect:nginx") < at("unit:shop.target"));
    host.run(&leaving, &[]);
    assert_eq!(host.traces(), Model::bare().traces());
}

#[test]
fn what_version_0_1_left_of_a_site_can_be_removed() {
    let (site, files) = (site(), files());
    let mut host = Model::bare();
    let plan = host.plan(&Aim { site: &site, files: &files });
    host.run(&plan, &files);
    let keep = host.plan_uninstall(&site, false);
    host.run(&keep, &[]);
    // Version 0.1 took the record away, and left the folder of the audit log.
    host.written.clear();
    host.host_record = Fact::Absent;
    let rest = host.plan_uninstall(&site, true);
    assert!(!rest.is_empty());
    host.run(&rest, &[]);
    let left: Vec<String> = host.traces().difference(&Model::bare().traces()).cloned().collect();
    assert!(left.iter().all(|path| !path.contains("shop")), "{left:?}");
}

#[test]
fn what_a_newer_version_wrote_survives_and_a_newer_form_is_refused() {
    let (site, files) = (site(), files());
    let mut host = Model::bare();
    let plan = host.plan(&Aim { site: &site, files: &files });
    host.run(&plan, &files);
    let text = host.written[&site.name].manifest.known().unwrap().clone();
    let mut value: serde_json::Value = serde_json::from_str(&text).unwrap();
    value["novelty"] = serde_json::json!({"x": [1, 2]});
    value["resources"]["flux-capacitor:/x"] = serde_json::json!({"there": {"kind": "flux-capacitor", "y": 1}});
    value["resources"]["user:shop"]["there"]["shell"] = "/bin/nologin".into();
    let manifest = Manifest::parse(&value.to_string()).unwrap();
    assert!(manifest.has_strange_kinds());
    let again: serde_json::Value = serde_json::from_str(&manifest.text()).unwrap();
    assert_eq!(again, value);
    // It goes through a run, too; what it belongs to takes it along.
    host.written.get_mut(&site.name).unwrap().manifest = Fact::Known(value.to_string());
    let leaving = host.plan_uninstall(&site, true);
    assert!(blockers(&leaving)[0].contains("kinds of things that this version does not know"));
    host.units.get_mut("shop.target").unwrap().enabled = false;
    let plan = host.plan(&Aim { site: &site, files: &files });
    host.run(&plan, &files);
    let text = host.written[&site.name].manifest.known().unwrap();
    assert!(text.contains("novelty") && text.contains("flux-capacitor") && text.contains("/bin/nologin"), "{text}");
    for newer in [r#"{"schema":3,"site":"shop"}"#, r#"{"schema":99999999999}"#] {
        assert!(Manifest::parse(newer).unwrap_err().contains("a newer Slipway wrote; update this one"));
        assert!(HostManifest::parse(newer).unwrap_err().contains("a newer Slipway wrote"));
    }
    for broken in ["", "{", "[]", "{}", r#"{"schema":"2"}"#, r#"{"schema":2}"#, r#"{"schema":0,"site":"shop"}"#] {
        assert!(Manifest::parse(broken).is_err(), "{broken}");
    }
}

#[test]
fn confirmations_of_another_run_confirm_nothing() {
    let (site, files) = (site(), files());
    let mut host = Model::bare();
    let plan = host.plan(&Aim { site: &site, files: &files });
    host.run_steps(&plan, &files, 0);
    for (run, confirmed) in [("run2", false), ("run1", true)] {
        let written = host.written.get_mut(&site.name).unwrap();
        written.confirmed = Fact::Known(format!("{run} user:shop\n{run} nonsense\ngarbage\n\u{0}\n"));
        let records = host.records(&site.name);
        let user = records.site.unwrap().resources.into_iter().find(|(id, _)| id.as_str() == "user:shop").unwrap().1;
        assert_eq!(user.there.is_some(), confirmed, "{run}");
        assert_eq!(user.intended.is_none(), confirmed, "{run}");
    }
}

#[test]
fn effects_have_a_text_that_is_read_back() {
    for effect in [Effect::Systemd, Effect::Nginx, Effect::Sudo, Effect::Processes, Effect::Rules("a.service".into())] {
        assert_eq!(Effect::try_from(effect.to_string()), Ok(effect));
    }
    assert!(Effect::try_from("flux".to_owned()).is_err());
}
