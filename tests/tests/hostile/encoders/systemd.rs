//! Unit files and environment files, read by the systemd of a real host that runs what they say.

use std::collections::BTreeMap;

use slipway_core::encode::systemd::{Piece, assignment, exec_argument, value, word};
use slipway_core::encode::{CannotEncode, envfile};
use slipway_tests::hosts::{Distribution, Host, HostOptions, Prerequisites};

use super::generate::Values;
use super::{Tally, cases, same, split_nul};

/// Values of one command line.
const LINE: usize = 250;
/// Variables of one unit.
const VARIABLES: usize = 1_000;
/// Variables that systemd sets by itself.
const OWN: [&str; 7] = ["LANG", "PATH", "INVOCATION_ID", "JOURNAL_STREAM", "SYSTEMD_EXEC_PID", "LOGNAME", "USER"];

fn inside(host: &Host, script: &str) -> String {
    let output = host.shell(script);
    assert!(output.is_success(), "{script}: {output}");
    output.stdout
}

/// Runs the units `judge-0` to `judge-COUNT`, which must end well and without a word of complaint about them, and
/// which must have no other settings than the ones that they are meant to have.
fn run(host: &Host, count: usize) {
    let start = format!(
        "systemctl daemon-reload; for n in $(seq 0 {}); do systemctl start judge-$n || exit 1; done",
        count - 1
    );
    let started = host.shell(&start);
    let complaints = inside(
        host,
        "journalctl --no-pager -o cat _PID=1 | grep -a 'judge-.*\\.service:[0-9]\\|judge-.*: \\(Ignoring\\|Failed\\|Invalid\\)' || true",
    );
    assert_eq!(complaints.lines().take(5).collect::<Vec<_>>(), [""; 0]);
    assert!(started.is_success(), "{started}");
    // Of every unit what is set, without what was measured or is in no order, and with the same name.
    let ordinary = "After|ExecStart|ExecMain|.*Timestamp|InvocationID|Environment|MainPID|ControlGroup|CPUUsage|Memory|IO|IP|Tasks";
    let show = format!(
        "for n in $(seq 0 {}); do systemctl show judge-$n | grep -avE '^({ordinary})[A-Za-z]*=' | \
         sed \"s/judge-$n/judge-N/g; s,/judge/$n,/judge/N,g\"; done | sort | uniq -c | grep -v '^ *{count} ' || true",
        count - 1
    );
    assert_eq!(inside(host, &show), "", "settings that not every unit has");
}

/// Writes a unit with `lines` in its [Service] section.
fn unit(host: &Host, number: usize, lines: &str) {
    let text = format!("[Service]\nType=oneshot\nRemainAfterExit=yes\nStandardOutput=append:/judge/{number}\n{lines}");
    host.write_file(&format!("/run/systemd/system/judge-{number}.service"), text).unwrap();
}

fn boot() -> Option<Host> {
    let host =
        Prerequisites::or_not_run().then(|| Host::boot(Distribution::Debian12, HostOptions::default()).unwrap())?;
    inside(&host, "mkdir /judge");
    Some(host)
}

#[test]
fn systemd_runs_the_commands_that_were_sent() {
    let Some(host) = boot() else { return };
    let (mut values, mut tally) = (Values::new(), Tally::default());
    let total = cases(100_000) / 2;
    let (mut units, mut units_sent) = (0, Vec::new());
    while tally.sent < total {
        let (mut lines, mut sent) = (String::new(), Vec::new());
        for _ in 0..20 {
            lines.push_str("ExecStart=/usr/bin/printf \"%%s\\\\0\"");
            for _ in 0..LINE {
                let value = values.text();
                if let Some(argument) = tally.count(exec_argument(&value)) {
                    lines.push_str(&format!(" {argument}"));
                    sent.push(value);
                }
            }
            lines.push('\n');
        }
        unit(&host, units, &lines);
        units += 1;
        tally.judged += sent.len();
        units_sent.push(sent);
    }
    run(&host, units);
    for (number, sent) in units_sent.iter().enumerate() {
        same(&split_nul(&host.read_file(&format!("/judge/{number}")).unwrap()), sent);
    }
    assert_eq!(inside(&host, "ls /pwned 2>/dev/null || true"), "");
    tally.close("systemd, commands", "a systemd that runs them");
    descriptions(&host, &mut values, cases(100_000) / 50);
}

