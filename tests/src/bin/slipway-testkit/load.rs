//! The load test: the sample application under load while releases come and go, with Slipway and in the usual ways.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;
use slipway_tests::hosts::{Distribution, Host, HostError, HostOptions, Prerequisites};
use slipway_tests::load::{Crowd, Load, Report, drains};

use crate::desk::{Desk, INTACT, ROLLED_BACK, other, way_back};

const SITE: &str = include_str!("demo.toml");
/// Puts the application on the host as people without a deployment tool do.
const USUAL: &str = include_str!("usual.sh");

/// How much.
pub(crate) struct Options<'a> {
    /// Deployments, and as many rollbacks, with Slipway.
    pub(crate) turns: usize,
    /// The same in each of the usual ways.
    pub(crate) usual_turns: usize,
    pub(crate) visitors: usize,
    pub(crate) sockets: usize,
    /// The program to use instead of building it.
    pub(crate) slipway: Option<&'a Path>,
}

/// Runs all of it and prints the table.
pub(crate) fn run(options: &Options<'_>) -> Result<(), HostError> {
    Prerequisites::require()?;
    let folder = tempfile::tempdir().map_err(other)?;
    let desk = Desk::new(options.slipway, folder.path())?;
    let host = Host::boot(Distribution::Debian12, HostOptions::default())?;
    for version in ["v1", "v2", "v4", "v6"] {
        desk.assemble(version)?;
    }
    desk.add("web1", &host, "root")?;
    desk.site(&site("v1"))?;
    desk.run(0, &["apply", "--yes"])?;
    desk.run(0, &["deploy", "--yes"])?;

    let turns = options.turns;
    println!(
        "{} visitors in a closed loop, half of their requests POSTs, each 0 to 2 s; {} WebSockets; TLS through nginx; \
         {turns} deployments and {turns} rollbacks with Slipway, {} and {} in each of the usual ways.\n",
        options.visitors, options.sockets, options.usual_turns, options.usual_turns
    );
    println!("| Way | Requests | Failed | Delay p50 / p99 / max | WebSockets ended | of them outside a drain |");
    println!("|---|---:|---:|---:|---:|---:|");
    let crowd = |port| Crowd {
        address: SocketAddr::from((host.address(), port)),
        domain: "parlour.test".to_owned(),
        visitors: options.visitors,
        sockets: options.sockets,
    };

    let began = SystemTime::now();
    let load = Load::start(&crowd(443)).map_err(other)?;
    desk.site(&site("v2"))?;
    for _ in 0..turns {
        desk.run(0, &["deploy", "--yes"])?;
        desk.run(0, &["rollback", "--yes"])?;
    }
    let report = load.finish();
    let drains = drains(&host, "parlour-web", began);
    let outside = report.ended.iter().filter(|end| !drains.iter().any(|drain| drain.ended(end))).count();
    row("`slipway deploy`, `slipway rollback`", &report, &outside.to_string());

    let load = Load::start(&crowd(443)).map_err(other)?;
    let gate = fail(&desk, &host, "v4", INTACT)?;
    let back = fail(&desk, &host, "v6", ROLLED_BACK)?;
    let bad = load.finish();

    done(&host, &["systemctl", "stop", "parlour.target"])?;
    done(&host, &["sh", "-c", USUAL, "usual", "prepare"])?;
    for (way, title, door) in [
        ("restart", "symlink, `systemctl restart`", 8443),
        ("hup", "symlink, HUP to gunicorn", 8443),
        ("port", "second port, `nginx -s reload`, stop the old", 8443),
        ("drain", "second port, HAProxy drains the old for 4 s, stop it", 8444),
    ] {
        done(&host, &["sh", "-c", USUAL, "usual", way, "v1"])?;
        let load = Load::start(&crowd(door)).map_err(other)?;
        for _ in 0..options.usual_turns {
            for version in ["v2", "v1"] {
                done(&host, &["sh", "-c", USUAL, "usual", way, version])?;
                // Requests of 2 s that began before the switch end before the next one, as with any real pace.
                std::thread::sleep(Duration::from_secs(3));
            }
        }
        row(title, &load.finish(), "—");
        done(&host, &["systemctl", "stop", "usual.service", "usual-port@8101.service", "usual-port@8102.service"])?;
    }

    println!("\nA release that fails, under the same load ({} requests, {} failed):\n", bad.answered, bad.lost.len());
    println!("| | Verdict | Going back took | Old release served by every instance after the verdict |");
    println!("|---|---|---:|---:|");
    println!(
        "| its health check fails at the gate | {} | nothing was switched | {} ms |",
        gate.verdict, gate.served_ms
    );
    let back_ms = back.back_ms.ok_or_else(|| other("the run does not say that it went back"))?;
    println!("| it crashes after going live | {} | {} ms | {} ms |", back.verdict, back_ms, back.served_ms);
    Ok(())
}

