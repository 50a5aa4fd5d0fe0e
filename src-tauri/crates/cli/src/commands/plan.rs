//! `slipway plan`: everything that would be done; nothing is changed.

use std::path::Path;

use slipway_engine::desk::saved::SavedPlan;
use slipway_engine::failure::{Code, Failure};
use slipway_engine::site::Request;

use crate::args::PlanArguments;
use crate::context::{Context, Outcome, allow};
use crate::exit::Exit;
use crate::print::plan::{Detail, plan};

/// Plans, shows the plan and keeps it.
pub(crate) async fn run(context: &Context, arguments: PlanArguments) -> Outcome {
    let request = match (arguments.deploy, arguments.rollback, arguments.uninstall) {
        (true, ..) => Request::Deploy { reference: arguments.reference },
        (_, true, _) => Request::Rollback { to: arguments.to },
        (.., true) => Request::Uninstall { data: arguments.data },
        (false, false, false) => Request::Apply,
    };
    let desk = context.desk()?;
    let file = context.site_file()?;
    allow(&desk, &file, arguments.allow)?;
    let host = desk.choose_host(context.global.host.as_ref(), Some(&file.site))?;
    let link = context.link(&desk, &host).await?;
    context.screen.live(&format!("looking at {host} and planning"));
    let planned = desk.plan(link, &file, &request).await;
    context.screen.calm();
    let planned = planned?;
    let saved = desk.save_plan(&planned, &file, &request)?;
    if let Some(out) = &arguments.out {
        write(out, &saved)?;
    }
    let mut text = plan(&planned.plan, Detail::Full, context.screen.style());
    if !planned.plan.is_empty() {
        let what = arguments.out.map_or_else(|| planned.plan.id.short().to_owned(), |out| out.display().to_string());
        text.push_str(&format!("{} slipway apply --plan {what}\n", context.screen.style().cyan("→")));
    }
    context.answer(&planned.plan, text);
    Ok(if planned.plan.is_empty() { Exit::Done } else { Exit::Changes })
}

fn write(out: &Path, saved: &SavedPlan) -> Result<(), Failure> {
    let failed = |why: String| Failure::new(Code::Local, format!("{} cannot be written: {why}", out.display()));
    let mut text = serde_json::to_string_pretty(saved).map_err(|error| failed(error.to_string()))?;
    text.push('\n');
    slipway_engine::desk::files::write_atomically(out, text.as_bytes()).map_err(|error| failed(error.to_string()))
}
