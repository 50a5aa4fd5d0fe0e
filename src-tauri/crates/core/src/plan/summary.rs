//! What a plan comes to, in words and numbers, and each step in detail: what a person reviews, in the window and in
//! the terminal alike. Texts of hosts and site files are given as they are; whoever shows them makes them safe to show.

use serde::{Deserialize, Serialize};

use super::action::{open_firewall, remove_logs};
use super::{Action, FileContent, FileDiff, FileWrite, Intent, Plan, Risk, Step};
use crate::encode::shell::quote_all;
use crate::words;

/// What a plan comes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Steps by what they do.
    pub counts: Counts,
    /// Files that change.
    pub files: usize,
    /// Lines added to them.
    pub added: usize,
    /// Lines removed from them.
    pub removed: usize,
    /// What starts, restarts, stops or reloads, in words.
    pub restarts: Vec<String>,
    /// What people who use the site will notice, in a sentence or two.
    pub noticed: String,
    /// Whether they may notice anything at all.
    pub noticeable: bool,
    /// Ids of steps that would replace what was changed by hand on the host.
    pub needs_consent: Vec<String>,
    /// How many reasons forbid applying it.
    pub blockers: usize,
}

/// Steps by what they do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Make something new.
    pub create: usize,
    /// Change something that is there.
    pub change: usize,
    /// Take something away.
    pub remove: usize,
    /// Do something that leaves nothing behind by itself.
    pub run: usize,
}

/// What a step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Makes something new.
    Create,
    /// Changes something that is there.
    Change,
    /// Takes something away.
    Remove,
    /// Does something.
    Run,
}

/// One step, for reading.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepDetail {
    /// What it does.
    pub kind: Kind,
    /// What is to be known beside its title and reason.
    pub about: Vec<String>,
    /// What is run, each as a line that a shell would take. For reading: nothing runs them as text.
    pub commands: Vec<String>,
    /// Files that it writes, keeps or removes.
    pub files: Vec<FileChange>,
}

/// What becomes of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileKind {
    /// It is new.
    Create,
    /// It was there and changes.
    Change,
    /// It goes.
    Remove,
    /// It stays as it is, and is kept with the release.
    Same,
}

/// How one file changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileChange {
    /// Path on the host.
    pub path: String,
    /// What becomes of it.
    pub kind: FileKind,
    /// Octal mode that it gets: `0644`.
    pub mode: Option<String>,
    /// Owner that it gets.
    pub owner: Option<String>,
    /// Group that it gets.
    pub group: Option<String>,
    /// Whether it holds secrets; every one of them is masked below.
    pub secret: bool,
    /// Text before, when there was one and it may be shown.
    pub old: Option<String>,
    /// Text after.
    pub new: Option<String>,
    /// What changes beside the text: `0644 root:root → 0600 root:root`.
    pub attributes: Vec<String>,
    /// Why the old text is not shown, when it is not.
    pub hidden: Option<String>,
    /// Unified diff; empty when the text stays.
    pub unified: String,
}

/// What `plan` comes to.
pub fn summary(plan: &Plan) -> Summary {
    let mut counts = Counts::default();
    for step in &plan.steps {
        match kind(step) {
            Kind::Create => counts.create += 1,
            Kind::Change => counts.change += 1,
            Kind::Remove => counts.remove += 1,
            Kind::Run => counts.run += 1,
        }
    }
    let (added, removed) = plan
        .steps
        .iter()
        .filter_map(|step| step.diff.as_ref())
        .map(FileDiff::counts)
        .fold((0, 0), |sum, counts| (sum.0 + counts.0, sum.1 + counts.1));
    let (noticed, noticeable) = noticed(plan);
    Summary {
        counts,
        files: changed_files(plan),
        added,
        removed,
        restarts: restarts(plan),
        noticed,
        noticeable,
        needs_consent: plan.drifted().map(|step| step.id.clone()).collect(),
        blockers: plan.blockers().count(),
    }
}

