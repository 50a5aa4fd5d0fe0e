//! One site on one host: what it is to be, and everything that is needed to plan and to run.

mod bundle;
mod certificate;
pub mod planned;

pub use bundle::Bundle;
pub use planned::{Planned, Request};
