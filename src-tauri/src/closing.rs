//! The end of the window, and of runs while nobody looks.

use std::collections::BTreeMap;
use std::time::Duration;

use slipway_engine::history::RunId;
use tauri::{AppHandle, Manager, Window, WindowEvent};
use tauri_plugin_notification::NotificationExt;
use tauri_specta::Event;

use crate::app::App;
use crate::view::app::{CloseAsked, CloseChoice};

/// What the last notification has before the program ends.
const FAREWELL: Duration = Duration::from_secs(2);

/// Asks what becomes of runs that go on, instead of closing the window over them.
pub(crate) fn on_event(window: &Window, event: &WindowEvent) {
    let WindowEvent::CloseRequested { api, .. } = event else { return };
    // Without local state there is nothing to lose.
    let Some(app) = window.try_state::<App>() else { return };
    let runs = app.going.active().len();
    if runs == 0 {
        return;
    }
    api.prevent_close();
    let runs = u32::try_from(runs).unwrap_or(u32::MAX);
    let asked = CloseAsked { runs };
    if asked.emit(window).is_err() {
        // A page that cannot be asked must not keep the window from closing; the runs go on behind it.
        choose(window.app_handle(), &app, CloseChoice::Background);
    }
}

/// Hides the window. One that stays visible does no harm.
pub(crate) fn hide(handle: &AppHandle) {
    for window in handle.webview_windows().values() {
        let _ = window.hide();
    }
}

/// Does what the person chose.
pub(crate) fn choose(handle: &AppHandle, app: &App, choice: CloseChoice) {
    match choice {
        CloseChoice::Stay => return,
        CloseChoice::Background => {
            hide(handle);
        }
        CloseChoice::Stop => {
            for run in app.going.active() {
                // One that has ended by now needs no stopping.
                let _ = app.going.cancel(run.id);
            }
        }
    }
    let (handle, going) = (handle.clone(), app.going.clone());
    tauri::async_runtime::spawn(async move {
        let mut changes = going.changes();
        while !going.active().is_empty() && changes.changed().await.is_ok() {}
        // Somebody who opened the window again meanwhile wants it.
        let visible = handle.webview_windows().values().any(|window| window.is_visible().unwrap_or(false));
        if !visible || matches!(choice, CloseChoice::Stop) {
            // The desktop is told of the end by a task that nobody can wait for.
            tokio::time::sleep(FAREWELL).await;
            handle.exit(0);
        }
    });
}

/// Tells of every run that ends while the window is not in front.
pub(crate) async fn tell_of_ends(handle: AppHandle) {
    let app = handle.state::<App>();
    let mut changes = app.going.changes();
    let mut known: BTreeMap<RunId, String> = BTreeMap::new();
    loop {
        let active = app.going.active();
        let ended: Vec<_> = known.iter().filter(|(id, _)| !active.iter().any(|run| run.id == **id)).collect();
        for (id, what) in ended {
            let in_front = handle.webview_windows().values().any(|window| window.is_focused().unwrap_or(false));
            if app.settings.get().notifications && !in_front {
                let summary = app.desk.past_run(*id).ok().and_then(|past| past.run.verdict);
                let text = summary.as_ref().and_then(|verdict| verdict.get("summary")?.as_str());
                // A desktop without notifications shows it in the window and in the history.
                let _ = handle.notification().builder().title(what).body(text.unwrap_or("It has ended.")).show();
            }
        }
        known = active
            .into_iter()
            .map(|run| (run.id, format!("Slipway: {} of {} on {} has ended", run.verb, run.site, run.host)))
            .collect();
        if changes.changed().await.is_err() {
            return;
        }
    }
}

/// Shows the window again, when somebody starts Slipway a second time.
pub(crate) fn show_again(handle: &AppHandle) {
    for window in handle.webview_windows().values() {
        let _ = window.show();
        let _ = window.unminimize();
        let _ = window.set_focus();
    }
}
