//! A unit of systemd that must run or start at boot.

use serde::{Deserialize, Serialize};
use std::time::Duration;

use super::difference::{Difference, Removal};
use super::review::{Heading, Verb};
use super::{Context, Id, Kind, NoPayload, Payloads, Recorded, Scope, Way, Work};
use crate::command::Command;
use crate::fact::Fact;
use crate::notice::Notices;
use crate::seen::{Questions, UnitActivity};
use crate::words;

const STOP: &str = include_str!("../onhost/stop_units.sh");
/// How long processes may take to end: the longest grace that a site file can ask for, and some more.
const STOPPING: Duration = Duration::from_secs(900);

/// What a unit must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Running, and started at boot.
    Running,
    /// Started at boot; whether it runs now is decided elsewhere.
    AtBoot,
    /// Nothing: systemd makes it by itself. It must go with the site.
    Whatever,
}

/// A unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// Its name.
    pub name: String,
    /// Whose it is.
    pub scope: Scope,
    /// What it must be.
    pub wish: Wish,
    /// What must stand before.
    pub needs: Vec<Id>,
    /// What must stand until it has stopped.
    pub leaves_before: Vec<Id>,
    /// Whether it goes live with a release.
    pub carried: bool,
    /// The table of the packet filter, of family `inet`, that it has filled while it runs.
    pub table: Option<String>,
    /// Why it must run.
    pub purpose: &'static str,
}

/// What is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitRecord {
    /// Whose it is.
    pub scope: Scope,
    /// Whether it went live with a release.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub carried: bool,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "does", rename_all = "kebab-case")]
pub enum UnitChange {
    /// Makes units run, or start at boot.
    Start {
        /// To start at boot.
        enable: Vec<String>,
        /// To start now.
        start: Vec<String>,
    },
    /// Makes a unit that runs do its work again.
    Reload {
        /// Name.
        unit: String,
    },
    /// Stops units for good.
    Stop {
        /// Names.
        units: Vec<String>,
    },
}

fn systemctl(verb: &str, units: &[String]) -> Option<Vec<String>> {
    let words = ["systemctl", verb].into_iter().map(str::to_owned);
    (!units.is_empty()).then(|| words.chain(units.iter().cloned()).collect())
}

fn title_of_start(enable: &[String], start: &[String]) -> String {
    match (start, enable) {
        ([], enable) => format!("Let {} start at boot", enable.join(", ")),
        (start, []) => format!("Start {}", start.join(", ")),
        (start, enable) if start == enable => format!("Start {}, also at boot", start.join(", ")),
        (start, enable) => format!("Start {}; let {} start at boot", start.join(", "), enable.join(", ")),
    }
}

fn title_of_stop(units: &[String]) -> String {
    match units {
        [one] => format!("Stop {one} for good"),
        units => format!("Stop {} for good: {}", words::count(units.len(), "unit"), units.join(", ")),
    }
}

impl Unit {
    fn missing(&self, state: &UnitActivity) -> (bool, bool) {
        match self.wish {
            Wish::Running => (!state.enabled, !state.active),
            Wish::AtBoot => (!state.enabled, false),
            Wish::Whatever => (false, false),
        }
    }
}

impl Kind for Unit {
    const NAME: &'static str = "unit";
    type Record = UnitRecord;
    type Change = UnitChange;

    fn name(&self) -> String {
        self.name.clone()
    }

    fn scope(&self) -> Scope {
        self.scope
    }

    fn needs(&self) -> Vec<Id> {
        self.needs.clone()
    }

    fn leaves_before(&self) -> Vec<Id> {
        self.leaves_before.clone()
    }

    fn record(&self) -> UnitRecord {
        UnitRecord { scope: self.scope, carried: self.carried }
    }

    fn way_of(record: &UnitRecord) -> Way {
        if record.carried { Way::Release } else { Way::Direct }
    }

    fn way(&self, recorded: Recorded<'_, UnitRecord>) -> Way {
        match (self.carried, recorded.there.is_some()) {
            (false, _) => Way::Direct,
            (true, true) => Way::Either,
            (true, false) => Way::Release,
        }
    }

    fn ask(&self, _recorded: Recorded<'_, UnitRecord>, questions: &mut Questions) {
        questions.unit(&self.name);
    }

    fn ask_of(name: &str, _recorded: Recorded<'_, UnitRecord>, questions: &mut Questions) {
        questions.unit(name);
    }

