//! The person's `ssh_config`, as far as Slipway needs it: text in, the settings of one host out.
//!
//! Pure; [`files`] reads. Everything that would change how OpenSSH connects and
//! that is not understood here becomes a [`Problem`], so that nobody wonders
//! why `ssh` works and Slipway does not. Source: `ssh_config(5)` and OpenSSH's `readconf.c`.

mod expand;
pub mod files;
mod jump;
mod keyword;
mod words;

pub use jump::JumpHost;

use std::path::PathBuf;

use crate::known_hosts::pattern::matches;
use keyword::Keyword;

/// Deepest chain of `Include` (`readconf.c`, `READCONF_MAX_DEPTH`).
const DEEPEST_INCLUDE: usize = 16;

/// Something in the configuration that was not followed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The file.
    pub file: PathBuf,
    /// Line, from 1.
    pub line: usize,
    /// What it is and what it means.
    pub text: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: {}", self.file.display(), self.line, self.text)
    }
}

/// A configuration file's text with its name.
#[derive(Debug, Clone)]
pub struct Source {
    /// The file.
    pub file: PathBuf,
    /// What it holds.
    pub text: String,
}

/// Gives the files for the pattern of an `Include` line; first comes the file that holds the line.
pub type Include<'a> = dyn FnMut(&std::path::Path, &str) -> Result<Vec<Source>, String> + 'a;

/// What the configuration says about the person's machine.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// Home directory of the person.
    pub home: PathBuf,
    /// Login name of the person here, the default for the host too.
    pub user: String,
}

/// Which agent to use.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum IdentityAgent {
    /// The one of the person's session.
    #[default]
    Session,
    /// None.
    None,
    /// The one at this socket.
    Socket(PathBuf),
}

/// What the configuration comes to for one host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// Host name or address to connect to, lower case.
    pub host_name: String,
    /// Login name.
    pub user: String,
    /// TCP port.
    pub port: u16,
    /// Private keys in the order of the files; `None` when none is named, which means OpenSSH's defaults.
    pub identity_files: Option<Vec<PathBuf>>,
    /// Certificates.
    pub certificate_files: Vec<PathBuf>,
    /// Whether only the keys named here are used.
    pub identities_only: bool,
    /// The agent.
    pub identity_agent: IdentityAgent,
    /// Hosts to go through.
    pub jumps: Vec<JumpHost>,
    /// The person's known-hosts files.
    pub user_known_hosts: Vec<PathBuf>,
    /// The machine's known-hosts files.
    pub global_known_hosts: Vec<PathBuf>,
    /// Whether names are hashed when a host key is added.
    pub hash_known_hosts: bool,
    /// The name host keys are looked up under.
    pub host_key_alias: Option<String>,
    /// What was not followed.
    pub problems: Vec<Problem>,
}

/// Values as written, the first of each kind.
#[derive(Debug, Default)]
struct Raw {
    host_name: Option<String>,
    user: Option<String>,
    port: Option<u16>,
    identity_files: Vec<String>,
    certificate_files: Vec<String>,
    identities_only: Option<bool>,
    identity_agent: Option<String>,
    jumps: Option<Vec<JumpHost>>,
    /// `ProxyCommand` came first, so that a later `ProxyJump` means nothing.
    proxy_command: bool,
    user_known_hosts: Option<Vec<String>>,
    global_known_hosts: Option<Vec<String>>,
    hash_known_hosts: Option<bool>,
    host_key_alias: Option<String>,
}

/// Resolves what `sources` say about the host that the person calls `name`. Earlier sources win.
///
/// `include` gives the files for the (expanded, maybe relative) pattern of an `Include` in the file given first.
pub fn resolve<'a>(
    name: &'a str,
    sources: &[Source],
    surroundings: &'a Surroundings,
    include: &'a mut Include<'a>,
) -> Settings {
    let mut reader = Reader { name, surroundings, include, raw: Raw::default(), problems: Vec::new() };
    for source in sources {
        let mut scope = Scope::Active;
        reader.read(source, &mut scope, false, 0);
    }
    let Reader { raw, mut problems, .. } = reader;
    let mut settings = expand::finish(raw, name, surroundings, &mut problems);
    problems.sort();
    problems.dedup();
    settings.problems = problems;
    settings
}

/// Whether lines count at this place of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    Active,
    Inactive,
    /// A `Match` block that cannot be judged here.
    Unjudged,
}

struct Reader<'a> {
    name: &'a str,
    surroundings: &'a Surroundings,
    include: &'a mut Include<'a>,
    raw: Raw,
    problems: Vec<Problem>,
}

/// A line being read.
struct Line<'a> {
    source: &'a Source,
    number: usize,
    word: &'a str,
    arguments: Vec<String>,
}

