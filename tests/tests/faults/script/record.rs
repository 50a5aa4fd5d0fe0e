//! Recording: a real host behind the server does everything, one command after the other, and what it answers is kept.
//!
//! Between two commands work stands still. There the host can be looked at, with all the questions that the next plan
//! would ask, so that later every state on the way can answer for itself.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::sync::{Arc, Mutex};

use slipway_tests::hosts::Host;

use super::names::{Names, Role, role};
use super::server::{Far, Loop, Said, Then};
use super::wire::{self, Answer, Asked, Request};

/// A moment of the run: how many of its steps' commands are done and, while work goes on by itself, how often it was asked
/// for news.
pub(crate) type Moment = (usize, Option<usize>);

/// One command of the run.
#[derive(Debug, Clone)]
pub(crate) struct Heard {
    pub role: Role,
    /// What it is, whatever the run's own names.
    pub canon: String,
    pub shown: String,
    pub answer: Answer,
    /// When it was asked.
    pub at: Moment,
}

/// Work that goes on by itself, when it was asked for news.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    pub state: String,
    /// All that it had printed.
    pub out: Vec<u8>,
    /// The link to the active release.
    pub current: String,
}

/// A whole run.
#[derive(Debug, Default)]
pub(crate) struct Record {
    /// The run's own names, as they were.
    pub names: Names,
    pub exchanges: Vec<Vec<Heard>>,
    /// Answers to questions, by moment.
    pub questions: BTreeMap<Moment, BTreeMap<String, Answer>>,
    /// What asks and changes nothing.
    pub subjects: BTreeSet<String>,
    pub tasks: BTreeMap<String, Vec<Sample>>,
    /// Moments at which the host was asked everything that a plan asks.
    pub looks: BTreeSet<Moment>,
    /// What is heard of a task after the power was gone.
    pub forgotten: Option<Answer>,
    /// The link to the active release before the run.
    pub current: String,
    pub done: usize,
    working: Option<String>,
}

impl Record {
    /// Commands of steps, in order.
    pub(crate) fn steps(&self) -> impl Iterator<Item = &Heard> {
        self.exchanges.iter().flatten().filter(|heard| heard.role.changes())
    }

    /// The moment now.
    fn now(&self) -> Moment {
        let samples = self.working.as_ref().and_then(|unit| self.tasks.get(unit)).map(Vec::len);
        (self.done, samples.map(|samples| samples.saturating_sub(1)))
    }
}

/// Makes a look at a moment of the run, if that one is wanted.
pub(crate) type Look = Arc<dyn Fn(Moment) -> bool + Send + Sync>;

/// A loop inside the real host.
struct RealLoop {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    next: usize,
}

impl Drop for RealLoop {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl RealLoop {
    fn start(host: &Host, command: &str) -> Self {
        let mut child =
            host.enter(&["sh", "-c", command]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let mut started = Self { child, input, output, next: 1 };
        while !started.line().starts_with("READY ") {}
        started
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        assert!(self.output.read_line(&mut line).unwrap() > 0, "the real loop ended");
        line
    }

    fn run(&mut self, command: &Asked) -> Answer {
        self.input.write_all(&wire::write_request(self.next, command)).unwrap();
        self.input.flush().unwrap();
        self.next += 1;
        assert!(self.line().starts_with("P "));
        assert!(self.line().starts_with("R "));
        let table = self.line();
        let row: Vec<&str> = table.split_whitespace().collect();
        let number = |at: usize| row[at].parse::<usize>().unwrap();
        let (mut out, mut err) = (vec![0; number(1)], vec![0; number(3)]);
        self.output.read_exact(&mut out).unwrap();
        self.output.read_exact(&mut err).unwrap();
        Answer { status: row[0].to_owned(), out, out_size: number(2), err }
    }
}

/// The way to a real host for looks: everything that is asked is a question.
pub(crate) fn looking(host: Arc<Host>, record: Arc<Mutex<Record>>) -> Far {
    Arc::new(move |command, nonce| {
        let real = RealLoop::start(&host, command);
        Box::new(Looking { real, record: record.clone(), nonce: nonce.to_owned() })
    })
}

struct Looking {
    real: RealLoop,
    record: Arc<Mutex<Record>>,
    nonce: String,
}

impl Loop for Looking {
    fn serve(&mut self, request: Request) -> Said {
        let answers: Vec<Answer> = request.commands.iter().map(|command| self.real.run(command)).collect();
        let mut record = self.record.lock().unwrap();
        let now = record.now();
        for (command, answer) in request.commands.iter().zip(&answers) {
            let canon = record.names.canon(&command.text());
            record.subjects.insert(command.subject());
            record.questions.entry(now).or_default().insert(canon, answer.clone());
        }
        Said { bytes: whole(&self.nonce, &request.id, &answers), then: Then::GoOn }
    }
}

/// Whether it is nothing but a renewal of the lock, which comes every so many seconds.
pub(crate) fn is_lone_renewal(request: &Request) -> bool {
    let [command] = request.commands.as_slice() else { return false };
    command.values().first().is_some_and(|verb| verb == "renew")
}

pub(crate) fn whole(nonce: &str, id: &str, answers: &[Answer]) -> Vec<u8> {
    let lines = answers.iter().enumerate().filter(|(_, answer)| answer.status != "S");
    let mut bytes: Vec<u8> = lines.flat_map(|(index, answer)| wire::progress(nonce, id, index, answer)).collect();
    bytes.extend(wire::reply(nonce, id, answers));
    bytes
}

/// The way to a real host for the run that is recorded.
pub(crate) fn recording(host: Arc<Host>, record: Arc<Mutex<Record>>, look: Look) -> Far {
    Arc::new(move |command, nonce| {
        let real = RealLoop::start(&host, command);
        let (host, record, look) = (host.clone(), record.clone(), look.clone());
        Box::new(Recording { real, host, record, look, nonce: nonce.to_owned() })
    })
}

struct Recording {
    real: RealLoop,
    host: Arc<Host>,
    record: Arc<Mutex<Record>>,
    look: Look,
    nonce: String,
}

impl Loop for Recording {
    fn serve(&mut self, request: Request) -> Said {
        let mut answers: Vec<Answer> = Vec::new();
        // The lease is renewed by the clock, not by the run's course.
        let renewal = is_lone_renewal(&request);
        if !renewal {
            self.record.lock().unwrap().exchanges.push(Vec::new());
        }
        for command in &request.commands {
            let answer = if request.stop && answers.iter().any(|answer| !answer.good()) {
                Answer::skipped()
            } else {
                self.one(command, renewal)
            };
            answers.push(answer);
        }
        Said { bytes: whole(&self.nonce, &request.id, &answers), then: Then::GoOn }
    }
}

impl Recording {
    fn look(&self) {
        let now = self.record.lock().unwrap().now();
        if (self.look)(now) {
            self.record.lock().unwrap().looks.insert(now);
        }
    }

