//! Disposable hosts: systemd-nspawn containers on overlays of cached base trees.
//!
//! Needs root on Debian 12 or later; [`Prerequisites::check`] says what is missing. Traffic stays within
//! [`network::RANGE`] and, masqueraded, goes out to the package registries the machine itself uses.

mod base;
mod cache;
mod checkpoint;
mod command;
mod container;
mod distribution;
mod error;
mod host;
mod inside;
mod keep;
mod keys;
pub mod network;
mod packages;
mod prerequisites;
mod record;
mod setup;
mod sources;
mod wheels;

pub use base::{Baked, bake};
pub use cache::Cache;
pub use checkpoint::Checkpoint;
pub use distribution::Distribution;
pub use error::HostError;
pub use host::{Host, HostOptions, Output};
pub use keep::Kept;
pub use prerequisites::{Missing, Prerequisites};
pub use record::{HostRecord, collect_garbage, list};
pub use wheels::fill_wheelhouse;
