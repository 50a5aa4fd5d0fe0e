//! Secrets of a site. A value goes out only when a person asks to see it.

use slipway_core::site::Site;
use slipway_engine::failure::Failure;
use slipway_engine::secrets::{self, SecretKey};
use tauri::{AppHandle, State};

use crate::app::App;
use crate::dialogs;
use crate::view::failure::Outcome;
use crate::view::secrets::{SecretRow, SecretValue, Strength, name_of};

/// Secrets that a site needs.
#[tauri::command]
#[specta::specta]
pub(crate) async fn secrets(app: State<'_, App>, site: String) -> Outcome<Vec<SecretRow>> {
    rows(&app, app.site_file(&site)?.site).await
}

/// The secrets of a site that is known or half-finished.
pub(crate) async fn rows(app: &App, site: Site) -> Outcome<Vec<SecretRow>> {
    let looked = secrets::off_thread(app.desk.secrets.clone(), move |store| secrets::rows(&site, store)).await;
    Ok(looked.map_err(Failure::from)?.into_iter().map(SecretRow::from).collect())
}

/// Gives a secret a new value; the one before is kept.
#[tauri::command]
#[specta::specta]
pub(crate) async fn set_secret(
    handle: AppHandle,
    app: State<'_, App>,
    site: String,
    name: String,
    value: SecretValue,
) -> Outcome<Vec<SecretRow>> {
    let file = app.site_file(&site)?;
    app.desk.admit(&file, Some(&name_of(&name)?)).await?;
    store(&handle, &app, &file.site, &name, value).await?;
    rows(&app, file.site).await
}

/// Stores a value for a secret of a site that is known or half-finished.
pub(crate) async fn store(handle: &AppHandle, app: &App, site: &Site, name: &str, value: SecretValue) -> Outcome<()> {
    let name = name_of(name)?;
    let file = match value {
        SecretValue::ChosenFile => match dialogs::any(handle).await {
            Some(path) => Some(path),
            None => return Ok(()),
        },
        SecretValue::Generate | SecretValue::Text { .. } | SecretValue::Previous => None,
    };
    app.desk.put_secret(site, &name, value.source(file)).await?;
    Ok(())
}

/// Removes a secret from the keyring.
#[tauri::command]
#[specta::specta]
pub(crate) async fn remove_secret(app: State<'_, App>, site: String, name: String) -> Outcome<Vec<SecretRow>> {
    let site = app.site_file(&site)?.site;
    let key = SecretKey::new(&site.name, name_of(&name)?);
    let removed = secrets::off_thread(app.desk.secrets.clone(), move |store| store.remove(&key)).await;
    removed.map_err(Failure::from)?;
    rows(&app, site).await
}

/// The value, for a person who asked to see it.
#[tauri::command]
#[specta::specta]
pub(crate) async fn reveal_secret(app: State<'_, App>, site: String, name: String) -> Outcome<String> {
    let key = SecretKey::new(&crate::app::site_name(&site)?, name_of(&name)?);
    let got = secrets::off_thread(app.desk.secrets.clone(), move |store| secrets::require(store, &key)).await;
    let value = got.map_err(Failure::from)?;
    // A binary value cannot be shown as it is; what is not text becomes the mark for that.
    Ok(String::from_utf8_lossy(value.expose()).into_owned())
}

/// How strong a typed secret is.
#[tauri::command]
#[specta::specta]
pub(crate) async fn strength(_app: State<'_, App>, value: String) -> Outcome<Strength> {
    Ok(secrets::strength(&value).into())
}
