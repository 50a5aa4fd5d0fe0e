//! What differs on a host from what Slipway wrote there, and from what the site file says now.

use std::sync::Arc;

use serde::Serialize;
use slipway_core::diff::FileChange;
use slipway_core::plan::summary::detail;
use slipway_core::plan::{Notice, Plan, PlanLine};

use crate::desk::Desk;
use crate::failure::Outcome;
use crate::link::Link;
use crate::site::Request;
use crate::site_file::SiteFile;

/// How a host differs from a site file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Drift {
    /// Changed on the host by hand.
    pub by_hand: Vec<DriftRow>,
    /// What else the site file calls for and is not there yet.
    pub open: Vec<DriftRow>,
    /// What planning found worth telling, blockers too.
    pub notices: Vec<Notice>,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DriftRow {
    /// Id of the step that would mend it.
    pub id: String,
    /// What that step does.
    pub title: String,
    /// Why.
    pub reason: String,
    /// How files differ; `new` is what the site file calls for.
    pub files: Vec<FileChange>,
}

impl Drift {
    /// Reads it off a plan to apply the site file.
    pub fn of(plan: &Plan) -> Self {
        let row = |line: &PlanLine<'_>| DriftRow {
            id: line.id(),
            title: line.title().to_owned(),
            reason: line.reason().to_owned(),
            files: detail(line).files,
        };
        let (by_hand, open): (Vec<_>, Vec<_>) = plan.lines().into_iter().partition(PlanLine::drift);
        let rows = |lines: Vec<PlanLine<'_>>| lines.iter().map(row).collect();
        Self { by_hand: rows(by_hand), open: rows(open), notices: plan.notices.clone() }
    }
}

impl Desk {
    /// Looks at how a host differs from a site file; changes nothing.
    ///
    /// # Errors
    /// As [`Desk::plan`].
    pub async fn drift(&self, link: Arc<Link>, file: &SiteFile) -> Outcome<Drift> {
        Ok(Drift::of(&self.plan(link, file, &Request::Apply).await?.plan))
    }
}
