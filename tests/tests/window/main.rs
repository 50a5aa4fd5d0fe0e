//! The real window: the desktop program on a display of its own, driven as a person drives it, against real hosts.
//!
//! Everything is looked for by the words that a person sees. Waits name what they wait for and end with a deadline.

mod canaries;
mod closing;
mod desktop;
mod driven;
mod hostile;
mod leaving;
mod look;
mod lost;
mod main_job;
mod measure;
mod prepared;
mod rights;
#[path = "../support/mod.rs"]
mod support;
mod trust;
mod wizard;

use slipway_tests::hosts::{Distribution, Host, HostOptions, Prerequisites};

/// A bare Debian 12 for a window; none, said aloud, where there can be no host or no window.
fn boot() -> Option<Host> {
    (desktop::or_not_run() && Prerequisites::or_not_run())
        .then(|| Host::boot(Distribution::Debian12, HostOptions::default()).unwrap())
}
