//! Runs: under way and in the history.

use serde::{Deserialize, Serialize};
use slipway_core::event::{self, VerdictKind};
use slipway_core::progress::{self, Changes, Note, View};
use slipway_engine::going;
use slipway_engine::history::RunRecord;
use specta::Type;
use specta_typescript::Number;

use super::Failure;
use super::plan::PlanView;

/// A run in a list.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct RunCard {
    /// Its number on this desktop.
    #[specta(type = Number)]
    pub id: i64,
    /// `apply`, `deploy`, `rollback`.
    pub verb: String,
    /// The site.
    pub site: Option<String>,
    /// The host.
    pub host: String,
    /// Who started it.
    pub operator: String,
    /// When it began.
    #[specta(type = Number)]
    pub started_ms: i64,
    /// When it ended.
    #[specta(type = Option<Number>)]
    pub finished_ms: Option<i64>,
    /// How it is or ended.
    pub state: RunState,
    /// In a sentence, when it has ended.
    pub summary: Option<String>,
    /// Title of the step at work, when it goes on in this window.
    pub step: Option<String>,
    /// Whether it was asked to stop.
    pub cancelling: bool,
}

/// How a run is or ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum RunState {
    /// It goes on.
    UnderWay,
    Succeeded,
    Unchanged,
    RolledBack,
    FailedIntact,
    Split,
    Unknown,
    /// It did not begin: locked, stale, refused.
    NotBegun,
    /// Slipway ended before it did.
    Abandoned,
}

/// A step of a run that is watched, as it is now.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct RunStep {
    /// Its title.
    pub title: String,
    /// What became of it.
    pub state: StepState,
    /// When it began, since the run did.
    #[specta(type = Option<Number>)]
    pub started_ms: Option<u64>,
    /// When it ended.
    #[specta(type = Option<Number>)]
    pub ended_ms: Option<u64>,
    /// What failed.
    pub message: Option<String>,
    /// Last lines of what failed.
    pub log: Vec<String>,
}

/// What became of a step.
#[derive(Debug, Clone, Copy, Serialize, Type)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum StepState {
    Waiting,
    Running,
    Done,
    /// There was nothing to do.
    Unchanged,
    Failed,
    /// The run ended while it went on.
    CutOff,
    /// The run ended before it began.
    NotBegun,
}

/// A step that is new or no longer as it was.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct StepChange {
    /// Its place.
    pub step: u32,
    /// As it is now.
    pub now: RunStep,
}

/// Lines that were printed.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct StepOutput {
    /// Place of the step; none when the plan has no such step.
    pub step: Option<u32>,
    /// Them, in order.
    pub lines: Vec<String>,
}

/// Something worth knowing.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct RunNote {
    /// Since the run began.
    #[specta(type = Number)]
    pub at_ms: u64,
    /// Text for a person.
    pub text: String,
}

/// How a run ended, from what was observed.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct Verdict {
    /// Its kind.
    pub state: RunState,
    /// One sentence.
    pub summary: String,
    /// What supports it.
    pub evidence: Vec<String>,
    /// What to do next.
    pub hint: Option<String>,
    /// Last log lines of what failed.
    pub log: Vec<String>,
}

/// What has changed in a run that is watched: lists hold what is new, everything else is as it is now.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct RunBatch {
    /// It is told from the beginning: what was told before counts no more.
    pub anew: bool,
    /// How many steps there are.
    pub count: u32,
    /// Steps that are new or no longer as they were. They come in order and before what they print.
    pub steps: Vec<StepChange>,
    /// What was printed since.
    pub output: Vec<StepOutput>,
    /// Notes since.
    pub notes: Vec<RunNote>,
    /// The step at work.
    pub current: Option<u32>,
    /// The step that failed first.
    pub failed: Option<u32>,
    /// Since the run began.
    #[specta(type = Number)]
    pub elapsed_ms: u64,
    /// How it ended.
    pub verdict: Option<Verdict>,
    /// Whether nothing more will come.
    pub ended: bool,
}

