//! Runs. Each command hands over to the engine and turns what comes back into a view.

use tauri::State;
use tauri::ipc::Channel;

use crate::app::App;
use crate::view::failure::{Failure, Outcome};
use crate::view::runs::{RunBatch, RunCard, RunDetail, RunFilter};

/// Applies a plan that was made here; the number of the run.
#[tauri::command]
#[specta::specta]
pub(crate) async fn start_run(app: State<'_, App>, plan: String, replace_drift: bool) -> Outcome<u32> {
    let _ = (app, plan, replace_drift);
    Err(Failure::unbuilt())
}

/// Asks a run to stop at the next safe point.
#[tauri::command]
#[specta::specta]
pub(crate) async fn cancel_run(app: State<'_, App>, run: u32) -> Outcome<()> {
    let _ = (app, run);
    Err(Failure::unbuilt())
}

/// Tells of runs under way, all each time.
#[tauri::command]
#[specta::specta]
pub(crate) async fn watch_active(
    app: State<'_, App>,
    subscription: String,
    news: Channel<Vec<RunCard>>,
) -> Outcome<()> {
    let _ = (app, subscription, news);
    Err(Failure::unbuilt())
}

/// Events of a run from its beginning, then as they come.
#[tauri::command]
#[specta::specta]
pub(crate) async fn watch_run(
    app: State<'_, App>,
    run: u32,
    subscription: String,
    batches: Channel<RunBatch>,
) -> Outcome<()> {
    let _ = (app, run, subscription, batches);
    Err(Failure::unbuilt())
}

/// Runs, newest first.
#[tauri::command]
#[specta::specta]
pub(crate) async fn runs(app: State<'_, App>, filter: RunFilter) -> Outcome<Vec<RunCard>> {
    let _ = (app, filter);
    Err(Failure::unbuilt())
}

/// One run.
#[tauri::command]
#[specta::specta]
pub(crate) async fn run(app: State<'_, App>, run: u32) -> Outcome<RunDetail> {
    let _ = (app, run);
    Err(Failure::unbuilt())
}
