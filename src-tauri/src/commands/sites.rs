//! Sites and what runs of them. Each command hands over to the engine and turns what comes back into a view.

use std::time::Duration;

use slipway_core::site::{Name, parse, schema};
use slipway_engine::compare;
use slipway_engine::desk::files::replace_site_text;
use slipway_engine::failure::{Code, Failure};
use slipway_engine::refs::{self, Freshness};
use slipway_engine::site_file::read_site_file;
use slipway_engine::{observe, service, watch};
use tauri::State;
use tauri::ipc::Channel;

use crate::app::{App, host_name, site_name};
use crate::view::failure::Outcome;
use crate::view::logs::{AuditEntry, LogBatch, LogNews, LogQuery};
use crate::view::releases::{Comparison, Incoming, Refs, Release};
use crate::view::sites::{Drift, ServiceAction, ServiceResult, SiteCard, SiteNews, SiteSchema, SiteText};

/// How often log lines are asked for.
const LOG_PAUSE: Duration = Duration::from_secs(1);
/// Commits that are listed before a deployment.
const MOST_COMMITS: u32 = 200;

/// All sites.
#[tauri::command]
#[specta::specta]
pub(crate) async fn sites(app: State<'_, App>) -> Outcome<Vec<SiteCard>> {
    let known = app.desk.inventory.sites().map_err(Failure::from)?;
    Ok(known.iter().map(|site| SiteCard::of(&app.desk, site)).collect::<Result<_, _>>()?)
}

/// One site.
#[tauri::command]
#[specta::specta]
pub(crate) async fn site(app: State<'_, App>, name: String) -> Outcome<SiteCard> {
    Ok(SiteCard::of(&app.desk, &app.desk.known_site(&site_name(&name)?)?)?)
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
    let (fleet, desk) = (app.fleet.clone(), app.desk.clone());
    let mut looking = watch::Looking::new(site_name(&site)?, host_name(&host)?);
    app.watch(subscription, async move {
        loop {
            let seen = looking.next(&fleet).await;
            if news.send(SiteNews::of(seen, &desk, &site, &host)).is_err() {
                return;
            }
        }
    });
    Ok(())
}

/// The site file.
#[tauri::command]
#[specta::specta]
pub(crate) async fn site_text(app: State<'_, App>, site: String) -> Outcome<SiteText> {
    let known = app.desk.known_site(&site_name(&site)?)?;
    Ok(SiteText::read(read_site_file(known.file.as_ref()))?)
}

/// Checks a text as a site file; nothing is kept.
#[tauri::command]
#[specta::specta]
pub(crate) async fn check_text(_app: State<'_, App>, text: String) -> Outcome<SiteText> {
    let diagnostics = parse(&text).map_or_else(|found| found, |parsed| parsed.warnings);
    Ok(SiteText::of(String::new(), text, &diagnostics))
}

/// Writes the site file, if it still is what it was.
#[tauri::command]
#[specta::specta]
pub(crate) async fn save_site_text(app: State<'_, App>, site: String, text: String, was: String) -> Outcome<SiteText> {
    let known = app.desk.known_site(&site_name(&site)?)?;
    replace_site_text(known.file.as_ref(), &was, &text)?;
    Ok(SiteText::read(read_site_file(known.file.as_ref()))?)
}

/// JSON Schema of the site file.
#[tauri::command]
#[specta::specta]
pub(crate) async fn site_schema(_app: State<'_, App>) -> Outcome<SiteSchema> {
    Ok(SiteSchema { schema: schema() })
}

/// Forgets a site here; nothing changes on its host.
#[tauri::command]
#[specta::specta]
pub(crate) async fn forget_site(app: State<'_, App>, site: String) -> Outcome<()> {
    app.desk.inventory.remove_site(&site_name(&site)?).map_err(Failure::from)?;
    app.tell_inventory();
    Ok(())
}

/// Releases, newest first.
#[tauri::command]
#[specta::specta]
pub(crate) async fn releases(app: State<'_, App>, site: String, host: String) -> Outcome<Vec<Release>> {
    let known = watch::releases(&*app.link(&host).await?, &site_name(&site)?).await?;
    Ok(known.iter().map(Release::from).collect())
}

