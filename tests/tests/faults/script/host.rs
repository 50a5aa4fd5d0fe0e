//! A scripted host behind a server: it does what it is asked, command by command, and breaks at one point.

use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::names::Role;
use super::record::{Heard, Record, is_lone_renewal, whole};
use super::server::{Far, Loop, Said, Then};
use super::state::State;
use super::wire::{self, Answer, Request};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    Killed,
    Cut,
    Frozen,
    PowerOff,
    DiskFull,
    ReadOnly,
    LockStolen,
    /// The command fails for no reason that it names.
    Failing,
    /// What comes is no answer.
    Garbage,
}

pub(crate) const FAULTS: [Fault; 9] = [
    Fault::Killed,
    Fault::Cut,
    Fault::Frozen,
    Fault::PowerOff,
    Fault::DiskFull,
    Fault::ReadOnly,
    Fault::LockStolen,
    Fault::Failing,
    Fault::Garbage,
];

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Side {
    /// The command is not begun.
    Before,
    /// It is done, and the line that says so is cut in its middle.
    Inside,
    /// It is done and said to be; of the whole answer, no more than the half comes.
    After,
}

pub(crate) const SIDES: [Side; 3] = [Side::Before, Side::Inside, Side::After];

/// Where the fault is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Point {
    pub exchange: usize,
    pub command: usize,
    pub side: Side,
}

/// Whether a fault can be at a command.
pub(crate) fn possible(fault: Fault, heard: &Heard, side: Side) -> bool {
    let role = &heard.role;
    // What fails in taking a site from nginx puts everything back: it cannot have done it and say that it failed.
    let undoes = heard.canon.contains("nginx did not take the configuration without this site");
    if undoes && side == Side::After && matches!(fault, Fault::DiskFull | Fault::ReadOnly | Fault::Failing) {
        return false;
    }
    let writes = matches!(role, Role::Step | Role::Start { .. } | Role::Audit);
    match fault {
        Fault::Killed | Fault::Cut | Fault::Frozen | Fault::PowerOff | Fault::Garbage => true,
        // Work that goes on by itself is begun by the last thing that its command does.
        Fault::DiskFull | Fault::ReadOnly => writes && !(side == Side::After && matches!(role, Role::Start { .. })),
        Fault::LockStolen => side != Side::Inside,
        Fault::Failing => {
            side == Side::Before || side == Side::After && matches!(role, Role::Step | Role::Audit | Role::CleanUp)
        }
    }
}

/// A host behind a server.
#[derive(Clone)]
pub(crate) struct Scripted {
    pub state: Arc<Mutex<State>>,
    struck: Sender<()>,
    frozen: Option<Duration>,
}

impl Scripted {
    pub(crate) fn new(
        record: Arc<Record>,
        at: Option<(Point, Fault)>,
        frozen: Option<Duration>,
        struck: Sender<()>,
    ) -> Self {
        let state = State::new(record, at);
        Self { state: Arc::new(Mutex::new(state)), struck, frozen }
    }

    pub(crate) fn far(&self) -> Far {
        let host = self.clone();
        Arc::new(move |_, nonce| Box::new(Channel { host: host.clone(), nonce: nonce.to_owned() }))
    }
}

struct Channel {
    host: Scripted,
    nonce: String,
}

impl Loop for Channel {
    fn serve(&mut self, request: Request) -> Said {
        let mut state = self.host.state.lock().unwrap();
        let mut fault = None;
        if !is_lone_renewal(&request) {
            fault = state.fault.filter(|(point, _)| point.exchange == state.exchange);
            state.exchange += 1;
        }
        let (mut bytes, mut answers) = (Vec::new(), Vec::<Answer>::new());
        let last = request.commands.len() - 1;
        let mut silent = false;
        for (index, command) in request.commands.iter().enumerate() {
            if request.stop && answers.iter().any(|answer| !answer.good()) {
                answers.push(Answer::skipped());
                continue;
            }
            let here = fault.filter(|(point, _)| point.command == index).map(|(point, fault)| (point.side, fault));
            if let Some((_, fault)) = here {
                state.strike(fault);
                let _ = self.host.struck.send(());
            }
            let then = here.and_then(|(_, fault)| self.then(fault));
            if let (Some((Side::Before, fault)), Some(then)) = (here, then) {
                if fault == Fault::Frozen && index > 0 {
                    // It has all of the request and goes on.
                    request.commands[index..].iter().for_each(|command| drop(state.one(command)));
                }
                state.after_strike(fault);
                return Said { bytes, then };
            }
            let answer = match here {
                Some((side, fault)) => state.failing(command, side, fault),
                None => state.one(command),
            };
            let line = wire::progress(&self.nonce, &request.id, index, &answer);
            answers.push(answer);
            match (here, then) {
                (Some((side, fault)), Some(then)) => {
                    bytes.extend_from_slice(if side == Side::Inside { &line[..line.len() / 2] } else { &line });
                    if fault == Fault::Frozen {
                        request.commands[index + 1..].iter().for_each(|command| drop(state.one(command)));
                    } else if side == Side::After && index == last {
                        let reply = wire::reply(&self.nonce, &request.id, &answers);
                        bytes.extend_from_slice(&reply[..reply.len() / 2]);
                    }
                    state.after_strike(fault);
                    return Said { bytes, then };
                }
                (Some((side, Fault::Garbage)), None) => {
                    request.commands[index + 1..].iter().for_each(|command| drop(state.one(command)));
                    bytes.extend_from_slice(match side {
                        Side::Before => b"bash: cannot set terminal process group\n",
                        Side::Inside => b"P 0123456789abcdef 1 0 0\n",
                        Side::After => b"\xff\xfe\0\0\0\n",
                    });
                    silent = true;
                }
                _ if !silent => bytes.extend_from_slice(&line),
                _ => {}
            }
            if silent {
                return Said { bytes, then: Then::Silence };
            }
        }
        if !silent {
            bytes = whole(&self.nonce, &request.id, &answers);
        }
        Said { bytes, then: Then::GoOn }
    }
}

impl Channel {
    /// What a fault does to the link.
    fn then(&self, fault: Fault) -> Option<Then> {
        match fault {
            Fault::Killed => Some(Then::Silence),
            Fault::Cut => Some(Then::Cut),
            Fault::Frozen => Some(Then::Freeze(self.host.frozen)),
            Fault::PowerOff => Some(Then::PowerOff),
            _ => None,
        }
    }
}
