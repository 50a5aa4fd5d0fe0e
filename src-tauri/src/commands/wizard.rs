//! Half-finished set-ups. Each command hands over to the engine and turns what comes back into a view.

use slipway_core::site::blueprint;
use slipway_engine::draft::{self, DraftView, profiles};
use slipway_engine::failure::{Code, Failure};
use slipway_engine::source::look::{SourceLocation, look};
use tauri::{AppHandle, State};

use super::secrets::{rows, store};
use crate::app::{App, host_name};
use crate::view::failure::Outcome;
use crate::view::secrets::SecretValue;
use crate::view::sites::SiteCard;
use crate::view::wizard::{Blueprint, Draft, DraftCard, Edit, SizeProfile, SourcePlace};

/// Ready-made site files.
#[tauri::command]
#[specta::specta]
pub(crate) async fn blueprints(_app: State<'_, App>) -> Outcome<Vec<Blueprint>> {
    Ok(blueprint::list().iter().map(Blueprint::from).collect())
}

/// Sizes of installation, for what a draft says so far.
#[tauri::command]
#[specta::specta]
pub(crate) async fn size_profiles(app: State<'_, App>, id: String) -> Outcome<Vec<SizeProfile>> {
    Ok(profiles(&app.desk.draft(&id)?.values).iter().map(SizeProfile::from).collect())
}

/// Half-finished set-ups.
#[tauri::command]
#[specta::specta]
pub(crate) async fn drafts(app: State<'_, App>) -> Outcome<Vec<DraftCard>> {
    let drafts = app.desk.drafts()?;
    Ok(drafts.drafts.into_iter().map(|draft| DraftCard::from(&DraftView::from(draft))).collect())
}

/// Begins one.
#[tauri::command]
#[specta::specta]
pub(crate) async fn new_draft(app: State<'_, App>, host: Option<String>) -> Outcome<Draft> {
    let host = host.as_deref().map(host_name).transpose()?;
    shown(&app, app.desk.new_draft(host.as_ref())?).await
}

/// One.
#[tauri::command]
#[specta::specta]
pub(crate) async fn draft(app: State<'_, App>, id: String) -> Outcome<Draft> {
    shown(&app, app.desk.draft(&id)?).await
}

/// Changes keys of the site file.
#[tauri::command]
#[specta::specta]
pub(crate) async fn edit_draft(app: State<'_, App>, id: String, edits: Vec<Edit>) -> Outcome<Draft> {
    let edits: Vec<draft::Edit> = edits.into_iter().map(draft::Edit::from).collect();
    shown(&app, app.desk.edit_draft(&id, &edits)?).await
}

/// Replaces the text.
#[tauri::command]
#[specta::specta]
pub(crate) async fn set_draft_text(app: State<'_, App>, id: String, text: String) -> Outcome<Draft> {
    shown(&app, app.desk.set_draft_text(&id, &text, None)?).await
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
    app.desk.set_draft_step(&id, &step)?;
    let host = host.as_deref().map(host_name).transpose()?;
    shown(&app, app.desk.set_draft_host(&id, host.as_ref())?).await
}

/// Begins from a blueprint; what was answered stays.
#[tauri::command]
#[specta::specta]
pub(crate) async fn use_blueprint(app: State<'_, App>, id: String, name: String) -> Outcome<Draft> {
    shown(&app, app.desk.apply_blueprint(&id, &name)?).await
}

/// Looks what a source is, and notes the source.
#[tauri::command]
#[specta::specta]
pub(crate) async fn detect_source(app: State<'_, App>, id: String, place: SourcePlace) -> Outcome<Draft> {
    let place = SourceLocation::from(place);
    app.desk.edit_draft(&id, &place.edits()?)?;
    let detected = look(&app.desk.home, &place).await?;
    shown(&app, app.desk.note_detected(&id, &detected)?).await
}

/// Takes over what was found in the source.
#[tauri::command]
#[specta::specta]
pub(crate) async fn use_detected(app: State<'_, App>, id: String) -> Outcome<Draft> {
    let none = || Failure::new(Code::Usage, "nothing was found in the source yet");
    let detected = app.desk.draft(&id)?.draft.detected.ok_or_else(none)?;
    shown(&app, app.desk.apply_detected(&id, &detected)?).await
}

/// Sets what a size of installation means.
#[tauri::command]
#[specta::specta]
pub(crate) async fn use_size(app: State<'_, App>, id: String, name: String) -> Outcome<Draft> {
    let sizes = profiles(&app.desk.draft(&id)?.values);
    let none = || Failure::new(Code::Usage, format!("there is no size {name} that can be chosen"));
    let size = sizes.into_iter().find(|size| size.name == name && size.supported).ok_or_else(none)?;
    shown(&app, app.desk.edit_draft(&id, &size.edits)?).await
}

/// Gives one of its secrets a value.
#[tauri::command]
#[specta::specta]
pub(crate) async fn set_draft_secret(
    handle: AppHandle,
    app: State<'_, App>,
    id: String,
    name: String,
    value: SecretValue,
) -> Outcome<Draft> {
    let view = app.desk.draft(&id)?;
    let wrong = || Failure::new(Code::BadSiteFile, "secrets can be set when the site file has no mistakes");
    store(&handle, &app, view.site.as_ref().ok_or_else(wrong)?, &name, value).await?;
    shown(&app, view).await
}

/// Throws one away.
#[tauri::command]
#[specta::specta]
pub(crate) async fn remove_draft(app: State<'_, App>, id: String) -> Outcome<()> {
    Ok(app.desk.remove_draft(&id)?)
}

/// Writes the site file and makes it a site.
#[tauri::command]
#[specta::specta]
pub(crate) async fn finish_draft(app: State<'_, App>, id: String) -> Outcome<SiteCard> {
    let file = app.desk.finish_draft(&id, None)?;
    app.tell_inventory();
    Ok(SiteCard::of(&app.desk, &app.desk.known_site(&file.site.name)?)?)
}

/// A draft with its secrets. Without a keyring they are not known, which the page of secrets says.
async fn shown(app: &App, view: DraftView) -> Outcome<Draft> {
    let secrets = match view.site.clone() {
        Some(site) => rows(app, site).await.unwrap_or_default(),
        None => Vec::new(),
    };
    Ok(Draft::of(view, secrets))
}
