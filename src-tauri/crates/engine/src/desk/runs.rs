//! Planning and running from the desk, with everything written into the history.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use slipway_core::digest::Digest;
use slipway_core::event::{Event, Verdict, VerdictKind};
use slipway_core::fact::Fact;
use slipway_core::facts::Facts;
use slipway_core::facts::system::Clock;
use slipway_core::plan::Intent;

use super::Desk;
use crate::asked::Asked;
use crate::cancel::Cancel;
use crate::failure::{Code, Failure, Outcome};
use crate::history::mark::Mark;
use crate::history::{NewRun, Recorder, RunId};
use crate::inventory::HostName;
use crate::link::Link;
use crate::run::{EventSink, Looked, Run};
use crate::site::planned::SiteInput;
use crate::site::{Planned, Request};
use crate::site_file::SiteFile;
use crate::tokens::Tokens;

/// What the operator allows beyond the ordinary.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Consent {
    /// Files that were changed by hand on the host may be replaced (they are kept aside there).
    pub replace_drift: bool,
}

/// Writes events to the history and passes them on.
struct Recording {
    recorder: Mutex<Option<Recorder>>,
    next: Arc<dyn EventSink>,
}

impl EventSink for Recording {
    fn event(&self, event: Event) {
        if let Some(recorder) = self.recorder.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            // The host's own audit log is the full record; a full disk here must not stop a run there.
            let _ = recorder.record(&event);
        }
        self.next.event(event);
    }
}

impl Desk {
    /// Who asks, now, under a fresh name.
    pub fn asked(&self) -> Outcome<Asked> {
        let mut bytes = [0; 6];
        getrandom::fill(&mut bytes)
            .map_err(|error| Failure::new(Code::Local, format!("this computer gives no random numbers: {error}")))?;
        Ok(Asked {
            operator: self.surroundings.operator.clone(),
            clock: self.clock.clone(),
            run: slipway_core::digest::hex(&bytes),
            tokens: Tokens::of(self.home.directory().join("locks")),
        })
    }

    /// Plans.
    ///
    /// # Errors
    /// See [`Planned::make`]; also when secrets are missing or were made for another site file or source, and when the site file
    /// reads what nobody allowed it to.
    pub async fn plan(&self, link: Arc<Link>, file: &SiteFile, request: &Request) -> Outcome<Planned> {
        let supplies = self.supplies_for(request, file).await?;
        let beside = self.site_folder(file)?;
        let input = SiteInput { site: &file.site, beside: &beside, supplies: &supplies };
        let planned = Planned::make(link, &input, request, self.asked()?).await?;
        let host: HostName =
            planned.link.name().parse().map_err(|_| Failure::new(Code::Local, "the host has no proper name"))?;
        let known = self.inventory.host(&host).ok().and_then(|known| known.facts);
        let known = known.and_then(|facts| serde_json::from_value::<Facts>(facts).ok());
        let mut facts = planned.facts.clone();
        // Planning does not ask who keeps the clock right.
        if let (Fact::Known(clock), Some(Fact::Known(before))) = (&mut facts.clock, known.map(|known| known.clock)) {
            *clock = Clock { epoch_seconds: clock.epoch_seconds, ..before };
        }
        let _ = self.inventory.saw_host(&host, &facts, self.clock.now());
        Ok(planned)
    }

    /// Applies a plan that was made right before, and records the run. `exit_code` gives the number that goes with a
    /// verdict.
    ///
    /// # Errors
    /// When the run did not begin; nothing was changed then.
    pub async fn run(
        &self,
        planned: &Planned,
        file: &SiteFile,
        consent: Consent,
        sink: Arc<dyn EventSink>,
        cancel: Cancel,
        exit_code: impl Fn(&Verdict) -> i32,
    ) -> Outcome<Verdict> {
        let number = self.begin_run(planned, consent)?;
        let exit_code = |verdict: &Verdict| Some(exit_code(verdict));
        self.carry_out(number, (planned, Looked::JustNow), file, sink, cancel, exit_code).await
    }

