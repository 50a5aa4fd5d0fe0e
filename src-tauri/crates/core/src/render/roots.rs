//! Where the text of a unit finds what it is about: its release, its configuration, the name of its instance.

use super::Scope;
use crate::encode::systemd::Piece;
use crate::release::Layout;

/// Where a unit's process finds its release, and which instance it is.
pub(super) struct Roots {
    /// The release that the unit is for.
    pub(super) release: Of,
    /// Directory of all releases.
    releases: String,
    /// What `{port}` and `{instance}` become.
    pub(super) instance: String,
}

/// The release that a unit is for.
pub(super) enum Of {
    /// The one that the unit's own instance name says, in a unit that is a template: a generation.
    Specifier,
    /// This one.
    Release(String),
}

impl Roots {
    /// Those of the generations of `instance`.
    pub(super) fn generation(scope: &Scope<'_>, instance: &str) -> Self {
        Self { release: Of::Specifier, releases: scope.layout.releases(), instance: instance.to_owned() }
    }

    /// Those of release `id` on its way.
    pub(super) fn gate(layout: &Layout, id: &str, instance: String) -> Self {
        Self { release: Of::Release(id.to_owned()), releases: layout.releases(), instance }
    }

    /// The release's directory as a unit has it, in systemd's grammar.
    pub(super) fn directory(&self) -> String {
        match &self.release {
            // Names of sites and releases have nothing that would have to be encoded.
            Of::Specifier => format!("{}/%i", self.releases),
            Of::Release(id) => format!("{}/{id}", self.releases),
        }
    }

    /// The release's directory, to be encoded with what stands around it.
    pub(super) fn pieces(&self) -> Vec<Piece<'_>> {
        match &self.release {
            Of::Specifier => vec![Piece::Text(&self.releases), Piece::Text("/"), Piece::Specifier('i')],
            Of::Release(id) => vec![Piece::Text(&self.releases), Piece::Text("/"), Piece::Text(id)],
        }
    }

    /// `path` of the configuration, in systemd's grammar: where it is in force, or where the release on its way keeps it.
    pub(super) fn config(&self, path: &str) -> String {
        match &self.release {
            Of::Specifier => path.to_owned(),
            Of::Release(_) => format!("{}/config{path}", self.directory()),
        }
    }
}
