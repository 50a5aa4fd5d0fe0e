//! Plans for review.

use serde::{Deserialize, Serialize};
use slipway_core::plan::summary::{self, LineDetail, Summary};
use slipway_core::plan::{Intent, Notice, Plan, PlanLine, Risk};
use slipway_engine::failure::{Code, Failure};
use slipway_engine::site::Request;
use specta::Type;

/// What to plan for.
#[derive(Debug, Clone, Serialize, Deserialize, Type)]
#[serde(tag = "request", rename_all = "kebab-case")]
pub(crate) enum PlanRequest {
    /// Set up and configure.
    Apply,
    /// A new release.
    Deploy {
        /// Branch, tag or commit; the site file's when absent.
        reference: Option<String>,
    },
    /// An earlier release.
    Rollback {
        /// Which; the last known-good one before the active one when absent.
        to: Option<String>,
    },
    /// The site goes.
    Uninstall {
        /// With its data, log files and user.
        data: bool,
    },
}

/// A plan as it is reviewed: what the engine says of it, by subject.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct PlanView {
    /// Digest that apply is bound to.
    pub id: String,
    /// Its first digits.
    pub short_id: String,
    /// The site.
    pub site: String,
    /// The host.
    pub host: String,
    /// `apply`, `deploy`, `rollback`, `uninstall`.
    pub verb: String,
    /// Release that it makes live.
    pub release: Option<String>,
    /// Lines by subject, in order.
    pub groups: Vec<PlanGroup>,
    /// What a person should know before agreeing.
    pub notices: Vec<Notice>,
    /// What it comes to.
    pub summary: Summary,
}

/// Lines about one subject.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct PlanGroup {
    /// Heading.
    pub heading: String,
    /// Lines.
    pub steps: Vec<PlanStep>,
}

/// One line of a plan: to a person, a step.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct PlanStep {
    /// Stable id.
    pub id: String,
    /// Place in the whole plan, from 0, as the events of a run count.
    pub index: u32,
    /// What it does.
    pub title: String,
    /// Why.
    pub reason: String,
    /// What people may notice.
    pub risk: Risk,
    /// Whether it would replace something changed by hand.
    pub drift: bool,
    /// What there is to read about it.
    #[serde(flatten)]
    pub detail: LineDetail,
}

impl PlanStep {
    fn of(index: usize, line: &PlanLine<'_>) -> Self {
        Self {
            id: line.id(),
            // Plans are far shorter than this can count.
            index: u32::try_from(index).unwrap_or(u32::MAX),
            title: line.title().to_owned(),
            reason: line.reason().to_owned(),
            risk: line.risk(),
            drift: line.drift(),
            detail: summary::detail(line),
        }
    }
}

impl From<&Plan> for PlanView {
    fn from(plan: &Plan) -> Self {
        let mut groups: Vec<PlanGroup> = Vec::new();
        for (index, line) in plan.lines().iter().enumerate() {
            let (heading, step) = (line.step.heading.text(), PlanStep::of(index, line));
            match groups.last_mut().filter(|group| group.heading == heading) {
                Some(group) => group.steps.push(step),
                None => groups.push(PlanGroup { heading: heading.to_owned(), steps: vec![step] }),
            }
        }
        Self {
            id: plan.id.to_string(),
            short_id: plan.id.short().to_owned(),
            site: plan.site.to_string(),
            host: plan.host.clone(),
            verb: plan.intent.verb().to_owned(),
            release: match &plan.intent {
                Intent::Apply | Intent::Uninstall { .. } => None,
                Intent::Deploy { release } | Intent::Rollback { release } => Some(release.to_string()),
            },
            groups,
            notices: plan.notices.clone(),
            summary: summary::summary(plan),
        }
    }
}

impl TryFrom<PlanRequest> for Request {
    type Error = Failure;
    fn try_from(request: PlanRequest) -> Result<Self, Failure> {
        Ok(match request {
            PlanRequest::Apply => Self::Apply,
            PlanRequest::Deploy { reference } => Self::Deploy { reference },
            PlanRequest::Uninstall { data } => Self::Uninstall { data },
            PlanRequest::Rollback { to } => {
                let id = |text: String| text.parse().map_err(|why: String| Failure::new(Code::Usage, why));
                Self::Rollback { to: to.map(id).transpose()? }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use slipway_core::plan::{Draft, Part, Severity, Verb};

    use super::*;

    #[test]
    fn steps_of_the_page_are_lines_of_the_plan() {
        let part = |key: &str, risk| Part {
            key: key.to_owned(),
            title: format!("do {key}"),
            reason: "asked for".to_owned(),
            risk,
            verb: Verb::Run,
            diff: None,
            drift: false,
        };
        let mut draft = Draft::default();
        draft.record("two parts".to_owned(), "why", Verb::Change);
        draft.steps[0].parts = vec![part("one", Risk::None), part("two", Risk::Data)];
        draft.record("whole".to_owned(), "why", Verb::Change);
        draft.notice(Severity::Info, "by the way", None);
        let site = "shop".parse().unwrap();
        let plan = Plan::new(site, "web1".to_owned(), Intent::Apply, BTreeMap::new(), draft, BTreeMap::new());
        let view = serde_json::to_value(PlanView::from(&plan)).unwrap();
        let expected = serde_json::json!([
            ["records:one", 0, "do one", "none", "run"],
            ["records:two", 1, "do two", "data", "run"],
            ["records", 2, "whole", "none", "change"],
        ]);
        let steps = view["groups"][0]["steps"].as_array().unwrap();
        let shown = |step: &serde_json::Value| ["id", "index", "title", "risk", "verb"].map(|key| step[key].clone());
        assert_eq!(serde_json::json!(steps.iter().map(shown).collect::<Vec<_>>()), expected);
        assert_eq!(view["groups"].as_array().unwrap().len(), 1);
        assert_eq!(view["summary"]["counts"], serde_json::json!({ "create": 0, "change": 1, "remove": 0, "run": 2 }));
        assert_eq!(view["notices"], serde_json::json!([{ "severity": "info", "text": "by the way", "hint": null }]));
    }
}
