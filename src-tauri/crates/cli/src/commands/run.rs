//! `slipway apply`, `deploy`, `rollback` and `uninstall`: the plan, the question, the run, the verdict.

use std::path::Path;

use serde::Serialize;
use slipway_core::plan::Plan;
use slipway_engine::cancel::Cancel;
use slipway_engine::desk::Desk;
use slipway_engine::desk::runs::Consent;
use slipway_engine::desk::saved::{SavedPlan, read_saved_plan};
use slipway_engine::failure::{Code, Failure};
use slipway_engine::site::{Planned, Request};
use slipway_engine::site_file::SiteFile;

use crate::args::{ApplyArguments, DeployArguments, RollbackArguments, RunArguments, UninstallArguments};
use crate::context::{Context, Outcome, allow, read_site};
use crate::exit::Exit;
use crate::print::plan::{Detail, plan};
use crate::print::progress::{Progress, verdict};
use crate::print::screen::Reader;

/// `slipway apply`.
pub(crate) async fn apply(context: &Context, arguments: ApplyArguments) -> Outcome {
    let desk = context.desk()?;
    let Some(which) = arguments.plan else {
        return request(context, &desk, &Request::Apply, &arguments.run).await;
    };
    let saved = saved(&desk, &which)?;
    let file = read_site(&saved.site_file)?;
    allow(&desk, &file, arguments.run.allow)?;
    let named = saved.plan.host.parse().map_err(|_| Failure::new(Code::Usage, "the plan names no proper host"))?;
    let host = desk.choose_host(Some(&named), None)?;
    let link = context.link(&desk, &host).await?;
    context.screen.live(&format!("looking at {host} again"));
    let planned = desk.plan_again(link, &file, &saved).await;
    context.screen.calm();
    carry_out(context, &desk, &file, &planned?, &arguments.run).await
}

/// `slipway deploy`.
pub(crate) async fn deploy(context: &Context, arguments: DeployArguments) -> Outcome {
    let desk = context.desk()?;
    request(context, &desk, &Request::Deploy { reference: arguments.reference }, &arguments.run).await
}

/// `slipway rollback`.
pub(crate) async fn rollback(context: &Context, arguments: RollbackArguments) -> Outcome {
    let desk = context.desk()?;
    request(context, &desk, &Request::Rollback { to: arguments.to }, &arguments.run).await
}

/// `slipway uninstall`.
pub(crate) async fn uninstall(context: &Context, arguments: UninstallArguments) -> Outcome {
    let desk = context.desk()?;
    request(context, &desk, &Request::Uninstall { data: arguments.data }, &arguments.run).await
}

/// A plan by file or id.
fn saved(desk: &Desk, which: &str) -> Result<SavedPlan, Failure> {
    let path = Path::new(which);
    if path.is_file() { read_saved_plan(path) } else { desk.saved_plan(which) }
}

async fn request(context: &Context, desk: &Desk, request: &Request, arguments: &RunArguments) -> Outcome {
    let file = context.site_file()?;
    allow(desk, &file, arguments.allow)?;
    let host = desk.choose_host(context.global.host.as_ref(), Some(&file.site))?;
    let link = context.link(desk, &host).await?;
    context.screen.live(&format!("looking at {host} and planning"));
    let planned = desk.plan(link, &file, request).await;
    context.screen.calm();
    carry_out(context, desk, &file, &planned?, arguments).await
}

/// Shows the plan, asks, runs it and tells how it ended.
async fn carry_out(
    context: &Context,
    desk: &Desk,
    file: &SiteFile,
    planned: &Planned,
    arguments: &RunArguments,
) -> Outcome {
    show(context, &planned.plan);
    // What cannot or must not be applied is refused by the engine; nobody need be asked first.
    let refused = planned.plan.blockers().next().is_some()
        || (planned.plan.drifted().next().is_some() && !arguments.replace_drift);
    if !planned.plan.is_empty() && !refused {
        let question = format!("{} on {}?", verb(&planned.plan), planned.plan.host);
        context.agreed(&question).await?;
    }
    let unchanged = if arguments.detailed_exitcode { Exit::Unchanged } else { Exit::Done };
    let consent = Consent { replace_drift: arguments.replace_drift };
    let cancel = Cancel::default();
    context.interrupt.guard(cancel.clone());
    let progress = Progress::start(context.screen.clone());
    context.screen.live("taking the host lock and looking whether anything has changed");
    let number = |verdict: &slipway_core::event::Verdict| i32::from(Exit::of_verdict(verdict.kind, unchanged).number());
    let result = desk.run(planned, file, consent, progress.clone(), cancel, number).await;
    progress.finish();
    context.interrupt.release();
    let ended = result?;
    let exit = Exit::of_verdict(ended.kind, unchanged);
    match context.screen.reader {
        Reader::Program => context.run_document(&ended, planned.plan.id.as_str(), exit),
        Reader::Person => context.screen.say(verdict(&ended, context.screen.style())),
    }
    Ok(exit)
}

fn verb(plan: &Plan) -> &'static str {
    match plan.intent {
        slipway_core::plan::Intent::Apply => "Apply this",
        slipway_core::plan::Intent::Deploy { .. } => "Deploy this",
        slipway_core::plan::Intent::Rollback { .. } => "Roll back",
        slipway_core::plan::Intent::Uninstall { data: false } => "Remove the site",
        slipway_core::plan::Intent::Uninstall { data: true } => "Remove the site and its data",
    }
}

fn show(context: &Context, shown: &Plan) {
    #[derive(Serialize)]
    struct Planned<'a> {
        schema: u32,
        event: &'a str,
        plan: &'a Plan,
    }
    match context.screen.reader {
        Reader::Program => context.screen.json(&Planned { schema: 1, event: "planned", plan: shown }),
        Reader::Person if shown.is_empty() => {}
        Reader::Person => {
            let detail = if context.screen.verbose { Detail::Full } else { Detail::Short };
            context.screen.say(plan(shown, detail, context.screen.style()));
            context.screen.say("");
        }
    }
}