/// What is heard of a run that is watched.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(tag = "news", rename_all = "kebab-case")]
pub(crate) enum RunNews {
    /// What has changed.
    Batch { batch: RunBatch },
    /// What is kept of it cannot be read any further. How it ended is not known from here.
    Lost { failure: Failure },
}

impl RunBatch {
    /// What has changed in `view`.
    pub(crate) fn of(changes: Changes, view: &View) -> Self {
        let Changes { anew, steps, output, notes } = changes;
        Self {
            anew,
            count: place(view.steps.len()),
            steps: steps.into_iter().map(|(step, now)| StepChange { step: place(step), now: now.into() }).collect(),
            output: output.into_iter().map(|(step, lines)| StepOutput { step: step.map(place), lines }).collect(),
            notes: notes.into_iter().map(|Note { at_ms, text }| RunNote { at_ms, text }).collect(),
            current: view.current.map(place),
            failed: view.failed.map(place),
            elapsed_ms: view.elapsed_ms,
            verdict: view.verdict.clone().map(Verdict::from),
            ended: view.ended,
        }
    }
}

/// A run in full. Its events come over `watch_run`.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct RunDetail {
    /// As in the list.
    pub card: RunCard,
    /// What was planned.
    pub plan: Option<PlanView>,
    /// Why it did not begin.
    pub failure: Option<Failure>,
}

/// Which runs of the history.
#[derive(Debug, Clone, Deserialize, Type)]
pub(crate) struct RunFilter {
    /// On this host.
    pub host: Option<String>,
    /// For this site.
    pub site: Option<String>,
    /// Older than this run, for the next page.
    pub before: Option<u32>,
    /// How many.
    pub limit: u32,
}

impl From<VerdictKind> for RunState {
    fn from(kind: VerdictKind) -> Self {
        match kind {
            VerdictKind::Succeeded => Self::Succeeded,
            VerdictKind::Unchanged => Self::Unchanged,
            VerdictKind::RolledBack => Self::RolledBack,
            VerdictKind::FailedIntact => Self::FailedIntact,
            VerdictKind::Split => Self::Split,
            VerdictKind::Unknown => Self::Unknown,
        }
    }
}

impl From<event::Verdict> for Verdict {
    fn from(verdict: event::Verdict) -> Self {
        let event::Verdict { kind, summary, evidence, hint, log } = verdict;
        Self { state: kind.into(), summary, evidence, hint, log }
    }
}

/// A place in a list of steps. Plans are far shorter than this can count.
fn place(step: usize) -> u32 {
    u32::try_from(step).unwrap_or(u32::MAX)
}

impl From<progress::StepView> for RunStep {
    fn from(step: progress::StepView) -> Self {
        let progress::StepView { title, state, started_ms, ended_ms } = step;
        let plain = |state| (state, None, Vec::new());
        let (state, message, log) = match state {
            progress::StepState::Waiting => plain(StepState::Waiting),
            progress::StepState::Running => plain(StepState::Running),
            progress::StepState::Done => plain(StepState::Done),
            progress::StepState::Unchanged => plain(StepState::Unchanged),
            progress::StepState::Failed { message, log } => (StepState::Failed, Some(message), log),
            progress::StepState::CutOff => plain(StepState::CutOff),
            progress::StepState::NotBegun => plain(StepState::NotBegun),
        };
        Self { title, state, started_ms, ended_ms, message, log }
    }
}

