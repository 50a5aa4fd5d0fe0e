//! A plan as a person reviews it: steps by subject with reasons, files as diffs, commands, what users notice.

use std::collections::BTreeSet;

use slipway_core::encode::shell::quote_all;
use slipway_core::plan::{Action, FileWrite, Intent, Notice, Plan, Risk, Severity, Step};

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
    let mut subject = None;
    for step in &plan.steps {
        if subject != Some(step.subject) {
            out.push('\n');
            line(&mut out, 0, &style.bold(step.subject.heading()));
            subject = Some(step.subject);
        }
        push_step(&mut out, step, detail, style);
    }
    if !plan.notices.is_empty() {
        out.push('\n');
        line(&mut out, 0, &style.bold("To know before"));
        plan.notices.iter().for_each(|notice| push_notice(&mut out, notice, style));
    }
    out.push('\n');
    summary(plan, style).iter().for_each(|text| line(&mut out, 0, text));
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
    }
}

fn push_step(out: &mut String, step: &Step, detail: Detail, style: Style) {
    let mut title = format!("{} {}", sign(step, style), visible(&step.title));
    if let Some(change) = step.diff.as_ref().map(diff::summary).filter(|text| !text.is_empty()) {
        title.push_str(&style.dim(format!("  {change}")));
    }
    if let Some(words) = risk(step.risk) {
        title.push_str(&style.yellow(format!("  ▲ {words}")));
    }
    if step.drift {
        title.push_str(&style.yellow("  ▲ changed by hand"));
    }
    line(out, 2, &title);
    if detail == Detail::Short {
        return;
    }
    line(out, 6, &style.dim(visible(&step.reason)));
    for text in action_lines(&step.action) {
        line(out, 6, &text);
    }
    for text in step.diff.iter().flat_map(|change| diff::lines(change, style)) {
        line(out, 6, &text);
    }
}

/// `+` is new, `~` changes something that is there, `-` removes, `›` does.
fn sign(step: &Step, style: Style) -> String {
    let new_file = step.diff.as_ref().is_some_and(|diff| diff.old.is_none() && diff.hidden.is_none());
    match (&step.diff, &step.action) {
        (_, Action::RemoveFile { .. } | Action::Prune { .. }) => style.red("-"),
        (Some(_), _) if new_file => style.green("+"),
        (Some(_), _) => style.yellow("~"),
        (
            None,
            Action::InstallPackages { .. }
            | Action::CreateUser { .. }
            | Action::MakeDirectory { .. }
            | Action::Certificate { .. },
        ) => style.green("+"),
        (None, _) => style.cyan("›"),
    }
}

fn risk(risk: Risk) -> Option<&'static str> {
    match risk {
        Risk::None => None,
        Risk::Reconnect => Some("open connections reconnect"),
        Risk::Data => Some("changes data; going back does not undo it"),
    }
}

/// What exactly is done, beside a diff.
fn action_lines(action: &Action) -> Vec<String> {
    let commands = |all: &[Vec<String>]| all.iter().map(command).collect::<Vec<_>>();
    match action {
        Action::InstallPackages { commands: all, .. } => commands(all),
        Action::CreateUser { name, home, shell } => vec![format!("user and group {name}, home {home}, shell {shell}")],
        Action::MakeDirectory { .. } | Action::Phase { .. } => Vec::new(),
        Action::Certificate { directory, names, days } => {
            vec![format!("for {}, valid {days} days, in {}", visible(&names.join(", ")), visible(directory))]
        }
        Action::WriteFile(file) | Action::KeepFile(file) => vec![ownership(file)],
        Action::RemoveFile { path, .. } => vec![visible(path)],
        Action::InstallNginx { files } | Action::KeepFiles { files } => {
            files.iter().map(|file| format!("{}  {}", visible(&file.path), ownership(file))).collect()
        }
        Action::Units { enable } => {
            let reload = vec![command(["systemctl", "daemon-reload"])];
            let enable = enable.iter().map(|unit| command(["systemctl", "enable", unit]));
            reload.into_iter().chain(enable).collect()
        }
        Action::OpenFirewall { services, .. } => vec![format!("opens {}", visible(&services.join(", ")))],
        Action::Upload { files, bytes, .. } => {
            let files = usize::try_from(*files).unwrap_or(usize::MAX);
            vec![format!("{}, {}; only what the host lacks is sent", words::count(files, "file"), words::bytes(*bytes))]
        }
        Action::CheckOut { commit, .. } => vec![format!("commit {}", visible(commit))],
        Action::CloneRelease { from, .. } => vec![format!("from release {from}")],
        Action::BuildEnvironment { directory, tasks } => {
            let into = std::iter::once(format!("in {}", visible(directory)));
            into.chain(tasks.iter().map(|task| command(&task.argv))).collect()
        }
        Action::Run(task) => vec![command(&task.argv)],
        Action::Seal { environment, links, .. } => {
            let environment = environment.iter().map(|path| format!("uses {}", visible(path)));
            environment.chain(links.iter().map(|(from, to)| format!("{} → {}", visible(from), visible(to)))).collect()
        }
        Action::Activate(activation) => {
            let hooks = [&activation.migrate, &activation.before_switch, &activation.after_switch];
            hooks.into_iter().flat_map(|all| commands(all)).collect()
        }
        Action::Prune { releases } => releases.iter().map(ToString::to_string).collect(),
    }
}

