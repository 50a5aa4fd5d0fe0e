//! The repository's own rules, checked: who may depend on whom, what core may touch, what files look like.
//!
//! Each rule is one test, and says in its message what to do. It reads the files that git knows of or would add;
//! it must not build or run product code. A rule's exceptions are listed beside it, each with its reason.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "this is test code: a broken assumption must stop the test loudly"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

#[path = "tidy/circles.rs"]
mod circles;
#[path = "tidy/names.rs"]
mod names;
#[path = "tidy/tokens.rs"]
mod tokens;

use serde_json::Value;

/// The folders that may be at the top, besides those whose names begin with a dot.
const TOP_FOLDERS: [&str; 5] = ["icons", "src-tauri", "templates", "tests", "ui"];

/// Which packages of this workspace each one may build on. Tests of a package may also use those in `TEST_EDGES`.
const EDGES: [(&str, &[&str]); 6] = [
    ("slipway-core", &[]),
    ("slipway-host", &["slipway-core"]),
    ("slipway-engine", &["slipway-core", "slipway-host"]),
    ("slipway-cli", &["slipway-core", "slipway-engine", "slipway-host"]),
    // The window hands over to the engine and never reaches past it to a host.
    ("slipway-desktop", &["slipway-core", "slipway-engine"]),
    // The test kit must not use the product, so that a fault in the product cannot hide itself.
    ("slipway-tests", &[]),
];

/// What the tests of a package may use besides its `EDGES`. Core's tests need no hosts.
const TEST_EDGES: [(&str, &[&str]); 5] = [
    ("slipway-host", &["slipway-tests"]),
    ("slipway-engine", &["slipway-tests"]),
    ("slipway-cli", &["slipway-tests"]),
    ("slipway-desktop", &["slipway-tests"]),
    ("slipway-tests", &["slipway-core", "slipway-host", "slipway-engine", "slipway-cli", "slipway-desktop"]),
];

/// Crates that a package may not reach, not even through another crate.
const OUT_OF_REACH: [(&str, &[&str]); 4] = [
    (
        "slipway-core",
        &[
            "async-io",
            "async-std",
            "chrono",
            "fastrand",
            "getrandom",
            "hyper",
            "keyring-core",
            "libsqlite3-sys",
            "mio",
            "rand",
            "reqwest",
            "rusqlite",
            "russh",
            "rustix",
            "smol",
            "socket2",
            "tauri",
            "tempfile",
            "tokio",
            "ureq",
            "zbus",
        ],
    ),
    ("slipway-host", &["clap", "keyring-core", "libsqlite3-sys", "rusqlite", "tauri", "zbus"]),
    ("slipway-engine", &["clap", "rpassword", "tauri"]),
    // The command runs where there is no display, and no library of one.
    ("slipway-cli", &["gtk", "tauri", "webkit2gtk", "wry"]),
];

/// What core may not name: the file system, the environment, processes, threads, sockets and clocks of this machine.
const EFFECTS: [&str; 12] = [
    "std::env",
    "std::fs",
    "std::io::stderr",
    "std::io::stdin",
    "std::io::stdout",
    "std::process",
    "std::thread",
    "TcpListener",
    "TcpStream",
    "UdpSocket",
    "SystemTime",
    "Instant::now",
];

/// The longest that a source may be, without its tests: more than a reader can hold in mind anyway.
const LONGEST_SOURCE: usize = 700;

/// The widest that a line of a page may be. The formatter breaks code at 120 and leaves texts whole.
const WIDEST_LINE: usize = 160;

/// The most lines that say something in a command of the window: what is longer decides, and belongs to the engine.
const LONGEST_COMMAND: usize = 16;

/// What the page may do besides the commands of Slipway.
const PERMISSIONS: [&str; 2] = ["core:event:allow-listen", "core:event:allow-unlisten"];

/// Type names whose last word says nothing, but that are words of the field.
const WORDS_OF_THE_FIELD: [(&str, &str); 2] = [
    ("PackageManager", "what apt and dnf are called in the documentation of every distribution"),
    ("FirewallService", "what firewalld calls a named set of ports that it lets in: http, https"),
];

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// Every file that git tracks or would add, relative to the root.
fn files() -> &'static [String] {
    static FILES: OnceLock<Vec<String>> = OnceLock::new();
    FILES.get_or_init(|| {
        let output = Command::new("git")
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .current_dir(root())
            .output()
            .expect("git lists the files to check");
        assert!(output.status.success(), "git: {}", String::from_utf8_lossy(&output.stderr));
        let listed = String::from_utf8(output.stdout).unwrap();
        let mut files: Vec<String> =
            listed.split_terminator('\0').filter(|file| root().join(file).is_file()).map(str::to_owned).collect();
        files.sort();
        files.dedup();
        assert!(files.iter().any(|file| file == "Cargo.toml"), "these are not this repository's files: {files:?}");
        files
    })
}

