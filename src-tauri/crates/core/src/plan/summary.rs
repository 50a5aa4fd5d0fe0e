//! What a plan comes to, in words and numbers, and each line in detail: what a person reviews, in the window and in
//! the terminal alike. Texts of hosts and site files are given as they are; whoever shows them makes them safe to show.

use serde::{Deserialize, Serialize};

use super::{Action, FileDiff, Intent, Plan, PlanLine, Risk, Step, Verb};
use crate::diff::FileChange;
use crate::encode::shell::quote_all;
use crate::resource::file::removed;
use crate::resource::unit::UnitChange;
use crate::resource::{Change, Effect};

/// What a plan comes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct Summary {
    /// Lines by what they do.
    pub counts: Counts,
    /// Files that change.
    pub files: u32,
    /// Lines added to them.
    pub added: u32,
    /// Lines removed from them.
    pub removed: u32,
    /// What starts, restarts, stops or reloads, in words.
    pub restarts: Vec<String>,
    /// What people who use the site will notice, in a sentence or two.
    pub noticed: String,
    /// Whether they may notice anything at all.
    pub noticeable: bool,
    /// Ids of lines that would replace what was changed by hand on the host.
    pub needs_consent: Vec<String>,
    /// How many reasons forbid applying it.
    pub blockers: u32,
}

/// Lines by what they do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct Counts {
    /// Make something new.
    pub create: u32,
    /// Change something that is there.
    pub change: u32,
    /// Take something away.
    pub remove: u32,
    /// Do something that leaves nothing behind by itself.
    pub run: u32,
}

/// One line, for reading.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct LineDetail {
    /// What it does.
    pub verb: Verb,
    /// What is to be known beside its title and reason.
    pub about: Vec<String>,
    /// What is run, each as a line that a shell would take. For reading: nothing runs them as text.
    pub commands: Vec<String>,
    /// Files that it writes, keeps or removes.
    pub files: Vec<FileChange>,
}

/// What `plan` comes to.
pub fn summary(plan: &Plan) -> Summary {
    let mut counts = Counts::default();
    let lines = plan.lines();
    for line in &lines {
        match line.verb() {
            Verb::Create => counts.create += 1,
            Verb::Change => counts.change += 1,
            Verb::Remove => counts.remove += 1,
            Verb::Run => counts.run += 1,
        }
    }
    let diffs = || lines.iter().filter_map(PlanLine::diff);
    let (added, removed) =
        diffs().map(FileDiff::counts).fold((0, 0), |sum, counts| (sum.0 + counts.0, sum.1 + counts.1));
    let (noticed, noticeable) = noticed(plan);
    Summary {
        counts,
        files: number(diffs().map(|diff| &diff.path).collect::<std::collections::BTreeSet<_>>().len()),
        added: number(added),
        removed: number(removed),
        restarts: restarts(plan),
        noticed,
        noticeable,
        needs_consent: plan.drifted().map(|line| line.id()).collect(),
        blockers: number(plan.blockers().count()),
    }
}

/// Plans are far shorter than this can count.
fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// What starts, restarts, stops or reloads.
fn restarts(plan: &Plan) -> Vec<String> {
    let mut all = Vec::new();
    let mut reloads: Vec<String> = Vec::new();
    for step in &plan.steps {
        match &step.action {
            Action::Release { step } => {
                if let Some(activation) = step.activation() {
                    let had = |unit: &str| activation.previous_instances.iter().any(|old| old.unit == unit);
                    let has = |unit: &str| activation.instances.iter().any(|new| new.unit == unit);
                    for instance in &activation.instances {
                        let verb = if had(&instance.unit) { "is replaced" } else { "starts" };
                        all.push(format!("{} {verb}", instance.unit));
                    }
                    let retired = activation.previous_instances.iter().filter(|old| !has(&old.unit));
                    all.extend(retired.map(|old| format!("{} stops", old.unit)));
                    // A rollback learns on the host what differs; it reloads nginx then.
                    if !matches!(plan.intent, Intent::Rollback { .. }) {
                        reloads.extend(activation.follows.iter().filter_map(Effect::reloads));
                    }
                }
            }
            Action::Effect { effect } => reloads.extend(effect.reloads()),
            Action::Change { change } => {
                if let Change::Unit(unit) = change {
                    all.extend(of_unit(unit));
                }
            }
            Action::Record => {}
        }
    }
    reloads.dedup();
    all.extend(reloads);
    all
}

