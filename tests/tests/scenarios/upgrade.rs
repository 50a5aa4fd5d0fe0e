//! Hosts that an earlier version set up, sets-up that failed half-way, and what the last site leaves behind.

use serde_json::{Value, json};
use slipway_core::event::VerdictKind::{FailedIntact, Succeeded};
use slipway_engine::site::Request;
use slipway_tests::hosts::{Distribution, Host, HostOptions, Prerequisites};

use crate::support::outside::{Poller, assert_version, instances};
use crate::support::{DEPLOY, TestDesk};
use crate::{boot, hall, inside};

const WITH_DATA: Request = Request::Uninstall { data: true };

/// Rewrites what is recorded in the form of version 0.1, and takes away what only later versions write.
fn as_version_0_1(host: &Host, site: &str) {
    let text = inside(host, &format!("cat /var/lib/slipway/{site}/manifest.json"));
    let manifest: Value = serde_json::from_str(&text).unwrap();
    let shared: Value = serde_json::from_str(&inside(host, "cat /var/lib/slipway/host.json")).unwrap();
    let (mut files, mut directories) = (serde_json::Map::new(), Vec::new());
    let (mut packages, mut firewall) = (Vec::new(), Vec::new());
    let mut certificate = Value::Null;
    let both = [&manifest["resources"], &shared["resources"]];
    for (id, owned) in both.into_iter().flat_map(|all| all.as_object().unwrap()) {
        let (kind, name) = id.split_once(':').unwrap();
        let there = &owned["there"];
        match kind {
            "file" => {
                let mut file = there.clone();
                let fields = file.as_object_mut().unwrap();
                fields.retain(|key, _| ["digest", "mode", "owner", "group", "masked"].contains(&key.as_str()));
                files.insert(name.to_owned(), file);
            }
            "directory" => directories.push(name.to_owned()),
            "package" => packages.push(name.to_owned()),
            "firewall-service" => firewall.push(name.to_owned()),
            "certificate" => certificate = json!({"names": there["names"], "expires": there["expires"]}),
            _ => {}
        }
    }
    assert!(files.len() > 3 && directories.len() > 8 && !packages.is_empty());
    // There, an instance's unit is the process: no generations, and files of units accordingly.
    host.write_file("/root/old.py", OLD_UNITS).unwrap();
    let told = inside(host, &format!("systemctl stop {site}.target && python3 /root/old.py {site}"));
    let told: Value = serde_json::from_str(&told).unwrap();
    files.retain(|path, _| !told["gone"].as_array().unwrap().contains(&json!(path)));
    for (path, digest) in told["changed"].as_object().unwrap() {
        files[path]["digest"] = digest.clone();
    }
    inside(host, &format!("systemctl daemon-reload && systemctl start {site}.target && rm /root/old.py"));
    let instances: Vec<Value> = manifest["instances"].as_array().unwrap().iter().map(without_slot).collect();
    let old = json!({
        "schema": 1, "site": site, "files": files, "directories": directories, "packages": packages, "user": true,
        "firewall": firewall, "instances": instances, "certificate": certificate,
        "front": manifest["front"], "pending": {}, "updated_by": "x", "updated_at": "2026-11-01T00:00:00Z"
    });
    host.write_file(&format!("/var/lib/slipway/{site}/manifest.json"), old.to_string()).unwrap();
    inside(
        host,
        &format!(
            "rm -f /var/lib/slipway/host.json /opt/{site}/releases/*/config/.readers /etc/nginx/conf.d/00-slipway-default-*"
        ),
    );
}

fn without_slot(instance: &Value) -> Value {
    let mut instance = instance.clone();
    instance.as_object_mut().unwrap().remove("slot");
    instance
}

