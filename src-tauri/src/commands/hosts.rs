//! Hosts. Each command hands over to the engine and turns what comes back into a view.

use std::time::Duration;

use slipway_core::readiness::{self, Root};
use slipway_engine::desk;
use slipway_engine::desk::hosts::HostForm as Form;
use slipway_engine::failure::Failure;
use slipway_engine::readiness::probe_outside;
use slipway_engine::trial::trial;
use slipway_engine::{lock, observe};
use tauri::State;
use tauri::ipc::Channel;

use crate::app::{App, host_name};
use crate::view::failure::Outcome;
use crate::view::hosts::{
    AgentKeys, Answers, Check, HostCard, HostDetail, HostForm, KeyFile, Need, SshAlias, Trial, TrialStep,
};

/// How often the list of hosts is told at most.
const TOGETHER: Duration = Duration::from_millis(250);

/// All hosts.
#[tauri::command]
#[specta::specta]
pub(crate) async fn hosts(app: State<'_, App>) -> Outcome<Vec<HostCard>> {
    Ok(HostCard::all(&app.desk, &app.fleet.states())?)
}

/// Tells of every change of a host, all cards each time.
#[tauri::command]
#[specta::specta]
pub(crate) async fn watch_hosts(
    app: State<'_, App>,
    subscription: String,
    news: Channel<Vec<HostCard>>,
) -> Outcome<()> {
    let (desk, mut states, mut runs) = (app.desk.clone(), app.fleet.watch(), app.going.changes());
    let mut inventory = app.inventory_changes();
    app.watch(subscription, async move {
        loop {
            let now: Vec<_> = states.borrow_and_update().values().cloned().collect();
            let desk = desk.clone();
            let cards = tokio::task::spawn_blocking(move || HostCard::all(&desk, &now)).await;
            // A database that is busy is asked again at the next change.
            if let Ok(Ok(cards)) = cards
                && news.send(cards).is_err()
            {
                return;
            }
            // Many hosts change in many small ways: what comes within this time is told together.
            tokio::time::sleep(TOGETHER).await;
            tokio::select! {
                changed = states.changed() => if changed.is_err() { return },
                _ = runs.changed() => {}
                _ = inventory.changed() => {}
            }
        }
    });
    Ok(())
}

/// One host, as last seen.
#[tauri::command]
#[specta::specta]
pub(crate) async fn host(app: State<'_, App>, name: String) -> Outcome<HostDetail> {
    Ok(HostDetail::of(&app.desk, &app.fleet.states(), &host_name(&name)?)?)
}

/// One host, looked at now.
#[tauri::command]
#[specta::specta]
pub(crate) async fn refresh_host(app: State<'_, App>, name: String) -> Outcome<HostDetail> {
    let (link, name) = (app.link(&name).await?, host_name(&name)?);
    let facts = observe::facts(&*link.connection().await).await?;
    app.desk.inventory.saw_host(&name, &facts, app.desk.clock.now()).map_err(Failure::from)?;
    app.fleet.look(&name).await;
    Ok(HostDetail::of(&app.desk, &app.fleet.states(), &name)?)
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
    let (form, given) = (Form::try_from(form)?, answers.given());
    let own = form.name.to_string();
    // Nobody may listen any more; the trial goes on to its end.
    let told = move |step| drop(steps.send(TrialStep::of(&own, step)));
    let tried = trial(&app.desk, app.fleet.answers(), &form, &given, told).await;
    Ok(Trial::of(form.name.as_str(), tried))
}

/// Adds a host.
#[tauri::command]
#[specta::specta]
pub(crate) async fn add_host(app: State<'_, App>, form: HostForm, answers: Answers) -> Outcome<HostDetail> {
    let form = Form::try_from(form)?;
    app.desk.add_host(&form, answers.accepted_fingerprint.as_deref(), None)?;
    app.begin(&form.name, answers.remember).await?;
    Ok(HostDetail::of(&app.desk, &app.fleet.states(), &form.name)?)
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
    let (before, form) = (host_name(&name)?, Form::try_from(form)?);
    app.desk.change_host(&Form { name: before.clone(), ..form.clone() })?;
    if before != form.name {
        app.desk.inventory.rename_host(&before, &form.name).map_err(Failure::from)?;
        app.fleet.forget(&before).await;
    }
    app.fleet.restart(&form.name).await;
    app.begin(&form.name, answers.remember).await?;
    Ok(HostDetail::of(&app.desk, &app.fleet.states(), &form.name)?)
}

