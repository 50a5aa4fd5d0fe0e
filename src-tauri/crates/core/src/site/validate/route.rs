//! How URLs map to processes and files.

use std::collections::BTreeSet;

use super::Rule;
use crate::site::findings::Findings;
use crate::site::model::{Affinity, Process, Route, RuntimeKind, Site};
use crate::site::place::at;
use crate::site::text::Name;
use crate::site::words::{listed, nearest, quoted};

pub(super) const RULES: &[Rule] = &[
    Rule { reads: &["route", "process", "runtime"], check: something_is_served },
    Rule { reads: &["route"], check: one_target },
    Rule { reads: &["route", "process"], check: targets_exist },
    Rule { reads: &["route"], check: duplicates },
    Rule { reads: &["route"], check: keys_fit_target },
    Rule { reads: &["route"], check: headers },
    Rule { reads: &["route", "process", "affinity"], check: websocket_affinity },
];

fn something_is_served(site: &Site, findings: &mut Findings<'_>) {
    if !site.route.is_empty() {
        return;
    }
    let names = || site.process.iter().filter(|(_, p)| p.port.is_some()).map(|(name, _)| Name::as_str(name));
    match (site.runtime.kind, site.process.get("web")) {
        (RuntimeKind::Static, _) => {
            let hint = "add `[[route]]` with `files = \".\"`, or `spa = \"build\"` for a single-page application";
            findings.error(
                &at!["runtime", "kind"],
                "a static site needs a route that says which files are served",
                hint,
            );
        }
        (_, Some(web)) if web.port.is_some() => {}
        (_, Some(_)) => {
            let hint = "add `port = 8000` to `[process.web]`, or a `[[route]]` that says what is served";
            findings.error(
                &at!["process", "web"],
                "nothing is served: there is no route, and the process `web` has no `port`",
                hint,
            );
        }
        (_, None) => {
            let hint = match names().next() {
                Some(other) => format!("add `[[route]]` with `to = \"{other}\"`, or call that process `web`"),
                None => "add `[process.web]` with a `port`, or a `[[route]]` that says what is served".to_owned(),
            };
            findings.error(&at!["process"], "nothing is served: there is no route and no process `web`", hint);
        }
    }
}

fn targets(route: &Route) -> Vec<&'static str> {
    [
        ("to", route.to.is_some()),
        ("files", route.files.is_some()),
        ("spa", route.spa.is_some()),
        ("redirect", route.redirect.is_some()),
    ]
    .into_iter()
    .filter_map(|(key, given)| given.then_some(key))
    .collect()
}

fn one_target(site: &Site, findings: &mut Findings<'_>) {
    for (index, route) in site.route.iter().enumerate() {
        match targets(route).as_slice() {
            [_] => {}
            [] => {
                let hint =
                    "add one of `to = \"web\"`, `files = \"static\"`, `spa = \"build\"` and `redirect = \"https://…\"`";
                findings.error(&at!["route", index], format!("the route `{}` leads nowhere", route.path), hint);
            }
            several => {
                let message = format!("the route `{}` has {}", route.path, listed(several.iter().copied(), 4));
                findings.error(&at!["route", index], message, "keep one of them");
            }
        }
    }
}

fn targets_exist(site: &Site, findings: &mut Findings<'_>) {
    for (index, route) in site.route.iter().enumerate() {
        let Some(to) = &route.to else { continue };
        let path = at!["route", index, "to"];
        match site.process.get(to) {
            None => {
                let names = || site.process.keys().map(Name::as_str);
                let hint = match nearest(to, names()) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None if site.process.is_empty() => format!("add `[process.{to}]`"),
                    None => format!("the processes are {}", listed(names(), 12)),
                };
                findings.error(&path, format!("there is no process `{to}`"), hint);
            }
            Some(process) if process.port.is_none() => {
                let message = format!("the process `{to}` serves nothing: it has no `port`");
                findings.error(&path, message, format!("add `port = 8000` to `[process.{to}]`"));
            }
            Some(_) => {}
        }
    }
}

fn duplicates(site: &Site, findings: &mut Findings<'_>) {
    let mut seen = BTreeSet::new();
    for (index, route) in site.route.iter().enumerate() {
        if !seen.insert((&route.path, route.exact)) {
            let message = format!("there is another route for `{}`", route.path);
            findings.error(&at!["route", index], message, "keep one of them, or give one another `path`");
        }
    }
}

