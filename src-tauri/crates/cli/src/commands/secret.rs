//! `slipway secret …`. Values go in and never come out.

use std::path::Path;

use jiff::Timestamp;
use serde::Serialize;
use slipway_core::secret::Secret;
use slipway_engine::desk::Desk;
use slipway_engine::desk::secrets::read_value;
use slipway_engine::failure::{Code, Failure};
use slipway_engine::secrets::{
    Previous, Removal, SecretKey, SecretName, SecretRow, SecretState, SecretUse, off_thread, replace, rotate,
    rotation_warning, rows, uses,
};
use slipway_engine::site_file::SiteFile;

use crate::args::SecretCommand;
use crate::context::{Context, Outcome};
use crate::exit::Exit;
use crate::print::table::{Cell, Tone, table};
use crate::print::words;
use crate::prompt;

/// Does what was asked for.
pub(crate) async fn run(context: &Context, command: SecretCommand) -> Outcome {
    let desk = context.desk()?;
    let file = context.site_file()?;
    match command {
        SecretCommand::Set { name, file: from, trust_source } => {
            admit(&desk, &file, &name, trust_source).await?;
            set(context, &desk, &file, name, from.as_deref()).await
        }
        SecretCommand::List => list(context, &desk, &file).await,
        SecretCommand::Remove { name } => remove(context, &desk, &file, name).await,
        SecretCommand::Rotate { name, trust_source } => {
            admit(&desk, &file, &name, trust_source).await?;
            renew(context, &desk, &file, name).await
        }
    }
}

/// A value that is set is for this site file and its source.
async fn admit(desk: &Desk, file: &SiteFile, name: &SecretName, trust_source: bool) -> Result<(), Failure> {
    if trust_source {
        desk.trust_source(file)?;
    }
    desk.admit(file, Some(name)).await
}

#[derive(Serialize)]
struct Changed<'a> {
    site: &'a str,
    name: String,
    result: &'a str,
}

async fn set(context: &Context, desk: &Desk, file: &SiteFile, name: SecretName, from: Option<&Path>) -> Outcome {
    let site = &file.site;
    if uses(site, &name).is_empty() {
        context.warn(&format!("the site file of {} does not mention {name}", site.name));
    }
    let value = match from {
        Some(path) => read_value(std::fs::File::open(path), &path.display().to_string(), &name)?,
        None if prompt::somebody_there() => ask(context, &name).await?,
        None => read_value(Ok(std::io::stdin()), "standard input", &name)?,
    };
    if value.expose().is_empty() {
        return Err(Failure::new(Code::Usage, format!("{name} would be empty; nothing was stored")).into());
    }
    let (of, now, key) = (site.name.clone(), desk.clock.now(), name.clone());
    let rotation = off_thread(desk.secrets.clone(), move |store| replace(&of, &key, &value, store, now)).await;
    let rotation = rotation.map_err(Failure::from)?;
    let kept = match rotation.previous {
        Previous::Kept => " The value before is kept for a rollback.",
        Previous::None => "",
    };
    let result = Changed { site: &site.name, name: name.to_string(), result: "stored" };
    context.answer(result, format!("{name} of {} is stored.{kept} It goes live with the next apply.", site.name));
    Ok(Exit::Done)
}

async fn ask(context: &Context, name: &SecretName) -> Result<Secret, Failure> {
    let none = || Failure::new(Code::Usage, "no value was given; nothing was stored");
    let first = prompt::hidden(&context.screen, &format!("Value of {name}")).await.ok_or_else(none)?;
    let again = prompt::hidden(&context.screen, "The same again").await.ok_or_else(none)?;
    if first.expose() != again.expose() {
        return Err(Failure::new(Code::Usage, "the two are not the same; nothing was stored"));
    }
    Ok(first)
}

/// One line of the list.
#[derive(Serialize)]
struct Listed {
    name: String,
    state: &'static str,
    set_at: Option<Timestamp>,
    used_in: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    supply: Option<String>,
    has_previous: bool,
}

