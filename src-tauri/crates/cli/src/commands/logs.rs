//! `slipway logs`.

use std::time::Duration;

use jiff::Timestamp;
use slipway_core::site::Name;
use slipway_engine::failure::{Code, Failure};
use slipway_engine::watch::{self, LogLine, LogQuery};

use super::status::open;
use crate::args::LogsArguments;
use crate::context::{Context, Outcome};
use crate::exit::Exit;
use crate::print::screen::Reader;
use crate::print::style::Style;
use crate::print::text::visible;
use crate::print::words;

/// Shows log lines, and goes on with new ones if asked.
pub(crate) async fn run(context: &Context, arguments: LogsArguments) -> Outcome {
    let (_desk, link, file) = open(context).await?;
    let site = &file.site.name;
    let known: Vec<Name> = file.site.process.keys().cloned().collect();
    if let Some(process) = arguments.process.as_ref().filter(|process| !known.contains(process)) {
        let names: Vec<&str> = known.iter().map(|name| name.as_str()).collect();
        return Err(Failure::new(Code::Usage, format!("{} has no process {process}", file.site.name))
            .hint(format!("there are {}", names.join(", ")))
            .into());
    }
    let processes = arguments.process.map_or(known, |process| vec![process]);
    let mut query = LogQuery { processes, lines: arguments.lines, since: arguments.since, after: None };
    let style = context.screen.style();
    let page = watch::logs(&link, site, &query).await?;
    if !arguments.follow {
        let text: Vec<String> = page.lines.iter().map(|line| shown(line, style)).collect();
        let text = if text.is_empty() { "No log lines.".to_owned() } else { text.join("\n") };
        context.answer(&page, text);
        return Ok(Exit::Done);
    }
    let mut lines = page.lines;
    query.after = page.cursor;
    loop {
        for line in &lines {
            match context.screen.reader {
                Reader::Person => context.screen.say(shown(line, style)),
                Reader::Program => context.screen.json(&Followed { schema: 1, line }),
            }
        }
        if context.screen.closed() {
            return Ok(Exit::Done);
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        // Lines that pile up in a second are all wanted, whatever was asked for at first.
        query.lines = if query.after.is_some() { 10_000 } else { query.lines };
        let page = watch::logs(&link, site, &query).await?;
        lines = page.lines;
        query.after = page.cursor;
    }
}

#[derive(serde::Serialize)]
struct Followed<'a> {
    schema: u32,
    line: &'a LogLine,
}

fn shown(line: &LogLine, style: Style) -> String {
    let at = i64::try_from(line.at_us).ok().and_then(|us| Timestamp::from_microsecond(us).ok());
    let at = at.map(words::second).unwrap_or_default();
    let unit = line.unit.trim_end_matches(".service");
    let (mark, text) = match line.priority {
        0..=3 => (style.red("✕ "), visible(&line.text)),
        4 => (style.yellow("▲ "), visible(&line.text)),
        _ => (String::new(), visible(&line.text)),
    };
    format!("{} {} {mark}{text}", style.dim(at), style.cyan(visible(unit)))
}
