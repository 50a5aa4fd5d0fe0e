//! How far a scripted host is, and what it says there.
//!
//! It makes up nothing. What it cannot answer from the record, from the rules of the lock, or from what is left of work
//! after a power cut, is kept as `unexpected`, and fails the case.

use std::sync::Arc;

use super::host::{Fault, Point, Side};
use super::names::{Names, Role, role};
use super::record::{Heard, Moment, Record, Sample};
use super::wire::{Answer, Asked};

/// The token of somebody else's lock.
pub(crate) const THIEF: &str = "thief";

#[derive(Debug, Clone)]
struct Held {
    token: String,
    owner: String,
    reason: String,
}

/// What is on the host.
#[derive(Debug)]
pub(crate) struct State {
    record: Arc<Record>,
    names: Names,
    /// The run that changed the host last: the records name it.
    writer: Option<String>,
    /// Which of the run's steps are done, by their number in the record.
    done: Vec<bool>,
    /// Steps that are done with another one.
    implied: Vec<bool>,
    cursor: usize,
    /// Work that goes on by itself, and how often it was asked for news.
    working: Option<(String, usize)>,
    /// The same when the power was cut meanwhile.
    stuck: Option<Moment>,
    /// The moment that questions of a run are about which does everything anew.
    base: Option<Moment>,
    lock: Option<Held>,
    pub audit: Vec<String>,
    pub exchange: usize,
    pub fault: Option<(Point, Fault)>,
    full: bool,
    /// The host was changed, for good or in vain.
    pub touched: bool,
    /// What changed after the lock was known to be lost.
    pub after_loss: Vec<String>,
    lost_lock: bool,
    pub unexpected: Vec<String>,
}

impl State {
    /// A host on which nothing of the run is done.
    pub(crate) fn new(record: Arc<Record>, at: Option<(Point, Fault)>) -> Self {
        Self {
            names: Names { old: record.names.old.clone(), ..Names::default() },
            done: vec![false; record.steps().count()],
            implied: vec![false; record.steps().count()],
            record,
            writer: None,
            cursor: 0,
            working: None,
            stuck: None,
            base: None,
            lock: None,
            audit: Vec::new(),
            exchange: 0,
            fault: at,
            full: false,
            touched: false,
            after_loss: Vec::new(),
            lost_lock: false,
            unexpected: Vec::new(),
        }
    }

    /// A fault begins.
    pub(crate) fn strike(&mut self, fault: Fault) {
        self.fault = None;
        self.full = fault == Fault::DiskFull;
    }

    /// What a fault of the link leaves behind.
    pub(crate) fn after_strike(&mut self, fault: Fault) {
        if fault == Fault::PowerOff {
            self.lock = None;
            if let Some((unit, turn)) = self.working.take() {
                let turn = turn.saturating_sub(1);
                // An activation that has said how it ended has written it down before.
                let ended = self.samples(&unit).get(turn).is_some_and(|sample| {
                    String::from_utf8_lossy(&sample.out).lines().any(|line| line.starts_with("@verdict "))
                });
                self.stuck = (!ended).then(|| (self.prefix(), Some(turn)));
            }
        }
    }

    /// A command that a fault meets, which is not one of the link.
    pub(crate) fn failing(&mut self, command: &Asked, side: Side, fault: Fault) -> Answer {
        let why = match fault {
            Fault::DiskFull => "sh: 1: cannot create file: No space left on device\n",
            Fault::ReadOnly => "sh: 1: cannot create file: Read-only file system\n",
            Fault::Failing => "",
            Fault::LockStolen => {
                let thief = || Held {
                    token: THIEF.to_owned(),
                    owner: "thief@elsewhere".to_owned(),
                    reason: "deploy shop".to_owned(),
                };
                if side == Side::Before {
                    self.lock = Some(thief());
                    return self.one(command);
                }
                let answer = self.one(command);
                self.lock = Some(thief());
                return answer;
            }
            _ => return self.one(command),
        };
        if side == Side::After {
            self.full = false;
            self.one(command);
            self.full = fault == Fault::DiskFull;
        } else if side == Side::Inside {
            // There is room again, or the file may be written again, right after it.
            self.full = false;
        }
        Answer::said("1", "", why)
    }

