//! Planning that a site leaves a host: it wants nothing any more. People lose it at one moment, when nginx takes up a
//! configuration without it; what is left after that serves nobody, and each step can be repeated. The records go last,
//! so that a run which was cut off is followed by one that still knows what is Slipway's.

use crate::facts::paths::PathState;
use crate::manifest::Manifest;
use crate::notice::Severity;
use crate::release::Layout;
use crate::resource::directory::{Contents, Directory};
use crate::resource::{Id, Leaving, Picked, Verb};
use crate::seen::Subject;
use crate::site::{Site, TlsMode};

use super::setup::{doubts, kept_in};
use super::{Draft, Intent, Plan, Situation, Wanted};

/// Plans `slipway uninstall`. `data`: also what people put into the site, its log files and its user.
pub fn plan_uninstall(situation: &Situation<'_>, wanted: &Wanted<'_>, data: bool) -> Plan {
    let mut draft = Draft::default();
    let claims =
        Departure { situation, site: wanted.site, layout: Layout::new(&wanted.site.name), data }.plan(&mut draft);
    doubts(&mut draft.notices, situation);
    let (host, name) = (situation.host.to_owned(), wanted.site.name.clone());
    Plan::new(name, host, Intent::Uninstall { data }, situation.seen.noted(), draft, claims)
}

struct Departure<'a> {
    situation: &'a Situation<'a>,
    site: &'a Site,
    layout: Layout,
    data: bool,
}

type Claims = std::collections::BTreeMap<Id, crate::resource::Claim>;

impl Departure<'_> {
    fn plan(&self, draft: &mut Draft) -> Claims {
        let seen = self.situation.seen;
        seen.read(Subject::SiteRecord(self.site.name.clone()));
        seen.read(Subject::HostRecord);
        let records = self.situation.records;
        let mut records = records.clone();
        if records.site.is_none() {
            if seen.exists(&self.layout.current()) {
                draft.block(
                    format!("{} is there, and the record of what belongs to it is not", self.layout.current()),
                    "slipway apply writes the record again",
                );
                return Claims::new();
            }
            if !matches!(seen.path(&self.layout.state()), PathState::Directory { .. }) {
                self.nothing_known(draft);
                return Claims::new();
            }
            records.site = Some(Manifest::of_leftovers(self.site.name.clone()));
        }
        let Some(manifest) = &records.site else { return Claims::new() };
        if manifest.has_strange_kinds() {
            draft.block(
                format!("the record of {} names kinds of things that this version does not know", self.site.name),
                "update Slipway: a newer one has set the site up",
            );
        }
        let leaving = Leaving { data: self.data, user_stays: !self.data && self.has_data(manifest) };
        let converged = crate::resource::converge(
            &[],
            records.ownership(),
            seen,
            &self.site.name,
            kept_in(self.site),
            Some(leaving),
        );
        let converged = match converged {
            Ok(converged) => converged,
            Err(cycle) => {
                draft.block(
                    format!("Slipway cannot order its changes: {cycle}"),
                    "this is a fault of Slipway; please report it with this plan",
                );
                return Claims::new();
            }
        };
        draft.notices.extend(converged.notices);
        draft.place(converged.changes);
        self.records(draft, manifest.left);
        self.say_what_stays(draft, leaving);
        converged.claims
    }

    fn nothing_known(&self, draft: &mut Draft) {
        draft.notice(
            Severity::Info,
            format!("nothing on {} is known to be {}'s", self.situation.host, self.site.name),
            None,
        );
    }

    /// Whether data of the application is there.
    fn has_data(&self, manifest: &Manifest) -> bool {
        manifest.resources.iter().any(|(id, owned)| {
            let data = owned.records().filter_map(Directory::pick).any(|record| record.contents == Contents::Data);
            data && self.situation.seen.exists(id.name())
        })
    }

    /// The record stays, and says that the site has left, and what of it has stayed.
    fn records(&self, draft: &mut Draft, left: bool) {
        let recorded = self.situation.records.site.is_some() && left && !self.situation.records.old;
        let ledger = self.situation.seen.exists(&self.layout.ledger());
        if draft.steps.is_empty() && recorded && !ledger {
            return;
        }
        let title = format!("Record that {} has left {}", self.site.name, self.situation.host);
        let reason = "the audit log stays, and says who did this; the list of its releases goes";
        draft.record(title, reason, Verb::Change);
    }

    fn say_what_stays(&self, draft: &mut Draft, leaving: Leaving) {
        if leaving.user_stays {
            draft.notice(
                Severity::Info,
                format!(
                    "data stays: {}, {}, nginx's log files, and the user {} that owns it",
                    self.layout.shared(),
                    self.layout.logs(),
                    self.site.name
                ),
                Some("slipway uninstall --data removes these, too"),
            );
        }
        if matches!(self.site.tls.mode, TlsMode::CertbotWebroot | TlsMode::CertbotStandalone) {
            draft.notice(
                Severity::Info,
                "the certificate that certbot got stays, and is renewed",
                Some("certbot delete removes it"),
            );
        }
    }
}
