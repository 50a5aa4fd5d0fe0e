//! Following an activation: its phases are steps of the plan.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use slipway_core::activation::{Activation, Ending, Line};
use slipway_core::command::{Command, Stdin};
use slipway_core::event::StepOutcome;
use slipway_core::task::{Task, run_directory};

use super::task::{Lines, OnStop};
use super::{Execution, StepFailure};

/// How an activation ended, by its own word.
#[derive(Debug, Clone)]
pub(crate) struct Activated {
    /// The word; none when it was never said.
    pub ending: Option<Ending>,
    /// The reason it gave.
    pub reason: String,
    /// Log lines of the failing unit.
    pub log: Vec<String>,
}

/// State while its lines are read.
struct Reader<'a> {
    steps: BTreeMap<String, usize>,
    current: usize,
    done: Vec<usize>,
    in_log: bool,
    activated: Activated,
    /// Whether the gate has begun, and nothing after it. (Before it, the program is not ready to be told anything.)
    proving: Arc<AtomicBool>,
    execution: &'a Execution<'a>,
}

const WRITE_PROGRAM: &str = r#"mkdir -p -m 0700 /run/slipway "$1" && cat >"$1/activate" && chmod 0700 "$1/activate""#;

impl Execution<'_> {
    /// Runs the activation of step `first` to its end; the step's parts are its phases.
    pub(crate) async fn activate(&self, first: usize, activation: &Activation) -> Result<Activated, StepFailure> {
        let program = activation.program().map_err(|error| StepFailure::unbegun(error.to_string()))?;
        let directory = run_directory(&self.run.asked.run);
        let write = Command::script(WRITE_PROGRAM, [directory.clone()]).stdin(Stdin::Bytes(program.into_bytes()));
        let written = self.run.link.run(write).await.map_err(|failure| StepFailure::lost(&failure))?;
        if !written.success() {
            return Err(StepFailure::unbegun(format!("it could not be prepared: {}", written.complaint())));
        }
        let task = Task {
            unit: format!("slipway-run-{}-activate", activation.site),
            user: None,
            argv: vec!["/bin/sh".to_owned(), format!("{directory}/activate")],
            directory: "/".to_owned(),
            environment: BTreeMap::new(),
            secrets: Vec::new(),
            writable: Vec::new(),
            hidden: Vec::new(),
            timeout_s: activation.limit_s(),
        };
        let mut reader = Reader::new(self, first);
        let mut lines = Lines::default();
        // While the release is only being proved, nobody sees it and it may be stopped. From the migrations on it goes
        // forward or back by itself within a bounded time.
        let proving = reader.proving.clone();
        let may_stop = move || proving.load(Ordering::SeqCst);
        match self.follow(&task, &OnStop::AskWhile(&may_stop), &mut lines, &mut |line| reader.line(&line)).await {
            Ok(_) => {}
            Err(failure) if failure.lost || failure.unbegun => return Err(failure),
            // The host is there, but the activation's own word is not (it lost its power, say): what runs is looked at.
            Err(failure) => reader.activated.reason = failure.message,
        }
        if reader.activated.log.is_empty() && reader.activated.ending != Some(Ending::Good) {
            // No unit failed, but a program that ran on the way: its own last words.
            let said = lines.tail().into_iter().filter(|line| !line.starts_with('@'));
            reader.activated.log = said.collect();
        }
        Ok(reader.end())
    }
}

impl<'a> Reader<'a> {
    fn new(execution: &'a Execution<'a>, first: usize) -> Self {
        let base = execution.line(first);
        let parts = execution.run.plan.steps.get(first).map(|step| step.parts.as_slice()).unwrap_or_default();
        Self {
            steps: parts.iter().enumerate().map(|(at, part)| (part.key.clone(), base + at)).collect(),
            current: base,
            done: Vec::new(),
            in_log: false,
            activated: Activated { ending: None, reason: String::new(), log: Vec::new() },
            proving: Arc::new(AtomicBool::new(false)),
            execution,
        }
    }

    fn line(&mut self, line: &str) {
        match Line::parse(line) {
            Line::Phase(key) => {
                self.proving.store(key.starts_with("gate:"), Ordering::SeqCst);
                if let Some(at) = self.steps.get(&key).copied()
                    && at != self.current
                {
                    self.finish_current(StepOutcome::Done);
                    self.current = at;
                    self.execution.started(at);
                }
                if key == "back" {
                    self.execution.emit(slipway_core::event::EventKind::Note {
                        text: "it did not prove itself; going back to the previous release".to_owned(),
                    });
                }
            }
            Line::LogOf(_) => self.in_log = true,
            Line::LogEnd => self.in_log = false,
            Line::Verdict(ending, reason) => {
                self.activated.ending = Some(ending);
                self.activated.reason = reason;
            }
            Line::Text(text) => {
                if self.in_log {
                    self.activated.log.push(text.clone());
                }
                self.execution.output(self.current, text);
            }
        }
    }

    fn finish_current(&mut self, outcome: StepOutcome) {
        if !self.done.contains(&self.current) {
            self.done.push(self.current);
            self.execution.finished(self.current, outcome);
        }
    }

    fn end(mut self) -> Activated {
        let outcome = match self.activated.ending {
            Some(Ending::Good) => StepOutcome::Done,
            Some(Ending::Intact | Ending::Restored | Ending::Split) | None => {
                StepOutcome::Failed { message: self.activated.reason.clone(), log: self.activated.log.clone() }
            }
        };
        self.finish_current(outcome);
        self.activated
    }
}
