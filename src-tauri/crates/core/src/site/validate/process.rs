//! Long-running processes: what they run, their ports, what they may use.

use std::ops::RangeInclusive;

use super::Rule;
use super::naming::SYSTEMD;
use super::runtime::{argv, is_module};
use crate::site::findings::Findings;
use crate::site::model::{Gunicorn, Listen, Process, RuntimeKind, Site};
use crate::site::place::at;
use crate::site::placeholder::placeholders;
use crate::site::text::Name;
use crate::site::words::{listed, nearest, quoted};

pub(super) const RULES: &[Rule] = &[
    Rule { reads: &["process"], check: command_or_gunicorn },
    Rule { reads: &["process"], check: command_placeholders },
    Rule { reads: &["process", "runtime"], check: own_port },
    Rule { reads: &["process"], check: port_ranges },
    Rule { reads: &["process", "runtime"], check: gunicorn_runtime },
    Rule { reads: &["process"], check: gunicorn_settings },
    Rule { reads: &["process"], check: units },
    Rule { reads: &["process"], check: bounds },
];

/// How far the second set of ports is above the first.
pub(crate) const SECOND_SET: u32 = 1000;

const PLACEHOLDERS: &[&str] = &["port", "instance", "release", "shared"];

fn each(site: &Site) -> impl Iterator<Item = (&str, &Process)> {
    site.process.iter().map(|(name, process)| (Name::as_str(name), process))
}

fn command_or_gunicorn(site: &Site, findings: &mut Findings<'_>) {
    for (name, process) in each(site) {
        match (process.command.is_empty(), &process.gunicorn) {
            (true, None) => {
                let hint = "add `command = [\"program\", \"argument\"]`, or a table `gunicorn`";
                findings.error(&at!["process", name], format!("process `{name}` does not say what to run"), hint);
            }
            (false, Some(_)) => {
                let message = format!("process `{name}` has both `command` and `gunicorn`");
                findings.error(
                    &at!["process", name, "command"],
                    message,
                    "keep one of them: under `gunicorn`, Slipway writes the command",
                );
            }
            (false, None) => argv(&process.command, &at!["process", name, "command"], findings),
            (true, Some(_)) => {}
        }
    }
}

fn command_placeholders(site: &Site, findings: &mut Findings<'_>) {
    for (name, process) in each(site) {
        for (index, word) in process.command.iter().enumerate() {
            let path = at!["process", name, "command", index];
            for placeholder in placeholders(word) {
                let known = PLACEHOLDERS.contains(&placeholder);
                match nearest(placeholder, PLACEHOLDERS.iter().copied()) {
                    _ if known && placeholder == "port" && process.port.is_none() => {
                        let message = format!("`{{port}}` is used, but process `{name}` has no `port`");
                        findings.error(&path, message, "add `port = 8000`, or another free port");
                    }
                    _ if known => {}
                    Some(meant) => {
                        let message = format!("there is no placeholder `{{{placeholder}}}`");
                        findings.error(&path, message, format!("did you mean `{{{meant}}}`?"));
                    }
                    None => {
                        let message = format!("there is no placeholder `{{{placeholder}}}`");
                        let hint = format!(
                            "there are `{{port}}`, `{{instance}}`, `{{release}}` and `{{shared}}`; write `{{{{{placeholder}}}}}` for the text itself"
                        );
                        findings.error(&path, message, hint);
                    }
                }
            }
        }
    }
}

/// Whether the program is told `{port}`, or something that may have been meant for it and is reported already.
fn passes_port(process: &Process) -> bool {
    let texts = process.command.iter().chain(process.environment.values());
    let mut names = texts.flat_map(|text| placeholders(text));
    names.any(|name| name == "port" || nearest(name, PLACEHOLDERS.iter().copied()) == Some("port"))
}

fn own_port(site: &Site, findings: &mut Findings<'_>) {
    for (name, process) in each(site).filter(|(_, process)| process.gunicorn.is_none()) {
        let passes = passes_port(process);
        match (process.listen, process.port) {
            (Listen::Port, None) => {
                let message = format!("process `{name}` is to open a port, but has no `port`");
                findings.error(&at!["process", name, "listen"], message, "add `port = 8000`, or another free port");
            }
            // Programs for Node.js read PORT as a rule.
            (Listen::Port, Some(_)) if !passes && site.runtime.kind != RuntimeKind::Node => {
                let message =
                    format!("process `{name}` opens its port itself, but its command does not name `{{port}}`");
                let hint =
                    "two sets of ports are used in turn: pass `{port}` on, unless the program reads the variable PORT";
                findings.warning(&at!["process", name, "listen"], message, hint);
            }
            (Listen::Socket, Some(_)) if passes => {
                let message = format!("process `{name}` seems to open `{{port}}` itself, but systemd holds it already");
                let hint = "add `listen = \"port\"`, or let the program take over the socket (uvicorn: `--fd 3`)";
                findings.warning(&at!["process", name, "port"], message, hint);
            }
            (Listen::Port | Listen::Socket, _) => {}
        }
    }
}

