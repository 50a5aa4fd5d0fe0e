use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use jiff::Timestamp;
use serde_json::json;

use super::*;

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn home() -> (tempfile::TempDir, Home) {
    let folder = tempfile::tempdir().unwrap();
    let (home, _) = Home::open(folder.path()).unwrap();
    (folder, home)
}

fn host(name: &str) -> Host {
    Host::new(name.parse().unwrap(), "192.0.2.7", NOW)
}

#[test]
fn hosts_are_added_changed_renamed_and_removed() {
    let (_folder, home) = home();
    let inventory = Inventory::open(&home).unwrap();
    let mut web = host("web-1");
    web.tags = ["production".parse().unwrap()].into();
    web.jump = Some("ann@gate:2222".into());
    inventory.add_host(&web).unwrap();
    assert!(matches!(inventory.add_host(&web), Err(InventoryError::HostExists(_))));
    web.port = 2222;
    web.sudo = SudoMode::Password;
    web.login = Login::Agent { fingerprint: Some("SHA256:abc".into()) };
    inventory.update_host(&web).unwrap();
    inventory.saw_host(&web.name, &json!({ "os": "debian" }), NOW).unwrap();
    inventory.accept_host_key(&web.name, "SHA256:abc").unwrap();
    web.last_seen = Some(NOW);
    web.facts = Some(json!({ "os": "debian" }));
    web.host_key = Some("SHA256:abc".into());
    assert_eq!(Inventory::open(&home).unwrap().host(&web.name).unwrap(), web);
    inventory.add_host(&host("web-2")).unwrap();
    let (one, two, three) = (web.name, "web-2".parse().unwrap(), "web-3".parse().unwrap());
    assert!(matches!(inventory.rename_host(&one, &two), Err(InventoryError::HostExists(_))));
    assert!(matches!(inventory.rename_host(&three, &two), Err(InventoryError::NoSuchHost(_))));
    inventory.rename_host(&one, &three).unwrap();
    inventory.remove_host(&two).unwrap();
    let names: Vec<_> = inventory.hosts().unwrap().into_iter().map(|host| host.name).collect();
    assert_eq!(names, [three]);
    assert!(matches!(inventory.update_host(&host("web-1")), Err(InventoryError::NoSuchHost(_))));
    assert!(matches!(inventory.saw_host(&two, &(), NOW), Err(InventoryError::NoSuchHost(_))));
}

#[test]
fn hosts_that_cannot_be_meant_are_refused() {
    let (_folder, home) = home();
    let inventory = Inventory::open(&home).unwrap();
    let refuse = |change: &dyn Fn(&mut Host)| {
        let mut host = host("web-1");
        change(&mut host);
        inventory.add_host(&host).unwrap_err().to_string()
    };
    assert_eq!(refuse(&|host| host.address.clear()), "the address of host web-1 cannot be used: it is empty");
    assert!(refuse(&|host| host.user = Some("-oProxyCommand=x".into())).contains("hyphen"));
    assert!(refuse(&|host| host.jump = Some("gate\n".into())).contains("control character"));
    assert!(refuse(&|host| host.port = 0).contains("it is 0"));
    assert!(inventory.hosts().unwrap().is_empty());
}

#[test]
fn sites_keep_their_hosts_in_order() {
    let (_folder, home) = home();
    let inventory = Inventory::open(&home).unwrap();
    inventory.add_host(&host("b")).unwrap();
    let hosts = ["b", "a"].map(|host| host.parse().unwrap()).to_vec();
    let mut shop = KnownSite { name: "shop".parse().unwrap(), file: "/f".into(), hosts, added_at: NOW };
    inventory.put_site(&shop).unwrap();
    let lone = KnownSite { name: "lone".parse().unwrap(), file: "/l".into(), hosts: Vec::new(), added_at: NOW };
    inventory.put_site(&lone).unwrap();
    assert_eq!(inventory.sites().unwrap(), [lone, shop.clone()]);
    let error = inventory.remove_host(&"b".parse().unwrap()).unwrap_err();
    assert_eq!(error.to_string(), "host b still runs shop");
    inventory.rename_host(&"b".parse().unwrap(), &"c".parse().unwrap()).unwrap();
    shop.hosts[0] = "c".parse().unwrap();
    assert_eq!(inventory.site(&shop.name).unwrap(), shop);
    inventory.remove_site(&shop.name).unwrap();
    assert!(matches!(inventory.site(&shop.name), Err(InventoryError::NoSuchSite(_))));
    inventory.remove_host(&"c".parse().unwrap()).unwrap();
}