    fn put(
        &self,
        recorded: Recorded<'_, UnitRecord>,
        context: &Context<'_>,
        notices: &mut Notices,
    ) -> Option<Difference<UnitChange>> {
        if self.wish == Wish::Whatever {
            return None;
        }
        let state = match context.seen.unit(&self.name) {
            Fact::Known(state) => state,
            Fact::Absent => UnitActivity { active: false, enabled: false, masked: false },
            Fact::Failed(_) => return None,
        };
        if state.masked {
            notices.block(
                format!("{} is masked on this host, so nothing can start it", self.name),
                "systemctl unmask it, if whoever masked it agrees",
            );
            return None;
        }
        let (enable, start) = self.missing(&state);
        if !enable && !start {
            let table = self.table.as_ref().filter(|_| state.active)?;
            if context.seen.has_rules(table) {
                return None;
            }
            let title = format!("Load the rules of {} again", self.name);
            let reason = format!("{}; they are not in force, because somebody has flushed them", self.purpose);
            let change = UnitChange::Reload { unit: self.name.clone() };
            return Some(Difference::new(Self::id_of(&self.name), Heading::Services, Verb::Run, title, reason, change));
        }
        let of = |needed: bool| if needed { vec![self.name.clone()] } else { Vec::new() };
        let (enable, start) = (of(enable), of(start));
        let title = title_of_start(&enable, &start);
        let reason = match (recorded.there.is_some(), start.is_empty()) {
            (true, false) => format!("{}; it was stopped on the host", self.purpose),
            (true, true) => format!("{}; it was disabled on the host", self.purpose),
            (false, _) => self.purpose.to_owned(),
        };
        let change = UnitChange::Start { enable, start };
        Some(Difference::new(Self::id_of(&self.name), Heading::Services, Verb::Run, title, reason, change))
    }

    fn remove(
        name: &str,
        recorded: Recorded<'_, UnitRecord>,
        context: &Context<'_>,
        _notices: &mut Notices,
    ) -> Removal<UnitChange> {
        let Some(record) = recorded.all().next() else { return Removal::Gone };
        match context.seen.unit(name) {
            Fact::Known(UnitActivity { active: false, enabled: false, .. }) | Fact::Absent => return Removal::Gone,
            Fact::Known(_) => {}
            Fact::Failed(_) => return Removal::Stays,
        }
        if record.scope == Scope::Host && context.seen.serves_others() {
            return Removal::Gone;
        }
        let units = vec![name.to_owned()];
        let title = title_of_stop(&units);
        let reason = "it gets the time to end that its unit gives it";
        let change = UnitChange::Stop { units };
        Removal::Change(Box::new(Difference::new(
            Self::id_of(name),
            Heading::Services,
            Verb::Run,
            title,
            reason,
            change,
        )))
    }

    fn join(first: &mut Difference<UnitChange>, second: Difference<UnitChange>) -> Result<(), Difference<UnitChange>> {
        match (&mut first.change, &second.change) {
            (UnitChange::Stop { units }, UnitChange::Stop { units: more }) => {
                units.extend(more.iter().cloned());
                first.title = title_of_stop(units);
                first.reason = "each gets the time to end that the site file gives it".to_owned();
            }
            // Each that starts is a step of its own, so that it is seen which one does not.
            (UnitChange::Start { .. } | UnitChange::Reload { .. } | UnitChange::Stop { .. }, _) => return Err(second),
        }
        first.ids.extend(second.ids);
        Ok(())
    }

    fn work(change: &UnitChange, _payloads: &Payloads) -> Result<Work, NoPayload> {
        Ok(Work::Commands(match change {
            UnitChange::Start { .. } | UnitChange::Reload { .. } => {
                Self::shown(change).into_iter().map(Command::new).collect()
            }
            UnitChange::Stop { units } => vec![Command::script(STOP, units.clone()).timeout(STOPPING)],
        }))
    }

    fn about(_change: &UnitChange) -> Vec<String> {
        Vec::new()
    }

    fn shown(change: &UnitChange) -> Vec<Vec<String>> {
        match change {
            UnitChange::Start { enable, start } => {
                systemctl("enable", enable).into_iter().chain(systemctl("start", start)).collect()
            }
            UnitChange::Reload { unit } => {
                systemctl("reload-or-restart", std::slice::from_ref(unit)).into_iter().collect()
            }
            UnitChange::Stop { units } => {
                systemctl("stop", units).into_iter().chain(systemctl("disable", units)).collect()
            }
        }
    }
}
