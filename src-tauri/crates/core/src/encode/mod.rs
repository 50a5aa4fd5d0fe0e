//! Per-grammar encoders: the only way a value gets into text that a machine
//! will parse. A value that a grammar cannot hold is an error naming why.

pub mod shell;