fn ending<'a>(ending: &'a str) -> impl Iterator<Item = &'static str> + 'a {
    files().iter().map(String::as_str).filter(move |file| file.ends_with(ending))
}

/// The text of a file; `None` when it is not text.
fn text(file: &str) -> Option<String> {
    String::from_utf8(fs::read(root().join(file)).unwrap()).ok()
}

/// Whether a Rust file as a whole is test code.
fn is_test_source(file: &str) -> bool {
    file.starts_with("tests/") || file.contains("/tests/") || is_unit_tests(file)
}

/// Whether a Rust file holds unit tests of the module beside it, and so needs no word on what it is for.
fn is_unit_tests(file: &str) -> bool {
    file.contains("/src/") && (file.contains("/tests/") || file.ends_with("/tests.rs") || file.ends_with("_tests.rs"))
}

/// Whether a file is a source of the window's pages that people write.
fn is_page_source(file: &str) -> bool {
    file.starts_with("ui/src/")
        && !file.contains("/generated/")
        && (file.ends_with(".svelte") || (file.ends_with(".ts") && !file.ends_with(".test.ts")))
}

/// Whether a file begins with `#!` and a Bourne shell.
fn has_shell_shebang(file: &str) -> bool {
    text(file).is_some_and(|text| {
        let first = text.lines().next().unwrap_or_default();
        first.starts_with("#!")
            && ["sh", "bash", "dash"]
                .iter()
                .any(|shell| first.ends_with(&format!("/{shell}")) || first.ends_with(&format!(" {shell}")))
    })
}

/// A Rust source up to its test module, which by custom comes last.
fn without_tests(source: &str) -> &str {
    let mut start = 0;
    for line in source.split_inclusive('\n') {
        let rest = &source[start + line.len()..];
        if line.trim_end() == "#[cfg(test)]" && rest.lines().next().is_some_and(|next| next.ends_with('{')) {
            return &source[..start];
        }
        start += line.len();
    }
    source
}

/// A Rust source without comments and white space, so that a path in it cannot be broken over lines.
fn squeezed(source: &str) -> String {
    let code = source.lines().map(|line| line.split_once("//").map_or(line, |(code, _)| code));
    code.flat_map(str::chars).filter(|char| !char.is_whitespace()).collect()
}

/// Fails with the list of what breaks a rule.
fn none_may(rule: &str, found: &[String]) {
    assert!(found.is_empty(), "{rule}:\n  {}\n", found.join("\n  "));
}

#[test]
fn packages_depend_in_one_direction() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let members = metadata["packages"].as_array().unwrap();
    let names: BTreeSet<&str> = members.iter().map(|package| package["name"].as_str().unwrap()).collect();
    let mut found = Vec::new();
    for package in members {
        let name = package["name"].as_str().unwrap();
        let Some((_, edges)) = EDGES.iter().find(|(from, _)| *from == name) else {
            found
                .push(format!("{name} is new: say in tidy.rs what it may depend on, and in ARCHITECTURE.md why it is"));
            continue;
        };
        let test_edges = TEST_EDGES.iter().find(|(from, _)| *from == name).map_or(&[][..], |(_, edges)| edges);
        for dependency in package["dependencies"].as_array().unwrap() {
            let to = dependency["name"].as_str().unwrap();
            let in_tests = dependency["kind"] == "dev";
            if names.contains(to) && !edges.contains(&to) && !(in_tests && test_edges.contains(&to)) {
                found.push(format!("{name} on {to}"));
            }
        }
    }
    none_may("these dependencies point the wrong way", &found);
}

