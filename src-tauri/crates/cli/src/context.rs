//! What every command works with: the terminal, the desk, the site file, the connection.

use std::path::Path;
use std::sync::Arc;

use serde::Serialize;
use slipway_core::event::Verdict;
use slipway_core::facts::Facts;
use slipway_core::site::Diagnostic;
use slipway_engine::clock;
use slipway_engine::desk::Desk;
use slipway_engine::desk::dial::Parties;
use slipway_engine::failure::{Code, Failure};
use slipway_engine::inventory::{Host, HostName};
use slipway_engine::link::Link;
use slipway_engine::observe;
use slipway_engine::secrets::{Environment, OnDemand, SecretStore};
use slipway_engine::site_file::{SiteFile, SiteFileError, read_site_file};
use slipway_engine::surroundings::Surroundings;

use crate::args::{AllowArguments, Global};
use crate::exit::Exit;
use crate::interrupt::Interrupt;
use crate::print::screen::{Reader, Screen};
use crate::print::text::visible;
use crate::prompt::{Asker, Steps};

/// Why a command ended early.
#[derive(Debug)]
pub(crate) enum Stop {
    /// It failed.
    Failed(Failure),
    /// The site file has mistakes; all of them are shown.
    WrongSite {
        /// Its path, for the messages.
        path: String,
        /// Its text.
        text: String,
        /// The mistakes and warnings.
        diagnostics: Vec<Diagnostic>,
    },
    /// The person said no.
    Declined,
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// What a command gives back.
pub(crate) type Outcome = Result<Exit, Stop>;

/// What every command works with.
pub(crate) struct Context {
    /// What was typed before or after the command.
    pub(crate) global: Global,
    /// The terminal.
    pub(crate) screen: Arc<Screen>,
    /// Ctrl-C.
    pub(crate) interrupt: Interrupt,
    /// What the process was started with.
    pub(crate) surroundings: Surroundings,
    /// Name of the command, for JSON.
    pub(crate) command: &'static str,
}

/// A document for programs.
#[derive(Serialize)]
struct Document<'a, T> {
    schema: u32,
    command: &'a str,
    ok: bool,
    result: T,
}

impl Context {
    /// Opens the desk. The keyring is not touched until a secret is needed.
    pub(crate) fn desk(&self) -> Result<Desk, Failure> {
        let secrets: Arc<dyn SecretStore> = match &self.global.secrets_from_env {
            Some(prefix) => Arc::new(Environment::new(prefix, self.surroundings.variables.clone())),
            None => Arc::new(OnDemand::default()),
        };
        Desk::open(self.surroundings.clone(), secrets, Arc::new(clock::System))
    }

    /// Reads the site file of `--site`; warnings are shown.
    pub(crate) fn site_file(&self) -> Result<SiteFile, Stop> {
        let file = read_site(&self.global.site)?;
        if !file.warnings.is_empty() {
            let name = self.global.site.display().to_string();
            self.screen.note(slipway_core::site::render_all(&file.warnings, &name, &file.text));
        }
        Ok(file)
    }

    /// Connects to a host of the inventory.
    pub(crate) async fn link(&self, desk: &Desk, name: &HostName) -> Result<Arc<Link>, Failure> {
        let host = desk.inventory.host(name).map_err(Failure::from)?;
        self.connect(desk, &host, Steps::Quiet).await
    }

    /// Connects to `host`, which need not be in the inventory yet.
    pub(crate) async fn connect(&self, desk: &Desk, host: &Host, steps: Steps) -> Result<Arc<Link>, Failure> {
        self.connect_as(desk, host, Asker::new(self.screen.clone(), steps)).await
    }

