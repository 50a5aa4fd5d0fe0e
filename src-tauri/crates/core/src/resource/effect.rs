//! What must follow a change, once for all changes that ask for it: declared with a resource, done by one step.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::review::{Heading, Verb};
use crate::command::Command;

const INSTALL_NGINX: &str = concat!(
    include_str!("../onhost/files.sh"),
    include_str!("../onhost/nginx.sh"),
    include_str!("../onhost/install_nginx.sh")
);

/// Where nginx's files wait until all of its configuration has been rehearsed with them.
pub const NGINX_STAGE: &str = "/run/slipway/nginx-stage";

/// Who reads what changes, and so what must follow a change. As text: `systemd`, `nginx`, `rules:UNIT`, `sudo`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Effect {
    /// systemd reads its units again.
    Systemd,
    /// Rules of a packet filter are in force: the unit that loads them does so again.
    Rules(String),
    /// nginx rehearses its configuration, and takes it up if that is right.
    Nginx,
    /// The site's processes read it when they start: a release replaces them.
    Processes,
    /// sudo reads it at its next use. A file that it cannot read locks everybody out of sudo, so it is checked before it
    /// is put in place; nothing has to follow.
    Sudo,
}

impl Effect {
    /// Directory in which files with this effect wait for it; none: they are put in place at once.
    pub fn stage(&self) -> Option<&'static str> {
        match self {
            Self::Nginx => Some(NGINX_STAGE),
            Self::Systemd | Self::Rules(_) | Self::Processes | Self::Sudo => None,
        }
    }

    /// Commands that make sure that nothing of an earlier run waits.
    pub fn prepare() -> Vec<Command> {
        vec![Command::new(["rm", "-rf", "--", NGINX_STAGE])]
    }

    /// What brings it about; nothing, where nobody has to be told.
    pub fn commands(&self) -> Vec<Command> {
        match self {
            Self::Systemd => vec![Command::new(["systemctl", "daemon-reload"])],
            Self::Rules(unit) => vec![Command::new(["systemctl", "try-reload-or-restart", unit])],
            Self::Nginx => vec![Command::script(INSTALL_NGINX, [NGINX_STAGE])],
            Self::Processes | Self::Sudo => Vec::new(),
        }
    }

    /// Heading of its step.
    pub fn heading(&self) -> Heading {
        match self {
            Self::Systemd | Self::Rules(_) => Heading::Services,
            Self::Nginx => Heading::WebServer,
            Self::Processes | Self::Sudo => Heading::Configuration,
        }
    }

    /// Title of its step.
    pub fn title(&self) -> String {
        match self {
            Self::Systemd => "Make systemd read its units again".to_owned(),
            Self::Rules(unit) => format!("Load the rules of {unit}"),
            Self::Nginx => "Rehearse nginx's configuration, put it in place and reload nginx".to_owned(),
            Self::Processes => "Replace the site's processes".to_owned(),
            Self::Sudo => "Check it for sudo".to_owned(),
        }
    }

    /// Reason of its step.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Systemd => "units changed",
            Self::Rules(_) => "they are in force before a port is opened",
            Self::Nginx => "all files that nginx reads change together, or none of them does",
            Self::Processes => "they read it when they start",
            Self::Sudo => "sudo refuses to work with a file that it cannot read",
        }
    }

    /// What its step does.
    pub fn verb(&self) -> Verb {
        Verb::Run
    }

    /// What a person reads beside the title.
    pub fn about(&self) -> Vec<String> {
        match self {
            Self::Nginx => vec!["a copy of the whole configuration is tried with nginx -t first".to_owned()],
            Self::Systemd | Self::Rules(_) | Self::Processes | Self::Sudo => Vec::new(),
        }
    }

    /// What reloads, for the summary of a plan.
    pub fn reloads(&self) -> Option<String> {
        match self {
            Self::Nginx => Some("nginx reloads; it drops no connection".to_owned()),
            Self::Rules(unit) => Some(format!("{unit} loads its rules again")),
            Self::Systemd | Self::Processes | Self::Sudo => None,
        }
    }

    /// The word for it in the index of a release's configuration; no blanks.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Systemd => "systemd",
            Self::Rules(_) => "rules",
            Self::Nginx => "nginx",
            Self::Processes => "processes",
            Self::Sudo => "sudo",
        }
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Systemd => f.write_str("systemd"),
            Self::Rules(unit) => write!(f, "rules:{unit}"),
            Self::Nginx => f.write_str("nginx"),
            Self::Processes => f.write_str("processes"),
            Self::Sudo => f.write_str("sudo"),
        }
    }
}

impl From<Effect> for String {
    fn from(effect: Effect) -> Self {
        effect.to_string()
    }
}

impl TryFrom<String> for Effect {
    type Error = String;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        match (text.as_str(), text.split_once(':')) {
            ("systemd", _) => Ok(Self::Systemd),
            ("nginx", _) => Ok(Self::Nginx),
            ("processes", _) => Ok(Self::Processes),
            ("sudo", _) => Ok(Self::Sudo),
            (_, Some(("rules", unit))) => Ok(Self::Rules(unit.to_owned())),
            _ => Err(format!("{text:?} is no effect that this version knows")),
        }
    }
}
