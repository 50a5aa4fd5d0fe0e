//! Doing the steps of a plan, in order, with as few round trips as their kinds allow.

use std::collections::BTreeMap;

use slipway_core::command::{Command, Exit};
use slipway_core::event::StepOutcome;
use slipway_core::plan::release_step::{keep_environment, keep_index, seal};
use slipway_core::plan::{Action, ReleaseStep, Step};
use slipway_core::release::ReleaseId;
use slipway_core::resource::{NoPayload, Work};
use slipway_core::task::Task;
use slipway_host::{Batch, Writer};
use tokio::sync::mpsc;

use super::activate::Activated;
use super::{Execution, StepFailure};
use crate::remote::host_failure;

/// What the steps led to.
pub(crate) struct Done {
    /// How the activation ended by its own word, when one was begun.
    pub activated: Option<Activated>,
    /// The step that failed, if one did.
    pub failed: Option<Failed>,
}

pub(crate) type Failed = (usize, StepFailure);

impl Execution<'_> {
    pub(crate) async fn steps(&self) -> Done {
        let mut activated = None;
        let failed = self.each_step(&mut activated).await.err();
        Done { activated, failed }
    }

    async fn each_step(&self, activated: &mut Option<Activated>) -> Result<(), Failed> {
        let steps = &self.run.plan.steps;
        let mut at = 0;
        while let Some(step) = steps.get(at) {
            if self.cancel.requested() && activated.is_none() {
                return Err((at, StepFailure { stopped: true, ..StepFailure::new("stopped at your request") }));
            }
            if let Some(activation) = step.release_step().and_then(ReleaseStep::activation) {
                self.started(self.line(at));
                // From here on the host may be in any state, whatever is heard of it: the verdict must look.
                *activated = Some(Activated { ending: None, reason: String::new(), log: Vec::new() });
                let ended = match self.activate(at, activation).await {
                    Ok(ended) => ended,
                    Err(failure) => {
                        if failure.unbegun {
                            *activated = None;
                        }
                        return Err((at, failure));
                    }
                };
                let good = ended.ending == Some(slipway_core::activation::Ending::Good);
                *activated = Some(ended);
                at += 1;
                if !good {
                    break;
                }
                continue;
            }
            let simple = self.simple_run(at)?;
            if simple.is_empty() {
                self.special(at, step).await?;
                at += 1;
            } else {
                let next = at + simple.len();
                self.batch(at, simple).await?;
                at = next;
            }
        }
        Ok(())
    }

    /// Commands of the steps from `at` on that are nothing but commands.
    fn simple_run(&self, at: usize) -> Result<Vec<Vec<Command>>, Failed> {
        let mut all = Vec::new();
        for (offset, step) in self.run.plan.steps.iter().enumerate().skip(at) {
            match self.commands(step) {
                Ok(Some(commands)) => all.push(commands),
                Ok(None) => break,
                Err(failure) => return Err((offset, failure)),
            }
        }
        Ok(all)
    }

    /// Commands of one step; none when it is more than commands.
    fn commands(&self, step: &Step) -> Result<Option<Vec<Command>>, StepFailure> {
        let missing = |error: NoPayload| StepFailure::new(error.to_string());
        match &step.action {
            Action::Change { change } => match change.work(&self.payloads).map_err(missing)? {
                Work::Commands(mut commands) => {
                    commands.extend(self.confirmation(step));
                    Ok(Some(commands))
                }
                Work::Programs(_) => Ok(None),
            },
            Action::Effect { effect } => {
                let mut commands = effect.commands();
                commands.extend(self.confirmation(step));
                Ok(Some(commands))
            }
            Action::Record => Ok(Some(self.record_commands())),
            Action::Release { step: ReleaseStep::Seal { record, environment, links, served, files, gate } } => {
                let building = self.layout.building(&record.id);
                let mut commands = keep_index(&building, &record.id, files, gate, &self.payloads).map_err(missing)?;
                commands.push(self.record_release(record)?);
                commands.push(self.record_instances(record));
                commands.push(seal(&self.layout, &self.run.plan.site, record, environment.as_deref(), links, served));
                Ok(Some(commands))
            }
            Action::Release { step } => step.commands(&self.layout, &self.payloads).map_err(missing),
        }
    }

    async fn batch(&self, first: usize, commands: Vec<Vec<Command>>) -> Result<(), Failed> {
        let last_command: Vec<usize> = commands
            .iter()
            .scan(0, |sum, commands| {
                *sum += commands.len();
                Some(*sum)
            })
            .collect();
        let of_command = |index: usize| last_command.iter().position(|end| index < *end).unwrap_or(0);
        let all = std::iter::once(self.lock.renewal()).chain(commands.into_iter().flatten());
        let (sender, mut progress) = mpsc::channel(256);
        let batch = Batch::until_failure(all).progress(sender);
        let work = self.run.link.batch(batch);
        let watch = async {
            let mut open = None;
            while let Some((index, exit)) = progress.recv().await {
                let Some(index) = index.checked_sub(1) else { continue };
                let step = of_command(index);
                if open != Some(step) {
                    self.started(self.line(first + step));
                    open = Some(step);
                }
                let last = last_command.get(step) == Some(&(index + 1));
                if exit == Exit::Code(0) && last {
                    self.finished(self.line(first + step), StepOutcome::Done);
                }
            }
        };
        let (outputs, ()) = tokio::join!(work, watch);
        let outputs = outputs.map_err(|failure| (first, StepFailure::lost(&failure)))?;
        for (index, output) in outputs.iter().enumerate() {
            if output.success() {
                continue;
            }
            let step = index.checked_sub(1).map_or(0, of_command);
            let what = match output.exit {
                Exit::TimedOut => "it did not end in time".to_owned(),
                Exit::Skipped => "it was not begun".to_owned(),
                Exit::Code(code) => format!("{} (status {code})", output.complaint()),
            };
            let lines = |bytes: &[u8]| String::from_utf8_lossy(bytes).lines().map(str::to_owned).collect::<Vec<_>>();
            let mut log = lines(&output.stdout);
            log.extend(lines(&output.stderr));
            let log = log.split_off(log.len().saturating_sub(30));
            let start = step.checked_sub(1).and_then(|before| last_command.get(before)).copied().unwrap_or(0);
            let unnoted = index > start + 1;
            return Err((first + step, StepFailure { log, unnoted, ..StepFailure::new(what) }));
        }
        Ok(())
    }

    /// Steps that are more than commands.
    async fn special(&self, at: usize, step: &Step) -> Result<(), Failed> {
        let line = self.line(at);
        self.started(line);
        let result = match &step.action {
            Action::Change { change } => match change.work(&self.payloads) {
                Ok(Work::Programs(programs)) => self.programs(line, step, &programs).await,
                Ok(Work::Commands(_)) => Err(StepFailure::new("its commands were to go with those of other steps")),
                Err(error) => Err(StepFailure::new(error.to_string())),
            },
            Action::Release { step } => self.release(line, step).await,
            Action::Effect { .. } | Action::Record => {
                Err(StepFailure::new("its commands were to go with those of other steps"))
            }
        };
        result.map_err(|failure| (at, failure))?;
        self.finished(line, StepOutcome::Done);
        Ok(())
    }

    /// Steps of a release that are more than commands.
    async fn release(&self, line: usize, step: &ReleaseStep) -> Result<(), StepFailure> {
        match step {
            ReleaseStep::Upload { release, .. } => self.upload(line, release).await,
            ReleaseStep::CheckOut { release, commit, subdirectory } => {
                self.check_out(line, release, commit, subdirectory.as_deref()).await
            }
            ReleaseStep::BuildEnvironment { directory, tasks } => self.build_environment(line, directory, tasks).await,
            ReleaseStep::Run { task } => self.task(line, task).await,
            ReleaseStep::Clone { .. }
            | ReleaseStep::KeepFiles { .. }
            | ReleaseStep::Seal { .. }
            | ReleaseStep::Activate { .. }
            | ReleaseStep::Prune { .. } => Err(StepFailure::new("its commands were to go with those of other steps")),
        }
    }

    /// Runs programs one after the other, each as a task, and notes what they have brought about.
    async fn programs(&self, line: usize, step: &Step, programs: &[Vec<String>]) -> Result<(), StepFailure> {
        for (number, argv) in programs.iter().enumerate() {
            let task = Task {
                unit: format!("slipway-run-packages-{}-{line}-{number}", &self.run.asked.run),
                user: None,
                argv: ["/usr/bin/env".to_owned(), "--".to_owned()].into_iter().chain(argv.iter().cloned()).collect(),
                directory: "/".to_owned(),
                environment: BTreeMap::new(),
                secrets: Vec::new(),
                writable: Vec::new(),
                hidden: Vec::new(),
                timeout_s: 1800,
            };
            self.task(line, &task).await?;
        }
        self.locked(self.confirmation(step).into_iter().collect()).await
    }

    /// Runs commands whose only interesting ending is success.
    pub(crate) async fn simple(&self, commands: Vec<Command>) -> Result<(), StepFailure> {
        let outputs =
            self.run.link.batch(Batch::until_failure(commands)).await.map_err(|failure| StepFailure::lost(&failure))?;
        match outputs.iter().find(|output| !output.success()) {
            Some(output) => Err(StepFailure::new(output.complaint())),
            None => Ok(()),
        }
    }

    /// The same, while the host lock is this run's: whoever has lost it does nothing more.
    async fn locked(&self, commands: Vec<Command>) -> Result<(), StepFailure> {
        self.simple(std::iter::once(self.lock.renewal()).chain(commands).collect()).await
    }

    async fn upload(&self, step: usize, release: &ReleaseId) -> Result<(), StepFailure> {
        let upload = self.run.upload.as_ref().ok_or_else(|| StepFailure::new("the source to send is not there"))?;
        let building = self.layout.building(release);
        let code = format!("{building}/code");
        let built = self.is_built(&code);
        let mut first = vec![
            self.lock.renewal(),
            Command::new(["rm", "-rf", "--", &building]),
            Command::new(["mkdir", "-m", "0700", &building]),
        ];
        if !built {
            // Nothing in it is ever anybody else's, so that there is nothing to wait for before it may be seen.
            first.push(make_config(&building));
            first.extend(self.make_home(release));
            first.push(Command::new(["chmod", "0755", &building]));
        }
        // The live release is root's: nobody else could have put anything there since it was sealed.
        let run = self.run;
        let live = run.live().map(|live| format!("{}/code", self.layout.release(&live)));
        let writer = if built { Writer::Others } else { Writer::Root };
        upload
            .send(&run.link, first, &code, writer, live.as_deref(), &mut |text| self.output(step, text))
            .await
            .map_err(|error| StepFailure::lost(&host_failure(&error)))?;
        if built { self.hand_over(release).await } else { Ok(()) }
    }

    /// The tasks of this plan.
    fn tasks(&self) -> impl Iterator<Item = &Task> {
        self.run.plan.steps.iter().filter_map(Step::release_step).flat_map(ReleaseStep::tasks)
    }

    /// Whether a task of this plan may write in `code`. Otherwise it stays root's from the first byte on.
    fn is_built(&self, code: &str) -> bool {
        let inside =
            |path: &str, of: &str| path.strip_prefix(of).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let writes = |task: &Task| task.writable.iter().any(|path| inside(path, code) || inside(code, path));
        self.tasks().any(writes)
    }

    /// Gives the code of `release` to the builder. Only root can enter until that is done.
    async fn hand_over(&self, release: &ReleaseId) -> Result<(), StepFailure> {
        let building = self.layout.building(release);
        let mut commands =
            vec![Command::new(["chown", "-Rh", &self.builder(), &format!("{building}/code")]), make_config(&building)];
        commands.extend(self.make_home(release));
        commands.push(Command::new(["chmod", "0755", &building]));
        self.locked(commands).await
    }

    /// Who builds, as chown(1) takes it.
    fn builder(&self) -> String {
        let builder = self.layout.builder();
        format!("{builder}:{builder}")
    }

    /// Makes the home of a build, where there is one.
    fn make_home(&self, release: &ReleaseId) -> Vec<Command> {
        if self.tasks().next().is_none() {
            return Vec::new();
        }
        let home = self.layout.build_home(release);
        vec![Command::new(["mkdir", "-m", "0700", &home]), Command::new(["chown", &self.builder(), &home])]
    }

    async fn check_out(
        &self,
        step: usize,
        release: &ReleaseId,
        commit: &str,
        subdirectory: Option<&str>,
    ) -> Result<(), StepFailure> {
        let building = self.layout.building(release);
        let code = format!("{building}/code");
        // The mirror of version 0.1, which builds could write to.
        let old_mirror = format!("{}/source.git", self.layout.cache());
        let mut commands = vec![
            Command::new(["rm", "-rf", "--", &building, &old_mirror]),
            Command::new(["mkdir", "-m", "0700", &building]),
            Command::new(["mkdir", "-m", "0700", &code]),
            Command::new(["chown", &self.builder(), &code]),
        ];
        commands.extend(self.make_home(release));
        commands.push(Command::new(["chmod", "0755", &building]));
        self.locked(commands).await?;
        let task = crate::source::git::check_out(
            &self.run.site,
            &self.layout,
            &self.run.asked.run,
            commit,
            subdirectory,
            &code,
        );
        self.task(step, &task).await?;
        // All of it is the builder's already; whatever else the builder has put there is not given away.
        self.locked(vec![make_config(&building)]).await
    }

    async fn build_environment(&self, step: usize, directory: &str, tasks: &[Task]) -> Result<(), StepFailure> {
        self.locked(vec![
            Command::new(["rm", "-rf", "--", directory]),
            Command::new(["mkdir", "-m", "0755", directory]),
            Command::new(["chown", &self.builder(), directory]),
        ])
        .await?;
        for task in tasks {
            self.task(step, task).await?;
        }
        self.locked(vec![keep_environment(&self.layout, directory)]).await
    }
}

/// Makes the place for the configuration of the release in `building`.
fn make_config(building: &str) -> Command {
    Command::new(["mkdir", "-p", "-m", "0700", &format!("{building}/config")])
}
