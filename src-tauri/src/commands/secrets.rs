//! Secrets of a site. A value goes out only when a person asks to see it. Each command hands over to the engine and turns what comes back into a view.

use tauri::State;

use crate::app::App;
use crate::view::failure::{Failure, Outcome};
use crate::view::secrets::{SecretRow, SecretValue, Strength};

/// Secrets that a site needs.
#[tauri::command]
#[specta::specta]
pub(crate) async fn secrets(app: State<'_, App>, site: String) -> Outcome<Vec<SecretRow>> {
    let _ = (app, site);
    Err(Failure::unbuilt())
}

/// Gives a secret a new value; the one before is kept.
#[tauri::command]
#[specta::specta]
pub(crate) async fn set_secret(
    app: State<'_, App>,
    site: String,
    name: String,
    value: SecretValue,
) -> Outcome<Vec<SecretRow>> {
    let _ = (app, site, name, value);
    Err(Failure::unbuilt())
}

/// Removes a secret from the keyring.
#[tauri::command]
#[specta::specta]
pub(crate) async fn remove_secret(app: State<'_, App>, site: String, name: String) -> Outcome<Vec<SecretRow>> {
    let _ = (app, site, name);
    Err(Failure::unbuilt())
}

/// The value, for a person who asked to see it.
#[tauri::command]
#[specta::specta]
pub(crate) async fn reveal_secret(app: State<'_, App>, site: String, name: String) -> Outcome<String> {
    let _ = (app, site, name);
    Err(Failure::unbuilt())
}

/// How strong a typed secret is.
#[tauri::command]
#[specta::specta]
pub(crate) async fn strength(app: State<'_, App>, value: String) -> Outcome<Strength> {
    let _ = (app, value);
    Err(Failure::unbuilt())
}
