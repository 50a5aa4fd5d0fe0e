//! What can go wrong with secrets, and what to do about it. No message holds a value.

use super::{LARGEST, SecretKey};

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

/// How to get a keyring, said in one place.
const GET_A_KEYRING: &str = "install and start one (gnome-keyring or KWallet) and log in again; on a server, run \
    `dbus-run-session -- sh -c 'gnome-keyring-daemon --unlock --components=secrets && exec slipway …'` and type \
    the keyring's password when it waits for input; in a pipeline, pass secrets with --secrets-from-env PREFIX. \
    Slipway never stores secrets as plain text";

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
            Self::NoBus { .. } | Self::NoService { .. } => GET_A_KEYRING.into(),
            Self::NoCollection => "create one: log in to the desktop once, use \"Passwords and Keys\" (seahorse) or \
                KWalletManager, or run `gnome-keyring-daemon --unlock` and type a new password"
                .into(),
            Self::Locked | Self::PromptDismissed => "unlock it with \"Passwords and Keys\" (seahorse) or \
                KWalletManager; without a screen, run `gnome-keyring-daemon --replace --unlock --components=secrets` \
                and type the keyring's password; then try again"
                .into(),
            Self::NoAnswer { .. } => {
                "look for a question of the keyring on the screen of this session, or restart the keyring; then try again".into()
            }
            Self::NotFound { supply, .. } | Self::NotGenerated { supply, .. } => format!("set it: {supply}"),
            Self::NotInSite { .. } => "add it to the site file under [secret], or check the spelling".into(),
            Self::TooLarge { .. } => "keep the data in a file on the host and only its key here".into(),
            Self::Ambiguous { .. } => {
                "delete all but one with \"Passwords and Keys\" (seahorse) or `secret-tool clear`".into()
            }
            Self::Damaged { key } => format!("set it again: {}", super::keyring::command(key)),
            Self::ReadOnly { supply, .. } => {
                format!("set it where the pipeline keeps its variables ({supply}), or run without --secrets-from-env")
            }
            Self::BadLength { .. } => "change `length` in the site file".into(),
            Self::Home { advice, .. } => (*advice).into(),
            Self::Failed { .. } => "check that the keyring works, for example with `secret-tool search service slipway`".into(),
        }
    }
}
