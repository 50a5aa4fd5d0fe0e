//! The application's user and its builder own folders that root works in. Here both put links to root's files into all of them
//! while root works: nothing of root's may change, be read out or end in their hands.

use slipway_core::event::VerdictKind;
use slipway_engine::site::Request;
use slipway_tests::hosts::Host;

use crate::support::{DEPLOY, TestDesk};
use crate::{boot, inside, shop};

const ATTACKER: &str = include_str!("attacker.pl");

/// Starts an attacker of each user, with nothing of the fence that the site's own units have.
fn attack(host: &Host, how: &str) {
    host.write_file("/srv/attacker.pl", ATTACKER).unwrap();
    for user in ["shop", "shop-build"] {
        inside(
            host,
            &format!(
                "install -d -o {user} -m 0700 /srv/count-{user}; rm -f /srv/count-{user}/*; \
                 systemd-run -q --unit=attacker-{user} --uid={user} --gid={user} --collect \
                 perl /srv/attacker.pl {how} /etc/canary /etc/canary.d /srv/count-{user}/planted"
            ),
        );
    }
}

/// Ends them and says how many links each has put into each kind of folder.
fn call_off(host: &Host) -> [String; 2] {
    inside(host, "systemctl is-active attacker-shop && systemctl stop attacker-shop");
    host.shell("systemctl stop attacker-shop-build");
    ["shop", "shop-build"].map(|user| inside(host, &format!("cat /srv/count-{user}/planted")))
}

/// What root has that the links lead to, and what must be the same before and after.
fn canaries(host: &Host) -> String {
    inside(
        host,
        "stat -c '%n %i %a %U:%G %s %Y' /etc/canary /etc/canary.d /etc/canary.d/* /etc/shadow; ls -A /etc/canary.d; \
         sha256sum /etc/canary /etc/canary.d/* /etc/shadow",
    )
}

/// What is not root's alone in releases and environments that are whole.
fn not_roots(host: &Host) -> String {
    inside(
        host,
        "for tree in /opt/shop/releases/*/code /opt/shop/envs/*; do case $tree in *.building/*) continue ;; esac; \
         case $tree in /opt/shop/envs/*) [ \"$(stat -c %U $tree/.whole 2>/dev/null)\" = root ] || continue ;; esac; \
         find $tree \\( ! -user root -o ! -type l -perm /022 -o -type f -perm /6000 \\) -print; done | head -20",
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn root_follows_no_link_of_the_applications_user() {
    let Some(host) = boot() else { return };
    let desk = TestDesk::new(&host, "root");
    let folder = desk.folder.path().to_owned();
    shop::assemble(&folder, "v1");
    let file = desk.site(&shop::site(""));
    desk.expect(VerdictKind::Succeeded, &file, &Request::Apply).await;
    desk.expect(VerdictKind::Succeeded, &file, &DEPLOY).await;
    inside(
        &host,
        "umask 077; echo mine >/etc/canary; mkdir /etc/canary.d; echo mine >/etc/canary.d/file; \
         echo line >/var/log/shop/app.log; chown shop:shop /var/log/shop/app.log",
    );
    let before = canaries(&host);

    // Links where nothing is: all of the way is gone, to its end, with an environment that is built under the attack.
    attack(&host, "plant");
    shop::assemble(&folder, "v2");
    let file = desk.site(&shop::site(", \"itsdangerous\""));
    let ran = desk.run(&file, &DEPLOY).await;
    println!("{}", ran.story());
    let left = host.shell("systemctl is-active attacker-shop-build");
    assert!(!left.is_success(), "a process of the builder was left when root took its tree");
    let planted = call_off(&host);
    println!("planted:\n{planted:#?}");
    assert_eq!(canaries(&host), before);
    assert_eq!(not_roots(&host), "");
    let [by_shop, by_builder] = &planted;
    let reached = |planted: &str, kind: &str| planted.lines().any(|line| line.starts_with(kind));
    for kind in ["shared", "cache", "logs", "run"] {
        assert!(reached(by_shop, kind), "nothing was tried in {kind}: {by_shop}");
    }
    for kind in ["code", "envs"] {
        assert!(!reached(by_shop, kind), "the application's user has reached {kind}: {by_shop}");
    }
    assert!(reached(by_builder, "code") || reached(by_builder, "envs"), "nothing was tried: {by_builder}");

    // Links in the place of anything: whatever comes of the runs, nothing of root's changes.
    attack(&host, "swap");
    shop::assemble(&folder, "v3");
    let file = desk.site(&shop::site(", \"markupsafe\""));
    for request in [&Request::Apply, &DEPLOY, &Request::Rollback { to: None }] {
        match desk.try_plan(&file, request).await {
            Ok(planned) => match desk.execute(&planned, &file).await {
                Ok(ran) => println!("{:?}: {}", ran.verdict.kind, ran.verdict.summary),
                Err(failure) => println!("{failure}"),
            },
            Err(failure) => println!("{failure}"),
        }
        assert_eq!(canaries(&host), before);
        assert_eq!(not_roots(&host), "");
    }
    host.shell("logrotate -f /etc/logrotate.d/shop");
    println!("swapped:\n{:#?}", call_off(&host));
    assert_eq!(canaries(&host), before);

    // Without the attacker everything is as ever again.
    inside(&host, "find /opt/shop/shared /opt/shop/cache /var/log/shop -type l -delete");
    shop::assemble(&folder, "v5");
    let file = desk.site(&shop::site(", \"markupsafe\""));
    desk.expect(VerdictKind::Succeeded, &file, &DEPLOY).await;
    assert_eq!(not_roots(&host), "");
}
