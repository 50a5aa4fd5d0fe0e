//! The program itself. Each command hands over to the engine and turns what comes back into a view.

use tauri::State;
use tauri::ipc::Channel;

use crate::app::App;
use crate::view::app::{AppState, CloseChoice, KeyringState, Settings, Template, Transfer, Usage};
use crate::view::failure::{Failure, Outcome};
use crate::view::wizard::Choose;

/// What the window needs when it opens.
#[tauri::command]
#[specta::specta]
pub(crate) async fn app_state(app: State<'_, App>) -> Outcome<AppState> {
    let _ = (app);
    Err(Failure::unbuilt())
}

/// Whether the keyring can be used.
#[tauri::command]
#[specta::specta]
pub(crate) async fn keyring_state(app: State<'_, App>) -> Outcome<KeyringState> {
    let _ = (app);
    Err(Failure::unbuilt())
}

/// What Slipway itself uses.
#[tauri::command]
#[specta::specta]
pub(crate) async fn usage(app: State<'_, App>) -> Outcome<Usage> {
    let _ = (app);
    Err(Failure::unbuilt())
}

/// Keeps what a person prefers.
#[tauri::command]
#[specta::specta]
pub(crate) async fn save_settings(app: State<'_, App>, settings: Settings) -> Outcome<()> {
    let _ = (app, settings);
    Err(Failure::unbuilt())
}

/// Templates that a person may override.
#[tauri::command]
#[specta::specta]
pub(crate) async fn templates(app: State<'_, App>) -> Outcome<Vec<Template>> {
    let _ = (app);
    Err(Failure::unbuilt())
}

/// Writes hosts and sites, without secrets, to a file that the person chooses.
#[tauri::command]
#[specta::specta]
pub(crate) async fn export_inventory(app: State<'_, App>) -> Outcome<Transfer> {
    let _ = (app);
    Err(Failure::unbuilt())
}

/// Takes hosts and sites over from a file that the person chooses.
#[tauri::command]
#[specta::specta]
pub(crate) async fn import_inventory(app: State<'_, App>, replace: bool) -> Outcome<Transfer> {
    let _ = (app, replace);
    Err(Failure::unbuilt())
}

/// Lets the person choose in the desktop's own dialog.
#[tauri::command]
#[specta::specta]
pub(crate) async fn choose(app: State<'_, App>, what: Choose) -> Outcome<Option<String>> {
    let _ = (app, what);
    Err(Failure::unbuilt())
}

/// Opens an https link in the browser.
#[tauri::command]
#[specta::specta]
pub(crate) async fn open_link(app: State<'_, App>, url: String) -> Outcome<()> {
    let _ = (app, url);
    Err(Failure::unbuilt())
}

/// What to do with runs that go on when the window closes.
#[tauri::command]
#[specta::specta]
pub(crate) async fn close_choice(app: State<'_, App>, choice: CloseChoice) -> Outcome<()> {
    let _ = (app, choice);
    Err(Failure::unbuilt())
}

/// Starts a disposable host and adds it; its name.
#[tauri::command]
#[specta::specta]
pub(crate) async fn start_disposable(app: State<'_, App>, steps: Channel<String>) -> Outcome<String> {
    let _ = (app, steps);
    Err(Failure::unbuilt())
}

/// Ends a subscription.
#[tauri::command]
#[specta::specta]
pub(crate) async fn unwatch(app: State<'_, App>, subscription: String) -> Outcome<()> {
    let _ = (app, subscription);
    Err(Failure::unbuilt())
}