async fn list(context: &Context, desk: &Desk, file: &SiteFile) -> Outcome {
    let site = file.site.clone();
    let looked = off_thread(desk.secrets.clone(), move |store| rows(&site, store)).await;
    let looked = looked.map_err(Failure::from)?;
    let line = |row: SecretRow| Listed {
        state: match row.state {
            SecretState::There => "there",
            SecretState::MadeAtNextPlan => "made at the next plan",
            SecretState::Missing => "missing",
            SecretState::NotUsed => "not used",
        },
        name: row.name,
        set_at: row.set_at,
        used_in: row.uses.iter().map(SecretUse::label).collect(),
        supply: row.supply,
        has_previous: row.has_previous,
    };
    let all: Vec<Listed> = looked.into_iter().map(line).collect();
    let now = desk.clock.now();
    let rows: Vec<Vec<Cell>> = all.iter().map(|listed| row(listed, now)).collect();
    let text = if rows.is_empty() {
        format!("{} needs no secrets.", file.site.name)
    } else {
        table(&["name", "state", "set", "used in", ""], &rows, context.screen.style())
    };
    context.answer(&all, text);
    Ok(Exit::Done)
}

fn row(listed: &Listed, now: Timestamp) -> Vec<Cell> {
    let (mark, tone) = match listed.state {
        "there" => ("●", Tone::Good),
        "missing" => ("✕", Tone::Bad),
        "not used" => ("–", Tone::Dim),
        _ => ("◌", Tone::Plain),
    };
    let set = listed.set_at.map(|at| words::ago(at, now)).unwrap_or_default();
    let used = listed.used_in.join(", ");
    let more = match &listed.supply {
        Some(supply) => supply.clone(),
        None if listed.has_previous => "the value before is kept".to_owned(),
        None => String::new(),
    };
    vec![
        listed.name.as_str().into(),
        Cell::toned(format!("{mark} {}", listed.state), tone),
        set.into(),
        used.into(),
        Cell::toned(more, Tone::Dim),
    ]
}

async fn remove(context: &Context, desk: &Desk, file: &SiteFile, name: SecretName) -> Outcome {
    let site = &file.site.name;
    let needed = if !uses(&file.site, &name).is_empty() { "; the site file needs it" } else { "" };
    context.agreed(&format!("Remove {name} of {site}{needed}? Its value cannot be brought back")).await?;
    let key = SecretKey::new(site, name.clone());
    let removed = off_thread(desk.secrets.clone(), move |store| {
        store.remove(&key.previous())?;
        store.remove(&key)
    });
    let (result, text) = match removed.await.map_err(Failure::from)? {
        Removal::Removed => ("removed", format!("{name} of {site} is removed from this computer.")),
        Removal::WasAbsent => ("absent", format!("{name} of {site} was not there.")),
    };
    context.answer(Changed { site, name: name.to_string(), result }, text);
    Ok(Exit::Done)
}

async fn renew(context: &Context, desk: &Desk, file: &SiteFile, name: SecretName) -> Outcome {
    let site = file.site.clone();
    if let Some(warning) = rotation_warning(&site, &name) {
        context.warn(&warning);
    }
    context.agreed(&format!("Make a new value for {name} of {}?", site.name)).await?;
    let (now, key) = (desk.clock.now(), name.clone());
    let rotation = off_thread(desk.secrets.clone(), move |store| rotate(&site, &key, store, now)).await;
    let rotation = rotation.map_err(Failure::from)?;
    let kept = match rotation.previous {
        Previous::Kept => " The value before is kept for a rollback.",
        Previous::None => "",
    };
    let result = Changed { site: &file.site.name, name: name.to_string(), result: "rotated" };
    context.answer(result, format!("{name} has a new value.{kept} It goes live with the next apply."));
    Ok(Exit::Done)
}
