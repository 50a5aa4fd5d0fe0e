use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use slipway_core::secret::Secret;

use super::*;
use crate::clock::System;
use crate::inventory::KnownSite;
use crate::secrets::{Environment, Memory, SecretKey};
use crate::site_file::read_site_file;
use crate::surroundings::Surroundings;

fn desk(folder: &Path, secrets: Arc<dyn SecretStore>) -> Desk {
    let variables = BTreeMap::from([("SLIPWAY_HOME".into(), folder.join("home").into())]);
    let surroundings = Surroundings { variables, operator: "ann@desk".to_owned() };
    Desk::open(surroundings, secrets, Arc::new(System)).unwrap()
}

/// A folder, canonical, and a desk that keeps secrets.
fn at_work() -> (tempfile::TempDir, PathBuf, Desk) {
    let folder = tempfile::tempdir().unwrap();
    let at = std::fs::canonicalize(folder.path()).unwrap();
    let desk = desk(&at, Arc::new(Memory::default()));
    (folder, at, desk)
}

/// Writes a site file of the site shop into `folder`.
fn site(folder: &Path, source: &str, secrets: &[&str]) -> SiteFile {
    std::fs::create_dir_all(folder).unwrap();
    let secrets: String = secrets.iter().map(|name| format!("[secret.{name}]\ngenerate = \"hex\"\n")).collect();
    let text = format!(
        "schema = 1\nname = \"shop\"\n[source]\n{source}\n[runtime]\nkind = \"static\"\n[[route]]\npath = \"/\"\nfiles = \".\"\n{secrets}"
    );
    let path = folder.join("slipway.toml");
    std::fs::write(&path, text).unwrap();
    read_site_file(&path).map_err(Failure::from).unwrap()
}

fn names(desk: &Desk) -> Vec<String> {
    let listed = desk.secrets.list(&Scope::Site("shop".parse().unwrap())).unwrap();
    listed.into_iter().map(|stored| stored.name.to_string()).collect()
}

const GIT: &str = "git = \"https://git.test/shop.git\"";

#[tokio::test]
async fn secrets_go_to_the_file_and_source_that_they_were_made_for() {
    let (_folder, at, desk) = at_work();
    let ours = site(&at.join("ours"), GIT, &["SECRET_KEY"]);
    assert!(desk.supplies(&ours).await.is_ok() && desk.supplies(&ours).await.is_ok());

    let theirs = site(&at.join("theirs"), GIT, &["SECRET_KEY", "OTHER"]);
    let failure = desk.supplies(&theirs).await.err().unwrap();
    assert_eq!(
        (failure.code, failure.message.as_str()),
        (Code::Consent, "the secrets of shop were made for another site file; nothing was changed")
    );
    assert_eq!(
        failure.causes,
        [
            format!("they were made for {}/ours/slipway.toml, with the source https://git.test/shop.git", at.display()),
            format!("{}/theirs/slipway.toml asks for them, with the source https://git.test/shop.git", at.display()),
            "it would receive SECRET_KEY".to_owned(),
        ]
    );
    assert!(failure.hint.unwrap().contains("--trust-source"));
    assert_eq!(names(&desk), ["SECRET_KEY"], "nothing was made for it");
    assert_eq!(desk.admit(&theirs, Some(&"SECRET_KEY".parse().unwrap())).await.unwrap_err().code, Code::Consent);

    // Allowing is for exactly what was shown, and for nothing else.
    let asks = *failure.asks.unwrap();
    let changed = site(&at.join("theirs"), "git = \"https://evil.test/shop.git\"", &["SECRET_KEY"]);
    desk.allow(&asks).unwrap();
    assert_eq!(desk.supplies(&changed).await.err().unwrap().code, Code::Consent);
    assert_eq!(desk.supplies(&ours).await.err().unwrap().code, Code::Consent);
    assert!(desk.supplies(&theirs).await.is_ok());
    desk.trust_source(&ours).unwrap();
    assert!(desk.supplies(&ours).await.is_ok());
    assert_eq!(desk.supplies(&theirs).await.err().unwrap().code, Code::Consent);
}

#[tokio::test]
async fn another_source_in_the_same_file_asks() {
    let (_folder, at, desk) = at_work();
    let place = at.join("ours");
    desk.supplies(&site(&place, "folder = \"v1\"", &["SECRET_KEY"])).await.map(drop).unwrap();
    // All of the site file's own folder is one source, also what is not there yet.
    for own in ["folder = \"v2\"", "folder = \".\"", "archive = \"shop-1.2.tar.gz\""] {
        desk.supplies(&site(&place, own, &["SECRET_KEY"])).await.map(drop).unwrap();
    }
    for other in [GIT, "folder = \"../theirs\"", "archive = \"/srv/shop.tar\""] {
        let failure = desk.supplies(&site(&place, other, &["SECRET_KEY"])).await.err().unwrap();
        assert!(failure.message.contains("another source"), "{other}: {failure:?}");
    }
    // A link to our file in another folder is another source, not another file.
    std::fs::create_dir(at.join("theirs")).unwrap();
    site(&place, "folder = \".\"", &["SECRET_KEY"]);
    std::os::unix::fs::symlink(place.join("slipway.toml"), at.join("theirs/slipway.toml")).unwrap();
    let linked = read_site_file(&at.join("theirs/slipway.toml")).map_err(Failure::from).unwrap();
    assert!(desk.supplies(&linked).await.err().unwrap().message.contains("another source"));
}

