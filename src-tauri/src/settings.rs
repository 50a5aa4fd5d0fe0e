//! What a person prefers, kept in the local folder.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use slipway_engine::failure::{Code, Failure, Outcome};
use slipway_engine::home::Home;

use crate::view::app::{DiffView, HostsView, Settings, Theme};

/// The settings and where they are kept.
pub(crate) struct Store {
    home: Home,
    now: Mutex<Settings>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { theme: Theme::System, hosts_view: HostsView::Cards, diff_view: DiffView::Split, notifications: true }
    }
}

fn place(home: &Home) -> PathBuf {
    home.directory().join("window.json")
}

impl Store {
    /// Reads them. Settings that cannot be read are no reason not to open: the usual ones are used.
    pub(crate) fn open(home: Home) -> Self {
        let text = std::fs::read(place(&home)).unwrap_or_default();
        let now = serde_json::from_slice(&text).unwrap_or_default();
        Self { home, now: Mutex::new(now) }
    }

    /// As they are now.
    pub(crate) fn get(&self) -> Settings {
        self.now.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes and keeps them.
    ///
    /// # Errors
    /// When the file cannot be written; they hold until the window closes then.
    pub(crate) fn set(&self, settings: Settings) -> Outcome<()> {
        let text = serde_json::to_vec_pretty(&settings)
            .map_err(|error| Failure::new(Code::Local, format!("the settings cannot be written: {error}")))?;
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = settings;
        self.home.write_private(&place(&self.home), &text).map_err(Failure::from)
    }
}