/// What a step does.
pub fn kind(step: &Step) -> Kind {
    let of_file = |diff: &FileDiff| match (&diff.old, &diff.hidden) {
        (None, None) => Kind::Create,
        (Some(_), _) | (_, Some(_)) => Kind::Change,
    };
    match (&step.action, &step.diff) {
        (
            Action::RemoveFile { .. }
            | Action::RemoveNginx { .. }
            | Action::RemoveTrees { .. }
            | Action::RemoveLogs { .. }
            | Action::RemoveEmpty { .. }
            | Action::RemoveUser { .. }
            | Action::Forget
            | Action::Prune { .. },
            _,
        ) => Kind::Remove,
        // One of nginx's files that go together.
        (Action::Phase { .. }, Some(diff)) if diff.new.is_none() => Kind::Remove,
        (_, Some(diff)) => of_file(diff),
        (
            Action::InstallPackages { .. }
            | Action::CreateUser { .. }
            | Action::MakeDirectory { .. }
            | Action::Certificate { .. },
            None,
        ) => Kind::Create,
        (
            Action::WriteFile(_)
            | Action::InstallNginx { .. }
            | Action::Units { .. }
            | Action::StopUnits { .. }
            | Action::OpenFirewall { .. }
            | Action::Upload { .. }
            | Action::CheckOut { .. }
            | Action::CloneRelease { .. }
            | Action::BuildEnvironment { .. }
            | Action::Run(_)
            | Action::KeepFile(_)
            | Action::KeepFiles { .. }
            | Action::Seal { .. }
            | Action::Activate(_)
            | Action::Phase { .. },
            None,
        ) => Kind::Run,
    }
}

/// What starts, restarts, stops or reloads.
fn restarts(plan: &Plan) -> Vec<String> {
    let mut all = Vec::new();
    let mut nginx = false;
    for step in &plan.steps {
        match &step.action {
            Action::Activate(activation) => {
                let had = |unit: &str| activation.previous_instances.iter().any(|old| old.unit == unit);
                let has = |unit: &str| activation.instances.iter().any(|new| new.unit == unit);
                for instance in &activation.instances {
                    let verb = if had(&instance.unit) { "restarts" } else { "starts" };
                    all.push(format!("{} {verb}", instance.unit));
                }
                let retired = activation.previous_instances.iter().filter(|old| !has(&old.unit));
                all.extend(retired.map(|old| format!("{} stops", old.unit)));
            }
            Action::InstallNginx { .. } | Action::RemoveNginx { .. } => nginx = true,
            Action::StopUnits { units } => all.extend(units.iter().map(|unit| format!("{unit} stops"))),
            Action::KeepFile(file) => nginx |= file.path.starts_with("/etc/nginx/"),
            Action::InstallPackages { .. }
            | Action::CreateUser { .. }
            | Action::MakeDirectory { .. }
            | Action::Certificate { .. }
            | Action::WriteFile(_)
            | Action::RemoveFile { .. }
            | Action::Units { .. }
            | Action::OpenFirewall { .. }
            | Action::Upload { .. }
            | Action::CheckOut { .. }
            | Action::CloneRelease { .. }
            | Action::BuildEnvironment { .. }
            | Action::Run(_)
            | Action::KeepFiles { .. }
            | Action::Seal { .. }
            | Action::Phase { .. }
            | Action::RemoveTrees { .. }
            | Action::RemoveLogs { .. }
            | Action::RemoveEmpty { .. }
            | Action::RemoveUser { .. }
            | Action::Forget
            | Action::Prune { .. } => {}
        }
    }
    if nginx {
        all.push("nginx reloads; it drops no connection".to_owned());
    }
    all
}

fn noticed(plan: &Plan) -> (String, bool) {
    let first = plan.steps.iter().any(|step| match &step.action {
        Action::Activate(activation) => activation.previous.is_none(),
        _ => false,
    });
    if first {
        return ("Nothing is being served yet, so nobody will notice.".to_owned(), false);
    }
    let has = |risk| plan.steps.iter().any(|step| step.risk == risk);
    if let Intent::Uninstall { .. } = plan.intent {
        let data = if has(Risk::Data) { " Its data goes with it, for good." } else { "" };
        return match has(Risk::Gone) {
            true => (format!("The site is gone for everybody.{data}"), true),
            false => (format!("The site is not being served any more.{data}"), has(Risk::Data)),
        };
    }
    let data = "data changes in a way that going back does not undo";
    let reconnect = "open WebSockets reconnect; requests wait, none is lost";
    match (has(Risk::Data), has(Risk::Reconnect)) {
        (false, false) => ("People who use the site will notice nothing.".to_owned(), false),
        (false, true) => (format!("What people will notice: {reconnect}."), true),
        (true, false) => (format!("What people may notice: {data}."), true),
        (true, true) => (format!("What people will notice: {reconnect}; {data}."), true),
    }
}

