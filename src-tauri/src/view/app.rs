//! The program itself: state, settings, keyring.

use serde::{Deserialize, Serialize};
use specta::Type;
use specta_typescript::Number;

/// What the window needs to know when it opens.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct AppState {
    /// Version of Slipway.
    pub version: String,
    /// Who is recorded on hosts: `ann@laptop`.
    pub operator: String,
    /// Local folder.
    pub home: String,
    /// Settings.
    pub settings: Settings,
}

/// Whether a disposable host can be started on this machine.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct Disposable {
    /// Whether it can.
    pub available: bool,
    /// Why not.
    pub reason: Option<String>,
}

/// What a person prefers.
#[derive(Debug, Clone, Serialize, Deserialize, Type)]
pub(crate) struct Settings {
    /// Colours.
    pub theme: Theme,
    /// How hosts are listed.
    pub hosts_view: HostsView,
    /// How differences are shown.
    pub diff_view: DiffView,
    /// Whether the desktop tells when a run ends while the window is not in front.
    pub notifications: bool,
}

/// Colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Theme {
    System,
    Light,
    Dark,
}

/// How hosts are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum HostsView {
    Cards,
    Table,
}

/// How differences are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum DiffView {
    Unified,
    Split,
}

/// The keyring.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct KeyringState {
    /// What it is called.
    pub label: String,
    /// Whether it can be used.
    pub ready: bool,
    /// Why not.
    pub message: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
}

/// What Slipway itself uses.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct Usage {
    /// Percent of one processor, all processes.
    #[specta(type = Number)]
    pub cpu_percent: f64,
    /// Memory of all processes.
    #[specta(type = Number)]
    pub memory_bytes: u64,
}

/// A template that a person may override.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct Template {
    /// Its name: `nginx/site.conf`.
    pub name: String,
    /// Where the override is or would be.
    pub path: String,
    /// Whether there is one.
    pub overridden: bool,
}

/// What became of an export or import of the inventory.
#[derive(Debug, Clone, Default, Serialize, Type)]
pub(crate) struct Transfer {
    /// The file; none when the person chose none.
    pub path: Option<String>,
    /// New names.
    pub added: Vec<String>,
    /// Names that were there and stayed as they were.
    pub kept: Vec<String>,
    /// Names that were replaced.
    pub replaced: Vec<String>,
}

/// The person asked to close the window while runs go on.
#[derive(Debug, Clone, Serialize, Type, tauri_specta::Event)]
pub(crate) struct CloseAsked {
    /// How many runs go on.
    pub runs: u32,
}

/// What to do with the runs when the window closes.
#[derive(Debug, Clone, Copy, Deserialize, Type)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum CloseChoice {
    /// Leave the window open.
    Stay,
    /// Hide the window and end when they have ended.
    Background,
    /// Stop them at the next safe point, then end.
    Stop,
}