/// Makes the units of version 0.1 out of today's, in place and in every release, and says what it changed.
const OLD_UNITS: &str = r#"
import glob, hashlib, json, os, re, sys
site = sys.argv[1]
def service(text, instance):
    text = re.sub(r"^PartOf=(\S+) \S+$", r"PartOf=\1", text, flags=re.M)
    text = re.sub(r"^(#.*systemd forgets.*|CollectMode=.*|#.*generations.*|Sockets=.*|Environment=SLIPWAY.*|EnvironmentFile=.*/\.release)\n", "", text, flags=re.M)
    text = text.replace(f"/opt/{site}/releases/%i", f"/opt/{site}/current").replace(f"-{instance}-%i", "-%i").replace("release %i", "")
    return text.replace(instance, "%i") + f"\n[Install]\nWantedBy={site}.target\n"
gone, changed = set(), {}
for top in ["/", *glob.glob(f"/opt/{site}/releases/*/config/")]:
    units = top + "etc/systemd/system/"
    for path in sorted(glob.glob(units + f"{site}-*.*@.service")):
        process, instance = re.match(r"(.*)\.(\w+)@\.service$", os.path.basename(path)).groups()
        old = f"{units}{process}@.service"
        text = open(path).read()
        os.remove(path)
        open(old, "w").write(service(text, instance))
        gone.add("/etc/systemd/system/" + os.path.basename(path))
        changed["/etc/systemd/system/" + os.path.basename(old)] = hashlib.sha256(open(old, "rb").read()).hexdigest()
    if top == "/":
        continue
    lines = [line for line in open(top + ".index") if line.split(" ", 3)[3].strip() not in gone]
    open(top + ".index", "w").writelines(lines)
    instances = json.load(open(top + ".instances"))
    for one in instances:
        one.pop("slot", None)
    json.dump(instances, open(top + ".instances", "w"))
    for path in [top + ".release"]:
        os.remove(path)
print(json.dumps({"gone": sorted(gone), "changed": changed}))
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_version_0_1_set_up_is_taken_over_and_nobody_is_refused() {
    let Some(host) = boot() else { return };
    let desk = TestDesk::new(&host, "root");
    let file = desk.first_release().await;
    desk.assemble("v2");
    let second = desk.site(&crate::support::parlour_site("v2", ""));
    desk.expect(Succeeded, &second, &DEPLOY).await;
    as_version_0_1(&host, "parlour");
    let process = "systemctl show -p MainPID --value parlour-web@5000.service";
    assert_ne!(inside(&host, process).trim(), "0");
    instances(&host, 2);

    // One plan, which is a release with the same code.
    let poller = Poller::start(&host);
    let ran = desk.run(&second, &Request::Apply).await;
    println!("{}", ran.story());
    assert_eq!(ran.verdict.kind, Succeeded, "{}", ran.story());
    assert_version(&host, "v2");
    assert_eq!(inside(&host, process).trim(), "0");
    assert_ne!(inside(&host, "systemctl show -p MainPID --value 'parlour-web.5000@*'").trim(), "");
    desk.expect_nothing_to_do(&second).await;

    // Releases that version 0.1 made are gone back to, and left again.
    let first = inside(&host, "ls /opt/parlour/releases | sort | head -1");
    let to = Some(first.trim().parse().unwrap());
    desk.expect(Succeeded, &second, &Request::Rollback { to }).await;
    assert_version(&host, "v1");
    assert_ne!(inside(&host, process).trim(), "0");
    desk.expect(Succeeded, &file, &Request::Apply).await;
    desk.expect_nothing_to_do(&file).await;
    desk.expect(Succeeded, &second, &DEPLOY).await;
    assert_version(&host, "v2");
    poller.finish();
    desk.expect(Succeeded, &second, &WITH_DATA).await;
}