fn changed_files(plan: &Plan) -> usize {
    let path = |step: &'_ Step| match (&step.diff, &step.action) {
        (Some(diff), _) => Some(diff.path.clone()),
        (None, Action::RemoveFile { path, .. }) => Some(path.clone()),
        (None, _) => None,
    };
    plan.steps.iter().filter_map(path).collect::<std::collections::BTreeSet<_>>().len()
}

/// What there is to read about `step` of `plan`.
pub fn lines(plan: &Plan, step: &Step) -> StepDetail {
    let (about, commands) = words_of(&step.action);
    StepDetail { kind: kind(step), about, commands, files: files(plan, step) }
}

fn words_of(action: &Action) -> (Vec<String>, Vec<String>) {
    let none = Vec::new;
    match action {
        Action::InstallPackages { commands, .. } => (none(), all(commands)),
        Action::CreateUser { name, home, shell } => {
            (vec![format!("user and group {name}, home {home}, shell {shell}")], none())
        }
        Action::MakeDirectory { .. } | Action::Phase { .. } | Action::Forget => (none(), none()),
        Action::Certificate { directory, names, days } => {
            (vec![format!("for {}, valid {days} days, in {directory}", names.join(", "))], none())
        }
        Action::WriteFile(file) | Action::KeepFile(file) => (vec![ownership(file)], none()),
        Action::RemoveFile { path, keep, .. } => {
            (std::iter::once(path.clone()).chain(keep.iter().map(|keep| kept_aside(keep))).collect(), none())
        }
        Action::RemoveNginx { files, keep } => {
            (files.keys().cloned().chain(keep.iter().map(|keep| kept_aside(keep))).collect(), none())
        }
        Action::StopUnits { units } => {
            let argv = |verb: &'static str| ["systemctl", verb].into_iter().chain(units.iter().map(String::as_str));
            (none(), vec![command(argv("stop")), command(argv("disable"))])
        }
        Action::RemoveTrees { paths, .. } | Action::RemoveEmpty { paths } => (paths.clone(), none()),
        Action::RemoveLogs { directory, names } => (none(), vec![command(remove_logs(directory, names))]),
        Action::RemoveUser { name } => (none(), vec![command(["userdel", name.as_str()])]),
        Action::InstallNginx { files } | Action::KeepFiles { files } => {
            (files.iter().map(|file| format!("{}  {}", file.path, ownership(file))).collect(), none())
        }
        Action::Units { enable } => {
            let reload = command(["systemctl", "daemon-reload"]);
            let enable = enable.iter().map(|unit| command(["systemctl", "enable", unit]));
            (none(), std::iter::once(reload).chain(enable).collect())
        }
        Action::OpenFirewall { firewall, services } => {
            let commands = open_firewall(*firewall, services);
            (vec![format!("opens {}", services.join(", "))], commands.iter().map(|one| command(&one.argv)).collect())
        }
        Action::Upload { files, bytes, .. } => {
            let files = words::count(usize::try_from(*files).unwrap_or(usize::MAX), "file");
            (vec![format!("{files}, {}; only what the host lacks is sent", words::bytes(*bytes))], none())
        }
        Action::CheckOut { commit, .. } => (vec![format!("commit {commit}")], none()),
        Action::CloneRelease { from, .. } => (vec![format!("from release {from}")], none()),
        Action::BuildEnvironment { directory, tasks } => {
            (vec![format!("in {directory}")], tasks.iter().map(|task| command(&task.argv)).collect())
        }
        Action::Run(task) => (none(), vec![command(&task.argv)]),
        Action::Seal { environment, links, .. } => {
            let environment = environment.iter().map(|path| format!("uses {path}"));
            (environment.chain(links.iter().map(|(from, to)| format!("{from} → {to}"))).collect(), none())
        }
        Action::Activate(activation) => {
            let hooks = [&activation.migrate, &activation.before_switch, &activation.after_switch];
            (none(), hooks.into_iter().flat_map(|hooks| all(hooks)).collect())
        }
        Action::Prune { releases, unfinished } => {
            (releases.iter().chain(unfinished).map(ToString::to_string).collect(), none())
        }
    }
}

fn kept_aside(directory: &str) -> String {
    format!("what is there is kept in {directory}")
}

