//! A plan as a person reviews it: steps by subject with reasons, files as diffs, commands, what users notice.

use slipway_core::plan::summary;
use slipway_core::plan::{Intent, Notice, Plan, PlanLine, Risk, Severity, Verb};

use super::style::Style;
use super::text::visible;
use super::{diff, words};

/// How much of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    /// One line a step.
    Short,
    /// Reasons, commands, diffs.
    Full,
}

/// The whole plan.
pub(crate) fn plan(plan: &Plan, detail: Detail, style: Style) -> String {
    let mut out = String::new();
    line(&mut out, 0, &style.bold(headline(plan)));
    let mut heading = None;
    for of_plan in plan.lines() {
        let under = of_plan.step.heading;
        if heading != Some(under) {
            out.push('\n');
            line(&mut out, 0, &style.bold(under.text()));
            heading = Some(under);
        }
        push_line(&mut out, &of_plan, detail, style);
    }
    if !plan.notices.is_empty() {
        out.push('\n');
        line(&mut out, 0, &style.bold("To know before"));
        plan.notices.iter().for_each(|notice| push_notice(&mut out, notice, style));
    }
    out.push('\n');
    ending(plan, style).iter().for_each(|text| line(&mut out, 0, text));
    line(&mut out, 0, &format!("Plan {}", plan.id.short()));
    out
}

fn line(out: &mut String, indent: usize, text: &str) {
    if !text.is_empty() {
        out.push_str(&" ".repeat(indent));
    }
    out.push_str(text);
    out.push('\n');
}

fn headline(plan: &Plan) -> String {
    let (site, host) = (&plan.site, visible(&plan.host));
    match &plan.intent {
        Intent::Apply => format!("Apply the site file of {site} to {host}"),
        Intent::Deploy { release } => format!("Deploy release {release} of {site} to {host}"),
        Intent::Rollback { release } => format!("Roll {site} on {host} back to release {release}"),
        Intent::Uninstall { data: false } => format!("Remove {site} from {host}; its data stays"),
        Intent::Uninstall { data: true } => format!("Remove {site} from {host}, with its data"),
    }
}

fn push_line(out: &mut String, of_plan: &PlanLine<'_>, detail: Detail, style: Style) {
    let mut title = format!("{} {}", sign(of_plan.verb(), style), visible(of_plan.title()));
    if let Some(change) = of_plan.diff().map(diff::summary).filter(|text| !text.is_empty()) {
        title.push_str(&style.dim(format!("  {change}")));
    }
    if let Some(words) = risk(of_plan.risk()) {
        title.push_str(&style.yellow(format!("  ▲ {words}")));
    }
    if of_plan.drift() {
        title.push_str(&style.yellow("  ▲ changed by hand"));
    }
    line(out, 2, &title);
    if detail == Detail::Short {
        return;
    }
    line(out, 6, &style.dim(visible(of_plan.reason())));
    let detail = summary::detail(of_plan);
    detail.about.iter().for_each(|text| line(out, 6, &visible(text)));
    detail.commands.iter().for_each(|text| line(out, 6, &format!("$ {}", visible(text))));
    for text in of_plan.diff().into_iter().flat_map(|change| diff::lines(change, style)) {
        line(out, 6, &text);
    }
}

/// `+` is new, `~` changes something that is there, `-` removes, `›` does.
fn sign(verb: Verb, style: Style) -> String {
    match verb {
        Verb::Create => style.green("+"),
        Verb::Change => style.yellow("~"),
        Verb::Remove => style.red("-"),
        Verb::Run => style.cyan("›"),
    }
}

fn risk(risk: Risk) -> Option<&'static str> {
    match risk {
        Risk::None => None,
        Risk::Reconnect => Some("open connections reconnect"),
        Risk::Wait => Some("requests wait"),
        Risk::Gone => Some("the site is gone from here on"),
        Risk::Data => Some("changes data; going back does not undo it"),
    }
}

fn push_notice(out: &mut String, notice: &Notice, style: Style) {
    let mark = match notice.severity {
        Severity::Info => style.cyan("○"),
        Severity::Warning => style.yellow("▲"),
        Severity::Blocker => style.red("✕"),
    };
    line(out, 2, &format!("{mark} {}", visible(&notice.text)));
    if let Some(hint) = &notice.hint {
        line(out, 4, &format!("{} {}", style.cyan("→"), visible(hint)));
    }
}

/// What it comes to, and what people who use the site will notice.
pub(crate) fn ending(plan: &Plan, style: Style) -> Vec<String> {
    if plan.is_empty() {
        return vec![format!("{} Nothing to change: {} is as it should be.", style.green("●"), visible(&plan.host))];
    }
    let told = summary::summary(plan);
    let count = |number: u32, word| words::count(usize::try_from(number).unwrap_or(usize::MAX), word);
    let mut first = words::count(plan.lines().len(), "step");
    if told.files > 0 {
        first.push_str(&format!(", {} (+{} −{})", count(told.files, "file"), told.added, told.removed));
    }
    first.push('.');
    let mut all = vec![first];
    if let Some(activation) = plan.activation() {
        let instances = words::count(activation.instances.len(), "instance");
        all.push(match (&activation.previous, activation.instances.len()) {
            (None, _) => format!("{instances} of the first release."),
            (Some(_), 1) => format!("{instances} is replaced."),
            (Some(_), _) => format!("{instances} are replaced, one after the other."),
        });
    }
    all.push(if told.noticeable { format!("{} {}", style.yellow("▲"), told.noticed) } else { told.noticed });
    if told.blockers > 0 {
        all.push(style.red(format!("✕ It cannot be applied: {} above.", count(told.blockers, "reason"))));
    }
    all
}

#[cfg(test)]
mod tests;