    /// Does one command.
    pub(crate) fn one(&mut self, command: &Asked) -> Answer {
        self.names.learn(command);
        let record = self.record.clone();
        let role = role(command, &record.subjects);
        if self.full && matches!(role, Role::Step | Role::Audit) {
            return Answer::said("1", "", "sh: 1: cannot create file: No space left on device\n");
        }
        match role {
            Role::Lock => self.change_lock(command.values()),
            Role::Question => self.question(command),
            Role::Poll { unit } => self.poll(command, &unit),
            Role::Audit => {
                self.touched = true;
                self.audit.push(String::from_utf8_lossy(&command.input).into_owned());
                Answer::said("0", "", "")
            }
            Role::CleanUp => Answer::said("0", "", ""),
            Role::Step | Role::Start { .. } => self.step(command, &role),
        }
    }

    fn step(&mut self, command: &Asked, role: &Role) -> Answer {
        let canon = self.names.canon(&command.text());
        let record = self.record.clone();
        let found = |from: usize| record.steps().enumerate().skip(from).find(|(_, heard)| heard.canon == canon);
        let Some((number, heard)) = found(self.cursor).or_else(|| found(0)) else {
            return self.unheard("a change", command);
        };
        if self.lost_lock {
            self.after_loss.push(command.shown());
        }
        self.touched = true;
        self.writer = self.names.runs.last().cloned();
        if canon.starts_with("rm\u{1f}") && canon.ends_with(".building") && number != self.prefix() {
            // What is left of a release that is given up.
            return self.said(&heard.answer);
        }
        self.done[number] = true;
        if let Some(folder) = command.values().first().and_then(|path| path.strip_suffix("/manifest.json")) {
            // Whoever writes the record makes its folder.
            let makes = format!("\u{1f}{folder}\u{1f}700\u{1f}root");
            // And what the set-up after an interrupted one leaves out here, the first activation does whatever it finds
            // (reload in activation/phases).
            let steps: Vec<&str> = record.steps().map(|heard| heard.canon.as_str()).collect();
            let enables = |number: usize| {
                steps.get(number).is_some_and(|canon| canon.starts_with("systemctl\u{1f}enable\u{1f}--quiet"))
            };
            for (number, implied) in self.implied.iter_mut().enumerate() {
                *implied |= steps[number].contains(&makes) || enables(number) || enables(number + 1);
            }
        }
        self.cursor = self.cursor.max(number + 1);
        if let Role::Start { unit } = role {
            let unit = self.names.canon(unit);
            if unit.contains("activate") {
                self.base = None;
            }
            self.working = Some((unit, 0));
            self.stuck = None;
        }
        self.said(&heard.answer)
    }

    fn unheard(&mut self, what: &str, command: &Asked) -> Answer {
        let moment = self.moment();
        let values: String = command.values().join(" ").chars().take(1000).collect();
        let undone = self.record.steps().zip(&self.done).filter(|(_, done)| !**done);
        let undone: Vec<&str> = undone.map(|(heard, _)| heard.shown.as_str()).take(12).collect();
        self.unexpected.push(format!(
            "{what} that was not heard before, at {moment:?}: {} {values}; not done: {undone:#?}",
            command.shown()
        ));
        Answer::said("127", "", "this host does not know that\n")
    }

    fn said(&self, answer: &Answer) -> Answer {
        Self::said_as(&self.record.names, &self.names, answer)
    }

    fn said_as(recorded: &Names, names: &Names, answer: &Answer) -> Answer {
        Answer {
            out: recorded.as_said_by(names, &answer.out),
            err: recorded.as_said_by(names, &answer.err),
            ..answer.clone()
        }
    }

    /// Steps that are done without a gap from the first on.
    fn prefix(&self) -> usize {
        self.done.iter().take_while(|done| **done).count()
    }

