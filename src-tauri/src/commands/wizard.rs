//! Half-finished set-ups. Each command hands over to the engine and turns what comes back into a view.

use tauri::State;

use crate::app::App;
use crate::view::failure::{Failure, Outcome};
use crate::view::secrets::SecretValue;
use crate::view::sites::SiteCard;
use crate::view::wizard::{Blueprint, Draft, DraftCard, Edit, SizeProfile, SourcePlace};

/// Ready-made site files.
#[tauri::command]
#[specta::specta]
pub(crate) async fn blueprints(app: State<'_, App>) -> Outcome<Vec<Blueprint>> {
    let _ = (app);
    Err(Failure::unbuilt())
}

/// Sizes of installation.
#[tauri::command]
#[specta::specta]
pub(crate) async fn size_profiles(app: State<'_, App>) -> Outcome<Vec<SizeProfile>> {
    let _ = (app);
    Err(Failure::unbuilt())
}

/// Half-finished set-ups.
#[tauri::command]
#[specta::specta]
pub(crate) async fn drafts(app: State<'_, App>) -> Outcome<Vec<DraftCard>> {
    let _ = (app);
    Err(Failure::unbuilt())
}

/// Begins one.
#[tauri::command]
#[specta::specta]
pub(crate) async fn new_draft(app: State<'_, App>, host: Option<String>) -> Outcome<Draft> {
    let _ = (app, host);
    Err(Failure::unbuilt())
}

/// One.
#[tauri::command]
#[specta::specta]
pub(crate) async fn draft(app: State<'_, App>, id: String) -> Outcome<Draft> {
    let _ = (app, id);
    Err(Failure::unbuilt())
}

/// Changes keys of the site file.
#[tauri::command]
#[specta::specta]
pub(crate) async fn edit_draft(app: State<'_, App>, id: String, edits: Vec<Edit>) -> Outcome<Draft> {
    let _ = (app, id, edits);
    Err(Failure::unbuilt())
}

/// Replaces the text.
#[tauri::command]
#[specta::specta]
pub(crate) async fn set_draft_text(app: State<'_, App>, id: String, text: String) -> Outcome<Draft> {
    let _ = (app, id, text);
    Err(Failure::unbuilt())
}

/// Notes where the person is.
#[tauri::command]
#[specta::specta]
pub(crate) async fn set_draft_place(
    app: State<'_, App>,
    id: String,
    step: String,
    host: Option<String>,
) -> Outcome<Draft> {
    let _ = (app, id, step, host);
    Err(Failure::unbuilt())
}

/// Begins from a blueprint; what was answered stays.
#[tauri::command]
#[specta::specta]
pub(crate) async fn use_blueprint(app: State<'_, App>, id: String, name: String) -> Outcome<Draft> {
    let _ = (app, id, name);
    Err(Failure::unbuilt())
}

/// Looks what a source is.
#[tauri::command]
#[specta::specta]
pub(crate) async fn detect_source(app: State<'_, App>, id: String, place: SourcePlace) -> Outcome<Draft> {
    let _ = (app, id, place);
    Err(Failure::unbuilt())
}

/// Sets what a size of installation means.
#[tauri::command]
#[specta::specta]
pub(crate) async fn use_size(app: State<'_, App>, id: String, name: String) -> Outcome<Draft> {
    let _ = (app, id, name);
    Err(Failure::unbuilt())
}

/// Gives one of its secrets a value.
#[tauri::command]
#[specta::specta]
pub(crate) async fn set_draft_secret(
    app: State<'_, App>,
    id: String,
    name: String,
    value: SecretValue,
) -> Outcome<Draft> {
    let _ = (app, id, name, value);
    Err(Failure::unbuilt())
}

/// Throws one away.
#[tauri::command]
#[specta::specta]
pub(crate) async fn remove_draft(app: State<'_, App>, id: String) -> Outcome<()> {
    let _ = (app, id);
    Err(Failure::unbuilt())
}

/// Writes the site file and makes it a site.
#[tauri::command]
#[specta::specta]
pub(crate) async fn finish_draft(app: State<'_, App>, id: String) -> Outcome<SiteCard> {
    let _ = (app, id);
    Err(Failure::unbuilt())
}
