//! The events of a run, folded into what is to be seen: each step with its state and time, and the verdict.
//!
//! Events may come from a file that was cut or tampered with, so nothing relies on their order or their numbers.

use serde::{Deserialize, Serialize};

use crate::event::{Event, EventKind, StepOutcome, Verdict, VerdictKind};

/// Titles that are taken from one `started`.
const MOST_STEPS: usize = 10_000;
/// Notes that are kept.
const MOST_NOTES: usize = 1_000;

/// A run, as far as its events tell.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct View {
    /// Steps in order.
    pub steps: Vec<StepView>,
    /// The step that began last, while it goes on.
    pub current: Option<usize>,
    /// What is worth knowing and no failure.
    pub notes: Vec<String>,
    /// Milliseconds since the run began, at the last event.
    pub elapsed_ms: u64,
    /// Lines that were printed.
    pub lines: u64,
    /// How it ended.
    pub verdict: Option<Verdict>,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepView {
    /// Its title.
    pub title: String,
    /// What became of it.
    pub state: StepState,
    /// When it began, milliseconds since the run did.
    pub started_ms: Option<u64>,
    /// When it ended.
    pub ended_ms: Option<u64>,
    /// Lines that it printed.
    pub lines: u64,
}

/// What became of a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum StepState {
    /// It has not begun.
    Waiting,
    /// It goes on.
    Running,
    /// It did what it was to do.
    Done,
    /// There was nothing to do.
    Unchanged,
    /// It failed.
    Failed {
        /// What failed, in words.
        message: String,
        /// Last lines of what it printed. Untrusted text.
        log: Vec<String>,
    },
    /// The run ended while it went on.
    CutOff,
    /// The run ended before it began.
    NotBegun,
}

impl StepView {
    /// How long it has taken, or took, at `now_ms`.
    pub fn elapsed_ms(&self, now_ms: u64) -> Option<u64> {
        self.started_ms.map(|started| self.ended_ms.unwrap_or(now_ms).saturating_sub(started))
    }
}

