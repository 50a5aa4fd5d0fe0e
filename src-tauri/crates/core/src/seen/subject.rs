//! What planning can ask about a host, and the typed answers that a plan is bound to.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::fact::Fact;
use crate::facts::paths::{PathState, UntrustedParent};
use crate::facts::security::SelinuxMode;
use crate::profile::FirewallKind;
use crate::site::Name;

/// What planning asked about. As text, it is a word and its argument: `path /etc/shop/environment`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Subject {
    /// What is at a path.
    Path(String),
    /// Whether a package is installed.
    Package(String),
    /// Whether a program is there, whatever package it is from.
    Program(String),
    /// A system user.
    User(String),
    /// A unit of systemd.
    Unit(String),
    /// Who listens on a TCP port.
    Port(u16),
    /// Server blocks of nginx that answer to a name.
    ServerName(String),
    /// Server blocks of nginx that Slipway did not write.
    OtherServers,
    /// Server blocks of nginx that say `default_server` for a port.
    DefaultServers(u16),
    /// Server blocks of nginx on a port without a name, which only requests for unknown names reach.
    NamelessServers(u16),
    /// Whether the firewall lets a service in: `http`, `https`.
    FirewallService(String),
    /// Whether a table of family `inet` of the packet filter holds rules for what leaves a process.
    Rules(String),
    /// Whether a disk has this many bytes free, and inodes enough.
    FreeSpace {
        /// A path on it.
        path: String,
        /// Bytes.
        bytes: u64,
    },
    /// Whether this many bytes of memory are free for programs.
    FreeMemory(u64),
    /// The interpreter that the site gets.
    Interpreter,
    /// The machine's architecture.
    Architecture,
    /// Whether the package manager's lists are fresh.
    PackageLists,
    /// The distribution.
    OperatingSystem,
    /// Whether systemd runs the host.
    Systemd,
    /// SELinux.
    Selinux,
    /// The last entry of the site's ledger.
    LastReleaseEvent,
    /// The releases whose directories exist.
    Releases,
    /// The releases that were begun and never sealed.
    UnfinishedReleases,
    /// What Slipway recorded about a site.
    SiteRecord(Name),
    /// What Slipway recorded about the host.
    HostRecord,
}

impl Subject {
    fn words(&self) -> (&'static str, String) {
        match self {
            Self::Path(path) => ("path", path.clone()),
            Self::Package(name) => ("package", name.clone()),
            Self::Program(name) => ("program", name.clone()),
            Self::User(name) => ("user", name.clone()),
            Self::Unit(name) => ("unit", name.clone()),
            Self::Port(port) => ("port", port.to_string()),
            Self::ServerName(name) => ("server-name", name.clone()),
            Self::OtherServers => ("other-servers", String::new()),
            Self::DefaultServers(port) => ("default-servers", port.to_string()),
            Self::NamelessServers(port) => ("nameless-servers", port.to_string()),
            Self::FirewallService(name) => ("firewall-service", name.clone()),
            Self::Rules(table) => ("rules", table.clone()),
            Self::FreeSpace { path, bytes } => ("free-space", format!("{bytes} {path}")),
            Self::FreeMemory(bytes) => ("free-memory", bytes.to_string()),
            Self::Interpreter => ("interpreter", String::new()),
            Self::Architecture => ("architecture", String::new()),
            Self::PackageLists => ("package-lists", String::new()),
            Self::OperatingSystem => ("operating-system", String::new()),
            Self::Systemd => ("systemd", String::new()),
            Self::Selinux => ("selinux", String::new()),
            Self::LastReleaseEvent => ("last-release-event", String::new()),
            Self::Releases => ("releases", String::new()),
            Self::UnfinishedReleases => ("unfinished-releases", String::new()),
            Self::SiteRecord(site) => ("site-record", site.to_string()),
            Self::HostRecord => ("host-record", String::new()),
        }
    }
}

impl Subject {
    /// What was asked, for a person.
    pub fn title(&self) -> String {
        match self {
            Self::FreeSpace { path, bytes } => format!("{} free at {path}", crate::words::bytes(*bytes)),
            Self::FreeMemory(bytes) => format!("{} of memory free", crate::words::bytes(*bytes)),
            asked => {
                let (word, argument) = asked.words();
                let word = word.replace('-', " ");
                if argument.is_empty() { word } else { format!("{word} {argument}") }
            }
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, argument) = self.words();
        if argument.is_empty() { f.write_str(word) } else { write!(f, "{word} {argument}") }
    }
}

