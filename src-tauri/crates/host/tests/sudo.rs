//! The real sudo, PAM and passwords, for an account that exists only in a mount namespace of the test's sshd.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    missing_docs
)]

mod support;

use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use futures::future::BoxFuture;
use slipway_core::command::{Command, Stdin};
use slipway_core::secret::Secret;
use slipway_host::{ConnectError, Connection, Credentials, Decision, Step, Sudo, Target, connect};
use support::{Server, can_run, must};

const PASSWORD: &str = "cörrect horse";

#[derive(Default)]
struct Answers {
    login: Option<&'static str>,
    sudo: Option<&'static str>,
}

impl Credentials for Answers {
    fn password<'a>(&'a self, _: &'a Target) -> BoxFuture<'a, Option<Secret>> {
        Box::pin(async move { self.login.map(Secret::new) })
    }
    fn sudo_password<'a>(&'a self, _: &'a Target) -> BoxFuture<'a, Option<Secret>> {
        Box::pin(async move { self.sudo.map(Secret::new) })
    }
}

/// Whether a namespace can be made here. Says why not.
fn can_isolate() -> bool {
    let ok = can_run()
        && std::path::Path::new("/usr/bin/sudo").exists()
        && std::process::Command::new("unshare").args(["-m", "true"]).status().is_ok_and(|status| status.success());
    if !ok {
        eprintln!("not run: needs root, sudo and unshare -m");
    }
    ok
}

/// An sshd that sees one more account, `visitor`, and these sudoers.
fn server(sudoers: &str, extra: &str) -> Server {
    Server::start_with(&format!("{extra}\nPasswordAuthentication yes"), |folder| {
        // sshd reads authorized_keys as the user.
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::set_permissions(folder.join("authorized_keys"), std::fs::Permissions::from_mode(0o644)).unwrap();
        let hash = must("openssl", &["passwd", "-6", PASSWORD]);
        let add = |file: &str, line: String, mode: u32| {
            let path = folder.join(file);
            std::fs::write(&path, std::fs::read_to_string(format!("/etc/{file}")).unwrap() + &line).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        add("passwd", "visitor:x:54321:54321::/tmp:/bin/sh\n".into(), 0o644);
        add("shadow", format!("visitor:{}:19000:0:99999:7:::\n", hash.trim()), 0o600);
        add("group", "visitor:x:54321:\n".into(), 0o644);
        std::fs::write(folder.join("sudoers"), format!("Defaults env_reset\n{sudoers}\n")).unwrap();
        std::fs::set_permissions(folder.join("sudoers"), std::fs::Permissions::from_mode(0o440)).unwrap();
        let script = "for file in passwd shadow group sudoers; do mount --bind \"$1/$file\" \"/etc/$file\" || exit 1; done; \
                      shift; exec /usr/sbin/sshd \"$@\"";
        let mut command = std::process::Command::new("unshare");
        command.args(["-m", "--propagation", "private", "sh", "-c", script, "sh"]).arg(folder);
        command
    })
}

async fn enter(server: &Server, sudo: Sudo, answers: Answers) -> Result<Connection, ConnectError> {
    let mut target = server.target();
    target.user = "visitor".into();
    target.sudo = sudo;
    if answers.login.is_some() {
        target.identities = Vec::new();
    }
    connect(&target, Arc::new(answers), Arc::new(Decision::Reject), Arc::new(|_: Step| {})).await
}

async fn is_root(host: &Connection) {
    let every: Vec<u8> = (0..=255).cycle().take(200_000).collect();
    let script = "id -u; cat";
    let output = host.run(Command::script(script, [] as [&str; 0]).stdin(Stdin::Bytes(every.clone()))).await.unwrap();
    assert!(output.stdout == [b"0\n".to_vec(), every].concat());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_real_sudo_takes_the_password() {
    if !can_isolate() {
        return;
    }
    for defaults in
        ["", "Defaults use_pty", "Defaults !tty_tickets, log_output, timestamp_timeout=0", "Defaults lecture=always"]
    {
        let server = server(&format!("{defaults}\nvisitor ALL=(ALL) ALL"), "");
        let right = Answers { sudo: Some(PASSWORD), login: None };
        let host = enter(&server, Sudo::Password, right).await;
        let host = host.unwrap_or_else(|error| panic!("{defaults}: {error}\n{}", server.log()));
        is_root(&host).await;
        host.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_real_sudo_refuses_in_ways_that_are_told_apart() {
    if !can_isolate() {
        return;
    }
    let password = server("visitor ALL=(ALL) ALL", "");
    let wrong = enter(&password, Sudo::Password, Answers { sudo: Some("wrong"), login: None }).await;
    assert!(matches!(wrong, Err(ConnectError::SudoPasswordWrong { .. })), "{wrong:?}");
    let none = enter(&password, Sudo::Password, Answers::default()).await;
    assert!(matches!(none, Err(ConnectError::SudoNeedsPassword { .. })), "{none:?}");
    let needs = enter(&password, Sudo::NoPassword, Answers::default()).await;
    assert!(matches!(needs, Err(ConnectError::SudoNeedsPassword { .. })), "{needs:?}");
    let plain = enter(&password, Sudo::Login, Answers::default()).await;
    assert!(
        matches!(&plain, Err(ConnectError::NoPrivilegedShell { text, .. }) if text.contains("not root")),
        "{plain:?}"
    );

    let nobody = server("root ALL=(ALL) ALL", "");
    let refused = enter(&nobody, Sudo::Password, Answers { sudo: Some(PASSWORD), login: None }).await;
    assert!(matches!(refused, Err(ConnectError::SudoNotAllowed { .. })), "{refused:?}");
    let some = server("visitor ALL=(ALL) NOPASSWD: /usr/bin/id", "");
    let refused = enter(&some, Sudo::NoPassword, Answers::default()).await;
    let told = matches!(refused, Err(ConnectError::SudoNotAllowed { .. } | ConnectError::SudoNeedsPassword { .. }));
    assert!(told, "{refused:?}");
    let tty = server("Defaults requiretty\nvisitor ALL=(ALL) NOPASSWD: ALL", "");
    let refused = enter(&tty, Sudo::NoPassword, Answers::default()).await;
    assert!(matches!(refused, Err(ConnectError::SudoNeedsTty { .. })), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_real_sshd_takes_the_password() {
    if !can_isolate() {
        return;
    }
    let server = server("Defaults use_pty\nvisitor ALL=(ALL) NOPASSWD: ALL", "");
    let host = enter(&server, Sudo::NoPassword, Answers { login: Some(PASSWORD), sudo: None }).await.unwrap();
    is_root(&host).await;
    host.close().await;
    let wrong = enter(&server, Sudo::NoPassword, Answers { login: Some("wrong"), sudo: None }).await;
    assert!(matches!(wrong, Err(ConnectError::AuthenticationFailed { .. })), "{wrong:?}");
    assert_eq!(server.log().matches("Failed password").count(), 1);
}
