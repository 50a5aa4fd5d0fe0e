//! `slipway status`.

use std::sync::Arc;
use std::time::Duration;

use slipway_core::release::ReleaseId;
use slipway_core::running::Running;
use slipway_engine::desk::Desk;
use slipway_engine::link::Link;
use slipway_engine::site_file::SiteFile;
use slipway_engine::watch::{self, SiteStatus};

use crate::context::{Context, Outcome, Stop};
use crate::exit::Exit;
use crate::print::style::Style;
use crate::print::table::{Cell, Tone, table};
use crate::print::text::visible;
use crate::print::words;

/// Shows what runs, once or again and again.
pub(crate) async fn run(context: &Context, watching: bool) -> Outcome {
    let (desk, link, file) = open(context).await?;
    let site = &file.site.name;
    let mut last = String::new();
    loop {
        let facts = context.facts(&desk, &link).await?;
        let status = watch::status(&link, &facts, site).await?;
        let text = describe(&status, context.screen.style());
        // Only what changed is printed again, so that what was seen stays to be read.
        if text != last || !watching {
            context.answer(&status, &text);
            last = text;
        }
        if !watching || context.screen.closed() {
            return Ok(Exit::Done);
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
}

/// The desk, the connection and the site that a command about a running site means.
pub(crate) async fn open(context: &Context) -> Result<(Desk, Arc<Link>, SiteFile), Stop> {
    let desk = context.desk()?;
    let file = context.site_file()?;
    let host = desk.choose_host(context.global.host.as_ref(), Some(&file.site))?;
    let link = context.link(&desk, &host).await?;
    Ok((desk, link, file))
}

fn describe(status: &SiteStatus, style: Style) -> String {
    let mut out = String::new();
    let release = status.running.current.as_ref();
    let place = format!("{} on {}", status.site, visible(&status.host));
    out.push_str(&match (release, status.units_healthy && !status.unguarded) {
        (None, _) => format!("– {} has no release yet", style.bold(&place)),
        (Some(id), true) => format!("{} {} runs release {id}", style.green("●"), style.bold(&place)),
        (Some(id), false) => {
            format!("{} {} is not as it should be; current is {id}", style.red("✕"), style.bold(&place))
        }
    });
    out.push('\n');
    if let Some(record) = &status.release {
        let commit = record.commit.as_deref().and_then(|commit| commit.get(..12)).unwrap_or_default();
        let subject = record.subject.as_deref().map(|subject| format!("“{}”", visible(subject))).unwrap_or_default();
        let parts = [visible(&record.source), commit.to_owned(), subject];
        let parts: Vec<&str> = parts.iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
        let made = format!("made {} by {}", words::moment_of(&record.created), visible(&record.author));
        out.push_str(&format!("  {}, {made}\n", parts.join(" ")));
    }
    if let Some(front) = &status.front {
        let took = status.front_ms.map(|ms| format!(" in {ms} ms")).unwrap_or_default();
        out.push_str(&match front.as_str() {
            "" | "000" => format!("  {} nginx does not answer\n", style.red("✕")),
            code if code.starts_with('5') => format!("  {} nginx answers {}{took}\n", style.red("✕"), visible(code)),
            code => format!("  nginx answers {}{took}\n", visible(code)),
        });
    }
    if status.unguarded {
        out.push_str(&format!(
            "  {} the rules that keep everybody but nginx from the site's ports are not in force\n{} slipway apply loads them again\n",
            style.red("✕"),
            style.cyan("→")
        ));
    }
    if let Some(id) = &status.interrupted {
        out.push_str(&format!(
            "  {} the activation of {id} began and has not ended: it is at work now, or was interrupted\n{} when nobody is at it, slipway deploy or slipway rollback brings it to an end\n",
            style.yellow("▲"),
            style.cyan("→")
        ));
    }
    if status.running.units.is_empty() {
        return out;
    }
    out.push('\n');
    out.push_str(&units(&status.running, release, style));
    out
}

/// The instances, as a table.
pub(crate) fn units(running: &Running, release: Option<&ReleaseId>, style: Style) -> String {
    let rows: Vec<Vec<Cell>> = running
        .units
        .iter()
        .map(|unit| {
            let (mark, tone) = match unit.active.as_str() {
                "active" => ("●", Tone::Good),
                _ if unit.draining => ("◌", Tone::Dim),
                "activating" | "reloading" => ("◌", Tone::Watch),
                "inactive" => ("–", Tone::Dim),
                _ => ("✕", Tone::Bad),
            };
            let state = if unit.draining {
                "finishing what it has begun".to_owned()
            } else {
                format!("{} ({})", unit.active, unit.sub)
            };
            let runs = unit.release.as_ref().map_or_else(|| "–".to_owned(), ToString::to_string);
            let there = if unit.draining || unit.release.as_ref() == release { Tone::Plain } else { Tone::Watch };
            vec![
                unit.instance.as_str().into(),
                Cell::toned(format!("{mark} {state}"), tone),
                Cell::toned(runs, there),
                Cell::number(unit.memory.map_or_else(|| "–".to_owned(), words::bytes)),
                Cell::number(unit.restarts.to_string()),
            ]
        })
        .collect();
    table(&["instance", "state", "runs from", "memory", "restarts"], &rows, style)
}
