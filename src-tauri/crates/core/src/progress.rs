//! The events of a run, folded into what is to be seen: each step with its state and time, and the verdict. It is the
//! only place that knows what events come to; whoever shows a run elsewhere is given [`Changes`] to apply.
//!
//! Events may come from a file that was cut or tampered with, so nothing relies on their order or their numbers: steps
//! may be missing, end before they begin, or lie outside the plan. How events were cut into batches makes no difference.

use std::collections::BTreeMap;

use crate::event::{Event, EventKind, StepOutcome, Verdict, VerdictKind};

/// Titles that are taken from one `started`.
const MOST_STEPS: usize = 10_000;
/// Steps are made up for events that come before the titles, up to this many.
const MOST_MADE_UP: usize = 1_000;
/// Notes that are kept.
const MOST_NOTES: usize = 1_000;

/// A run, as far as its events tell.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct View {
    /// Whether the titles of the steps are known.
    begun: bool,
    /// Steps in order.
    pub steps: Vec<StepView>,
    /// The step that began last, while it goes on.
    pub current: Option<usize>,
    /// The step that failed first.
    pub failed: Option<usize>,
    /// What is worth knowing and no failure.
    pub notes: Vec<Note>,
    /// Milliseconds since the run began, at the last event. Never less than it was.
    pub elapsed_ms: u64,
    /// Lines that were printed.
    pub lines: u64,
    /// How it ended.
    pub verdict: Option<Verdict>,
    /// Whether nothing more will come.
    pub ended: bool,
}

/// One step.
#[derive(Debug, Clone, PartialEq)]
pub struct StepView {
    /// Its title.
    pub title: String,
    /// What became of it.
    pub state: StepState,
    /// When it began, milliseconds since the run did.
    pub started_ms: Option<u64>,
    /// When it ended.
    pub ended_ms: Option<u64>,
}

/// What became of a step.
#[derive(Debug, Clone, PartialEq)]
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

/// Something worth knowing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Milliseconds since the run began.
    pub at_ms: u64,
    /// Text for a person.
    pub text: String,
}

/// What was changed in a [`View`], with the lines that were printed meanwhile. Applied in order to a copy they make it
/// equal, and nobody who does that has to know events.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Changes {
    /// Nothing was told before, or it is told from the beginning again: the copy begins empty.
    pub anew: bool,
    /// Steps that are new or no longer as they were, as they are now, by their place.
    pub steps: BTreeMap<usize, StepView>,
    /// Lines that were printed, by the place of their step; `None` for steps that the plan does not have. Untrusted text.
    pub output: BTreeMap<Option<usize>, Vec<String>>,
    /// Notes to add.
    pub notes: Vec<Note>,
}

impl StepView {
    fn waiting(title: String) -> Self {
        Self { title, state: StepState::Waiting, started_ms: None, ended_ms: None }
    }

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

    /// Takes events, oldest first, and tells what they changed.
    pub fn take(&mut self, events: Vec<Event>) -> Changes {
        let steps = self.steps.clone();
        let mut changes = Changes { anew: *self == Self::default(), ..Changes::default() };
        for event in events {
            if self.ended {
                break;
            }
            if self.begun && matches!(event.kind, EventKind::Started { .. }) {
                changes = Changes { anew: true, ..Changes::default() };
            }
            let notes = self.notes.len();
            self.apply(&event);
            changes.notes.extend(self.notes.get(notes..).unwrap_or_default().iter().cloned());
            match event.kind {
                EventKind::Output { step, line } => {
                    let step = Some(step).filter(|step| *step < self.steps.len());
                    changes.output.entry(step).or_default().push(line);
                }
                // Steps that were made up and that the plan does not have are gone, and so is what they printed.
                EventKind::Started { .. } => {
                    changes.output.retain(|step, _| step.is_none_or(|step| step < self.steps.len()));
                }
                EventKind::StepStarted { .. }
                | EventKind::StepFinished { .. }
                | EventKind::Note { .. }
                | EventKind::Finished { .. } => {}
            }
        }
        self.compare(if changes.anew { &[] } else { &steps }, &mut changes);
        changes
    }

    /// Takes that no more events will come, and tells what that changed. A run that ended without a verdict was cut off.
    pub fn end(&mut self) -> Changes {
        let steps = self.steps.clone();
        let mut changes = Changes { anew: *self == Self::default(), ..Changes::default() };
        self.settle(StepState::CutOff, StepState::NotBegun);
        self.compare(&steps, &mut changes);
        changes
    }

    /// Puts the steps that are not as they were `before` into `changes`.
    fn compare(&self, before: &[StepView], changes: &mut Changes) {
        let changed = self.steps.iter().enumerate().filter(|(place, step)| before.get(*place) != Some(step));
        changes.steps = changed.map(|(place, step)| (place, step.clone())).collect();
    }

