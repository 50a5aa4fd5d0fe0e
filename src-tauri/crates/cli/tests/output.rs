//! Whole outputs and exit statuses of the program, as a person or a script sees them. Nothing here needs a host.

#![allow(clippy::unwrap_used)]

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// A folder to work in with its own local state.
struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Runs `slipway` with these words; what it printed, and its exit status.
    fn run(&self, line: &str) -> String {
        self.run_with(line, &[])
    }

    fn run_with(&self, line: &str, variables: &[(&str, &str)]) -> String {
        let output = Command::new(env!("CARGO_BIN_EXE_slipway"))
            .args(line.split(' ').filter(|word| !word.is_empty()))
            .current_dir(self.path())
            .env_clear()
            .envs([("SLIPWAY_HOME", self.path().join("home")), ("HOME", self.path().join("person"))])
            .envs([("USER", "ann"), ("TZ", "UTC")])
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let mut text = format!("$ slipway {line}\n");
        text.push_str(&String::from_utf8(output.stdout).unwrap());
        for (number, line) in String::from_utf8(output.stderr).unwrap().lines().enumerate() {
            let mark = if number == 0 { "[standard error]\n" } else { "" };
            let _ = writeln!(text, "{mark}{line}");
        }
        let _ = writeln!(text, "[exit {}]", output.status.code().unwrap());
        text.replace(&self.path().display().to_string(), "FOLDER")
    }
}

const BROKEN: &str = r#"schema = 1
name = "shop"

[source]
git = "https://git.example.com/shop.git"
folder = "."

[runtime]
kind = "pyhton"

[process.web]
port = 5000
instnaces = 2
"#;

const ALIASES: &str = "Host shop-1 Shop-2 *.internal !no\n  HostName 192.0.2.10\n  User deploy\n  Port 2222\n\nHost *\n  \
                       ProxyCommand nc %h %p\n";

#[test]
fn help_of_the_program() {
    insta::assert_snapshot!(Desk::new().run("--help"));
}

#[test]
fn help_topics() {
    let desk = Desk::new();
    insta::assert_snapshot!(
        ["help exit-codes", "help json", "help host add", "help nothing"].map(|l| desk.run(l)).join("\n")
    );
}

#[test]
fn a_command_line_that_makes_no_sense() {
    let desk = Desk::new();
    insta::assert_snapshot!(["plan --ref main", "plan --ref main --json", "hots list"].map(|l| desk.run(l)).join("\n"));
}

#[test]
fn mistakes_in_a_site_file_are_shown_with_their_places() {
    let desk = Desk::new();
    desk.write("slipway.toml", BROKEN);
    let lines = ["site check", "plan", "site check --json", "site check other.toml"];
    insta::assert_snapshot!(lines.map(|line| desk.run(line)).join("\n"));
}

#[test]
fn a_site_file_from_a_blueprint_is_right_and_never_written_over() {
    let desk = Desk::new();
    let lines = [
        "site new --blueprint static --name shop --domain shop.example.com",
        "site check",
        "site new --blueprint static --name shop",
        "site new --blueprint static --name shop --force --json",
        "site new --blueprint nothing --name shop -o x.toml",
        "site blueprints",
    ];
    insta::assert_snapshot!(lines.map(|line| desk.run(line)).join("\n"));
    assert_eq!(std::fs::read_dir(desk.path()).unwrap().filter(|e| e.as_ref().unwrap().path().is_file()).count(), 1);
}

#[test]
fn without_a_host_the_way_to_one_is_shown() {
    let desk = Desk::new();
    desk.run("site new --blueprint static --name shop");
    let lines = ["host list", "plan", "plan --host web-1", "facts", "host list --json", "facts --json"];
    insta::assert_snapshot!(lines.map(|line| desk.run(line)).join("\n"));
}

#[test]
fn a_host_that_cannot_be_reached_is_not_added() {
    let desk = Desk::new();
    let lines = ["host add web-1 root@127.0.0.1:1", "host add web-1 root@127.0.0.1:1 --json", "host list --json"];
    insta::assert_snapshot!(lines.map(|line| desk.run(line)).join("\n"));
}

#[test]
fn hosts_of_the_ssh_configuration_are_taken_over_as_aliases() {
    let desk = Desk::new();
    desk.write("person/.ssh/config", ALIASES);
    let lines =
        ["host import --dry-run", "host import", "host import", "host import nobody", "host show shop-2 --json"];
    let text = lines.map(|line| desk.run(line)).join("\n");
    assert!(desk.run("host export hosts.json").contains("2 hosts and 0 sites are in hosts.json."));
    assert!(desk.run("host import --file hosts.json").contains("kept as they were: shop-1, shop-2"));
    assert!(desk.run("host import --file hosts.json --replace").contains("replaced: shop-1, shop-2"));
    let times = |text: &str| {
        let mut out = String::new();
        for part in text.split_inclusive(',') {
            out.push_str(if part.starts_with("\"added\":") { "\"added\":TIME," } else { part });
        }
        out
    };
    insta::assert_snapshot!(times(&text));
}

#[test]
fn secrets_are_listed_by_name_and_never_by_value() {
    let desk = Desk::new();
    desk.run("site new --blueprint flask-socketio --name shop --folder .");
    let secret = [("CI_SECRET_KEY", "hunter2-hunter2-hunter2"), ("CI_OTHER", "x")];
    let lines = [
        "secret list --secrets-from-env CI",
        "secret list --secrets-from-env CI --json",
        "secret set SECRET_KEY --secrets-from-env CI",
        "secret rotate SECRET_KEY --secrets-from-env CI",
    ];
    let text = lines.map(|line| desk.run_with(line, &secret)).join("\n");
    assert!(!text.contains("hunter2"));
    insta::assert_snapshot!(text);
}

#[test]
fn without_a_keyring_the_way_to_one_is_shown() {
    let desk = Desk::new();
    desk.run("site new --blueprint flask-socketio --name shop --folder .");
    let text = desk.run_with("secret list", &[("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent")]);
    assert!(text.ends_with("[exit 5]\n"), "{text}");
}

#[test]
fn local_state_that_cannot_be_used_is_its_own_kind_of_failure() {
    let desk = Desk::new();
    desk.write("home", "not a folder");
    insta::assert_snapshot!(desk.run("host list"));
}

#[test]
fn completions_and_manual_pages_are_made() {
    let desk = Desk::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(desk.run(&format!("completions {shell}")).contains("rollback"), "{shell}");
    }
    assert!(desk.run("man").contains(".TH slipway 1"));
    assert!(desk.run("man --out pages").ends_with("[exit 0]\n"));
    assert!(desk.path().join("pages/slipway-host-add.1").is_file());
}

#[test]
fn colour_and_escape_sequences_stay_off_pipes() {
    let desk = Desk::new();
    for line in ["host list", "plan", "site blueprints", "--help"] {
        assert!(!desk.run(line).contains('\u{1b}'), "{line}");
    }
}
