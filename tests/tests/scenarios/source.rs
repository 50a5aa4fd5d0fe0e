//! Where the code comes from: a git server, an archive, and archives that mean harm.

use std::path::Path;
use std::process::Command;

use slipway_core::event::VerdictKind::Succeeded;
use slipway_engine::failure::Code;
use slipway_engine::site::Request;

use crate::support::outside::assert_version;
use crate::support::{DEPLOY, SECRET_KEY, TestDesk, parlour_site, secrets, tests_folder};
use crate::{boot, failed, hall, inside, state, words};

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn deploy(reference: &str) -> Request {
    Request::Deploy { reference: Some(reference.to_owned()) }
}

#[tokio::test(flavor = "multi_thread")]
async fn from_a_git_server() {
    let Some(host) = boot() else { return };
    let mut desk = TestDesk::new(&host, "root");
    // The server is the host itself: its sshd, and a repository that only the login `deploy` may read.
    let repository = desk.folder.path().join("repository");
    run(Command::new(tests_folder().join("apps/parlour/assemble-git")).arg(&repository));
    let git = |arguments: &[&str]| run(Command::new("git").arg("-C").arg(&repository).args(arguments));
    git(&["branch", "steady", "v2"]);
    git(&["bundle", "create", "-q", "../all.bundle", "--all"]);
    host.write_file("/srv/all.bundle", std::fs::read(desk.folder.path().join("all.bundle")).unwrap()).unwrap();
    let key = std::fs::read_to_string(host.client_key()).unwrap();
    desk.desk.secrets = secrets(&[("SECRET_KEY", SECRET_KEY), ("DEPLOY_KEY", &key)]);
    let source = format!(
        "git = \"ssh://deploy@{}/srv/parlour.git\"\ndeploy_key = \"DEPLOY_KEY\"\ngit_known_hosts = [\"{}\"]",
        host.address(),
        host.known_hosts_line()
    );
    let text = parlour_site("v1", "[secret.DEPLOY_KEY]\n").replace("folder = \"v1\"", &source);
    let file = desk.site(&text);
    desk.expect(Succeeded, &file, &Request::Apply).await;
    inside(
        &host,
        "install -d -o deploy -m 0700 /srv/parlour.git && cd /srv && chmod 0644 all.bundle && \
         setpriv --reuid=deploy --regid=deploy --clear-groups env HOME=/tmp git clone -q --bare --mirror all.bundle parlour.git",
    );

    desk.expect(Succeeded, &file, &deploy("v1")).await;
    assert_version(&host, "v1");
    desk.expect(Succeeded, &file, &deploy("steady")).await;
    assert_version(&host, "v2");
    let before = inside(&host, "ls /opt/parlour/releases; readlink /opt/parlour/current");
    let failure = failed(desk.try_plan(&file, &deploy("v99")).await, Code::Host);
    assert!(words(&failure).contains("no branch, tag or commit v99"), "{failure:#?}");
    let failure = failed(desk.try_plan(&file, &deploy("--upload-pack=id")).await, Code::Host);
    assert!(words(&failure).contains("--upload-pack=id"), "{failure:#?}");
    assert_eq!(inside(&host, "ls /opt/parlour/releases; readlink /opt/parlour/current"), before);
    // A commit by its name, and what moved on in the meantime.
    let output = Command::new("git").arg("-C").arg(&repository).args(["rev-parse", "v1"]).output().unwrap();
    let commit = String::from_utf8(output.stdout).unwrap();
    desk.expect(Succeeded, &file, &deploy(commit.trim())).await;
    assert_version(&host, "v1");
    // The key is for fetching alone and stays nowhere on the host.
    let line = key.lines().nth(2).unwrap();
    host.write_file("/root/pattern", format!("{line}\n")).unwrap();
    assert_eq!(inside(&host, "grep -rslF -f /root/pattern /etc /opt /run /tmp /var || true"), "");
}

