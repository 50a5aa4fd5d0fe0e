//! What a run writes down on the host: the records of site and host, the audit log, the release's own record.

use std::sync::PoisonError;

use serde::Serialize;
use slipway_core::activation::Front;
use slipway_core::command::{Command, Stdin};
use slipway_core::event::{Verdict, VerdictKind};
use slipway_core::manifest::Records;
use slipway_core::plan::{Intent, Step};
use slipway_core::release::{Layout, ReleaseRecord};
use slipway_core::resource::Effect;

use super::{Execution, StepFailure};

const WRITE: &str = r#"
set -u
directory=$(dirname "$1")
mkdir -p -m 0755 /var/lib/slipway && mkdir -p -m 0700 "$directory" || exit 1
for left in "$directory"/.slipway.??????; do [ ! -f "$left" ] || rm -f "$left"; done
temporary=$(mktemp "$directory/.slipway.XXXXXX") || exit 1
cat >"$temporary" && chmod "$2" "$temporary" && sync -d "$temporary" && mv -fT "$temporary" "$1" && exit 0
rm -f "$temporary"
exit 1
"#;
/// Notes what has come about. A note that a power cut takes away is no loss: what was intended is recorded, and what is
/// there is seen.
const CONFIRM: &str = r#"cat >>"$1" && chmod 0600 "$1""#;
const APPEND: &str = r#"mkdir -p -m 0700 "$(dirname "$1")" && cat >>"$1" && chmod 0600 "$1""#;

fn write(path: &str, mode: &str, content: Stdin) -> Command {
    Command::script(WRITE, [path, mode]).stdin(content)
}

/// The command that adds a line of plain strings to the site's audit log.
pub(crate) fn append_audit(layout: &Layout, line: &impl Serialize) -> Command {
    // Plain strings always serialise.
    let text = serde_json::to_string(line).unwrap_or_default() + "\n";
    Command::script(APPEND, [layout.audit()]).stdin(Stdin::Bytes(text.into_bytes()))
}

#[derive(Serialize)]
struct AuditLine<'a> {
    at: String,
    run: &'a str,
    operator: &'a str,
    verb: &'a str,
    plan: &'a str,
    event: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    steps: Vec<&'a str>,
}