#[tokio::test]
async fn without_secrets_nobody_is_asked() {
    let (_folder, at, desk) = at_work();
    let (ours, theirs) = (at.join("ours"), at.join("theirs"));
    for place in [&ours, &theirs] {
        desk.supplies(&site(place, GIT, &[])).await.map(drop).unwrap();
    }
    assert_eq!(desk.inventory.recipient(&"shop".parse().unwrap()).unwrap(), None);
    // Who removed all of them may begin again elsewhere.
    let (first, second) = (site(&ours, GIT, &["KEY"]), site(&theirs, GIT, &["KEY"]));
    desk.supplies(&first).await.map(drop).unwrap();
    assert_eq!(desk.supplies(&second).await.err().unwrap().code, Code::Consent);
    let key = SecretKey::new(&first.site.name, "KEY".parse::<SecretName>().unwrap());
    desk.secrets.remove(&key).unwrap();
    desk.supplies(&second).await.map(drop).unwrap();
    // A file that names none of those that are there gets none, and does not become their recipient either.
    let failure = desk.supplies(&site(&ours, GIT, &["NEW"])).await.err().unwrap();
    assert_eq!(failure.causes.last().unwrap(), "it would receive those that it comes to name");
}

#[tokio::test]
async fn a_secret_that_is_set_binds_before_the_site_file_names_it() {
    let (_folder, at, desk) = at_work();
    let name: SecretName = "API_KEY".parse().unwrap();
    let ours = site(&at.join("ours"), GIT, &[]);
    desk.admit(&ours, Some(&name)).await.unwrap();
    let value = Secret::new(b"hunter2".to_vec());
    desk.secrets.set(&SecretKey::new(&ours.site.name, name.clone()), &value, desk.clock.now()).unwrap();
    let theirs = site(&at.join("theirs"), GIT, &["API_KEY"]);
    let failure = desk.supplies(&theirs).await.err().unwrap();
    assert!(failure.causes.contains(&"it would receive API_KEY".to_owned()), "{failure:?}");
    assert!(!format!("{failure:?}").contains("hunter2"));
}

#[tokio::test]
async fn a_pipeline_hands_its_secrets_over_itself() {
    let folder = tempfile::tempdir().unwrap();
    let variables = [("CI_SECRET_KEY".into(), "k".into())];
    let desk = desk(folder.path(), Arc::new(Environment::new(&"CI".parse().unwrap(), variables)));
    for place in ["ours", "theirs"] {
        let file = site(&folder.path().join(place), GIT, &["SECRET_KEY"]);
        desk.admit(&file, None).await.unwrap();
        desk.trust_source(&file).unwrap();
    }
    assert_eq!(desk.inventory.recipient(&"shop".parse().unwrap()).unwrap(), None);
}

#[tokio::test]
async fn what_an_earlier_version_knew_of_a_site_is_its_file() {
    let (_folder, at, desk) = at_work();
    let ours = site(&at.join("ours"), GIT, &["SECRET_KEY"]);
    desk.supplies(&ours).await.map(drop).unwrap();
    std::os::unix::fs::symlink(at.join("ours"), at.join("by-link")).unwrap();
    let typed = at.join("by-link/slipway.toml").display().to_string();
    let earlier = Recipient { file: typed, source: None };
    let name = &ours.site.name;
    let now = desk.clock.now();
    desk.inventory.set_recipient(name, &earlier, now).unwrap();
    let theirs = site(&at.join("theirs"), GIT, &["SECRET_KEY"]);
    assert_eq!(desk.supplies(&theirs).await.err().unwrap().code, Code::Consent);
    desk.supplies(&ours).await.map(drop).unwrap();
    assert_eq!(desk.inventory.recipient(name).unwrap().unwrap().source.as_deref(), Some("https://git.test/shop.git"));
    // Another file that comes to be known under the name is no recipient.
    let file = theirs.path.display().to_string();
    desk.inventory.put_site(&KnownSite { name: name.clone(), file, hosts: Vec::new(), added_at: now }).unwrap();
    assert_eq!(desk.supplies(&theirs).await.err().unwrap().code, Code::Consent);
}

#[test]
fn paths_outside_are_remembered_for_their_site_file() {
    let (_folder, at, desk) = at_work();
    for place in ["ours", "theirs", "code", "other"] {
        std::fs::create_dir(at.join(place)).unwrap();
    }
    let ours = site(&at.join("ours"), "folder = \"../code\"", &[]);
    let theirs = site(&at.join("theirs"), "folder = \"../code\"", &[]);
    let find = |file: &SiteFile, path: &str| desk.site_folder(file).unwrap().find(path).is_ok();
    assert!(leads_out(&ours) && !find(&ours, "../code"));
    desk.allow_outside(&ours).unwrap();
    assert!(find(&ours, "../code") && find(&ours, at.join("code").to_str().unwrap()));
    assert!(!find(&ours, "../other") && !find(&theirs, "../code"));
    let asked = desk.site_folder(&theirs).unwrap().find("../code").unwrap_err();
    let failure = asked.failure(|why| Failure::new(Code::Local, why));
    desk.allow(&failure.asks.unwrap()).unwrap();
    assert!(find(&theirs, "../code"));
    assert!(!leads_out(&site(&at.join("ours"), "folder = \".\"", &[])));
}

#[test]
fn what_logs_in_is_no_part_of_a_source() {
    for (url, shown) in [
        ("https://ann:hunter2@git.test/a/shop.git", "https://git.test/a/shop.git"),
        ("https://hunter2@git.test/shop.git", "https://git.test/shop.git"),
        ("ssh://git:hunter2@git.test:2222/shop.git", "ssh://git@git.test:2222/shop.git"),
        ("git@git.test:a/shop.git", "git@git.test:a/shop.git"),
        ("https://git.test/a@b/shop.git", "https://git.test/a@b/shop.git"),
    ] {
        assert_eq!(without_credentials(url), shown);
    }
}
