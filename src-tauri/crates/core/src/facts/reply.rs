//! The framed reply of a probe: parts with a name, a status and a length, and a marked end.
//!
//! Lengths make a part opaque: no content of a file or output of a program can pass for another part, and a
//! reply that was cut anywhere does not read.

use crate::command::{Exit, Output};
use crate::fact::Fact;

/// Status by which a shell says that there is no such program, and a probe that there is no such file.
const MISSING: u8 = 127;

/// One part of a reply.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part<'a> {
    pub(super) name: &'a str,
    pub(super) status: u8,
    body: &'a [u8],
}

impl<'a> Part<'a> {
    /// The body.
    pub(super) fn bytes(&self) -> &'a [u8] {
        self.body
    }

    /// The body as text.
    pub(super) fn text(&self) -> Result<&'a str, String> {
        std::str::from_utf8(self.body).map_err(|_| format!("{}: the answer is not UTF-8", self.name))
    }

    /// The body of a part that must have succeeded.
    pub(super) fn good(&self) -> Result<&'a str, String> {
        match self.status {
            0 => self.text(),
            status => Err(self.ended_with(status)),
        }
    }

    /// The body of a part that must have succeeded, or `None` when what it is about is not there.
    pub(super) fn good_or_missing(&self) -> Result<Option<&'a str>, String> {
        if self.status == MISSING { Ok(None) } else { self.good().map(Some) }
    }

    /// A complaint about an unexpected status.
    pub(super) fn ended_with(&self, status: u8) -> String {
        let words = excerpt(&String::from_utf8_lossy(self.body));
        match (status, words.is_empty()) {
            (MISSING, _) => format!("{}: not installed", self.name),
            (_, true) => format!("{}: ended with status {status}", self.name),
            (_, false) => format!("{}: ended with status {status}: {words}", self.name),
        }
    }
}

/// All parts of a reply, in order.
#[derive(Debug)]
pub(super) struct Reply<'a>(Vec<Part<'a>>);

impl<'a> Reply<'a> {
    /// Reads a reply.
    ///
    /// # Errors
    /// When the command did not end well, was cut, or the reply does not read to its end.
    pub(super) fn read(output: &'a Output) -> Result<Self, String> {
        whole(output)?;
        let mut rest = output.stdout.as_slice();
        let mut parts = Vec::new();
        while rest != b"end\n" {
            let (part, after) = read_part(rest).ok_or("the answer is cut or malformed")?;
            parts.push(part);
            rest = after;
        }
        Ok(Self(parts))
    }

    /// All parts, in order.
    pub(super) fn parts(&self) -> impl Iterator<Item = &Part<'a>> {
        self.0.iter()
    }

    /// The only part of this name, if there is one.
    pub(super) fn find(&self, name: &str) -> Option<&Part<'a>> {
        self.0.iter().find(|part| part.name == name)
    }

    /// The part of this name, which every reply has.
    pub(super) fn need(&self, name: &str) -> Result<&Part<'a>, String> {
        self.find(name).ok_or_else(|| format!("the answer has no part {name}"))
    }
}

fn read_part(rest: &[u8]) -> Option<(Part<'_>, &[u8])> {
    let line_end = rest.iter().take(64).position(|&b| b == b'\n')?;
    let header = std::str::from_utf8(rest.get(..line_end)?).ok()?;
    let mut fields = header.split(' ');
    let (name, status, length) = (fields.next()?, number(fields.next()?)?, number::<usize>(fields.next()?)?);
    let well_named =
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if fields.next().is_some() || !well_named {
        return None;
    }
    let body_start = line_end + 1;
    let body_end = body_start.checked_add(length)?;
    let body = rest.get(body_start..body_end)?;
    let after = rest.get(body_end..)?.strip_prefix(b"\n")?;
    Some((Part { name, status, body }, after))
}

/// Checks that a command ended with status 0 and nothing was cut.
pub(super) fn whole(output: &Output) -> Result<(), String> {
    match output.exit {
        Exit::Code(0) if output.truncated => Err("the answer was longer than its limit".into()),
        Exit::Code(0) => Ok(()),
        Exit::Code(status) => {
            let complaint = excerpt(&output.complaint());
            let colon = if complaint.is_empty() { "" } else { ": " };
            Err(format!("the probe ended with status {status}{colon}{complaint}"))
        }
        Exit::TimedOut => Err("the probe did not answer in time".into()),
        Exit::Skipped => Err("the probe was not started, because one before it failed".into()),
    }
}

/// A decimal number: digits only, no sign.
pub(super) fn number<T: std::str::FromStr>(text: &str) -> Option<T> {
    let digits = (1..=20).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

/// `text` when it is one line of at most `limit` bytes without control characters.
pub(super) fn plain(text: &str, limit: usize) -> Option<&str> {
    (text.len() <= limit && !text.contains(char::is_control)).then_some(text)
}

/// A short, harmless piece of foreign text for an error message: first line, control characters escaped.
pub(super) fn excerpt(text: &str) -> String {
    let line = text.trim().lines().next().unwrap_or_default();
    let escape = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    line.chars().take(120).map(escape).collect()
}

/// The fact from a reading that either gave a value, found nothing, or went wrong.
pub(super) fn fact<T>(reading: Result<Option<T>, String>) -> Fact<T> {
    match reading {
        Ok(Some(value)) => Fact::Known(value),
        Ok(None) => Fact::Absent,
        Err(reason) => Fact::Failed(reason),
    }
}

/// The script of a probe: the shared preamble and the probe's own lines.
macro_rules! script {
    ($file:literal) => {
        concat!(include_str!("probes/preamble.sh"), include_str!(concat!("probes/", $file)))
    };
}
pub(super) use script;
