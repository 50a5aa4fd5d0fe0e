//! Faults on real hosts: what the site's user can do to root, runs that are interrupted anywhere, races for the lock, and
//! hosts that move between plan and run.

#[path = "../support/mod.rs"]
mod support;

mod drift;
mod interrupted;
mod links;
mod points;
mod program;
mod races;
mod script;
mod seen;
mod shop;

use std::path::PathBuf;

use slipway_tests::hosts::{Distribution, Host, HostOptions, Prerequisites};

/// A fresh Debian 12; none, said aloud, where there can be no hosts.
fn boot() -> Option<Host> {
    Prerequisites::or_not_run().then(|| Host::boot(Distribution::Debian12, HostOptions::default()).unwrap())
}

/// Runs a shell script inside the host, which must succeed, and returns what it printed.
fn inside(host: &Host, script: &str) -> String {
    let output = host.shell(script);
    assert!(output.is_success(), "{script}: {output}");
    output.stdout
}

/// The real `slipway`.
fn program() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let program = own.parent().and_then(|deps| deps.parent()).unwrap().join("slipway");
    assert!(program.exists(), "{} is not there: run `cargo build --workspace` first", program.display());
    program
}
