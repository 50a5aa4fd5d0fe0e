//! The probes' scripts run for real: on this machine, under each POSIX shell that is here. They only read.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::process::{Command as Process, Stdio};
use std::time::{Duration, Instant};

use slipway_core::command::{Command, Exit, Output};
use slipway_core::digest::Digest;
use slipway_core::fact::Fact;
use slipway_core::facts::paths::{self, ParentFault, PathState, Watch};
use slipway_core::facts::{self, Facts, load, packages, units, updates};
use slipway_core::profile::{PackageManager, all_packages};

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Runs a probe as the executor would, with `shell` in place of `sh`.
fn run(shell: &str, command: &Command) -> Output {
    assert_eq!(command.argv[0], "sh");
    let mut process = Process::new(shell);
    process.args(&command.argv[1..]).env_clear().env("LC_ALL", "C").env("PATH", PATH).stdin(Stdio::null());
    let done = process.output().unwrap();
    let code = done.status.code().and_then(|code| u8::try_from(code).ok()).unwrap();
    Output { exit: Exit::Code(code), stdout: done.stdout, stderr: done.stderr, truncated: false }
}

/// The shells that are here; says which are not.
fn shells() -> Vec<&'static str> {
    let here = |shell: &&str| std::path::Path::new(shell).exists();
    let (found, lacking): (Vec<_>, Vec<_>) =
        ["/usr/bin/dash", "/usr/bin/bash", "/usr/bin/ksh", "/usr/bin/busybox"].into_iter().partition(here);
    for shell in lacking {
        println!("not run under {shell}: it is not here");
    }
    found.into_iter().filter(|shell| !shell.ends_with("busybox")).collect()
}

fn sweep(shell: &str) -> (Facts, Duration) {
    let started = Instant::now();
    let outputs: Vec<Output> = facts::sweep(&all_packages(), facts::Sweep::Overview)
        .iter()
        .map(|command| {
            let output = run(shell, command);
            assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
            output
        })
        .collect();
    (facts::parse_sweep(&outputs), started.elapsed())
}

#[test]
fn a_sweep_of_this_machine_is_read_under_every_shell() {
    for shell in shells() {
        let (facts, took) = sweep(shell);
        println!("{shell}: {took:?}");
        println!("{}", serde_json::to_string_pretty(&facts).unwrap());
        let os = facts.os.known().unwrap();
        assert!(!os.id.is_empty());
        facts.kernel.known().unwrap();
        facts.hostname.known().unwrap();
        assert!(facts.memory.known().unwrap().total > 1 << 20);
        assert!(facts.cpu.known().unwrap().count > 0);
        assert!(facts.clock.known().unwrap().epoch_seconds > 1_600_000_000);
        assert!(facts.disks.known().unwrap().iter().any(|disk| disk.mount == "/"));
        assert!(facts.users.known().unwrap().iter().any(|user| user.name == "root" && user.uid == 0));
        assert!(facts.groups.known().unwrap().iter().any(|group| group.gid == 0));
        let packages = facts.packages.known().unwrap();
        assert!(packages.installed.values().all(|state| !matches!(state, Fact::Failed(_))));
        facts.programs.known().unwrap();
        facts.records.known().unwrap();
        let copy: Facts = serde_json::from_str(&serde_json::to_string(&facts).unwrap()).unwrap();
        assert_eq!(copy, facts);
    }
}

#[test]
fn installed_packages_agree_with_dpkg() {
    if !std::path::Path::new("/usr/bin/dpkg-query").exists() {
        println!("not run: there is no dpkg-query here");
        return;
    }
    let names = ["dpkg", "no-such-package-anywhere", "--help", "a b"].map(str::to_owned);
    let found = packages::parse(&run("/bin/sh", &packages::command(&names)));
    let installed = &found.known().unwrap().installed;
    assert_eq!(installed.len(), 2, "names that cannot be packages are not asked for");
    assert!(installed["dpkg"].known().is_some());
    assert_eq!(installed["no-such-package-anywhere"], Fact::Absent);
    let offered = run("/bin/sh", &packages::candidates_command(PackageManager::Apt, &names));
    let offered = packages::parse_candidates(&offered);
    assert_eq!(offered.known().unwrap()["no-such-package-anywhere"], Fact::Absent);
}

#[test]
fn units_are_asked_by_name_only() {
    let none = units::parse(&run("/bin/sh", &units::command(&[])));
    assert_eq!(none, Fact::Known(vec![]));
    let hostile = ["*".to_owned(), "--all".to_owned(), "a b.service".to_owned()];
    assert_eq!(units::parse(&run("/bin/sh", &units::command(&hostile))), Fact::Known(vec![]));
    let asked = ["nginx.service".to_owned()];
    match units::parse(&run("/bin/sh", &units::command(&asked))) {
        Fact::Known(states) => assert_eq!(states[0].name, "nginx.service"),
        Fact::Failed(reason) => println!("not run: systemd does not answer here ({reason})"),
        Fact::Absent => panic!("units are never absent as a whole"),
    }
}