fn ownership(file: &FileWrite) -> String {
    format!("mode {:04o}, {}:{}", file.mode, file.owner, file.group)
}

fn all(commands: &[Vec<String>]) -> Vec<String> {
    commands.iter().map(command).collect()
}

fn command<S: AsRef<str>>(argv: impl IntoIterator<Item = S>) -> String {
    quote_all(argv).unwrap_or_else(|_| "(a command with a NUL byte in it)".to_owned())
}

fn files(plan: &Plan, step: &Step) -> Vec<FileChange> {
    match &step.action {
        Action::WriteFile(file) | Action::KeepFile(file) => vec![changed(file, step.diff.as_ref())],
        // Each of nginx's files has a step of its own, with its diff; the first one carries all.
        Action::InstallNginx { files } => {
            let own = |file: &&FileWrite| step.diff.as_ref().is_none_or(|diff| diff.path == file.path);
            files.iter().filter(own).map(|file| changed(file, step.diff.as_ref())).collect()
        }
        // Nginx's files go together, too.
        Action::RemoveNginx { .. } => step.diff.iter().map(|diff| removed(&diff.path, Some(diff))).collect(),
        Action::Phase { .. } => {
            let Some(diff) = &step.diff else { return Vec::new() };
            if diff.new.is_none() {
                return vec![removed(&diff.path, Some(diff))];
            }
            let installed = plan.steps.iter().find_map(|other| match &other.action {
                Action::InstallNginx { files } => files.iter().find(|file| file.path == diff.path),
                _ => None,
            });
            installed.map(|file| changed(file, Some(diff))).into_iter().collect()
        }
        Action::KeepFiles { files } => files.iter().map(kept).collect(),
        Action::RemoveFile { path, .. } => vec![removed(path, step.diff.as_ref())],
        Action::InstallPackages { .. }
        | Action::CreateUser { .. }
        | Action::MakeDirectory { .. }
        | Action::Certificate { .. }
        | Action::Units { .. }
        | Action::OpenFirewall { .. }
        | Action::Upload { .. }
        | Action::CheckOut { .. }
        | Action::CloneRelease { .. }
        | Action::BuildEnvironment { .. }
        | Action::Run(_)
        | Action::Seal { .. }
        | Action::Activate(_)
        | Action::StopUnits { .. }
        | Action::RemoveTrees { .. }
        | Action::RemoveLogs { .. }
        | Action::RemoveEmpty { .. }
        | Action::RemoveUser { .. }
        | Action::Forget
        | Action::Prune { .. } => Vec::new(),
    }
}

fn text(file: &FileWrite) -> (&str, bool) {
    match &file.content {
        FileContent::Text { text } => (text, false),
        FileContent::Secret { masked } => (masked, true),
    }
}

fn plain(file: &FileWrite, kind: FileKind) -> FileChange {
    let (text, secret) = text(file);
    FileChange {
        path: file.path.clone(),
        kind,
        mode: Some(format!("{:04o}", file.mode)),
        owner: Some(file.owner.clone()),
        group: Some(file.group.clone()),
        secret,
        old: None,
        new: Some(text.to_owned()),
        attributes: Vec::new(),
        hidden: None,
        unified: String::new(),
    }
}

fn changed(file: &FileWrite, diff: Option<&FileDiff>) -> FileChange {
    let there = file.expected.is_some();
    let Some(diff) = diff else {
        return plain(file, if there { FileKind::Change } else { FileKind::Create });
    };
    let kind = if diff.old.is_none() && diff.hidden.is_none() { FileKind::Create } else { FileKind::Change };
    FileChange {
        old: diff.old.clone(),
        new: diff.new.clone(),
        attributes: diff.attributes.clone(),
        hidden: diff.hidden.clone(),
        unified: diff.unified(),
        ..plain(file, kind)
    }
}

fn kept(file: &FileWrite) -> FileChange {
    let change = plain(file, FileKind::Same);
    FileChange { old: change.new.clone(), ..change }
}

fn removed(path: &str, diff: Option<&FileDiff>) -> FileChange {
    FileChange {
        path: path.to_owned(),
        kind: FileKind::Remove,
        mode: None,
        owner: None,
        group: None,
        secret: false,
        old: diff.and_then(|diff| diff.old.clone()),
        new: None,
        attributes: Vec::new(),
        hidden: diff.and_then(|diff| diff.hidden.clone()),
        unified: diff.map(FileDiff::unified).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests;
