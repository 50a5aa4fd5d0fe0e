//! Hosts, and the test of a connection.

use serde::{Deserialize, Serialize};
use specta::Type;
use specta_typescript::Number;

use super::Failure;
use super::runs::RunCard;

mod of;

/// How to reach a host, as a person fills it in.
#[derive(Debug, Clone, Serialize, Deserialize, Type)]
pub(crate) struct HostForm {
    /// Name in the inventory.
    pub name: String,
    /// Address, name, or alias of `~/.ssh/config`; `user@address:port` is understood too.
    pub address: String,
    /// Port; 22 or the configuration's when empty.
    pub port: Option<u16>,
    /// Login; the configuration's when empty.
    pub user: Option<String>,
    /// How to log in.
    pub auth: Auth,
    /// Jump hosts, as `ssh -J` takes them.
    pub jump: Option<String>,
    /// How commands become root's.
    pub sudo: Sudo,
    /// Labels.
    pub tags: Vec<String>,
}

/// How to log in.
#[derive(Debug, Clone, Serialize, Deserialize, Type)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(crate) enum Auth {
    /// What `~/.ssh/config`, the agent and the usual key files offer.
    Config,
    /// A key of the agent.
    Agent {
        /// Which; any when absent.
        fingerprint: Option<String>,
    },
    /// A key file.
    KeyFile {
        /// Its path.
        path: String,
    },
    /// A password.
    Password,
}

/// How commands become root's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Sudo {
    Auto,
    Root,
    Passwordless,
    Password,
}

/// What a person answered to the questions of a connection. Kept in memory, and in the keyring when asked to.
#[derive(Clone, Default, Deserialize, Type)]
pub(crate) struct Answers {
    /// Full fingerprint of the host key that was compared and accepted.
    pub accepted_fingerprint: Option<String>,
    /// Password of the login.
    pub password: Option<String>,
    /// Passphrase of the key file.
    pub passphrase: Option<String>,
    /// Password that sudo asks for.
    pub sudo_password: Option<String>,
    /// Whether to keep the passwords in the keyring.
    pub remember: bool,
}

/// One step of a connection test.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct TrialStep {
    /// `resolve`, `connect`, `host-key`, `authenticate`, `sudo`, `facts`.
    pub step: String,
    /// In words, with the host on the way when there is one.
    pub label: String,
    /// How far it is.
    pub state: TrialState,
    /// What is being done, or what came of it.
    pub detail: Option<String>,
    /// How long it took.
    #[specta(type = Number)]
    pub elapsed_ms: u64,
}

/// How far a step of a test is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum TrialState {
    /// Not begun, or not needed.
    Waiting,
    Started,
    Ok,
    Failed,
}

/// How a connection test ended.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub(crate) enum Trial {
    /// Commands can be run as root.
    Ready {
        /// What was seen.
        facts: Vec<FactSection>,
        /// Fingerprint of the host's key.
        host_key: Option<String>,
    },
    /// Nobody has seen this host before: compare, then test again with the fingerprint accepted.
    NeedsHostKey {
        /// What it shows.
        key: HostKey,
    },
    /// The host shows another key than is recorded, or a revoked one: no way on.
    HostKeyChanged {
        /// What it shows.
        key: HostKey,
        /// What is recorded.
        recorded: Vec<RecordedKey>,
        /// Whether the key was marked as revoked.
        revoked: bool,
    },
    /// The login needs its password.
    NeedsPassword {
        /// Whether one was given and refused.
        wrong: bool,
    },
    /// The key file needs its passphrase.
    NeedsPassphrase {
        /// Which file.
        file: String,
        /// Whether one was given and does not fit.
        wrong: bool,
    },
    /// sudo needs the login's password.
    NeedsSudoPassword {
        /// Whether one was given and refused.
        wrong: bool,
    },
    /// It failed for another reason.
    Failed {
        /// At which step.
        step: String,
        /// Why, and what to do.
        failure: Failure,
    },
}

/// A host key as shown to a person.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct HostKey {
    /// Host that shows it: this one or one on the way.
    pub host: String,
    /// `ssh-ed25519`, ….
    pub algorithm: String,
    /// `SHA256:…`.
    pub fingerprint: String,
    /// OpenSSH's picture of it, lines.
    pub randomart: String,
}

/// A key that is recorded for a host.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct RecordedKey {
    /// `SHA256:…`.
    pub fingerprint: String,
    /// Where.
    pub file: String,
    /// Which line of it.
    pub line: u32,
}

