//! The terminal: everything that is printed goes through here, so that the one updating line, lines that stay,
//! questions and JSON never mix. A closed pipe is noted, never a panic.

use std::io::{IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::style::Style;
use super::text::{cut, visible};
use super::words;

const FRAMES: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

/// For whom is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    /// A person.
    Person,
    /// A program: JSON on standard output, everything else on standard error.
    Program,
}

/// The terminal.
pub(crate) struct Screen {
    /// For whom.
    pub(crate) reader: Reader,
    /// Whether more is to be shown.
    pub(crate) verbose: bool,
    /// Style of standard output.
    pub(crate) out: Style,
    /// Style of standard error.
    pub(crate) err: Style,
    updating: bool,
    closed: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    live: Option<(String, Instant)>,
    drawn: bool,
    paused: bool,
    frame: usize,
}

/// What decides about colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Colour {
    /// Where there is a terminal.
    OnTerminals,
    /// Never.
    Never,
}

impl Screen {
    /// The screen of this process.
    pub(crate) fn new(reader: Reader, colour: Colour, verbose: bool) -> Arc<Self> {
        let style = |terminal: bool| match colour {
            Colour::OnTerminals if terminal => Style::Coloured,
            Colour::OnTerminals | Colour::Never => Style::Plain,
        };
        let err = std::io::stderr().is_terminal();
        let screen = Arc::new(Self {
            reader,
            verbose,
            out: style(std::io::stdout().is_terminal() && reader == Reader::Person),
            err: style(err),
            updating: err,
            closed: AtomicBool::new(false),
            state: Mutex::default(),
        });
        if err {
            let ticking = Arc::downgrade(&screen);
            std::thread::spawn(move || {
                while let Some(screen) = ticking.upgrade() {
                    screen.tick();
                    drop(screen);
                    std::thread::sleep(Duration::from_millis(100));
                }
            });
        }
        screen
    }

    /// Style of what [`Screen::say`] prints.
    pub(crate) fn style(&self) -> Style {
        match self.reader {
            Reader::Person => self.out,
            Reader::Program => self.err,
        }
    }

    /// Whether standard output was closed by its reader.
    pub(crate) fn closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// A result for a person, without its last line end; on standard error for a program.
    pub(crate) fn say(&self, text: impl AsRef<str>) {
        match self.reader {
            Reader::Person => self.write_out(text.as_ref()),
            Reader::Program => self.note(text),
        }
    }

    /// Something on the way: on standard error.
    pub(crate) fn note(&self, text: impl AsRef<str>) {
        let mut state = self.lock();
        Self::erase(&mut state);
        let _ = writeln!(std::io::stderr(), "{}", text.as_ref().trim_end_matches('\n'));
        self.draw(&mut state);
    }

    /// One line of JSON on standard output.
    pub(crate) fn json(&self, value: &impl Serialize) {
        if let Ok(text) = serde_json::to_string(value) {
            self.write_out(&text);
        }
    }

    /// Text on standard output as it is, for whomever.
    pub(crate) fn raw(&self, text: &str) {
        self.write_out(text);
    }

    fn write_out(&self, text: &str) {
        let mut state = self.lock();
        Self::erase(&mut state);
        let mut out = std::io::stdout().lock();
        let written = writeln!(out, "{}", text.trim_end_matches('\n')).and_then(|()| out.flush());
        if written.is_err() {
            self.closed.store(true, Ordering::Relaxed);
        }
        self.draw(&mut state);
    }

    /// Begins or changes the updating line; without a terminal nothing is shown.
    pub(crate) fn live(&self, text: &str) {
        let mut state = self.lock();
        state.live = Some((visible(text), Instant::now()));
        Self::erase(&mut state);
        self.draw(&mut state);
    }

    /// Ends the updating line.
    pub(crate) fn calm(&self) {
        let mut state = self.lock();
        Self::erase(&mut state);
        state.live = None;
    }

    /// Does `work` with the updating line out of the way: for questions.
    pub(crate) fn paused<T>(&self, work: impl FnOnce() -> T) -> T {
        {
            let mut state = self.lock();
            Self::erase(&mut state);
            state.paused = true;
        }
        let result = work();
        self.lock().paused = false;
        result
    }

    fn tick(&self) {
        let mut state = self.lock();
        if state.live.is_some() && !state.paused {
            state.frame = (state.frame + 1) % FRAMES.len();
            self.draw(&mut state);
        }
    }

    fn erase(state: &mut State) {
        if std::mem::take(&mut state.drawn) {
            let mut err = std::io::stderr();
            let _ = err.write_all(b"\r\x1b[2K").and_then(|()| err.flush());
        }
    }

    fn draw(&self, state: &mut State) {
        let Some((text, since)) = &state.live else { return };
        if !self.updating || state.paused {
            return;
        }
        let frame = FRAMES.get(state.frame).copied().unwrap_or("…");
        let elapsed = words::duration(Duration::from_secs(since.elapsed().as_secs()));
        let elapsed = elapsed.replace(".0 s", " s");
        let room = columns().saturating_sub(elapsed.chars().count() + 5);
        let line = format!("\r\x1b[2K{} {}  {}", self.err.cyan(frame), cut(text, room), self.err.dim(elapsed));
        let mut err = std::io::stderr();
        let _ = err.write_all(line.as_bytes()).and_then(|()| err.flush());
        state.drawn = true;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Columns of the terminal behind standard error.
fn columns() -> usize {
    #[cfg(unix)]
    if let Ok(size) = rustix::termios::tcgetwinsize(std::io::stderr())
        && size.ws_col > 0
    {
        return usize::from(size.ws_col);
    }
    80
}
