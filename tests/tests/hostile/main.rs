//! What means harm, or leaks: secrets followed through everything that Slipway does.

#[path = "../support/mod.rs"]
mod support;

mod canaries;
mod encoders;
mod terminal;
mod walls;
