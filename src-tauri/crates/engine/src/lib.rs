//! What a user can do with Slipway: the operations behind the window and the terminal.
//!
//! The clock and the event sink are passed in; nothing here prints or reads the environment.

pub mod clock;
pub mod history;
pub mod home;
pub mod inventory;
pub mod secrets;