impl Execution<'_> {
    fn audit(&self, event: &str, verdict: Option<&Verdict>, steps: Vec<&str>) -> Command {
        let line = AuditLine {
            at: self.run.asked.clock.now().to_string(),
            run: &self.run.asked.run,
            operator: &self.run.asked.operator,
            verb: self.run.plan.intent.verb(),
            plan: self.run.plan.id.short(),
            event,
            verdict: verdict.map(|verdict| verdict.kind.label()),
            summary: verdict.map(|verdict| verdict.summary.as_str()),
            steps,
        };
        append_audit(&self.layout, &line)
    }

    /// Commands that write the records: of the site, of the host, and no confirmations beside them.
    fn store(&self, records: &Records) -> Vec<Command> {
        let bytes = |text: String| Stdin::Bytes(text.into_bytes());
        let remove = |path: String| Command::new(["rm", "-f", "--", &path]);
        let mut commands = Vec::new();
        if records.host.is_empty() {
            // Also when all of it had gone before this run, which knows that from the confirmations alone.
            commands.push(remove(Layout::host_manifest()));
        } else {
            commands.push(write(&Layout::host_manifest(), "0600", bytes(records.host.text())));
        }
        if let Some(manifest) = &records.site {
            commands.push(write(&self.layout.manifest(), "0600", bytes(manifest.text())));
        }
        commands.push(remove(self.layout.confirmed()));
        commands
    }

    /// Records what is going to be done, so that an interrupted run is known for what it is.
    pub(crate) async fn record_begin(&self) -> Result<(), StepFailure> {
        let run = self.run;
        let mut records = self.records();
        records.intend(&run.plan.site, &run.asked.run, &run.plan.claims);
        self.stamp(&mut records);
        self.keep(&records);
        let ids = run.plan.steps.iter().map(|step| step.id.as_str()).collect();
        let mut commands = vec![self.lock.renewal()];
        commands.extend(self.store(&records));
        commands.push(self.audit("begin", None, ids));
        commands.extend(Effect::prepare());
        self.simple(commands).await
    }

    /// The command that notes that a step has brought about what it was to bring.
    pub(crate) fn confirmation(&self, step: &Step) -> Option<Command> {
        if step.brings.is_empty() {
            return None;
        }
        let lines: String = step.brings.iter().map(|id| format!("{} {id}\n", self.run.asked.run)).collect();
        Some(Command::script(CONFIRM, [self.layout.confirmed()]).stdin(Stdin::Bytes(lines.into_bytes())))
    }

    /// Commands of the step that writes the records.
    pub(crate) fn record_commands(&self) -> Vec<Command> {
        let records = self.settled();
        let mut commands = self.store(&records);
        if let Intent::Uninstall { .. } = self.run.plan.intent {
            commands.push(Command::new(["rm", "-f", "--", &self.layout.ledger()]));
        }
        commands
    }

    /// The records once all of the plan has come about.
    fn settled(&self) -> Records {
        let plan = &self.run.plan;
        let mut records = self.records();
        records.settle(&plan.site, &plan.claims);
        if let Some(manifest) = &mut records.site {
            match plan.intent {
                Intent::Uninstall { .. } => {
                    manifest.left = true;
                    manifest.instances.clear();
                    manifest.front = None;
                }
                Intent::Apply | Intent::Deploy { .. } | Intent::Rollback { .. } => manifest.left = false,
            }
            if let Some(activation) = plan.activation() {
                manifest.instances.clone_from(&activation.instances);
                let front = |front: &Front| (front.url.clone(), front.resolve.clone());
                manifest.front = activation.front.as_ref().map(front);
            }
        }
        self.stamp(&mut records);
        records
    }

    /// What is recorded, as this run has written it so far.
    fn records(&self) -> Records {
        self.records.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn keep(&self, records: &Records) {
        self.records.lock().unwrap_or_else(PoisonError::into_inner).clone_from(records);
    }

    fn stamp(&self, records: &mut Records) {
        if let Some(manifest) = &mut records.site {
            manifest.updated_by.clone_from(&self.run.asked.operator);
            manifest.updated_at = self.run.asked.clock.now().to_string();
        }
    }

    /// Records how it ended. A host that is gone learns it with the next run.
    ///
    /// # Errors
    /// When that is not all written down: why.
    pub(crate) async fn record_end(&self, verdict: &Verdict) -> Result<(), StepFailure> {
        let run = self.run;
        let mut commands =
            vec![self.audit("end", Some(verdict), Vec::new()), slipway_core::task::clean_up(&run.asked.run)];
        // Of a site that is gone, nothing is recorded but that.
        if verdict.kind == VerdictKind::Succeeded && !matches!(run.plan.intent, Intent::Uninstall { .. }) {
            // A run that has lost the lock must not write over what its new holder has recorded.
            commands.push(self.lock.renewal());
            commands.extend(self.store(&self.settled()));
        }
        self.simple(commands).await
    }

    /// The command that puts the release's record into it.
    pub(crate) fn record_release(&self, record: &ReleaseRecord) -> Result<Command, StepFailure> {
        let text = serde_json::to_string_pretty(record).map_err(|error| StepFailure::new(error.to_string()))?;
        let path = format!("{}/release.json", self.layout.building(&record.id));
        // It holds a digest of the configuration, secrets included: root's only.
        Ok(Command::script(r#"umask 077; rm -f "$1"; cat >"$1""#, [path]).stdin(Stdin::Bytes(text.into_bytes())))
    }

    /// The command that keeps the release's instances with its configuration, for a later rollback.
    pub(crate) fn record_instances(&self, record: &ReleaseRecord) -> Command {
        let text = serde_json::to_string(&self.run.bundle.instances).unwrap_or_default();
        let path = format!("{}/config/.instances", self.layout.building(&record.id));
        Command::script(r#"cat >"$1" && chmod 0644 "$1""#, [path]).stdin(Stdin::Bytes(text.into_bytes()))
    }
}
