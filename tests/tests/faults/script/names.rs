//! What a command is for, and names that differ from run to run.

use std::collections::{BTreeMap, BTreeSet};

use slipway_core::lock;
use slipway_core::task::Task;

use super::wire::Asked;

/// What a command is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Role {
    /// The host lock: `acquire`, `renew`, `release`.
    Lock,
    /// Asks and changes nothing.
    Question,
    /// Begins work that goes on by itself.
    Start { unit: String },
    /// Asks for news of such work.
    Poll { unit: String },
    /// A line of the audit log.
    Audit,
    /// The run's own files below `/run` go.
    CleanUp,
    /// Everything else: it changes the host.
    Step,
}

impl Role {
    /// Whether the host is another after it, for whoever makes a plan.
    pub(crate) fn changes(&self) -> bool {
        matches!(self, Self::Step | Self::Start { .. })
    }
}

/// The role of a command; `questions` are the programs that a plan asks with.
pub(crate) fn role(command: &Asked, questions: &BTreeSet<String>) -> Role {
    let task = Task {
        unit: String::new(),
        user: None,
        argv: Vec::new(),
        directory: String::new(),
        environment: BTreeMap::new(),
        secrets: Vec::new(),
        writable: Vec::new(),
        hidden: Vec::new(),
        timeout_s: 1,
    };
    let script = |command: slipway_core::command::Command| command.argv.get(2).cloned().unwrap_or_default();
    let (subject, values) = (command.subject(), command.values());
    let first = values.first().map(String::as_str).unwrap_or_default();
    if subject == script(lock::renew("")) {
        Role::Lock
    } else if subject == script(task.start("", "")) {
        let unit = values.iter().find_map(|value| value.strip_prefix("--unit=")).unwrap_or_default();
        Role::Start { unit: unit.to_owned() }
    } else if subject == script(task.poll("", "", 0)) {
        Role::Poll { unit: values[3].clone() }
    } else if questions.contains(&subject) || subject.contains("cat .index") {
        Role::Question
    } else if first.ends_with("/audit.jsonl") {
        Role::Audit
    } else if matches!(command.argv.as_slice(), [rm, .., path] if rm == "rm" && is_run_folder(path)) {
        Role::CleanUp
    } else {
        Role::Step
    }
}

/// Names of releases and runs: those that were there before, and those that a run makes.
#[derive(Debug, Default, Clone)]
pub(crate) struct Names {
    /// Releases that are older than the run.
    pub old: BTreeSet<String>,
    /// Releases that runs made, the newest last.
    pub new: Vec<String>,
    /// Runs, the newest last.
    pub runs: Vec<String>,
}

impl Names {
    /// Notes names that a command brings up.
    pub(crate) fn learn(&mut self, command: &Asked) {
        if let [verb, _, token, ..] = command.values()
            && verb == "acquire"
            && let Some((run, _)) = token.split_once('-')
        {
            self.runs.push(run.to_owned());
        }
        for id in ids(&command.text()) {
            if !self.old.contains(&id) && !self.new.contains(&id) {
                self.new.push(id);
            }
        }
    }

    /// The text with one name for all runs and one for all new releases.
    pub(crate) fn canon(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for id in ids(&text) {
            if !self.old.contains(&id) {
                text = text.replace(&id, "NEW").replace(&id.to_ascii_lowercase(), "new");
            }
        }
        for run in &self.runs {
            text = text.replace(run, "RUN");
        }
        text
    }

    /// Bytes that one host said about its newest names, as another one says them about its own.
    pub(crate) fn as_said_by(&self, other: &Self, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        for (mine, theirs) in [(&self.new, &other.new), (&self.runs, &other.runs)] {
            if let (Some(mine), Some(theirs)) = (mine.last(), theirs.last()) {
                // Names have one length, so that announced sizes stay true.
                assert_eq!(mine.len(), theirs.len());
                replace(&mut bytes, mine.as_bytes(), theirs.as_bytes());
                replace(&mut bytes, mine.to_ascii_lowercase().as_bytes(), theirs.to_ascii_lowercase().as_bytes());
            }
        }
        bytes
    }
}

fn replace(bytes: &mut [u8], from: &[u8], to: &[u8]) {
    let mut at = 0;
    while at + from.len() <= bytes.len() {
        if &bytes[at..at + from.len()] == from {
            bytes[at..at + from.len()].copy_from_slice(to);
            at += from.len();
        } else {
            at += 1;
        }
    }
}

fn is_run_folder(path: &str) -> bool {
    path.strip_prefix("/run/slipway/").is_some_and(|run| run.len() == 12 && run.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// Names of releases in a text, such as `20261121T104500Z-1a2b3c`; names of units have them in small letters.
fn ids(text: &str) -> BTreeSet<String> {
    const FORM: &str = "ddddddddTddddddZ-hhhhhh";
    let fits = |piece: &[u8]| {
        piece.iter().zip(FORM.bytes()).all(|(byte, form)| match form {
            b'd' => byte.is_ascii_digit(),
            b'h' => byte.is_ascii_hexdigit(),
            letter => byte.to_ascii_uppercase() == letter,
        })
    };
    let pieces = text.as_bytes().windows(FORM.len()).filter(|piece| fits(piece));
    let name = |piece: &[u8]| String::from_utf8_lossy(piece).replace('t', "T").replace('z', "Z");
    pieces.map(name).collect()
}