#[test]
fn packages_do_not_reach_what_they_must_not_know() {
    let mut found = Vec::new();
    for (from, out_of_reach) in OUT_OF_REACH {
        // `cargo metadata` would join the features that all packages ask for; this is what the package alone gets.
        let tree = Command::new(env!("CARGO"))
            .args(["tree", "--locked", "--edges", "normal", "--prefix", "depth", "--format", " {p}", "--package", from])
            .current_dir(root())
            .output()
            .unwrap();
        assert!(tree.status.success(), "cargo tree: {}", String::from_utf8_lossy(&tree.stderr));
        let mut way: Vec<&str> = Vec::new();
        for line in std::str::from_utf8(&tree.stdout).unwrap().lines().filter(|line| !line.is_empty()) {
            let mut words = line.split(' ');
            way.truncate(words.next().unwrap().parse().unwrap());
            way.push(words.next().unwrap());
            if out_of_reach.contains(way.last().unwrap()) {
                found.push(way.join(" → "));
            }
        }
    }
    none_may("these dependencies bring effects where there must be none", &found);
}

#[test]
fn core_has_no_effects() {
    let mut found = Vec::new();
    for file in ending(".rs").filter(|file| file.starts_with("src-tauri/crates/core/src/") && !is_test_source(file)) {
        let code = squeezed(without_tests(&text(file).unwrap()));
        for effect in EFFECTS {
            // Both `use std::fs;` and `use std::{fmt, fs};`.
            let grouped = effect.strip_prefix("std::").is_some_and(|name| {
                code.split("usestd::{").skip(1).any(|group| {
                    let group = group.split(';').next().unwrap();
                    group.split(['{', ',', '}']).any(|item| item == name || item.starts_with(&format!("{name}::")))
                })
            });
            if grouped || code.contains(effect) {
                found.push(format!("{file}: {effect}"));
            }
        }
    }
    none_may("core decides and touches nothing; let the caller pass in what it needs", &found);
}

#[test]
fn sources_are_short_enough_to_hold_in_mind() {
    let mut found = Vec::new();
    let ui = files().iter().map(String::as_str).filter(|file| is_page_source(file));
    for file in ending(".rs").filter(|file| !is_test_source(file)).chain(ui) {
        let lines = without_tests(&text(file).unwrap()).lines().count();
        if lines > LONGEST_SOURCE {
            found.push(format!("{file}: {lines} lines without its tests"));
        }
    }
    none_may("split these", &found);
}

#[test]
fn lines_of_pages_can_be_read_at_once() {
    let mut found = Vec::new();
    for file in files().iter().filter(|file| is_page_source(file)) {
        for (number, line) in text(file).unwrap().lines().enumerate() {
            let width = line.chars().count();
            if width > WIDEST_LINE {
                found.push(format!("{file}:{}: {width} characters", number + 1));
            }
        }
    }
    none_may("break these, or give a part a name", &found);
}

#[test]
fn every_module_says_what_it_is_for() {
    let found: Vec<String> = ending(".rs")
        .filter(|file| !is_unit_tests(file) && !text(file).unwrap().starts_with("//! "))
        .map(str::to_owned)
        .collect();
    none_may("these do not begin with `//!` and what they are for", &found);
}

#[test]
fn names_say_something() {
    let mut found = Vec::new();
    for file in ending(".rs") {
        for line in text(file).unwrap().lines() {
            let mut words =
                line.split(|char: char| !char.is_alphanumeric() && char != '_').filter(|word| !word.is_empty());
            let Some(kind) = words.find(|word| ["struct", "enum", "trait", "type", "mod"].contains(word)) else {
                continue;
            };
            let declares = line.trim_start().starts_with("pub") || line.trim_start().starts_with(kind);
            let Some(name) = words.next().filter(|_| declares) else {
                continue;
            };
            let says_nothing = match kind {
                "mod" => ["common", "helper", "helpers", "misc", "util", "utils"].contains(&name),
                _ => {
                    ["Manager", "Service", "Helper", "Helpers", "Util", "Utils"].iter().any(|word| name.ends_with(word))
                }
            };
            if says_nothing && !WORDS_OF_THE_FIELD.iter().any(|(word, _)| *word == name) {
                found.push(format!("{file}: {kind} {name}"));
            }
        }
    }
    none_may("name these after what they are", &found);
}

#[test]
fn the_top_of_the_repository_stays_small() {
    let folders: BTreeSet<&str> = files().iter().filter_map(|file| Some(file.split_once('/')?.0)).collect();
    let found: Vec<String> = folders
        .iter()
        .filter(|folder| !folder.starts_with('.') && !TOP_FOLDERS.contains(folder))
        .map(|folder| (*folder).to_owned())
        .collect();
    none_may("these folders do not belong at the top", &found);
}

