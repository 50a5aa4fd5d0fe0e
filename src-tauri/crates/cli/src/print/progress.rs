//! A run as it goes on: finished steps as lines that stay, the running one as the updating line.
//!
//! Events come from the run and must not wait for a terminal, so a thread of its own prints them.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use serde::Serialize;
use slipway_core::event::{Event, EventKind, StepOutcome, Verdict, VerdictKind};
use slipway_engine::run::EventSink;

use super::screen::{Reader, Screen};
use super::style::Style;
use super::text::visible;
use super::words;

/// Prints the events of one run.
pub(crate) struct Progress {
    queue: Mutex<Sender<Option<Event>>>,
    printer: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Serialize)]
struct Line<'a> {
    schema: u32,
    #[serde(flatten)]
    event: &'a Event,
}

impl Progress {
    /// Begins to print on `screen`.
    pub(crate) fn start(screen: Arc<Screen>) -> Arc<Self> {
        let (queue, events) = channel();
        let printer = std::thread::spawn(move || print_all(&events, &screen));
        Arc::new(Self { queue: Mutex::new(queue), printer: Mutex::new(Some(printer)) })
    }

    /// Waits until everything has been printed.
    pub(crate) fn finish(&self) {
        let _ = self.queue.lock().unwrap_or_else(PoisonError::into_inner).send(None);
        if let Some(printer) = self.printer.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = printer.join();
        }
    }
}

impl EventSink for Progress {
    fn event(&self, event: Event) {
        let _ = self.queue.lock().unwrap_or_else(PoisonError::into_inner).send(Some(event));
    }
}

fn print_all(events: &Receiver<Option<Event>>, screen: &Screen) {
    let mut view = View::default();
    while let Ok(Some(event)) = events.recv() {
        match screen.reader {
            Reader::Program => screen.json(&Line { schema: 1, event: &event }),
            Reader::Person => {
                let style = screen.style();
                view.lines(&event, style, screen.verbose).iter().for_each(|line| screen.say(line));
                match &event.kind {
                    EventKind::StepStarted { step } => screen.live(&view.running(*step)),
                    EventKind::Finished { .. } => screen.calm(),
                    _ => {}
                }
            }
        }
    }
    screen.calm();
}

/// What has been seen of a run so far.
#[derive(Debug, Default)]
pub(crate) struct View {
    titles: Vec<String>,
    began_ms: u64,
}

impl View {
    fn title(&self, step: usize) -> String {
        self.titles.get(step).map_or_else(|| format!("step {}", step + 1), |title| visible(title))
    }

    fn running(&self, step: usize) -> String {
        format!("{}/{} {}", step + 1, self.titles.len(), self.title(step))
    }

    /// The lines that stay after `event`.
    pub(crate) fn lines(&mut self, event: &Event, style: Style, verbose: bool) -> Vec<String> {
        match &event.kind {
            EventKind::Started { steps } => {
                self.titles.clone_from(steps);
                Vec::new()
            }
            EventKind::StepStarted { .. } => {
                self.began_ms = event.at_ms;
                Vec::new()
            }
            EventKind::Output { line, .. } if verbose => vec![style.dim(format!("    │ {}", visible(line)))],
            EventKind::Output { .. } => Vec::new(),
            EventKind::StepFinished { step, outcome } => {
                let took = words::duration(Duration::from_millis(event.at_ms.saturating_sub(self.began_ms)));
                let took = style.dim(format!("  {took}"));
                let title = self.title(*step);
                match outcome {
                    StepOutcome::Done => vec![format!("{} {title}{took}", style.green("✓"))],
                    StepOutcome::Unchanged => vec![format!("– {title}{}", style.dim("  there already"))],
                    StepOutcome::Failed { message, .. } => {
                        vec![format!("{} {title}{took}", style.red("✕")), format!("    {}", visible(message))]
                    }
                }
            }
            EventKind::Note { text } => vec![format!("{} {}", style.cyan("○"), visible(text))],
            EventKind::Finished { .. } => Vec::new(),
        }
    }
}

/// The verdict with what supports it.
pub(crate) fn verdict(verdict: &Verdict, style: Style) -> String {
    let mark = match verdict.kind {
        VerdictKind::Succeeded | VerdictKind::Unchanged => style.green("●"),
        VerdictKind::RolledBack => style.yellow("↩"),
        VerdictKind::FailedIntact | VerdictKind::Split => style.red("✕"),
        VerdictKind::Unknown => style.yellow("▲"),
    };
    let label = match verdict.kind {
        VerdictKind::Unchanged => "nothing to change",
        kind => kind.label(),
    };
    let mut out = format!("\n{mark} {}: {}\n", style.bold(sentence(label)), visible(&verdict.summary));
    for seen in &verdict.evidence {
        out.push_str(&format!("  {}\n", style.dim(visible(seen))));
    }
    if !verdict.log.is_empty() {
        out.push_str("  What it printed last:\n");
        for text in &verdict.log {
            out.push_str(&format!("    │ {}\n", visible(text)));
        }
    }
    if let Some(hint) = &verdict.hint {
        out.push_str(&format!("{} {}\n", style.cyan("→"), visible(hint)));
    }
    out
}

fn sentence(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map(|first| first.to_uppercase().chain(rest).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_reads_from_top_to_bottom() {
        let mut view = View::default();
        let mut shown = Vec::new();
        let kinds = [
            (0, EventKind::Started { steps: vec!["Install nginx".into(), "Switch".into()] }),
            (10, EventKind::StepStarted { step: 0 }),
            (900, EventKind::Output { step: 0, line: "Unpacking\u{1b}[1m".into() }),
            (4210, EventKind::StepFinished { step: 0, outcome: StepOutcome::Done }),
            (4300, EventKind::Note { text: "slow link".into() }),
            (4400, EventKind::StepStarted { step: 1 }),
            (
                65_000,
                EventKind::StepFinished {
                    step: 1,
                    outcome: StepOutcome::Failed { message: "health check: 500".into(), log: vec![] },
                },
            ),
        ];
        for (at_ms, kind) in kinds {
            shown.extend(view.lines(&Event { at_ms, kind }, Style::Plain, true));
        }
        let end = Verdict {
            kind: VerdictKind::RolledBack,
            summary: "health check: 500. Went back by itself".into(),
            evidence: vec!["shop-web@5000.service is active (running)".into()],
            hint: Some("mend the release and deploy again".into()),
            log: vec!["KeyError: 'x'\u{202e}".into()],
        };
        shown.push(verdict(&end, Style::Plain));
        insta::assert_snapshot!(shown.join("\n"));
    }
}
