//! Runs. Each command hands over to the engine and turns what comes back into a view.

use slipway_core::progress::View;
use slipway_engine::desk::runs::Consent;
use slipway_engine::failure::Failure;
use slipway_engine::history::{Filter, RunId};
use tauri::State;
use tauri::ipc::Channel;

use crate::app::{App, host_name, site_name};
use crate::view::failure::Outcome;
use crate::view::runs::{RunBatch, RunCard, RunDetail, RunFilter, RunNews};

/// Applies a plan that was made here; the number of the run.
#[tauri::command]
#[specta::specta]
pub(crate) async fn start_run(app: State<'_, App>, plan: String, replace_drift: bool) -> Outcome<u32> {
    let made = app.made(&plan)?;
    let id = app.going.start(made.planned.clone(), made.file.clone(), Consent { replace_drift }).await?;
    Ok(u32::try_from(id.number()).unwrap_or(u32::MAX))
}

/// Asks a run to stop at the next safe point.
#[tauri::command]
#[specta::specta]
pub(crate) async fn cancel_run(app: State<'_, App>, run: u32) -> Outcome<()> {
    Ok(app.going.cancel(RunId::from(run))?)
}

/// Tells of runs under way, all each time.
#[tauri::command]
#[specta::specta]
pub(crate) async fn watch_active(
    app: State<'_, App>,
    subscription: String,
    news: Channel<Vec<RunCard>>,
) -> Outcome<()> {
    let (going, operator) = (app.going.clone(), app.desk.surroundings.operator.clone());
    app.watch(subscription, async move {
        let mut changes = going.changes();
        loop {
            let cards = going.active().iter().map(|run| RunCard::under_way(run, &operator)).collect();
            if news.send(cards).is_err() || changes.changed().await.is_err() {
                return;
            }
        }
    });
    Ok(())
}

/// A run from its beginning, then what changes in it.
#[tauri::command]
#[specta::specta]
pub(crate) async fn watch_run(
    app: State<'_, App>,
    run: u32,
    subscription: String,
    news: Channel<RunNews>,
) -> Outcome<()> {
    let mut watch = app.going.watch(RunId::from(run))?;
    app.watch(subscription, async move {
        let mut view = View::default();
        loop {
            let (next, last) = match watch.next().await {
                Ok(Some(events)) => (RunNews::Batch { batch: RunBatch::of(view.take(events), &view) }, false),
                Ok(None) => (RunNews::Batch { batch: RunBatch::of(view.end(), &view) }, true),
                Err(failure) => (RunNews::Lost { failure: failure.into() }, true),
            };
            if news.send(next).is_err() || last {
                return;
            }
        }
    });
    Ok(())
}

/// Runs, newest first.
#[tauri::command]
#[specta::specta]
pub(crate) async fn runs(app: State<'_, App>, filter: RunFilter) -> Outcome<Vec<RunCard>> {
    let wanted = Filter {
        site: filter.site.as_deref().map(site_name).transpose()?,
        host: filter.host.as_deref().map(host_name).transpose()?,
        before: filter.before.map(RunId::from),
    };
    let page = app.desk.history.runs(&wanted, filter.limit).map_err(Failure::from)?;
    Ok(page.runs.iter().map(|run| RunCard::of(run, app.desk.run_state(run))).collect())
}

/// One run.
#[tauri::command]
#[specta::specta]
pub(crate) async fn run(app: State<'_, App>, run: u32) -> Outcome<RunDetail> {
    Ok(RunDetail::from(app.desk.past_run(RunId::from(run))?))
}
