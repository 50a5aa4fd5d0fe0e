//! Thirty secrets, each of which can be told from every other text, through success, failure, kill and debug output.
//!
//! Nobody but the site and root may see one: not on a command line, in the environment of another user's process, in a
//! journal or log, in what Slipway prints or keeps, in a file that others may read, or in a core dump.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};

use rustix::process::Signal;
use slipway_tests::canary::{Canaries, Sighting, Watcher, below, inside_host, with_words};
use slipway_tests::hosts::{Distribution, Host, HostOptions, Prerequisites};

use crate::support::{parlour_site, tests_folder};
use crate::terminal::Computer;

/// Variables of the environment beside SECRET_KEY and those that a configuration file names, too.
const VARIABLES: usize = 12;
/// Secret files.
const FILES: usize = 8;

fn must(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Makes the thirty; keys lie in `input` afterwards, which stands for the person's own files.
fn make(computer: &Computer) -> Canaries {
    let mut canaries = Canaries::new();
    canaries.add("SECRET_KEY");
    (0..VARIABLES).for_each(|number| canaries.add(&format!("VARIABLE_{number}")));
    (0..FILES).for_each(|number| canaries.add(&format!("FILES_{number}_TXT")));
    for name in ["DB_PASSWORD", "API_TOKEN", "SMTP_PASSWORD", "DOOR", "BACK_DOOR", "sudo", "passphrase"] {
        canaries.add(name);
    }
    let input = computer.folder("input");
    must(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(input.join("deploy_key")));
    let certificate = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days"];
    must(
        Command::new("openssl")
            .args(certificate)
            .args(["30", "-subj", "/CN=parlour.test", "-addext", "subjectAltName=DNS:parlour.test"])
            .args(["-keyout", "tls_key", "-out"])
            .arg(computer.folder("work").join("chain.pem"))
            .current_dir(&input),
    );
    for (name, file) in [("DEPLOY_KEY", "deploy_key"), ("TLS_KEY", "tls_key")] {
        canaries.keep(name, std::fs::read_to_string(input.join(file)).unwrap());
    }
    canaries
}

fn site(host: &Host) -> String {
    let mut more = "\n[hooks]\nmigrate = [[\"python\", \"migrate.py\"]]\n[secret.DEPLOY_KEY]\n".to_owned();
    for name in ["DB_PASSWORD", "API_TOKEN", "SMTP_PASSWORD", "DOOR", "BACK_DOOR", "TLS_KEY"] {
        more.push_str(&format!("[secret.{name}]\n"));
    }
    (0..VARIABLES).for_each(|number| more.push_str(&format!("[secret.VARIABLE_{number}]\n")));
    (0..FILES)
        .for_each(|number| more.push_str(&format!("[secret_file.\"files/{number}.txt\"]\nenv = \"FILE_{number}\"\n")));
    more.push_str(
        r#"
[config_file."settings.json"]
env = "SETTINGS"
json = { db = { url = "postgres://parlour:{secret:DB_PASSWORD}@127.0.0.1/parlour" }, token = "{secret:API_TOKEN}", mail = ["{secret:SMTP_PASSWORD}"] }

[access]
basic = { ann = "DOOR", bob = "BACK_DOOR" }

[tls]
mode = "own"
certificate = "chain.pem"
key = "TLS_KEY"

[logs]
directory = true
env = "LOG_DIR"
"#,
    );
    let source = format!(
        "git = \"ssh://deploy@{}/srv/parlour.git\"\ndeploy_key = \"DEPLOY_KEY\"\ngit_known_hosts = [\"{}\"]",
        host.address(),
        host.known_hosts_line()
    );
    let text = parlour_site("v1", &more).replace("folder = \"v1\"", &source);
    // Long enough for a release that works; one that does not is waited for in vain.
    text.replace("start_within = \"30s\"", "start_within = \"10s\"")
}

/// A script inside the host, which must succeed.
fn inside(host: &Host, script: &str) -> String {
    let output = host.shell(script);
    assert!(output.is_success(), "{script}: {output}");
    output.stdout
}

/// Whether this machine writes core dumps where anybody asks for one.
fn dumps_are_written() -> bool {
    let mut script = Command::new("prlimit");
    let folder = tempfile::tempdir().unwrap();
    script.args(["--core=unlimited:unlimited", "sh", "-c", "kill -ABRT $$"]).current_dir(folder.path());
    let ended = script.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    ended.core_dumped()
}

/// A line of [`inside_host`] without what differs from release to release.
fn shortened(line: &str) -> String {
    let parts = line.split('/').map(|part| if part.starts_with("20") && part.contains('Z') { "ID" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

/// Waits for what a killed desktop left running on the host.
fn settle(host: &Host) {
    for _ in 0..3000 {
        if inside(host, "systemctl list-units --plain --no-legend 'slipway-run-*'").trim().is_empty() {
            return;
        }
    }
    panic!("a task never ended");
}

#[test]
fn nobody_else_sees_a_secret() {
    if !Prerequisites::or_not_run() {
        return;
    }
    let mut computer = Computer::new();
    let canaries = make(&computer);
    assert_eq!(canaries.all().len(), 30);
    let words = canaries.words();
    let options = HostOptions {
        sudo_password: canaries.value("sudo").to_owned(),
        sshd_settings: vec!["LogLevel DEBUG3".to_owned()],
        ..HostOptions::default()
    };
    let key = computer.folder("input").join("id");
    must(
        Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-a", "1", "-f"])
            .arg(&key)
            .args(["-N", canaries.value("passphrase")]),
    );
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    let watcher = Watcher::start(words.clone());
    let host = Host::boot(Distribution::Debian12, options).unwrap();
    let public = |name: &str| std::fs::read_to_string(computer.folder("input").join(name)).unwrap();
    for (user, line) in [("operator", public("id.pub")), ("deploy", public("deploy_key.pub"))] {
        let keys = format!("/home/{user}/.ssh/authorized_keys");
        let more = String::from_utf8(host.read_file(&keys).unwrap()).unwrap() + &line;
        host.write_file(&keys, more).unwrap();
    }
    inside(&host, "systemctl log-level debug");
    let repository = computer.folder("input").join("repository");
    must(Command::new(tests_folder().join("apps/parlour/assemble-git")).arg(&repository));
    must(Command::new("git").arg("-C").arg(&repository).args(["bundle", "create", "-q", "../all.bundle", "--all"]));
    host.write_file("/srv/all.bundle", std::fs::read(computer.folder("input").join("all.bundle")).unwrap()).unwrap();

    for (name, value) in canaries.all() {
        computer.environment.push((format!("CANARY_{name}"), value.clone()));
    }
    for (name, value) in [("RUST_LOG", "trace"), ("RUST_BACKTRACE", "full"), ("GIT_TRACE", "1"), ("DEBUG", "1")] {
        computer.environment.push((name.to_owned(), value.to_owned()));
    }
    computer.answers = vec![
        ("Passphrase of the key", canaries.value("passphrase").to_owned()),
        ("sudo password of", canaries.value("sudo").to_owned()),
    ];
    computer.write("work", "slipway.toml", site(&host));

    // Everything is tried as loudly as can be; each run asks for the passphrase and the sudo password again.
    let login = format!("operator@{}", host.address());
    let identity = key.display().to_string();
    let fingerprint = host.fingerprint().to_owned();
    computer
        .expect(0, &["-v", "host", "add", "web1", &login, "--identity", &identity, "--accept-host-key", &fingerprint]);
    computer.expect(3, &["-v", "plan", "--out", "plan.json"]);
    computer.expect(3, &["--json", "plan"]);
    let half = |running: &crate::terminal::Running| {
        let plan: serde_json::Value =
            serde_json::from_str(&running.until(|line| line.contains("\"planned\""))).unwrap();
        let steps = plan["plan"]["steps"].as_array().unwrap().len();
        running.until(|line| line.contains("\"step-started\"") && line.contains(&format!("\"step\":{}}}", steps / 2)));
    };
    let first = computer.start(&["-v", "--json", "apply", "--yes"]);
    half(&first);
    first.kill(Signal::KILL);
    let mut held = inside_host(&host, "parlour", &words, "after a kill in the middle of apply");
    settle(&host);
    computer.expect(0, &["-v", "unlock", "--yes"]);
    computer.expect(0, &["-v", "apply", "--yes"]);
    inside(
        &host,
        "install -d -o deploy -m 0700 /srv/parlour.git && cd /srv && chmod 0644 all.bundle && \
         setpriv --reuid=deploy --regid=deploy --clear-groups env HOME=/tmp git clone -q --bare --mirror all.bundle parlour.git",
    );
    computer.expect(0, &["-v", "deploy", "--ref", "v1", "--yes"]);
    // They have arrived where they belong, or nothing here would be proved.
    let main = inside(&host, "systemctl show --value -p MainPID 'parlour-web.5000@*'");
    let environment = inside(&host, &format!("tr '\\0' '\\n' </proc/{}/environ", main.trim()));
    assert_eq!(canaries.within(&environment).len(), 1 + VARIABLES + 3, "{environment}");
    let door = |user: &str, name: &str| {
        let script = "read -r login; curl -sk --resolve parlour.test:443:127.0.0.1 -K - https://parlour.test/version <<E\nuser = \"$login\"\nE\n";
        with_words(&host, script, &[format!("{user}:{}\n", canaries.value(name))])
    };
    assert!(door("ann", "DOOR").contains("v1") && door("bob", "BACK_DOOR").contains("v1"));
    assert!(!door("ann", "BACK_DOOR").contains("v1"));

    computer.expect(20, &["-v", "deploy", "--ref", "v3", "--yes"]);
    computer.expect(20, &["--json", "-v", "deploy", "--ref", "v4", "--yes"]);
    for signal in [Signal::KILL, Signal::ABORT] {
        let running = computer.start(&["-v", "--json", "deploy", "--ref", "v2", "--yes"]);
        half(&running);
        let ended = running.kill(signal);
        assert!(!ended.core_dumped(), "slipway left a core dump: {ended}");
        held.extend(inside_host(&host, "parlour", &words, "after a kill in the middle of deploy"));
        settle(&host);
        computer.expect(0, &["unlock", "--yes"]);
    }
    computer.expect(0, &["-v", "deploy", "--ref", "v2", "--yes"]);
    computer.expect(0, &["-v", "rollback", "--yes"]);
    // The application's own crash leaves no memory of it behind either, whatever handles dumps on the host.
    let unit = inside(&host, "systemctl list-units --plain --no-legend 'parlour-web.5000@*' | cut -d' ' -f1");
    let unit = unit.trim();
    assert_eq!(
        inside(&host, &format!("systemctl show -p LimitCORE -p LimitCORESoft {unit}")),
        "LimitCORE=0\nLimitCORESoft=0\n"
    );
    inside(&host, &format!("systemctl kill --kill-whom=main --signal=SEGV {unit}"));
    let died = format!(
        "for n in $(seq 300); do journalctl -u {unit} | grep -q 'status=11/SEGV' && exit; sleep 0.1; done; exit 1"
    );
    inside(&host, &died);
    assert_eq!(inside(&host, &format!("journalctl -u {unit} | grep -c 'code=dumped' || true")).trim(), "0");
    for command in [
        &["status"][..],
        &["--json", "status"],
        &["-v", "logs", "-n", "500"],
        &["audit"],
        &["history"],
        &["--json", "history", "show", "1"],
        &["releases"],
        &["-v", "facts"],
        &["--json", "facts"],
        &["secret", "list"],
        &["-v", "service", "restart"],
        &["-v", "plan"],
    ] {
        let running = computer.start(command);
        assert!(running.ended().code().is_some(), "slipway {command:?} ended by a signal");
    }
    if !dumps_are_written() {
        println!("this machine writes no core dumps: nothing is proved about them");
    }
    held.extend(inside_host(&host, "parlour", &words, "at the end"));

    let seen = watcher.finish();
    let user: u32 = inside(&host, "id -u parlour").trim().parse().unwrap();
    let own = computer.processes();
    let allowed =
        |sighting: &Sighting| sighting.place == "environ" && (sighting.user == user || own.contains(&sighting.pid));
    let wrong: Vec<_> = seen.sightings.iter().filter(|(sighting, _)| !allowed(sighting)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(seen.sightings.keys().any(|sighting| sighting.user == user), "the application was never looked at");
    let printed = computer.printed();
    let text = String::from_utf8_lossy(&printed);
    let told: Vec<_> = words.iter().filter(|word| text.contains(*word)).collect();
    assert!(told.is_empty(), "printed: {told:?} {:?}", canaries.within(&text));
    let mut files = 0;
    let kept: Vec<String> = computer.written().iter().flat_map(|folder| below(folder, &words, &mut files)).collect();
    assert!(kept.is_empty(), "{kept:#?}");
    // The same files of every release are one line.
    let held: BTreeSet<String> = held.iter().map(|line| shortened(line)).collect();
    println!(
        "{} canaries; {} runs of slipway; {} processes in {} looks, {} held one by right; {} bytes printed, {files} files \
         kept here: none; on the host in:\n  {}",
        canaries.all().len(),
        own.len(),
        seen.processes.len(),
        seen.looks,
        seen.sightings.len(),
        printed.len(),
        held.into_iter().collect::<Vec<_>>().join("\n  ")
    );
}