impl Reader<'_> {
    /// Reads one file. `never`: it was included where lines do not count, so no `Host` in it can match.
    fn read(&mut self, source: &Source, scope: &mut Scope, never: bool, depth: usize) {
        for (index, text) in source.text.split('\n').enumerate() {
            let Some((word, rest)) = words::keyword(text) else { continue };
            let number = index + 1;
            let Some(arguments) = words::split(rest) else {
                self.problem(source, number, format!("{word}: quotes do not match; the line is ignored"));
                continue;
            };
            let line = Line { source, number, word, arguments };
            match keyword::recognise(word) {
                Keyword::Host => *scope = self.host(&line, never),
                Keyword::Match => *scope = self.match_block(&line, never),
                Keyword::Include => self.include(&line, *scope, never, depth),
                keyword => self.setting(&line, keyword, *scope, never),
            }
        }
    }

    fn problem(&mut self, source: &Source, line: usize, text: impl Into<String>) {
        self.problems.push(Problem { file: source.file.clone(), line, text: text.into() });
    }

    fn complain(&mut self, line: &Line<'_>, text: impl AsRef<str>) {
        self.problem(line.source, line.number, format!("{}: {}", line.word, text.as_ref()));
    }

    fn host(&mut self, line: &Line<'_>, never: bool) -> Scope {
        let mut scope = Scope::Inactive;
        for pattern in &line.arguments {
            let (negated, pattern) = match pattern.strip_prefix('!') {
                Some(rest) => (true, rest),
                None => (false, pattern.as_str()),
            };
            // As in OpenSSH, the name is compared as it was typed, with its case.
            if matches(self.name.as_bytes(), pattern.as_bytes()) {
                if negated {
                    return Scope::Inactive;
                }
                scope = Scope::Active;
            }
        }
        if never { Scope::Inactive } else { scope }
    }

    fn match_block(&mut self, line: &Line<'_>, never: bool) -> Scope {
        let words: Vec<String> = line.arguments.iter().map(|word| word.to_ascii_lowercase()).collect();
        match words.as_slice() {
            [all] if all == "all" => {
                if never {
                    Scope::Inactive
                } else {
                    Scope::Active
                }
            }
            _ if never => Scope::Inactive,
            _ => Scope::Unjudged,
        }
    }

    fn include(&mut self, line: &Line<'_>, scope: Scope, never: bool, depth: usize) {
        if depth >= DEEPEST_INCLUDE {
            self.complain(line, "too deep, perhaps a circle; it is ignored");
            return;
        }
        if scope == Scope::Unjudged {
            self.complain(line, "it stands in a Match block that Slipway cannot judge, so it is ignored");
            return;
        }
        for argument in &line.arguments {
            let pattern = match expand::home(argument, self.surroundings) {
                Ok(pattern) => pattern,
                Err(why) => {
                    self.complain(line, why);
                    continue;
                }
            };
            match (self.include)(&line.source.file, &pattern) {
                Ok(sources) => {
                    for source in sources {
                        let mut inner = scope;
                        self.read(&source, &mut inner, never || scope != Scope::Active, depth + 1);
                    }
                }
                Err(why) => self.complain(line, why),
            }
        }
    }

    fn setting(&mut self, line: &Line<'_>, keyword: Keyword, scope: Scope, never: bool) {
        match scope {
            Scope::Inactive => return,
            Scope::Active if never => return,
            Scope::Active => {}
            Scope::Unjudged => {
                if !matches!(keyword, Keyword::Irrelevant) {
                    self.complain(line, "it stands in a Match block that Slipway cannot judge, so it is ignored");
                }
                return;
            }
        }
        let Some(first) = line.arguments.first().cloned() else {
            if !matches!(keyword, Keyword::Irrelevant) {
                self.complain(line, "its value is missing; the line is ignored");
            }
            return;
        };
        if let Err(why) = self.apply(line, keyword, first) {
            self.complain(line, why);
        }
    }

    fn apply(&mut self, line: &Line<'_>, keyword: Keyword, first: String) -> Result<(), String> {
        let raw = &mut self.raw;
        match keyword {
            Keyword::Host | Keyword::Match | Keyword::Include | Keyword::Irrelevant => {}
            Keyword::HostName => set(&mut raw.host_name, first),
            Keyword::User => set(&mut raw.user, first),
            Keyword::Port => match first.parse::<u16>() {
                Ok(port) if port != 0 => set(&mut raw.port, port),
                Ok(_) | Err(_) => return Err(format!("{first} is not a port")),
            },
            Keyword::IdentityFile => push(&mut raw.identity_files, first),
            Keyword::CertificateFile => push(&mut raw.certificate_files, first),
            Keyword::IdentitiesOnly => set(&mut raw.identities_only, yes_or_no(&first)?),
            Keyword::IdentityAgent => set(&mut raw.identity_agent, first),
            Keyword::ProxyJump if raw.proxy_command => {}
            Keyword::ProxyJump => {
                let jumps = jump::parse(&first)?;
                set(&mut raw.jumps, jumps);
            }
            Keyword::ProxyCommand => {
                if raw.jumps.is_none() && !raw.proxy_command {
                    raw.proxy_command = true;
                    if !first.eq_ignore_ascii_case("none") {
                        return Err("Slipway runs no local program to connect; use ProxyJump".into());
                    }
                }
            }
            Keyword::UserKnownHostsFile => set(&mut raw.user_known_hosts, line.arguments.clone()),
            Keyword::GlobalKnownHostsFile => set(&mut raw.global_known_hosts, line.arguments.clone()),
            Keyword::HashKnownHosts => set(&mut raw.hash_known_hosts, yes_or_no(&first)?),
            Keyword::HostKeyAlias => set(&mut raw.host_key_alias, first),
            Keyword::Unsupported { harmless, why } => {
                if !harmless.iter().any(|value| first.eq_ignore_ascii_case(value)) {
                    return Err(why.to_owned());
                }
            }
            Keyword::Unknown => return Err("Slipway does not know this keyword".into()),
        }
        Ok(())
    }
}

/// The first value wins.
fn set<T>(place: &mut Option<T>, value: T) {
    if place.is_none() {
        *place = Some(value);
    }
}

/// Values add up; one that is there already is not added again (`readconf.c`, `add_identity_file`).
fn push(list: &mut Vec<String>, value: String) {
    if !list.contains(&value) {
        list.push(value);
    }
}

fn yes_or_no(value: &str) -> Result<bool, String> {
    match value.to_ascii_lowercase().as_str() {
        "yes" | "true" => Ok(true),
        "no" | "false" => Ok(false),
        _ => Err(format!("{value} is neither yes nor no")),
    }
}

#[cfg(test)]
mod tests;