/// Removes a release's files.
#[tauri::command]
#[specta::specta]
pub(crate) async fn remove_release(app: State<'_, App>, site: String, host: String, release: String) -> Outcome<()> {
    let (link, id) = (app.link(&host).await?, release_id(&release)?);
    Ok(watch::remove_release(&link, &site_name(&site)?, &id, &app.desk.asked()?).await?)
}

/// What can be deployed.
#[tauri::command]
#[specta::specta]
pub(crate) async fn refs(app: State<'_, App>, site: String, host: String) -> Outcome<Refs> {
    let file = app.site_file(&site)?;
    if file.site.source.git.is_none() {
        return Ok(Refs::without_git(&file.site));
    }
    let (link, supplies) = (app.link(&host).await?, app.desk.supplies(&file).await?);
    let found = refs::refs(&link, &file.site, &app.desk.asked()?, &supplies).await?;
    Ok(Refs::of(&file.site, found))
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
    let file = app.site_file(&site)?;
    let site = &file.site;
    if site.source.git.is_none() {
        return Ok(Incoming::without_git());
    }
    let (link, supplies) = (app.link(&host).await?, app.desk.supplies(&file).await?);
    let running = watch::releases(&link, &site.name).await?.into_iter().find(|release| release.active);
    let from = running.and_then(|release| release.record?.commit);
    let to = reference.or_else(|| site.source.reference.clone()).unwrap_or_else(|| "HEAD".to_owned());
    let (asked, fresh) = (app.desk.asked()?, Freshness::Fetch(&supplies));
    let commits = refs::commits(&link, site, from.as_deref(), &to, MOST_COMMITS, &asked, fresh).await?;
    Ok(Incoming::of(from.is_some(), commits))
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
    let (link, site) = (app.link(&host).await?, app.site_file(&site)?.site);
    let (from, to) = (release_id(&from)?, release_id(&to)?);
    let facts = observe::facts(&*link.connection().await).await?;
    let manifest = observe::manifest(link.name(), &facts, &site.name)?;
    Ok(compare::compare(&link, &site, manifest.as_ref(), &from, &to, &app.desk.asked()?).await?.into())
}

/// Controls a site's processes.
#[tauri::command]
#[specta::specta]
pub(crate) async fn service(
    app: State<'_, App>,
    site: String,
    host: String,
    action: ServiceAction,
    unit: Option<String>,
) -> Outcome<ServiceResult> {
    let (link, (action, target)) = (app.link(&host).await?, action.of(unit));
    Ok(service::act(&link, &site_name(&site)?, action, &target, &app.desk.asked()?).await?.into())
}

/// What differs from what Slipway left on the host.
#[tauri::command]
#[specta::specta]
pub(crate) async fn drift(app: State<'_, App>, site: String, host: String) -> Outcome<Drift> {
    let (link, file) = (app.link(&host).await?, app.site_file(&site)?);
    Ok(app.desk.drift(link, &file).await?.into())
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
    news: Channel<LogNews>,
) -> Outcome<()> {
    let (link, site) = (app.link(&host).await?, site_name(&site)?);
    let processes = query.processes.iter().map(|name| site_name(name)).collect::<Result<Vec<Name>, _>>()?;
    let mut query = watch::LogQuery { processes, lines: query.lines, since: query.since, after: None };
    let mut page = watch::logs(&link, &site, &query).await?;
    app.watch(subscription, async move {
        loop {
            query.after = page.cursor.take().or(query.after);
            if news.send(LogNews::Lines { batch: LogBatch::from(page.lines) }).is_err() {
                return;
            }
            tokio::time::sleep(LOG_PAUSE).await;
            // Who no longer hears it ends the subscription.
            let lost = |failure: Failure| drop(news.send(LogNews::Lost { failure: failure.into() }));
            page = watch::next_logs(&link, &site, &query, lost).await;
        }
    });
    Ok(())
}

/// The audit log on the host, newest first.
#[tauri::command]
#[specta::specta]
pub(crate) async fn audit(app: State<'_, App>, site: String, host: String) -> Outcome<Vec<AuditEntry>> {
    let entries = watch::audit(&*app.link(&host).await?, &site_name(&site)?).await?;
    Ok(entries.iter().rev().map(AuditEntry::from).collect())
}

fn release_id(text: &str) -> Result<slipway_core::release::ReleaseId, Failure> {
    text.parse().map_err(|why: String| Failure::new(Code::Usage, why))
}
