//! Following a task on the host.

use std::time::Duration;

use slipway_core::task::{Ended, Task, lines_of_secrets, offer, parse_news};
use slipway_host::Batch;

use super::{Execution, StepFailure};

/// Lines kept for the message when a task fails.
const TAIL: usize = 30;

/// How often in a row an answer may make no sense before the task counts as gone: a host that has lost its power has no news,
/// and one that is short of memory has some a little later.
const MOST_UNREAD: u32 = 5;
/// The pause after such an answer.
const UNREAD_PAUSE: Duration = Duration::from_secs(1);

/// The last lines that were printed, and the one that has no end yet.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    partial: Vec<u8>,
    tail: std::collections::VecDeque<String>,
}

impl Lines {
    /// Takes bytes and returns the lines that they complete.
    fn push(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        for byte in bytes {
            match byte {
                b'\n' => lines.push(self.take()),
                _ if self.partial.len() >= 4096 => {
                    lines.push(self.take());
                    self.partial.push(*byte);
                }
                _ => self.partial.push(*byte),
            }
        }
        lines
    }

    fn take(&mut self) -> String {
        let bytes = std::mem::take(&mut self.partial);
        let text = String::from_utf8_lossy(&bytes).trim_end_matches('\r').to_owned();
        if self.tail.len() == TAIL {
            self.tail.pop_front();
        }
        self.tail.push_back(text.clone());
        text
    }

    fn rest(&mut self) -> Option<String> {
        (!self.partial.is_empty()).then(|| self.take())
    }

    pub(crate) fn tail(&self) -> Vec<String> {
        self.tail.iter().cloned().collect()
    }
}

/// What a request to stop does to a task.
pub(crate) enum OnStop<'a> {
    /// It ends the task at once.
    End,
    /// The task is asked to end by itself, while this says that it may.
    AskWhile(&'a (dyn Fn() -> bool + Send + Sync)),
}

impl Execution<'_> {
    /// Runs a task to its end and shows what it prints under `step`.
    pub(crate) async fn task(&self, step: usize, task: &Task) -> Result<(), StepFailure> {
        let mut lines = Lines::default();
        let hide = |line: String| self.without_secrets(task, line);
        let shown = &mut |line| self.output(step, hide(line));
        let ended = self.follow(task, &OnStop::End, &mut lines, shown).await;
        lines.tail = std::mem::take(&mut lines.tail).into_iter().map(hide).collect();
        let ended = ended?;
        match ended {
            Ended::Status(0) => Ok(()),
            Ended::Status(status) => {
                let program = task.argv.iter().take(3).cloned().collect::<Vec<_>>().join(" ");
                Err(StepFailure {
                    log: lines.tail(),
                    ..StepFailure::new(format!("{program} … ended with status {status}"))
                })
            }
            Ended::Unknown => Err(StepFailure { log: lines.tail(), ..StepFailure::new("nobody noted how it ended") }),
        }
    }

    /// A line that a task has printed, without the values of secrets that the task was given.
    fn without_secrets(&self, task: &Task, line: String) -> String {
        let values = task.secrets.iter().filter_map(|name| self.run.bundle.build_secrets.get(name.as_str()));
        let texts = values.filter_map(|value| value.expose_str().ok()).filter(|text| !text.is_empty());
        texts.fold(line, |line, text| line.replace(text, "••••••"))
    }

    /// Starts a task and follows it to its end.
    pub(crate) async fn follow(
        &self,
        task: &Task,
        on_stop: &OnStop<'_>,
        lines: &mut Lines,
        show: &mut (dyn FnMut(String) + Send),
    ) -> Result<Ended, StepFailure> {
        let lost = |failure: crate::failure::Failure| StepFailure::lost(&failure);
        let key = task.unit.as_str();
        // What goes on by itself is begun only while the lock is this run's.
        let mut start = vec![self.lock.renewal()];
        if !task.secrets.is_empty() {
            let content = lines_of_secrets(task, &self.run.bundle.build_secrets).map_err(|name| {
                StepFailure::unbegun(format!(
                    "the secret {name} cannot be given to a build: it has no value, or one of several lines"
                ))
            })?;
            start.push(offer(&self.run.asked.run, key, &content));
        }
        start.push(task.start(&self.run.asked.run, key));
        let start = Batch::until_failure(start);
        let started = self.run.link.batch(start).await.map_err(lost)?;
        if let Some(output) = started.iter().find(|output| !output.success()) {
            return Err(StepFailure::unbegun(format!("it could not be started: {}", output.complaint())));
        }
        let (mut offset, mut unread) = (0, 0);
        let mut asked = false;
        loop {
            if self.cancel.requested() {
                match on_stop {
                    OnStop::End => {
                        self.run.link.run(task.stop()).await.map_err(lost)?;
                        return Err(StepFailure { stopped: true, ..StepFailure::new("stopped at your request") });
                    }
                    OnStop::AskWhile(may) if !asked && may() => {
                        asked = true;
                        self.run.link.run(task.ask_to_stop()).await.map_err(lost)?;
                    }
                    OnStop::AskWhile(_) => {}
                }
            }
            let output = self.run.link.ask(|| task.poll(&self.run.asked.run, key, offset)).await.map_err(lost)?;
            let news = match parse_news(&output, offset) {
                Ok(news) => news,
                // Judged now, work that goes on would be taken for what it has come to.
                Err(_) if unread < MOST_UNREAD => {
                    unread += 1;
                    tokio::time::sleep(UNREAD_PAUSE).await;
                    continue;
                }
                Err(why) => return Err(StepFailure::new(why)),
            };
            unread = 0;
            for line in lines.push(&news.text) {
                show(line);
            }
            offset = news.offset;
            if let Some(ended) = news.ended {
                if let Some(line) = lines.rest() {
                    show(line);
                }
                return Ok(ended);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_put_together_and_never_grow_without_bound() {
        let mut lines = Lines::default();
        assert!(lines.push(b"one").is_empty());
        assert_eq!(lines.push(b" line\r\ntwo\nthr"), ["one line", "two"]);
        assert_eq!(lines.rest().as_deref(), Some("thr"));
        let long = vec![b'x'; 10_000];
        assert!(lines.push(&long).iter().all(|line| line.len() <= 4096));
        assert!(lines.tail().len() <= TAIL);
    }
}
