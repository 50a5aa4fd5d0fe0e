//! The effect boundary: how Slipway reaches a host.
//!
//! SSH connections with strict host keys, `known_hosts` and `ssh_config` as
//! OpenSSH reads them, the remote executor, transfer of files. Knows nothing of
//! nginx or systemd, asks no person by itself, prints nothing, and reads no
//! environment: callers pass paths and secrets in.
//!
//! Start at [`connect`].

#![forbid(unsafe_code)]

mod connection;
pub mod error;
pub mod executor;
pub mod known_hosts;
mod link;
mod own_keys;
pub mod ssh_config;
mod target;
mod transfer;

pub use connection::{Connection, Counters, Lane, connect};
pub use error::{Attempt, AttemptResult, ConnectError, HostError, KeyProblem, UnreachableReason};
pub use executor::request::Batch;
pub use executor::stream::{Piece, Stream};
pub use own_keys::{AgentKey, OwnKeyFile, agent_keys, key_files};
pub use target::{
    Challenge, Credentials, Decision, HostKeyDecision, NoCredentials, Observer, PresentedKey, Question, Step, Sudo,
    Target,
};
pub use transfer::{Entry, Excluded, Kind, LocalTree, UploadProgress, Uploaded, Writer};