fn site(version: &str) -> String {
    let text = SITE.replace("folder = \"v1\"", &format!("folder = \"{version}\""));
    // Enough for every visitor and WebSocket at once, as in the usual ways.
    let text = text.replace("threads = 100", "threads = 200");
    text.replace("graceful_timeout = \"2s\"", "graceful_timeout = \"4s\"").replace("settle = \"2s\"", "settle = \"1s\"")
}

struct Failing {
    verdict: String,
    /// None when nothing was switched.
    back_ms: Option<u64>,
    served_ms: u128,
}

/// Deploys a version that fails, and looks how long it takes until both instances serve the old one.
fn fail(desk: &Desk, host: &Host, version: &str, status: i32) -> Result<Failing, HostError> {
    let text = site(version).replace("start_within = \"30s\"", "start_within = \"5s\"");
    let text = text.replace("settle = \"1s\"", "settle = \"10s\"");
    desk.site(&text.replace("\n[environment]\n", "\n[environment]\nCRASH_AFTER = \"4\"\n"))?;
    let events = desk.json(status, &["deploy", "--yes"])?;
    let ended = Instant::now();
    let mut seen = std::collections::BTreeSet::new();
    while seen.len() < 2 {
        if ended.elapsed() > Duration::from_secs(30) {
            return Err(other(format!("only {seen:?} serve the old release")));
        }
        let answer =
            host.shell("curl -sk --max-time 5 --resolve parlour.test:443:127.0.0.1 https://parlour.test/version");
        let answer: Value = serde_json::from_str(&answer.stdout).unwrap_or_default();
        if answer["version"] == "v1" {
            seen.insert(answer["instance"].as_str().unwrap_or_default().to_owned());
        }
    }
    let served_ms = ended.elapsed().as_millis();
    let back_ms = way_back(&events);
    let verdict = events.last().and_then(|last| last["result"]["verdict"].as_str()).unwrap_or_default().to_owned();
    if std::env::var_os("SLIPWAY_LOAD_EVENTS").is_some() {
        for event in events.iter().filter(|event| event["event"] != "planned") {
            eprintln!("{event}");
        }
    }
    Ok(Failing { verdict, back_ms, served_ms })
}

fn row(title: &str, report: &Report, outside: &str) {
    let losses: Vec<String> = report.losses().iter().map(|(loss, count)| format!("{count} {loss}")).collect();
    let failed = match losses.is_empty() {
        true => "**0**".to_owned(),
        false => format!("**{}** ({})", report.lost.len(), losses.join(", ")),
    };
    let delay = |share| format!("{:.2}", report.delay(share).as_secs_f64());
    println!(
        "| {title} | {} | {failed} | {} / {} / {} s | {} | {outside} |",
        report.answered + report.lost.len() as u64,
        delay(0.5),
        delay(0.99),
        delay(1.0),
        report.ended.len()
    );
}

fn done(host: &Host, arguments: &[&str]) -> Result<(), HostError> {
    let output = host.exec(arguments);
    let words = arguments.iter().rev().take(2).rev().copied().collect::<Vec<_>>().join(" ");
    if output.is_success() { Ok(()) } else { Err(HostError::Other(format!("{words}: {output}"))) }
}
