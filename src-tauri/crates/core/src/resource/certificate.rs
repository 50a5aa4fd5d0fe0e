//! A self-signed certificate with its key, made on this computer.

use serde::{Deserialize, Serialize};

use super::difference::{Difference, Removal};
use super::file::{FileContent, FileWrite};
use super::review::{Heading, Verb};
use super::{Context, Effect, Id, Kind, NoPayload, Payloads, Recorded, Scope, Supply, Work};
use crate::command::Command;
use crate::facts::paths::PathState;
use crate::notice::Notices;
use crate::seen::Questions;

/// Days for which it is valid: browsers refuse longer ones (825 days, since 2019).
const DAYS: u64 = 397;
/// It is replaced when fewer than this many days are left.
const RENEW_DAYS: u64 = 30;
const DAY: u64 = 86_400;

/// A certificate that must be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// Directory that holds `fullchain.pem` and `privkey.pem`.
    pub directory: String,
    /// DNS names and addresses.
    pub names: Vec<String>,
    /// Seconds since 1970, now, by this computer's clock.
    pub now: u64,
}

/// What is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateRecord {
    /// Names in it.
    pub names: Vec<String>,
    /// When it expires, seconds since 1970.
    pub expires: u64,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "does", rename_all = "kebab-case")]
pub enum CertificateChange {
    /// Makes one and puts it in place, key first.
    Make {
        /// Directory for both files.
        directory: String,
        /// DNS names and addresses.
        names: Vec<String>,
        /// Seconds since 1970 from which on it is valid: a day before it is made, for clocks that are a little behind.
        from: u64,
        /// Seconds since 1970 until which it is valid.
        until: u64,
    },
    /// Removes both files.
    Remove {
        /// Directory of both.
        directory: String,
    },
}

/// Paths of a certificate and its key.
pub fn paths(directory: &str) -> [String; 2] {
    [certificate(directory), key(directory)]
}

fn certificate(directory: &str) -> String {
    format!("{directory}/fullchain.pem")
}

fn key(directory: &str) -> String {
    format!("{directory}/privkey.pem")
}

impl Certificate {
    /// Why it must be made; none: what is there will do.
    fn reason(&self, recorded: Recorded<'_, CertificateRecord>, context: &Context<'_>) -> Option<&'static str> {
        let there = paths(&self.directory).iter().all(|path| matches!(context.seen.path(path), PathState::File { .. }));
        match recorded.there {
            _ if !there => {
                Some("browsers need an encrypted connection; this one is signed by itself, so they will warn")
            }
            None => Some("the certificate that is there was not made by Slipway for this site"),
            Some(record) if record.names != self.names => Some("the site's domains have changed"),
            Some(record) if record.expires < self.now + RENEW_DAYS * DAY => Some("it expires within 30 days"),
            Some(_) => None,
        }
    }
}

impl Kind for Certificate {
    const NAME: &'static str = "certificate";
    type Record = CertificateRecord;
    type Change = CertificateChange;

    fn name(&self) -> String {
        self.directory.clone()
    }

    fn scope(&self) -> Scope {
        Scope::Site
    }

    fn needs(&self) -> Vec<Id> {
        vec![super::directory::Directory::id_of(&self.directory)]
    }

    fn effects(&self) -> Vec<Effect> {
        vec![Effect::Nginx]
    }

    fn record(&self) -> CertificateRecord {
        CertificateRecord { names: self.names.clone(), expires: self.now + DAYS * DAY }
    }

    fn kept(&self, there: &CertificateRecord) -> CertificateRecord {
        there.clone()
    }

    fn paths_of(name: &str, _record: &CertificateRecord) -> Vec<String> {
        paths(name).to_vec()
    }

    fn ask(&self, _recorded: Recorded<'_, CertificateRecord>, questions: &mut Questions) {
        questions.path(certificate(&self.directory));
        questions.path(key(&self.directory));
    }

    fn ask_of(name: &str, _recorded: Recorded<'_, CertificateRecord>, questions: &mut Questions) {
        questions.path(certificate(name));
        questions.path(key(name));
    }

    fn put(
        &self,
        recorded: Recorded<'_, CertificateRecord>,
        context: &Context<'_>,
        _notices: &mut Notices,
    ) -> Option<Difference<CertificateChange>> {
        let reason = self.reason(recorded, context)?;
        let change = CertificateChange::Make {
            directory: self.directory.clone(),
            names: self.names.clone(),
            from: self.now.saturating_sub(DAY),
            until: self.now + DAYS * DAY,
        };
        let title = format!("Make a self-signed certificate for {}", self.names.join(", "));
        let id = Self::id_of(&self.directory);
        let mut difference = Difference::new(id, Heading::Certificate, Verb::Create, title, reason, change);
        difference.effects = self.effects();
        Some(difference)
    }

    fn remove(
        name: &str,
        _recorded: Recorded<'_, CertificateRecord>,
        context: &Context<'_>,
        _notices: &mut Notices,
    ) -> Removal<CertificateChange> {
        let (certificate, key) = (certificate(name), key(name));
        let taken = context.wanted_paths.contains(&certificate) || context.wanted_paths.contains(&key);
        let there = context.seen.exists(&certificate) | context.seen.exists(&key);
        if taken || !there {
            return Removal::Gone;
        }
        // Releases that can be rolled back to may be served with it for as long as the site is there.
        if context.leaving.is_none() {
            return Removal::Stays;
        }
        let change = CertificateChange::Remove { directory: name.to_owned() };
        let title = format!("Remove the certificate and its key from {name}");
        let reason = "no server of the site uses it any more";
        let id = Self::id_of(name);
        Removal::Change(Box::new(Difference::new(id, Heading::Certificate, Verb::Remove, title, reason, change)))
    }

    fn work(change: &CertificateChange, payloads: &Payloads) -> Result<Work, NoPayload> {
        Ok(Work::Commands(match change {
            CertificateChange::Make { directory, .. } => {
                let write = |path: String, mode: u32| {
                    let content = FileContent::Secret { masked: String::new() };
                    let (owner, group) = ("root".to_owned(), "root".to_owned());
                    let effects = Vec::new();
                    // Both are made anew each time: what is there does not matter.
                    FileWrite { path, mode, owner, group, content, effects, expected: None, keep: None, stage: None }
                        .command_over(payloads)
                };
                vec![write(key(directory), 0o600)?, write(certificate(directory), 0o644)?]
            }
            CertificateChange::Remove { directory } => {
                vec![Command::new(["rm", "-f", "--", &certificate(directory), &key(directory)])]
            }
        }))
    }

    fn supplies(change: &CertificateChange) -> Vec<Supply> {
        match change {
            CertificateChange::Make { directory, names, from, until } => vec![Supply::SelfSigned {
                names: names.clone(),
                from: *from,
                until: *until,
                certificate: certificate(directory),
                key: key(directory),
            }],
            CertificateChange::Remove { .. } => Vec::new(),
        }
    }

    fn about(change: &CertificateChange) -> Vec<String> {
        match change {
            CertificateChange::Make { directory, names, from, until } => {
                let days = until.saturating_sub(*from) / DAY - 1;
                vec![format!("for {}, valid {days} days, in {directory}", names.join(", "))]
            }
            CertificateChange::Remove { directory } => vec![certificate(directory), key(directory)],
        }
    }
}
