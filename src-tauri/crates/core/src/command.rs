//! Commands as data, and what came back from running them.
//!
//! A [`Command`] is built by pure code and run by `slipway-host`. It is an
//! argument vector plus standard input, never shell text: a probe that needs a
//! shell is `["sh", "-c", CONSTANT, "sh", value, …]` with values as positional
//! parameters.

use std::time::Duration;

use crate::secret::Secret;

/// What a command reads on standard input.
#[derive(Debug, Clone, Default)]
pub enum Stdin {
    /// End of file at once.
    #[default]
    Empty,
    /// These bytes, which may be shown in a plan.
    Bytes(Vec<u8>),
    /// A value that must not be seen.
    Secret(Secret),
    /// Bytes that the command reads while they arrive. When the link breaks in the middle it has read what came, so it must be one
    /// that may be run again; every other command is not begun before all of its input is there.
    Arriving(Vec<u8>),
}

impl Stdin {
    /// The bytes to send.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Empty => &[],
            Self::Bytes(bytes) | Self::Arriving(bytes) => bytes,
            Self::Secret(secret) => secret.expose(),
        }
    }
}

/// One command to run on a host with full privilege.
#[derive(Debug, Clone)]
pub struct Command {
    /// Program and arguments; never a secret among them.
    pub argv: Vec<String>,
    /// Standard input.
    pub stdin: Stdin,
    /// After this long the command and its children are killed (SIGTERM, 2 s later SIGKILL).
    pub timeout: Duration,
    /// Bytes of standard output kept; more is cut and flagged, never an error by itself.
    pub output_limit: usize,
}

impl Command {
    /// Runs `argv` with no input, a minute of time and 1 MiB of output.
    pub fn new<S: Into<String>>(argv: impl IntoIterator<Item = S>) -> Self {
        Self {
            argv: argv.into_iter().map(Into::into).collect(),
            stdin: Stdin::Empty,
            timeout: Duration::from_secs(60),
            output_limit: 1 << 20,
        }
    }

    /// Runs a constant POSIX shell script with `arguments` as `$1`, `$2`, …. Lines that are nothing but a comment stay here.
    pub fn script<S: Into<String>>(script: &'static str, arguments: impl IntoIterator<Item = S>) -> Self {
        let head = ["sh", "-c", &lean(script), "sh"].map(str::to_owned);
        Self::new(head.into_iter().chain(arguments.into_iter().map(Into::into)))
    }

    /// Sets standard input.
    #[must_use]
    pub fn stdin(mut self, stdin: Stdin) -> Self {
        self.stdin = stdin;
        self
    }

    /// Sets the time limit.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets the limit of kept output, bytes.
    #[must_use]
    pub fn output_limit(mut self, bytes: usize) -> Self {
        self.output_limit = bytes;
        self
    }
}

/// A script without the lines that are nothing but a comment: those are for whoever reads it here.
pub(crate) fn lean(script: &str) -> String {
    script.split_inclusive('\n').filter(|line| !line.trim_start().starts_with('#')).collect()
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It ended by itself with this status (0 to 255; 127: not found; 128+n: killed by signal n).
    Code(u8),
    /// Its time limit ran out.
    TimedOut,
    /// An earlier command of the same batch failed, so it was not started.
    Skipped,
}

/// What one command left behind.
#[derive(Debug, Clone)]
pub struct Output {
    /// How it ended.
    pub exit: Exit,
    /// Standard output, at most the command's limit.
    pub stdout: Vec<u8>,
    /// Standard error, at most 64 KiB.
    pub stderr: Vec<u8>,
    /// Whether `stdout` or `stderr` was cut.
    pub truncated: bool,
}

impl Output {
    /// Whether it ended with status 0.
    pub fn success(&self) -> bool {
        self.exit == Exit::Code(0)
    }

    /// Standard output as text; bytes that are not UTF-8 are replaced.
    pub fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.stdout)
    }

    /// The last non-empty line of standard error, or of standard output: what a person wants to see first.
    pub fn complaint(&self) -> String {
        let last = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes).into_owned();
            text.lines().map(str::trim).rfind(|line| !line.is_empty()).map(str::to_owned)
        };
        last(&self.stderr).or_else(|| last(&self.stdout)).unwrap_or_default()
    }
}