fn keys_fit_target(site: &Site, findings: &mut Findings<'_>) {
    for (index, route) in site.route.iter().enumerate() {
        let files = route.files.is_some() || route.spa.is_some();
        let misfits = [
            ("websocket", route.websocket && route.to.is_none(), "a route to a process"),
            ("timeout", route.timeout.is_some() && route.to.is_none(), "a route to a process"),
            ("body", route.body.is_some() && route.to.is_none(), "a route to a process"),
            ("cache", route.cache.is_some() && !files, "a route to files"),
        ];
        if targets(route).len() == 1 {
            for (key, _, what) in misfits.into_iter().filter(|(_, misfit, _)| *misfit) {
                findings.error(&at!["route", index, key], format!("`{key}` is for {what}"), "remove it");
            }
        }
        if route.exact && route.spa.is_some() {
            findings.error(
                &at!["route", index, "exact"],
                "a single-page application answers every path below its own",
                "remove it",
            );
        }
        if let Some(redirect) = &route.redirect {
            let shape = redirect.starts_with("https://") || redirect.starts_with("http://");
            let local = redirect.starts_with('/') && !redirect.starts_with("//");
            let characters = redirect.chars().all(|c| c.is_ascii_graphic() && !"\"'\\<>{}|^`;$".contains(c));
            if !(shape || local) || !characters || redirect.ends_with("://") {
                let hint = "write a URL such as `https://example.com/` or a path such as `/new`";
                findings.error(&at!["route", index, "redirect"], format!("{} is not a URL", quoted(redirect)), hint);
            } else if local && *redirect == *route.path {
                findings.error(&at!["route", index, "redirect"], "the route redirects to itself", "");
            }
        }
    }
}

/// Headers of the connection and of the message's framing (RFC 9110 section 7.6.1, RFC 9112 section 6), which nginx sets.
const FRAMING: &[&str] =
    &["connection", "content-length", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"];

fn headers(site: &Site, findings: &mut Findings<'_>) {
    for (index, route) in site.route.iter().enumerate() {
        for (name, value) in &route.headers {
            let path = at!["route", index, "headers", name.as_str()];
            // RFC 9110 section 5.6.2 (token) and 5.5 (field values).
            let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
            if name.is_empty() || name.len() > 128 || !name.chars().all(token) {
                findings.error(
                    &path,
                    format!("{} is not the name of a header", quoted(name)),
                    "write it without colon, as in `Referrer-Policy`",
                );
            } else if FRAMING.contains(&name.to_ascii_lowercase().as_str()) {
                findings.error(&path, format!("nginx sets the header {} itself", quoted(name)), "remove it");
            }
            if value.chars().any(|c| c.is_control() && c != '\t') {
                findings.error(
                    &path,
                    format!("the value of the header {} holds a line break or control character", quoted(name)),
                    "write it in one line",
                );
            }
        }
    }
}

/// Long polling spreads one client's connection over several requests, which must meet the same process.
fn websocket_affinity(site: &Site, findings: &mut Findings<'_>) {
    let mut seen = BTreeSet::new();
    for (index, route) in site.route.iter().enumerate().filter(|(_, route)| route.websocket) {
        let Some((name, process)) = route.to.as_ref().and_then(|to| site.process.get_key_value(to)) else { continue };
        if !seen.insert(name) {
            continue;
        }
        if process.instances > 1 && site.affinity == Affinity::None {
            let message =
                format!("`{name}` has {} instances, and nothing keeps a client on one of them", process.instances);
            let hint = "add `affinity = \"cookie\"` at the top: Socket.IO and NiceGUI need it as soon as they fall back to long polling";
            findings.warning(&at!["route", index, "websocket"], message, hint);
        }
        workers(name, process, findings);
    }
}

fn workers(name: &Name, process: &Process, findings: &mut Findings<'_>) {
    if let Some(gunicorn) = process.gunicorn.as_ref().filter(|gunicorn| gunicorn.workers > 1) {
        let message = format!(
            "{} workers share one socket, and nothing keeps a WebSocket client on one of them",
            gunicorn.workers
        );
        let hint = "use `workers = 1` and more `instances` with `affinity = \"cookie\"`: Socket.IO does not work with several workers";
        findings.warning(&at!["process", name.as_str(), "gunicorn", "workers"], message, hint);
    }
}
