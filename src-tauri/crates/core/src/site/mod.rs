//! A site: one deployed application, as its site file (`slipway.toml`) describes it.
//!
//! [`model`] is the shape of the file and the source of its JSON Schema,
//! [`text`] holds the validated words it is made of.

pub mod model;
pub mod text;

pub use model::*;
pub use text::*;