#[test]
fn nothing_is_bound_to_one_machine() {
    // Put together here so that this file does not break its own rule.
    let workplace = ["", "work", ""].join("/");
    let mut found = Vec::new();
    for file in files() {
        for (number, line) in text(file).unwrap_or_default().lines().enumerate() {
            let is_bound = line.match_indices(&workplace).any(|(at, _)| {
                // Below another folder it is a path on a host, below a variable one in a temporary directory.
                let before = line[..at].chars().next_back();
                before.is_none_or(|char| !char.is_alphanumeric() && !"_-.$})".contains(char))
            });
            if is_bound {
                found.push(format!("{file}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    none_may("these paths exist on one machine only", &found);
}

#[test]
fn lock_files_name_no_mirror() {
    // Cargo writes the index's own name whichever mirror served it; npm would write the address that it downloaded from.
    let mut found = Vec::new();
    for (lock, key, allowed) in [
        ("Cargo.lock", "source = \"", Some("registry+https://github.com/rust-lang/crates.io-index\"")),
        ("package-lock.json", "\"resolved\": \"", None),
    ] {
        for file in files().iter().filter(|file| Path::new(file).file_name().is_some_and(|name| name == lock)) {
            for line in text(file).unwrap().lines() {
                let source = line.split_once(key).map(|(_, source)| source);
                if source.is_some_and(|source| allowed.is_none_or(|allowed| !source.starts_with(allowed))) {
                    found.push(format!("{file}: {}", line.trim()));
                }
            }
        }
    }
    none_may("a clone elsewhere could not install these", &found);
}

#[test]
fn only_one_folder_of_the_front_end_knows_the_window() {
    let found: Vec<String> = files()
        .iter()
        .filter(|file| file.starts_with("ui/src/") && !file.starts_with("ui/src/backend/"))
        .filter(|file| text(file).is_some_and(|text| text.contains("@tauri-apps/")))
        .cloned()
        .collect();
    none_may("only ui/src/backend/ may import @tauri-apps", &found);
}

#[test]
fn pages_never_make_markup_of_text() {
    // A style attribute is blocked by the policy below, so it would also look wrong; `style:name={…}` is not one.
    let mut found = Vec::new();
    for file in files().iter().filter(|file| is_page_source(file)) {
        let forbidden: &[&str] = if file.ends_with(".svelte") {
            &["style=\"", "style={", "{@html", "innerHTML", "insertAdjacentHTML"]
        } else {
            &["innerHTML", "insertAdjacentHTML"]
        };
        for (number, line) in text(file).unwrap().lines().enumerate() {
            // At a word's beginning: `cspell-style="` is something else.
            let holds = |word: &&&str| {
                line.match_indices(**word).any(|(at, _)| !line[..at].ends_with(|before: char| before.is_alphanumeric()))
            };
            found.extend(forbidden.iter().find(holds).map(|word| format!("{file}:{}: {word}", number + 1)));
        }
    }
    none_may("what a host said could become part of the page", &found);
}

#[test]
fn the_page_may_do_little() {
    let config: Value = serde_json::from_str(&text("src-tauri/tauri.conf.json").unwrap()).unwrap();
    let policy = config["app"]["security"]["csp"].as_str().expect("the window has a content security policy");
    let mut found: Vec<String> = ["unsafe-", "data:", "blob:", "https:", "*"]
        .iter()
        .filter(|word| policy.contains(**word))
        .map(|word| format!("content security policy: {word}"))
        .collect();
    for needed in
        ["default-src 'self'", "script-src 'self'", "object-src 'none'", "base-uri 'none'", "frame-src 'none'"]
    {
        if !policy.contains(needed) {
            found.push(format!("content security policy: without {needed}"));
        }
    }
    if config["app"]["withGlobalTauri"] == true {
        found.push("withGlobalTauri".to_owned());
    }
    for file in files().iter().filter(|file| file.starts_with("src-tauri/capabilities/")) {
        let capability: Value = serde_json::from_str(&text(file).unwrap()).unwrap();
        if !capability["remote"].is_null() {
            found.push(format!("{file}: remote"));
        }
        for permission in capability["permissions"].as_array().unwrap() {
            if !permission.as_str().is_some_and(|permission| PERMISSIONS.contains(&permission)) {
                found.push(format!("{file}: {permission}"));
            }
        }
    }
    none_may("a page that was taken over could do more than the window needs", &found);
}

#[test]
fn commands_of_the_window_hand_over() {
    let mut found = Vec::new();
    let mut seen = 0;
    for file in ending(".rs").filter(|file| file.starts_with("src-tauri/src/commands/") && !is_test_source(file)) {
        let source = text(file).unwrap();
        for command in without_tests(&source).split("#[tauri::command]").skip(1) {
            seen += 1;
            // rustfmt puts the brace that ends a function at the beginning of a line.
            let (whole, _) = command.split_once("\n}\n").expect("a command is a function");
            let (head, body) = whole.split_once(" {\n").expect("a command has a body");
            let name = head.split_once("fn ").map_or(head, |(_, rest)| rest.split('(').next().unwrap());
            let says = |line: &&str| line.contains(char::is_alphanumeric) && !line.trim_start().starts_with("//");
            let lines = body.lines().filter(says).count();
            if lines > LONGEST_COMMAND {
                found.push(format!("{file}: {name} has {lines} lines"));
            }
        }
    }
    assert!(seen > 20, "only {seen} commands were found: this test looks in the wrong place");
    none_may("let the engine decide; a command only turns what it says into a view", &found);
}

#[test]
fn every_template_is_used() {
    let sources: Vec<String> = ending(".rs")
        .filter(|file| !is_test_source(file))
        .map(|file| without_tests(&text(file).unwrap()).to_owned())
        .collect();
    let templates: Vec<&String> =
        files().iter().filter(|file| file.starts_with("templates/") && !file.ends_with("/.keep")).collect();
    let bodies: Vec<(&String, String)> =
        templates.iter().map(|template| (*template, text(template).expect("a template is text"))).collect();
    let mut found = Vec::new();
    for template in templates {
        let name = template.strip_prefix("templates/").unwrap();
        let (folder, file) = template.rsplit_once('/').unwrap();
        let quoted = format!("\"{name}\"");
        // By its name, "nginx/site.conf"; by its path, "../templates/nginx/site.conf"; by its stem beside its folder.
        let by_path = format!("{template}\"");
        let by_parts = (format!("/{folder}/\""), format!("\"{}\"", file.split('.').next().unwrap()));
        let in_sources = sources.iter().any(|source| {
            source.contains(&quoted)
                || source.contains(&by_path)
                || (source.contains(&by_parts.0) && source.contains(&by_parts.1))
        });
        let in_templates = bodies.iter().any(|(other, body)| *other != template && body.contains(&quoted));
        if !in_sources && !in_templates {
            found.push(format!("{template}: no source and no other template names it"));
        }
    }
    none_may("remove these, or use them", &found);
}

#[test]
fn shell_scripts_pass_shellcheck() {
    let mut found = Vec::new();
    let (programs, parts): (Vec<&String>, Vec<&String>) = files()
        .iter()
        .filter(|file| file.ends_with(".sh") || has_shell_shebang(file))
        .partition(|file| has_shell_shebang(file));
    // A file that names no shell is part of a script: put together with others and handed to a host's /bin/sh.
    // SC2174: `mkdir -p -m` gives the mode to the last folder only, which is what is meant.
    // SC2034, SC2154: one part sets a variable for another. SC1007, SC2209: `a= b=` and `kind=link` are meant so.
    for (scripts, options) in [
        (programs, &["--exclude=SC2174"][..]),
        (parts, &["--shell=sh", "--exclude=SC2174,SC2034,SC2154,SC1007,SC2209"]),
    ] {
        if scripts.is_empty() {
            continue;
        }
        let mut shellcheck = Command::new("shellcheck");
        shellcheck.args(["--severity=warning", "--format=gcc"]).args(options).args(&scripts).current_dir(root());
        match shellcheck.output() {
            Ok(output) if output.status.success() => {}
            Ok(output) => {
                let complaints = [output.stdout, output.stderr].concat();
                found.extend(String::from_utf8_lossy(&complaints).lines().map(str::to_owned));
            }
            Err(error) => {
                let required = std::env::var_os("CI").is_some_and(|value| value == "true");
                assert!(!required, "shellcheck is required here: {error}");
                eprintln!("not run: no shellcheck on this machine ({error})");
                return;
            }
        }
    }
    none_may("shellcheck complains", &found);
}
