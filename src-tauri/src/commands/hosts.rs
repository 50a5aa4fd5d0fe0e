//! Hosts. Each command hands over to the engine and turns what comes back into a view.

use tauri::State;
use tauri::ipc::Channel;

use crate::app::App;
use crate::view::failure::{Failure, Outcome};
use crate::view::hosts::{
    AgentKeys, Answers, Check, HostCard, HostDetail, HostForm, KeyFile, SshAlias, Trial, TrialStep,
};

/// All hosts.
#[tauri::command]
#[specta::specta]
pub(crate) async fn hosts(app: State<'_, App>) -> Outcome<Vec<HostCard>> {
    let _ = (app);
    Err(Failure::unbuilt())
}

/// Tells of every change of a host, all cards each time.
#[tauri::command]
#[specta::specta]
pub(crate) async fn watch_hosts(
    app: State<'_, App>,
    subscription: String,
    news: Channel<Vec<HostCard>>,
) -> Outcome<()> {
    let _ = (app, subscription, news);
    Err(Failure::unbuilt())
}

/// One host, as last seen.
#[tauri::command]
#[specta::specta]
pub(crate) async fn host(app: State<'_, App>, name: String) -> Outcome<HostDetail> {
    let _ = (app, name);
    Err(Failure::unbuilt())
}

/// One host, looked at now.
#[tauri::command]
#[specta::specta]
pub(crate) async fn refresh_host(app: State<'_, App>, name: String) -> Outcome<HostDetail> {
    let _ = (app, name);
    Err(Failure::unbuilt())
}

/// Tests a connection, step by step; nothing is stored but an accepted host key.
#[tauri::command]
#[specta::specta]
pub(crate) async fn try_host(
    app: State<'_, App>,
    form: HostForm,
    answers: Answers,
    steps: Channel<TrialStep>,
) -> Outcome<Trial> {
    let _ = (app, form, answers, steps);
    Err(Failure::unbuilt())
}

/// Adds a host.
#[tauri::command]
#[specta::specta]
pub(crate) async fn add_host(app: State<'_, App>, form: HostForm, answers: Answers) -> Outcome<HostDetail> {
    let _ = (app, form, answers);
    Err(Failure::unbuilt())
}

/// Changes how a host is reached; also its name.
#[tauri::command]
#[specta::specta]
pub(crate) async fn edit_host(
    app: State<'_, App>,
    name: String,
    form: HostForm,
    answers: Answers,
) -> Outcome<HostDetail> {
    let _ = (app, name, form, answers);
    Err(Failure::unbuilt())
}

/// Forgets a host; nothing changes on it.
#[tauri::command]
#[specta::specta]
pub(crate) async fn remove_host(app: State<'_, App>, name: String) -> Outcome<()> {
    let _ = (app, name);
    Err(Failure::unbuilt())
}

/// Keys of the agent.
#[tauri::command]
#[specta::specta]
pub(crate) async fn agent_keys(app: State<'_, App>) -> Outcome<AgentKeys> {
    let _ = (app);
    Err(Failure::unbuilt())
}

/// Private key files in `~/.ssh`.
#[tauri::command]
#[specta::specta]
pub(crate) async fn key_files(app: State<'_, App>) -> Outcome<Vec<KeyFile>> {
    let _ = (app);
    Err(Failure::unbuilt())
}

/// Hosts of `~/.ssh/config`.
#[tauri::command]
#[specta::specta]
pub(crate) async fn ssh_aliases(app: State<'_, App>) -> Outcome<Vec<SshAlias>> {
    let _ = (app);
    Err(Failure::unbuilt())
}

/// Takes hosts of `~/.ssh/config` over.
#[tauri::command]
#[specta::specta]
pub(crate) async fn import_aliases(app: State<'_, App>, aliases: Vec<String>) -> Outcome<Vec<SshAlias>> {
    let _ = (app, aliases);
    Err(Failure::unbuilt())
}

/// Tries a host again now.
#[tauri::command]
#[specta::specta]
pub(crate) async fn retry_host(app: State<'_, App>, name: String) -> Outcome<()> {
    let _ = (app, name);
    Err(Failure::unbuilt())
}

/// Gives a host what it needs and tries again.
#[tauri::command]
#[specta::specta]
pub(crate) async fn answer_host(app: State<'_, App>, name: String, answers: Answers) -> Outcome<()> {
    let _ = (app, name, answers);
    Err(Failure::unbuilt())
}

/// Checks whether a host is ready for a site.
#[tauri::command]
#[specta::specta]
pub(crate) async fn readiness(app: State<'_, App>, host: String, draft: Option<String>) -> Outcome<Vec<Check>> {
    let _ = (app, host, draft);
    Err(Failure::unbuilt())
}

/// Ends the lock of another desktop; whose it was.
#[tauri::command]
#[specta::specta]
pub(crate) async fn unlock_host(app: State<'_, App>, name: String) -> Outcome<Option<String>> {
    let _ = (app, name);
    Err(Failure::unbuilt())
}