    /// Connects, with `asker` for every question.
    pub(crate) async fn connect_as(&self, desk: &Desk, host: &Host, asker: Arc<Asker>) -> Result<Arc<Link>, Failure> {
        let resolved = desk.target(host)?;
        let tell = || resolved.problems.iter().for_each(|problem| self.warn(&problem.to_string()));
        // Somebody who works with a host every day has read them; they matter again when it cannot be reached.
        let now = asker.steps() == Steps::Shown || self.screen.verbose;
        if now {
            tell();
        }
        let mut target = resolved.target.clone();
        target.fingerprint.clone_from(&self.global.accept_host_key);
        let parties = Parties { credentials: asker.clone(), decision: asker.clone(), observer: asker };
        let link = Link::open(host.name.as_str(), Desk::dial(target, parties)).await;
        self.screen.calm();
        if link.is_err() && !now {
            tell();
        }
        Ok(Arc::new(link?))
    }

    /// Looks at the host and remembers what was seen.
    pub(crate) async fn facts(&self, desk: &Desk, link: &Link) -> Result<Facts, Failure> {
        self.screen.live(&format!("looking at {}", link.name()));
        let connection = link.connection().await;
        let facts = observe::facts(&connection).await;
        self.screen.calm();
        let facts = facts?;
        if let Ok(name) = link.name().parse::<HostName>() {
            // A host that is only being tried is not there to be remembered.
            let _ = desk.inventory.saw_host(&name, &facts, desk.clock.now());
        }
        Ok(facts)
    }

    /// Something a person should know, on standard error.
    pub(crate) fn warn(&self, text: &str) {
        self.screen.note(format!("{} {}", self.screen.err.yellow("▲"), visible(text)));
    }

    /// The answer to a query: `text` for a person, `result` for a program.
    pub(crate) fn answer(&self, result: impl Serialize, text: impl AsRef<str>) {
        match self.screen.reader {
            Reader::Program => self.document(result),
            Reader::Person => self.screen.say(text),
        }
    }

    fn document(&self, result: impl Serialize) {
        self.screen.json(&Document { schema: 1, command: self.command, ok: true, result });
    }

    /// The last line of a run for a program.
    pub(crate) fn run_document(&self, verdict: &Verdict, plan: &str, exit: Exit) {
        #[derive(Serialize)]
        struct Ended<'a> {
            verdict: slipway_core::event::VerdictKind,
            summary: &'a str,
            evidence: &'a [String],
            #[serde(skip_serializing_if = "Option::is_none")]
            hint: Option<&'a str>,
            log: &'a [String],
            plan: &'a str,
            exit: u8,
        }
        let result = Ended {
            verdict: verdict.kind,
            summary: &verdict.summary,
            evidence: &verdict.evidence,
            hint: verdict.hint.as_deref(),
            log: &verdict.log,
            plan,
            exit: exit.number(),
        };
        let ok = matches!(exit, Exit::Done | Exit::Unchanged);
        self.screen.json(&Document { schema: 1, command: self.command, ok, result });
    }

    /// Asks whether to go on, unless `--yes` was given.
    pub(crate) async fn agreed(&self, question: &str) -> Result<(), Stop> {
        if self.global.yes {
            return Ok(());
        }
        if !crate::prompt::somebody_there() {
            return Err(Failure::new(Code::Usage, "there is no terminal to ask on; nothing was changed")
                .hint("say --yes to go on without being asked")
                .into());
        }
        if crate::prompt::confirm(&self.screen, question).await { Ok(()) } else { Err(Stop::Declined) }
    }
}

/// Remembers what was allowed on the command line, before anything is planned.
pub(crate) fn allow(desk: &Desk, file: &SiteFile, arguments: AllowArguments) -> Result<(), Failure> {
    if arguments.trust_source {
        desk.trust_source(file)?;
    }
    if arguments.allow_outside {
        desk.allow_outside(file)?;
    }
    Ok(())
}

/// Reads a site file.
pub(crate) fn read_site(path: &Path) -> Result<SiteFile, Stop> {
    read_site_file(path).map_err(|error| match error {
        SiteFileError::Unreadable(failure) => Stop::Failed(failure),
        SiteFileError::Wrong { text, diagnostics, .. } => {
            Stop::WrongSite { path: path.display().to_string(), text, diagnostics }
        }
    })
}
