//! Per-grammar encoders: the only way a value gets into text that a machine
//! will parse. A value that a grammar cannot hold is an error naming why.
//!
//! An encoder never quotes the value in its error: the value may be a secret.

pub mod envfile;
pub mod htpasswd;
pub mod json;
pub mod logrotate;
pub mod nginx;
pub mod python;
pub mod shell;
pub mod sudoers;
pub mod systemd;

/// A value that the grammar cannot hold, and why. Never quotes the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CannotEncode(pub &'static str);

/// C0 controls and DEL; `allowed` are let through.
fn has_control(text: &str, allowed: &[char]) -> bool {
    text.chars().any(|c| c.is_ascii_control() && !allowed.contains(&c))
}

/// What systemd says to noncharacters.
const NONCHARACTER: CannotEncode =
    CannotEncode("systemd takes no text with noncharacters, such as U+FFFE, which Unicode reserves");

/// Characters that systemd does not take for UTF-8 (`unichar_is_valid` in src/basic/utf8.c): it then ignores the whole
/// assignment, and an environment file as a whole.
fn has_noncharacter(text: &str) -> bool {
    text.chars().map(u32::from).any(|c| (0xfdd0..=0xfdef).contains(&c) || c & 0xfffe == 0xfffe)
}
