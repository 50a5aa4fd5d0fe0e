//! `slipway host import`: hosts of `~/.ssh/config`, as aliases: what they mean stays in that file.

use serde::Serialize;
use slipway_engine::desk::Desk;
use slipway_engine::inventory::{Host, HostName};

use crate::args::Import;
use crate::context::{Context, Outcome};
use crate::exit::Exit;
use crate::print::table::{Cell, Tone, table};

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
