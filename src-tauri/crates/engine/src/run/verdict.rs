//! How a run ended, from what is on the host after its last step.

use slipway_core::activation::{Ending, Instance};
use slipway_core::event::{Verdict, VerdictKind};
use slipway_core::plan::{Action, Intent, ReleaseStep, Step};
use slipway_core::release::ReleaseId;
use slipway_core::resource::Effect;
use slipway_core::running::{self, Running};

use super::steps::Done;
use super::{Execution, StepFailure, activate::Activated};

/// What an activation says of a process whose start fails at the gate.
const DOES_NOT_START: &str = "the new release does not start";

impl Execution<'_> {
    /// Judges what the steps led to.
    pub(crate) async fn judge(&self, done: Done) -> Verdict {
        match (done.activated, done.failed) {
            (None, None) => self.judge_setup().await,
            (None, Some((step, failure))) => self.judge_failure(step, failure).await,
            (Some(activated), None) => self.judge_activation(activated).await,
            (Some(mut activated), Some((step, failure))) => {
                self.tell_failure(step, &failure);
                // While it may still be at work there is nothing to look at yet. Of one that has ended, the host can be asked.
                if failure.lost && activated.ending.is_none() {
                    return unknown(&self.run.plan.host, &failure.message);
                }
                let title = self.title(step);
                let told = format!("“{title}” failed: {}", failure.message);
                if activated.ending.is_none() {
                    activated.reason.clone_from(&told);
                }
                let mut verdict = self.judge_activation(activated).await;
                if verdict.kind == VerdictKind::Succeeded {
                    verdict.evidence.push(format!("afterwards, {told}"));
                }
                verdict
            }
        }
    }

    fn title(&self, step: usize) -> String {
        self.run.plan.steps.get(step).map_or_else(String::new, |step| step.title.clone())
    }

    fn tell_failure(&self, step: usize, failure: &StepFailure) {
        let (message, log) = (failure.message.clone(), failure.log.clone());
        self.finished(self.line(step), slipway_core::event::StepOutcome::Failed { message, log });
    }

    async fn running(&self, instances: &[Instance]) -> Result<Running, String> {
        let output =
            self.run.link.ask(|| running::command(&self.layout, instances)).await.map_err(|failure| failure.message)?;
        running::parse(&output, &self.layout)
    }

    async fn judge_setup(&self) -> Verdict {
        let (host, site) = (&self.run.plan.host, &self.run.plan.site);
        let (summary, hint) = match self.run.plan.intent {
            Intent::Uninstall { .. } => (
                format!("{site} is gone from {host}"),
                Some(
                    "its site file and secrets on this computer are as before: slipway apply sets it up again"
                        .to_owned(),
                ),
            ),
            Intent::Apply | Intent::Deploy { .. } | Intent::Rollback { .. } => {
                (format!("{host} is set up for {site}"), None)
            }
        };
        match self.run.unfinished().await {
            Ok(open) if open.is_empty() => Verdict {
                kind: VerdictKind::Succeeded,
                summary,
                evidence: vec!["looked again afterwards: nothing is left to do".to_owned()],
                hint,
                log: Vec::new(),
            },
            Ok(open) => Verdict {
                kind: VerdictKind::Split,
                summary: format!("every step ran, and yet {host} is not as planned"),
                evidence: open,
                hint: Some("look at what is left with slipway plan".to_owned()),
                log: Vec::new(),
            },
            Err(failure) => unknown(host, &failure.message),
        }
    }

    async fn judge_failure(&self, step: usize, failure: StepFailure) -> Verdict {
        let host = &self.run.plan.host;
        let title = self.title(step);
        self.tell_failure(step, &failure);
        if failure.lost {
            return unknown(host, &failure.message);
        }
        self.discard_unfinished_release().await;
        let what =
            if failure.stopped { "stopped".to_owned() } else { format!("“{title}” failed: {}", failure.message) };
        let total = self.run.plan.steps.len();
        // Until nginx has let go of the site nothing is lost; afterwards it is not what it was.
        let lets_go = |step: &Step| step.action == Action::Effect { effect: Effect::Nginx };
        let served =
            self.run.plan.steps.iter().position(lets_go).is_some_and(|at| step < at || step == at && !failure.unnoted);
        if let Intent::Uninstall { .. } = self.run.plan.intent
            && !served
        {
            return Verdict {
                kind: VerdictKind::Split,
                summary: format!(
                    "{what} on {host}. {} is not being served any more, and parts of it are left",
                    self.run.plan.site
                ),
                evidence: vec![format!("step {} of {total}; the steps before it are done and stay", step + 1)],
                hint: Some("run the same command again: it goes on where this one ended".to_owned()),
                log: failure.log,
            };
        }
        let releases = self.run.plan.activation().is_some();
        let (state, evidence) = if releases {
            (
                "What is being served was not touched",
                "the activation, which alone changes what is being served, was not begun",
            )
        } else {
            ("The steps before it are done and stay; the rest was not begun", "no release was touched")
        };
        Verdict {
            kind: VerdictKind::FailedIntact,
            summary: format!("{what} on {host}. {state}"),
            evidence: vec![format!("step {} of {total}; {evidence}", step + 1)],
            hint: Some("mend the cause and run the same command again: it goes on where this one ended".to_owned()),
            log: failure.log,
        }
    }

    /// Removes what was built of a release that was never sealed; envs are kept, they are whole or rebuilt.
    async fn discard_unfinished_release(&self) {
        for record in self.run.plan.steps.iter().filter_map(Step::release_step).filter_map(ReleaseStep::sealed) {
            let building = self.layout.building(&record.id);
            let _ = self.simple(vec![slipway_core::command::Command::new(["rm", "-rf", "--", &building])]).await;
        }
    }

    async fn judge_activation(&self, activated: Activated) -> Verdict {
        let host = &self.run.plan.host;
        let Some(activation) = self.run.plan.activation() else {
            return unknown(host, "the plan has no activation");
        };
        let went_back = matches!(activated.ending, Some(Ending::Intact | Ending::Restored));
        let instances = if went_back { &activation.previous_instances } else { &activation.instances };
        let running = match self.running(instances).await {
            Ok(running) => running,
            Err(why) => return unknown(host, &why),
        };
        let mut verdict = Verdict {
            kind: VerdictKind::Split,
            summary: String::new(),
            evidence: running.evidence(),
            hint: None,
            log: activated.log,
        };
        let previous_runs = |running: &Running| match &activation.previous {
            Some(previous) => running.all_at(previous),
            None => running.current.is_none(),
        };
        let old = name(activation.previous.as_ref());
        match activated.ending {
            Some(Ending::Good) if running.all_at(&activation.release) => {
                verdict.kind = VerdictKind::Succeeded;
                verdict.summary = format!("release {} is live on {host}", activation.release);
            }
            Some(Ending::Intact) if previous_runs(&running) => {
                verdict.kind = VerdictKind::FailedIntact;
                verdict.summary = format!("{}. It got no traffic; {old}", activated.reason);
                verdict.hint = Some("mend the release and deploy again; its files are kept for inspection".to_owned());
                let gated = |reason: &str| activation.gate.iter().any(|gated| reason.contains(&gated.unit));
                if activation.previous.is_some() && (gated(&activated.reason) || activated.reason == DOES_NOT_START) {
                    verdict.hint = Some(
                        "mend the release and deploy again; its files are kept for inspection. Where a process cannot run \
                         beside the one before it (it holds a lock, or a port of its own), write replace = \"stop-first\" \
                         in its table"
                            .to_owned(),
                    );
                }
            }
            Some(Ending::Restored) if previous_runs(&running) => {
                verdict.kind =
                    if activation.previous.is_some() { VerdictKind::RolledBack } else { VerdictKind::FailedIntact };
                verdict.summary = format!("{}. Went back by itself; {old}", activated.reason);
                verdict.hint = Some("mend the release and deploy again; its files are kept for inspection".to_owned());
            }
            Some(_) => {
                verdict.summary = format!("{}; {host} is in a mixed state", activated.reason);
                verdict.hint =
                    Some("slipway status shows each instance; slipway rollback brings one release back".to_owned());
            }
            None if running.all_at(&activation.release) || previous_runs(&running) => {
                verdict.kind = VerdictKind::Unknown;
                verdict.summary = format!("the activation ended without a word; {}", name(running.current.as_ref()));
                verdict.hint = Some("deploy again, or roll back".to_owned());
            }
            None => {
                verdict.summary = format!("the activation ended without a word; {host} is in a mixed state");
                verdict.hint =
                    Some("slipway status shows each instance; slipway rollback brings one release back".to_owned());
            }
        }
        verdict
    }
}

fn name(release: Option<&ReleaseId>) -> String {
    release.map_or_else(|| "nothing was being served before".to_owned(), |id| format!("release {id} keeps serving"))
}

fn unknown(host: &str, why: &str) -> Verdict {
    Verdict {
        kind: VerdictKind::Unknown,
        summary: format!("{host} could not be asked how it ended: {why}"),
        evidence: Vec::new(),
        hint: Some("what was begun there ends by itself; slipway status tells once the host answers again".to_owned()),
        log: Vec::new(),
    }
}
