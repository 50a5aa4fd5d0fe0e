//! Plans. Each command hands over to the engine and turns what comes back into a view.

use std::sync::Arc;

use slipway_engine::desk::files::write_atomically;
use slipway_engine::failure::{Code, Failure};
use slipway_engine::site::Request;
use tauri::{AppHandle, State};

use crate::app::{App, Made};
use crate::dialogs;
use crate::view::failure::{Allowance, Outcome};
use crate::view::plan::{PlanRequest, PlanView};

/// Looks at the host and plans; nothing is changed.
#[tauri::command]
#[specta::specta]
pub(crate) async fn make_plan(
    app: State<'_, App>,
    site: String,
    host: String,
    request: PlanRequest,
) -> Outcome<PlanView> {
    let (file, request) = (app.site_file(&site)?, Request::try_from(request)?);
    let link = app.link(&host).await?;
    let planned = Arc::new(app.desk.plan(link, &file, &request).await?);
    app.desk.save_plan(&planned, &file, &request)?;
    let made = app.keep(Made { planned, file, request });
    Ok(PlanView::from(&made.planned.plan))
}

/// Allows what a failure asked for; it is remembered.
#[tauri::command]
#[specta::specta]
pub(crate) async fn allow(app: State<'_, App>, allowance: Allowance) -> Outcome<()> {
    Ok(app.desk.allow(&allowance.try_into()?)?)
}

/// Writes a plan to a file that the person chooses; where.
#[tauri::command]
#[specta::specta]
pub(crate) async fn export_plan(handle: AppHandle, app: State<'_, App>, plan: String) -> Outcome<Option<String>> {
    let made = app.made(&plan)?;
    let saved = app.desk.save_plan(&made.planned, &made.file, &made.request)?;
    let name = format!("{}-{}.plan.json", saved.plan.site, saved.plan.id.short());
    let Some(path) = dialogs::save(&handle, &name).await else { return Ok(None) };
    let failed = |why: String| Failure::new(Code::Local, format!("{} cannot be written: {why}", path.display()));
    let text = serde_json::to_vec_pretty(&saved).map_err(|error| failed(error.to_string()))?;
    write_atomically(&path, &text).map_err(|error| failed(error.to_string()))?;
    Ok(Some(path.display().to_string()))
}