fn pack(desk: &TestDesk, name: &str, arguments: &[&str]) {
    run(Command::new("tar")
        .arg("-C")
        .arg(desk.folder.path())
        .arg("-czPf")
        .arg(desk.folder.path().join(name))
        .args(arguments));
}

#[tokio::test(flavor = "multi_thread")]
async fn from_an_archive() {
    let Some(host) = boot() else { return };
    let desk = TestDesk::new(&host, "root");
    desk.assemble("v1");
    pack(&desk, "good.tar.gz", &["v1"]);
    let site = |name: &str| parlour_site("v1", "").replace("folder = \"v1\"", &format!("archive = \"{name}\""));
    let good = desk.site(&site("good.tar.gz"));
    desk.expect(Succeeded, &good, &Request::Apply).await;
    desk.expect(Succeeded, &good, &DEPLOY).await;
    assert_version(&host, "v1");

    let before = state(&host);
    std::fs::write(desk.folder.path().join("evil"), "gotcha").unwrap();
    std::os::unix::fs::symlink("/etc", desk.folder.path().join("v1/escape")).unwrap();
    pack(&desk, "up.tar.gz", &["v1", "--transform=s,^evil$,../../../../../../../../tmp/slipway-evil,", "evil"]);
    pack(&desk, "link.tar.gz", &["v1/escape", "--transform=s,^evil$,v1/escape/slipway-evil,", "evil"]);
    std::fs::write(desk.folder.path().join("cut.tar.gz"), {
        let mut bytes = std::fs::read(desk.folder.path().join("good.tar.gz")).unwrap();
        bytes.truncate(bytes.len() / 2);
        bytes
    })
    .unwrap();
    std::fs::write(desk.folder.path().join("page.tar.gz"), "<!doctype html>not found").unwrap();
    for name in ["up", "link", "cut", "page", "absent"] {
        let name = format!("{name}.tar.gz");
        let file = desk.site(&site(&name));
        let failure = failed(desk.try_plan(&file, &DEPLOY).await, Code::Local);
        assert!(failure.message.contains(&name), "{failure:#?}");
    }
    for path in ["/tmp/slipway-evil", "/etc/slipway-evil"] {
        assert!(!Path::new(path).exists(), "{path} was written on the desk");
    }
    assert_eq!(state(&host), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn releases_share_what_nobody_builds() {
    let Some(host) = boot() else { return };
    let desk = TestDesk::new(&host, "root");
    let file = hall::first_release(&desk).await;
    // Large enough that the host is asked for what it has.
    std::fs::write(desk.folder.path().join("pages/picture"), vec![7; 400 << 10]).unwrap();
    desk.expect(Succeeded, &file, &DEPLOY).await;
    hall::page(&desk, "two");
    desk.expect(Succeeded, &file, &DEPLOY).await;
    assert_eq!(hall::seen(&host), "200 two");
    let pictures =
        "cd /opt/hall/releases && stat -c '%h %U %a %s' */code/picture && sha256sum */code/picture | cut -c-64";
    let shared = inside(&host, pictures);
    assert_eq!(shared.lines().take(2).collect::<Vec<_>>(), ["2 root 644 409600"; 2], "{shared}");

    // A build is another user's, who may write to what it was given: that is a copy.
    let built = desk.site(&hall::site("hall.test", "[[build]]\nrun = [\"sh\", \"-c\", \"echo more >>picture\"]\n"));
    desk.expect(Succeeded, &built, &DEPLOY).await;
    let with_a_build = inside(&host, pictures);
    let sizes: Vec<&str> = with_a_build.lines().take(3).collect();
    assert_eq!(sizes, ["2 root 644 409600", "2 root 644 409600", "1 root 644 409605"], "{with_a_build}");
    // What the build has changed is not taken for the source's.
    desk.expect(Succeeded, &file, &DEPLOY).await;
    let last =
        inside(&host, "cd /opt/hall/current/code && stat -c '%U %a %s' picture && sha256sum picture | cut -c-64");
    assert_eq!(last, format!("root 644 409600\n{}\n", shared.lines().last().unwrap()));
    assert_eq!(hall::seen(&host), "200 two");
}
