//! `slipway history`: runs that this computer made.

use std::time::Duration;

use serde::Serialize;
use slipway_core::event::Event;
use slipway_core::plan::Plan;
use slipway_engine::desk::Desk;
use slipway_engine::failure::Failure;
use slipway_engine::going::RunState;
use slipway_engine::history::{Filter, RunId, RunRecord};

use crate::args::HistoryCommand;
use crate::context::{Context, Outcome};
use crate::exit::Exit;
use crate::print::plan::{Detail, plan};
use crate::print::progress::View;
use crate::print::table::{Cell, Tone, table};
use crate::print::text::visible;
use crate::print::words;

/// Most events of one run that are shown.
const MOST_EVENTS: usize = 10_000;

/// Lists runs, or shows one.
pub(crate) fn run(context: &Context, command: Option<HistoryCommand>, count: u32) -> Outcome {
    let desk = context.desk()?;
    match command {
        Some(HistoryCommand::Show { run }) => show(context, &desk, run),
        None => list(context, &desk, count),
    }
}

fn list(context: &Context, desk: &Desk, count: u32) -> Outcome {
    let filter = Filter { host: context.global.host.clone(), ..Filter::default() };
    let page = desk.history.runs(&filter, count).map_err(Failure::from)?;
    let rows: Vec<Vec<Cell>> = page
        .runs
        .iter()
        .map(|run| {
            vec![
                Cell::number(run.id.to_string()),
                words::moment(run.started_at).into(),
                run.kind.as_str().into(),
                run.site.as_ref().map_or("", |site| site.as_str()).into(),
                run.host.as_str().into(),
                ending(run, desk.run_state(run)),
                took(run).map_or_else(String::new, words::duration).into(),
                run.operator.as_str().into(),
            ]
        })
        .collect();
    let text = if rows.is_empty() {
        "Nothing was run from this computer yet.".to_owned()
    } else {
        let headings = ["run", "began", "what", "site", "host", "ended", "took", "by"];
        table(&headings, &rows, context.screen.style())
    };
    context.answer(&page, text);
    Ok(Exit::Done)
}

fn took(run: &RunRecord) -> Option<Duration> {
    let span = run.finished_at?.duration_since(run.started_at);
    Duration::try_from(span).ok()
}

fn ending(run: &RunRecord, state: RunState) -> Cell {
    let word = |key: &str| run.verdict.as_ref().and_then(|verdict| verdict.get(key)).and_then(|kind| kind.as_str());
    match (run.finished_at, word("kind"), word("code")) {
        (None, _, _) => Cell::toned(format!("◌ {}", state.label()), Tone::Watch),
        (_, Some("succeeded"), _) => Cell::toned("● succeeded", Tone::Good),
        (_, Some("unchanged"), _) => Cell::toned("● nothing to change", Tone::Good),
        (_, Some("rolled-back"), _) => Cell::toned("↩ rolled back", Tone::Watch),
        (_, Some("failed-intact"), _) => Cell::toned("✕ failed, old state intact", Tone::Bad),
        (_, Some(kind), _) => Cell::toned(format!("✕ {kind}"), Tone::Bad),
        (_, None, Some(code)) => Cell::toned(format!("– not begun: {code}"), Tone::Dim),
        (_, None, None) => Cell::toned("– unknown", Tone::Dim),
    }
}

fn show(context: &Context, desk: &Desk, id: RunId) -> Outcome {
    let run = desk.history.run(id).map_err(Failure::from)?;
    // A plan or event of an older Slipway may not be readable; the rest is still worth showing.
    let made: Option<Plan> = desk.history.plan(id).ok().flatten();
    let events: Vec<Event> = desk.history.events(id, 0, MOST_EVENTS).unwrap_or_default();
    #[derive(Serialize)]
    struct Shown<'a> {
        run: &'a RunRecord,
        plan: Option<&'a Plan>,
        events: &'a [Event],
    }
    let style = context.screen.style();
    let mut text = format!(
        "{}\n  {} by {}\n",
        style.bold(format!(
            "Run {id}: {} of {} on {}",
            run.kind,
            run.site.as_ref().map_or("–", |s| s.as_str()),
            run.host
        )),
        words::moment(run.started_at),
        visible(&run.operator)
    );
    if let Some(made) = &made {
        let detail = if context.screen.verbose { Detail::Full } else { Detail::Short };
        text.push_str(&format!("\n{}", plan(made, detail, style)));
    }
    let mut view = View::default();
    text.push('\n');
    for line in events.iter().flat_map(|event| view.lines(event, style, true)) {
        text.push_str(&format!("{line}\n"));
    }
    match run.verdict.clone().map(serde_json::from_value) {
        Some(Ok(verdict)) => text.push_str(&crate::print::progress::verdict(&verdict, style)),
        Some(Err(_)) => {
            let message =
                run.verdict.as_ref().and_then(|verdict| verdict.get("message")).and_then(|text| text.as_str());
            text.push_str(&format!("It did not begin: {}\n", visible(message.unwrap_or("the reason is not readable"))));
        }
        None => text.push_str(&format!("It {}.\n", desk.run_state(&run).label())),
    }
    context.answer(Shown { run: &run, plan: made.as_ref(), events: &events }, text);
    Ok(Exit::Done)
}