    /// Takes one event. What comes after the end is not of this run.
    pub fn apply(&mut self, event: &Event) {
        if self.ended {
            return;
        }
        if self.begun && matches!(event.kind, EventKind::Started { .. }) {
            // Told from the beginning again.
            *self = Self::default();
        }
        self.elapsed_ms = self.elapsed_ms.max(event.at_ms);
        let at_ms = self.elapsed_ms;
        match &event.kind {
            EventKind::Started { steps } => self.start(steps),
            EventKind::StepStarted { step } => {
                if let Some(view) = self.step(*step) {
                    view.state = StepState::Running;
                    view.started_ms = Some(at_ms);
                    view.ended_ms = None;
                    self.current = Some(*step);
                }
            }
            EventKind::Output { step, .. } => {
                self.lines += 1;
                self.step(*step);
            }
            EventKind::StepFinished { step, outcome } => self.finish_step(*step, outcome, at_ms),
            EventKind::Note { text } => {
                if self.notes.len() < MOST_NOTES {
                    self.notes.push(Note { at_ms, text: text.clone() });
                }
            }
            EventKind::Finished { verdict } => {
                // Some steps are done by the one before them and say nothing themselves; a verdict of success covers all.
                match verdict.kind {
                    VerdictKind::Succeeded | VerdictKind::Unchanged => self.settle(StepState::Done, StepState::Done),
                    VerdictKind::RolledBack | VerdictKind::FailedIntact | VerdictKind::Split | VerdictKind::Unknown => {
                        self.settle(StepState::CutOff, StepState::NotBegun)
                    }
                }
                self.verdict = Some(verdict.clone());
            }
        }
    }

    /// Gives the steps their titles. Those that were made up before keep what they are.
    fn start(&mut self, titles: &[String]) {
        self.begun = true;
        self.steps.truncate(titles.len());
        for (place, title) in titles.iter().take(MOST_STEPS).enumerate() {
            match self.steps.get_mut(place) {
                Some(step) => step.title.clone_from(title),
                None => self.steps.push(StepView::waiting(title.clone())),
            }
        }
        let there = |step: &usize| *step < self.steps.len();
        self.current = self.current.filter(there);
        self.failed = self.failed.filter(there);
    }

    /// A step; before the titles are known it is made up, for who comes late.
    fn step(&mut self, step: usize) -> Option<&mut StepView> {
        if !self.begun && step < MOST_MADE_UP {
            for number in self.steps.len()..=step {
                self.steps.push(StepView::waiting(format!("Step {}", number + 1)));
            }
        }
        self.steps.get_mut(step)
    }

    fn finish_step(&mut self, step: usize, outcome: &StepOutcome, at_ms: u64) {
        let Some(view) = self.step(step) else { return };
        view.ended_ms = Some(at_ms);
        view.state = match outcome {
            StepOutcome::Done => StepState::Done,
            StepOutcome::Unchanged => StepState::Unchanged,
            StepOutcome::Failed { message, log } => StepState::Failed { message: message.clone(), log: log.clone() },
        };
        if matches!(outcome, StepOutcome::Failed { .. }) {
            self.failed = self.failed.or(Some(step));
        }
        if self.current == Some(step) {
            self.current = None;
        }
    }

