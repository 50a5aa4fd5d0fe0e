//! What the program holds while its window is open.

/// Everything that commands work with.
pub(crate) struct App {}
