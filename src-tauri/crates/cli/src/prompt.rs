//! Questions to the person at the terminal: passwords without echo, unknown host keys, yes or no.
//!
//! Answers are kept in memory for as long as the command runs, so that connecting again does not ask again.

use std::collections::HashMap;
use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use slipway_core::secret::Secret;
use slipway_host::{Challenge, Credentials, Decision, HostKeyDecision, Observer, PresentedKey, Step, Target};

use crate::print::screen::Screen;
use crate::print::text::visible;

type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Whether somebody can be asked on standard input.
pub(crate) fn somebody_there() -> bool {
    std::io::stdin().is_terminal()
}

/// Asks a yes-or-no question; anything but `y` or `yes` is no.
pub(crate) async fn confirm(screen: &Arc<Screen>, question: &str) -> bool {
    let (screen, question) = (screen.clone(), question.to_owned());
    let asked = tokio::task::spawn_blocking(move || {
        screen.paused(|| {
            let mut err = std::io::stderr();
            let _ = write!(err, "{question} [y/N] ").and_then(|()| err.flush());
            let mut line = String::new();
            let read = std::io::stdin().read_line(&mut line);
            read.is_ok() && matches!(line.trim().to_lowercase().as_str(), "y" | "yes")
        })
    });
    asked.await.unwrap_or(false)
}

/// Asks for a value without echo; none when there is no terminal or nothing was typed.
pub(crate) async fn hidden(screen: &Arc<Screen>, question: &str) -> Option<Secret> {
    let (screen, question) = (screen.clone(), format!("{}: ", visible(question.trim_end_matches([':', ' ']))));
    let asked = tokio::task::spawn_blocking(move || {
        // The terminal itself is asked, as ssh does, so that standard input may be something else.
        screen.paused(|| rpassword::prompt_password(question).ok())
    });
    asked.await.ok().flatten().filter(|text| !text.is_empty()).map(|text| Secret::new(text.into_bytes()))
}

/// Answers for the connections of one command.
pub(crate) struct Asker {
    screen: Arc<Screen>,
    known: Mutex<HashMap<String, Secret>>,
    keys: Mutex<HashMap<String, String>>,
    steps: Steps,
}

/// Whether steps of connecting are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Steps {
    /// Each as a line.
    Shown,
    /// Only what cannot wait.
    Quiet,
}

impl Asker {
    /// Asks on `screen`.
    pub(crate) fn new(screen: Arc<Screen>, steps: Steps) -> Arc<Self> {
        Arc::new(Self { screen, known: Mutex::default(), keys: Mutex::default(), steps })
    }

    /// Whether it shows each step.
    pub(crate) fn steps(&self) -> Steps {
        self.steps
    }

    /// Fingerprint of the key that `host` showed.
    pub(crate) fn key_of(&self, host: &str) -> Option<String> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).get(host).cloned()
    }

    async fn ask(&self, key: String, question: String) -> Option<Secret> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if known.is_some() {
            return known;
        }
        let answer = hidden(&self.screen, &question).await?;
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(key, answer.clone());
        Some(answer)
    }
}

fn who(target: &Target) -> String {
    if target.name == target.address {
        format!("{}@{}", target.user, target.address)
    } else {
        format!("{}@{} ({})", target.user, target.address, target.name)
    }
}

impl Credentials for Asker {
    fn password<'a>(&'a self, target: &'a Target) -> Answer<'a, Option<Secret>> {
        let key = format!("password {}@{}:{}", target.user, target.address, target.port);
        Box::pin(self.ask(key, format!("Password of {}", who(target))))
    }