/// Settings that are one text.
fn descriptions(host: &Host, values: &mut Values, count: usize) {
    let mut tally = Tally::default();
    let mut sent = Vec::new();
    let mut script = String::new();
    while tally.sent < count {
        let text = values.text();
        let Some(encoded) = tally.count(value(&text)) else { continue };
        script.push_str(&format!("[Unit]\nDescription={encoded}\n[Service]\nExecStart=/bin/true\n\0"));
        sent.push(text);
    }
    host.write_file("/judge/units", script).unwrap();
    inside(
        host,
        "cd /run/systemd/system && python3 -c '
for number, text in enumerate(open(\"/judge/units\", \"rb\").read().split(b\"\\0\")[:-1]):
    open(f\"told-{number}.service\", \"wb\").write(text)' && systemctl daemon-reload",
    );
    let told = inside(
        host,
        &format!(
            "seq -f 'told-%.0f.service' 0 {} | xargs -n 200 systemctl show -p Description --value | grep -av '^$'",
            sent.len() - 1
        ),
    );
    same(&told.split_terminator('\n').collect::<Vec<_>>(), &sent);
    tally.judged = sent.len();
    tally.close("systemd, texts", "systemctl show");
}

/// Units that print their environment: exactly the variables that were sent.
fn variables(
    grammar: &str,
    total: usize,
    host: &Host,
    encode: impl Fn(&str, &str, usize) -> Result<String, CannotEncode>,
    finish: impl Fn(&Host, usize, &str),
) {
    let (mut values, mut tally) = (Values::new(), Tally::default());
    let (mut units, mut units_sent) = (0, Vec::new());
    while tally.sent < total {
        let (mut lines, mut sent) = (String::new(), BTreeMap::new());
        for number in 0..VARIABLES {
            let (name, value) = (format!("V{number}"), values.text());
            if let Some(line) = tally.count(encode(&name, &value, number)) {
                lines.push_str(&format!("{line}\n"));
                sent.insert(name, value);
            }
        }
        finish(host, units, &lines);
        units += 1;
        tally.judged += sent.len();
        units_sent.push(sent);
    }
    run(host, units);
    for (number, sent) in units_sent.iter().enumerate() {
        let printed = host.read_file(&format!("/judge/{number}")).unwrap();
        let mut found = BTreeMap::new();
        for variable in split_nul(&printed) {
            let text = String::from_utf8_lossy(variable);
            let (name, value) = text.split_once('=').unwrap();
            if !OWN.contains(&name) {
                assert_eq!(sent.get(name).map(String::as_str), Some(value), "{name} of unit {number}");
                found.insert(name.to_owned(), ());
            }
        }
        let lost: Vec<_> = sent.iter().filter(|(name, _)| !found.contains_key(*name)).take(5).collect();
        assert!(lost.is_empty(), "never arrived: {lost:?}");
    }
    tally.close(grammar, "a systemd whose unit prints them");
}

#[test]
fn systemd_sets_the_variables_that_were_sent() {
    let Some(host) = boot() else { return };
    // Every other one as a word of its own, which is encoded by another function.
    let encode = |name: &str, value: &str, number: usize| {
        let encoded = match number % 2 {
            0 => assignment(name, &[Piece::Text(value)]),
            _ => word(&format!("{name}={value}")),
        };
        encoded.map(|encoded| format!("Environment={encoded}"))
    };
    let finish =
        |host: &Host, number: usize, lines: &str| unit(host, number, &format!("ExecStart=/usr/bin/env -0\n{lines}"));
    variables("systemd, variables and words", cases(100_000) / 2, &host, encode, finish);
}

#[test]
fn systemd_reads_the_environment_files_that_were_sent() {
    let Some(host) = boot() else { return };
    let encode = |name: &str, value: &str, _: usize| envfile::assignment(name, value);
    let finish = |host: &Host, number: usize, lines: &str| {
        host.write_file(&format!("/judge/{number}.env"), lines).unwrap();
        unit(host, number, &format!("ExecStart=/usr/bin/env -0\nEnvironmentFile=/judge/{number}.env\n"));
    };
    variables("environment file", cases(100_000), &host, encode, finish);
}