impl From<Subject> for String {
    fn from(subject: Subject) -> Self {
        subject.to_string()
    }
}

impl TryFrom<String> for Subject {
    type Error = String;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl FromStr for Subject {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (word, argument) = text.split_once(' ').unwrap_or((text, ""));
        let unknown = || format!("{text:?} is not a subject that this version observes");
        let own = || argument.to_owned();
        Ok(match word {
            "path" => Self::Path(own()),
            "package" => Self::Package(own()),
            "program" => Self::Program(own()),
            "user" => Self::User(own()),
            "unit" => Self::Unit(own()),
            "port" => Self::Port(argument.parse().map_err(|_| unknown())?),
            "server-name" => Self::ServerName(own()),
            "other-servers" => Self::OtherServers,
            "default-servers" => Self::DefaultServers(argument.parse().map_err(|_| unknown())?),
            "nameless-servers" => Self::NamelessServers(argument.parse().map_err(|_| unknown())?),
            "firewall-service" => Self::FirewallService(own()),
            "rules" => Self::Rules(own()),
            "free-space" => {
                let (bytes, path) = argument.split_once(' ').ok_or_else(unknown)?;
                Self::FreeSpace { path: path.to_owned(), bytes: bytes.parse().map_err(|_| unknown())? }
            }
            "free-memory" => Self::FreeMemory(argument.parse().map_err(|_| unknown())?),
            "interpreter" => Self::Interpreter,
            "architecture" => Self::Architecture,
            "package-lists" => Self::PackageLists,
            "operating-system" => Self::OperatingSystem,
            "systemd" => Self::Systemd,
            "selinux" => Self::Selinux,
            "last-release-event" => Self::LastReleaseEvent,
            "releases" => Self::Releases,
            "unfinished-releases" => Self::UnfinishedReleases,
            "site-record" => Self::SiteRecord(argument.parse().map_err(|_| unknown())?),
            "host-record" => Self::HostRecord,
            _ => return Err(unknown()),
        })
    }
}

/// What the answer was. Compared by value; [`Observation::words`] is for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Observation {
    /// Of a path; without its content.
    Path {
        /// What is there.
        state: PathState,
        /// A directory on the way that someone other than root could redirect.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        untrusted_parent: Option<UntrustedParent>,
    },
    /// There or not: a package, a program.
    Presence(Fact<()>),
    /// Home of a user.
    Home(Fact<String>),
    /// Of a unit.
    Unit(Fact<UnitActivity>),
    /// Names of the processes that listen on a port.
    Holders(Fact<Vec<String>>),
    /// Server blocks of nginx: file and line.
    Servers(Fact<Vec<(String, u32)>>),
    /// Of a service in the firewall; absent without a firewall that is active.
    Firewall(Fact<FirewallState>),
    /// A yes or a no.
    Holds(Fact<bool>),
    /// A text, such as a version or a name.
    Text(Fact<String>),
    /// Mode of SELinux; absent where there is none.
    Selinux(Fact<SelinuxMode>),
    /// A list of names.
    Names(Vec<String>),
    /// A record of Slipway's, by the digest of its text.
    Record(Fact<Digest>),
}

/// What planning relies on of a unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitActivity {
    /// Whether it is up, or on its way there.
    pub active: bool,
    /// Whether it starts at boot.
    pub enabled: bool,
    /// Whether it is masked, so that nothing can start it.
    pub masked: bool,
}

/// What planning relies on of a service in an active firewall.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirewallState {
    /// Which firewall.
    pub firewall: FirewallKind,
    /// Whether it is let in now.
    pub now: bool,
    /// Whether it is let in after a restart of the firewall.
    pub lasting: bool,
}