    /// Nothing more will come: says what became of steps that went on, and of those that had not begun.
    fn settle(&mut self, running: StepState, waiting: StepState) {
        if self.ended {
            return;
        }
        for view in &mut self.steps {
            match view.state {
                StepState::Running => {
                    view.state = running.clone();
                    view.ended_ms = Some(self.elapsed_ms);
                }
                StepState::Waiting => view.state = waiting.clone(),
                StepState::Done
                | StepState::Unchanged
                | StepState::Failed { .. }
                | StepState::CutOff
                | StepState::NotBegun => {}
            }
        }
        self.current = None;
        self.ended = true;
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

    fn started() -> Event {
        event(0, EventKind::Started { steps: ["a", "b", "c"].map(str::to_owned).to_vec() })
    }

    fn begin(step: usize, at_ms: u64) -> Event {
        event(at_ms, EventKind::StepStarted { step })
    }

    fn end(step: usize, at_ms: u64) -> Event {
        event(at_ms, EventKind::StepFinished { step, outcome: StepOutcome::Done })
    }

    fn fail(step: usize, at_ms: u64) -> Event {
        let outcome = StepOutcome::Failed { message: "no room".to_owned(), log: vec!["df".to_owned()] };
        event(at_ms, EventKind::StepFinished { step, outcome })
    }

    fn line(step: usize, text: &str) -> Event {
        event(0, EventKind::Output { step, line: text.to_owned() })
    }

    fn note(at_ms: u64) -> Event {
        event(at_ms, EventKind::Note { text: "n".to_owned() })
    }

    fn finished(at_ms: u64, kind: VerdictKind) -> Event {
        event(at_ms, EventKind::Finished { verdict: verdict(kind) })
    }

    fn begun() -> Vec<Event> {
        vec![started(), begin(0, 5), end(0, 9), begin(1, 10), event(12, line(1, "x").kind)]
    }

    fn states(view: &View) -> Vec<StepState> {
        view.steps.iter().map(|step| step.state.clone()).collect()
    }

    /// What a page has, that applies changes and knows nothing else.
    #[derive(Debug, Default, PartialEq)]
    struct Copy {
        steps: Vec<StepView>,
        output: BTreeMap<Option<usize>, Vec<String>>,
        notes: Vec<Note>,
    }

    impl Copy {
        fn apply(&mut self, view: &View, changes: Changes) {
            if changes.anew {
                *self = Self::default();
            }
            self.steps.truncate(view.steps.len());
            self.output.retain(|step, _| step.is_none_or(|step| step < view.steps.len()));
            for (place, step) in changes.steps {
                if place < self.steps.len() {
                    self.steps[place] = step;
                } else {
                    assert_eq!(place, self.steps.len(), "steps come without gaps");
                    self.steps.push(step);
                }
            }
            for (step, lines) in changes.output {
                assert!(step.is_none_or(|step| step < self.steps.len()), "lines come with their step");
                self.output.entry(step).or_default().extend(lines);
            }
            self.notes.extend(changes.notes);
        }
    }

    /// A run that was told in batches of `size`, and what a page has of it.
    fn told(events: &[Event], size: usize) -> (View, Copy) {
        let (mut view, mut copy) = (View::default(), Copy::default());
        for batch in events.chunks(size) {
            let changes = view.take(batch.to_vec());
            copy.apply(&view, changes);
            assert_eq!(copy.steps, view.steps);
        }
        (view, copy)
    }

    #[test]
    fn a_run_that_goes_on_has_one_current_step() {
        let view = View::of(&begun());
        assert_eq!(states(&view), [StepState::Done, StepState::Running, StepState::Waiting]);
        assert_eq!((view.current, view.failed, view.lines, view.elapsed_ms), (Some(1), None, 1, 12));
        assert_eq!((view.steps[0].elapsed_ms(99), view.steps[1].elapsed_ms(99)), (Some(4), Some(89)));
        assert_eq!(view.steps[2].elapsed_ms(99), None);
        assert!(!view.ended);
    }

    #[test]
    fn the_verdict_settles_every_step() {
        let mut events = begun();
        events.extend([fail(1, 20), finished(21, VerdictKind::FailedIntact)]);
        // Nothing after the verdict counts.
        events.extend([begin(2, 22), note(22), line(1, "late"), started()]);
        let (view, copy) = told(&events, 4);
        let failed = StepState::Failed { message: "no room".to_owned(), log: vec!["df".to_owned()] };
        assert_eq!(states(&view), [StepState::Done, failed, StepState::NotBegun]);
        assert_eq!((view.current, view.failed, view.elapsed_ms, view.ended), (None, Some(1), 21, true));
        assert_eq!((copy.notes.len(), &copy.output[&Some(1)][..]), (0, &["x".to_owned()][..]));

        let mut events = begun();
        events.push(finished(30, VerdictKind::Unknown));
        let view = View::of(&events);
        assert_eq!((&view.steps[1].state, view.steps[1].ended_ms), (&StepState::CutOff, Some(30)));

        let mut events = begun();
        events.push(finished(30, VerdictKind::Succeeded));
        assert!(View::of(&events).steps.iter().all(|step| step.state == StepState::Done));
    }

    #[test]
    fn a_run_whose_end_is_missing_was_cut_off() {
        let (mut view, mut copy) = told(&[started(), begin(0, 5), event(30, line(0, "working").kind)], 9);
        let changes = view.end();
        copy.apply(&view, changes);
        assert_eq!(states(&view), [StepState::CutOff, StepState::NotBegun, StepState::NotBegun]);
        assert_eq!(copy.steps, view.steps);
        assert_eq!((&view.verdict, view.ended, view.steps[0].ended_ms, view.current), (&None, true, Some(30), None));
        // It ends once.
        assert_eq!(view.end(), Changes::default());
        assert_eq!(view.take(vec![begin(1, 40)]), Changes::default());
        // Of one that told nothing that is all there is to tell.
        assert_eq!(View::default().end(), Changes { anew: true, ..Changes::default() });
    }

    #[test]
    fn it_is_the_same_however_the_events_are_cut() {
        let plain = [
            &begun()[..],
            &[note(13), end(1, 14), line(7, "stray"), fail(2, 15), finished(16, VerdictKind::RolledBack)],
        ]
        .concat();
        let late = [&[line(1, "early"), begin(4, 3), line(4, "gone")][..], &begun(), &[line(4, "stray")]].concat();
        let twice = [begun(), vec![note(13)], begun(), vec![note(14)]].concat();
        for events in [plain, late, twice] {
            let whole = told(&events, events.len());
            assert_eq!(whole.0, View::of(&events));
            for size in 1..events.len() {
                assert_eq!(told(&events, size), whole, "in batches of {size}");
            }
        }
    }

    #[test]
    fn only_what_changed_is_told() {
        let mut view = View::default();
        let first = view.take(begun());
        assert!(first.anew && first.steps.len() == 3);
        let more = view.take(vec![line(1, "y"), line(1, "z"), line(9, "stray")]);
        assert_eq!((more.anew, more.steps.len(), more.notes.len()), (false, 0, 0));
        assert_eq!(more.output[&Some(1)], ["y", "z"]);
        assert_eq!(more.output[&None], ["stray"]);
        let more = view.take(vec![end(1, 20), note(21)]);
        assert_eq!(more.steps.keys().copied().collect::<Vec<_>>(), [1]);
        assert_eq!(more.notes, [Note { at_ms: 21, text: "n".to_owned() }]);
    }

    #[test]
    fn steps_are_made_up_for_who_comes_late_and_named_when_the_titles_come() {
        let mut view = View::default();
        view.take(vec![line(1, "early"), begin(1, 3)]);
        let titles = |view: &View| view.steps.iter().map(|step| step.title.clone()).collect::<Vec<_>>();
        assert_eq!(titles(&view), ["Step 1", "Step 2"]);
        let changes = view.take(vec![started()]);
        assert_eq!(titles(&view), ["a", "b", "c"]);
        assert_eq!((changes.anew, &view.steps[1].state, view.current), (false, &StepState::Running, Some(1)));
        // Steps that were made up and that the plan does not have go again.
        let view = View::of(&[begin(7, 1), fail(8, 1), started()]);
        assert_eq!((view.steps.len(), view.current, view.failed), (3, None, None));
        // Not for any number.
        assert_eq!(View::of(&[begin(4_000_000_000, 0)]).steps, []);
    }

    #[test]
    fn told_from_the_beginning_again_it_begins_anew() {
        let mut view = View::default();
        view.take(vec![started(), begin(0, 0), line(0, "a"), fail(0, 4), note(4)]);
        let changes = view.take(vec![line(0, "b"), started(), begin(0, 1), line(0, "a")]);
        assert!(changes.anew && changes.notes.is_empty() && changes.steps.len() == 3);
        assert_eq!(changes.output, BTreeMap::from([(Some(0), vec!["a".to_owned()])]));
        assert_eq!((view.failed, view.elapsed_ms, view.notes.len()), (None, 1, 0));
        assert_eq!(states(&view), [StepState::Running, StepState::Waiting, StepState::Waiting]);
    }

    #[test]
    fn steps_that_the_plan_does_not_have_change_nothing() {
        let before = View::of(&begun());
        let mut view = before.clone();
        let changes = view.take(vec![begin(77, 1), end(usize::MAX, 2), fail(3, 3)]);
        assert_eq!((view, changes), (before, Changes::default()));
        let (view, copy) = told(&[started(), line(7, "lost"), line(usize::MAX, "far")], 9);
        assert_eq!((view.lines, &copy.output[&None][..]), (2, &["lost".to_owned(), "far".to_owned()][..]));
    }

    #[test]
    fn a_step_may_end_without_having_begun() {
        let view = View::of(&[started(), end(0, 9)]);
        assert_eq!((&view.steps[0].state, view.steps[0].started_ms), (&StepState::Done, None));
        assert_eq!((view.steps[0].ended_ms, view.steps[0].elapsed_ms(20)), (Some(9), None));
    }

    #[test]
    fn time_does_not_go_back() {
        let view = View::of(&[started(), begin(0, 100), end(0, 40)]);
        assert_eq!((view.steps[0].started_ms, view.steps[0].ended_ms, view.elapsed_ms), (Some(100), Some(100), 100));
    }

    #[test]
    fn there_is_an_end_to_titles_and_notes() {
        let titles = EventKind::Started { steps: vec![String::new(); MOST_STEPS + 7] };
        let mut view = View::of(&[event(0, titles)]);
        assert_eq!(view.steps.len(), MOST_STEPS);
        let changes = view.take(vec![note(1); MOST_NOTES + 7]);
        assert_eq!((changes.notes.len(), view.notes.len()), (MOST_NOTES, MOST_NOTES));
    }
}
