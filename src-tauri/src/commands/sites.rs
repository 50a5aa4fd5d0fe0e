//! Sites and what runs of them. Each command hands over to the engine and turns what comes back into a view.

use tauri::State;
use tauri::ipc::Channel;

use crate::app::App;
use crate::view::failure::{Failure, Outcome};
use crate::view::sites::{
    AuditEntry, Comparison, Drift, Incoming, LogBatch, LogQuery, Refs, Release, ServiceAction, ServiceResult, SiteCard,
    SiteNews, SiteSchema, SiteText,
};

/// All sites.
#[tauri::command]
#[specta::specta]
pub(crate) async fn sites(app: State<'_, App>) -> Outcome<Vec<SiteCard>> {
    let _ = (app);
    Err(Failure::unbuilt())
}

/// One site.
#[tauri::command]
#[specta::specta]
pub(crate) async fn site(app: State<'_, App>, name: String) -> Outcome<SiteCard> {
    let _ = (app, name);
    Err(Failure::unbuilt())
}

/// Tells how a site is, now and then.
#[tauri::command]
#[specta::specta]
pub(crate) async fn watch_site(
    app: State<'_, App>,
    site: String,
    host: String,
    subscription: String,
    news: Channel<SiteNews>,
) -> Outcome<()> {
    let _ = (app, site, host, subscription, news);
    Err(Failure::unbuilt())
}

/// The site file.
#[tauri::command]
#[specta::specta]
pub(crate) async fn site_text(app: State<'_, App>, site: String) -> Outcome<SiteText> {
    let _ = (app, site);
    Err(Failure::unbuilt())
}

/// Checks a text as a site file; nothing is kept.
#[tauri::command]
#[specta::specta]
pub(crate) async fn check_text(app: State<'_, App>, text: String) -> Outcome<SiteText> {
    let _ = (app, text);
    Err(Failure::unbuilt())
}

/// Writes the site file, if it still is what it was.
#[tauri::command]
#[specta::specta]
pub(crate) async fn save_site_text(app: State<'_, App>, site: String, text: String, was: String) -> Outcome<SiteText> {
    let _ = (app, site, text, was);
    Err(Failure::unbuilt())
}

/// JSON Schema of the site file.
#[tauri::command]
#[specta::specta]
pub(crate) async fn site_schema(app: State<'_, App>) -> Outcome<SiteSchema> {
    let _ = (app);
    Err(Failure::unbuilt())
}

/// Forgets a site here; nothing changes on its host.
#[tauri::command]
#[specta::specta]
pub(crate) async fn forget_site(app: State<'_, App>, site: String) -> Outcome<()> {
    let _ = (app, site);
    Err(Failure::unbuilt())
}

/// Releases, newest first.
#[tauri::command]
#[specta::specta]
pub(crate) async fn releases(app: State<'_, App>, site: String, host: String) -> Outcome<Vec<Release>> {
    let _ = (app, site, host);
    Err(Failure::unbuilt())
}

/// Removes a release's files.
#[tauri::command]
#[specta::specta]
pub(crate) async fn remove_release(app: State<'_, App>, site: String, host: String, release: String) -> Outcome<()> {
    let _ = (app, site, host, release);
    Err(Failure::unbuilt())
}

/// What can be deployed.
#[tauri::command]
#[specta::specta]
pub(crate) async fn refs(app: State<'_, App>, site: String, host: String) -> Outcome<Refs> {
    let _ = (app, site, host);
    Err(Failure::unbuilt())
}

/// What a deployment would bring.
#[tauri::command]
#[specta::specta]
pub(crate) async fn incoming(
    app: State<'_, App>,
    site: String,
    host: String,
    reference: Option<String>,
) -> Outcome<Incoming> {
    let _ = (app, site, host, reference);
    Err(Failure::unbuilt())
}

/// How two releases differ.
#[tauri::command]
#[specta::specta]
pub(crate) async fn compare(
    app: State<'_, App>,
    site: String,
    host: String,
    from: String,
    to: String,
) -> Outcome<Comparison> {
    let _ = (app, site, host, from, to);
    Err(Failure::unbuilt())
}

/// Controls a site's processes (D-20).
#[tauri::command]
#[specta::specta]
pub(crate) async fn service(
    app: State<'_, App>,
    site: String,
    host: String,
    action: ServiceAction,
    unit: Option<String>,
) -> Outcome<ServiceResult> {
    let _ = (app, site, host, action, unit);
    Err(Failure::unbuilt())
}

/// What differs from what Slipway left on the host.
#[tauri::command]
#[specta::specta]
pub(crate) async fn drift(app: State<'_, App>, site: String, host: String) -> Outcome<Drift> {
    let _ = (app, site, host);
    Err(Failure::unbuilt())
}

/// Log lines, then new ones as they come.
#[tauri::command]
#[specta::specta]
pub(crate) async fn watch_logs(
    app: State<'_, App>,
    site: String,
    host: String,
    query: LogQuery,
    subscription: String,
    lines: Channel<LogBatch>,
) -> Outcome<()> {
    let _ = (app, site, host, query, subscription, lines);
    Err(Failure::unbuilt())
}

/// The audit log on the host, newest first.
#[tauri::command]
#[specta::specta]
pub(crate) async fn audit(app: State<'_, App>, site: String, host: String) -> Outcome<Vec<AuditEntry>> {
    let _ = (app, site, host);
    Err(Failure::unbuilt())
}