/// Keys that the agent holds.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct AgentKeys {
    /// Them.
    pub keys: Vec<AgentKey>,
    /// Why there are none.
    pub reason: Option<String>,
}

/// A key of the agent.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct AgentKey {
    /// `SHA256:…`.
    pub fingerprint: String,
    /// `ssh-ed25519`, ….
    pub algorithm: String,
    /// Its comment.
    pub comment: String,
}

/// A private key file in `~/.ssh`.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct KeyFile {
    /// Its path.
    pub path: String,
    /// `ssh-ed25519`, …; none when it cannot be told.
    pub algorithm: Option<String>,
    /// Whether it needs a passphrase.
    pub encrypted: bool,
}

/// A host of `~/.ssh/config`.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct SshAlias {
    /// Its alias.
    pub alias: String,
    /// Where it leads: `user@address:port`.
    pub address: Option<String>,
    /// Whether the inventory has it.
    pub known: bool,
    /// Why it cannot be taken over, or what of it is not followed.
    pub problem: Option<String>,
}

/// A host in a list.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct HostCard {
    /// Its name.
    pub name: String,
    /// `user@address:port`, as far as given.
    pub address: String,
    /// Labels.
    pub tags: Vec<String>,
    /// Operating system, as it calls itself.
    pub os: Option<String>,
    /// SELinux, architecture: what else matters at a glance.
    pub system: Option<String>,
    /// Whether it can be reached.
    pub reach: Reach,
    /// How busy it is.
    pub load: Option<Load>,
    /// Packages with newer versions.
    pub updates: Option<Updates>,
    /// Sites on it.
    pub sites: Vec<String>,
    /// The last run on it.
    pub last_run: Option<RunCard>,
    /// When it last answered.
    #[specta(type = Option<Number>)]
    pub last_seen_ms: Option<i64>,
}

/// Whether a host can be reached.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub(crate) enum Reach {
    /// Nobody has tried since the window opened.
    Unknown,
    /// It is being tried.
    Connecting,
    /// It answers.
    Up,
    /// It does not; it is tried again by itself.
    Down {
        /// Why.
        failure: Failure,
        /// When it is tried again.
        #[specta(type = Option<Number>)]
        next_try_ms: Option<i64>,
    },
    /// It needs a person: a password or a look at its key.
    Needs {
        /// What.
        need: Need,
    },
}

/// What a connection needs from a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Need {
    Password,
    Passphrase,
    SudoPassword,
    HostKey,
    HostKeyChanged,
}

/// How busy a host is.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct Load {
    /// Percent of all processors.
    #[specta(type = Option<Number>)]
    pub cpu_percent: Option<f64>,
    /// Percent of memory in use.
    #[specta(type = Number)]
    pub memory_percent: f64,
    /// Percent of the fullest file system that matters.
    #[specta(type = Option<Number>)]
    pub disk_percent: Option<f64>,
    /// Processes that want to run, one-minute average.
    #[specta(type = Number)]
    pub load1: f64,
}

/// Packages with newer versions.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct Updates {
    /// All.
    pub pending: u32,
    /// Of them, security updates, where that can be told.
    pub security: Option<u32>,
}

/// A host in full.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct HostDetail {
    /// As in the list.
    pub card: HostCard,
    /// How it is reached.
    pub form: HostForm,
    /// What was seen.
    pub facts: Vec<FactSection>,
    /// Fingerprint of the key that was accepted.
    pub host_key: Option<String>,
}

/// Facts about one subject.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct FactSection {
    /// Heading.
    pub title: String,
    /// Rows.
    pub rows: Vec<FactRow>,
}

/// One fact.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct FactRow {
    /// What.
    pub label: String,
    /// Its value, perhaps in several lines, or why it is not known.
    pub value: String,
    /// Whether it is known.
    pub state: FactState,
}

/// Whether a fact is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum FactState {
    Known,
    /// It is as it should be.
    Good,
    /// It wants a person's eye.
    Watch,
    Absent,
    Failed,
}

/// One check of whether a host is ready for a site.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct Check {
    /// Stable word.
    pub id: String,
    /// What is checked.
    pub label: String,
    /// How it looks.
    pub state: CheckState,
    /// What was seen.
    pub detail: String,
    /// What to do.
    pub hint: Option<String>,
}

/// How a check looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum CheckState {
    Ok,
    Watch,
    Fail,
    Unknown,
}
