//! What the repository's scripts keep between runs: whole or not there, and made once. On copies of the scripts, beside
//! programs that only note how they were called.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "this is test code: a broken assumption must stop the test loudly"
)]

use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A clone that has nothing but some scripts, and programs in front of the system's.
struct Clone {
    folder: tempfile::TempDir,
}

impl Clone {
    fn with(scripts: &[&str]) -> Self {
        let clone = Self { folder: tempfile::tempdir().unwrap() };
        for folder in ["tests", "bin", "cache", "tmp", "ui/src"] {
            fs::create_dir_all(clone.at(folder)).unwrap();
        }
        for script in scripts {
            fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join(script), clone.at("tests").join(script)).unwrap();
        }
        clone
    }

    fn at(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// Puts a program in front of the system's; `$LOG` is for notes.
    fn program(&self, name: &str, body: &str) {
        let path = self.at("bin").join(name);
        fs::write(&path, format!("#!/bin/sh\nset -eu\n{body}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn command(&self, script: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.at("tests").join(script));
        command
            .args(arguments)
            .env_clear()
            .env("PATH", format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", self.at("bin").display()))
            .env("HOME", self.folder.path())
            .env("TMPDIR", self.at("tmp"))
            .env("LOG", self.at("log"))
            .env("SLIPWAY_CI_CACHE", self.at("cache"))
            .stdin(Stdio::null());
        command
    }

    fn run(&self, script: &str, arguments: &[&str]) -> Output {
        self.command(script, arguments).output().unwrap()
    }

    /// What programs noted, a line each.
    fn log(&self) -> Vec<String> {
        fs::read_to_string(self.at("log")).unwrap_or_default().lines().map(str::to_owned).collect()
    }
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Installs two files, and insists that none is there.
const INSTALL: &str = r#"echo install >>"$LOG"; mkdir "$1"; echo 1 >"$1/first"; echo 2 >"$1/second""#;

#[test]
fn a_tool_is_installed_once() {
    let clone = Clone::with(&["keep"]);
    clone.program("install-it", INSTALL);
    for _ in 0..2 {
        let output = clone.run("keep", &["tool-1", "install-it"]);
        assert!(output.status.success(), "{}", text(&output));
        assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), clone.at("cache/tool-1").display().to_string());
    }
    assert_eq!(clone.log(), ["install"]);
    assert!(clone.run("keep", &["tool-2", "install-it"]).status.success());
    assert_eq!(clone.log().len(), 2, "another version is another tool");
}

#[test]
fn who_wants_a_tool_that_is_being_installed_waits() {
    let clone = Clone::with(&["keep"]);
    clone.program("install-it", &format!("{INSTALL}; until [ -e \"$LOG.go\" ]; do sleep 0.01; done"));
    let children: Vec<_> = (0..4)
        .map(|_| clone.command("keep", &["tool", "install-it"]).stdout(Stdio::piped()).spawn().unwrap())
        .collect();
    fs::write(clone.at("log.go"), "").unwrap();
    for child in children {
        assert!(child.wait_with_output().unwrap().status.success());
    }
    assert_eq!(clone.log(), ["install"]);
}

#[test]
fn a_tool_that_was_half_installed_is_installed_anew() {
    let clone = Clone::with(&["keep"]);
    clone.program("install-it", r#"mkdir "$1"; echo 1 >"$1/first"; echo half; kill -KILL $PPID"#);
    assert!(!clone.run("keep", &["tool", "install-it"]).status.success());
    assert_eq!(names(&clone.at("cache/tool")), ["first"]);

    clone.program("install-it", "echo the registry does not answer >&2; exit 1");
    let failed = clone.run("keep", &["tool", "install-it"]);
    assert_eq!(failed.status.code(), Some(1));
    assert!(text(&failed).contains("the registry does not answer"), "{}", text(&failed));
    assert!(text(&failed).contains("tool could not be installed"), "{}", text(&failed));

    clone.program("install-it", INSTALL);
    assert!(clone.run("keep", &["tool", "install-it"]).status.success());
    assert_eq!(names(&clone.at("cache/tool")), [".whole", "first", "second"]);
}

/// A clone with pages, and an npm that builds them up to `$STOP`.
fn pages() -> Clone {
    let clone = Clone::with(&["pages"]);
    for file in ["package-lock.json", "index.html", "src/a.svelte", "vite.config.ts", "svelte.config.js"] {
        fs::write(clone.at("ui").join(file), "").unwrap();
    }
    let npm = r#"echo "npm $1" >>"$LOG"
case $1 in
ci) rm -rf node_modules; mkdir node_modules; [ -z "${STOP-}" ] ;;
run) [ "$3 $4" = "-- --outDir" ]; mkdir -p "$5/assets"; [ -z "${STOP-}" ]; echo new >"$5/index.html" ;;
esac"#;
    clone.program("npm", npm);
    clone
}

#[test]
fn pages_are_built_when_they_are_not_whole() {
    let clone = pages();
    assert!(clone.run("pages", &[]).status.success());
    assert!(clone.run("pages", &[]).status.success());
    assert_eq!(clone.log(), ["npm ci", "npm run"]);
    // As an interrupted build leaves it.
    fs::remove_file(clone.at("ui/dist/index.html")).unwrap();
    assert!(clone.run("pages", &[]).status.success());
    assert_eq!(clone.log(), ["npm ci", "npm run", "npm run"]);
    assert_eq!(names(&clone.at("ui/dist")), ["assets", "index.html"]);
}

#[test]
fn pages_that_could_not_be_built_are_not_taken_for_built() {
    let clone = pages();
    assert!(!clone.command("pages", &[]).env("STOP", "1").output().unwrap().status.success());
    assert!(clone.run("pages", &[]).status.success());
    assert_eq!(clone.log(), ["npm ci", "npm ci", "npm run"]);
    fs::remove_dir_all(clone.at("ui/dist")).unwrap();
    assert!(!clone.command("pages", &[]).env("STOP", "1").output().unwrap().status.success());
    assert!(!clone.at("ui/dist").exists());
}

#[test]
fn a_fresh_run_has_empty_caches_that_go_away_with_it() {
    let clone = Clone::with(&["fresh"]);
    clone.program("npm", "");
    for kept in ["ui/node_modules", "ui/dist"] {
        fs::create_dir_all(clone.at(kept)).unwrap();
    }
    let look = r#"for place in "$SLIPWAY_TEST_CACHE" "$SLIPWAY_CI_CACHE" "$CARGO_TARGET_DIR" "$npm_config_cache" "$PIP_CACHE_DIR"; do
        case $place in "$TMPDIR"/slipway-fresh.*) ;; *) exit 90 ;; esac
        [ ! -e "$place" ] || exit 91
        mkdir "$place"
    done
    [ ! -e ui/node_modules ] && [ ! -e ui/dist ] || exit 92
    exit 7"#;
    let output = clone.run("fresh", &["sh", "-c", look]);
    assert_eq!(output.status.code(), Some(7), "{}", text(&output));
    assert!(text(&output).contains("== from empty caches: "), "{}", text(&output));
    assert!(names(&clone.at("tmp")).is_empty());
}

