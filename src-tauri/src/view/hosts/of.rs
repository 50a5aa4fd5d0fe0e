//! Hosts of the engine as views.

use std::collections::BTreeMap;

use slipway_core::facts::overview::{Standing, overview};
use slipway_core::facts::{Facts, security};
use slipway_core::readiness;
use slipway_core::secret::Secret;
use slipway_engine::answers::typed;
use slipway_engine::desk::aliases::{self, Alias};
use slipway_engine::desk::{Desk, hosts as form};
use slipway_engine::failure::{Code, Failure as EngineFailure, Outcome};
use slipway_engine::fleet;
use slipway_engine::history::{Filter, RunRecord};
use slipway_engine::inventory::{Host, HostName, KnownSite, SudoMode};
use slipway_engine::need::{self, ShownKey};
use slipway_engine::trial::{self as engine, StepKind, StepState, TrialAnswers, TrialOutcome};

use super::super::word;
use super::*;

impl From<SudoMode> for Sudo {
    fn from(mode: SudoMode) -> Self {
        match mode {
            SudoMode::Auto => Self::Auto,
            SudoMode::Root => Self::Root,
            SudoMode::Passwordless => Self::Passwordless,
            SudoMode::Password => Self::Password,
        }
    }
}

impl From<Sudo> for SudoMode {
    fn from(sudo: Sudo) -> Self {
        match sudo {
            Sudo::Auto => Self::Auto,
            Sudo::Root => Self::Root,
            Sudo::Passwordless => Self::Passwordless,
            Sudo::Password => Self::Password,
        }
    }
}

impl TryFrom<HostForm> for form::HostForm {
    type Error = EngineFailure;
    fn try_from(filled: HostForm) -> Result<Self, EngineFailure> {
        let wrong = |what: &str, why: String| EngineFailure::new(Code::Usage, format!("{what}: {why}"));
        let name = filled.name.trim().parse::<HostName>();
        let tags = filled.tags.iter().map(|tag| tag.parse());
        Ok(Self {
            name: name.map_err(|error| wrong("the name", error.to_string()))?,
            address: filled.address,
            port: filled.port,
            user: filled.user,
            auth: match filled.auth {
                Auth::Config => form::Auth::Config,
                Auth::Agent { fingerprint } => form::Auth::Agent { fingerprint },
                Auth::KeyFile { path } => form::Auth::KeyFile { path },
                Auth::Password => form::Auth::Password,
            },
            jump: filled.jump,
            sudo: filled.sudo.into(),
            tags: tags
                .collect::<Result<_, slipway_engine::inventory::BadTag>>()
                .map_err(|error| wrong("a tag", error.to_string()))?,
        })
    }
}

impl From<form::HostForm> for HostForm {
    fn from(kept: form::HostForm) -> Self {
        Self {
            name: kept.name.to_string(),
            address: kept.address,
            port: kept.port,
            user: kept.user,
            auth: match kept.auth {
                form::Auth::Config => Auth::Config,
                form::Auth::Agent { fingerprint } => Auth::Agent { fingerprint },
                form::Auth::KeyFile { path } => Auth::KeyFile { path },
                form::Auth::Password => Auth::Password,
            },
            jump: kept.jump,
            sudo: kept.sudo.into(),
            tags: kept.tags.iter().map(ToString::to_string).collect(),
        }
    }
}

impl Answers {
    /// As a trial takes them. What was left empty was not answered.
    pub(crate) fn given(self) -> TrialAnswers {
        let secret = |text: Option<String>| -> Option<Secret> { text.and_then(|text| typed(text).ok()) };
        TrialAnswers {
            accepted_fingerprint: self.accepted_fingerprint,
            password: secret(self.password),
            passphrase: secret(self.passphrase),
            sudo_password: secret(self.sudo_password),
        }
    }
}

