//! What Slipway decides.
//!
//! Pure and synchronous: facts, sites, rendering, plans, events and verdicts.
//! Nothing here touches the network, the file system, the environment, the
//! clock or randomness; callers pass such things in as values.

pub mod activation;
pub mod command;
pub mod detect;
pub mod diff;
pub mod digest;
pub mod encode;
pub mod event;
pub mod fact;
pub mod facts;
pub mod hardening;
pub mod lock;
pub mod manifest;
pub mod notice;
pub mod plan;
pub mod profile;
pub mod progress;
pub mod readiness;
pub mod release;
pub mod render;
pub mod resource;
pub mod running;
pub mod runtime;
pub mod secret;
pub mod seen;
pub mod site;
pub mod task;
pub mod units;
pub mod words;
