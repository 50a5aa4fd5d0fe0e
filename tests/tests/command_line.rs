//! The real `slipway` on a real host: what it prints, and the exit statuses that scripts rely on.

mod support;

use std::path::PathBuf;
use std::process::{Command, Output};

use slipway_tests::hosts::{Distribution, Host, HostOptions, Prerequisites};
use support::{parlour_site, tests_folder};

/// The program, which the workspace's build puts beside the test programs' folder.
fn slipway() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let path = own.parent().and_then(|deps| deps.parent()).unwrap().join("slipway");
    assert!(path.exists(), "{} is not there: run `cargo build --workspace` first", path.display());
    path
}

struct Terminal {
    folder: tempfile::TempDir,
}

impl Terminal {
    fn slipway(&self, arguments: &[&str]) -> Output {
        Command::new(slipway())
            .args(["--secrets-from-env", "DEMO"])
            .args(arguments)
            .current_dir(self.folder.path())
            .env_remove("SSH_AUTH_SOCK")
            .env("HOME", self.folder.path())
            .env("SLIPWAY_HOME", self.folder.path().join("home"))
            .env("DEMO_SECRET_KEY", "canary-7f3a90b1c2d4e5f6")
            .output()
            .unwrap()
    }

    /// Runs it, checks the exit status and returns everything that it printed.
    fn expect(&self, status: i32, arguments: &[&str]) -> String {
        let output = self.slipway(arguments);
        let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(status), "slipway {arguments:?}\n{text}");
        assert!(!text.contains("canary-7f3a90b1c2d4e5f6"), "a secret was printed by slipway {arguments:?}");
        text
    }

    fn json(&self, status: i32, arguments: &[&str]) -> serde_json::Value {
        let output = self.slipway(&[&["--json"], arguments].concat());
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(status), "slipway --json {arguments:?}\n{text}");
        serde_json::from_str(text.lines().last().unwrap_or_default()).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    fn site(&self, text: &str) {
        std::fs::write(self.folder.path().join("slipway.toml"), text).unwrap();
    }

    fn assemble(&self, version: &str) {
        let script = tests_folder().join("apps/parlour/assemble");
        let status = Command::new(script).arg(version).arg(self.folder.path().join(version)).status().unwrap();
        assert!(status.success());
    }
}

#[test]
fn the_main_job_from_a_terminal() {
    if !Prerequisites::or_not_run() {
        return;
    }
    let host = Host::boot(Distribution::Debian12, HostOptions::default()).unwrap();
    let terminal = Terminal { folder: tempfile::tempdir().unwrap() };
    for version in ["v1", "v2", "v3"] {
        terminal.assemble(version);
    }
    let login = format!("deploy@{}", host.address());
    let key = host.client_key().display().to_string();
    let add = |fingerprint: &str, status: i32| {
        terminal.expect(status, &["host", "add", "web1", &login, "--identity", &key, "--accept-host-key", fingerprint])
    };
    // Nobody confirmed this key, so nothing is remembered.
    let refused = add("SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", 7);
    assert!(refused.contains(host.fingerprint()), "{refused}");
    assert!(!terminal.expect(0, &["host", "list"]).contains("web1"));
    assert!(add(host.fingerprint(), 0).contains("Debian GNU/Linux 12"));

    terminal.site("schema = 1\nname = \"Bad Name\"\ncolour = 1\n");
    let mistakes = terminal.expect(4, &["site", "check"]);
    assert!(mistakes.contains("slipway.toml:2:8") && mistakes.contains("slipway.toml:3:1"), "{mistakes}");

    terminal.site(&parlour_site("v1", ""));
    let early = terminal.expect(12, &["deploy", "--yes"]);
    assert!(early.contains("slipway apply"), "{early}");
    let plan = terminal.expect(3, &["plan"]);
    assert!(plan.contains("•••••• (fingerprint ") && plan.contains("+upstream parlour_web {"), "{plan}");
    terminal.expect(0, &["apply", "--yes"]);
    terminal.expect(0, &["plan"]);
    terminal.expect(1, &["apply", "--yes", "--detailed-exitcode"]);
    terminal.expect(0, &["deploy", "--yes"]);
    terminal.site(&parlour_site("v2", ""));
    let deployed = terminal.json(0, &["deploy", "--yes"]);
    assert_eq!(deployed["result"]["verdict"], "succeeded");
    terminal.site(&parlour_site("v3", ""));
    let broken = terminal.expect(20, &["deploy", "--yes"]);
    assert!(broken.contains("old state intact") && broken.contains("broken"), "{broken}");
    terminal.site(&parlour_site("v2", ""));
    terminal.expect(0, &["rollback", "--yes"]);
    let version = host.shell("curl -sk --resolve parlour.test:443:127.0.0.1 https://parlour.test/version").stdout;
    assert!(version.contains("v1"), "{version}");

    let status = terminal.json(0, &["status"]);
    assert_eq!(status["ok"], true, "{status}");
    let releases = terminal.expect(0, &["releases"]);
    assert!(releases.matches("20").count() >= 3, "{releases}");
    assert!(terminal.expect(0, &["logs", "-n", "20"]).contains("gunicorn"));
    let history = terminal.expect(0, &["history"]);
    assert!(history.contains("rollback") && history.contains("deploy"), "{history}");
    let audit = String::from_utf8(host.read_file("/var/lib/slipway/parlour/audit.jsonl").unwrap()).unwrap();
    assert!(audit.lines().count() >= 8, "{audit}");

    host.cut_link().unwrap();
    let gone = terminal.expect(6, &["status"]);
    assert!(gone.contains("web1"), "{gone}");
}