impl TrialStep {
    /// A step of a trial of `own`; one of a jump host says so.
    pub(crate) fn of(own: &str, step: engine::TrialStep) -> Self {
        let label = match step.kind {
            StepKind::Resolve => "Find its address",
            StepKind::Connect => "Connect",
            StepKind::HostKey => "Check its key",
            StepKind::Authenticate => "Log in",
            StepKind::Sudo => "Become root",
            StepKind::Facts => "Look at it",
        };
        let state = match step.state {
            StepState::Started => TrialState::Started,
            StepState::Ok => TrialState::Ok,
            StepState::Failed => TrialState::Failed,
            StepState::Skipped => TrialState::Waiting,
        };
        let label = if step.host == own { label.to_owned() } else { format!("{}: {label}", step.host) };
        let detail = Some(step.words).filter(|words| !words.is_empty());
        Self { step: word(step.kind), label, state, detail, elapsed_ms: step.elapsed_ms }
    }
}

impl From<ShownKey> for HostKey {
    fn from(key: ShownKey) -> Self {
        let ShownKey { host, algorithm, fingerprint, randomart, .. } = key;
        Self { host, algorithm, fingerprint, randomart }
    }
}

impl Trial {
    /// How a trial of `own` ended.
    pub(crate) fn of(own: &str, trial: engine::Trial) -> Self {
        let recorded = |key: engine::RecordedKey| RecordedKey {
            fingerprint: key.fingerprint,
            file: key.file.display().to_string(),
            line: u32::try_from(key.line).unwrap_or(u32::MAX),
        };
        let step = trial.failed_step.map(word).unwrap_or_default();
        // A host on the way is answered for on its own page: it is one of the inventory, or ssh's own.
        let elsewhere = |host: &str, what: &str| {
            let failure = EngineFailure::new(Code::Refused, format!("{host}, which is on the way, {what}"))
                .hint(format!("add {host} as a server of its own and test it there; then test this one again"));
            Self::Failed { step: step.clone(), failure: failure.into() }
        };
        match trial.outcome {
            TrialOutcome::Ready { facts, host_key } => {
                Self::Ready { facts: sections(&facts), host_key: host_key.map(|key| key.fingerprint) }
            }
            TrialOutcome::NeedsHostKey { presented, .. } => Self::NeedsHostKey { key: presented.into() },
            TrialOutcome::HostKeyChanged { presented, recorded: known, .. } => Self::HostKeyChanged {
                revoked: known.is_empty(),
                key: presented.into(),
                recorded: known.into_iter().map(recorded).collect(),
            },
            TrialOutcome::NeedsPassword { host, .. } if host != own => elsewhere(&host, "wants a password"),
            TrialOutcome::NeedsPassphrase { host, .. } if host != own => elsewhere(&host, "needs a key's passphrase"),
            TrialOutcome::NeedsPassword { wrong, .. } => Self::NeedsPassword { wrong },
            TrialOutcome::NeedsPassphrase { file, wrong, .. } => {
                Self::NeedsPassphrase { file: file.display().to_string(), wrong }
            }
            TrialOutcome::NeedsSudoPassword { wrong } => Self::NeedsSudoPassword { wrong },
            TrialOutcome::Failed { failure } => Self::Failed { step, failure: failure.into() },
        }
    }

    /// What the host asks next, when it took what was given so far.
    pub(crate) fn asks(&self) -> Option<Need> {
        match self {
            Self::NeedsPassword { wrong: false } => Some(Need::Password),
            Self::NeedsPassphrase { wrong: false, .. } => Some(Need::Passphrase),
            Self::NeedsSudoPassword { wrong: false } => Some(Need::SudoPassword),
            Self::NeedsPassword { .. }
            | Self::NeedsPassphrase { .. }
            | Self::NeedsSudoPassword { .. }
            | Self::Ready { .. }
            | Self::NeedsHostKey { .. }
            | Self::HostKeyChanged { .. }
            | Self::Failed { .. } => None,
        }
    }

    /// Why commands cannot be run as root, when they cannot.
    pub(crate) fn into_failure(self, host: &str) -> Option<Failure> {
        let asked = |message: String| Some(Failure::from(EngineFailure::new(Code::Refused, message)));
        match self {
            Self::Ready { .. } => None,
            Self::Failed { failure, .. } => Some(failure),
            Self::HostKeyChanged { key, .. } => asked(format!("{} shows another key than is recorded", key.host)),
            Self::NeedsHostKey { key } => asked(format!("the key of {} has not been compared yet", key.host)),
            Self::NeedsPassword { wrong: true } => asked(format!("{host} refused the password")),
            Self::NeedsPassword { wrong: false } => asked(format!("{host} wants a password")),
            Self::NeedsPassphrase { file, wrong: true } => asked(format!("the passphrase does not open {file}")),
            Self::NeedsPassphrase { file, wrong: false } => asked(format!("{file} needs its passphrase")),
            Self::NeedsSudoPassword { wrong: true } => asked(format!("sudo on {host} refused the password")),
            Self::NeedsSudoPassword { wrong: false } => asked(format!("sudo on {host} wants a password")),
        }
    }
}

