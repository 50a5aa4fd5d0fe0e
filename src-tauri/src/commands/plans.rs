//! Plans. Each command hands over to the engine and turns what comes back into a view.

use tauri::State;

use crate::app::App;
use crate::view::failure::{Failure, Outcome};
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
    let _ = (app, site, host, request);
    Err(Failure::unbuilt())
}

/// Writes a plan to a file that the person chooses; where.
#[tauri::command]
#[specta::specta]
pub(crate) async fn export_plan(app: State<'_, App>, plan: String) -> Outcome<Option<String>> {
    let _ = (app, plan);
    Err(Failure::unbuilt())
}