    fn passphrase<'a>(&'a self, _target: &'a Target, key: &'a Path, attempt: u8) -> Answer<'a, Option<Secret>> {
        let name = format!("passphrase {} {attempt}", key.display());
        let again = if attempt > 1 { "That was not it. " } else { "" };
        Box::pin(self.ask(name, format!("{again}Passphrase of the key {}", key.display())))
    }

    fn keyboard_interactive<'a>(&'a self, target: &'a Target, asked: &'a Challenge) -> Answer<'a, Option<Vec<Secret>>> {
        Box::pin(async move {
            if let [question] = asked.questions.as_slice()
                && !question.echo
            {
                // One hidden question is the login's password.
                return None;
            }
            for text in [&asked.name, &asked.instructions] {
                text.lines().for_each(|line| self.screen.note(format!("{}: {}", who(target), visible(line))));
            }
            let mut answers = Vec::new();
            for question in &asked.questions {
                // One-time codes must not be repeated, so these answers are not kept.
                answers.push(hidden(&self.screen, &format!("{} asks: {}", who(target), question.text)).await?);
            }
            Some(answers)
        })
    }

    fn sudo_password<'a>(&'a self, target: &'a Target) -> Answer<'a, Option<Secret>> {
        let key = format!("sudo {}@{}:{}", target.user, target.address, target.port);
        Box::pin(self.ask(key, format!("sudo password of {}", who(target))))
    }
}

impl HostKeyDecision for Asker {
    fn unknown<'a>(&'a self, key: &'a PresentedKey) -> Answer<'a, Decision> {
        Box::pin(async move {
            if !somebody_there() {
                return Decision::Reject;
            }
            self.screen.note(describe(key));
            match confirm(&self.screen, "Is this the host's key? It will be remembered").await {
                true => Decision::Remember,
                false => Decision::Reject,
            }
        })
    }
}

/// A host key for comparing by eye.
pub(crate) fn describe(key: &PresentedKey) -> String {
    let mut text = format!(
        "{} ({} port {}) is not known yet. It shows this {} key:\n\n  {}\n\n",
        visible(&key.name),
        visible(&key.address),
        key.port,
        visible(&key.algorithm),
        key.fingerprint
    );
    key.randomart.lines().for_each(|line| text.push_str(&format!("  {}\n", visible(line))));
    text.push_str(
        "\nCompare it with what the host's own console shows: ssh-keygen -lvf /etc/ssh/ssh_host_ed25519_key.pub\n",
    );
    text
}

impl Observer for Asker {
    fn step(&self, step: Step) {
        if let Step::HostKey { host, key } = &step {
            let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
            keys.insert(host.clone(), key.fingerprint.clone());
        }
        let shown = self.steps == Steps::Shown || self.screen.verbose;
        match describe_step(&step) {
            Told::Step(text) if shown => self.screen.note(format!("  {text}")),
            Told::Step(text) => self.screen.live(&text),
            Told::Remote(text) if shown => self.screen.note(text),
            Told::Remote(_) => {}
            Told::Warning(text) => self.screen.note(format!("{} {text}", self.screen.err.yellow("▲"))),
        }
    }
}

enum Told {
    Step(String),
    Remote(String),
    Warning(String),
}

fn describe_step(step: &Step) -> Told {
    match step {
        Step::Resolving { host } => Told::Step(format!("{}: looking its address up", visible(host))),
        Step::Connecting { host, address } => {
            Told::Step(format!("{}: connecting to {}", visible(host), visible(address)))
        }
        Step::HostKey { host, key } => {
            Told::Step(format!("{}: checking its {} key {}", visible(host), visible(&key.algorithm), key.fingerprint))
        }
        Step::NotRemembered { host, why } => {
            Told::Warning(format!("{}: its key could not be recorded: {}", visible(host), visible(why)))
        }
        Step::Authenticating { host, method } => {
            Told::Step(format!("{}: logging in, {}", visible(host), visible(method)))
        }
        Step::Banner { host, text } => {
            let lines: Vec<String> =
                text.lines().map(|line| format!("  {} │ {}", visible(host), visible(line))).collect();
            Told::Remote(lines.join("\n"))
        }
        Step::OpeningPrivilegedChannel { host } => Told::Step(format!("{}: becoming root", visible(host))),
        Step::Ready { host } => Told::Step(format!("{}: ready", visible(host))),
    }
}
