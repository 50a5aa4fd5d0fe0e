//! What the privileged loop sends, read as a pure state machine: bytes in, events out.
//!
//! The host is treated as hostile. Every line is bounded, nothing is allocated
//! because a length was announced, and a reply must answer exactly the request
//! it is due for, within the limits that request set. After an error the
//! connection is dead; a wrong [`Output`] is never made.

use std::collections::VecDeque;

use slipway_core::command::{Exit, Output};

/// Most bytes before the ready line (message of the day, noise of login scripts).
const PREAMBLE_LIMIT: usize = 64 << 10;
/// Longest line of the protocol.
const LINE_LIMIT: usize = 256;
/// Most bytes of standard error the loop sends for one command.
pub const STDERR_LIMIT: usize = 64 << 10;

/// What arrived.
#[derive(Debug)]
pub enum Event {
    /// A command of the request `id` has ended.
    Progress {
        /// The request.
        id: u64,
        /// Which of its commands, from 0.
        index: usize,
        /// How it ended.
        exit: Exit,
    },
    /// A whole request is answered.
    Reply {
        /// The request.
        id: u64,
        /// One per command, in order.
        outputs: Vec<Output>,
    },
}

/// The host broke the protocol; what it said is not trusted any more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the host's side of the connection does not follow the protocol: {0}")]
pub struct Broken(pub &'static str);

/// What a request allows its reply to hold.
#[derive(Debug)]
struct Due {
    id: u64,
    stdout_limits: Vec<usize>,
    /// Index the next progress line must have.
    next: usize,
    /// How the commands ended, as the progress lines said.
    exits: Vec<Exit>,
}

/// One line of a reply's table.
#[derive(Debug)]
struct Row {
    exit: Exit,
    stdout: usize,
    stderr: usize,
    truncated: bool,
}

#[derive(Debug)]
enum State {
    /// Between frames.
    Idle,
    /// Reading the rows of the front request's reply.
    Table(Vec<Row>),
    /// Reading the bytes the rows announce.
    Body { rows: VecDeque<Row>, outputs: Vec<Output>, current: Option<Output> },
    /// Broken; nothing more is read.
    Dead(Broken),
}

/// What comes before the protocol: everything up to the ready line is noise of login scripts.
#[derive(Debug)]
pub struct Preamble {
    ready: String,
    line: Vec<u8>,
    seen: usize,
}

impl Preamble {
    /// Awaits the ready line with `nonce`.
    pub fn new(nonce: &str) -> Self {
        Self { ready: format!("READY {nonce}"), line: Vec::new(), seen: 0 }
    }

    /// Takes more bytes; when the ready line is complete, returns what follows it.
    ///
    /// # Errors
    /// When the noise is more than 64 KiB.
    pub fn push<'a>(&mut self, mut bytes: &'a [u8]) -> Result<Option<&'a [u8]>, Broken> {
        while !bytes.is_empty() {
            let taken = take_line(&mut self.line, &mut bytes, LINE_LIMIT);
            self.seen = self.seen.saturating_add(taken.bytes);
            if self.seen > PREAMBLE_LIMIT {
                return Err(Broken("too much text before the ready line"));
            }
            if taken.complete {
                let ready = self.line == self.ready.as_bytes();
                self.line.clear();
                if ready {
                    return Ok(Some(bytes));
                }
            }
        }
        Ok(None)
    }
}

/// The parser. Feed it with [`Parser::push`], tell it of requests with [`Parser::expect`].
#[derive(Debug)]
pub struct Parser {
    nonce: String,
    state: State,
    due: VecDeque<Due>,
    line: Vec<u8>,
}

impl Parser {
    /// Reads what follows the ready line with `nonce`.
    pub fn new(nonce: impl Into<String>) -> Self {
        Self { nonce: nonce.into(), state: State::Idle, due: VecDeque::new(), line: Vec::new() }
    }

