//! The phases of an activation: what a person reads of each, and the call that runs it.

use crate::encode::shell::{Unquotable, quote_all};

use super::{Activation, Instance};

/// What follows from a phase that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Otherwise {
    /// Nothing was switched: what serves stays.
    Intact,
    /// The release before is brought back.
    GoBack,
}

/// One phase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Phase<'a> {
    Guard,
    Migrate,
    Gate(&'a Gated),
    Rehearse,
    BeforeSwitch,
    Switch,
    Replace(&'a Instance),
    Reload,
    AfterSwitch,
    Settle,
    Verify,
    Drain,
}

/// One process of the new release that runs alone before its release gets any traffic.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Gated {
    /// The process.
    pub process: String,
    /// Its unit, for example `parlour-gate.web.service`.
    pub unit: String,
    /// Its private port, when it serves HTTP.
    pub port: Option<u16>,
}

impl Phase<'_> {
    /// What the program reports when the phase begins; none for what a person need not read of by itself.
    pub(super) fn key(&self) -> Option<String> {
        Some(match self {
            Self::Guard => "guard".to_owned(),
            Self::Migrate => "migrate".to_owned(),
            Self::Gate(gated) => format!("gate:{}", gated.process),
            Self::BeforeSwitch => "before".to_owned(),
            Self::Switch => "switch".to_owned(),
            Self::Replace(instance) => format!("replace:{}", instance.unit),
            Self::AfterSwitch => "after".to_owned(),
            Self::Settle => "settle".to_owned(),
            Self::Verify => "verify".to_owned(),
            Self::Drain => "drain".to_owned(),
            Self::Rehearse | Self::Reload => return None,
        })
    }

    /// Its title in a plan.
    pub(super) fn title(&self, activation: &Activation) -> String {
        let release = &activation.release;
        match self {
            Self::Guard => "Keep every port of both releases from the network".to_owned(),
            Self::Migrate => "Run migrations once (data cannot be rolled back from here on)".to_owned(),
            Self::Gate(Gated { port: Some(port), .. }) => {
                format!("Prove {release} on a private port ({port}) before it gets any traffic")
            }
            Self::Gate(Gated { process, port: None, .. }) => {
                format!("Prove the process {process} of {release} before its release goes live")
            }
            Self::Rehearse => "Try nginx with the new configuration".to_owned(),
            Self::BeforeSwitch => "Run the hooks before the switch".to_owned(),
            Self::Switch => format!("Switch to release {release}"),
            Self::Replace(instance) => format!("Replace {}", instance.unit),
            Self::Reload => "Have nginx read its configuration".to_owned(),
            Self::AfterSwitch => "Run the hooks after the switch".to_owned(),
            Self::Settle => format!("Watch every instance for {} s", activation.health.settle_s),
            Self::Verify => "Ask through nginx".to_owned(),
            Self::Drain => match &activation.previous {
                Some(previous) => format!("Let {previous} finish what it has begun, in the background"),
                None => "Ask every instance by itself".to_owned(),
            },
        }
    }

    fn otherwise(&self) -> Otherwise {
        match self {
            Self::Guard | Self::Migrate | Self::Gate(_) | Self::Rehearse | Self::BeforeSwitch => Otherwise::Intact,
            Self::Switch
            | Self::Replace(_)
            | Self::Reload
            | Self::AfterSwitch
            | Self::Settle
            | Self::Verify
            | Self::Drain => Otherwise::GoBack,
        }
    }

    /// The line of the program that runs it.
    pub(super) fn call(&self) -> Result<String, Unquotable> {
        let words = match self {
            Self::Guard => "guard_both".to_owned(),
            Self::Migrate => "migrate".to_owned(),
            Self::Gate(gated) => {
                let port = gated.port.map(|port| port.to_string()).unwrap_or_default();
                quote_all(["gate", &gated.process, &gated.unit, &port])?
            }
            Self::Rehearse => "rehearse".to_owned(),
            Self::BeforeSwitch => "before_switch".to_owned(),
            Self::Switch => "switch".to_owned(),
            Self::Replace(instance) => format!("replace {}", instance.words()?),
            Self::Reload => "reload".to_owned(),
            Self::AfterSwitch => "after_switch".to_owned(),
            Self::Settle => "settle".to_owned(),
            Self::Verify => "verify".to_owned(),
            Self::Drain => "drain".to_owned(),
        };
        let otherwise = match self.otherwise() {
            Otherwise::Intact => "intact",
            Otherwise::GoBack => "go_back",
        };
        let announced = match self.key() {
            Some(key) => format!("phase {}\n", quote_all([key.as_str()])?),
            None => String::new(),
        };
        Ok(format!("{announced}{words} || {otherwise}\n"))
    }
}
