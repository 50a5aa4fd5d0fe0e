//! `slipway service`: starting, stopping and restarting what a site runs.

use slipway_engine::service::{Action, Report, Target, act};

use super::status::{open, units};
use crate::args::ServiceAction;
use crate::context::{Context, Outcome};
use crate::exit::Exit;
use crate::print::style::Style;
use crate::print::text::visible;

/// Does it and shows what was seen afterwards.
pub(crate) async fn run(context: &Context, action: ServiceAction, unit: Option<String>) -> Outcome {
    let (desk, link, file) = open(context).await?;
    let site = &file.site.name;
    let action = Action::from(action);
    let target = match unit {
        _ if action == Action::Test => Target::Nginx,
        None => Target::Site,
        Some(name) if name == "nginx" => Target::Nginx,
        Some(unit) => Target::Unit { unit },
    };
    if action == Action::Stop {
        let what = match &target {
            Target::Unit { unit } => visible(unit),
            Target::Site | Target::Nginx => site.to_string(),
        };
        let question = format!("Stop {what} on {}? Nobody is served by it until it is started again", link.name());
        context.agreed(&question).await?;
    }
    let report = act(&link, site, action, &target, &desk.asked()?).await?;
    context.answer(&report, describe(&report, context.screen.style()));
    Ok(if report.good { Exit::Done } else { Exit::Split })
}

impl From<ServiceAction> for Action {
    fn from(action: ServiceAction) -> Self {
        match action {
            ServiceAction::Start => Self::Start,
            ServiceAction::Stop => Self::Stop,
            ServiceAction::Restart => Self::Restart,
            ServiceAction::Reload => Self::Reload,
            ServiceAction::Enable => Self::Enable,
            ServiceAction::Disable => Self::Disable,
            ServiceAction::Status => Self::Status,
            ServiceAction::Test => Self::Test,
        }
    }
}

fn describe(report: &Report, style: Style) -> String {
    let mark = if report.good { style.green("●") } else { style.red("✕") };
    let mut out = format!("{mark} {}: {}\n", visible(&report.host), visible(&report.summary));
    for complaint in &report.complaints {
        out.push_str(&format!("  {}\n", visible(complaint)));
    }
    if !report.running.units.is_empty() {
        out.push('\n');
        out.push_str(&units(&report.running, report.running.current.as_ref(), style));
    }
    out
}
