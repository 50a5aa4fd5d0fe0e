//! What happens to hosts and sites beside the main job: one module for each kind of trouble.

#[path = "../support/mod.rs"]
mod support;

mod access;
mod change;
mod counted;
mod drift;
mod edits;
mod fleet;
mod generations;
mod hall;
mod hooks;
mod identity;
mod judges;
mod lock;
mod neighbour;
mod page;
mod source;
mod stale;
mod trouble;
mod uninstall;
mod upgrade;
mod whole;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use slipway_engine::failure::{Code, Failure};
use slipway_tests::hosts::{Distribution, Host, HostOptions, Prerequisites};
use slipway_tests::relay::{Conditions, Relay};

/// A fresh Debian 12; none, said aloud, where there can be no hosts.
fn boot() -> Option<Host> {
    Prerequisites::or_not_run().then(|| Host::boot(Distribution::Debian12, HostOptions::default()).unwrap())
}

/// The way to the host through a relay. That brings its own runtime, which cannot begin inside a test's.
fn relay(host: &Host, conditions: Conditions) -> Relay {
    let server = SocketAddr::from((host.address(), host.ssh_port()));
    std::thread::spawn(move || Relay::start(server, conditions).unwrap()).join().unwrap()
}

/// Waits until `script` succeeds inside the host.
async fn until(host: &Host, script: &str) {
    let deadline = Instant::now() + Duration::from_secs(90);
    while !host.shell(script).is_success() {
        assert!(Instant::now() < deadline, "{script} never succeeded");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Runs a shell script inside the host, which must succeed, and returns what it printed.
fn inside(host: &Host, script: &str) -> String {
    let output = host.shell(script);
    assert!(output.is_success(), "{script}: {output}");
    output.stdout
}

/// Everything that configures the host, by digest.
fn state(host: &Host) -> String {
    inside(
        host,
        "find /etc /opt /var/lib/slipway -xdev \\( -type f -o -type l \\) -printf '%M %u:%g %p %l\\n' | sort; \
         find /etc /opt /var/lib/slipway -xdev -type f -print0 | sort -z | xargs -0 sha256sum",
    )
}

/// The failure that must have come.
fn failed<T>(result: Result<T, Failure>, code: Code) -> Failure {
    match result {
        Ok(_) => panic!("there was no failure"),
        Err(failure) => {
            println!("{failure:#?}");
            assert_eq!(failure.code, code, "{failure:#?}");
            failure
        }
    }
}

/// Everything that a failure says.
fn words(failure: &Failure) -> String {
    format!("{}\n{}\n{}", failure.message, failure.causes.join("\n"), failure.hint.clone().unwrap_or_default())
}