impl From<Result<Vec<slipway_engine::desk::hosts::AgentKey>, String>> for AgentKeys {
    fn from(asked: Result<Vec<slipway_engine::desk::hosts::AgentKey>, String>) -> Self {
        match asked {
            Ok(keys) => {
                let key = |key: slipway_engine::desk::hosts::AgentKey| AgentKey {
                    fingerprint: key.fingerprint,
                    algorithm: key.algorithm,
                    comment: key.comment,
                };
                Self { keys: keys.into_iter().map(key).collect(), reason: None }
            }
            Err(reason) => Self { keys: Vec::new(), reason: Some(reason) },
        }
    }
}

impl From<slipway_engine::desk::hosts::OwnKeyFile> for KeyFile {
    fn from(file: slipway_engine::desk::hosts::OwnKeyFile) -> Self {
        Self { path: file.path.display().to_string(), algorithm: file.algorithm, encrypted: file.encrypted }
    }
}

impl From<Alias> for SshAlias {
    fn from(alias: Alias) -> Self {
        let known = matches!(alias.standing, aliases::AliasState::Known | aliases::AliasState::Added);
        Self { alias: alias.alias, address: alias.address, known, problem: alias.why }
    }
}

fn sections(facts: &Facts) -> Vec<FactSection> {
    let row = |row: slipway_core::facts::overview::Row| FactRow {
        label: row.label.to_owned(),
        value: row.lines.join("\n"),
        state: match row.standing {
            Standing::Known => FactState::Known,
            Standing::Good => FactState::Good,
            Standing::Watch => FactState::Watch,
            Standing::Absent => FactState::Absent,
            Standing::Failed => FactState::Failed,
        },
    };
    overview(facts)
        .into_iter()
        .map(|section| FactSection {
            title: section.title.to_owned(),
            rows: section.rows.into_iter().map(row).collect(),
        })
        .collect()
}

impl From<fleet::Reach> for Reach {
    fn from(reach: fleet::Reach) -> Self {
        match reach {
            fleet::Reach::Unknown => Self::Unknown,
            fleet::Reach::Connecting => Self::Connecting,
            fleet::Reach::Up { .. } => Self::Up,
            fleet::Reach::Down { failure, .. } if failure.code == Code::HostKey => {
                Self::Needs { need: Need::HostKeyChanged }
            }
            fleet::Reach::Down { failure, next_try, .. } => {
                Self::Down { failure: failure.into(), next_try_ms: next_try.map(|at| at.as_millisecond()) }
            }
            fleet::Reach::Needs { need, .. } => Self::Needs {
                need: match need {
                    need::Need::Password { .. } => Need::Password,
                    need::Need::Passphrase { .. } => Need::Passphrase,
                    need::Need::SudoPassword { .. } => Need::SudoPassword,
                    need::Need::HostKey { .. } => Need::HostKey,
                },
            },
        }
    }
}

/// Facts of an older Slipway may not be readable; they are only for show.
fn seen_facts(host: &Host) -> Option<Facts> {
    host.facts.as_ref().and_then(|facts| serde_json::from_value(facts.clone()).ok())
}

impl HostCard {
    /// Every host of the inventory.
    pub(crate) fn all(desk: &Desk, states: &[fleet::HostState]) -> Outcome<Vec<Self>> {
        let hosts = desk.inventory.hosts()?;
        let (known, last) = (desk.inventory.sites()?, desk.history.last_of_hosts()?);
        let states: BTreeMap<_, _> = states.iter().map(|state| (&state.name, state)).collect();
        let card = |host: &Host| {
            let state = states.get(&host.name).map(|state| (*state).clone());
            Self::of(desk, state, host, &known, last.get(&host.name))
        };
        Ok(hosts.iter().map(card).collect())
    }