impl View {
    /// Folds events, oldest first.
    pub fn of<'a>(events: impl IntoIterator<Item = &'a Event>) -> Self {
        let mut view = Self::default();
        events.into_iter().for_each(|event| view.apply(event));
        view
    }

    /// Takes one event. What comes after the verdict is not of this run.
    pub fn apply(&mut self, event: &Event) {
        if self.verdict.is_some() {
            return;
        }
        self.elapsed_ms = self.elapsed_ms.max(event.at_ms);
        match &event.kind {
            EventKind::Started { steps } => {
                let step = |title: &String| StepView {
                    title: title.clone(),
                    state: StepState::Waiting,
                    started_ms: None,
                    ended_ms: None,
                    lines: 0,
                };
                self.steps = steps.iter().take(MOST_STEPS).map(step).collect();
            }
            EventKind::StepStarted { step } => {
                if let Some(view) = self.steps.get_mut(*step) {
                    view.state = StepState::Running;
                    view.started_ms = Some(event.at_ms);
                    view.ended_ms = None;
                    self.current = Some(*step);
                }
            }
            EventKind::Output { step, .. } => {
                self.lines += 1;
                if let Some(view) = self.steps.get_mut(*step) {
                    view.lines += 1;
                }
            }
            EventKind::StepFinished { step, outcome } => self.finish_step(*step, outcome, event.at_ms),
            EventKind::Note { text } => {
                if self.notes.len() < MOST_NOTES {
                    self.notes.push(text.clone());
                }
            }
            EventKind::Finished { verdict } => self.finish(verdict, event.at_ms),
        }
    }

    fn finish_step(&mut self, step: usize, outcome: &StepOutcome, at_ms: u64) {
        let Some(view) = self.steps.get_mut(step) else { return };
        view.ended_ms = Some(at_ms);
        view.started_ms = view.started_ms.or(Some(at_ms));
        view.state = match outcome {
            StepOutcome::Done => StepState::Done,
            StepOutcome::Unchanged => StepState::Unchanged,
            StepOutcome::Failed { message, log } => StepState::Failed { message: message.clone(), log: log.clone() },
        };
        if self.current == Some(step) {
            self.current = None;
        }
    }

    fn finish(&mut self, verdict: &Verdict, at_ms: u64) {
        // Some steps are done by the one before them and say nothing themselves; a verdict of success covers all.
        let good = matches!(verdict.kind, VerdictKind::Succeeded | VerdictKind::Unchanged);
        for view in &mut self.steps {
            match view.state {
                StepState::Running => {
                    view.state = if good { StepState::Done } else { StepState::CutOff };
                    view.ended_ms = Some(at_ms);
                }
                StepState::Waiting => view.state = if good { StepState::Done } else { StepState::NotBegun },
                StepState::Done
                | StepState::Unchanged
                | StepState::Failed { .. }
                | StepState::CutOff
                | StepState::NotBegun => {}
            }
        }
        self.current = None;
        self.verdict = Some(verdict.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(at_ms: u64, kind: EventKind) -> Event {
        Event { at_ms, kind }
    }

    fn verdict(kind: VerdictKind) -> Verdict {
        Verdict { kind, summary: String::new(), evidence: Vec::new(), hint: None, log: Vec::new() }
    }

    fn begun() -> Vec<Event> {
        vec![
            event(0, EventKind::Started { steps: ["a", "b", "c"].map(str::to_owned).to_vec() }),
            event(5, EventKind::StepStarted { step: 0 }),
            event(9, EventKind::StepFinished { step: 0, outcome: StepOutcome::Done }),
            event(10, EventKind::StepStarted { step: 1 }),
            event(12, EventKind::Output { step: 1, line: "x".to_owned() }),
        ]
    }

    #[test]
    fn a_run_that_goes_on_has_one_current_step() {
        let view = View::of(&begun());
        let states: Vec<_> = view.steps.iter().map(|step| step.state.clone()).collect();
        assert_eq!(states, [StepState::Done, StepState::Running, StepState::Waiting]);
        assert_eq!((view.current, view.lines, view.steps[1].lines, view.elapsed_ms), (Some(1), 1, 1, 12));
        assert_eq!((view.steps[0].elapsed_ms(99), view.steps[1].elapsed_ms(99)), (Some(4), Some(89)));
        assert_eq!(view.steps[2].elapsed_ms(99), None);
    }

    #[test]
    fn the_verdict_settles_every_step() {
        let mut events = begun();
        let failed = StepOutcome::Failed { message: "no".to_owned(), log: vec!["why".to_owned()] };
        events.push(event(20, EventKind::StepFinished { step: 1, outcome: failed }));
        events.push(event(21, EventKind::Finished { verdict: verdict(VerdictKind::FailedIntact) }));
        // Nothing after the verdict counts.
        events.push(event(22, EventKind::StepStarted { step: 2 }));
        let view = View::of(&events);
        assert!(matches!(&view.steps[1].state, StepState::Failed { message, .. } if message == "no"));
        assert_eq!((&view.steps[2].state, view.current, view.elapsed_ms), (&StepState::NotBegun, None, 21));

        let mut events = begun();
        events.push(event(30, EventKind::Finished { verdict: verdict(VerdictKind::Unknown) }));
        let view = View::of(&events);
        assert_eq!((&view.steps[1].state, view.steps[1].ended_ms), (&StepState::CutOff, Some(30)));

        let mut events = begun();
        events.push(event(30, EventKind::Finished { verdict: verdict(VerdictKind::Succeeded) }));
        assert!(View::of(&events).steps.iter().all(|step| step.state == StepState::Done));
    }

    #[test]
    fn events_that_make_no_sense_change_nothing() {
        let before = View::of(&begun());
        let mut view = before.clone();
        for kind in [
            EventKind::StepStarted { step: 77 },
            EventKind::StepFinished { step: usize::MAX, outcome: StepOutcome::Done },
        ] {
            view.apply(&event(1, kind));
        }
        assert_eq!(view, before);
    }
}
