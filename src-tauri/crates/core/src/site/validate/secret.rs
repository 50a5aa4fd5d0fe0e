//! Secrets: how they are made, and that every reference leads to one.

use serde_json::Value;

use super::Rule;
use crate::site::findings::Findings;
use crate::site::model::{Generator, Site};
use crate::site::place::{KeyPath, at};
use crate::site::text::{EnvName, check_format};
use crate::site::words::{nearest, quoted};

pub(super) const RULES: &[Rule] = &[
    Rule { reads: &["secret"], check: generation },
    Rule { reads: &["secret", "source"], check: deploy_key },
    Rule { reads: &["secret", "tls"], check: tls_key },
    Rule { reads: &["secret", "access"], check: passwords },
    Rule { reads: &["secret", "build", "runtime"], check: builds },
    Rule { reads: &["secret", "config_file"], check: documents },
    Rule { reads: &["secret", "source", "tls"], check: keys_are_not_generated },
];

fn generation(site: &Site, findings: &mut Findings<'_>) {
    for (name, source) in &site.secret {
        let path = at!["secret", name.as_str(), "length"];
        match (source.generate, source.length) {
            (None, Some(_)) => {
                let hint = "add `generate = \"hex\"`, or remove it";
                findings.error(&path, "`length` means nothing when the operator supplies the secret", hint);
            }
            (Some(Generator::Fernet), Some(_)) => {
                findings.warning(
                    &path,
                    "`length` means nothing to a Fernet key, which always has 32 bytes",
                    "remove it",
                );
            }
            (Some(Generator::Hex | Generator::Base64 | Generator::Password), Some(length)) if length < 16 => {
                let message = format!("a secret of length {length} can be guessed");
                findings.warning(&path, message, "write 16 or more, or remove it: the default is 32");
            }
            (Some(_) | None, _) => {}
        }
    }
}

fn must_exist(site: &Site, name: &EnvName, path: &KeyPath, findings: &mut Findings<'_>) {
    if !site.secret.contains_key(name) {
        let hint = match nearest(name, site.secret.keys().map(EnvName::as_str)) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("add `[secret.{name}]`"),
        };
        findings.error(path, format!("there is no secret `{name}`"), hint);
    }
}

fn deploy_key(site: &Site, findings: &mut Findings<'_>) {
    if let Some(name) = &site.source.deploy_key {
        must_exist(site, name, &at!["source", "deploy_key"], findings);
    }
}

fn tls_key(site: &Site, findings: &mut Findings<'_>) {
    if let Some(name) = &site.tls.key {
        must_exist(site, name, &at!["tls", "key"], findings);
    }
}

fn passwords(site: &Site, findings: &mut Findings<'_>) {
    for (user, name) in &site.access.basic {
        must_exist(site, name, &at!["access", "basic", user.as_str()], findings);
    }
}

fn builds(site: &Site, findings: &mut Findings<'_>) {
    for (index, name) in site.runtime.secrets.iter().enumerate() {
        must_exist(site, name, &at!["runtime", "secrets", index], findings);
    }
    for (number, step) in site.build.iter().enumerate() {
        for (index, name) in step.secrets.iter().enumerate() {
            must_exist(site, name, &at!["build", number, "secrets", index], findings);
        }
    }
}

fn keys_are_not_generated(site: &Site, findings: &mut Findings<'_>) {
    for name in site.source.deploy_key.iter().chain(&site.tls.key) {
        if site.secret.get(name).is_some_and(|source| source.generate.is_some()) {
            let hint = "remove `generate`; the operator supplies it with `slipway secret set`";
            findings.error(
                &at!["secret", name.as_str(), "generate"],
                format!("`{name}` is used as a private key, which is not a random text"),
                hint,
            );
        }
    }
}

fn documents(site: &Site, findings: &mut Findings<'_>) {
    for (file, config) in &site.config_file {
        document(site, &config.json, &mut at!["config_file", file.as_str(), "json"], findings);
    }
}

fn document(site: &Site, value: &Value, path: &mut KeyPath, findings: &mut Findings<'_>) {
    match value {
        Value::String(text) => references(site, text, path, findings),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                path.push(index);
                document(site, item, path, findings);
                path.pop();
            }
        }
        Value::Object(entries) => {
            for (key, item) in entries {
                path.push(key.as_str());
                document(site, item, path, findings);
                path.pop();
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn references(site: &Site, text: &str, path: &KeyPath, findings: &mut Findings<'_>) {
    for reference in text.split("{secret:").skip(1) {
        let name = reference.split_once('}').map(|(name, _)| name);
        match name.filter(|name| check_format("slipway:env-name", name).is_ok()).map(|name| name.to_owned().try_into())
        {
            Some(Ok(name)) => must_exist(site, &name, path, findings),
            Some(Err(_)) | None => {
                let message = format!("{} does not name a secret", quoted(&format!("{{secret:{reference}")));
                findings.error(path, message, "write `{secret:NAME}`");
            }
        }
    }
}
