//! `slipway audit`: who did what to the site, as its host recorded it.

use serde_json::Value;
use slipway_engine::watch;

use super::status::open;
use crate::context::{Context, Outcome};
use crate::exit::Exit;
use crate::print::table::{Cell, Tone, table};
use crate::print::words;

/// Shows the newest entries, newest last.
pub(crate) async fn run(context: &Context, lines: usize) -> Outcome {
    let (_desk, link, file) = open(context).await?;
    let site = &file.site.name;
    let mut entries = watch::audit(&link, site).await?;
    entries.drain(..entries.len().saturating_sub(lines));
    let rows: Vec<Vec<Cell>> = entries
        .iter()
        .map(|entry| {
            let field = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
            let end = match field("verdict") {
                "" => Cell::toned(field("event"), Tone::Dim),
                good @ ("succeeded" | "unchanged") => Cell::toned(good, Tone::Good),
                other => Cell::toned(other, Tone::Watch),
            };
            let summary = field("summary");
            vec![
                words::moment_of(field("at")).into(),
                field("operator").into(),
                field("verb").into(),
                end,
                field("plan").into(),
                summary.into(),
            ]
        })
        .collect();
    let text = if rows.is_empty() {
        format!("Nothing was done to {site} on {} yet.", link.name())
    } else {
        table(&["when", "who", "what", "result", "plan", ""], &rows, context.screen.style())
    };
    context.answer(&entries, text);
    Ok(Exit::Done)
}
