//! Environment variables: values that systemd can carry, names that are given once, secrets in the wrong place.

use std::collections::BTreeMap;

use super::Rule;
use crate::site::findings::Findings;
use crate::site::model::Site;
use crate::site::place::{KeyPath, at};
use crate::site::placeholder::placeholders;
use crate::site::text::EnvName;

pub(super) const RULES: &[Rule] = &[
    Rule { reads: &["environment", "process", "build"], check: values },
    Rule { reads: &["environment", "process"], check: values_like_secrets },
    Rule { reads: &["environment", "secret", "secret_file", "config_file", "shared", "logs"], check: given_once },
    Rule { reads: &["process", "secret"], check: process_against_secret },
    Rule { reads: &["environment", "process", "secret"], check: own_variables },
    Rule { reads: &["environment", "process"], check: loader_variables },
];

/// All plain variables with their places.
fn all(site: &Site) -> Vec<(KeyPath, &EnvName, &String)> {
    let global = site.environment.iter().map(|(name, value)| (at!["environment", name.as_str()], name, value));
    let processes = site.process.iter().flat_map(|(process, settings)| {
        let of = move |name: &EnvName| at!["process", process.as_str(), "environment", name.as_str()];
        settings.environment.iter().map(move |(name, value)| (of(name), name, value))
    });
    let builds = site.build.iter().enumerate().flat_map(|(index, step)| {
        let of = move |name: &EnvName| at!["build", index, "environment", name.as_str()];
        step.environment.iter().map(move |(name, value)| (of(name), name, value))
    });
    global.chain(processes).chain(builds).collect()
}

fn values(site: &Site, findings: &mut Findings<'_>) {
    for (path, name, value) in all(site) {
        if let Some(bad) = value.chars().find(|c| c.is_control() && *c != '\t') {
            let what = match bad {
                '\0' => "a NUL character, which no variable can".to_owned(),
                '\n' | '\r' => "a line break, which would split it in the environment file".to_owned(),
                other => format!("the control character {}", other.escape_unicode()),
            };
            let hint = "put documents into a file: `[config_file.\"…\"]`, or `[secret_file.\"…\"]` for keys";
            findings.error(&path, format!("the value of `{name}` holds {what}"), hint);
        }
    }
}

fn values_like_secrets(site: &Site, findings: &mut Findings<'_>) {
    for (path, name, value) in all(site) {
        if names_a_secret(name) && could_be_a_secret(value) {
            let hint =
                format!("remove it and add `[secret.{name}]`: the value then lives in the keyring, not in this file");
            findings.warning(&path, format!("`{name}` looks like a secret"), hint);
        }
    }
}

fn names_a_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let ends = ["_KEY", "_SECRET", "_TOKEN", "_PASSWORD", "_PASSWD", "_PASS", "_CREDENTIALS"];
    let public = ["PUBLIC", "SITE_KEY", "KEY_ID", "_FILE", "_PATH", "_DIR", "_URL", "_NAME", "_EXPIRY", "_LENGTH"];
    let found = name.contains("SECRET")
        || name.contains("PASSWORD")
        || name.contains("TOKEN")
        || ends.iter().any(|e| name.ends_with(e));
    found && !public.iter().any(|word| name.contains(word))
}

/// Numbers, truth values, paths, single short words and placeholders are settings rather than secrets.
fn could_be_a_secret(value: &str) -> bool {
    let plain = ["", "true", "false", "yes", "no", "on", "off", "none", "lax", "strict"];
    let path = value.starts_with('/') || value.starts_with("./") || value.starts_with('{');
    !plain.contains(&value.to_ascii_lowercase().as_str()) && value.parse::<f64>().is_err() && !path
}

fn given_once(site: &Site, findings: &mut Findings<'_>) {
    let mut given: BTreeMap<&EnvName, KeyPath> = BTreeMap::new();
    let plain = site.environment.keys().map(|name| (name, at!["environment", name.as_str()]));
    let secret = site.secret.keys().map(|name| (name, at!["secret", name.as_str()]));
    let secret_file = site
        .secret_file
        .iter()
        .filter_map(|(p, f)| f.env.as_ref().map(|env| (env, at!["secret_file", p.as_str(), "env"])));
    let config_file = site
        .config_file
        .iter()
        .filter_map(|(p, f)| f.env.as_ref().map(|env| (env, at!["config_file", p.as_str(), "env"])));
    let shared =
        site.shared.iter().filter_map(|(p, d)| d.env.as_ref().map(|env| (env, at!["shared", p.as_str(), "env"])));
    let logs = site.logs.env.iter().map(|env| (env, at!["logs", "env"]));
    for (name, path) in plain.chain(secret).chain(secret_file).chain(config_file).chain(shared).chain(logs) {
        if let Some(first) = given.get(name) {
            let message = format!("the variable `{name}` is given by `{first}` already");
            findings.error(&path, message, "keep one of them, or give one another name");
        } else {
            given.insert(name, path);
        }
    }
}

fn process_against_secret(site: &Site, findings: &mut Findings<'_>) {
    for (process, settings) in &site.process {
        for name in settings.environment.keys().filter(|name| site.secret.contains_key(*name)) {
            let path = at!["process", process.as_str(), "environment", name.as_str()];
            findings.error(&path, format!("the variable `{name}` is a secret already"), "keep one of them");
        }
    }
}

/// Rendering sets these itself, differently for each instance.
fn own_variables(site: &Site, findings: &mut Findings<'_>) {
    let without_port = |path: &KeyPath| {
        let mut processes = site.process.iter().filter(|(_, process)| process.port.is_none());
        processes.any(|(name, _)| path.segments().starts_with(at!["process", name.as_str()].segments()))
    };
    let fixed = all(site).into_iter().filter(|(path, _, value)| placeholders(value).is_empty() && !without_port(path));
    let plain = fixed.map(|(path, name, _)| (path, name));
    let secret = site.secret.keys().map(|name| (at!["secret", name.as_str()], name));
    for (path, name) in plain.chain(secret) {
        let in_build = path.segments().first() == Some(&"build".into());
        if !in_build && matches!(name.as_str(), "PORT" | "INSTANCE") {
            let hint = "remove it; the port is `port` of the process, and `{port}` in its command";
            findings.error(&path, format!("Slipway sets `{name}` itself, for each instance"), hint);
        }
    }
}

/// Variables of ld.so(8) and of the interpreters that would load other code than the release's.
fn loader_variables(site: &Site, findings: &mut Findings<'_>) {
    let loaders = ["PATH", "LD_PRELOAD", "LD_LIBRARY_PATH", "PYTHONHOME", "VIRTUAL_ENV"];
    for (path, name, _) in all(site) {
        let in_build = path.segments().first() == Some(&"build".into());
        if !in_build && loaders.contains(&name.as_str()) {
            let hint = "remove it: Slipway sets up the release's own environment";
            findings.warning(&path, format!("`{name}` changes which code the release runs"), hint);
        }
    }
}
