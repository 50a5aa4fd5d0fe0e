//! Who logs in where: users and sudo, jump hosts, hosts that are not there or not themselves.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use slipway_core::event::VerdictKind::Succeeded;
use slipway_engine::failure::Code;
use slipway_engine::site::Request;
use slipway_host::NoCredentials;
use slipway_tests::hosts::{Distribution, Host, HostOptions};

use crate::support::{DEPLOY, SudoPassword, TestDesk};
use crate::{boot, failed, hall, inside, state, words};

fn password(text: &str) -> Arc<SudoPassword> {
    Arc::new(SudoPassword { password: text.to_owned(), ..SudoPassword::default() })
}

/// Logins that the host's sshd has let in.
fn accepted(host: &Host) -> usize {
    inside(
        host,
        "journalctl --sync; journalctl -q --no-pager -o cat -t sshd -t sshd-session | grep -c Accepted || true",
    )
    .trim()
    .parse()
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_to_become_root_works_and_a_wrong_password_is_tried_once() {
    let Some(host) = boot() else { return };
    // Set up by a sudoer without a password, deployed by one with a password.
    let deploy = TestDesk::of("anna@laptop", &host, "deploy");
    let file = hall::file(&deploy, "");
    deploy.expect(Succeeded, &file, &Request::Apply).await;
    let mut operator = TestDesk::of("bert@office", &host, "operator");
    let right = password("correct horse");
    operator.credentials = right.clone();
    let file = hall::file(&operator, "");
    operator.expect_nothing_to_do(&file).await;
    operator.expect(Succeeded, &file, &DEPLOY).await;
    assert_eq!(hall::seen(&host), "200 one");
    assert!(right.asked.load(Ordering::SeqCst) >= 1);
    let audit = inside(&host, "cat /var/lib/slipway/hall/audit*");
    assert!(audit.contains("anna@laptop") && audit.contains("bert@office"), "{audit}");

    let before = state(&host);
    let failures = "journalctl --sync; journalctl -q --no-pager -o cat | grep -c 'incorrect password' || true";
    assert_eq!(inside(&host, failures).trim(), "0");
    let wrong = password("wrong pony");
    operator.credentials = wrong.clone();
    let failure = failed(operator.try_plan(&file, &DEPLOY).await, Code::Refused);
    assert!(words(&failure).contains("sudo did not accept the password"), "{failure:#?}");
    assert_eq!(wrong.asked.load(Ordering::SeqCst), 1);
    assert_eq!(inside(&host, failures).trim(), "1");
    operator.credentials = Arc::new(NoCredentials);
    let failure = failed(operator.try_plan(&file, &DEPLOY).await, Code::Refused);
    assert!(words(&failure).contains("asks for a password"), "{failure:#?}");
    assert_eq!(state(&host), before);
    // Nor does the password lie about anywhere.
    host.write_file("/root/pattern", "correct horse\nwrong pony\n").unwrap();
    let found = inside(
        &host,
        "grep -rslF -f /root/pattern /etc /opt /run /tmp /var || true; journalctl -o export -q | grep -cF -f /root/pattern || true",
    );
    assert_eq!(found.trim(), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn through_a_jump_host_both_keys_are_checked() {
    let Some(gate) = boot() else { return };
    let host = Host::boot(Distribution::Debian12, HostOptions::default()).unwrap();
    let mut desk = TestDesk::new(&host, "root");
    desk.know(&gate);
    desk.host = "inner".parse().unwrap();
    desk.enter("gate", &gate, "deploy", None);
    desk.enter("inner", &host, "root", Some("gate"));
    let file = hall::file(&desk, "");
    let plan = desk.plan(&file, &Request::Apply).await.plan;
    assert!(!plan.is_empty());
    let from =
        inside(&host, "journalctl --sync; journalctl -q --no-pager -o cat -t sshd -t sshd-session | grep Accepted");
    assert!(from.lines().all(|line| line.contains(&format!("from {} ", gate.address()))), "{from}");

    // The inner host's key is not the recorded one.
    let known_hosts = desk.desk.home.known_hosts();
    let lines = std::fs::read_to_string(&known_hosts).unwrap();
    let before = accepted(&host);
    let liar = gate.known_hosts_line().replace(&gate.address().to_string(), &host.address().to_string());
    std::fs::write(&known_hosts, format!("{}\n{liar}\n", gate.known_hosts_line())).unwrap();
    let failure = failed(desk.try_plan(&file, &Request::Apply).await, Code::HostKey);
    assert!(words(&failure).contains(host.fingerprint()), "{failure:#?}");
    assert_eq!(accepted(&host), before);
    // The jump host is not known at all.
    std::fs::write(&known_hosts, format!("{}\n", host.known_hosts_line())).unwrap();
    let gates = accepted(&gate);
    let failure = failed(desk.try_plan(&file, &Request::Apply).await, Code::HostKey);
    assert!(words(&failure).contains(gate.fingerprint()), "{failure:#?}");
    assert_eq!((accepted(&gate), accepted(&host)), (gates, before));
    std::fs::write(&known_hosts, lines).unwrap();
    desk.plan(&file, &Request::Apply).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_gone_or_another_is_told_from_one_that_answers() {
    let Some(host) = boot() else { return };
    let desk = TestDesk::new(&host, "root");
    let file = hall::file(&desk, "");
    let begin = accepted(&host);

    // Another host's key is recorded: somebody may be in between.
    let known_hosts = desk.desk.home.known_hosts();
    let true_line = std::fs::read_to_string(&known_hosts).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("other");
    let status = std::process::Command::new("ssh-keygen").args(["-qt", "ed25519", "-N", "", "-f"]).arg(&other).status();
    assert!(status.unwrap().success());
    let public = std::fs::read_to_string(other.with_extension("pub")).unwrap();
    let printed = std::process::Command::new("ssh-keygen").arg("-lf").arg(&other).output().unwrap().stdout;
    let recorded = String::from_utf8(printed).unwrap().split(' ').nth(1).unwrap().to_owned();
    std::fs::write(&known_hosts, format!("{} {public}", host.address())).unwrap();
    let failure = failed(desk.try_plan(&file, &Request::Apply).await, Code::HostKey);
    let said = words(&failure);
    assert!(said.contains(host.fingerprint()) && said.contains(&recorded), "{failure:#?}");
    assert_eq!(accepted(&host), begin, "a login was made");
    std::fs::write(&known_hosts, true_line).unwrap();

    // Nothing listens there.
    inside(&host, "systemctl stop ssh.socket ssh.service");
    let limit = Duration::from_secs(60);
    let refused = tokio::time::timeout(limit, desk.try_plan(&file, &Request::Apply)).await.expect("no end");
    let failure = failed(refused, Code::Unreachable);
    assert!(failure.message.to_lowercase().contains("refused"), "{failure:#?}");
    inside(&host, "systemctl start ssh.service");

    // Packets vanish.
    host.cut_link().unwrap();
    let silent = tokio::time::timeout(limit, desk.try_plan(&file, &Request::Apply)).await.expect("no end");
    failed(silent, Code::Unreachable);
    host.restore_link().unwrap();
    desk.plan(&file, &Request::Apply).await;
}