    fn one(&mut self, command: &Asked, renewal: bool) -> Answer {
        if renewal {
            return self.real.run(command);
        }
        let (role, canon) = {
            let mut record = self.record.lock().unwrap();
            record.names.learn(command);
            (role(command, &record.subjects), record.names.canon(&command.text()))
        };
        if role.changes() {
            self.look();
        }
        let at = self.record.lock().unwrap().now();
        let answer = match &role {
            Role::Poll { unit } => self.poll(command, unit),
            _ => self.real.run(command),
        };
        let mut record = self.record.lock().unwrap();
        match &role {
            Role::Question => {
                record.questions.entry(at).or_default().insert(canon.clone(), answer.clone());
            }
            Role::Start { unit } => {
                record.tasks.insert(unit.clone(), Vec::new());
                record.working = Some(unit.clone());
            }
            _ => {}
        }
        record.done += usize::from(role.changes());
        let heard = Heard { role, canon, shown: command.shown(), answer: answer.clone(), at };
        record.exchanges.last_mut().unwrap().push(heard);
        answer
    }

    /// Asks for news while the work itself stands still, so that news and state belong together.
    fn poll(&mut self, command: &Asked, unit: &str) -> Answer {
        let first = self.real.run(command);
        let stop = |signal: &str| self.host.exec(&["systemctl", "kill", "-s", signal, &format!("{unit}.service")]);
        let running = first.out.starts_with(b"running ") && stop("STOP").is_success();
        let answer = if running { self.real.run(command) } else { first };
        assert!(answer.good(), "{answer:?}");
        let current = self.host.shell("readlink /opt/shop/current").stdout.trim().to_owned();
        let end = answer.out.iter().position(|byte| *byte == b'\n').unwrap();
        let (head, text) = answer.out.split_at(end);
        let offset: usize = command.values()[2].parse().unwrap();
        let head = String::from_utf8(head.to_vec()).unwrap();
        let state = head.split(' ').next().unwrap().to_owned();
        {
            let mut record = self.record.lock().unwrap();
            let samples = record.tasks.get_mut(unit).unwrap();
            let mut out = samples.last().map(|sample| sample.out[..offset].to_vec()).unwrap_or_default();
            out.extend_from_slice(&text[1..]);
            samples.push(Sample { state: state.clone(), out, current });
            if state != "running" {
                record.working = None;
            }
        }
        if running {
            self.look();
            stop("CONT");
        }
        if self.record.lock().unwrap().forgotten.is_none() {
            let mut other = command.clone();
            other.script = other
                .script
                .replace(&command.values()[0], "/run/slipway/forgotten")
                .replace(unit, "slipway-run-forgotten");
            let forgotten = self.real.run(&other);
            let text = |bytes: &[u8]| {
                String::from_utf8_lossy(bytes)
                    .replace("/run/slipway/forgotten", &command.values()[0])
                    .replace("slipway-run-forgotten", unit)
            };
            let (out, err) = (text(&forgotten.out), text(&forgotten.err));
            self.record.lock().unwrap().forgotten = Some(Answer::said(&forgotten.status, out, &err));
        }
        answer
    }
}
