//! A service that an active firewall lets in.

use serde::{Deserialize, Serialize};

use super::difference::{Difference, Removal};
use super::review::{Heading, Verb};
use super::{Context, Id, Kind, NoPayload, Payloads, Recorded, Scope, Work};
use crate::command::Command;
use crate::fact::Fact;
use crate::notice::{Notices, Severity};
use crate::profile::FirewallKind;
use crate::seen::Questions;

/// A service that browsers must reach: `http`, `https`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirewallService {
    /// Its name.
    pub service: String,
    /// What must stand before it is let in.
    pub needs: Vec<Id>,
}

/// What is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirewallRecord {}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirewallChange {
    /// Whether services are let in, or no longer.
    pub does: FirewallVerb,
    /// Which firewall.
    pub firewall: FirewallKind,
    /// Services.
    pub services: Vec<String>,
}

/// What becomes of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FirewallVerb {
    /// It is let in, now and after a reboot.
    Allow,
    /// It is no longer let in.
    Withdraw,
}

fn name(firewall: FirewallKind) -> &'static str {
    match firewall {
        FirewallKind::Firewalld => "firewalld",
        FirewallKind::Ufw => "ufw",
        FirewallKind::Nftables => "nftables",
    }
}

impl FirewallChange {
    fn title(&self) -> String {
        let (services, firewall) = (self.services.join(" and "), name(self.firewall));
        match self.does {
            FirewallVerb::Allow => format!("Allow {services} in {firewall}"),
            FirewallVerb::Withdraw => format!("No longer allow {services} in {firewall}"),
        }
    }

    fn argv(&self) -> Vec<Vec<String>> {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let mut all = Vec::new();
        for service in &self.services {
            let port = if service == "https" { "443/tcp" } else { "80/tcp" };
            match (self.firewall, self.does) {
                (FirewallKind::Firewalld, does) => {
                    let verb = if does == FirewallVerb::Allow { "add" } else { "remove" };
                    let option = format!("--{verb}-service={service}");
                    all.push(words(&["firewall-cmd", "--quiet", "--permanent", &option]));
                    all.push(words(&["firewall-cmd", "--quiet", &option]));
                }
                (FirewallKind::Ufw, FirewallVerb::Allow) => {
                    all.push(words(&["ufw", "allow", port, "comment", "slipway"]));
                }
                (FirewallKind::Ufw, FirewallVerb::Withdraw) => all.push(words(&["ufw", "delete", "allow", port])),
                // Rules of a hand-written nftables set have no place that is safe to add to; planning says so instead.
                (FirewallKind::Nftables, FirewallVerb::Allow | FirewallVerb::Withdraw) => {}
            }
        }
        all
    }
}

impl Kind for FirewallService {
    const NAME: &'static str = "firewall-service";
    type Record = FirewallRecord;
    type Change = FirewallChange;

    fn name(&self) -> String {
        self.service.clone()
    }

    fn scope(&self) -> Scope {
        Scope::Host
    }

    fn needs(&self) -> Vec<Id> {
        self.needs.clone()
    }

    fn leaves_before(&self) -> Vec<Id> {
        // It is let in last, and kept out last: the site's server goes before it.
        Vec::new()
    }

    fn record(&self) -> FirewallRecord {
        FirewallRecord {}
    }

    fn ask(&self, _recorded: Recorded<'_, FirewallRecord>, _questions: &mut Questions) {}

    fn ask_of(_name: &str, _recorded: Recorded<'_, FirewallRecord>, _questions: &mut Questions) {}

    fn put(
        &self,
        recorded: Recorded<'_, FirewallRecord>,
        context: &Context<'_>,
        notices: &mut Notices,
    ) -> Option<Difference<FirewallChange>> {
        let state = match context.seen.firewall(&self.service) {
            Fact::Known(state) => state,
            Fact::Failed(_) => return None,
            Fact::Absent => {
                if context.seen.drops_unknown() {
                    notices.add(
                        Severity::Warning,
                        "this host has nftables rules of its own that drop what they do not know",
                        Some("allow tcp ports 80 and 443 there; Slipway does not edit hand-written rules"),
                    );
                }
                return None;
            }
        };
        if state.now && state.lasting {
            return None;
        }
        let change = FirewallChange {
            does: FirewallVerb::Allow,
            firewall: state.firewall,
            services: vec![self.service.clone()],
        };
        let reason = if recorded.there.is_some() {
            "it was closed on the host by hand, and browsers are kept out"
        } else {
            "the firewall is active and does not let browsers in"
        };
        let id = Self::id_of(&self.service);
        Some(Difference::new(id, Heading::Firewall, Verb::Run, change.title(), reason, change))
    }

    fn remove(
        name: &str,
        _recorded: Recorded<'_, FirewallRecord>,
        context: &Context<'_>,
        notices: &mut Notices,
    ) -> Removal<FirewallChange> {
        let state = match context.seen.firewall(name) {
            Fact::Known(state) => state,
            // It may be active again before the site leaves.
            Fact::Absent if context.leaving.is_none() => return Removal::Stays,
            Fact::Absent => {
                notices.add(
                    Severity::Info,
                    format!("no firewall is active: the rule that lets {name} in stays in its settings"),
                    None,
                );
                return Removal::Gone;
            }
            Fact::Failed(_) => return Removal::Stays,
        };
        if !state.now && !state.lasting {
            return Removal::Gone;
        }
        if context.seen.serves_others() {
            notices.add(
                Severity::Info,
                format!("the firewall still lets {name} in: nginx serves something that is not Slipway's"),
                None,
            );
            return Removal::Gone;
        }
        let change =
            FirewallChange { does: FirewallVerb::Withdraw, firewall: state.firewall, services: vec![name.to_owned()] };
        let reason = "Slipway opened it, and no site of Slipway needs it any more";
        Removal::Change(Box::new(Difference::new(
            Self::id_of(name),
            Heading::Firewall,
            Verb::Run,
            change.title(),
            reason,
            change,
        )))
    }

    fn join(
        first: &mut Difference<FirewallChange>,
        second: Difference<FirewallChange>,
    ) -> Result<(), Difference<FirewallChange>> {
        if (first.change.does, first.change.firewall) != (second.change.does, second.change.firewall) {
            return Err(second);
        }
        first.change.services.extend(second.change.services);
        first.title = first.change.title();
        first.ids.extend(second.ids);
        Ok(())
    }

    fn work(change: &FirewallChange, _payloads: &Payloads) -> Result<Work, NoPayload> {
        Ok(Work::Commands(change.argv().into_iter().map(Command::new).collect()))
    }

    fn about(change: &FirewallChange) -> Vec<String> {
        let verb = match change.does {
            FirewallVerb::Allow => "opens",
            FirewallVerb::Withdraw => "closes",
        };
        vec![format!("{verb} {}", change.services.join(", "))]
    }

    fn shown(change: &FirewallChange) -> Vec<Vec<String>> {
        change.argv()
    }
}
