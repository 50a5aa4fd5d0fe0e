//! `slipway host import` and `export`. Hosts of `~/.ssh/config` come in as aliases: what they mean stays in that file.

use std::path::Path;

use serde::Serialize;
use slipway_engine::desk::{Desk, inventory_failure};
use slipway_engine::failure::{Code, Failure};
use slipway_engine::inventory::{Export, Host, HostName, OnConflict};

use crate::args::Import;
use crate::context::{Context, Outcome};
use crate::exit::Exit;
use crate::print::table::{Cell, Tone, table};
use crate::print::text::visible;
use crate::print::words;

/// What became of one alias.
#[derive(Serialize)]
struct Taken {
    alias: String,
    address: Option<String>,
    result: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

/// Adds the aliases that are not known yet; nothing is connected to.
pub(crate) fn run(context: &Context, desk: &Desk, arguments: &Import) -> Outcome {
    if let Some(file) = &arguments.file {
        let on_conflict = if arguments.replace { OnConflict::Replace } else { OnConflict::Keep };
        return import(context, desk, file, on_conflict);
    }
    let aliases = desk.ssh_aliases()?;
    let wanted = |alias: &&String| arguments.aliases.is_empty() || arguments.aliases.contains(alias);
    let mut all: Vec<Taken> = aliases.iter().filter(wanted).map(|alias| take(desk, alias, arguments.dry_run)).collect();
    for named in arguments.aliases.iter().filter(|named| !aliases.contains(named)) {
        let why = Some("it is no Host of ~/.ssh/config".to_owned());
        all.push(Taken { alias: named.clone(), address: None, result: "refused", why });
    }
    let rows: Vec<Vec<Cell>> = all
        .iter()
        .map(|taken| {
            let tone = match taken.result {
                "added" => Tone::Good,
                "refused" => Tone::Watch,
                _ => Tone::Dim,
            };
            let address = taken.address.clone().unwrap_or_default();
            let why = taken.why.clone().unwrap_or_default();
            vec![taken.alias.as_str().into(), address.into(), Cell::toned(taken.result, tone), why.into()]
        })
        .collect();
    let text = if rows.is_empty() {
        "~/.ssh/config names no host (patterns with wildcards are not hosts).".to_owned()
    } else {
        table(&["alias", "address", "result", ""], &rows, context.screen.style())
    };
    context.answer(&all, text);
    let refused = !arguments.aliases.is_empty() && all.iter().any(|taken| taken.result == "refused");
    Ok(if refused { Exit::Usage } else { Exit::Done })
}

/// Writes hosts and sites, for another computer.
pub(crate) fn export(context: &Context, desk: &Desk, file: Option<&Path>) -> Outcome {
    let export = desk.inventory.export(desk.clock.now()).map_err(|error| inventory_failure(&error))?;
    let mut text = serde_json::to_string_pretty(&export)
        .map_err(|error| Failure::new(Code::Local, format!("the inventory cannot be written: {error}")))?;
    text.push('\n');
    let Some(file) = file else {
        context.screen.raw(&text);
        return Ok(Exit::Done);
    };
    super::site::write_atomically(file, text.as_bytes())
        .map_err(|error| Failure::new(Code::Local, format!("{} cannot be written: {error}", file.display())))?;
    let (hosts, sites) = (words::count(export.hosts.len(), "host"), words::count(export.sites.len(), "site"));
    context.answer(&export, format!("{hosts} and {sites} are in {}.", file.display()));
    Ok(Exit::Done)
}

fn import(context: &Context, desk: &Desk, file: &Path, on_conflict: OnConflict) -> Outcome {
    let wrong = |why: String| Failure::new(Code::Usage, format!("{} cannot be taken over: {why}", file.display()));
    let text = std::fs::read(file).map_err(|error| wrong(error.to_string()))?;
    let export: Export = serde_json::from_slice(&text).map_err(|error| wrong(error.to_string()))?;
    let report = desk.inventory.import(&export, on_conflict, desk.clock.now());
    let report = report.map_err(|error| inventory_failure(&error))?;
    let line = |word: &str, names: &[String]| match names {
        [] => String::new(),
        names => format!("{word}: {}\n", visible(&names.join(", "))),
    };
    let parts = [("added", &report.added), ("replaced", &report.replaced), ("kept as they were", &report.kept)];
    let text: String = parts.into_iter().map(|(word, names)| line(word, names)).collect();
    context.answer(&report, if text.is_empty() { "It holds nothing.".to_owned() } else { text });
    Ok(Exit::Done)
}

fn take(desk: &Desk, alias: &str, dry_run: bool) -> Taken {
    let refused = |why: String| Taken { alias: alias.to_owned(), address: None, result: "refused", why: Some(why) };
    // Names are lower case here; the address keeps the alias as ssh knows it.
    let name = match alias.to_lowercase().parse::<HostName>() {
        Ok(name) => name,
        Err(error) => return refused(error.to_string()),
    };
    let host = Host::new(name, alias, desk.clock.now());
    let (address, why) = match desk.target(&host) {
        Ok(resolved) => {
            let target = resolved.target;
            let problems: Vec<String> = resolved.problems.iter().map(ToString::to_string).collect();
            let address = format!("{}@{}:{}", target.user, target.address, target.port);
            (Some(address), Some(problems.join("; ")).filter(|text| !text.is_empty()))
        }
        Err(failure) => return refused(failure.message),
    };
    let taken = |result| Taken { alias: alias.to_owned(), address: address.clone(), result, why: why.clone() };
    if desk.inventory.host(&host.name).is_ok() {
        return taken("known already");
    }
    if dry_run {
        return taken("would be added");
    }
    match desk.inventory.add_host(&host) {
        Ok(()) => taken("added"),
        Err(error) => refused(error.to_string()),
    }
}