    /// The moment of the record that the host is at; none when the record has no such moment.
    pub(crate) fn moment(&self) -> Option<Moment> {
        if let Some(base) = self.base {
            return Some(base);
        }
        let mut prefix = self.prefix();
        let ahead = |prefix: usize| self.done.iter().skip(prefix).any(|done| *done);
        if ahead(prefix) {
            let all = self.done.iter().zip(&self.implied);
            prefix = all.take_while(|(done, implied)| **done || **implied).count();
        }
        if ahead(prefix) {
            return None;
        }
        if self.stuck.is_some() {
            return self.stuck;
        }
        Some((prefix, self.working.as_ref().map(|(_, turn)| turn.saturating_sub(1))))
    }

    fn question(&mut self, command: &Asked) -> Answer {
        let canon = self.names.canon(&command.text());
        let mut moment = self.moment();
        // What runs is another release after the activation, and nothing else changes it; after a power cut everything
        // starts from the active one.
        let record = self.record.clone();
        let known = |moment: Moment| record.questions.get(&moment).is_some_and(|all| all.contains_key(&canon));
        let running = command.text().contains("cwd=%s") && self.base.is_none();
        if running && (self.stuck.is_some() || !moment.is_some_and(known)) {
            moment = Some(if self.switched() { self.end() } else { (0, None) });
        }
        match moment.and_then(|moment| record.questions.get(&moment)).and_then(|all| all.get(&canon)) {
            Some(answer) => {
                let mut names = self.names.clone();
                names.runs.extend(self.writer.clone());
                Self::said_as(&self.record.names, &names, answer)
            }
            None => self.unheard("a question", command),
        }
    }

    /// The moment at which the run judged how it ended.
    fn end(&self) -> Moment {
        let mut questions = self.record.exchanges.iter().flatten().filter(|heard| heard.role == Role::Question);
        questions.next_back().map(|heard| heard.at).unwrap()
    }

    fn samples(&self, unit: &str) -> &[Sample] {
        let record = &self.record;
        let samples = record.tasks.iter().find(|(name, _)| record.names.canon(name) == unit);
        samples.map(|(_, samples)| samples.as_slice()).unwrap_or_default()
    }

    fn poll(&mut self, command: &Asked, unit: &str) -> Answer {
        let unit = self.names.canon(unit);
        let Some((working, turn)) = self.working.clone().filter(|(working, _)| *working == unit) else {
            let forgotten = self.record.forgotten.clone().unwrap();
            return self.said(&forgotten);
        };
        let samples = self.samples(&working);
        let sample = samples.get(turn).or(samples.last()).unwrap().clone();
        let over = sample.state != "running";
        self.working = (!over).then_some((working, turn + 1));
        let offset: usize = command.values()[2].parse().unwrap();
        let out = self.record.names.as_said_by(&self.names, &sample.out);
        let mut text = format!("{} {}\n", sample.state, out.len()).into_bytes();
        text.extend_from_slice(out.get(offset..).unwrap_or_default());
        Answer::said("0", text, "")
    }

    /// The rules of the lock, as lock.sh has them.
    fn change_lock(&mut self, values: &[String]) -> Answer {
        let working = if self.working.is_some() { "working" } else { "idle" };
        let holder = |held: &Held| format!("{}\n{}\n1\n299\n{working}\n", held.owner, held.reason);
        match values[0].as_str() {
            "acquire" => {
                let mine = Held { token: values[2].clone(), owner: values[3].clone(), reason: values[4].clone() };
                let mut text = "ours\n".to_owned();
                if let Some(held) = &self.lock
                    && held.token != mine.token
                {
                    if working == "working" || held.owner != mine.owner || !values[5..].contains(&held.token) {
                        return Answer::said("75", format!("held\n{}", holder(held)), "");
                    }
                    text.push_str(&holder(held));
                }
                self.lock = Some(mine);
                Answer::said("0", text, "")
            }
            "renew" => match &self.lock {
                Some(held) if held.token == values[2] => Answer::said("0", "", ""),
                held => {
                    let (owner, reason) =
                        held.as_ref().map(|held| (held.owner.clone(), held.reason.clone())).unwrap_or_default();
                    self.lost_lock = true;
                    Answer::said("75", "", &format!("the host lock now belongs to {owner} ({reason})\n"))
                }
            },
            "release" => {
                if self.lock.as_ref().is_some_and(|held| held.token == values[2]) {
                    self.lock = None;
                }
                Answer::said("0", "", "")
            }
            verb => panic!("the lock is not told to {verb} here"),
        }
    }

