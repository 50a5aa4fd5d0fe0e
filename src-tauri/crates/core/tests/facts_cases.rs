//! Answers of hosts, one file per case under `tests/facts/<subject>/`, and what must be read from them.
//!
//! A case has the parts of the answer (`[name, status, body]`) or its raw `stdout`, and what it is read as.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};
use slipway_core::command::{Exit, Output};
use slipway_core::facts::{
    self, accounts, load, nginx_sites, packages, paths, programs, records, security, sockets, storage, system, units,
    updates,
};
use slipway_core::profile::{PackageManager, all_packages};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    parts: Option<Vec<(String, u8, String)>>,
    stdout: Option<String>,
    #[serde(default)]
    stderr: String,
    exit: Option<Value>,
    #[serde(default)]
    truncated: bool,
    expect: Value,
}

impl Case {
    fn output(&self) -> Output {
        let parts = self.parts.iter().flatten();
        let framed: String =
            parts.map(|(name, status, body)| format!("{name} {status} {}\n{body}\n", body.len())).collect();
        let stdout = self.stdout.clone().unwrap_or_else(|| format!("{framed}end\n"));
        let exit = match &self.exit {
            None => Exit::Code(0),
            Some(Value::String(word)) if word == "timed-out" => Exit::TimedOut,
            Some(Value::String(word)) if word == "skipped" => Exit::Skipped,
            Some(code) => Exit::Code(u8::try_from(code.as_u64().unwrap()).unwrap()),
        };
        output(stdout.into_bytes(), exit, self.stderr.clone().into_bytes(), self.truncated)
    }
}

fn output(stdout: Vec<u8>, exit: Exit, stderr: Vec<u8>, truncated: bool) -> Output {
    Output { exit, stdout, stderr, truncated }
}

const SUBJECTS: [&str; 13] = [
    "accounts",
    "candidates",
    "load",
    "nginx_sites",
    "records",
    "packages",
    "programs",
    "security",
    "sockets",
    "storage",
    "system",
    "units",
    "updates",
];

fn parse(subject: &str, output: &Output) -> Value {
    match subject {
        "accounts" => json!(accounts::parse(output)),
        "candidates" => json!(packages::parse_candidates(output)),
        "load" => json!(load::parse(output)),
        "nginx_sites" => json!(nginx_sites::parse(output)),
        "records" => json!(records::parse(output)),
        "packages" => json!(packages::parse(output)),
        "programs" => json!(programs::parse(output)),
        "security" => json!(security::parse(output)),
        "sockets" => json!(sockets::parse(output)),
        "storage" => json!(storage::parse(output)),
        "system" => json!(system::parse(output)),
        "units" => json!(units::parse(output)),
        "updates" => json!(updates::parse(output)),
        other => panic!("no subject {other}"),
    }
}

fn cases() -> Vec<(String, PathBuf, Case)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/facts");
    let mut all = Vec::new();
    for subject in std::fs::read_dir(root).unwrap() {
        let subject = subject.unwrap();
        for file in std::fs::read_dir(subject.path()).unwrap() {
            let path = file.unwrap().path();
            let case = serde_json::from_str(&std::fs::read_to_string(&path).unwrap());
            let case = case.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            all.push((subject.file_name().into_string().unwrap(), path, case));
        }
    }
    all
}