    fn of(
        desk: &Desk,
        state: Option<fleet::HostState>,
        host: &Host,
        known: &[KnownSite],
        last_run: Option<&RunRecord>,
    ) -> Self {
        let facts = seen_facts(host);
        let mut sites: Vec<String> =
            known.iter().filter(|site| site.hosts.contains(&host.name)).map(|site| site.name.to_string()).collect();
        let there = facts.iter().flat_map(slipway_engine::watch::sites).map(|name| name.to_string());
        let more: Vec<String> = there.filter(|name| !sites.contains(name)).collect();
        sites.extend(more);
        let (user, port) = (host.user.as_deref(), host.port);
        let bare = if host.address.contains(':') { format!("[{}]", host.address) } else { host.address.clone() };
        let load = state.as_ref().and_then(|state| state.load);
        let updates = state.as_ref().and_then(|state| state.updates.clone());
        // The inventory is written every few minutes; whoever kept the connection knows better.
        let heard = state.as_ref().and_then(|state| match &state.reach {
            fleet::Reach::Down { last_seen, .. } => *last_seen,
            fleet::Reach::Up { .. } => state.load.map(|load| load.at),
            fleet::Reach::Unknown | fleet::Reach::Connecting | fleet::Reach::Needs { .. } => None,
        });
        Self {
            name: host.name.to_string(),
            address: format!(
                "{}{bare}{}",
                user.map(|user| format!("{user}@")).unwrap_or_default(),
                if port == 22 { String::new() } else { format!(":{port}") }
            ),
            tags: host.tags.iter().map(ToString::to_string).collect(),
            os: facts.as_ref().and_then(|facts| Some(facts.os.known()?.pretty_name.clone())),
            system: facts.as_ref().map(system),
            reach: state.map_or(Reach::Unknown, |state| state.reach.into()),
            load: load.map(|load| Load {
                cpu_percent: Some(load.cpu_percent.into()),
                memory_percent: load.memory_percent.into(),
                disk_percent: Some(load.disk_percent.into()),
                load1: load.load1,
            }),
            updates: updates.map(|updates| Updates { pending: updates.pending, security: updates.security }),
            sites,
            last_run: last_run.map(|run| RunCard::of(run, desk.run_state(run))),
            last_seen_ms: host.last_seen.max(heard).map(|at| at.as_millisecond()),
        }
    }
}

/// What else matters at a glance.
fn system(facts: &Facts) -> String {
    let kernel = facts.kernel.known().map(|kernel| kernel.architecture.clone());
    let selinux = facts.selinux.known().map(|selinux| match selinux.mode {
        security::SelinuxMode::Enforcing => "SELinux enforcing".to_owned(),
        security::SelinuxMode::Permissive => "SELinux permissive".to_owned(),
        security::SelinuxMode::Disabled => "SELinux disabled".to_owned(),
    });
    selinux.into_iter().chain(kernel).collect::<Vec<_>>().join(", ")
}

impl HostDetail {
    /// A host of the inventory, as last seen.
    pub(crate) fn of(desk: &Desk, states: &[fleet::HostState], name: &HostName) -> Outcome<Self> {
        let (host, known) = (desk.inventory.host(name)?, desk.inventory.sites()?);
        let filter = Filter { host: Some(host.name.clone()), ..Filter::default() };
        let page = desk.history.runs(&filter, 1)?;
        let state = states.iter().find(|state| state.name == host.name).cloned();
        Ok(Self {
            card: HostCard::of(desk, state, &host, &known, page.runs.first()),
            form: form::HostForm::of(&host).into(),
            facts: seen_facts(&host).as_ref().map(sections).unwrap_or_default(),
            host_key: host.host_key,
        })
    }
}

impl From<readiness::Check> for Check {
    fn from(check: readiness::Check) -> Self {
        let state = match check.state {
            readiness::State::Ok => CheckState::Ok,
            readiness::State::Watch => CheckState::Watch,
            readiness::State::Fail => CheckState::Fail,
            readiness::State::Unknown => CheckState::Unknown,
        };
        Self { id: check.id, label: check.label, state, detail: check.detail, hint: check.hint }
    }
}
