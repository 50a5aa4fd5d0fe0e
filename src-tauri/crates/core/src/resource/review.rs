//! What a review says of a step, whatever it is about.

use serde::{Deserialize, Serialize};

/// Heading under which a review shows a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum Heading {
    Packages,
    User,
    Directories,
    Certificate,
    Configuration,
    Services,
    WebServer,
    Firewall,
    Source,
    Build,
    Release,
    Records,
}

impl Heading {
    /// The heading's text.
    pub fn text(self) -> &'static str {
        match self {
            Self::Packages => "Packages",
            Self::User => "User",
            Self::Directories => "Directories",
            Self::Certificate => "Certificate",
            Self::Configuration => "Configuration",
            Self::Services => "Services",
            Self::WebServer => "Web server",
            Self::Firewall => "Firewall",
            Self::Source => "Source",
            Self::Build => "Build",
            Self::Release => "Release",
            Self::Records => "Records",
        }
    }
}

/// What people who use the site may notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub enum Risk {
    /// Nothing.
    None,
    /// Connections that stay open (WebSockets) end and come back; requests do not wait, and none is lost.
    Reconnect,
    /// A process ends before the one that takes its place starts: what is asked meanwhile waits, open WebSockets reconnect.
    Wait,
    /// Data changes in a way that going back does not undo.
    Data,
    /// The site is no longer there.
    Gone,
}

/// What a step does to what it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub enum Verb {
    /// Makes something new.
    Create,
    /// Changes something that is there.
    Change,
    /// Takes something away.
    Remove,
    /// Does something that leaves nothing behind by itself.
    Run,
}
