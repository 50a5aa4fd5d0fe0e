//! `slipway host import` and `export`. Hosts of `~/.ssh/config` come in as aliases: what they mean stays in that file.

use std::path::Path;

use slipway_engine::desk::Desk;
use slipway_engine::desk::aliases::{Alias, AliasState};
use slipway_engine::failure::{Code, Failure};
use slipway_engine::inventory::OnConflict;

use crate::args::Import;
use crate::context::{Context, Outcome};
use crate::exit::Exit;
use crate::print::table::{Cell, Tone, table};
use crate::print::text::visible;
use crate::print::words;

/// Adds the aliases that are not known yet; nothing is connected to.
pub(crate) fn run(context: &Context, desk: &Desk, arguments: &Import) -> Outcome {
    if let Some(file) = &arguments.file {
        let on_conflict = if arguments.replace { OnConflict::Replace } else { OnConflict::Keep };
        return import(context, desk, file, on_conflict);
    }
    let offered = desk.offered_aliases()?;
    let mut wanted = arguments.aliases.clone();
    if wanted.is_empty() {
        wanted = offered.iter().map(|seen| seen.alias.clone()).collect();
    }
    let look = |alias: &String| match offered.iter().find(|seen| &seen.alias == alias) {
        Some(seen) if arguments.dry_run => seen.clone(),
        _ => desk.take_alias(alias),
    };
    let all: Vec<Alias> = wanted.iter().map(look).collect();
    let rows: Vec<Vec<Cell>> = all
        .iter()
        .map(|taken| {
            let (word, tone) = match taken.standing {
                AliasState::Added => ("added", Tone::Good),
                AliasState::Refused => ("refused", Tone::Watch),
                AliasState::Known => ("known already", Tone::Dim),
                AliasState::New => ("would be added", Tone::Dim),
            };
            let address = taken.address.clone().unwrap_or_default();
            let why = taken.why.clone().unwrap_or_default();
            vec![taken.alias.as_str().into(), address.into(), Cell::toned(word, tone), why.into()]
        })
        .collect();
    let text = if rows.is_empty() {
        "~/.ssh/config names no host (patterns with wildcards are not hosts).".to_owned()
    } else {
        table(&["alias", "address", "result", ""], &rows, context.screen.style())
    };
    context.answer(&all, text);
    let refused = !arguments.aliases.is_empty() && all.iter().any(|taken| taken.standing == AliasState::Refused);
    Ok(if refused { Exit::Usage } else { Exit::Done })
}

/// Writes hosts and sites, for another computer.
pub(crate) fn export(context: &Context, desk: &Desk, file: Option<&Path>) -> Outcome {
    let Some(file) = file else {
        let export = desk.inventory.export(desk.clock.now()).map_err(Failure::from)?;
        let mut text = serde_json::to_string_pretty(&export)
            .map_err(|error| Failure::new(Code::Local, format!("the inventory cannot be written: {error}")))?;
        text.push('\n');
        context.screen.raw(&text);
        return Ok(Exit::Done);
    };
    let export = desk.export_inventory(file)?;
    let (hosts, sites) = (words::count(export.hosts.len(), "host"), words::count(export.sites.len(), "site"));
    context.answer(&export, format!("{hosts} and {sites} are in {}.", file.display()));
    Ok(Exit::Done)
}

fn import(context: &Context, desk: &Desk, file: &Path, on_conflict: OnConflict) -> Outcome {
    let report = desk.import_inventory(file, on_conflict)?;
    let line = |word: &str, names: &[String]| match names {
        [] => String::new(),
        names => format!("{word}: {}\n", visible(&names.join(", "))),
    };
    let parts = [("added", &report.added), ("replaced", &report.replaced), ("kept as they were", &report.kept)];
    let text: String = parts.into_iter().map(|(word, names)| line(word, names)).collect();
    context.answer(&report, if text.is_empty() { "It holds nothing.".to_owned() } else { text });
    Ok(Exit::Done)
}