/// Every range of ports that a process takes: its instances', and the second set of those that open theirs themselves.
fn ranges(process: &Process) -> Vec<RangeInclusive<u32>> {
    let Some(first) = process.port.map(u32::from) else { return Vec::new() };
    let last = first + process.instances.saturating_sub(1);
    match process.listen {
        Listen::Socket => vec![first..=last],
        Listen::Port => vec![first..=last, first + SECOND_SET..=last + SECOND_SET],
    }
}

fn port_ranges(site: &Site, findings: &mut Findings<'_>) {
    let mut taken: Vec<(&str, RangeInclusive<u32>)> = Vec::new();
    for (name, process) in each(site) {
        let path = at!["process", name, "port"];
        let mine = ranges(process);
        if let Some(last) = mine.iter().map(|range| *range.end()).max().filter(|last| *last > 65_535) {
            let message = format!("process `{name}` would need port {last}, and 65535 is the last");
            let second =
                if process.listen == Listen::Port { "; the second set of ports is 1000 above the first" } else { "" };
            findings.error(&path, message, format!("start lower{second}"));
        }
        for range in mine {
            let clash = taken.iter().find(|(_, other)| range.start() <= other.end() && other.start() <= range.end());
            if let Some((other, theirs)) = clash.filter(|(other, _)| *other != name) {
                let message = format!(
                    "ports {} of process `{name}` overlap those of process `{other}` ({})",
                    shown(&range),
                    shown(theirs)
                );
                let hint = match process.listen {
                    Listen::Port => "each instance takes one port, and a second one 1000 above it",
                    Listen::Socket => "each instance takes one port",
                };
                findings.error(&path, message, hint);
            }
            taken.push((name, range));
        }
    }
}

fn shown(range: &RangeInclusive<u32>) -> String {
    let (start, end) = (range.start(), range.end());
    if start == end { start.to_string() } else { format!("{start} to {end}") }
}

fn gunicorn_runtime(site: &Site, findings: &mut Findings<'_>) {
    for (name, process) in each(site).filter(|(_, process)| process.gunicorn.is_some()) {
        if site.runtime.kind != RuntimeKind::Python {
            let hint = "write `kind = \"python\"` in `[runtime]`";
            findings.error(&at!["process", name, "gunicorn"], "gunicorn needs the runtime python", hint);
        }
        if process.port.is_none() {
            let message = format!("process `{name}` runs under gunicorn, but has no `port`");
            findings.error(&at!["process", name, "gunicorn"], message, "add `port = 8000`, or another free port");
        }
    }
}

const WORKER_CLASSES: &[&str] = &["sync", "gthread", "gevent", "eventlet", "tornado"];

fn gunicorn_settings(site: &Site, findings: &mut Findings<'_>) {
    for (name, process) in each(site) {
        let Some(gunicorn) = &process.gunicorn else { continue };
        application(name, gunicorn, findings);
        let class = gunicorn.worker_class.as_str();
        let dotted = class.contains('.') && is_module(class);
        if !dotted && !WORKER_CLASSES.contains(&class) {
            let hint = match nearest(class, WORKER_CLASSES.iter().copied()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!(
                    "it is one of {}, or a dotted path such as `uvicorn.workers.UvicornWorker`",
                    listed(WORKER_CLASSES.iter().copied(), 9)
                ),
            };
            findings.error(
                &at!["process", name, "gunicorn", "worker_class"],
                format!("{} is not a worker class", quoted(class)),
                hint,
            );
        }
        if gunicorn.threads.is_some_and(|threads| threads > 1) && matches!(class, "gevent" | "eventlet" | "tornado") {
            let message = format!("`threads` means nothing to {class} workers");
            findings.warning(
                &at!["process", name, "gunicorn", "threads"],
                message,
                "set `worker_connections` instead, or remove it",
            );
        }
        if gunicorn.worker_connections.is_some() && class == "sync" {
            let hint = "remove it, or choose another worker class";
            findings.warning(
                &at!["process", name, "gunicorn", "worker_connections"],
                "`worker_connections` means nothing to sync workers",
                hint,
            );
        }
    }
}

