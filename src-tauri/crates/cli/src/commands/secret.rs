//! `slipway secret …`. Values go in and never come out.

use std::io::Read as _;
use std::path::Path;

use jiff::Timestamp;
use serde::Serialize;
use slipway_core::secret::Secret;
use slipway_core::site::Site;
use slipway_engine::desk::{Desk, SiteFile, secrets_failure};
use slipway_engine::failure::{Code, Failure};
use slipway_engine::secrets::{
    LARGEST, Previous, Removal, Scope, SecretKey, SecretName, Version, off_thread, replace, rotate, rotation_warning,
    survey,
};

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
        SecretCommand::Set { name, file: from } => set(context, &desk, &file, name, from.as_deref()).await,
        SecretCommand::List => list(context, &desk, &file).await,
        SecretCommand::Remove { name } => remove(context, &desk, &file, name).await,
        SecretCommand::Rotate { name } => renew(context, &desk, &file, name).await,
    }
}

#[derive(Serialize)]
struct Changed<'a> {
    site: &'a str,
    name: String,
    result: &'a str,
}

async fn set(context: &Context, desk: &Desk, file: &SiteFile, name: SecretName, from: Option<&Path>) -> Outcome {
    let site = &file.site;
    if !uses(site, &name) {
        context.warn(&format!("the site file of {} does not mention {name}", site.name));
    }
    let value = match from {
        Some(path) => read(std::fs::File::open(path), &path.display().to_string(), &name)?,
        None if prompt::somebody_there() => ask(context, &name).await?,
        None => read(Ok(std::io::stdin()), "standard input", &name)?,
    };
    if value.expose().is_empty() {
        return Err(Failure::new(Code::Usage, format!("{name} would be empty; nothing was stored")).into());
    }
    let (of, now, key) = (site.name.clone(), desk.clock.now(), name.clone());
    let rotation = off_thread(desk.secrets.clone(), move |store| replace(&of, &key, &value, store, now)).await;
    let rotation = rotation.map_err(|error| secrets_failure(&error))?;
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

/// Reads a value. One line end after the value of a variable is an editor's or `echo`'s and does not belong to it; a
/// secret file is taken as it is.
fn read(from: std::io::Result<impl std::io::Read>, what: &str, name: &SecretName) -> Result<Secret, Failure> {
    let failed = |error: std::io::Error| Failure::new(Code::Local, format!("{what} cannot be read: {error}"));
    // Room for all of it at once: a buffer that grows leaves copies behind.
    let mut bytes = Vec::with_capacity(LARGEST + 64);
    let limit = u64::try_from(LARGEST).unwrap_or(u64::MAX).saturating_add(2);
    from.map_err(failed)?.take(limit).read_to_end(&mut bytes).map_err(failed)?;
    if matches!(name, SecretName::Variable(_)) && bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    }
    Ok(Secret::new(bytes))
}

fn uses(site: &Site, name: &SecretName) -> bool {
    !places(site, name).is_empty()
}

/// Where the site file uses a secret.
fn places(site: &Site, name: &SecretName) -> Vec<String> {
    let mut all = Vec::new();
    match name {
        SecretName::File(path) => {
            if site.secret_file.keys().any(|known| known == path) {
                all.push("secret file".to_owned());
            }
        }
        SecretName::Variable(name) => {
            if site.environment_secrets().any(|(known, _)| known == name) {
                all.push("environment".to_owned());
            }
            if site.source.deploy_key.as_ref() == Some(name) {
                all.push("deploy key".to_owned());
            }
            if site.tls.key.as_ref() == Some(name) {
                all.push("certificate key".to_owned());
            }
            let people = site.access.basic.iter().filter(|(_, password)| *password == name);
            all.extend(people.map(|(person, _)| format!("password of {}", AsRef::<str>::as_ref(person))));
            let mark = format!("{{secret:{name}}}");
            let files = site.config_file.iter().filter(|(_, file)| file.json.to_string().contains(&mark));
            all.extend(files.map(|(path, _)| path.to_string()));
        }
    }
    all
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
    let looked = off_thread(desk.secrets.clone(), move |store| {
        let scope = Scope::from(&site.name);
        Ok((survey(&site, store)?, store.list(&scope)?))
    });
    let (survey, stored) = looked.await.map_err(|error| secrets_failure(&error))?;
    let at = |name: &SecretName, version: Version| {
        stored.iter().find(|stored| &stored.name == name && stored.version == version)
    };
    let line = |name: &SecretName, state: &'static str, supply: Option<String>| Listed {
        name: name.to_string(),
        state,
        set_at: at(name, Version::Current).and_then(|stored| stored.set_at),
        used_in: places(&file.site, name),
        supply,
        has_previous: at(name, Version::Previous).is_some(),
    };
    let mut all: Vec<Listed> = survey.present.iter().map(|name| line(name, "there", None)).collect();
    all.extend(survey.to_generate.iter().map(|name| line(name, "made at the next plan", None)));
    all.extend(survey.missing.iter().map(|missing| line(&missing.name, "missing", Some(missing.supply.clone()))));
    let unknown = stored.iter().filter(|stored| {
        stored.version == Version::Current && !all.iter().any(|listed| listed.name == stored.name.to_string())
    });
    let unused: Vec<Listed> = unknown.map(|stored| line(&stored.name, "not used", None)).collect();
    all.extend(unused);
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
    let needed = if uses(&file.site, &name) { "; the site file needs it" } else { "" };
    context.agreed(&format!("Remove {name} of {site}{needed}? Its value cannot be brought back")).await?;
    let key = SecretKey::new(site, name.clone());
    let removed = off_thread(desk.secrets.clone(), move |store| {
        store.remove(&key.previous())?;
        store.remove(&key)
    });
    let (result, text) = match removed.await.map_err(|error| secrets_failure(&error))? {
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
    let rotation = rotation.map_err(|error| secrets_failure(&error))?;
    let kept = match rotation.previous {
        Previous::Kept => " The value before is kept for a rollback.",
        Previous::None => "",
    };
    let result = Changed { site: &file.site.name, name: name.to_string(), result: "rotated" };
    context.answer(result, format!("{name} has a new value.{kept} It goes live with the next apply."));
    Ok(Exit::Done)
}