    /// Announces a request, with the limit of standard output of each of its commands, before it is sent.
    pub fn expect(&mut self, id: u64, stdout_limits: Vec<usize>) {
        self.due.push_back(Due { id, stdout_limits, next: 0, exits: Vec::new() });
    }

    /// Takes more bytes and returns what they complete.
    ///
    /// # Errors
    /// When the host breaks the protocol, now and at every later call.
    pub fn push(&mut self, mut bytes: &[u8]) -> Result<Vec<Event>, Broken> {
        let mut events = Vec::new();
        while !bytes.is_empty() {
            if let Err(broken) = self.step(&mut bytes, &mut events) {
                self.state = State::Dead(broken.clone());
                self.line = Vec::new();
                self.due.clear();
                return Err(broken);
            }
        }
        Ok(events)
    }

    fn step(&mut self, bytes: &mut &[u8], events: &mut Vec<Event>) -> Result<(), Broken> {
        match &mut self.state {
            State::Dead(broken) => return Err(broken.clone()),
            State::Body { .. } => return self.take_body(bytes, events),
            State::Idle | State::Table(_) => {}
        }
        let taken = take_line(&mut self.line, bytes, LINE_LIMIT);
        if self.line.len() > LINE_LIMIT {
            return Err(Broken("a line is too long"));
        }
        if !taken.complete {
            return Ok(());
        }
        let line = std::mem::take(&mut self.line);
        let line = std::str::from_utf8(&line).map_err(|_| Broken("a line is not text"))?;
        if matches!(self.state, State::Table(_)) { self.row(line, events) } else { self.frame(line, events) }
    }

    /// A `P` or `R` line.
    fn frame(&mut self, line: &str, events: &mut Vec<Event>) -> Result<(), Broken> {
        let mut words = line.split(' ');
        let (Some(kind), Some(nonce), Some(id)) = (words.next(), words.next(), words.next()) else {
            return Err(Broken("a frame is too short"));
        };
        if nonce != self.nonce {
            return Err(Broken("a frame has the wrong nonce"));
        }
        let due = self.due.front_mut().ok_or(Broken("an answer to no request"))?;
        if number::<u64>(id)? != due.id {
            return Err(Broken("an answer out of order"));
        }
        match (kind, words.next(), words.next(), words.next()) {
            ("P", Some(index), Some(status), None) => {
                let index = number::<usize>(index)?;
                if index != due.next || index >= due.stdout_limits.len() {
                    return Err(Broken("progress out of order"));
                }
                let exit = status_of(status)?;
                due.next += 1;
                due.exits.push(exit);
                events.push(Event::Progress { id: due.id, index, exit });
                Ok(())
            }
            ("R", Some(count), None, None) => {
                if number::<usize>(count)? != due.stdout_limits.len() {
                    return Err(Broken("an answer with the wrong number of commands"));
                }
                self.state = State::Table(Vec::new());
                self.finish_table_if_complete(events)
            }
            _ => Err(Broken("an unknown frame")),
        }
    }

    /// A row of the table after an `R` line.
    fn row(&mut self, line: &str, events: &mut Vec<Event>) -> Result<(), Broken> {
        let State::Table(rows) = &mut self.state else { return Err(Broken("a row outside a table")) };
        let due = self.due.front().ok_or(Broken("an answer to no request"))?;
        let limit = due.stdout_limits.get(rows.len()).ok_or(Broken("too many rows"))?;
        let words: Vec<&str> = line.split(' ').collect();
        let [status, sent, size, kept, error_size] = words.as_slice() else {
            return Err(Broken("a row has the wrong number of fields"));
        };
        let exit = if *status == "S" { Exit::Skipped } else { status_of(status)? };
        if due.exits.get(rows.len()).copied().unwrap_or(Exit::Skipped) != exit {
            return Err(Broken("a status differs from what was said before"));
        }
        let (stdout, stdout_size) = (number::<usize>(sent)?, number::<u64>(size)?);
        let (stderr, stderr_size) = (number::<usize>(kept)?, number::<u64>(error_size)?);
        if stdout > *limit || stderr > STDERR_LIMIT {
            return Err(Broken("more output than was asked for"));
        }
        if exit == Exit::Skipped && (stdout, stderr) != (0, 0) {
            return Err(Broken("output of a command that was skipped"));
        }
        let truncated = stdout as u64 != stdout_size || stderr as u64 != stderr_size;
        rows.push(Row { exit, stdout, stderr, truncated });
        self.finish_table_if_complete(events)
    }