fn of_unit(change: &UnitChange) -> Vec<String> {
    match change {
        UnitChange::Start { start, .. } => start.iter().map(|unit| format!("{unit} starts")).collect(),
        UnitChange::Reload { unit } => vec![format!("{unit} loads its rules again")],
        UnitChange::Stop { units } => units.iter().map(|unit| format!("{unit} stops")).collect(),
    }
}

fn noticed(plan: &Plan) -> (String, bool) {
    if plan.activation().is_some_and(|activation| activation.previous.is_none()) {
        return ("Nothing is being served yet, so nobody will notice.".to_owned(), false);
    }
    let has = |risk| plan.lines().iter().any(|line| line.risk() == risk);
    if let Intent::Uninstall { .. } = plan.intent {
        let data = if has(Risk::Data) { " Its data goes with it, for good." } else { "" };
        return match has(Risk::Gone) {
            true => (format!("The site is gone for everybody.{data}"), true),
            false => (format!("The site is not being served any more.{data}"), has(Risk::Data)),
        };
    }
    let data = "data changes in a way that going back does not undo";
    let brief = if has(Risk::Wait) {
        Some("requests wait while one process ends and another starts; open WebSockets reconnect")
    } else {
        has(Risk::Reconnect).then_some("open WebSockets reconnect; no request waits, none is lost")
    };
    match (has(Risk::Data), brief) {
        (false, None) => ("People who use the site will notice nothing.".to_owned(), false),
        (false, Some(brief)) => (format!("What people will notice: {brief}."), true),
        (true, None) => (format!("What people may notice: {data}."), true),
        (true, Some(brief)) => (format!("What people will notice: {brief}; {data}."), true),
    }
}

/// What there is to read about a line.
pub fn detail(line: &PlanLine<'_>) -> LineDetail {
    let step = line.step;
    let (about, commands) = match line.part {
        // What the step runs is told once.
        Some(_) if !line.is_first() => (Vec::new(), Vec::new()),
        Some(_) | None => words_of(step),
    };
    let files = match line.part {
        Some(part) => part.diff.iter().map(|diff| removed(&diff.path, Some(diff))).collect(),
        None => files(step),
    };
    LineDetail { verb: line.verb(), about, commands: commands.iter().map(|argv| command(argv)).collect(), files }
}

fn words_of(step: &Step) -> (Vec<String>, Vec<Vec<String>>) {
    match &step.action {
        Action::Change { change } => (change.about(), change.shown()),
        Action::Effect { effect } => {
            let commands = effect.commands().into_iter().map(|command| command.argv);
            // A script is told in words.
            (effect.about(), commands.filter(|argv| argv.first().is_some_and(|word| word == "systemctl")).collect())
        }
        Action::Release { step } => step.about(),
        Action::Record => (Vec::new(), Vec::new()),
    }
}

fn files(step: &Step) -> Vec<FileChange> {
    match &step.action {
        Action::Change { change } => change.files(step.diff.as_ref()),
        Action::Release { step: of } => of.files(step.diff.as_ref()),
        Action::Effect { .. } | Action::Record => Vec::new(),
    }
}

fn command(argv: &[String]) -> String {
    // A program that was given as text is a script of several lines: its name will do.
    let shown: Vec<&str> = match argv {
        [shell, option, _, name, rest @ ..] if shell == "/bin/sh" && option == "-c" => {
            std::iter::once(name.as_str()).chain(rest.iter().map(String::as_str)).collect()
        }
        argv => argv.iter().map(String::as_str).collect(),
    };
    quote_all(shown).unwrap_or_else(|_| "(a command with a NUL byte in it)".to_owned())
}

#[cfg(test)]
mod tests;