#[test]
fn every_case_is_read_as_expected() {
    let mut wrong = Vec::new();
    for (subject, path, case) in cases() {
        let found = parse(&subject, &case.output());
        if found != case.expect {
            let pretty = |value| serde_json::to_string_pretty(value).unwrap();
            let diff = similar::TextDiff::from_lines(pretty(&case.expect), pretty(&found)).unified_diff().to_string();
            wrong.push(format!("{}\n{diff}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whether a fact is known anywhere in `value`.
fn knows_something(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.contains_key("known") || map.values().any(knows_something),
        Value::Array(items) => items.iter().any(knows_something),
        _ => false,
    }
}

#[test]
fn a_cut_answer_knows_nothing() {
    // Raw answers are hostile ones already, and may hold a whole answer inside.
    for (subject, path, case) in cases().into_iter().filter(|(_, _, case)| case.parts.is_some()) {
        let whole = case.output();
        for end in 0..whole.stdout.len() {
            let cut = output(whole.stdout[..end].to_vec(), whole.exit, vec![], false);
            let found = parse(&subject, &cut);
            assert!(!knows_something(&found) && found != json!("absent"), "{} cut at {end}: {found}", path.display());
        }
    }
}

#[test]
fn a_wrong_number_of_answers_fails_every_fact() {
    let one = output(b"end\n".to_vec(), Exit::Code(0), vec![], false);
    for count in [
        0,
        1,
        facts::sweep(&all_packages(), facts::Sweep::Overview).len() - 1,
        facts::sweep(&all_packages(), facts::Sweep::Overview).len() + 1,
    ] {
        let facts = json!(facts::parse_sweep(&vec![one.clone(); count]));
        let all_failed = facts.as_object().unwrap().values().all(|fact| fact.get("failed").is_some());
        assert!(all_failed, "{count}: {facts}");
    }
}

#[test]
fn an_nginx_file_that_was_cut_by_its_limit_counts_as_unread() {
    let main = "http { include conf.d/a.conf; }";
    let long = format!("server {{ listen 81; }}\n{}", "#".repeat(256 << 10));
    let parts = [("nginx", ""), ("path", "/etc/nginx/nginx.conf"), ("text", main)];
    let parts = parts.into_iter().chain([("path", "/etc/nginx/conf.d/a.conf"), ("text", &*long)]);
    let text: String = parts.map(|(name, body)| format!("{name} 0 {}\n{body}\n", body.len())).collect();
    let found = nginx_sites::parse(&output(format!("{text}end\n").into_bytes(), Exit::Code(0), vec![], false));
    let found = found.known().unwrap();
    assert_eq!((found.servers.len(), &found.unread[..]), (0, &["/etc/nginx/conf.d/a.conf".to_owned()][..]));
}

fn watches() -> Vec<paths::Watch> {
    let watch = |path: &str| paths::Watch { path: path.into(), desired: None, content: true };
    ["/etc/a", "/etc/b/c", "bad"].map(watch).into()
}

fn framed() -> impl Strategy<Value = Vec<u8>> {
    let names = prop::sample::select(vec![
        "os-release",
        "kernel",
        "memory",
        "disks",
        "users",
        "groups",
        "sockets",
        "tools",
        "asked",
        "dpkg",
        "rpm",
        "apt",
        "nginx",
        "path",
        "text",
        "site",
        "manifest",
        "lock",
        "units",
        "python-path",
        "python-version",
        "firewalld-file",
        "firewalld-unit",
        "firewalld-zone",
        "ufw-conf",
        "ufw-rules",
        "nft",
        "selinux-enforce",
        "selinux-config",
        "load",
        "cpu",
        "lists",
        "all",
    ]);
    let body = "([a-zA-Z0-9/:=.\"'{}()\\[\\]<>;,#*? \n\t-]|\\PC){0,60}";
    prop::collection::vec((names, 0u8..3, body), 0..12).prop_map(|parts| {
        let parts = parts.iter().map(|(name, status, body)| format!("{name} {status} {}\n{body}\n", body.len()));
        parts.chain(["end\n".to_owned()]).collect::<String>().into_bytes()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn parsing_never_panics(raw in prop::collection::vec(any::<u8>(), 0..200), framed in framed()) {
        for stdout in [raw, framed] {
            let output = output(stdout, Exit::Code(0), vec![], false);
            for subject in SUBJECTS {
                parse(subject, &output);
            }
            let _ = paths::parse(&watches(), &output);
        }
    }

    #[test]
    fn a_flipped_byte_never_panics(index in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        static CASES: std::sync::LazyLock<Vec<(String, PathBuf, Case)>> = std::sync::LazyLock::new(cases);
        let cases = &*CASES;
        let (subject, _, case) = &cases[index.index(cases.len())];
        let mut output = case.output();
        if !output.stdout.is_empty() {
            let at = at.index(output.stdout.len());
            output.stdout[at] = byte;
        }
        parse(subject, &output);
    }
}

/// Every script that a probe runs, with the shell's own preamble.
#[test]
fn scripts_pass_shellcheck() {
    let Ok(version) = std::process::Command::new("shellcheck").arg("--version").output() else {
        println!("not run: shellcheck is not installed");
        return;
    };
    assert!(version.status.success());
    let mut commands = facts::sweep(&all_packages(), facts::Sweep::Overview);
    commands.push(units::command(&[]));
    commands.push(paths::command(&[]));
    commands.push(packages::candidates_command(PackageManager::Apt, &[]));
    commands.push(packages::candidates_command(PackageManager::Dnf, &[]));
    commands.push(load::command(load::Depth::Quick));
    for manager in [PackageManager::Apt, PackageManager::Dnf] {
        commands.push(updates::command(manager));
    }
    for command in commands {
        assert_eq!(&command.argv[..2], ["sh", "-c"]);
        // 2016: format strings of dpkg-query look like variables. 2317, 2329: not every script uses all of the preamble.
        let mut check = std::process::Command::new("shellcheck");
        check.args(["--shell=sh", "--exclude=2016,2317,2329", "-"]).stdin(std::process::Stdio::piped());
        let mut check = check.stdout(std::process::Stdio::piped()).spawn().unwrap();
        std::io::Write::write_all(&mut check.stdin.take().unwrap(), command.argv[2].as_bytes()).unwrap();
        let result = check.wait_with_output().unwrap();
        assert!(result.status.success(), "{}", String::from_utf8_lossy(&result.stdout));
    }
}
