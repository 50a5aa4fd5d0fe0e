//! What a user can do with Slipway: the operations behind the window and the terminal.
//!
//! The clock and the event sink are passed in; nothing here prints, and the environment is read once,
//! by [`surroundings::surroundings`].

pub mod allowance;
pub mod answers;
pub mod asked;
pub mod beneath;
pub mod cancel;
pub mod clock;
pub mod compare;
pub mod core_dumps;
pub mod desk;
pub mod disposable;
pub mod draft;
pub mod failure;
pub mod fleet;
pub mod going;
pub mod history;
pub mod home;
pub mod inventory;
pub mod link;
pub mod lock;
pub mod need;
pub mod observe;
pub mod readiness;
pub mod refs;
pub mod remote;
pub mod run;
pub mod secrets;
pub mod service;
pub mod site;
pub mod site_file;
pub mod source;
pub mod supplies;
pub mod surroundings;
pub mod tokens;
pub mod trial;
pub mod watch;
