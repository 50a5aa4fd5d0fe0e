//! The executor on a real sshd.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    missing_docs
)]

mod support;

use std::time::{Duration, Instant};

use slipway_core::command::{Command, Exit, Stdin};
use slipway_core::secret::Secret;
use slipway_host::{Batch, HostError};
use support::{Server, can_run};

/// One sshd where `sh` is what the system has, and one where it is bash, as on the RHEL family.
fn servers() -> Vec<Server> {
    let folder = Box::leak(Box::new(tempfile::tempdir().unwrap()));
    std::os::unix::fs::symlink("/bin/bash", folder.path().join("sh")).unwrap();
    let bash = format!("SetEnv PATH={}:/usr/bin:/bin", folder.path().display());
    vec![Server::start(""), Server::start(&bash)]
}

fn sh(script: &'static str) -> Command {
    Command::script(script, [] as [&str; 0])
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_run_as_root_in_a_plain_environment() {
    if !can_run() {
        return;
    }
    for server in servers() {
        let host = server.connect().await;
        let output = host
            .run(sh("id -u; pwd; umask; echo $LC_ALL $PATH; cat; ls -ld $(dirname $(readlink /proc/$$/fd/2))"))
            .await
            .unwrap();
        let text = output.text();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[..3], ["0", "/", "0077"]);
        assert_eq!(lines[3], "C /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        assert!(lines[4].starts_with("drwx------"), "{text}");
        let own = lines.iter().map(|line| line.rsplit(' ').next().unwrap().to_owned()).next_back().unwrap();
        host.close().await;
        let gone = (0..200).any(|_| {
            std::thread::sleep(Duration::from_millis(10));
            !std::path::Path::new(&own).exists()
        });
        assert!(gone, "the private folder goes away with the connection");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn words_and_bytes_travel_unchanged() {
    if !can_run() {
        return;
    }
    for server in servers() {
        let host = server.connect().await;
        let words =
            ["", "a b", "it's", "new\nline\n", "tab\t\r", "é ü \u{80} \u{ffff}", "$HOME `id` \\ \\n %b", "*", "-n"];
        let argv = ["printf", "%s\\0"].into_iter().chain(words);
        let output = host.run(Command::new(argv)).await.unwrap();
        let expected: Vec<u8> = words.iter().flat_map(|word| word.bytes().chain([0])).collect();
        assert_eq!(output.stdout, expected);

        let every: Vec<u8> = (0..=255).cycle().take(300_000).collect();
        for stdin in [Stdin::Bytes(every.clone()), Stdin::Secret(Secret::new(every.clone()))] {
            let output = host.run(Command::new(["cat"]).stdin(stdin)).await.unwrap();
            assert_eq!(output.exit, Exit::Code(0));
            assert!(output.stdout == every, "{} bytes", output.stdout.len());
        }
        // Input that is read as it arrives is read to its end, whatever the command does with it.
        let arriving = |script| sh(script).stdin(Stdin::Arriving(every.clone()));
        let commands = [
            arriving("cat"),
            arriving("head -c 3 | od -An -tu1; exit 5"),
            arriving("cat"),
            arriving("exec <&-"),
            sh("cat"),
        ];
        let outputs = host.batch(Batch::all(commands.clone())).await.unwrap();
        assert!(outputs[0].stdout == every && outputs[2].stdout == every);
        assert_eq!((outputs[1].exit, outputs[1].text().trim()), (Exit::Code(5), "0   1   2"));
        assert_eq!((outputs[3].exit, outputs[4].stdout.as_slice()), (Exit::Code(0), &b""[..]));
        let outputs = host.batch(Batch::until_failure(commands)).await.unwrap();
        assert_eq!(outputs[4].exit, Exit::Skipped);
        let output = host.run(sh("printf 'out'; printf 'err\\0' >&2; exit 7")).await.unwrap();
        assert_eq!(
            (output.exit, output.stdout.as_slice(), output.stderr.as_slice()),
            (Exit::Code(7), &b"out"[..], &b"err\0"[..])
        );
        assert!(!output.truncated);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_of_25_commands_is_one_round_trip() {
    if !can_run() {
        return;
    }
    let server = Server::start("");
    let host = server.connect().await;
    host.run(Command::new(["true"])).await.unwrap();
    let before = host.counters();
    let (sender, mut progress) = tokio::sync::mpsc::channel(100);
    let commands = (0..25).map(|index| Command::script("echo out $1; echo err $1 >&2; exit $1", [index.to_string()]));
    let start = Instant::now();
    let outputs = host.batch(Batch::all(commands).progress(sender)).await.unwrap();
    eprintln!("25 commands: {:?}", start.elapsed());
    let after = host.counters();
    assert_eq!(after.round_trips - before.round_trips, 1);
    assert_eq!(after.commands - before.commands, 25);
    assert_eq!(outputs.len(), 25);
    for (index, output) in outputs.iter().enumerate() {
        assert_eq!(output.exit, Exit::Code(u8::try_from(index).unwrap()));
        assert_eq!(output.text(), format!("out {index}\n"));
        assert_eq!(output.complaint(), format!("err {index}"));
        assert_eq!(progress.recv().await, Some((index, output.exit)));
    }
    assert_eq!(progress.recv().await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_stops_the_batch_when_asked() {
    if !can_run() {
        return;
    }
    for server in servers() {
        let host = server.connect().await;
        let commands = || {
            [
                sh("echo a"),
                sh("echo b; exit 3").stdin(Stdin::Bytes(b"x".to_vec())),
                sh("cat").stdin(Stdin::Bytes(b"c".to_vec())),
            ]
        };
        let (sender, mut progress) = tokio::sync::mpsc::channel(100);
        let outputs = host.batch(Batch::until_failure(commands()).progress(sender)).await.unwrap();
        assert_eq!(outputs.iter().map(|o| o.exit).collect::<Vec<_>>(), [Exit::Code(0), Exit::Code(3), Exit::Skipped]);
        assert!(outputs[2].stdout.is_empty());
        let mut seen = Vec::new();
        while let Some((_, exit)) = progress.recv().await {
            seen.push(exit);
        }
        assert_eq!(seen, [Exit::Code(0), Exit::Code(3), Exit::Skipped]);
        let outputs = host.batch(Batch::all(commands())).await.unwrap();
        assert_eq!(outputs[2].stdout, b"c");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn time_limits_kill_the_command_and_its_children() {
    if !can_run() {
        return;
    }
    for server in servers() {
        let host = server.connect().await;
        let start = Instant::now();
        let slow = sh("echo begun; sleep 31.4159 & sleep 31.4159").timeout(Duration::from_millis(700));
        let stubborn = sh("trap '' TERM; echo begun; while :; do sleep 0.1; done").timeout(Duration::from_secs(1));
        let honest = sh("exit 124");
        let outputs = host.batch(Batch::all([slow, stubborn, honest])).await.unwrap();
        assert_eq!(
            outputs.iter().map(|o| o.exit).collect::<Vec<_>>(),
            [Exit::TimedOut, Exit::TimedOut, Exit::Code(124)]
        );
        assert_eq!(outputs[0].text(), "begun\n");
        assert!(start.elapsed() < Duration::from_secs(6), "{:?}", start.elapsed());
        let left = host.run(sh("pgrep -fx 'sleep 31.4159' || echo none")).await.unwrap();
        assert_eq!(left.text(), "none\n");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn output_is_cut_at_its_limit() {
    if !can_run() {
        return;
    }
    for server in servers() {
        let host = server.connect().await;
        let outputs = host
            .batch(Batch::all([
                sh("echo before"),
                sh("head -c 50000000 /dev/zero; head -c 100000 /dev/zero >&2").output_limit(1000),
                sh("printf 12345").output_limit(5),
                sh("printf 12345").output_limit(0),
                sh("echo after"),
            ]))
            .await
            .unwrap();
        assert_eq!(outputs[0].text(), "before\n");
        assert!(outputs[1].truncated);
        assert_eq!((outputs[1].stdout.len(), outputs[1].stderr.len()), (1000, 65536));
        assert!(!outputs[2].truncated && outputs[2].stdout == b"12345");
        assert!(outputs[3].truncated && outputs[3].stdout.is_empty());
        assert_eq!(outputs[4].text(), "after\n");
        let start = Instant::now();
        let huge = host.run(sh("head -c 60000000 /dev/urandom").output_limit(usize::MAX)).await.unwrap();
        eprintln!("60 MB of output: {:?}", start.elapsed());
        assert_eq!(huge.stdout.len(), 60_000_000);
        assert!(!huge.truncated);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_command_can_break_the_loop() {
    if !can_run() {
        return;
    }
    for server in servers() {
        let host = server.connect().await;
        for command in [
            sh("exec <&- >&- 2>&-; exit 0"),
            sh("exit 9"),
            sh("cd /tmp; trap 'echo trapped' EXIT TERM; set -eu; unset PATH"),
            Command::new(["exit", "3"]),
            Command::new(["cd", "/tmp"]),
            Command::new(["if"]),
            Command::new(["nonce=x"]),
            Command::new(["-x"]),
            Command::new([""]),
            Command::new(["no-such-program"]),
            Command::new(["cat", "/etc/hostname"]).stdin(Stdin::Bytes(vec![b'x'; 1 << 20])),
            sh("kill -9 $$"),
            sh("kill -TERM 0"),
            sh("printf 'P x 1 0 0\\nR x 1 1\\n'"),
            sh("(while :; do echo noise; done) & sleep 0.3"),
            sh("rm -rf /run/slipway.none; umask 0; ulimit -n 3 2>/dev/null"),
        ] {
            host.run(command.clone()).await.unwrap_or_else(|error| panic!("{command:?}: {error}"));
            let output = host.run(sh("pwd; umask")).await.unwrap_or_else(|error| panic!("after {command:?}: {error}"));
            assert_eq!(output.text(), "/\n0077\n", "{command:?}");
        }
        // What is left in the background wrote to its own output only.
        host.run(sh("pkill -f 'do echo noise; done' || :")).await.unwrap();
        let missing = host.run(Command::new(["no-such-program"])).await.unwrap();
        assert_eq!(missing.exit, Exit::Code(127));
        let nul = host.run(Command::new(["a\0b"])).await.unwrap_err();
        assert!(matches!(nul, HostError::Unsendable { .. }), "{nul}");
        assert!(host.run(Command::new(["true"])).await.unwrap().success());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_background_process_does_not_hold_up_its_command() {
    if !can_run() {
        return;
    }
    let server = Server::start("");
    let host = server.connect().await;
    let start = Instant::now();
    let outputs = host.batch(Batch::all([sh("sleep 21.5 & echo started"), sh("echo next")])).await.unwrap();
    assert!(start.elapsed() < Duration::from_secs(3));
    assert_eq!(outputs[0].text(), "started\n");
    assert_eq!(outputs[1].text(), "next\n");
    host.run(sh("pkill -fx 'sleep 21.5'")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_batches_from_many_tasks_are_matched() {
    if !can_run() {
        return;
    }
    for server in servers() {
        let host = std::sync::Arc::new(server.connect().await);
        let start = Instant::now();
        let tasks: Vec<_> = (0..100)
            .map(|task| {
                let host = std::sync::Arc::clone(&host);
                tokio::spawn(async move {
                    let commands = (0..3).map(|index| Command::new(["echo".to_owned(), format!("{task} {index}")]));
                    let outputs = host.batch(Batch::all(commands)).await.unwrap();
                    for (index, output) in outputs.iter().enumerate() {
                        assert_eq!(output.text(), format!("{task} {index}\n"));
                    }
                })
            })
            .collect();
        // A batch nobody waits for any more does not shift the answers of the others.
        let dropped = tokio::time::timeout(Duration::from_millis(1), host.run(sh("sleep 0.2; echo lost"))).await;
        assert!(dropped.is_err());
        for task in tasks {
            task.await.unwrap();
        }
        eprintln!("100 batches of 3: {:?}", start.elapsed());
        assert_eq!(host.run(sh("echo still")).await.unwrap().text(), "still\n");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn measured() {
    if !can_run() {
        return;
    }
    let server = Server::start("");
    let mut connects = Vec::new();
    for _ in 0..5 {
        let start = Instant::now();
        server.connect().await.close().await;
        connects.push(start.elapsed());
    }
    let host = server.connect().await;
    let time = async |commands: usize| {
        let mut times = Vec::new();
        for _ in 0..20 {
            let start = Instant::now();
            host.batch(Batch::all((0..commands).map(|_| Command::new(["true"])))).await.unwrap();
            times.push(start.elapsed());
        }
        times.sort();
        times[10]
    };
    eprintln!("connect and close: {connects:?}");
    eprintln!("batch of 1: {:?}, of 25: {:?}", time(1).await, time(25).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_come_as_they_are_said_and_end_with_their_reader() {
    use slipway_host::{Piece, Sudo};
    if !can_run() {
        return;
    }
    for (server, sudo) in servers().into_iter().zip([Sudo::Login, Sudo::Password]) {
        let mut target = server.target();
        target.sudo = sudo;
        let host = support::open(&target).await.unwrap();
        let mut stream = host.stream(&sh("echo one; sleep 0.3; echo two; echo err >&2; exit 5")).await.unwrap();
        let start = Instant::now();
        assert_eq!(stream.next().await.unwrap().unwrap(), Piece::Stdout("one\n".into()));
        assert!(start.elapsed() < Duration::from_millis(250));
        let mut rest = Vec::new();
        while let Some(piece) = stream.next().await {
            rest.push(piece.unwrap());
        }
        rest.sort_by_key(|piece| matches!(piece, Piece::Stderr(_)));
        assert_eq!(rest.len(), 3, "{rest:?}");
        assert!(rest.contains(&Piece::Stdout("two\n".into())) && rest.contains(&Piece::Stderr("err\n".into())));
        assert!(rest.contains(&Piece::Ended(Exit::Code(5))));

        let marker = format!("5{}.25", server.port);
        let argv = ["sh".to_owned(), "-c".into(), format!("sleep {marker} & sleep {marker}")];
        let stream = host.stream(&Command::new(argv)).await.unwrap();
        let count = async || {
            let find = Command::new(["pgrep".to_owned(), "-cfx".into(), format!("sleep {marker}")]);
            host.run(find).await.unwrap().text().trim().to_owned()
        };
        while count().await != "2" {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        drop(stream);
        let start = Instant::now();
        while count().await != "0" {
            assert!(start.elapsed() < Duration::from_secs(5));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }

        // A reader that does not read loses some, and holds up nobody.
        let mut slow = host.stream(&Command::new(["yes"])).await.unwrap();
        // More than the 1024 pieces that are kept, of at most 32 KiB each.
        let before = host.counters().bytes_down;
        while host.counters().bytes_down - before < 40 << 20 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(host.run(sh("echo here")).await.unwrap().text(), "here\n");
        let missed =
            async { while !matches!(slow.next().await.unwrap().unwrap(), Piece::Missed(bytes) if bytes > 0) {} };
        tokio::time::timeout(Duration::from_secs(10), missed).await.unwrap();
        drop(slow);
        host.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lanes_run_side_by_side() {
    if !can_run() {
        return;
    }
    let server = Server::start("");
    let host = server.connect().await;
    let lane = host.lane().await.unwrap();
    let start = Instant::now();
    let (slow, quick) = tokio::join!(host.run(sh("sleep 1; echo slow")), async {
        let output = lane.run(sh("echo quick")).await.unwrap();
        assert!(start.elapsed() < Duration::from_millis(700));
        output
    });
    assert_eq!((slow.unwrap().text().as_ref(), quick.text().as_ref()), ("slow\n", "quick\n"));
    drop(lane);
    assert!(host.run(Command::new(["true"])).await.unwrap().success());
    // Stock sshd: ten sessions at once. The eleventh is refused, and nothing else is harmed.
    let mut lanes = Vec::new();
    let refused = loop {
        match host.lane().await {
            Ok(lane) => lanes.push(lane),
            Err(error) => break error,
        }
        assert!(lanes.len() < 12);
    };
    assert!(matches!(refused, slipway_host::ConnectError::NoPrivilegedShell { .. }), "{refused}");
    assert!(lanes.len() >= 8);
    assert!(host.run(Command::new(["true"])).await.unwrap().success());
}