#[test]
fn a_fresh_run_that_is_stopped_leaves_nothing() {
    let clone = Clone::with(&["fresh"]);
    let wait = r#"mkdir "$SLIPWAY_TEST_CACHE"; echo begun; kill -TERM $PPID"#;
    let mut child = clone.command("fresh", &["sh", "-c", wait]).stdout(Stdio::piped()).spawn().unwrap();
    let mut said = String::new();
    child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(said.contains("begun"), "{said}");
    assert_eq!(child.wait().unwrap().code(), Some(143));
    assert!(names(&clone.at("tmp")).is_empty());
}

/// A clone in which all tools are notes, and the test kit does `bake`.
fn runner(bake: &str) -> Clone {
    let clone = Clone::with(&["run", "fresh"]);
    clone.program("id", "echo 0");
    let kit = format!("#!/bin/sh\ncase \"$1 $2\" in 'host bake') {bake} ;; esac\n");
    fs::write(clone.at("kit"), kit).unwrap();
    fs::set_permissions(clone.at("kit"), fs::Permissions::from_mode(0o755)).unwrap();
    let cargo = format!(
        r#"echo "cargo $*" >>"$LOG"; mkdir -p "$CARGO_TARGET_DIR/debug"; cp '{}' "$CARGO_TARGET_DIR/debug/slipway-testkit""#,
        clone.at("kit").display()
    );
    clone.program("cargo", &cargo);
    clone.program("cargo-nextest", "");
    clone.program("gnome-keyring-daemon", "");
    clone.program("dbus-send", "");
    clone.program("npm", "exit 0");
    clone.program("dbus-run-session", r#"shift 3; exec "$@""#);
    let pages = clone.at("tests/pages");
    fs::write(&pages, "#!/bin/sh\n").unwrap();
    fs::set_permissions(&pages, fs::Permissions::from_mode(0o755)).unwrap();
    clone
}

fn tests_begin(log: &[String]) -> Option<usize> {
    log.iter().position(|line| line.starts_with("cargo nextest"))
}

#[test]
fn tests_begin_when_what_hosts_share_is_made() {
    // It ends well after the build, if no test begins before.
    let clone = runner(
        r#"until grep -q -e --doc "$LOG"; do sleep 0.01; done
        turns=0; until grep -q '^cargo nextest' "$LOG" || [ $turns = 50 ]; do sleep 0.01; turns=$((turns + 1)); done
        echo "baked $3" >>"$LOG""#,
    );
    let output = clone.run("run", &["--fresh"]);
    assert!(output.status.success(), "{}", text(&output));
    let log = clone.log();
    let baked = log.iter().position(|line| line == "baked all").unwrap();
    assert!(Some(baked) < tests_begin(&log), "{log:#?}");
    assert!(text(&output).contains("== from empty caches: "), "{}", text(&output));
    assert!(names(&clone.at("tmp")).is_empty());
}

#[test]
fn no_test_is_tried_when_what_hosts_share_cannot_be_made() {
    let clone = runner("echo 'error: the archive does not answer' >&2; exit 1");
    let output = clone.run("run", &["--fresh"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(text(&output).contains("the archive does not answer"), "{}", text(&output));
    assert!(text(&output).contains("no test was tried"), "{}", text(&output));
    assert_eq!(tests_begin(&clone.log()), None, "{:#?}", clone.log());
}

#[test]
fn a_fresh_run_takes_filters() {
    let clone = runner(r#"echo "baked $3" >>"$LOG""#);
    let output = clone.run("run", &["--fresh", "known_hosts"]);
    assert!(output.status.success(), "{}", text(&output));
    let log = clone.log();
    assert!(log[tests_begin(&log).unwrap()].ends_with(" known_hosts"), "{log:#?}");
    assert!(!log.iter().any(|line| line.starts_with("baked")), "{log:#?}");
}