#[test]
fn an_export_moves_hosts_and_sites_but_neither_facts_nor_trust() {
    let ((_one, from), (_two, to)) = (home(), home());
    let (from, to) = (Inventory::open(&from).unwrap(), Inventory::open(&to).unwrap());
    let mut web = host("web-1");
    web.facts = Some(json!("facts"));
    web.host_key = Some("SHA256:abc".into());
    from.add_host(&web).unwrap();
    from.add_host(&host("web-2")).unwrap();
    let export = serde_json::to_string(&from.export(NOW).unwrap()).unwrap();
    assert!(!export.contains("facts") && !export.contains("SHA256"));
    let mut known = host("web-1");
    known.address = "198.51.100.1".into();
    known.host_key = Some("SHA256:other".into());
    to.add_host(&known).unwrap();
    let export: Export = serde_json::from_str(&export).unwrap();
    let report = to.import(&export, OnConflict::Keep, NOW).unwrap();
    assert_eq!((report.added, report.kept), (vec!["web-2".to_owned()], vec!["web-1".to_owned()]));
    assert_eq!(to.host(&known.name).unwrap(), known);
    to.import(&export, OnConflict::Replace, NOW).unwrap();
    let replaced = to.host(&known.name).unwrap();
    assert_eq!((replaced.address.as_str(), replaced.host_key), ("192.0.2.7", None));
    let future = Export { format: 2, ..export };
    assert!(matches!(to.import(&future, OnConflict::Keep, NOW), Err(InventoryError::ImportFormat { .. })));
}

#[test]
fn the_files_are_private_whatever_the_umask() {
    let (_folder, home) = home();
    let inventory = Inventory::open(&home).unwrap();
    inventory.add_host(&host("web-1")).unwrap();
    let backup = home.directory().join("copy.sqlite");
    inventory.back_up(&backup).unwrap();
    assert!(inventory.back_up(&backup).is_err(), "an existing file is left alone");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(home.directory()).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_file() {
            assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.path());
            names.push(entry.file_name().into_string().unwrap());
        }
    }
    names.sort();
    assert_eq!(names, ["copy.sqlite", "inventory.sqlite", "inventory.sqlite-shm", "inventory.sqlite-wal"]);
}

#[test]
fn a_damaged_file_is_named_and_left_as_it_is() {
    let (_folder, home) = home();
    drop(Inventory::open(&home).unwrap());
    let whole = std::fs::read(home.inventory()).unwrap();
    let mut torn = whole.clone();
    for byte in torn.iter_mut().skip(4096).take(8192) {
        *byte = 0xa5;
    }
    for broken in
        [b"this is not a database, but it is long enough to look like one".repeat(20), torn, whole[..5000].to_vec()]
    {
        std::fs::write(home.inventory(), &broken).unwrap();
        let error = Inventory::open(&home).unwrap_err();
        assert!(matches!(error, InventoryError::Damaged { .. }), "{error:?}");
        let path = home.inventory().display().to_string();
        assert!(error.to_string().contains(&path) && error.advice().contains(&path));
        assert_eq!(std::fs::read(home.inventory()).unwrap(), broken, "nothing was changed");
    }
}

#[test]
fn a_file_of_the_first_format_is_brought_up_to_date() {
    let (_folder, home) = home();
    let connection = rusqlite::Connection::open(home.inventory()).unwrap();
    connection.execute_batch(schema::MIGRATIONS[0]).unwrap();
    connection.pragma_update(None, "application_id", schema::APPLICATION_ID).unwrap();
    connection.pragma_update(None, "user_version", 1).unwrap();
    let row = "INSERT INTO host (name, address, port, sudo, tags, created_at) VALUES ('old', '192.0.2.7', 22, '\"auto\"', '[]', 0)";
    connection.execute(row, []).unwrap();
    connection.execute("INSERT INTO site (name, file, added_at) VALUES ('shop', '/a/slipway.toml', 0)", []).unwrap();
    drop(connection);
    let inventory = Inventory::open(&home).unwrap();
    assert_eq!(inventory.host(&"old".parse().unwrap()).unwrap(), host("old"));
    let known = Recipient { file: "/a/slipway.toml".into(), source: None };
    assert_eq!(inventory.recipient(&"shop".parse().unwrap()).unwrap(), Some(known));
}

