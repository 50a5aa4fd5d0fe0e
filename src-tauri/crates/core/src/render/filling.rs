//! Placeholders of commands and of a process's environment, as pieces of a unit file.

use super::Scope;
use super::roots::Roots;
use crate::encode::CannotEncode;
use crate::encode::systemd::Piece;
use crate::site::{PlaceholderPiece, Process, placeholder_pieces, placeholders};

/// What the placeholders of one process stand for in one unit.
pub(super) struct Filling<'a> {
    roots: &'a Roots,
    shared: String,
    has_port: bool,
}

/// What happens to a placeholder that does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unknown {
    /// An error: commands.
    Refuse,
    /// It means itself: environment values.
    Keep,
}

/// Whether `value` differs between instances or between a release and its gate, so that no environment file can hold it.
pub(super) fn differs(value: &str) -> bool {
    placeholders(value).iter().any(|name| matches!(*name, "port" | "instance" | "release"))
}

/// Whether a process has an environment file of its own: variables that are the same for all its instances.
pub(super) fn has_own_file(process: &Process) -> bool {
    process.environment.values().any(|value| !differs(value))
}

impl<'a> Filling<'a> {
    pub(super) fn of(scope: &Scope<'_>, process: &Process, roots: &'a Roots) -> Self {
        Self { roots, shared: scope.layout.shared(), has_port: process.port.is_some() }
    }

    /// `text` with its placeholders filled in.
    pub(super) fn pieces<'t>(&'t self, text: &'t str, unknown: Unknown) -> Result<Vec<Piece<'t>>, CannotEncode> {
        let mut list = Vec::new();
        for piece in placeholder_pieces(text) {
            match piece {
                PlaceholderPiece::Text(text) => list.push(Piece::Text(text)),
                PlaceholderPiece::Placeholder("port") if !self.has_port => {
                    return Err(CannotEncode("{port} needs a process with a port"));
                }
                PlaceholderPiece::Placeholder("port" | "instance") => list.push(Piece::Text(&self.roots.instance)),
                PlaceholderPiece::Placeholder("release") => list.extend(self.roots.pieces()),
                PlaceholderPiece::Placeholder("shared") => list.push(Piece::Text(&self.shared)),
                PlaceholderPiece::Placeholder(name) => match unknown {
                    Unknown::Refuse => {
                        return Err(CannotEncode("there are only {port}, {instance}, {release} and {shared}"));
                    }
                    Unknown::Keep => list.extend([Piece::Text("{"), Piece::Text(name), Piece::Text("}")]),
                },
            }
        }
        Ok(list)
    }
}