    pub(crate) fn holder(&self) -> Option<&str> {
        self.lock.as_ref().map(|held| held.token.as_str())
    }

    /// Whether another release was active than before the run, when work was asked for news so often.
    fn switched_at(&self, steps: usize, turn: usize) -> bool {
        let unit = self.record.steps().nth(steps - 1).and_then(|heard| match &heard.role {
            Role::Start { unit } => Some(self.record.names.canon(unit)),
            _ => None,
        });
        let samples = unit.map(|unit| self.samples(&unit)).unwrap_or_default();
        samples.get(turn).or(samples.last()).is_some_and(|now| now.current != self.record.current)
    }

    /// Lets work go on to its end by itself.
    pub(crate) fn settle(&mut self) {
        self.working = None;
        self.full = false;
    }

    /// Whether all that the run had to do is done.
    pub(crate) fn complete(&self) -> bool {
        self.stuck.is_none() && self.working.is_none() && self.moment().is_some_and(|(steps, _)| steps >= self.end().0)
    }

    /// Whether people get the new state: of a release that it is active, of a site that it is gone.
    pub(crate) fn switched(&self) -> bool {
        if let Some((steps, Some(turn))) = self.stuck {
            return self.switched_at(steps, turn);
        }
        let switch = self.record.steps().position(|heard| {
            matches!(&heard.role, Role::Start { unit } if unit.ends_with("-activate"))
                || heard.canon.contains("mktemp -d /run/slipway/nginx.XXXXXX")
        });
        switch.is_some_and(|switch| self.done[switch])
    }

    /// Whether an activation was begun and its end is not written down.
    pub(crate) fn half(&self) -> Option<bool> {
        let moment = self.moment()?;
        let answers = self.record.questions.get(&moment)?;
        let ledger = answers.iter().find(|(canon, _)| canon.contains("=releases"))?.1;
        let text = String::from_utf8_lossy(&ledger.out).into_owned();
        let last = text.split("\n=releases").next().unwrap_or_default().lines().last().unwrap_or_default().to_owned();
        Some(matches!(last.split(' ').nth(1), Some("begin" | "back")))
    }

    /// Goes on without faults. A run that does everything anew begins with the host as it is.
    pub(crate) fn next(&mut self, anew: bool) {
        if self.holder() == Some(THIEF) {
            self.lock = None;
        }
        self.lost_lock = false;
        self.cursor = 0;
        self.fault = None;
        let steps = || self.record.steps().map(|heard| heard.canon.as_str());
        if steps().any(|canon| canon.contains("/.slipway-removed")) {
            // systemd forgets units by itself that do not run and have no file: an uninstallation that goes on leaves that to it.
            self.implied = steps().map(|canon| canon == "systemctl\u{1f}daemon-reload").collect();
        }
        if anew {
            self.base = self.moment();
            // What was cleared away after a release stays so, whichever release comes then; and what goes with it is not
            // called for again.
            let record = self.record.clone();
            let switch = record
                .steps()
                .position(|heard| matches!(&heard.role, Role::Start { unit } if unit.ends_with("-activate")));
            let lasts = |(number, heard): (usize, &Heard)| {
                (self.done[number] || number > 0 && self.done[number - 1])
                    && switch.is_some_and(|switch| number > switch)
                    && !heard.canon.contains("/manifest.json")
            };
            self.implied = record.steps().enumerate().map(lasts).collect();
            self.done.fill(false);
            self.stuck = None;
        }
    }
}