impl Observation {
    /// Why the answer is missing, if looking failed.
    pub fn failure(&self) -> Option<&str> {
        fn of<T>(fact: &Fact<T>) -> Option<&str> {
            match fact {
                Fact::Failed(why) => Some(why),
                Fact::Known(_) | Fact::Absent => None,
            }
        }
        match self {
            Self::Path { state: PathState::Failed { reason }, .. } => Some(reason),
            Self::Path { .. } | Self::Names(_) => None,
            Self::Presence(fact) => of(fact),
            Self::Home(fact) | Self::Text(fact) => of(fact),
            Self::Unit(fact) => of(fact),
            Self::Holders(fact) => of(fact),
            Self::Servers(fact) => of(fact),
            Self::Firewall(fact) => of(fact),
            Self::Holds(fact) => of(fact),
            Self::Selinux(fact) => of(fact),
            Self::Record(fact) => of(fact),
        }
    }

    /// The answer for a person.
    pub fn words(&self) -> String {
        fn of<T>(fact: &Fact<T>, known: impl Fn(&T) -> String, absent: &str) -> String {
            match fact {
                Fact::Known(value) => known(value),
                Fact::Absent => absent.to_owned(),
                Fact::Failed(why) => format!("unknown: {why}"),
            }
        }
        let list = |names: &Vec<String>| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        match self {
            Self::Path { state, untrusted_parent } => {
                let below = untrusted_parent.as_ref();
                let below = below.map(|parent| format!(" (below {}, which others can redirect)", parent.component));
                describe(state) + &below.unwrap_or_default()
            }
            Self::Presence(fact) => of(fact, |()| "installed".to_owned(), "not installed"),
            Self::Home(fact) => of(fact, |home| format!("home {home}"), "absent"),
            Self::Unit(fact) => of(
                fact,
                |unit| {
                    let active = if unit.active { "active" } else { "inactive" };
                    let boot = match (unit.masked, unit.enabled) {
                        (true, _) => "masked",
                        (false, true) => "enabled",
                        (false, false) => "disabled",
                    };
                    format!("{active}, {boot}")
                },
                "absent",
            ),
            Self::Holders(fact) => of(fact, list, "free"),
            Self::Servers(fact) => {
                of(fact, |servers| list(&servers.iter().map(|(file, line)| format!("{file}:{line}")).collect()), "none")
            }
            Self::Firewall(fact) => of(
                fact,
                |state| match (state.now, state.lasting) {
                    (true, true) => "open".to_owned(),
                    (true, false) => "open until the firewall restarts".to_owned(),
                    (false, true) => "open once the firewall restarts".to_owned(),
                    (false, false) => "closed".to_owned(),
                },
                "no active firewall",
            ),
            Self::Holds(fact) => of(fact, |yes| if *yes { "yes" } else { "no" }.to_owned(), "no"),
            Self::Text(fact) => of(fact, Clone::clone, "none"),
            Self::Selinux(fact) => of(fact, |mode| format!("{mode:?}").to_lowercase(), "none"),
            Self::Names(names) => list(names),
            Self::Record(fact) => of(fact, |digest| format!("version {}", digest.short()), "none"),
        }
    }
}

/// A path's state in words.
pub fn describe(state: &PathState) -> String {
    match state {
        PathState::Absent => "absent".to_owned(),
        PathState::File { mode, owner, digest, .. } => {
            format!("file {} {mode:04o} {}:{}", digest.short(), owner.user, owner.group)
        }
        PathState::Directory { mode, owner } => format!("directory {mode:04o} {}:{}", owner.user, owner.group),
        PathState::Symlink { target, .. } => format!("link to {target}"),
        PathState::Other { what } => what.clone(),
        PathState::Failed { reason } => format!("unreadable: {reason}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_survive_their_text() {
        let all = [
            Subject::Path("/etc/a b".into()),
            Subject::Port(443),
            Subject::FreeSpace { path: "/opt/with blank".into(), bytes: 1 << 30 },
            Subject::FreeMemory(1 << 28),
            Subject::SiteRecord("shop".parse().unwrap()),
            Subject::HostRecord,
            Subject::OtherServers,
            Subject::DefaultServers(80),
            Subject::NamelessServers(443),
        ];
        for subject in all {
            assert_eq!(subject.to_string().parse::<Subject>().unwrap(), subject);
        }
        assert!("nonsense x".parse::<Subject>().is_err());
        assert!("port many".parse::<Subject>().is_err());
    }
}