/// Forgets a host; nothing changes on it.
#[tauri::command]
#[specta::specta]
pub(crate) async fn remove_host(app: State<'_, App>, name: String) -> Outcome<()> {
    let name = host_name(&name)?;
    app.desk.inventory.remove_host(&name).map_err(Failure::from)?;
    app.fleet.forget(&name).await;
    app.tell_inventory();
    // Without a keyring nothing was remembered there.
    let _ = app.fleet.answers().forget_remembered(&name).await;
    Ok(())
}

/// Keys of the agent.
#[tauri::command]
#[specta::specta]
pub(crate) async fn agent_keys(app: State<'_, App>) -> Outcome<AgentKeys> {
    Ok(AgentKeys::from(desk::hosts::agent_keys(&app.desk.surroundings).await))
}

/// Private key files in `~/.ssh`.
#[tauri::command]
#[specta::specta]
pub(crate) async fn key_files(app: State<'_, App>) -> Outcome<Vec<KeyFile>> {
    Ok(desk::hosts::key_files(&app.desk.surroundings).into_iter().map(KeyFile::from).collect())
}

/// Hosts of `~/.ssh/config`.
#[tauri::command]
#[specta::specta]
pub(crate) async fn ssh_aliases(app: State<'_, App>) -> Outcome<Vec<SshAlias>> {
    Ok(app.desk.offered_aliases()?.into_iter().map(SshAlias::from).collect())
}

/// Takes hosts of `~/.ssh/config` over.
#[tauri::command]
#[specta::specta]
pub(crate) async fn import_aliases(app: State<'_, App>, aliases: Vec<String>) -> Outcome<Vec<SshAlias>> {
    let taken = aliases.iter().map(|alias| SshAlias::from(app.desk.take_alias(alias))).collect();
    app.tell_inventory();
    app.keep_hosts().await?;
    Ok(taken)
}

/// Tries a host again now.
#[tauri::command]
#[specta::specta]
pub(crate) async fn retry_host(app: State<'_, App>, name: String) -> Outcome<()> {
    app.fleet.retry(&host_name(&name)?).await;
    Ok(())
}

/// Gives a host what it needs and tries again. Returns what it asks next, which is to be given together with this.
#[tauri::command]
#[specta::specta]
pub(crate) async fn answer_host(app: State<'_, App>, name: String, answers: Answers) -> Outcome<Option<Need>> {
    let name = host_name(&name)?;
    let known = app.desk.inventory.host(&name).map_err(Failure::from)?;
    let (remember, compared) = (answers.remember, answers.accepted_fingerprint.is_some());
    // The answers are tried before they are kept, so that a wrong password is not sent again and again.
    let tried = trial(&app.desk, app.fleet.answers(), &Form::of(&known), &answers.given(), |_| {}).await;
    let tried = Trial::of(name.as_str(), tried);
    if let Some(next) = tried.asks() {
        if compared {
            // The key is recorded: that is no longer what the host needs.
            app.fleet.retry(&name).await;
        }
        return Ok(Some(next));
    }
    if let Some(failure) = tried.into_failure(name.as_str()) {
        return Err(failure);
    }
    app.begin(&name, remember).await?;
    Ok(None)
}

/// Checks whether a host is ready for a site.
#[tauri::command]
#[specta::specta]
pub(crate) async fn readiness(app: State<'_, App>, host: String, draft: Option<String>) -> Outcome<Vec<Check>> {
    let known = app.desk.inventory.host(&host_name(&host)?).map_err(Failure::from)?;
    let address = app.desk.target(&known)?.target.address;
    let site = draft.map(|id| app.desk.draft(&id)).transpose()?.and_then(|view| view.site);
    let domains: Vec<String> = site.iter().flat_map(|site| &site.domains).map(ToString::to_string).collect();
    let looked = async {
        let link = app.link(&host).await?;
        observe::facts(&*link.connection().await).await
    };
    let (facts, outside) = tokio::join!(looked, probe_outside(&address, &domains));
    let input = readiness::Input { site: site.as_ref(), root: Root::Yes, outside: Some(&outside) };
    Ok(readiness::checks(&facts?, &input).into_iter().map(Check::from).collect())
}

/// Ends the lock of another desktop; whose it was.
#[tauri::command]
#[specta::specta]
pub(crate) async fn unlock_host(app: State<'_, App>, name: String) -> Outcome<Option<String>> {
    let ended = lock::unlock(&*app.link(&name).await?).await?;
    Ok(ended.map(|holder| format!("{}: {}", holder.owner, holder.reason)))
}