    /// Records that a run is about to begin, under a number of its own.
    ///
    /// # Errors
    /// When it would replace what was changed by hand and nobody agreed to that, the plan is being applied or was, or
    /// it cannot be recorded.
    pub fn begin_run(&self, planned: &Planned, consent: Consent) -> Outcome<RunId> {
        let plan = &planned.plan;
        let drifted: Vec<_> = plan.drifted().collect();
        if !drifted.is_empty() && !consent.replace_drift {
            let mut failure = Failure::new(
                Code::Drift,
                format!("{} files on {} were changed by hand; nothing was changed", drifted.len(), plan.host),
            );
            for step in &drifted {
                failure = failure.because(format!("{}: {}", step.title(), step.reason()));
            }
            return Err(failure.hint(
                "slipway plan shows each as a diff. Take the changes over into the site file or a template, or replace them with --replace-drift (the files are kept aside on the host)",
            ));
        }
        let kind = plan.intent.verb().parse().map_err(|why| Failure::new(Code::Local, why))?;
        let record = NewRun {
            kind,
            site: Some(plan.site.clone()),
            host: host_of(planned)?,
            operator: self.surroundings.operator.clone(),
            plan: Some((plan.id.clone(), plan)),
        };
        claim(&planned.used, &plan.host)?;
        self.history.start(&record, self.clock.now()).map_err(|error| {
            planned.used.store(false, Ordering::Release);
            Failure::from(error)
        })
    }

    /// Carries out the run that [`Desk::begin_run`] recorded as `number`, and records how it ended.
    ///
    /// # Errors
    /// When the run did not begin; nothing was changed then.
    pub async fn carry_out(
        &self,
        number: RunId,
        (planned, looked): (&Planned, Looked),
        file: &SiteFile,
        sink: Arc<dyn EventSink>,
        cancel: Cancel,
        exit_code: impl Fn(&Verdict) -> Option<i32>,
    ) -> Outcome<Verdict> {
        let mark = Mark::set(&self.home, number);
        let recording =
            Arc::new(Recording { recorder: Mutex::new(Some(Recorder::new(self.history.clone(), number))), next: sink });
        let result = Run { planned, sink: recording.clone(), cancel, looked }.execute().await;
        let recorder = recording.recorder.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(recorder) = recorder {
            let now = self.clock.now();
            let _ = match &result {
                Ok(verdict) => recorder.finish(verdict, exit_code(verdict), now),
                Err(failure) => recorder.finish(failure, None, now),
            };
        }
        drop(mark);
        if result.is_err() {
            // It did not begin, so it may be tried again: when the host is no longer locked, say.
            planned.used.store(false, Ordering::Release);
        }
        match (&result, &planned.plan.intent) {
            (Err(_), _) => {}
            (Ok(verdict), Intent::Uninstall { .. }) => {
                if matches!(verdict.kind, VerdictKind::Succeeded | VerdictKind::Unchanged) {
                    self.forget_site(&planned.plan.site, &host_of(planned)?)?;
                }
            }
            (Ok(_), _) => self.remember_site(file, &host_of(planned)?)?,
        }
        result
    }

    /// Refuses to apply anything but the plan that was reviewed.
    ///
    /// # Errors
    /// `Stale`, when the host or the site file has changed since.
    pub fn same_plan(planned: &Planned, reviewed: &Digest) -> Outcome<()> {
        if &planned.plan.id == reviewed {
            return Ok(());
        }
        Err(Failure::new(
            Code::Stale,
            format!(
                "the plan is now {}, and {} was reviewed; nothing was changed",
                planned.plan.id.short(),
                reviewed.short()
            ),
        )
        .hint("the site file, a secret or the host has changed since: look at the new plan and apply that"))
    }
}

fn host_of(planned: &Planned) -> Outcome<HostName> {
    planned.plan.host.parse().map_err(|_| Failure::new(Code::Local, "the host has no proper name"))
}

/// Takes a plan for one run. Two runs of one plan would be one holder of the host lock and share the names of their
/// tasks there, so that the second would go on beside the first and let go of its lock.
fn claim(used: &AtomicBool, host: &str) -> Outcome<()> {
    if !used.swap(true, Ordering::AcqRel) {
        return Ok(());
    }
    Err(Failure::new(Code::Stale, format!("{host}: this plan is being applied or was applied before"))
        .because("nothing was changed by asking again")
        .hint("look at its run; to change something else, make the plan again"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_taken_once_until_it_is_given_back() {
        let used = AtomicBool::default();
        claim(&used, "web-1").unwrap();
        let refused = claim(&used, "web-1").unwrap_err();
        assert_eq!(refused.code, Code::Stale);
        assert!(refused.message.starts_with("web-1: this plan is being applied"), "{refused:?}");
        used.store(false, Ordering::Release);
        claim(&used, "web-1").unwrap();
    }
}
