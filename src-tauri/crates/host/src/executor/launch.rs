//! Starting a privileged program: the command line, `sudo`'s questions, the ready line.

use russh::ChannelMsg;
use slipway_core::encode::shell::quote_all;
use slipway_core::secret::Secret;

use super::frame::Preamble;
use crate::error::ConnectError;
use crate::link::{Parties, Pause, STEP_LIMIT};
use crate::target::{Sudo, Target};

/// The loop with its comments.
const LOOP: &str = include_str!("loop.sh");
/// Most bytes of standard error that are taken while starting, besides `sudo`'s question and what comes before it.
const COMPLAINT_LIMIT: usize = 16 << 10;

/// The program that sends on what one command says, with its comments.
const STREAM: &str = include_str!("stream.sh");

/// What to start.
pub(crate) enum Program<'a> {
    /// The loop that takes requests.
    Loop,
    /// One command whose output is sent on as it comes.
    Stream(&'a [String]),
}

/// A privileged channel whose program has said that it is ready.
pub(crate) struct Started {
    pub(crate) read: russh::ChannelReadHalf,
    pub(crate) write: russh::ChannelWriteHalf<russh::client::Msg>,
    pub(crate) nonce: String,
    /// What came together with the ready line.
    pub(crate) rest: Vec<u8>,
}

/// 128 random bits in hex.
pub(crate) fn nonce() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    Ok(slipway_core::digest::hex(&bytes))
}

/// A program without comments and indentation, as it is sent.
fn stripped(program: &str) -> String {
    let lines = program.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.collect::<Vec<_>>().join("\n")
}

/// Starts `program` on `channel` and waits until it is ready.
pub(crate) async fn start(
    channel: russh::Channel<russh::client::Msg>,
    target: &Target,
    parties: &Parties,
    pause: &Pause,
    program: Program<'_>,
) -> Result<Started, ConnectError> {
    let host = target.name.clone();
    let failed = |text: String| ConnectError::NoPrivilegedShell { host: host.clone(), text };
    let nonce = nonce().map_err(|error| failed(error.to_string()))?;
    let prompt = format!("slipway-sudo-{}:", nonce.chars().rev().collect::<String>());
    let (text, arguments) = match program {
        Program::Loop => (stripped(LOOP), &[][..]),
        Program::Stream(argv) => (stripped(STREAM), argv),
    };
    let shell = ["sh", "-c", &text, "slipway", &nonce];
    let sudo: &[&str] = match target.sudo {
        Sudo::Login => &["exec"],
        Sudo::NoPassword => &["exec", "env", "LC_ALL=C", "sudo", "-n", "--"],
        Sudo::Password => &["exec", "env", "LC_ALL=C", "sudo", "-S", "-p", &prompt, "--"],
    };
    // `exec` stays bare so that the login shell does not linger; the words are quoted for any of the usual shells.
    let command = sudo.iter().chain(&shell).copied().chain(arguments.iter().map(String::as_str));
    let command = quote_all(command).map_err(|error| failed(error.to_string()))?;
    let (read, write) = channel.split();
    let mut starting = Starting {
        target,
        parties,
        pause,
        prompt: prompt.into_bytes(),
        preamble: Preamble::new(&nonce),
        rest: Vec::new(),
        complaint: Vec::new(),
        answered: false,
        status: None,
        read,
        write,
    };
    let sent = starting.write.exec(true, command).await;
    sent.map_err(|error| failed(error.to_string()))?;
    match pause.within(STEP_LIMIT, starting.until_ready()).await {
        Some(result) => result?,
        None => return Err(starting.classify("it did not start in time")),
    }
    Ok(Started { read: starting.read, write: starting.write, nonce, rest: starting.rest })
}

struct Starting<'a> {
    target: &'a Target,
    parties: &'a Parties,
    pause: &'a Pause,
    prompt: Vec<u8>,
    preamble: Preamble,
    rest: Vec<u8>,
    complaint: Vec<u8>,
    answered: bool,
    status: Option<u32>,
    read: russh::ChannelReadHalf,
    write: russh::ChannelWriteHalf<russh::client::Msg>,
}