#[test]
fn what_was_allowed_outlives_the_site_and_an_import() {
    let (_folder, home) = home();
    let inventory = Inventory::open(&home).unwrap();
    let name: slipway_core::site::Name = "shop".parse().unwrap();
    let shop = KnownSite { name: name.clone(), file: "/a".into(), hosts: Vec::new(), added_at: NOW };
    inventory.put_site(&shop).unwrap();
    let of = |file: &str| Recipient { file: file.into(), source: Some("git".into()) };
    assert_eq!(inventory.recipient(&name).unwrap(), None);
    assert_eq!(inventory.first_recipient(&name, &of("/a"), NOW).unwrap(), of("/a"));
    assert_eq!(inventory.first_recipient(&name, &of("/b"), NOW).unwrap(), of("/a"));
    inventory.allow_path("/a", "/srv/code", NOW).unwrap();
    inventory.allow_path("/a", "/srv/code", NOW).unwrap();
    let mut export = inventory.export(NOW).unwrap();
    export.sites[0].file = "/b".into();
    inventory.import(&export, OnConflict::Replace, NOW).unwrap();
    inventory.remove_site(&name).unwrap();
    assert_eq!(inventory.recipient(&name).unwrap(), Some(of("/a")));
    assert_eq!(inventory.outside_paths("/a").unwrap(), ["/srv/code"]);
    assert!(inventory.outside_paths("/b").unwrap().is_empty());
    inventory.set_recipient(&name, &of("/b"), NOW).unwrap();
    assert_eq!(inventory.recipient(&name).unwrap(), Some(of("/b")));
}

#[test]
fn newer_and_foreign_files_are_refused_untouched() {
    let (_folder, home) = home();
    drop(Inventory::open(&home).unwrap());
    let connection = rusqlite::Connection::open(home.inventory()).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    let before = std::fs::read(home.inventory()).unwrap();
    let error = Inventory::open(&home).unwrap_err();
    assert!(matches!(error, InventoryError::Newer { found: 99, .. }), "{error}");
    assert_eq!(std::fs::read(home.inventory()).unwrap(), before);
    std::fs::remove_file(home.inventory()).unwrap();
    let foreign = rusqlite::Connection::open(home.inventory()).unwrap();
    foreign.execute_batch("CREATE TABLE bookmarks (url TEXT)").unwrap();
    drop(foreign);
    assert!(matches!(Inventory::open(&home), Err(InventoryError::NotOurs { .. })));
}

/// What the processes of the next test do: the same test binary, told by a variable where to write.
#[test]
fn writer_process() {
    let Some(folder) = std::env::var_os("SLIPWAY_TEST_WRITER_HOME") else { return };
    let me = std::env::var("SLIPWAY_TEST_WRITER_NAME").unwrap();
    let (home, _) = Home::open(folder).unwrap();
    let inventory = Inventory::open(&home).unwrap();
    for number in 0..20 {
        inventory.add_host(&host(&format!("{me}-{number}"))).unwrap();
    }
}

#[test]
fn several_processes_open_and_write_at_once() {
    // All of them find no file: creating, switching to WAL and migrating race, too. One round in ten was enough to
    // catch a half-made file being taken for a stranger's.
    for _ in 0..10 {
        let (_folder, home) = home();
        let start = |name: &str| {
            Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "inventory::tests::writer_process"])
                .env("SLIPWAY_TEST_WRITER_HOME", home.directory())
                .env("SLIPWAY_TEST_WRITER_NAME", name)
                .stdout(std::process::Stdio::piped())
                .stderr(std::process::Stdio::piped())
                .spawn()
                .unwrap()
        };
        for process in ["a", "b", "c"].map(start) {
            let output = process.wait_with_output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        }
        let inventory = Inventory::open(&home).unwrap();
        assert_eq!(inventory.hosts().unwrap().len(), 60);
        inventory.check().unwrap();
    }
}