#[test]
fn the_load_of_this_machine_is_read_under_every_shell() {
    for shell in shells() {
        let output = run(shell, &load::command(load::Depth::WithDisks));
        assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        let Fact::Known(first) = load::parse(&output) else { panic!("{:?}", load::parse(&output)) };
        assert!(first.disk_percent.is_some() && first.cpu_total > first.cpu_busy);
        let Fact::Known(second) = load::parse(&run(shell, &load::command(load::Depth::Quick))) else { panic!() };
        assert_eq!(second.disk_percent, None);
        assert!(second.cpu_total >= first.cpu_total && second.memory_total == first.memory_total);
    }
}

#[test]
fn updates_are_counted_or_said_to_be_unknown() {
    if !std::path::Path::new("/usr/bin/apt-get").exists() {
        println!("not run: there is no apt-get here");
        return;
    }
    let known_lists = std::fs::read_dir("/var/lib/apt/lists")
        .unwrap()
        .any(|entry| entry.is_ok_and(|entry| entry.file_name().to_string_lossy().contains("_Packages")));
    match updates::parse(&run("/bin/sh", &updates::command(PackageManager::Apt))) {
        Fact::Known(found) => assert!(known_lists && found.security.unwrap() <= found.pending, "{found:?}"),
        Fact::Failed(why) => assert!(!known_lists, "{why}"),
        Fact::Absent => panic!("updates are never absent"),
    }
}

fn watch(path: &str, content: bool, desired: Option<&[u8]>) -> Watch {
    Watch { path: path.to_owned(), desired: desired.map(Digest::of), content }
}

#[test]
fn paths_are_seen_without_following_links() {
    for shell in shells() {
        let root = std::env::temp_dir().join(format!("slipway-paths-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&root);
        std::fs::create_dir_all(root.join("plain")).unwrap();
        let at = |name: &str| root.join(name).to_str().unwrap().to_owned();
        let odd = "plain/od d\n'\"$(x)\\=-";
        let bytes: Vec<u8> = (0..=255).collect();
        std::fs::write(root.join("plain/file"), &bytes).unwrap();
        std::fs::write(root.join(odd), "odd").unwrap();
        std::fs::write(root.join("plain/large"), vec![b'x'; 300_000]).unwrap();
        std::fs::write(root.join("plain/empty"), "").unwrap();
        std::os::unix::fs::symlink("file\n", root.join("plain/link")).unwrap();
        std::os::unix::fs::symlink("plain", root.join("to-plain")).unwrap();
        std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap();
        let watches = [
            watch(&at("plain/file"), true, None),
            watch(&at("plain/file"), false, None),
            watch(&at(odd), true, Some(b"odd")),
            watch(&at(odd), true, Some(b"other")),
            watch(&at("plain/large"), true, None),
            watch(&at("plain/empty"), true, None),
            watch(&at("plain/link"), true, None),
            watch(&at("plain"), true, None),
            watch(&at("socket"), true, None),
            watch(&at("missing/deeper\n/file"), true, None),
            watch(&at("to-plain/file"), true, None),
            watch(&at("plain/file/below"), true, None),
            watch("relative", true, None),
            watch("/etc/../etc/passwd", true, None),
        ];
        let output = run(shell, &paths::command(&watches));
        assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        let seen = paths::parse(&watches, &output);
        let content = |index: usize| match &seen[index].state {
            PathState::File { content, digest, .. } => (content.clone().map(|c| c.0), digest.clone()),
            other => panic!("{shell} {index}: {other:?}"),
        };
        assert_eq!(content(0), (Some(bytes.clone()), Digest::of(&bytes)));
        assert_eq!(content(2).1, Digest::of(b"odd"));
        assert_eq!(content(3).0, Some(b"odd".to_vec()));
        assert_eq!(content(4).0, None, "too large to bring back");
        assert_eq!(content(5).0, Some(vec![]));
        assert!(matches!(&seen[6].state, PathState::Symlink { target, .. } if target == "file\n"));
        assert!(matches!(&seen[7].state, PathState::Directory { .. }));
        assert!(matches!(&seen[8].state, PathState::Other { what } if what == "socket"));
        assert_eq!(seen[9].state, PathState::Absent);
        for one in &seen[10..] {
            assert!(matches!(one.state, PathState::Failed { .. }), "{one:?}");
        }
        // Temporary directories are writable by everybody, and that comes first.
        assert_eq!(seen[0].untrusted_parent.as_ref().unwrap().reason, ParentFault::WorldWritable);
        // Every prefix of the answer fails, or says the same.
        for end in 0..output.stdout.len() {
            let cut = Output { stdout: output.stdout[..end].to_vec(), ..output.clone() };
            let cut = paths::parse(&watches, &cut);
            assert!(cut.iter().all(|one| matches!(one.state, PathState::Failed { .. })), "cut at {end}");
        }
        std::fs::remove_dir_all(&root).unwrap();
    }
    let seen = paths::parse(&[], &run("/bin/sh", &paths::command(&[])));
    assert!(seen.is_empty());
}

#[test]
fn directories_of_root_are_trusted() {
    let watches = [watch("/etc/os-release", false, None), watch("/etc/no-such-file", true, None)];
    let seen = paths::parse(&watches, &run("/bin/sh", &paths::command(&watches)));
    assert!(seen.iter().all(|one| one.untrusted_parent.is_none()), "{seen:?}");
    assert_eq!(seen[1].state, PathState::Absent);
}