    fn finish_table_if_complete(&mut self, events: &mut Vec<Event>) -> Result<(), Broken> {
        let State::Table(rows) = &mut self.state else { return Ok(()) };
        let due = self.due.front().ok_or(Broken("an answer to no request"))?;
        if rows.len() < due.stdout_limits.len() {
            return Ok(());
        }
        let rows = std::mem::take(rows).into();
        self.state = State::Body { rows, outputs: Vec::new(), current: None };
        self.take_body(&mut &[][..], events)
    }

    /// Moves bytes into the outputs; emits the reply when all are there (which may need no byte at all).
    fn take_body(&mut self, bytes: &mut &[u8], events: &mut Vec<Event>) -> Result<(), Broken> {
        let State::Body { rows, outputs, current } = &mut self.state else { return Ok(()) };
        while let Some(row) = rows.front() {
            let output = current.get_or_insert_with(|| Output {
                exit: row.exit,
                stdout: Vec::new(),
                stderr: Vec::new(),
                truncated: row.truncated,
            });
            move_bytes(bytes, &mut output.stdout, row.stdout);
            if output.stdout.len() == row.stdout {
                move_bytes(bytes, &mut output.stderr, row.stderr);
            }
            if output.stdout.len() < row.stdout || output.stderr.len() < row.stderr {
                return Ok(());
            }
            rows.pop_front();
            outputs.extend(current.take());
        }
        let outputs = std::mem::take(outputs);
        self.state = State::Idle;
        let due = self.due.pop_front().ok_or(Broken("an answer to no request"))?;
        events.push(Event::Reply { id: due.id, outputs });
        Ok(())
    }
}

struct Taken {
    bytes: usize,
    complete: bool,
}

/// Moves bytes up to and including a newline into `line` (without the newline), at most one more than `limit`.
fn take_line(line: &mut Vec<u8>, bytes: &mut &[u8], limit: usize) -> Taken {
    let newline = bytes.iter().position(|b| *b == b'\n');
    let text = newline.unwrap_or(bytes.len());
    let room = limit.saturating_sub(line.len()).saturating_add(1);
    line.extend_from_slice(bytes.get(..text.min(room)).unwrap_or_default());
    let taken = newline.map_or(bytes.len(), |at| at + 1);
    *bytes = bytes.get(taken..).unwrap_or_default();
    Taken { bytes: taken, complete: newline.is_some() }
}

/// Moves bytes into `target` until it holds `length`.
fn move_bytes(bytes: &mut &[u8], target: &mut Vec<u8>, length: usize) {
    let count = length.saturating_sub(target.len()).min(bytes.len());
    if let Some((taken, rest)) = bytes.split_at_checked(count) {
        target.extend_from_slice(taken);
        *bytes = rest;
    }
}

/// A decimal number without sign or leading plus.
fn number<N: std::str::FromStr>(text: &str) -> Result<N, Broken> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if digits { text.parse().map_err(|_| Broken("a number is too large")) } else { Err(Broken("not a number")) }
}

fn status_of(text: &str) -> Result<Exit, Broken> {
    if text == "T" { Ok(Exit::TimedOut) } else { Ok(Exit::Code(number::<u8>(text)?)) }
}

#[cfg(test)]
#[path = "frame_tests.rs"]
mod tests;
