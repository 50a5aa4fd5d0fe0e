//! What can go wrong with secrets, and what to do about it. No message holds a value.

use super::{LARGEST, Scope, SecretKey};
use crate::failure::{Code, Failure};

/// Why a secret could not be read, stored or made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretsError {
    /// There is no D-Bus session to reach a keyring through.
    #[error("there is no session bus, so the keyring cannot be reached: {detail}")]
    NoBus {
        /// What the bus library said.
        detail: String,
    },
    /// The session has no program that keeps secrets.
    #[error("no keyring runs in this session: {detail}")]
    NoService {
        /// What the bus said.
        detail: String,
    },
    /// The keyring program runs, but no keyring has ever been made.
    #[error("there is no default keyring yet")]
    NoCollection,
    /// The keyring is locked.
    #[error("the keyring is locked")]
    Locked,
    /// The person, or a session without a screen, closed the keyring's question.
    #[error("the keyring asked to be unlocked and the question was dismissed")]
    PromptDismissed,
    /// The keyring did not answer.
    #[error("the keyring did not answer within {seconds} seconds")]
    NoAnswer {
        /// How long was waited.
        seconds: u64,
    },
    /// The secret is not there.
    #[error("{key} is not set")]
    NotFound {
        /// Which one.
        key: SecretKey,
        /// How to set it.
        supply: String,
    },
    /// The site file does not mention the secret.
    #[error("{key} does not appear in the site file")]
    NotInSite {
        /// Which one.
        key: SecretKey,
    },
    /// The site file does not say how to make the secret.
    #[error("{key} is not a generated one")]
    NotGenerated {
        /// Which one.
        key: SecretKey,
        /// How to set it.
        supply: String,
    },
    /// The value is too large.
    #[error("{key} would be {bytes} bytes; at most {LARGEST} are kept")]
    TooLarge {
        /// Which one.
        key: SecretKey,
        /// Its size.
        bytes: usize,
    },
    /// Several entries of the keyring have the same name.
    #[error("the keyring holds {count} entries for {key}")]
    Ambiguous {
        /// Which one.
        key: SecretKey,
        /// How many.
        count: usize,
    },
    /// What the keyring holds was not written by Slipway, or was changed.
    #[error("the keyring's entry for {key} is damaged")]
    Damaged {
        /// Which one.
        key: SecretKey,
    },
    /// Secrets come from the environment, which is only read.
    #[error("{key} cannot be changed: secrets come from environment variables")]
    ReadOnly {
        /// Which one.
        key: SecretKey,
        /// How to set it.
        supply: String,
    },
    /// The length asked for makes no sense.
    #[error("a generated secret of length {length} is not possible (allowed: {shortest} to {longest})")]
    BadLength {
        /// What was asked for.
        length: u32,
        /// The least.
        shortest: u32,
        /// The most.
        longest: u32,
    },
    /// The local folder failed while a key was kept there.
    #[error("{detail}")]
    Home {
        /// What failed.
        detail: String,
        /// What to do.
        advice: &'static str,
    },
    /// Anything else that the keyring or the operating system reports.
    #[error("the keyring failed: {detail}")]
    Failed {
        /// What it said.
        detail: String,
    },
}

/// Runs a program in a session with a keyring on a machine without a desktop, making the keyring the first time.
/// gnome-keyring-daemon takes its input up to the end as the password, a line break included; hence `printf %s`, which
/// is built into the shell, so that the password is in no process's arguments.
pub(super) const SERVER_SESSION: &str = r#"dbus-run-session -- bash -c 'read -rsp "Keyring password: " p; printf %s "$p" | gnome-keyring-daemon --unlock --components=secrets >/dev/null && exec slipway …'"#;

/// Unlocks the keyring of a session that has no screen to ask on.
pub(super) const SERVER_UNLOCK: &str = r#"bash -c 'read -rsp "Keyring password: " p; printf %s "$p" | gnome-keyring-daemon --replace --unlock --components=secrets'"#;

impl SecretsError {
    /// A stable word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoBus { .. } => "keyring-no-bus",
            Self::NoService { .. } => "keyring-no-service",
            Self::NoCollection => "keyring-no-collection",
            Self::Locked => "keyring-locked",
            Self::PromptDismissed => "keyring-prompt-dismissed",
            Self::NoAnswer { .. } => "keyring-no-answer",
            Self::NotFound { .. } => "secret-not-found",
            Self::NotInSite { .. } => "secret-not-in-site",
            Self::NotGenerated { .. } => "secret-not-generated",
            Self::TooLarge { .. } => "secret-too-large",
            Self::Ambiguous { .. } => "secret-ambiguous",
            Self::Damaged { .. } => "secret-damaged",
            Self::ReadOnly { .. } => "secret-read-only",
            Self::BadLength { .. } => "secret-bad-length",
            Self::Home { .. } => "secret-home",
            Self::Failed { .. } => "keyring-failed",
        }
    }

    /// What the operator can do about it.
    pub fn advice(&self) -> String {
        match self {
            Self::NoBus { .. } | Self::NoService { .. } => format!(
                "install a keyring (gnome-keyring or KWallet) and log in again; on a server, run {SERVER_SESSION}; in \
                 a pipeline, pass secrets with --secrets-from-env PREFIX. Slipway never stores secrets as plain text"
            ),
            Self::NoCollection => format!(
                "create one with \"Passwords and Keys\" (seahorse) or KWalletManager, or without a screen with \
                 {SERVER_UNLOCK}"
            ),
            Self::Locked | Self::PromptDismissed => format!(
                "unlock it with \"Passwords and Keys\" (seahorse) or KWalletManager, or without a screen with \
                 {SERVER_UNLOCK}; then try again"
            ),
            Self::NoAnswer { .. } => {
                "look for a question of the keyring on the screen of this session, or restart the keyring; then try again".into()
            }
            Self::NotFound { supply, .. } | Self::NotGenerated { supply, .. } => format!("set it: {supply}"),
            Self::NotInSite { .. } => "add it to the site file under [secret], or check the spelling".into(),
            Self::TooLarge { .. } => "keep the data in a file on the host and only its key here".into(),
            Self::Ambiguous { .. } => {
                "delete all but one with \"Passwords and Keys\" (seahorse) or `secret-tool clear`".into()
            }
            Self::Damaged { key } => match key.scope {
                Scope::Site(_) | Scope::Host(_) => format!("set it again: {}", key.command()),
                Scope::Slipway => format!(
                    "delete it, and a new one is made: secret-tool clear service slipway username '{}'",
                    key.path()
                ),
            },
            Self::ReadOnly { supply, .. } => {
                format!("set it where the pipeline keeps its variables ({supply}), or run without --secrets-from-env")
            }
            Self::BadLength { .. } => "change `length` in the site file".into(),
            Self::Home { advice, .. } => (*advice).into(),
            Self::Failed { .. } => "check that the keyring works, for example with `secret-tool search service slipway`".into(),
        }
    }
}

impl From<SecretsError> for Failure {
    fn from(error: SecretsError) -> Self {
        Self::new(Code::Secrets, error.to_string()).hint(error.advice())
    }
}
