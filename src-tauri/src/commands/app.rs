//! The program itself. Each command hands over to the engine and turns what comes back into a view.

use slipway_core::render;
use slipway_engine::disposable::{Availability, TestKit};
use slipway_engine::failure::{Code, Failure as EngineFailure};
use slipway_engine::inventory::OnConflict;
use slipway_engine::secrets;
use tauri::ipc::Channel;
use tauri::{AppHandle, State};
use tauri_plugin_opener::OpenerExt;

use crate::app::App;
use crate::closing;
use crate::dialogs;
use crate::view::app::{AppState, CloseChoice, Disposable, KeyringState, Settings, Template, Transfer, Usage};
use crate::view::failure::Outcome;
use crate::view::wizard::Choose;

/// What the window needs when it opens. Whatever a page before this one watched is no longer heard.
#[tauri::command]
#[specta::specta]
pub(crate) async fn app_state(app: State<'_, App>) -> Outcome<AppState> {
    app.unwatch_all();
    app.keep_hosts().await?;
    Ok(AppState {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        operator: app.desk.surroundings.operator.clone(),
        home: app.desk.home.directory().display().to_string(),
        settings: app.settings.get(),
    })
}

/// Whether a disposable host can be started here. Asks a program of its own, so it is not part of the state that the
/// first page waits for.
#[tauri::command]
#[specta::specta]
pub(crate) async fn disposable(app: State<'_, App>) -> Outcome<Disposable> {
    let reason = match test_kit(&app) {
        Ok(kit) => match kit.check().await {
            Availability::Ready => None,
            Availability::Unavailable { reason } => Some(reason),
        },
        Err(reason) => Some(reason),
    };
    Ok(Disposable { available: reason.is_none(), reason })
}

fn test_kit(app: &App) -> Result<TestKit, String> {
    TestKit::find(&app.desk.surroundings, std::env::current_exe().ok().as_deref())
}

/// Whether the keyring can be used.
#[tauri::command]
#[specta::specta]
pub(crate) async fn keyring_state(app: State<'_, App>) -> Outcome<KeyringState> {
    let label = app.desk.secrets.label();
    let listed = secrets::off_thread(app.desk.secrets.clone(), |store| store.list(&secrets::Scope::Slipway)).await;
    Ok(KeyringState {
        label,
        ready: listed.is_ok(),
        message: listed.as_ref().err().map(ToString::to_string),
        hint: listed.err().map(|error| error.advice()),
    })
}

/// What Slipway itself uses.
#[tauri::command]
#[specta::specta]
pub(crate) async fn usage(app: State<'_, App>) -> Outcome<Usage> {
    Ok(app.usage.now())
}

/// Keeps what a person prefers.
#[tauri::command]
#[specta::specta]
pub(crate) async fn save_settings(app: State<'_, App>, settings: Settings) -> Outcome<()> {
    Ok(app.settings.set(settings)?)
}

/// Templates that a person may override.
#[tauri::command]
#[specta::specta]
pub(crate) async fn templates(app: State<'_, App>) -> Outcome<Vec<Template>> {
    let folder = app.desk.home.templates();
    let template = |name: String| {
        let path = folder.join(&name);
        Template { overridden: path.is_file(), path: path.display().to_string(), name }
    };
    Ok(render::template_names().into_iter().map(template).collect())
}

/// Writes hosts and sites, without secrets, to a file that the person chooses.
#[tauri::command]
#[specta::specta]
pub(crate) async fn export_inventory(handle: AppHandle, app: State<'_, App>) -> Outcome<Transfer> {
    let path = dialogs::save(&handle, "slipway-inventory.json").await;
    if let Some(path) = &path {
        app.desk.export_inventory(path)?;
    }
    Ok(Transfer { path: path.map(|path| path.display().to_string()), ..Transfer::default() })
}

/// Takes hosts and sites over from a file that the person chooses.
#[tauri::command]
#[specta::specta]
pub(crate) async fn import_inventory(handle: AppHandle, app: State<'_, App>, replace: bool) -> Outcome<Transfer> {
    let Some(path) = dialogs::open(&handle, "Inventory", &["json"]).await else { return Ok(Transfer::default()) };
    let on_conflict = if replace { OnConflict::Replace } else { OnConflict::Keep };
    let report = app.desk.import_inventory(&path, on_conflict)?;
    app.imported(&report.replaced).await?;
    let path = Some(path.display().to_string());
    Ok(Transfer { path, added: report.added, kept: report.kept, replaced: report.replaced })
}

/// Lets the person choose in the desktop's own dialog.
#[tauri::command]
#[specta::specta]
pub(crate) async fn choose(handle: AppHandle, what: Choose) -> Outcome<Option<String>> {
    let chosen = match what {
        Choose::Folder => dialogs::folder(&handle).await,
        Choose::Archive => dialogs::open(&handle, "Archive", &["zip", "gz", "tgz", "tar", "zst"]).await,
        Choose::KeyFile => dialogs::any(&handle).await,
        Choose::Certificate => dialogs::open(&handle, "Certificate chain", &["pem", "crt", "cer"]).await,
    };
    Ok(chosen.map(|path| path.display().to_string()))
}

/// Opens a link in the browser. A site without TLS is reached by http.
#[tauri::command]
#[specta::specta]
pub(crate) async fn open_link(handle: AppHandle, url: String) -> Outcome<()> {
    let wrong = |why: String| EngineFailure::new(Code::Usage, format!("the link cannot be opened: {why}"));
    let parsed = tauri::Url::parse(&url).map_err(|error| wrong(error.to_string()))?;
    if !matches!(parsed.scheme(), "https" | "http") {
        return Err(wrong("only links to web pages are opened from here".to_owned()).into());
    }
    Ok(handle.opener().open_url(parsed.as_str(), None::<&str>).map_err(|error| wrong(error.to_string()))?)
}

/// What to do with runs that go on when the window closes.
#[tauri::command]
#[specta::specta]
pub(crate) async fn close_choice(handle: AppHandle, app: State<'_, App>, choice: CloseChoice) -> Outcome<()> {
    closing::choose(&handle, &app, choice);
    Ok(())
}

/// Starts a disposable host and adds it; its name.
#[tauri::command]
#[specta::specta]
pub(crate) async fn start_disposable(app: State<'_, App>, steps: Channel<String>) -> Outcome<String> {
    let kit = test_kit(&app).map_err(|reason| EngineFailure::new(Code::Usage, reason))?;
    // Nobody may listen any more; the host is added all the same.
    let host = kit.up(|line| drop(steps.send(line.to_owned()))).await?;
    app.add_disposable(&kit, &host).await?;
    Ok(host.name.to_string())
}

/// Ends a subscription.
#[tauri::command]
#[specta::specta]
pub(crate) async fn unwatch(app: State<'_, App>, subscription: String) -> Outcome<()> {
    app.unwatch(&subscription);
    Ok(())
}