impl RunCard {
    /// A run of the history.
    pub(crate) fn of(run: &RunRecord, state: going::RunState) -> Self {
        // What is kept as the verdict is the failure of a run that did not begin.
        let text = |key: &str| run.verdict.as_ref()?.get(key)?.as_str().map(str::to_owned);
        let kind = || serde_json::from_value::<VerdictKind>(run.verdict.as_ref()?.get("kind")?.clone()).ok();
        Self {
            id: run.id.number(),
            verb: run.kind.to_string(),
            site: run.site.as_ref().map(ToString::to_string),
            host: run.host.to_string(),
            operator: run.operator.clone(),
            started_ms: run.started_at.as_millisecond(),
            finished_ms: run.finished_at.map(|at| at.as_millisecond()),
            state: match state {
                going::RunState::Ended => kind().map_or(RunState::Unknown, RunState::from),
                going::RunState::NotBegun => RunState::NotBegun,
                going::RunState::UnderWay => RunState::UnderWay,
                going::RunState::Stopped => RunState::Abandoned,
            },
            summary: text("summary").or_else(|| text("message")),
            step: None,
            cancelling: false,
        }
    }
}

impl RunCard {
    /// A run of this window.
    pub(crate) fn under_way(run: &going::ActiveRun, operator: &str) -> Self {
        Self {
            id: run.id.number(),
            verb: run.verb.to_owned(),
            site: Some(run.site.to_string()),
            host: run.host.clone(),
            operator: operator.to_owned(),
            started_ms: run.started_at.as_millisecond(),
            finished_ms: None,
            state: RunState::UnderWay,
            summary: None,
            step: run.step.clone(),
            cancelling: run.cancelling,
        }
    }
}

impl From<going::PastRun> for RunDetail {
    fn from(past: going::PastRun) -> Self {
        // A run that did not begin has its failure where others have their verdict.
        let failure = past.run.verdict.as_ref().filter(|_| past.state == going::RunState::NotBegun).map(|kept| {
            let text = |key: &str| kept.get(key).and_then(|text| text.as_str()).map(str::to_owned);
            let list = kept.get("causes").and_then(|list| list.as_array()).cloned().unwrap_or_default();
            Failure {
                code: text("code").unwrap_or_default(),
                message: text("message").unwrap_or_default(),
                causes: list.iter().filter_map(|cause| cause.as_str().map(str::to_owned)).collect(),
                hint: text("hint"),
                moved: Vec::new(),
                asks: None,
            }
        });
        Self { card: RunCard::of(&past.run, past.state), plan: past.plan.as_ref().map(PlanView::from), failure }
    }
}

#[cfg(test)]
mod tests {
    use slipway_core::event::EventKind;

    use super::*;

    #[test]
    fn a_batch_says_what_changed_and_how_the_run_is_now() {
        let event = |at_ms, kind| event::Event { at_ms, kind };
        let failed = event::StepOutcome::Failed { message: "no room".to_owned(), log: vec!["df".to_owned()] };
        let mut view = View::default();
        view.take(vec![event(0, EventKind::Started { steps: vec!["a".to_owned(), "b".to_owned()] })]);
        let changes = view.take(vec![
            event(1, EventKind::StepStarted { step: 0 }),
            event(2, EventKind::Output { step: 0, line: "x".to_owned() }),
            event(2, EventKind::Output { step: 9, line: "stray".to_owned() }),
            event(3, EventKind::StepFinished { step: 0, outcome: failed }),
        ]);
        let batch = serde_json::to_value(RunBatch::of(changes, &view)).unwrap_or_default();
        let now = serde_json::json!({
            "title": "a", "state": "failed", "started_ms": 1, "ended_ms": 3, "message": "no room", "log": ["df"],
        });
        let expected = serde_json::json!({
            "anew": false, "count": 2, "steps": [{ "step": 0, "now": now }],
            "output": [{ "step": null, "lines": ["stray"] }, { "step": 0, "lines": ["x"] }],
            "notes": [], "current": null, "failed": 0, "elapsed_ms": 3, "verdict": null, "ended": false,
        });
        assert_eq!(batch, expected);
        let last = RunBatch::of(view.end(), &view);
        let ends: Vec<_> = last.steps.iter().map(|change| (change.step, change.now.state)).collect();
        assert!(matches!(ends[..], [(1, StepState::NotBegun)]) && last.ended);
    }
}
