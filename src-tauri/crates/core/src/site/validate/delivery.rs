//! Limits, access, health, logs, releases and the directories and files that go with a release.

use std::collections::BTreeMap;

use super::Rule;
use crate::site::findings::Findings;
use crate::site::model::Site;
use crate::site::place::{KeyPath, at};
use crate::site::words::quoted;

pub(super) const RULES: &[Rule] = &[
    Rule { reads: &["limits"], check: limits },
    Rule { reads: &["access"], check: basic_users },
    Rule { reads: &["health"], check: health },
    Rule { reads: &["logs"], check: logs },
    Rule { reads: &["shared", "config_file", "secret_file"], check: one_thing_per_path },
    Rule { reads: &["shared"], check: files_stay_for_a_while },
    Rule { reads: &["config_file"], check: documents },
    Rule { reads: &["secret", "secret_file"], check: secrets_by_one_name },
];

fn limits(site: &Site, findings: &mut Findings<'_>) {
    let limits = &site.limits;
    let numbers = [
        ("requests_per_minute", limits.requests_per_minute == Some(0)),
        ("connections", limits.connections == Some(0)),
        ("body", limits.body.as_ref().is_some_and(|body| body.bytes() == 0)),
    ];
    for (key, _) in numbers.into_iter().filter(|(_, zero)| *zero) {
        let what = if key == "body" { "bodies of any size" } else { "any number" };
        findings.warning(
            &at!["limits", key],
            format!("`{key}` is 0, which lets {what} through"),
            "write a limit, or remove it",
        );
    }
    if limits.burst.is_some() && limits.requests_per_minute.is_none_or(|rate| rate == 0) {
        findings.warning(
            &at!["limits", "burst"],
            "`burst` means nothing without `requests_per_minute`",
            "add a rate, or remove it",
        );
    }
}

fn basic_users(site: &Site, findings: &mut Findings<'_>) {
    for user in site.access.basic.keys() {
        // RFC 7617 section 2: the first colon ends the user's name. nginx's password file has a user per line.
        if user.is_empty() || user.len() > 255 || user.contains(':') || user.chars().any(|c| c.is_control() || c == '#')
        {
            let message = format!("{} cannot be the name of a user", quoted(user));
            findings.error(
                &at!["access", "basic", user.as_str()],
                message,
                "write a name without colon, hash or control character",
            );
        }
    }
}

fn health(site: &Site, findings: &mut Findings<'_>) {
    let health = &site.health;
    if health.path.is_none() {
        let given = [("status", health.status.is_some()), ("json", !health.json.is_empty())];
        for (key, _) in given.into_iter().filter(|(_, given)| *given) {
            let hint = "add `path = \"/health\"` to `[health]`";
            findings.error(&at!["health", key], format!("`{key}` is about an answer, but no `path` is asked"), hint);
        }
    }
    for (pointer, value) in &health.json {
        if value.is_array() || value.is_object() {
            let path = at!["health", "json", pointer.as_str()];
            findings.error(
                &path,
                "an answer is compared with a string, a number or a truth value",
                "point at a single value, or write `\"*\"` for any",
            );
        }
    }
    let spans = [("timeout", &health.timeout), ("start_within", &health.start_within)];
    for (key, _) in spans.into_iter().filter(|(_, span)| span.as_ref().is_some_and(|span| span.seconds() == 0)) {
        findings.error(
            &at!["health", key],
            format!("nothing can answer when `{key}` is zero"),
            "write a time such as `5s`, or remove it",
        );
    }
    if let (Some(timeout), Some(within)) = (&health.timeout, &health.start_within)
        && timeout.seconds() > within.seconds()
        && within.seconds() > 0
    {
        let message = format!("one answer may take {timeout}, but everything must be healthy within {within}");
        findings.warning(&at!["health", "timeout"], message, "raise `start_within`, or lower `timeout`");
    }
}

fn logs(site: &Site, findings: &mut Findings<'_>) {
    let logs = &site.logs;
    if !logs.directory {
        let given = [("env", logs.env.is_some()), ("max_size", logs.max_size.is_some()), ("keep", logs.keep.is_some())];
        for (key, _) in given.into_iter().filter(|(_, given)| *given) {
            let hint = "add `directory = true`, or remove it";
            findings.error(
                &at!["logs", key],
                format!("`{key}` is about a log directory that the site does not have"),
                hint,
            );
        }
    }
    if logs.max_size.as_ref().is_some_and(|size| size.bytes() == 0) {
        findings.error(
            &at!["logs", "max_size"],
            "every file is larger than nothing",
            "write a size such as `100M`, or remove it",
        );
    }
}

/// Links, configuration files and secret files must not stand in each other's place.
fn one_thing_per_path(site: &Site, findings: &mut Findings<'_>) {
    let shared = site.shared.keys().map(|path| (path, at!["shared", path.as_str()]));
    let secret = site.secret_file.keys().map(|path| (path, at!["secret_file", path.as_str()]));
    let config = site.config_file.keys().map(|path| (path, at!["config_file", path.as_str()]));
    let links = site.shared.iter().filter_map(|(path, directory)| {
        directory.link.as_ref().map(|link| (link, at!["shared", path.as_str(), "link"]))
    });
    for (path, place) in shared.chain(secret).chain(config.clone()).chain(links.clone()) {
        if path.as_str() == "." {
            findings.error(&place, "`.` is the whole directory", "write the name of something in it");
        }
    }
    let mut taken: BTreeMap<&str, KeyPath> = BTreeMap::new();
    for (path, place) in config.chain(links) {
        let clash = taken.iter().find(|(other, _)| inside(path, other) || inside(other, path));
        if let Some((_, other)) = clash {
            findings.error(
                &place,
                format!("`{}` is taken by `{other}` already", path.as_str()),
                "give one of them another place",
            );
        }
        taken.insert(path, place);
    }
}

/// The clean-up comes once a day, and must not take what was written the same day.
fn files_stay_for_a_while(site: &Site, findings: &mut Findings<'_>) {
    for (path, directory) in &site.shared {
        if directory.keep.as_ref().is_some_and(|keep| keep.seconds() < 86_400) {
            findings.error(
                &at!["shared", path.as_str(), "keep"],
                "files would be removed on the day on which they are written",
                "write a day or more, such as `30d`, or remove it",
            );
        }
    }
}

fn inside(path: &str, directory: &str) -> bool {
    path == directory || path.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'))
}

fn documents(site: &Site, findings: &mut Findings<'_>) {
    for (file, config) in &site.config_file {
        if !config.json.is_object() && !config.json.is_array() {
            let path = at!["config_file", file.as_str(), "json"];
            findings.error(
                &path,
                "a configuration file holds an object or an array",
                "write its keys below `[config_file.\"…\".json]`",
            );
        }
    }
}

/// Both are kept in the keyring by their names.
fn secrets_by_one_name(site: &Site, findings: &mut Findings<'_>) {
    for path in site.secret_file.keys().filter(|path| site.secret.contains_key(path.as_str())) {
        let message = format!("there is a secret {} already", quoted(path));
        findings.error(
            &at!["secret_file", path.as_str()],
            message,
            "give the file another name, for example with an extension",
        );
    }
}
