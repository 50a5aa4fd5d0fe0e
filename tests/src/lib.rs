//! The test kit: real, disposable Linux hosts and a network to reach them over.
//!
//! End-to-end tests, the `demo` command and developers by hand use it. [`hosts`] boots containers that run
//! systemd and sshd; [`load`] visits a site; [`canary`] follows secrets;
//! [`relay`] puts a slow or broken network between a client and such a host. Nothing here may
//! depend on product code, so that a fault in the product cannot hide itself.
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "this crate is test code: a broken assumption must stop the test loudly"
)]

pub mod canary;
pub mod hosts;
pub mod load;
pub mod relay;
