//! `slipway site …`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};
use slipway_core::site::{Domain, Name};

/// `slipway site …`.
#[derive(Debug, Subcommand)]
pub(crate) enum SiteCommand {
    /// Write a site file from a blueprint
    New(New),
    /// Show every mistake in a site file, with its place
    Check {
        /// Site file; that of --site by default
        #[arg(value_hint = ValueHint::FilePath)]
        file: Option<PathBuf>,
    },
    /// Print the JSON Schema of site files
    Schema,
    /// List blueprints
    Blueprints,
    /// Print the site file as it is understood, without comments
    Show,
}

/// `slipway site new`.
#[derive(Debug, Args)]
pub(crate) struct New {
    /// Blueprint (slipway site blueprints lists them)
    #[arg(long, value_name = "NAME")]
    pub(crate) blueprint: String,
    /// What to call the site; the folder's name by default
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<Name>,
    /// Its domain; without one, its certificate is self-signed
    #[arg(long)]
    pub(crate) domain: Option<Domain>,
    /// URL of the git repository with the code
    #[arg(long, value_name = "URL", conflicts_with_all = ["folder", "archive"])]
    pub(crate) git: Option<String>,
    /// Branch, tag or commit
    #[arg(long = "ref", value_name = "REF", requires = "git")]
    pub(crate) reference: Option<String>,
    /// Folder with the code, relative to the site file
    #[arg(long, value_name = "DIR", conflicts_with = "archive", value_hint = ValueHint::DirPath)]
    pub(crate) folder: Option<String>,
    /// Archive with the code, relative to the site file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) archive: Option<String>,
    /// File to write; - for standard output
    #[arg(long, short, value_name = "FILE", default_value = "slipway.toml", value_hint = ValueHint::FilePath)]
    pub(crate) output: PathBuf,
    /// Write over a file that is there
    #[arg(long)]
    pub(crate) force: bool,
}
