//! Turning values into text for a terminal. Everything here but [`screen`] and [`progress`] is pure.

pub(crate) mod diff;
pub(crate) mod facts;
pub(crate) mod failure;
pub(crate) mod plan;
pub(crate) mod progress;
pub(crate) mod screen;
pub(crate) mod style;
pub(crate) mod table;
pub(crate) mod text;
pub(crate) mod words;