fn ownership(file: &FileWrite) -> String {
    format!("mode {:04o}, {}:{}", file.mode, visible(&file.owner), visible(&file.group))
}

fn command<S: AsRef<str>>(argv: impl IntoIterator<Item = S>) -> String {
    let text = quote_all(argv).unwrap_or_else(|_| "(a command with a NUL byte in it)".to_owned());
    format!("$ {}", visible(&text))
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
pub(crate) fn summary(plan: &Plan, style: Style) -> Vec<String> {
    if plan.is_empty() {
        return vec![format!("{} Nothing to change: {} is as it should be.", style.green("●"), visible(&plan.host))];
    }
    let mut first = words::count(plan.steps.len(), "step");
    let files = changed_files(plan);
    if files > 0 {
        let (mut added, mut removed) = (0, 0);
        for counts in plan.steps.iter().filter_map(|step| step.diff.as_ref()).map(slipway_core::plan::FileDiff::counts)
        {
            added += counts.0;
            removed += counts.1;
        }
        first.push_str(&format!(", {} (+{added} −{removed})", words::count(files, "file")));
    }
    first.push('.');
    let mut all = vec![first];
    let activation = plan.steps.iter().find_map(|step| match &step.action {
        Action::Activate(activation) => Some(activation),
        _ => None,
    });
    if let Some(activation) = activation {
        let instances = words::count(activation.instances.len(), "instance");
        all.push(match (&activation.previous, activation.instances.len()) {
            (None, _) => format!("{instances} of the first release."),
            (Some(_), 1) => format!("{instances} restarts."),
            (Some(_), _) => format!("{instances} restart, one at a time."),
        });
    }
    let first = activation.is_some_and(|activation| activation.previous.is_none());
    all.push(if first {
        "Nothing is being served yet, so nobody will notice.".to_owned()
    } else {
        noticed(plan, style)
    });
    let blockers = plan.blockers().count();
    if blockers > 0 {
        all.push(style.red(format!("✕ It cannot be applied: {} above.", words::count(blockers, "reason"))));
    }
    all
}

fn noticed(plan: &Plan, style: Style) -> String {
    let has = |risk| plan.steps.iter().any(|step| step.risk == risk);
    let data = "data changes in a way that going back does not undo";
    let reconnect = "open WebSockets reconnect; requests wait, none is lost";
    match (has(Risk::Data), has(Risk::Reconnect)) {
        (false, false) => "People who use the site will notice nothing.".to_owned(),
        (false, true) => format!("{} What people will notice: {reconnect}.", style.yellow("▲")),
        (true, false) => format!("{} What people may notice: {data}.", style.yellow("▲")),
        (true, true) => format!("{} What people will notice: {reconnect}; {data}.", style.yellow("▲")),
    }
}

fn changed_files(plan: &Plan) -> usize {
    let paths = plan.steps.iter().filter_map(|step| match (&step.diff, &step.action) {
        (Some(diff), _) => Some(diff.path.as_str()),
        (None, Action::RemoveFile { path, .. }) => Some(path.as_str()),
        (None, _) => None,
    });
    paths.collect::<BTreeSet<_>>().len()
}

#[cfg(test)]
mod tests;
