//! Unit files: systemd.syntax(7), systemd.unit(5) "Specifiers", systemd.service(5) "Command lines".
//!
//! `%` starts a specifier in nearly every setting and is doubled. `$` starts a variable in command
//! lines only. A backslash at the end of a line joins it with the next one, so none may stand there.

use super::{CannotEncode, NONCHARACTER, has_control, has_noncharacter};

const CONTROL: CannotEncode = CannotEncode("a line of a unit file cannot hold line breaks or other control characters");

/// A piece of a command argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Text that reaches the program as it is.
    Text(&'a str),
    /// A specifier letter, for example `i` for `%i`; systemd fills it in.
    Specifier(char),
}

/// Refuses what no line of a unit file can hold.
fn plain_text(text: &str) -> Result<(), CannotEncode> {
    if has_control(text, &[]) {
        return Err(CONTROL);
    }
    if has_noncharacter(text) { Err(NONCHARACTER) } else { Ok(()) }
}

/// A setting's whole value, unquoted (Description=, SyslogIdentifier=, User=, WorkingDirectory=).
///
/// # Errors
/// Control characters and noncharacters; white space at either end, which systemd strips; a backslash at the end; no text at
/// all, which means "reset" in a unit file.
pub fn value(text: &str) -> Result<String, CannotEncode> {
    if text.is_empty() {
        return Err(CannotEncode("an empty value resets a setting in a unit file"));
    }
    plain_text(text)?;
    if text.trim() != text {
        return Err(CannotEncode("systemd strips white space at the ends of a value"));
    }
    if text.ends_with('\\') {
        return Err(CannotEncode("a backslash at the end of a line joins it with the next one"));
    }
    Ok(text.replace('%', "%%"))
}

/// A setting's whole value that is an absolute path (WorkingDirectory=, EnvironmentFile=).
///
/// # Errors
/// As [`value`], and a path that is not absolute.
pub fn path(text: &str) -> Result<String, CannotEncode> {
    if !text.starts_with('/') {
        return Err(CannotEncode("a path in a unit file is absolute"));
    }
    value(text)
}

/// One word of a space-separated list (ReadWritePaths=), quoted when needed.
///
/// # Errors
/// Control characters and noncharacters.
pub fn word(text: &str) -> Result<String, CannotEncode> {
    plain_text(text)?;
    Ok(quote(&text.replace('%', "%%"), text))
}

/// One argument of ExecStart= and its kin: unquoted again by systemd to exactly `text`.
///
/// `%` and `$` are doubled (specifiers, variables), quotes and backslashes escaped.
///
/// # Errors
/// Noncharacters; control characters: systemd could read some of them as escapes, but nothing that shows a unit would show them.
pub fn exec_argument(text: &str) -> Result<String, CannotEncode> {
    exec_pieces(&[Piece::Text(text)])
}

/// One argument of ExecStart= put together from text and specifiers.
///
/// # Errors
/// As [`exec_argument`]; a specifier that is not a letter.
pub fn exec_pieces(pieces: &[Piece<'_>]) -> Result<String, CannotEncode> {
    join(pieces, |text| text.replace('%', "%%").replace('$', "$$"))
}

/// Encodes and joins pieces, and quotes the whole when needed.
fn join(pieces: &[Piece<'_>], encode: fn(&str) -> String) -> Result<String, CannotEncode> {
    let (mut plain, mut encoded) = (String::new(), String::new());
    for piece in pieces {
        match piece {
            Piece::Text(text) => {
                plain_text(text)?;
                plain.push_str(text);
                encoded.push_str(&encode(text));
            }
            Piece::Specifier(letter) if letter.is_ascii_alphabetic() => {
                plain.push(*letter);
                encoded.extend(['%', *letter]);
            }
            Piece::Specifier(_) => return Err(CannotEncode("a specifier is one letter")),
        }
    }
    Ok(quote(&encoded, &plain))
}

/// One `"NAME=value"` of Environment=: specifiers are expanded there, `$` is not.
///
/// # Errors
/// Noncharacters, and control characters: values with tabs and line breaks go into an environment file.
pub fn assignment(name: &str, value: &[Piece<'_>]) -> Result<String, CannotEncode> {
    let head = [Piece::Text(name), Piece::Text("=")];
    join(&[&head, value].concat(), |text| text.replace('%', "%%"))
}

/// The name of a unit as it is written in After= or Wants= (systemd.unit(5), first section).
///
/// # Errors
/// Anything that is not a unit name with a known suffix.
pub fn unit_name(text: &str) -> Result<String, CannotEncode> {
    const SUFFIXES: [&str; 8] = [".service", ".socket", ".target", ".mount", ".timer", ".path", ".slice", ".device"];
    let characters = |c: char| c.is_ascii_alphanumeric() || ":-_.\\@".contains(c);
    let ok = text.len() <= 255
        && text.chars().all(characters)
        && !text.starts_with(['.', '@', '-'])
        && SUFFIXES.iter().any(|suffix| text.strip_suffix(suffix).is_some_and(|stem| !stem.is_empty()));
    if ok { Ok(text.to_owned()) } else { Err(CannotEncode("not a unit's name such as redis.service")) }
}

/// Text as part of a unit name, where `-` would mean something (slices) or a character is not allowed: as `systemd-escape`.
pub fn escape(text: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::new();
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            b'/' => out.push('-'),
            b'.' if index > 0 => out.push('.'),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b':' | b'_' => out.push(char::from(byte)),
            _ => {
                let _ = write!(out, "\\x{byte:02x}");
            }
        }
    }
    out
}

/// Quotes `encoded` when the `plain` text needs it: empty, white space, quotes, backslash, a lone `;`, comment signs.
fn quote(encoded: &str, plain: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "_-./:,+@=%$()[]{}<>*?!^~&|".contains(c);
    if !plain.is_empty() && plain.chars().all(safe) {
        return encoded.to_owned();
    }
    format!("\"{}\"", encoded.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
#[path = "systemd_tests.rs"]
mod tests;