impl Starting<'_> {
    async fn until_ready(&mut self) -> Result<(), ConnectError> {
        loop {
            match self.read.wait().await {
                Some(ChannelMsg::Data { data }) => match self.preamble.push(&data) {
                    Ok(Some(rest)) => {
                        self.rest = rest.to_vec();
                        return Ok(());
                    }
                    Ok(None) => {}
                    Err(broken) => return Err(self.classify(broken.0)),
                },
                Some(ChannelMsg::ExtendedData { data, .. }) => {
                    let room = COMPLAINT_LIMIT.saturating_sub(self.complaint.len());
                    self.complaint.extend_from_slice(data.get(..data.len().min(room)).unwrap_or_default());
                    self.answer_sudo().await?;
                    if data.len() > room {
                        return Err(self.classify("too many complaints before it was ready"));
                    }
                }
                Some(ChannelMsg::ExitStatus { exit_status }) => self.status = Some(exit_status),
                Some(ChannelMsg::Failure) => return Err(self.classify("the host refuses to run commands")),
                Some(ChannelMsg::Close) | None => return Err(self.classify("it ended at once")),
                Some(_) => {}
            }
        }
    }

    /// Sends the password when `sudo` asks; a second question means that it was wrong.
    async fn answer_sudo(&mut self) -> Result<(), ConnectError> {
        let Some(at) = find(&self.complaint, &self.prompt) else { return Ok(()) };
        let host = self.target.name.clone();
        if self.answered {
            return Err(ConnectError::SudoPasswordWrong { host });
        }
        self.complaint.drain(..at + self.prompt.len());
        let asked = self.pause.during(self.parties.credentials.sudo_password(self.target)).await;
        let Some(password) = asked else { return Err(ConnectError::SudoNeedsPassword { host }) };
        self.answered = true;
        let line = zeroize::Zeroizing::new([first_line(&password), b"\n"].concat());
        if self.write.data_bytes(bytes::Bytes::from_owner(line)).await.is_err() {
            return Err(self.classify("the connection was lost"));
        }
        Ok(())
    }

    /// What a failure means, judged by what was said.
    fn classify(&self, otherwise: &str) -> ConnectError {
        let host = self.target.name.clone();
        let said = String::from_utf8_lossy(&self.complaint).trim().to_owned();
        let says = |words: &[&str]| words.iter().any(|word| said.contains(word));
        if self.target.sudo != Sudo::Login {
            if says(&["must have a tty"]) {
                return ConnectError::SudoNeedsTty { host };
            }
            if says(&["a password is required", "no password was provided"]) {
                return ConnectError::SudoNeedsPassword { host };
            }
            if says(&["incorrect password attempt", "Sorry, try again"]) {
                return ConnectError::SudoPasswordWrong { host };
            }
            if says(&["is not in the sudoers", "is not allowed to", "may not run sudo", "not allowed to execute"]) {
                return ConnectError::SudoNotAllowed { host, text: said };
            }
        }
        let meaning = match self.status {
            Some(127) => "the program is missing",
            Some(77) => "the login is not root",
            Some(71) => "no private folder could be made in /run",
            Some(_) | None => otherwise,
        };
        let text = if said.is_empty() { meaning.to_owned() } else { format!("{meaning}: {said}") };
        ConnectError::NoPrivilegedShell { host, text }
    }
}

/// A newline in a password would be taken for its end, and the rest for a request.
fn first_line(password: &Secret) -> &[u8] {
    password.expose().split(|b| *b == b'\n').next().unwrap_or_default()
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_survive_single_quotes_of_every_usual_shell() {
        for text in [stripped(LOOP), stripped(STREAM)] {
            assert!(!text.contains('\''), "fish and others differ about quotes");
            assert!(!text.contains("\\\\"), "fish halves double backslashes inside single quotes");
            assert!(text.is_ascii());
            assert!(!text.lines().any(|line| line.starts_with('#')));
        }
    }
}