/// What Slipway could have brought: packages, accounts, units, and files outside of its own records.
fn brought(host: &Host) -> String {
    inside(
        host,
        "dpkg-query -Wf '${db:Status-Abbrev} ${Package}\\n' | grep '^ii' | sort; cut -d: -f1 /etc/passwd /etc/group | sort; \
         ls -A /opt /etc/slipway /etc/systemd/system 2>/dev/null; ls -A /etc/nginx/conf.d 2>/dev/null || true",
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_set_up_that_failed_half_way_still_knows_what_it_installed_and_the_last_site_leaves_a_clean_host() {
    let Some(host) = boot() else { return };
    // What a package that is there recommends stays: python3.11-minimal is part of these hosts.
    inside(&host, "apt-get update -qq && apt-get install -y -qq python3.11 >/dev/null 2>&1");
    let bare = brought(&host);
    let desk = TestDesk::new(&host, "root");
    let file = hall::file(&desk, "");
    // nginx is there by then, and refuses.
    inside(&host, "mkdir -p /etc/nginx/conf.d && echo nonsense >/etc/nginx/conf.d/broken.conf");
    let ran = desk.run(&file, &Request::Apply).await;
    println!("{}", ran.story());
    assert_eq!(ran.verdict.kind, FailedIntact, "{}", ran.story());
    inside(
        &host,
        "rm -f /etc/nginx/conf.d/broken.conf; dpkg --configure -a >/dev/null 2>&1; systemctl reset-failed nginx 2>/dev/null || true",
    );
    desk.expect(Succeeded, &file, &Request::Apply).await;
    desk.expect(Succeeded, &file, &DEPLOY).await;
    desk.expect_nothing_to_do(&file).await;

    // A second site needs some of it, too.
    let other = TestDesk::of("bert@office", &host, "root");
    let second = other.first_release().await;
    assert_version(&host, "v1");
    desk.expect(Succeeded, &file, &WITH_DATA).await;
    assert_version(&host, "v1");
    other.expect_nothing_to_do(&second).await;
    assert_eq!(inside(&host, "systemctl is-active nginx").trim(), "active");

    // Of the last one nothing stays.
    let planned = other.plan(&second, &WITH_DATA).await;
    let titles: Vec<&str> = planned.plan.steps.iter().map(|step| step.title.as_str()).collect();
    assert!(titles.iter().any(|title| title.starts_with("Remove nginx") || title.contains(", nginx")), "{titles:#?}");
    let ran = other.execute(&planned, &second).await.unwrap();
    println!("{}", ran.story());
    assert_eq!(ran.verdict.kind, Succeeded, "{}", ran.story());
    assert_eq!(brought(&host), bare);
    assert_eq!(inside(&host, "ls /var/lib/slipway"), "hall\nparlour\n");
    assert!(other.plan(&second, &WITH_DATA).await.plan.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_else_needs_by_now_stays() {
    let Some(host) = boot() else { return };
    let desk = TestDesk::new(&host, "root");
    let file = hall::first_release(&desk).await;
    inside(
        &host,
        "printf 'server { listen 80; server_name theirs.test; return 200 theirs; }\\n' >/etc/nginx/conf.d/theirs.conf && \
         systemctl reload nginx",
    );
    desk.expect(Succeeded, &file, &WITH_DATA).await;
    let theirs = inside(
        &host,
        "curl -s --resolve theirs.test:80:127.0.0.1 http://theirs.test/ || wget -qO- http://theirs.test/ || true",
    );
    let served = crate::support::outside::ask(host.address(), "http://theirs.test/");
    assert_eq!(served.body, "theirs", "{theirs}");
    assert_eq!(inside(&host, "systemctl is-active nginx").trim(), "active");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_site_leaves_a_host_with_dnf_and_firewalld_as_it_was() {
    if !Prerequisites::or_not_run() {
        return;
    }
    let host = Host::boot(Distribution::El9Like, HostOptions::default()).unwrap();
    let state = || {
        inside(
            &host,
            "rpm -qa | sort; firewall-cmd --list-services; firewall-cmd --permanent --list-services; \
             cut -d: -f1 /etc/passwd; ls -A /opt /etc/systemd/system",
        )
    };
    let bare = state();
    let desk = TestDesk::new(&host, "root");
    let file = hall::first_release(&desk).await;
    assert!(inside(&host, "firewall-cmd --list-services").contains("https"));
    assert_ne!(state(), bare);
    desk.expect(Succeeded, &file, &WITH_DATA).await;
    // Accounts that a package made stay with the distribution's own.
    let (left, before) = (state(), bare);
    let extra: Vec<&str> = left.lines().filter(|line| !before.lines().any(|old| old == *line)).collect();
    assert!(extra.iter().all(|line| ["nginx"].contains(line)), "{extra:?}");
}