/// `module:callable` or `module:factory(…)` (gunicorn's documentation, "Running Gunicorn").
fn application(name: &str, gunicorn: &Gunicorn, findings: &mut Findings<'_>) {
    let app = gunicorn.app.as_str();
    let (module, callable) = app.split_once(':').unwrap_or((app, "application"));
    let callable_starts = callable.starts_with(|c: char| c.is_alphabetic() || c == '_');
    let balanced = !callable.contains('(') || callable.ends_with(')');
    if !is_module(module) || !callable_starts || !balanced || app.chars().any(char::is_control) {
        let message = format!("{} is not a WSGI application", quoted(app));
        findings.error(
            &at!["process", name, "gunicorn", "app"],
            message,
            "write module and callable, as in `wsgi:application` or `app:create_app()`",
        );
    }
}

/// Unit types of systemd.unit(5) that a process can have use for before it starts.
const UNIT_TYPES: &[&str] = &["service", "socket", "target", "mount", "automount", "path", "device"];
/// Those of systemd's own units that stand for something to wait for. What is named is started, too: any other would do
/// something to the host itself.
const MILESTONES: &[&str] = &[
    "local-fs.target",
    "network.target",
    "network-online.target",
    "nss-lookup.target",
    "nss-user-lookup.target",
    "remote-fs.target",
    "time-set.target",
    "time-sync.target",
];

fn units(site: &Site, findings: &mut Findings<'_>) {
    for (name, process) in each(site) {
        for (index, unit) in process.after.iter().enumerate() {
            let place = at!["process", name, "after", index];
            let (stem, kind) = unit.rsplit_once('.').unwrap_or((unit.as_str(), ""));
            let characters = |text: &str| {
                !text.is_empty()
                    && text.len() <= 200
                    && text.chars().all(|c| c.is_ascii_alphanumeric() || ":-_.\\@".contains(c))
            };
            if !characters(stem) || stem.starts_with('-') || !UNIT_TYPES.contains(&kind) {
                let hint = if characters(unit) && !unit.starts_with('-') && !unit.contains('.') {
                    format!("write `{unit}.service`")
                } else {
                    "write the whole name, for example `redis.service`".to_owned()
                };
                findings.error(&place, format!("{} is not the name of a unit", quoted(unit)), hint);
                continue;
            }
            // An instance is one of its template: `getty@tty1.service`.
            let template = stem.split('@').next().unwrap_or(stem);
            let own = SYSTEMD.contains(&template) || template.starts_with("systemd-");
            if own && !MILESTONES.contains(&unit.as_str()) {
                findings.error(
                    &place,
                    format!("{} belongs to systemd itself: it would be started with the process", quoted(unit)),
                    format!(
                        "name what the process needs, such as `redis.service`, or one of {}",
                        listed(MILESTONES.iter().copied(), 9)
                    ),
                );
            }
        }
    }
}

fn bounds(site: &Site, findings: &mut Findings<'_>) {
    const LEAST_MEMORY: u64 = 32 << 20;
    for (name, process) in each(site) {
        let memory = process.resources.memory.as_ref();
        if let Some(memory) = memory.filter(|memory| memory.bytes() < LEAST_MEMORY) {
            let message = format!("{memory} of memory is too little for any process");
            findings.error(
                &at!["process", name, "resources", "memory"],
                message,
                "write a size such as `512M`, or remove it",
            );
        }
        let spans = [("start_timeout", &process.start_timeout), ("stop_timeout", &process.stop_timeout)];
        for (key, _) in spans.into_iter().filter(|(_, span)| span.as_ref().is_some_and(|span| span.seconds() == 0)) {
            findings.error(
                &at!["process", name, key],
                format!("`{key}` is zero: systemd takes that for no limit"),
                "write a time such as `30s`, or remove it",
            );
        }
        let Some(gunicorn) = &process.gunicorn else { continue };
        if gunicorn.timeout.as_ref().is_some_and(|timeout| timeout.seconds() == 0) {
            let hint = "write a time such as `120s`; a worker that hangs would never be replaced";
            findings.warning(&at!["process", name, "gunicorn", "timeout"], "a timeout of zero is none", hint);
        }
    }
}
