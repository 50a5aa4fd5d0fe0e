//! `slipway host …`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum, ValueHint};
use slipway_engine::inventory::{HostName, SudoMode, Tag};

/// `slipway host …`.
#[derive(Debug, Subcommand)]
pub(crate) enum HostCommand {
    /// Add a host: connects, checks its key, shows what it is
    Add(Add),
    /// List hosts
    List,
    /// Show one host as it was last seen
    Show {
        /// Host
        name: HostName,
    },
    /// Forget a host; nothing changes on it
    Remove {
        /// Host
        name: HostName,
    },
    /// Change how a host is reached
    Edit(Edit),
    /// Connect, step by step, and change nothing
    Test {
        /// Host
        name: Option<HostName>,
    },
    /// Take hosts over from ~/.ssh/config, or from a file that host export wrote
    Import(Import),
    /// Write hosts and sites to a file to pass on: no secrets, no trust
    Export {
        /// File; standard output by default
        #[arg(value_hint = ValueHint::FilePath)]
        file: Option<PathBuf>,
    },
}

/// `slipway host add`.
#[derive(Debug, Args)]
pub(crate) struct Add {
    /// What to call it
    pub(crate) name: HostName,
    /// [USER@]ADDRESS[:PORT], or an alias of ~/.ssh/config; the name by default
    pub(crate) address: Option<String>,
    /// Private key
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) identity: Option<PathBuf>,
    /// Hosts to go through, first hop first: of the inventory, or [USER@]HOST[:PORT]
    #[arg(long, value_name = "HOST[,HOST]")]
    pub(crate) jump: Option<String>,
    /// How commands become root's
    #[arg(long, default_value = "auto")]
    pub(crate) sudo: Sudo,
    /// Label; may be given several times
    #[arg(long = "tag", value_name = "TAG")]
    pub(crate) tags: Vec<Tag>,
}

/// `slipway host edit`.
#[derive(Debug, Args)]
pub(crate) struct Edit {
    /// Host
    pub(crate) name: HostName,
    /// New [USER@]ADDRESS[:PORT]
    #[arg(long)]
    pub(crate) address: Option<String>,
    /// Private key; empty for none
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) identity: Option<PathBuf>,
    /// Hosts to go through; empty for none
    #[arg(long, value_name = "HOST[,HOST]")]
    pub(crate) jump: Option<String>,
    /// How commands become root's
    #[arg(long)]
    pub(crate) sudo: Option<Sudo>,
    /// Add a label
    #[arg(long = "tag", value_name = "TAG")]
    pub(crate) tags: Vec<Tag>,
    /// Take a label away
    #[arg(long = "untag", value_name = "TAG")]
    pub(crate) untags: Vec<Tag>,
    /// Another name
    #[arg(long, value_name = "NAME")]
    pub(crate) rename: Option<HostName>,
}

/// `slipway host import`.
#[derive(Debug, Args)]
pub(crate) struct Import {
    /// Only these aliases; all by default
    pub(crate) aliases: Vec<String>,
    /// Show what would be taken over
    #[arg(long, conflicts_with = "file")]
    pub(crate) dry_run: bool,
    /// Take over this export instead
    #[arg(long, value_name = "FILE", conflicts_with = "aliases", value_hint = ValueHint::FilePath)]
    pub(crate) file: Option<PathBuf>,
    /// Replace hosts that are known already by those of the export
    #[arg(long, requires = "file")]
    pub(crate) replace: bool,
}

/// How commands become root's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Sudo {
    /// Whatever works: root login, else sudo, asking for its password only when it wants one
    Auto,
    /// The login is root
    Root,
    /// sudo asks for nothing
    Passwordless,
    /// sudo asks for the login's password
    Password,
}

impl From<Sudo> for SudoMode {
    fn from(sudo: Sudo) -> Self {
        match sudo {
            Sudo::Auto => Self::Auto,
            Sudo::Root => Self::Root,
            Sudo::Passwordless => Self::Passwordless,
            Sudo::Password => Self::Password,
        }
    }
}
